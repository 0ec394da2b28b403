/**
 * `select`: rows as objects, with some of their fields, in an order, within a limit.
 *
 * @module
 */

import { attributeType, type FieldDef } from "../schema/field_def.ts";
import { selectOptions } from "../schema/read_options.ts";
import type { TableSchema } from "../schema/schema.ts";
import { compareNullable, type Stored } from "../schema/values.ts";
import type { RowLocation } from "../snapshot/location.ts";
import { rowAt, valueAt } from "../snapshot/rows.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { describe, describeOption } from "../system/check.ts";
import { walkIndex } from "./index_order.ts";
import { plan, type TopRows } from "./plan.ts";
import { compileOrder, fieldOf, type OrderKey, type Query } from "./query.ts";
import { type ResultSet, resultSet } from "./result_set.ts";
import { chunks, locations, locationsIn } from "./scan.ts";

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
  const rows = resultSet<Record<string, unknown>>(fields);
  const planned = plan(snapshot, query, topRowsOf(selection));
  if (order.length > 0) {
    const ordered = walkIndex(planned) ?? sorted(locations(planned), order);
    for (const location of ordered.slice(offset, offset + limit)) {
      rows.push(rowAt(origin, location, fields));
    }
    return rows;
  }
  let skipped = 0;
  for (const chunk of chunks(planned)) {
    if (rows.length === limit) break;
    const { group, rows: found, others } = chunk;
    if (others.length === 0 && group !== undefined) {
      const from = Math.min(offset - skipped, found.length);
      const to = Math.min(from + limit - rows.length, found.length);
      group.loadFor(to - from, fields);
      for (let k = from; k < to; k++) {
        const index = found[k]!;
        rows.push(rowAt(origin, { id: group.id(index), group, index, row: undefined }, fields));
      }
      skipped += from;
      continue;
    }
    for (const location of locationsIn(chunk)) {
      if (skipped < offset) skipped++;
      else if (rows.length === limit) break;
      else rows.push(rowAt(origin, location, fields));
    }
  }
  return rows;
}

function sorted(rows: Iterable<RowLocation>, order: readonly OrderKey[]): RowLocation[] {
  const keyed = Array.from(rows, (location) => ({
    location,
    keys: order.map(({ attribute }) => valueAt(location, attribute)),
  }));
  const compares = order.map(({ attribute, descending }) => {
    const type = attributeType(attribute);
    const sign = descending ? -1 : 1;
    return (a: Stored | null, b: Stored | null) => sign * compareNullable(type, a, b);
  });
  // The sort is stable and the rows come in id order, so ties stay in id order.
  keyed.sort((a, b) => {
    for (let i = 0; i < compares.length; i++) {
      const difference = compares[i]!(a.keys[i]!, b.keys[i]!);
      if (difference !== 0) return difference;
    }
    return 0;
  });
  return keyed.map(({ location }) => location);
}
