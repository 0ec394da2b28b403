/**
 * Opening, creating, closing and destroying: the part of a handle in which `Base` and `PsBase`
 * differ.
 *
 * @module
 */

import { Creation } from "./creation.ts";
import { destroyTable } from "./maintenance/create.ts";
import { Declared } from "./schema/declared.ts";
import { BaseError, BaseNotFoundError, SchemaError, WriteError } from "./system/errors.ts";
import type { WaitSyncOptions } from "./lock/flock.ts";
import { type Wait, waitFor, waitForSync } from "./lock/inside.ts";
import { type HandleOptions, handleOptions, openArguments } from "./handle_options.ts";
import type { CreateOptions } from "./schema/options.ts";
import { Ownership } from "./lock/owner.ts";
import { toPath } from "./system/path.ts";
import { Store } from "./store/store.ts";
import type { Schema } from "./schema/types.ts";
import { checkOutside } from "./write/write_lock.ts";
import { Writer } from "./write/writer.ts";
import { withRelativeTargets } from "./schema/link_paths.ts";

/** The handle of an open table: for the parts of this project that go deeper than its verbs. */
export let handleOf: (table: object) => Handle;

/** Sets what {@linkcode handleOf} does; the class of the tables calls it. */
export function setHandleOf(find: typeof handleOf): void {
  handleOf = find;
}

/** An open table and how to write to it. */
export class Handle {
  /** What it reads and appends to. */
  readonly store: Store;
  /** How it writes. */
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
    const { dir, schema, settings } = readOpening(path, given, options);
    if (schema !== undefined) {
      return await Handle.create(dir, schema, { ...settings, mode: "open" }, owner, "open");
    }
    return await Handle.#open(handleOptions(dir, settings, owner)).#own();
  }

  /** As {@linkcode Handle.open}, blocking. */
  static openSync(
    path: string | URL,
    given: unknown,
    options: unknown,
    owner: boolean,
  ): Handle {
    const { dir, schema, settings } = readOpening(path, given, options);
    if (schema !== undefined) {
      return Handle.createSync(dir, schema, { ...settings, mode: "open" }, owner, "open");
    }
    return Handle.#open(handleOptions(dir, settings, owner)).#ownSync();
  }

  static #open({ files, dir, owner, schema, exact, ...options }: HandleOptions): Handle {
    const store = Store.open(files, dir, options.store);
    try {
      if (schema !== undefined) {
        const anchored = withRelativeTargets(files, dir, schema);
        const difference = exact ? store.snapshot.schema.difference(anchored) : undefined;
        if (difference !== undefined) {
          throw new SchemaError(
            `Cannot open "${dir}": ${difference}, give the schema that is stored, or none`,
          );
        }
        store.declare(new Declared(anchored.fields));
      }
      const owns = owner && !options.store.readOnly;
      const ownership = owns ? Ownership.take(files, dir) : undefined;
      return new Handle(store, new Writer(store, options.writer, owns), ownership);
    } catch (error) {
      store.close();
      throw error;
    }
  }

  /** An owner takes the lock until the handle is closed; it waits only for a write under way. */
  async #own(): Promise<this> {
    if (this.#ownership === undefined) return this;
    try {
      const { dir } = this.store;
      const lock = this.store.lock!;
      checkOutside("open", { dir, lock });
      using wait = waitFor("open", { dir, lock });
      await lock.acquire(this.#waitOptions(wait));
    } catch (error) {
      this.dispose();
      throw error;
    }
    return this.#begin();
  }

  #ownSync(): this {
    if (this.#ownership === undefined) return this;
    try {
      const { dir } = this.store;
      const lock = this.store.lock!;
      using wait = waitForSync({ dir, lock });
      lock.acquireSync(this.#waitOptions(wait));
    } catch (error) {
      this.dispose();
      throw error;
    }
    return this.#begin();
  }

  #waitOptions(wait: Wait | undefined): WaitSyncOptions {
    const { lock } = this.writer;
    return {
      path: this.store.dir,
      timeoutMs: lock.timeoutMs ?? wait?.limitMs,
      holding: wait?.holding,
      holder: () => lock.holder(),
    };
  }

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

  /** Makes a table and opens it; `mode` says what happens if there is one already. */
  static async create(
    path: string | URL,
    schema: Schema,
    options: CreateOptions,
    owner: boolean,
    verb: "create" | "open" = "create",
  ): Promise<Handle> {
    const creation = new Creation(path, schema, options, owner, verb);
    const open = () => Handle.#open(creation.options);
    // Nothing is written then, not even by a create.
    if (creation.options.store.readOnly) return open();
    for (;;) {
      const made = await creation.make(open);
      if (made !== undefined) return await made.#own();
      try {
        return await open().#own();
      } catch (error) {
        // Another process destroyed the table meanwhile.
        if (!(error instanceof BaseNotFoundError)) throw error;
      }
    }
  }

  /** As {@linkcode Handle.create}, blocking. */
  static createSync(
    path: string | URL,
    schema: Schema,
    options: CreateOptions,
    owner: boolean,
    verb: "create" | "open" = "create",
  ): Handle {
    const creation = new Creation(path, schema, options, owner, verb);
    const open = () => Handle.#open(creation.options);
    if (creation.options.store.readOnly) return open();
    for (;;) {
      const made = creation.makeSync(open);
      if (made !== undefined) return made.#ownSync();
      try {
        return open().#ownSync();
      } catch (error) {
        if (!(error instanceof BaseNotFoundError)) throw error;
      }
    }
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

  /** Removes the table from the disk and closes. */
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
      destroyTable(files, dir, lock!.file, checksums);
    } catch (error) {
      if (error instanceof BaseError) throw error;
      throw new WriteError(
        `Cannot destroy "${dir}": ${(error as Error).message}, open it to see whether it is ` +
          `still there`,
        "unknown",
        error,
      );
    } finally {
      // In this turn: from here on nothing may be acknowledged.
      this.writer.abort();
    }
  }
}

function readOpening(path: string | URL, given: unknown, options: unknown) {
  const dir = toPath(path);
  return { dir, ...openArguments(`Cannot open "${dir}"`, given, options) };
}
