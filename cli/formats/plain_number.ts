/**
 * Decimal numbers, found and read in the codes of their characters, and compared as they are
 * written.
 *
 * @module
 */

import { excerpt } from "../../engine/system/check.ts";

const MINUS = 45;
const POINT = 46;
const ZERO = 48;

/** A float holds every number of up to this many digits, and prints it with the same digits. */
const EXACT_DIGITS = 15;
/** Powers of ten, which are exact floats. */
const TENS = Array.from({ length: EXACT_DIGITS + 1 }, (_, n) => 10 ** n);
/** A float prints without an exponent if one of its first places after the point is not 0. */
const PLAIN_PLACES = 6;

function isDigit(code: number | undefined): boolean {
  return code! - ZERO >>> 0 <= 9;
}

/** The number of a minus, digits and, in a float, a point; `undefined` for other or long texts. */
export function plainNumber(
  codes: Uint8Array,
  from: number,
  to: number,
  type: "integer" | "float",
): number | undefined {
  const start = codes[from] === MINUS ? from + 1 : from;
  let point = to;
  let digits = 0;
  if (to - start > EXACT_DIGITS + 1) return undefined;
  for (let at = start; at < to; at++) {
    const code = codes[at]!;
    if (isDigit(code)) digits = digits * 10 + (code - ZERO);
    else if (code === POINT && point === to && type === "float") point = at;
    else return undefined;
  }
  const places = Math.max(0, to - point - 1);
  const count = point - start + places;
  if (count === 0 || count > EXACT_DIGITS) return undefined;
  // Both operands are exact, so the quotient is rounded once, as it should be.
  const number = digits / TENS[places]!;
  return start > from ? -number : number;
}

/**
 * The kind of a text of a minus, digits and a point: `~float` is a number that prints in another
 * way, `long` one with too many digits to tell; `undefined` for any other text.
 */
export function numberKind(
  codes: Uint8Array,
  from: number,
  to: number,
): "integer" | "float" | "~float" | "long" | undefined {
  const start = codes[from] === MINUS ? from + 1 : from;
  let at = start;
  while (at < to && isDigit(codes[at])) at++;
  const count = at - start;
  if (count === 0 || (codes[start] === ZERO && count > 1)) return undefined;
  if (at === to) {
    const isOdd = count > EXACT_DIGITS || (codes[start] === ZERO && start > from);
    return isOdd ? undefined : "integer";
  }
  if (codes[at] !== POINT || at + 1 === to) return undefined;
  let isPlain = codes[start] !== ZERO;
  for (let place = 1; ++at < to; place++) {
    if (!isDigit(codes[at])) return undefined;
    isPlain ||= place <= PLAIN_PLACES && codes[at] !== ZERO;
  }
  if (to - start > EXACT_DIGITS + 1) return "long";
  return isPlain && codes[to - 1] !== ZERO ? "float" : "~float";
}

const NUMBER_REGEXP = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/;
/** A float never needs more digits. */
const MAX_DIGITS = 100;

/** A decimal number. Equal numbers have equal digits and an equal exponent. */
interface Decimal {
  readonly sign: string;
  /** Without zeros at either end. */
  readonly digits: string;
  /** The power of ten by which the digits, as an integer, are multiplied. */
  readonly exponent: number;
}

/** The number of a text; `undefined` if it is not a number, or has far too many digits. */
function decimalOf(text: string): Decimal | undefined {
  const found = NUMBER_REGEXP.exec(text);
  if (found === null) return undefined;
  const [, sign = "", whole = "", fraction = "", power = "0"] = found;
  const all = whole + fraction;
  let from = 0;
  let to = all.length;
  while (all[from] === "0") from++;
  while (to > from && all[to - 1] === "0") to--;
  if (to === from) return { sign: "", digits: "", exponent: 0 };
  if (to - from > MAX_DIGITS) return undefined;
  return {
    sign: sign === "-" ? sign : "",
    digits: all.slice(from, to),
    exponent: Number(power) - fraction.length + (all.length - to),
  };
}

/** Whether two texts are the same number. */
export function isSameNumber(a: string, b: string): boolean {
  if (a === b) return true;
  const [one, other] = [decimalOf(a), decimalOf(b)];
  return one !== undefined && other !== undefined && one.sign === other.sign &&
    one.digits === other.digits && one.exponent === other.exponent;
}

/**
 * Whether a float holds the number of a text: printed with as many digits, it is that number. A
 * text of more than 17 digits must be the exact value of the float to that digit.
 */
export function holds(value: number, text: string): boolean {
  if (String(value) === text) return true;
  const decimal = decimalOf(text);
  if (decimal === undefined || !Number.isFinite(value)) return false;
  const { length } = decimal.digits;
  return isSameNumber(length === 0 ? String(value) : value.toPrecision(length), text);
}

/** Throws RangeError for a number that a float would round to another one. */
export function checkHeld(value: number, text: string): void {
  if (holds(value, text)) return;
  throw new RangeError(`${excerpt(text)} would become ${value} as a float, keep it as a string`);
}

/** The integer of 64 bits of a text in any notation; `undefined` if it is not one. */
export function longIntegerOf(text: string): bigint | undefined {
  const { sign, digits, exponent } = decimalOf(text) ?? {};
  if (digits === undefined || exponent! < 0 || digits.length + exponent! > 19) return undefined;
  const value = BigInt(`${sign}${digits}${"0".repeat(exponent!)}` || "0");
  return BigInt.asIntN(64, value) === value ? value : undefined;
}
