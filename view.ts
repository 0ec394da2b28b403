/**
 * The verbs that read a table; none takes a lock. A `Base` reads the newest commit point at each
 * call, `snapshot` passes a view of one commit point, and a transaction sees its own changes too.
 *
 * @module
 */

import {
  avg,
  compileAggregates,
  decodeAttribute,
  distinct,
  extreme,
  groupBy,
  sum,
} from "./engine/query/aggregate.ts";
import { checkFunction } from "./engine/system/check.ts";
import { ClosedError, inContext } from "./engine/system/errors.ts";
import type { Explanation } from "./engine/schema/options.ts";
import { explainSelect } from "./engine/query/explain.ts";
import { compile, EVERYTHING, fieldOf, type Query, sortableOf } from "./engine/query/query.ts";
import type { ResultSet } from "./engine/query/result_set.ts";
import { rowAt } from "./engine/snapshot/rows.ts";
import { count, scan } from "./engine/query/scan.ts";
import type { TableSchema } from "./engine/schema/schema.ts";
import { select, selectionOf } from "./engine/query/select.ts";
import type { Snapshot } from "./engine/snapshot/snapshot.ts";
import type { RowLocation } from "./engine/snapshot/location.ts";
import type {
  Aggregate,
  FieldName,
  FieldSpec,
  FigureNames,
  Filter,
  Grouped,
  NotPromise,
  Nullable,
  NumericName,
  Projected,
  Row,
  Schema,
  SelectOptions,
  SortableName,
  SumOf,
  ValueOf,
} from "./engine/schema/types.ts";

/** Where rows are read from. */
export interface Source {
  /** The directory of the table. */
  readonly dir: string;
  /** The commit point to read from. */
  refresh(): Snapshot;
  /** Throws if nothing can be read any more. */
  checkOpen(): void;
}

/**
 * The verbs that read a table.
 *
 * `Base` and `PsBase` have them; `snapshot` passes a view of one commit point to its function.
 *
 * All of them are synchronous: they take no lock and never wait for a writer.
 *
 * Conditions (`where`) are given by field, or as a predicate function; if they are left out, all rows
 * match. A verb throws a `TypeError` if a field is unknown or of the wrong type, or a condition does
 * not fit it, and a `RangeError` if a value is out of range.
 *
 * @example A function that reads, from a table or from a snapshot of it
 * ```ts
 * import { PsBase, type View } from "@psbase/psbase";
 * import { assertEquals } from "@std/assert";
 *
 * const schema = { name: "string", age: "integer" } as const;
 * await using people = await PsBase.open(await Deno.makeTempDir(), schema);
 * await people.insertMany([{ name: "homer", age: 39 }, { name: "lisa", age: 8 }]);
 * const adults = (view: View<typeof schema>) => view.count({ age: { gte: 18 } });
 * assertEquals(adults(people), 1);
 * assertEquals(people.snapshot(adults), 1);
 * ```
 */
export class View<S extends Schema = Schema> implements Iterable<Row<S>> {
  readonly #source: Source;

  /** Made by `create`, `open` and {@linkcode View.snapshot}. */
  protected constructor(source: Source) {
    this.#source = source;
  }

  /**
   * The directory of the table, as an absolute path that was resolved when the table was opened.
   */
  get path(): string {
    return this.#source.dir;
  }

  /** The fields in order, each with its options: `{ type: "integer" }` for `"integer"`. */
  get schema(): { readonly [K in keyof S]: FieldSpec } {
    const { schema, origin: { links } } = this.#snapshot;
    return schema.fieldSpecs((target) => links.pathOf(target)) as {
      readonly [K in keyof S]: FieldSpec;
    };
  }

  /** The value that `insert` gives to each field that is left out. */
  get defaults(): { readonly [K in keyof S]: ValueOf<S, S[K]> | null } {
    return this.#snapshot.schema.defaults() as { readonly [K in keyof S]: ValueOf<S, S[K]> | null };
  }

  // ------------------------------------------------------------- reading

