/**
 * Carries out a plan: yields the rows that match in chunks, in id order. Either it scans all row
 * groups and the log, or it reads only the rows that indexes name.
 *
 * @module
 */

import { GROUP_ROWS } from "../bytes/header.ts";
import type { Group } from "../segment/group.ts";
import { locationOf, type RowLocation } from "../snapshot/location.ts";
import type { RowList } from "../snapshot/row_list.ts";
import type { IndexHits, Slice, Snapshot } from "../snapshot/snapshot.ts";
import { type Plan, plan } from "./plan.ts";
import type { Query } from "./query.ts";
import {
  conjunction,
  filterOf,
  findRows,
  keepWhere,
  matchesAt,
  type RowFilter,
} from "./row_filter.ts";

/** Rows that match, next to each other in id order. */
export interface Chunk {
  /** The group of `rows`. */
  readonly group: Group | undefined;
  /** Rows of the group, ascending. */
  readonly rows: Uint32Array;
  /** Rows from the log, in id order; their ids may be between ids of the group. */
  readonly others: readonly RowLocation[];
}

/**
 * The rows that match, and that `narrow` lets pass, chunk by chunk, in id order. A scan visits the
 * slices in the order of `arrange`.
 */
export function chunks(
  { snapshot, query, candidates }: Plan,
  narrow?: RowFilter,
  arrange?: (slices: Iterable<Slice>) => Iterable<Slice>,
): Iterable<Chunk> {
  const matching = filterOf(snapshot, query);
  const filter = narrow === undefined ? matching : conjunction([narrow, matching]);
  if (candidates !== undefined) return chunksOfHits(snapshot, filter, candidates.hits);
  const slices = snapshot.slices();
  return chunksOfSlices(
    arrange === undefined ? slices : arrange(unpruned(slices, matching)),
    filter,
  );
}

/** The rows that match, in id order. */
export function* locations(plan: Plan): Generator<RowLocation> {
  for (const chunk of chunks(plan)) yield* locationsIn(chunk);
}

/** The rows that match, in id order. */
export function scan(snapshot: Snapshot, query: Query): Generator<RowLocation> {
  return locations(plan(snapshot, query));
}

/** All rows of one slice, in id order. */
export function* scanSlice(slice: Slice): Generator<RowLocation> {
  const { part, delta } = slice;
  if (part !== undefined) return yield* locationsIn(chunkOf(slice, ALL_ROWS));
  // One by one, because a list may be long.
  for (let i = 0; i < delta.length; i++) {
    const location = locationOf(delta.id(i), delta.row(i));
    if (location !== undefined) yield location;
  }
}

/** The rows of a chunk, in id order. */
export function locationsIn(chunk: Chunk): Iterable<RowLocation> {
  return chunk.rows.length === 0 ? chunk.others : merged(chunk);
}

function* merged({ group, rows, others }: Chunk): Generator<RowLocation> {
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
  const planned = plan(snapshot, query);
  if (planned.count !== undefined) return planned.count;
  let n = 0;
  for (const { rows, others } of chunks(planned)) n += rows.length + others.length;
  return n;
}

// --------------------------------------------------------------- scanning

const NO_ROWS = new Uint32Array();
/** Matches all rows. */
const ALL_ROWS = conjunction([]);

/** Room to find rows in; it is cut to size when their number is known. */
let spareRoom: Uint32Array | undefined;

function* chunksOfSlices(slices: Iterable<Slice>, filter: RowFilter): Generator<Chunk> {
  for (const slice of slices) yield chunkOf(slice, filter);
}

/** The slices that may have rows that match. */
function* unpruned(slices: Iterable<Slice>, filter: RowFilter): Generator<Slice> {
  for (const slice of slices) {
    const { part, delta } = slice;
    if (part === undefined || delta !== undefined || !filter.canPrune(part)) yield slice;
  }
}

function chunkOf({ part, delta }: Slice, filter: RowFilter): Chunk {
  const others = delta === undefined ? [] : matchesIn(delta, filter);
  if (part === undefined || filter.canPrune(part)) {
    return { group: undefined, rows: NO_ROWS, others };
  }
  const group = part.open();
  // A predicate function may run another query meanwhile, which needs room of its own.
  const room = spareRoom ?? new Uint32Array(GROUP_ROWS);
  spareRoom = undefined;
  const rows = room.subarray(0, group.rows);
  const live = (n: number) => delta === undefined ? n : withoutDelta(group, delta, rows, n);
  const n = findRows(filter, group, rows, live);
  spareRoom = room;
  return { group, rows: rows.slice(0, n), others };
}

/** The rows of a list that match. */
function matchesIn(list: RowList, filter: RowFilter): RowLocation[] {
  const found: RowLocation[] = [];
  for (let i = 0; i < list.length; i++) {
    const location = locationOf(list.id(i), list.row(i));
    if (location !== undefined && filter.matches(location)) found.push(location);
  }
  return found;
}

/** Looking up a row in a delta costs about as much as passing this many entries of it. */
const DELTA_LOOK_UP_COST = 16;

/** Removes rows of the delta from `rows[0, n)`; returns how many are left. */
function withoutDelta(group: Group, delta: RowList, rows: Uint32Array, n: number): number {
  if (n * DELTA_LOOK_UP_COST < delta.length) {
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

/** The rows that an index names and that match; rows of the log among the rows of groups. */
function chunksOfHits(snapshot: Snapshot, filter: RowFilter, hits: IndexHits): Chunk[] {
  const chunks: Chunk[] = [];
  const others = matchesAmong(snapshot, filter, hits.ids());
  let next = 0;
  for (const { part, rows } of snapshot.segment.locateAll(hits.segmentRows())) {
    const group = part.open();
    const delta = snapshot.deltaOf(part);
    const live = delta === undefined ? rows.length : withoutDelta(group, delta, rows, rows.length);
    const n = live === 0 ? 0 : filter.select(group, rows, live);
    // What is left of the rows goes together with those of the next groups.
    if (n === 0) continue;
    const from = next;
    while (next < others.length && others[next]!.id <= part.last) next++;
    chunks.push({ group, rows: rows.subarray(0, n), others: others.slice(from, next) });
  }
  if (next === 0) chunks.push({ group: undefined, rows: NO_ROWS, others });
  else if (next < others.length) {
    chunks.push({ group: undefined, rows: NO_ROWS, others: others.slice(next) });
  }
  return chunks;
}

/** The rows that the log has with these ids and that match. */
function matchesAmong(
  snapshot: Snapshot,
  filter: RowFilter,
  ids: readonly number[],
): RowLocation[] {
  const found: RowLocation[] = [];
  for (const id of ids) {
    // In a group, too: a large insert is a group of the log.
    const location = snapshot.find(id);
    if (location !== undefined && matchesAt(filter, location)) found.push(location);
  }
  return found;
}
