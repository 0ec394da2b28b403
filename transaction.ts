/**
 * Several changes as one commit: what `transaction` passes to its function.
 *
 * @module
 */

import { Edits, listOf } from "./engine/write/edits.ts";
import type { Target, Updated, UpdateOptionsOf } from "./engine/schema/options.ts";
import type { Store } from "./engine/store/store.ts";
import type { StringFormats } from "./engine/schema/strings.ts";
import type {
  Exactly,
  Filter,
  Insert,
  InsertStrings,
  Row,
  Schema,
  UniqueKey,
  UniqueName,
  Update,
} from "./engine/schema/types.ts";
import type { WriteTransaction } from "./engine/write/write_transaction.ts";
import { View } from "./view.ts";
import type { Edit } from "./engine/write/write_batch.ts";

/** Makes what the function of a transaction gets. */
export let transactionOf: <S extends Schema>(
  store: Store,
  work: WriteTransaction,
  formats: StringFormats,
) => Transaction<S>;

/**
 * The verbs of a table within a transaction: none waits, all see what was changed before in it,
 * nobody else sees anything until it is committed as a whole.
 *
 * A verb that throws changed nothing; who catches the error can go on. Once the function has
 * returned or thrown, every verb throws a `ClosedError`.
 *
 * @typeParam S The schema: field names and their types.
 *
 * @example Money that moves
 * ```ts
 * import { PsBase } from "@psbase/psbase";
 * import { assertEquals } from "@std/assert";
 *
 * const accounts = await PsBase.create(await Deno.makeTempDir(), {
 *   name: { type: "string", unique: true },
 *   money: { type: "integer", required: true },
 * });
 * const [a, b] = await accounts.insertMany([{ name: "a", money: 10 }, { name: "b", money: 0 }]);
 * await accounts.transaction((tx) => {
 *   tx.update(a!, (row) => ({ money: row.money - 3 }));
 *   tx.update(b!, (row) => ({ money: row.money + 3 }));
 * });
 * assertEquals(accounts.select().map((row) => row.money), [7, 3]);
 * await accounts.destroy();
 * ```
 */
export class Transaction<S extends Schema = Schema> extends View<S> {
  readonly #store: Store;
  readonly #work: WriteTransaction;
  readonly #edits: Edits;
  readonly #formats: StringFormats;

  private constructor(store: Store, work: WriteTransaction, formats: StringFormats) {
    super(work);
    this.#store = store;
    this.#work = work;
    this.#edits = new Edits(store, () => work.refresh());
    this.#formats = formats;
  }

  static {
    transactionOf = (store, work, formats) => new Transaction(store, work, formats);
  }

  /**
   * Adds a row.
   *
   * @param row Values by field; those left out get their defaults.
   * @returns The id that the row will have.
   * @throws {SchemaError} If a field is unknown, or one that is required is missing.
   * @throws {TypeError} If a value is not of the type of its field.
   * @throws {RangeError} If a value is out of range.
   * @throws {UniqueError} If a value of a unique field is there already.
   *
   * @example Its own changes
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * const name = await people.transaction((tx) => {
   *   const id = tx.insert({ name: "homer" });
   *   return tx.get(id)?.name;
   * });
   * assertEquals(name, "homer");
   * await people.destroy();
   * ```
   */
  insert(row: Insert<S>): number {
    return this.#insert(this.#edits.insert(row));
  }

  /**
   * Adds rows.
   *
   * @param rows Values by field, for each row.
   * @returns The ids that the rows will have, in order.
   * @throws {SchemaError} If a field is unknown, or one that is required is missing.
   * @throws {TypeError} If a value is not of the type of its field.
   * @throws {RangeError} If a value is out of range.
   * @throws {UniqueError} If a value of a unique field is there already.
   *
   * @example Rows
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * const ids = await people.transaction((tx) => tx.insertMany([{ age: 1 }, { age: 2 }]));
   * assertEquals(ids, [0, 1]);
   * await people.destroy();
   * ```
   */
  insertMany(rows: Iterable<Insert<S>>): number[] {
    return this.#insert(this.#edits.insertMany(rows));
  }

  /**
   * Adds a row of texts, as {@linkcode Base.insertAsStrings} does.
   *
   * @param row Texts by field; `null` is null, those left out get their defaults.
   * @returns The id that the row will have.
   * @throws {SchemaError} If a field is unknown, or one that is required is missing.
   * @throws {TypeError} If a text is not of the form that its field has.
   * @throws {RangeError} If a value is out of range.
   * @throws {UniqueError} If a value of a unique field is there already.
   *
   * @example A form
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.transaction((tx) => tx.insertAsStrings({ name: "bart", age: "10" }));
   * assertEquals(people.get(0)?.age, 10);
   * await people.destroy();
   * ```
   */
  insertAsStrings(row: InsertStrings<S>): number {
    return this.#insert(this.#edits.insertAsStrings(row, this.#formats));
  }

