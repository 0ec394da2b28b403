/**
 * Snapshots (leveldb's version plus memtable): the rows at one commit point. A snapshot is a
 * segment and, on top of it, the changes from the log. Every read uses one; every commit is applied
 * to one.
 *
 * Rows are in parts of ascending ids: first the row groups of the segment, then those of large
 * inserts in the log and the lists of rows of small ones. The delta of a row group holds its
 * changed and deleted rows.
 *
 * @module
 */

import type { ChangeSink } from "../log/changes.ts";
import { Group, MemorySource } from "../segment/group.ts";
import type { Predicate } from "../schema/predicate.ts";
import { locationOf, type RowLocation } from "./location.ts";
import { RowList } from "./row_list.ts";
import { decodeFrom, valueAt, versionAt } from "./rows.ts";
import type { Origin } from "./origin.ts";
import { type FieldDef, readField, type StoredRow } from "../schema/field_def.ts";
import type { TableSchema } from "../schema/schema.ts";
import { CommitKeys } from "../segment/commit_keys.ts";
import type { Segment } from "../segment/segment.ts";
import type { Stored } from "../schema/values.ts";
import { type SegmentIndex, sortedOnce } from "../segment/segment_index.ts";
import { type EntryRange, MemoryIndex } from "./memory_index.ts";

/** A part of the rows: a row group with its delta, or just a list. */
export type Slice =
  | { readonly part: GroupPart; readonly delta: RowList | undefined }
  | { readonly part: undefined; readonly delta: RowList };

/** The rows that an index found. */
export interface IndexHits {
  /** The greatest possible number of rows: some rows of the segment may have changed. */
  readonly count: number;
  /** Whether `count` is exact. */
  readonly isExact: boolean;
  /** The numbers of the rows in the segment, ascending. It reads all of them. */
  segmentRows(): Uint32Array;
  /** The ids of the rows in the log, ascending. */
  ids(): readonly number[];
}

/** The rows that the index of one field found. */
class FieldHits implements IndexHits {
  readonly count: number;
  readonly isExact: boolean;
  readonly #segmentIndex: SegmentIndex;
  readonly #ranges: [from: number, to: number][];
  readonly #memoryIndex: MemoryIndex;
  readonly #entries: EntryRange[];

