/**
 * What a condition asks of the values of one field, in forms that columns and
 * indexes can answer without looking at each value.
 *
 * @module
 */

import { firstWhere } from "../system/bisect.ts";
import { jsonKey } from "./json.ts";
import { equalityKey, type Stored, type ValueType } from "./values.ts";

/** Values next to each other in the order of their type; an end left out is open. */
export interface KeyRange {
  /** The least. */
  readonly low?: Stored | undefined;
  /** The greatest. */
  readonly high?: Stored | undefined;
  /** Whether the least itself is out. */
  readonly lowOpen?: boolean;
  /** Whether the greatest itself is out. */
  readonly highOpen?: boolean;
}

/** A part of a text. */
export interface TextMatch {
  /** The part, without lone surrogates. */
  readonly part: string;
  /** Where it stands: it is all of the text, its beginning, its end, or anywhere in it. */
  readonly at: "all" | "start" | "end" | "any";
}

/** What a condition asks of the values of one field. */
export interface Predicate {
  /** Whether null matches. */
  readonly nulls: boolean;
  /** Whether a value matches. */
  test(value: Stored): boolean;
  /** If it is there: exactly the values in one of these match. They ascend, and none meets another. */
  readonly keyRanges?: readonly KeyRange[];
  /** The same for a type without an order: exactly these values match, if it is there. */
  readonly values?: readonly Stored[];
  /** For numbers: exactly those from `range[0]` to `range[1]` match, if it is there. */
  readonly range?: readonly [number, number];
  /** Whether NaN matches as well as what is in `range`. */
  readonly nan?: boolean;
  /** For text: exactly those with this part match, if it is there. */
  readonly text?: TextMatch;
}

/** Matches null. */
export const NULL: Predicate = { nulls: true, test: () => false, keyRanges: [], values: [] };

/** Matches one value. */
export function equal(type: ValueType, value: Stored): Predicate {
  if (!type.sortable) return equalToAny(type, [value], false);
  const predicate = {
    nulls: false,
    test: (other: Stored) => type.equals(value, other),
    keyRanges: [{ low: value, high: value }],
  };
  if (type.layout === "number" && !Number.isNaN(value)) {
    return { ...predicate, range: [value as number, value as number] };
  }
  if (type.name !== "string") return predicate;
  return { ...predicate, text: { part: value as string, at: "all" } };
}

/** Matches some values, and null if it is among them. */
export function equalToAny(type: ValueType, values: readonly Stored[], nulls: boolean): Predicate {
  if (type.sortable) {
    return among(type, values.map((value) => ({ low: value, high: value })), nulls);
  }
  const keys = new Set(values.map((value) => valueKey(type, value)));
  return { nulls, test: (value) => keys.has(valueKey(type, value)), values };
}

/** What is the same for equal values of a type, and for these only, as a key of a map. */
export function valueKey(type: ValueType, value: Stored | null): unknown {
  return type.sortable || value === null ? equalityKey(value) : jsonKey(value as string);
}

/** The key of the one value that matches; `undefined` if there may be more, or none. */
export function onlyKey(type: ValueType, { nulls, keyRanges, values }: Predicate): unknown {
  const known = type.sortable ? keyRanges : values?.map((value) => ({ low: value, high: value }));
  const [only] = known ?? [];
  if (only === undefined || nulls) return known?.length === 0 && nulls ? null : undefined;
  return known!.length === 1 && isPoint(only) ? valueKey(type, only.low!) : undefined;
}

/** Matches the values that are in one of the spans, however many: no value is compared with each. */
function among(type: ValueType, given: readonly KeyRange[], nulls: boolean): Predicate {
  const keyRanges = disjoint(type, given);
  const [only] = keyRanges;
  if (only !== undefined && keyRanges.length === 1) {
    return { ...(isPoint(only) ? equal(type, only.low!) : ranged(type, only)), nulls };
  }
  if (keyRanges.every(isPoint)) {
    return { nulls, test: valueTester(type, keyRanges.map(({ low }) => low!)), keyRanges };
  }
  return { nulls, test: (value) => overlaps(type, keyRanges, value, value), keyRanges };
}

