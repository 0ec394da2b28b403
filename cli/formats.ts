/**
 * The formats of files: how rows stand in them, and what a column of them can be.
 *
 * @module
 */

import { excerpt } from "../engine/check.ts";
import type { ValueType } from "../engine/values.ts";
import type { JsonValue, TypeName } from "../mod.ts";
import { type CsvRecord, formatCsv, parseCsv } from "./csv.ts";
import { areTexts, jsonKind, type Kind } from "./detect.ts";
import { Fault } from "./errors.ts";
import { type JsonRecord, parseJsonArray, parseNdjson } from "./json_rows.ts";
import type { FileForm } from "./output.ts";
import { REJECT_COLUMNS } from "./take_rows.ts";

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
  /** The names of the columns: of CSV all, of JSON those that were met so far. */
  readonly names: readonly string[];
  /** Its rows, each of which may be good until the next one only. */
  readonly rows: Iterable<FileRow>;
  /** What stands before the first row. */
  readonly header: string;
}

/** A column that is put before others. */
export type ExtraColumn = readonly [name: string, value: string | number];

/** A format. */
export interface Format {
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
  csv: csvFormat(","),
  tsv: csvFormat("\t"),
  ndjson: jsonFormat(parseNdjson),
  json: jsonFormat(parseJsonArray),
};

/** The form that a file's name tells of. */
export function formOfName(file: string): FileForm | undefined {
  const [, extension = ""] = /\.(\w+)$/.exec(file.toLowerCase()) ?? [];
  const form = extension === "jsonl" ? "ndjson" : extension === "tab" ? "tsv" : extension;
  return Object.hasOwn(FORMATS, form) ? form as FileForm : undefined;
}

/** CSV, or what has another separator. */
export function csvFormat(separator: string): Format {
  return {
    read(text) {
      const records = parseCsv(text, separator);
      const first: CsvRecord | undefined = records.next().value;
      if (first === undefined) throw new Fault("it is empty, its first line has the names");
      if (first.fault !== undefined) throw new Fault(`line 1: ${first.fault.message}`);
      if (/^[^"\n]*\r/.test(first.text)) {
        throw new Fault("its lines end with CR, convert it: tr '\\r' '\\n'");
      }
      const header = first.cells();
      const names = header.map((name, i) => {
        if (!name) throw new Fault(`line 1: column ${i + 1} has no name`);
        // Of what --errors puts before a row there is more where that was mended and refused again.
        if (header.indexOf(name) < i && !REJECT_COLUMNS.includes(name)) {
          throw new Fault(`line 1: two columns are called "${name}"`);
        }
        return name;
      });
      if (names.length === 1 && !first.text.startsWith('"')) refuseOther(names[0]!);
      first.columns = names.length;
      return { names, rows: records, header: first.text };
    },
    mixedType: () => "string",
    withColumns: (text, columns) =>
      `${formatCsv(columns.map(([, value]) => String(value)), separator)}${separator}${text}\n`,
    headerWith: (header, names) => `${formatCsv(names, separator)}${separator}${header}\n`,
  };
}

/** What else may stand between cells, and how to say so. */
const SEPARATORS = { "\t": "--tsv", ",": "--csv", ";": "--separator ';'", "|": "--separator '|'" };

/** Throws Fault, if the name of the only column looks like those of several. */
function refuseOther(name: string): void {
  for (const [separator, option] of Object.entries(SEPARATORS)) {
    if (!name.includes(separator)) continue;
    const told = `${excerpt(name)} is one column, say ${option} to take it apart, or quote it`;
    throw new Fault(`line 1: ${told}`);
  }
}

/** An object as a row. */
class JsonRow implements FileRow {
  readonly line: number;
  readonly text: string;
  readonly fault: Fault | undefined;
  readonly #cells: JsonValue[] = [];

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
    return cell === null ? null : type.fromJson(cell);
  }
}

function jsonFormat(parse: (text: Iterable<string>) => IteratorObject<JsonRecord>): Format {
  return {
    read(text) {
      const places = new Map<string, number>();
      const names: string[] = [];
      const rows = parse(text).map((record) => new JsonRow(record, names, places));
      return { names, rows, header: "" };
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
