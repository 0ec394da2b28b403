/**
 * Tables: `PsBase` for many processes at once, `Base` for one owner.
 *
 * A verb that reads looks for new commits and answers from the newest commit point. It takes no
 * lock and never waits. A verb that writes hands its change to the writer, which takes the lock,
 * appends the change to the log, releases the lock, syncs the log, and only then resolves the
 * promise. The two classes differ in one thing: `Base` takes the lock when it is opened, `PsBase`
 * takes it for each change.
 *
 * ```text
 * read    get at has keys size iteration select count sum avg min max distinct groupBy explain snapshot schema defaults sequence stats backup
 * write   insert insertMany insertAsStrings update updateWhere upsert delete deleteWhere transaction addField dropField renameField setDefault setType setIndex keepChanges
 * lock    commit destroy, and the last step of cleanup
 * none    watch check close path recovered setStringFormat
 * ```
 *
 * @example Five lines
 * ```ts
 * import { PsBase } from "@psbase/psbase/base";
 * import { assertEquals } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * const people = await PsBase.open(dir, { name: "string", age: "integer" });
 * const id = await people.insert({ name: "homer", age: 39 });
 * await people.update(id, (row) => ({ age: (row.age ?? 0) + 1 }));
 * assertEquals(people.select({ age: { between: [30, 40] } })[0]?.name, "homer");
 * await people.destroy();
 * ```
 *
 * @module
 */

import {
  checkIntegrity,
  type CheckResult,
  type Problem,
} from "./engine/maintenance/integrity_check.ts";
import { backUp } from "./engine/maintenance/build.ts";
import { checkFunction, describe } from "./engine/system/check.ts";
import { Edits, listOf } from "./engine/write/edits.ts";
import { checkTimeout } from "./engine/lock/flock.ts";
import { Handle, setHandleOf } from "./engine/handle.ts";
import type {
  AddFieldOptions,
  CreateOptions,
  IndexOptions,
  OpenOptions,
  OpenSchemaOptions,
  Recovered,
  Stats,
  Target,
  TransactionOptions,
  Updated,
  UpdateOptionsOf,
  WatchOptions,
} from "./engine/schema/options.ts";
import { toPath } from "./engine/system/path.ts";
import { field } from "./engine/query/query.ts";
import { transactionOptions } from "./engine/schema/read_options.ts";
import { type OrderedValue, ResultSet, type SortableKey } from "./engine/query/result_set.ts";
import { type Loss, salvage, type SalvageResult } from "./engine/maintenance/salvage.ts";
import { json } from "./engine/schema/field_def.ts";
import { allOf, stepwise } from "./engine/system/steps.ts";
import { StringFormats } from "./engine/schema/strings.ts";
import { transact, transactSync } from "./engine/write/transact.ts";
import type {
  Change,
  ConvertibleName,
  ConvertibleType,
  Default,
  Exactly,
  Field,
  FieldName,
  Filter,
  Insert,
  InsertStrings,
  Link,
  NewName,
  NoReservedNames,
  NotPromise,
  Row,
  Schema,
  SortableName,
  UniqueKey,
  UniqueName,
  Update,
  Where,
  WithDefault,
  WithField,
  WithOptions,
  WithoutField,
  WithRenamed,
  WithType,
} from "./engine/schema/types.ts";
import { watch } from "./engine/watch/watch.ts";
import type { WriteTransaction } from "./engine/write/write_transaction.ts";
import type { Writer } from "./engine/write/writer.ts";
import { Transaction, transactionOf } from "./transaction.ts";
import { View } from "./view.ts";
import { inContext } from "./engine/system/errors.ts";
import { linkTo } from "./engine/schema/link_paths.ts";
import type { Edit } from "./engine/write/write_batch.ts";
import { currentFiles } from "./engine/system/deno_file.ts";

export type * from "./engine/schema/options.ts";
export type * from "./engine/schema/types.ts";
export {
  BaseError,
  BaseExistsError,
  BaseLockedError,
  BaseNotFoundError,
  ClosedError,
  ConflictError,
  CorruptionError,
  DeadlockError,
  FormatVersionError,
  type LockHolder,
  LockTimeoutError,
  PrimaryError,
  ReadOnlyError,
  RecordNotFoundError,
  SchemaError,
  UniqueError,
  UpdateError,
  WriteError,
} from "./engine/system/errors.ts";
export { type CheckResult, field, json, type Loss, type Problem, type Recovered };
export type { SalvageResult };
export { type OrderedValue, ResultSet, type SortableKey, Transaction, View };

/** The row type of a table. */
export type RowOf<B> = B extends Base<infer S> ? Row<S> : never;
/** What `insert` of a table takes. */
export type InsertOf<B> = B extends Base<infer S> ? Insert<S> : never;
/** What `update` of a table takes. */
export type UpdateOf<B> = B extends Base<infer S> ? Update<S> : never;
/** What `select` of a table takes as conditions. */
export type WhereOf<B> = B extends Base<infer S> ? Where<S> : never;
/** An open table of any schema: for functions that take them all. */
export type AnyBase = Omit<Base, SchemaVerb | `${SchemaVerb}Sync`>;
/** The verbs that change the fields, and with them the type of the handle. */
export type SchemaVerb =
  | "addField"
  | "dropField"
  | "renameField"
  | "setDefault"
  | "setIndex"
  | "setType";

/** A handle of the same class, typed by another schema: what the schema verbs return. */
export type Retyped<B, S extends Schema> = B extends { readonly __shared__?: true } ? PsBase<S>
  : Base<S>;

/**
 * A field that leads to a row of another table.
 *
 * Reading the field gives the other row as it is at that moment, or `null` if that row is gone.
 * Assign a row or its id; the row must exist. Conditions and `orderBy` compare the stored id,
 * whether or not its row exists. The link is stored as a relative path, so move both directories
 * together. The other table is opened when a link is first followed.
 *
 * @param base The other table, open.
 * @returns The type of the field.
 *
 * @example People and houses
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * await using houses = await PsBase.open(`${dir}/houses`, { street: "string" });
 * await using people = await PsBase.open(`${dir}/people`, { name: "string", home: link(houses) });
 * const home = await houses.insert({ street: "Evergreen Terrace" });
 * const id = await people.insert({ name: "homer", home });
 * assertEquals(people.get(id)?.home?.street, "Evergreen Terrace");
 * assertEquals(people.count({ home }), 1);
 * ```
 */
