/**
 * Shared checks of values: how messages name a value, which text is allowed, how long a value may
 * be.
 *
 * @module
 */

/** The largest value, in bytes of UTF-8 for text and json. */
export const MAX_VALUE_BYTES = 64 * 2 ** 20;

function beginning(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** The beginning of a text, quoted, for messages. */
export function excerpt(text: string): string {
  return JSON.stringify(beginning(text));
}

/** Describes a value for messages: `"abc" is a string`. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case "string":
      return `${excerpt(value)} is a string`;
    case "number":
    case "boolean":
      return `${value} is a ${typeof value}`;
    case "bigint":
      return `${beginning(String(value))}n is a bigint`;
    case "object": {
      if (value === null) return "it is null";
      if (Array.isArray(value)) return "it is an array";
      const name = Object.getPrototypeOf(value)?.constructor?.name ?? "Object";
      return `it is ${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`;
    }
    case "undefined":
      return "it is undefined";
    default:
      return `it is a ${typeof value}`;
  }
}

/** Describes an option for messages: `limit is -1`. */
export function describeOption(name: string, value: unknown): string {
  if (typeof value === "number") return `${name} is ${value}`;
  return typeof value === "string" ? `${name} is ${excerpt(value)}` : `${name}: ${describe(value)}`;
}

/** Checks a function that a verb is given. */
export function checkFunction(fn: unknown): void {
  if (typeof fn !== "function") throw wrongType(fn, "a function");
}

/** Checks the option `signal`. */
export function checkSignal(signal: unknown): asserts signal is AbortSignal | undefined {
  if (signal === undefined || signal instanceof AbortSignal) return;
  throw new TypeError(`signal: ${describe(signal)}, expected an AbortSignal`);
}

/** Whether a value is an object other than an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether an object has no class of its own. */
export function isPlain(value: object): value is Record<string, unknown> {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Whether a value is a safe integer, 0 or more. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** The error for a value that has another type than `wanted`. */
export function wrongType(value: unknown, wanted: string): TypeError {
  return new TypeError(`${describe(value)}, expected ${wanted}`);
}

/** Checks that UTF-8 can hold a text, and its size. */
export function checkText(text: string, what: string): void {
  if (!text.isWellFormed()) {
    throw new RangeError(`${excerpt(text)} has half a surrogate pair, which UTF-8 cannot hold`);
  }
  // A UTF-16 unit becomes at most three bytes, so short text need not be measured.
  if (text.length * 3 > MAX_VALUE_BYTES) checkSize(new TextEncoder().encode(text).length, what);
}

/** Checks a size in bytes. */
export function checkSize(bytes: number, what: string): void {
  if (bytes > MAX_VALUE_BYTES) {
    throw new RangeError(`${what} of ${bytes} bytes is too long, the limit is ${MAX_VALUE_BYTES}`);
  }
}
