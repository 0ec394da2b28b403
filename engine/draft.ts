/**
 * A commit in the making: what one verb changes, seen by itself only until all
 * of it is appended as one frame.
 *
 * @module
 */

import { ChangeWriter } from "./changes.ts";
import { type EncodedGroup, GroupBuilder } from "./group.ts";
import type { Query } from "./query.ts";
import { scan } from "./scan.ts";
import type { StoredRow, TableSchema } from "./schema.ts";
import type { State } from "./state.ts";

/** From so many rows on, an insert is written as groups. */
const BATCH_ROWS = 64;

/** Values by field number, as `TableSchema.takeInsert` gives them. */
type Values = StoredRow["values"];

/** Rows to insert, encoded before their ids are known. */
export interface PreparedRows {
  /** One by one, while they are few. */
  readonly rows: readonly StoredRow[];
  /** As groups, when they are many. */
  readonly groups: readonly EncodedGroup[];
}

/** Encodes rows to insert; done before the lock is taken. */
export function prepareRows(schema: TableSchema, values: readonly Values[]): PreparedRows {
  const rows = values.map((values) => ({ version: 0, values }));
  if (rows.length < BATCH_ROWS) return { rows, groups: [] };
  const builder = new GroupBuilder(schema.fields);
  const groups: EncodedGroup[] = [];
  rows.forEach((row, i) => {
    builder.add(i, row);
    if (builder.full || i === rows.length - 1) groups.push(builder.take().group);
  });
  return { rows: [], groups };
}

/** What a verb changes. */
export class Draft {
  readonly #state: State;
  readonly #out: ChangeWriter;
  /** Rows changed here; `undefined`: deleted here. */
  readonly #changed = new Map<number, StoredRow | undefined>();
  #nextId: number;

  /**
   * @param state The commit point that it goes on from.
   */
  constructor(state: State) {
    this.#state = state;
    this.#out = new ChangeWriter(state.schema);
    this.#nextId = state.nextId;
  }

  /** The fields. */
  get schema(): TableSchema {
    return this.#out.schema;
  }

  /** Which base it is of. */
  get base(): string {
    return this.#state.base;
  }

  /** Whether the table has no rows. */
  get empty(): boolean {
    return this.#state.size === 0;
  }

  /** What becomes the payload of the frame; without length: nothing changed. */
  get payload(): Uint8Array {
    return this.#out.payload;
  }

  /** The row of an id. */
  get(id: number): StoredRow | undefined {
    return this.#changed.has(id) ? this.#changed.get(id) : this.#state.get(id);
  }

  /** The ids of the rows that match, as they were before this draft. */
  find(query: Query): number[] {
    return Array.from(scan(this.#state, query), (place) => place.id);
  }

  /** Inserts rows; their ids follow the one returned. */
  insert({ rows, groups }: PreparedRows): number {
    const first = this.#nextId;
    for (const row of rows) this.put(this.#nextId++, row);
    for (const { directory, bytes } of groups) {
      this.#out.batch(this.#nextId, directory, bytes);
      this.#nextId += directory.rows;
    }
    return first;
  }

  /** Puts a row in the place of what the id has. */
  put(id: number, row: StoredRow): void {
    this.#out.put(id, row);
    this.#changed.set(id, row);
  }

  /** Deletes a row; whether it was there. */
  delete(id: number): boolean {
    const row = this.#changed.has(id) ? this.#changed.get(id) : this.#state.find(id);
    if (row === undefined) return false;
    this.#out.delete(id);
    this.#changed.set(id, undefined);
    return true;
  }

  /** Changes the fields. */
  alter(schema: TableSchema): void {
    this.#out.alter(schema);
  }
}
