/**
 * Rows as the text of an answer, in bounded memory whatever their number.
 *
 * @module
 */

import { fileText, type Record as RowRecord } from "../cli/formats/write_rows.ts";
import { META } from "../cli/call/fields.ts";
import type { Query } from "../engine/query/query.ts";
import { selected, type Selection } from "../engine/query/select.ts";
import { type FieldDef, readField } from "../engine/schema/field_def.ts";
import { type Stored, VALUE_TYPES } from "../engine/schema/values.ts";
import type { RowLocation } from "../engine/snapshot/location.ts";
import { decodeFrom, valueAt, versionAt } from "../engine/snapshot/rows.ts";
import type { Snapshot } from "../engine/snapshot/snapshot.ts";
import { safeJson } from "../engine/system/printable.ts";

/** The media types of rows, and the suffix of an address that asks for each. */
export const ROW_TYPES = {
  json: "application/json",
  ndjson: "application/x-ndjson",
  csv: "text/csv",
} as const;

/** A form of rows. */
export type RowForm = keyof typeof ROW_TYPES;

/** How much text is sent at a time, in UTF-16 units. */
const PIECE = 64 * 1024;

/** The JSON of a row, by field as `export` writes it, harmless for a terminal. */
export function rowJson(location: RowLocation, fields: readonly FieldDef[]): string {
  return safeJson(plainJson(location, fields));
}

function plainJson(location: RowLocation, fields: readonly FieldDef[]): string {
  const columns = location.group?.columns(fields);
  let text = `{"__id__":${location.id},"__version__":${versionAt(location)}`;
  for (let k = 0; k < fields.length; k++) {
    const field = fields[k]!;
    const value = location.row === undefined
      ? columns![k]!.get(location.index)
      : readField(location.row, field);
    text += `,"${field.name}":${value === null ? "null" : valueText(location, field, value)}`;
  }
  return `${text}}`;
}

/** The JSON of a stored value. */
function valueText({ group }: RowLocation, field: FieldDef, value: Stored): string {
  if (field.type === "json") return value as string;
  if (field.type === "integer" || field.type === "link") return String(value);
  return JSON.stringify(field.value.toJson(decodeFrom(group, field, value)));
}

/** A row as CSV takes it: values by name. */
function record(location: RowLocation, fields: readonly FieldDef[]): RowRecord {
  const row: { [name: string]: unknown } = {
    __id__: location.id,
    __version__: versionAt(location),
  };
  for (const field of fields) {
    const value = valueAt(location, field);
    row[field.name] = value === null
      ? null
      : field.type === "link"
      ? value
      : harmless(decodeFrom(location.group, field, value));
  }
  return row;
}

/**
 * A text that a spreadsheet would take for a formula gets an apostrophe in front, by which
 * spreadsheets know text. Other programs can ask for JSON.
 */
function harmless(value: unknown): unknown {
  return typeof value === "string" && /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
}

/** The text of rows, row by row. */
function* lines(
  form: RowForm,
  rows: Iterator<RowLocation> & Iterable<RowLocation>,
  fields: readonly FieldDef[],
): Generator<string, void> {
  if (form === "csv") {
    const columns = [...META, ...fields.map(({ name, value }) => ({ name, type: value }))];
    yield* fileText("csv", columns, Iterator.from(rows).map((row) => record(row, fields)));
  } else if (form === "ndjson") {
    for (const row of rows) yield `${plainJson(row, fields)}\n`;
  } else {
    let before = "[";
    for (const row of rows) {
      yield `${before}\n${plainJson(row, fields)}`;
      before = ",";
    }
    yield before === "[" ? "[]\n" : "\n]\n";
  }
}

/** The rows of an answer. */
export interface RowsBody {
  /** Its body: text if it is short, else a stream that holds the commit point until it ends. */
  readonly body: string | ReadableStream<Uint8Array>;
  /** How many rows there are, if all of them are in the text. */
  readonly count: number | undefined;
}

/**
 * The rows that match, at the commit point of a snapshot.
 *
 * @param checkOpen Throws once the table is closed.
 */
export function rowsBody(
  form: RowForm,
  snapshot: Snapshot,
  query: Query,
  selection: Selection,
  checkOpen: () => void,
): RowsBody {
  let count = 0;
  // CSV is for other programs, byte by byte.
  const harden = form === "csv" ? (piece: string) => piece : safeJson;
  const text = function* (): Generator<string, void> {
    snapshot.pin();
    try {
      const rows = selected(snapshot, query, selection).map((row) => {
        checkOpen();
        count++;
        return row;
      });
      let piece = "";
      for (const line of lines(form, rows, selection.fields)) {
        piece += line;
        if (piece.length < PIECE) continue;
        yield harden(piece);
        piece = "";
      }
      if (piece !== "") yield harden(piece);
    } finally {
      snapshot.unpin();
    }
  }();
  const first = text.next();
  if (first.done) return { body: "", count };
  // What is short is sent whole: most answers are.
  if (first.value.length < PIECE) {
    text.next();
    return { body: first.value, count };
  }
  return { body: streamOf(first.value, text), count: undefined };
}

/** Text as a stream, made as it is read. */
export function streamOf(
  first: string,
  rest: Generator<string, void>,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let next: string | undefined = first;
  return new ReadableStream({
    pull(controller) {
      if (next !== undefined) {
        controller.enqueue(encoder.encode(next));
        next = undefined;
        return;
      }
      const { value, done } = rest.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    cancel() {
      rest.return();
    },
  }, { highWaterMark: 0 });
}

/** The JSON of a value of a field. */
export function valueJson(field: FieldDef | "__id__" | "__version__", value: unknown): unknown {
  if (value === null || value === undefined) return null;
  return (typeof field === "string" ? VALUE_TYPES.integer : field.value).toJson(value);
}
