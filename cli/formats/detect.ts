/**
 * Which type fits all values of a column of a file: only one that gives back what was written, the
 * same text of a cell of CSV, the same value of JSON.
 *
 * @module
 */

import { VALUE_TYPES } from "../../engine/schema/values.ts";
import type { JsonValue, TypeName } from "../../mod.ts";
import { holds } from "./plain_number.ts";

/**
 * The kind of a value: a type, or
 *
 * - `~type`: text that the type would read, but write in another way
 * - `oddFloat`: a float that JSON has no number for
 * - `whole`: an integer beyond 2^53, which may be a bigint or a float
 * - `long`: such an integer that is a number in JSON
 * - `spaced`: text that begins with a space
 * - `text`: any other text
 */
export type Kind =
  | Exclude<TypeName, "string" | "bytes">
  | `~${"float" | keyof typeof CANONICAL}`
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

const DATE = String.raw`\d{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])` +
  String.raw`|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)`;
const TIME = String.raw`(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d`;
const FRACTION = String.raw`(?:\.\d{0,8}[1-9])?`;

/**
 * Texts that are valid and that a type surely writes as they are. They cover nearly all files, and
 * a match is many times as fast as parsing the text and writing its value.
 */
const CANONICAL = {
  date: RegExp(`^${DATE}$`),
  time: RegExp(`^${TIME}${FRACTION}$`),
  datetime: RegExp(`^${DATE}T${TIME}${FRACTION}$`),
  timestamp: RegExp(`^${DATE}T${TIME}\\.\\d{3}Z$`),
} as const;

/** The kind of a text. Digits after a leading zero are text, as in a postal code. */
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

/** The kind of the text of a number that is not an integer. */
export function floatKind(text: string): Kind {
  const value = Number(text);
  if (String(value) === text) return "float";
  return holds(value, text) ? "~float" : "text";
}

/** The kind of a text that may be a date, a time or both; each of these types has its own form. */
function temporalKind(text: string): Kind {
  const type = !text.includes(":")
    ? "date"
    : !MOMENT_REGEXP.test(text)
    ? "time"
    : OFFSET_REGEXP.test(text)
    ? "timestamp"
    : "datetime";
  if (CANONICAL[type].test(text)) return type;
  const value = parsed(type, text);
  if (value === undefined) return "text";
  const isSame = canonicalMoment(VALUE_TYPES[type].format(value)) === canonicalMoment(text);
  return isSame ? type : `~${type}`;
}

/**
 * One spelling for all spellings of a date or a time that mean the same. A space for `T`, `+00:00`
 * for `Z`, small letters and zeros at the end of a fraction carry no information, so a type may
 * write them otherwise. Another offset does carry some.
 */
export function canonicalMoment(text: string): string {
  return text.toUpperCase()
    .replace(/(\d) (\d)/, "$1T$2")
    .replace(/\+00:00$/, "Z")
    .replace(/\.(\d*?)0*(Z?)$/, (_all, digits, zone) => (digits === "" ? "" : `.${digits}`) + zone);
}

/** The value of a text; `undefined` if it is not a value of the type. */
function parsed(type: TypeName, text: string): unknown {
  try {
    return VALUE_TYPES[type].parse(text);
  } catch {
    return undefined;
  }
}

/** The kind of a JSON value. A string has the kind of a type that JSON has no form for, or text. */
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

/** JSON writes these kinds without quotes, so between quotes they are text. */
const TEXT_IN_JSON: readonly Kind[] = ["integer", "float", "~float", "boolean", "spaced"];

/** The type for values of these kinds; `undefined` if they have none in common. */
export function typeFor(kinds: ReadonlySet<Kind>): TypeName | undefined {
  const among = (...allowed: Kind[]) => kinds.isSubsetOf(new Set(allowed));
  if (among("text", "spaced", "oddFloat")) return "string";
  if (among("integer")) return "integer";
  // A column that has only long numbers is a float: a bigint would come back as text.
  const isLong = kinds.has("bigint") || kinds.has("whole");
  if (isLong && among("integer", "bigint", "whole", "long")) return "bigint";
  if (among("integer", "float", "oddFloat", "whole", "long")) return "float";
  const [kind] = kinds;
  return kinds.size === 1 && !kind!.startsWith("~") ? kind as TypeName : undefined;
}

/**
 * The type that holds all values of these kinds, where {@linkcode typeFor} finds none because the
 * type would write some of them in another way.
 */
export function looseTypeFor(kinds: ReadonlySet<Kind>): TypeName | undefined {
  const plain = new Set([...kinds].map((kind) => kind.replace("~", "") as Kind));
  const isLoose = [...kinds].some((kind) => kind.startsWith("~"));
  return isLoose ? typeFor(plain) : undefined;
}

/** Whether values of these kinds are all strings in JSON. */
export function areTexts(kinds: ReadonlySet<Kind>): boolean {
  return kinds.isDisjointFrom(new Set<Kind>(["integer", "float", "long", "boolean", "json"]));
}
