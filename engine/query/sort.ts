/**
 * Sorts numbers of rows by the values of the rows: by radix, without a comparison of values where
 * that can be. Values become numbers of the same order, and text becomes its rank.
 *
 * @module
 */

import { joinNanoseconds, splitDateTime } from "../schema/civil.ts";
import { codePointRank, type Stored, type ValueType } from "../schema/values.ts";

/** What rows are sorted by: a value for each row, or what {@linkcode Column.sortKey} gives. */
export interface SortKey {
  readonly type: ValueType;
  readonly descending: boolean;
  readonly values: readonly (Stored | null)[];
}

/**
 * The places of rows in the order of at least one key, the most important one first. Null comes
 * before all values, and rows with equal values stay in their order.
 */
export function sortedPlaces(keys: readonly SortKey[]): Uint32Array {
  let places = countUp(keys[0]!.values.length);
  // Each sort is stable, so the most important numbers come last.
  for (const { type, descending, values } of keys.toReversed()) {
    for (const numbers of numbersOf(type, values)) {
      const words = orderedWords(numbers, values);
      if (descending) { for (let i = 0; i < words.length; i++) words[i] = ~words[i]!; }
      places = radixSort(places, words);
    }
  }
  return places;
}

/**
 * Numbers in whose order the values are; of several lists, the last one counts most. A null has no
 * number: any stands in its place.
 */
function numbersOf(type: ValueType, values: readonly (Stored | null)[]): Float64Array[] {
  const low = new Float64Array(values.length);
  const high = new Float64Array(values.length);
  switch (type.layout) {
    case "number":
      for (let i = 0; i < values.length; i++) high[i] = (values[i] ?? 0) as number;
      return [high];
    case "bigint":
    case "datetime":
      for (let i = 0; i < values.length; i++) {
        const given = (values[i] ?? 0n) as bigint | Temporal.PlainDateTime;
        const value = typeof given === "bigint" ? given : joinNanoseconds(...splitDateTime(given));
        low[i] = Number(BigInt.asUintN(32, value));
        high[i] = Number(value >> 32n);
      }
      return [low, high];
    case "text":
      return [ranksOf(type, values as readonly (string | null)[], unitOfText)];
    case "bytes":
      return [ranksOf(type, values as readonly (Uint8Array | null)[], unitOfBytes)];
  }
}

/**
 * Two words for each number, low and high, which have as 64 bits the order of the numbers: those of
 * null first, of NaN last.
 */
function orderedWords(numbers: Float64Array, values: readonly (Stored | null)[]): Uint32Array {
  const words = new Uint32Array(numbers.buffer);
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i]!;
    const [low, high] = [2 * i, 2 * i + 1];
    if (values[i] === null) {
      words[low] = words[high] = 0;
    } else if (number !== number) {
      words[low] = words[high] = 0xffffffff;
    } else if (number === 0) {
      // 0 and -0 are equal.
      words[low] = 0;
      words[high] = 0x80000000;
    } else if (number < 0) {
      // Of two negative numbers the one with the greater bits is less.
      words[low] = ~words[low]!;
      words[high] = ~words[high]!;
    } else {
      words[high]! += 0x80000000;
    }
  }
  return words;
}

/**
 * Sorts numbers by the two words of each, low and high; equal ones stay in their order. This is a
 * radix sort by bytes, from the lowest on.
 */
function radixSort(from: Uint32Array<ArrayBuffer>, words: Uint32Array): Uint32Array<ArrayBuffer> {
  const n = from.length;
  let to = new Uint32Array(n);
  const starts = new Uint32Array(256);
  for (let byte = 0; byte < 8; byte++) {
    const word = byte >> 2;
    const shift = (byte & 3) * 8;
    starts.fill(0);
    for (let i = 0; i < n; i++) starts[(words[2 * i + word]! >>> shift) & 255]!++;
    if (n === 0 || starts[(words[word]! >>> shift) & 255] === n) continue;
    let start = 0;
    for (let digit = 0; digit < 256; digit++) {
      const count = starts[digit]!;
      starts[digit] = start;
      start += count;
    }
    for (let k = 0; k < n; k++) {
      const i = from[k]!;
      to[starts[(words[2 * i + word]! >>> shift) & 255]!++] = i;
    }
    [from, to] = [to, from];
  }
  return from;
}

// --------------------------------------------------------------- text

type Text = string | Uint8Array;