  /** @param isUnchanged Whether the log changed no row of the segment. */
  constructor(
    predicate: Predicate,
    segmentIndex: SegmentIndex,
    memoryIndex: MemoryIndex,
    isUnchanged: boolean,
  ) {
    this.#segmentIndex = segmentIndex;
    this.#ranges = segmentIndex.ranges(predicate);
    this.#memoryIndex = memoryIndex;
    this.#entries = memoryIndex.ranges(predicate);
    let count = 0;
    for (const [from, to] of this.#ranges) count += to - from;
    for (const range of this.#entries) count += range.count;
    this.count = count;
    this.isExact = isUnchanged;
  }

  segmentRows(): Uint32Array {
    return this.#segmentIndex.rowsAt(this.#ranges);
  }

  ids(): readonly number[] {
    return this.#memoryIndex.idsIn(this.#entries);
  }
}

/** The rows that any of several indexes found, in a segment with this many rows. */
export function unionOfHits(hits: readonly IndexHits[], segmentRows: number): IndexHits {
  const [only] = hits;
  if (only !== undefined && hits.length === 1) return only;
  return {
    count: hits.reduce((sum, { count }) => sum + count, 0),
    isExact: false,
    segmentRows: () =>
      sortedOnce(Uint32Array.from(hits.flatMap((one) => [...one.segmentRows()])), segmentRows),
    ids: () => [...new Set(hits.flatMap((one) => one.ids()))].sort((a, b) => a - b),
  };
}

/** A copy of a row, complete: it has a value or null for each field. */
export interface RowCopy extends StoredRow {
  version: number;
  readonly values: (Stored | null)[];
}

/** A row group of the segment or of the log, opened on demand. */
export interface GroupPart {
  /** The least id. */
  readonly first: number;
  /** The greatest id. */
  readonly last: number;
  /** The number of rows. */
  readonly rows: number;
  /** Opens the group. */
  open(): Group;
}

/** The number of changed rows after which the indexes of rows in the log are updated. */
const MAX_UNINDEXED = 256;

/** The rows at one commit point. */
export class Snapshot implements ChangeSink {
  /** The segment of the generation. */
  readonly segment: Segment;
  /** The origin of the rows. */
  origin: Origin;
  /** The schema. */
  schema: TableSchema;
  /** The id that the next row gets. */
  nextId: number;
  /** The last commit. */
  sequence: number;
  /** The number of rows. */
  size: number;
  /** The path of the log, for messages about its groups. */
  readonly #logPath: string;
  /** The rows that the log inserted. */
  #tail: (GroupPart | RowList)[] = [];
  /** The deltas by the first id of their group. */
  #deltas = new Map<number, RowList>();
  /** Indexes of the rows in the log, by field number, built on demand. */
  readonly #indexes = new Map<number, { readonly field: FieldDef; readonly index: MemoryIndex }>();
  /** The rows that changed since the indexes were up to date, as they are in the indexes. */
  #unindexed = new Map<number, RowLocation | undefined>();
  /** The lists that no clone shares: they can be changed in place. */
  #own = new Set<RowList>();
  /** The commits in the log that were made with a key, after those that the segment carries. */
  #keys: CommitKeys | undefined;
  #pins = 0;

  /**
   * @param segment The segment of the generation.
   * @param logPath The path of the log, for messages.
   * @param origin The origin of the rows.
   */
  constructor(segment: Segment, logPath: string, origin: Origin) {
    this.segment = segment;
    this.schema = segment.schema;
    this.nextId = segment.nextId;
    this.sequence = segment.sequence;
    this.size = segment.rows;
    this.#logPath = logPath;
    this.origin = origin;
  }

  // ------------------------------------------------------------- commit points

  /** Whether a reader uses it: then a commit must go to a clone. */
  get pinned(): boolean {
    return this.#pins > 0;
  }

  /** Keeps this commit point as it is until {@linkcode Snapshot.unpin}. */
  pin(): void {
    this.#pins++;
    this.segment.pin();
  }

  /** See {@linkcode Snapshot.pin}. */
  unpin(): void {
    this.#pins--;
    this.segment.unpin();
  }

  /** A copy that changes on its own. Both share what neither changes (copy-on-write). */
  clone(origin = this.origin): Snapshot {
    const copy = new Snapshot(this.segment, this.#logPath, origin);
    copy.schema = this.schema;
    copy.nextId = this.nextId;
    copy.sequence = this.sequence;
    copy.size = this.size;
    copy.#keys = this.#keys;
    copy.#tail = this.#tail.slice();
    copy.#deltas = new Map(this.#deltas);
    this.#own.clear();
    for (const [number, { field, index }] of this.#indexes) {
      copy.#indexes.set(number, { field, index: index.clone() });
    }
    copy.#unindexed = new Map(this.#unindexed);
    return copy;
  }

  /** The number of changed and deleted rows in groups. */
  get dead(): number {
    let dead = 0;
    for (const delta of this.#deltas.values()) dead += delta.length;
    return dead;
  }

  // ------------------------------------------------------------- applying a commit

  put(id: number, row: StoredRow): void {
    if (id >= this.nextId) {
      if (this.#indexes.size > 0) this.#noteChange(id, undefined);
      const last = this.#tail.at(-1);
      const list = last instanceof RowList ? this.#ownList(last) : this.#newList();
      list.set(id, row);
      this.nextId = id + 1;
      this.size++;
      return;
    }
    const part = this.#partOf(id);
    if (part === undefined) return;
    const list = part instanceof RowList ? this.#ownList(part) : this.#delta(part.first);
    if (this.#indexes.size > 0) this.#noteRow(id, list.get(id), row);
    list.set(id, row);
  }

  delete(id: number): void {
    const part = this.#partOf(id);
    if (part === undefined) return;
    if (this.#indexes.size > 0) this.#noteChange(id, this.#findLogged(id));
    if (part instanceof RowList) {
      const list = this.#ownList(part);
      if (!list.remove(id)) return;
      if (list.length === 0) this.#tail.splice(this.#tail.indexOf(list), 1);
    } else {
      this.#delta(part.first).set(id, null);
    }
    this.size--;
  }

  batch(first: number, directory: unknown, bytes: Uint8Array): void {
    const group = new Group(new MemorySource(bytes, this.#logPath), directory, first);
    if (first < this.nextId || !group.isNew) throw new RangeError("inserted rows have used ids");
    const { rows } = group;
    this.#tail.push({ first, last: first + rows - 1, rows, open: () => group });
    for (const { field, index } of this.#indexes.values()) {
      for (let i = 0; i < rows; i++) index.add(first + i, group.column(field).get(i));
    }
    this.nextId = first + rows;
    this.size += rows;
  }

  alter(schema: TableSchema): void {
    schema.checkFollows(this.schema);
    this.schema = schema;
    this.#indexes.clear();
    this.#unindexed.clear();
  }

  key(key: Uint8Array, first: number, count: number): void {
    const keys = this.keys ?? CommitKeys.carriedBy(new Uint8Array());
    this.#keys = keys.with(key, { sequence: this.sequence + 1, first, count });
  }

  /** The commits that were made with a key, as far as they are remembered. */
  get keys(): CommitKeys | undefined {
    if (this.#keys === undefined && this.segment.keys !== undefined) {
      this.#keys = CommitKeys.carriedBy(this.segment.keys);
    }
    return this.#keys;
  }

  /** The delta of a group, to be changed in place. */
  #delta(first: number): RowList {
    const delta = this.#deltas.get(first);
    if (delta !== undefined && this.#own.has(delta)) return delta;
    const own = delta?.clone() ?? new RowList();
    this.#own.add(own);
    this.#deltas.set(first, own);
    return own;
  }

  /** A list of the tail, to be changed in place. */
  #ownList(list: RowList): RowList {
    if (this.#own.has(list)) return list;
    const own = list.clone();
    this.#own.add(own);
    this.#tail[this.#tail.indexOf(list)] = own;
    return own;
  }

  #newList(): RowList {
    const list = new RowList();
    this.#own.add(list);
    this.#tail.push(list);
    return list;
  }

  // ------------------------------------------------------------- reading

  /** The list or the group that would contain an id. */
  #partOf(id: number): GroupPart | RowList | undefined {
    const parts = id < this.segment.nextId ? this.segment.groups : this.#tail;
    // Written out, as every look at a row comes here.
    let low = 0;
    let high = parts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const part = parts[middle]!;
      if ((part instanceof RowList ? part.id(part.length - 1) : part.last) >= id) high = middle;
      else low = middle + 1;
    }
    const part = parts[low];
    return part === undefined || part instanceof RowList || part.first <= id ? part : undefined;
  }

  /** The location of the row with this id; `undefined` if there is none. */
  find(id: number): RowLocation | undefined {
    if (!Number.isSafeInteger(id)) return undefined;
    id += 0; // -0 is 0
    const part = this.#partOf(id);
    if (part === undefined) return undefined;
    if (part instanceof RowList) return locationOf(id, part.get(id));
    const inDelta = this.#deltas.get(part.first)?.get(id);
    if (inDelta !== undefined) return locationOf(id, inDelta);
    const group = part.open();
    const index = group.indexOf(id);
    return index < 0 ? undefined : { id, group, index, row: undefined };
  }

  /** A copy of a row that may be changed. It keeps no column in memory. */
  copy(location: RowLocation): RowCopy {
    const { fields, nextNumber } = this.schema;
    const values = new Array<Stored | null>(nextNumber).fill(null);
    const columns = location.group?.columns(fields);
    for (let k = 0; k < fields.length; k++) {
      const field = fields[k]!;
      const value = location.row === undefined
        ? columns![k]!.copy(location.index)
        : readField(location.row, field);
      // Check json before it gets into memory. A later reader could not tell which file is damaged.
      if (location.group !== undefined && field.type === "json" && value !== null) {
        decodeFrom(location.group, field, value);
      }
      values[field.number] = value;
    }
    return { version: versionAt(location), values };
  }

  /** The location of the row that has `n` rows before it; `undefined` if there is none. */
  nth(n: number): RowLocation | undefined {
    for (const part of this.#parts()) {
      if (part instanceof RowList) {
        if (n < part.length) return locationOf(part.id(n), part.row(n));
        n -= part.length;
        continue;
      }
      const delta = this.#deltas.get(part.first);
      const live = part.rows - (delta?.gone ?? 0);
      if (n < live) {
        const group = part.open();
        for (let i = 0; delta !== undefined && i < delta.length; i++) {
          if (delta.row(i) === null && group.indexOf(delta.id(i)) <= n) n++;
        }
        return this.find(group.id(n));
      }
      n -= live;
    }
    return undefined;
  }

  *#parts(): Generator<GroupPart | RowList> {
    yield* this.segment.groups;
    yield* this.#tail;
  }

  /** All rows, in slices of ascending ids. */
  *slices(): Generator<Slice> {
    for (const part of this.#parts()) {
      if (part instanceof RowList) yield { part: undefined, delta: part };
      else yield { part, delta: this.deltaOf(part) };
    }
  }

  /** The delta of a group, if it has one. */
  deltaOf({ first }: GroupPart): RowList | undefined {
    return this.#deltas.get(first);
  }

  // ------------------------------------------------------------- indexes

  /** Looks up the matching rows in the index of a field; `undefined` if the segment lacks it. */
  lookUp(field: FieldDef, predicate: Predicate): IndexHits | undefined {
    const segmentIndex = this.segment.index(field);
    if (segmentIndex === undefined) return undefined;
    const isUnchanged = this.#deltas.size === 0;
    return new FieldHits(predicate, segmentIndex, this.memoryIndex(field), isUnchanged);
  }

  /** The locations of rows of the segment, given by number, without those that the log changed. */
  *segmentLocations(rows: Iterable<number>): Generator<RowLocation> {
    for (const row of rows) {
      const { part, index } = this.segment.locate(row);
      const group = part.open();
      const id = group.id(index);
      if (this.deltaOf(part)?.get(id) !== undefined) continue;
      yield { id, group, index, row: undefined };
    }
  }

  /** The locations of the rows with these ids, without those that do not exist. */
  *locationsOf(ids: Iterable<number>): Generator<RowLocation> {
    for (const id of ids) {
      const location = this.find(id);
      if (location !== undefined) yield location;
    }
  }

  /** The index of the rows in the log. */
  memoryIndex(field: FieldDef): MemoryIndex {
    this.#updateIndexes();
    let known = this.#indexes.get(field.number);
    if (known === undefined) {
      const entries = Array.from(this.#loggedValues(field), ([id, value]) => ({ id, value }));
      this.#indexes.set(field.number, known = { field, index: MemoryIndex.of(field, entries) });
    }
    return known.index;
  }

  /** The values of all rows in the log. */
  *#loggedValues(field: FieldDef): Generator<[id: number, value: Stored | null]> {
    for (const delta of this.#deltas.values()) yield* valuesIn(delta, field);
    for (const part of this.#tail) {
      if (part instanceof RowList) {
        yield* valuesIn(part, field);
        continue;
      }
      const column = part.open().column(field);
      const delta = this.deltaOf(part);
      for (let i = 0; i < part.rows; i++) {
        if (delta?.get(part.first + i) === undefined) yield [part.first + i, column.get(i)];
      }
    }
  }

  /** The location of a row in the log. It never reads the segment: a commit cannot fail halfway. */
  #findLogged(id: number): RowLocation | undefined {
    if (id >= this.segment.nextId) return this.find(id);
    const part = this.#partOf(id) as GroupPart | undefined;
    return part && locationOf(id, this.deltaOf(part)?.get(id));
  }

  /**
   * Before a row changes: notes where the indexes know it. They are updated when the next look-up
   * needs them, because many rows change more than once before that.
   */
  #noteChange(id: number, before: RowLocation | undefined): void {
    if (this.#unindexed.has(id)) return;
    // A clone copies the notes, so there must not be many.
    if (this.#unindexed.size === MAX_UNINDEXED) this.#updateIndexes();
    this.#unindexed.set(id, before);
  }

  /** The same for a row that the log has; if no indexed value changes, there is nothing to note. */
  #noteRow(id: number, before: StoredRow | null | undefined, now: StoredRow): void {
    if (before) {
      let same = true;
      for (const { field } of this.#indexes.values()) {
        same &&= readField(before, field) === readField(now, field);
      }
      if (same) return;
    }
    this.#noteChange(id, this.#findLogged(id));
  }

  #updateIndexes(): void {
    if (this.#unindexed.size === 0) return;
    for (const [id, before] of this.#unindexed) {
      const now = this.#findLogged(id);
      for (const { field, index } of this.#indexes.values()) {
        const was = before && valueAt(before, field);
        const is = now && valueAt(now, field);
        if (was === is) continue;
        if (was !== undefined) index.remove(id, was);
        if (is !== undefined) index.add(id, is);
      }
    }
    this.#unindexed.clear();
  }
}

/** The values of a field in a list of rows. */
function* valuesIn(list: RowList, field: FieldDef): Generator<[id: number, value: Stored | null]> {
  for (let i = 0; i < list.length; i++) {
    const row = list.row(i);
    if (row !== null) yield [list.id(i), readField(row, field)];
  }
}
