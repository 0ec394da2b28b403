/**
 * Reading a table: the verbs that take no lock. `Base` has them, for the newest commit
 * point at each call, and `snapshot` lends them for a fixed one.
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
  /** Where the table is. */
  readonly dir: string;
  /** The commit point to read from. */
  refresh(): Snapshot;
  /** Throws if nothing can be read any more. */
  checkOpen(): void;
}

/**
 * The reading verbs of a table.
 *
 * `Base` and `PsBase` have them; `snapshot` passes a view of one commit point to its function.
 *
 * @typeParam S The schema: field names and their types.
 *
 * @example A function that reads, from a table or from a snapshot of it
 * ```ts
 * import { PsBase, type View } from "@psbase/psbase";
 * import { assertEquals } from "@std/assert";
 *
 * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
 * await people.insertMany([{ name: "homer", age: 39 }, { name: "lisa", age: 8 }]);
 * const adults = (view: View<{ name: "string"; age: "integer" }>) => view.count({ age: { gte: 18 } });
 * assertEquals(adults(people), 1);
 * assertEquals(people.snapshot(adults), 1);
 * await people.destroy();
 * ```
 */
export class View<S extends Schema = Schema> implements Iterable<Row<S>> {
  readonly #source: Source;

  /** Made by `create`, `open` and {@linkcode View.snapshot}. */
  protected constructor(source: Source) {
    this.#source = source;
  }

  /**
   * Where the table is, as an absolute path: a relative one was resolved when the table was opened.
   *
   * @example Path
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * assertEquals(typeof people.path, "string");
   * await people.destroy();
   * ```
   */
  get path(): string {
    return this.#source.dir;
  }

  /**
   * The fields in order, each with its options spelt out.
   *
   * @example Fields
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * assertEquals(people.schema.age, { type: "integer" });
   * await people.destroy();
   * ```
   */
  get schema(): { readonly [K in keyof S]: FieldSpec } {
    const { schema, origin: { links } } = this.#snapshot;
    return schema.fieldSpecs((target) => links.pathOf(target)) as {
      readonly [K in keyof S]: FieldSpec;
    };
  }

  /**
   * What `insert` puts into fields that are left out.
   *
   * @example Defaults
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.setDefault("age", 20);
   * assertEquals(people.defaults, { name: null, age: 20 });
   * await people.destroy();
   * ```
   */
  get defaults(): { readonly [K in keyof S]: ValueOf<S, S[K]> | null } {
    return this.#snapshot.schema.defaults() as { readonly [K in keyof S]: ValueOf<S, S[K]> | null };
  }

  // ------------------------------------------------------------- reading

  /**
   * Reads a row.
   *
   * @param id Its id.
   * @returns A copy of the row, `undefined` if there is none.
   *
   * @example By id
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insert({ name: "homer" });
   * assertEquals(people.get(0)?.name, "homer");
   * assertEquals(people.get(7), undefined);
   * await people.destroy();
   * ```
   */
  get(id: number): Row<S> | undefined {
    const snapshot = this.#snapshot;
    const location = snapshot.find(id);
    return location && rowAt(snapshot.origin, location, snapshot.schema.fields) as Row<S>;
  }

  /**
   * Reads the row that is `n`th in id order.
   *
   * @param n How many come before it; from the end, if negative.
   * @returns A copy of the row, `undefined` if there are not so many.
   *
   * @example The last
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insertMany([{ name: "homer" }, { name: "marge" }]);
   * assertEquals(people.at(-1)?.name, "marge");
   * await people.destroy();
   * ```
   */
  at(n: number): Row<S> | undefined {
    const snapshot = this.#snapshot;
    const before = n < 0 ? snapshot.size + n : n;
    const location = Number.isSafeInteger(before) && before >= 0 ? snapshot.nth(before) : undefined;
    return location && rowAt(snapshot.origin, location, snapshot.schema.fields) as Row<S>;
  }

  /**
   * Whether there is a row.
   *
   * @param id Its id.
   * @returns Whether it is there.
   *
   * @example There or not
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insert({ name: "homer" });
   * assertEquals([people.has(0), people.has(1)], [true, false]);
   * await people.destroy();
   * ```
   */
  has(id: number): boolean {
    return this.#snapshot.find(id) !== undefined;
  }

  /**
   * The last commit whose changes are seen: what `watch` goes on from.
   *
   * @example Rows, then what became of them
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string" });
   * await people.insert({ name: "homer" });
   * const [rows, since] = people.snapshot((view) => [view.select(), view.sequence]);
   * await people.delete(rows[0]!);
   * for await (const { kind, before } of people.watch({ since })) {
   *   assertEquals([kind, before?.name], ["delete", "homer"]);
   *   break;
   * }
   * await people.destroy();
   * ```
   */
  get sequence(): number {
    return this.#snapshot.sequence;
  }

