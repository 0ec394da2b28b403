/**
 * Rows as a table of text, for people: aligned, no wider than the place it is
 * shown in, and doing nothing there but being read.
 *
 * @module
 */

import { fit, printable, widthOf } from "./text_width.ts";
import type { ValueType } from "./values.ts";

/** A column of what is shown. */
export interface Column {
  /** Its name, and that of its values in a row. */
  readonly name: string;
  /** What is known of its values. */
  readonly type: ValueType;
}

const GAP = "  ";
const RIGHT: ReadonlySet<string> = new Set(["integer", "float", "bigint", "link"]);
/** Below this a column says nothing; the lines become longer than there is room for instead. */
const LEAST_WIDTH = 6;

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
  const widths = share(
    columns.map(({ name }, i) =>
      cells.reduce((width, row) => Math.max(width, widthOf(row[i]!)), widthOf(name))
    ),
    room - GAP.length * (columns.length - 1),
  );
  const line = (row: readonly string[]) =>
    row.map((cell, i) => fit(cell, widths[i]!, RIGHT.has(columns[i]!.type.name) ? "right" : "left"))
      .join(GAP).trimEnd();
  yield line(columns.map(({ name }) => name));
  yield widths.map((width) => "─".repeat(width)).join(GAP);
  for (const row of cells) yield line(row);
}

function cellOf(row: object, column: Column): string {
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
