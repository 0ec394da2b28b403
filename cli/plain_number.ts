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
/** So many digits before the point are no infinity. */
const FINITE_DIGITS = 300;

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

/** What a text of a minus, digits and a point looks like; `undefined` if it takes a closer look. */
export function numberKind(
  codes: Uint8Array,
  from: number,
  to: number,
): "integer" | "float" | undefined {
  const start = codes[from] === MINUS ? from + 1 : from;
  let at = start;
  while (at < to && isDigit(codes[at])) at++;
  const count = at - start;
  if (count === 0 || (codes[start] === ZERO && count > 1)) return undefined;
  if (at === to) {
    const isOdd = count > EXACT_DIGITS || (codes[start] === ZERO && start > from);
    return isOdd ? undefined : "integer";
  }
  if (codes[at] !== POINT || at + 1 === to || count > FINITE_DIGITS) return undefined;
  while (++at < to) if (!isDigit(codes[at])) return undefined;
  return "float";
}
