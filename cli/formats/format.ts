/**
 * What a file format is: how its rows are read, and how refused rows are written back.
 *
 * @module
 */

import type { ValueType } from "../../engine/schema/values.ts";
import type { TypeName } from "../../mod.ts";
import type { Fault } from "../process/errors.ts";
import type { Kind } from "./detect.ts";

/** A row of a file. */
export interface FileRow {
  /** The line in which it begins, counted from 1. */
  readonly line: number;
  /** Its whole text, without the end of its last line. */
  readonly text: string;
  /** What is wrong with it, if it has no cells. */
  readonly fault: Fault | undefined;
  /** The number of columns that can have a cell in this row. */
  readonly length: number;
  /** Whether it has a cell for a column; the cell may be null. */
  has(column: number): boolean;
  /** The kind of a cell, given those of its column so far; `undefined` if it is null or missing. */
  kindOf(column: number, seen: ReadonlySet<Kind>): Kind | undefined;
  /** The value of a cell that is there. Throws an error whose message says what is wrong. */
  valueOf(column: number, type: ValueType): unknown;
}

/** One pass over a file. */
export interface Reading {
  /** The column names (null: no name): all those of CSV, those that appeared so far of JSON. */
  readonly names: readonly (string | null)[];
  /** The rows. A row may be valid only until the next one. */
  readonly rows: Iterable<FileRow>;
  /** The text before the first row. */
  readonly header: string;
  /** A remark for the user when all rows were read, or nothing. */
  readonly remark: string;
}

/** A column that is put before the others. */
export type ExtraColumn = readonly [name: string, value: string | number];

/** A format. */
export interface Format {
  /** The format of a text, which can say more about it than the options did. */
  of(text: () => Iterable<string>): Format;
  /** Begins a pass over a text; throws Fault if the text has no columns. */
  read(text: Iterable<string>): Reading;
  /** The type of a column whose cells have no type in common. */
  mixedType(kinds: ReadonlySet<Kind>): TypeName;
  /** The text of a row with columns put before it. */
  withColumns(text: string, columns: readonly ExtraColumn[]): string;
  /** The text before the first row with columns put before it. */
  headerWith(header: string, names: readonly string[]): string;
}
