/**
 * A commit point as a table: what cleanup and backup write; the indexes of any table.
 *
 * @module
 */

import { FENCE_STEP, firstWhere, sortRows } from "./field_index.ts";
import { GROUP_ROWS } from "./group.ts";
import { scanSegment } from "./scan.ts";
import type { FieldDef } from "./field_def.ts";
import type { TableSchema } from "./schema.ts";
import { rowOf, type State } from "./state.ts";
import { RowWriter, type TableWriter } from "./table_writer.ts";

/** Where a row went that was deleted, or is not what it was. */
const GONE = 2 ** 32 - 1;

/**
 * Writes the rows of a commit point and their indexes, and gives its sequence; yields where it
 * can pause.
 *
 * @param out A new table.
 * @param state The commit point.
 * @param schema How the fields are told of in the new table.
 */
export function* writeState(
  out: TableWriter,
  state: State,
  schema: TableSchema = state.schema,
): Generator<undefined, number> {
  const { table, nextId, sequence } = state;
  const moved = yield* writeGroups(out, state);
  yield* writeIndexes(out, schema, { orderOf: (field) => table.orderOf(field), moved });
  out.finish({ schema, nextId, sequence });
  return sequence;
}

/** Writes all rows; returns where those of the table went that are as they were. */
function* writeGroups(out: TableWriter, state: State): Generator<undefined, Uint32Array> {
  const { table, schema } = state;
  const moved = new Uint32Array(schema.indexed.length === 0 ? 0 : table.rows).fill(GONE);
  const rows = new RowWriter(out, schema.fields);
  const numbers = new Set(schema.fields.map((field) => String(field.number)));
  let i = 0;
  let before = 0; // rows of the table in groups before this one
  let written = 0;
  for (const segment of state.segments()) {
    const { part, patch } = segment;
    const group = part?.open();
    const ofTable = i < table.groups.length;
    const asIs = group !== undefined && patch === undefined && group.rows >= GROUP_ROWS / 2 &&
      Object.keys(group.directory.columns).every((number) => numbers.has(number));
    if (asIs) {
      rows.flush();
      if (ofTable) out.copy(table, i);
      else {
        const { directory, source, first } = group;
        const bytes = source.read(0, source.length);
        out.add({ directory, bytes }, first, first + group.rows - 1);
      }
      if (ofTable && moved.length > 0) {
        for (let k = 0; k < group.rows; k++) moved[before + k] = written + k;
      }
      written += group.rows;
    } else {
      for (const place of scanSegment(segment)) {
        if (ofTable && moved.length > 0 && place.group !== undefined) {
          moved[before + place.index] = written;
        }
        rows.add(place.id, rowOf(place, schema.fields));
        written++;
        if (written % GROUP_ROWS === 0) yield;
      }
    }
    if (ofTable) before += table.groups[i]!.rows;
    i++;
    yield;
  }
  rows.flush();
  return moved;
}

/** What {@linkcode writeIndexes} can be told. */
export interface IndexSources {
  /** The order of the rows that were in another table before. */
  readonly orderOf?: (field: FieldDef) => Uint32Array | undefined;
  /** Where these went. */
  readonly moved?: Uint32Array;
  /** Is told each order, before it is written. */
  readonly check?: (field: FieldDef, order: Uint32Array) => void;
}

/**
 * Writes the order of each field that is to have one, with what is in order already.
 *
 * @param out A table that has all its rows.
 * @param schema The fields.
 */
export function* writeIndexes(
  out: TableWriter,
  schema: TableSchema,
  { orderOf, moved = new Uint32Array(), check }: IndexSources = {},
): Generator<undefined> {
  const rows = out.written();
  const fresh = new Uint8Array(rows.rows).fill(1);
  for (let i = 0; i < moved.length; i++) if (moved[i] !== GONE) fresh[moved[i]!] = 0;
  for (const field of schema.indexed) {
    const before = orderOf?.(field);
    const known = before && carried(before, moved);
    const others: Uint32Array[] = [];
    for (let from = 0; from < rows.rows; from += GROUP_ROWS) {
      const chunk = new Uint32Array(Math.min(GROUP_ROWS, rows.rows - from));
      let n = 0;
      for (let row = from; row < from + chunk.length; row++) {
        if (known === undefined || fresh[row] === 1) chunk[n++] = row;
      }
      others.push(chunk.subarray(0, n));
    }
    const order = yield* sortRows(rows, field, known ?? new Uint32Array(), others);
    check?.(field, order);
    const nulls = firstWhere(0, order.length, (i) => rows.value(field, order[i]!) !== null);
    const fences = Array.from(
      { length: Math.ceil(order.length / FENCE_STEP) },
      (_, i) => rows.value(field, order[i * FENCE_STEP]!),
    );
    out.addIndex(field, nulls, order, fences);
    yield;
  }
}

/** Where the rows of an order went, in that order. */
function carried(order: Uint32Array, moved: Uint32Array): Uint32Array {
  const rows = new Uint32Array(order.length);
  let n = 0;
  for (let i = 0; i < order.length; i++) {
    const row = moved[order[i]!]!;
    if (row !== GONE) rows[n++] = row;
  }
  return rows.subarray(0, n);
}