  /** What links of new rows lead to must be on disk before they are. */
  #insert<T>(change: Edit<T>): T {
    this.#store.links.flushSync(this.#work.refresh().schema);
    return this.#work.run(change);
  }

  /**
   * Changes a row, or rows: all of them, or none.
   *
   * @typeParam T A row, an id, or an array of them.
   * @typeParam C What a function returns.
   * @param target Which row, or which rows.
   * @param changes Values by field, or a function that makes them of the row as it is.
   * @returns The new row; for an array, the new rows.
   * @throws {ConflictError} If a row was passed that was changed since it was read.
   * @throws {RecordNotFoundError} If a row is gone.
   * @throws {UpdateError} If what was passed is no row.
   * @throws {SchemaError} If a field is unknown, or one that is required would be null.
   * @throws {TypeError} If a value is not of the type of its field.
   * @throws {RangeError} If a value is out of range.
   * @throws {UniqueError} If a value of a unique field is there already.
   *
   * @example Read, then write
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insert({ name: "homer", age: 38 });
   * await people.transaction((tx) => {
   *   for (const row of tx.select({ age: 38 })) tx.update(row, { age: 39 });
   * });
   * assertEquals(people.get(0)?.age, 39);
   * await people.destroy();
   * ```
   */
  update<const T extends Target<S> | readonly Target<S>[], const C extends Update<S>>(
    target: T,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
    options: UpdateOptionsOf<T> = {},
  ): Updated<S, T> {
    const rows = this.#work.run(this.#edits.update(target, changes, options));
    return (Array.isArray(target) ? rows : rows[0]) as Updated<S, T>;
  }

  /**
   * Changes the rows that match.
   *
   * @typeParam C What a function returns.
   * @param where Conditions by field, or a function.
   * @param changes As for {@linkcode Transaction.update}.
   * @returns How many rows were changed.
   * @throws {SchemaError} If a field is unknown, or one that is required would be null.
   * @throws {TypeError} If a condition or a value does not fit the type of its field, or there is
   * no condition.
   * @throws {RangeError} If a value is out of range.
   * @throws {UniqueError} If a value of a unique field is there already.
   *
   * @example Everybody
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insert({ name: "homer", age: 38 });
   * await people.transaction((tx) => tx.updateWhere({}, { age: 0 }));
   * assertEquals(people.get(0)?.age, 0);
   * await people.destroy();
   * ```
   */
  updateWhere<const C extends Update<S>>(
    where: Filter<S>,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
  ): number {
    return this.#work.run(this.#edits.updateWhere(where, changes));
  }

  /**
   * Changes the row that has a value in a unique field, or adds one.
   *
   * @typeParam K The unique field.
   * @param key The unique field and its value.
   * @param values Values of the other fields, all that `insert` needs.
   * @returns The row.
   * @throws {TypeError} If `key` is not one unique field, or a value is not of its type.
   * @throws {SchemaError} If a field is unknown, or one that is required is missing.
   * @throws {RangeError} If a value is out of range.
   * @throws {UniqueError} If a value of another unique field is there already.
   *
   * @example Twice the same row
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { email: { type: "string", unique: true }, name: "string" });
   * await people.transaction((tx) => {
   *   tx.upsert({ email: "h@x" }, { name: "homer" });
   *   tx.upsert({ email: "h@x" }, { name: "max power" });
   * });
   * assertEquals(people.select().map((row) => row.name), ["max power"]);
   * await people.destroy();
   * ```
   */
  upsert<K extends UniqueName<S>>(key: UniqueKey<S, K>, values: Omit<Insert<S>, K>): Row<S> {
    return this.#work.run(this.#edits.upsert(key, values)) as Row<S>;
  }

  /**
   * Deletes a row, or rows, whatever their version is.
   *
   * @param target Which row, or which rows.
   * @returns How many were there.
   * @throws {UpdateError} If what was passed is no row.
   *
   * @example One
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insert({ name: "homer" });
   * assertEquals(await people.transaction((tx) => tx.delete(0)), 1);
   * await people.destroy();
   * ```
   */
  delete(target: Target<S> | readonly Target<S>[]): number {
    return this.#work.run(this.#edits.delete(listOf(target)));
  }

  /**
   * Deletes the rows that match.
   *
   * @param where Conditions by field, or a function.
   * @returns How many.
   * @throws {TypeError} If a field is unknown, a condition does not fit its type, or there is none.
   * @throws {RangeError} If a value is out of range.
   *
   * @example All of a name
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insert({ name: "homer" });
   * assertEquals(await people.transaction((tx) => tx.deleteWhere({ name: "homer" })), 1);
   * await people.destroy();
   * ```
   */
  deleteWhere(where: Filter<S>): number {
    return this.#work.run(this.#edits.deleteWhere(where));
  }
}
