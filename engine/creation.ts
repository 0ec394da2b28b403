/**
 * One call of `create`: makes or replaces the table at a path, or leaves it to be opened, as its
 * mode says.
 *
 * @module
 */

import { captureFields } from "./snapshot/capture.ts";
import {
  hasTable,
  isReady,
  makeTable,
  noRows,
  overrideTable,
  preparePlace,
} from "./maintenance/create.ts";
import { BaseExistsError, inContext, refused } from "./system/errors.ts";
import type { Flock, WaitOptions } from "./lock/flock.ts";
import { type Wait, waitFor, waitForSync } from "./lock/inside.ts";
import type { CreateOptions } from "./schema/options.ts";
import { checkChoice, checkOptions, type HandleOptions } from "./handle_options.ts";
import { checkUnowned } from "./lock/owner.ts";
import { toPath } from "./system/path.ts";
import { createOptions } from "./schema/read_options.ts";
import { TableSchema } from "./schema/schema.ts";
import { allOf } from "./system/steps.ts";
import type { Schema } from "./schema/types.ts";
import { checkOutside } from "./write/write_lock.ts";
import { currentFiles } from "./system/deno_file.ts";

/** A call of `create`. */
export class Creation {
  /** How to open the table. */
  readonly options: HandleOptions;
  readonly #schema: TableSchema;
  readonly #mode: "new" | "open" | "override";
  /** Whether this call made the directory. */
  #madeDir = false;

  constructor(
    path: string | URL,
    given: Schema,
    options: CreateOptions,
    owner: boolean,
    verb: "create" | "open",
  ) {
    const dir = toPath(path);
    const { schema, mode, checked } = inContext(`Cannot ${verb} "${dir}"`, () => {
      const { mode, ...others } = createOptions(options);
      return {
        schema: TableSchema.from(captureFields(given) as Schema),
        checked: checkOptions(others),
        mode: checkChoice("mode", mode, "new", "open", "override"),
      };
    });
    this.#schema = schema;
    this.#mode = mode;
    const exact = mode === "open";
    this.options = { files: currentFiles(), dir, owner, ...checked, schema, exact };
  }

  /**
   * Makes the table, and opens it before another process can destroy it; returns nothing if the
   * table is there and only has to be opened.
   */
  async make<T>(open: () => T): Promise<T | undefined> {
    for (;;) {
      try {
        using lock = this.#begin();
        if (lock === undefined) continue;
        if (this.#isToBeOpened(lock)) return undefined;
        const table = { lock, dir: this.options.dir };
        checkOutside("create", table);
        using wait = waitFor("create", table);
        const made = await lock.run(() => this.#make(lock, open), this.#waitOptions(wait));
        if (made !== undefined) return made;
      } catch (error) {
        throw this.#refused(error);
      }
    }
  }

  /** As {@linkcode Creation.make}, blocking. */
  makeSync<T>(open: () => T): T | undefined {
    for (;;) {
      try {
        using lock = this.#begin();
        if (lock === undefined) continue;
        if (this.#isToBeOpened(lock)) return undefined;
        using wait = waitForSync({ lock, dir: this.options.dir });
        lock.acquireSync(this.#waitOptions(wait));
        try {
          const made = this.#make(lock, open);
          if (made !== undefined) return made;
        } finally {
          lock.release();
        }
      } catch (error) {
        throw this.#refused(error);
      }
    }
  }

  /** Attaches the lock under which to make the table; returns nothing to try again. */
  #begin(): Flock | undefined {
    const { files, dir } = this.options;
    const place = preparePlace(files, dir);
    this.#madeDir ||= place?.made === true;
    return place?.lock;
  }

  /** Whether the table is there, and the mode asks for no more. */
  #isToBeOpened(lock: Flock): boolean {
    const { dir } = this.options;
    if (!hasTable(dir, lock)) return false;
    if (this.#mode === "new") {
      throw new BaseExistsError(
        `Cannot create "${dir}": there is a table already, open it, or say mode "open" or ` +
          `"override"`,
      );
    }
    return this.#mode === "open";
  }

  /** Under the lock: makes and opens the table; returns nothing to try again. */
  #make<T>(lock: Flock, open: () => T): T | undefined {
    const { files, dir } = this.options;
    if (!isReady(files, dir, lock) || this.#isToBeOpened(lock)) return undefined;
    const fill = noRows(files, dir, this.#schema);
    if (hasTable(dir, lock)) return overrideTable(files, dir, fill, open);
    allOf(makeTable(files, dir, { lock, made: this.#madeDir }, fill));
    return open();
  }

  #waitOptions(wait: Wait | undefined): WaitOptions {
    const { files, dir, writer } = this.options;
    return {
      path: dir,
      timeoutMs: writer.timeoutMs ?? wait?.limitMs,
      holding: wait?.holding,
      onBusy: () => checkUnowned(files, dir, "open"),
    };
  }

  /** What the system refuses becomes a `WriteError`. */
  #refused(error: unknown): unknown {
    const attempt = `Cannot create "${this.options.dir}"`;
    return refused(attempt, "create it again when that is mended", error);
  }
}
