/**
 * The rows of a file that are refused.
 *
 * @module
 */

import { Fault } from "./errors.ts";
import type { FileRow, Format } from "./formats.ts";
import { counted, type Io, say, writeText } from "./io.ts";
import { REJECT_COLUMNS } from "./take_rows.ts";

/** So many characters are written at once. */
const WRITE_LENGTH = 65_536;

/**
 * Keeps the rows that are refused in a file of the format that they come from, each with its line
 * and the reason before it; where there is no such file, the first one is the end.
 */
export class Rejects implements Disposable {
  readonly #path: string | undefined;
  readonly #format: Format;
  #file: Deno.FsFile | undefined;
  #count = 0;
  /** What is yet to be written. */
  #text = "";
  /** What is there whatever becomes of later rows: so many, in so many bytes. */
  #kept = { count: 0, bytes: 0 };

  /**
   * @param path The file; it is emptied.
   * @param format The format of the rows.
   */
  constructor(path: string | undefined, format: Format) {
    this.#path = path;
    this.#format = format;
    if (path === undefined) return;
    this.#file = this.#orFault(() =>
      Deno.openSync(path, { write: true, create: true, truncate: true })
    );
  }

  /**
   * Adds a row.
   *
   * @param row The row.
   * @param reason Why it is refused.
   * @param header What stands before the first row of its file.
   * @throws {Fault} If there is no file to keep it in.
   */
  add({ line, text }: FileRow, { message }: Fault, header: string): void {
    const file = this.#file;
    if (file === undefined) throw new Fault(`line ${line}: ${message}`);
    if (this.#count++ === 0) this.#text += this.#format.headerWith(header, REJECT_COLUMNS);
    const [lineName, reasonName] = REJECT_COLUMNS;
    const columns = [[lineName!, line], [reasonName!, message]] as const;
    this.#text += this.#format.withColumns(text, columns);
    if (this.#text.length > WRITE_LENGTH) this.#write(file);
  }

  #write(file: Deno.FsFile): void {
    this.#orFault(() => writeText(file, this.#text));
    this.#text = "";
  }

  /** The rows that they stood between are committed. */
  keep(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#write(file);
    this.#kept = { count: this.#count, bytes: file.seekSync(0, Deno.SeekMode.Current) };
  }

  /** Forgets what came since the last commit, as these rows are taken once more. */
  undo(): void {
    this.#text = "";
    this.#count = this.#kept.count;
    this.#orFault(() => {
      this.#file?.truncateSync(this.#kept.bytes);
      this.#file?.seekSync(this.#kept.bytes, Deno.SeekMode.Start);
    });
  }

  /** Says how many they are. */
  tell(io: Io): void {
    if (this.#count === 0) return;
    say(io, `${counted(this.#count, "row")} refused, see "${this.#path}"`);
  }

  #orFault<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw new Fault(`cannot write "${this.#path}": ${(error as Error).message}`);
    }
  }

  /** What was refused before a fault ended all stays, to be looked at. */
  [Symbol.dispose](): void {
    const file = this.#file;
    if (file === undefined) return;
    try {
      this.#write(file);
    } finally {
      file.close();
    }
  }
}
