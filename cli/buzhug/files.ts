/**
 * The files of a base of Buzhug 1.8, a store in Python: what they hold, and where they are damaged.
 *
 * A base is a directory. `__info__` lists its fields: `name:type` separated by blanks, `__id__` and
 * `__version__` first. Each field has a file of blocks. A block is a flag (`-` a value, `!` null, `#`
 * deleted), then the value, see `values.ts`.
 *
 * `_id_pos` has a block of an `int` for each id that was ever given out: the line of its row in
 * `__pos__`. A line of `__pos__` is a flag (`-` or `#`) and four bytes for each field: where in its
 * file the value begins. `__del_rows__` lists the deleted rows of the field files; their blocks in
 * `__id__` have the flag `#` too. `__defaults__` has for each field its name, a blank, and a block.
 *
 * Buzhug appends and overwrites without transactions or checksums. So this reader compares all that
 * the files tell twice, and treats any difference as damage.
 *
 * @module
 */

import { currentFiles } from "../../engine/system/deno_file.ts";
import type { File, Files } from "../../engine/system/file.ts";
import { join } from "../../engine/system/path.ts";
import { Fault } from "../process/errors.ts";
import { ascii, INT, int32, type Kind, kindsOf, LINK, UTF_8 } from "./values.ts";

const VALUE = "-".charCodeAt(0);
const NULL = "!".charCodeAt(0);
const DELETED = "#".charCodeAt(0);
const LINE_BREAK = "\n".charCodeAt(0);
const BLANK = " ".charCodeAt(0);

/** A flag and a value. */
interface Block {
  readonly flag: number;
  readonly bytes: Uint8Array;
  /** Where the next block begins. */
  readonly end: number;
}

/** How many bytes of a file are in memory. Values may be read in any order. */
const WINDOW = 8 * 1024;

/** A file of blocks. */
class BlockFile implements Disposable {
  readonly size: number;
  readonly #name: string;
  readonly #file: File;
  #buffer = new Uint8Array(WINDOW);
  /** The loaded bytes, which begin at `#from` in the file. */
  #window = this.#buffer.subarray(0, 0);
  #from = 0;

  constructor(files: Files, dir: string, name: string) {
    this.#name = name;
    try {
      this.#file = files.open(join(dir, name), "read");
    } catch (error) {
      const { NotADirectory, NotFound } = Deno.errors;
      if (!(error instanceof NotFound || error instanceof NotADirectory)) throw error;
      throw new Fault(`there is no file "${name}" in it`);
    }
    this.size = this.#file.size();
  }

  /** Throws Fault about a position of the file. */
  fail(at: number, reason: string): never {
    throw new Fault(`file "${this.#name}" at byte ${at}: ${reason}`);
  }

  /** The number of blocks of a fixed width. */
  count(width: number): number {
    const rest = this.size % width;
    if (rest > 0) this.fail(this.size - rest, `it ends inside a block of ${width} bytes`);
    return this.size / width;
  }

  /** Bytes of the file, fewer at its end. They are valid until the next call. */
  #bytes(at: number, length: number): Uint8Array {
    const from = at - this.#from;
    if (from < 0 || from + length > this.#window.length) {
      if (length > this.#buffer.length) this.#buffer = new Uint8Array(length);
      this.#window = this.#buffer.subarray(0, this.#file.readAt(this.#buffer, at));
      this.#from = at;
    }
    return this.#window.subarray(at - this.#from, at - this.#from + length);
  }

  /** The block at a position. It is valid until the next call. */
  at(at: number, width?: number): Block {
    const length = width ?? this.#find(at, LINE_BREAK) + 1;
    const bytes = this.#bytes(at, length);
    if (bytes.length < length) this.#failAtEnd(at);
    const value = bytes.subarray(1, width === undefined ? -1 : length);
    return { flag: bytes[0]!, bytes: value, end: at + length };
  }

  /** The whole file as text. */
  all(): string {
    try {
      return UTF_8.decode(this.#bytes(0, this.size));
    } catch {
      return this.fail(0, "it is not UTF-8");
    }
  }

  /** The bytes up to a certain byte, and the position after it. */
  until(byte: number, at: number): { bytes: Uint8Array; end: number } {
    const length = this.#find(at, byte);
    return { bytes: this.#bytes(at, length), end: at + length + 1 };
  }

  /** The distance to the next byte of a certain value. */
  #find(at: number, byte: number): number {
    for (let length = 256;; length *= 8) {
      const bytes = this.#bytes(at, length);
      const found = bytes.indexOf(byte);
      if (found >= 0) return found;
      if (bytes.length < length) this.#failAtEnd(at);
    }
  }

  #failAtEnd(at: number): never {
    this.fail(at, "the file ends inside the block that begins here");
  }

