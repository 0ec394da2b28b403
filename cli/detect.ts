/**
 * Which field type fits all values of a column of a file: only one that gives back what was written,
 * the very text of a cell, the value of JSON.
 *
 * @module
 */

// See fields.ts.
import { VALUE_TYPES } from "../engine/schema/values.ts";
import type { JsonValue, TypeName } from "../mod.ts";
import { holds } from "./plain_number.ts";

/** A type that holds the value of a text, but would write it otherwise. */
type Loose = `~${"float" | keyof typeof USUAL}`;

/**
 * What a value looks like: a type, or any text, or something in between: `oddFloat` is a
 * float that JSON has no number for, `whole` an integer beyond 2^53 that may be a float's, `long`
 * one that is a number in JSON, and `spaced` text that begins with a space.
 */
export type Kind =
  | Exclude<TypeName, "string" | "bytes">
  | Loose
  | "oddFloat"
  | "whole"
  | "long"
  | "spaced"
  | "text";

const INTEGER_REGEXP = /^-?(?:0|[1-9]\d*)$/;
const FLOAT_REGEXP = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const TEMPORAL_REGEXP = /^[+-]?\d\d.*[-:]\d\d/;
const MOMENT_REGEXP = /\d[Tt ]\d/;
const OFFSET_REGEXP = /(?:[Zz]|[+-]\d\d:\d\d)$/;
/** How values are written, but for far years: what looks so need not be written to be compared. */
const USUAL = {
  date: /^\d{4}-\d\d-\d\d$/,
  time: /^\d\d:\d\d:\d\d(?:\.\d*[1-9])?$/,
  datetime: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d*[1-9])?$/,
  timestamp: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
} as const;

/** What a text looks like; digits after a zero are text, as in a postal code. */
export function textKind(text: string): Kind {
  if (text.startsWith(" ")) return "spaced";
  if (INTEGER_REGEXP.test(text)) {
    if (text === "-0") return "oddFloat";
    if (Number.isSafeInteger(Number(text))) return "integer";
    const isFloat = String(Number(text)) === text;
    if (parsed("bigint", text) !== undefined) return isFloat ? "whole" : "bigint";
    return isFloat ? "float" : "text";
  }
  if (FLOAT_REGEXP.test(text)) return floatKind(text);
  if (text === "true" || text === "false") return "boolean";
  if (text === "NaN" || text === "Infinity" || text === "-Infinity") return "oddFloat";
  return TEMPORAL_REGEXP.test(text) ? temporalKind(text) : "text";
}

/** What a text looks like that is a number, but no integer. */
export function floatKind(text: string): Kind {
  const value = Number(text);
  if (String(value) === text) return "float";
  return holds(value, text) ? "~float" : "text";
}

/** What a text looks like that may be a date, a time or both: each has a form of its own. */
function temporalKind(text: string): Kind {
  const type = !text.includes(":")
    ? "date"
    : !MOMENT_REGEXP.test(text)
    ? "time"
    : OFFSET_REGEXP.test(text)
    ? "timestamp"
    : "datetime";
  const value = parsed(type, text);
  if (value === undefined) return "text";
  const isSame = USUAL[type].test(text) ||
    canonicalMoment(VALUE_TYPES[type].format(value)) === canonicalMoment(text);
  return isSame ? type : `~${type}`;
}

/**
 * A date or a time in one of its spellings. A space for `T`, `+00:00` for `Z`, small letters and
 * zeros at the end of a fraction carry no information, so a type may write them otherwise. Another
 * offset carries some.
 */
export function canonicalMoment(text: string): string {
  return text.toUpperCase()
    .replace(/(\d) (\d)/, "$1T$2")
    .replace(/\+00:00$/, "Z")
    .replace(/\.(\d*?)0*(Z?)$/, (_all, digits, zone) => (digits === "" ? "" : `.${digits}`) + zone);
}

/** The value of a text; `undefined` if the type has none of it. */
function parsed(type: TypeName, text: string): unknown {
  try {
    return VALUE_TYPES[type].parse(text);
  } catch {
    return undefined;
  }
}

/** What a JSON value looks like; text is what JSON has no form of its own for, or text. */
export function jsonKind(value: NonNullable<JsonValue> | bigint, seen: ReadonlySet<Kind>): Kind {
  switch (typeof value) {
    case "bigint":
      return "bigint";
    case "number":
      if (Object.is(value, -0) || !Number.isInteger(value)) return "float";
      return Number.isSafeInteger(value) ? "integer" : Math.abs(value) < 2 ** 63 ? "long" : "float";
    case "boolean":
      return "boolean";
    case "string": {
      if (seen.has("text")) return "text"; // no other kind of text makes a difference
      const kind = textKind(value);
      if (kind === "whole") return "bigint"; // a float would be a number
      return TEXT_IN_JSON.includes(kind) ? "text" : kind;
    }
    default:
      return "json";
  }
}

/** What JSON writes without quotes: between quotes it is text. */
const TEXT_IN_JSON: readonly Kind[] = ["integer", "float", "~float", "boolean", "spaced"];

/** The type for values of these kinds; `undefined` if they have none in common. */
export function typeFor(kinds: ReadonlySet<Kind>): TypeName | undefined {
  const among = (...allowed: Kind[]) => kinds.isSubsetOf(new Set(allowed));
  if (among("text", "spaced", "oddFloat")) return "string";
  if (among("integer")) return "integer";
  // A long number alone comes back as one only of a float.
  const isLong = kinds.has("bigint") || kinds.has("whole");
  if (isLong && among("integer", "bigint", "whole", "long")) return "bigint";
  if (among("integer", "float", "oddFloat", "whole", "long")) return "float";
  const [kind] = kinds;
  return kinds.size === 1 && !kind!.startsWith("~") ? kind as TypeName : undefined;
}

/**
 * The type that holds all values of these kinds, where {@linkcode typeFor} has none because it would
 * write some of them otherwise.
 */
export function looseTypeFor(kinds: ReadonlySet<Kind>): TypeName | undefined {
  const plain = new Set([...kinds].map((kind) => kind.replace("~", "") as Kind));
  const type = typeFor(plain);
  return plain.isSubsetOf(kinds) && plain.size === kinds.size ? undefined : type;
}

/** Whether values of these kinds are all text in JSON. */
export function areTexts(kinds: ReadonlySet<Kind>): boolean {
  return kinds.isDisjointFrom(new Set<Kind>(["integer", "float", "long", "boolean", "json"]));
}
