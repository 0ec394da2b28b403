/**
 * A commit in the making: what one verb changes, seen by itself only until all
 * of it is appended as one frame. Who made it takes it over as it is; all others
 * read it from the frame.
 *
 * @module
 */

import { type ChangeSink, ChangeWriter } from "../log/changes.ts";
import type { UniqueError } from "../system/errors.ts";
import { type EncodedGroup, Group, MemorySource } from "../segment/group.ts";
import { equal } from "../schema/predicate.ts";
import type { EncodedRows } from "./prepared_rows.ts";
import { EVERYTHING, type Query } from "../query/query.ts";
import { valueAt } from "../snapshot/rows.ts";
import type { Origin } from "../snapshot/origin.ts";
import { plan } from "../query/plan.ts";
import { chunks, locationsIn, scan } from "../query/scan.ts";
import { type FieldDef, readField, type StoredRow, uniqueError } from "../schema/field_def.ts";
import { TableSchema } from "../schema/schema.ts";
import type { RowCopy, Snapshot } from "../snapshot/snapshot.ts";
import { locationOf, type RowLocation } from "../snapshot/location.ts";
import { equalityKey, type Stored } from "../schema/values.ts";

/** To look up a value costs as much as to look at so many rows of a scan. */
const SCAN_COST = 50;

/** A row changed, or deleted if there is none. */
interface RowChange {
  readonly id: number;
  readonly row: StoredRow | undefined;
}

/** Rows inserted as a group. */
interface Batch extends EncodedGroup {
  readonly first: number;
}

/** Changes that were checked on a commit point, and what it becomes by them. */
export interface Changes {
  /** They, as a payload. */
  readonly payload: Uint8Array;
  /** The commit point with them. */
  readonly snapshot: Snapshot;
}

/** What a verb changes. */
export class WriteBatch {
  readonly #snapshot: Snapshot;
  readonly #dir: string;
  #schema: TableSchema;
  /** In the order in which all others will read it. */
  readonly #changes: (RowChange | Batch | TableSchema)[] = [];
  /** See {@linkcode WriteBatch.#changed}; holds the first of the changes, so many. */
  readonly #byId = new Map<number, StoredRow | undefined>();
  #mapped = 0;
  #adopted: Changes | undefined;
  #nextId: number;

  /**
   * @param snapshot The commit point that it goes on from.
   * @param dir Where the base is, for messages.
   */
  constructor(snapshot: Snapshot, dir: string) {
    this.#snapshot = snapshot;
    this.#dir = dir;
    this.#schema = snapshot.schema;
    this.#nextId = snapshot.nextId;
  }

  /** The fields. */
  get schema(): TableSchema {
    return this.#schema;
  }

  /** The commit point that it goes on from. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** The id that the next row gets. */
  get nextId(): number {
    return this.#nextId;
  }

  /** What its rows come from. */
  get origin(): Origin {
    return this.#snapshot.origin;
  }

  /** Whether the table has no rows. */
  get empty(): boolean {
    return this.#snapshot.size === 0;
  }

