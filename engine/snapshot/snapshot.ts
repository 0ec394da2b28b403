/**
 * The rows at one commit point: a table and, over it, what the log changed
 * since. Every read answers from one of these; every commit is applied to one.
 *
 * Rows stand in segments of ascending ids: the groups of the table, then groups
 * that large inserts left in the log and lists of rows that small ones did.
 * What was changed or deleted in a group is in its patch.
 *
 * @module
 */

import type { ChangeSink } from "../log/changes.ts";
import { firstWhere } from "../system/bisect.ts";
import { Group, MemorySource } from "../segment/group.ts";
import type { Predicate } from "../schema/predicate.ts";
import { locationOf, type RowLocation } from "./location.ts";
import { RowList } from "./row_list.ts";
import { decodeFrom, valueAt, versionAt } from "./rows.ts";
import type { Origin } from "./origin.ts";
import { type FieldDef, readField, type StoredRow } from "../schema/field_def.ts";
import type { TableSchema } from "../schema/schema.ts";
import type { Segment } from "../segment/segment.ts";
import type { Stored } from "../schema/values.ts";
import { sortedOnce } from "../segment/segment_index.ts";
import { MemoryIndex } from "./memory_index.ts";

/** Rows of ascending ids: those of a group but for its patch, or just a list. */
export type Slice =
  | { readonly part: GroupPart; readonly delta: RowList | undefined }
  | { readonly part: undefined; readonly delta: RowList };

/** What an index found. */
export interface IndexHits {
  /** How many rows, at most: some of the table may have changed since. */
  readonly count: number;
  /** Whether so many rows have such a value, no more and no less. */
  readonly isExact: boolean;
  /** Rows of the table, by number, ascending; reads that many words. */
  segmentRows(): Uint32Array;
  /** Ids of rows that the log holds, ascending. */
  ids(): readonly number[];
}

/** What one of several indexes found, at least, of a table with so many rows. */
export function unionOfHits(found: readonly IndexHits[], tableRows: number): IndexHits {
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  return {
    count: found.reduce((sum, { count }) => sum + count, 0),
    isExact: false,
    segmentRows: () =>
      sortedOnce(Uint32Array.from(found.flatMap((one) => [...one.segmentRows()])), tableRows),
    ids: () => [...new Set(found.flatMap((one) => one.ids()))].sort((a, b) => a - b),
  };
}

/** A row of its own, complete: with a value, or null, for each field. */
export interface RowCopy extends StoredRow {
  readonly values: (Stored | null)[];
}

/** A group, of the table or of the log, before it is looked into. */
export interface GroupPart {
  /** The least id. */
  readonly first: number;
  /** The greatest id. */
  readonly last: number;
  /** How many rows. */
  readonly rows: number;
  /** What is in it. */
  open(): Group;
}

/** The rows at one commit point. */
export class Snapshot implements ChangeSink {
  /** What the log goes on from. */
  readonly segment: Segment;
  /** What its rows come from. */
  origin: Origin;
  /** The fields. */
  schema: TableSchema;
  /** The id that the next row gets. */
  nextId: number;
  /** The last commit. */
  sequence: number;
  /** How many rows. */
  size: number;
  /** The log that batches come from, for messages. */
  readonly #logPath: string;
  #tail: (GroupPart | RowList)[] = [];
  /** By the first id of the group. */
  #deltas = new Map<number, RowList>();
  /** Of what the log holds, by the number of the field; made when asked for. */
  readonly #indexes = new Map<number, { readonly field: FieldDef; readonly index: MemoryIndex }>();
  /** The lists that no clone shares. */
  #own = new Set<RowList>();
  #pins = 0;

  /**
   * @param table What the log goes on from.
   * @param logPath The log, for messages.
   * @param origin What its rows come from.
   */
  constructor(table: Segment, logPath: string, origin: Origin) {
    this.segment = table;
    this.schema = table.schema;
    this.nextId = table.nextId;
    this.sequence = table.sequence;
    this.size = table.rows;
    this.#logPath = logPath;
    this.origin = origin;
  }

  // ------------------------------------------------------------- commit points

  /** Whether somebody reads it: then a commit goes into a copy. */
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

