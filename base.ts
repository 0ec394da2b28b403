/**
 * Tables: `Base` for one owner, `PsBase` for many processes at once.
 *
 * Every verb goes one of two ways. Reading verbs look for what others committed
 * and answer from that commit point; they take no lock and never wait. Writing
 * verbs hand a change to the writer, which runs it under the lock, appends it,
 * lets go, syncs, and only then resolves. The two classes differ in one thing:
 * `Base` takes the lock when it is opened, `PsBase` for each change.
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
 * const people = await PsBase.create(dir, { name: "string", age: "integer" });
 * const id = await people.insert({ name: "homer", age: 39 });
 * await people.update(id, (row) => ({ age: (row.age ?? 0) + 1 }));
 * assertEquals(people.select({ age: [30, 40] })[0]?.name, "homer");
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
import { backUp } from "./engine/maintenance/backup.ts";
import { checkFunction, describe } from "./engine/system/check.ts";
import { Edits, listOf } from "./engine/write/edits.ts";
import { checkTimeout } from "./engine/lock/flock.ts";
import { Handle } from "./engine/handle.ts";
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

/** The row type of a base. */
export type RowOf<B> = B extends Base<infer S> ? Row<S> : never;
/** What `insert` of a base takes. */
export type InsertOf<B> = B extends Base<infer S> ? Insert<S> : never;
/** What `update` of a base takes. */
export type UpdateOf<B> = B extends Base<infer S> ? Update<S> : never;
/** What `select` of a base takes as conditions. */
export type WhereOf<B> = B extends Base<infer S> ? Where<S> : never;
/** Any base: for functions that take them all. */
export type AnyBase = Omit<Base, SchemaVerb | `${SchemaVerb}Sync`>;
/** The verbs that change the fields, and with them the type of the base. */
export type SchemaVerb =
  | "addField"
  | "dropField"
  | "renameField"
  | "setDefault"
  | "setIndex"
  | "setType";

/** The class of a table, typed by another schema: what the verbs that change the fields return. */
export type Retyped<B, S extends Schema> = B extends { readonly __shared__?: true } ? PsBase<S>
  : Base<S>;

/**
 * A field that leads to a row of another base.
 *
 * In a row it is the other row as it is when one looks, `null` if it is gone; written is a row
 * or its id. Conditions and `orderBy` go by the id that is stored, whether its row is there or not. The way from base to base is kept, so that both can be moved together; a base that
 * a link leads to is opened when a link is first followed.
 *
 * @typeParam S The schema of the other base.
 * @param base The other base, open.
 * @returns The type of the field.
 *
 * @example People and houses
 * ```ts
 * import { link, PsBase } from "@psbase/psbase";
 * import { assertEquals } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * await using houses = await PsBase.create(`${dir}/houses`, { street: "string" });
 * await using people = await PsBase.create(`${dir}/people`, { name: "string", home: link(houses) });
 * const home = await houses.insert({ street: "Evergreen Terrace" });
 * const id = await people.insert({ name: "homer", home });
 * assertEquals(people.get(id)?.home?.street, "Evergreen Terrace");
 * assertEquals(people.count({ home }), 1);
 * ```
 */
export function link<S extends Schema>(base: Base<S>): Link<S>;
/**
 * A field that leads to a row of its own base.
 *
 * A row may also lead to one that the same call inserts, by the id that this row gets. These ids go on
 * from the last one given out; only in a transaction, or with a {@linkcode Base}, nobody else can take
 * them first.
 *
 * @param base `"self"`.
 * @returns The type of the field.
 *
 * @example Who is whose boss
 * ```ts
 * import { link, PsBase } from "@psbase/psbase";
 * import { assertEquals } from "@std/assert";
 *
 * await using people = await PsBase.create(await Deno.makeTempDir(), {
 *   name: "string",
 *   boss: link("self"),
 * });
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

/** What a transaction of several tables needs of one. */
let partOf: (base: Base) => { writer: Writer; begin(work: WriteTransaction): Transaction };

/**
 * A table that this handle alone writes to, until it is closed.
 *
 * It takes the table's lock when it is opened and keeps it, so that no write waits for a
 * lock and no read looks for commits of others. A second `Base` gets a `BaseLockedError`;
 * a `PsBase` can read beside it. Use `PsBase` to share the table.
 *
 * Each verb captures its arguments when it is called: rows, conditions, changes, options and all
 * that is in them. What the caller does with these objects later has no effect, however long the
 * verb waits for the lock. If the fields change meanwhile, the captured values are validated again.
 * A verb refuses an option that it does not know with a `TypeError`.
 *
 * @typeParam S The schema: field names and their types.
 *
 * @example One owner
 * ```ts
 * import { Base } from "@psbase/psbase";
 * import { assertEquals } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * const tasks = await Base.create(dir, { title: "string", done: "boolean" });
 * await tasks.insert({ title: "write", done: false });
 * assertEquals(tasks.count({ done: false }), 1);
 * await tasks.destroy();
 * ```
 */
