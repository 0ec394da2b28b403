/**
 * The table of one generation: a file that is written once and never changed.
 *
 * ```text
 * header 40 · ( group · directory · sums )* · footer · tail 24
 * ```
 *
 * A group's bytes are summed page by page, so that one row is read and verified
 * without the rest; these sums and its directory stand behind it, summed too.
 * They are seeded with the base's UUID and the group's own number, not with its
 * place: cleanup copies groups as bytes. The footer tells where the groups are;
 * opening reads the footer only, whatever the number of rows.
 *
 * @module
 */

import { decodeText, encodeText } from "./bytes.ts";
import { CorruptionError } from "./errors.ts";
import type { File } from "./file.ts";
import {
  align8,
  type Checksum,
  encodeFileHeader,
  FILE_HEADER,
  fileOwner,
  getUint32,
  getUint53,
  setUint32,
  setUint53,
  SUM,
  sumStands,
} from "./format.ts";
import { type Directory, type EncodedGroup, Group } from "./group.ts";
import type { Source } from "./parts.ts";
import { TableSchema } from "./schema.ts";

const PAGE = 4096;
const TAIL = 24;
/** What opening reads at once: most footers fit. */
const FIRST_READ = 4096;
/** Bytes of groups that a table keeps in memory at most, beside the one in use. */
const CACHE_BYTES = 256 * 2 ** 20;

/** What the footer tells of a group. */
export interface GroupEntry {
  /** Unique in the base for ever; seeds the group's sums. */
  readonly number: number;
  /** The least id. */
  readonly first: number;
  /** The greatest id. */
  readonly last: number;
  /** How many rows. */
  readonly rows: number;
  /** Where its bytes stand in the file. */
  readonly at: number;
  /** How many bytes. */
  readonly length: number;
  /** How many bytes its directory has. */
  readonly directory: number;
}

/** What the table as a whole is. */
export interface TableInfo {
  /** Fields. */
  readonly schema: TableSchema;
  /** The id that the next row gets. */
  readonly nextId: number;
  /** The last commit that the table holds. */
  readonly sequence: number;
}

function sumsLength(length: number): number {
  return Math.ceil(length / PAGE) * 8;
}

function pageSum(sums: Checksum, group: number, bytes: Uint8Array, page: number): Int32Array {
  const end = Math.min((page + 1) * PAGE, bytes.length);
  return sums.of(SUM.page, group, page, bytes, page * PAGE, end);
}

/** The whole of a group in the file: bytes, directory and page sums, and the sum of these two. */
function spanOf(entry: GroupEntry): number {
  return entry.length + align8(entry.directory) + sumsLength(entry.length) + 8;
}

// --------------------------------------------------------------- reading

/** The bytes of a group in a table file, read and verified page by page. */
class PagedSource implements Source {
  readonly bytes: Uint8Array;
  readonly #file: File;
  readonly #sums: Checksum;
  readonly #entry: GroupEntry;
  readonly #pageSums: Uint8Array;
  readonly #there: Uint8Array;

  constructor(file: File, sums: Checksum, entry: GroupEntry, pageSums: Uint8Array) {
    this.#file = file;
    this.#sums = sums;
    this.#entry = entry;
    this.#pageSums = pageSums;
    this.bytes = new Uint8Array(entry.length);
    this.#there = new Uint8Array(Math.ceil(entry.length / PAGE));
  }

