/**
 * Rows to insert, validated and encoded at the call, before the lock is taken. Only the encoded
 * form is kept: callers may change their rows, and an iterator yields its rows once. If the fields
 * change before the rows are written, the rows are read back from this form and validated again.
 *
 * @module
 */

import { type FieldDef, readField, type StoredRow } from "../schema/field_def.ts";
import { type EncodedGroup, Group, GroupBuilder, MemorySource } from "../segment/group.ts";
import type { TableSchema } from "../schema/schema.ts";

/** The largest commit, in bytes. */
const MAX_COMMIT_BYTES = 2 ** 30;

/**
 * Checks how long the payload of one commit is.
 *
 * @throws {RangeError} If it is too long.
 */
export function checkCommitSize(dir: string, bytes: number): void {
  if (bytes <= MAX_COMMIT_BYTES) return;
  throw new RangeError(
    `Cannot commit ${bytes} bytes to "${dir}" at once, the limit is ${MAX_COMMIT_BYTES}, ` +
      `write less at a time`,
  );
}

/** An insert of this many rows, or more, is written as groups. */
const BATCH_ROWS = 64;

/** Rows encoded before their ids are known: many rows as groups, few rows one by one. */
export type EncodedRows = readonly StoredRow[] | { readonly groups: readonly EncodedGroup[] };

/** Consecutive rows that were given with values for the same fields. */
interface GivenRun {
  readonly names: readonly string[];
  rows: number;
}

/** Rows to insert. */
export interface PreparedRows {
  /** The fields that they were validated against. */
  readonly schema: TableSchema;
  /** The rows, with defaults where no value was given. */
  readonly encoded: EncodedRows;
  /** The number of rows. */
  readonly count: number;
  /** Which fields were given. */
  readonly runs: readonly GivenRun[];
}

/**
 * Encodes rows to insert.
 *
 * @param valuesOf The values of a row, as `TableSchema.encodeInsert` returns them.
 * @throws {RangeError} A fragment, if one commit cannot hold the rows.
 */
export function prepareRows(
  schema: TableSchema,
  rows: Iterable<object>,
  valuesOf: (row: object, names: string[]) => StoredRow["values"],
): PreparedRows {
  const runs: GivenRun[] = [];
  const few: StoredRow[] = [];
  const groups: EncodedGroup[] = [];
  const builder = new GroupBuilder(schema.fields);
  let count = 0;
  let bytes = 0;
  const end = () => {
    const { group } = builder.build();
    groups.push(group);
    bytes += group.bytes.length;
    // Checked here and not at the end, as an iterator may yield any number of rows.
    if (bytes <= MAX_COMMIT_BYTES) return;
    const told = `more than ${MAX_COMMIT_BYTES} bytes at once`;
    throw new RangeError(`${told}, which is the limit, write less at a time`);
  };
  const add = (row: StoredRow, id: number) => {
    if (builder.full) end();
    builder.add(id, row);
  };
  for (const row of rows) {
    const names: string[] = [];
    const stored = { version: 0, values: valuesOf(row, names) };
    const run = runs.at(-1);
    if (run !== undefined && sameNames(run.names, names)) run.rows++;
    else runs.push({ names, rows: 1 });
    count++;
    if (count > BATCH_ROWS) add(stored, count - 1);
    else if (few.push(stored) === BATCH_ROWS) few.forEach(add);
  }
  if (count < BATCH_ROWS) return { schema, encoded: few, count, runs };
  end();
  return { schema, encoded: { groups }, count, runs };
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The rows as they were given at the call, to be prepared again for other fields. */
export function* givenRows(
  { schema, encoded, runs }: PreparedRows,
): Generator<Record<string, unknown>> {
  const stored = "groups" in encoded ? rowsOf(encoded.groups, schema.fields) : encoded.values();
  for (const { names, rows } of runs) {
    const fields = names.map((name) => schema.field(name));
    // `take` would end the iterator.
    for (let i = 0; i < rows; i++) {
      const row = stored.next().value!;
      yield Object.fromEntries(fields.map((field) => {
        const value = readField(row, field);
        return [field.name, value === null ? null : field.value.decode(value)];
      }));
    }
  }
}

function* rowsOf(
  groups: readonly EncodedGroup[],
  fields: readonly FieldDef[],
): Generator<StoredRow, undefined> {
  for (const { directory, bytes } of groups) {
    const group = new Group(new MemorySource(bytes, "memory"), directory, 0);
    group.loadFor(group.rows, fields);
    for (let i = 0; i < group.rows; i++) yield group.row(i, fields);
  }
}
