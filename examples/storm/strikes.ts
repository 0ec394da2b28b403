/**
 * The table of the storm: collisions of aircraft with wildlife.
 *
 * @module
 */

import type { Insert } from "../../base.ts";

/** The fields, in the order of the CSV file's columns. */
export const STRIKES = {
  airport: { type: "string", required: true },
  aircraft: "string",
  damage: "string",
  date: { type: "date", required: true },
  operator: "string",
  state: "string",
  phase: "string",
  size: "string",
  species: "string",
  timeOfDay: "string",
  costOther: { type: "integer", default: 0 },
  costRepair: { type: "integer", default: 0 },
  costTotal: { type: "integer", default: 0 },
  speed: "integer",
} as const;

/** A strike as `insert` takes it. */
export type Strike = Insert<typeof STRIKES>;

/** The strike that a process of the storm inserts in a round: one of its own kind. */
export function stormStrike(airport: string, process: number, round: number) {
  return {
    airport,
    date: Temporal.PlainDate.from("2002-07-26"),
    operator: `STORM ${process}`,
    speed: round,
  };
}
