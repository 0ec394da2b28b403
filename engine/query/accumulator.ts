/**
 * Accumulators: they take in rows, chunk by chunk, and come to one result. Numbers of a chunk are
 * gathered from their column into one array, whatever their encoding, and no value is boxed.
 *
 * @module
 */

import { GROUP_ROWS } from "../bytes/header.ts";
import type { Attribute } from "../schema/field_def.ts";
import type { Stored } from "../schema/values.ts";
import type { Group } from "../segment/group.ts";
import type { RowLocation } from "../snapshot/location.ts";
import { valueAt } from "../snapshot/rows.ts";
import type { Plan } from "./plan.ts";
import { chunks } from "./scan.ts";

/** A result in the making. */
export interface Accumulator {
  /** Takes in rows of a group. */
  add(group: Group, rows: Uint32Array): void;
  /** Takes in a row of the log. */
  addRow(location: RowLocation): void;
  /** The result so far; RangeError, a fragment, if no number holds it. */
  readonly result: Stored | null;
}

/** Takes in all rows that match. */
export function accumulate<A extends Accumulator>(plan: Plan, accumulator: A): A {
  for (const { group, rows, others } of chunks(plan)) {
    if (group !== undefined) accumulator.add(group, rows);
    for (const location of others) accumulator.addRow(location);
  }
  return accumulator;
}

const NUMBERS = new Float64Array(GROUP_ROWS);

/** The numbers of rows without nulls; valid until the next call. */
export function numbersOf(attribute: Attribute, group: Group, rows: Uint32Array): Float64Array {
  if (typeof attribute !== "string") {
    return NUMBERS.subarray(0, group.column(attribute).gather(rows, NUMBERS));
  }
  for (let k = 0; k < rows.length; k++) {
    NUMBERS[k] = attribute === "__id__" ? group.id(rows[k]!) : group.version(rows[k]!);
  }
  return NUMBERS.subarray(0, rows.length);
}

/** An accumulator of numbers; it leaves out null. */
export abstract class NumberAccumulator implements Accumulator {
  protected readonly attribute: Attribute;
  /** How many numbers it took in. */
  protected count = 0;

  constructor(attribute: Attribute) {
    this.attribute = attribute;
  }

  abstract readonly result: Stored | null;
  protected abstract accumulate(numbers: Float64Array): void;

  add(group: Group, rows: Uint32Array): void {
    this.addNumbers(numbersOf(this.attribute, group, rows));
  }

  addRow(location: RowLocation): void {
    const value = valueAt(location, this.attribute);
    if (value !== null) this.addNumbers(Float64Array.of(value as number));
  }

  protected addNumbers(numbers: Float64Array): void {
    this.count += numbers.length;
    this.accumulate(numbers);
  }
}
