/**
 * What json fields hold: values that JSON gives back as they were.
 *
 * @module
 */
import { checkText, describe } from "../system/check.ts";
import type { JsonValue } from "./types.ts";

/** How deep json may be nested: so that no reader runs out of stack, and no cycle runs on. */
const MAX_JSON_DEPTH = 1000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Whether there are so few brackets in `text` that nothing can be nested deeply: true of most. */
function isShallow(text: string): boolean {
  let left = MAX_JSON_DEPTH;
  for (const bracket of "[{") {
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1)) {
      if (--left < 0) return false;
    }
  }
  return true;
}

/** Throws RangeError if arrays and objects are nested deeper in `text` than `checkJson` lets them. */
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
    // [ and {, then ] and }: they differ in one bit.
    else if ((unit | 0x20) === 0x7b && ++depth > MAX_JSON_DEPTH) {
      throw new RangeError(`json nested deeper than ${MAX_JSON_DEPTH} levels`);
    } else if ((unit | 0x20) === 0x7d) depth--;
  }
}

/** JSON from a file; throws SyntaxError, or RangeError where it is nested so deep that no writer did it. */
export function parseJson(text: string): JsonValue {
  checkDepth(text);
  return JSON.parse(text);
}

/**
 * A copy of `value` that JSON can hold, as it is; throws TypeError or RangeError if there is none.
 * All of it is read once: a getter or a proxy may tell something else the next time.
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
      throw new RangeError(`${value} in json, which has no such number`);
    case "object":
      break;
    default:
      throw new TypeError(`${describe(value)} in json, which has no such value`);
  }
  if (value === null) return null;
  if (depth === MAX_JSON_DEPTH) {
    throw new RangeError(`json nested deeper than ${MAX_JSON_DEPTH} levels, or in a cycle`);
  }
  // Not map: a hole has to be seen.
  if (Array.isArray(value)) {
    const { length } = value;
    const copy: JsonValue[] = [];
    for (let i = 0; i < length; i++) copy.push(copyJson(value[i], depth + 1));
    return copy;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(`${describe(value)} in json, which has plain objects only`);
  }
  const copy: Record<string, JsonValue> = {};
  for (const key of Object.keys(value)) {
    checkText(key, "a key in json");
    const item = copyJson((value as Record<string, unknown>)[key], depth + 1);
    if (key !== "__proto__") copy[key] = item;
    // Assigned, it would become the prototype.
    else Object.defineProperty(copy, key, { value: item, enumerable: true });
  }
  return copy;
}

/**
 * What is the same, as a key of a map, for texts of json that have the same structure, whatever the
 * order of keys. What a damaged file holds may be no json: it is the same as nothing.
 */
export function jsonKey(text: string): string {
  // Most have no two keys, whose order could be another.
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

type JsonObject = Record<string, JsonValue>;

/** Whether two values have the same structure, whatever the order of keys. */
export function sameJson(a: JsonValue, b: JsonValue): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length &&
      a.every((item, i) => sameJson(item, b[i]));
  }
  const left = a as Record<string, JsonValue>;
  const right = b as Record<string, JsonValue>;
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && sameJson(left[key]!, right[key]!));
}
