/**
 * Going through the rows of a commit point: which match a query.
 *
 * Rows of a group are numbers in a typed array, which each condition makes fewer;
 * rows that the log holds are looked at one by one. Where an index knows of few
 * rows, only these are looked at.
 *
 * @module
 */

import { type Group, GROUP_ROWS } from "./group.ts";
import { type Column, type Query, typeOf } from "./query.ts";
import { asking } from "./row_view.ts";
import type { RowList } from "./row_list.ts";
import { valueAt } from "./rows.ts";
import { type FieldDef, isIndexed } from "./field_def.ts";
import {
  eitherOf,
  type Found,
  type GroupPart,
  type Place,
  placeOf,
  type Segment,
  type State,
} from "./state.ts";
import { keyOf, type Matcher, overlaps } from "./matcher.ts";

/** Rows that match, next to each other in id order. */
export interface Chunk {
  /** The group that `rows` are of. */
  readonly group: Group | undefined;
  /** Rows of the group, ascending. */
  readonly rows: Uint32Array;
  /** Rows that the log holds, in id order; they stand among those of the group. */
  readonly others: readonly Place[];
}

/** What a scan did. */
export interface Tally {
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
  holds(place: Place): boolean;
}

/** Keeps of the first `n` rows of a group those that are not gone, and tells how many. */
type Live = (n: number) => number;

/** What conditions are asked of: the fields, and where links lead. */
type Ground = Pick<State, "schema" | "origin">;