export class Base<S extends Schema = Schema> extends View<S>
  implements Disposable, AsyncDisposable {
  readonly #handle: Handle;
  readonly #edits: Edits;
  readonly #formats = new StringFormats();

  static {
    partOf = (base) => ({
      writer: base.#handle.writer,
      begin: (work) => transactionOf(base.#handle.store, work, base.#formats),
    });
  }

  /** Use {@linkcode Base.create} or {@linkcode Base.open}. */
  protected constructor(made: Made) {
    const { store } = made[HANDLE];
    super(store);
    this.#handle = made[HANDLE];
    this.#edits = new Edits(store, () => store.refresh());
  }

  // ------------------------------------------------------------- making and opening

  /**
   * Makes a table and opens it.
   *
   * @typeParam S The schema.
   * @param path The directory of the table; its parent must exist.
   * @param schema Fields and their types, in order.
   * @param options What to do if there is one, and how to open it.
   * @returns The open table.
   * @throws {BaseExistsError} If there is a base and `mode` is `"new"`, or something else.
   * @throws {SchemaError} If the schema is wrong, or in mode `"open"` not the one stored.
   * @throws {BaseLockedError} If a `Base` owns the table.
   * @throws {LockTimeoutError} If the lock is not to be had in time.
   *
   * @example New, or the one that is there
   * ```ts
   * import { Base } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const dir = await Deno.makeTempDir();
   * await using first = await Base.create(dir, { name: "string" }, { mode: "open" });
   * assertEquals(first.size, 0);
   * ```
   */
  static async create<const S extends Schema>(
    path: string | URL,
    schema: S & NoReservedNames,
    options: CreateOptions = {},
  ): Promise<Base<S>> {
    return new Base<S>({ [HANDLE]: await Handle.create(path, schema, options, true) });
  }

  /**
   * As {@linkcode Base.create}, blocking.
   *
   * @typeParam S The schema.
   * @param path The directory of the table; its parent must exist.
   * @param schema Fields and their types, in order.
   * @param options What to do if there is one, and how to open it.
   * @returns The open table.
   *
   * @example Blocking
   * ```ts
   * import { Base } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * using base = Base.createSync(Deno.makeTempDirSync(), { name: "string" });
   * assertEquals(base.insertSync({ name: "homer" }), 0);
   * ```
   */
  static createSync<const S extends Schema>(
    path: string | URL,
    schema: S & NoReservedNames,
    options: CreateOptions = {},
  ): Base<S> {
    return new Base<S>({ [HANDLE]: Handle.createSync(path, schema, options, true) });
  }

  /**
   * Opens a table, typed by its schema; creates it first, if there is none. Processes may do so at
   * the same time: one of them creates the table, and all of them open it.
   *
   * Without a schema the table must exist. In the place of a schema, options may follow `path`: an
   * object is a schema if each of its values is a field (`"string"`, `{ type: "string" }`,
   * `link(…)`, `json()`), and holds options otherwise. A call that could mean both is refused.
   *
   * @typeParam S The schema.
   * @param path The directory of the table; its parent must exist.
   * @param schema Fields and their types, in order; or options.
   * @param options How to open it, after a schema. With `readOnly` nothing is created.
   * @returns The open table.
   * @throws {BaseNotFoundError} If there is none, and no schema or `readOnly` was passed.
   * @throws {BaseExistsError} If there is something else than a table.
   * @throws {SchemaError} If the schema is wrong, or another one is stored.
   * @throws {CorruptionError} If the table is damaged.
   * @throws {FormatVersionError} If a newer psbase wrote it.
   * @throws {ReadOnlyError} If it can be read but not written, and `readOnly` is not set.
   * @throws {BaseLockedError} If a `Base` owns the table.
   * @throws {LockTimeoutError} If the lock could not be acquired in time.
   *
   * @example Run it twice: the second time it finds the rows of the first
   * ```ts
   * import { Base } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const path = `${await Deno.makeTempDir()}/people`;
   * for (const runs of [1, 2]) {
   *   await using people = await Base.open(path, { name: "string", age: "integer" });
   *   await people.insert({ name: "homer", age: 39 });
   *   assertEquals(people.size, runs);
   * }
   * ```
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
   * Reads every byte of a table, also of one too damaged to be opened.
   *
   * @param path The directory of the table.
   * @returns What is damaged; damage is never thrown.
   * @throws {BaseNotFoundError} If there is none.
   *
   * @example Whole
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * assertEquals((await PsBase.check(people.path)).ok, true);
   * await people.destroy();
   * ```
   */
  static async check(path: string | URL): Promise<CheckResult> {
    return await stepwise(checkIntegrity(currentFiles(), toPath(path)));
  }

  /**
   * As the static {@linkcode Base.check}, blocking.
   *
   * @param path The directory of the table.
   * @returns What is damaged.
   *
   * @example Whole
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * assertEquals(PsBase.checkSync(people.path).problems, []);
   * await people.destroy();
   * ```
   */
  static checkSync(path: string | URL): CheckResult {
    return allOf(checkIntegrity(currentFiles(), toPath(path)));
  }

  /**
   * Writes what is intact of a damaged table to a new one, and tells what was lost. Nothing is
   * taken but what verifies: a row of the new table is as it was once written, with its id and
   * version, and as it was last if no loss could have been of it. Links lead where they led. The
   * damaged table is only read; it must not be written to meanwhile.
   *
   * @param path The directory of the table.
   * @param to The directory of the new one; its parent must exist.
   * @returns How many rows were salvaged, and what was not; nothing is lost of a whole table, nor
   * where only indexes are damaged.
   * @throws {BaseNotFoundError} If there is no table.
   * @throws {BaseExistsError} If there is a table at `to` already, or something else.
   * @throws {CorruptionError} If nothing can be salvaged; then there is no new table.
   * @throws {WriteError} If the disk refuses; then there is no new table.
   *
   * @example A damaged table
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const dir = await Deno.makeTempDir();
   * const people = await PsBase.create(`${dir}/people`, { name: "string" });
   * await people.insertMany([{ name: "homer" }, { name: "marge" }]);
   * await people.cleanup();
   * await people.insert({ name: "bart" });
   * await people.close();
   * const table = await Deno.open(`${dir}/people/000002.table`, { write: true });
   * await table.seek(40, Deno.SeekMode.Start);
   * await table.write(new Uint8Array(8));
   * table.close();
   *
   * const { rows, lost } = await PsBase.salvage(`${dir}/people`, `${dir}/salvaged`);
   * assertEquals(rows, 1);
   * assertEquals(lost.map(({ ids }) => ids), [[[0, 1]]]);
   * ```
   */
  static async salvage(path: string | URL, to: string | URL): Promise<SalvageResult> {
    return await stepwise(salvage(currentFiles(), toPath(path), toPath(to)));
  }

  /**
   * As {@linkcode Base.salvage}, blocking.
   *
   * @param path The directory of the table.
   * @param to The directory of the new one; its parent must exist.
   * @returns How many rows were salvaged, and what was not.
   *
   * @example A whole table
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const dir = Deno.makeTempDirSync();
   * using people = PsBase.createSync(`${dir}/people`, { name: "string" });
   * people.insertSync({ name: "homer" });
   * assertEquals(PsBase.salvageSync(people.path, `${dir}/salvaged`), { rows: 1, lost: [] });
   * ```
   */
  static salvageSync(path: string | URL, to: string | URL): SalvageResult {
    return allOf(salvage(currentFiles(), toPath(path), toPath(to)));
  }

  // ------------------------------------------------------------- what it is

  /**
   * The torn tail of a write that nobody acknowledged, found when the table was opened or
   * written to; `null` if there was none.
   *
   * @example Nothing was torn
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * assertEquals(people.recovered, null);
   * await people.destroy();
   * ```
   */
  get recovered(): Recovered | null {
    return this.#handle.store.recovered;
  }

  /**
   * Figures of the table.
   *
   * @example Figures
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * assertEquals(people.stats().rows, 0);
   * await people.destroy();
   * ```
   */
  stats(): Stats {
    const { size: rows, sequence, dead: deadRows, segment: table, schema } = this.#handle.store
      .refresh();
    const { log: { generation, end: logBytes }, recovered } = this.#handle.store;
    const { keepChanges } = schema;
    const tableBytes = table.bytes;
    return { rows, generation, tableBytes, logBytes, deadRows, sequence, keepChanges, recovered };
  }

  // ------------------------------------------------------------- inserting

  /**
   * Adds a row.
   *
   * @param row Values by field; those left out get their defaults.
   * @returns The id of the new row.
   * @throws {SchemaError} If a field is unknown, or one that is required is missing.
   * @throws {TypeError} If a value is not of the type of its field.
   * @throws {RangeError} If a value is out of range.
   * @throws {BaseLockedError} If a `Base` owns the table.
   * @throws {LockTimeoutError} If the lock is not to be had in time.
   * @throws {WriteError} If the disk refuses.
   *
   * @example A row
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * assertEquals(await people.insert({ name: "homer" }), 0);
   * assertEquals(people.get(0), { __id__: 0, __version__: 0, name: "homer", age: null });
   * await people.destroy();
   * ```
   */
  async insert(row: Insert<S>): Promise<number> {
    return await this.#write((edits) => edits.insert(row));
  }

  /**
   * As {@linkcode Base.insert}, blocking.
   *
   * @param row Values by field; those left out get their defaults.
   * @returns The id of the new row.
   * @throws {SchemaError} If a field is unknown, or one that is required is missing.
   * @throws {TypeError} If a value is not of the type of its field.
   * @throws {RangeError} If a value is out of range.
   * @throws {BaseLockedError} If a `Base` owns the table.
   * @throws {LockTimeoutError} If the lock is not to be had in time.
   * @throws {WriteError} If the disk refuses.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * assertEquals(people.insertSync({ name: "homer" }), 0);
   * await people.destroy();
   * ```
   */
  insertSync(row: Insert<S>): number {
    return this.#writeSync((edits) => edits.insert(row));
  }

  /**
   * Adds rows in one commit: all of them, or none. They are asked for one by one, and many are held
   * in the form in which they are written.
   *
   * @param rows Values by field, for each row.
   * @returns The ids of the new rows, in order.
   * @throws {SchemaError} If a field is unknown, or one that is required is missing; or if another
   * process changed the fields meanwhile, and `rows` cannot be gone through again.
   * @throws {TypeError} If a value is not of the type of its field.
   * @throws {RangeError} If a value is out of range, or the commit larger than 1 GiB.
   * @throws {BaseLockedError} If a `Base` owns the table.
   * @throws {LockTimeoutError} If the lock is not to be had in time.
   * @throws {WriteError} If the disk refuses.
   *
   * @example Rows
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * assertEquals(await people.insertMany([{ name: "homer" }, { name: "marge" }]), [0, 1]);
   * await people.destroy();
   * ```
   */
  async insertMany(rows: Iterable<Insert<S>>): Promise<number[]> {
    return await this.#write((edits) => edits.insertMany(rows));
  }

  /**
   * As {@linkcode Base.insertMany}, blocking.
   *
   * @param rows Values by field, for each row.
   * @returns The ids of the new rows, in order.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * assertEquals(people.insertManySync([{ name: "homer" }, { name: "marge" }]), [0, 1]);
   * await people.destroy();
   * ```
   */
  insertManySync(rows: Iterable<Insert<S>>): number[] {
    return this.#writeSync((edits) => edits.insertMany(rows));
  }

  /**
   * Adds a row of texts: what a form or a file gives, each read as the type of its field.
   *
   * Dates and times are ISO, unless {@linkcode Base.setStringFormat} said otherwise; numbers are
   * decimal, booleans `true` or `false`, bytes base64, json JSON, links the id of the row.
   *
   * @param row Texts by field; `null` is null, those left out get their defaults.
   * @returns The id of the new row.
   * @throws {SchemaError} If a field is unknown, or one that is required is missing.
   * @throws {TypeError} If a text is not of the form that its field has.
   * @throws {RangeError} If a value is out of range.
   * @throws {UniqueError} If a value of a unique field is there already.
   * @throws {WriteError} If the disk refuses.
   *
   * @example A form
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer", birth: "date" });
   * people.setStringFormat("date", "%d-%m-%y");
   * await people.insertAsStrings({ name: "bart", age: "10", birth: "07-10-95" });
   * assertEquals(people.get(0)?.birth?.toString(), "1995-10-07");
   * await people.destroy();
   * ```
   */
  async insertAsStrings(row: InsertStrings<S>): Promise<number> {
    return await this.#write((edits) => edits.insertAsStrings(row, this.#formats));
  }

  /**
   * As {@linkcode Base.insertAsStrings}, blocking.
   *
   * @param row Texts by field; `null` is null, those left out get their defaults.
   * @returns The id of the new row.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * assertEquals(people.insertAsStringsSync({ name: "bart", age: "10" }), 0);
   * await people.destroy();
   * ```
   */
  insertAsStringsSync(row: InsertStrings<S>): number {
    return this.#writeSync((edits) => edits.insertAsStrings(row, this.#formats));
  }

  /**
   * Sets how {@linkcode Base.insertAsStrings} of this handle reads a type: `%d %m %y %Y %H %M %S
   * %f` (fraction of a second) and `%%`; all else stands for itself. Two-digit years are those
   * of POSIX (69 to 99 are 19xx), a timestamp is in UTC. A finer fraction than the type keeps is
   * refused: a timestamp keeps milliseconds, the others nanoseconds.
   *
   * @param type Which type.
   * @param pattern Its form.
   * @throws {TypeError} If the type has no pattern.
   * @throws {RangeError} If the pattern lacks what the type needs, or has what it has not.
   *
   * @example Times without colons
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { wakes: "time" });
   * people.setStringFormat("time", "%H%M");
   * await people.insertAsStrings({ wakes: "0630" });
   * assertEquals(people.get(0)?.wakes?.toString(), "06:30:00");
   * await people.destroy();
   * ```
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
   * @typeParam C What a function returns.
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
   * @throws {WriteError} If the disk refuses.
   *
   * @example By id: a function for what must add up, `ifVersion` for what somebody looked at
   * ```ts
   * import { PsBase } from "@psbase/psbase";
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

  /**
   * As {@linkcode Base.update}, blocking.
   *
   * @typeParam T A row, an id, or an array of them.
   * @typeParam C What a function returns.
   * @param target Which row, or which rows.
   * @param changes Values by field, or a function that makes them of the row as it is then. It
   *   runs under the lock, once for each row: a slow one stops other writers. Of the row it can
   *   read fields only: another name throws a `TypeError`.
   * @returns The new row; for an array, the new rows.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * people.insertSync({ name: "homer" });
   * assertEquals(people.updateSync(0, { age: 39 }).age, 39);
   * await people.destroy();
   * ```
   */
  updateSync<const T extends Target<S> | readonly Target<S>[], const C>(
    target: T,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
    options: UpdateOptionsOf<T> = {},
  ): Updated<S, T> {
    const rows = this.#writeSync((edits) => edits.update(target, changes, options));
    return (Array.isArray(target) ? rows : rows[0]) as Updated<S, T>;
  }

  /**
   * Changes the rows that match, found and changed in one commit.
   *
   * @typeParam C What a function returns.
   * @param where Conditions by field, or a function; it runs under the lock.
   * @param changes As for {@linkcode Base.update}.
   * @returns How many rows were changed.
   * @throws {SchemaError} If a field is unknown, or one that is required would be null.
   * @throws {TypeError} If a condition or a value does not fit the type of its field, or there is
   * no condition.
   * @throws {RangeError} If a value is out of range.
   * @throws {WriteError} If the disk refuses.
   *
   * @example A whole team
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", team: "string" });
   * await people.insertMany([{ name: "homer", team: "a" }, { name: "lisa", team: "b" }]);
   * assertEquals(await people.updateWhere({ team: "a" }, { team: "c" }), 1);
   * await people.destroy();
   * ```
   */
  async updateWhere<const C>(
    where: Filter<S>,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
  ): Promise<number> {
    return await this.#write((edits) => edits.updateWhere(where, changes));
  }

  /**
   * As {@linkcode Base.updateWhere}, blocking.
   *
   * @typeParam C What a function returns.
   * @param where Conditions by field, or a function.
   * @param changes As for {@linkcode Base.update}.
   * @returns How many rows were changed.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * assertEquals(people.updateWhereSync({ age: null }, { age: 0 }), 0);
   * await people.destroy();
   * ```
   */
  updateWhereSync<const C>(
    where: Filter<S>,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
  ): number {
    return this.#writeSync((edits) => edits.updateWhere(where, changes));
  }

  /**
   * Changes the row that has a value in a unique field, or adds one: found and written in one
   * commit, so that no process comes between.
   *
   * @typeParam K The unique field.
   * @param key The unique field and its value.
   * @param values Values of the other fields, all that `insert` needs; what is left out stays as
   *   it was, or gets its default in a new row.
   * @returns The row.
   * @throws {TypeError} If `key` is not one unique field, or a value is not of its type.
   * @throws {SchemaError} If a field is unknown, or one that is required is missing.
   * @throws {RangeError} If a value is out of range.
   * @throws {UniqueError} If a value of another unique field is there already.
   * @throws {WriteError} If the disk refuses.
   *
   * @example Twice the same row
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { email: { type: "string", unique: true }, name: "string" });
   * await people.upsert({ email: "h@x" }, { name: "homer" });
   * const row = await people.upsert({ email: "h@x" }, { name: "max power" });
   * assertEquals([row.__id__, row.__version__, people.size], [0, 1, 1]);
   * await people.destroy();
   * ```
   */
  async upsert<K extends UniqueName<S>>(
    key: UniqueKey<S, K>,
    values: Omit<Insert<S>, K>,
  ): Promise<Row<S>> {
    return await this.#write((edits) => edits.upsert(key, values)) as Row<S>;
  }

  /**
   * As {@linkcode Base.upsert}, blocking.
   *
   * @typeParam K The unique field.
   * @param key The unique field and its value.
   * @param values Values of the other fields, all that `insert` needs.
   * @returns The row.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { email: { type: "string", unique: true }, name: "string" });
   * assertEquals(people.upsertSync({ email: "h@x" }, { name: "homer" }).name, "homer");
   * await people.destroy();
   * ```
   */
  upsertSync<K extends UniqueName<S>>(
    key: UniqueKey<S, K>,
    values: Omit<Insert<S>, K>,
  ): Row<S> {
    return this.#writeSync((edits) => edits.upsert(key, values)) as Row<S>;
  }

  // ------------------------------------------------------------- deleting

  /**
   * Deletes a row, or rows in one commit, whatever their version.
   *
   * @param target Which row, or which rows.
   * @returns How many were there.
   * @throws {UpdateError} If what was passed is no row.
   * @throws {WriteError} If the disk refuses.
   *
   * @example By id
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insert({ name: "homer" });
   * assertEquals(await people.delete(0), 1);
   * assertEquals(await people.delete(0), 0);
   * await people.destroy();
   * ```
   */
  async delete(target: Target<S> | readonly Target<S>[]): Promise<number> {
    return await this.#write((edits) => edits.delete(listOf(target)));
  }

  /**
   * As {@linkcode Base.delete}, blocking.
   *
   * @param target Which row, or which rows.
   * @returns How many were there.
   * @throws {UpdateError} If what was passed is no row.
   * @throws {WriteError} If the disk refuses.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * assertEquals(people.deleteSync([0, 1]), 0);
   * await people.destroy();
   * ```
   */
  deleteSync(target: Target<S> | readonly Target<S>[]): number {
    return this.#writeSync((edits) => edits.delete(listOf(target)));
  }

  /**
   * Deletes the rows that match, found and deleted in one commit.
   *
   * @param where Conditions by field, or a function; it runs under the lock.
   * @returns How many there were.
   * @throws {TypeError} If a field is unknown, a condition does not fit its type, or there is none.
   * @throws {RangeError} If a value is out of range.
   * @throws {WriteError} If the disk refuses.
   *
   * @example The young
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insertMany([{ name: "homer", age: 39 }, { name: "lisa", age: 8 }]);
   * assertEquals(await people.deleteWhere({ age: { lt: 18 } }), 1);
   * await people.destroy();
   * ```
   */
  async deleteWhere(where: Filter<S>): Promise<number> {
    return await this.#write((edits) => edits.deleteWhere(where));
  }

  /**
   * As {@linkcode Base.deleteWhere}, blocking.
   *
   * @param where Conditions by field, or a function.
   * @returns How many there were.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * assertEquals(people.deleteWhereSync({ age: null }), 0);
   * await people.destroy();
   * ```
   */
  deleteWhereSync(where: Filter<S>): number {
    return this.#writeSync((edits) => edits.deleteWhere(where));
  }

  // ------------------------------------------------------------- transactions

  /**
   * Makes several changes one commit: all of them, or none. What `tx` reads and writes belongs
   * together: nobody else writes meanwhile, and nobody sees a part of it.
   *
   * The lock is held from the first statement of `fn` to the commit, also while it awaits
   * something: all other writers of the table, in all processes, wait for it. If `fn` throws or
   * rejects, nothing was changed, and its error is passed on. Inside, the table is written
   * through `tx` only; what it reads of the table itself is the last commit. Other tables can be
   * written inside it; {@linkcode transaction} locks several at once.
   *
   * @typeParam T What `fn` returns.
   * @param fn Reads and writes through the verbs of a transaction.
   * @param options How long it may take.
   * @returns What `fn` returned, once it is committed.
   * @throws {DeadlockError} If it is called inside a transaction of the same table, or of another
   *   one for which the holder of this table's lock waits; so do the other writing verbs.
   * @throws {DOMException} `TimeoutError`, if `fn` does not end within `timeoutMs`.
   * @throws {BaseLockedError} If a `Base` owns the table.
   * @throws {LockTimeoutError} If the lock is not to be had in time.
   * @throws {WriteError} If the disk refuses.
   *
   * @example All or nothing
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals, assertRejects } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
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
   * await people.destroy();
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

  /**
   * As {@linkcode Base.transaction}, blocking; `fn` cannot wait.
   *
   * @typeParam T What `fn` returns.
   * @param fn Reads and writes through the verbs of a transaction.
   * @returns What `fn` returned.
   * @throws {DeadlockError} If it is called inside a transaction of the same table.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * people.transactionSync((tx) => tx.insertMany([{ name: "homer" }, { name: "marge" }]));
   * assertEquals(people.size, 2);
   * await people.destroy();
   * ```
   */
  transactionSync<T>(fn: (tx: Transaction<S>) => NotPromise<T>): T {
    const { store, writer } = this.#handle;
    checkTransaction(`a transaction of "${this.path}"`, fn);
    return transactSync([writer], ([work]) => fn(transactionOf(store, work!, this.#formats)) as T);
  }

  // ------------------------------------------------------------- the schema

  /**
   * Adds a field; rows that are there get its default. One commit, whatever their number.
   *
   * @typeParam N The name.
   * @typeParam F The type.
   * @param name The name of the new field.
   * @param field Its type, or its type with options.
   * @param options Where to put it.
   * @returns This handle, typed by the new schema.
   * @throws {SchemaError} If the name is taken or the field is wrong, or if it is required and
   *   has no default though there are rows.
   *
   * @example A field
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insert({ name: "homer" });
   * const more = await people.addField("nick", { type: "string", default: "-" }, { after: "name" });
   * assertEquals(more.get(0)?.nick, "-");
   * await people.destroy();
   * ```
   */
  async addField<const N extends string, const F extends Field>(
    name: NewName<S, N>,
    field: F,
    options: AddFieldOptions<S> = {},
  ): Promise<Retyped<this, WithField<S, N, F>>> {
    await this.#write((edits) => edits.addField(name, field, options));
    return this as unknown as Retyped<this, WithField<S, N, F>>;
  }

  /**
   * As {@linkcode Base.addField}, blocking.
   *
   * @typeParam N The name.
   * @typeParam F The type.
   * @param name The name of the new field.
   * @param field Its type, or its type with options.
   * @param options Where to put it.
   * @returns This handle, typed by the new schema.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * const more = people.addFieldSync("nick", "string");
   * assertEquals(Object.keys(more.schema), ["name", "age", "nick"]);
   * await people.destroy();
   * ```
   */
  addFieldSync<const N extends string, const F extends Field>(
    name: NewName<S, N>,
    field: F,
    options: AddFieldOptions<S> = {},
  ): Retyped<this, WithField<S, N, F>> {
    this.#writeSync((edits) => edits.addField(name, field, options));
    return this as unknown as Retyped<this, WithField<S, N, F>>;
  }

  /**
   * Drops a field with its values. One commit, whatever the number of rows; cleanup frees the
   * space. Handles of others that were given a schema with it throw a `SchemaError` from then on.
   *
   * @typeParam N The name.
   * @param name The name of the field.
   * @returns This handle, typed by the new schema.
   * @throws {SchemaError} If there is no such field, or no other.
   *
   * @example A field less
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * const less = await people.dropField("age");
   * assertEquals(Object.keys(less.schema), ["name"]);
   * await people.destroy();
   * ```
   */
  async dropField<N extends FieldName<S>>(name: N): Promise<Retyped<this, WithoutField<S, N>>> {
    await this.#write((edits) => edits.dropField(name));
    return this as unknown as Retyped<this, WithoutField<S, N>>;
  }

  /**
   * As {@linkcode Base.dropField}, blocking.
   *
   * @typeParam N The name.
   * @param name The name of the field.
   * @returns This handle, typed by the new schema.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * assertEquals(Object.keys(people.dropFieldSync("name").schema), ["age"]);
   * await people.destroy();
   * ```
   */
  dropFieldSync<N extends FieldName<S>>(name: N): Retyped<this, WithoutField<S, N>> {
    this.#writeSync((edits) => edits.dropField(name));
    return this as unknown as Retyped<this, WithoutField<S, N>>;
  }

  /**
   * Sets what `insert` puts into a field that is left out; rows that are there stay as they are.
   *
   * @typeParam N The name.
   * @param name The name of the field.
   * @param value The new default; `null` for none.
   * @returns This handle, typed by the new schema.
   * @throws {SchemaError} If there is no such field, or it is required and the default null.
   * @throws {TypeError} If the value is not of the type of the field.
   *
   * @example A default
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.setDefault("age", 20);
   * await people.insert({ name: "homer" });
   * assertEquals(people.get(0)?.age, 20);
   * await people.destroy();
   * ```
   */
  async setDefault<N extends FieldName<S>>(
    name: N,
    value: Default<S, S[N]>,
  ): Promise<Retyped<this, WithDefault<S, N>>> {
    await this.#write((edits) => edits.setDefault(name, value));
    return this as unknown as Retyped<this, WithDefault<S, N>>;
  }

  /**
   * As {@linkcode Base.setDefault}, blocking.
   *
   * @typeParam N The name.
   * @param name The name of the field.
   * @param value The new default; `null` for none.
   * @returns This handle, typed by the new schema.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * people.setDefaultSync("age", 20);
   * assertEquals(people.defaults.age, 20);
   * await people.destroy();
   * ```
   */
  setDefaultSync<N extends FieldName<S>>(
    name: N,
    value: Default<S, S[N]>,
  ): Retyped<this, WithDefault<S, N>> {
    this.#writeSync((edits) => edits.setDefault(name, value));
    return this as unknown as Retyped<this, WithDefault<S, N>>;
  }

  /**
   * Gives a field another name. One commit, whatever the number of rows; others see it on their
   * next call, which throws a `SchemaError` if they were given a schema with the old name.
   *
   * @typeParam N The name.
   * @typeParam M The new name.
   * @param name The name of the field.
   * @param newName Its new name.
   * @returns This handle, typed by the new schema.
   * @throws {SchemaError} If there is no such field, or the new name is taken or no name.
   *
   * @example Another name
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insert({ name: "homer" });
   * const renamed = await people.renameField("name", "first");
   * assertEquals(renamed.get(0)?.first, "homer");
   * await people.destroy();
   * ```
   */
  async renameField<const N extends FieldName<S>, const M extends string>(
    name: N,
    newName: NewName<S, M>,
  ): Promise<Retyped<this, WithRenamed<S, N, M>>> {
    await this.#write((edits) => edits.renameField(name, newName));
    return this as unknown as Retyped<this, WithRenamed<S, N, M>>;
  }

  /**
   * As {@linkcode Base.renameField}, blocking.
   *
   * @typeParam N The name.
   * @typeParam M The new name.
   * @param name The name of the field.
   * @param newName Its new name.
   * @returns This handle, typed by the new schema.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * assertEquals(Object.keys(people.renameFieldSync("name", "first").schema), ["first", "age"]);
   * await people.destroy();
   * ```
   */
  renameFieldSync<const N extends FieldName<S>, const M extends string>(
    name: N,
    newName: NewName<S, M>,
  ): Retyped<this, WithRenamed<S, N, M>> {
    this.#writeSync((edits) => edits.renameField(name, newName));
    return this as unknown as Retyped<this, WithRenamed<S, N, M>>;
  }

  /**
   * Changes the type of a field and converts its values: each becomes what its text reads as in
   * the new type, as in `insertAsStrings`. If one of them is no value of that type, or would lose
   * something, nothing is changed. The default is converted likewise; nulls, options and the place
   * of the field stay.
   *
   * One commit. Integers become floats as they are stored. Any other change rewrites the rows that
   * have a value, under the lock: their `__version__` grows, and watchers get a change of the
   * fields and then an update of each row, in whose `before` the field is null.
   *
   * @typeParam N The name.
   * @typeParam T The new type.
   * @param name The name of the field.
   * @param type Its new type.
   * @returns This handle, typed by the new schema.
   * @throws {SchemaError} If a value does not fit: the message names the first row and the number
   * of rows. Also if there is no such field, or either type is json, bytes or a link.
   * @throws {UniqueError} If values of a unique field become equal, such as "1" and "01".
   * @throws {RangeError} If the rewritten rows are larger than a commit may be.
   *
   * @example Text that turned out to be numbers
   * ```ts
   * import { PsBase, SchemaError } from "@psbase/psbase";
   * import { assertEquals, assertRejects } from "@std/assert";
   *
   * const sensors = await PsBase.create(await Deno.makeTempDir(), { value: "string" });
   * await sensors.insertMany([{ value: "9" }, { value: "10.50" }, { value: null }]);
   * await assertRejects(() => sensors.setType("value", "integer"), SchemaError, '1 row does not fit');
   * const numbers = await sensors.setType("value", "float");
   * assertEquals(numbers.select({ value: { gt: 9 } })[0]?.value, 10.5);
   * await sensors.destroy();
   * ```
   */
  async setType<const N extends ConvertibleName<S>, const T extends ConvertibleType>(
    name: N,
    type: T,
  ): Promise<Retyped<this, WithType<S, N, T>>> {
    await this.#write((edits) => edits.setType(name, type));
    return this as unknown as Retyped<this, WithType<S, N, T>>;
  }

  /**
   * As {@linkcode Base.setType}, blocking.
   *
   * @typeParam N The name.
   * @typeParam T The new type.
   * @param name The name of the field.
   * @param type Its new type.
   * @returns This handle, typed by the new schema.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * assertEquals(people.setTypeSync("age", "float").schema.age, { type: "float" });
   * await people.destroy();
   * ```
   */
  setTypeSync<const N extends ConvertibleName<S>, const T extends ConvertibleType>(
    name: N,
    type: T,
  ): Retyped<this, WithType<S, N, T>> {
    this.#writeSync((edits) => edits.setType(name, type));
    return this as unknown as Retyped<this, WithType<S, N, T>>;
  }

  /**
   * Sets whether a field has an index, and whether its values are unique. What is left out stays
   * as it is. The index itself is made by the next cleanup, which is begun at once; until then
   * conditions read the column.
   *
   * @typeParam N The name.
   * @typeParam O What is set.
   * @param name The name of the field.
   * @param options `index` and `unique`, true or false.
   * @returns This handle, typed by the new schema.
   * @throws {UniqueError} If a value is there twice; then nothing is changed.
   * @throws {SchemaError} If there is no such field, or it is json, which has no order.
   *
   * @example From here on unique
   * ```ts
   * import { PsBase, UniqueError } from "@psbase/psbase";
   * import { assertRejects } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insert({ name: "homer" });
   * const unique = await people.setIndex("name", { unique: true });
   * await assertRejects(() => unique.insert({ name: "homer" }), UniqueError);
   * await people.destroy();
   * ```
   */
  async setIndex<const N extends SortableName<S>, const O extends IndexOptions>(
    name: N,
    options: O,
  ): Promise<Retyped<this, WithOptions<S, N, O>>> {
    await this.#write((edits) => edits.setIndex(name, options));
    return this as unknown as Retyped<this, WithOptions<S, N, O>>;
  }

  /**
   * As {@linkcode Base.setIndex}, blocking.
   *
   * @typeParam N The name.
   * @typeParam O What is set.
   * @param name The name of the field.
   * @param options `index` and `unique`, true or false.
   * @returns This handle, typed by the new schema.
   *
   * @example Blocking
   * ```ts
   * import { PsBase, UniqueError } from "@psbase/psbase";
   * import { assertThrows } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * people.setIndexSync("name", { unique: true });
   * assertThrows(() => people.insertManySync([{ name: "x" }, { name: "x" }]), UniqueError);
   * await people.destroy();
   * ```
   */
  setIndexSync<const N extends SortableName<S>, const O extends IndexOptions>(
    name: N,
    options: O,
  ): Retyped<this, WithOptions<S, N, O>> {
    this.#writeSync((edits) => edits.setIndex(name, options));
    return this as unknown as Retyped<this, WithOptions<S, N, O>>;
  }

  // ------------------------------------------------------------- how

  /** Commits what `change` makes, what its links lead to before it. */
  async #write<T>(change: (edits: Edits) => Edit<T>): Promise<T> {
    const { store, writer } = this.#handle;
    const made = change(this.#edits);
    const { schema } = store.snapshot;
    const flush = () => store.links.flush(schema);
    return await writer.run(made, schema.links.length > 0 ? flush : undefined);
  }

  /** As `#write`, blocking. */
  #writeSync<T>(change: (edits: Edits) => Edit<T>): T {
    const { store, writer } = this.#handle;
    const made = change(this.#edits);
    store.links.flushSync(store.snapshot.schema);
    return writer.runSync(made);
  }

  // ------------------------------------------------------------- upkeep

  /**
   * Makes what was written so far durable, by whomever, and relaxed writes too.
   *
   * @throws {WriteError} If the disk refuses.
   *
   * @example Relaxed, then durable
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const dir = await Deno.makeTempDir();
   * const base = await PsBase.create(dir, { n: "integer" }, { durability: "relaxed" });
   * for (let n = 0; n < 100; n++) await base.insert({ n });
   * await base.commit();
   * assertEquals(base.size, 100);
   * await base.destroy();
   * ```
   */
  async commit(): Promise<void> {
    await this.#handle.writer.commit();
  }

  /**
   * As {@linkcode Base.commit}, blocking.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * people.commitSync();
   * assertEquals(people.size, 0);
   * await people.destroy();
   * ```
   */
  commitSync(): void {
    this.#handle.writer.commitSync();
  }

  /**
   * The changes that all processes commit, in order, none left out and none twice.
   *
   * What is yielded is on disk. All changes of a commit have the same `sequence`, and an `index`
   * that is the same for every watcher. With `since: { sequence, index }` another watcher, in
   * another process too, goes on after that change, whatever the conditions of either. After a
   * change that is the `last` of its commit, `since: sequence` does the same for the same
   * conditions, and needs no change of that commit to be kept. Watching ends when the table is
   * closed; a `signal` ends it with its reason.
   *
   * From this call to its end cleanup keeps what was not read yet, so leave the loop, or `return()`
   * what is not iterated; for those who come back later it keeps what
   * {@linkcode Base.keepChanges} says.
   *
   * @param options Where to begin, which rows, and what ends it.
   * @returns The changes; iterating takes no lock and waits for the next one.
   * @throws {RangeError} If `since` is no commit, or what follows it is not kept any more. The
   * first step throws it if the commit has no change of that `index`.
   * @throws {TypeError} If a condition does not fit the type of its field, or an option is unknown.
   *
   * @example Others' changes
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * const changes = people.watch({ where: { age: { gte: 18 } } });
   * await people.insertMany([{ name: "lisa", age: 8 }, { name: "homer", age: 39 }]);
   * for await (const { sequence, kind, id, row } of changes) {
   *   assertEquals([sequence, kind, id, row?.name], [1, "insert", 1, "homer"]);
   *   break;
   * }
   * await people.destroy();
   * ```
   */
  watch(options: WatchOptions<S> = {}): AsyncIterableIterator<Change<S>> {
    return watch(this.#handle.store, options, this.#handle.writer.closing.signal);
  }

  /**
   * Sets the changes of how many commits, the last ones, are kept for those who `watch` since
   * then: 0 if it was never set. A setting of the table, whoever cleans it up.
   *
   * What is kept are older generations of the table: each takes as much room as the rows did
   * then. They go with the cleanup behind which they are not needed any more.
   *
   * @param commits How many.
   * @throws {RangeError} If it is no whole number, 0 or more.
   *
   * @example A watcher that may be away
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string" });
   * await people.keepChanges(1000);
   * await people.insert({ name: "homer" });
   * await people.cleanup();
   * for await (const { row } of people.watch({ since: 1 })) {
   *   assertEquals(row?.name, "homer");
   *   break;
   * }
   * await people.destroy();
   * ```
   */
  async keepChanges(commits: number): Promise<void> {
    await this.#write((edits) => edits.keepChanges(commits));
  }

  /**
   * As {@linkcode Base.keepChanges}, blocking.
   *
   * @param commits How many.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string" });
   * people.keepChangesSync(1000);
   * assertEquals(people.stats().keepChanges, 1000);
   * await people.destroy();
   * ```
   */
  keepChangesSync(commits: number): void {
    this.#writeSync((edits) => edits.keepChanges(commits));
  }

  /**
   * Writes a new table file of the rows that are there, and begins a new log. Others read and
   * write meanwhile. It happens by itself when the log grows long; if another process is at
   * it already, and goes on, nothing is done. What it replaces is removed, but for changes that are
   * to be kept: see {@linkcode Base.keepChanges}.
   *
   * @throws {WriteError} If the disk refuses.
   *
   * @example By hand
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insert({ name: "homer" });
   * await people.cleanup();
   * assertEquals([people.stats().generation, people.size], [2, 1]);
   * await people.destroy();
   * ```
   */
  async cleanup(): Promise<void> {
    await this.#handle.writer.cleanup();
  }

  /**
   * As {@linkcode Base.cleanup}, blocking.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * people.cleanupSync();
   * assertEquals(people.stats().generation, 2);
   * await people.destroy();
   * ```
   */
  cleanupSync(): void {
    this.#handle.writer.cleanupSync();
  }

  /**
   * Copies the table as it is at this moment to a new directory, while others go on, and
   * verifies the copy. Ids and versions are kept; links lead where they led.
   *
   * @param path The directory of the copy; its parent must exist.
   * @throws {BaseExistsError} If there is a base already, or something else.
   * @throws {CorruptionError} If the table is damaged; then there is no copy.
   * @throws {WriteError} If the disk refuses; then there is no copy.
   *
   * @example A copy
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const dir = await Deno.makeTempDir();
   * await using people = await PsBase.create(`${dir}/people`, { name: "string" });
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

  /**
   * As {@linkcode Base.backup}, blocking.
   *
   * @param path The directory of the copy; its parent must exist.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const dir = Deno.makeTempDirSync();
   * using people = PsBase.createSync(`${dir}/people`, { name: "string" });
   * people.backupSync(`${dir}/copy`);
   * assertEquals(PsBase.checkSync(`${dir}/copy`).ok, true);
   * ```
   */
  backupSync(path: string | URL): void {
    allOf(backUp(this.#handle.store, toPath(path)));
  }

  /**
   * Reads every byte of the table and verifies it.
   *
   * @returns What is damaged; damage is never thrown.
   *
   * @example Whole
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * assertEquals(await people.check(), { ok: true, rows: 0, problems: [] });
   * await people.destroy();
   * ```
   */
  check(): Promise<CheckResult> {
    return Base.check(this.path);
  }

  /**
   * As {@linkcode Base.check}, blocking.
   *
   * @returns What is damaged.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * assertEquals(people.checkSync().ok, true);
   * await people.destroy();
   * ```
   */
  checkSync(): CheckResult {
    return Base.checkSync(this.path);
  }

  /**
   * Removes the table from the disk and closes this handle. Handles of others get a
   * `BaseNotFoundError` from then on. Files that are not of psbase are left alone.
   *
   * @throws {BaseNotFoundError} If it was destroyed or replaced already.
   * @throws {BaseLockedError} If a `Base` owns the table.
   *
   * @example Gone
   * ```ts
   * import { BaseNotFoundError, PsBase } from "@psbase/psbase";
   * import { assertRejects } from "@std/assert";
   *
   * const dir = await Deno.makeTempDir();
   * await (await PsBase.create(dir, { n: "integer" })).destroy();
   * await assertRejects(() => PsBase.open(dir), BaseNotFoundError);
   * ```
   */
  async destroy(): Promise<void> {
    await this.#handle.destroy();
  }

  /**
   * As {@linkcode Base.destroy}, blocking.
   *
   * @example Gone
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertThrows } from "@std/assert";
   *
   * const dir = Deno.makeTempDirSync();
   * PsBase.createSync(dir, { n: "integer" }).destroySync();
   * assertThrows(() => Deno.statSync(dir), Deno.errors.NotFound);
   * ```
   */
  destroySync(): void {
    this.#handle.destroySync();
  }

  /**
   * Waits for the writes under way and closes the table; once more is harmless.
   *
   * @example Closed
   * ```ts
   * import { ClosedError, PsBase } from "@psbase/psbase";
   * import { assertThrows } from "@std/assert";
   *
   * const base = await PsBase.create(await Deno.makeTempDir(), { n: "integer" });
   * await base.close();
   * assertThrows(() => base.size, ClosedError);
   * ```
   */
  async close(): Promise<void> {
    await this.#handle.close();
  }

  /**
   * Closes at once; writes under way are rejected with a `ClosedError`.
   *
   * @example using
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * using base = PsBase.createSync(Deno.makeTempDirSync(), { n: "integer" });
   * assertEquals(base.size, 0);
   * ```
   */
  [Symbol.dispose](): void {
    this.#handle.dispose();
  }

  /**
   * As {@linkcode Base.close}.
   *
   * @example await using
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * await using base = await PsBase.create(await Deno.makeTempDir(), { n: "integer" });
   * assertEquals(base.size, 0);
   * ```
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * A table that many processes and Workers share.
 *
 * The same verbs as `Base`: each write takes the lock for its own moment, and each read sees
 * what others committed before it.
 *
 * A handle that was created, or opened with a schema, relies on the fields of that schema, and its
 * own schema verbs change what it relies on. Once another handle has dropped or renamed one of them,
 * or changed its type, every verb that reads or writes throws a `SchemaError`: open the table again.
 * Fields that others add do not disturb it.
 *
 * @typeParam S The schema: field names and their types.
 *
 * @example Two handles, as two processes would have
 * ```ts
 * import { PsBase } from "@psbase/psbase";
 * import { assertEquals } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * await using one = await PsBase.create(dir, { name: "string" });
 * await using two = await PsBase.open(dir);
 * await one.insert({ name: "homer" });
 * assertEquals(two.get(0)?.name, "homer");
 * ```
 */
export class PsBase<S extends Schema = Schema> extends Base<S> {
  /** Only a type: tells a `PsBase` from a `Base`. */
  declare readonly __shared__?: true;

  /**
   * Makes a table and opens it.
   *
   * @typeParam S The schema.
   * @param path The directory of the table; its parent must exist.
   * @param schema Fields and their types, in order.
   * @param options What to do if there is one, and how to open it.
   * @returns The open table.
   * @throws {BaseExistsError} If there is a base and `mode` is `"new"`, or something else.
   * @throws {SchemaError} If the schema is wrong, or in mode `"open"` not the one stored.
   * @throws {BaseLockedError} If a `Base` owns the table.
   * @throws {LockTimeoutError} If the lock is not to be had in time.
   *
   * @example New, or the one that is there
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const dir = await Deno.makeTempDir();
   * await using first = await PsBase.create(dir, { name: "string" }, { mode: "open" });
   * assertEquals(first.size, 0);
   * ```
   */
  static override async create<const S extends Schema>(
    path: string | URL,
    schema: S & NoReservedNames,
    options: CreateOptions = {},
  ): Promise<PsBase<S>> {
    return new PsBase<S>({ [HANDLE]: await Handle.create(path, schema, options, false) });
  }

  /**
   * As {@linkcode PsBase.create}, blocking.
   *
   * @typeParam S The schema.
   * @param path The directory of the table; its parent must exist.
   * @param schema Fields and their types, in order.
   * @param options What to do if there is one, and how to open it.
   * @returns The open table.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * using base = PsBase.createSync(Deno.makeTempDirSync(), { name: "string" });
   * assertEquals(base.insertSync({ name: "homer" }), 0);
   * ```
   */
  static override createSync<const S extends Schema>(
    path: string | URL,
    schema: S & NoReservedNames,
    options: CreateOptions = {},
  ): PsBase<S> {
    return new PsBase<S>({ [HANDLE]: Handle.createSync(path, schema, options, false) });
  }

  /**
   * Opens a table, typed by its schema; creates it first, if there is none. Processes may do so at
   * the same time: one of them creates the table, and all of them open it.
   *
   * Without a schema the table must exist. In the place of a schema, options may follow `path`: an
   * object is a schema if each of its values is a field (`"string"`, `{ type: "string" }`,
   * `link(…)`, `json()`), and holds options otherwise. A call that could mean both is refused.
   *
   * @typeParam S The schema.
   * @param path The directory of the table; its parent must exist.
   * @param schema Fields and their types, in order; or options.
   * @param options How to open it, after a schema. With `readOnly` nothing is created.
   * @returns The open table.
   * @throws {BaseNotFoundError} If there is none, and no schema or `readOnly` was passed.
   * @throws {BaseExistsError} If there is something else than a table.
   * @throws {SchemaError} If the schema is wrong, or another one is stored.
   * @throws {CorruptionError} If the table is damaged.
   * @throws {FormatVersionError} If a newer psbase wrote it.
   * @throws {ReadOnlyError} If it can be read but not written, and `readOnly` is not set.
   * @throws {BaseLockedError} If a `Base` owns the table.
   * @throws {LockTimeoutError} If the lock could not be acquired in time.
   *
   * @example Run it twice: the second time it finds the rows of the first
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const path = `${await Deno.makeTempDir()}/people`;
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
}

/** The transactions of tables: what {@linkcode transaction} passes to its function. */
export type TransactionsOf<B extends readonly AnyBase[]> = {
  [K in keyof B]: B[K] extends Base<infer S> ? Transaction<S> : Transaction;
};

/**
 * Changes several tables under their locks: nobody else writes to any of them meanwhile, and if
 * `fn` throws or rejects, none is changed.
 *
 * The locks are taken in an order that all processes agree on, so that two transactions of the
 * same tables never wait for each other, in whatever order these are given. Waiting for a further
 * lock ends after 5 seconds, unless a `timeoutMs` says otherwise.
 *
 * Each table is committed by itself, in the order in which they are given, and is on disk before
 * the next one is written. So it is not all or nothing: a crash, or a disk that refuses, between two
 * of these commits leaves the changes of the first tables only. Give the table first that the
 * others can be repaired from.
 *
 * @typeParam B The tables.
 * @typeParam T What `fn` returns.
 * @param tables The tables, each once.
 * @param fn Reads and writes through the verbs of one transaction for each table.
 * @param options How long it may take.
 * @returns What `fn` returned, once all tables are committed.
 * @throws {DeadlockError} Inside a transaction of one of the tables, or where who holds a lock
 *   waits for the caller.
 * @throws {DOMException} `TimeoutError`, if `fn` does not end within `timeoutMs`.
 * @throws {BaseLockedError} If a `Base` elsewhere owns a table.
 * @throws {LockTimeoutError} If a lock is not to be had in time.
 * @throws {TypeError} If a table is given twice, or something else than an open table.
 * @throws {WriteError} If the disk refuses; with outcome `"partial"` the tables in `committed` have
 *   their part already.
 *
 * @example From one table to another
 * ```ts
 * import { PsBase, transaction } from "@psbase/psbase";
 * import { assertEquals } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * await using stock = await PsBase.create(`${dir}/stock`, { item: "string", left: "integer" });
 * await using orders = await PsBase.create(`${dir}/orders`, { item: "string" });
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

/**
 * As {@linkcode transaction}, blocking; `fn` cannot wait.
 *
 * @typeParam B The tables.
 * @typeParam T What `fn` returns.
 * @param tables The tables, each once.
 * @param fn Reads and writes through the verbs of one transaction for each table.
 * @returns What `fn` returned.
 *
 * @example From one table to another
 * ```ts
 * import { PsBase, transactionSync } from "@psbase/psbase";
 * import { assertEquals } from "@std/assert";
 *
 * const dir = Deno.makeTempDirSync();
 * using live = PsBase.createSync(`${dir}/live`, { n: "integer" });
 * using old = PsBase.createSync(`${dir}/old`, { n: "integer" });
 * live.insertManySync([{ n: 1 }, { n: 2 }]);
 * transactionSync([old, live], (old, live) => {
 *   old.insertMany(live.select({ n: 1 }).map(({ n }) => ({ n })));
 *   live.deleteWhere({ n: 1 });
 * });
 * assertEquals([live.size, old.size], [1, 1]);
 * ```
 */
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
