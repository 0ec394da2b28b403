/**
 * The formats of files: how rows stand in them, and what a column of them can be.
 *
 * @module
 */

import { excerpt } from "../engine/system/check.ts";
import type { ValueType } from "../engine/schema/values.ts";
import type { TypeName } from "../mod.ts";
import { checkHeld, type CsvOptions, CsvRecord, formatCsv, usesQuotes } from "./csv.ts";
import { areTexts, jsonKind, type Kind } from "./detect.ts";
import { Fault } from "./errors.ts";
import { counted } from "./io.ts";
import { type JsonObject, type JsonRecord, parseJsonArray, parseNdjson } from "./json_rows.ts";
import type { FileForm } from "./output.ts";

/** A row as it stands in a file. */
export interface FileRow {
  /** The line that it begins in, counted from 1. */
  readonly line: number;
  /** All of it, without the end of its last line. */
  readonly text: string;
  /** What is wrong with it, if it has no cells. */
  readonly fault: Fault | undefined;
  /** So many columns may have cells in it. */
  readonly length: number;
  /** Whether it has a cell for a column, be it null. */
  has(column: number): boolean;
  /** What that looks like, among others of the column; `undefined` if it is null or not there. */
  kindOf(column: number, seen: ReadonlySet<Kind>): Kind | undefined;
  /** The value of a cell that is there. What it throws says what is wrong. */
  valueOf(column: number, type: ValueType): unknown;
}

/** A file that is being read. */
export interface Reading {
  /** The names of the columns: of CSV all, of JSON those that were met so far; null: it has none. */
  readonly names: readonly (string | null)[];
  /** Its rows, each of which may be good until the next one only. */
  readonly rows: Iterable<FileRow>;
  /** What stands before the first row. */
  readonly header: string;
  /** What is to be told when all rows were read; empty if nothing. */
  readonly remark: string;
}

/** A column that is put before others. */
export type ExtraColumn = readonly [name: string, value: string | number];

/** A format. */
export interface Format {
  /** This format as a text has it, which may say more of it. */
  of(text: () => Iterable<string>): Format;
  /** Begins to read; throws Fault if not even the columns can be told. */
  read(text: Iterable<string>): Reading;
  /** The type of a column whose cells have none in common. */
  mixedType(kinds: ReadonlySet<Kind>): TypeName;
  /** The text of a row with columns put before it. */
  withColumns(text: string, columns: readonly ExtraColumn[]): string;
  /** The same for what stands before the first row. */
  headerWith(header: string, names: readonly string[]): string;
}

/** The format of a form. */
export const FORMATS: { readonly [F in FileForm]: Format } = {
  csv: csvFormat({ separator: "," }),
  tsv: csvFormat({ separator: "\t" }),
  ndjson: jsonFormat(parseNdjson),
  json: jsonFormat(parseJsonArray),
};

/** The form that a file's name tells of. */
export function formOfName(file: string): FileForm | undefined {
  const [, extension = ""] = /\.(\w+)$/.exec(file.toLowerCase()) ?? [];
  const form = extension === "jsonl" ? "ndjson" : extension === "tab" ? "tsv" : extension;
  return Object.hasOwn(FORMATS, form) ? form as FileForm : undefined;
}

