/**
 * The first rows in the order of an index, of the table and of the log: who asks for few of them
 * need not look at all.
 *
 * @module
 */

import type { OrderKey, Query } from "./query.ts";
import { bestIndex, matching, WORTH } from "./scan.ts";
import { type FieldDef, isIndexed } from "../schema/field_def.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import type { RowLocation } from "../snapshot/location.ts";
import { compareNullable } from "../schema/values.ts";
import type { KeyRanges } from "../schema/predicate.ts";

/** What is wanted of the rows that match. */
export interface Wanted {
  /** Their order. */
  readonly order: readonly OrderKey[];
  /** How many, the first. */
  readonly count: number;
  /** Whether null counts as a value. */
  readonly nulls: boolean;
}

/** What was looked for, and looked at. */
export interface FirstRows {
  /** The field whose index it was. */
  readonly field: FieldDef;
  /** The rows wanted, in their order; by id, where values are equal. */
  readonly locations: readonly RowLocation[];
  /** How many rows were asked whether they match. */
  readonly looks: number;
}

/** The first rows that match; `undefined` where there is no index, or it saves nothing. */
export function firstRows(
  snapshot: Snapshot,
  query: Query,
  { order: [key, ...others], count, nulls }: Wanted,
): FirstRows | undefined {
  if (key === undefined || others.length > 0 || typeof key.column === "string") return undefined;
  const field = key.column;
  // A function is asked of each row, and once.
  if (!isIndexed(field) || !snapshot.segment.hasIndex(field) || asks(query)) return undefined;
  const most = snapshot.size / WORTH + 1;
  if (count > most || (bestIndex(snapshot, query)?.index ?? field.name) !== field.name) {
    return undefined;
  }
  const { keyRanges, nulls: orNull } = conditionOn(field, query);
  const predicate = { keyRanges: keyRanges!, nulls: nulls && orNull };
  const holds = matching(snapshot, query);
  const locations: RowLocation[] = [];
  let looks = 0;
  if (count === 0) return { field, locations, looks };
  for (const location of inOrder(snapshot, field, predicate, key.descending)) {
    // Those that match are rare, or far away: then a scan is faster.
    if (looks++ > most) return undefined;
    if (holds(location) && locations.push(location) === count) break;
  }
  return { field, locations, looks };
}

/** Whether a function is part of it. */
function asks(query: Query): boolean {
  switch (query.kind) {
    case "ask":
      return true;
    case "all":
    case "any":
      return query.of.some(asks);
    case "choice":
      return [...query.byKey.values()].some(asks);
    case "not":
      return asks(query.of);
    default:
      return false;
  }
}

const ANYTHING: KeyRanges = { nulls: true, keyRanges: [{}] };

/** Values of a field next to each other, among which all rows are that match. */
function conditionOn(field: FieldDef, query: Query): KeyRanges {
  for (const part of query.kind === "all" ? query.of : [query]) {
    if (part.kind !== "match" || part.column !== field) continue;
    const { keyRanges } = part.predicate;
    // Each more would be searched for, though mostly the first hold enough.
    if (keyRanges !== undefined && keyRanges.length < 2) return part.predicate;
  }
  return ANYTHING;
}

/** The rows with such a value, in the order of a field or against it; ties by id in both. */
function* inOrder(
  snapshot: Snapshot,
  field: FieldDef,
  condition: KeyRanges,
  descending: boolean,
): Generator<RowLocation> {
  const index = snapshot.segment.index(field)!;
  const ofTable = index.runs(condition, descending);
  const ofLog = snapshot.logged(field).runs(condition, descending);
  let a = ofTable.next();
  let b = ofLog.next();
  while (!a.done || !b.done) {
    let order = a.done ? 1 : -1;
    if (!a.done && !b.done) {
      order = compareNullable(field.value, a.value.value, b.value.value) * (descending ? -1 : 1);
    }
    yield* byId(
      order <= 0 ? snapshot.tablePlaces(index.rowsOf(a.value!)) : [],
      order >= 0 ? snapshot.placesOf(b.value!.ids) : [],
    );
    if (order <= 0) a = ofTable.next();
    if (order >= 0) b = ofLog.next();
  }
}

/** Two lists of places, each in the order of ids, as one. */
function* byId(a: Iterable<RowLocation>, b: Iterable<RowLocation>): Generator<RowLocation> {
  const others = b[Symbol.iterator]();
  let other = others.next();
  for (const location of a) {
    for (; !other.done && other.value.id < location.id; other = others.next()) yield other.value;
    yield location;
  }
  for (; !other.done; other = others.next()) yield other.value;
}
