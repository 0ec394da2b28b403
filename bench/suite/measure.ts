/**
 * Measuring by turns.
 *
 * @module
 */

/** The one in the middle; of two, the lower. */
export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
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

/** How often, and how. */
export interface Turns<N extends string = string> {
  /** At least. */
  readonly turns: number;
  /** For so many seconds at least: of what is short, V8 has compiled most by then. */
  readonly seconds: number;
  /** Where to make directories; where temporary files are, if left out. */
  readonly dir?: string;
  /** For whom one turn must do. */
  readonly once?: readonly N[];
}

/**
 * Has all take their turns, one after the other, each in a directory of its own, and each turn
 * beginning with the next of them; gives what each turn gave.
 */
export async function byTurns<N extends string, T>(
  measures: { readonly [name in N]?: (dir: string) => Promise<T> },
  { turns, seconds, dir, once = [] }: Turns<N>,
): Promise<Map<N, T[]>> {
  const all = Object.entries(measures) as [N, (dir: string) => Promise<T>][];
  const given = new Map<N, T[]>(all.map(([name]) => [name, []]));
  const start = performance.now();
  for (let turn = 0; turn < turns || performance.now() - start < seconds * 1000; turn++) {
    const first = turn % all.length;
    for (const [name, measure] of [...all.slice(first), ...all.slice(0, first)]) {
      if (turn > 0 && once.includes(name)) continue;
      const own = await Deno.makeTempDir({ prefix: "psbase_bench_", ...(dir && { dir }) });
      try {
        given.get(name)!.push(await measure(own));
      } finally {
        await Deno.remove(own, { recursive: true });
      }
    }
  }
  return given;
}
