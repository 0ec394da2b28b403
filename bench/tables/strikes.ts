/**
 * The table of the storm: collisions of aircraft with wildlife.
 *
 * @module
 */

import { readStrikes } from "../../examples/storm/data.ts";
import { STRIKES } from "../../examples/storm/strikes.ts";
import type { Table } from "../stores/store.ts";

/** Without an index, as in the storm. */
export const strikes: Table<typeof STRIKES> = {
  name: "strikes",
  schema: STRIKES,
  rows: (count) => readStrikes(count),
};

/** With one on the field that is searched. */
export const strikesByAirport: Table<typeof STRIKES> = {
  ...strikes,
  name: "strikes, index on airport",
  schema: { ...STRIKES, airport: { type: "string", required: true, index: true } } as never,
};
