/**
 * A write batch: the changes of one verb before its commit. Only the verb sees them until all of
 * them are appended as one frame. The handle that made them adopts them as a snapshot; all others
 * read them from the frame.
 *
 * @module
 */

import { type ChangeSink, ChangeWriter } from "../log/changes.ts";
import type { UniqueError } from "../system/errors.ts";
import { type EncodedGroup, Group, MemorySource } from "../segment/group.ts";
import { equal } from "../schema/predicate.ts";
import { checkCommitSize, type EncodedRows } from "./prepared_rows.ts";
import { EVERYTHING, type Query } from "../query/query.ts";
import { valueAt } from "../snapshot/rows.ts";
import type { Origin } from "../snapshot/origin.ts";
import { plan } from "../query/plan.ts";
import { chunks, locationsIn, scan } from "../query/scan.ts";
import { type FieldDef, readField, type StoredRow, uniqueError } from "../schema/field_def.ts";
import type { TableSchema } from "../schema/schema.ts";
import type { RowCopy, Snapshot } from "../snapshot/snapshot.ts";
import { locationOf, type RowLocation } from "../snapshot/location.ts";
import { equalityKey, type Stored } from "../schema/values.ts";

/** A change of the table; returns what its verb resolves to. */
export type Edit<T> = (batch: WriteBatch) => T;

/** What a job made of a snapshot. */
export interface PreparedCommit<T> {
  /** What the verb resolves to. */
  readonly value: T;
  /** The changes as the payload of a frame; empty if nothing changed. */
  readonly payload: Uint8Array;
  /** The snapshot with the changes. */
  readonly snapshot: Snapshot;
}

/**
 * A job of the writer: makes a commit that goes on from a snapshot, which it may use up. If it
 * throws, the snapshot is as it was.
 */
export type CommitJob<T> = (snapshot: Snapshot) => PreparedCommit<T>;

/** The job of one verb in the table at `dir`. */
export function jobOf<T>(edit: Edit<T>, dir: string): CommitJob<T> {
  return (snapshot) => {
    const batch = new WriteBatch(snapshot, dir);
    const value = edit(batch);
    const payload = batch.finish();
    checkCommitSize(dir, payload.length);
    return { value, payload, snapshot: batch.apply() };
  };
}

/** To look up a value costs as much as to look at so many rows of a scan. */
const SCAN_COST = 50;

/** A row that is written, or deleted if there is none. */
interface RowWrite {
  readonly id: number;
  readonly row: StoredRow | undefined;
}

/** Rows that are inserted as a group. */
interface GroupInsert extends EncodedGroup {
  readonly first: number;
}

/** The changes of one verb. */
export class WriteBatch {
  readonly #snapshot: Snapshot;
  readonly #dir: string;
  #schema: TableSchema;
  /** In the order of the frame. */
  readonly #changes: (RowWrite | GroupInsert | TableSchema)[] = [];
  /** See {@linkcode WriteBatch.#changed}; covers the first `#mapped` changes. */
  #byId: Map<number, StoredRow | undefined> | undefined;
  #mapped = 0;
  #nextId: number;

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

