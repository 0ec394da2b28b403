/**
 * The first rows in an order that no index has. Once enough rows are known, the rows of later
 * chunks that cannot come before them are excluded by a condition like any other, on the columns:
 * only the rows that are left become locations.
 *
 * @module
 */

import { attributeType } from "../schema/field_def.ts";
import { NULL, type Predicate, ranged } from "../schema/predicate.ts";
import { compareNullable, equalityKey, type Stored, type ValueType } from "../schema/values.ts";
import type { RowLocation } from "../snapshot/location.ts";
import { valueAt } from "../snapshot/rows.ts";
import type { Plan } from "./plan.ts";
import type { OrderKey } from "./query.ts";
import { conjunction, predicateFilter, type RowFilter } from "./row_filter.ts";
import { chunks, locationsIn } from "./scan.ts";

/** The first `count` of the rows that match, in an order of at least one key; ties by id. */
export function topRows(
  plan: Plan,
  order: readonly OrderKey[],
  count: number,
): RowLocation[] {
  let found: RowLocation[] = [];
  if (count === 0) return found;
  let limit: RowFilter = conjunction([]);
  const narrow: RowFilter = {
    canPrune: (part) => limit.canPrune(part),
    select: (group, rows, n) => limit.select(group, rows, n),
    find: (group, rows, live) => limit.find!(group, rows, live),
    matches: (location) => limit.matches(location),
  };
  for (const chunk of chunks(plan, narrow)) {
    for (const location of locationsIn(chunk)) found.push(location);
    if (found.length <= count) continue;
    found = inOrder(found, order).slice(0, count);
    limit = conjunction(beforeOf(order, found.at(-1)!));
  }
  return inOrder(found, order);
}

/**
 * What a row of a later chunk must match to come before `last`; of no conditions: nothing keeps it
 * from that. Its id is greater, so with equal keys it comes after.
 */
function beforeOf([key, ...others]: readonly OrderKey[], last: RowLocation): RowFilter[] {
  const { attribute, descending } = key!;
  const type = attributeType(attribute);
  const open = others.length === 0;
  const value = valueAt(last, attribute);
  const predicate = descending ? above(type, value, open) : below(type, value, open);
  return predicate === undefined ? [] : [predicateFilter(attribute, predicate)];
}

function below(type: ValueType, value: Stored | null, open: boolean): Predicate {
  if (value === null) return open ? { ...NULL, nulls: false } : NULL;
  return { ...ranged(type, { high: value, highOpen: open }), nulls: true };
}

function above(type: ValueType, value: Stored | null, open: boolean): Predicate | undefined {
  if (value !== null) return ranged(type, { low: value, lowOpen: open });
  return open ? ranged(type, {}) : undefined;
}

/** Sorts rows that come in id order; ties stay in id order. */
export class Sorter {
  readonly #keys: readonly OrderKey[];
  /** The values of each key. */
  readonly #values: (Stored | null)[][];

  constructor(keys: readonly OrderKey[]) {
    this.#keys = keys;
    this.#values = keys.map(() => []);
  }

  /** Adds the next row. */
  add(location: RowLocation): void {
    for (let k = 0; k < this.#keys.length; k++) {
      this.#values[k]!.push(valueAt(location, this.#keys[k]!.attribute));
    }
  }

  /** The places of the rows as they were added, in the order of their keys. */
  permutation(): Uint32Array {
    let permutation = new Uint32Array(this.#values[0]!.length);
    for (let i = 0; i < permutation.length; i++) permutation[i] = i;
    // The sort is stable, so the last key comes first.
    for (let k = this.#keys.length - 1; k >= 0; k--) {
      const { attribute, descending } = this.#keys[k]!;
      const words = sortWords(attributeType(attribute), this.#values[k]!);
      if (descending) { for (let i = 0; i < words.length; i++) words[i] = ~words[i]!; }
      permutation = radixSort(permutation, words);
    }
    return permutation;
  }
}

function inOrder(rows: readonly RowLocation[], order: readonly OrderKey[]): RowLocation[] {
  const sorter = new Sorter(order);
  for (const location of rows) sorter.add(location);
  return Array.from(sorter.permutation(), (i) => rows[i]!);
}

/** Two words for each value, low and high: as 64-bit numbers they have the order of the values. */
function sortWords(type: ValueType, values: readonly (Stored | null)[]): Uint32Array {
  const numbers = new Float64Array(values.length);
  const ranks = type.layout === "number" ? undefined : rankOf(type, values);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    // 0 and -0 are equal, and all NaN.
    numbers[i] = (value === null ? 0 : ranks?.get(equalityKey(value)) ?? (value as number)) + 0;
  }
  const words = new Uint32Array(numbers.buffer);
  for (let i = 0; i < values.length; i++) {
    if (values[i] === null) {
      words[2 * i] = words[2 * i + 1] = 0;
    } else if (Number.isNaN(numbers[i])) {
      words[2 * i] = words[2 * i + 1] = 0xffffffff;
    } else if (words[2 * i + 1]! >= 0x80000000) {
      // Of two negative numbers the one with the greater bits is less.
      words[2 * i] = ~words[2 * i]!;
      words[2 * i + 1] = ~words[2 * i + 1]!;
    } else {
      words[2 * i + 1]! += 0x80000000;
    }
  }
  return words;
}

/** The place of each different value in the order of its type, by its key. */
function rankOf(type: ValueType, values: readonly (Stored | null)[]): Map<unknown, number> {
  const different = new Map<unknown, Stored | null>();
  for (const value of values) different.set(equalityKey(value), value);
  const sorted = [...different].sort(([, a], [, b]) => compareNullable(type, a, b));
  return new Map(sorted.map(([key], rank) => [key, rank]));
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
