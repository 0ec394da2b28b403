/**
 * The query plan: which indexes to look up, whether to walk one of them in its order, and whether
 * the number of matches is known. It is decided here, once for each query. The verbs carry it out;
 * `explain` shows it. Planning searches indexes and tests no row.
 *
 * @module
 */

import { type FieldDef, isIndexed } from "../schema/field_def.ts";
import type { KeyRanges } from "../schema/predicate.ts";
import { type IndexHits, type Snapshot, unionOfHits } from "../snapshot/snapshot.ts";
import type { OrderKey, Query } from "./query.ts";

/** The first rows in an order. */
export interface TopRows {
  /** The order; by id if it is empty. */
  readonly order: readonly OrderKey[];
  /** How many rows. */
  readonly count: number;
  /** Whether rows with null in the first key belong to them. */
  readonly nulls: boolean;
}

/** Rows that indexes name; all matches are among them. */
export interface Candidates {
  /** The fields whose indexes name them. */
  readonly fields: readonly string[];
  readonly hits: IndexHits;
}

/** Rows read in the order of an index until enough of them match. */
export interface IndexWalk {
  readonly field: FieldDef;
  /** The keys to walk over. */
  readonly keys: KeyRanges;
  readonly descending: boolean;
  /** How many matches are enough. */
  readonly count: number;
  /** The walk is given up if so many rows were probed and too few of them match. */
  readonly maxProbes: number;
  /** Whether all rows on the way match, so that the walk cannot fail. */
  readonly allMatch: boolean;
}

/** How a query finds its rows. */
export interface Plan {
  readonly snapshot: Snapshot;
  readonly query: Query;
  /** The number of matches, if it is known without testing rows. */
  readonly count: number | undefined;
  /** The rows to read; all rows if `undefined`. */
  readonly candidates: Candidates | undefined;
  /** Tried first, if it is there. */
  readonly walk: IndexWalk | undefined;
}

/** Reading a row through an index costs about as much as scanning this many. */
const INDEX_COST = 16;

/** Whether to look up `count` rows, or keys, is faster than to scan all rows. */
function isFew({ size }: Snapshot, count: number): boolean {
  return count * INDEX_COST <= size + INDEX_COST;
}

/** Plans how to find the rows that match, or the first of them in an order. */
export function plan(snapshot: Snapshot, query: Query, top?: TopRows): Plan {
  const named = candidatesOf(snapshot, query);
  const candidates = named && isFew(snapshot, named.hits.count) ? named : undefined;
  let count: number | undefined;
  if (matchesAll(query)) count = snapshot.size;
  // Of several conditions, the index answers only one.
  else if (query.kind === "match" && named?.hits.isExact) count = named.hits.count;
  const walk = top && walkOf(snapshot, query, candidates, top);
  return { snapshot, query, count, candidates, walk };
}

function matchesAll(query: Query): boolean {
  return query.kind === "all" && query.of.length === 0;
}

/** The fewest rows that indexes can narrow the matches down to. */
function candidatesOf(snapshot: Snapshot, query: Query): Candidates | undefined {
  switch (query.kind) {
    case "match": {
      const { attribute, predicate: { keyRanges } } = query;
      if (keyRanges === undefined || typeof attribute === "string" || !isIndexed(attribute)) {
        return undefined;
      }
      // A condition that only excludes some values matches most rows.
      const excludes = keyRanges.length > 1 && keyRanges[0]!.low === undefined &&
        keyRanges.at(-1)!.high === undefined;
      if (excludes || !isFew(snapshot, keyRanges.length)) return undefined;
      const hits = snapshot.lookUp(attribute, query.predicate);
      return hits && { fields: [attribute.name], hits };
    }
    case "all": {
      let best: Candidates | undefined;
      for (const part of query.of) {
        const next = candidatesOf(snapshot, part);
        if (next !== undefined && next.hits.count < (best?.hits.count ?? Infinity)) best = next;
      }
      return best;
    }
    case "any": {
      const branches: Candidates[] = [];
      for (const branch of query.of) {
        const next = candidatesOf(snapshot, branch);
        // The matches of this branch may be anywhere.
        if (next === undefined) return undefined;
        branches.push(next);
      }
      if (branches.length === 0) return undefined;
      return {
        fields: [...new Set(branches.flatMap(({ fields }) => fields))],
        hits: unionOfHits(branches.map(({ hits }) => hits), snapshot.segment.rows),
      };
    }
    default:
      return undefined;
  }
}

/** The walk that finds the first rows in an order; `undefined` if no index helps. */
function walkOf(
  snapshot: Snapshot,
  query: Query,
  candidates: Candidates | undefined,
  { order: [key, ...others], count, nulls }: TopRows,
): IndexWalk | undefined {
  if (key === undefined || others.length > 0 || typeof key.attribute === "string") return undefined;
  const field = key.attribute;
  const maxProbes = Math.floor(snapshot.size / INDEX_COST) + 1;
  if (!isIndexed(field) || !snapshot.segment.hasIndex(field) || count > maxProbes) return undefined;
  // A walk that is given up would pass the same row to a function twice.
  if (callsFunction(query)) return undefined;
  // Another index narrows the matches down to few rows: reading and sorting them is faster.
  if (candidates?.fields.some((name) => name !== field.name)) return undefined;
  const condition = keysOf(field, query);
  const allMatch = query === condition || matchesAll(query);
  return {
    field,
    keys: {
      keyRanges: condition?.predicate.keyRanges ?? [{}],
      nulls: nulls && (condition?.predicate.nulls ?? true),
    },
    descending: key.descending,
    count,
    maxProbes: allMatch ? count : maxProbes,
    allMatch,
  };
}

/** Whether finding the matches calls a function of the user. */
function callsFunction(query: Query): boolean {
  switch (query.kind) {
    case "function":
      return true;
    case "all":
    case "any":
      return query.of.some(callsFunction);
    case "choice":
      return [...query.byKey.values()].some(callsFunction);
    case "not":
      return callsFunction(query.of);
    default:
      return false;
  }
}

/** The condition that limits a walk in the order of a field to one range of keys. */
function keysOf(field: FieldDef, query: Query): Query & { kind: "match" } | undefined {
  for (const part of query.kind === "all" ? query.of : [query]) {
    if (part.kind !== "match" || part.attribute !== field) continue;
    const { keyRanges } = part.predicate;
    // To search more ranges costs more than it saves: mostly the first ones hold enough rows.
    if (keyRanges !== undefined && keyRanges.length < 2) return part;
  }
  return undefined;
}
