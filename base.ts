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
 * read    get at has keys size iteration select count schema defaults stats
 * write   insert insertMany update updateWhere delete deleteWhere addField dropField setDefault
 * lock    commit destroy, and the last step of cleanup
 * none    check close path recovered
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

import { audit, type CheckResult, type Problem } from "./engine/audit.ts";
import { type Draft, prepareRows } from "./engine/draft.ts";
import { ConflictError, RecordNotFoundError, UpdateError } from "./engine/errors.ts";
import { currentFiles } from "./engine/file.ts";
import { explain, Handle } from "./engine/handle.ts";
import { toPath } from "./engine/path.ts";
import { compile, compileOrder, fieldOf } from "./engine/query.ts";
import { baseOf, count, rowAt, scan, select, type Selection } from "./engine/scan.ts";
import { json, type TableSchema } from "./engine/schema.ts";
import { type Place, placeOf, type State } from "./engine/state.ts";
import type {
  AddFieldOptions,
  CreateOptions,
  OpenSchemaOptions,
  Stats,
  Target,
  Updated,
} from "./engine/options.ts";
import type { Recovered } from "./engine/store.ts";
import type {
  Exactly,
  Field,
  FieldName,
  FieldSpec,
  Filter,
  Insert,
  NewName,
  NoReservedNames,
  Projected,
  Row,
  Schema,
  SelectOptions,
  Update,
  ValueOf,
  Where,
  WithDefault,
  WithField,
  WithoutField,
  Written,
} from "./engine/types.ts";
import type { Change } from "./engine/writer.ts";

export type * from "./engine/options.ts";
export type * from "./engine/types.ts";
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
  UpdateError,
  WriteError,
} from "./engine/errors.ts";
export { type CheckResult, json, type Problem, type Recovered };

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
export type SchemaVerb = "addField" | "dropField" | "setDefault";

/** What the constructor takes; only this module can make one. */
const HANDLE: unique symbol = Symbol("handle");
interface Made {
  readonly [HANDLE]: Handle;
}

/** A row or an id, as its id and the version that it must have. */
interface Aim {
  readonly id: number;
  readonly version: number | undefined;
}

function aim(target: unknown, base: string, attempt: string): Aim {
  if (typeof target === "number") return { id: target, version: undefined };
  if (typeof target === "object" && target !== null) {
    if ((baseOf(target) ?? base) !== base) {
      throw new UpdateError(`${attempt}: what was passed is a row of another base`);
    }
    const { __id__: id, __version__: version } = target as Record<string, unknown>;
    if (typeof id === "number" && typeof version === "number") return { id, version };
  }
  throw new UpdateError(
    `${attempt}: what was passed has no __id__ and __version__, pass a row or an id`,
  );
}

/** All rows. */
const ALL = { conditions: [], predicate: undefined };

function idsFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => first + i);
}

/** A count of rows that a user gave. */
function rowCount(name: string, value: number | undefined, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (typeof value !== "number" || !(value >= 0) || (value % 1 !== 0 && value !== Infinity)) {
    throw new RangeError(`${name} is ${value}, it is a number of rows, 0 or more`);
  }
  return value;
}

/** Checks what `select` is asked for besides conditions. */
function selectionOf(
  schema: TableSchema,
  { fields, orderBy, limit, offset }: SelectOptions<Schema>,
): Selection {
  return {
    fields: fields === undefined
      ? schema.fields
      : [...new Set(fields)].map((name) => fieldOf(schema, name)),
    order: compileOrder(schema, orderBy),
    offset: rowCount("offset", offset, 0),
    limit: rowCount("limit", limit, Infinity),
  };
}

