/**
 * Going through the rows of a commit point: which match a query.
 *
 * Rows of a group are numbers in a typed array, which each condition makes fewer;
 * rows that the log holds are looked at one by one. Where an index knows of few
 * rows, only these are looked at.
 *
 * @module
 */

import type { Group } from "../segment/group.ts";
import type { Query } from "./query.ts";
import { asking } from "../snapshot/row_view.ts";
import type { RowList } from "../snapshot/row_list.ts";
import { valueAt } from "../snapshot/rows.ts";
import { type Attribute, attributeType, type FieldDef, isIndexed } from "../schema/field_def.ts";
import {
  eitherOf,
  type Found,
  type GroupPart,
  type Slice,
  type Snapshot,
} from "../snapshot/snapshot.ts";
import { locationOf, type RowLocation } from "../snapshot/location.ts";
import { keyOf, overlaps, type Predicate } from "../schema/predicate.ts";
import { GROUP_ROWS } from "../bytes/header.ts";

/** Rows that match, next to each other in id order. */
export interface Chunk {
  /** The group that `rows` are of. */
  readonly group: Group | undefined;
  /** Rows of the group, ascending. */
  readonly rows: Uint32Array;
  /** Rows that the log holds, in id order; they stand among those of the group. */
  readonly others: readonly RowLocation[];
}

/** What a scan did. */
export interface ScanStats {
  /** The field whose index told which rows to look at; of several, with commas between. */
  index: string | null;
  /** Row groups that were looked into. */
  groupsRead: number;
  /** Row groups that could not hold a row that matches. */
  groupsSkipped: number;
  /** Rows whose values were made one by one: shown to a function, or held by the log. */
  rowsDecoded: number;
}

// --------------------------------------------------------------- one question

/** A query that rows can be tested with. */
interface Test {
  /** Whether no row of a group can match, as far as its ids and bounds tell. */
  excludes(part: GroupPart): boolean;
  /** Keeps of `rows[0, n)` of a group those that match, and tells how many. */
  keep(group: Group, rows: Uint32Array, n: number): number;
  /**
   * Puts the rows of a group that match into `rows`, and tells how many: those that `live` leaves,
   * which it asks before any function of a user.
   */
  find?(group: Group, rows: Uint32Array, live: Live): number;
  /** Whether a row in memory matches. */
  holds(location: RowLocation): boolean;
}

/** Keeps of the first `n` rows of a group those that are not gone, and tells how many. */
type Live = (n: number) => number;

/** What conditions are asked of: the fields, and where links lead. */
type Ground = Pick<Snapshot, "schema" | "origin">;

function testOf(snapshot: Ground, query: Query, stats: ScanStats | undefined): Test {
  switch (query.kind) {
    case "all":
      return allOf(query.of.map((one) => testOf(snapshot, one, stats)));
    case "any":
      return anyOf(query.of.map((one) => testOf(snapshot, one, stats)));
    case "choice": {
      const tests = Array.from(
        query.byKey,
        ([key, one]) => [key, testOf(snapshot, one, stats)] as const,
      );
      return choosing(query.column, new Map(tests));
    }
    case "not":
      return noneOf(testOf(snapshot, query.of, stats));
    case "match":
      return testing(query.column, query.predicate);
    case "compare":
      return comparing(query.columns, query.holds);
    case "ask": {
      const { keep, test } = asking(snapshot.schema, snapshot.origin.links, query.predicate);
      return {
        excludes: () => false,
        keep(group, rows, n) {
          if (stats !== undefined) stats.rowsDecoded += n;
          return keep(group, rows, n);
        },
        holds: ({ id, row }) => test(id, row!),
      };
    }
  }
}

function allOf(tests: readonly Test[]): Test {
  const [first, ...others] = tests;
  return {
    excludes: (part) => tests.some((test) => test.excludes(part)),
    keep: (group, rows, n) => tests.reduce((n, test) => n && test.keep(group, rows, n), n),
    find: (group, rows, live) => {
      const n = first === undefined ? live(fill(rows)) : findRows(first, group, rows, live);
      return others.reduce((n, test) => n && test.keep(group, rows, n), n);
    },
    holds: (location) => tests.every((test) => test.holds(location)),
  };
}

