/**
 * A new base of rows whose ids and versions are given, as they are where rows come from another
 * store or from an export.
 *
 * @module
 */

import { buildBase } from "./build.ts";
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

/** A row with all that a base would give it. */
export interface GivenRow {
  /** Its id. */
  readonly id: number;
  /** How often it was changed. */
  readonly version: number;
  /** Its values in the order of the fields, as `insert` takes them; `undefined` is the default. */
  readonly values: readonly unknown[];
}

/** What is said besides the rows. */
export interface GivenOptions {
  /**
   * The id that the next row gets, where greater ones than those of the rows were given out.
   *
   * @default {one more than the greatest id}
   */
  readonly nextId?: number | undefined;
  /** Ends it without a base, also when all rows were given, and throws the reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes a base of rows, in bounded memory; gives their number. All of them are one commit. Whether
 * the rows are there that links lead to is not looked at: those of this base, or of others, may
 * come later.
 *
 * @param path Where there is nothing yet.
 * @param schema The fields; a link leads to a path, absolute or from the base.
 * @param chunks The rows by ascending ids, some at a time. What it throws is thrown as it is, and
 * there is no base then, nor a directory that was not there before; the same with all errors.
 * @param options What is said besides.
 * @throws {RangeError} If ids do not ascend, or a value is out of its range.
 * @throws {TypeError} If a value has not the type of its field.
 * @throws {SchemaError} If the schema is wrong, or a row does not fit it.
 * @throws {UniqueError} If a value of a unique field is there twice.
 * @throws {BaseExistsError} If there is a base already, or something else.
 * @throws {WriteError} If the disk refuses.
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
  const steps: Generator<undefined, void, readonly Taken[] | undefined> = buildBase(
    files,
    { dir },
    attempt,
    (out) => intake.write(out, withRelativeTargets(files, dir, fields)),
  );
  try {
    steps.next();
    for await (const rows of chunks) steps.next(intake.take(rows));
    intake.end(nextId);
  } catch (error) {
    // It ends without a base, unless it has ended so by itself.
    try {
      steps.throw(error);
    } catch {
      // What is wrong was told in words of its own.
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
interface Taken extends StoredRow {
  readonly id: number;
}

/** Rows on their way into a table. */
class Intake {
  /** How many were taken. */
  count = 0;
  readonly #attempt: string;
  readonly #schema: TableSchema;
  #nextId = 0;

  constructor(attempt: string, schema: TableSchema) {
    this.#attempt = attempt;
    this.#schema = schema;
  }

  /** Checks the next rows. */
  take(rows: readonly GivenRow[]): Taken[] {
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
    if (id < last) throw new RangeError(`it comes behind row ${last}, sort the rows by id`);
    return this.#schema.encodeList(values);
  }

  /** All are taken; the next row gets this id. */
  end(nextId: number = this.#nextId): void {
    inContext(this.#attempt, () => {
      if (isCount(nextId) && nextId >= this.#nextId) return;
      throw new RangeError(`${nextId} as the next id, expected ${this.#nextId} or more`);
    });
    this.#nextId = nextId;
  }

  /** Writes what it is given by `next`, until that is nothing; gives the last commit. */
  *write(
    out: SegmentWriter,
    schema: TableSchema,
  ): Generator<undefined, number, readonly Taken[] | undefined> {
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

  /** Rows with the same value stand next to each other. */
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
