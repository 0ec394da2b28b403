/**
 * The table of one generation: a file that is written once and never changed.
 *
 * ```text
 * header 40 · ( group · directory · sums )* · ( index · directory · sums )* · footer · tail 24
 * index      the rows, by number, in the order of one field, 4 bytes each ·
 *            the value of every 256th of them, as a column
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
import { encodeColumn, openColumn } from "./column.ts";
import { CorruptionError } from "./errors.ts";
import { compareNullable, FENCE_STEP, firstWhere, type Rows, TableIndex } from "./field_index.ts";
import type { File } from "./file.ts";
import {
  align8,
  type Checksum,
  encodeFileHeader,
  FILE_HEADER,
  fileOwner,
  getUint32,
  getUint53,
  sameBytes,
  setUint32,
  setUint53,
  SUM,
  sumStands,
} from "./format.ts";
import { type Directory, type EncodedGroup, Group } from "./group.ts";
import { Numbers, PartWriter, type Source } from "./parts.ts";
import { type FieldDef, TableSchema } from "./schema.ts";
import type { Stored } from "./values.ts";

const PAGE = 4096;
const TAIL = 24;
/** What opening reads at once: most footers fit. */
const FIRST_READ = 4096;
/** Bytes of groups that a table keeps in memory at most, beside the one in use. */
const CACHE_BYTES = 256 * 2 ** 20;

/** Bytes in the file that are summed page by page. */
interface Extent {
  /** Unique in the base for ever; seeds the sums. */
  readonly number: number;
  /** Where its bytes stand in the file. */
  readonly at: number;
  /** How many bytes. */
  readonly length: number;
  /** How many bytes its directory has. */
  readonly directory: number;
}

/** What the footer tells of a group. */
export interface GroupEntry extends Extent {
  /** The least id. */
  readonly first: number;
  /** The greatest id. */
  readonly last: number;
  /** How many rows. */
  readonly rows: number;
}

/** What the footer tells of an index. */
interface IndexEntry extends Extent {
  /** The number of the field. */
  readonly field: number;
  /** How many rows are null. */
  readonly nulls: number;
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

/** The whole of it in the file: bytes, directory and page sums, and the sum of these two. */
function spanOf(entry: Extent): number {
  return entry.length + align8(entry.directory) + sumsLength(entry.length) + 8;
}

// --------------------------------------------------------------- reading

/** Bytes in a table file, read and verified page by page. */
class PagedSource implements Source {
  readonly bytes: Uint8Array;
  readonly #file: File;
  readonly #sums: Checksum;
  readonly #entry: Extent;
  readonly #pageSums: Uint8Array;
  readonly #there: Uint8Array;

