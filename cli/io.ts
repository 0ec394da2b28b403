/**
 * What a command reads from and writes to, so that tests can be its terminal.
 *
 * @module
 */

import { printable } from "../engine/text_width.ts";

/** Where text goes. */
export interface Output {
  /** Whether somebody looks at it. */
  readonly isTerminal: boolean;
  /** How many characters a line of the terminal has. */
  readonly columns: number;
  /** Writes all of `text`, or throws. */
  write(text: string): void;
}

/** The three streams of a process. */
export interface Io {
  /** Read where a file is called `-`. */
  readonly stdin: ReadableStream<Uint8Array>;
  /** Data. */
  readonly stdout: Output;
  /** Words. */
  readonly stderr: Output;
}

interface SyncWriter {
  writeSync(bytes: Uint8Array): number;
}

const ENCODER = new TextEncoder();

/** Text to a file or stream; a write may take only a part of it. */
export function writeText(to: SyncWriter, text: string): void {
  let rest = ENCODER.encode(text);
  while (rest.length > 0) rest = rest.subarray(to.writeSync(rest));
}

function output(stream: SyncWriter & { isTerminal(): boolean }): Output {
  return {
    get isTerminal() {
      return stream.isTerminal();
    },
    get columns() {
      return Deno.consoleSize().columns;
    },
    write: (text) => writeText(stream, text),
  };
}

/** The streams of this process. */
export function systemIo(): Io {
  return {
    get stdin() {
      return Deno.stdin.readable;
    },
    stdout: output(Deno.stdout),
    stderr: output(Deno.stderr),
  };
}

/** Tells people something, in lines that do nothing to a terminal but being read. */
export function say({ stderr }: Io, text: string): void {
  stderr.write(text.split("\n").map(printable).join("\n") + "\n");
}

/** Tells how far a long job is, several times a second, if somebody looks. */
export function progress({ stderr }: Io, doing: string): Disposable & { at(count: number): void } {
  let shown = performance.now();
  let length = 0;
  return {
    at(count) {
      // The clock costs more than a row.
      if (count % 1024 > 0 || !stderr.isTerminal || performance.now() - shown < 250) return;
      shown = performance.now();
      const text = `${doing} ${count.toLocaleString("en")} rows`;
      length = text.length;
      stderr.write(`\r${text}`);
    },
    [Symbol.dispose]() {
      if (length > 0) stderr.write(`\r${" ".repeat(length)}\r`);
    },
  };
}
