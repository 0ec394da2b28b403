/**
 * How a table is opened: the options of `open` and `create`, checked at the call.
 *
 * @module
 */

import { describeOption } from "./system/check.ts";
import { inContext } from "./system/errors.ts";
import type { Files } from "./system/file.ts";
import { checkTimeout } from "./lock/flock.ts";
import type { OpenOptions, OpenSchemaOptions } from "./schema/options.ts";
import { toPath } from "./system/path.ts";
import { openOptions } from "./schema/read_options.ts";
import { TableSchema } from "./schema/schema.ts";
import type { StoreOptions } from "./store/store.ts";
import type { Schema } from "./schema/types.ts";
import type { WriterOptions } from "./write/writer.ts";
import { currentFiles } from "./system/deno_file.ts";

/** How to open a table. */
export interface Opening {
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
  /** The fields that the user relies on; they need not be all. */
  readonly schema: TableSchema | undefined;
  /** Whether these fields must be all, with the same options. */
  readonly exact: boolean;
}

/** The opening that a call of `open` asks for. */
export function readOpening(
  path: string | URL,
  given: OpenSchemaOptions<Schema>,
  owner: boolean,
): Opening {
  const dir = toPath(path);
  return inContext(`Cannot open "${dir}"`, () => {
    const options = openOptions(given);
    return {
      ...{ files: currentFiles(), dir, owner, exact: true },
      ...checkOptions(options),
      schema: options.schema && TableSchema.from(options.schema),
    };
  });
}

/** Checks the options that `open` and `create` share; throws fragments. */
export function checkOptions(
  { durability, timeoutMs, readOnly = false, cacheBytes }: OpenOptions,
): Pick<Opening, "store" | "writer"> {
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
