/**
 * Reads the options of all verbs.
 *
 * @module
 */

import { describe, isObject, isPlain } from "../system/check.ts";
import type {
  AddFieldOptions,
  CreateOptions,
  IndexOptions,
  OpenOptions,
  OpenSchemaOptions,
  TransactionOptions,
  UpdateOptions,
  WatchOptions,
} from "./options.ts";
import type { Schema, SelectOptions } from "./types.ts";

/**
 * Makes a function that reads the options of a verb. The function returns a copy, because callers
 * may change their object later. It refuses unknown options, because a misspelt option would
 * silently do nothing. Messages are fragments.
 */
export function optionsReader<T extends object>(
  known: Readonly<Record<keyof T, true>>,
): (given: unknown) => T {
  const all = Object.keys(known);
  const list = `the ${all.length === 1 ? "only option is" : "options are"} ${all.join(", ")}`;
  return (given) => {
    const names = isObject(given) ? Object.keys(given) : [];
    if (!isObject(given) || names.length === 0) {
      if (isObject(given) && isPlain(given)) return {} as T;
      // A Map or a promise would pass for an object without options.
      throw new TypeError(`options: ${describe(given)}, ${list}`);
    }
    for (const name of names) {
      if (Object.hasOwn(known, name)) continue;
      throw new TypeError(`unknown option ${JSON.stringify(name)}, ${list}`);
    }
    const options: Record<string, unknown> = {};
    for (const name of all) options[name] = given[name];
    return options as T;
  };
}

const COMMON_OPTIONS = {
  durability: true,
  timeoutMs: true,
  readOnly: true,
  cacheBytes: true,
} as const;

/** Options of `open` beside a schema. */
export const openOptions = optionsReader<OpenOptions>(COMMON_OPTIONS);

/** Options of `open` without a schema of its own. */
export const openSchemaOptions = optionsReader<OpenSchemaOptions<Schema>>({
  schema: true,
  ...COMMON_OPTIONS,
});

/** Options of `create`. */
export const createOptions = optionsReader<CreateOptions>({ mode: true, ...COMMON_OPTIONS });

/** Options of `select` and `explain`. */
export const selectOptions = optionsReader<SelectOptions<Schema>>({
  fields: true,
  orderBy: true,
  limit: true,
  offset: true,
});

/** Options of `transaction`. */
export const transactionOptions = optionsReader<TransactionOptions>({ timeoutMs: true });

/** Options of `update`. */
export const updateOptions = optionsReader<UpdateOptions>({ ifVersion: true });

/** Options of `watch`. */
export const watchOptions = optionsReader<WatchOptions<Schema>>({
  since: true,
  where: true,
  signal: true,
});

/** Options of `addField`. */
export const addFieldOptions = optionsReader<AddFieldOptions<Schema>>({ after: true });

/** Options of `setIndex`. */
export const indexOptions = optionsReader<IndexOptions>({ index: true, unique: true });