  /** The snapshot that it goes on from. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** The id of the next row. */
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
   * Returns the payload of the frame, which is empty if nothing changed.
   *
   * @param out Where to write it, after what is there.
   * @throws {UniqueError} If a value of a unique field would occur twice.
   */
  finish(out: ChangeWriter = new ChangeWriter(this.#snapshot.schema)): Uint8Array {
    for (const field of this.schema.unique) this.#checkUnique(field);
    this.#writeTo(out);
    return out.payload;
  }

  /** Returns the snapshot with the changes: the same one, changed, unless it is pinned. */
  apply(): Snapshot {
    if (this.#changes.length === 0) return this.#snapshot;
    const snapshot = this.#snapshot.pinned ? this.#snapshot.clone() : this.#snapshot;
    this.#writeTo(snapshot);
    return snapshot;
  }

  #writeTo(sink: ChangeSink): void {
    for (const change of this.#changes) {
      if ("id" in change) {
        if (change.row === undefined) sink.delete(change.id);
        else sink.put(change.id, change.row);
      } else if ("first" in change) sink.batch(change.first, change.directory, change.bytes);
      else sink.alter(change);
    }
  }

  /** The values of a field in all rows that are written here, except nulls. */
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

  /** Runs after all writes, as rows may have exchanged their values. */
  #checkUnique(field: FieldDef): void {
    const here = new Map<unknown, number>();
    for (const [id, value] of this.#written(field)) {
      const key = equalityKey(value);
      const holder = here.get(key);
      if (holder !== undefined) throw this.#duplicate(field, value, holder);
      here.set(key, id);
    }
    // All other rows hold the value that the field was added with, which `alter` has checked.
    if (field.number >= this.#snapshot.schema.nextNumber) return;
    if (here.size * SCAN_COST > this.#snapshot.size) return this.#checkAll(field, here);
    for (const [id, value] of this.#written(field)) {
      const holder = this.holderOf(field, value);
      if (holder !== undefined && holder !== id) throw this.#duplicate(field, value, holder);
    }
  }

  /** The row that has a value, unless it is changed here. */
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

  /** Where the row of an id is. */
  at(id: number): RowLocation | undefined {
    if (this.#changes.length === 0) return this.#snapshot.find(id);
    const changed = this.#changed;
    return changed.has(id) ? locationOf(id, changed.get(id)) : this.#snapshot.find(id);
  }

  /** See {@linkcode Snapshot.copy}. */
  copy(location: RowLocation): RowCopy {
    return this.#snapshot.copy(location);
  }

  /** The rows that match, as they were before this batch. */
  find(query: Query): RowLocation[] {
    const locations: RowLocation[] = [];
    for (const chunk of chunks(plan(this.#snapshot, query))) {
      for (const location of locationsIn(chunk)) locations.push(location);
    }
    return locations;
  }

  /** Inserts rows; returns the first id, which the other ids follow. */
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

  /** Writes the row of an id; deletes it if `row` is undefined. */
  put(id: number, row: StoredRow | undefined): void {
    this.#changes.push({ id, row });
  }

  /** The rows written here, `undefined` if deleted; made on demand, as many verbs never need it. */
  get #changed(): ReadonlyMap<number, StoredRow | undefined> {
    const byId = this.#byId ??= new Map();
    for (; this.#mapped < this.#changes.length; this.#mapped++) {
      const change = this.#changes[this.#mapped]!;
      if ("row" in change) byId.set(change.id, change.row);
    }
    return byId;
  }

  /** Deletes a row; returns whether it existed. */
  delete(id: number): boolean {
    if (this.at(id) === undefined) return false;
    this.put(id, undefined);
    return true;
  }

  /**
   * Changes the fields.
   *
   * @throws {UniqueError} If a field becomes unique that has a value twice.
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

  #duplicate(field: FieldDef, stored: Stored, id: number): UniqueError {
    return uniqueError(`Cannot write to "${this.#dir}"`, { field, stored, id });
  }

  /**
   * Checks a new field without asking any group for its column, here or later: a group would keep
   * the column if the change fails, and the next field gets the same number.
   */
  #checkFill(field: FieldDef): void {
    const [first] = scan(this.#snapshot, EVERYTHING).take(1);
    if (field.fill !== null && this.#snapshot.size > 1) {
      throw this.#duplicate(field, field.fill, first!.id);
    }
  }

  /** Checks that no row that is not changed here has a known value, by default one of another. */
  #checkAll(field: FieldDef, known?: ReadonlyMap<unknown, number>): void {
    const seen = new Map<unknown, number>();
    const check = (id: number, value: Stored | null) => {
      if (value === null || this.#changed.has(id)) return;
      const key = equalityKey(value);
      if ((known ?? seen).has(key)) throw this.#duplicate(field, value, seen.get(key) ?? id);
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
