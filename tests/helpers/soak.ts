/**
 * The table that a soak is about.
 *
 * @module
 */

/** Its fields. */
export const SOAK = {
  name: { type: "string", index: true },
  n: "integer",
  note: "string",
} as const;

/** Around how many rows it has. */
export const SOAK_ROWS = 2000;
