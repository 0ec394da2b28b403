/**
 * The first rows in the order of an index: the index of the segment and the index of the log are
 * walked side by side until enough rows match.
 *
 * @module
 */

import type { FieldDef } from "../schema/field_def.ts";
import type { KeyRanges } from "../schema/predicate.ts";
import { compareNullable } from "../schema/values.ts";
import type { RowLocation } from "../snapshot/location.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import type { Plan } from "./plan.ts";
import { matching } from "./row_filter.ts";

/**
 * The rows that the walk of a plan finds, in their order; rows of equal values by id. `undefined`
 * if the plan has no walk, or if the walk is given up.
 */
export function walkIndex({ snapshot, query, walk }: Plan): RowLocation[] | undefined {
  if (walk === undefined) return undefined;
  const { field, keys, descending, count, maxProbes } = walk;
  const found: RowLocation[] = [];
  if (count === 0) return found;
  // Also where all rows are said to match: an index may be damaged.
  const matches = matching(snapshot, query);
  let probes = 0;
  for (const location of inOrder(snapshot, field, keys, descending)) {
    if (probes++ === maxProbes) return undefined;
    if (matches(location) && found.push(location) === count) break;
  }
  return found;
}

/** The rows with these keys in the order of a field or against it; ties by id in both. */
function* inOrder(
  snapshot: Snapshot,
  field: FieldDef,
  keys: KeyRanges,
  descending: boolean,
): Generator<RowLocation> {
  const index = snapshot.segment.index(field)!;
  const ofSegment = index.runs(keys, descending);
  const ofLog = snapshot.memoryIndex(field).runs(keys, descending);
  let a = ofSegment.next();
  let b = ofLog.next();
  while (!a.done || !b.done) {
    let order = a.done ? 1 : -1;
    if (!a.done && !b.done) {
      order = compareNullable(field.value, a.value.value, b.value.value) * (descending ? -1 : 1);
    }
    yield* byId(
      order <= 0 ? snapshot.segmentLocations(index.rowsOf(a.value!)) : [],
      order >= 0 ? snapshot.locationsOf(b.value!.ids) : [],
    );
    if (order <= 0) a = ofSegment.next();
    if (order >= 0) b = ofLog.next();
  }
}

/** Merges two lists of locations, each in id order. */
function* byId(a: Iterable<RowLocation>, b: Iterable<RowLocation>): Generator<RowLocation> {
  const others = b[Symbol.iterator]();
  let other = others.next();
  for (const location of a) {
    for (; !other.done && other.value.id < location.id; other = others.next()) yield other.value;
    yield location;
  }
  for (; !other.done; other = others.next()) yield other.value;
}
