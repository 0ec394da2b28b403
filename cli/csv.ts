/**
 * CSV as of RFC 4180, with one thing more: an unquoted empty cell is null and
 * `""` is empty text. No common tokenizer tells the two apart, hence our own.
 * TSV is the same with tabs.
 *
 * @module
 */

import type { ValueType } from "../engine/values.ts";
import { type Kind, textKind } from "./detect.ts";
import { Fault } from "./errors.ts";
import type { FileRow } from "./formats.ts";
import { counted } from "./io.ts";
import { TextBuffer } from "./pieces.ts";
import { numberKind, plainNumber } from "./plain_number.ts";

/** A cell: its text, or null. */
export type Cell = string | null;

const [LF, CR, QUOTE] = Array.from('\n\r"', (c) => c.charCodeAt(0));

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
  readonly #buffer: TextBuffer;
  readonly #separator: number;
  /** Where each cell begins and ends, without its quotes. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #forms: number[] = [];
  /** Where its last line ends. */
  #end = -1;
  #lines = 0;

  /**
   * @param pieces The text of all records; a piece may end anywhere.
   * @param separator What stands between cells.
   */
  constructor(pieces: Iterable<string>, separator: string) {
    this.#buffer = new TextBuffer(pieces);
    this.#separator = separator.charCodeAt(0);
  }

  /** Goes on to the next one, if there is one. */
  next(): boolean {
    const buffer = this.#buffer;
    buffer.at = this.#end + 1;
    if (buffer.done) return false;
    this.line += this.#lines;
    while (!this.#scan()) {
      if (buffer.ended) throw new Fault(`line ${this.line}: a quote is not closed`);
      buffer.grow(`line ${this.line}: the row`);
    }
    return true;
  }

  /** Finds its cells; false if it is not all there. */
  #scan(): boolean {
    const { at: begin, codes, text: { length }, ended } = this.#buffer;
    const separator = this.#separator;
    let n = 0;
    let lines = 1;
    this.fault = undefined;
    for (let at = begin;; at++) {
      let from = at;
      let form = PLAIN;
      let to: number;
      if (codes[at] === QUOTE) {
        form = QUOTED;
        from = ++at;
        for (; codes[at] !== QUOTE || codes[at + 1] === QUOTE; at++) {
          if (codes[at] === QUOTE) {
            form = DOUBLED;
            at++;
          } else if (codes[at] === LF) {
            if (at === length) return false;
            lines++;
          }
        }
        to = at++;
        if (codes[at] === CR && codes[at + 1] === LF && at + 1 < length) at++;
        if (codes[at] !== separator && codes[at] !== LF) {
          this.fault = new Fault("text behind a closing quote, write quotes in text twice");
          at = codes.indexOf(LF!, at);
        }
      } else {
        while (codes[at] !== separator && codes[at] !== LF) at++;
        to = codes[at] === LF && codes[at - 1] === CR && at > from && at < length ? at - 1 : at;
      }
      this.#starts[n] = from;
      this.#ends[n] = to;
      this.#forms[n++] = form;
      if (codes[at] === separator) continue;
      if (at === length && !ended) return false; // nor is it known whether a quote closes the cell
      if (n !== (this.columns ?? n)) {
        this.fault ??= new Fault(`${counted(n, "cell")} for ${counted(this.columns!, "column")}`);
      }
      this.length = n;
      this.#end = at;
      this.#lines = lines;
      return true;
    }
  }

  get text(): string {
    return this.#buffer.line(this.#end);
  }

  /** What is in a cell. */
  cell(i: number): Cell {
    const text = this.#buffer.text.slice(this.#starts[i], this.#ends[i]);
    if (this.#forms[i] === DOUBLED) return text.replaceAll('""', '"');
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
    return numberKind(this.#buffer.codes, start, end) ?? textKind(this.cell(i)!, seen);
  }

  valueOf(i: number, type: ValueType): unknown {
    const { name } = type;
    if (name === "integer" || name === "float") {
      const { codes } = this.#buffer;
      const [start, end] = [this.#starts[i]!, this.#ends[i]!];
      const number = plainNumber(codes, start, end, name);
      if (number !== undefined) return number;
      if (name === "float" && numberKind(codes, start, end) === "float") {
        return Number(this.cell(i));
      }
    }
    const cell = this.cell(i);
    return cell === null ? null : type.parse(cell);
  }
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
  const record = new CsvRecord(pieces, separator);
  while (record.next()) yield record;
}

const SPECIAL_REGEXP = /["\r\n]/;

/** A cell of any text as it stands in a file. */
export function quoted(text: string, separator: string): string {
  const isPlain = text !== "" && !text.includes(separator) && !SPECIAL_REGEXP.test(text);
  return isPlain ? text : `"${text.replaceAll('"', '""')}"`;
}

/** A record as a line, without its end. */
export function formatCsv(cells: readonly Cell[], separator = ","): string {
  return cells.map((cell) => cell === null ? "" : quoted(cell, separator)).join(separator);
}