/** The unit at a place of a text; 0 after its end. Texts have the order of their units. */
type UnitAt<T> = (text: T, at: number) => number;

const unitOfText: UnitAt<string> = (text, at) =>
  at < text.length ? 1 + codePointRank(text.charCodeAt(at)) : 0;

const unitOfBytes: UnitAt<Uint8Array> = (bytes, at) => at < bytes.length ? 1 + bytes[at]! : 0;

/** More than any unit. */
const UNITS = 2 ** 17;

/** So many texts are sorted faster by comparing them. */
const FEW_TEXTS = 32;

/** With more different texts than half, sorting all of them is faster than looking for equal ones. */
const SAMPLE = 1024;

/** The rank of each text: a number for each different one, greater for a greater text. */
function ranksOf<T extends Text>(
  type: ValueType,
  values: readonly (T | null)[],
  unitAt: UnitAt<T>,
): Float64Array {
  const known = new Map<T, number>();
  const classes = new Uint32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value === null) continue;
    let at = known.get(value);
    if (at === undefined) {
      at = known.size;
      if (at >= SAMPLE && at * 2 > i) return ranksOfMany(type, values, unitAt);
      known.set(value, at);
    }
    classes[i] = at;
  }
  const ranks = ranksOfMany(type, [...known.keys()], unitAt);
  return Float64Array.from(classes, (at) => ranks[at]!);
}

/** Texts with the same units before `depth`; `rank` other texts come before them. */
interface Run {
  readonly places: Uint32Array<ArrayBuffer>;
  readonly depth: number;
  readonly rank: number;
}

/**
 * The same, one by one: the rank is how many texts are less. Runs of texts that begin alike are sorted by
 * their next three units, which makes shorter runs.
 */
function ranksOfMany<T extends Text>(
  { compare }: ValueType,
  values: readonly (T | null)[],
  unitAt: UnitAt<T>,
): Float64Array {
  const ranks = new Float64Array(values.length);
  const all = new Uint32Array(values.length);
  let n = 0;
  for (let i = 0; i < values.length; i++) if (values[i] !== null) all[n++] = i;
  const runs: Run[] = [{ places: all.subarray(0, n), depth: 0, rank: 0 }];
  for (let run = runs.pop(); run !== undefined; run = runs.pop()) {
    const { places, rank } = run;
    if (places.length <= FEW_TEXTS) {
      places.sort((a, b) => compare(values[a]!, values[b]!));
      for (let k = 0; k < places.length; k++) {
        const [before, place] = [places[k - 1], places[k]!];
        const repeats = before !== undefined && compare(values[before]!, values[place]!) === 0;
        ranks[place] = repeats ? ranks[before]! : rank + k;
      }
      continue;
    }
    const depth = commonLength(places, values, run.depth, unitAt);
    const keys = new Float64Array(places.length);
    for (let k = 0; k < places.length; k++) {
      const text = values[places[k]!]!;
      keys[k] = (unitAt(text, depth) * UNITS + unitAt(text, depth + 1)) * UNITS +
        unitAt(text, depth + 2);
    }
    const order = radixSort(countUp(places.length), new Uint32Array(keys.buffer));
    const sorted = order.map((k) => places[k]!);
    let to = 0;
    while (to < sorted.length) {
      const from = to++;
      const key = keys[order[from]!]!;
      while (to < sorted.length && keys[order[to]!] === key) to++;
      // A text that has ended has no more units to differ in.
      const ended = key % UNITS === 0;
      if (ended || to - from === 1) {
        for (let k = from; k < to; k++) ranks[sorted[k]!] = rank + from;
      } else {
        runs.push({ places: sorted.subarray(from, to), depth: depth + 3, rank: rank + from });
      }
    }
  }
  return ranks;
}

/** From `depth` on, up to where all of the texts have the same units. */
function commonLength<T extends Text>(
  places: Uint32Array,
  values: readonly (T | null)[],
  depth: number,
  unitAt: UnitAt<T>,
): number {
  const first = values[places[0]!]!;
  let common = first.length;
  for (let k = 1; k < places.length && common > depth; k++) {
    const text = values[places[k]!]!;
    let at = depth;
    while (at < common && unitAt(text, at) === unitAt(first, at)) at++;
    common = at;
  }
  return common;
}

/** The numbers below `count`. */
function countUp(count: number): Uint32Array<ArrayBuffer> {
  const numbers = new Uint32Array(count);
  for (let i = 0; i < count; i++) numbers[i] = i;
  return numbers;
}
