/**
 * What the writing verbs change: each is checked as far as it can be before the
 * lock is taken, and becomes a function of a draft, which runs under it.
 *
 * @module
 */

import { describe } from "./check.ts";
import { type Draft, type PreparedRows, prepareRows } from "./draft.ts";
import { ConflictError, RecordNotFoundError, SchemaError, UpdateError } from "./errors.ts";
import { explain } from "./handle.ts";
import { anchor } from "./links.ts";
import { compile } from "./query.ts";
import { baseOf, rowAt, versionAt } from "./rows.ts";
import type { FieldDef, StoredRow } from "./field_def.ts";
import type { TableSchema } from "./schema.ts";
import { type Place, placeOf, type State } from "./state.ts";
import type { Store } from "./store.ts";
import type { StringFormats } from "./strings.ts";
import type { Field } from "./types.ts";
import type { Edit } from "./writer.ts";

/** Values by field, as a user gave them. */
type Given = Record<string, unknown>;
/** A row as users get it. */
type Row = Record<string, unknown>;

/** Whether a row that a link leads to, and that is not there yet, may be inserted with it. */
type Coming = (id: number, field: FieldDef) => boolean;

/** A row or an id, as its id and the version that it must have. */
interface Aim {
  readonly id: number;
  readonly version: number | undefined;
}

function aim(target: unknown, base: string, attempt: string): Aim {
  // As a table keeps it: -0 becomes 0.
  if (typeof target === "number") return { id: target + 0, version: undefined };
  if (typeof target === "object" && target !== null) {
    if ((baseOf(target) ?? base) !== base) {
      throw new UpdateError(`${attempt}: what was passed is a row of another base`);
    }
    const { __id__: id, __version__: version } = target as Record<string, unknown>;
    if (typeof id === "number" && typeof version === "number") return { id: id + 0, version };
  }
  throw new UpdateError(
    `${attempt}: what was passed has no __id__ and __version__, pass a row or an id`,
  );
}

/** What a user gave as one or many, as many. */
export function listOf(target: unknown): readonly unknown[] {
  return Array.isArray(target) ? target : [target];
}

/** Ids that follow each other. */
function idsFrom(first: number, count: number): number[] {
  const ids = new Array<number>(count);
  for (let i = 0; i < count; i++) ids[i] = first + i;
  return ids;
}

/** Changes of one table. */
export class Edits {
  readonly #store: Store;
  readonly #now: () => State;

  /**
   * @param store The table.
   * @param now The rows as they are for whoever makes a change.
   */
  constructor(store: Store, now: () => State) {
    this.#store = store;
    this.#now = now;
  }