/** So few values are compared one by one: to hash one takes as long. */
const FEW_VALUES = 4;

/** Tells whether a value is one of these, all of a type that has an order. */
function valueTester(type: ValueType, values: readonly Stored[]): (value: Stored) => boolean {
  if (values.length <= FEW_VALUES) {
    return (value) => values.some((other) => type.equals(value, other));
  }
  const keys = new Set<unknown>(values.map(equalityKey));
  // Most values are their own keys: this is asked of each row.
  if (keys.has(values[0])) return (value) => keys.has(value);
  return (value) => keys.has(equalityKey(value));
}

/** Matches what one of these does, all of which match known values. */
export function union(type: ValueType, predicates: readonly Predicate[]): Predicate {
  const nulls = predicates.some(({ nulls }) => nulls);
  return type.sortable
    ? among(type, predicates.flatMap(({ keyRanges }) => keyRanges!), nulls)
    : equalToAny(type, predicates.flatMap(({ values }) => values!), nulls);
}

/** Whether it is known which values match, without a look at any. */
export function isKnown(type: ValueType, { keyRanges, values }: Predicate): boolean {
  return (type.sortable ? keyRanges : values) !== undefined;
}

/** Matches what the other does not; null counts as a value. */
export function inverse({ nulls, test, keyRanges }: Predicate): Predicate {
  return {
    nulls: !nulls,
    test: (value) => !test(value),
    ...(keyRanges && { keyRanges: gaps(keyRanges) }),
  };
}

/** Whether two conditions are known to be the same. */
export function samePredicate(a: Predicate, b: Predicate): boolean {
  if (a.nulls !== b.nulls) return false;
  if (a.text !== undefined) return a.text.part === b.text?.part && a.text.at === b.text.at;
  return a.range !== undefined && a.range[0] === b.range?.[0] && a.range[1] === b.range[1] &&
    a.nan === b.nan;
}

/** Whether a value is where a span begins, or behind. */
export function reaches(
  type: ValueType,
  { low, lowOpen = false }: KeyRange,
  value: Stored,
): boolean {
  if (low === undefined) return true;
  const order = type.compare(value, low);
  return order > 0 || (order === 0 && !lowOpen);
}

/** Whether a value is behind the end of a span. */
export function exceeds(
  type: ValueType,
  { high, highOpen = false }: KeyRange,
  value: Stored,
): boolean {
  if (high === undefined) return false;
  const order = type.compare(value, high);
  return order > 0 || (order === 0 && highOpen);
}

/** Whether one value is in it, and no other can be. */
function isPoint({ low, high, lowOpen = false, highOpen = false }: KeyRange): boolean {
  return low !== undefined && Object.is(low, high) && !lowOpen && !highOpen;
}

/** Whether nothing is in a span, as its ends are reversed. */
function isEmpty(type: ValueType, keyRange: KeyRange): boolean {
  return keyRange.low !== undefined && (exceeds(type, keyRange, keyRange.low) ||
    (keyRange.high !== undefined && !reaches(type, keyRange, keyRange.high)));
}

/** Which of two spans begins first: below 0 for `a`, above for `b`. */
function compareLow(type: ValueType, a: KeyRange, b: KeyRange): number {
  if (a.low === undefined || b.low === undefined) {
    return Number(a.low !== undefined) - Number(b.low !== undefined);
  }
  return type.compare(a.low, b.low) || Number(a.lowOpen ?? false) - Number(b.lowOpen ?? false);
}

/** The same values in spans that ascend, with a gap between each and the next. */
function disjoint(type: ValueType, keyRanges: readonly KeyRange[]): KeyRange[] {
  const found: KeyRange[] = [];
  const ordered = keyRanges.filter((keyRange) => !isEmpty(type, keyRange));
  ordered.sort((a, b) => compareLow(type, a, b));
  for (const keyRange of ordered) {
    const last = found.at(-1);
    if (last === undefined || isGap(type, last, keyRange)) found.push(keyRange);
    else if (endsLater(type, keyRange, last)) {
      const { low, lowOpen = false } = last;
      const { high, highOpen = false } = keyRange;
      found[found.length - 1] = { low, lowOpen, high, highOpen };
    }
  }
  return found;
}

