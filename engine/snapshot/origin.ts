/**
 * The origin of rows: the table and the links that a row needs to become an object.
 *
 * Rows use links, and links use rows. These interfaces keep their modules from importing each
 * other.
 *
 * @module
 */

import type { FieldDef } from "../schema/field_def.ts";
import type { TableSchema } from "../schema/schema.ts";
import type { RowLocation } from "./location.ts";

/** The origin of a row. */
export interface Origin {
  /** The UUID of the table. */
  readonly table: string;
  /** The links of the table. */
  readonly links: RowLinks;
}

/** Makes an object from a row. */
export type RowMaker = (
  origin: Origin,
  location: RowLocation,
  fields: readonly FieldDef[],
) => Record<string, unknown>;

/** The rows that links lead to. */
export interface LinkedRows {
  /** The origin of the rows. */
  readonly origin: Origin;
  /** Their schema. */
  readonly schema: TableSchema;
  /** The location of the row with this id. */
  find(id: number): RowLocation | undefined;
}

/** The links of a table, as its rows use them. */
export interface RowLinks {
  /** The current row that a link leads to; `null` if it was deleted. */
  row(field: FieldDef, id: number, make?: RowMaker): Record<string, unknown> | null;
  /** Checks the links of a row before it is stored; see {@linkcode Links.check}. */
  check(
    schema: TableSchema,
    given: Record<string, unknown>,
    willExist?: (id: number, field: FieldDef) => boolean,
  ): void;
  /** The path of the table that a link leads to. */
  pathOf(target: string): string;
  /** The rows of the table itself, as its reader sees them. */
  own(): LinkedRows;
  /** The same links for a reader that sees other rows of the table itself. */
  seeing(own: () => LinkedRows): RowLinks;
}
