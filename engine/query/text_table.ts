/**
 * Rows as a table of text: aligned, and no wider than the terminal. Control characters are escaped,
 * so a value cannot command the terminal.
 *
 * @module
 */

import { cellWidth, fit } from "./text_width.ts";
import type { ValueType } from "../schema/values.ts";
import { printable } from "../system/printable.ts";

/** A column of the printed table. */
export interface PrintedColumn {
  /** Its title, and the name of its property in a row. */
  readonly name: string;
  readonly type: ValueType;
}

const GAP = "  ";
const RIGHT: ReadonlySet<string> = new Set(["integer", "float", "bigint", "link"]);
/** Narrower columns show nothing useful, not even a date: the last ones are left out instead. */
const LEAST_WIDTH = 10;

/** The value of a row in a column; null if the row has no such property of its own. */
export function valueIn(row: object, { name }: PrintedColumn): unknown {
  return Object.hasOwn(row, name) ? (row as { [name: string]: unknown })[name] ?? null : null;
}

/** The lines of a table, the header first, without line ends; `room` is in terminal cells. */
export function* tableLines(
  columns: readonly PrintedColumn[],
  rows: Iterable<object>,
  room: number,
): Generator<string> {
  const most = Math.max(room, LEAST_WIDTH);
  const cells = Array.from(rows, (row) => columns.map((column) => cellOf(row, column, most)));
  const wanted = columns.map(({ name }, i) =>
    cells.reduce((width, row) => Math.max(width, cellWidth(row[i]!, most)), cellWidth(name))
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

/** How many columns have room, each as narrow as it may get; at least one. */
function fitting(widths: readonly number[], room: number): number {
  const least = widths.map((width) => Math.min(width, LEAST_WIDTH) + GAP.length);
  const sum = (count: number) => least.slice(0, count).reduce((sum, width) => sum + width, 0);
  let count = widths.length;
  if (sum(count) <= room + GAP.length) return count;
  while (count > 1 && sum(count) + `… ${widths.length - count} more`.length > room) count--;
  return count;
}

/** The longest characters that people see as one have fewer units of UTF-16 a cell. */
const UNITS_PER_CELL = 32;

/** The text of a row in a column; of a long text enough to fill `room` cells. */
export function cellOf(row: object, column: PrintedColumn, room = Infinity): string {
  const value = valueIn(row, column);
  if (value === null) return "";
  const text = column.type.format(value);
  if (text.length > room * UNITS_PER_CELL) {
    return printable(text.slice(0, room * UNITS_PER_CELL)) + "…";
  }
  // As in CSV: an empty cell is null, `""` is empty text.
  return printable(text) || '""';
}

/** Narrows the widest columns until the widths fit into `room`, if they can. */
function share(widths: readonly number[], room: number): number[] {
  let cap = Math.max(...widths);
  const sum = () => widths.reduce((sum, width) => sum + Math.min(width, cap), 0);
  while (cap > LEAST_WIDTH && sum() > room) cap--;
  // Rounding leaves some cells over: the first columns that need them get them.
  let left = Math.max(0, room - sum());
  return widths.map((width) => {
    if (width <= cap || left === 0) return Math.min(width, cap);
    left--;
    return cap + 1;
  });
}
