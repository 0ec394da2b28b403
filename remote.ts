/**
 * `RemoteBase`: a table on a server, from browsers, Node and Deno.
 *
 * Nothing here uses Deno. Fields of the types `date`, `time` and `datetime` need `Temporal`.
 *
 * @example A client of `psbase serve people --write`
 * ```ts ignore
 * import { RemoteBase } from "@psbase/psbase/remote";
 *
 * const schema = { name: "string", age: "integer" } as const;
 * const url = "http://localhost:7262/people";
 * await using people = await RemoteBase.open(url, schema, { token: "0123456789abcdef" });
 * await people.insert({ name: "homer", age: 39 });
 * console.log(await people.select({ age: { gte: 18 } }));
 * ```
 *
 * @module
 */

import { checkSignal, describe, isCount, isObject } from "./engine/system/check.ts";
import { ClosedError, ConflictError, inContext, SchemaError } from "./engine/system/errors.ts";
import type { Target, TransactionOptions, WatchOptions } from "./engine/schema/options.ts";
import type {
  Change,
  Filter,
  JsonValue,
  NoReservedNames,
  Row,
  Schema,
} from "./engine/schema/types.ts";
import { callOf, Client, type ClientOptions } from "./remote/client.ts";
import { idOf, RemoteTransaction } from "./remote/remote_transaction.ts";
import { RemoteVerbs } from "./remote/verbs.ts";
import type { Store, StoreTransaction } from "./store.ts";
import { fromWire, toWire } from "./wire/values.ts";

export {
  BaseError,
  BaseLockedError,
  BaseNotFoundError,
  ClosedError,
  ConflictError,
  CorruptionError,
  LockTimeoutError,
  PrimaryError,
  ReadOnlyError,
  RecordNotFoundError,
  SchemaError,
  UniqueError,
  UpdateError,
  WriteError,
} from "./engine/system/errors.ts";
export { field } from "./engine/query/query.ts";
export { RemoteVerbs };
export { json } from "./engine/schema/field_def.ts";
export type * from "./engine/schema/options.ts";
export type * from "./engine/schema/types.ts";
export type * from "./store.ts";

/** How to open a table on a server. */
export interface RemoteOptions {
  /** The token that the server asks for. */
  readonly token?: string | undefined;
  /**
   * How long a call may take, in milliseconds. While the server cannot be reached, a call is sent
   * again; a write that was made already is not made twice.
   *
   * @default {30_000}
   */
  readonly timeoutMs?: number | undefined;
  /**
   * What sends requests.
   *
   * @default {globalThis.fetch}
   */
  readonly fetch?: typeof fetch | undefined;
}

/** How long a call may take by default. */
const TIMEOUT_MS = 30_000;

/**
 * A table on a server.
 *
 * It has the verbs of a {@linkcode Store}, and each returns a promise. Its errors are of the same
 * classes as those of `PsBase`; if the server cannot be reached in time, a call rejects with a
 * `PrimaryError`. Conditions cannot be functions, because the rows are on the server. A link of a
 * row is the id of the other row: `row.home.__id__`.
 *
 * @typeParam S The schema: field names and their types.
 */
export class RemoteBase<S extends Schema = Schema> extends RemoteVerbs<S> implements Store<S> {
  readonly #client: Client;
  readonly #timeoutMs: number;
  #isClosed = false;
  readonly #busy = new Set<Promise<unknown>>();

  private constructor(client: Client, timeoutMs: number) {
    super();
    this.#client = client;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Opens a table.
   *
   * @param url Its address, such as `http://localhost:7262/people`.
   * @param schema The types of the rows; the fields of the table must have them.
   * @param options The token, and how long calls may take.
   * @throws {SchemaError} If the table has no such field, or one of another type.
   * @throws {BaseNotFoundError} If the server has no such table.
   * @throws {PrimaryError} If the server cannot be reached in time.
   */
  static async open<const S extends Schema = Schema>(
    url: string | URL,
    schema?: S & NoReservedNames,
    options: RemoteOptions = {},
  ): Promise<RemoteBase<S>> {
    const { token, timeoutMs = TIMEOUT_MS, fetch } = options;
    const client = new Client(String(url), { token, timeoutMs, fetch } satisfies ClientOptions);
    checkFields(client.url, schema, await client.schema());
    return new RemoteBase<S>(client, timeoutMs);
  }

  /** The address of the table. */
  get url(): string {
    return this.#client.url;
  }

  #checkOpen(): void {
    if (this.#isClosed) {
      throw new ClosedError(`Cannot use "${this.url}": this handle was closed`);
    }
  }

