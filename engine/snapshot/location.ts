/**
 * Row locations: where a row is.
 *
 * @module
 */

import type { FieldDef, StoredRow } from "../schema/field_def.ts";
import type { Group } from "../segment/group.ts";

/** The location of a row: a position in a row group, or the row itself in memory. */
export type RowLocation =
  | {
    readonly id: number;
    readonly group: Group;
    readonly index: number;
    readonly row: undefined;
  }
  | {
    readonly id: number;
    readonly group: undefined;
    readonly index: 0;
    readonly row: StoredRow;
  };

/** The location of a row in memory; `undefined` for a deleted row. */
export function locationOf(id: number, row: StoredRow): RowLocation;
export function locationOf(id: number, row: StoredRow | null | undefined): RowLocation | undefined;
export function locationOf(id: number, row: StoredRow | null | undefined): RowLocation | undefined {
  return row ? { id, group: undefined, index: 0, row } : undefined;
}

/** The row at a location, in memory. */
export function rowOf(location: RowLocation, fields: readonly FieldDef[]): StoredRow {
  return location.row ?? location.group.row(location.index, fields);
}
