/**
 * One interface for tables wherever they are: a directory (`PsBase`, `Base`) or a server
 * (`RemoteBase`). A program that is written against {@linkcode Store} awaits every call, and then
 * runs on each of them.
 *
 * Only types are here.
 *
 * @module
 */

import type {
  Explanation,
  Target,
  TransactionOptions,
  Updated,
  UpdateOptionsOf,
  WatchOptions,
} from "./engine/schema/options.ts";
import type {
  Aggregate,
  Change,
  Exactly,
  FieldName,
  FigureNames,
  Filter,
  Grouped,
  Insert,
  InsertStrings,
  Nullable,
  NumericName,
  Projected,
  Row,
  Schema,
  SelectOptions,
  SortableName,
  SumOf,
  UniqueKey,
  UniqueName,
  Update,
  ValueOf,
} from "./engine/schema/types.ts";

/** A value, or a promise of it: `await` takes both. */
export type May<T> = T | PromiseLike<T>;

/**
 * The verbs that read. {@linkcode View} describes each; here the result may be a promise.
 *
 * Predicate functions run where the rows are: a `RemoteBase` refuses them.
 */
export interface ReadStore<S extends Schema> {
  /** The newest commit whose changes are seen. */
  readonly sequence: May<number>;
  /** The number of rows. */
  readonly size: May<number>;
  /** See `View.get`. */
  get(id: number): May<Row<S> | undefined>;
  /** See `View.at`. */
  at(n: number): May<Row<S> | undefined>;
  /** See `View.has`. */
  has(id: number): May<boolean>;
  /** See `View.select`. */
  select<K extends FieldName<S> = FieldName<S>>(
    where?: Filter<S>,
    options?: SelectOptions<S, K>,
  ): May<readonly Projected<S, K>[]>;
  /** See `View.count`. */
  count(where?: Filter<S>): May<number>;
  /** See `View.sum`. */
  sum<K extends NumericName<S>>(field: K, where?: Filter<S>): May<SumOf<S, K>>;
  /** See `View.avg`. */
  avg(field: NumericName<S>, where?: Filter<S>): May<number | null>;
  /** See `View.min`. */
  min<K extends SortableName<S>>(field: K, where?: Filter<S>): May<ValueOf<S, S[K]> | null>;
  /** See `View.max`. */
  max<K extends SortableName<S>>(field: K, where?: Filter<S>): May<ValueOf<S, S[K]> | null>;
  /** See `View.distinct`. */
  distinct<K extends SortableName<S>>(
    field: K,
    where?: Filter<S>,
  ): May<readonly (ValueOf<S, S[K]> | Nullable<S[K]>)[]>;
  /** See `View.groupBy`. */
  groupBy<K extends SortableName<S>, const A extends Readonly<Record<string, Aggregate<S>>>>(
    field: K,
    aggregates: A & FigureNames<K>,
    where?: Filter<S>,
  ): May<readonly Grouped<S, K, A>[]>;
  /** See `View.explain`. */
  explain(where?: Filter<S>, options?: SelectOptions<S>): May<Explanation>;
}

/** The verbs of a transaction. `Transaction` describes each; here the result may be a promise. */
export interface StoreTransaction<S extends Schema> extends ReadStore<S> {
  /** See `Base.insert`. */
  insert(row: Insert<S>): May<number>;
  /** See `Base.insertMany`. */
  insertMany(rows: Iterable<Insert<S>>): May<readonly number[]>;
  /** See `Base.insertAsStrings`. */
  insertAsStrings(row: InsertStrings<S>): May<number>;
  /** See `Base.update`. */
  update<const T extends Target<S> | readonly Target<S>[], const C extends Update<S>>(
    target: T,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
    options?: UpdateOptionsOf<T>,
  ): May<Updated<S, T>>;
  /** See `Base.updateWhere`. */
  updateWhere<const C extends Update<S>>(
    where: Filter<S>,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
  ): May<number>;
  /** See `Base.upsert`. */
  upsert<K extends UniqueName<S>>(
    key: UniqueKey<S, K>,
    values: Omit<Insert<S>, K>,
  ): May<Row<S>>;
  /** See `Base.delete`. */
  delete(target: Target<S> | readonly Target<S>[]): May<number>;
  /** See `Base.deleteWhere`. */
  deleteWhere(where: Filter<S>): May<number>;
}

/**
 * A table, wherever it is. `Base` describes each verb.
 *
 * @example A program that runs on a directory and on a server
 * ```ts
 * import { PsBase, type Store } from "@psbase/psbase";
 * import { assertEquals } from "@std/assert";
 *
 * const schema = { name: "string", age: "integer" } as const;
 * async function birthday(people: Store<typeof schema>, id: number): Promise<number | null> {
 *   const row = await people.update(id, (row) => ({ age: (row.age ?? 0) + 1 }));
 *   return row.age;
 * }
 *
 * await using people = await PsBase.open(await Deno.makeTempDir(), schema);
 * const id = await people.insert({ name: "homer", age: 38 });
 * assertEquals(await birthday(people, id), 39);
 * ```
 */
export interface Store<S extends Schema> extends ReadStore<S>, AsyncDisposable {
  /** See `Base.insert`. */
  insert(row: Insert<S>): Promise<number>;
  /** See `Base.insertMany`. */
  insertMany(rows: Iterable<Insert<S>>): Promise<number[]>;
  /** See `Base.insertAsStrings`. */
  insertAsStrings(row: InsertStrings<S>): Promise<number>;
  /** See `Base.update`. On a server, a function may run more than once. */
  update<const T extends Target<S> | readonly Target<S>[], const C>(
    target: T,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
    options?: UpdateOptionsOf<T>,
  ): Promise<Updated<S, T>>;
  /** See `Base.updateWhere`. On a server, a function may run more than once. */
  updateWhere<const C>(
    where: Filter<S>,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
  ): Promise<number>;
  /** See `Base.upsert`. */
  upsert<K extends UniqueName<S>>(
    key: UniqueKey<S, K>,
    values: Omit<Insert<S>, K>,
  ): Promise<Row<S>>;
  /** See `Base.delete`. */
  delete(target: Target<S> | readonly Target<S>[]): Promise<number>;
  /** See `Base.deleteWhere`. */
  deleteWhere(where: Filter<S>): Promise<number>;
  /** See `Base.transaction`. On a server, `fn` may run more than once. */
  transaction<T>(
    fn: (tx: StoreTransaction<S>) => Promise<T>,
    options?: TransactionOptions,
  ): Promise<T>;
  /** See `Base.watch`. */
  watch(options?: WatchOptions<S>): AsyncIterable<Change<S>>;
  /** Waits for the writes in progress and closes the table. */
  close(): Promise<void>;
}
