/**
 * engine/query/sums.ts
 *
 * @module
 */

import type { Group } from "../segment/group.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import type { RowLocation } from "../snapshot/location.ts";
import type { Stored, ValueType } from "../schema/values.ts";
import type { Query } from "./query.ts";
import { chunks } from "./scan.ts";
import { GROUP_ROWS } from "../bytes/header.ts";
import type { Attribute, FieldDef } from "../schema/field_def.ts";
import { valueAt } from "../snapshot/rows.ts";

/** A figure in the making. */
export interface Figure {
  /** Takes in rows of a group. */
  add(group: Group, rows: Uint32Array): void;
  /** Takes in a row that the log holds. */
  addPlace(location: RowLocation): void;
  /** What it came to; RangeError, a fragment, if no number can tell. */
  readonly result: Stored | null;
}

/** Takes in all rows that match. */
export function figureOf<F extends Figure>(snapshot: Snapshot, query: Query, figure: F): F {
  for (const { group, rows, others } of chunks(snapshot, query)) {
    if (group !== undefined) figure.add(group, rows);
    for (const location of others) figure.addPlace(location);
  }
  return figure;
}

const NUMBERS = new Float64Array(GROUP_ROWS);

/** The numbers of rows, null left out; valid until the next call. */
export function numbersOf(column: Attribute, group: Group, rows: Uint32Array): Float64Array {
  if (typeof column !== "string") {
    return NUMBERS.subarray(0, group.column(column).gather(rows, NUMBERS));
  }
  for (let k = 0; k < rows.length; k++) {
    NUMBERS[k] = column === "__id__" ? group.id(rows[k]!) : group.version(rows[k]!);
  }
  return NUMBERS.subarray(0, rows.length);
}

/** A figure of numbers. */
export abstract class OfNumbers implements Figure {
  readonly #column: Attribute;
  /** How many numbers were taken in. */
  protected count = 0;

  constructor(column: Attribute) {
    this.#column = column;
  }

  protected abstract take(numbers: Float64Array): void;
  abstract readonly result: Stored | null;

  add(group: Group, rows: Uint32Array): void {
    this.addNumbers(numbersOf(this.#column, group, rows));
  }

  addPlace(location: RowLocation): void {
    const value = valueAt(location, this.#column);
    if (value !== null) this.addNumbers(Float64Array.of(value as number));
  }

  protected addNumbers(numbers: Float64Array): void {
    this.count += numbers.length;
    this.take(numbers);
  }
}

/** A sum that knows of how many values it is. */
export interface Sum extends Figure {
  readonly result: number | bigint;
  /** The sum by the number of values; null of none. */
  readonly average: number | null;
}

/** An integer is so many times its high half, and its low half. */
const HALF = 2 ** 27;

/** A sum of integers: exact, however large it is on the way. */
class IntegerSum extends OfNumbers implements Sum {
  #small = 0;
  #large = 0n;

  protected override take(numbers: Float64Array): void {
    let sum = 0;
    let size = 0;
    for (let k = 0; k < numbers.length; k++) {
      const number = numbers[k]!;
      sum += number;
      size += Math.abs(number);
    }
    if (Math.abs(this.#small) + size > Number.MAX_SAFE_INTEGER) {
      this.#large += BigInt(this.#small);
      this.#small = 0;
    }
    // Where even the sizes add up to a safe integer, no step was rounded.
    if (size <= Number.MAX_SAFE_INTEGER) this.#small += sum;
    else this.#large += sumOfHalves(numbers);
  }

  /** The sum, rounded if no number holds it. */
  get #rounded(): number {
    return this.#large === 0n ? this.#small : Number(this.#large + BigInt(this.#small));
  }

  get result(): number {
    const sum = this.#rounded;
    if (Number.isSafeInteger(sum)) return sum;
    throw new RangeError(
      `the sum is ${this.#large + BigInt(this.#small)}, an integer is within ±(2^53 - 1): ` +
        `narrow the condition, or keep such numbers in a field of type bigint`,
    );
  }

  get average(): number | null {
    return this.count === 0 ? null : this.#rounded / this.count;
  }
}

/** The sum of integers of a chunk, which has so few rows that those of the halves are exact. */
function sumOfHalves(numbers: Float64Array): bigint {
  let high = 0;
  let low = 0;
  for (let k = 0; k < numbers.length; k++) {
    const half = Math.trunc(numbers[k]! / HALF);
    high += half;
    low += numbers[k]! - half * HALF;
  }
  return BigInt(high) * BigInt(HALF) + BigInt(low);
}

/**
 * A sum of floats by Neumaier: what each step rounds off is added up beside, as in SQLite since
 * 3.43 (`kahanBabuskaStep` in its func.c).
 */
class FloatSum extends OfNumbers implements Sum {
  #sum = 0;
  #rest = 0;

  protected override take(numbers: Float64Array): void {
    let sum = this.#sum;
    let rest = this.#rest;
    for (let k = 0; k < numbers.length; k++) {
      const number = numbers[k]!;
      const next = sum + number;
      // The rounding error of a sum, of two numbers of whichever order (Knuth's TwoSum).
      const taken = next - sum;
      rest += (sum - (next - taken)) + (number - taken);
      sum = next;
    }
    this.#sum = sum;
    this.#rest = rest;
  }

  get result(): number {
    // There is no rounding in an infinity or NaN, and what was made of them is none.
    return Number.isFinite(this.#sum) ? this.#sum + this.#rest : this.#sum;
  }

  get average(): number | null {
    return this.count === 0 ? null : this.result / this.count;
  }
}

class BigintSum implements Sum {
  readonly #field: FieldDef;
  #count = 0;
  result = 0n;

  constructor(field: FieldDef) {
    this.#field = field;
  }

  add(group: Group, rows: Uint32Array): void {
    const column = group.column(this.#field);
    for (const row of rows) this.#take(column.get(row));
  }

  addPlace(location: RowLocation): void {
    this.#take(valueAt(location, this.#field));
  }

  #take(value: Stored | null): void {
    if (value === null) return;
    this.#count++;
    this.result += value as bigint;
  }

  get average(): number | null {
    return this.#count === 0 ? null : Number(this.result) / this.#count;
  }
}

type SumType = new (field: FieldDef) => Sum;

const SUMS: Partial<Record<ValueType["name"], SumType>> = {
  integer: IntegerSum,
  float: FloatSum,
  bigint: BigintSum,
};

/** What adds up the values of a field; TypeError if it has no numbers. */
export function sumTypeOf(field: FieldDef): SumType {
  const type = SUMS[field.type];
  if (type !== undefined) return type;
  throw new TypeError(
    `field "${field.name}" is ${field.type}, only integer, float and bigint can be added up`,
  );
}
