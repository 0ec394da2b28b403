/**
 * All that a power cut can leave of a disk, or some of it where that is too much.
 *
 * @module
 */

import { anyOf, type Choose, type Disk, NEWEST, OLDEST } from "./crash_file.ts";
import { sameBytes } from "../../engine/bytes/bytes.ts";
import { hash128 } from "../../engine/bytes/checksum.ts";

/**
 * What can be there after a power cut: all of it where that is not more than `most` choices
 * allow, else the oldest, the newest and others that are drawn. No two are the same.
 */
export function* powerCuts(disk: Disk, most: number, next: () => number): Generator<Disk> {
  const seen = new Set<string>();
  for (const cut of waysOf(disk) <= most ? every(disk) : some(disk, most, next)) {
    const print = fingerprint(cut);
    if (!seen.has(print)) yield cut;
    seen.add(print);
  }
}

/** What a disk holds, in a few words. */
export function fingerprint(disk: Disk): string {
  const seed = new Int32Array(4);
  return Array.from(disk.image(), ([name, bytes]) => {
    return `${name} ${bytes.length} ${hash128(bytes, seed, 0, bytes.length)}`;
  }).join();
}

function isSame(a: unknown, b: unknown): boolean {
  return a instanceof Uint8Array && b instanceof Uint8Array ? sameBytes(a, b) : a === b;
}

function distinct<T>(values: readonly T[]): T[] {
  return values.filter((value, i) => values.findIndex((other) => isSame(other, value)) === i);
}

/** How many cuts there are at most. */
function waysOf(disk: Disk): number {
  let ways = 1;
  disk.cut((values) => {
    ways *= distinct(values).length;
    // What was removed and comes back has sectors of its own.
    return values.findLast((value) => value !== undefined)!;
  });
  return ways;
}

/** Each way to choose, like a counter whose last digit goes first. */
function* every(disk: Disk): Generator<Disk> {
  const taken: number[] = [];
  const open: number[] = [];
  do {
    let at = 0;
    const choose: Choose = (values) => {
      const ways = distinct(values);
      open[at] = ways.length;
      return ways[taken[at++] ??= 0]!;
    };
    yield disk.cut(choose);
    while (taken.length > 0 && taken.at(-1)! + 1 === open[taken.length - 1]) taken.pop();
    if (taken.length > 0) taken[taken.length - 1]!++;
  } while (taken.length > 0);
}

function* some(disk: Disk, most: number, next: () => number): Generator<Disk> {
  yield disk.cut(OLDEST);
  yield disk.cut(NEWEST);
  for (let i = 2; i < most; i++) yield disk.cut(anyOf(next));
}
