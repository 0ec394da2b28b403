/**
 * A new table of imported rows.
 *
 * @module
 */

// The public API has no verb for any number of rows in one commit, with ids of their own.
import { createFromRows, type GivenRow } from "../../engine/maintenance/given_rows.ts";
import type { NewSchema } from "../call/fields.ts";
import { between, interruptible } from "../process/signals.ts";

/** How many rows go into a new table at once. */
const CHUNK_ROWS = 1024;

/**
 * Makes a table of rows; gives their number.
 *
 * @param path The directory of the table.
 * @param schema The fields.
 * @param rows The rows by ascending ids.
 * @param nextId The id of the next row, if it is not the one after the last.
 * @throws {Interrupted} If a signal came. There is no table then.
 */
export function createTable(
  path: string,
  schema: NewSchema,
  rows: Iterable<GivenRow>,
  nextId?: number,
): Promise<number> {
  return interruptible((signal) =>
    createFromRows(path, schema, between(chunks(rows, CHUNK_ROWS), signal), { nextId, signal })
  );
}

/** The items in arrays of `size`. */
export function* chunks<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let chunk: T[] = [];
  for (const item of items) {
    if (chunk.push(item) < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
