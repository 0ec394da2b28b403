/**
 * Converts stored values to another type by way of their text. A conversion that would lose
 * anything fails: nobody could get the old values back.
 *
 * @module
 */

import { excerpt } from "../system/check.ts";
import type { ConvertibleType } from "./types.ts";
import type { Stored, ValueType } from "./values.ts";

/** The types that convert to one another. */
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

/** The value of type `to` with the same text; throws SyntaxError, a fragment, if none exists. */
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

/** Whether `value` keeps everything that the text says, from which it was parsed. */
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

/** A canonical text: equal for equal numbers, however they are written. */
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
