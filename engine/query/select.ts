/**
 * `select`: rows as objects, with some of their fields, in an order, within a limit.
 *
 * @module
 */

import type { FieldDef } from "../schema/field_def.ts";
import { selectOptions } from "../schema/read_options.ts";
import type { TableSchema } from "../schema/schema.ts";
import type { RowLocation } from "../snapshot/location.ts";
import { rowAt } from "../snapshot/rows.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { describe, describeOption } from "../system/check.ts";
import { walkIndex } from "./index_order.ts";
import { type Plan, plan, type TopRows } from "./plan.ts";
import { compile, compileOrder, fieldOf, type OrderKey, type Query } from "./query.ts";
import { type ResultSet, resultSet } from "./result_set.ts";
import { chunks, locations, locationsIn, scan } from "./scan.ts";
import { Sorter, topRows } from "./top_rows.ts";

/** The options of `select`, compiled. */
export interface Selection {
  readonly fields: readonly FieldDef[];
  /** The order; by id if it is empty. */
  readonly order: readonly OrderKey[];
  readonly offset: number;
  readonly limit: number;
}

/** Compiles the options of `select`; messages are fragments. */
export function selectionOf(schema: TableSchema, options: unknown): Selection {
  const { fields, orderBy, limit, offset } = selectOptions(options);
  return {
    fields: fields === undefined ? schema.fields : fieldsOf(schema, fields),
    order: compileOrder(schema, orderBy),
    offset: rowCount("offset", offset, 0),
    limit: rowCount("limit", limit, Infinity),
  };
}

function fieldsOf(schema: TableSchema, names: unknown): FieldDef[] {
  if (Array.isArray(names)) return [...new Set(names)].map((name) => fieldOf(schema, name));
  throw new TypeError(`fields: ${describe(names)}, expected an array of fields`);
}

function rowCount(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (typeof value !== "number" || !(value >= 0) || (value % 1 !== 0 && value !== Infinity)) {
    throw new RangeError(`${describeOption(name, value)}, expected a number of rows, 0 or more`);
  }
  return value;
}

/** The rows that a selection needs, which `offset` and `limit` then cut. */
export function topRowsOf({ order, offset, limit }: Selection): TopRows {
  return { order, count: offset + limit, nulls: true };
}

/** The rows that match, as objects. */
export function select(
  snapshot: Snapshot,
  query: Query,
  selection: Selection,
): ResultSet<Record<string, unknown>> {
  const { fields, order, offset, limit } = selection;
  const { origin } = snapshot;
  const planned = plan(snapshot, query, topRowsOf(selection));
  const rows = resultSet<Record<string, unknown>>(fields);
  const add = (location: RowLocation) => void rows.push(rowAt(origin, location, fields));
  if (order.length === 0) {
    visit(planned, selection, add);
    return rows;
  }
  const wanted = offset + limit;
  const first = walkIndex(planned) ??
    (wanted < snapshot.size ? topRows(planned, order, wanted) : undefined);
  if (first !== undefined) {
    for (const location of first.slice(offset)) add(location);
    return rows;
  }
  // The objects are made as the rows stand in memory, and then put in order.
  const sorter = new Sorter(order);
  visit(planned, { fields, offset: 0, limit: Infinity }, (location) => {
    sorter.add(location);
    add(location);
  });
  const sorted = resultSet<Record<string, unknown>>(fields);
  for (const i of sorter.places().subarray(offset)) sorted.push(rows[i]!);
  return sorted;
}

/**
 * The rows that match, one by one, for readers that make no array of them. Only an order without an
 * index keeps the locations of all rows in memory.
 */
export function* selected(
  snapshot: Snapshot,
  query: Query,
  selection: Selection,
): Generator<RowLocation, void> {
  const { order, offset, limit } = selection;
  const wanted = offset + limit;
  if (order.length > 0) {
    const planned = plan(snapshot, query, topRowsOf(selection));
    const first = walkIndex(planned) ??
      (wanted < snapshot.size ? topRows(planned, order, wanted) : sorted(planned, order));
    for (let i = offset; i < Math.min(first.length, wanted); i++) yield first[i]!;
    return;
  }
  const isEverything = query.kind === "all" && query.of.length === 0;
  const from = isEverything && offset > 0 ? snapshot.nth(offset) : undefined;
  if (from !== undefined) query = compile(snapshot.schema, { __id__: { gte: from.id } });
  yield* scan(snapshot, query).drop(from === undefined ? offset : 0).take(limit);
}

/** All rows that match, in an order. */
function sorted(plan: Plan, order: readonly OrderKey[]): RowLocation[] {
  const sorter = new Sorter(order);
  const found: RowLocation[] = [];
  for (const location of locations(plan)) {
    sorter.add(location);
    found.push(location);
  }
  return Array.from(sorter.places(), (place) => found[place]!);
}

/** Calls `fn` for the rows that match, in id order, from `offset` on and at most `limit`. */
function visit(
  plan: Plan,
  { fields, offset, limit }: Pick<Selection, "fields" | "offset" | "limit">,
  fn: (location: RowLocation) => void,
): void {
  let skipped = 0;
  let visited = 0;
  for (const chunk of chunks(plan)) {
    if (visited === limit) return;
    const { group, rows, others } = chunk;
    if (others.length === 0 && group !== undefined) {
      const from = Math.min(offset - skipped, rows.length);
      const to = Math.min(from + limit - visited, rows.length);
      group.loadFor(to - from, fields);
      for (let k = from; k < to; k++) {
        const index = rows[k]!;
        fn({ id: group.id(index), group, index, row: undefined });
      }
      skipped += from;
      visited += to - from;
      continue;
    }
    for (const location of locationsIn(chunk)) {
      if (skipped < offset) skipped++;
      else if (visited++ < limit) fn(location);
      else return;
    }
  }
}