  /** A copy that changes on its own; what does not change is shared. */
  clone(origin = this.origin): Snapshot {
    const copy = new Snapshot(this.segment, this.#logPath, origin);
    copy.schema = this.schema;
    copy.nextId = this.nextId;
    copy.sequence = this.sequence;
    copy.size = this.size;
    copy.#tail = this.#tail.slice();
    copy.#deltas = new Map(this.#deltas);
    this.#own.clear();
    for (const [number, { field, index }] of this.#indexes) {
      copy.#indexes.set(number, { field, index: index.clone() });
    }
    return copy;
  }

  /** Rows of the table that were changed or deleted since. */
  get dead(): number {
    let dead = 0;
    for (const delta of this.#deltas.values()) dead += delta.length;
    return dead;
  }

  // ------------------------------------------------------------- applying a commit

  put(id: number, row: StoredRow): void {
    if (this.#indexes.size > 0) this.#reindex(id, row);
    if (id >= this.nextId) {
      const last = this.#tail.at(-1);
      const list = last instanceof RowList ? this.#ownList(last) : this.#newList();
      list.set(id, row);
      this.nextId = id + 1;
      this.size++;
      return;
    }
    const part = this.#partOf(id);
    if (part instanceof RowList) this.#ownList(part).set(id, row);
    else if (part !== undefined) this.#delta(part.first).set(id, row);
  }

  delete(id: number): void {
    if (this.#indexes.size > 0) this.#reindex(id, undefined);
    const part = this.#partOf(id);
    if (part === undefined) return;
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
    if (first < this.nextId || !group.isNew) throw new RangeError("new rows have ids of others");
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
  }

  #delta(first: number): RowList {
    const delta = this.#deltas.get(first);
    if (delta !== undefined && this.#own.has(delta)) return delta;
    const own = delta?.clone() ?? new RowList();
    this.#own.add(own);
    this.#deltas.set(first, own);
    return own;
  }

  /** A list of the tail, to be changed. */
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

  /** The list or the group that an id would stand in. */
  #partOf(id: number): GroupPart | RowList | undefined {
    const parts = id < this.segment.nextId ? this.segment.groups : this.#tail;
    const part = parts[
      firstWhere(0, parts.length, (i) => {
        const part = parts[i]!;
        return (part instanceof RowList ? part.id(part.length - 1) : part.last) >= id;
      })
    ];
    return part === undefined || part instanceof RowList || part.first <= id ? part : undefined;
  }

  /** Where the row of an id stands; `undefined` if there is none. */
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

  /** The row of a place, as one that may be changed; it keeps no column in memory. */
  copy(location: RowLocation): RowCopy {
    const { fields, nextNumber } = this.schema;
    const values = new Array<Stored | null>(nextNumber).fill(null);
    const columns = location.group?.columns(fields);
    for (let k = 0; k < fields.length; k++) {
      const field = fields[k]!;
      const value = location.row === undefined
        ? columns![k]!.copy(location.index)
        : readField(location.row, field);
      // What goes into memory is known to be json: who finds it there cannot tell where it came from.
      if (location.group !== undefined && field.type === "json" && value !== null) {
        decodeFrom(location.group, field, value);
      }
      values[field.number] = value;
    }
    return { version: versionAt(location), values };
  }

  /** Where the row stands that `n` others come before; `undefined` if there are not so many. */
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

  /** All rows, in segments of ascending ids. */
  *slices(): Generator<Slice> {
    for (const part of this.#parts()) {
      if (part instanceof RowList) yield { part: undefined, delta: part };
      else yield { part, delta: this.deltaOf(part) };
    }
  }

  /** What changed in a group since it was written. */
  deltaOf({ first }: GroupPart): RowList | undefined {
    return this.#deltas.get(first);
  }

  // ------------------------------------------------------------- indexes

  /** The rows that match, by the index of the field; `undefined` if the table has none yet. */
  lookUp(field: FieldDef, predicate: Predicate): IndexHits | undefined {
    const sorted = this.segment.index(field);
    if (sorted === undefined) return undefined;
    const logged = this.memoryIndex(field);
    const ranges = sorted.ranges(predicate);
    const entries = logged.ranges(predicate);
    const count = ranges.reduce((sum, [from, to]) => sum + to - from, 0) +
      entries.reduce((sum, { count }) => sum + count, 0);
    return {
      count,
      isExact: this.#deltas.size === 0,
      ids: () => logged.idsIn(entries),
      segmentRows: () => sorted.rowsAt(ranges),
    };
  }

  /** Rows of the table, by number, but those that the log changed. */
  *segmentLocations(rows: Iterable<number>): Generator<RowLocation> {
    for (const row of rows) {
      const { part, index } = this.segment.locate(row);
      const group = part.open();
      const id = group.id(index);
      if (this.deltaOf(part)?.get(id) !== undefined) continue;
      yield { id, group, index, row: undefined };
    }
  }

  /** The rows of these ids that are there. */
  *locationsOf(ids: Iterable<number>): Generator<RowLocation> {
    for (const id of ids) {
      const location = this.find(id);
      if (location !== undefined) yield location;
    }
  }

  /** The index of what the log holds. */
  memoryIndex(field: FieldDef): MemoryIndex {
    let known = this.#indexes.get(field.number);
    if (known === undefined) {
      const entries = Array.from(this.#logged(field), ([id, value]) => ({ id, value }));
      this.#indexes.set(field.number, known = { field, index: MemoryIndex.of(field, entries) });
    }
    return known.index;
  }

  /** The values of all rows that the log holds. */
  *#logged(field: FieldDef): Generator<[id: number, value: Stored | null]> {
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

  /** The row of an id, if the log holds it. Reads nothing, so that no commit can fail halfway. */
  #findLogged(id: number): RowLocation | undefined {
    if (id >= this.segment.nextId) return this.find(id);
    const part = this.#partOf(id) as GroupPart | undefined;
    return part && locationOf(id, this.deltaOf(part)?.get(id));
  }

  /** Puts a row in the place of what it was, or of nothing; removes it, if it is `undefined`. */
  #reindex(id: number, row: StoredRow | undefined): void {
    const before = id < this.nextId ? this.#findLogged(id) : undefined;
    for (const { field, index } of this.#indexes.values()) {
      const was = before && valueAt(before, field);
      const is = row && readField(row, field);
      if (was === is) continue;
      if (was !== undefined) index.remove(id, was);
      if (is !== undefined) index.add(id, is);
    }
  }
}

function* valuesIn(list: RowList, field: FieldDef): Generator<[id: number, value: Stored | null]> {
  for (let i = 0; i < list.length; i++) {
    const row = list.row(i);
    if (row !== null) yield [list.id(i), readField(row, field)];
  }
}