  /** Whether a block begins at a position. */
  beginsAt(at: number, width?: number): boolean {
    if (at < 0 || at >= this.size) return false;
    if (width !== undefined) return at % width === 0;
    return at === 0 || this.#bytes(at - 1, 1)[0] === LINE_BREAK;
  }

  /** The value at a position, and where the next block begins. */
  value({ read, what, width, unset }: Kind, at: number): { value: unknown; end: number } {
    const { flag, bytes, end } = this.at(at, width);
    if (flag === NULL && (unset === undefined || ascii(bytes.subarray(0, 20)) === unset)) {
      return { value: null, end };
    }
    let value: unknown;
    try {
      if (flag === VALUE) value = read(bytes);
    } catch {
      // it is not a value
    }
    if (value === undefined) this.fail(at, flag === DELETED ? "it is deleted" : `not ${what}`);
    return { value, end };
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }
}

/** A field of a base of Buzhug. */
export interface BuzhugField {
  /** Its name. */
  readonly name: string;
  /** The type of its values here. */
  readonly type: Kind["type"];
  /** The path of the base to which it links, as it was given to Buzhug. */
  readonly target: string | undefined;
  /** Its default, the id of a row for a link; `null` if it has none. */
  readonly default: unknown;
}

/** A row of a base of Buzhug. */
export interface BuzhugRow {
  readonly id: number;
  readonly version: number;
  /** In the order of the fields. */
  readonly values: readonly unknown[];
}

/** An open base of Buzhug. All of its methods throw Fault for damage. */
export class BuzhugBase implements Disposable {
  /** The fields, without `__id__` and `__version__`. */
  readonly fields: readonly BuzhugField[];
  /** The id of the next row. */
  readonly nextId: number;
  readonly #open = new DisposableStack();
  /** The columns, `__id__` and `__version__` first. */
  readonly #columns: readonly { readonly kind: Kind; readonly file: BlockFile }[];
  readonly #idPos: BlockFile;
  readonly #pos: BlockFile;
  /** The length of a line of `__pos__` in bytes. */
  readonly #line: number;
  /** The number of these lines that are rows. */
  readonly #rows: number;

  /**
   * @param dir Its directory.
   * @param encoding The encoding of `str` fields, by its name in `TextDecoder`.
   */
  constructor(dir: string, encoding: string) {
    const files = currentFiles();
    using opening = new DisposableStack();
    const open = (name: string) => opening.use(new BlockFile(files, dir, name));
    const told = readInfo(open("__info__"), encoding);
    this.#columns = told.map(({ name, kind }) => ({ kind, file: open(name) }));
    this.#idPos = open("_id_pos");
    this.#pos = open("__pos__");
    this.#line = 1 + 4 * told.length;
    this.nextId = this.#idPos.count(INT.width!);
    for (const { kind: { width }, file } of this.#columns) {
      if (width !== undefined) file.count(width);
    }
    this.#rows = this.#countRows();
    this.#checkDeleted(open("__del_rows__"));
    const kinds = new Map(told.map(({ name, kind }) => [name, kind]));
    const defaults = files.fileId(join(dir, "__defaults__")) === undefined
      ? new Map<string, unknown>()
      : readDefaults(open("__defaults__"), kinds);
    this.fields = told.slice(META.length).map(({ name, kind, target }) => {
      return { name, type: kind.type, target, default: defaults.get(name) ?? null };
    });
    this.#open = opening.move();
  }

