/**
 * CSV as of RFC 4180, with one thing more: an unquoted empty cell is null and
 * `""` is empty text. No common tokenizer tells the two apart, hence our own.
 *
 * @module
 */

import { Fault } from "./errors.ts";

/** A cell: its text, or null. */
export type Cell = string | null;

/** A record, and the line that it begins in. */
export interface CsvRecord {
  /** Counted from 1. */
  readonly line: number;
  /** Its cells. */
  readonly cells: readonly Cell[];
}

/** The quote that closes a cell whose text begins at `from`, -1 if there is none. */
function closingQuote(text: string, from: number): number {
  let at = text.indexOf('"', from);
  while (at >= 0 && text[at + 1] === '"') at = text.indexOf('"', at + 2);
  return at;
}

/** The text of a cell without its quotes. */
function unquote(text: string): string {
  return text.includes('"') ? text.replaceAll('""', '"') : text;
}

/** The records of a text, line ends of both kinds; throws Fault with the line. */
export function* parseCsv(text: string): Generator<CsvRecord> {
  const end = /,|\r?\n|$/g;
  let line = 1;
  let at = 0;
  while (at < text.length) {
    const start = line;
    const cells: Cell[] = [];
    let separator: string;
    do {
      let from = at;
      if (text[at] === '"') {
        const close = closingQuote(text, at + 1);
        if (close < 0) throw new Fault(`line ${line}: a quote is not closed`);
        const quoted = text.slice(at + 1, close);
        cells.push(unquote(quoted));
        for (let n = quoted.indexOf("\n"); n >= 0; n = quoted.indexOf("\n", n + 1)) line++;
        from = close + 1;
      }
      end.lastIndex = from;
      const found = end.exec(text)!;
      if (from === at) cells.push(found.index === at ? null : text.slice(at, found.index));
      else if (found.index > from) {
        throw new Fault(`line ${line}: text behind a closing quote, write quotes in text twice`);
      }
      separator = found[0];
      at = end.lastIndex;
    } while (separator === ",");
    line++;
    yield { line: start, cells };
  }
}

/** A record as a line, without its end. */
export function formatCsv(cells: readonly Cell[]): string {
  return cells.map((cell) => {
    if (cell === null) return "";
    return cell === "" || /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
  }).join(",");
}