  /**
   * The ids of all rows, ascending; a snapshot of the moment of the call.
   *
   * @returns An iterator.
   *
   * @example Ids
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insertMany([{ name: "homer" }, { name: "marge" }]);
   * await people.delete(0);
   * assertEquals([...people.keys()], [1]);
   * await people.destroy();
   * ```
   */
  keys(): IterableIterator<number> {
    return this.#iterate((location) => location.id);
  }

  /**
   * The number of rows.
   *
   * @example Size
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insert({ name: "homer" });
   * assertEquals(people.size, 1);
   * await people.destroy();
   * ```
   */
  get size(): number {
    return this.#snapshot.size;
  }

  /**
   * All rows in id order; a snapshot of the moment of the call, whatever is written meanwhile.
   *
   * @returns An iterator over copies of the rows.
   *
   * @example All rows
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insertMany([{ name: "homer" }, { name: "marge" }]);
   * const names = [];
   * for (const row of people) names.push(row.name);
   * assertEquals(names, ["homer", "marge"]);
   * await people.destroy();
   * ```
   */
  [Symbol.iterator](): IterableIterator<Row<S>> {
    return this.#iterate((location, snapshot) =>
      rowAt(snapshot.origin, location, snapshot.schema.fields) as Row<S>
    );
  }

  /**
   * Reads the rows that match.
   *
   * Conditions by field are joined by "and": a value (`null` too) for equality, `[least,
   * greatest]` for an inclusive range, a pattern, or operators (`eq ne gt gte lt lte in notIn
   * between contains startsWith endsWith`, `not` and `or` of conditions of the same field).
   * `field("name")` stands for another field of the row. `_and`, `_or` and `_not` take conditions of
   * whole rows. A function gets a view of each row, which looks only at the fields that it
   * asks for and is good during the call; it must return a boolean. A name that is no field
   * throws. What a function decides is asked of each row, conditions run on columns and indexes.
   *
   * @typeParam K The fields wanted.
   * @param where Conditions by field, or a function; all rows, if left out.
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
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insertMany([{ name: "homer", age: 39 }, { name: "lisa", age: 8 }]);
   * assertEquals(people.select({ age: [30, 40] })[0]?.name, "homer");
   * assertEquals(people.select((row) => row.age !== null && row.age < 10)[0]?.name, "lisa");
   * assertEquals(people.select({ _or: [{ name: /^h/ }, { age: { not: [0, 50] } }] }).length, 1);
   * assertEquals(people.select({}, { orderBy: "-age", limit: 1 }).first?.name, "homer");
   * await people.destroy();
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

  /**
   * Counts the rows that match.
   *
   * @param where Conditions by field, or a function; all rows, if left out.
   * @returns How many.
   * @throws {TypeError} If a field is unknown or of the wrong type, or a condition does not fit.
   * @throws {RangeError} If a value is out of range.
   *
   * @example Count
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insertMany([{ name: "homer", age: 39 }, { name: "lisa", age: 8 }, { name: "bart" }]);
   * assertEquals(people.count({ age: null }), 1);
   * await people.destroy();
   * ```
   */
  count(where?: Filter<S>): number {
    return this.#query("count rows of", where, () => undefined, count);
  }

  /**
   * Adds up the values of a field of numbers; null is left out.
   *
   * @typeParam K The name.
   * @param field The name of the field: integer, float or bigint.
   * @param where Conditions by field, or a function; all rows, if left out.
   * @returns The sum, 0 of nothing; of bigints a bigint.
   * @throws {TypeError} If a field is unknown or of the wrong type, or a condition does not fit.
   * @throws {RangeError} If a value is out of range, or the sum of integers beyond 2^53 - 1.
   *
   * @example Sum
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insertMany([{ name: "homer", age: 39 }, { name: "lisa", age: 8 }, { name: "bart" }]);
   * assertEquals([people.sum("age"), people.sum("age", { name: "bart" })], [47, 0]);
   * await people.destroy();
   * ```
   */
  sum<K extends NumericName<S>>(field: K, where?: Filter<S>): SumOf<S, K> {
    const plan = (schema: TableSchema) => fieldOf(schema, field);
    return this.#query("sum up", where, plan, sum) as SumOf<S, K>;
  }

  /**
   * The mean of a field of numbers; null is left out.
   *
   * @param field The name of the field: integer, float or bigint.
   * @param where Conditions by field, or a function; all rows, if left out.
   * @returns The mean, `null` of nothing.
   * @throws {TypeError} If a field is unknown or of the wrong type, or a condition does not fit.
   * @throws {RangeError} If a value is out of range.
   *
   * @example Mean
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insertMany([{ name: "homer", age: 39 }, { name: "lisa", age: 8 }, { name: "bart" }]);
   * assertEquals([people.avg("age"), people.avg("age", { name: "bart" })], [23.5, null]);
   * await people.destroy();
   * ```
   */
  avg(field: NumericName<S>, where?: Filter<S>): number | null {
    const plan = (schema: TableSchema) => fieldOf(schema, field);
    return this.#query("average", where, plan, avg);
  }

  /**
   * The least value of a field; null is left out.
   *
   * @typeParam K The name.
   * @param field The name of the field: any but json.
   * @param where Conditions by field, or a function; all rows, if left out.
   * @returns The value, `null` of nothing.
   * @throws {TypeError} If a field is unknown or of the wrong type, or a condition does not fit.
   * @throws {RangeError} If a value is out of range.
   *
   * @example The youngest
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insertMany([{ name: "homer", age: 39 }, { name: "lisa", age: 8 }, { name: "bart" }]);
   * assertEquals(people.min("age"), 8);
   * await people.destroy();
   * ```
   */
  min<K extends SortableName<S>>(field: K, where?: Filter<S>): ValueOf<S, S[K]> | null {
    return this.#extreme("min", field, where) as ValueOf<S, S[K]> | null;
  }

  /**
   * The greatest value of a field, in the order of `orderBy`; null is left out.
   *
   * @typeParam K The name.
   * @param field The name of the field: any but json.
   * @param where Conditions by field, or a function; all rows, if left out.
   * @returns The value, `null` of nothing.
   * @throws {TypeError} If a field is unknown or of the wrong type, or a condition does not fit.
   * @throws {RangeError} If a value is out of range.
   *
   * @example The oldest
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insertMany([{ name: "homer", age: 39 }, { name: "lisa", age: 8 }, { name: "bart" }]);
   * assertEquals(people.max("age"), 39);
   * await people.destroy();
   * ```
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
   * The different values of a field.
   *
   * @typeParam K The name.
   * @param field The name of the field: any but json.
   * @param where Conditions by field, or a function; all rows, if left out.
   * @returns Each value once, in order, null first if it is there.
   * @throws {TypeError} If a field is unknown or of the wrong type, or a condition does not fit.
   * @throws {RangeError} If a value is out of range.
   *
   * @example All teams
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { team: "string", age: "integer" });
   * await people.insertMany([{ team: "b", age: 39 }, { team: "a", age: 8 }, { team: "b", age: 10 }]);
   * assertEquals(people.distinct("team"), ["a", "b"]);
   * await people.destroy();
   * ```
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
   * Figures of the rows that share a value.
   *
   * @typeParam K The name of the field.
   * @typeParam A The figures.
   * @param field The field whose values make the groups: any but json.
   * @param aggregates Figures by name: `"count"`, or `sum`, `avg`, `min` or `max` of a field.
   * @param where Conditions by field, or a function; all rows, if left out.
   * @returns A row for each value, in order, null first: the value and the figures.
   * @throws {TypeError} If a field is unknown or of the wrong type, or a condition does not fit.
   * @throws {RangeError} If a value is out of range, or a sum of integers beyond 2^53 - 1.
   *
   * @example Teams
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { team: "string", age: "integer" });
   * await people.insertMany([{ team: "b", age: 39 }, { team: "a", age: 8 }, { team: "b", age: 10 }]);
   * assertEquals(people.groupBy("team", { n: "count", mean: ["avg", "age"] }), [
   *   { team: "a", n: 1, mean: 8 },
   *   { team: "b", n: 2, mean: 24.5 },
   * ]);
   * await people.destroy();
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
   * @param where Conditions by field, or a function; all rows, if left out.
   * @param options The options of `select`: an index may find the first rows of an order.
   * @returns The plan.
   * @throws {TypeError} If a field is unknown or of the wrong type, or a condition does not fit.
   * @throws {RangeError} If a value is out of range.
   *
   * @example By index
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { team: { type: "string", index: true } });
   * await people.insertMany(Array.from({ length: 1000 }, (_, n) => ({ team: `team ${n}` })));
   * await people.cleanup();
   * const { method, index, rowsRead } = people.explain({ team: "team 7" });
   * assertEquals([method, index, rowsRead], ["index", "team", 1]);
   * await people.destroy();
   * ```
   */
  explain(where?: Filter<S>, options: SelectOptions<S> = {}): Explanation {
    const plan = (schema: TableSchema) => selectionOf(schema, options);
    return this.#query("explain", where, plan, explainSelect);
  }

  /**
   * Reads at one commit point: whatever `fn` reads through its view belongs together, though
   * others write meanwhile. Reading there is faster, too: it looks for no commits of others.
   * What links lead to is read as it is.
   *
   * @typeParam T What `fn` returns.
   * @param fn Reads; it cannot wait, and the view is good during the call only.
   * @returns What `fn` returned.
   *
   * @example One moment
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insertMany([{ name: "homer", age: 39 }, { name: "lisa", age: 8 }, { name: "bart" }]);
   * const [size, count] = people.snapshot((view) => [view.size, view.count({ age: null })]);
   * assertEquals([size, count], [3, 1]);
   * await people.destroy();
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

  /** Checks the conditions, and by `plan` what else was asked, before any row is read. */
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

  /** Reads at one commit point, which stays as it is though a user's function may write. */
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
