/**
 * The table of one generation: a file that is written once and never changed.
 *
 * ```text
 * header 40 · ( group · directory · sums )* · ( index · directory · sums )* · footer · tail 24
 * index      the rows, by number, in the order of one field, as numbers ·
 *            the value of every 16th of them, as a column
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

import { align8, decodeText, getUint32, getUint53, sameBytes } from "../bytes/bytes.ts";
import { Cache, type Charge } from "./cache.ts";
import { isObject } from "../system/check.ts";
import { firstWhere } from "../system/bisect.ts";
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

/** The end of the file: where the footer stands. */
export const TAIL = 24;
/** What opening reads at once: most footers fit. */
const FIRST_READ = 4096;
/** What a table keeps in memory at most, if nothing else is said, in bytes. */
export const CACHE_BYTES = 64 * 2 ** 20;

/** So many positions of an index are read at once, where all are. */
const PIECE = 2 ** 15;

const keepNothing: Charge = () => {};

/** What the directory of an extent tells, which may be any JSON. */
function parseDirectory(source: Source, behind: Uint8Array, entry: Extent): unknown {
  try {
    return parseJson(decodeText(behind.subarray(0, entry.directory)));
  } catch (error) {
    return source.fail(entry.length, `a directory makes no sense (${(error as Error).message})`);
  }
}

/** Opens a group; `keep` is told how many bytes of it are kept. */
export function openGroup(
  file: File,
  checksums: Checksum,
  entry: GroupEntry,
  keep: Charge = keepNothing,
) {
  const { source, behind } = openExtent(file, checksums, entry, keep);
  const group = new Group(source, parseDirectory(source, behind, entry), entry.first);
  if (group.rows !== entry.rows) {
    source.fail(entry.length, "a row group has not the rows it should");
  }
  return { group, behind };
}

/** The rows of groups, by number. */
export class GroupRows implements RowSequence {
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

/** What stands where in an index; written as JSON. */
export interface IndexDirectory {
  /** The rows, by number, in the order of the field. */
  readonly order: NumbersMeta;
  /** The value of each whose position is a multiple of {@linkcode FENCE_STEP}. */
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

/** An open table. */
export class Segment implements SegmentInfo {
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
   * @param cacheBytes What it keeps in memory at most, beside what is in use.
   * @throws {CorruptionError} If it does not verify.
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
    const told = this.#told(footer.subarray(0, length), at);
    this.schema = told.schema;
    this.nextId = told.nextId;
    this.sequence = told.sequence;
    this.nextGroup = told.nextGroup;
    const open = (entry: GroupEntry) => this.#cache.get(entry, (keep) => this.#group(entry, keep));
    this.groups = told.groups.map((entry) => ({ ...entry, open: () => open(entry) }));
    this.#rows = new GroupRows(this.groups);
    this.#entries = told.indexes;
  }

  #told(footer: Uint8Array, at: number): Footer {
    try {
      return parseFooter(decodeText(footer), at);
    } catch (error) {
      this.#fail(at, `the footer of the table makes no sense (${(error as Error).message})`);
    }
  }

  /** How many rows. */
  get rows(): number {
    return this.#rows.rows;
  }

  #fail(at: number, reason: string): never {
    throw new CorruptionError(this.#file.path, at, reason);
  }

  #group(entry: GroupEntry, keep: Charge): Group {
    return openGroup(this.#file, this.#checksums, entry, keep).group;
  }

