/**
 * The writing verbs. Each checks its arguments at the call, as far as possible, and returns an edit:
 * a function of a write batch that runs under the lock. By then the caller may have changed the
 * objects that it passed, so each verb captures its arguments at the call.
 *
 * @module
 */

import { capture, captureFields } from "../snapshot/capture.ts";
import { describe, describeOption, isCount } from "../system/check.ts";
import { convert } from "../schema/convert.ts";
import type { Edit, WriteBatch } from "./write_batch.ts";
import {
  ConflictError,
  inContext,
  RecordNotFoundError,
  SchemaError,
  UpdateError,
} from "../system/errors.ts";
import type { IndexOptions } from "../schema/options.ts";
import { givenRows, type PreparedRows, prepareRows } from "./prepared_rows.ts";
import { compileGiven, EVERYTHING } from "../query/query.ts";
import { addFieldOptions, indexOptions, updateOptions } from "../schema/read_options.ts";
import { rowAt, strictRowAt, tableOf, valueAt, versionAt } from "../snapshot/rows.ts";
import { scan } from "../query/scan.ts";
import type { FieldDef, StoredRow } from "../schema/field_def.ts";
import type { EncodedChanges, TableSchema } from "../schema/schema.ts";
import type { RowCopy, Snapshot } from "../snapshot/snapshot.ts";
import { locationOf, type RowLocation } from "../snapshot/location.ts";
import type { Store } from "../store/store.ts";
import type { StringFormats } from "../schema/strings.ts";
import type { Field } from "../schema/types.ts";
import { withRelativeTargets } from "../schema/link_paths.ts";

/** Values by field name, as users give and get them. */
type NamedValues = Record<string, unknown>;

/** Whether a link may lead to a row that does not exist yet, as the same call inserts it. */
type Coming = (id: number, field: FieldDef) => boolean;

/** A row that a verb changes. */
interface RowTarget {
  readonly id: number;
  /** The version that it must have, if a row was passed, and not an id. */
  readonly version: number | undefined;
}

function targetOf(target: unknown, table: string, attempt: string): RowTarget {
  // -0 becomes 0, as it is in the table.
  if (typeof target === "number") return { id: target + 0, version: undefined };
  if (typeof target === "object" && target !== null) {
    if ((tableOf(target) ?? table) !== table) {
      throw new UpdateError(`${attempt}: the row that was passed is of another table`);
    }
    const { __id__: id, __version__: version } = target as NamedValues;
    if (typeof id === "number" && typeof version === "number") return { id: id + 0, version };
  }
  throw new UpdateError(
    `${attempt}: what was passed has no __id__ and __version__, pass a row or an id`,
  );
}

/** The version that the row must have, as `ifVersion` says. */
function expectedVersion(target: unknown, options: object): number | undefined {
  const { ifVersion } = updateOptions(options);
  if (ifVersion === undefined || (isCount(ifVersion) && typeof target === "number")) {
    return ifVersion;
  }
  if (typeof target !== "number") {
    throw new TypeError("ifVersion is for one id, and a row carries its version: pass an id");
  }
  const Refusal = typeof ifVersion === "number" ? RangeError : TypeError;
  throw new Refusal(
    `${describeOption("ifVersion", ifVersion)}, expected a whole number, 0 or more`,
  );
}

/** One or many targets, as many. */
export function listOf(target: unknown): readonly unknown[] {
  return Array.isArray(target) ? target : [target];
}

/** Consecutive ids. */
function idsFrom(first: number, count: number): number[] {
  const ids = new Array<number>(count);
  for (let i = 0; i < count; i++) ids[i] = first + i;
  return ids;
}

/** The edits of one table. */
export class Edits {
  readonly #store: Store;
  readonly #now: () => Snapshot;

  /** @param now Returns the newest snapshot that the caller can see. */
  constructor(store: Store, now: () => Snapshot) {
    this.#store = store;
    this.#now = now;
  }

