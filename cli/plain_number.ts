/**
 * Numbers as most files write them, found and read in the codes of their characters.
 *
 * @module
 */

const MINUS = 45;
const POINT = 46;
const ZERO = 48;

/** So many digits are a number exactly, whichever they are. */
const EXACT_DIGITS = 15;
/** What such digits are divided by, exact as well: the quotient is rounded once, as it should be. */
const TENS = Array.from({ length: EXACT_DIGITS + 1 }, (_, n) => 10 ** n);
/** So many places after the point are written without an exponent, if one of them is not 0. */
const PLAIN_PLACES = 6;

function isDigit(code: number | undefined): boolean {
  return code! - ZERO >>> 0 <= 9;
}

/** The number of a minus, digits and, in a float, a point; `undefined` if that is not all or too much. */
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
  const number = digits / TENS[places]!;
  return start > from ? -number : number;
}

/**
 * What a text of a minus, digits and a point looks like: `~float` is a number that is written
 * otherwise, `digits` one that takes a closer look; `undefined` if it is not all.
 */
export function numberKind(
  codes: Uint8Array,
  from: number,
  to: number,
): "integer" | "float" | "~float" | "digits" | undefined {
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
  // A number below 1 is written without an exponent only if it is not too small.
  let isPlain = codes[start] !== ZERO;
  for (let place = 1; ++at < to; place++) {
    if (!isDigit(codes[at])) return undefined;
    isPlain ||= place <= PLAIN_PLACES && codes[at] !== ZERO;
  }
  if (to - start > EXACT_DIGITS + 1) return "digits";
  return isPlain && codes[to - 1] !== ZERO ? "float" : "~float";
}

const NUMBER_REGEXP = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/;
/** No number needs more digits than a float can print. */
const MAX_DIGITS = 100;

/** A decimal number: what is equal has equal digits and an equal exponent. */
interface Decimal {
  readonly sign: string;
  /** Without zeros at either end. */
  readonly digits: string;
  /** The power of ten that the digits, as an integer, are multiplied by. */
  readonly exponent: number;
}

/** The number of a text; `undefined` if it is none, or has far too many digits. */
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
 * Whether a float holds the number of a text: written with as many digits, it is that number. More
 * than 17 digits it has as well, which most texts of so many have not.
 */
export function holds(value: number, text: string): boolean {
  if (String(value) === text) return true;
  const decimal = decimalOf(text);
  if (decimal === undefined || !Number.isFinite(value)) return false;
  const { length } = decimal.digits;
  return isSameNumber(length === 0 ? String(value) : value.toPrecision(length), text);
}

/** The integer of 64 bits that a text is, however it is written; `undefined` if it is none. */
export function longIntegerOf(text: string): bigint | undefined {
  const { sign, digits, exponent } = decimalOf(text) ?? {};
  if (digits === undefined || exponent! < 0 || digits.length + exponent! > 19) return undefined;
  const value = BigInt(`${sign}${digits}${"0".repeat(exponent!)}` || "0");
  return BigInt.asIntN(64, value) === value ? value : undefined;
}