/** What some spreadsheets write before the names. */
const SEPARATOR_LINE_REGEXP = /^sep=([\t !#-~])$/i;

/** CSV, or what has another separator. */
export function csvFormat(options: CsvOptions): Format {
  const { separator, quote } = options;
  return {
    of(text) {
      const first = new CsvRecord(text(), { ...options, quote: "" });
      first.skipsEmpty = true;
      if (!first.next()) return this;
      const [, said] = SEPARATOR_LINE_REGEXP.exec(first.text) ?? [];
      if (said !== undefined) {
        return csvFormat({ ...options, separator: said, skipLines: first.line }).of(text);
      }
      if (separator !== "\t" || quote !== undefined) return this;
      const isUsed = Iterator.from(text()).some((piece) => piece.includes('"')) &&
        usesQuotes(text(), options);
      return csvFormat({ ...options, quote: isUsed ? '"' : "" });
    },
    read(text) {
      const record = new CsvRecord(text, options);
      record.skipsEmpty = true;
      if (!record.next()) throw new Fault("it is empty, its first line has the names");
      const { line } = record;
      if (record.fault !== undefined) throw new Fault(`line ${line}: ${record.fault.message}`);
      if (/^[^"\n]*\r/.test(record.text)) {
        throw new Fault("its lines end with CR, convert it: tr '\\r' '\\n'");
      }
      const header = record.header = record.text;
      const names = record.cells().map((name) => name || null);
      if (names.length === 1 && names[0] !== null && !record.hasQuotes) {
        refuseOther(names[0]!, line);
      }
      record.columns = names.length;
      record.skipsEmpty = names.length > 1;
      return {
        names,
        header,
        rows: recordsOf(record),
        get remark() {
          if (record.spanning === 0) return "";
          const verb = record.spanning === 1 ? "spans" : "span";
          return `${counted(record.spanning, "cell")} ${verb} lines, the first from line ` +
            `${record.firstSpanning} on: if quotes are text, say --quote none`;
        },
      };
    },
    mixedType: () => "string",
    withColumns(text, columns) {
      const cells = columns.map(([, value]) => String(value));
      return `${formatCsv(cells, separator, quote)}${separator}${text}\n`;
    },
    headerWith(header, names) {
      // Between quotes, they tell that quotes are used.
      const cells = separator === "\t" && quote === '"' ? names.map((name) => `"${name}"`) : names;
      return `${cells.join(separator)}${separator}${header}\n`;
    },
  };
}

function* recordsOf(record: CsvRecord): Generator<CsvRecord> {
  while (record.next()) yield record;
}

/** What else may stand between cells, and how to say so. */
const SEPARATORS = { "\t": "--tsv", ",": "--csv", ";": "--separator ';'", "|": "--separator '|'" };

/** Throws Fault, if the name of the only column looks like those of several. */
function refuseOther(name: string, line: number): void {
  for (const [separator, option] of Object.entries(SEPARATORS)) {
    if (!name.includes(separator)) continue;
    const told = `${excerpt(name)} is one column, say ${option} to take it apart, or quote it`;
    throw new Fault(`line ${line}: ${told}`);
  }
}

/** An object as a row. */
class JsonRow implements FileRow {
  readonly line: number;
  readonly text: string;
  readonly fault: Fault | undefined;
  readonly #cells: JsonObject[string][] = [];

  /**
   * @param record The object.
   * @param names The columns that were met so far; more are added.
   * @param places Where they are among these.
   */
  constructor({ line, text, object }: JsonRecord, names: string[], places: Map<string, number>) {
    this.line = line;
    this.text = text;
    if (object instanceof Fault) {
      this.fault = object;
      return;
    }
    for (const name of Object.keys(object)) {
      let place = places.get(name);
      if (place === undefined) places.set(name, place = names.push(name) - 1);
      this.#cells[place] = object[name]!;
    }
  }

  get length(): number {
    return this.#cells.length;
  }

  has(column: number): boolean {
    return this.#cells[column] !== undefined;
  }

  kindOf(column: number, seen: ReadonlySet<Kind>): Kind | undefined {
    const cell = this.#cells[column] ?? null;
    return cell === null ? undefined : jsonKind(cell, seen);
  }

  valueOf(column: number, type: ValueType): unknown {
    const cell = this.#cells[column]!;
    if (cell === null) return null;
    if (typeof cell === "bigint") return longValue(cell, type);
    // A long integer that a number is as it is.
    const isLong = type.name === "bigint" && Number.isInteger(cell) && !Number.isSafeInteger(cell);
    if (isLong) return type.parse(String(cell));
    const value = type.fromJson(cell);
    if (type.name === "float" && typeof cell === "string") checkHeld(value as number, cell);
    return value;
  }
}

/** The value of an integer that a number would round. */
function longValue(cell: bigint, { name }: ValueType): unknown {
  if (name === "bigint") return cell;
  const value = Number(cell);
  if (name === "float" && BigInt(value) === cell) return value;
  throw new RangeError(`${cell} would be rounded, a bigint holds it, or text: "${cell}"`);
}

function jsonFormat(parse: (text: Iterable<string>) => IteratorObject<JsonRecord>): Format {
  return {
    of() {
      return this;
    },
    read(text) {
      const places = new Map<string, number>();
      const names: string[] = [];
      const rows = parse(text).map((record) => new JsonRow(record, names, places));
      return { names, rows, header: "", remark: "" };
    },
    mixedType: (kinds) => areTexts(kinds) ? "string" : "json",
    withColumns(text, columns) {
      const members = columns.map(([name, value]) => `"${name}":${JSON.stringify(value)}`).join();
      // Of an object the text is kept, as numbers in it may be what is wrong.
      if (!isJsonObject(text)) return `{${members},"__text__":${JSON.stringify(text)}}\n`;
      const inside = text.trim().slice(1, -1).replaceAll(/\s*\n\s*/g, " ").trim();
      return `{${members}${inside === "" ? "" : `,${inside}`}}\n`;
    },
    headerWith: () => "",
  };
}

function isJsonObject(text: string): boolean {
  try {
    JSON.parse(text);
    return text.trimStart().startsWith("{");
  } catch {
    return false;
  }
}
