/**
 * The progress of a long job: a line on a terminal, several times a second.
 *
 * @module
 */

import type { Io } from "./io.ts";

/** A job that ends sooner shows nothing, in milliseconds. */
const SHORT_MS = 1000;
/** The time between two lines, in milliseconds. */
const SHOW_MS = 250;

/** Rows between two looks at the clock, which costs more than a row. */
const LOOK_ROWS = 256;

/** Shows the progress of a job over many rows until it is disposed of. */
export class Progress implements Disposable {
  readonly #stderr: Io["stderr"];
  readonly #isSeen: boolean;
  readonly #doing: string;
  readonly #now: () => number;
  readonly #start: number;
  #next: number;
  #length = 0;

  /**
   * @param io Where the line is shown.
   * @param doing What the job does, for example `importing`.
   * @param now The clock, in milliseconds.
   */
  constructor({ stderr }: Pick<Io, "stderr">, doing: string, now = () => performance.now()) {
    this.#stderr = stderr;
    this.#isSeen = stderr.isTerminal;
    this.#doing = doing;
    this.#now = now;
    this.#start = now();
    this.#next = this.#start + SHORT_MS;
  }

  /**
   * Shows the progress if it is time to. Callers call it at every row.
   *
   * @param rows How many rows are done.
   * @param done The part of the job that is done, from 0 to 1, and its bytes, if they are known.
   */
  at(rows: number, done: () => { readonly bytes?: number; readonly part: number }): void {
    if (!this.#isSeen || rows % LOOK_ROWS > 0) return;
    const now = this.#now();
    if (now < this.#next) return;
    this.#next = now + SHOW_MS;
    const { bytes, part } = done();
    const seconds = (now - this.#start) / 1000;
    const number = (n: number) => Math.round(n).toLocaleString("en");
    const text = [
      `${this.#doing} ${Math.floor(part * 100)} %`,
      `${number(rows)} rows`,
      ...(bytes === undefined ? [] : [`${(bytes / 1e6).toFixed(1)} MB`]),
      `${number(rows / seconds)} rows/s`,
      `${timeOf((seconds / part) * (1 - part))} left`,
    ].join(" · ");
    const shown = text.slice(0, this.#stderr.columns - 1);
    this.#stderr.write(`\r${shown.padEnd(this.#length)}`);
    this.#length = shown.length;
  }

  /** Removes the line. */
  [Symbol.dispose](): void {
    if (this.#length > 0) this.#stderr.write(`\r${" ".repeat(this.#length)}\r`);
  }
}

/** Seconds as `m:ss`. */
function timeOf(seconds: number): string {
  const whole = Math.ceil(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
