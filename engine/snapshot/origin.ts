/**
 * Where rows come from: what a row needs of its table to become an object.
 *
 * Links lead from rows to rows, so this file names what each side needs of the other.
 *
 * @module
 */

import type { FieldDef } from "../schema/field_def.ts";
import type { TableSchema } from "../schema/schema.ts";
import type { RowLocation } from "./location.ts";

/** What rows are made of besides their location. */
export interface Origin {
  /** The table: its UUID. */
  readonly table: string;
  /** Where its links lead. */
  readonly links: RowLinks;
}

/** Makes an object of a row. */
export type RowMaker = (
  origin: Origin,
  location: RowLocation,
  fields: readonly FieldDef[],
) => Record<string, unknown>;

/** Rows that links may lead to. */
export interface LinkedRows {
  /** What the rows come from. */
  readonly origin: Origin;
  /** Their fields. */
  readonly schema: TableSchema;
  /** Where the row of an id is. */
  find(id: number): RowLocation | undefined;
}

/** The links of a table, as its rows use them. */
export interface RowLinks {
  /** The row that a link leads to, as it is now; `null` if it is gone. */
  row(field: FieldDef, id: number, make?: RowMaker): Record<string, unknown> | null;
  /** Checks the links of a row before it is stored. */
  check(
    schema: TableSchema,
    given: Record<string, unknown>,
    coming?: (id: number, field: FieldDef) => boolean,
  ): void;
  /** Where a link leads, as a path that can be opened. */
  pathOf(target: string): string;
  /** The rows of the table itself, as their reader sees them. */
  own(): LinkedRows;
  /** The same links, for a reader who sees other rows of the table itself. */
  seeing(own: () => LinkedRows): RowLinks;
}