export function link<S extends Schema>(base: Base<S>): Link<S>;
/**
 * A field that leads to a row of its own table.
 *
 * A row may also lead to a row that the same call inserts, by the id that the other row will get.
 * New ids continue from the last one given out. Only in a transaction, or with a {@linkcode Base},
 * can no other process take them first.
 *
 * @param base `"self"`.
 * @returns The type of the field.
 *
 * @example Who is whose boss
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const schema = { name: "string", boss: link("self") } as const;
 * await using people = await PsBase.open(await Deno.makeTempDir(), schema);
 * const boss = await people.insert({ name: "burns" });
 * await people.insert({ name: "homer", boss });
 * assertEquals(people.get(1)?.boss?.name, "burns");
 * ```
 */
export function link(base: "self"): Link<"self">;
export function link(base: Base | "self"): Link<Schema> | Link<"self"> {
  return linkTo(currentFiles(), base);
}

/** What the constructor takes; only this module can make one. */
const HANDLE: unique symbol = Symbol("handle");
interface Made {
  readonly [HANDLE]: Handle;
}

/** What a transaction of several tables needs of each. */
let partOf: (base: Base) => { writer: Writer; begin(work: WriteTransaction): Transaction };

/**
 * A table that this handle alone writes to, until it is closed.
 *
 * The handle takes the table's lock when it is opened and keeps it: no write waits for a lock, and
 * no read looks for commits of others. A second `Base` gets a `BaseLockedError`; a `PsBase` can
 * read beside it. Use {@linkcode PsBase} to share the table.
 *
 * Each verb captures its arguments when it is called: rows, conditions, changes, options, and what
 * they hold. The caller may change these objects at once; it has no effect, however long the verb
 * waits for the lock. If the fields of the table change meanwhile, the captured values are
 * validated again. A verb refuses an unknown option with a `TypeError`.
 *
 * Some errors are not repeated at each verb. Every verb throws a `ClosedError` on a closed handle,
 * a `BaseNotFoundError` once the table was destroyed or replaced, and a `CorruptionError` if what
 * it reads is damaged. Every verb that writes throws a `ReadOnlyError` on a handle that only reads,
 * a `BaseLockedError` if a `Base` owns the table, a `LockTimeoutError` if the lock could not be
 * acquired in time, a `DeadlockError` if it would wait for its own caller, and a `WriteError` if a
 * write to the disk fails.
 *
 * @example One owner
 * ```ts
 * import { Base } from "@psbase/psbase";
 * import { assertEquals } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * await using tasks = await Base.open(dir, { title: "string", done: "boolean" });
 * await tasks.insert({ title: "write", done: false });
 * assertEquals(tasks.count({ done: false }), 1);
 * ```
 */
