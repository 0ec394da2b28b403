/**
 * How far a long job is: a line on stderr, several times a second, if somebody looks.
 *
 * @module
 */

import type { Io } from "./io.ts";

/** What is over after so long shows nothing, in milliseconds. */
const SHORT_MS = 1000;
/** How often it is shown, from then on. */
const SHOW_MS = 250;

/** The clock is looked at every so many rows: it costs more than a row. */
const LOOK_ROWS = 256;

/** A job over many rows, while it lasts. */
export class Progress implements Disposable {
  readonly #stderr: Io["stderr"];
  readonly #isSeen: boolean;
  readonly #doing: string;
  readonly #now: () => number;
  readonly #start: number;
  #next: number;
  #length = 0;

  /**
   * @param io Where it is shown.
   * @param doing What is done.
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
   * Shows how far it is, for who calls it at every row.
   *
   * @param rows How many are done.
   * @param so How many bytes they are, if that is known, and what part of the job that is, from 0
   * to 1.
   */
  at(rows: number, so: () => { readonly bytes?: number; readonly part: number }): void {
    if (!this.#isSeen || rows % LOOK_ROWS > 0) return;
    const now = this.#now();
    if (now < this.#next) return;
    this.#next = now + SHOW_MS;
    const { bytes, part } = so();
    const seconds = (now - this.#start) / 1000;
    const number = (n: number) => Math.round(n).toLocaleString("en");
    const text = [
      `${this.#doing} ${Math.floor(part * 100)} %`,
      `${number(rows)} rows`,
      ...(bytes === undefined ? [] : [`${(bytes / 1e6).toFixed(1)} MB`]),
      `${number(rows / seconds)} rows/s`,
      `${timeOf((seconds / part) * (1 - part))} left`,
    ].join(" · ");
    const { columns } = this.#stderr;
    const shown = text.length < columns ? text : text.slice(0, columns - 1);
    this.#stderr.write(`\r${shown.padEnd(this.#length)}`);
    this.#length = shown.length;
  }

  /** Takes it away again. */
  [Symbol.dispose](): void {
    if (this.#length > 0) this.#stderr.write(`\r${" ".repeat(this.#length)}\r`);
  }
}

/** Minutes and seconds. */
function timeOf(seconds: number): string {
  const whole = Math.ceil(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
