/**
 * `open(path)`, `open(path, options)` or `open(path, schema, options)`: which one a call is.
 *
 * @module
 */

import { inContext } from "../system/errors.ts";
import { isObject } from "../system/check.ts";
import type { OpenSchemaOptions } from "./options.ts";
import { openOptions, openSchemaOptions } from "./read_options.ts";
import { TableSchema } from "./schema.ts";
import type { Schema } from "./types.ts";

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
