/**
 * The text of a file, piece by piece. It is read more than once where types have to be seen first,
 * so that what can be read only once, as stdin, is kept in a temporary file meanwhile.
 *
 * @module
 */

import { Fault } from "./errors.ts";
import { type Io, writeBytes } from "./io.ts";

/** So many bytes are read at once. */
const PIECE_BYTES = 256 * 1024;

/** A file to be read from its beginning, as often as need be. */
export class Input implements Disposable {
  /** How long it is, in bytes. */
  readonly size: number;
  /** How much of it was read since the beginning, in bytes. */
  at = 0;
  readonly #file: Deno.FsFile;
  /** To be removed when it is closed. */
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
   * @param io Where stdin is.
   * @param dir Where to keep what can be read only once; where temporary files are, if not there.
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

  /** What comes out of a pipe, as a temporary file. */
  static async #spool(from: ReadableStream<Uint8Array>, dir: string): Promise<Input> {
    const prefix = "psbase_";
    const path = await Deno.makeTempFile({ prefix, dir }).catch(() =>
      Deno.makeTempFile({ prefix })
    );
    const file = await Deno.open(path, { read: true, write: true });
    let left: string | undefined;
    try {
      // At once, so that nothing that ends the process leaves it.
      await Deno.remove(path);
    } catch {
      left = path; // Windows keeps what is open.
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

  /** Its text from the beginning; throws Fault if it is none, with the line. */
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
        throw new Fault(
          `line ${
            this.#lineOf(bytes.slice(start, end), this.at - held)
          }: it is not UTF-8, convert ` +
            `it, for instance from Latin 1: iconv -f ISO-8859-1 -t UTF-8`,
        );
      }
      this.at += n ?? 0;
      if (text !== "") yield text;
      buffer.copyWithin(0, end, bytes.length);
      held = bytes.length - end;
    }
  }

  /** The line, counted from 1, of the first byte that is no text, in bytes that stand `at` there. */
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

const LF = 10;

/** How long the mark of UTF-8 is at the beginning of a file; throws Fault for UTF-16. */
function encodingMark(bytes: Uint8Array): number {
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return 3;
  const isMarked = (a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff);
  // Without a mark, the ASCII in it tells: every other byte is 0, and no text begins so.
  const head = [...bytes.subarray(0, 32)];
  const zeros = (odd: number) => head.every((byte, i) => (byte === 0) === (i % 2 === odd));
  const form = isMarked ? "" : zeros(1) ? "LE" : zeros(0) ? "BE" : undefined;
  if (bytes.length < 2 || form === undefined) return 0;
  throw new Fault(`it is UTF-16, convert it: iconv -f UTF-16${form} -t UTF-8`);
}

/** How many bytes come before a character at the end that is not all there. */
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
