/**
 * The changes of a commit, written to and read from the payload of its frame.
 *
 * ```text
 * payload  change* 0…
 * put      1 · id · version · null bits · value of each field that is not null
 * delete   2 · id
 * batch    3 · first id · directory (JSON) · bytes of the row group
 * schema   4 · schema (JSON)
 * key      5 · 16 bytes · first id · number of rows
 * ```
 *
 * A key is the last change of its commit. Ids, versions and numbers are {@linkcode ByteWriter.uint}. A directory, bytes and a schema come after
 * their length. Fields come in the order of the schema that holds at that point of the log.
 *
 * @module
 */

import { ByteReader, ByteWriter, encodeText } from "../bytes/bytes.ts";
import { isCount } from "../system/check.ts";
import { CorruptionError } from "../system/errors.ts";
import { joinDateTime, splitDateTime } from "../schema/civil.ts";
import { parseJson } from "../schema/json.ts";
import { type FieldDef, readField, type StoredRow } from "../schema/field_def.ts";
import { TableSchema } from "../schema/schema.ts";
import type { Stored, ValueType } from "../schema/values.ts";
import { GROUP_ROWS, KEY_BYTES } from "../bytes/header.ts";

const PUT = 1;
const DELETE = 2;
const BATCH = 3;
const SCHEMA = 4;
const KEY = 5;

/** Receives changes, one after another. */
export interface ChangeSink {
  /** The schema of the rows at this point. */
  readonly schema: TableSchema;
  /** A row, new or in place of its former version. */
  put(id: number, row: StoredRow): void;
  /** A row was deleted. */
  delete(id: number): void;
  /** New rows with ids from `first` on; the bytes are at the beginning of their buffer. */
  batch(first: number, directory: unknown, bytes: Uint8Array): void;
  /** The schema from here on. */
  alter(schema: TableSchema): void;
  /** The commit was made with a key, and was about `count` rows with ids from `first` on. */
  key?(key: Uint8Array, first: number, count: number): void;
  /** A value of a row is impossible in its type. Without this method that fails the commit. */
  lose?(id: number, error: ImpossibleValue): void;
}

/** A value is wrong, but the rest of the row can be read. */
export class ImpossibleValue extends RangeError {}

function writeValue(out: ByteWriter, { value: { layout, name } }: FieldDef, stored: Stored): void {
  switch (layout) {
    case "number":
      return name === "float" ? out.float(stored as number) : out.int(stored as number);
    case "bigint":
      return out.bigint(stored as bigint);
    case "datetime": {
      const [day, nano] = splitDateTime(stored as Temporal.PlainDateTime);
      out.int(day);
      return out.uint(nano);
    }
    case "text":
      return out.text(stored as string);
    case "bytes":
      return out.blob(stored as Uint8Array);
  }
}

function readNumber(from: ByteReader, { range }: ValueType): number {
  const number = range === undefined ? from.float() : from.int();
  if (range === undefined || (number >= range[0] && number <= range[1])) return number;
  throw new ImpossibleValue("is out of range");
}

/** Makes a value from what was read; a failure is an {@linkcode ImpossibleValue}. */
function possible<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new ImpossibleValue(`makes no sense (${(error as Error).message})`);
  }
}

function readValue(from: ByteReader, { value: type }: FieldDef): Stored {
  switch (type.layout) {
    case "number":
      return readNumber(from, type);
    case "bigint":
      return from.bigint();
    case "datetime": {
      const days = from.int();
      const nanoseconds = from.uint();
      return possible(() => joinDateTime(days, nanoseconds));
    }
    case "text": {
      const text = from.text();
      if (type.name === "json") possible(() => parseJson(text));
      return text;
    }
    case "bytes":
      return from.blob().slice();
  }
}

/** Writes changes into one payload. */
export class ChangeWriter implements ChangeSink {
  schema: TableSchema;
  readonly #out = new ByteWriter();

  /** @param payload What stands before the changes. */
  constructor(schema: TableSchema, payload?: Uint8Array) {
    this.schema = schema;
    if (payload !== undefined) this.#out.raw(payload);
  }

  /** The payload so far. */
  get payload(): Uint8Array {
    return this.#out.bytes;
  }

  put(id: number, row: StoredRow): void {
    const out = this.#out;
    const { fields } = this.schema;
    out.byte(PUT);
    out.uint(id);
    out.uint(row.version);
    for (let i = 0; i < fields.length; i += 8) {
      let bits = 0;
      for (let k = i; k < i + 8 && k < fields.length; k++) {
        if (readField(row, fields[k]!) === null) bits |= 1 << (k - i);
      }
      out.byte(bits);
    }
    for (const field of fields) {
      const value = readField(row, field);
      if (value !== null) writeValue(out, field, value);
    }
  }

