/**
 * CSV as of RFC 4180, with one thing more: an unquoted empty cell is null and
 * `""` is empty text. No common tokenizer tells the two apart, hence our own.
 * TSV is the same with tabs.
 *
 * @module
 */

import { excerpt } from "../engine/system/check.ts";
import type { ValueType } from "../engine/schema/values.ts";
import { floatKind, type Kind, textKind } from "./detect.ts";
import { Fault } from "./errors.ts";
import type { FileRow } from "./formats.ts";
import { counted } from "./io.ts";
import { parseExact } from "./json_rows.ts";
import { TextBuffer } from "./pieces.ts";
import { holds, numberKind, plainNumber } from "./plain_number.ts";

/** A cell: its text, or null. */
export type Cell = string | null;

const [LF, CR, SPACE, TAB] = Array.from("\n\r \t", (c) => c.charCodeAt(0));
/** No character. */
const NONE = -1;

/** How records are written. */
export interface CsvOptions {
  /** What stands between cells, a character of ASCII. */
  readonly separator: string;
  /** What stands around cells that need it, a character of ASCII; empty if nothing does. */
  readonly quote?: string | undefined;
  /** Whether spaces around cells are left out. */
  readonly trim?: boolean | undefined;
  /** So many lines are left out at the beginning. */
  readonly skipLines?: number | undefined;
  /** What lines begin with that are left out, a character of ASCII. */
  readonly comment?: string | undefined;
}

/** What programs write for null; here it is an empty cell. */
const NULLS = ["null", "na", "n/a", "nan", "nil", "none", "\\n", "-", "?", "#n/a"];

// How a cell is written: as it is, between quotes, or so with quotes in it.
const PLAIN = 0;
const QUOTED = 1;
const DOUBLED = 2;

/** A record as it stands in a file: one after the other, in the same object. */
export class CsvRecord implements FileRow {
  line = 1;
  length = 0;
  fault: Fault | undefined;
  /** How many cells it should have, once that is known. */
  columns: number | undefined;
  /** What stands before the first row. */
  header = "";
  /** Whether lines of nothing are left out: they are no rows where these have several cells. */
  skipsEmpty = false;
  /** How many cells had line breaks so far. */
  spanning = 0;
  /** The line that the first of these begins in. */
  firstSpanning = 0;
  readonly #buffer: TextBuffer;
  readonly #separator: number;
  readonly #quote: string;
  readonly #quoteCode: number;
  readonly #trim: boolean;
  readonly #comment: number;
  #skipLines: number;
  /** Where each cell begins and ends, without its quotes. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #forms: number[] = [];
  /** Where its last line ends. */
  #end = -1;
  #lines = 0;

  /**
   * @param pieces The text of all records; a piece may end anywhere.
   * @param options How they are written.
   */
  constructor(pieces: Iterable<string>, options: CsvOptions) {
    const { separator, quote = '"', trim = false, comment = "", skipLines = 0 } = options;
    const codeOf = (char: string) => char === "" ? NONE : char.charCodeAt(0);
    this.#buffer = new TextBuffer(pieces);
    this.#separator = codeOf(separator);
    this.#quote = quote;
    this.#quoteCode = codeOf(quote);
    this.#trim = trim;
    this.#comment = codeOf(comment);
    this.#skipLines = skipLines;
  }

