/**
 * Reads segments. A segment is the immutable file of one generation: a columnar, sorted table file.
 *
 * ```text
 * segment    header 40 · ( row group )* · ( index )* · footer · tail 24
 * index      the row numbers in the order of one field, as numbers ·
 *            the value of every 16th of them (a fence), as a column
 * ```
 *
 * Row groups and indexes are extents: one row is read and verified without the rest. The checksums
 * of an extent are seeded with the table's UUID and the extent's number, but not with its position,
 * so compaction can copy row groups as bytes. Opening a segment reads only the footer, however many
 * rows there are.
 *
 * @module
 */

import { align8, decodeText, getUint32, getUint53, sameBytes } from "../bytes/bytes.ts";
import { Cache, type Charge } from "./cache.ts";
import { isObject } from "../system/check.ts";
import { type ColumnMeta, openColumn } from "./column.ts";
import { CorruptionError } from "../system/errors.ts";
import { type Extent, openExtent } from "./extent.ts";
import type { File, Files } from "../system/file.ts";
import {
  type Footer,
  type GroupEntry,
  type IndexEntry,
  parseFooter,
  type SegmentInfo,
} from "./footer.ts";
import { Group } from "./group.ts";
import { parseJson } from "../schema/json.ts";
import { Numbers, type NumbersMeta } from "./numbers.ts";
import type { Source } from "./parts.ts";
import type { FieldDef } from "../schema/field_def.ts";
import type { TableSchema } from "../schema/schema.ts";
import { compareNullable, type Stored } from "../schema/values.ts";
import { type Checksum, SUM } from "../bytes/checksum.ts";
import { FILE_HEADER, fileOwner } from "../bytes/header.ts";
import { FENCE_STEP, type RowOrder, type RowSequence, SegmentIndex } from "./segment_index.ts";

/** The length of the tail, which says where the footer is. */
export const TAIL = 24;
/** The number of bytes that opening reads first. Most footers fit. */
const FIRST_READ = 4096;
/** The default size of the cache of a segment, in bytes. */
export const CACHE_BYTES = 64 * 2 ** 20;

/** The number of index positions that are written or read at once. Their words fill whole pages. */
export const INDEX_CHUNK = 2 ** 15;

/** After this many searches in an index of numbers, its fences are decoded. */
const MANY_SEARCHES = 64;

const chargeNothing: Charge = () => {};

/** Parses the directory of an extent. The result may be any JSON. */
function parseDirectory(source: Source, trailer: Uint8Array, entry: Extent): unknown {
  try {
    return parseJson(decodeText(trailer.subarray(0, entry.directory)));
  } catch (error) {
    return source.fail(entry.length, `a directory makes no sense (${(error as Error).message})`);
  }
}

/** Opens a row group; `charge` is called for the bytes that stay in memory. */
export function openGroup(
  file: File,
  checksums: Checksum,
  entry: GroupEntry,
  charge: Charge = chargeNothing,
) {
  const { source, trailer } = openExtent(file, checksums, entry, charge);
  const group = new Group(source, parseDirectory(source, trailer, entry), entry.first);
  if (group.rows !== entry.rows) {
    source.fail(entry.length, "a row group has another number of rows than the footer says");
  }
  return { group, trailer };
}

/** The rows of consecutive row groups, numbered from 0. */
export class GroupRows implements RowSequence {
  readonly #groups: readonly { readonly rows: number; open(): Group }[];
  /** The number of the first row of each group, and the number of all rows. */
  readonly #starts: number[] = [0];
  #last = 0;

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

  /** The index of the group that contains a row. */
  groupOf(row: number): number {
    const starts = this.#starts;
    const last = this.#last;
    // The next row is mostly in the same group.
    if (starts[last]! <= row && row < starts[last + 1]!) return last;
    let low = 0;
    let high = this.#groups.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle + 1]! > row) high = middle;
      else low = middle + 1;
    }
    return this.#last = low;
  }

  value(field: FieldDef, row: number): Stored | null {
    const i = this.groupOf(row);
    return this.#groups[i]!.open().column(field).get(row - this.#starts[i]!);
  }

  compare(field: FieldDef, row: number, value: Stored): number | undefined {
    const i = this.groupOf(row);
    return this.#groups[i]!.open().column(field).compare(
      row - this.#starts[i]!,
      value,
      field.value,
    );
  }

  /** The id of a row. */
  id(row: number): number {
    const i = this.groupOf(row);
    return this.#groups[i]!.open().id(row - this.#starts[i]!);
  }
}

/** How a file describes an index, as JSON. */
export interface IndexDirectory {
  /** The row numbers in the order of the field. */
  readonly order: NumbersMeta;
  /** The values at the positions that are multiples of {@linkcode FENCE_STEP}. */
  readonly fences: ColumnMeta;
}

const OUT_OF_ORDER = "an index is out of order";

/** The order of no rows. */
const NO_ORDER: RowOrder = {
  nulls: 0,
  row: () => 0,
  rows: () => new Float64Array(),
  compareFence: () => undefined,
  fail(): never {
    throw new RangeError("there are no rows");
  },
};

