/**
 * engine/segment/segment_index.ts
 *
 * @module
 */

import type { FieldDef } from "../schema/field_def.ts";
import type { Stored } from "../schema/values.ts";
import type { KeyRange, KeyRanges } from "../schema/predicate.ts";
import { firstWhere } from "../system/bisect.ts";
import { cutting } from "../bytes/bytes.ts";

/** Rows by number, as they stand in a table. */
export interface RowSequence {
  /** How many. */
  readonly rows: number;
  /** The value of one. */
  value(field: FieldDef, row: number): Stored | null;
  /** As {@linkcode Attribute.compare}, for the value of one. */
  compare(field: FieldDef, row: number, value: Stored): number | undefined;
}

/**
 * Every so many positions, an index keeps the value: bisection begins where all is close together.
 * Each step behind waits for memory, mostly; so many values are some hundredths of their columns.
 */
export const FENCE_STEP = 16;

/** So many positions are looked at one by one for the end of a range. */
const FEW_PROBES = 4;

/** And so many for its rows. */
const FEW_POSITIONS = 16;

/** Positions next to each other whose values are equal. */
export interface ValueRun {
  /** The value. */
  readonly value: Stored | null;
  /** The first position. */
  readonly from: number;
  /** That behind the last one. */
  readonly to: number;
}

/** All rows in some order, nulls first. */
export interface RowOrder {
  /** How many of the values are null. */
  readonly nulls: number;
  /** Which row stands at a position. */
  row(position: number): number;
  /** Which rows stand at the positions from `from` to `to`. */
  rows(from: number, to: number): ArrayLike<number>;
  /** As {@linkcode Attribute.compare}, for the `i`th position that is a multiple of {@linkcode FENCE_STEP}. */
  compareFence(i: number, value: Stored): number | undefined;
  /** Throws the `CorruptionError` of a position. */
  fail(position: number): never;
}

/** What an order is at least, past a value: 1 for what is greater, 0 if also what is equal is past it. */
function leastPast(equal: boolean): number {
  return equal ? 0 : 1;
}

/** The rows of a table in the order of a field. */
export class SegmentIndex {
  readonly #table: RowSequence;
  readonly #field: FieldDef;
  readonly #order: RowOrder;

  constructor(table: RowSequence, field: FieldDef, order: RowOrder) {
    this.#table = table;
    this.#field = field;
    this.#order = order;
  }

  /** Where the rows stand that match: positions in this order, by ranges. */
  ranges({ nulls, keyRanges }: KeyRanges): [from: number, to: number][] {
    const ranges: [number, number][] = nulls ? [[0, this.#order.nulls]] : [];
    for (const span of keyRanges!) ranges.push(this.#rangeOf(span));
    return ranges.filter(([from, to]) => from < to);
  }

  #rangeOf({ low, high, lowOpen = false, highOpen = false }: KeyRange): [from: number, to: number] {
    const { rows } = this.#table;
    const from = low === undefined ? this.#order.nulls : this.#first(low, !lowOpen);
    if (high === undefined) return [from, rows];
    // Mostly there are few, then many.
    for (let to = from; to < from + FEW_PROBES; to++) {
      if (to === rows || this.#compare(to, high) >= leastPast(highOpen)) return [from, to];
    }
    return [from, Math.max(from, this.#first(high, highOpen))];
  }

  /** How the value at a position behind the nulls compares with another. */
  #compare(position: number, value: Stored): number {
    return this.#table.compare(this.#field, this.#order.row(position), value) ??
      this.#order.fail(position);
  }

  /** The value at a position behind the nulls. */
  #value(position: number): Stored {
    return this.#table.value(this.#field, this.#order.row(position)) ??
      this.#order.fail(position);
  }

  /** The first position behind the nulls whose value is greater than another, or also `equal` to it. */
  #first(value: Stored, equal: boolean): number {
    const { rows } = this.#table;
    const least = leastPast(equal);
    const fence = firstWhere(0, Math.ceil(rows / FENCE_STEP), (i) => {
      const order = this.#order.compareFence(i, value);
      return order !== undefined && order >= least;
    });
    const low = Math.max(this.#order.nulls, (fence - 1) * FENCE_STEP + 1);
    const high = Math.max(low, Math.min(rows, fence * FENCE_STEP));
    return firstWhere(low, high, (position) => this.#compare(position, value) >= least);
  }

  /** Positions of equal values, in the order of these or against it, where spans are in order. */
  *runs(condition: KeyRanges, descending: boolean): Generator<ValueRun> {
    const ranges = this.ranges(condition);
    for (let [from, to] of descending ? ranges.reverse() : ranges) {
      while (from < to) {
        const run = this.#runAt(descending ? to - 1 : from);
        // In an index that is none it may lie elsewhere, or be empty: then this would never end.
        const isNext = run.from < run.to && (descending ? run.to === to : run.from === from);
        if (!isNext) this.#order.fail(run.from);
        yield run;
        if (descending) to = run.from;
        else from = run.to;
      }
    }
  }

  /** All positions of the value that stands at one. */
  #runAt(position: number): ValueRun {
    const { nulls } = this.#order;
    if (position < nulls) return { value: null, from: 0, to: nulls };
    const value = this.#value(position);
    const isOther = (i: number) => this.#compare(i, value) !== 0;
    // Mostly there is no other.
    const isFirst = position === nulls || isOther(position - 1);
    const isLast = position + 1 === this.#table.rows || isOther(position + 1);
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

  /** The rows at these positions, ascending, each once. */
  rowsAt(ranges: readonly (readonly [from: number, to: number])[]): Uint32Array {
    const found = newRows(ranges.reduce((sum, [from, to]) => sum + to - from, 0));
    let n = 0;
    for (const [from, to] of ranges) {
      // An array of many costs as much as some looks.
      if (to - from > FEW_POSITIONS) {
        found.set(this.#order.rows(from, to), n);
        n += to - from;
        continue;
      }
      for (let position = from; position < to; position++) found[n++] = this.#order.row(position);
    }
    return sortedOnce(found, this.#table.rows);
  }
}

const newRows = cutting(Uint32Array);

/** So many times as many rows can be marked in the time that it takes to sort some. */
const MARK = 512;

/** Numbers below `limit`, ascending, each once; changes them. */
export function sortedOnce(numbers: Uint32Array, limit: number): Uint32Array {
  let k = 1;
  while (k < numbers.length && numbers[k - 1]! < numbers[k]!) k++;
  if (k >= numbers.length) return numbers;
  if (limit > numbers.length * MARK) {
    numbers.sort();
    return numbers.filter((number, i) => i === 0 || number !== numbers[i - 1]);
  }
  const marks = new Uint32Array((limit + 31) >>> 5);
  for (let i = 0; i < numbers.length; i++) marks[numbers[i]! >>> 5]! |= 1 << (numbers[i]! & 31);
  let n = 0;
  for (let i = 0; i < marks.length; i++) {
    // The lowest bit first, which is then taken off.
    for (let left = marks[i]!; left !== 0; left &= left - 1) {
      numbers[n++] = i * 32 + 31 - Math.clz32(left & -left);
    }
  }
  return numbers.subarray(0, n);
}