  #attempt(verb: string): string {
    return `Cannot ${verb} "${this.#store.dir}"`;
  }

  // ------------------------------------------------------------- inserting

  /** Adds a row; gives its id. */
  insert(row: object): Edit<number> {
    return this.#insertion((schema, coming) => [this.#values(schema, row, coming)]);
  }

  /** Adds rows; gives their ids. Many are kept as groups, not as what is given. */
  insertMany(rows: Iterable<object>): Edit<number[]> {
    let count = 0;
    const edit = this.#insertion(function* (this: Edits, schema: TableSchema, coming: Coming) {
      const before = count;
      count = 0;
      for (const row of rows) {
        yield this.#values(schema, row, coming);
        count++;
      }
      if (count < before) {
        throw new SchemaError("the fields were changed meanwhile, give the rows again");
      }
    }.bind(this));
    return (draft) => idsFrom(edit(draft), count);
  }

  /** Adds a row of texts. */
  insertAsStrings(row: object, formats: StringFormats): Edit<number> {
    return this.#insertion((schema, coming) => [
      this.#values(schema, parsed(schema, row, formats), coming),
    ]);
  }

  /** Encodes before the lock is taken, and again if the schema was changed since. */
  #insertion(
    valuesOf: (schema: TableSchema, coming: Coming) => Iterable<StoredRow["values"]>,
  ): Edit<number> {
    const attempt = this.#attempt("insert into");
    const { schema, nextId } = this.#now();
    /** The greatest of the ids that only these rows can get. */
    let farthest: { readonly id: number; readonly field: FieldDef } | undefined;
    const coming: Coming = (id, field) => {
      if (id < nextId) return false;
      if (id > (farthest?.id ?? -1)) farthest = { id, field };
      return true;
    };
    const prepare = (schema: TableSchema): PreparedRows =>
      explain(attempt, () => prepareRows(schema, valuesOf(schema, coming)));
    const prepared = prepare(schema);
    return (draft) => {
      const first = draft.insert(draft.schema === schema ? prepared : prepare(draft.schema));
      // Where other rows came first, such an id leads to one of them, or to another of these.
      const isOwn = first === nextId && (farthest?.id ?? -1) < draft.nextId;
      if (farthest === undefined || isOwn) return first;
      const { id, field } = farthest;
      const reason = id < nextId + (draft.nextId - first)
        ? `row ${id} was to be one of these, but other rows were inserted first: ` +
          "insert in a transaction"
        : `there is no row ${id} in "${this.#store.dir}"`;
      throw new RangeError(`${attempt}: field "${field.name}": ${reason}`);
    };
  }

  #values(schema: TableSchema, row: object, coming?: Coming): StoredRow["values"] {
    const values = schema.takeInsert(row);
    if (schema.links.length > 0) this.#now().origin.links.check(schema, row as Given, coming);
    return values;
  }

  // ------------------------------------------------------------- updating

  /** Changes the row of each target; gives the new rows. */
  update(targets: readonly unknown[], changes: unknown): Edit<Row[]> {
    const attempt = this.#attempt("update");
    const aims = this.#aims(targets, attempt);
    return (draft) => {
      const rows = aims.map(({ id, version }) => {
        const place = draft.at(id);
        if (place === undefined) {
          throw new RecordNotFoundError(`${attempt}: there is no row ${id}, or no more`, id);
        }
        const now = versionAt(place);
        if (version !== undefined && version !== now) {
          throw new ConflictError(this.#store.dir, id, version, now);
        }
        const next = this.#updateOne(draft, place, changes, attempt);
        return rowAt(draft.origin, placeOf(id, next), draft.schema.fields);
      });
      this.#store.links.flushSync(draft.schema);
      return rows;
    };
  }

  /** Changes the rows that match; gives their number. */
  updateWhere(where: unknown, changes: unknown): Edit<number> {
    const attempt = this.#attempt("update");
    return (draft) => {
      const found = draft.find(explain(attempt, () => compile(draft.schema, where)));
      for (const place of found) this.#updateOne(draft, place, changes, attempt);
      this.#store.links.flushSync(draft.schema);
      return found.length;
    };
  }

  /** Changes a row; gives the new one. Links are flushed by who has changed all. */
  #updateOne(draft: Draft, place: Place, changes: unknown, attempt: string): StoredRow {
    const { schema, origin } = draft;
    const { id } = place;
    const { version, values } = draft.copy(place);
    const given = typeof changes === "function"
      ? changes(rowAt(origin, placeOf(id, { version, values }), schema.fields))
      : changes;
    explain(attempt, () => {
      schema.takeUpdate(values, given);
      origin.links.check(schema, given);
    });
    const next = { version: version + 1, values };
    draft.put(id, next);
    return next;
  }

  /** Changes the row that has a value in a unique field, or adds it; gives the row. */
  upsert(key: unknown, values: unknown): Edit<Row> {
    const attempt = this.#attempt("upsert into");
    return (draft) => {
      const schema: TableSchema = draft.schema;
      const { field, row, inserted } = explain(attempt, () => {
        const { field, value } = keyOf(schema, key);
        schema.checkGiven(values);
        if (Object.hasOwn(values as Given, field.name)) {
          throw new TypeError(`field "${field.name}": it is given twice, leave it to the key`);
        }
        const row = { ...(values as Given), [field.name]: value };
        return { field, row, inserted: this.#values(schema, row) };
      });
      const holder = draft.holderOf(field, inserted[field.number]!);
      const id = holder ?? draft.insert(prepareRows(schema, [inserted]));
      if (holder !== undefined) this.#updateOne(draft, draft.at(id)!, row, attempt);
      this.#store.links.flushSync(schema);
      return rowAt(draft.origin, draft.at(id)!, schema.fields);
    };
  }

  // ------------------------------------------------------------- deleting

  /** Deletes the row of each target; gives how many were there. */
  delete(targets: readonly unknown[]): Edit<number> {
    const aims = this.#aims(targets, this.#attempt("delete from"));
    return (draft) => aims.reduce((n, { id }) => draft.delete(id) ? n + 1 : n, 0);
  }

  /** Deletes the rows that match; gives their number. */
  deleteWhere(where: unknown): Edit<number> {
    const attempt = this.#attempt("delete from");
    return (draft) => {
      const found = draft.find(explain(attempt, () => compile(draft.schema, where)));
      for (const place of found) draft.put(place.id, undefined);
      return found.length;
    };
  }

  #aims(targets: readonly unknown[], attempt: string): Aim[] {
    const { base } = this.#store.state.origin;
    return targets.map((one) => aim(one, base, attempt));
  }

  // ------------------------------------------------------------- the schema

  /** A field more. */
  addField(name: string, field: Field, { after }: { after?: string | undefined }): Edit<void> {
    const { files, dir } = this.#store;
    return this.#altering(`add field "${name}" to`, (schema, empty) => {
      return anchor(files, dir, schema.withField(name, field, { after, empty }));
    });
  }

  /** A field less. */
  dropField(name: string): Edit<void> {
    return this.#altering(`drop field "${name}" of`, (schema) => schema.withoutField(name));
  }

  /** Another name of a field. */
  renameField(name: string, newName: string): Edit<void> {
    const verb = `rename field "${name}" of`;
    return this.#altering(verb, (schema) => schema.withName(name, newName));
  }

  /** Another default of a field. */
  setDefault(name: string, value: unknown): Edit<void> {
    const verb = `set the default of field "${name}" of`;
    return this.#altering(verb, (schema) => schema.withDefault(name, value));
  }

  /** A wider type of a field. */
  setType(name: string, type: unknown): Edit<void> {
    const verb = `set the type of field "${name}" of`;
    return this.#altering(verb, (schema) => schema.withType(name, type));
  }

  /** Another index of a field. */
  setIndex(name: string, options: object): Edit<void> {
    const verb = `set the index of field "${name}" of`;
    return this.#altering(verb, (schema) => schema.withIndex(name, options));
  }

  /** Other changes that are kept; nothing if they are the same. */
  keepChanges(commits: number): Edit<void> {
    const attempt = this.#attempt("keep changes of");
    return (draft) => {
      const { schema } = draft;
      const altered = explain(attempt, () => schema.withKeepChanges(commits));
      if (altered.keepChanges !== schema.keepChanges) draft.alter(altered);
    };
  }

  #altering(
    verb: string,
    alter: (schema: TableSchema, empty: boolean) => TableSchema,
  ): Edit<void> {
    const attempt = this.#attempt(verb);
    return (draft) => draft.alter(explain(attempt, () => alter(draft.schema, draft.empty)));
  }
}

/** The unique field that `upsert` goes by, and its value. */
function keyOf(schema: TableSchema, key: unknown): { field: FieldDef; value: unknown } {
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
    throw new TypeError(`field "${name}": ${value} is no key, it may be there more than once`);
  }
  return { field, value };
}

/** A row of texts as one of values. */
function parsed(schema: TableSchema, row: object, formats: StringFormats): Given {
  if (typeof row !== "object" || row === null) {
    throw new TypeError(`${describe(row)}, expected an object of texts`);
  }
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