  #attempt(verb: string): string {
    return `Cannot ${verb} "${this.#store.dir}"`;
  }

  // ------------------------------------------------------------- inserting

  /** Adds a row; the edit returns its id. */
  insert(row: object): Edit<number> {
    const edit = this.#insertion(() => [row]);
    return (batch) => edit(batch).first;
  }

  /** Adds rows; the edit returns their ids. */
  insertMany(rows: Iterable<object>): Edit<number[]> {
    const edit = this.#insertion(() => rows);
    return (batch) => {
      const { first, count } = edit(batch);
      return idsFrom(first, count);
    };
  }

  /** Adds a row of texts. */
  insertAsStrings(row: object, formats: StringFormats): Edit<number> {
    const edit = this.#insertion((schema) => [parsed(schema, row, formats)]);
    return (batch) => edit(batch).first;
  }

  /**
   * Validates and encodes rows at the call, for the newest fields. The edit writes them as they
   * are; it validates them again only if the fields changed since.
   */
  #insertion(
    rowsOf: (schema: TableSchema) => Iterable<object>,
  ): Edit<{ first: number; count: number }> {
    const attempt = this.#attempt("insert into");
    const { schema, nextId } = this.#now();
    /** The greatest id that a link leads to and that only one of these rows can get. */
    let farthest: { readonly id: number; readonly field: FieldDef } | undefined;
    const coming: Coming = (id, field) => {
      if (id < nextId) return false;
      if (id > (farthest?.id ?? -1)) farthest = { id, field };
      return true;
    };
    const prepare = (schema: TableSchema, rows: () => Iterable<object>): PreparedRows =>
      inContext(attempt, () => {
        return prepareRows(schema, rows(), (row, names) => {
          return this.#values(schema, row, names, coming);
        });
      });
    const prepared = prepare(schema, () => rowsOf(schema));
    const { count } = prepared;
    return (batch) => {
      const { encoded } = batch.schema.equals(prepared.schema)
        ? prepared
        : prepare(batch.schema, () => givenRows(prepared));
      const first = batch.insert(encoded);
      // If other rows came first, such an id leads to one of them, or to another one of these.
      const isOwn = first === nextId && (farthest?.id ?? -1) < batch.nextId;
      if (farthest === undefined || isOwn) return { first, count };
      const { id, field } = farthest;
      const reason = id < nextId + count
        ? `row ${id} was to be one of these, but other rows were inserted first: ` +
          "insert in a transaction"
        : `there is no row ${id} in "${this.#store.dir}"`;
      throw new RangeError(`${attempt}: field "${field.name}": ${reason}`);
    };
  }

  #values(
    schema: TableSchema,
    row: object,
    names?: string[],
    coming?: Coming,
  ): StoredRow["values"] {
    if (schema.links.length === 0) return schema.encodeInsert(row, names);
    // A copy, so that the links that are checked are the links that are stored.
    const given = captureFields(row) as NamedValues;
    const values = schema.encodeInsert(given, names);
    this.#now().origin.links.check(schema, given, coming);
    return values;
  }

  // ------------------------------------------------------------- updating

  /** Changes the row of each target; the edit returns the new rows. */
  update(target: unknown, changes: unknown, options: object): Edit<NamedValues[]> {
    const attempt = this.#attempt("update");
    const wanted = this.#targets(listOf(target), attempt);
    const ifVersion = inContext(attempt, () => expectedVersion(target, options));
    const given = inContext(attempt, () => captureFields(changes));
    return (batch) => {
      const { schema, origin } = batch;
      const change = changeFrom(batch, given, attempt);
      const rows: NamedValues[] = [];
      for (const { id, version = ifVersion } of wanted) {
        const location = batch.at(id);
        if (location === undefined) {
          throw new RecordNotFoundError(`${attempt}: there is no row ${id}, or no more`, id);
        }
        const now = versionAt(location);
        if (version !== undefined && version !== now) {
          throw new ConflictError(this.#store.dir, id, version, now);
        }
        const next = updateOne(batch, location, change);
        rows.push(rowAt(origin, locationOf(id, next), schema.fields));
      }
      this.#store.links.flushSync(schema);
      return rows;
    };
  }

  /** Changes the rows that match; the edit returns their number. */
  updateWhere(where: unknown, changes: unknown): Edit<number> {
    const attempt = this.#attempt("update");
    const [asked, given] = inContext(attempt, () => [capture(where), captureFields(changes)]);
    return (batch) => {
      const found = batch.find(inContext(attempt, () => compileGiven(batch.schema, asked)));
      const change = changeFrom(batch, given, attempt);
      for (const location of found) updateOne(batch, location, change);
      this.#store.links.flushSync(batch.schema);
      return found.length;
    };
  }

  /** Changes the row that has a value in a unique field, or adds it; the edit returns the row. */
  upsert(key: unknown, values: unknown): Edit<NamedValues> {
    const attempt = this.#attempt("upsert into");
    const [unique, given] = inContext(attempt, () => [captureFields(key), captureFields(values)]);
    return (batch) => {
      const schema: TableSchema = batch.schema;
      const { field, row, inserted } = inContext(attempt, () => {
        const { field, value } = uniqueKeyOf(schema, unique);
        schema.checkFieldsObject(given);
        if (Object.hasOwn(given, field.name)) {
          throw new TypeError(`field "${field.name}": it is given twice, leave it to the key`);
        }
        const row = { ...given, [field.name]: value };
        return { field, row, inserted: this.#values(schema, row) };
      });
      const holder = batch.holderOf(field, inserted[field.number]!);
      const id = holder ?? batch.insert([{ version: 0, values: inserted }]);
      if (holder !== undefined) {
        updateOne(batch, batch.at(id)!, changeFrom(batch, row, attempt));
      }
      this.#store.links.flushSync(schema);
      return rowAt(batch.origin, batch.at(id)!, schema.fields);
    };
  }

  // ------------------------------------------------------------- deleting

  /** Deletes the row of each target; the edit returns how many existed. */
  delete(targets: readonly unknown[]): Edit<number> {
    const wanted = this.#targets(targets, this.#attempt("delete from"));
    return (batch) => wanted.reduce((n, { id }) => batch.delete(id) ? n + 1 : n, 0);
  }

  /** Deletes the rows that match; the edit returns their number. */
  deleteWhere(where: unknown): Edit<number> {
    const attempt = this.#attempt("delete from");
    const asked = inContext(attempt, () => capture(where));
    return (batch) => {
      const found = batch.find(inContext(attempt, () => compileGiven(batch.schema, asked)));
      for (const location of found) batch.put(location.id, undefined);
      return found.length;
    };
  }

  #targets(targets: readonly unknown[], attempt: string): RowTarget[] {
    const { table } = this.#store.snapshot.origin;
    const wanted = new Array<RowTarget>(targets.length);
    for (let i = 0; i < targets.length; i++) wanted[i] = targetOf(targets[i], table, attempt);
    return wanted;
  }

  // ------------------------------------------------------------- the schema

  /** Adds a field. */
  addField(name: string, field: Field, options: object): Edit<void> {
    const { files, dir } = this.#store;
    const attempt = this.#attempt(`add field "${name}" to`);
    const { after } = inContext(attempt, () => addFieldOptions(options));
    const given = inContext(attempt, () => captureFields(field)) as Field;
    return this.#altering(attempt, (schema, empty) => {
      return withRelativeTargets(files, dir, schema.withField(name, given, { after, empty }));
    });
  }

  /** Drops a field. */
  dropField(name: string): Edit<void> {
    const attempt = this.#attempt(`drop field "${name}" of`);
    return this.#altering(attempt, (schema) => schema.withoutField(name));
  }

  /** Renames a field. */
  renameField(name: string, newName: string): Edit<void> {
    const attempt = this.#attempt(`rename field "${name}" of`);
    return this.#altering(attempt, (schema) => schema.withName(name, newName));
  }

  /** Sets the default of a field. */
  setDefault(name: string, value: unknown): Edit<void> {
    const attempt = this.#attempt(`set the default of field "${name}" of`);
    const given = inContext(attempt, () => capture(value));
    return this.#altering(attempt, (schema) => schema.withDefault(name, given));
  }

  /** Sets the type of a field and converts its values; changes nothing if it has that type. */
  setType(name: string, type: unknown): Edit<void> {
    const attempt = this.#attempt(`set the type of field "${name}" of`);
    return (batch) => {
      const { schema } = batch;
      const altered = inContext(attempt, () => schema.withType(name, type));
      if (altered === schema) return;
      batch.alter(altered);
      const [from, to] = [schema.field(name), altered.field(name)];
      if (from.number !== to.number) inContext(attempt, () => convertRows(batch, from, to));
    };
  }

  /** Sets the index of a field. */
  setIndex(name: string, options: IndexOptions): Edit<void> {
    const attempt = this.#attempt(`set the index of field "${name}" of`);
    const given = inContext(attempt, () => indexOptions(options));
    return this.#altering(attempt, (schema) => schema.withIndex(name, given));
  }

  /** Sets how many commits are kept for watchers; changes nothing if that is the number already. */
  keepChanges(commits: number): Edit<void> {
    const attempt = this.#attempt("keep changes of");
    return (batch) => {
      const { schema } = batch;
      const altered = inContext(attempt, () => schema.withKeepChanges(commits));
      if (altered.keepChanges !== schema.keepChanges) batch.alter(altered);
    };
  }

  #altering(
    attempt: string,
    alter: (schema: TableSchema, empty: boolean) => TableSchema,
  ): Edit<void> {
    return (batch) => batch.alter(inContext(attempt, () => alter(batch.schema, batch.empty)));
  }
}

