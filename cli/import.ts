/**
 * From a file to rows. All of it is read and checked before the base is made or
 * touched, and becomes one commit.
 *
 * @module
 */

import {
  BaseNotFoundError,
  type FieldSpec,
  type Insert,
  type JsonValue,
  PsBase,
  type Schema,
  type TypeName,
} from "../mod.ts";
import { type Cell, parseCsv } from "./csv.ts";
import { areTexts, jsonKind, type Kind, textKind, typeFor } from "./detect.ts";
import { Fault } from "./errors.ts";
import { META, type NewSchema, typeOf } from "./fields.ts";
import { type Io, progress, say } from "./io.ts";
import { tellTail } from "./tail.ts";

/** A file, taken apart: `C` is a CSV cell or a JSON value. */
interface Source<C> {
  /** The names of its columns. */
  readonly names: readonly string[];
  /** Its rows; a cell that is `undefined` is not there. */
  readonly rows: readonly { readonly line: number; readonly cells: readonly (C | undefined)[] }[];
  /** What a cell looks like. */
  kindOf(cell: NonNullable<C>): Kind;
  /** The type of a column whose cells have none in common. */
  mixedType(kinds: ReadonlySet<Kind>): TypeName;
  /** The value of a cell. */
  read(type: ReturnType<typeof typeOf>, cell: NonNullable<C>): unknown;
}

// --------------------------------------------------------------- formats

const SOURCES = { csv: csvSource, ndjson: ndjsonSource };

function csvSource(text: string, io: Io): Source<Cell> {
  using reading = progress(io, "reading");
  const records = parseCsv(text);
  const header: readonly Cell[] = records.next().value?.cells ?? [];
  if (header.length === 0) throw new Fault("it is empty, its first line has the names");
  const names = header.map((name, i) => {
    if (!name) throw new Fault(`line 1: column ${i + 1} has no name`);
    if (header.indexOf(name) < i) throw new Fault(`line 1: two columns are called "${name}"`);
    return name;
  });
  const rows = Array.from(records, (record, i) => {
    const { line, cells } = record;
    if (cells.length !== names.length) {
      throw new Fault(`line ${line}: ${cells.length} cells, there are ${names.length} columns`);
    }
    reading.at(i);
    return record;
  });
  return {
    names,
    rows,
    kindOf: textKind,
    mixedType: () => "string",
    read: (type, cell) => type.parse(cell),
  };
}

function ndjsonSource(text: string, io: Io): Source<JsonValue> {
  using reading = progress(io, "reading");
  const places = new Map<string, number>();
  const rows: { line: number; cells: (JsonValue | undefined)[] }[] = [];
  for (const [i, content] of text.split("\n").entries()) {
    if (content.trim() === "") continue;
    const cells: (JsonValue | undefined)[] = [];
    for (const [name, value] of Object.entries(jsonObject(i + 1, content))) {
      const place = places.get(name) ?? places.size;
      places.set(name, place);
      cells[place] = value;
    }
    rows.push({ line: i + 1, cells });
    reading.at(rows.length);
  }
  return {
    names: [...places.keys()],
    rows,
    kindOf: jsonKind,
    mixedType: (kinds) => areTexts(kinds) ? "string" : "json",
    read: (type, value) => type.fromJson(value),
  };
}

