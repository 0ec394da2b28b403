/**
 * Values on the command line. They are cells as in CSV, and as the shell takes quotes for itself and
 * `field=` is easily overlooked, `null` is null besides.
 *
 * ```text
 * CELL = `"` text, quotes in it twice `"` | "" (null) | "null" (null) | text
 * ```
 *
 * @module
 */

import type { Cell } from "./csv.ts";

export type { Cell };

/** What a value is made of: cells, and what stands between them. */
export interface Cells {
  /** One at least. */
  readonly cells: readonly Cell[];
  /** `,` or `..`, one less than cells. */
  readonly separators: readonly string[];
}

const QUOTED = /"([^"]*(?:""[^"]*)*)"/.source;
const SEPARATED_REGEXP = RegExp(`(?:${QUOTED}|((?!")(?:(?!,|\\.\\.)[^])*))(,|\\.\\.|$)`, "y");
const ONE_REGEXP = RegExp(`^(?:${QUOTED}|((?!")[^]*))$`);

function cellOf(quoted: string | undefined, plain: string | undefined): Cell {
  if (quoted !== undefined) return quoted.replaceAll('""', '"');
  return plain === "" || plain === "null" ? null : plain!;
}

/** Takes `a,b`, `lo..hi` and `"a, b"` apart; `undefined` if its quotes do not match. */
export function parseCells(text: string): Cells | undefined {
  const cells: Cell[] = [];
  const separators: string[] = [];
  SEPARATED_REGEXP.lastIndex = 0;
  for (;;) {
    const found = SEPARATED_REGEXP.exec(text);
    if (found === null) return undefined;
    const [, quoted, plain, separator] = found;
    cells.push(cellOf(quoted, plain));
    if (separator === "") return { cells, separators };
    separators.push(separator!);
  }
}

/** Takes a value that is one cell; `undefined` if its quotes do not match. */
export function parseCell(text: string): Cell | undefined {
  const found = ONE_REGEXP.exec(text);
  return found === null ? undefined : cellOf(found[1], found[2]);
}
