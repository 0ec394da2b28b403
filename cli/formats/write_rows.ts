/**
 * The forms in which rows are printed.
 *
 * @module
 */

import { cellOf, tableLines } from "../../engine/query/text_table.ts";
import { cellWidth, fit } from "../../engine/query/text_width.ts";
import { VALUE_TYPES } from "../../engine/schema/values.ts";
import { printable, safeJson, UNSAFE_REGEXP } from "../../engine/system/printable.ts";
import { askedForm, type FileForm, type Parsed } from "../call/args.ts";
import type { Column } from "../call/fields.ts";
import { bold, type Output } from "../process/io.ts";
import { quoted } from "./csv.ts";

/** The form of printed rows. */
export type Form = "table" | FileForm;

/** Values by column. */
export type Record = { readonly [name: string]: unknown };

/** The form that an option asks for; else a table on a terminal, and NDJSON elsewhere. */
export function formOf(parsed: Parsed, { isTerminal }: Output): Form {
  return askedForm(parsed) ?? (isTerminal ? "table" : "ndjson");
}

/** Prints rows. */
export function writeRows(
  out: Pick<Output, "columns" | "colors" | "isTerminal" | "write">,
  form: Form,
  columns: readonly Column[],
  rows: Iterable<Record>,
): void {
  // A table has no control characters but those of its colours.
  const isRaw = out.isTerminal && form !== "table";
  for (const piece of pieces(LINES[form](columns, rows, out))) {
    out.write(isRaw ? onTerminal(piece) : piece);
  }
}

/** Text for a terminal: characters that a terminal would obey are written out. */
export function onTerminal(text: string): string {
  return text.replace(
    UNSAFE_REGEXP,
    (char) => char === "\n" || char === "\t" ? char : printable(char),
  );
}

/** Rows as the text of a file. */
export function fileText(
  form: FileForm,
  columns: readonly Column[],
  rows: Iterable<Record>,
): Generator<string> {
  return pieces(LINES[form](columns, rows, { columns: Infinity, colors: false }));
}

/** Joins lines, because a write for each would be slow. */
function* pieces(lines: Iterable<string>): Generator<string> {
  let text = "";
  for (const line of lines) {
    text += line;
    if (text.length < 65_536) continue;
    yield text;
    text = "";
  }
  yield text;
}

/** Prints one row. On a terminal, each field has a line and all of its text is shown. */
export function writeRecord(out: Output, form: Form, columns: readonly Column[], row: Record) {
  // One row is one object, not an array with one element.
  if (form !== "table") return writeRows(out, form === "json" ? "ndjson" : form, columns, [row]);
  const width = Math.max(...columns.map(({ name }) => cellWidth(name)));
  const lines = columns.map((column) => {
    const name = bold(out, fit(column.name, width, "left"));
    return `${name}  ${cellOf(row, column)}`.trimEnd() + "\n";
  });
  out.write(lines.join(""));
}

type Lines = (
  columns: readonly Column[],
  rows: Iterable<Record>,
  out: Pick<Output, "columns" | "colors">,
) => Generator<string>;

function csvLines(separator: string): Lines {
  return function* (columns, rows) {
    // The text of other layouts has neither separators nor quotes.
    const isText = columns.map(({ type }) => type.layout === "text" || type.layout === "bytes");
    const names = columns.map(({ name }) => name);
    // In most TSV quotes are text. Quoted names say that here they are not.
    const areQuoted = separator === "\t" && isText.includes(true);
    yield (areQuoted ? names.map((name) => `"${name}"`) : names).join(separator) + "\n";
    for (const row of rows) {
      let line = "";
      for (let k = 0; k < columns.length; k++) {
        const { name, type } = columns[k]!;
        const value = row[name];
        if (k > 0) line += separator;
        if (value === null) continue;
        const text = type.format(value);
        line += isText[k] ? quoted(text, separator) : text;
      }
      yield line + "\n";
    }
  };
}

const LINES: { readonly [F in Form]: Lines } = {
  csv: csvLines(","),
  tsv: csvLines("\t"),

  *ndjson(columns, rows) {
    for (const row of rows) yield formatJson(columns, row) + "\n";
  },

  *json(columns, rows) {
    let before = "[";
    for (const row of rows) {
      yield `${before}\n${formatJson(columns, row)}`;
      before = ",";
    }
    yield before === "[" ? "[]\n" : "\n]\n";
  },

  *table(columns, rows, out) {
    const [header, ...lines] = tableLines(columns, rows, out.columns);
    yield bold(out, header!) + "\n";
    for (const line of lines) yield line + "\n";
  },
};

function formatJson(columns: readonly Column[], row: Record): string {
  const members = columns.map(({ name, type }) => {
    const value = row[name];
    return `"${name}":${JSON.stringify(value === null ? null : type.toJson(value))}`;
  });
  return safeJson(`{${members.join(",")}}`);
}

/** A change as a line of JSON. Its rows have the fields of that time. */
export function formatChange(change: object): string {
  const plain = (_: string, value: unknown) => {
    if (typeof value === "number") return VALUE_TYPES.float.toJson(value);
    if (typeof value === "bigint") return VALUE_TYPES.bigint.toJson(value);
    return value instanceof Uint8Array ? VALUE_TYPES.bytes.toJson(value) : value;
  };
  return safeJson(JSON.stringify(change, plain)) + "\n";
}
