/**
 * Indexes of a segment: sorted permutations of its rows, with sparse fences for the bisection.
 *
 * @module
 */

import type { FieldDef } from "../schema/field_def.ts";
import { compareNumbers, type Stored } from "../schema/values.ts";
import type { KeyRange, KeyRanges } from "../schema/predicate.ts";
import { firstWhere } from "../system/bisect.ts";
import { cutting } from "../bytes/bytes.ts";

/** Rows by number, in id order. */
export interface RowSequence {
  /** The number of rows. */
  readonly rows: number;
  /** The value of a row. */
  value(field: FieldDef, row: number): Stored | null;
  /** Compares the value of a row, as {@linkcode Column.compare}. */
  compare(field: FieldDef, row: number, value: Stored): number | undefined;
}

/**
 * The distance of fences: an index stores the value of every 16th position. Bisection starts on
 * these values, which are close together in memory; every later step is a cache miss in a column.
 * Fences take a few hundredths of the space of the column.
 */
export const FENCE_STEP = 16;

/** The number of positions that are tried one by one for the end of a range. */
const FEW_PROBES = 4;

/** Up to this many rows are read one by one. */
const FEW_POSITIONS = 16;

/** Consecutive positions with equal values. */
export interface ValueRun {
  /** The value. */
  readonly value: Stored | null;
  /** The first position. */
  readonly from: number;
  /** The position after the last one. */
  readonly to: number;
}

/** The permutation of an index: all rows in the order of a field, nulls first. */
export interface RowOrder {
  /** The number of nulls. */
  readonly nulls: number;
  /** The row at a position. */
  row(position: number): number;
  /** The rows at the positions from `from` to `to`. */
  rows(from: number, to: number): ArrayLike<number>;
  /** Compares the value of fence `i`, as {@linkcode Column.compare}. */
  compareFence(i: number, value: Stored): number | undefined;
  /** The values of all fences after the nulls, if they are numbers and it pays to decode them. */
  fenceNumbers?(): Float64Array | undefined;
  /** Throws a `CorruptionError` for a position. */
  fail(position: number): never;
}

/** The least result of a comparison that is past a value; `equal` says whether equality is past. */
function leastPast(equal: boolean): number {
  return equal ? 0 : 1;
}

/** The first of the ascending numbers that compares with `value` as `least` or more. */
function firstNumber(numbers: Float64Array, value: number, least: number): number {
  let low = 0;
  let high = numbers.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareNumbers(numbers[middle]!, value) >= least) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The rows of a segment in the order of a field. */
export class SegmentIndex {
  readonly #rows: RowSequence;
  readonly #field: FieldDef;
  readonly #order: RowOrder;

  constructor(rows: RowSequence, field: FieldDef, order: RowOrder) {
    this.#rows = rows;
    this.#field = field;
    this.#order = order;
  }