  async #track<T>(work: Promise<T>): Promise<T> {
    this.#busy.add(work);
    try {
      return await work;
    } finally {
      this.#busy.delete(work);
    }
  }

  /** @ignore */
  protected override async read<T>(verb: string, args: readonly unknown[]): Promise<T> {
    this.#checkOpen();
    const { results } = await this.#client.query([callOf(verb, args)]);
    return results[0] as T;
  }

  /** @ignore */
  protected override async write<T>(verb: string, args: readonly unknown[]): Promise<T> {
    this.#checkOpen();
    const { results } = await this.#track(this.#client.commit([callOf(verb, args)]));
    return results[0] as T;
  }

  /** @ignore */
  protected override async updateBy(
    targets: readonly Target<S>[],
    change: (row: never) => unknown,
    options: object,
  ): Promise<Row<S>[]> {
    const [target] = targets;
    if (typeof target !== "number" || targets.length > 1 || "ifVersion" in options) {
      return await this.transaction(async (tx) => {
        return await tx.update(targets as Target<S>[], change as never, options as never);
      }) as Row<S>[];
    }
    // Only writes of this row are in the way of this one.
    for (;;) {
      const row = await this.get(idOf(target));
      const values = row === undefined ? {} : change(row as never);
      try {
        return [await this.write("update", [target, values, { ifVersion: row?.__version__ }])];
      } catch (error) {
        if (!(error instanceof ConflictError)) throw error;
      }
    }
  }

  /** @ignore */
  protected override async updateWhereBy(
    where: Filter<S>,
    change: (row: never) => unknown,
  ): Promise<number> {
    return await this.transaction((tx) => Promise.resolve(tx.updateWhere(where, change as never)));
  }

  /**
   * Makes several changes in one commit: all of them, or none. All that `fn` reads is as of one
   * commit. Nothing is locked: if another commit comes first, `fn` runs again.
   *
   * @param fn Reads and writes through the verbs of a transaction.
   * @param options How long it may take.
   * @returns What `fn` returned, once it is committed.
   * @throws {DOMException} `TimeoutError`, if others keep coming first.
   */
  async transaction<T>(
    fn: (tx: StoreTransaction<S>) => Promise<T>,
    { timeoutMs = this.#timeoutMs }: TransactionOptions = {},
  ): Promise<T> {
    this.#checkOpen();
    return await this.#track(this.#transact(fn, timeoutMs));
  }

  async #transact<T>(
    fn: (tx: RemoteTransaction<S>) => Promise<T>,
    timeoutMs: number,
  ): Promise<T> {
    const end = Date.now() + timeoutMs;
    for (let misses = 0;; misses++) {
      const tx = new RemoteTransaction<S>(this.#client);
      let value: T | undefined;
      try {
        value = await fn(tx);
        if (await tx.commit()) return value;
      } catch (error) {
        if (!tx.end()) throw error;
      }
      if (Date.now() > end) {
        throw new DOMException(
          `Cannot finish a transaction of "${this.url}": other commits came first ${misses + 1} ` +
            `times, nothing was changed, set a longer timeoutMs or do less in it`,
          "TimeoutError",
        );
      }
      // Whoever missed more often waits longer, so that somebody gets through.
      await new Promise((resolve) =>
        setTimeout(resolve, Math.random() * Math.min(100, 5 * misses))
      );
    }
  }

  /**
   * Yields the changes that all processes commit, as `Base.watch` does. If the connection breaks, it
   * goes on where it was.
   *
   * @throws {RangeError} If the commits after `since` are not kept.
   */
  async *watch(options: WatchOptions<S> = {}): AsyncIterableIterator<Change<S>> {
    this.#checkOpen();
    const { since, where, signal } = options;
    checkSignal(signal);
    const asked = where === undefined
      ? {}
      : { where: inContext(`Cannot watch "${this.url}"`, () => toWire(where)) };
    let { after, index } = startOf(since);
    const ended = AbortSignal.any([this.#client.ended, ...(signal === undefined ? [] : [signal])]);
    while (!ended.aborted) {
      try {
        const body = { ...asked, ...(after !== undefined && { since: after }) };
        for await (const line of this.#client.lines("watch", body, ended)) {
          const { sequence, changes } = fromWire(line) as SentLine<S>;
          if (changes !== undefined) {
            for (const change of changes) {
              if (sequence > after! + 1 || change.index > index) yield change;
            }
            index = -1;
          }
          after = sequence;
        }
        await this.#client.pause();
      } catch (error) {
        if (!ended.aborted) throw error;
      }
    }
    signal?.throwIfAborted();
  }

  /** Waits for the writes in progress and closes the handle. Closing it again does nothing. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.allSettled(this.#busy);
    this.#client.end(new ClosedError(`Cannot use "${this.url}": this handle was closed`));
  }

  /** As {@linkcode RemoteBase.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** A line of a stream of changes. */
interface SentLine<S extends Schema> {
  readonly sequence: number;
  readonly changes?: readonly Change<S>[];
}

function startOf(since: unknown): { after: number | undefined; index: number } {
  if (since === undefined) return { after: undefined, index: -1 };
  if (isCount(since)) return { after: since, index: -1 };
  if (isObject(since) && isCount(since.sequence) && since.sequence > 0 && isCount(since.index)) {
    return { after: since.sequence - 1, index: since.index };
  }
  throw new RangeError(
    `Cannot watch: since: ${describe(since)}, expected the number of a commit, or a change`,
  );
}

/** Checks that a table has the fields of a schema. */
function checkFields(url: string, schema: Schema | undefined, told: JsonValue): void {
  const { fields } = told as { fields: { name: string; type: string }[] };
  for (const [name, given] of Object.entries(schema ?? {})) {
    const wanted = typeName(given);
    const found = fields.find((field) => field.name === name);
    const reason = found === undefined
      ? `the table has no field "${name}", its fields are ${
        fields.map(({ name }) => name).join(", ")
      }`
      : found.type !== wanted
      ? `field "${name}" is ${found.type}, not ${wanted}`
      : undefined;
    if (reason !== undefined) throw new SchemaError(`Cannot open "${url}": ${reason}`);
  }
}

/** The name of the type of a field. */
function typeName(field: unknown): unknown {
  const type = isObject(field) && "type" in field ? field.type : field;
  if (!isObject(type)) return type;
  return "link" in type ? "link" : "json";
}