/** Whether there can be values between the end of one span and the beginning of another. */
function isGap(type: ValueType, { high, highOpen = false }: KeyRange, next: KeyRange): boolean {
  if (high === undefined || next.low === undefined) return false;
  const order = type.compare(high, next.low);
  return order < 0 || (order === 0 && highOpen && next.lowOpen === true);
}

/** Whether one span ends later than another. */
function endsLater(
  type: ValueType,
  { high, highOpen = false }: KeyRange,
  other: KeyRange,
): boolean {
  if (high === undefined || other.high === undefined) return other.high !== undefined;
  const order = type.compare(high, other.high);
  return order > 0 || (order === 0 && other.highOpen === true && !highOpen);
}

/** What is between spans, and before and after all of them. */
function gaps(keyRanges: readonly KeyRange[]): KeyRange[] {
  const found: KeyRange[] = [];
  let from: KeyRange = {};
  for (const { low, high, lowOpen = false, highOpen = false } of keyRanges) {
    if (low !== undefined) found.push({ ...from, high: low, highOpen: !lowOpen });
    if (high === undefined) return found;
    from = { low: high, lowOpen: !highOpen };
  }
  return [...found, from];
}

/** Whether one of the spans of a {@linkcode PredicateFunction} can hold a value between two. */
export function overlaps(
  type: ValueType,
  keyRanges: readonly KeyRange[],
  least: Stored,
  greatest: Stored,
): boolean {
  const first = firstWhere(0, keyRanges.length, (i) => !exceeds(type, keyRanges[i]!, least));
  return first < keyRanges.length && reaches(type, keyRanges[first]!, greatest);
}

/** What two spans have in common. */
function intersection(type: ValueType, a: KeyRange, b: KeyRange): KeyRange {
  const lower = () => {
    if (a.low === undefined || b.low === undefined) return a.low === undefined ? b : a;
    const order = type.compare(a.low, b.low);
    return order > 0 || (order === 0 && a.lowOpen) ? a : b;
  };
  const upper = () => {
    if (a.high === undefined || b.high === undefined) return a.high === undefined ? b : a;
    const order = type.compare(a.high, b.high);
    return order < 0 || (order === 0 && a.highOpen) ? a : b;
  };
  const { low, lowOpen = false } = lower();
  const { high, highOpen = false } = upper();
  return { low, lowOpen, high, highOpen };
}

/** Matches the values that are in all of the spans. */
export function ranged(type: ValueType, ...keyRanges: readonly KeyRange[]): Predicate {
  const keyRange = keyRanges.reduce((a, b) => intersection(type, a, b));
  const predicate = {
    nulls: false,
    test: (value: Stored) => reaches(type, keyRange, value) && !exceeds(type, keyRange, value),
    keyRanges: [keyRange],
  };
  if (type.layout !== "number") return predicate;
  const low = keyRange.low as number | undefined ?? -Infinity;
  const high = keyRange.high as number | undefined ?? Infinity;
  // NaN comes last: an open end takes it in, which no comparison of numbers does.
  if (Number.isNaN(low) || Number.isNaN(high)) return predicate;
  const range = [
    keyRange.lowOpen ? nextFloat(low, 1) : low,
    keyRange.highOpen ? nextFloat(high, -1) : high,
  ] as const;
  return { ...predicate, range, nan: keyRange.high === undefined };
}

const float = new Float64Array(1);
const bits = new BigInt64Array(float.buffer);

/** The next float above (1) or below (-1). */
function nextFloat(value: number, direction: 1 | -1): number {
  if (value === Infinity * direction) return NaN; // nothing is beyond: a bound nothing meets
  if (value === 0) return direction * Number.MIN_VALUE;
  float[0] = value;
  bits[0]! += BigInt(value > 0 ? direction : -direction);
  return float[0];
}

/** What of a condition an index goes by. */
export type KeyRanges = Pick<Predicate, "nulls" | "keyRanges">;
