/**
 * What a command reads from and writes to, so that tests can be its terminal.
 *
 * @module
 */

import { goneAsker } from "./hangup.ts";
import { printable } from "../engine/system/printable.ts";

/** Where text goes. */
export interface Output {
  /** Whether somebody looks at it. */
  readonly isTerminal: boolean;
  /** How many characters a line of the terminal has. */
  readonly columns: number;
  /** Whether it may have colours. */
  readonly colors: boolean;
  /** Writes all of `text`, or throws. */
  write(text: string): void;
  /** Whether nobody reads it any more, as far as that can be told without writing. */
  isGone?(): boolean;
}

/** The three streams of a process. */
export interface Io {
  /** Read where a file is called `-`. */
  readonly stdin: ReadableStream<Uint8Array>;
  /** Data. */
  readonly stdout: Output;
  /** Words. */
  readonly stderr: Output;
  /** Asks a question of yes or no; missing where nobody can answer. */
  readonly confirm?: ((question: string) => boolean) | undefined;
}

interface SyncWriter {
  writeSync(bytes: Uint8Array): number;
}

const ENCODER = new TextEncoder();

/** Bytes to a file or stream; a write may take only a part of them. */
export function writeBytes(to: SyncWriter, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += to.writeSync(bytes.subarray(done));
}

/** Text to a file or stream. */
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
      return Deno.consoleSize().columns || 80; // a terminal may not know
    },
    get colors() {
      return stream.isTerminal() && !Deno.noColor;
    },
    write: (text) => writeText(stream, text),
    isGone: () => (ask ??= goneAsker(fd))(),
  };
}

/** Words that nobody can be told, on a full disk say, do not change what a command does. */
function words(stream: Output): Output {
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
    stderr: words(output(Deno.stderr, 2)),
    confirm: Deno.stdin.isTerminal() && Deno.stderr.isTerminal() ? confirm : undefined,
  };
}

/** On stderr, as `prompt` and `confirm` of the web would ask on stdout. */
function confirm(question: string): boolean {
  writeText(Deno.stderr, `${printable(question)} [y/N] `);
  const line = new Uint8Array(1024);
  const length = Deno.stdin.readSync(line) ?? 0;
  return /^y(es)?\s*$/i.test(new TextDecoder().decode(line.subarray(0, length)));
}

/** A title, where there may be colours. */
export function bold({ colors }: Pick<Output, "colors">, text: string): string {
  return colors ? `\x1b[1m${text}\x1b[22m` : text;
}

/** What says that something went wrong, where there may be colours. */
export function red({ colors }: Pick<Output, "colors">, text: string): string {
  return colors ? `\x1b[31m${text}\x1b[39m` : text;
}

/** Tells people something, in lines that do nothing to a terminal but being read. */
export function say({ stderr }: Io, text: string): void {
  stderr.write(text.split("\n").map(printable).join("\n") + "\n");
}

/** So many of something, in words. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