/** Puts what an update gives to a row into its values. */
type RowChange = (id: number, row: RowCopy) => void;

/**
 * The change that an update makes: what the user's function returns for each row, or the same
 * values for all rows, which are encoded once, when there is a row to change.
 */
function changeFrom({ schema, origin }: WriteBatch, given: unknown, attempt: string): RowChange {
  const encode = (values: unknown) => {
    if (schema.links.length === 0) return schema.encodeChanges(values);
    // A copy, so that the links that are checked are the links that are stored.
    const copy = captureFields(values) as NamedValues;
    const changes = schema.encodeChanges(copy);
    origin.links.check(schema, copy);
    return changes;
  };
  let encoded: EncodedChanges | undefined;
  return (id, row) => {
    const returned = typeof given === "function"
      ? given(strictRowAt(origin, locationOf(id, row), schema.fields))
      : undefined;
    inContext(attempt, () => {
      const changes = typeof given === "function" ? encode(returned) : encoded ??= encode(given);
      schema.change(row.values, changes);
    });
  };
}

/** Changes a row and returns the new one; the caller flushes the links when all are changed. */
function updateOne(batch: WriteBatch, location: RowLocation, change: RowChange): StoredRow {
  const { id } = location;
  const row = batch.copy(location);
  change(id, row);
  row.version++;
  batch.put(id, row);
  return row;
}

