/**
 * Which field type fits all values of a column of a file: only one that gives
 * back what was written.
 *
 * @module
 */

// See fields.ts.
import { VALUE_TYPES } from "../engine/values.ts";
import type { JsonValue, TypeName } from "../mod.ts";

/**
 * What a value looks like: a type, or any text, or something in between: `oddFloat` is a
 * float that JSON has no number for, `whole` an integer beyond 2^53 that may be a float's.
 */
export type Kind = Exclude<TypeName, "string" | "bytes"> | "oddFloat" | "whole" | "text";

const INTEGER_REGEXP = /^-?(?:0|[1-9]\d*)$/;
const FLOAT_REGEXP = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const TEMPORAL_REGEXP = /^[+-]?\d\d.*[-:]\d\d/;
const TEMPORAL = ["date", "time", "datetime", "timestamp"] as const;

/**
 * What a text looks like; digits behind a zero are text, as in a postal code.
 *
 * @param text The text.
 * @param seen What others of its column look like: most are alike.
 */
export function textKind(text: string, seen: ReadonlySet<Kind>): Kind {
  if (INTEGER_REGEXP.test(text)) {
    if (text === "-0") return "oddFloat";
    if (Number.isSafeInteger(Number(text))) return "integer";
    const isFloat = String(Number(text)) === text;
    if (parses("bigint", text)) return isFloat ? "whole" : "bigint";
    return isFloat ? "float" : "text";
  }
  if (FLOAT_REGEXP.test(text)) return Number.isFinite(Number(text)) ? "float" : "text";
  if (text === "true" || text === "false") return "boolean";
  if (text === "NaN" || text === "Infinity" || text === "-Infinity") return "oddFloat";
  if (!TEMPORAL_REGEXP.test(text)) return "text";
  return TEMPORAL.find((type) => seen.has(type) && parses(type, text)) ??
    TEMPORAL.find((type) => parses(type, text)) ?? "text";
}

function parses(type: TypeName, text: string): boolean {
  try {
    VALUE_TYPES[type].parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What a JSON value looks like; text is what JSON has no form of its own for, or text. */
export function jsonKind(value: NonNullable<JsonValue>, seen: ReadonlySet<Kind>): Kind {
  switch (typeof value) {
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? "integer" : "float";
    case "boolean":
      return "boolean";
    case "string": {
      if (seen.has("text")) return "text"; // no other kind of text makes a difference
      const kind = textKind(value, seen);
      if (kind === "whole") return "bigint"; // a float would be a number
      return kind === "integer" || kind === "float" || kind === "boolean" ? "text" : kind;
    }
    default:
      return "json";
  }
}

/** The type for values of these kinds; `undefined` if they have none in common. */
export function typeFor(kinds: ReadonlySet<Kind>): TypeName | undefined {
  const among = (...allowed: Kind[]) => kinds.isSubsetOf(new Set(allowed));
  if (among("text", "oddFloat")) return "string";
  if (among("integer")) return "integer";
  if (among("integer", "bigint", "whole")) return "bigint";
  if (among("integer", "float", "oddFloat", "whole")) return "float";
  if (kinds.size === 1) return [...kinds][0] as TypeName;
  return undefined;
}

/** Whether values of these kinds are all text in JSON. */
export function areTexts(kinds: ReadonlySet<Kind>): boolean {
  return kinds.isDisjointFrom(new Set<Kind>(["integer", "float", "boolean", "json"]));
}
