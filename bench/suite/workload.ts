/**
 * What is measured: workloads, done by contenders in turn, each giving figures and a result that
 * must be the same for all.
 *
 * @module
 */

import { byTurns, type Turns } from "./measure.ts";

/** The columns: whoever is in a table is one of these. */
export const CONTENDERS = {
  psbase: "a commit waits for `fdatasync` of the log",
  "psbase await": "the same, with the verbs that are awaited",
  "psbase sources": "the same, loaded from its sources, as in a clone",
  "SQLite FULL": "`node:sqlite`, WAL, synchronous FULL: a commit waits for `fdatasync` of the WAL",
  "SQLite NORMAL": "the same, synchronous NORMAL: a power cut may take the newest commits",
  LMDB: "npm's `lmdb`: a commit waits for the sync of the file; keys are ids, values are JSON",
  DuckDB: "npm's `@duckdb/node-api`, one thread: columns for queries",
  "Deno KV": "`Deno.openKv`, SQLite beneath (WAL, FULL): a commit waits for `fsync`",
  "JSON file": "all rows in memory, read again if the file is another; written anew, synced and " +
    "renamed under `PsLock`",
  sqlite3:
    "the command `sqlite3`, as it is by default (rollback journal, FULL), in and out of files",
  nothing: "a process that ends at once: the floor",
} as const;

/** Who takes part. */
export type Contender = keyof typeof CONTENDERS;

/** Figures of one turn, by the name of their row, and what must be the same for all. */
export interface Turn {
  readonly figures: Readonly<Record<string, number>>;
  readonly result: unknown;
}

/**
 * The target of psbase: at most so much, on a machine where the best durable peer took `peer`; or at
 * most so many times what `nothing` takes.
 */
export type Goal = { readonly most: number; readonly peer: number } | { readonly floors: number };

/** One line of a table. */
export interface Line {
  readonly title: string;
  /** Milliseconds if left out. */
  readonly unit?: "ms" | "µs" | "KiB" | "MiB";
  readonly goal?: Goal | undefined;
  /** What a power cut may take of it; nothing if left out. */
  readonly durability?: "relaxed";
}

/** Something that is measured together, and can be run by its name. */
export interface Workload {
  readonly name: string;
  readonly group: string;
  /** By the name of a figure. */
  readonly lines: Readonly<Record<string, Line>>;
  /** Of a group that compares sizes: how many rows there are. */
  readonly rows?: number;
  readonly contenders: { readonly [C in Contender]?: (dir: string) => Promise<Turn> };
  /** Who takes so long that one turn must do. */
  readonly once?: readonly Contender[];
}

/** A line as it was measured. */
export interface Measured extends Line {
  readonly workload: string;
  readonly group: string;
  readonly rows?: number;
  /** What each turn gave. */
  readonly turns: { readonly [C in Contender]?: readonly number[] };
}

/** Measures a workload; all must give the same. */
export async function measure(workload: Workload, options: Turns<Contender>): Promise<Measured[]> {
  const { name, group, rows, contenders, once = [] } = workload;
  const given = await byTurns(contenders, { ...options, once });
  const all = [...given].flatMap(([contender, turns]) =>
    turns.map(({ result }) => ({ contender, result: JSON.stringify(result) }))
  );
  for (const { contender, result } of all) {
    if (result === all[0]!.result) continue;
    throw new Error(`${name}: ${contender} gave ${result}, ${all[0]!.contender} ${all[0]!.result}`);
  }
  return Object.entries(workload.lines).map(([key, line]) => {
    const turns = [...given].filter(([, turns]) => turns[0]!.figures[key] !== undefined).map(
      ([contender, turns]) => [contender, turns.map(({ figures }) => figures[key]!)],
    );
    return {
      ...line,
      workload: name,
      group,
      ...(rows && { rows }),
      turns: Object.fromEntries(turns),
    };
  });
}
