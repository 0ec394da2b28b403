/**
 * How a handle opens its table: the options of `open` and `create`, checked at the call.
 *
 * @module
 */

import { describeOption, isObject } from "./system/check.ts";
import { inContext } from "./system/errors.ts";
import type { Files } from "./system/file.ts";
import { checkTimeout } from "./lock/flock.ts";
import type { OpenOptions, OpenSchemaOptions } from "./schema/options.ts";
import { openOptions, openSchemaOptions } from "./schema/read_options.ts";
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
    schema: settings.schema === undefined ? undefined : TableSchema.from(settings.schema),
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

/** How a table is to be opened, and its schema if it may be created. */
export interface Opening {
  /** The schema that was passed as an argument of its own. */
  readonly schema?: Schema;
  /** The options, read. */
  readonly settings: OpenSchemaOptions<Schema>;
}

/**
 * Tells a schema from options where one object is passed. It is a schema if each of its values is a
 * field, else it holds options. No value of an option is a field, with one exception: the
 * `{ type: "string" }` of `{ schema: { type: "string" } }` is a field, and it is the schema of a
 * table whose field is called `type`. Such a call is refused.
 */
export function openArguments(attempt: string, given: unknown, options: unknown): Opening {
  return inContext(attempt, () => {
    if (options !== undefined) {
      TableSchema.from(given as Schema);
      return { schema: given as Schema, settings: openOptions(options) };
    }
    const fault = faultOf(given);
    if (fault !== undefined) return { settings: optionsFrom(given, fault) };
    const schema = given as Schema;
    if (Object.keys(schema).join() === "schema" && faultOf(schema.schema) === undefined) {
      throw new TypeError(
        '"schema" may be a field or the option: pass {} as a third argument if it is a field, ' +
          "and add readOnly: false if it is the option",
      );
    }
    return { schema, settings: {} };
  });
}

/** Why a value is no schema; `undefined` if it is one. */
function faultOf(given: unknown): Error | undefined {
  try {
    TableSchema.from(given as Schema);
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** Reads options. If a schema was meant, the error says what is wrong with it. */
function optionsFrom(given: unknown, fault: Error): OpenSchemaOptions<Schema> {
  try {
    return openSchemaOptions(given === undefined ? {} : given);
  } catch (error) {
    const values = isObject(given) ? Object.values(given) : [];
    if (values.some((value) => faultOf({ field: value }) === undefined)) throw fault;
    const fieldLike = (value: unknown) => typeof value === "string" || isObject(value);
    if (values.length === 0 || !values.every(fieldLike)) throw error;
    throw new TypeError(
      `neither options (${(error as Error).message}) nor a schema (${fault.message})`,
    );
  }
}