/**
 * A table that this handle alone writes to, until it is closed.
 *
 * It takes the table's lock when it is opened and keeps it, so that no write waits for a
 * lock and no read looks for commits of others. A second `Base` gets a `BaseLockedError`;
 * a `PsBase` can read beside it. Use `PsBase` to share the table.
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
export class Base<S extends Schema = Schema> implements Disposable, AsyncDisposable {
  readonly #handle: Handle;

  /** Use {@linkcode Base.create} or {@linkcode Base.open}. */
  protected constructor(made: Made) {
    this.#handle = made[HANDLE];
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
   * Opens a table.
   *
   * @typeParam S The schema, if it is given.
   * @param path The directory of the table.
   * @param options The schema, to have typed rows, and how to open it.
   * @returns The open table.
   * @throws {BaseNotFoundError} If there is none.
   * @throws {SchemaError} If the schema given is not the one stored.
   * @throws {CorruptionError} If it is damaged.
   * @throws {FormatVersionError} If a newer psbase wrote it.
   * @throws {ReadOnlyError} If it can be read but not written, and `readOnly` is not set.
   * @throws {BaseLockedError} If a `Base` owns the table and this is to be one.
   *
   * @example Typed rows
   * ```ts
   * import { Base } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const dir = await Deno.makeTempDir();
   * const schema = { name: "string" } as const;
   * await (await Base.create(dir, schema)).close();
   * await using base = await Base.open(dir, { schema });
   * assertEquals(base.select().map((row) => row.name), []);
   * ```
   */
  static async open<const S extends Schema = Schema>(
    path: string | URL,
    options: OpenSchemaOptions<S> = {},
  ): Promise<Base<S>> {
    return new Base<S>({ [HANDLE]: await Handle.open(path, options, true) });
  }

  /**
   * As {@linkcode Base.open}, blocking.
   *
   * @typeParam S The schema, if it is given.
   * @param path The directory of the table.
   * @param options The schema, to have typed rows, and how to open it.
   * @returns The open table.
   *
   * @example Blocking
   * ```ts
   * import { Base } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const dir = Deno.makeTempDirSync();
   * Base.createSync(dir, { name: "string" })[Symbol.dispose]();
   * using base = Base.openSync(dir);
   * assertEquals(base.size, 0);
   * ```
   */
  static openSync<const S extends Schema = Schema>(
    path: string | URL,
    options: OpenSchemaOptions<S> = {},
  ): Base<S> {
    return new Base<S>({ [HANDLE]: Handle.openSync(path, options, true) });
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
    const steps = audit(currentFiles(), toPath(path));
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
      await new Promise((resolve) => setTimeout(resolve));
    }
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
    const steps = audit(currentFiles(), toPath(path));
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
    }
  }

  // ------------------------------------------------------------- what it is

  /**
   * Where the table is: as it was given, a URL as a path.
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
    return this.#handle.store.dir;
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
    return this.#state.schema.describe() as { readonly [K in keyof S]: FieldSpec };
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
  get defaults(): { readonly [K in keyof S]: ValueOf<S[K]> | null } {
    return this.#state.schema.defaults() as { readonly [K in keyof S]: ValueOf<S[K]> | null };
  }

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
    const { size: rows, sequence, dead: deadRows, table } = this.#state;
    const { log, recovered } = this.#handle.store;
    const { generation, end: logBytes } = log;
    return { rows, generation, tableBytes: table.bytes, logBytes, deadRows, sequence, recovered };
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
    const state = this.#state;
    const place = state.find(id);
    return place && rowAt(state, place, state.schema.fields) as Row<S>;
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
    const state = this.#state;
    const before = n < 0 ? state.size + n : n;
    const place = Number.isSafeInteger(before) && before >= 0 ? state.nth(before) : undefined;
    return place && rowAt(state, place, state.schema.fields) as Row<S>;
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
    return this.#state.find(id) !== undefined;
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
    return this.#iterate((place) => place.id);
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
    return this.#state.size;
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
    return this.#iterate((place, state) => rowAt(state, place, state.schema.fields) as Row<S>);
  }

  /**
   * Reads the rows that match.
   *
   * Conditions by field are joined by "and": a value (`null` too) for equality, `[least,
   * greatest]` for an inclusive range, a pattern, or operators (`eq ne gt gte lt lte in notIn
   * between contains startsWith endsWith`). A function gets a view of each row, which looks
   * only at the fields that it asks for and is good during the call; it must return a boolean.
   *
   * @typeParam K The fields wanted.
   * @param where Conditions by field, or a function; all rows, if left out.
   * @param options Fields, order, and how many.
   * @returns Copies of the rows, by id if no order is given.
   * @throws {TypeError} If a field is unknown, or a condition does not fit its type.
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
   * assertEquals(people.select({}, { orderBy: "-age", limit: 1 })[0]?.name, "homer");
   * await people.destroy();
   * ```
   */
  select<K extends FieldName<S> = FieldName<S>>(
    where?: Filter<S>,
    options: SelectOptions<S, K> = {},
  ): Projected<S, K>[] {
    return this.#read((state) => {
      const { query, selection } = explain(`Cannot select from "${this.path}"`, () => ({
        query: compile(state.schema, where),
        selection: selectionOf(state.schema, options),
      }));
      return select(state, query, selection) as Projected<S, K>[];
    });
  }

  /**
   * Counts the rows that match.
   *
   * @param where Conditions by field, or a function; all rows, if left out.
   * @returns How many.
   * @throws {TypeError} If a field is unknown, or a condition does not fit its type.
   * @throws {RangeError} If a value is out of range.
   *
   * @example Count
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insertMany([{ name: "homer", age: 39 }, { name: "lisa" }]);
   * assertEquals(people.count({ age: null }), 1);
   * await people.destroy();
   * ```
   */
  count(where?: Filter<S>): number {
    return this.#read((state) => {
      const query = explain(
        `Cannot count rows of "${this.path}"`,
        () => compile(state.schema, where),
      );
      return count(state, query);
    });
  }

  /** The newest commit point. */
  get #state(): State {
    return this.#handle.store.refresh();
  }

  /** Reads at one commit point, which stays as it is though a user's function may write. */
  #read<T>(fn: (state: State) => T): T {
    const state = this.#state;
    state.pin();
    try {
      return fn(state);
    } finally {
      state.unpin();
    }
  }

  #iterate<T>(give: (place: Place, state: State) => T): IterableIterator<T> {
    const { store } = this.#handle;
    const rows = function* (state: State): Generator<T> {
      state.pin();
      try {
        yield undefined as T;
        for (const place of scan(state, ALL)) {
          store.checkOpen();
          yield give(place, state);
        }
      } finally {
        state.unpin();
      }
    }(this.#state);
    // Runs to the first yield: the snapshot is that of the call, not of the first step.
    rows.next();
    return rows;
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
    return await this.#handle.writer.run(this.#insertion([row]));
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
    return this.#handle.writer.runSync(this.#insertion([row]));
  }

  /**
   * Adds rows in one commit: all of them, or none.
   *
   * @param rows Values by field, for each row.
   * @returns The ids of the new rows, in order.
   * @throws {SchemaError} If a field is unknown, or one that is required is missing.
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
    const all = [...rows];
    return idsFrom(await this.#handle.writer.run(this.#insertion(all)), all.length);
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
    const all = [...rows];
    return idsFrom(this.#handle.writer.runSync(this.#insertion(all)), all.length);
  }

  /** Checks and encodes rows before the lock is taken, and again if the schema was changed since. */
  #insertion(rows: readonly Insert<S>[]): Change<number> {
    const prepare = (schema: TableSchema) =>
      explain(
        `Cannot insert into "${this.path}"`,
        () => prepareRows(schema, rows.map((row) => schema.takeInsert(row))),
      );
    const { schema } = this.#state;
    const prepared = prepare(schema);
    return (draft) => draft.insert(draft.schema === schema ? prepared : prepare(draft.schema));
  }

  // ------------------------------------------------------------- updating

  /**
   * Changes a row, or rows in one commit: all of them, or none. A row object passed in stays
   * as it is.
   *
   * @typeParam T A row, an id, or an array of them.
   * @typeParam C What a function returns.
   * @param target Which row, or which rows.
   * @param changes Values by field, or a function that makes them of the row as it is then. It
   *   runs under the lock, once for each row: a slow one stops other writers.
   * @returns The new row; for an array, the new rows.
   * @throws {ConflictError} If a row was passed that was changed since it was read.
   * @throws {RecordNotFoundError} If a row is gone.
   * @throws {UpdateError} If what was passed is no row.
   * @throws {SchemaError} If a field is unknown, or one that is required would be null.
   * @throws {TypeError} If a value is not of the type of its field.
   * @throws {RangeError} If a value is out of range.
   * @throws {WriteError} If the disk refuses.
   *
   * @example By id, with a function
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * const id = await people.insert({ name: "homer", age: 38 });
   * const row = await people.update(id, (row) => ({ age: (row.age ?? 0) + 1 }));
   * assertEquals([row.age, row.__version__], [39, 1]);
   * await people.destroy();
   * ```
   */
  async update<const T extends Target<S> | readonly Target<S>[], const C extends Update<S>>(
    target: T,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
  ): Promise<Updated<S, T>> {
    return await this.#handle.writer.run(this.#updating(target, changes)) as Updated<S, T>;
  }

  /**
   * As {@linkcode Base.update}, blocking.
   *
   * @typeParam T A row, an id, or an array of them.
   * @typeParam C What a function returns.
   * @param target Which row, or which rows.
   * @param changes Values by field, or a function that makes them of the row as it is then. It
   *   runs under the lock, once for each row: a slow one stops other writers.
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
  updateSync<const T extends Target<S> | readonly Target<S>[], const C extends Update<S>>(
    target: T,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
  ): Updated<S, T> {
    return this.#handle.writer.runSync(this.#updating(target, changes)) as Updated<S, T>;
  }

  #updating(target: unknown, changes: unknown): Change<Row<S> | Row<S>[]> {
    const attempt = `Cannot update "${this.path}"`;
    const aims = this.#aimsAt(target, attempt);
    return (draft) => {
      const rows = aims.map((one) => this.#updateOne(draft, one, changes, attempt));
      return Array.isArray(target) ? rows : rows[0]!;
    };
  }

  #updateOne(draft: Draft, { id, version }: Aim, changes: unknown, attempt: string): Row<S> {
    const row = draft.get(id);
    if (row === undefined) {
      throw new RecordNotFoundError(`${attempt}: there is no row ${id}, or no more`, id);
    }
    if (version !== undefined && version !== row.version) {
      throw new ConflictError(this.path, id, version, row.version);
    }
    const { schema } = draft;
    const given = typeof changes === "function"
      ? changes(rowAt(draft, placeOf(id, row), schema.fields))
      : changes;
    const values = explain(attempt, () => schema.takeUpdate(row, given));
    const next = { version: row.version + 1, values };
    draft.put(id, next);
    return rowAt(draft, placeOf(id, next), schema.fields) as Row<S>;
  }

  /**
   * Changes the rows that match, found and changed in one commit.
   *
   * @typeParam C What a function returns.
   * @param where Conditions by field, or a function; it runs under the lock.
   * @param changes As for {@linkcode Base.update}.
   * @returns How many rows were changed.
   * @throws {SchemaError} If a field is unknown, or one that is required would be null.
   * @throws {TypeError} If a condition or a value does not fit the type of its field.
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
  async updateWhere<const C extends Update<S>>(
    where: Filter<S>,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
  ): Promise<number> {
    return await this.#handle.writer.run(this.#updatingWhere(where, changes));
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
  updateWhereSync<const C extends Update<S>>(
    where: Filter<S>,
    changes: Update<S> | ((row: Row<S>) => Exactly<S, C>),
  ): number {
    return this.#handle.writer.runSync(this.#updatingWhere(where, changes));
  }

  #updatingWhere(where: unknown, changes: unknown): Change<number> {
    const attempt = `Cannot update "${this.path}"`;
    return (draft) => {
      const ids = draft.find(explain(attempt, () => compile(draft.schema, where)));
      for (const id of ids) this.#updateOne(draft, { id, version: undefined }, changes, attempt);
      return ids.length;
    };
  }

  #aimsAt(target: unknown, attempt: string): Aim[] {
    const { base } = this.#handle.store.state;
    return (Array.isArray(target) ? target : [target]).map((one) => aim(one, base, attempt));
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
    return await this.#handle.writer.run(this.#deleting(target));
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
    return this.#handle.writer.runSync(this.#deleting(target));
  }

  #deleting(target: unknown): Change<number> {
    const aims = this.#aimsAt(target, `Cannot delete from "${this.path}"`);
    return (draft) => aims.reduce((n, { id }) => draft.delete(id) ? n + 1 : n, 0);
  }

  /**
   * Deletes the rows that match, found and deleted in one commit.
   *
   * @param where Conditions by field, or a function; it runs under the lock.
   * @returns How many there were.
   * @throws {TypeError} If a field is unknown, or a condition does not fit its type.
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
    return await this.#handle.writer.run(this.#deletingWhere(where));
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
    return this.#handle.writer.runSync(this.#deletingWhere(where));
  }

  #deletingWhere(where: unknown): Change<number> {
    const attempt = `Cannot delete from "${this.path}"`;
    return (draft) => {
      const ids = draft.find(explain(attempt, () => compile(draft.schema, where)));
      for (const id of ids) draft.delete(id);
      return ids.length;
    };
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
  ): Promise<Base<WithField<S, N, F>>> {
    await this.#handle.writer.run(this.#adding(name, field, options));
    return this as unknown as Base<WithField<S, N, F>>;
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
  ): Base<WithField<S, N, F>> {
    this.#handle.writer.runSync(this.#adding(name, field, options));
    return this as unknown as Base<WithField<S, N, F>>;
  }

  #adding(name: string, field: Field, { after }: { after?: string | undefined }): Change<void> {
    return this.#altering(`add field "${name}" to`, (schema, empty) => {
      return schema.withField(name, field, { after, empty });
    });
  }

  /**
   * Drops a field with its values. One commit, whatever the number of rows; cleanup frees the
   * space.
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
  async dropField<N extends FieldName<S>>(name: N): Promise<Base<WithoutField<S, N>>> {
    await this.#handle.writer.run(this.#dropping(name));
    return this as unknown as Base<WithoutField<S, N>>;
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
  dropFieldSync<N extends FieldName<S>>(name: N): Base<WithoutField<S, N>> {
    this.#handle.writer.runSync(this.#dropping(name));
    return this as unknown as Base<WithoutField<S, N>>;
  }

  #dropping(name: string): Change<void> {
    return this.#altering(`drop field "${name}" of`, (schema) => schema.withoutField(name));
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
    value: Written<S[N]>,
  ): Promise<Base<WithDefault<S, N>>> {
    await this.#handle.writer.run(this.#defaulting(name, value));
    return this as unknown as Base<WithDefault<S, N>>;
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
  setDefaultSync<N extends FieldName<S>>(name: N, value: Written<S[N]>): Base<WithDefault<S, N>> {
    this.#handle.writer.runSync(this.#defaulting(name, value));
    return this as unknown as Base<WithDefault<S, N>>;
  }

  #defaulting(name: string, value: unknown): Change<void> {
    return this.#altering(
      `set the default of field "${name}" of`,
      (schema) => schema.withDefault(name, value),
    );
  }

  #altering(
    verb: string,
    alter: (schema: TableSchema, empty: boolean) => TableSchema,
  ): Change<void> {
    return (draft) => {
      const attempt = `Cannot ${verb} "${this.path}"`;
      draft.alter(explain(attempt, () => alter(draft.schema, draft.empty)));
    };
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
   * Writes a new table file of the rows that are there, and begins a new log. Others read and
   * write meanwhile. It happens by itself when the log grows long; if another process is at
   * it already, nothing is done.
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
   * assertRejects(() => PsBase.open(dir), BaseNotFoundError);
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
   * Opens a table.
   *
   * @typeParam S The schema, if it is given.
   * @param path The directory of the table.
   * @param options The schema, to have typed rows, and how to open it.
   * @returns The open table.
   * @throws {BaseNotFoundError} If there is none.
   * @throws {SchemaError} If the schema given is not the one stored.
   * @throws {CorruptionError} If it is damaged.
   * @throws {FormatVersionError} If a newer psbase wrote it.
   * @throws {ReadOnlyError} If it can be read but not written, and `readOnly` is not set.
   * @throws {BaseLockedError} If a `Base` owns the table and this is to be one.
   *
   * @example Typed rows
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const dir = await Deno.makeTempDir();
   * const schema = { name: "string" } as const;
   * await (await PsBase.create(dir, schema)).close();
   * await using base = await PsBase.open(dir, { schema });
   * assertEquals(base.select().map((row) => row.name), []);
   * ```
   */
  static override async open<const S extends Schema = Schema>(
    path: string | URL,
    options: OpenSchemaOptions<S> = {},
  ): Promise<PsBase<S>> {
    return new PsBase<S>({ [HANDLE]: await Handle.open(path, options, false) });
  }

  /**
   * As {@linkcode PsBase.open}, blocking.
   *
   * @typeParam S The schema, if it is given.
   * @param path The directory of the table.
   * @param options The schema, to have typed rows, and how to open it.
   * @returns The open table.
   *
   * @example Blocking
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const dir = Deno.makeTempDirSync();
   * PsBase.createSync(dir, { name: "string" })[Symbol.dispose]();
   * using base = PsBase.openSync(dir);
   * assertEquals(base.size, 0);
   * ```
   */
  static override openSync<const S extends Schema = Schema>(
    path: string | URL,
    options: OpenSchemaOptions<S> = {},
  ): PsBase<S> {
    return new PsBase<S>({ [HANDLE]: Handle.openSync(path, options, false) });
  }
}