/** Moves the values of a field to another one, converted, in all rows that have a value. */
function convertRows(batch: WriteBatch, from: FieldDef, to: FieldDef): void {
  let wrong = 0;
  let first = "";
  for (const location of scan(batch.snapshot, EVERYTHING)) {
    const value = valueAt(location, from);
    if (value === null) continue;
    try {
      const converted = convert(value, from.value, to.value);
      if (wrong > 0) continue;
      const { version, values } = batch.copy(location);
      values[from.number] = null;
      values[to.number] = converted;
      batch.put(location.id, { version: version + 1, values });
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      if (wrong++ === 0) first = `row ${location.id}: ${error.message}`;
    }
  }
  if (wrong === 0) return;
  const rows = wrong === 1 ? "1 row does" : `${wrong} rows do`;
  throw new SchemaError(`field "${from.name}": ${rows} not fit; ${first}`);
}

/** The unique field by which `upsert` finds a row, and its value. */
function uniqueKeyOf(
  schema: TableSchema,
  key: unknown,
): { field: FieldDef; value: unknown } {
  if (typeof key !== "object" || key === null) {
    throw new TypeError(`key: ${describe(key)}, expected an object of one unique field`);
  }
  const entries = Object.entries(key);
  const [name, value] = entries[0] ?? [];
  if (name === undefined || entries.length > 1) {
    throw new TypeError(`key: ${entries.length} fields, expected one that is unique`);
  }
  const field = schema.field(name);
  if (!field.unique) throw new TypeError(`field "${name}": it is not unique, use one that is`);
  if (value === null || value === undefined) {
    throw new TypeError(`field "${name}": ${value} is no key, as several rows may have it`);
  }
  return { field, value };
}

/** Parses the texts of a row. */
function parsed(schema: TableSchema, row: object, formats: StringFormats): NamedValues {
  schema.checkFieldsObject(row);
  const values = Object.entries(row).map(([name, text]) => {
    const field = schema.field(name);
    if (text === undefined || text === null) return [name, text];
    if (typeof text !== "string") {
      throw new TypeError(`field "${name}": ${describe(text)}, expected a string`);
    }
    try {
      return [name, formats.parse(field.value, text)];
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new TypeError(`field "${name}": ${error.message}`);
    }
  });
  return Object.fromEntries(values);
}
