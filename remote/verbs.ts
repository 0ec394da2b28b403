/**
 * The verbs of a remote table and of its transactions: each sends its name and its arguments.
 *
 * @module
 */

import type { Explanation, Target, Updated, UpdateOptionsOf } from "../engine/schema/options.ts";
import type {
  Aggregate,
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
} from "../engine/schema/types.ts";
import type { StoreTransaction } from "../store.ts";

/** The verbs that a remote table and its transactions share. Conditions cannot be functions. */
export abstract class RemoteVerbs<S extends Schema> implements StoreTransaction<S> {
  /** Sends a verb that reads. */
  protected abstract read<T>(verb: string, args: readonly unknown[]): Promise<T>;
  /** Sends a verb that writes. */
  protected abstract write<T>(verb: string, args: readonly unknown[]): Promise<T>;

  /** Updates rows by a function, which runs here. */
  protected abstract updateBy(
    targets: readonly Target<S>[],
    change: (row: never) => unknown,
    options: object,
  ): Promise<Row<S>[]>;
  /** Updates the rows that match by a function, which runs here. */
  protected abstract updateWhereBy(
    where: Filter<S>,
    change: (row: never) => unknown,
  ): Promise<number>;

  /** As {@linkcode View.sequence}. */
  get sequence(): Promise<number> {
    return this.read("sequence", []);
  }

  /** As {@linkcode View.size}. */
  get size(): Promise<number> {
    return this.read("size", []);
  }

  /** As {@linkcode View.get}. */
  get(id: number): Promise<Row<S> | undefined> {
    return this.read("get", [id]);
  }

  /** As {@linkcode View.at}. */
  at(n: number): Promise<Row<S> | undefined> {
    return this.read("at", [n]);
  }

  /** As {@linkcode View.has}. */
  has(id: number): Promise<boolean> {
    return this.read("has", [id]);
  }

  /** As {@linkcode View.select}; the rows are a plain array. */
  select<K extends FieldName<S> = FieldName<S>>(
    where: Filter<S> = {} as Filter<S>,
    options: SelectOptions<S, K> = {},
  ): Promise<Projected<S, K>[]> {
    return this.read("select", [where, options]);
  }

  /** As {@linkcode View.count}. */
  count(where: Filter<S> = {} as Filter<S>): Promise<number> {
    return this.read("count", [where]);
  }

  /** As {@linkcode View.sum}. */
  sum<K extends NumericName<S>>(
    field: K,
    where: Filter<S> = {} as Filter<S>,
  ): Promise<SumOf<S, K>> {
    return this.read("sum", [field, where]);
  }

  /** As {@linkcode View.avg}. */
  avg(field: NumericName<S>, where: Filter<S> = {} as Filter<S>): Promise<number | null> {
    return this.read("avg", [field, where]);
  }

  /** As {@linkcode View.min}. */
  min<K extends SortableName<S>>(
    field: K,
    where: Filter<S> = {} as Filter<S>,
  ): Promise<ValueOf<S, S[K]> | null> {
    return this.read("min", [field, where]);
  }

  /** As {@linkcode View.max}. */
  max<K extends SortableName<S>>(
    field: K,
    where: Filter<S> = {} as Filter<S>,
  ): Promise<ValueOf<S, S[K]> | null> {
    return this.read("max", [field, where]);
  }

  /** As {@linkcode View.distinct}. */
  distinct<K extends SortableName<S>>(
    field: K,
    where: Filter<S> = {} as Filter<S>,
  ): Promise<(ValueOf<S, S[K]> | Nullable<S[K]>)[]> {
    return this.read("distinct", [field, where]);
  }

  /** As {@linkcode View.groupBy}. */
  groupBy<K extends SortableName<S>, const A extends Readonly<Record<string, Aggregate<S>>>>(
    field: K,
    aggregates: A & FigureNames<K>,
    where: Filter<S> = {} as Filter<S>,
  ): Promise<Grouped<S, K, A>[]> {
    return this.read("groupBy", [field, aggregates, where]);
  }

  /** As {@linkcode View.explain}. */
  explain(
    where: Filter<S> = {} as Filter<S>,
    options: SelectOptions<S> = {},
  ): Promise<Explanation> {
    return this.read("explain", [where, options]);
  }

  /** As {@linkcode Base.insert}. */
  insert(row: Insert<S>): Promise<number> {
    return this.write("insert", [row]);
  }

  /** As {@linkcode Base.insertMany}. */
  insertMany(rows: Iterable<Insert<S>>): Promise<number[]> {
    return this.write("insertMany", [[...rows]]);
  }

  /** As {@linkcode Base.insertAsStrings}, with ISO dates and times. */
  insertAsStrings(row: InsertStrings<S>): Promise<number> {
    return this.write("insertAsStrings", [row]);
  }

  /** As {@linkcode Base.update}. A function runs here, and again if another write came first. */
  async update<const T extends Target<S> | readonly Target<S>[], const C>(
    target: T,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
    options: UpdateOptionsOf<T> = {},
  ): Promise<Updated<S, T>> {
    if (typeof changes !== "function") {
      return await this.write("update", [target, changes, options]);
    }
    const targets = (Array.isArray(target) ? target : [target]) as readonly Target<S>[];
    const rows = await this.updateBy(targets, changes, options);
    return (Array.isArray(target) ? rows : rows[0]) as Updated<S, T>;
  }

  /** As {@linkcode Base.updateWhere}. A function runs here, and again if another write came first. */
  async updateWhere<const C>(
    where: Filter<S>,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
  ): Promise<number> {
    if (typeof changes !== "function") return await this.write("updateWhere", [where, changes]);
    return await this.updateWhereBy(where, changes);
  }

  /** As {@linkcode Base.upsert}. */
  upsert<K extends UniqueName<S>>(
    key: UniqueKey<S, K>,
    values: Omit<Insert<S>, K>,
  ): Promise<Row<S>> {
    return this.write("upsert", [key, values]);
  }

  /** As {@linkcode Base.delete}. */
  delete(target: Target<S> | readonly Target<S>[]): Promise<number> {
    return this.write("delete", [target]);
  }

  /** As {@linkcode Base.deleteWhere}. */
  deleteWhere(where: Filter<S>): Promise<number> {
    return this.write("deleteWhere", [where]);
  }
}