  /**
   * What becomes the payload of the frame; without length: nothing changed.
   *
   * @param out What it is written to, behind what is there.
   * @throws {UniqueError} If a value would be there twice that must not.
   */
  finish(out: ChangeWriter = new ChangeWriter(this.#snapshot.schema)): Uint8Array {
    if (this.#adopted !== undefined) return this.#adopted.payload;
    for (const field of this.schema.unique) this.#checkUnique(field);
    this.#tell(out);
    return out.payload;
  }

  /**
   * The commit point with all that is changed here; what it went on from is used up by it, unless
   * that is pinned.
   */
  apply(): Snapshot {
    if (this.#adopted !== undefined) return this.#adopted.snapshot;
    if (this.#changes.length === 0) return this.#snapshot;
    const snapshot = this.#snapshot.pinned ? this.#snapshot.clone() : this.#snapshot;
    this.#tell(snapshot);
    return snapshot;
  }

  #tell(sink: ChangeSink): void {
    for (const change of this.#changes) {
      if (change instanceof TableSchema) sink.alter(change);
      else if ("first" in change) sink.batch(change.first, change.directory, change.bytes);
      else if (change.row === undefined) sink.delete(change.id);
      else sink.put(change.id, change.row);
    }
  }

  /** The values of a field in all rows that are written here, but nulls. */
  *#written(field: FieldDef): Generator<[id: number, value: Stored]> {
    for (const [id, row] of this.#changed) {
      const value = row === undefined ? null : readField(row, field);
      if (value !== null) yield [id, value];
    }
    for (const change of this.#changes) {
      if (!("first" in change)) continue;
      const source = new MemorySource(change.bytes, this.#dir);
      const group = new Group(source, change.directory, change.first);
      const column = group.column(field);
      column.load();
      for (let i = 0; i < group.rows; i++) {
        const value = column.get(i);
        if (value !== null) yield [group.id(i), value];
      }
    }
  }

  /** Only when all is written: rows may have exchanged their values. */
  #checkUnique(field: FieldDef): void {
    const here = new Map<unknown, number>();
    for (const [id, value] of this.#written(field)) {
      const key = equalityKey(value);
      const holder = here.get(key);
      if (holder !== undefined) throw this.#taken(field, value, holder);
      here.set(key, id);
    }
    // All others hold what it was added with, which `alter` has looked at.
    if (field.number >= this.#snapshot.schema.nextNumber) return;
    if (here.size * SCAN_COST > this.#snapshot.size) return this.#checkAll(field, here);
    for (const [id, value] of this.#written(field)) {
      const holder = this.holderOf(field, value);
      if (holder !== undefined && holder !== id) throw this.#taken(field, value, holder);
    }
  }

  /** The row that has a value, and is not changed here. */
  holderOf(field: FieldDef, value: Stored): number | undefined {
    if (this.empty) return undefined;
    const query = {
      kind: "match",
      attribute: field,
      predicate: equal(field.value, value),
    } as const;
    for (const { id } of scan(this.#snapshot, query)) if (!this.#changed.has(id)) return id;
    return undefined;
  }

  /** Where the row of an id stands. */
  at(id: number): RowLocation | undefined {
    const changed = this.#changed;
    return changed.has(id) ? locationOf(id, changed.get(id)) : this.#snapshot.find(id);
  }

  /** The row of a place, as {@linkcode Snapshot.copy} gives it. */
  copy(location: RowLocation): RowCopy {
    return this.#snapshot.copy(location);
  }

  /** The rows that match, as they were before this draft. */
  find(query: Query): RowLocation[] {
    const locations: RowLocation[] = [];
    for (const chunk of chunks(plan(this.#snapshot, query))) {
      for (const location of locationsIn(chunk)) locations.push(location);
    }
    return locations;
  }

  /** Inserts rows; their ids follow the one returned. */
  insert(rows: EncodedRows): number {
    const first = this.#nextId;
    if (!("groups" in rows)) {
      for (const row of rows) this.put(this.#nextId++, row);
      return first;
    }
    for (const group of rows.groups) {
      this.#changes.push({ ...group, first: this.#nextId });
      this.#nextId += group.directory.rows;
    }
    return first;
  }

  /** Puts a row in the place of what the id has; deletes it, if there is none. */
  put(id: number, row: StoredRow | undefined): void {
    this.#changes.push({ id, row });
  }

  /** Rows changed here; `undefined`: deleted here. Made when it is asked for, as many verbs never do. */
  get #changed(): ReadonlyMap<number, StoredRow | undefined> {
    for (; this.#mapped < this.#changes.length; this.#mapped++) {
      const change = this.#changes[this.#mapped]!;
      if ("row" in change) this.#byId.set(change.id, change.row);
    }
    return this.#byId;
  }

  /** Takes over changes that were checked on the same commit point; there are no others. */
  adopt(changes: Changes): void {
    this.#adopted = changes;
  }

  /** Deletes a row; whether it was there. */
  delete(id: number): boolean {
    if (this.at(id) === undefined) return false;
    this.put(id, undefined);
    return true;
  }

  /**
   * Changes the fields.
   *
   * @throws {UniqueError} If a field is to be unique that has a value twice.
   */
  alter(schema: TableSchema): void {
    const before = new Map(this.schema.fields.map((field) => [field.number, field]));
    for (const field of schema.unique) {
      if (before.get(field.number)?.unique) continue;
      if (before.has(field.number)) this.#checkAll(field);
      else this.#checkFill(field);
    }
    this.#changes.push(schema);
    this.#schema = schema;
  }

  #taken(field: FieldDef, stored: Stored, id: number): UniqueError {
    return uniqueError(`Cannot write to "${this.#dir}"`, { field, stored, id });
  }

  /**
   * A new field: no group is asked for its column, here or later. It would keep the column if the
   * change fails, and the next field gets the same number.
   */
  #checkFill(field: FieldDef): void {
    const [first] = scan(this.#snapshot, EVERYTHING).take(1);
    if (field.fill !== null && this.#snapshot.size > 1) {
      throw this.#taken(field, field.fill, first!.id);
    }
  }

  /** Looks at all rows that are as they were: none has a known value; by default, of each other. */
  #checkAll(field: FieldDef, known?: ReadonlyMap<unknown, number>): void {
    const seen = new Map<unknown, number>();
    const check = (id: number, value: Stored | null) => {
      if (value === null || this.#changed.has(id)) return;
      const key = equalityKey(value);
      if ((known ?? seen).has(key)) throw this.#taken(field, value, seen.get(key) ?? id);
      if (known === undefined) seen.set(key, id);
    };
    for (const { group, rows, others } of chunks(plan(this.#snapshot, EVERYTHING))) {
      const column = group?.column(field);
      column?.load();
      for (const row of rows) check(group!.id(row), column!.get(row));
      for (const location of others) check(location.id, valueAt(location, field));
    }
  }
}

/** A change of the table; returns what its verb resolves to. */
export type Edit<T> = (batch: WriteBatch) => T;
