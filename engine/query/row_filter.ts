/**
 * Queries compiled for the rows of a snapshot. Rows of a group are numbers in a typed array, and
 * each condition narrows the array; rows in memory are tested one by one.
 *
 * @module
 */

import { type Attribute, attributeType, type FieldDef } from "../schema/field_def.ts";
import { overlaps, type Predicate, valueKey } from "../schema/predicate.ts";
import type { Group } from "../segment/group.ts";
import { selectAll } from "../segment/numbers.ts";
import type { RowLocation } from "../snapshot/location.ts";
import { rowTester } from "../snapshot/row_view.ts";
import { valueAt } from "../snapshot/rows.ts";
import type { GroupPart, Snapshot } from "../snapshot/snapshot.ts";
import type { Query, Relation } from "./query.ts";

/** A query that can be applied to rows. */
export interface RowFilter {
  /** Whether zone maps, or the ids, show that no row of a group matches. */
  canPrune(part: GroupPart): boolean;
  /** Narrows `rows[0, n)` of a group to the rows that match; returns how many. */
  select(group: Group, rows: Uint32Array, n: number): number;
  /**
   * Fills `rows` with the rows of a group that match; returns how many. `live` runs before any
   * function of the user. Without `find`, `select` does it.
   */
  find?(group: Group, rows: Uint32Array, live: Live): number;
  /** Whether a row in memory matches. */
  matches(location: RowLocation): boolean;
}

/** Narrows the first `n` rows of a group to the rows that the log left as they were. */
type Live = (n: number) => number;

/** The parts of a snapshot that a filter needs: the fields, and where links lead. */
type FilterContext = Pick<Snapshot, "schema" | "origin">;

/** Compiles a query. */
export function filterOf(context: FilterContext, query: Query): RowFilter {
  switch (query.kind) {
    case "all":
      return conjunction(query.of.map((one) => filterOf(context, one)));
    case "any":
      return disjunction(query.of.map((one) => filterOf(context, one)));
    case "choice": {
      const byKey = Array.from(query.byKey, ([key, one]) => [key, filterOf(context, one)] as const);
      return choiceFilter(query.attribute, new Map(byKey));
    }
    case "not":
      return negation(filterOf(context, query.of));
    case "match":
      return predicateFilter(query.attribute, query.predicate);
    case "compare":
      return relationFilter(query.fields, query.holds);
    case "function": {
      const { select, test } = rowTester(context.schema, context.origin.links, query.holds);
      return { canPrune: never, select, matches: ({ id, row }) => test(id, row!) };
    }
  }
}

const never = () => false;

/** Fills `rows` with the rows of a group that match, as {@linkcode RowFilter.find} does. */
export function findRows(filter: RowFilter, group: Group, rows: Uint32Array, live: Live): number {
  return filter.find?.(group, rows, live) ?? filter.select(group, rows, live(selectAll(rows)));
}

/** Whether the row at a location matches. */
export function matchesAt(filter: RowFilter, location: RowLocation): boolean {
  return location.row === undefined
    ? filter.select(location.group, Uint32Array.of(location.index), 1) === 1
    : filter.matches(location);
}

/** Compiles a query into a test of single rows. */
export function matching(context: FilterContext, query: Query): (location: RowLocation) => boolean {
  const filter = filterOf(context, query);
  return (location) => matchesAt(filter, location);
}

/** Narrows `rows[0, n)` to the rows for which `holds`; returns how many. */
export function keepWhere(
  rows: Uint32Array,
  n: number,
  holds: (row: number) => boolean,
): number {
  let kept = 0;
  for (let k = 0; k < n; k++) {
    const row = rows[k]!;
    if (holds(row)) rows[kept++] = row;
  }
  return kept;
}

