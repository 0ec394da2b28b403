/**
 * How a handle opens its table: the options of `open` and `create`, checked at the call.
 *
 * @module
 */

import { describeOption } from "./system/check.ts";
import { inContext } from "./system/errors.ts";
import type { Files } from "./system/file.ts";
import { checkTimeout } from "./lock/flock.ts";
import type { OpenOptions, OpenSchemaOptions } from "./schema/options.ts";
import { TableSchema } from "./schema/schema.ts";
import type { StoreOptions } from "./store/store.ts";
import type { Schema } from "./schema/types.ts";
import type { WriterOptions } from "./write/writer.ts";
import { currentFiles } from "./system/deno_file.ts";

/** How to open a table. */
export interface HandleOptions {
  /** The file system. */
  readonly files: Files;
  /** Where the table is. */
  readonly dir: string;
  /** Whether the handle owns the table, unless it only reads. */
  readonly owner: boolean;
  /** How to read. */
  readonly store: StoreOptions;
  /** How to write. */
  readonly writer: WriterOptions;
  /** The fields that the user relies on, if a schema was given; they need not be all. */
  readonly schema: TableSchema | undefined;
  /** Whether these fields must be all, with the same options. */
  readonly exact: boolean;
}

/** The options of an `open` that creates nothing. */
export function handleOptions(
  dir: string,
  settings: OpenSchemaOptions<Schema>,
  owner: boolean,
): HandleOptions {
  return inContext(`Cannot open "${dir}"`, () => ({
    ...{ files: currentFiles(), dir, owner, exact: true },
    ...checkOptions(settings),
    schema: settings.schema && TableSchema.from(settings.schema),
  }));
}

/** Checks the options that `open` and `create` share; throws fragments. */
export function checkOptions(
  { durability, timeoutMs, readOnly = false, cacheBytes }: OpenOptions,
): Pick<HandleOptions, "store" | "writer"> {
  const writer = {
    durable: checkChoice("durability", durability, "full", "relaxed") === "full",
    timeoutMs: checkTimeout(timeoutMs),
  };
  if (typeof readOnly !== "boolean") {
    throw new TypeError(`${describeOption("readOnly", readOnly)}, it can be true, false`);
  }
  if (cacheBytes === undefined) return { writer, store: { readOnly } };
  if (typeof cacheBytes === "number" && cacheBytes >= 0) {
    return { writer, store: { readOnly, cacheBytes } };
  }
  throw new RangeError(
    `${describeOption("cacheBytes", cacheBytes)}, expected a number of bytes, 0 or more`,
  );
}

/** One of the values that an option can have, by default the first; throws fragments. */
export function checkChoice<T extends string>(
  name: string,
  value: T | undefined,
  ...allowed: T[]
): T {
  if (value === undefined) return allowed[0]!;
  if (allowed.includes(value)) return value;
  throw new TypeError(`${describeOption(name, value)}, it can be ${allowed.join(", ")}`);
}
