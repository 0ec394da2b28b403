/**
 * What is measured: workloads, done by contenders in turn, each giving figures and a result that
 * must be the same for all.
 *
 * @module
 */

/** The columns: whoever is in a table is one of these. */
export const CONTENDERS = {
  psbase: "a commit waits for `fdatasync` of the log",
  "SQLite FULL": "`node:sqlite`, WAL, synchronous FULL: a commit waits for `fdatasync` of the WAL",
  "SQLite NORMAL": "the same, synchronous NORMAL: a power cut may take the newest commits",
  "Deno KV": "`Deno.openKv`, SQLite beneath (WAL, FULL): a commit waits for `fsync`",
  "JSON file": "all rows in memory, read again if the file is another; written anew, synced and " +
    "renamed under `PsLock`",
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
 * What issue 6 wants of psbase: so much at most, where its best durable peer took so much on its
 * machine; or so many times what `nothing` takes.
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

/** The one in the middle; of two, the lower. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1]!;
}

/** The value that so many of the values do not exceed. */
export function percentile(values: readonly number[], share: number): number {
  return values.toSorted((a, b) => a - b)[Math.ceil(share * values.length) - 1]!;
}

/** How long it takes, in milliseconds. */
export async function timed(fn: () => unknown): Promise<number> {
  const start = performance.now();
  await fn();
  return performance.now() - start;
}

/**
 * Has all contenders take their turns, one after the other, each in a directory of its own, and
 * each turn beginning with the next of them.
 */
export async function measure(
  workload: Workload,
  { turns, dir }: { turns: number; dir: string },
): Promise<Measured[]> {
  const figures: Record<string, { [C in Contender]?: number[] }> = {};
  let expected: string | undefined;
  for (let turn = 0; turn < turns; turn++) {
    const contenders = Object.entries(workload.contenders);
    const first = turn % contenders.length;
    for (const [name, run] of [...contenders.slice(first), ...contenders.slice(0, first)]) {
      const contender = name as Contender;
      if (turn > 0 && workload.once?.includes(contender)) continue;
      const own = await Deno.makeTempDir({ dir });
      try {
        const done = await run(own);
        const result = JSON.stringify(done.result);
        expected ??= result;
        if (result !== expected) {
          throw new Error(`${workload.name}: ${name} gave ${result}, others ${expected}`);
        }
        for (const [line, value] of Object.entries(done.figures)) {
          ((figures[line] ??= {})[contender] ??= []).push(value);
        }
      } finally {
        await Deno.remove(own, { recursive: true });
      }
    }
  }
  return Object.entries(workload.lines).map(([name, line]) => ({
    ...line,
    workload: workload.name,
    group: workload.group,
    ...(workload.rows && { rows: workload.rows }),
    turns: figures[name]!,
  }));
}
