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

const CSV = new URL("../data/birdstrikes.csv", import.meta.url);
/** A quoted cell, with `""` for a quote in it, or a plain one; and what ends it. */
const CELL_REGEXP = /(?:"((?:[^"]|"")*)"|([^,\r\n]*))(,|\r?\n|$)/y;

/** The records of a CSV text as arrays of cells; an empty cell is null. */
function* parseCsv(text: string): Generator<(string | null)[]> {
  let cells: (string | null)[] = [];
  CELL_REGEXP.lastIndex = 0;
  while (CELL_REGEXP.lastIndex < text.length) {
    const [, quoted, plain, end] = CELL_REGEXP.exec(text)!;
    cells.push(quoted?.replaceAll('""', '"') ?? (plain || null));
    if (end === ",") continue;
    yield cells;
    cells = [];
  }
}

/** So many strikes: those of the file, over and over again. */
export function readStrikes(count: number): Strike[] {
  const [, ...records] = parseCsv(Deno.readTextFileSync(CSV));
  const integer = (cell: string | null | undefined) => cell == null ? null : Number(cell);
  const strikes = records.map((cells): Strike => {
    const [airport, aircraft, damage, date, operator, state, phase, size, species, timeOfDay] =
      cells;
    const [costOther, costRepair, costTotal, speed] = cells.slice(10).map(integer);
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

/** The strike that a process of the storm inserts in a round: one of its own kind. */
export function stormStrike(airport: string, process: number, round: number) {
  return {
    airport,
    date: Temporal.PlainDate.from("2002-07-26"),
    operator: `STORM ${process}`,
    speed: round,
  };
}