export class Base<S extends Schema = Schema> extends View<S>
  implements Disposable, AsyncDisposable {
  readonly #handle: Handle;
  readonly #edits: Edits;
  readonly #formats = new StringFormats();

  static {
    setHandleOf((table) => {
      if (#handle in table) return table.#handle;
      throw new TypeError(`${describe(table)}, expected an open table`);
    });
    partOf = (base) => ({
      writer: base.#handle.writer,
      begin: (work) => transactionOf(base.#handle.store, work, base.#formats),
    });
  }

  /** Use {@linkcode Base.open} or {@linkcode Base.create}. */
  protected constructor(made: Made) {
    const { store } = made[HANDLE];
    super(store);
    this.#handle = made[HANDLE];
    this.#edits = new Edits(store, () => store.refresh());
  }

  // ------------------------------------------------------------- opening and creating

  /**
   * Opens a table, typed by its schema, and creates it if it does not exist. Several processes may
   * do so at the same time: one of them creates the table, and all of them open it.
   *
   * Without a schema the table must exist. Options may follow `path` in the place of a schema: an
   * object is a schema if each of its values is a field (`"string"`, `{ type: "string" }`,
   * `link(…)`, `json()`), and holds options otherwise. An empty object holds options. A call that
   * could mean both is refused.
   *
   * @param path The directory of the table; its parent must exist.
   * @param schema Fields and their types, in order; or options.
   * @param options How to open the table, after a schema. With `readOnly` nothing is created.
   * @throws {BaseNotFoundError} If the table does not exist, and no schema or `readOnly` was
   *   passed.
   * @throws {BaseExistsError} If something else than a table is at `path`.
   * @throws {SchemaError} If the schema is wrong, or the table has another one.
   * @throws {TypeError} If an option is unknown, or it is unclear whether a schema was passed.
   * @throws {CorruptionError} If the table is damaged.
   * @throws {FormatVersionError} If a newer psbase wrote the table.
   * @throws {ReadOnlyError} If the table cannot be written to, and `readOnly` is not set.
   * @throws {BaseLockedError} If a `Base` owns the table, and this handle would own or create it.
   * @throws {LockTimeoutError} If the lock could not be acquired in time.
   */
  static async open<const S extends Schema = Schema>(
    path: string | URL,
    schema?: (S & NoReservedNames) | OpenSchemaOptions<S>,
    options?: OpenOptions,
  ): Promise<Base<S>> {
    return new Base<S>({ [HANDLE]: await Handle.open(path, schema, options, true) });
  }

  /** As {@linkcode Base.open}, blocking. */
  static openSync<const S extends Schema = Schema>(
    path: string | URL,
    schema?: (S & NoReservedNames) | OpenSchemaOptions<S>,
    options?: OpenOptions,
  ): Base<S> {
    return new Base<S>({ [HANDLE]: Handle.openSync(path, schema, options, true) });
  }

  /**
   * Creates a table and opens it. `mode` says what to do if the table exists: fail, open it, or
   * replace it.
   *
   * @param path The directory of the table; its parent must exist.
   * @param schema Fields and their types, in order.
   * @param options The mode, and how to open the table.
   * @throws {BaseExistsError} If the table exists and `mode` is `"new"`, or if something else than
   *   a table is at `path`.
   * @throws {BaseNotFoundError} If the parent directory does not exist.
   * @throws {SchemaError} If the schema is wrong, or if the table has another one in mode `"open"`.
   * @throws {BaseLockedError} If a `Base` owns the table.
   * @throws {LockTimeoutError} If the lock could not be acquired in time.
   */
  static async create<const S extends Schema>(
    path: string | URL,
    schema: S & NoReservedNames,
    options: CreateOptions = {},
  ): Promise<Base<S>> {
    return new Base<S>({ [HANDLE]: await Handle.create(path, schema, options, true) });
  }

  /** As {@linkcode Base.create}, blocking. */
  static createSync<const S extends Schema>(
    path: string | URL,
    schema: S & NoReservedNames,
    options: CreateOptions = {},
  ): Base<S> {
    return new Base<S>({ [HANDLE]: Handle.createSync(path, schema, options, true) });
  }

  /**
   * Reads every byte of a table and verifies it, even if the table is too damaged to be opened.
   *
   * @param path The directory of the table.
   * @returns What is damaged; damage is never thrown.
   * @throws {BaseNotFoundError} If there is no table.
   */
  static async check(path: string | URL): Promise<CheckResult> {
    return await stepwise(checkIntegrity(currentFiles(), toPath(path)));
  }

  /** As the static {@linkcode Base.check}, blocking. */
  static checkSync(path: string | URL): CheckResult {
    return allOf(checkIntegrity(currentFiles(), toPath(path)));
  }

  /**
   * Writes what is intact of a damaged table to a new one, and reports what was lost.
   *
   * Only what verifies is copied. A row of the new table is as it was once written, with its id and
   * version; it is the newest form of the row unless a reported loss could have been of that row.
   * Links lead where they led. The damaged table is only read; nobody must write to it meanwhile.
   *
   * @param path The directory of the table.
   * @param to The directory of the new table; its parent must exist.
   * @returns How many rows were salvaged, and what was lost. Nothing is lost of an intact table, or
   *   if only indexes are damaged.
   * @throws {BaseNotFoundError} If there is no table.
   * @throws {BaseExistsError} If there is a table at `to` already, or something else.
   * @throws {CorruptionError} If nothing can be salvaged; then there is no new table.
   * @throws {WriteError} If a write to the disk fails; then there is no new table.
   *
   * @example A damaged table
   * ```ts
   * import { assertEquals } from "@std/assert";
   *
   * const dir = await Deno.makeTempDir();
   * const people = await PsBase.open(`${dir}/people`, { name: "string" });
   * await people.insertMany([{ name: "homer" }, { name: "marge" }]);
   * await people.cleanup();
   * await people.insert({ name: "bart" });
   * await people.close();
   * const segment = await Deno.open(`${dir}/people/000002.table`, { write: true });
   * await segment.seek(40, Deno.SeekMode.Start);
   * await segment.write(new Uint8Array(8));
   * segment.close();
   *
   * const { rows, lost } = await PsBase.salvage(`${dir}/people`, `${dir}/salvaged`);
   * assertEquals(rows, 1);
   * assertEquals(lost.map(({ ids }) => ids), [[[0, 1]]]);
   * ```
   */
  static async salvage(path: string | URL, to: string | URL): Promise<SalvageResult> {
    return await stepwise(salvage(currentFiles(), toPath(path), toPath(to)));
  }

  /** As {@linkcode Base.salvage}, blocking. */
  static salvageSync(path: string | URL, to: string | URL): SalvageResult {
    return allOf(salvage(currentFiles(), toPath(path), toPath(to)));
  }

  // ------------------------------------------------------------- figures

  /**
   * The torn tail of an unacknowledged write that was found when the table was opened or written
   * to; `null` if there was none.
   */
  get recovered(): Recovered | null {
    return this.#handle.store.recovered;
  }

  /** Figures of the table. */
  stats(): Stats {
    const { size: rows, sequence, dead: deadRows, segment, schema } = this.#handle.store.refresh();
    const { log: { generation, end: logBytes }, recovered } = this.#handle.store;
    const { keepChanges } = schema;
    const tableBytes = segment.bytes;
    return { rows, generation, tableBytes, logBytes, deadRows, sequence, keepChanges, recovered };
  }

  // ------------------------------------------------------------- inserting

  /**
   * Adds a row.
   *
   * @param row Values by field; a field that is left out gets its default.
   * @returns Its id.
   * @throws {SchemaError} If a field is unknown, or a required one is missing.
   * @throws {TypeError} If a value does not fit the type of its field.
   * @throws {RangeError} If a value is out of range, or a link leads to no row.
   * @throws {UniqueError} If another row has the value of a unique field.
   *
   * @example A row
   * ```ts
   * import { assertEquals } from "@std/assert";
   *
   * const schema = { name: "string", age: "integer" } as const;
   * await using people = await PsBase.open(await Deno.makeTempDir(), schema);
   * assertEquals(await people.insert({ name: "homer" }), 0);
   * assertEquals(people.get(0), { __id__: 0, __version__: 0, name: "homer", age: null });
   * ```
   */
  async insert(row: Insert<S>): Promise<number> {
    return await this.#write((edits) => edits.insert(row));
  }

  /** As {@linkcode Base.insert}, blocking. */
  insertSync(row: Insert<S>): number {
    return this.#writeSync((edits) => edits.insert(row));
  }

  /**
   * Adds rows in one commit: all of them, or none. The iterable is read row by row, and only the
   * encoded form of the rows is kept in memory.
   *
   * @param rows Values by field, for each row.
   * @returns The ids of the new rows, in order.
   * @throws {SchemaError} If a field is unknown, or a required one is missing.
   * @throws {TypeError} If a value does not fit the type of its field.
   * @throws {RangeError} If a value is out of range, a link leads to no row, or the commit would be
   *   larger than 1 GiB.
   * @throws {UniqueError} If another row has the value of a unique field.
   */
  async insertMany(rows: Iterable<Insert<S>>): Promise<number[]> {
    return await this.#write((edits) => edits.insertMany(rows));
  }

  /** As {@linkcode Base.insertMany}, blocking. */
  insertManySync(rows: Iterable<Insert<S>>): number[] {
    return this.#writeSync((edits) => edits.insertMany(rows));
  }

  /**
   * Adds a row of texts, such as a form or a file holds, and reads each text as the type of its
   * field.
   *
   * Dates and times are ISO, unless {@linkcode Base.setStringFormat} set another form. Numbers are
   * decimal, booleans `true` or `false`, bytes base64, json JSON, and links the id of the row.
   *
   * @param row Texts by field. `null` is null; a field that is left out gets its default.
   * @returns Its id.
   * @throws {SchemaError} If a field is unknown, or a required one is missing.
   * @throws {TypeError} If a text does not have the form of its field.
   * @throws {RangeError} If a value is out of range, or a link leads to no row.
   * @throws {UniqueError} If another row has the value of a unique field.
   *
   * @example A form
   * ```ts
   * import { assertEquals } from "@std/assert";
   *
   * const schema = { name: "string", age: "integer", birth: "date" } as const;
   * await using people = await PsBase.open(await Deno.makeTempDir(), schema);
   * people.setStringFormat("date", "%d-%m-%y");
   * await people.insertAsStrings({ name: "bart", age: "10", birth: "07-10-95" });
   * assertEquals(people.get(0)?.birth?.toString(), "1995-10-07");
   * ```
   */
  async insertAsStrings(row: InsertStrings<S>): Promise<number> {
    return await this.#write((edits) => edits.insertAsStrings(row, this.#formats));
  }

  /** As {@linkcode Base.insertAsStrings}, blocking. */
  insertAsStringsSync(row: InsertStrings<S>): number {
    return this.#writeSync((edits) => edits.insertAsStrings(row, this.#formats));
  }

  /**
   * Sets how {@linkcode Base.insertAsStrings} of this handle reads a type.
   *
   * A pattern is made of `%d %m %y %Y %H %M %S %f` (fraction of a second) and `%%`; any other
   * character stands for itself. Two-digit years are read as in POSIX (69 to 99 are 19xx), and a
   * timestamp is in UTC. A fraction that is finer than the type is refused: a timestamp keeps
   * milliseconds, the other types nanoseconds.
   *
   * @param type Which type.
   * @param pattern Its form.
   * @throws {TypeError} If the type has no pattern.
   * @throws {RangeError} If the pattern lacks a part that the type needs, or has one too many.
   */
  setStringFormat(type: "date" | "time" | "datetime" | "timestamp", pattern: string): void {
    this.#handle.store.checkOpen();
    inContext(
      `Cannot set a string format of "${this.path}"`,
      () => this.#formats.set(type, pattern),
    );
  }

  // ------------------------------------------------------------- updating

  /**
   * Changes a row, or rows in one commit: all of them, or none. A row object passed in stays as it
   * is.
   *
   * By id the last writer wins. With `ifVersion`, and with a row in the place of its id, the row is
   * changed only if it is still at the version that the caller read.
   *
   * @typeParam T A row, an id, or an array of them.
   * @param target Which row, or which rows.
   * @param changes Values by field, or a function that returns them for the row as it is then. It
   *   runs under the lock, once for each row: a slow one stops other writers. It can read fields
   *   only: another name throws a `TypeError`.
   * @param options The version that the row must have, for one id.
   * @returns The new row; for an array, the new rows.
   * @throws {ConflictError} If the row is not at `ifVersion`, or at the version of the row passed.
   * @throws {RecordNotFoundError} If a row is gone.
   * @throws {UpdateError} If `target` is no row and no id.
   * @throws {SchemaError} If a field is unknown, or a required one would be null.
   * @throws {TypeError} If a value does not fit the type of its field.
   * @throws {RangeError} If a value is out of range.
   * @throws {UniqueError} If another row has the value of a unique field.
   *
   * @example By id: a function for what must add up, `ifVersion` for what somebody looked at
   * ```ts
   * import { assertEquals } from "@std/assert";
   *
   * await using people = await PsBase.open(await Deno.makeTempDir(), { age: "integer" });
   * const id = await people.insert({ age: 38 });
   * const row = await people.update(id, (row) => ({ age: (row.age ?? 0) + 1 }));
   * assertEquals([row.age, row.__version__], [39, 1]);
   * await people.update(id, { age: 40 }, { ifVersion: 1 }); // a second time: ConflictError
   * ```
   */
  async update<const T extends Target<S> | readonly Target<S>[], const C>(
    target: T,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
    options: UpdateOptionsOf<T> = {},
  ): Promise<Updated<S, T>> {
    const rows = await this.#write((edits) => edits.update(target, changes, options));
    return (Array.isArray(target) ? rows : rows[0]) as Updated<S, T>;
  }

  /** As {@linkcode Base.update}, blocking. */
  updateSync<const T extends Target<S> | readonly Target<S>[], const C>(
    target: T,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
    options: UpdateOptionsOf<T> = {},
  ): Updated<S, T> {
    const rows = this.#writeSync((edits) => edits.update(target, changes, options));
    return (Array.isArray(target) ? rows : rows[0]) as Updated<S, T>;
  }

  /**
   * Finds the rows that match and changes them, in one commit.
   *
   * @param where Conditions by field, or a predicate function, which runs under the lock.
   * @param changes As for {@linkcode Base.update}.
   * @returns How many rows were changed.
   * @throws {SchemaError} If a field is unknown, or a required one would be null.
   * @throws {TypeError} If a condition or a value does not fit the type of its field, or if `where`
   *   is missing.
   * @throws {RangeError} If a value is out of range, or a link leads to no row.
   * @throws {UniqueError} If another row has the value of a unique field.
   */
  async updateWhere<const C>(
    where: Filter<S>,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
  ): Promise<number> {
    return await this.#write((edits) => edits.updateWhere(where, changes));
  }

  /** As {@linkcode Base.updateWhere}, blocking. */
  updateWhereSync<const C>(
    where: Filter<S>,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
  ): number {
    return this.#writeSync((edits) => edits.updateWhere(where, changes));
  }

  /**
   * Changes the row that has a value in a unique field, or adds that row. Finding and writing are
   * one commit: no other process comes between.
   *
   * @param key The unique field and its value.
   * @param values Values of the other fields, all that `insert` needs. A field that is left out
   *   stays as it was; in a new row it gets its default.
   * @returns The row.
   * @throws {TypeError} If `key` is not one unique field, or a value does not fit its type.
   * @throws {SchemaError} If a field is unknown, or a required one is missing.
   * @throws {RangeError} If a value is out of range, or a link leads to no row.
   * @throws {UniqueError} If another row has the value of another unique field.
   *
   * @example Twice the same row
   * ```ts
   * import { assertEquals } from "@std/assert";
   *
   * const schema = { email: { type: "string", unique: true }, name: "string" } as const;
   * await using people = await PsBase.open(await Deno.makeTempDir(), schema);
   * await people.upsert({ email: "h@x" }, { name: "homer" });
   * const row = await people.upsert({ email: "h@x" }, { name: "max power" });
   * assertEquals([row.__id__, row.__version__, people.size], [0, 1, 1]);
   * ```
   */
  async upsert<K extends UniqueName<S>>(
    key: UniqueKey<S, K>,
    values: Omit<Insert<S>, K>,
  ): Promise<Row<S>> {
    return await this.#write((edits) => edits.upsert(key, values)) as Row<S>;
  }

  /** As {@linkcode Base.upsert}, blocking. */
  upsertSync<K extends UniqueName<S>>(
    key: UniqueKey<S, K>,
    values: Omit<Insert<S>, K>,
  ): Row<S> {
    return this.#writeSync((edits) => edits.upsert(key, values)) as Row<S>;
  }

  // ------------------------------------------------------------- deleting

  /**
   * Deletes a row, or rows in one commit, whatever their versions.
   *
   * @param target Which row, or which rows.
   * @returns How many of them existed.
   * @throws {UpdateError} If `target` is no row and no id.
   */
  async delete(target: Target<S> | readonly Target<S>[]): Promise<number> {
    return await this.#write((edits) => edits.delete(listOf(target)));
  }

  /** As {@linkcode Base.delete}, blocking. */
  deleteSync(target: Target<S> | readonly Target<S>[]): number {
    return this.#writeSync((edits) => edits.delete(listOf(target)));
  }

  /**
   * Finds the rows that match and deletes them, in one commit.
   *
   * @param where Conditions by field, or a predicate function, which runs under the lock.
   * @returns How many rows were deleted.
   * @throws {TypeError} If a field is unknown, a condition does not fit its type, or `where` is
   *   missing.
   * @throws {RangeError} If a value is out of range.
   */
  async deleteWhere(where: Filter<S>): Promise<number> {
    return await this.#write((edits) => edits.deleteWhere(where));
  }

  /** As {@linkcode Base.deleteWhere}, blocking. */
  deleteWhereSync(where: Filter<S>): number {
    return this.#writeSync((edits) => edits.deleteWhere(where));
  }

  // ------------------------------------------------------------- transactions

  /**
   * Makes several changes in one commit: all of them, or none. Nobody else writes between the reads
   * and writes of `tx`, and nobody sees some of the changes without the others.
   *
   * The lock is held from the first statement of `fn` to the commit, also while `fn` awaits
   * something: all other writers of the table, in all processes, wait for it. If `fn` throws or
   * rejects, nothing is changed, and its error is passed on. Inside, write to this table through
   * `tx` only; a read through the table itself sees the last commit. Other tables can be written to
   * inside; {@linkcode transaction} locks several at once.
   *
   * @param fn Reads and writes through the verbs of a transaction.
   * @param options How long it may take.
   * @returns What `fn` returned, once it is committed.
   * @throws {DeadlockError} Inside a transaction of the same table, or of another table that the
   *   holder of this table's lock waits for. The other writing verbs throw it likewise.
   * @throws {DOMException} `TimeoutError`, if `fn` does not end within `timeoutMs`.
   *
   * @example All or nothing
   * ```ts
   * import { assertEquals, assertRejects } from "@std/assert";
   *
   * const schema = { name: "string", age: "integer" } as const;
   * await using people = await PsBase.open(await Deno.makeTempDir(), schema);
   * const id = await people.transaction((tx) => {
   *   const id = tx.insert({ name: "homer" });
   *   tx.update(id, { age: 39 });
   *   return id;
   * });
   * assertEquals(people.get(id)?.age, 39);
   * await assertRejects(() =>
   *   people.transaction(async (tx) => {
   *     tx.delete(id);
   *     await Promise.reject(new Error("on second thought"));
   *   })
   * );
   * assertEquals(people.size, 1);
   * ```
   */
  async transaction<T>(
    fn: (tx: Transaction<S>) => T,
    options: TransactionOptions = {},
  ): Promise<Awaited<T>> {
    const { store, writer } = this.#handle;
    const timeoutMs = checkTransaction(`a transaction of "${this.path}"`, fn, options);
    return await transact(
      [writer],
      ([work]) => fn(transactionOf(store, work!, this.#formats)),
      timeoutMs,
    );
  }

  /** As {@linkcode Base.transaction}, blocking; `fn` cannot wait. */
  transactionSync<T>(fn: (tx: Transaction<S>) => NotPromise<T>): T {
    const { store, writer } = this.#handle;
    checkTransaction(`a transaction of "${this.path}"`, fn);
    return transactSync([writer], ([work]) => fn(transactionOf(store, work!, this.#formats)) as T);
  }

  // ------------------------------------------------------------- the schema

  /**
   * Adds a field. Existing rows get its default. This is one short commit, whatever the number of
   * rows.
   *
   * @typeParam N The name.
   * @typeParam F The type.
   * @param name The name of the new field.
   * @param field Its type, or its type with options.
   * @param options Where to put it.
   * @returns This handle, typed by the new schema.
   * @throws {SchemaError} If the name is taken, the field is wrong, or it is required and has no
   *   default although there are rows.
   *
   * @example Fields come and go
   * ```ts
   * import { assertEquals } from "@std/assert";
   *
   * const schema = { name: "string", age: "integer" } as const;
   * await using people = await PsBase.open(await Deno.makeTempDir(), schema);
   * await people.insert({ name: "homer" });
   * const nick = { type: "string", default: "-" } as const;
   * const more = await people.addField("nick", nick, { after: "name" });
   * const renamed = await more.renameField("name", "first");
   * const less = await renamed.dropField("age");
   * assertEquals(less.get(0), { __id__: 0, __version__: 0, first: "homer", nick: "-" });
   * ```
   */
  async addField<const N extends string, const F extends Field>(
    name: NewName<S, N>,
    field: F,
    options: AddFieldOptions<S> = {},
  ): Promise<Retyped<this, WithField<S, N, F>>> {
    return await this.#alter((edits) => edits.addField(name, field, options));
  }

  /** As {@linkcode Base.addField}, blocking. */
  addFieldSync<const N extends string, const F extends Field>(
    name: NewName<S, N>,
    field: F,
    options: AddFieldOptions<S> = {},
  ): Retyped<this, WithField<S, N, F>> {
    return this.#alterSync((edits) => edits.addField(name, field, options));
  }

  /**
   * Drops a field with its values. This is one short commit, whatever the number of rows; the next
   * cleanup frees the space. Other handles that were opened with a schema that has the field throw
   * a `SchemaError` from then on.
   *
   * @typeParam N The name.
   * @param name The name of the field.
   * @returns This handle, typed by the new schema.
   * @throws {SchemaError} If there is no such field, or if it is the only one.
   */
  async dropField<N extends FieldName<S>>(name: N): Promise<Retyped<this, WithoutField<S, N>>> {
    return await this.#alter((edits) => edits.dropField(name));
  }

  /** As {@linkcode Base.dropField}, blocking. */
  dropFieldSync<N extends FieldName<S>>(name: N): Retyped<this, WithoutField<S, N>> {
    return this.#alterSync((edits) => edits.dropField(name));
  }

  /**
   * Sets the value that `insert` gives to a field that is left out. Existing rows stay as they are.
   *
   * @typeParam N The name.
   * @param name The name of the field.
   * @param value The new default; `null` for none.
   * @returns This handle, typed by the new schema.
   * @throws {SchemaError} If there is no such field, or if it is required and the default is null.
   * @throws {TypeError} If the value does not fit the type of the field.
   */
  async setDefault<N extends FieldName<S>>(
    name: N,
    value: Default<S, S[N]>,
  ): Promise<Retyped<this, WithDefault<S, N>>> {
    return await this.#alter((edits) => edits.setDefault(name, value));
  }

  /** As {@linkcode Base.setDefault}, blocking. */
  setDefaultSync<N extends FieldName<S>>(
    name: N,
    value: Default<S, S[N]>,
  ): Retyped<this, WithDefault<S, N>> {
    return this.#alterSync((edits) => edits.setDefault(name, value));
  }

  /**
   * Gives a field another name. This is one short commit, whatever the number of rows. The next
   * call of another handle sees the new name; it throws a `SchemaError` if that handle was opened
   * with a schema that has the old name.
   *
   * @typeParam N The name.
   * @typeParam M The new name.
   * @param name The name of the field.
   * @param newName Its new name.
   * @returns This handle, typed by the new schema.
   * @throws {SchemaError} If there is no such field, or if the new name is taken or not a name.
   */
  async renameField<const N extends FieldName<S>, const M extends string>(
    name: N,
    newName: NewName<S, M>,
  ): Promise<Retyped<this, WithRenamed<S, N, M>>> {
    return await this.#alter((edits) => edits.renameField(name, newName));
  }

  /** As {@linkcode Base.renameField}, blocking. */
  renameFieldSync<const N extends FieldName<S>, const M extends string>(
    name: N,
    newName: NewName<S, M>,
  ): Retyped<this, WithRenamed<S, N, M>> {
    return this.#alterSync((edits) => edits.renameField(name, newName));
  }

  /**
   * Changes the type of a field and converts its values. Each value is written as text and read as
   * the new type, as `insertAsStrings` reads it. If a value does not fit the new type, or would
   * lose something, nothing is changed. The default is converted likewise. Nulls, options and the
   * position of the field stay.
   *
   * This is one commit. Integers become floats as they are stored. Any other change rewrites the
   * rows that have a value, under the lock: their `__version__` grows, and watchers get a change of
   * the fields and then an update of each row, in whose `before` the field is null.
   *
   * @typeParam N The name.
   * @param name The name of the field.
   * @param type Its new type.
   * @returns This handle, typed by the new schema.
   * @throws {SchemaError} If a value does not fit: the message names the first row and the number
   *   of rows. Also if there is no such field, or if either type is json, bytes or a link.
   * @throws {UniqueError} If values of a unique field become equal, such as "1" and "01".
   * @throws {RangeError} If the rewritten rows are larger than a commit may be.
   *
   * @example Text that turned out to be numbers
   * ```ts
   * import { assertEquals, assertRejects } from "@std/assert";
   *
   * await using sensors = await PsBase.open(await Deno.makeTempDir(), { value: "string" });
   * await sensors.insertMany([{ value: "9" }, { value: "10.50" }, { value: null }]);
   * const told = "1 row does not fit; row 1: "; // 10.50 is no integer
   * await assertRejects(() => sensors.setType("value", "integer"), SchemaError, told);
   * const numbers = await sensors.setType("value", "float");
   * assertEquals(numbers.select({ value: { gt: 9 } })[0]?.value, 10.5);
   * ```
   */
  async setType<const N extends ConvertibleName<S>, const T extends ConvertibleType>(
    name: N,
    type: T,
  ): Promise<Retyped<this, WithType<S, N, T>>> {
    return await this.#alter((edits) => edits.setType(name, type));
  }

  /** As {@linkcode Base.setType}, blocking. */
  setTypeSync<const N extends ConvertibleName<S>, const T extends ConvertibleType>(
    name: N,
    type: T,
  ): Retyped<this, WithType<S, N, T>> {
    return this.#alterSync((edits) => edits.setType(name, type));
  }

  /**
   * Sets whether a field has an index, and whether its values are unique. An option that is left
   * out stays as it is. The next cleanup writes the index and begins at once; until then conditions
   * read the column.
   *
   * @typeParam N The name.
   * @typeParam O What is set.
   * @param name The name of the field.
   * @param options `index` and `unique`, true or false.
   * @returns This handle, typed by the new schema.
   * @throws {UniqueError} If two rows have the same value; then nothing is changed.
   * @throws {SchemaError} If there is no such field, or if it is json, which has no order.
   *
   * @example From here on unique
   * ```ts
   * import { assertRejects } from "@std/assert";
   *
   * await using people = await PsBase.open(await Deno.makeTempDir(), { name: "string" });
   * await people.insert({ name: "homer" });
   * const unique = await people.setIndex("name", { unique: true });
   * await assertRejects(() => unique.insert({ name: "homer" }), UniqueError);
   * ```
   */
  async setIndex<const N extends SortableName<S>, const O extends IndexOptions>(
    name: N,
    options: O,
  ): Promise<Retyped<this, WithOptions<S, N, O>>> {
    return await this.#alter((edits) => edits.setIndex(name, options));
  }

  /** As {@linkcode Base.setIndex}, blocking. */
  setIndexSync<const N extends SortableName<S>, const O extends IndexOptions>(
    name: N,
    options: O,
  ): Retyped<this, WithOptions<S, N, O>> {
    return this.#alterSync((edits) => edits.setIndex(name, options));
  }

  // ------------------------------------------------------------- how

  /** Commits a change, after the rows that its links lead to are on disk. */
  async #write<T>(change: (edits: Edits) => Edit<T>): Promise<T> {
    const { store, writer } = this.#handle;
    const edit = change(this.#edits);
    const { schema } = store.snapshot;
    const flush = () => store.links.flush(schema);
    return await writer.run(edit, schema.links.length > 0 ? flush : undefined);
  }

  /** As `#write`, blocking. */
  #writeSync<T>(change: (edits: Edits) => Edit<T>): T {
    const { store, writer } = this.#handle;
    const edit = change(this.#edits);
    store.links.flushSync(store.snapshot.schema);
    return writer.runSync(edit);
  }

  /** Commits a change of the fields; returns this handle, typed by the new ones. */
  async #alter<T extends Schema>(
    change: (edits: Edits) => Edit<void>,
  ): Promise<Retyped<this, T>> {
    await this.#write(change);
    return this as unknown as Retyped<this, T>;
  }

  /** As `#alter`, blocking. */
  #alterSync<T extends Schema>(change: (edits: Edits) => Edit<void>): Retyped<this, T> {
    this.#writeSync(change);
    return this as unknown as Retyped<this, T>;
  }

  // ------------------------------------------------------------- maintenance

  /**
   * Makes everything durable that was committed so far, by any process, including relaxed writes.
   *
   * @example Relaxed, then durable
   * ```ts
   * import { assertEquals } from "@std/assert";
   *
   * const path = await Deno.makeTempDir();
   * await using base = await PsBase.open(path, { n: "integer" }, { durability: "relaxed" });
   * for (let n = 0; n < 100; n++) await base.insert({ n });
   * await base.commit();
   * assertEquals(base.size, 100);
   * ```
   */
  async commit(): Promise<void> {
    await this.#handle.writer.commit();
  }

  /** As {@linkcode Base.commit}, blocking. */
  commitSync(): void {
    this.#handle.writer.commitSync();
  }

  /**
   * Yields the changes that all processes commit, in order, none left out and none twice.
   *
   * A change that is yielded is on disk. All changes of a commit have the same `sequence`, and an
   * `index` that is the same for every watcher. With `since: { sequence, index }` another watcher,
   * in any process, continues after that change, whatever the conditions of either watcher. After a
   * change that is the `last` of its commit, `since: sequence` does the same for the same
   * conditions, and needs no change of that commit to be kept. Watching ends when the table is
   * closed; a `signal` ends it with its reason.
   *
   * From this call to its end, cleanup keeps what was not read yet: leave the loop, or call
   * `return()` on an iterator that you do not loop over. {@linkcode Base.keepChanges} sets what
   * cleanup keeps for watchers that come back later.
   *
   * @param options Where to begin, which rows, and what ends it.
   * @returns The changes; iterating takes no lock and waits for the next change.
   * @throws {RangeError} If `since` is no commit, or if the changes after it are no longer kept.
   *   The first step throws it if the commit has no change of that `index`.
   * @throws {TypeError} If a condition does not fit the type of its field, or an option is unknown.
   *
   * @example Changes of others
   * ```ts
   * import { assertEquals } from "@std/assert";
   *
   * const schema = { name: "string", age: "integer" } as const;
   * await using people = await PsBase.open(await Deno.makeTempDir(), schema);
   * const changes = people.watch({ where: { age: { gte: 18 } } });
   * await people.insertMany([{ name: "lisa", age: 8 }, { name: "homer", age: 39 }]);
   * for await (const { sequence, kind, id, row } of changes) {
   *   assertEquals([sequence, kind, id, row?.name], [1, "insert", 1, "homer"]);
   *   break;
   * }
   * ```
   */
  watch(options: WatchOptions<S> = {}): AsyncIterableIterator<Change<S>> {
    return watch(this.#handle.store, options, this.#handle.writer.closing.signal);
  }

  /**
   * Sets how many of the last commits keep their changes for a later `watch({ since })`. It is 0
   * until it is set, and a setting of the table, for every process that cleans it up.
   *
   * The changes are in older generations of the table; each takes as much room as the rows did
   * then. Cleanup removes a generation once its changes are not needed any more.
   *
   * @param commits How many.
   * @throws {RangeError} If it is not a whole number, 0 or more.
   *
   * @example A watcher that may be away
   * ```ts
   * import { assertEquals } from "@std/assert";
   *
   * await using people = await PsBase.open(await Deno.makeTempDir(), { name: "string" });
   * await people.keepChanges(1000);
   * await people.insert({ name: "homer" });
   * await people.cleanup();
   * for await (const { row } of people.watch({ since: 1 })) {
   *   assertEquals(row?.name, "homer");
   *   break;
   * }
   * ```
   */
  async keepChanges(commits: number): Promise<void> {
    await this.#write((edits) => edits.keepChanges(commits));
  }

  /** As {@linkcode Base.keepChanges}, blocking. */
  keepChangesSync(commits: number): void {
    this.#writeSync((edits) => edits.keepChanges(commits));
  }

  /**
   * Compacts the table: writes the current rows to a new segment and begins a new log, while others
   * read and write. It happens by itself when the log grows long. If another process is doing it,
   * this call does nothing. The files that it replaces are removed, except for changes that
   * {@linkcode Base.keepChanges} keeps.
   *
   * @throws {WriteError} If a write to the disk fails.
   */
  async cleanup(): Promise<void> {
    await this.#handle.writer.cleanup();
  }

  /** As {@linkcode Base.cleanup}, blocking. */
  cleanupSync(): void {
    this.#handle.writer.cleanupSync();
  }

  /**
   * Copies the table as it is at this moment to a new directory, while others read and write, and
   * verifies the copy. Ids and versions are kept; links lead where they led.
   *
   * @param path The directory of the copy; its parent must exist.
   * @throws {BaseExistsError} If there is a table already, or something else.
   * @throws {CorruptionError} If the table is damaged; then there is no copy.
   * @throws {WriteError} If a write to the disk fails; then there is no copy.
   *
   * @example A copy
   * ```ts
   * import { assertEquals } from "@std/assert";
   *
   * const dir = await Deno.makeTempDir();
   * await using people = await PsBase.open(`${dir}/people`, { name: "string" });
   * await people.insert({ name: "homer" });
   * await people.backup(`${dir}/copy`);
   * await using copy = await PsBase.open(`${dir}/copy`);
   * assertEquals([...copy], [...people]);
   * ```
   */
  async backup(path: string | URL): Promise<void> {
    const { store, writer } = this.#handle;
    await writer.pace(backUp(store, toPath(path)));
  }

  /** As {@linkcode Base.backup}, blocking. */
  backupSync(path: string | URL): void {
    allOf(backUp(this.#handle.store, toPath(path)));
  }

  /**
   * Reads every byte of the table and verifies it.
   *
   * @returns What is damaged; damage is never thrown.
   *
   * @example An intact table
   * ```ts
   * import { assertEquals } from "@std/assert";
   *
   * await using people = await PsBase.open(await Deno.makeTempDir(), { name: "string" });
   * assertEquals(await people.check(), { ok: true, rows: 0, problems: [] });
   * ```
   */
  check(): Promise<CheckResult> {
    return Base.check(this.path);
  }

  /** As {@linkcode Base.check}, blocking. */
  checkSync(): CheckResult {
    return Base.checkSync(this.path);
  }

  /**
   * Removes the table from the disk and closes this handle. Other handles get a `BaseNotFoundError`
   * from then on. Files that psbase did not write are left alone.
   *
   * @throws {BaseNotFoundError} If the table was destroyed or replaced already.
   * @throws {BaseLockedError} If a `Base` owns the table.
   */
  async destroy(): Promise<void> {
    await this.#handle.destroy();
  }

  /** As {@linkcode Base.destroy}, blocking. */
  destroySync(): void {
    this.#handle.destroySync();
  }

  /** Waits for the writes in progress and closes the handle. Closing it again does nothing. */
  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** Closes the handle at once; writes in progress are rejected with a `ClosedError`. */
  [Symbol.dispose](): void {
    this.#handle.dispose();
  }

  /** As {@linkcode Base.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * A table that many processes and Workers share.
 *
 * It has the verbs of {@linkcode Base}. Each write takes the lock for its own moment, and each read
 * sees what others committed before it.
 *
 * A handle that was opened or created with a schema relies on the fields of that schema; its own
 * schema verbs change what it relies on. Once another handle has dropped or renamed one of these
 * fields, or changed its type, every verb that reads or writes throws a `SchemaError`: open the
 * table again. Fields that others add do not disturb it.
 *
 * @example Two handles, as two processes would have
 * ```ts
 * import { PsBase } from "@psbase/psbase";
 * import { assertEquals } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * await using one = await PsBase.open(dir, { name: "string" });
 * await using two = await PsBase.open(dir, { name: "string" });
 * await one.insert({ name: "homer" });
 * assertEquals(two.get(0)?.name, "homer");
 * ```
 */
export class PsBase<S extends Schema = Schema> extends Base<S> {
  /** Only a type: tells a `PsBase` from a `Base`. */
  declare readonly __shared__?: true;

  /**
   * Opens a table, typed by its schema, and creates it if it does not exist. Without a schema, or
   * with options in its place, the table must exist. {@linkcode Base.open} tells more.
   *
   * @example Run it twice: the second time it finds the row of the first
   * ```ts
   * import { assertEquals } from "@std/assert";
   *
   * const path = await Deno.makeTempDir();
   * for (const runs of [1, 2]) {
   *   await using people = await PsBase.open(path, { name: "string", age: "integer" });
   *   await people.insert({ name: "homer", age: 39 });
   *   assertEquals(people.size, runs);
   * }
   * ```
   */
  static override async open<const S extends Schema = Schema>(
    path: string | URL,
    schema?: (S & NoReservedNames) | OpenSchemaOptions<S>,
    options?: OpenOptions,
  ): Promise<PsBase<S>> {
    return new PsBase<S>({ [HANDLE]: await Handle.open(path, schema, options, false) });
  }

  /** As {@linkcode PsBase.open}, blocking. */
  static override openSync<const S extends Schema = Schema>(
    path: string | URL,
    schema?: (S & NoReservedNames) | OpenSchemaOptions<S>,
    options?: OpenOptions,
  ): PsBase<S> {
    return new PsBase<S>({ [HANDLE]: Handle.openSync(path, schema, options, false) });
  }

  /** As {@linkcode Base.create}, for a table that processes share. */
  static override async create<const S extends Schema>(
    path: string | URL,
    schema: S & NoReservedNames,
    options: CreateOptions = {},
  ): Promise<PsBase<S>> {
    return new PsBase<S>({ [HANDLE]: await Handle.create(path, schema, options, false) });
  }

  /** As {@linkcode PsBase.create}, blocking. */
  static override createSync<const S extends Schema>(
    path: string | URL,
    schema: S & NoReservedNames,
    options: CreateOptions = {},
  ): PsBase<S> {
    return new PsBase<S>({ [HANDLE]: Handle.createSync(path, schema, options, false) });
  }
}

/** The transactions of tables: what {@linkcode transaction} passes to its function. */
export type TransactionsOf<B extends readonly AnyBase[]> = {
  [K in keyof B]: B[K] extends Base<infer S> ? Transaction<S> : Transaction;
};

/**
 * Changes several tables under their locks: nobody else writes to any of them meanwhile, and if
 * `fn` throws or rejects, none is changed.
 *
 * The locks are taken in an order that all processes agree on. Two transactions of the same tables
 * therefore never wait for each other, in whatever order the tables are passed. The wait for a
 * further lock ends after 5 seconds, unless `timeoutMs` says otherwise.
 *
 * Each table has its own commit. The commits are made in the order of `tables`, and each is on disk
 * before the next is written. So this is not all or nothing: if a crash or a failed write comes
 * between two commits, only the first tables have their changes. Pass the table first that the
 * others can be repaired from.
 *
 * @param tables The tables, each once.
 * @param fn Reads and writes through the verbs of one transaction for each table.
 * @param options How long it may take.
 * @returns What `fn` returned, once all tables are committed.
 * @throws {DeadlockError} Inside a transaction of one of the tables, or if the holder of a lock
 *   waits for the caller.
 * @throws {DOMException} `TimeoutError`, if `fn` does not end within `timeoutMs`.
 * @throws {BaseLockedError} If a `Base` elsewhere owns a table.
 * @throws {LockTimeoutError} If a lock could not be acquired in time.
 * @throws {TypeError} If a table is passed twice, or something else than an open table.
 * @throws {WriteError} If a write to the disk fails. With outcome `"partial"`, the tables in
 *   `committed` have their changes already.
 *
 * @example From one table to another
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * await using stock = await PsBase.open(`${dir}/stock`, { item: "string", left: "integer" });
 * await using orders = await PsBase.open(`${dir}/orders`, { item: "string" });
 * const id = await stock.insert({ item: "donut", left: 3 });
 * const left = await transaction([orders, stock], (orders, stock) => {
 *   orders.insert({ item: "donut" });
 *   return stock.update(id, (row) => ({ left: row.left! - 1 })).left;
 * });
 * assertEquals([left, orders.size], [2, 1]);
 * ```
 */
export async function transaction<const B extends readonly AnyBase[], T>(
  tables: B,
  fn: (...tx: TransactionsOf<B>) => T,
  options: TransactionOptions = {},
): Promise<Awaited<T>> {
  const timeoutMs = checkTransaction("a transaction", fn, options);
  const { writers, begin } = partsOf(tables);
  return await transact(writers, (works) => fn(...begin(works)), timeoutMs);
}

/** As {@linkcode transaction}, blocking; `fn` cannot wait. */
export function transactionSync<const B extends readonly AnyBase[], T>(
  tables: B,
  fn: (...tx: TransactionsOf<B>) => NotPromise<T>,
): T {
  checkTransaction("a transaction", fn);
  const { writers, begin } = partsOf(tables);
  return transactSync(writers, (works) => fn(...begin(works)) as T);
}

/** Checks what a transaction is given; gives how long it may take. */
function checkTransaction(
  what: string,
  fn: unknown,
  options: TransactionOptions = {},
): number | undefined {
  const { timeoutMs } = inContext(`Cannot begin ${what}`, () => {
    checkFunction(fn);
    return transactionOptions(options);
  });
  return checkTimeout(timeoutMs);
}

function partsOf<B extends readonly AnyBase[]>(tables: B) {
  const parts = (Array.isArray(tables) ? tables : [tables]).map((table) => {
    if (Array.isArray(tables) && table instanceof Base) return partOf(table);
    throw new TypeError(
      `Cannot begin a transaction: ${describe(table)}, expected an array of open tables`,
    );
  });
  return {
    writers: parts.map(({ writer }) => writer),
    begin: (works: WriteTransaction[]) =>
      parts.map(({ begin }, i) => begin(works[i]!)) as unknown as TransactionsOf<B>,
  };
}
