/**
 * The rows of a file that an import refuses.
 *
 * @module
 */

import { Fault, orFault } from "../process/errors.ts";
import { counted, type Io, say, writeText } from "../process/io.ts";
import type { FileRow, Format } from "../formats/format.ts";
import { REJECT_COLUMNS } from "./field_names.ts";

/** How many characters are collected before a write. */
const WRITE_LENGTH = 65_536;

/**
 * Writes refused rows to a file of the format that they come from, each with its line and the
 * reason before it. Without such a file, the first refused row ends the import.
 */
export class Rejects implements Disposable {
  readonly #path: string | undefined;
  readonly #format: Format;
  #file: Deno.FsFile | undefined;
  #count = 0;
  /** Text that is not yet written. */
  #text = "";
  /** The rows, and their bytes, that stay even if later rows are undone. */
  #kept = { count: 0, bytes: 0 };

  /**
   * @param path The file, which is emptied; `undefined` if the first refused row ends the import.
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
   * @param header The text before the first row of its file.
   * @throws {Fault} If there is no file for refused rows.
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

  /** Call this after a commit: keeps the refused rows so far. */
  keep(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#write(file);
    this.#kept = { count: this.#count, bytes: file.seekSync(0, Deno.SeekMode.Current) };
  }

  /** Removes the refused rows since the last commit, because the import takes their batch again. */
  undo(): void {
    this.#text = "";
    this.#count = this.#kept.count;
    this.#orFault(() => {
      this.#file?.truncateSync(this.#kept.bytes);
      this.#file?.seekSync(this.#kept.bytes, Deno.SeekMode.Start);
    });
  }

  /** Says how many rows were refused. */
  tell(io: Io): void {
    if (this.#count === 0) return;
    say(io, `${counted(this.#count, "row")} refused, see "${this.#path}"`);
  }

  #orFault<T>(act: () => T): T {
    return orFault(`cannot write "${this.#path}"`, act);
  }

  /** Keeps all refused rows, even if the import failed, so that the user can look at them. */
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
