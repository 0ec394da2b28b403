/**
 * Values on the command line. They are written as cells of CSV. The word `null` is null as well,
 * because an empty value is easily overlooked and the shell takes quotes for itself.
 *
 * ```text
 * CELL = `"` text with doubled quotes `"` | "" (null) | "null" (null) | text
 * ```
 *
 * @module
 */

/** A cell: its text, or null. */
export type Cell = string | null;

/** A value that consists of cells, with the separators between them. */
export interface Cells {
  /** At least one. */
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

/** Parses `a,b`, `lo..hi` or `"a, b"`; `undefined` if quotes do not match. */
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

/** Parses a value that is one cell; `undefined` if quotes do not match. */
export function parseCell(text: string): Cell | undefined {
  const found = ONE_REGEXP.exec(text);
  return found === null ? undefined : cellOf(found[1], found[2]);
}
