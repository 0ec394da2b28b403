/**
 * Values as text, and text as values, by type.
 *
 * @module
 */

import type { Field, Value } from "./types.ts";

const TIME = String.raw`\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?`;
const DATE = String.raw`(?:\d{4}|[+-]\d{6})-\d\d-\d\d`;

/** The form of the text of a type, and an example. */
const FORMS: Readonly<Record<string, readonly [form: RegExp, example: string]>> = {
  integer: [/^[+-]?\d+$/, "a whole number"],
  bigint: [/^[+-]?\d+$/, "a whole number of 64 bits"],
  float: [/^(?:NaN|-?Infinity|[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/i, "a number"],
  boolean: [/^(?:true|false)$/, "true or false"],
  date: [RegExp(`^${DATE}$`), "a date such as 2026-07-31"],
  time: [RegExp(`^${TIME}$`), "a time such as 23:59:30"],
  datetime: [RegExp(`^${DATE}[T ]${TIME}$`, "i"), "a date and time such as 2026-07-31T23:59:30"],
  timestamp: [
    RegExp(`^${DATE}[T ]${TIME}(?:Z|[+-]\\d\\d:\\d\\d)$`, "i"),
    "an instant such as 2026-07-31T23:59:30Z",
  ],
  link: [/^\d+$/, "the id of a row"],
  bytes: [/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, "base64"],
  json: [/^/, "JSON"],
  string: [/^/, "text"],
};

/** An example of the text of a type. */
export function exampleOf(type: string): string {
  return FORMS[type]?.[1] ?? "";
}

/** The types whose values stand at the right. */
export function isNumeric({ type }: Field): boolean {
  return ["integer", "bigint", "float"].includes(type);
}

/** Whether there is such a day and such a time. */
function isInCalendar(text: string): boolean {
  const [, year = "2000", month = "01", day = "01"] = /^(.+)-(\d\d)-(\d\d)/.exec(text) ?? [];
  const [, hour = "0", minute = "0", second = "0"] = /(\d\d):(\d\d)(?::(\d\d))?/.exec(text) ?? [];
  // The calendar repeats after 400 years, and a Date knows four digits only.
  const like = String(2000 + Number(year.slice(-4)) % 400);
  const date = new Date(`${like}-${month}-${day}T00:00Z`);
  return date.getUTCDate() === Number(day) && Number(hour) < 24 && Number(minute) < 60 &&
    Number(second) < 60;
}

/** The value of a text; throws an error that says what is expected. */
export function parseValue({ type }: Field, text: string): Value {
  const wrong = (): never => {
    throw new SyntaxError(`${JSON.stringify(text.slice(0, 40))} is not ${exampleOf(type)}`);
  };
  const given = type === "string" ? text : type === "bytes" ? text.replace(/\s/g, "") : text.trim();
  if (FORMS[type]?.[0].test(given) === false) wrong();
  switch (type) {
    case "integer":
    case "link":
      return Number.isSafeInteger(Number(given)) ? Number(given) : wrong();
    case "bigint": {
      const big = BigInt(given.replace("+", ""));
      if (BigInt.asIntN(64, big) !== big) wrong();
      return Number.isSafeInteger(Number(big)) ? Number(big) : String(big);
    }
    case "float": {
      const value = Number(given);
      if (!/NaN|Infinity/.test(given) && !Number.isFinite(value)) wrong();
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : given === "-0"
        ? "-0"
        : given;
    }
    case "boolean":
      return given === "true";
    case "json":
      try {
        return JSON.parse(given);
      } catch (error) {
        throw new SyntaxError(`it is not JSON: ${(error as Error).message}`);
      }
    case "date":
    case "time":
    case "datetime":
    case "timestamp":
      if (!isInCalendar(given)) wrong();
  }
  return given;
}

/** The text of a value, to be edited or copied; null has none. */
export function textOf({ type }: Field, value: Value | undefined): string {
  if (value === null || value === undefined) return "";
  return type === "json" ? JSON.stringify(value) : String(value);
}

/** How many bytes a text of base64 holds. */
export function sizeOf(base64: string): number {
  return base64.length / 4 * 3 - (/=*$/.exec(base64)![0].length);
}

/** A number of bytes for people. */
export function bytesText(size: number): string {
  const form = { style: "unit", unit: "byte", unitDisplay: "narrow", notation: "compact" } as const;
  return size.toLocaleString("en", form);
}

/** A number for people. */
export function count(n: number): string {
  return n.toLocaleString("en");
}

/** How much text of a value a cell shows. */
const SHOWN = 300;

/** Control characters and those that turn the direction of text, as something to see. */
export function visible(text: string): string {
  return text.replace(
    // deno-lint-ignore no-control-regex
    /[\0-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g,
    (char) => {
      const code = char.charCodeAt(0);
      if (char === "\n") return "↵";
      if (char === "\t") return "⇥";
      const hex = code.toString(16);
      return code < 256 ? `\\x${hex.padStart(2, "0")}` : `\\u${hex.padStart(4, "0")}`;
    },
  );
}

/** What a cell shows of a value that is not null. */
export function shownText(field: Field, value: Value): string {
  if (field.type === "bytes") return bytesText(sizeOf(String(value)));
  const text = textOf(field, value);
  return visible(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}
