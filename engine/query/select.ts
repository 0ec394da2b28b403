/**
 * Rows as users get them: chosen fields, in an order, a part of them.
 *
 * @module
 */

import { describe, describeOption } from "../system/check.ts";
import { firstRows, type Wanted } from "./index_order.ts";
import type { Explanation } from "../schema/options.ts";
import { compileOrder, fieldOf, type OrderKey, type Query } from "./query.ts";
import { selectOptions } from "../schema/read_options.ts";
import { type ResultSet, resultSet } from "./result_set.ts";
import { rowAt, valueAt } from "../snapshot/rows.ts";
import { chunks, locationsOf, scan, type ScanStats } from "./scan.ts";
import { attributeType, type FieldDef } from "../schema/field_def.ts";
import type { TableSchema } from "../schema/schema.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import type { RowLocation } from "../snapshot/location.ts";
import { compareNullable, type Stored } from "../schema/values.ts";

/** What `select` is asked for besides conditions. */
export interface Selection {
  /** The fields of the rows. */
  readonly fields: readonly FieldDef[];
  /** The order; by id, if it is empty. */
  readonly order: readonly OrderKey[];
  /** How many rows are left out at the beginning. */
  readonly offset: number;
  /** How many rows there are at most. */
  readonly limit: number;
}

/** Checks what `select` is asked for besides conditions; messages are fragments. */
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

/** A count of rows that a user gave. */
function rowCount(name: string, value: number | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (typeof value !== "number" || !(value >= 0) || (value % 1 !== 0 && value !== Infinity)) {
    throw new RangeError(`${describeOption(name, value)}, expected a number of rows, 0 or more`);
  }
  return value;
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
  if (order.length > 0) {
    const locations = firstRows(snapshot, query, wantedOf(selection))?.locations ??
      sorted(scan(snapshot, query), order);
    for (const location of locations.slice(offset, offset + limit)) {
      rows.push(rowAt(origin, location, fields));
    }
    return rows;
  }
  let skipped = 0;
  for (const chunk of chunks(snapshot, query)) {
    if (rows.length === limit) break;
    const { group, rows: found, others } = chunk;
    if (others.length === 0 && group !== undefined) {
      const from = Math.min(offset - skipped, found.length);
      const to = Math.min(from + limit - rows.length, found.length);
      group.expect(to - from, fields);
      for (let k = from; k < to; k++) {
        const index = found[k]!;
        rows.push(rowAt(origin, { id: group.id(index), group, index, row: undefined }, fields));
      }
      skipped += from;
      continue;
    }
    for (const location of locationsOf(chunk)) {
      if (skipped < offset) skipped++;
      else if (rows.length === limit) break;
      else rows.push(rowAt(origin, location, fields));
    }
  }
  return rows;
}

function wantedOf({ order, offset, limit }: Selection): Wanted {
  return { order, count: offset + limit, nulls: true };
}

function sorted(locations: Iterable<RowLocation>, order: readonly OrderKey[]): RowLocation[] {
  const keyed = Array.from(locations, (location) => ({
    location,
    keys: order.map(({ column }) => valueAt(location, column)),
  }));
  const compares = order.map(({ column, descending }) => {
    const type = attributeType(column);
    const sign = descending ? -1 : 1;
    return (a: Stored | null, b: Stored | null) => sign * compareNullable(type, a, b);
  });
  // Stable, and from places in id order: ties stay in id order.
  keyed.sort((a, b) => {
    for (let i = 0; i < compares.length; i++) {
      const difference = compares[i]!(a.keys[i]!, b.keys[i]!);
      if (difference !== 0) return difference;
    }
    return 0;
  });
  return keyed.map(({ location }) => location);
}

/** What it takes to find the rows that match, or those of a selection. */
export function explainScan(snapshot: Snapshot, query: Query, selection: Selection): Explanation {
  const first = firstRows(snapshot, query, wantedOf(selection));
  if (first !== undefined) {
    const { field, locations, looks } = first;
    const groups = new Set(locations.map(({ group }) => group));
    groups.delete(undefined);
    return {
      rows: Math.max(0, locations.length - selection.offset),
      index: field.name,
      groupsRead: groups.size,
      groupsSkipped: 0,
      rowsDecoded: looks,
    };
  }
  const stats: ScanStats = { index: null, groupsRead: 0, groupsSkipped: 0, rowsDecoded: 0 };
  let rows = 0;
  for (const chunk of chunks(snapshot, query, stats)) {
    rows += chunk.rows.length + chunk.others.length;
  }
  return { rows, ...stats };
}