  /** The ranges of positions whose rows match. */
  ranges({ nulls, keyRanges }: KeyRanges): [from: number, to: number][] {
    const ranges: [number, number][] = nulls ? [[0, this.#order.nulls]] : [];
    for (const keyRange of keyRanges!) ranges.push(this.#rangeOf(keyRange));
    return ranges.filter(([from, to]) => from < to);
  }

  #rangeOf({ low, high, lowOpen = false, highOpen = false }: KeyRange): [from: number, to: number] {
    const { rows } = this.#rows;
    const from = low === undefined ? this.#order.nulls : this.#first(low, !lowOpen);
    if (high === undefined) return [from, rows];
    // Most ranges are short. A few probes are cheaper than a bisection then.
    for (let to = from; to < from + FEW_PROBES; to++) {
      if (to === rows || this.#compare(to, high) >= leastPast(highOpen)) return [from, to];
    }
    return [from, Math.max(from, this.#first(high, highOpen))];
  }

  /** Compares the value at a position after the nulls. */
  #compare(position: number, value: Stored): number {
    return this.#rows.compare(this.#field, this.#order.row(position), value) ??
      this.#order.fail(position);
  }

  /** The value at a position after the nulls. */
  #value(position: number): Stored {
    return this.#rows.value(this.#field, this.#order.row(position)) ?? this.#order.fail(position);
  }

  /** The first position after the nulls with a value that is greater or, if `equal`, not less. */
  #first(value: Stored, equal: boolean): number {
    const { rows } = this.#rows;
    const least = leastPast(equal);
    const count = Math.ceil(rows / FENCE_STEP);
    const numbers = this.#order.fenceNumbers?.();
    const fence = numbers === undefined
      ? this.#firstFence(count, value, least)
      : count - numbers.length + firstNumber(numbers, value as number, least);
    let low = Math.max(this.#order.nulls, (fence - 1) * FENCE_STEP + 1);
    let high = Math.max(low, Math.min(rows, fence * FENCE_STEP));
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(middle, value) >= least) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #firstFence(count: number, value: Stored, least: number): number {
    return firstWhere(0, count, (i) => {
      const order = this.#order.compareFence(i, value);
      return order !== undefined && order >= least;
    });
  }

  /** Runs of equal values, ascending or descending. The key ranges must ascend. */
  *runs(condition: KeyRanges, descending: boolean): Generator<ValueRun> {
    const ranges = this.ranges(condition);
    for (let [from, to] of descending ? ranges.reverse() : ranges) {
      while (from < to) {
        const run = this.#runAt(descending ? to - 1 : from);
        // In a damaged index the run may be elsewhere or empty, and the loop would never end.
        const isNext = run.from < run.to && (descending ? run.to === to : run.from === from);
        if (!isNext) this.#order.fail(run.from);
        yield run;
        if (descending) to = run.from;
        else from = run.to;
      }
    }
  }

  /** The run that contains a position. */
  #runAt(position: number): ValueRun {
    const { nulls } = this.#order;
    if (position < nulls) return { value: null, from: 0, to: nulls };
    const value = this.#value(position);
    const isOther = (i: number) => this.#compare(i, value) !== 0;
    // Most runs have one position. Two comparisons are cheaper than a bisection then.
    const isFirst = position === nulls || isOther(position - 1);
    const isLast = position + 1 === this.#rows.rows || isOther(position + 1);
    return {
      value,
      from: isFirst ? position : this.#first(value, true),
      to: isLast ? position + 1 : this.#first(value, false),
    };
  }

  /** The rows of a run, ascending. */
  *rowsOf({ from, to }: ValueRun): Generator<number> {
    for (let position = from; position < to; position++) yield this.#order.row(position);
  }

  /** The rows at the positions of these ranges, ascending and without duplicates. */
  rowsAt(ranges: readonly (readonly [from: number, to: number])[]): Uint32Array {
    const found = newRows(ranges.reduce((sum, [from, to]) => sum + to - from, 0));
    let n = 0;
    for (const [from, to] of ranges) {
      // An array for many rows costs as much as a few single reads.
      if (to - from > FEW_POSITIONS) {
        found.set(this.#order.rows(from, to), n);
        n += to - from;
        continue;
      }
      for (let position = from; position < to; position++) found[n++] = this.#order.row(position);
    }
    return sortedOnce(found, this.#rows.rows);
  }
}

const newRows = cutting(Uint32Array);

/** Scanning this many bits takes as long as sorting one number. */
const BITS_PER_SORT = 512;

/** The numbers, all below `limit`, ascending and without duplicates. It overwrites the array. */
export function sortedOnce(numbers: Uint32Array, limit: number): Uint32Array {
  let k = 1;
  while (k < numbers.length && numbers[k - 1]! < numbers[k]!) k++;
  if (k >= numbers.length) return numbers;
  if (limit > numbers.length * BITS_PER_SORT) {
    numbers.sort();
    return numbers.filter((number, i) => i === 0 || number !== numbers[i - 1]);
  }
  const marks = new Uint32Array((limit + 31) >>> 5);
  for (let i = 0; i < numbers.length; i++) marks[numbers[i]! >>> 5]! |= 1 << (numbers[i]! & 31);
  let n = 0;
  for (let i = 0; i < marks.length; i++) {
    // Take the lowest bit and clear it.
    for (let left = marks[i]!; left !== 0; left &= left - 1) {
      numbers[n++] = i * 32 + 31 - Math.clz32(left & -left);
    }
  }
  return numbers.subarray(0, n);
}
