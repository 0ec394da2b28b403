/**
 * The strikes of `examples/data/birdstrikes.csv`, typed.
 *
 * @module
 */

import { parseCsv } from "../../cli/csv.ts";
import type { Strike } from "./strikes.ts";

// Fetched, as the package may be run from its registry, too.
const CSV = await (await fetch(new URL("../data/birdstrikes.csv", import.meta.url))).text();

/** So many strikes: those of the file, over and over again. */
export function readStrikes(count: number): Strike[] {
  const [, ...records] = parseCsv([CSV]).map((record) => record.cells());
  const integer = (cell: string | null | undefined) => cell == null ? null : Number(cell);
  const strikes = records.map((cells): Strike => {
    const [
      airport,
      aircraft,
      damage,
      date,
      operator,
      state,
      phase,
      size,
      species,
      timeOfDay,
      ...n
    ] = cells;
    const [costOther, costRepair, costTotal, speed] = n.map(integer);
    return {
      airport: airport!,
      aircraft,
      damage,
      date: Temporal.PlainDate.from(date!),
      operator,
      state,
      phase,
      size,
      species,
      timeOfDay,
      costOther,
      costRepair,
      costTotal,
      speed,
    };
  });
  return Array.from({ length: count }, (_, i) => strikes[i % strikes.length]!);
}