  delete(id: number): void {
    this.#out.byte(DELETE);
    this.#out.uint(id);
  }

  batch(first: number, directory: unknown, bytes: Uint8Array): void {
    this.#out.byte(BATCH);
    this.#out.uint(first);
    this.#out.blob(encodeText(JSON.stringify(directory)));
    this.#out.blob(bytes);
  }

  alter(schema: TableSchema): void {
    this.schema = schema;
    this.#out.byte(SCHEMA);
    this.#out.text(JSON.stringify(schema.toJson()));
  }

  key(key: Uint8Array, first: number, count: number): void {
    this.#out.byte(KEY);
    this.#out.raw(key);
    this.#out.uint(first);
    this.#out.uint(count);
  }
}

/** Reads an id; it must leave room for many more. */
function readId(from: ByteReader): number {
  const id = from.uint();
  if (id > 2 ** 52) throw new RangeError(`there is no row ${id}`);
  return id;
}

/**
 * Passes all changes of a payload to `sink`. Throws a `RangeError`, `TypeError` or `SyntaxError` if
 * the payload cannot be read.
 */
export function readChanges(payload: Uint8Array, sink: ChangeSink): void {
  const from = new ByteReader(payload);
  while (!from.done) {
    const change = from.byte();
    switch (change) {
      case 0:
        break; // Padding.
      case PUT: {
        const id = readId(from);
        const row = readRow(from, sink.schema.fields);
        if (!(row instanceof ImpossibleValue)) sink.put(id, row);
        else if (sink.lose === undefined) throw row;
        else sink.lose(id, row);
        break;
      }
      case DELETE:
        sink.delete(readId(from));
        break;
      case BATCH:
        sink.batch(readId(from), parseJson(from.text()), from.blob().slice());
        break;
      case SCHEMA:
        sink.alter(TableSchema.fromJson(parseJson(from.text())));
        break;
      case KEY: {
        const key = from.raw(KEY_BYTES);
        const first = from.uint();
        const count = from.uint();
        sink.key?.(key, first, count);
        break;
      }
      default:
        throw new RangeError(`there is no change of kind ${change}`);
    }
  }
}

/** Where a commit stands, for messages. */
export interface CommitPosition {
  /** The path of the log. */
  readonly path: string;
  /** The offset in it. */
  readonly end: number;
}

/**
 * Passes all changes of a commit that was read from a log to `sink`.
 *
 * @throws {CorruptionError} If the payload cannot be read.
 */
export function readCommit(position: CommitPosition, payload: Uint8Array, sink: ChangeSink): void {
  orCorruption(position, () => readChanges(payload, sink));
}

function orCorruption<T>({ path, end }: CommitPosition, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    const reason = `a commit makes no sense (${(error as Error).message})`;
    throw new CorruptionError(path, end, reason);
  }
}

/** Whether a payload begins with a schema: it can be read without the schema before it. */
export function tellsFields(payload: Uint8Array): boolean {
  return payload[0] === SCHEMA;
}

/**
 * An id above all ids in a commit, as far as they can be read without the schema.
 *
 * @throws {CorruptionError} If the payload cannot be read.
 */
export function idsBelow(position: CommitPosition, payload: Uint8Array): number {
  return orCorruption(position, () => {
    const from = new ByteReader(payload);
    let below = 0;
    while (!from.done) {
      switch (from.byte()) {
        case PUT:
          // The end of the row is unknown: more rows may follow, each of some bytes.
          return Math.max(below, readId(from) + payload.length);
        case DELETE:
          below = Math.max(below, readId(from) + 1);
          break;
        case BATCH: {
          const first = readId(from);
          const { rows } = parseJson(from.text()) as { readonly rows?: unknown };
          if (!isCount(rows) || rows > GROUP_ROWS) throw new RangeError("no number of rows");
          below = Math.max(below, first + rows);
          from.blob();
          break;
        }
        case KEY:
          from.skip(KEY_BYTES);
          from.uint();
          from.uint();
          break;
      }
    }
    return below;
  });
}

function readRow(from: ByteReader, fields: readonly FieldDef[]): StoredRow | ImpossibleValue {
  const version = from.uint();
  const nullsAt = from.skip(Math.ceil(fields.length / 8));
  const values: StoredRow["values"][number][] = [];
  let wrong: ImpossibleValue | undefined;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i]!;
    const isNull = (from.byteAt(nullsAt + (i >> 3)) & (1 << (i & 7))) !== 0;
    try {
      values[field.number] = isNull ? null : readValue(from, field);
    } catch (error) {
      if (!(error instanceof ImpossibleValue)) throw error;
      wrong ??= new ImpossibleValue(`field "${field.name}": a ${field.type} ${error.message}`);
    }
  }
  return wrong ?? { version, values };
}
