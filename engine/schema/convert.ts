/**
 * A stored value of one type as one of another type: what its text reads as there, and only where
 * nothing gets lost. Whoever changes the type of a field cannot get the old values back.
 *
 * @module
 */

import { excerpt } from "../system/check.ts";
import type { ConvertibleType } from "./types.ts";
import type { Stored, ValueType } from "./values.ts";

/** The types whose values can become those of another one of them. */
export const CONVERTIBLE: readonly ConvertibleType[] = [
  "string",
  "integer",
  "float",
  "bigint",
  "boolean",
  "date",
  "time",
  "datetime",
  "timestamp",
];

/** The value of `to` that has the same text; throws SyntaxError, a fragment, if there is none. */
export function convert(stored: Stored, from: ValueType, to: ValueType): Stored {
  const text = from.format(from.decode(stored));
  const value = to.parse(text);
  if (!isExact(text, to, value)) {
    throw new SyntaxError(
      `${excerpt(text)} would become ${excerpt(to.format(value))}, which is not the same`,
    );
  }
  return to.encode(value);
}

/** Whether a value is all that the text says which it was parsed from. */
function isExact(text: string, { name, format }: ValueType, value: unknown): boolean {
  const parsed = format(value);
  if (parsed === text) return true;
  switch (name) {
    case "integer":
    case "float":
    case "bigint":
      return decimal(parsed) === decimal(text);
    default:
      return true;
  }
}

/** The same text for the same number, however it is written. */
function decimal(text: string): string {
  const [, sign, whole = "", fraction = "", exponent = "0"] =
    /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  const digits = whole + fraction;
  let end = digits.length;
  while (digits[end - 1] === "0") end--;
  const significant = digits.slice(0, end).replace(/^0+/, "");
  if (significant === "") return "0";
  const power = Number(exponent) - fraction.length + digits.length - end;
  return `${sign === "-" ? "-" : ""}${significant}e${power}`;
}
