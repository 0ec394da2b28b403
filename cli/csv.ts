/**
 * CSV as of RFC 4180, with one thing more: an unquoted empty cell is null and
 * `""` is empty text. No common tokenizer tells the two apart, hence our own.
 * TSV is the same with tabs.
 *
 * @module
 */

import { Fault } from "./errors.ts";
import { TextBuffer } from "./pieces.ts";

/** A cell: its text, or null. */
export type Cell = string | null;

/** What stands between cells. */
export type Separator = "," | "\t";

/** A record as it stands in a file. */
export interface CsvRecord {
  /** The line that it begins in, counted from 1. */
  readonly line: number;
  /** All of it, without the end of its last line. */
  readonly text: string;
  /** Its cells, or what is wrong with it. */
  readonly cells: readonly Cell[] | Fault;
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

function nullIfEmpty(text: string): Cell {
  return text === "" ? null : text;
}

/**
 * The records of a text, line ends of both kinds.
 *
 * @param pieces The text; a piece may end anywhere.
 * @param separator What stands between cells.
 * @throws {Fault} If a quote is not closed, with the line: where the record ends, nobody knows.
 */
export function* parseCsv(
  pieces: Iterable<string>,
  separator: Separator = ",",
): Generator<CsvRecord> {
  const buffer = new TextBuffer(pieces);
  for (let line = 1; !buffer.done; line++) {
    let to = buffer.find("\n");
    let text = buffer.line(to);
    let cells: CsvRecord["cells"];
    if (text.includes('"')) {
      const record = readQuoted(buffer, separator, line);
      ({ to, cells } = record);
      text = buffer.line(to);
    } else {
      cells = text.split(separator).map(nullIfEmpty);
    }
    yield { line, text, cells };
    for (let n = text.indexOf("\n"); n >= 0; n = text.indexOf("\n", n + 1)) line++;
    buffer.at = to + 1;
  }
}

/** The cells of a record with quotes, and where its last line ends. */
function readQuoted(buffer: TextBuffer, separator: Separator, line: number): Quoted {
  for (;;) {
    const record = quotedIn(buffer, separator);
    if (record !== undefined) return record;
    if (buffer.ended) throw new Fault(`line ${line}: a quote is not closed`);
    buffer.grow(`line ${line}: the row`);
  }
}

interface Quoted {
  readonly cells: CsvRecord["cells"];
  readonly to: number;
}

/** The same, as far as it is there. */
function quotedIn({ text, at, ended }: TextBuffer, separator: Separator): Quoted | undefined {
  const cells: Cell[] = [];
  const lineEnd = (from: number) => {
    const to = text.indexOf("\n", from);
    return to < 0 && ended ? text.length : to;
  };
  for (;;) {
    let from = at;
    if (text[at] === '"') {
      const close = closingQuote(text, at + 1);
      if (close < 0) return undefined;
      cells.push(unquote(text.slice(at + 1, close)));
      from = close + 1;
    }
    const line = lineEnd(from);
    if (line < 0) return undefined; // nor is it known whether a quote at the end closes the cell
    const end = text[line] === "\n" && text[line - 1] === "\r" && line > from ? line - 1 : line;
    let to = from;
    while (to < end && text[to] !== separator) to++;
    if (from === at) cells.push(nullIfEmpty(text.slice(at, to)));
    else if (to > from) {
      const told = "text behind a closing quote, write quotes in text twice";
      return { cells: new Fault(told), to: line };
    }
    if (to === end) return { cells, to: line };
    at = to + 1;
  }
}

const SPECIAL_REGEXPS = { ",": /[",\r\n]/, "\t": /["\t\r\n]/ };

/** A record as a line, without its end. */
export function formatCsv(cells: readonly Cell[], separator: Separator = ","): string {
  const special = SPECIAL_REGEXPS[separator];
  return cells.map((cell) => {
    if (cell === null) return "";
    return cell === "" || special.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
  }).join(separator);
}
