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
 * The verbs of a table within a transaction. None of them waits. Each sees the changes that the
 * transaction made before it; nobody else sees any of them until all are committed together.
 *
 * The verbs that write have the arguments and the errors of the verbs of {@linkcode Base}, without
 * the errors of the lock. A verb that throws has changed nothing: whoever catches the error can go
 * on. Once the function of the transaction has returned or thrown, every verb throws a
 * `ClosedError`.
 *
 * @typeParam S The schema: field names and their types.
 *
 * @example Money that moves
 * ```ts
 * import { PsBase } from "@psbase/psbase";
 * import { assertEquals } from "@std/assert";
 *
 * const schema = {
 *   name: { type: "string", unique: true },
 *   money: { type: "integer", required: true },
 * } as const;
 * await using accounts = await PsBase.open(await Deno.makeTempDir(), schema);
 * const [a, b] = await accounts.insertMany([{ name: "a", money: 10 }, { name: "b", money: 0 }]);
 * await accounts.transaction((tx) => {
 *   tx.update(a!, (row) => ({ money: row.money - 3 }));
 *   tx.update(b!, (row) => ({ money: row.money + 3 }));
 * });
 * assertEquals(accounts.select().map((row) => row.money), [7, 3]);
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

  /** As {@linkcode Base.insert}; gives the id that the row will have. */
  insert(row: Insert<S>): number {
    return this.#insert(this.#edits.insert(row));
  }

  /** As {@linkcode Base.insertMany}; gives the ids that the rows will have. */
  insertMany(rows: Iterable<Insert<S>>): number[] {
    return this.#insert(this.#edits.insertMany(rows));
  }

  /** As {@linkcode Base.insertAsStrings}; gives the id that the row will have. */
  insertAsStrings(row: InsertStrings<S>): number {
    return this.#insert(this.#edits.insertAsStrings(row, this.#formats));
  }

  /** The rows that links lead to must be on disk before the new rows are. */
  #insert<T>(change: Edit<T>): T {
    this.#store.links.flushSync(this.#work.refresh().schema);
    return this.#work.run(change);
  }

  /** As {@linkcode Base.update}. */
  update<const T extends Target<S> | readonly Target<S>[], const C extends Update<S>>(
    target: T,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
    options: UpdateOptionsOf<T> = {},
  ): Updated<S, T> {
    const rows = this.#work.run(this.#edits.update(target, changes, options));
    return (Array.isArray(target) ? rows : rows[0]) as Updated<S, T>;
  }

  /** As {@linkcode Base.updateWhere}. */
  updateWhere<const C extends Update<S>>(
    where: Filter<S>,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
  ): number {
    return this.#work.run(this.#edits.updateWhere(where, changes));
  }

  /** As {@linkcode Base.upsert}. */
  upsert<K extends UniqueName<S>>(key: UniqueKey<S, K>, values: Omit<Insert<S>, K>): Row<S> {
    return this.#work.run(this.#edits.upsert(key, values)) as Row<S>;
  }

  /** As {@linkcode Base.delete}. */
  delete(target: Target<S> | readonly Target<S>[]): number {
    return this.#work.run(this.#edits.delete(listOf(target)));
  }

  /** As {@linkcode Base.deleteWhere}. */
  deleteWhere(where: Filter<S>): number {
    return this.#work.run(this.#edits.deleteWhere(where));
  }
}