function jsonObject(line: number, content: string): { [name: string]: JsonValue } {
  let value: unknown;
  try {
    value = /\d{16}/.test(content) ? JSON.parse(content, refuseLoss) : JSON.parse(content);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    throw new Fault(`line ${line}: ${error.message}`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new Fault(`line ${line}: a JSON object is expected`);
  }
  return value as { [name: string]: JsonValue };
}

/** A reviver: JSON.parse would round a long integer without a word. */
function refuseLoss(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  if (typeof value === "number" && source !== undefined && /^-?\d{16,}$/.test(source)) {
    if (String(value) !== source) {
      throw new RangeError(`${source} is beyond 2^53, write it as text: "${source}"`);
    }
  }
  return value;
}

// --------------------------------------------------------------- fields

/** A field name from any text: what cannot be in one becomes `_`. */
export function fieldName(text: string): string {
  const name = text.normalize("NFC").replace(/[^\p{L}\p{Nd}]+/gu, "_").replace(/^_+|_+$/g, "");
  return /^\p{L}/u.test(name) ? name : `f${name && "_"}${name}`;
}

/** The names of the columns as fields; `known` are those that the base has. */
function fieldNames(names: readonly string[], known: Schema | undefined): string[] {
  const fields = names.map((name) => {
    if (META.some((column) => column.name === name)) {
      throw new Fault(`column "${name}" is kept by the base, export without --ids`);
    }
    if (known === undefined) return fieldName(name);
    const field = [name, fieldName(name)].find((field) => Object.hasOwn(known, field));
    if (field !== undefined) return field;
    const fields = Object.keys(known).join(", ");
    throw new Fault(`there is no field for column "${name}", the fields are ${fields}`);
  });
  fields.forEach((field, i) => {
    const first = fields.indexOf(field);
    if (first === i) return;
    const columns = `columns "${names[first]}" and "${names[i]}"`;
    throw new Fault(`${columns} both become field "${field}", rename one`);
  });
  return fields;
}

function detect<C>(source: Source<C>, fields: readonly string[]): NewSchema {
  const types = fields.map((field, i): [string, FieldSpec] => {
    const kinds = new Set<Kind>();
    for (const { cells } of source.rows) {
      const cell = cells[i];
      if (cell !== null && cell !== undefined) kinds.add(source.kindOf(cell));
    }
    return [field, { type: typeFor(kinds) ?? source.mixedType(kinds) }];
  });
  return Object.fromEntries(types) as NewSchema;
}

// --------------------------------------------------------------- rows

function rowsOf<C>(
  { rows, read }: Source<C>,
  fields: readonly string[],
  schema: Record<string, FieldSpec>,
): Record<string, unknown>[] {
  const columns = fields.map((name) => {
    const field = schema[name]!;
    return { name, type: typeOf(field), required: field.required === true };
  });
  return rows.map(({ line, cells }) => {
    const row: Record<string, unknown> = {};
    columns.forEach(({ name, type, required }, i) => {
      const cell = cells[i];
      if (cell === undefined) return; // the default
      if (cell === null) {
        if (required) throw new Fault(`line ${line}: field "${name}" is required, it is null`);
        row[name] = null;
        return;
      }
      try {
        const value = read(type, cell);
        type.take(value);
        row[name] = value;
      } catch (error) {
        if (![SyntaxError, TypeError, RangeError].some((type) => error instanceof type)) {
          throw error;
        }
        throw new Fault(`line ${line}: field "${name}": ${(error as Error).message}`);
      }
    });
    return row;
  });
}

/** Puts the rows of a file into a base, which is made if there is none; how many. */
export async function importFile(
  path: string,
  file: string,
  format: keyof typeof SOURCES,
  io: Io,
): Promise<number> {
  try {
    const source = SOURCES[format](await readText(file, io), io) as Source<unknown>;
    return await importSource(path, source, io);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new Fault(`Cannot import "${file}": ${error.message}`);
  }
}

/** All text of a file, or of stdin. */
async function readText(file: string, { stdin }: Io): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = file === "-" ? await new Response(stdin).bytes() : await Deno.readFile(file);
  } catch (error) {
    throw new Fault((error as Error).message);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    // A TypeError for bytes that are not UTF-8, a RangeError for more than a string can hold.
    throw new Fault(error instanceof TypeError ? "it is not UTF-8" : "it is too large, split it");
  }
}

async function importSource(path: string, source: Source<unknown>, io: Io): Promise<number> {
  let opened: PsBase;
  try {
    opened = await PsBase.open(path);
  } catch (error) {
    if (!(error instanceof BaseNotFoundError)) throw error;
    return importNew(path, source, io);
  }
  await using base = opened;
  using _tail = tellTail(io, base);
  const { schema } = base;
  const rows = rowsOf(source, fieldNames(source.names, schema), schema);
  await base.insertMany(rows as Insert<Schema>[]);
  return rows.length;
}

function importNew(path: string, source: Source<unknown>, io: Io): number {
  if (source.names.length === 0) throw new Fault("it is empty, so there are no fields to detect");
  const fields = fieldNames(source.names, undefined);
  const schema = detect(source, fields);
  const rows = rowsOf(source, fields, schema);
  // All in one go, so that no Ctrl-C leaves a base without its rows.
  using _signals = holdSignals();
  const base = PsBase.createSync(path, schema);
  try {
    base.insertManySync(rows);
  } catch (error) {
    base.destroySync();
    throw error;
  }
  base[Symbol.dispose]();
  source.names.forEach((name, i) => {
    if (name !== fields[i]) say(io, `column ${JSON.stringify(name)} is field ${fields[i]}`);
  });
  const types = fields.map((field) => `${field}:${schema[field]!.type}`);
  say(io, `made "${path}" with ${types.join(" ")}`);
  return rows.length;
}

/** While it is not disposed of, signals that would end the process do not. */
function holdSignals(): Disposable {
  const signals: Deno.Signal[] = Deno.build.os === "windows"
    ? ["SIGINT"]
    : ["SIGINT", "SIGTERM", "SIGHUP"];
  const ignore = () => {};
  for (const signal of signals) Deno.addSignalListener(signal, ignore);
  return {
    [Symbol.dispose]() {
      for (const signal of signals) Deno.removeSignalListener(signal, ignore);
    },
  };
}
