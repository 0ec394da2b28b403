/**
 * Opening, creating, closing and destroying: what `Base` and `PsBase` differ in.
 *
 * @module
 */

import { captureFields } from "./snapshot/capture.ts";
import { describeOption } from "./system/check.ts";
import {
  destroyBase,
  emptyTable,
  isReady,
  isThere,
  makeBase,
  overrideBase,
  prepareBase,
} from "./maintenance/create.ts";
import { Declared } from "./schema/declared.ts";
import {
  BaseError,
  BaseExistsError,
  BaseNotFoundError,
  DeadlockError,
  inContext,
  refused,
  SchemaError,
  WriteError,
} from "./system/errors.ts";
import type { Files } from "./system/file.ts";
import { checkTimeout, type Flock } from "./lock/flock.ts";
import { isInside, type Wait, waitFor, waitForSync } from "./lock/inside.ts";
import type { CreateOptions, OpenOptions, OpenSchemaOptions } from "./schema/options.ts";
import { checkUnowned, Ownership } from "./lock/owner.ts";
import { toPath } from "./system/path.ts";
import { openArguments } from "./schema/open_arguments.ts";
import { createOptions } from "./schema/read_options.ts";
import { TableSchema } from "./schema/schema.ts";
import { allOf } from "./system/steps.ts";
import { Store, type StoreOptions } from "./store/store.ts";
import type { Schema } from "./schema/types.ts";
import { Writer, type WriterOptions } from "./write/writer.ts";
import { withRelativeTargets } from "./schema/link_paths.ts";
import { currentFiles } from "./system/deno_file.ts";

function oneOf<T extends string>(name: string, value: T | undefined, ...allowed: T[]): T {
  if (value === undefined) return allowed[0]!;
  if (allowed.includes(value)) return value;
  throw new TypeError(`${describeOption(name, value)}, it can be ${allowed.join(", ")}`);
}

function storeOptions({ readOnly = false, cacheBytes }: OpenOptions): StoreOptions {
  if (typeof readOnly !== "boolean") {
    throw new TypeError(`${describeOption("readOnly", readOnly)}, it can be true, false`);
  }
  if (cacheBytes === undefined) return { readOnly };
  if (typeof cacheBytes === "number" && cacheBytes >= 0) return { readOnly, cacheBytes };
  throw new RangeError(
    `${describeOption("cacheBytes", cacheBytes)}, expected a number of bytes, 0 or more`,
  );
}

function writerOptions({ durability, timeoutMs }: OpenOptions): WriterOptions {
  return {
    durable: oneOf("durability", durability, "full", "relaxed") === "full",
    timeoutMs: checkTimeout(timeoutMs),
  };
}

/** What is to be opened, and how, as it is at the call. */
function opening(path: string | URL, given: unknown, options: unknown) {
  const dir = toPath(path);
  return { dir, ...openArguments(`Cannot open "${dir}"`, given, options) };
}

/** An open base and how to write to it. */
export class Handle {
  /** What is there. */
  readonly store: Store;
  /** The way of a commit. */
  readonly writer: Writer;
  readonly #ownership: Ownership | undefined;

  private constructor(store: Store, writer: Writer, ownership: Ownership | undefined) {
    this.store = store;
    this.writer = writer;
    this.#ownership = ownership;
  }

  // ------------------------------------------------------------- opening

  /**
   * Opens a table, and creates it first if a schema was passed and no table is there. With `owner`
   * set, this handle alone writes to it.
   */
  static async open(
    path: string | URL,
    given: unknown,
    options: unknown,
    owner: boolean,
  ): Promise<Handle> {
    const { dir, schema, settings } = opening(path, given, options);
    if (schema !== undefined) {
      return await Handle.create(dir, schema, { ...settings, mode: "open" }, owner, "open");
    }
    return await Handle.#own(Handle.#open(dir, settings, owner), settings);
  }