function anyOf(tests: readonly Test[]): Test {
  return {
    excludes: (part) => tests.every((test) => test.excludes(part)),
    keep(group, rows, n) {
      const hits = new Uint8Array(group.rows);
      for (const test of tests) mark(hits, test, group, rows, n);
      return keepWhere(rows, n, (row) => hits[row] === 1);
    },
    holds: (location) => tests.some((test) => test.holds(location)),
  };
}

/** What is asked of a row depends on a value of it. */
function choosing(column: Attribute, byKey: ReadonlyMap<unknown, Test>): Test {
  const holds = (location: RowLocation) => {
    const test = byKey.get(keyOf(attributeType(column), valueAt(location, column)));
    return test !== undefined && holdsAt(test, location);
  };
  return {
    excludes: () => false,
    keep: (group, rows, n) =>
      keepWhere(rows, n, (index) => holds({ id: group.id(index), group, index, row: undefined })),
    holds,
  };
}

function noneOf(test: Test): Test {
  return {
    excludes: () => false,
    keep(group, rows, n) {
      const hits = new Uint8Array(group.rows);
      mark(hits, test, group, rows, n);
      return keepWhere(rows, n, (row) => hits[row] === 0);
    },
    holds: (location) => !test.holds(location),
  };
}

/** Marks those of `rows[0, n)` that match. */
function mark(hits: Uint8Array, test: Test, group: Group, rows: Uint32Array, n: number): void {
  const kept = rows.slice(0, n);
  const m = test.keep(group, kept, n);
  for (let k = 0; k < m; k++) hits[kept[k]!] = 1;
}

function testing(column: Attribute, predicate: Predicate): Test {
  const holds = (location: RowLocation) => {
    const value = valueAt(location, column);
    return value === null ? predicate.nulls : predicate.test(value);
  };
  if (column === "__id__") {
    const { keyRanges } = predicate;
    return {
      excludes: ({ first, last }) =>
        keyRanges !== undefined && !overlaps(attributeType(column), keyRanges, first, last),
      keep: (group, rows, n) => keepWhere(rows, n, (row) => predicate.test(group.id(row))),
      holds,
    };
  }
  if (column === "__version__") {
    return {
      excludes: () => false,
      keep: (group, rows, n) => keepWhere(rows, n, (row) => predicate.test(group.version(row))),
      holds,
    };
  }
  return {
    excludes: (part) => part.open().excludes(column, predicate),
    keep: (group, rows, n) => group.column(column).select(predicate, rows, n),
    find: (group, rows, live) => group.column(column).find(predicate, rows, live),
    holds,
  };
}

function comparing(
  [left, right]: readonly [FieldDef, FieldDef],
  holds: (Query & { kind: "compare" })["holds"],
): Test {
  const type = attributeType(left);
  return {
    excludes: () => false,
    keep(group, rows, n) {
      const [a, b] = [group.column(left), group.column(right)];
      a.load();
      b.load();
      return keepWhere(rows, n, (row) => holds(type, a.get(row), b.get(row)));
    },
    holds: (location) => holds(type, valueAt(location, left), valueAt(location, right)),
  };
}

function keepWhere(rows: Uint32Array, n: number, holds: (row: number) => boolean): number {
  let kept = 0;
  for (let k = 0; k < n; k++) {
    const row = rows[k]!;
    if (holds(row)) rows[kept++] = row;
  }
  return kept;
}

function fill(rows: Uint32Array): number {
  for (let i = 0; i < rows.length; i++) rows[i] = i;
  return rows.length;
}

function findRows(test: Test, group: Group, rows: Uint32Array, live: Live): number {
  return test.find?.(group, rows, live) ?? test.keep(group, rows, live(fill(rows)));
}

// --------------------------------------------------------------- all rows

/** An index is worth its while if it leaves out this many rows for each that it finds. */
export const WORTH = 16;