function testOf(state: Ground, query: Query, tally: Tally | undefined): Test {
  switch (query.kind) {
    case "all":
      return allOf(query.of.map((one) => testOf(state, one, tally)));
    case "any":
      return anyOf(query.of.map((one) => testOf(state, one, tally)));
    case "choice": {
      const tests = Array.from(
        query.byKey,
        ([key, one]) => [key, testOf(state, one, tally)] as const,
      );
      return choosing(query.column, new Map(tests));
    }
    case "not":
      return noneOf(testOf(state, query.of, tally));
    case "match":
      return testing(query.column, query.matcher);
    case "compare":
      return comparing(query.columns, query.holds);
    case "ask": {
      const { keep, test } = asking(state.schema, state.origin.links, query.predicate);
      return {
        excludes: () => false,
        keep(group, rows, n) {
          if (tally !== undefined) tally.rowsDecoded += n;
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
    holds: (place) => tests.every((test) => test.holds(place)),
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
    holds: (place) => tests.some((test) => test.holds(place)),
  };
}

/** What is asked of a row depends on a value of it. */
function choosing(column: Column, byKey: ReadonlyMap<unknown, Test>): Test {
  const holds = (place: Place) => {
    const test = byKey.get(keyOf(typeOf(column), valueAt(place, column)));
    return test !== undefined && holdsAt(test, place);
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
    holds: (place) => !test.holds(place),
  };
}

/** Marks those of `rows[0, n)` that match. */
function mark(hits: Uint8Array, test: Test, group: Group, rows: Uint32Array, n: number): void {
  const kept = rows.slice(0, n);
  const m = test.keep(group, kept, n);
  for (let k = 0; k < m; k++) hits[kept[k]!] = 1;
}

function testing(column: Column, matcher: Matcher): Test {
  const holds = (place: Place) => {
    const value = valueAt(place, column);
    return value === null ? matcher.nulls : matcher.test(value);
  };
  if (column === "__id__") {
    const { spans } = matcher;
    return {
      excludes: ({ first, last }) =>
        spans !== undefined && !overlaps(typeOf(column), spans, first, last),
      keep: (group, rows, n) => keepWhere(rows, n, (row) => matcher.test(group.id(row))),
      holds,
    };
  }
  if (column === "__version__") {
    return {
      excludes: () => false,
      keep: (group, rows, n) => keepWhere(rows, n, (row) => matcher.test(group.version(row))),
      holds,
    };
  }
  return {
    excludes: (part) => part.open().excludes(column, matcher),
    keep: (group, rows, n) => group.column(column).select(matcher, rows, n),
    find: (group, rows, live) => group.column(column).find(matcher, rows, live),
    holds,
  };
}

function comparing(
  [left, right]: readonly [FieldDef, FieldDef],
  holds: (Query & { kind: "compare" })["holds"],
): Test {
  const type = typeOf(left);
  return {
    excludes: () => false,
    keep(group, rows, n) {
      const [a, b] = [group.column(left), group.column(right)];
      a.load();
      b.load();
      return keepWhere(rows, n, (row) => holds(type, a.get(row), b.get(row)));
    },
    holds: (place) => holds(type, valueAt(place, left), valueAt(place, right)),
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
export function* chunks(state: State, query: Query, tally?: Tally): Generator<Chunk> {
  const test = testOf(state, query, tally);
  const best = bestIndex(state, query);
  if (best !== undefined) {
    if (tally !== undefined) tally.index = best.index;
    return yield* indexed(state, test, best.found, tally);
  }
  for (const segment of state.segments()) yield chunkOf(segment, test, tally);
}

/** The rows of one segment that match. */
function chunkOf({ part, patch }: Segment, test: Test, tally: Tally | undefined): Chunk {
  const others = patch === undefined ? [] : listed(patch, test, tally);
  const skipped = part === undefined || test.excludes(part);
  if (tally !== undefined && part !== undefined) tally[skipped ? "groupsSkipped" : "groupsRead"]++;
  if (skipped) return { group: undefined, rows: NO_ROWS, others };
  const group = part.open();
  // A condition may ask others while it is asked: they take room of their own.
  const room = spare ?? new Uint32Array(GROUP_ROWS);
  spare = undefined;
  const rows = room.subarray(0, group.rows);
  const live: Live = (n) => patch === undefined ? n : withoutPatched(group, patch, rows, n);
  const n = findRows(test, group, rows, live);
  spare = room;
  return { group, rows: rows.slice(0, n), others };
}

/** Room to find rows in before it is known how many there are. */
let spare: Uint32Array | undefined;

const NO_ROWS = new Uint32Array();

/** Rows of a list that match. */
function listed(list: RowList, test: Test, tally: Tally | undefined): Place[] {
  const places: Place[] = [];
  for (let i = 0; i < list.length; i++) {
    const place = placeOf(list.id(i), list.row(i));
    if (place !== undefined && test.holds(place)) places.push(place);
  }
  if (tally !== undefined) tally.rowsDecoded += list.length;
  return places;
}

/** Removes rows of the patch from `rows[0, n)`, and tells how many are left. */
function withoutPatched(group: Group, patch: RowList, rows: Uint32Array, n: number): number {
  // A few are looked up; beside many, the patch is gone through once.
  if (n * WORTH < patch.length) {
    return keepWhere(rows, n, (row) => patch.get(group.id(row)) === undefined);
  }
  let kept = 0;
  let next = 0;
  let patched = -1;
  for (let k = 0; k < n; k++) {
    const row = rows[k]!;
    while (patched < row && next < patch.length) patched = group.indexOf(patch.id(next++));
    if (patched !== row) rows[kept++] = row;
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
export function bestIndex(state: State, query: Query): Candidates | undefined {
  const best = candidates(state, query);
  return best !== undefined && isFew(state, best.found.count) ? best : undefined;
}

/** Whether to look up so many rows, or values, is faster than to scan all. */
function isFew(state: State, count: number): boolean {
  return count * WORTH <= state.size + WORTH;
}

/** The fewest rows among which are all that match, as far as indexes can tell. */
function candidates(state: State, query: Query): Candidates | undefined {
  switch (query.kind) {
    case "match": {
      const found = lookUp(state, query);
      return found && { index: (query.column as FieldDef).name, found };
    }
    case "all": {
      let best: Candidates | undefined;
      for (const part of query.of) {
        const next = candidates(state, part);
        if (next !== undefined && next.found.count < (best?.found.count ?? Infinity)) best = next;
      }
      return best;
    }
    case "any": {
      const branches: Candidates[] = [];
      for (const branch of query.of) {
        const next = candidates(state, branch);
        // Its rows may be anywhere.
        if (next === undefined) return undefined;
        branches.push(next);
      }
      if (branches.length === 0) return undefined;
      const names = branches.flatMap(({ index }) => index.split(", "));
      const found = eitherOf(branches.map(({ found }) => found), state.table.rows);
      return { index: [...new Set(names)].join(", "), found };
    }
    default:
      return undefined;
  }
}

/** The rows that match, by the index of the column, if it has one that can tell. */
function lookUp(
  state: State,
  { column, matcher }: Query & { kind: "match" },
): Found | undefined {
  const { spans } = matcher;
  if (spans === undefined || typeof column === "string" || !isIndexed(column)) return undefined;
  // What only leaves some values out matches most rows.
  const leavesOut = spans.length > 1 && spans[0]!.low === undefined &&
    spans.at(-1)!.high === undefined;
  return leavesOut || !isFew(state, spans.length) ? undefined : state.lookUp(column, matcher);
}

/** The rows that an index found and that match, the log's among those of the groups. */
function* indexed(
  state: State,
  test: Test,
  found: Found,
  tally: Tally | undefined,
): Generator<Chunk> {
  const ids = found.ids();
  let next = 0;
  const othersTo = (last: number) => {
    const others: Place[] = [];
    for (; next < ids.length && ids[next]! <= last; next++) {
      const place = state.find(ids[next]!);
      if (place === undefined) continue;
      // Large inserts stand in groups of the log.
      if (holdsAt(test, place)) others.push(place);
    }
    if (tally !== undefined) tally.rowsDecoded += others.length;
    return others;
  };
  for (const { part, rows } of state.table.placesOf(found.tableRows())) {
    if (tally !== undefined) tally.groupsRead++;
    const group = part.open();
    const patch = state.patchOf(part);
    const live = patch === undefined
      ? rows.length
      : withoutPatched(group, patch, rows, rows.length);
    const n = test.keep(group, rows, live);
    yield { group, rows: rows.subarray(0, n), others: othersTo(part.last) };
  }
  if (next < ids.length) yield { group: undefined, rows: NO_ROWS, others: othersTo(Infinity) };
}

// --------------------------------------------------------------- row by row

function holdsAt(test: Test, place: Place): boolean {
  return place.row === undefined
    ? test.keep(place.group, Uint32Array.of(place.index), 1) === 1
    : test.holds(place);
}

/** What tells of a single row whether it matches. */
export function matching(state: Ground, query: Query): (place: Place) => boolean {
  const test = testOf(state, query, undefined);
  return (place) => holdsAt(test, place);
}

/** All rows that match, in id order. */
export function* scan(state: State, query: Query): Generator<Place> {
  for (const chunk of chunks(state, query)) yield* placesOf(chunk);
}

/** All rows of one segment. */
export function* scanSegment(segment: Segment): Generator<Place> {
  const { part, patch } = segment;
  if (part !== undefined) return yield* placesOf(chunkOf(segment, ALL, undefined));
  // One by one: a list may be long.
  for (let i = 0; i < patch.length; i++) {
    const place = placeOf(patch.id(i), patch.row(i));
    if (place !== undefined) yield place;
  }
}

const ALL = allOf([]);

/** Rows of the group and others, in id order. */
export function* placesOf({ group, rows, others }: Chunk): Generator<Place> {
  let next = 0;
  for (const index of rows) {
    const id = group!.id(index);
    while (next < others.length && others[next]!.id < id) yield others[next++]!;
    yield { id, group: group!, index, row: undefined };
  }
  while (next < others.length) yield others[next++]!;
}

/** How many rows match. */
export function count(state: State, query: Query): number {
  if (query.kind === "all" && query.of.length === 0) return state.size;
  const found = query.kind === "match" ? lookUp(state, query) : undefined;
  if (found?.isExact) return found.count;
  let n = 0;
  for (const { rows, others } of chunks(state, query)) n += rows.length + others.length;
  return n;
}
