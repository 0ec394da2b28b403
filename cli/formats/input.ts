/**
 * The text of a file, piece by piece. An import that detects types reads it more than once, so a
 * stream that can be read only once, such as stdin, is kept in a temporary file meanwhile.
 *
 * @module
 */

import { Fault } from "../process/errors.ts";
import { type Io, writeBytes } from "../process/io.ts";

/** How many bytes are read at once. */
const PIECE_BYTES = 256 * 1024;
const LF = 10;

/** A file that can be read from its beginning any number of times. */
export class Input implements Disposable {
  /** Its length in bytes. */
  readonly size: number;
  /** How many bytes were read since the beginning. */
  at = 0;
  readonly #file: Deno.FsFile;
  /** The file to remove when it is closed. */
  readonly #path: string | undefined;

  private constructor(file: Deno.FsFile, path?: string) {
    this.#file = file;
    this.#path = path;
    this.size = file.statSync().size;
  }

  /**
   * Opens a file; `-` is stdin.
   *
   * @param path The file.
   * @param io Has stdin.
   * @param dir The directory of a temporary file, or that of the system if it is missing.
   */
  static async open(path: string, { stdin }: Io, dir: string): Promise<Input> {
    if (path === "-") return await Input.#spool(stdin, dir);
    const file = await Deno.open(path);
    const { isFile, isDirectory } = await file.stat();
    if (isFile) return new Input(file);
    if (!isDirectory) return await Input.#spool(file.readable, dir);
    file.close();
    throw new Fault("it is a directory");
  }

  /** Copies a stream into a temporary file. */
  static async #spool(from: ReadableStream<Uint8Array>, dir: string): Promise<Input> {
    const prefix = "psbase_";
    const path = await Deno.makeTempFile({ prefix, dir }).catch(() =>
      Deno.makeTempFile({ prefix })
    );
    const file = await Deno.open(path, { read: true, write: true });
    let left: string | undefined;
    try {
      // Removed at once, so that no way to end the process leaves it.
      await Deno.remove(path);
    } catch {
      left = path; // Windows does not remove an open file
    }
    try {
      for await (const bytes of from) writeBytes(file, bytes);
      return new Input(file, left);
    } catch (error) {
      file.close();
      if (left !== undefined) await Deno.remove(left);
      throw error;
    }
  }

  /** Its text from the beginning; throws Fault with the line if it is not UTF-8. */
  *text(): Generator<string> {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    const buffer = new Uint8Array(PIECE_BYTES);
    this.#file.seekSync(0, Deno.SeekMode.Start);
    this.at = 0;
    let held = 0;
    let ended = false;
    while (!ended) {
      const n = this.#file.readSync(buffer.subarray(held));
      ended = n === null;
      const bytes = buffer.subarray(0, held + (n ?? 0));
      const start = this.at === 0 ? encodingMark(bytes) : 0;
      const end = ended ? bytes.length : wholeCharacters(bytes);
      let text: string;
      try {
        text = decoder.decode(bytes.subarray(start, end));
      } catch {
        const line = this.#lineOf(bytes.slice(start, end), this.at - held);
        throw new Fault(
          `line ${line}: it is not UTF-8, convert it, for instance from Latin 1: ` +
            "iconv -f ISO-8859-1 -t UTF-8",
        );
      }
      this.at += n ?? 0;
      if (text !== "") yield text;
      buffer.copyWithin(0, end, bytes.length);
      held = bytes.length - end;
    }
  }

  /** The line, counted from 1, of the first byte that is not UTF-8, in bytes at position `at`. */
  #lineOf(bytes: Uint8Array, at: number): number {
    let line = 1;
    const before = new Uint8Array(PIECE_BYTES);
    this.#file.seekSync(0, Deno.SeekMode.Start);
    while (at > 0) {
      const n = this.#file.readSync(before.subarray(0, Math.min(at, PIECE_BYTES))) ?? at;
      for (let i = 0; i < n; i++) if (before[i] === LF) line++;
      at -= n;
    }
    const decoder = new TextDecoder("utf-8", { fatal: true });
    for (let from = 0;; line++) {
      const to = bytes.indexOf(LF, from);
      if (to < 0) return line;
      try {
        decoder.decode(bytes.subarray(from, to));
      } catch {
        return line;
      }
      from = to + 1;
    }
  }

  [Symbol.dispose](): void {
    this.#file.close();
    if (this.#path !== undefined) Deno.removeSync(this.#path);
  }
}

/** The length of the byte order mark of UTF-8, if there is one; throws Fault for UTF-16. */
function encodingMark(bytes: Uint8Array): number {
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return 3;
  const isMarked = (a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff);
  // UTF-16 without a mark shows in its ASCII: every other byte is 0. No UTF-8 begins like that.
  const head = [...bytes.subarray(0, 32)];
  const zeros = (odd: number) => head.every((byte, i) => (byte === 0) === (i % 2 === odd));
  const form = isMarked ? "" : zeros(1) ? "LE" : zeros(0) ? "BE" : undefined;
  if (bytes.length < 2 || form === undefined) return 0;
  throw new Fault(`it is UTF-16, convert it: iconv -f UTF-16${form} -t UTF-8`);
}

/** How many bytes come before a character at the end whose last bytes are missing. */
function wholeCharacters(bytes: Uint8Array): number {
  const { length } = bytes;
  for (let back = 1; back <= Math.min(3, length); back++) {
    const byte = bytes[length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? length - back : length;
  }
  return length;
}