/** The rows that match, chunk by chunk, in id order. */
export function* chunks(snapshot: Snapshot, query: Query, stats?: ScanStats): Generator<Chunk> {
  const test = testOf(snapshot, query, stats);
  const best = bestIndex(snapshot, query);
  if (best !== undefined) {
    if (stats !== undefined) stats.index = best.index;
    return yield* indexed(snapshot, test, best.found, stats);
  }
  for (const segment of snapshot.slices()) yield chunkOf(segment, test, stats);
}

/** The rows of one segment that match. */
function chunkOf({ part, delta }: Slice, test: Test, stats: ScanStats | undefined): Chunk {
  const others = delta === undefined ? [] : listed(delta, test, stats);
  const skipped = part === undefined || test.excludes(part);
  if (stats !== undefined && part !== undefined) stats[skipped ? "groupsSkipped" : "groupsRead"]++;
  if (skipped) return { group: undefined, rows: NO_ROWS, others };
  const group = part.open();
  // A condition may ask others while it is asked: they take room of their own.
  const room = spare ?? new Uint32Array(GROUP_ROWS);
  spare = undefined;
  const rows = room.subarray(0, group.rows);
  const live: Live = (n) => delta === undefined ? n : withoutDelta(group, delta, rows, n);
  const n = findRows(test, group, rows, live);
  spare = room;
  return { group, rows: rows.slice(0, n), others };
}

/** Room to find rows in before it is known how many there are. */
let spare: Uint32Array | undefined;

const NO_ROWS = new Uint32Array();

/** Rows of a list that match. */
function listed(list: RowList, test: Test, stats: ScanStats | undefined): RowLocation[] {
  const locations: RowLocation[] = [];
  for (let i = 0; i < list.length; i++) {
    const location = locationOf(list.id(i), list.row(i));
    if (location !== undefined && test.holds(location)) locations.push(location);
  }
  if (stats !== undefined) stats.rowsDecoded += list.length;
  return locations;
}

/** Removes rows of the patch from `rows[0, n)`, and tells how many are left. */
function withoutDelta(group: Group, delta: RowList, rows: Uint32Array, n: number): number {
  // A few are looked up; beside many, the patch is gone through once.
  if (n * WORTH < delta.length) {
    return keepWhere(rows, n, (row) => delta.get(group.id(row)) === undefined);
  }
  let kept = 0;
  let next = 0;
  let inDelta = -1;
  for (let k = 0; k < n; k++) {
    const row = rows[k]!;
    while (inDelta < row && next < delta.length) inDelta = group.indexOf(delta.id(next++));
    if (inDelta !== row) rows[kept++] = row;
  }
  return kept;
}

// --------------------------------------------------------------- by index

/** Rows that indexes found, among which are all that match. */
interface Candidates {
  /** The fields whose indexes these are, with commas between. */
  readonly index: string;
  readonly found: Found;
}

/** The index that leaves the fewest rows to look at, if that is few. */
export function bestIndex(snapshot: Snapshot, query: Query): Candidates | undefined {
  const best = candidates(snapshot, query);
  return best !== undefined && isFew(snapshot, best.found.count) ? best : undefined;
}

/** Whether to look up so many rows, or values, is faster than to scan all. */
function isFew(snapshot: Snapshot, count: number): boolean {
  return count * WORTH <= snapshot.size + WORTH;
}

/** The fewest rows among which are all that match, as far as indexes can tell. */
function candidates(snapshot: Snapshot, query: Query): Candidates | undefined {
  switch (query.kind) {
    case "match": {
      const found = lookUp(snapshot, query);
      return found && { index: (query.column as FieldDef).name, found };
    }
    case "all": {
      let best: Candidates | undefined;
      for (const part of query.of) {
        const next = candidates(snapshot, part);
        if (next !== undefined && next.found.count < (best?.found.count ?? Infinity)) best = next;
      }
      return best;
    }
    case "any": {
      const branches: Candidates[] = [];
      for (const branch of query.of) {
        const next = candidates(snapshot, branch);
        // Its rows may be anywhere.
        if (next === undefined) return undefined;
        branches.push(next);
      }
      if (branches.length === 0) return undefined;
      const names = branches.flatMap(({ index }) => index.split(", "));
      const found = eitherOf(branches.map(({ found }) => found), snapshot.segment.rows);
      return { index: [...new Set(names)].join(", "), found };
    }
    default:
      return undefined;
  }
}

