/**
 * Sorts the rows of a segment by a field, in steps: sorted runs that are merged, the shortest first.
 *
 * @module
 */

import type { RowSequence } from "../segment/segment_index.ts";
import type { FieldDef } from "../schema/field_def.ts";
import { compareNullable, type Stored, type ValueType } from "../schema/values.ts";
import { firstWhere } from "../system/bisect.ts";

/**
 * Sorts rows by a field, and by their number where values are equal; yields where it can pause.
 */
export function* sortRows(
  table: RowSequence,
  field: FieldDef,
  known: Uint32Array,
  others: Iterable<Uint32Array>,
): Generator<undefined, Uint32Array> {
  const values = (row: number) => table.value(field, row);
  let runs = known.length === 0 ? [] : [known];
  for (const rows of others) {
    runs.push(sortRun(field.value, rows, values));
    yield;
  }
  while (runs.length > 1) {
    // The shortest first, so that a long run is copied once.
    runs.sort((a, b) => a.length - b.length);
    const merged: Uint32Array[] = [];
    for (let i = 0; i + 1 < runs.length; i += 2) {
      merged.push(yield* merge(field.value, runs[i]!, runs[i + 1]!, values));
    }
    runs = runs.length % 2 === 1 ? [...merged, runs.at(-1)!] : merged;
  }
  return runs[0] ?? new Uint32Array();
}

/** Sorts some rows; reads each value once. */
function sortRun(
  type: ValueType,
  rows: Uint32Array,
  value: (row: number) => Stored | null,
): Uint32Array {
  const values = Array.from(rows, value);
  const order = Uint32Array.from(rows.keys());
  order.sort((a, b) => compareNullable(type, values[a]!, values[b]!) || a - b);
  return order.map((i) => rows[i]!);
}

/** How many rows of the short run are merged in one step. */
const MERGE_STEP = 1024;

/** Merges two runs; a short one costs little compared with a long one. */
function* merge(
  type: ValueType,
  short: Uint32Array,
  long: Uint32Array,
  values: (row: number) => Stored | null,
): Generator<undefined, Uint32Array> {
  const merged = new Uint32Array(short.length + long.length);
  let from = 0;
  let n = 0;
  for (let k = 0; k < short.length; k++) {
    const row = short[k]!;
    const value = values(row);
    const isAfter = (i: number) =>
      (compareNullable(type, values(long[i]!), value) || long[i]! - row) > 0;
    // Steps that double, then bisection: the next position is mostly near.
    let step = 1;
    while (from + step < long.length && !isAfter(from + step)) step *= 2;
    const to = firstWhere(
      Math.min(from + (step >> 1), long.length),
      Math.min(from + step, long.length),
      isAfter,
    );
    merged.set(long.subarray(from, to), n);
    n += to - from;
    merged[n++] = row;
    from = to;
    if (k % MERGE_STEP === 0) yield;
  }
  merged.set(long.subarray(from), n);
  return merged;
}