  /** Whether it is of the base whose sums these are. */
  isOfTable(checksums: Checksum): boolean {
    return sameBytes(this.#checksums.uuid, checksums.uuid);
  }

  /** The bytes of group `i` and all that stands behind them, verified: to be copied or checked. */
  copyOf(i: number): { bytes: Uint8Array; behind: Uint8Array } {
    const { group, behind } = openGroup(this.#file, this.#checksums, this.groups[i]!);
    return { bytes: group.source.read(0, group.source.length), behind };
  }

  // ------------------------------------------------------------- indexes

  /** Whether the order of a field is there; reads nothing. */
  hasIndex(field: FieldDef): boolean {
    return this.rows === 0 || this.#entries.some((entry) => entry.field === field.number);
  }

  /** The order of a field; `undefined` if the table was written before it had an index. */
  index(field: FieldDef): SegmentIndex | undefined {
    if (this.rows === 0) return new SegmentIndex(this.#rows, field, NO_ORDER);
    const entry = this.#entries.find((entry) => entry.field === field.number);
    if (entry === undefined) return undefined;
    return this.#cache.get(entry, (keep) => {
      return new SegmentIndex(this.#rows, field, this.#orderIn(entry, field, keep));
    });
  }

  #orderIn(entry: IndexEntry, field: FieldDef, keep: Charge = keepNothing) {
    const { source, directory, row, rows } = this.#permutation(entry, keep);
    const count = Math.ceil(this.rows / FENCE_STEP);
    const fences = openColumn(source, directory.fences, field.value, count, null);
    return {
      nulls: entry.nulls,
      row,
      rows,
      fences,
      compareFence: (i: number, value: Stored) => fences.compare(i, value, field.value),
      fail: (position: number) => source.fail(position * 4, OUT_OF_ORDER),
    };
  }

  #permutation(entry: IndexEntry, keep: Charge = keepNothing) {
    const { source, behind } = openExtent(this.#file, this.#checksums, entry, keep);
    const directory = parseDirectory(source, behind, entry) as IndexDirectory;
    if (!isObject(directory)) source.fail(entry.length, "an index has no order");
    const numbers = new Numbers(source, directory.order, this.rows, [0, this.rows - 1]);
    let looks = 0;
    const look = () => {
      // Who has looked so often will look again: reading it all costs as much by now.
      if (looks++ === this.rows >>> 6) numbers.load();
    };
    const row = (position: number) => {
      look();
      return numbers.get(position);
    };
    const rows = (from: number, to: number) => {
      look();
      return numbers.slice(from, to);
    };
    return { source, directory, numbers, row, rows };
  }

  /** All rows in the order of a field, some at a time, if there is an index of it. */
  orderOf(field: FieldDef): Iterable<Float64Array> | undefined {
    const entry = this.#entries.find((entry) => entry.field === field.number);
    return entry && this.#pieces(entry);
  }

  *#pieces(entry: IndexEntry): Generator<Float64Array> {
    const { source, numbers } = this.#permutation(entry);
    const seen = new Uint8Array(this.rows);
    for (let from = 0; from < this.rows; from += PIECE) {
      const rows = numbers.slice(from, Math.min(from + PIECE, this.rows));
      for (let i = 0; i < rows.length; i++) {
        const row = rows[i]!;
        // As many rows as there are, one of them twice.
        if (seen[row] === 1) source.fail(0, "an index leaves out a row");
        seen[row] = 1;
      }
      yield rows;
    }
  }

  /** The group that a row is in, and its place there. */
  locate(row: number): { part: Segment["groups"][number]; index: number } {
    const i = this.#rows.groupOf(row);
    return { part: this.groups[i]!, index: row - this.#rows.start(i) };
  }

  /** Rows, ascending by number, as places: which of the rows of which groups. Changes `rows`. */
  *locateAll(rows: Uint32Array): Generator<{ part: Segment["groups"][number]; rows: Uint32Array }> {
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
      source.read(0, entry.length);
      if (!ordered) continue;
      const field = this.schema.fields.find(({ number }) => number === entry.field);
      if (field === undefined) continue;
      const { fences } = this.#orderIn(entry, field);
      let before: { row: number; value: Stored | null } | undefined;
      for (let position = 0; position < this.rows; position++) {
        const now = { row: row(position), value: this.#rows.value(field, row(position)) };
        const compare = (other: Stored | null) => compareNullable(field.value, other, now.value);
        const holds =
          (before === undefined || (compare(before.value) || before.row - now.row) < 0) &&
          (now.value === null) === (position < entry.nulls) &&
          (position % FENCE_STEP > 0 || compare(fences.get(position / FENCE_STEP)) === 0);
        if (!holds) source.fail(position * 4, OUT_OF_ORDER);
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
    if (fileOwner(this.#file.path, "table", header, this.#checksums, this.#generation) !== "ours") {
      this.#fail(0, "the header of the table does not verify");
    }
  }

  /**
   * Keeps cleanup from removing this generation, and those behind it, until the table is closed;
   * `false` if it is removed already.
   */
  hold(files: Files): boolean {
    // Who removes it has the lock until its name is gone.
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
