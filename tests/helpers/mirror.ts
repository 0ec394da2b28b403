/**
 * The table that `tests/fixtures/mirror.ts` copies another one to.
 *
 * @module
 */

/** The row that tells how far the copy is. */
export const SINCE = -1;

/** Rows by the id that they have there, as JSON. */
export const MIRROR = {
  of: { type: "integer", unique: true, required: true },
  row: { type: "string", required: true },
} as const;