  /**
   * Reads a row.
   *
   * @returns A copy of the row, `undefined` if there is none.
   */
  get(id: number): Row<S> | undefined {
    const snapshot = this.#snapshot;
    const location = snapshot.find(id);
    return location && rowAt(snapshot.origin, location, snapshot.schema.fields) as Row<S>;
  }

  /**
   * Reads the `n`th row in id order.
   *
   * @param n How many rows come before it; from the end, if negative.
   * @returns A copy of the row, `undefined` if there are fewer rows.
   */
  at(n: number): Row<S> | undefined {
    const snapshot = this.#snapshot;
    const before = n < 0 ? snapshot.size + n : n;
    const location = Number.isSafeInteger(before) && before >= 0 ? snapshot.nth(before) : undefined;
    return location && rowAt(snapshot.origin, location, snapshot.schema.fields) as Row<S>;
  }

  /** Whether a row exists. */
  has(id: number): boolean {
    return this.#snapshot.find(id) !== undefined;
  }

  /**
   * The newest commit whose changes are seen; `watch` can begin after it.
   *
   * @example Rows, then their changes
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * await using people = await PsBase.open(await Deno.makeTempDir(), { name: "string" });
   * await people.insert({ name: "homer" });
   * const [rows, since] = people.snapshot((view) => [view.select(), view.sequence]);
   * await people.delete(rows[0]!);
   * for await (const { kind, before } of people.watch({ since })) {
   *   assertEquals([kind, before?.name], ["delete", "homer"]);
   *   break;
   * }
   * ```
   */
  get sequence(): number {
    return this.#snapshot.sequence;
  }

  /** Iterates over the ids of all rows, ascending, as they are at the moment of the call. */
  keys(): IterableIterator<number> {
    return this.#iterate((location) => location.id);
  }

  /** The number of rows. */
  get size(): number {
    return this.#snapshot.size;
  }

