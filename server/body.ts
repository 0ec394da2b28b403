/**
 * Reading the body of a request.
 *
 * @module
 */

import { FORMATS } from "../cli/formats/formats.ts";
import type { FieldDef } from "../engine/schema/field_def.ts";
import type { TableSchema } from "../engine/schema/schema.ts";
import type { JsonValue } from "../engine/schema/types.ts";
import { Fault } from "../cli/process/errors.ts";
import { HttpError, mediaType } from "./http.ts";

/** The longest body that is read as a whole, in bytes. */
export const MAX_BODY = 16 * 2 ** 20;

/** The values of a row by field. */
export type RowValues = Record<string, unknown>;

/** The forms in which rows are sent, by media type. */
const FORMS = {
  "application/json": "json",
  "application/x-ndjson": "ndjson",
  "text/csv": "csv",
  "text/tab-separated-values": "tsv",
} as const;

/** The text of a body, piece by piece. */
async function* pieces(request: Request): AsyncGenerator<string, void> {
  if (request.body === null) return;
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for await (const bytes of request.body) yield decoder.decode(bytes, { stream: true });
    yield decoder.decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw notText();
  }
}

function decoded(bytes: Uint8Array): string {
  try {
    return whole.decode(bytes);
  } catch {
    throw notText();
  }
}

function notText(): HttpError {
  return new HttpError(400, "Cannot read the body: it is not UTF-8");
}

function tooLong(): HttpError {
  return new HttpError(
    413,
    `Cannot read the body: it is longer than ${MAX_BODY} bytes, send several requests, or rows ` +
      `as application/x-ndjson`,
  );
}

const whole = new TextDecoder("utf-8", { fatal: true });

/** The text of a body as a whole. */
async function textOf(request: Request): Promise<string> {
  const length = request.headers.get("content-length");
  if (Number(length ?? 0) > MAX_BODY) throw tooLong();
  // A body that tells its length is read at once, which is faster than piece by piece.
  if (length !== null) return decoded(await request.bytes());
  let text = "";
  for await (const piece of pieces(request)) {
    text += piece;
    if (text.length > MAX_BODY) throw tooLong();
  }
  return text;
}

/** The JSON of a body. */
export async function jsonOf(request: Request): Promise<JsonValue> {
  checkType(request, ["application/json"]);
  const text = await textOf(request);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new HttpError(400, `Cannot read the body: it is not JSON (${(error as Error).message})`);
  }
}

function checkType(request: Request, allowed: readonly string[]): void {
  const type = mediaType(request);
  if (allowed.includes(type)) return;
  const given = type === "" ? "it has no content-type" : `its content-type is ${type}`;
  throw new HttpError(
    415,
    `Cannot read the body: ${given}, send ${allowed.join(" or ")}`,
    { field: "content-type", allowed: [...allowed] },
  );
}

/** The values of one row: what an update or an upsert gives. */
export async function valuesOf(request: Request, schema: TableSchema): Promise<RowValues> {
  checkType(request, ["application/json"]);
  const text = await textOf(request);
  if (text.trimStart()[0] !== "{") {
    throw new HttpError(400, "Cannot read the body: an object of values by field is expected");
  }
  return rowsIn("json", `[${text}]`, schema)[0]!;
}

/** Rows to be inserted together. */
export interface RowBatch {
  readonly rows: readonly RowValues[];
  /** Whether the body is one row, and not a list. */
  readonly isOne: boolean;
}

/** How many rows of a stream go into one commit. */
const BATCH_ROWS = 1000;
/** How much text of a stream goes into one commit at most. */
const BATCH_TEXT = 2 ** 20;

/**
 * The rows of a body. JSON and CSV are one batch; lines of JSON are as many as it takes, so they
 * may be of any number.
 */
export async function* batchesOf(
  request: Request,
  schema: () => TableSchema,
): AsyncGenerator<RowBatch, void> {
  checkType(request, Object.keys(FORMS));
  const form = FORMS[mediaType(request) as keyof typeof FORMS];
  if (form !== "ndjson") {
    const text = await textOf(request);
    const isOne = form === "json" && text.trimStart()[0] === "{";
    return yield { rows: rowsIn(form, isOne ? `[${text}]` : text, schema()), isOne };
  }
  let text = "";
  let line = 1;
  for await (const piece of pieces(request)) {
    text += piece;
    for (let end = endOfBatch(text); end > 0; end = endOfBatch(text)) {
      const batch = text.slice(0, end);
      text = text.slice(end);
      yield { rows: rowsIn("ndjson", batch, schema(), line), isOne: false };
      line += batch.split("\n").length - 1;
    }
    if (text.length > MAX_BODY) throw tooLong();
  }
  yield { rows: rowsIn("ndjson", text, schema(), line), isOne: false };
}

/** Where the first batch of a text ends; 0 if it goes on. */
function endOfBatch(text: string): number {
  let end = 0;
  for (let rows = 0; rows < BATCH_ROWS; rows++) {
    const next = text.indexOf("\n", end) + 1;
    if (next === 0) return text.length > BATCH_TEXT ? end : 0;
    end = next;
    if (end > BATCH_TEXT) return end;
  }
  return end;
}

/** The rows in a text; what does not fit is refused with its line and field. */
function rowsIn(
  form: "json" | "ndjson" | "csv" | "tsv",
  text: string,
  schema: TableSchema,
  firstLine = 1,
): RowValues[] {
  const refuse = (line: number, reason: string, field?: string): HttpError =>
    new HttpError(
      // Without a field it is no row at all.
      field === undefined ? 400 : 422,
      `Cannot read the body: line ${line + firstLine - 1}: ${reason}`,
      { line: line + firstLine - 1, ...(field === undefined ? {} : { field }) },
    );
  const rows: RowValues[] = [];
  try {
    const { names, rows: found } = FORMATS[form].read([text]);
    for (const row of found) {
      if (row.fault !== undefined) throw refuse(row.line, row.fault.message);
      const values: RowValues = {};
      for (let column = 0; column < row.length; column++) {
        if (!row.has(column)) continue;
        const name = names[column] ?? "";
        const field = schema.byName.get(name);
        if (field === undefined) throw refuse(row.line, noField(name, schema), name);
        try {
          const value = values[name] = row.valueOf(column, field.value);
          // Here, where the line is known.
          if (value !== null) field.value.encode(value);
        } catch (error) {
          throw refuse(row.line, `field "${name}": ${(error as Error).message}`, name);
        }
      }
      rows.push(values);
    }
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new HttpError(400, `Cannot read the body: ${error.message}`);
  }
  return rows;
}

function noField(name: string, { fields }: TableSchema): string {
  const known = fields.map((field: FieldDef) => field.name).join(", ");
  const own = name.startsWith("__") ? ", __id__ and __version__ are given by the table" : "";
  return `there is no field ${JSON.stringify(name)}, the fields are ${known}${own}`;
}
