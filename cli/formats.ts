/**
 * The formats of files: how rows stand in them, and what a column of them can be.
 *
 * @module
 */

import type { ValueType } from "../engine/values.ts";
import type { JsonValue, TypeName } from "../mod.ts";
import { type Cell, type CsvRecord, formatCsv, parseCsv, type Separator } from "./csv.ts";
import { areTexts, jsonKind, type Kind, textKind } from "./detect.ts";
import { Fault } from "./errors.ts";
import { type JsonRecord, parseJsonArray, parseNdjson } from "./json_rows.ts";
import type { FileForm } from "./output.ts";
import { REJECT_COLUMNS } from "./take_rows.ts";

/** A row as it stands in a file; `C` is a CSV cell or a JSON value. */
export interface FileRow<C> {
  /** The line that it begins in, counted from 1. */
  readonly line: number;
  /** All of it. */
  readonly text: string;
  /** Its cells by column, `undefined` what is not there; or what is wrong with it. */
  readonly cells: readonly (C | undefined)[] | Fault;
}

/** A file that is being read. */
export interface Reading<C> {
  /** The names of the columns: of CSV all, of JSON those that were met so far. */
  readonly names: readonly string[];
  /** Its rows. */
  readonly rows: Iterable<FileRow<C>>;
  /** What stands before the first row. */
  readonly header: string;
}

/** A column that is put before others. */
export type ExtraColumn = readonly [name: string, value: string | number];

/** A format. */
export interface Format<C> {
  /** Begins to read; throws Fault if not even the columns can be told. */
  read(text: Iterable<string>): Reading<C>;
  /** What a cell looks like, among others of its column. */
  kindOf(cell: NonNullable<C>, seen: ReadonlySet<Kind>): Kind;
  /** The type of a column whose cells have none in common. */
  mixedType(kinds: ReadonlySet<Kind>): TypeName;
  /** The value of a cell. */
  valueOf(type: ValueType, cell: NonNullable<C>): unknown;
  /** The text of a row with columns put before it. */
  withColumns(text: string, columns: readonly ExtraColumn[]): string;
  /** The same for what stands before the first row. */
  headerWith(header: string, names: readonly string[]): string;
}

/** The format of a form. */
export const FORMATS: { readonly [F in FileForm]: Format<unknown> } = {
  csv: csvFormat(",") as Format<unknown>,
  tsv: csvFormat("\t") as Format<unknown>,
  ndjson: jsonFormat(parseNdjson) as Format<unknown>,
  json: jsonFormat(parseJsonArray) as Format<unknown>,
};

/** The form that a file's name tells of. */
export function formOfName(file: string): FileForm | undefined {
  const [, extension = ""] = /\.(\w+)$/.exec(file.toLowerCase()) ?? [];
  const form = extension === "jsonl" ? "ndjson" : extension === "tab" ? "tsv" : extension;
  return Object.hasOwn(FORMATS, form) ? form as FileForm : undefined;
}

function csvFormat(separator: Separator): Format<Cell> {
  return {
    read(text) {
      const records = parseCsv(text, separator);
      const first: CsvRecord | undefined = records.next().value;
      if (first === undefined) throw new Fault("it is empty, its first line has the names");
      if (first.cells instanceof Fault) throw new Fault(`line 1: ${first.cells.message}`);
      if (/^[^"\n]*\r/.test(first.text)) {
        throw new Fault("its lines end with CR, convert it: tr '\\r' '\\n'");
      }
      const header = first.cells;
      const names = header.map((name, i) => {
        if (!name) throw new Fault(`line 1: column ${i + 1} has no name`);
        // Of what --errors puts before a row there is more where that was mended and refused again.
        if (header.indexOf(name) < i && !REJECT_COLUMNS.includes(name)) {
          throw new Fault(`line 1: two columns are called "${name}"`);
        }
        return name;
      });
      const rows = records.map((record) => {
        const { cells } = record;
        if (cells instanceof Fault || cells.length === names.length) return record;
        const told = `${cells.length} cells, there are ${names.length} columns`;
        return { ...record, cells: new Fault(told) };
      });
      return { names, rows, header: first.text };
    },
    kindOf: (cell, seen) => seen.has("text") ? "text" : textKind(cell, seen),
    mixedType: () => "string",
    valueOf: (type, cell) => type.parse(cell),
    withColumns: (text, columns) =>
      `${formatCsv(columns.map(([, value]) => String(value)), separator)}${separator}${text}\n`,
    headerWith: (header, names) => `${formatCsv(names, separator)}${separator}${header}\n`,
  };
}

function jsonFormat(
  parse: (text: Iterable<string>) => IteratorObject<JsonRecord>,
): Format<JsonValue> {
  return {
    read(text) {
      const places = new Map<string, number>();
      const names: string[] = [];
      const rows = parse(text).map(({ line, text, object }) => {
        if (object instanceof Fault) return { line, text, cells: object };
        const cells: JsonValue[] = [];
        for (const name of Object.keys(object)) {
          let place = places.get(name);
          if (place === undefined) {
            place = names.push(name) - 1;
            places.set(name, place);
          }
          cells[place] = object[name]!;
        }
        return { line, text, cells };
      });
      return { names, rows, header: "" };
    },
    kindOf: jsonKind,
    mixedType: (kinds) => areTexts(kinds) ? "string" : "json",
    valueOf: (type, value) => type.fromJson(value),
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