  static async #own(handle: Handle, settings: OpenSchemaOptions<Schema>): Promise<Handle> {
    if (handle.#ownership === undefined) return handle;
    try {
      const { dir } = handle.store;
      const lock = handle.store.lock!;
      checkOutside("open", dir, lock);
      using wait = waitFor("open", { lock, dir });
      await lock.acquire(handle.#patience(settings, wait));
    } catch (error) {
      handle.dispose();
      throw error;
    }
    return handle.#begin();
  }

  /** As {@linkcode Handle.open}, blocking. */
  static openSync(
    path: string | URL,
    given: unknown,
    options: unknown,
    owner: boolean,
  ): Handle {
    const { dir, schema, settings } = opening(path, given, options);
    if (schema !== undefined) {
      return Handle.createSync(dir, schema, { ...settings, mode: "open" }, owner, "open");
    }
    return Handle.#ownSync(Handle.#open(dir, settings, owner), settings);
  }

  static #ownSync(handle: Handle, settings: OpenSchemaOptions<Schema>): Handle {
    if (handle.#ownership === undefined) return handle;
    try {
      const { dir } = handle.store;
      const lock = handle.store.lock!;
      using wait = waitForSync({ lock, dir });
      lock.acquireSync(handle.#patience(settings, wait));
    } catch (error) {
      handle.dispose();
      throw error;
    }
    return handle.#begin();
  }

  /**
   * The user counts on the fields of `declared`, which need not be all fields of the table; by
   * default on the fields of the schema in `settings`.
   */
  static #open(
    dir: string,
    settings: OpenSchemaOptions<Schema>,
    owner: boolean,
    declared?: TableSchema,
  ): Handle {
    const files = currentFiles();
    const { readOnly = false, schema } = settings;
    const attempt = `Cannot open "${dir}"`;
    const options = inContext(attempt, () => ({
      writer: writerOptions(settings),
      store: storeOptions(settings),
    }));
    const given = declared ??
      (schema === undefined ? undefined : inContext(attempt, () => TableSchema.from(schema)));
    const store = Store.open(files, dir, options.store);
    try {
      if (given !== undefined) {
        const anchored = withRelativeTargets(files, dir, given);
        const difference = schema && store.snapshot.schema.difference(anchored);
        if (difference !== undefined) {
          throw new SchemaError(
            `${attempt}: ${difference}, give the schema that is stored, or none`,
          );
        }
        store.declare(new Declared(anchored.fields));
      }
      const ownership = owner && !readOnly ? Ownership.take(files, dir) : undefined;
      return new Handle(store, new Writer(store, options.writer), ownership);
    } catch (error) {
      store.close();
      throw error;
    }
  }

  /** An owner waits for the write under way: that no other Base is there is known by now. */
  #patience({ timeoutMs }: OpenSchemaOptions<Schema>, wait: Wait | undefined) {
    const holder = () => this.writer.holder();
    return { path: this.store.dir, ...limitsOf(timeoutMs, wait), holder };
  }

  /** The lock is held now, and will be until the handle is closed. */
  #begin(): this {
    try {
      this.store.begin();
      this.store.owned = true;
      return this;
    } catch (error) {
      this.store.lock!.release();
      this.dispose();
      throw error;
    }
  }

  // ------------------------------------------------------------- creating

  /** Makes a base, or does with one that is there as `mode` says, and opens it. */
  static async create(
    path: string | URL,
    schema: Schema,
    settings: CreateOptions,
    owner: boolean,
    verb: "create" | "open" = "create",
  ): Promise<Handle> {
    const creation = new Creation(path, schema, settings, verb);
    const { dir, opening } = creation;
    const open = () => Handle.#open(dir, opening, owner, creation.schema);
    while (!creation.isToBeRead) {
      const lock = creation.begin();
      if (lock === undefined) continue;
      let made: Handle | undefined;
      try {
        if (!creation.isOpen(lock)) {
          creation.checkOutside(lock);
          using wait = waitFor("create", { lock, dir });
          made = await lock.run(() => creation.make(lock, open), waiting(dir, opening, wait));
          if (made === undefined) continue;
        }
      } catch (error) {
        throw creation.refused(error);
      } finally {
        lock.detach();
      }
      if (made !== undefined) return await Handle.#own(made, opening);
      try {
        return await Handle.#own(open(), opening);
      } catch (error) {
        // Others destroyed meanwhile what was there.
        if (!(error instanceof BaseNotFoundError)) throw error;
      }
    }
    return await Handle.#own(open(), opening);
  }

  /** As {@linkcode Handle.create}, blocking. */
  static createSync(
    path: string | URL,
    schema: Schema,
    settings: CreateOptions,
    owner: boolean,
    verb: "create" | "open" = "create",
  ): Handle {
    const creation = new Creation(path, schema, settings, verb);
    const { dir, opening } = creation;
    const open = () => Handle.#open(dir, opening, owner, creation.schema);
    while (!creation.isToBeRead) {
      const lock = creation.begin();
      if (lock === undefined) continue;
      let made: Handle | undefined;
      try {
        if (!creation.isOpen(lock)) {
          using wait = waitForSync({ lock, dir });
          lock.acquireSync(waiting(dir, opening, wait));
          try {
            made = creation.make(lock, open);
          } finally {
            lock.release();
          }
          if (made === undefined) continue;
        }
      } catch (error) {
        throw creation.refused(error);
      } finally {
        lock.detach();
      }
      if (made !== undefined) return Handle.#ownSync(made, opening);
      try {
        return Handle.#ownSync(open(), opening);
      } catch (error) {
        if (!(error instanceof BaseNotFoundError)) throw error;
      }
    }
    return Handle.#ownSync(open(), opening);
  }

  // ------------------------------------------------------------- ending

  /** Waits for writes under way, then closes. */
  async close(): Promise<void> {
    await this.writer.close();
    this.dispose();
  }

  /** Closes at once. */
  dispose(): void {
    this.writer.abort();
    if (this.store.owned) {
      this.store.lock!.release();
      this.store.owned = false;
    }
    this.#ownership?.close();
    this.store.close();
  }

  /** Removes the base from the disk and closes. */
  async destroy(): Promise<void> {
    await this.writer.exclusive(() => this.#destroy());
    await this.close();
  }

  /** As {@linkcode Handle.destroy}, blocking. */
  destroySync(): void {
    this.writer.exclusiveSync(() => this.#destroy());
    this.dispose();
  }

  #destroy(): void {
    const { files, dir, lock, checksums } = this.store;
    this.store.begin();
    try {
      destroyBase(files, dir, lock!.file, checksums);
    } catch (error) {
      if (error instanceof BaseError) throw error;
      const told = `Cannot destroy "${dir}": ${(error as Error).message}, open it to see whether ` +
        `it is still there`;
      throw new WriteError(told, "unknown", error);
    } finally {
      // In this turn: nothing may be acknowledged any more.
      this.writer.abort();
    }
  }
}