  constructor(file: File, sums: Checksum, entry: Extent, pageSums: Uint8Array) {
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

/** Reads what stands behind the bytes of an extent: its directory and the sums of its pages. */
function openExtent(file: File, sums: Checksum, entry: Extent) {
  const at = entry.at + entry.length;
  const behind = new Uint8Array(spanOf(entry) - entry.length);
  file.readAt(behind, at);
  if (!sums.holds(SUM.directory, entry.number, 0, behind, 0, behind.length - 8)) {
    throw new CorruptionError(file.path, at, "the directory of a row group does not verify");
  }
  const pageSums = behind.subarray(align8(entry.directory), behind.length - 8);
  return { source: new PagedSource(file, sums, entry, pageSums), behind };
}

function openGroup(file: File, sums: Checksum, entry: GroupEntry) {
  const { source, behind } = openExtent(file, sums, entry);
  const directory: Directory = JSON.parse(decodeText(behind.subarray(0, entry.directory)));
  const group = new Group(source, directory, entry.first);
  if (group.rows !== entry.rows) {
    source.fail(entry.length, "a row group has not the rows it should");
  }
  return { group, behind };
}

/** The rows of groups, by number. */
class GroupRows implements Rows {
  readonly #groups: readonly { readonly rows: number; open(): Group }[];
  /** The number of the first row of each group, and how many there are. */
  readonly #starts: number[] = [0];

  constructor(groups: readonly { readonly rows: number; open(): Group }[]) {
    this.#groups = groups;
    for (const { rows } of groups) this.#starts.push(this.rows + rows);
  }

  get rows(): number {
    return this.#starts.at(-1)!;
  }

  /** The first row of group `i`. */
  start(i: number): number {
    return this.#starts[i]!;
  }

  /** The group that a row is in. */
  groupOf(row: number): number {
    return firstWhere(0, this.#groups.length, (i) => this.#starts[i + 1]! > row);
  }

  value(field: FieldDef, row: number): Stored | null {
    const i = this.groupOf(row);
    return this.#groups[i]!.open().column(field).get(row - this.#starts[i]!);
  }
}

/** An open table. */
export class Table implements TableInfo {
  readonly schema: TableSchema;
  readonly nextId: number;
  readonly sequence: number;
  /** The number that the next new group gets. */
  readonly nextGroup: number;
  /** The groups, in id order. */
  readonly groups: readonly (GroupEntry & { open(): Group })[];
  /** Length of the file, in bytes. */
  readonly bytes: number;
  readonly #rows: GroupRows;
  readonly #entries: readonly IndexEntry[];
  readonly #indexes = new Map<number, TableIndex>();
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
      this.#rows = new GroupRows(this.groups);
      this.#entries = json.indexes.map((numbers: number[]) => this.#indexEntry(numbers, at));
    } catch (error) {
      if (error instanceof CorruptionError) throw error;
      this.#fail(at, `the footer of the table makes no sense (${(error as Error).message})`);
    }
  }

  /** How many rows. */
  get rows(): number {
    return this.#rows.rows;
  }

  #indexEntry(numbers: number[], end: number): IndexEntry {
    const [field, nulls, number, at, length, directory] = numbers as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const entry = { field, nulls, number, at, length, directory };
    if (
      numbers.length !== 6 || !numbers.every((n) => Number.isSafeInteger(n) && n >= 0) ||
      nulls > this.rows || at < FILE_HEADER || at + spanOf(entry) > end
    ) {
      this.#fail(end, "the footer tells of an impossible index");
    }
    return entry;
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
    const { group } = openGroup(this.#file, this.#sums, entry);
    for (const [oldest] of this.#cache) {
      if (this.#cached + entry.length <= CACHE_BYTES) break;
      this.#cache.delete(oldest);
      this.#cached -= this.groups[oldest]!.length;
    }
    this.#cache.set(i, group);
    this.#cached += entry.length;
    return group;
  }

  /** Whether it is of the base whose sums these are. */
  isOf(sums: Checksum): boolean {
    return sameBytes(this.#sums.uuid, sums.uuid);
  }

  /** The bytes of group `i` and all that stands behind them, verified: to be copied or checked. */
  copyOf(i: number): { bytes: Uint8Array; behind: Uint8Array } {
    const { group, behind } = openGroup(this.#file, this.#sums, this.groups[i]!);
    group.source.need(0, group.source.bytes.length);
    return { bytes: group.source.bytes, behind };
  }

  // ------------------------------------------------------------- indexes

  /** Whether the order of a field is there; reads nothing. */
  hasIndex(field: FieldDef): boolean {
    return this.rows === 0 || this.#entries.some((entry) => entry.field === field.number);
  }

  /** The order of a field; `undefined` if the table was written before it had an index. */
  index(field: FieldDef): TableIndex | undefined {
    let index = this.#indexes.get(field.number);
    if (index !== undefined) return index;
    const entry = this.#entries.find((entry) => entry.field === field.number);
    if (entry !== undefined) {
      const { source, behind, row } = this.#permutation(entry);
      const meta = JSON.parse(decodeText(behind.subarray(0, entry.directory)));
      const count = Math.ceil(this.rows / FENCE_STEP);
      const fences = openColumn(source, meta, field.value, count, null);
      index = new TableIndex(this.#rows, field, entry.nulls, row, (i) => fences.get(i));
    } else if (this.rows === 0) {
      index = new TableIndex(this.#rows, field, 0, () => 0, () => null);
    } else {
      return undefined;
    }
    this.#indexes.set(field.number, index);
    return index;
  }

  #permutation(entry: IndexEntry) {
    const { source, behind } = openExtent(this.#file, this.#sums, entry);
    const numbers = new Numbers(source, { width: 4, base: 0, at: 0 }, this.rows);
    let gets = 0;
    const row = (position: number) => {
      // Who has looked so often will look again: reading it all costs as much by now.
      if (gets++ === this.rows >>> 6) numbers.load();
      const row = numbers.get(position);
      return row < this.rows ? row : source.fail(position * 4, "an index tells of no row");
    };
    return { source, behind, numbers, row };
  }

  /** All rows in the order of a field, if there is an index of it. */
  orderOf(field: FieldDef): Uint32Array | undefined {
    const entry = this.#entries.find((entry) => entry.field === field.number);
    if (entry === undefined) return undefined;
    const { numbers } = this.#permutation(entry);
    numbers.load();
    return numbers.words as Uint32Array;
  }

  /** Rows, ascending by number, as places: which of the rows of which groups. Changes `rows`. */
  *placesOf(rows: Uint32Array): Generator<{ part: Table["groups"][number]; rows: Uint32Array }> {
    for (let from = 0; from < rows.length;) {
      const i = this.#rows.groupOf(rows[from]!);
      const start = this.#rows.start(i);
      const end = this.#rows.start(i + 1);
      let to = from;
      for (; to < rows.length && rows[to]! < end; to++) rows[to]! -= start;
      yield { part: this.groups[i]!, rows: rows.subarray(from, to) };
      from = to;
    }
  }

  /**
   * Verifies all indexes; their order only if that is asked for, as it looks at all rows.
   *
   * @throws {CorruptionError} If one is damaged, or tells of another order than the rows have.
   */
  checkIndexes({ order: ordered = true } = {}): void {
    for (const entry of this.#entries) {
      const { source, row } = this.#permutation(entry);
      source.need(0, entry.length);
      if (!ordered) continue;
      const field = this.schema.fields.find(({ number }) => number === entry.field);
      if (field === undefined) continue;
      let before = -1;
      for (let position = 0; position < this.rows; position++) {
        const now = row(position);
        const order = before < 0 ? -1 : compareNullable(
          field.value,
          this.#rows.value(field, before),
          this.#rows.value(field, now),
        ) || before - now;
        if (order >= 0) source.fail(position * 4, "an index is out of order");
        before = now;
      }
    }
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
  readonly #indexes: IndexEntry[] = [];
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
    this.#write(entry, { bytes, behind: this.#behind(entry, bytes, json) });
    this.#groups.push(entry);
  }

  /** The directory of an extent and the sums of its pages. */
  #behind(entry: Extent, bytes: Uint8Array, directory: Uint8Array): Uint8Array {
    const behind = new Uint8Array(spanOf(entry) - bytes.length);
    behind.set(directory);
    const sumsAt = align8(directory.length);
    for (let page = 0; page * PAGE < bytes.length; page++) {
      const sum = pageSum(this.#sums, entry.number, bytes, page);
      setUint32(behind, sumsAt + page * 8, sum[0]!);
      setUint32(behind, sumsAt + page * 8 + 4, sum[1]!);
    }
    this.#sums.put(SUM.directory, entry.number, 0, behind, 0, behind.length - 8);
    return behind;
  }

  /** Copies group `i` of another table, as bytes. */
  copy(from: Table, i: number): void {
    if (!from.isOf(this.#sums)) {
      const { first, last, directory } = from.groups[i]!;
      const { bytes, behind } = from.copyOf(i);
      const json = JSON.parse(decodeText(behind.subarray(0, directory)));
      return this.add({ directory: json, bytes }, first, last);
    }
    const entry = { ...from.groups[i]!, at: this.#at };
    this.#write(entry, from.copyOf(i));
    this.#groups.push(entry);
  }

  /** The rows written so far, read again. */
  written(): Rows {
    const opened = new Map<GroupEntry, Group>();
    return new GroupRows(this.#groups.map((entry) => ({
      rows: entry.rows,
      open: () => {
        let group = opened.get(entry);
        if (group === undefined) {
          group = openGroup(this.#file, this.#sums, entry).group;
          opened.set(entry, group);
        }
        return group;
      },
    })));
  }

  /**
   * Writes the order of a field; behind the last group.
   *
   * @param field The field.
   * @param nulls How many rows are null.
   * @param order All rows.
   * @param fences The value at each multiple of {@linkcode FENCE_STEP} in that order.
   */
  addIndex(
    field: FieldDef,
    nulls: number,
    order: Uint32Array,
    fences: readonly (Stored | null)[],
  ): void {
    const parts = new PartWriter();
    parts.add(order);
    const json = encodeText(JSON.stringify(encodeColumn(parts, field.value, fences)));
    const bytes = parts.finish();
    const entry = {
      field: field.number,
      nulls,
      number: this.#nextGroup++,
      at: this.#at,
      length: bytes.length,
      directory: json.length,
    };
    this.#write(entry, { bytes, behind: this.#behind(entry, bytes, json) });
    this.#indexes.push(entry);
  }

  #write(entry: Extent, { bytes, behind }: { bytes: Uint8Array; behind: Uint8Array }): void {
    this.#file.writeAt(bytes, entry.at);
    this.#file.writeAt(behind, entry.at + bytes.length);
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
      indexes: this.#indexes.map((
        i,
      ) => [i.field, i.nulls, i.number, i.at, i.length, i.directory]),
    }));
    const bytes = new Uint8Array(align8(json.length) + TAIL);
    bytes.set(json);
    setUint53(bytes, bytes.length - TAIL, this.#at);
    setUint32(bytes, bytes.length - TAIL + 8, json.length);
    this.#sums.put(SUM.footer, this.#generation, this.#at, bytes, 0, bytes.length - 8);
    this.#file.writeAt(bytes, this.#at);
  }
}
