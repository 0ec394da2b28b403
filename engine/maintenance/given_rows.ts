/**
 * Makes a table of rows that have ids and versions already, because they come from an export or from
 * another store.
 *
 * @module
 */

import { buildTable } from "./build.ts";
import { isCount } from "../system/check.ts";
import { toPath } from "../system/path.ts";
import { writeIndexes } from "./rewrite.ts";
import { type FieldDef, type StoredRow, uniqueError } from "../schema/field_def.ts";
import { TableSchema } from "../schema/schema.ts";
import { allOf, stepwise } from "../system/steps.ts";
import { RowWriter, type SegmentWriter } from "../segment/segment_writer.ts";
import type { Schema } from "../schema/types.ts";
import type { Stored } from "../schema/values.ts";
import { inContext } from "../system/errors.ts";
import { withRelativeTargets } from "../schema/link_paths.ts";
import { currentFiles } from "../system/deno_file.ts";

/** A row with all that a table adds to it. */
export interface GivenRow {
  /** Its id. */
  readonly id: number;
  /** How often it was changed. */
  readonly version: number;
  /** Its values in the order of the fields, as `insert` takes them; `undefined` is the default. */
  readonly values: readonly unknown[];
}

/** Options of {@linkcode createFromRows}. */
export interface GivenOptions {
  /**
   * The id of the next row, if ids greater than those of the rows were used before.
   *
   * @default {one more than the greatest id}
   */
  readonly nextId?: number | undefined;
  /** Ends it without a table, even after the last row, and throws the reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes a table of rows, as one commit and in bounded memory; resolves to their number. It does not
 * check that links lead to rows: these may come later, in this table or in another one.
 *
 * After any error, there is no table, and no directory that was not there before.
 *
 * @param schema The fields; a link leads to a path, absolute or relative to the table.
 * @param chunks The rows by ascending ids, some at a time; its own errors are thrown as they are.
 * @throws {RangeError} If ids do not ascend, or a value is out of its range.
 * @throws {TypeError} If a value does not have the type of its field.
 * @throws {SchemaError} If the schema is wrong, or a row does not fit it.
 * @throws {UniqueError} If a value of a unique field occurs twice.
 */
export async function createFromRows(
  path: string | URL,
  schema: Schema,
  chunks: Iterable<readonly GivenRow[]> | AsyncIterable<readonly GivenRow[]>,
  { nextId, signal }: GivenOptions = {},
): Promise<number> {
  const files = currentFiles();
  const dir = toPath(path);
  const attempt = `Cannot create "${dir}"`;
  const fields = inContext(attempt, () => TableSchema.from(schema));
  const intake = new Intake(attempt, fields);
  const steps: Generator<undefined, void, readonly CheckedRow[] | undefined> = buildTable(
    files,
    { dir },
    attempt,
    (out) => intake.write(out, withRelativeTargets(files, dir, fields)),
  );
  try {
    steps.next();
    for await (const rows of chunks) steps.next(intake.check(rows));
    intake.end(nextId);
  } catch (error) {
    try {
      // Unmakes the table, unless the steps have ended with an error of their own.
      steps.throw(error);
    } catch {
      // The error itself says more than what comes back here.
    }
    throw error;
  }
  try {
    await stepwise(steps, signal);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
  return intake.count;
}

/** A row that was checked. */
interface CheckedRow extends StoredRow {
  readonly id: number;
}

/** Checks rows and writes them into a segment. */
class Intake {
  /** How many rows were checked. */
  count = 0;
  readonly #attempt: string;
  readonly #schema: TableSchema;
  #nextId = 0;

  constructor(attempt: string, schema: TableSchema) {
    this.#attempt = attempt;
    this.#schema = schema;
  }

  /** Checks and encodes the next rows. */
  check(rows: readonly GivenRow[]): CheckedRow[] {
    let id = 0;
    return inContext(() => `${this.#attempt}: row ${id}`, () => {
      return rows.map((row) => {
        id = row.id;
        const values = this.#values(row);
        this.#nextId = id + 1;
        this.count++;
        return { id, version: row.version, values };
      });
    });
  }

  #values({ id, version, values }: GivenRow): StoredRow["values"] {
    if (!isCount(id) || id === Number.MAX_SAFE_INTEGER) throw new RangeError("that is no id");
    if (!isCount(version)) throw new RangeError(`${version} is no version`);
    const last = this.#nextId - 1;
    if (id === last) throw new RangeError("the row before has the same id");
    if (id < last) throw new RangeError(`it comes after row ${last}, sort the rows by id`);
    return this.#schema.encodeList(values);
  }

  /** All rows are checked; sets the id of the next row. */
  end(nextId: number = this.#nextId): void {
    inContext(this.#attempt, () => {
      if (isCount(nextId) && nextId >= this.#nextId) return;
      throw new RangeError(`${nextId} as the next id, expected ${this.#nextId} or more`);
    });
    this.#nextId = nextId;
  }

  /** Writes the rows that `next` passes in, until it passes none; returns the last commit. */
  *write(
    out: SegmentWriter,
    schema: TableSchema,
  ): Generator<undefined, number, readonly CheckedRow[] | undefined> {
    const writer = new RowWriter(out, schema.fields);
    for (let rows = yield; rows !== undefined; rows = yield) {
      for (const row of rows) if (writer.add(row.id, row)) allOf(writer.flush());
    }
    yield* writer.flush();
    yield* writeIndexes(out, schema, {
      check: (field, order) => this.#checkUnique(out, field, order),
    });
    out.finish({ schema, nextId: this.#nextId, sequence: 1 });
    return 1;
  }

  /** In the order of the index, rows with the same value are neighbours. */
  #checkUnique(out: SegmentWriter, field: FieldDef, order: Uint32Array): void {
    if (!field.unique) return;
    const rows = out.written();
    let before: Stored | null = null;
    order.forEach((row, i) => {
      const stored = rows.value(field, row);
      if (stored !== null && before !== null && field.value.compare(before, stored) === 0) {
        throw uniqueError(this.#attempt, { field, stored, id: rows.id(order[i - 1]!) });
      }
      before = stored;
    });
  }
}
