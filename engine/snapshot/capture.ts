/**
 * Copies the arguments of a call. A verb may run long after its call, when it gets the lock, and
 * the caller may have changed its objects by then.
 *
 * Only what fields, conditions and values consist of is copied. Any other object stays as it is:
 * the code that checks values will refuse it.
 *
 * @module
 */

import { setOwn } from "../schema/json.ts";
import { isObject, isPlain } from "../system/check.ts";
import { copyRow, tableOf } from "./rows.ts";

/** Deeper than any condition with the deepest json in it, but finite, which stops cycles. */
const MAX_DEPTH = 2000;

/**
 * A copy of an argument that does not change with the original. It reads each property once.
 *
 * @throws {RangeError} A fragment, if the argument is nested too deeply.
 */
export function capture(given: unknown, depth = 0): unknown {
  if (typeof given !== "object" || given === null) return given;
  if (depth > MAX_DEPTH) {
    throw new RangeError(`nested deeper than ${MAX_DEPTH} levels, or in a cycle`);
  }
  if (Array.isArray(given)) {
    const copy: unknown[] = [];
    for (const value of given) copy.push(capture(value, depth + 1));
    return copy;
  }
  if (tableOf(given) !== undefined) return copyRow(given, (value) => capture(value, depth + 1));
  if (isPlain(given)) return copyFields(given, depth);
  try {
    // These read internal slots. The properties of an instance could change.
    if (given instanceof Uint8Array) return new Uint8Array(given);
    if (given instanceof Date) return new Date(Date.prototype.getTime.call(given));
    if (given instanceof RegExp) return new RegExp(given);
  } catch {
    return given; // The object only looks like one of them.
  }
  if (!("__id__" in given)) return given;
  // A link takes an object of any class that has an id.
  const id = { value: given.__id__, enumerable: true };
  return Object.create(Object.getPrototypeOf(given), { __id__: id });
}

/** The same for values by field name, which may be an instance of any class. */
export function captureFields(given: unknown): unknown {
  const isInstance = isObject(given) && !isPlain(given) && Object.keys(given).length > 0;
  return isInstance ? copyFields(given, 0) : capture(given);
}

function copyFields(given: Record<string, unknown>, depth: number): object {
  const copy: Record<string, unknown> = {};
  for (const name of Object.keys(given)) {
    setOwn(copy, name, capture(given[name], depth + 1));
  }
  return copy;
}
