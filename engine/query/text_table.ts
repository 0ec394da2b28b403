/**
 * Rows as a table of text, for people: aligned, no wider than the place it is
 * shown in, and doing nothing there but being read.
 *
 * @module
 */

import { fit, widthOf } from "./text_width.ts";
import type { ValueType } from "../schema/values.ts";
import { printable } from "../system/printable.ts";

/** A column of what is shown. */
export interface Column {
  /** Its name, and that of its values in a row. */
  readonly name: string;
  /** What is known of its values. */
  readonly type: ValueType;
}

const GAP = "  ";
const RIGHT: ReadonlySet<string> = new Set(["integer", "float", "bigint", "link"]);
/** Below this a column says nothing, not even a date: the last ones are left out instead. */
const LEAST_WIDTH = 10;

/** The value of a row in a column; null if it has none of its own. */
export function valueIn(row: object, { name }: Column): unknown {
  return Object.hasOwn(row, name) ? (row as { [name: string]: unknown })[name] ?? null : null;
}

/** The lines of a table, its header first, without line ends; `room` in cells of a terminal. */
export function* tableLines(
  columns: readonly Column[],
  rows: Iterable<object>,
  room: number,
): Generator<string> {
  const cells = Array.from(rows, (row) => columns.map((column) => cellOf(row, column)));
  const wanted = columns.map(({ name }, i) =>
    cells.reduce((width, row) => Math.max(width, widthOf(row[i]!)), widthOf(name))
  );
  const shown = fitting(wanted, room);
  const more = shown < columns.length ? `… ${columns.length - shown} more` : "";
  const gaps = GAP.length * (shown - 1);
  const widths = share(wanted.slice(0, shown), room - gaps - (more && GAP + more).length);
  const line = (row: readonly string[], end: string) =>
    widths.map((width, i) =>
      fit(row[i]!, width, RIGHT.has(columns[i]!.type.name) ? "right" : "left")
    ).concat(end).join(GAP).trimEnd();
  yield line(columns.map(({ name }) => name), more);
  yield line(widths.map((width) => "─".repeat(width)), "─".repeat(more.length));
  for (const row of cells) yield line(row, more && "…");
}

/** How many columns there is room for, none narrower than it has to be; one at least. */
function fitting(widths: readonly number[], room: number): number {
  const least = widths.map((width) => Math.min(width, LEAST_WIDTH) + GAP.length);
  const sum = (count: number) => least.slice(0, count).reduce((sum, width) => sum + width, 0);
  let count = widths.length;
  if (sum(count) <= room + GAP.length) return count;
  while (count > 1 && sum(count) + `… ${widths.length - count} more`.length > room) count--;
  return count;
}

/** What is shown of a row in a column. */
export function cellOf(row: object, column: Column): string {
  const value = valueIn(row, column);
  // As in CSV, so that null and empty text can be told apart.
  return value === null ? "" : printable(column.type.format(value)) || '""';
}

/** Widths whose sum is `room`, if it can be: the widest columns give first. */
function share(widths: readonly number[], room: number): number[] {
  let cap = Math.max(...widths);
  const sum = () => widths.reduce((sum, width) => sum + Math.min(width, cap), 0);
  while (cap > LEAST_WIDTH && sum() > room) cap--;
  // What rounding left over goes to the first that can use it.
  let left = Math.max(0, room - sum());
  return widths.map((width) => {
    if (width <= cap || left === 0) return Math.min(width, cap);
    left--;
    return cap + 1;
  });
}
