/**
 * Values by type: how they are shown, and how what is typed becomes JSON for the server.
 *
 * @module
 */

import type { Field } from "./types.ts";

/** The most characters of a value that a cell holds. */
const SHOWN = 300;

/** The size of base64 text, in bytes. */
export function sizeOf(base64: string): number {
  return Math.floor(base64.length * 3 / 4) - (/=*$/.exec(base64)![0].length);
}

/** A value as text, whole. */
export function textOf(type: string, value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return type === "json" ? JSON.stringify(value) : String(value);
}

/** What a cell shows. */
export function shown(type: string, value: unknown): string {
  if (type === "bytes" && typeof value === "string") return `${sizeOf(value)} bytes`;
  const text = textOf(type, value) ?? "";
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

/** Whether values of a type stand at the right of their column. */
export function isNumber(type: string): boolean {
  return ["integer", "float", "bigint", "link"].includes(type);
}

/** What the pattern of a typed text is, and how to say it. */
const FORMS: Readonly<Record<string, readonly [RegExp, string]>> = {
  integer: [/^[+-]?\d+$/, "a whole number"],
  link: [/^\d+$/, "the id of a row"],
  bigint: [/^[+-]?\d{1,19}$/, "a whole number of 64 bits"],
  float: [/^(?:NaN|-?Infinity|[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)$/, "a number"],
  boolean: [/^(?:true|false)$/, "true or false"],
  date: [/^(?:\d{4}|[+-]\d{6})-\d\d-\d\d$/, "a date such as 2026-07-31"],
  time: [/^\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?$/, "a time such as 23:59:30"],
  datetime: [
    /^(?:\d{4}|[+-]\d{6})-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?$/,
    "a date and time such as 2026-07-31T23:59:30",
  ],
  timestamp: [
    /^(?:\d{4}|[+-]\d{6})-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:[Zz]|[+-]\d\d:\d\d)$/,
    "an instant such as 2026-07-31T23:59:30Z",
  ],
  bytes: [/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, "base64"],
};

/** The JSON of a typed text; throws an error that says what is expected. */
export function jsonOf({ type, required, name }: Field, text: string | null): unknown {
  if (text === null) {
    if (required) throw new Error(`${name} is required: it cannot be null`);
    return null;
  }
  if (type === "string") return text;
  if (type === "json") {
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new Error(`${name}: this is not JSON: ${(error as Error).message}`);
    }
  }
  const [form, wanted] = FORMS[type] ?? [/^[^]*$/, ""];
  const plain = text.trim();
  if (!form.test(plain)) throw new Error(`${name}: ${wanted} is expected`);
  if (type === "boolean") return plain === "true";
  const number = Number(plain);
  const isExact = type === "integer" || type === "link" || (type === "float" && isFinite(number));
  if (type !== "float" && isExact && !Number.isSafeInteger(number)) {
    throw new Error(`${name}: ${plain} is too large for ${type}`);
  }
  return isExact ? number : plain;
}

/** The cells of text that a spreadsheet copied. */
export function cellsOfTsv(text: string): string[][] {
  const rows: string[][] = [[]];
  const regexp = /(?:"((?:[^"]|"")*)"|([^\t\n\r]*))(\t|\r?\n|$)/y;
  while (regexp.lastIndex < text.length) {
    const found = regexp.exec(text);
    if (found === null) break;
    const [, quoted, plain, end] = found;
    rows.at(-1)!.push(quoted?.replaceAll('""', '"') ?? plain!);
    if (end!.endsWith("\n") && regexp.lastIndex < text.length) rows.push([]);
  }
  return rows;
}

/** A cell for text that a spreadsheet takes. */
export function tsvCell(text: string | null): string {
  if (text === null) return "";
  return /[\t\n\r"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
