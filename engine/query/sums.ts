/**
 * Sums and averages of integers, floats and bigints.
 *
 * @module
 */

import type { FieldDef } from "../schema/field_def.ts";
import type { Stored, ValueType } from "../schema/values.ts";
import type { Group } from "../segment/group.ts";
import type { RowLocation } from "../snapshot/location.ts";
import { valueAt } from "../snapshot/rows.ts";
import { type Accumulator, NumberAccumulator } from "./accumulator.ts";

/** A sum, which also counts its values. */
export interface Sum extends Accumulator {
  readonly result: number | bigint;
  /** Null without values. */
  readonly average: number | null;
}

/** An integer is its high half times this, plus its low half. */
const HALF = 2 ** 27;

/** A sum of integers: exact, however large it grows on the way. */
class IntegerSum extends NumberAccumulator implements Sum {
  #small = 0;
  #large = 0n;

  protected override accumulate(numbers: Float64Array): void {
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
    // No step was rounded if even the magnitudes add up to a safe integer.
    if (size <= Number.MAX_SAFE_INTEGER) this.#small += sum;
    else this.#large += sumOfHalves(numbers);
  }

  /** The sum, rounded if no number holds it exactly. */
  get #rounded(): number {
    return this.#large === 0n ? this.#small : Number(this.#large + BigInt(this.#small));
  }

  get result(): number {
    const sum = this.#rounded;
    if (Number.isSafeInteger(sum)) return sum;
    throw new RangeError(
      `the sum is ${this.#large + BigInt(this.#small)}, but an integer is within ±(2^53 - 1): ` +
        `narrow the condition, or keep such numbers in a field of type bigint`,
    );
  }

  get average(): number | null {
    return this.count === 0 ? null : this.#rounded / this.count;
  }
}

/** The sum of the integers of a chunk, which is small enough for exact sums of the halves. */
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
 * Neumaier's sum of floats: it adds up the rounding errors of all steps separately, as SQLite does
 * since 3.43 (`kahanBabuskaStep` in its func.c).
 */
class FloatSum extends NumberAccumulator implements Sum {
  #sum = 0;
  #rest = 0;

  protected override accumulate(numbers: Float64Array): void {
    let sum = this.#sum;
    let rest = this.#rest;
    for (let k = 0; k < numbers.length; k++) {
      const number = numbers[k]!;
      const next = sum + number;
      // The rounding error of the step, whichever number is larger (Knuth's TwoSum).
      const added = next - sum;
      rest += (sum - (next - added)) + (number - added);
      sum = next;
    }
    this.#sum = sum;
    this.#rest = rest;
  }

  get result(): number {
    // Infinity and NaN are not rounded, and `rest` makes no sense with them.
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
    for (const row of rows) this.#add(column.get(row));
  }

  addRow(location: RowLocation): void {
    this.#add(valueAt(location, this.#field));
  }

  #add(value: Stored | null): void {
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

/** The class that adds up the values of a field; TypeError if its type has none. */
export function sumTypeOf(field: FieldDef): SumType {
  const type = SUMS[field.type];
  if (type !== undefined) return type;
  throw new TypeError(
    `field "${field.name}" is ${field.type}, only integer, float and bigint can be added up`,
  );
}