  /**
   * Iterates over all rows in id order, as they are at the moment of the call, whatever is written
   * meanwhile.
   *
   * @returns An iterator over copies of the rows.
   */
  [Symbol.iterator](): IterableIterator<Row<S>> {
    return this.#iterate((location, snapshot) =>
      rowAt(snapshot.origin, location, snapshot.schema.fields) as Row<S>
    );
  }

  /**
   * Reads the rows that match.
   *
   * All conditions by field must hold. A condition is a value (also `null`), a range `[least,
   * greatest]` with both ends, a pattern, or operators: `eq ne gt gte lt lte in notIn between
   * contains startsWith endsWith`, and `not` and `or` of conditions of the same field.
   * `field("name")` stands for another field of the row. `_and`, `_or` and `_not` take
   * conditions of whole rows.
   *
   * A predicate function gets a lazy view of each row: only the columns it touches are read. Do not
   * keep the view. The function must return a boolean, and reading a name that is no field throws.
   * Conditions are faster: they run on columns and indexes, a function runs for each row.
   *
   * @param options Fields, order, and how many.
   * @returns Copies of the rows, by id if no order is given.
   * @throws {TypeError} If a field or an option is unknown, or a condition does not fit its type.
   * @throws {RangeError} If a value is out of range, or `limit` or `offset` is negative.
   *
   * @example Conditions and functions
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const schema = { name: "string", age: "integer" } as const;
   * await using people = await PsBase.open(await Deno.makeTempDir(), schema);
   * await people.insertMany([{ name: "homer", age: 39 }, { name: "lisa", age: 8 }]);
   * assertEquals(people.select({ age: { between: [30, 40] } })[0]?.name, "homer");
   * assertEquals(people.select((row) => row.age !== null && row.age < 10)[0]?.name, "lisa");
   * assertEquals(people.select({ _or: [{ name: /^h/ }, { age: { gt: 50 } }] }).length, 1);
   * assertEquals(people.select({}, { orderBy: "-age", limit: 1 }).first?.name, "homer");
   * ```
   */
  select<K extends FieldName<S> = FieldName<S>>(
    where?: Filter<S>,
    options: SelectOptions<S, K> = {},
  ): ResultSet<Projected<S, K>> {
    const plan = (schema: TableSchema) => selectionOf(schema, options);
    return this.#query("select from", where, plan, select) as ResultSet<object> as ResultSet<
      Projected<S, K>
    >;
  }

  /** Counts the rows that match. */
  count(where?: Filter<S>): number {
    return this.#query("count rows of", where, () => undefined, count);
  }

  /**
   * Adds up the values of a numeric field; nulls are left out.
   *
   * @param field The name of the field: integer, float or bigint.
   * @returns The sum, a bigint for bigints; 0 if there is no value.
   * @throws {RangeError} If the sum of integers exceeds 2^53 - 1.
   */
  sum<K extends NumericName<S>>(field: K, where?: Filter<S>): SumOf<S, K> {
    const plan = (schema: TableSchema) => fieldOf(schema, field);
    return this.#query("sum up", where, plan, sum) as SumOf<S, K>;
  }

  /**
   * Averages the values of a numeric field; nulls are left out.
   *
   * @param field The name of the field: integer, float or bigint.
   * @returns The mean, `null` if there is no value.
   */
  avg(field: NumericName<S>, where?: Filter<S>): number | null {
    const plan = (schema: TableSchema) => fieldOf(schema, field);
    return this.#query("average", where, plan, avg);
  }

  /**
   * The least value of a field, in the order of `orderBy`; nulls are left out.
   *
   * @param field The name of the field: any but json.
   * @returns The value, `null` if there is none.
   */
  min<K extends SortableName<S>>(field: K, where?: Filter<S>): ValueOf<S, S[K]> | null {
    return this.#extreme("min", field, where) as ValueOf<S, S[K]> | null;
  }

  /**
   * The greatest value of a field, in the order of `orderBy`; nulls are left out.
   *
   * @param field The name of the field: any but json.
   * @returns The value, `null` if there is none.
   */
  max<K extends SortableName<S>>(field: K, where?: Filter<S>): ValueOf<S, S[K]> | null {
    return this.#extreme("max", field, where) as ValueOf<S, S[K]> | null;
  }

  #extreme(which: "min" | "max", field: string, where: unknown): unknown {
    const plan = (schema: TableSchema) => sortableOf(schema, field);
    return this.#query(
      `take the ${which} of`,
      where,
      plan,
      (snapshot, query, column) =>
        decodeAttribute(snapshot, column, extreme(snapshot, query, column, which)),
    );
  }

  /**
   * The distinct values of a field.
   *
   * @param field The name of the field: any but json.
   * @returns Each value once, in order; null first, if a row has it.
   */
  distinct<K extends SortableName<S>>(
    field: K,
    where?: Filter<S>,
  ): (ValueOf<S, S[K]> | Nullable<S[K]>)[] {
    const plan = (schema: TableSchema) => sortableOf(schema, field);
    return this.#query(
      "tell values of",
      where,
      plan,
      (snapshot, query, column) =>
        distinct(snapshot, query, column).map((value) => decodeAttribute(snapshot, column, value)),
    ) as (ValueOf<S, S[K]> | Nullable<S[K]>)[];
  }

  /**
   * Aggregates the rows that share a value.
   *
   * @param field The field whose values make the groups: any but json.
   * @param aggregates Figures by name: `"count"`, or `sum`, `avg`, `min` or `max` of a field.
   * @returns For each value, in order and null first, an object with the value and its figures.
   * @throws {RangeError} If a sum of integers exceeds 2^53 - 1.
   *
   * @example Teams
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const schema = { team: "string", age: "integer" } as const;
   * await using people = await PsBase.open(await Deno.makeTempDir(), schema);
   * await people.insertMany([{ team: "b", age: 39 }, { team: "a" }, { team: "b", age: 10 }]);
   * assertEquals(people.groupBy("team", { n: "count", mean: ["avg", "age"] }), [
   *   { team: "a", n: 1, mean: null },
   *   { team: "b", n: 2, mean: 24.5 },
   * ]);
   * ```
   */
  groupBy<
    K extends SortableName<S>,
    const A extends Readonly<Record<string, Aggregate<S>>>,
  >(field: K, aggregates: A & FigureNames<K>, where?: Filter<S>): Grouped<S, K, A>[] {
    const plan = (schema: TableSchema) => {
      const key = sortableOf(schema, field);
      return { key, figures: compileAggregates(schema, key, aggregates) };
    };
    return this.#query(
      "group rows of",
      where,
      plan,
      (snapshot, query, { key, figures }) => groupBy(snapshot, query, key, figures),
    ) as unknown as Grouped<S, K, A>[];
  }

  /**
   * Shows how `select` would find the rows that match: which index it uses, and how many rows it
   * reads at most. It does not run the query.
   *
   * @param options The options of `select`: an index may find the first rows of an order.
   *
   * @example By index
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const schema = { team: { type: "string", index: true } } as const;
   * await using people = await PsBase.open(await Deno.makeTempDir(), schema);
   * await people.insertMany(Array.from({ length: 1000 }, (_, n) => ({ team: `team ${n}` })));
   * await people.cleanup();
   * const { method, index, rowsRead } = people.explain({ team: "team 7" });
   * assertEquals([method, index, rowsRead], ["index", "team", 1]);
   * ```
   */
  explain(where?: Filter<S>, options: SelectOptions<S> = {}): Explanation {
    const plan = (schema: TableSchema) => selectionOf(schema, options);
    return this.#query("explain", where, plan, explainSelect);
  }

  /**
   * Reads at one commit point: everything that `fn` reads through its view is as of the same
   * commit, although others write meanwhile. Reading there is also faster, because it looks for no
   * new commits. The rows that links lead to are read as they are now.
   *
   * @typeParam T What `fn` returns.
   * @param fn Reads. It cannot wait, and its view ends with the call.
   * @returns What `fn` returned.
   *
   * @example One moment
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * await using people = await PsBase.open(await Deno.makeTempDir(), { name: "string" });
   * await people.insertMany([{ name: "homer" }, { name: null }]);
   * const [size, count] = people.snapshot((view) => [view.size, view.count({ name: null })]);
   * assertEquals([size, count], [2, 1]);
   * ```
   */
  snapshot<T>(fn: (view: View<S>) => NotPromise<T>): T {
    const { dir } = this.#source;
    inContext(`Cannot take a snapshot of "${dir}"`, () => checkFunction(fn));
    let open = true;
    return this.#read((snapshot) => {
      const checkOpen = () => {
        this.#source.checkOpen();
        if (!open) {
          throw new ClosedError(`Cannot use a snapshot of "${dir}": its function returned`);
        }
      };
      const refresh = () => {
        checkOpen();
        return snapshot;
      };
      try {
        return fn(new View<S>({ dir, refresh, checkOpen })) as T;
      } finally {
        open = false;
      }
    });
  }

  // ------------------------------------------------------------- how

  /** The commit point to read from. */
  get #snapshot(): Snapshot {
    return this.#source.refresh();
  }

  /** Compiles the conditions, and plans what else was asked, before any row is read. */
  #query<P, T>(
    verb: string,
    where: unknown,
    plan: (schema: TableSchema) => P,
    fn: (snapshot: Snapshot, query: Query, plan: P) => T,
  ): T {
    const attempt = `Cannot ${verb} "${this.path}"`;
    return this.#read((snapshot) => {
      const { schema } = snapshot;
      const { query, planned } = inContext(attempt, () => ({
        query: compile(schema, where),
        planned: plan(schema),
      }));
      return fn(snapshot, query, planned);
    });
  }

  /** Reads at one commit point, which stays as it is although a user's function may write. */
  #read<T>(fn: (snapshot: Snapshot) => T): T {
    const snapshot = this.#snapshot;
    snapshot.pin();
    try {
      return fn(snapshot);
    } finally {
      snapshot.unpin();
    }
  }

  #iterate<T>(give: (location: RowLocation, snapshot: Snapshot) => T): IterableIterator<T> {
    const source = this.#source;
    const rows = function* (snapshot: Snapshot): Generator<T> {
      snapshot.pin();
      try {
        yield undefined as T;
        for (const location of scan(snapshot, EVERYTHING)) {
          source.checkOpen();
          yield give(location, snapshot);
        }
      } finally {
        snapshot.unpin();
      }
    }(this.#snapshot);
    // Runs to the first yield: the snapshot is that of the call, not of the first step.
    rows.next();
    return rows;
  }
}
