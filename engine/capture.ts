/**
 * Arguments of a call, captured: a verb may run long after its call, when it gets the lock, and
 * callers may use their objects again by then.
 *
 * Only what fields, conditions and values are made of is copied. Any other object stays as it is,
 * for the code that checks the values to refuse it.
 *
 * @module
 */

import { isObject, isPlain } from "./check.ts";
import { baseOf, copyRow } from "./rows.ts";

/** Deeper than any condition with the deepest json in it, so that a cycle runs into it. */
const MAX_DEPTH = 2000;

/**
 * A copy of an argument, which no change of the original reaches. It reads each property once.
 *
 * @throws {RangeError} A fragment, if the argument is nested too deeply.
 */
export function capture(given: unknown, depth = 0): unknown {
  if (typeof given !== "object" || given === null) return given;
  if (depth > MAX_DEPTH) {
    throw new RangeError(`nested deeper than ${MAX_DEPTH} levels, or in a cycle`);
  }
  const inner = (value: unknown) => capture(value, depth + 1);
  if (Array.isArray(given)) return Array.from(given, inner);
  if (baseOf(given) !== undefined) return copyRow(given, inner);
  if (isPlain(given)) return copyFields(given, inner);
  try {
    // By their internal slots: what an instance says of itself may change.
    if (given instanceof Uint8Array) return new Uint8Array(given);
    if (given instanceof Date) return new Date(Date.prototype.getTime.call(given));
    if (given instanceof RegExp) return new RegExp(given);
  } catch {
    return given; // It only looks like one.
  }
  if (!("__id__" in given)) return given;
  // A link takes an object of any class that has an id.
  const id = { value: given.__id__, enumerable: true };
  return Object.create(Object.getPrototypeOf(given), { __id__: id });
}

/** The same for values by field name, which an instance of any class may hold. */
export function captureFields(given: unknown): unknown {
  const isInstance = isObject(given) && !isPlain(given) && Object.keys(given).length > 0;
  return isInstance ? copyFields(given, (value) => capture(value)) : capture(given);
}

function copyFields(given: object, copy: (value: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, copy(value)]));
}