  need(from: number, to: number): void {
    const last = Math.ceil(to / PAGE);
    for (let page = Math.floor(from / PAGE); page < last; page++) {
      if (this.#there[page] === 1) continue;
      let end = page + 1;
      while (end < last && this.#there[end] === 0) end++;
      this.#read(page, end);
      page = end - 1;
    }
  }

  #read(page: number, end: number): void {
    const { number, at } = this.#entry;
    const bytes = this.bytes.subarray(page * PAGE, end * PAGE);
    if (this.#file.readAt(bytes, at + page * PAGE) !== bytes.length) {
      this.fail(page * PAGE, "the file ends too early");
    }
    for (; page < end; page++) {
      if (!sumStands(pageSum(this.#sums, number, this.bytes, page), 2, this.#pageSums, page * 8)) {
        this.fail(page * PAGE, "a page does not verify");
      }
      this.#there[page] = 1;
    }
  }

  fail(at: number, reason: string): never {
    throw new CorruptionError(this.#file.path, this.#entry.at + at, reason);
  }
}

/** An open table. */
export class Table implements TableInfo {
  readonly schema: TableSchema;
  readonly nextId: number;
  readonly sequence: number;
  /** How many rows. */
  readonly rows: number;
  /** The number that the next new group gets. */
  readonly nextGroup: number;
  /** The groups, in id order. */
  readonly groups: readonly (GroupEntry & { open(): Group })[];
  /** Length of the file, in bytes. */
  readonly bytes: number;
  readonly #file: File;
  readonly #sums: Checksum;
  readonly #generation: number;
  readonly #cache = new Map<number, Group>();
  #cached = 0;
  #pins = 0;
  #retired = false;
  #closed = false;

  /**
   * Reads the footer.
   *
   * @throws {CorruptionError} If it does not verify.
   */
  constructor(file: File, sums: Checksum, generation: number) {
    this.#file = file;
    this.#sums = sums;
    this.#generation = generation;
    this.bytes = file.size();
    let end = new Uint8Array(Math.min(this.bytes, FIRST_READ));
    file.readAt(end, this.bytes - end.length);
    if (end.length < TAIL) this.#fail(0, "the file ends too early");
    const tail = end.length - TAIL;
    const at = getUint53(end, tail);
    const length = getUint32(end, tail + 8);
    if (at < FILE_HEADER || at + align8(length) + TAIL !== this.bytes) {
      this.#fail(this.bytes - TAIL, "the tail of the table does not verify");
    }
    if (this.bytes - at > end.length) {
      end = new Uint8Array(this.bytes - at);
      file.readAt(end, at);
    }
    const footer = end.slice(end.length - (this.bytes - at));
    if (!sums.holds(SUM.footer, generation, at, footer, 0, footer.length - 8)) {
      this.#fail(at, "the footer of the table does not verify");
    }
    try {
      const json = JSON.parse(decodeText(footer.subarray(0, length)));
      this.schema = TableSchema.fromJson(json.schema);
      this.nextId = json.nextId;
      this.sequence = json.sequence;
      this.nextGroup = json.nextGroup;
      this.groups = json.groups.map((numbers: number[], i: number) => ({
        ...this.#entry(numbers, at),
        open: () => this.#group(i),
      }));
      this.rows = this.groups.reduce((rows, group) => rows + group.rows, 0);
    } catch (error) {
      if (error instanceof CorruptionError) throw error;
      this.#fail(at, `the footer of the table makes no sense (${(error as Error).message})`);
    }
  }

  #entry(numbers: number[], end: number): GroupEntry {
    const [number, first, last, rows, at, length, directory] = numbers as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const entry = { number, first, last, rows, at, length, directory };
    if (
      numbers.length !== 7 || !numbers.every((n) => Number.isSafeInteger(n) && n >= 0) ||
      last - first + 1 < rows || rows < 1 || at < FILE_HEADER || at + spanOf(entry) > end
    ) {
      this.#fail(end, "the footer tells of an impossible row group");
    }
    return entry;
  }

  #fail(at: number, reason: string): never {
    throw new CorruptionError(this.#file.path, at, reason);
  }

  #group(i: number): Group {
    const known = this.#cache.get(i);
    if (known !== undefined) return known;
    const entry = this.groups[i]!;
    const { group } = this.#open(entry);
    for (const [oldest] of this.#cache) {
      if (this.#cached + entry.length <= CACHE_BYTES) break;
      this.#cache.delete(oldest);
      this.#cached -= this.groups[oldest]!.length;
    }
    this.#cache.set(i, group);
    this.#cached += entry.length;
    return group;
  }

  /** The bytes of group `i` and all that stands behind them, verified: to be copied or checked. */
  copyOf(i: number): { bytes: Uint8Array; behind: Uint8Array } {
    const { group, behind } = this.#open(this.groups[i]!);
    group.source.need(0, group.source.bytes.length);
    return { bytes: group.source.bytes, behind };
  }

  #open(entry: GroupEntry): { group: Group; behind: Uint8Array } {
    const at = entry.at + entry.length;
    const behind = new Uint8Array(spanOf(entry) - entry.length);
    this.#file.readAt(behind, at);
    if (!this.#sums.holds(SUM.directory, entry.number, 0, behind, 0, behind.length - 8)) {
      this.#fail(at, "the directory of a row group does not verify");
    }
    const directory: Directory = JSON.parse(decodeText(behind.subarray(0, entry.directory)));
    const pageSums = behind.subarray(align8(entry.directory), behind.length - 8);
    const source = new PagedSource(this.#file, this.#sums, entry, pageSums);
    const group = new Group(source, directory, entry.first);
    if (group.rows !== entry.rows) this.#fail(at, "a row group has not the rows it should");
    return { group, behind };
  }

  /**
   * Verifies the header, which opening does without.
   *
   * @throws {CorruptionError} If it does not verify.
   */
  checkHeader(): void {
    const header = new Uint8Array(FILE_HEADER);
    this.#file.readAt(header, 0);
    if (fileOwner(this.#file.path, "table", header, this.#sums, this.#generation) !== "ours") {
      this.#fail(0, "the header of the table does not verify");
    }
  }

  /** Whether this process got to hold the table for cleanup: one at a time builds the next. */
  claim(): boolean {
    return this.#file.tryLock();
  }

  /** Ends a {@linkcode Table.claim}. */
  disclaim(): void {
    this.#file.unlock();
  }

  /** Keeps the file open until {@linkcode Table.unpin}. */
  pin(): void {
    this.#pins++;
  }

  /** See {@linkcode Table.pin}. */
  unpin(): void {
    if (--this.#pins === 0 && this.#retired) this.close();
  }

  /** Closes the file, once nobody reads it. */
  retire(): void {
    this.#retired = true;
    if (this.#pins === 0) this.close();
  }

  /** Whether the file was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Closes the file. */
  close(): void {
    this.#closed = true;
    this.#file.close();
  }
}

// --------------------------------------------------------------- writing

/** Writes a table, group by group. */
export class TableWriter {
  readonly #file: File;
  readonly #sums: Checksum;
  readonly #generation: number;
  readonly #groups: GroupEntry[] = [];
  #nextGroup: number;
  #at = FILE_HEADER;

  /**
   * @param file A new, empty file.
   * @param sums The base's sums.
   * @param generation The generation that the table is of.
   * @param nextGroup The number that the first new group gets.
   */
  constructor(file: File, sums: Checksum, generation: number, nextGroup: number) {
    this.#file = file;
    this.#sums = sums;
    this.#generation = generation;
    this.#nextGroup = nextGroup;
    file.writeAt(encodeFileHeader("table", sums, generation), 0);
  }

  /** Writes a new group of rows with ids from `first` to `last`. */
  add(group: EncodedGroup, first: number, last: number): void {
    const { bytes, directory } = group;
    const json = encodeText(JSON.stringify(directory));
    const entry = {
      number: this.#nextGroup++,
      first,
      last,
      rows: directory.rows,
      at: this.#at,
      length: bytes.length,
      directory: json.length,
    };
    const behind = new Uint8Array(spanOf(entry) - bytes.length);
    behind.set(json);
    const sumsAt = align8(json.length);
    for (let page = 0; page * PAGE < bytes.length; page++) {
      const sum = pageSum(this.#sums, entry.number, bytes, page);
      setUint32(behind, sumsAt + page * 8, sum[0]!);
      setUint32(behind, sumsAt + page * 8 + 4, sum[1]!);
    }
    this.#sums.put(SUM.directory, entry.number, 0, behind, 0, behind.length - 8);
    this.#write(entry, { bytes, behind });
  }

  /** Copies group `i` of another generation of the same base, as bytes. */
  copy(from: Table, i: number): void {
    this.#write({ ...from.groups[i]!, at: this.#at }, from.copyOf(i));
  }

  #write(entry: GroupEntry, { bytes, behind }: { bytes: Uint8Array; behind: Uint8Array }): void {
    this.#file.writeAt(bytes, entry.at);
    this.#file.writeAt(behind, entry.at + bytes.length);
    this.#groups.push(entry);
    this.#at += spanOf(entry);
  }

  /** Writes the footer; the caller syncs. */
  finish({ schema, nextId, sequence }: TableInfo): void {
    const json = encodeText(JSON.stringify({
      schema: schema.toJson(),
      nextId,
      sequence,
      nextGroup: this.#nextGroup,
      groups: this.#groups.map((
        g,
      ) => [g.number, g.first, g.last, g.rows, g.at, g.length, g.directory]),
    }));
    const bytes = new Uint8Array(align8(json.length) + TAIL);
    bytes.set(json);
    setUint53(bytes, bytes.length - TAIL, this.#at);
    setUint32(bytes, bytes.length - TAIL + 8, json.length);
    this.#sums.put(SUM.footer, this.#generation, this.#at, bytes, 0, bytes.length - 8);
    this.#file.writeAt(bytes, this.#at);
  }
}