  /** Goes on to the next one, if there is one. */
  next(): boolean {
    const buffer = this.#buffer;
    for (;;) {
      buffer.at = this.#end + 1;
      if (buffer.done) return false;
      this.line += this.#lines;
      const isLeftOut = this.#skipLines > 0 || buffer.codes[buffer.at] === this.#comment;
      while (!(isLeftOut ? this.#scanLine() : this.#scan())) {
        if (buffer.ended) {
          const told = `line ${this.line}: a quote is not closed`;
          throw new Fault(`${told}, say --quote none if quotes are text`);
        }
        buffer.grow(`line ${this.line}: the row`);
      }
      if (this.#skipLines > 0) this.#skipLines--;
      else if (!isLeftOut && !(this.skipsEmpty && this.length === 1 && this.#isBlank())) {
        return true;
      }
    }
  }

  /** Finds the end of a line; false if it is not all there. */
  #scanLine(): boolean {
    const { at, codes, text: { length }, ended } = this.#buffer;
    this.#end = codes.indexOf(LF!, at);
    this.#lines = 1;
    return this.#end < length || ended;
  }

  /** Whether there is nothing in the only cell, nor quotes around that. */
  #isBlank(): boolean {
    const { codes } = this.#buffer;
    const [to] = this.#ends;
    let at = this.#starts[0]!;
    while (at < to! && codes[at] === SPACE) at++;
    return at === to && this.#forms[0] === PLAIN;
  }

  /** Finds its cells; false if it is not all there. */
  #scan(): boolean {
    const { at: begin, codes, text: { length }, ended } = this.#buffer;
    const separator = this.#separator;
    const quote = this.#quoteCode;
    const trim = this.#trim;
    let n = 0;
    let lines = 1;
    let spanning = 0;
    this.fault = undefined;
    for (let at = begin;; at++) {
      if (trim) { while (this.#isSpace(codes[at])) at++; }
      let from = at;
      let form = PLAIN;
      let to: number;
      if (codes[at] === quote) {
        form = QUOTED;
        from = ++at;
        const before = lines;
        for (; codes[at] !== quote || codes[at + 1] === quote; at++) {
          if (codes[at] === quote) {
            form = DOUBLED;
            at++;
          } else if (codes[at] === LF) {
            if (at === length) return false;
            lines++;
          }
        }
        to = at++;
        if (lines > before) spanning++;
        if (trim) { while (this.#isSpace(codes[at])) at++; }
        if (codes[at] === CR && codes[at + 1] === LF && at + 1 < length) at++;
        if (codes[at] !== separator && codes[at] !== LF) {
          const remedy = this.#isSpace(codes[at])
            ? "say --trim to leave out spaces"
            : "write quotes in text twice, or say --quote none";
          this.fault = new Fault(`text after a closing quote, ${remedy}`);
          at = codes.indexOf(LF!, at);
        }
      } else {
        while (codes[at] !== separator && codes[at] !== LF) at++;
        to = codes[at] === LF && codes[at - 1] === CR && at > from && at < length ? at - 1 : at;
        if (trim) { while (to > from && this.#isSpace(codes[to - 1])) to--; }
      }
      this.#starts[n] = from;
      this.#ends[n] = to;
      this.#forms[n++] = form;
      if (codes[at] === separator) continue;
      if (at === length && !ended) return false; // nor is it known whether a quote closes the cell
      this.length = n;
      this.#end = at;
      this.#lines = lines;
      if (n !== (this.columns ?? n)) this.fault ??= this.#ragged();
      if (spanning > 0) {
        if (this.spanning === 0) this.firstSpanning = this.line;
        this.spanning += spanning;
      }
      return true;
    }
  }

  #isSpace(code: number | undefined): boolean {
    return (code === SPACE || code === TAB) && code !== this.#separator;
  }

  /** What is wrong if it has too few cells, or too many, and what may help. */
  #ragged(): Fault {
    const { length, line, text } = this;
    const columns = this.columns!;
    let told = `${counted(length, "cell")} for ${counted(columns, "column")}`;
    if (length > columns && columns === 1) {
      told += `; if the names are in line ${line}, say --skip-lines ${line - 1}`;
      if (/^[^\w\s"]/.test(this.header)) told += `, or --comment '${this.header[0]}'`;
    } else if (!this.#trim && this.#quote !== "" && /[^\s\w] +"/.test(text)) {
      told += ", say --trim if there are spaces before quotes";
    }
    return new Fault(told);
  }

  get text(): string {
    return this.#buffer.line(this.#end);
  }

  /** Whether some cell has quotes around it. */
  get hasQuotes(): boolean {
    return this.#forms.slice(0, this.length).some((form) => form !== PLAIN);
  }

  /** Whether some cell could not do without them, as far as one line tells. */
  get needsQuotes(): boolean {
    for (let i = 0; i < this.length; i++) {
      if (this.#forms[i] === DOUBLED) return true;
      if (this.#forms[i] === QUOTED && /^$|\r/.test(this.cell(i)!)) return true;
    }
    return false;
  }

  /** What is in a cell. */
  cell(i: number): Cell {
    const text = this.#buffer.text.slice(this.#starts[i], this.#ends[i]);
    if (this.#forms[i] === DOUBLED) {
      return text.replaceAll(this.#quote.repeat(2), () => this.#quote);
    }
    return text === "" && this.#forms[i] === PLAIN ? null : text;
  }

  /** What is in all of them. */
  cells(): Cell[] {
    return Array.from({ length: this.length }, (_, i) => this.cell(i));
  }

  has(i: number): boolean {
    return i < this.length;
  }

  kindOf(i: number, seen: ReadonlySet<Kind>): Kind | undefined {
    const [start, end] = [this.#starts[i]!, this.#ends[i]!];
    if (start === end && this.#forms[i] === PLAIN) return undefined;
    if (seen.has("text")) return "text"; // no other kind makes a difference
    const kind = numberKind(this.#buffer.codes, start, end);
    if (kind === "digits") return floatKind(this.cell(i)!);
    return kind ?? textKind(this.cell(i)!);
  }

  valueOf(i: number, type: ValueType): unknown {
    const { name } = type;
    if (name === "integer" || name === "float") {
      const { codes } = this.#buffer;
      const [start, end] = [this.#starts[i]!, this.#ends[i]!];
      const number = plainNumber(codes, start, end, name);
      if (number !== undefined) return number;
    }
    const cell = this.cell(i);
    if (cell === null || name === "string") return cell;
    if (name === "float") {
      const value = Number(cell);
      if (String(value) === cell) return value;
    }
    try {
      if (name === "json") return parseExact(cell);
      const value = type.parse(cell);
      if (name === "float") checkHeld(value as number, cell);
      return value;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      // What a type says of its text is enough but for JSON, whose parser speaks of itself.
      const told = name === "json" ? `${excerpt(cell)} is not JSON` : error.message;
      throw new SyntaxError(told + this.#remedy(cell));
    }
  }

  /** What helps a cell that is no value of its type. */
  #remedy(cell: string): string {
    if (NULLS.includes(cell.toLowerCase())) return ", null is an empty cell";
    return cell.trim() === cell ? "" : ", say --trim to leave out spaces";
  }
}

/** Throws RangeError for a number that a float would round to another one. */
export function checkHeld(value: number, text: string): void {
  if (holds(value, text)) return;
  throw new RangeError(`${excerpt(text)} would become ${value} as a float, keep it as a string`);
}

/**
 * The records of a text, line ends of both kinds. It is one object, which is the next record after
 * each step.
 *
 * @param pieces The text; a piece may end anywhere.
 * @param separator What stands between cells.
 * @throws {Fault} If a quote is not closed, with the line: where the record ends, nobody knows.
 */
export function* parseCsv(
  pieces: Iterable<string>,
  separator = ",",
): Generator<CsvRecord> {
  const record = new CsvRecord(pieces, { separator });
  while (record.next()) yield record;
}

/**
 * Whether a file clearly uses quotes: most programs write TSV without, and then they are text.
 *
 * It does if names are between quotes, as `export` writes them where cells may be. Else all cells
 * that begin with a quote must end with one, some must need it, and lines must make no sense
 * without: where each of them is a row by itself, quotes around several would swallow rows.
 *
 * @param pieces The text.
 * @param options How records are written.
 */
export function usesQuotes(pieces: Iterable<string>, options: CsvOptions): boolean {
  const record = new CsvRecord(pieces, options);
  record.skipsEmpty = true;
  let isNeeded = false;
  let isRagged = false;
  try {
    if (!record.next()) return false;
    if (record.hasQuotes) return true;
    const columns = record.columns = record.length;
    record.skipsEmpty = columns > 1;
    while (record.next()) {
      if (!record.hasQuotes) continue;
      if (record.fault !== undefined) return false;
      const lines = record.text.split("\n");
      isRagged ||= lines.some((line) => line.split(options.separator).length !== columns);
      isNeeded ||= record.needsQuotes;
    }
  } catch (error) {
    if (error instanceof Fault) return false;
    throw error;
  }
  return isRagged || (isNeeded && record.spanning === 0);
}

const SPECIAL_REGEXP = /[\r\n]/;

/** A cell of any text as it stands in a file. */
export function quoted(text: string, separator: string, quote = '"'): string {
  // Where nothing stands around cells, nothing else can be in them.
  if (quote === "") return text.replaceAll(/[\r\n\t]/g, " ");
  const isPlain = text !== "" && !text.includes(separator) && !text.includes(quote) &&
    !SPECIAL_REGEXP.test(text);
  return isPlain ? text : quote + text.replaceAll(quote, () => quote + quote) + quote;
}

/** A record as a line, without its end. */
export function formatCsv(cells: readonly Cell[], separator = ",", quote = '"'): string {
  return cells.map((cell) => cell === null ? "" : quoted(cell, separator, quote)).join(separator);
}