/** An open segment. */
export class Segment implements SegmentInfo {
  readonly schema: TableSchema;
  readonly nextId: number;
  readonly sequence: number;
  readonly keys: Uint8Array | undefined;
  /** The number that the next new row group or index gets. */
  readonly nextGroup: number;
  /** The row groups, in id order. */
  readonly groups: readonly (GroupEntry & { open(): Group })[];
  /** The length of the file, in bytes. */
  readonly bytes: number;
  readonly #rows: GroupRows;
  readonly #indexes: readonly IndexEntry[];
  readonly #file: File;
  readonly #checksums: Checksum;
  readonly #generation: number;
  readonly #cache: Cache;
  #pins = 0;
  #retired = false;
  #closed = false;

  /**
   * Reads the footer.
   *
   * @param cacheBytes The size of the cache; what is in use comes on top.
   * @throws {CorruptionError} If the footer does not verify.
   */
  constructor(file: File, checksums: Checksum, generation: number, cacheBytes = CACHE_BYTES) {
    this.#file = file;
    this.#cache = new Cache(cacheBytes);
    this.#checksums = checksums;
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
    if (!checksums.holds(SUM.footer, generation, at, footer, 0, footer.length - 8)) {
      this.#fail(at, "the footer of the table does not verify");
    }
    const parsed = this.#parse(footer.subarray(0, length), at);
    this.schema = parsed.schema;
    this.nextId = parsed.nextId;
    this.sequence = parsed.sequence;
    this.keys = parsed.keys;
    this.nextGroup = parsed.nextGroup;
    const cache = this.#cache;
    const open = (entry: GroupEntry) =>
      cache.get(entry, (charge) => openGroup(file, checksums, entry, charge).group);
    this.groups = parsed.groups.map((entry) => ({
      ...entry,
      open: () => cache.peek<Group>(entry) ?? open(entry),
    }));
    this.#rows = new GroupRows(this.groups);
    this.#indexes = parsed.indexes;
  }

