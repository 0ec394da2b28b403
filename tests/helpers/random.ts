/**
 * Random choices that can be repeated.
 *
 * @module
 */

/** A source of random choices. */
export interface Random {
  /** What it began with. */
  readonly seed: number;
  /** A whole number below `n`. */
  below(n: number): number;
  /** True so often. */
  chance(probability: number): boolean;
  /** One of these. */
  pick<T>(choices: readonly T[]): T;
}

/** Begins with the seed in PSBASE_SEED, or a new one; a failing test tells it. */
export function newSeed(): number {
  const given = Deno.env.get("PSBASE_SEED");
  return given === undefined ? crypto.getRandomValues(new Uint32Array(1))[0]! : Number(given);
}

/** Mulberry32, by Tommy Ettinger: small, and good enough to find faults. */
export function randomFrom(seed: number): Random {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n: number) => Math.floor(next() * n);
  return {
    seed,
    below,
    chance: (probability) => next() < probability,
    pick: (choices) => choices[below(choices.length)]!,
  };
}
