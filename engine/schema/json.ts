/**
 * The values of json fields: values that survive a round trip through JSON unchanged.
 *
 * @module
 */

import { checkText, describe, isPlain } from "../system/check.ts";
import type { JsonValue } from "./types.ts";

/** The limit of nesting. It keeps readers from exhausting the stack, and it stops cycles. */
const MAX_JSON_DEPTH = 1000;

type JsonObject = Record<string, JsonValue>;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** A quick test that most texts pass: with this few brackets, nothing can be nested too deeply. */
function isShallow(text: string): boolean {
  let left = MAX_JSON_DEPTH;
  for (const bracket of "[{") {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      if (--left < 0) return false;
    }
  }
  return true;
}

/** Throws RangeError if `text` nests arrays and objects deeper than {@linkcode MAX_JSON_DEPTH}. */
function checkDepth(text: string): void {
  if (isShallow(text)) return;
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (quoted) {
      if (unit === BACKSLASH) i++;
      else quoted = unit !== QUOTE;
      continue;
    }
    if (unit === QUOTE) quoted = true;
    // "[" and "{" differ in one bit, and so do "]" and "}".
    else if ((unit | 0x20) === 0x7b && ++depth > MAX_JSON_DEPTH) {
      throw new RangeError(`json nested deeper than ${MAX_JSON_DEPTH} levels`);
    } else if ((unit | 0x20) === 0x7d) depth--;
  }
}

/** Parses JSON from a file; throws SyntaxError, or RangeError if it is nested too deeply. */
export function parseJson(text: string): JsonValue {
  checkDepth(text);
  return JSON.parse(text);
}

/** Sets an own property, also `__proto__`, where an assignment would set the prototype. */
export function setOwn<T>(object: Record<string, T>, key: string, value: T): void {
  if (key !== "__proto__") object[key] = value;
  else Object.defineProperty(object, key, { value, enumerable: true, configurable: true });
}

/**
 * A copy of `value`; throws TypeError or RangeError if JSON cannot represent it. It reads every
 * part once: a getter or a proxy may return something else the next time.
 */
export function copyJson(value: unknown, depth = 0): JsonValue {
  switch (typeof value) {
    case "string":
      checkText(value, "text in json");
      return value;
    case "boolean":
      return value;
    case "number":
      if (Number.isFinite(value)) return value;
      throw new RangeError(`${value} in json, which has only finite numbers`);
    case "object":
      break;
    default:
      throw new TypeError(`${describe(value)} in json, which has no such type`);
  }
  if (value === null) return null;
  if (depth === MAX_JSON_DEPTH) {
    throw new RangeError(`json nested deeper than ${MAX_JSON_DEPTH} levels, or in a cycle`);
  }
  // Not `map`, which would skip holes.
  if (Array.isArray(value)) {
    const { length } = value;
    const copy: JsonValue[] = [];
    for (let i = 0; i < length; i++) copy.push(copyJson(value[i], depth + 1));
    return copy;
  }
  if (!isPlain(value)) {
    throw new TypeError(`${describe(value)} in json, which has only plain objects`);
  }
  const copy: JsonObject = {};
  for (const key of Object.keys(value)) {
    checkText(key, "a key in json");
    setOwn(copy, key, copyJson(value[key], depth + 1));
  }
  return copy;
}

/**
 * A map key that is equal for texts of equal structure, in whatever order their keys are. Text from
 * a damaged file may not be JSON: such text equals only itself.
 */
export function jsonKey(text: string): string {
  // Without two keys there is only one order. That is the common case.
  if (!text.includes("{") || !text.includes(",")) return text;
  try {
    return JSON.stringify(withSortedKeys(parseJson(text)));
  } catch {
    return text;
  }
}

function withSortedKeys(value: JsonValue): JsonValue {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withSortedKeys);
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, withSortedKeys((value as JsonObject)[key]!)]));
}

/** Whether two values have the same structure, in whatever order their keys are. */
export function sameJson(a: JsonValue, b: JsonValue): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length &&
      a.every((item, i) => sameJson(item, b[i]));
  }
  const left = a as JsonObject;
  const right = b as JsonObject;
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && sameJson(left[key]!, right[key]!));
}
