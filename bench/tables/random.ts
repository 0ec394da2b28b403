/**
 * Numbers that look random and are the same each time.
 *
 * @module
 */

/** Gives integers from 0 up to, not including, `below`. */
export function randomInts(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor(((t ^ (t >>> 14)) >>> 0) / 2 ** 32 * below);
  };
}

/** The same mixing, of one number: what stands in place `i`. */
export function randomAt(i: number, below: number): number {
  return randomInts(Math.imul(i + 1, 0x9e3779b1))(below);
}