  /** Counts the lines of `__pos__` that are rows. */
  #countRows(): number {
    const lines = this.#pos.count(this.#line);
    let rows = 0;
    for (let i = 0; i < lines; i++) {
      const { flag } = this.#pos.at(i * this.#line, this.#line);
      if (flag === VALUE) rows++;
      else if (flag !== DELETED) this.#pos.fail(i * this.#line, "not a line of positions");
    }
    return rows;
  }

  /** Checks that the rows of `__del_rows__` are deleted in `__id__`. */
  #checkDeleted(file: BlockFile): void {
    const ids = this.#columns[0]!.file;
    for (let at = 0; at < file.size;) {
      const { flag, bytes, end } = file.at(at);
      const text = String.fromCharCode(flag) + ascii(bytes.subarray(0, 20));
      const row = Number(text) * INT.width!;
      if (!/^\d+$/.test(text) || !ids.beginsAt(row, INT.width)) {
        file.fail(at, 'not a row of "__id__"');
      }
      if (ids.at(row, INT.width).flag === DELETED) at = end;
      else file.fail(at, `row ${text} of "__id__" is not deleted`);
    }
  }

  /** The rows by ascending ids. */
  *rows(): Generator<BuzhugRow> {
    let rows = 0;
    for (let id = 0; id < this.nextId; id++) {
      const at = id * INT.width!;
      if (this.#idPos.at(at, INT.width).flag === DELETED) continue;
      const line = this.#idPos.value(INT, at).value;
      if (typeof line !== "number") this.#idPos.fail(at, "it is null");
      yield this.#row(id, line);
      rows++;
    }
    if (rows === this.#rows) return;
    this.#idPos.fail(this.nextId * INT.width!, `${rows} rows, but ${this.#rows} in "__pos__"`);
  }

  #row(id: number, line: number): BuzhugRow {
    const begin = line * this.#line;
    if (!this.#pos.beginsAt(begin, this.#line)) {
      this.#idPos.fail(id * INT.width!, `there is no line ${line} in "__pos__"`);
    }
    const { flag, bytes } = this.#pos.at(begin, this.#line);
    if (flag !== VALUE) this.#pos.fail(begin, `row ${id} is deleted here, but not in "_id_pos"`);
    const [ownId, version, ...values] = this.#columns.map(({ kind, file }, i) => {
      const at = int32(bytes.subarray(4 * i));
      if (file.beginsAt(at, kind.width)) return file.value(kind, at).value;
      return this.#pos.fail(begin + 1 + 4 * i, `no value begins at ${at}, to which it points`);
    });
    if (ownId !== id) this.#pos.fail(begin, `row ${id} has the id ${ownId}`);
    if (typeof version !== "number" || version < 0) {
      this.#pos.fail(begin, `row ${id} has the version ${version}`);
    }
    return { id, version, values };
  }

  [Symbol.dispose](): void {
    this.#open.dispose();
  }
}

/** The first fields of every base of Buzhug. */
const META = ["__id__:int", "__version__:int"];

const BASE = "<base>";

/** Reads the fields, `__id__` and `__version__` first. */
function readInfo(file: BlockFile, encoding: string) {
  const kinds = kindsOf(encoding);
  const words = file.all().trim().split(/\s+/);
  if (META.some((word, i) => words[i] !== word)) {
    file.fail(0, `it does not begin with ${META.join(" ")}`);
  }
  return words.map((word) => {
    const at = word.indexOf(":");
    const [name, type] = [word.slice(0, at), word.slice(at + 1)];
    // The name is also that of a file in the directory.
    if (at < 1 || /[/\\\0]/.test(name)) file.fail(0, `${JSON.stringify(word)} is not a field`);
    if (type.startsWith(BASE)) {
      return { name, kind: LINK, target: unquote(file, type.slice(BASE.length)) };
    }
    if (!Object.hasOwn(kinds, type)) file.fail(0, `field "${name}" has the unknown type "${type}"`);
    return { name, kind: kinds[type]!, target: undefined };
  });
}

/** Decodes a path. */
function unquote(file: BlockFile, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return file.fail(0, `${JSON.stringify(text)} is not a path in UTF-8`);
  }
}

/** Reads the defaults, by field. */
function readDefaults(file: BlockFile, kinds: ReadonlyMap<string, Kind>): Map<string, unknown> {
  const defaults = new Map<string, unknown>();
  for (let at = 0; at < file.size;) {
    const { bytes, end } = file.until(BLANK, at);
    const name = new TextDecoder().decode(bytes);
    const kind = kinds.get(name) ?? file.fail(at, `there is no field ${JSON.stringify(name)}`);
    const read = file.value(kind, end);
    defaults.set(name, read.value);
    at = read.end;
  }
  return defaults;
}