/** All of the filters; of none: all rows. */
export function conjunction(filters: readonly RowFilter[]): RowFilter {
  const [first, ...others] = filters;
  return {
    canPrune: (part) => filters.some((filter) => filter.canPrune(part)),
    select: (group, rows, n) =>
      filters.reduce((n, filter) => n && filter.select(group, rows, n), n),
    find: (group, rows, live) => {
      const n = first === undefined ? live(selectAll(rows)) : findRows(first, group, rows, live);
      return others.reduce((n, filter) => n && filter.select(group, rows, n), n);
    },
    matches: (location) => filters.every((filter) => filter.matches(location)),
  };
}

/** Any of the filters. */
export function disjunction(filters: readonly RowFilter[]): RowFilter {
  return {
    canPrune: (part) => filters.every((filter) => filter.canPrune(part)),
    select(group, rows, n) {
      const marks = new Uint8Array(group.rows);
      for (const filter of filters) markMatches(marks, filter, group, rows, n);
      return keepWhere(rows, n, (row) => marks[row] === 1);
    },
    matches: (location) => filters.some((filter) => filter.matches(location)),
  };
}

function negation(filter: RowFilter): RowFilter {
  return {
    canPrune: never,
    select(group, rows, n) {
      const marks = new Uint8Array(group.rows);
      markMatches(marks, filter, group, rows, n);
      return keepWhere(rows, n, (row) => marks[row] === 0);
    },
    matches: (location) => !filter.matches(location),
  };
}

/** Sets the marks of the rows among `rows[0, n)` that match. */
function markMatches(
  marks: Uint8Array,
  filter: RowFilter,
  group: Group,
  rows: Uint32Array,
  n: number,
): void {
  const kept = rows.slice(0, n);
  const m = filter.select(group, kept, n);
  for (let k = 0; k < m; k++) marks[kept[k]!] = 1;
}

/** Applies to each row the filter that its value chooses; without one the row does not match. */
function choiceFilter(attribute: Attribute, byKey: ReadonlyMap<unknown, RowFilter>): RowFilter {
  const type = attributeType(attribute);
  const matches = (location: RowLocation) => {
    const filter = byKey.get(valueKey(type, valueAt(location, attribute)));
    return filter !== undefined && matchesAt(filter, location);
  };
  return {
    canPrune: never,
    select: (group, rows, n) =>
      keepWhere(
        rows,
        n,
        (index) => matches({ id: group.id(index), group, index, row: undefined }),
      ),
    matches,
  };
}

/** Keeps the rows whose value matches. */
export function predicateFilter(attribute: Attribute, predicate: Predicate): RowFilter {
  const matches = (location: RowLocation) => {
    const value = valueAt(location, attribute);
    return value === null ? predicate.nulls : predicate.test(value);
  };
  if (attribute === "__id__") {
    const { keyRanges } = predicate;
    return {
      canPrune: ({ first, last }) =>
        keyRanges !== undefined && !overlaps(attributeType(attribute), keyRanges, first, last),
      select: (group, rows, n) => keepWhere(rows, n, (row) => predicate.test(group.id(row))),
      matches,
    };
  }
  if (attribute === "__version__") {
    return {
      canPrune: (part) => !predicate.test(0) && part.open().isUnchanged,
      select: (group, rows, n) => keepWhere(rows, n, (row) => predicate.test(group.version(row))),
      matches,
    };
  }
  return {
    canPrune: (part) => part.open().canPrune(attribute, predicate),
    select: (group, rows, n) => group.column(attribute).select(predicate, rows, n),
    find: (group, rows, live) => group.column(attribute).find(predicate, rows, live),
    matches,
  };
}

function relationFilter(
  [left, right]: readonly [FieldDef, FieldDef],
  holds: Relation,
): RowFilter {
  return {
    canPrune: never,
    select(group, rows, n) {
      const [a, b] = [group.column(left), group.column(right)];
      a.load();
      b.load();
      return keepWhere(rows, n, (row) => holds(a.get(row), b.get(row)));
    },
    matches: (location) => holds(valueAt(location, left), valueAt(location, right)),
  };
}