/** What would wait for the transaction that it is called from would wait for ever. */
function checkOutside(verb: string, dir: string, lock: Flock): void {
  if (!isInside(lock)) return;
  throw new DeadlockError(
    `Cannot ${verb} "${dir}" inside a transaction of it: wait for its end`,
  );
}

function limitsOf(timeoutMs: number | undefined, wait: Wait | undefined) {
  return { timeoutMs: timeoutMs ?? wait?.limitMs, holding: wait?.holding };
}

/** How long the lock is waited for, and who is not waited for. */
function waiting(dir: string, { timeoutMs }: OpenSchemaOptions<Schema>, wait: Wait | undefined) {
  const files = currentFiles();
  const onBusy = () => checkUnowned(files, dir, "open");
  return { path: dir, ...limitsOf(timeoutMs, wait), onBusy };
}

/** One call of `create`. */
class Creation {
  readonly dir: string;
  /** How to open what was created. */
  readonly opening: OpenSchemaOptions<Schema>;
  readonly #files: Files = currentFiles();
  /** The fields, as they were given. */
  readonly schema: TableSchema;
  readonly #mode: "new" | "open" | "override";
  /** Whether the directory is of this call. */
  #made = false;

  constructor(
    path: string | URL,
    given: Schema,
    options: CreateOptions,
    verb: "create" | "open",
  ) {
    this.dir = toPath(path);
    const attempt = `Cannot ${verb} "${this.dir}"`;
    const { mode, ...settings } = inContext(attempt, () => createOptions(options));
    const schema = inContext(attempt, () => captureFields(given)) as Schema;
    this.schema = inContext(attempt, () => TableSchema.from(schema));
    this.#mode = inContext(attempt, () => {
      writerOptions(settings);
      storeOptions(settings);
      return oneOf("mode", mode, "new", "open", "override");
    });
    this.opening = { ...settings, ...(this.#mode === "open" ? { schema } : {}) };
  }

  /** Whether no byte may be written: there is nothing to do but to open it. */
  get isToBeRead(): boolean {
    return this.opening.readOnly === true;
  }

  /** The lock under which it is made; `undefined` to begin anew. */
  begin(): Flock | undefined {
    try {
      const location = prepareBase(this.#files, this.dir);
      if (location?.made === true) this.#made = true;
      return location?.lock;
    } catch (error) {
      throw this.refused(error);
    }
  }

  /** What a creation is refused with that the system did not let come to its end. */
  refused(error: unknown): unknown {
    return refused(`Cannot create "${this.dir}"`, "create it again when that is mended", error);
  }

  /** Whether the base is there, and that is all that is asked for. */
  isOpen(lock: Flock): boolean {
    if (!isThere(this.dir, lock)) return false;
    if (this.#mode === "new") {
      throw new BaseExistsError(
        `Cannot create "${this.dir}": there is a base already, open it, or say mode "open" or ` +
          `"override"`,
      );
    }
    return this.#mode === "open";
  }

  /** Before the lock is waited for. */
  checkOutside(lock: Flock): void {
    checkOutside("create", this.dir, lock);
  }

  /**
   * Under the lock: makes it, and opens it before anybody can destroy it; `undefined` to begin anew.
   */
  make<T>(lock: Flock, open: () => T): T | undefined {
    if (!isReady(this.#files, this.dir, lock) || this.isOpen(lock)) return undefined;
    const fill = emptyTable(this.#files, this.dir, this.schema);
    if (isThere(this.dir, lock)) return overrideBase(this.#files, this.dir, fill, open);
    allOf(makeBase(this.#files, this.dir, { lock, made: this.#made }, fill));
    return open();
  }
}
