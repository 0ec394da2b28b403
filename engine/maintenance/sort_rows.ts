/**
 * engine/maintenance/sort_rows.ts
 *
 * @module
 */

import type { RowSequence } from "../segment/segment_index.ts";
import type { FieldDef } from "../schema/field_def.ts";
import { compareNullable, type Stored, type ValueType } from "../schema/values.ts";
import { firstWhere } from "../system/bisect.ts";

/** Puts all rows in the order of a field; yields where it can pause. */
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
    // The shortest first: a long one is gone through once.
    runs.sort((a, b) => a.length - b.length);
    const merged: Uint32Array[] = [];
    for (let i = 0; i + 1 < runs.length; i += 2) {
      merged.push(yield* merge(field.value, runs[i]!, runs[i + 1]!, values));
    }
    runs = runs.length % 2 === 1 ? [...merged, runs.at(-1)!] : merged;
  }
  return runs[0] ?? new Uint32Array();
}

/** Some rows in order. Their values are read once. */
function sortRun(
  type: ValueType,
  rows: Uint32Array,
  value: (row: number) => Stored | null,
): Uint32Array {
  const values = Array.from(rows, value);
  const locations = Uint32Array.from(rows.keys());
  locations.sort((a, b) => compareNullable(type, values[a]!, values[b]!) || a - b);
  return locations.map((location) => rows[location]!);
}

/** So many rows find their places in a step. */
const MERGED = 1024;

/** Two runs as one; a short one costs little beside a long one. */
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
    // Steps that double, then bisection: the next place is mostly near.
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
    if (k % MERGED === 0) yield;
  }
  merged.set(long.subarray(from), n);
  return merged;
}
