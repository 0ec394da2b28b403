/**
 * Where a row is.
 *
 * @module
 */

import type { FieldDef, StoredRow } from "../schema/field_def.ts";
import type { Group } from "../segment/group.ts";

/** Where a row stands: in a group, or by itself in memory. */
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

/** The place of a row in memory; none for one that is gone. */
export function locationOf(id: number, row: StoredRow): RowLocation;
export function locationOf(id: number, row: StoredRow | null | undefined): RowLocation | undefined;
export function locationOf(id: number, row: StoredRow | null | undefined): RowLocation | undefined {
  return row ? { id, group: undefined, index: 0, row } : undefined;
}

/** The row of a place, as it is held in memory. */
export function rowOf(location: RowLocation, fields: readonly FieldDef[]): StoredRow {
  return location.row ?? location.group.row(location.index, fields);
}
