/**
 * The streams of a command, as interfaces, so that a test can be its terminal.
 *
 * @module
 */

import { printable } from "../../engine/system/printable.ts";
import { goneAsker } from "./libc.ts";

/** Where text goes. */
export interface Output {
  /** Whether it is a terminal. */
  readonly isTerminal: boolean;
  /** How many characters fit in a line of the terminal. */
  readonly columns: number;
  /** Whether text may have colours. */
  readonly colors: boolean;
  /** Writes all of `text`, or throws. */
  write(text: string): void;
  /** Whether the reader is gone, as far as that is known without a write. */
  isGone?(): boolean;
}

/** The three streams of a process. */
export interface Io {
  /** Read where a file is called `-`. */
  readonly stdin: ReadableStream<Uint8Array>;
  /** For data. */
  readonly stdout: Output;
  /** For messages. */
  readonly stderr: Output;
  /** Asks a question of yes or no; missing where nobody can answer. */
  readonly confirm?: ((question: string) => boolean) | undefined;
}

interface SyncWriter {
  writeSync(bytes: Uint8Array): number;
}

const ENCODER = new TextEncoder();

/** Writes all bytes to a file or stream; one write may take only some of them. */
export function writeBytes(to: SyncWriter, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += to.writeSync(bytes.subarray(done));
}

/** Writes text to a file or stream. */
export function writeText(to: SyncWriter, text: string): void {
  writeBytes(to, ENCODER.encode(text));
}

function output(stream: SyncWriter & { isTerminal(): boolean }, fd: number): Output {
  let ask: (() => boolean) | undefined;
  return {
    get isTerminal() {
      return stream.isTerminal();
    },
    get columns() {
      return Deno.consoleSize().columns || 80; // some terminals do not know
    },
    get colors() {
      return stream.isTerminal() && !Deno.noColor;
    },
    write: (text) => writeText(stream, text),
    isGone: () => (ask ??= goneAsker(fd))(),
  };
}

/** A stream for messages: a full disk, for example, must not change what a command does. */
function forMessages(stream: Output): Output {
  const write = (text: string) => {
    try {
      stream.write(text);
    } catch {
      // The exit code tells.
    }
  };
  return Object.create(stream, { write: { value: write } });
}

/** The streams of this process. */
export function systemIo(): Io {
  return {
    get stdin() {
      return Deno.stdin.readable;
    },
    stdout: output(Deno.stdout, 1),
    stderr: forMessages(output(Deno.stderr, 2)),
    confirm: Deno.stdin.isTerminal() && Deno.stderr.isTerminal() ? confirm : undefined,
  };
}

/** Asks on stderr; the `confirm` of the web would ask on stdout. */
function confirm(question: string): boolean {
  writeText(Deno.stderr, `${printable(question)} [y/N] `);
  const line = new Uint8Array(1024);
  const length = Deno.stdin.readSync(line) ?? 0;
  return /^y(es)?\s*$/i.test(new TextDecoder().decode(line.subarray(0, length)));
}

/** Text in bold, where colours are allowed. */
export function bold({ colors }: Pick<Output, "colors">, text: string): string {
  return colors ? `\x1b[1m${text}\x1b[22m` : text;
}

/** Text in red, where colours are allowed. */
export function red({ colors }: Pick<Output, "colors">, text: string): string {
  return colors ? `\x1b[31m${text}\x1b[39m` : text;
}

/** Writes lines to stderr, without the control characters that a terminal obeys. */
export function say({ stderr }: Io, text: string): void {
  stderr.write(text.split("\n").map(printable).join("\n") + "\n");
}

/** A count with its noun: `1 row`, `2 rows`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
