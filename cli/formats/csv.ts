/**
 * CSV as in RFC 4180, with one difference: an empty cell is null, and `""` is empty text. TSV is
 * the same with tabs. The tokenizer is our own because the common ones do not tell the two apart.
 *
 * @module
 */

import { excerpt } from "../../engine/system/check.ts";
import type { ValueType } from "../../engine/schema/values.ts";
import type { Cell } from "../call/cells.ts";
import { Fault } from "../process/errors.ts";
import { counted } from "../process/io.ts";
import { floatKind, type Kind, textKind } from "./detect.ts";
import type { FileRow } from "./format.ts";
import { parseExact } from "./json_rows.ts";
import { checkHeld, numberKind, plainNumber } from "./plain_number.ts";
import { TextBuffer } from "./text_buffer.ts";

const [LF, CR, SPACE, TAB] = Array.from("\n\r \t", (c) => c.charCodeAt(0));
/** No character. */
const NONE = -1;

/** How records are written. */
export interface CsvOptions {
  /** The character of ASCII between cells. */
  readonly separator: string;
  /** The character of ASCII around cells that need it; empty if cells are never quoted. */
  readonly quote?: string | undefined;
  /** Whether spaces around cells are removed. */
  readonly trim?: boolean | undefined;
  /** How many lines are skipped at the beginning. */
  readonly skipLines?: number | undefined;
  /** The character of ASCII that begins a line to be skipped. */
  readonly comment?: string | undefined;
}

/** Words that other programs write for null. Here null is an empty cell. */
const NULLS = ["null", "na", "n/a", "nan", "nil", "none", "\\n", "-", "?", "#n/a"];

// The form of a cell: plain, quoted, or quoted with doubled quotes in it.
const PLAIN = 0;
const QUOTED = 1;
const DOUBLED = 2;

/** A record of a file. The same object stands for one record after the other. */
export class CsvRecord implements FileRow {
  line = 1;
  length = 0;
  fault: Fault | undefined;
  /** How many cells a record must have, once the header is read. */
  columns: number | undefined;
  /** The text before the first row. */
  header = "";
  /** Whether blank lines are skipped: they are not rows where a row has several cells. */
  skipsEmpty = false;
  /** How many cells so far had line breaks. */
  spanning = 0;
  /** The line in which the first of them begins. */
  firstSpanning = 0;
  readonly #buffer: TextBuffer;
  readonly #separator: number;
  readonly #quote: string;
  readonly #quoteCode: number;
  readonly #trim: boolean;
  readonly #comment: number;
  #skipLines: number;
  /** Where each cell begins, without its quotes, where it ends, and its form. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #forms: number[] = [];
  /** Where the last line of the record ends. */
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

  /** Moves to the next record; false if there is none. */
  next(): boolean {
    const buffer = this.#buffer;
    for (;;) {
      buffer.at = this.#end + 1;
      if (buffer.done) return false;
      this.line += this.#lines;
      const isSkipped = this.#skipLines > 0 || buffer.codes[buffer.at] === this.#comment;
      while (!(isSkipped ? this.#scanLine() : this.#scan())) {
        if (buffer.ended) {
          const told = `line ${this.line}: a quote is not closed`;
          throw new Fault(`${told}, say --quote none if quotes are text`);
        }
        buffer.grow(`line ${this.line}: the row`);
      }
      if (this.#skipLines > 0) this.#skipLines--;
      else if (!isSkipped && !(this.skipsEmpty && this.length === 1 && this.#isBlank())) {
        return true;
      }
    }
  }

  /** Moves to each of the next records. */
  *rest(): Generator<this> {
    while (this.next()) yield this;
  }

  /** Finds the end of a line; false if the buffer ends first. */
  #scanLine(): boolean {
    const { at, codes, text: { length }, ended } = this.#buffer;
    this.#end = codes.indexOf(LF!, at);
    this.#lines = 1;
    return this.#end < length || ended;
  }

  /** Whether the only cell has nothing but spaces, and no quotes. */
  #isBlank(): boolean {
    const { codes } = this.#buffer;
    const [to] = this.#ends;
    let at = this.#starts[0]!;
    while (at < to! && codes[at] === SPACE) at++;
    return at === to && this.#forms[0] === PLAIN;
  }

  /** Finds the cells of a record; false if the buffer ends first. */
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
      // What follows is not loaded: more of the cell, or the second of two quotes.
      if (at === length && !ended) return false;
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

  /** The error for a record with too few or too many cells, with advice. */
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

  /** Whether at least one cell is quoted. */
  get hasQuotes(): boolean {
    return this.#forms.slice(0, this.length).some((form) => form !== PLAIN);
  }

  /** Whether at least one cell needs its quotes, as far as one line tells. */
  get needsQuotes(): boolean {
    for (let i = 0; i < this.length; i++) {
      if (this.#forms[i] === DOUBLED) return true;
      if (this.#forms[i] === QUOTED && /^$|\r/.test(this.cell(i)!)) return true;
    }
    return false;
  }

  /** The content of a cell. */
  cell(i: number): Cell {
    const text = this.#buffer.text.slice(this.#starts[i], this.#ends[i]);
    if (this.#forms[i] === DOUBLED) {
      return text.replaceAll(this.#quote.repeat(2), () => this.#quote);
    }
    return text === "" && this.#forms[i] === PLAIN ? null : text;
  }

  /** The contents of all cells. */
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
    if (kind === "long") return floatKind(this.cell(i)!);
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
      // The message of JSON.parse is about its parser, those of the types are about the text.
      const told = name === "json" ? `${excerpt(cell)} is not JSON` : error.message;
      throw new SyntaxError(told + this.#remedy(cell));
    }
  }

  /** Advice for a cell that is not a value of its type. */
  #remedy(cell: string): string {
    if (NULLS.includes(cell.toLowerCase())) return ", null is an empty cell";
    return cell.trim() === cell ? "" : ", say --trim to leave out spaces";
  }
}

/**
 * The records of a text with line ends of either kind. All of them are one object, which moves to
 * the next record at each step.
 *
 * @param pieces The text; a piece may end anywhere.
 * @param separator The character between cells.
 * @throws {Fault} If a quote is not closed, with the line.
 */
export function parseCsv(pieces: Iterable<string>, separator = ","): Generator<CsvRecord> {
  return new CsvRecord(pieces, { separator }).rest();
}

const SPECIAL_REGEXP = /[\r\n]/;

/** The cell of a text, quoted if it needs that. */
export function quoted(text: string, separator: string, quote = '"'): string {
  // Without quotes, these characters cannot be in a cell.
  if (quote === "") return text.replaceAll(/[\r\n\t]/g, " ");
  const isPlain = text !== "" && !text.includes(separator) && !text.includes(quote) &&
    !SPECIAL_REGEXP.test(text);
  return isPlain ? text : quote + text.replaceAll(quote, () => quote + quote) + quote;
}

/** The line of a record, without its end. */
export function formatCsv(cells: readonly Cell[], separator = ",", quote = '"'): string {
  return cells.map((cell) => cell === null ? "" : quoted(cell, separator, quote)).join(separator);
}