  #parse(footer: Uint8Array, at: number): Footer {
    try {
      return parseFooter(decodeText(footer), at);
    } catch (error) {
      this.#fail(at, `the footer of the table makes no sense (${(error as Error).message})`);
    }
  }

  /** The number of rows. */
  get rows(): number {
    return this.#rows.rows;
  }

  #fail(at: number, reason: string): never {
    throw new CorruptionError(this.#file.path, at, reason);
  }

  /** Whether the segment belongs to the table with these checksums. */
  isOfTable(checksums: Checksum): boolean {
    return sameBytes(this.#checksums.uuid, checksums.uuid);
  }

  /** The verified bytes and trailer of group `i`, to copy or to check them. */
  copyOf(i: number): { bytes: Uint8Array; trailer: Uint8Array } {
    const { group, trailer } = openGroup(this.#file, this.#checksums, this.groups[i]!);
    return { bytes: group.source.read(0, group.source.length), trailer };
  }

  // ------------------------------------------------------------- indexes

  #entryOf(field: FieldDef): IndexEntry | undefined {
    for (const entry of this.#indexes) if (entry.field === field.number) return entry;
    return undefined;
  }

  /** Whether the segment has an index of a field. It reads nothing. */
  hasIndex(field: FieldDef): boolean {
    return this.rows === 0 || this.#entryOf(field) !== undefined;
  }

  /** The index of a field; `undefined` if the segment is older than the index. */
  index(field: FieldDef): SegmentIndex | undefined {
    if (this.rows === 0) return new SegmentIndex(this.#rows, field, NO_ORDER);
    const entry = this.#entryOf(field);
    return entry && (this.#cache.peek<SegmentIndex>(entry) ?? this.#openIndex(entry, field));
  }

  #openIndex(entry: IndexEntry, field: FieldDef): SegmentIndex {
    return this.#cache.get(
      entry,
      (charge) => new SegmentIndex(this.#rows, field, this.#openOrder(entry, field, charge)),
    );
  }

  #openOrder(entry: IndexEntry, field: FieldDef, charge?: Charge) {
    const { source, directory, row, rows } = this.#openPermutation(entry, charge);
    const count = Math.ceil(this.rows / FENCE_STEP);
    const fences = openColumn(source, directory.fences, field.value, count, null);
    const isNumber = field.value.layout === "number";
    let searches = 0;
    let numbers: Float64Array | undefined;
    const fenceNumbers = () => {
      if (!isNumber || numbers !== undefined || searches++ !== MANY_SEARCHES) return numbers;
      numbers = new Float64Array(count);
      numbers = fences.numbers(numbers)
        ? numbers.subarray(Math.ceil(entry.nulls / FENCE_STEP))
        : undefined;
      source.charge(numbers?.byteLength ?? 0);
      return numbers;
    };
    return {
      nulls: entry.nulls,
      row,
      rows,
      fences,
      fenceNumbers,
      compareFence: (i: number, value: Stored) => fences.compare(i, value, field.value),
      fail: (position: number) => source.fail(position * 4, OUT_OF_ORDER),
    };
  }

  #openPermutation(entry: IndexEntry, charge: Charge = chargeNothing) {
    const { source, trailer } = openExtent(this.#file, this.#checksums, entry, charge);
    const directory = parseDirectory(source, trailer, entry) as IndexDirectory;
    if (!isObject(directory)) source.fail(entry.length, "an index has no order");
    const numbers = new Numbers(source, directory.order, this.rows, [0, this.rows - 1]);
    let reads = 0;
    const countRead = () => {
      // After this many reads, loading all positions costs no more than the reads did.
      if (reads++ === this.rows >>> 6) numbers.load();
    };
    const row = (position: number) => {
      countRead();
      return numbers.get(position);
    };
    const rows = (from: number, to: number) => {
      countRead();
      return numbers.slice(from, to);
    };
    return { source, directory, numbers, row, rows };
  }

  /** All row numbers in the order of a field, in chunks; `undefined` if it has no index. */
  orderOf(field: FieldDef): Iterable<Float64Array> | undefined {
    const entry = this.#entryOf(field);
    return entry && this.#chunksOf(entry);
  }

  *#chunksOf(entry: IndexEntry): Generator<Float64Array> {
    const { source, numbers } = this.#openPermutation(entry);
    const seen = new Uint8Array(this.rows);
    for (let from = 0; from < this.rows; from += INDEX_CHUNK) {
      const rows = numbers.slice(from, Math.min(from + INDEX_CHUNK, this.rows));
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i]!;
        // The order has as many entries as there are rows, so a repeated row means a missing one.
        if (seen[row] === 1) source.fail(0, "an index leaves out a row");
        seen[row] = 1;
      }
      yield rows;
    }
  }

  /** The group that contains a row, and the row's index in it. */
  locate(row: number): { part: Segment["groups"][number]; index: number } {
    const i = this.#rows.groupOf(row);
    return { part: this.groups[i]!, index: row - this.#rows.start(i) };
  }

  /** The same for ascending row numbers, group by group. It overwrites `rows`. */
  locateAll(rows: Uint32Array): { part: Segment["groups"][number]; rows: Uint32Array }[] {
    const located = [];
    const { length } = rows;
    for (let from = 0; from < rows.length;) {
      const i = this.#rows.groupOf(rows[from]!);
      const start = this.#rows.start(i);
      const end = this.#rows.start(i + 1);
      let to = from;
      for (; to < rows.length && rows[to]! < end; to++) rows[to]! -= start;
      const all = from === 0 && to === length;
      located.push({ part: this.groups[i]!, rows: all ? rows : rows.subarray(from, to) });
      from = to;
    }
    return located;
  }

  /**
   * Verifies the bytes of all indexes and, if `order` is true, their order, which reads all rows.
   *
   * @throws {CorruptionError} If an index is damaged or contradicts the rows.
   */
  checkIndexes({ order: checkOrder = true } = {}): void {
    for (const entry of this.#indexes) {
      const { source, row } = this.#openPermutation(entry);
      source.read(0, entry.length);
      if (!checkOrder) continue;
      const field = this.schema.fields.find(({ number }) => number === entry.field);
      if (field === undefined) continue;
      const { fences } = this.#openOrder(entry, field);
      let before: { row: number; value: Stored | null } | undefined;
      for (let position = 0; position < this.rows; position++) {
        const now = { row: row(position), value: this.#rows.value(field, row(position)) };
        const compare = (other: Stored | null) => compareNullable(field.value, other, now.value);
        const isValid =
          (before === undefined || (compare(before.value) || before.row - now.row) < 0) &&
          (now.value === null) === (position < entry.nulls) &&
          (position % FENCE_STEP > 0 || compare(fences.get(position / FENCE_STEP)) === 0);
        if (!isValid) source.fail(position * 4, OUT_OF_ORDER);
        before = now;
      }
    }
  }

  /**
   * Verifies the header. Opening does not read it.
   *
   * @throws {CorruptionError} If it does not verify.
   */
  checkHeader(): void {
    const header = new Uint8Array(FILE_HEADER);
    this.#file.readAt(header, 0);
    if (fileOwner(this.#file.path, "table", header, this.#checksums, this.#generation) !== "ours") {
      this.#fail(0, "the header of the table does not verify");
    }
  }

  /**
   * Keeps compaction from removing this generation and later ones until the segment is closed;
   * returns `false` if it was already removed.
   */
  hold(files: Files): boolean {
    // A process that removes the file holds its lock until the name is gone.
    return this.#file.tryLock(true) && files.fileId(this.#file.path) === this.#file.fileId;
  }

  /** Keeps the file open until {@linkcode Segment.unpin}. */
  pin(): void {
    this.#pins++;
  }

  /** See {@linkcode Segment.pin}. */
  unpin(): void {
    if (--this.#pins === 0 && this.#retired) this.close();
  }

  /** Closes the file as soon as it is not pinned. */
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