/** The rows that match, by the index of the column, if it has one that can tell. */
function lookUp(
  snapshot: Snapshot,
  { column, predicate }: Query & { kind: "match" },
): Found | undefined {
  const { keyRanges } = predicate;
  if (keyRanges === undefined || typeof column === "string" || !isIndexed(column)) return undefined;
  // What only leaves some values out matches most rows.
  const leavesOut = keyRanges.length > 1 && keyRanges[0]!.low === undefined &&
    keyRanges.at(-1)!.high === undefined;
  return leavesOut || !isFew(snapshot, keyRanges.length)
    ? undefined
    : snapshot.lookUp(column, predicate);
}

/** The rows that an index found and that match, the log's among those of the groups. */
function* indexed(
  snapshot: Snapshot,
  test: Test,
  found: Found,
  stats: ScanStats | undefined,
): Generator<Chunk> {
  const ids = found.ids();
  let next = 0;
  const othersTo = (last: number) => {
    const others: RowLocation[] = [];
    for (; next < ids.length && ids[next]! <= last; next++) {
      const location = snapshot.find(ids[next]!);
      if (location === undefined) continue;
      // Large inserts stand in groups of the log.
      if (holdsAt(test, location)) others.push(location);
    }
    if (stats !== undefined) stats.rowsDecoded += others.length;
    return others;
  };
  for (const { part, rows } of snapshot.segment.placesOf(found.segmentRows())) {
    if (stats !== undefined) stats.groupsRead++;
    const group = part.open();
    const delta = snapshot.deltaOf(part);
    const live = delta === undefined ? rows.length : withoutDelta(group, delta, rows, rows.length);
    const n = test.keep(group, rows, live);
    yield { group, rows: rows.subarray(0, n), others: othersTo(part.last) };
  }
  if (next < ids.length) yield { group: undefined, rows: NO_ROWS, others: othersTo(Infinity) };
}

// --------------------------------------------------------------- row by row

function holdsAt(test: Test, location: RowLocation): boolean {
  return location.row === undefined
    ? test.keep(location.group, Uint32Array.of(location.index), 1) === 1
    : test.holds(location);
}

/** What tells of a single row whether it matches. */
export function matching(snapshot: Ground, query: Query): (location: RowLocation) => boolean {
  const test = testOf(snapshot, query, undefined);
  return (location) => holdsAt(test, location);
}

/** All rows that match, in id order. */
export function* scan(snapshot: Snapshot, query: Query): Generator<RowLocation> {
  for (const chunk of chunks(snapshot, query)) yield* locationsOf(chunk);
}

/** All rows of one segment. */
export function* scanSlice(segment: Slice): Generator<RowLocation> {
  const { part, delta } = segment;
  if (part !== undefined) return yield* locationsOf(chunkOf(segment, ALL, undefined));
  // One by one: a list may be long.
  for (let i = 0; i < delta.length; i++) {
    const location = locationOf(delta.id(i), delta.row(i));
    if (location !== undefined) yield location;
  }
}

const ALL = allOf([]);

/** Rows of the group and others, in id order. */
export function* locationsOf({ group, rows, others }: Chunk): Generator<RowLocation> {
  let next = 0;
  for (const index of rows) {
    const id = group!.id(index);
    while (next < others.length && others[next]!.id < id) yield others[next++]!;
    yield { id, group: group!, index, row: undefined };
  }
  while (next < others.length) yield others[next++]!;
}

/** How many rows match. */
export function count(snapshot: Snapshot, query: Query): number {
  if (query.kind === "all" && query.of.length === 0) return snapshot.size;
  const found = query.kind === "match" ? lookUp(snapshot, query) : undefined;
  if (found?.isExact) return found.count;
  let n = 0;
  for (const { rows, others } of chunks(snapshot, query)) n += rows.length + others.length;
  return n;
}
