/**
 * Compiled predicates: conditions on the values of one field, in forms that columns and indexes can
 * evaluate without looking at each value.
 *
 * @module
 */

import { firstWhere } from "../system/bisect.ts";
import { jsonKey } from "./json.ts";
import { equalityKey, type Stored, type ValueType } from "./values.ts";

/** An interval in the order of a type. Without `low` or `high` it is unbounded on that side. */
export interface KeyRange {
  /** The least value. */
  readonly low?: Stored | undefined;
  /** The greatest value. */
  readonly high?: Stored | undefined;
  /** Whether `low` itself is excluded. */
  readonly lowOpen?: boolean;
  /** Whether `high` itself is excluded. */
  readonly highOpen?: boolean;
}

/** A search for a part of a text. */
export interface TextMatch {
  /** The part, without lone surrogates. */
  readonly part: string;
  /** Where it has to be: the whole text, its start, its end, or anywhere. */
  readonly at: "all" | "start" | "end" | "any";
}

/**
 * A condition on the values of one field. Each optional form, if present, is exact for non-nulls.
 */
export interface Predicate {
  /** Whether null matches. */
  readonly nulls: boolean;
  /** Whether a value matches. */
  test(value: Stored): boolean;
  /** The matching values as ranges: ascending, with a gap between each two. */
  readonly keyRanges?: readonly KeyRange[];
  /** The matching values, for a type without an order. */
  readonly values?: readonly Stored[];
  /** For numbers: the matching values are those from `range[0]` to `range[1]`. */
  readonly range?: readonly [number, number];
  /** Whether NaN matches in addition to `range`. */
  readonly nan?: boolean;
  /** For text: the matching values are those that contain this part. */
  readonly text?: TextMatch;
}

/** The part of a predicate that an index looks up. */
export type KeyRanges = Pick<Predicate, "nulls" | "keyRanges">;

/** Matches null. */
export const NULL: Predicate = { nulls: true, test: () => false, keyRanges: [], values: [] };

/** Matches one value. */
export function equal(type: ValueType, value: Stored): Predicate {
  if (!type.sortable) return equalToAny(type, [value], false);
  const test = (other: Stored) => type.equals(value, other);
  const keyRanges = [{ low: value, high: value }];
  if (type.layout === "number" && !Number.isNaN(value)) {
    return { nulls: false, test, keyRanges, range: [value as number, value as number] };
  }
  if (type.name !== "string") return { nulls: false, test, keyRanges };
  return { nulls: false, test, keyRanges, text: { part: value as string, at: "all" } };
}

/** Matches any of the values, and null if `nulls` says so. */
export function equalToAny(
  type: ValueType,
  values: readonly Stored[],
  nulls: boolean,
): Predicate {
  if (type.sortable) {
    return inAnyRange(type, values.map((value) => ({ low: value, high: value })), nulls);
  }
  const keys = new Set(values.map((value) => valueKey(type, value)));
  return { nulls, test: (value) => keys.has(valueKey(type, value)), values };
}

/** A map key that is the same for two values if and only if they are equal. */
export function valueKey(type: ValueType, value: Stored | null): unknown {
  return type.sortable || value === null ? equalityKey(value) : jsonKey(value as string);
}

/** The map key of the only matching value; `undefined` if none or several may match. */
export function onlyKey(type: ValueType, { nulls, keyRanges, values }: Predicate): unknown {
  const known = type.sortable ? keyRanges : values?.map((value) => ({ low: value, high: value }));
  const [only] = known ?? [];
  if (only === undefined || nulls) return known?.length === 0 && nulls ? null : undefined;
  return known!.length === 1 && isPoint(only) ? valueKey(type, only.low!) : undefined;
}

/** Matches the values in any of the ranges, in a time that hardly depends on their number. */
function inAnyRange(type: ValueType, ranges: readonly KeyRange[], nulls: boolean): Predicate {
  const keyRanges = disjoint(type, ranges);
  const [only] = keyRanges;
  if (only !== undefined && keyRanges.length === 1) {
    return { ...(isPoint(only) ? equal(type, only.low!) : ranged(type, only)), nulls };
  }
  if (keyRanges.every(isPoint)) {
    return { nulls, test: valueTester(type, keyRanges.map(({ low }) => low!)), keyRanges };
  }
  return { nulls, test: (value) => overlaps(type, keyRanges, value, value), keyRanges };
}

/** Up to this many values, comparing with each is as fast as hashing. */
const FEW_VALUES = 4;

/** A test for membership in a list of values, whose type has an order. */
function valueTester(type: ValueType, values: readonly Stored[]): (value: Stored) => boolean {
  if (values.length <= FEW_VALUES) {
    return (value) => values.some((other) => type.equals(value, other));
  }
  const keys = new Set<unknown>(values.map(equalityKey));
  // Most types are their own keys. Skipping the conversion matters: this runs for each row.
  if (keys.has(values[0])) return (value) => keys.has(value);
  return (value) => keys.has(equalityKey(value));
}

/**
 * Matches the values that match any of the predicates, all of which satisfy {@linkcode isKnown}.
 */
export function union(type: ValueType, predicates: readonly Predicate[]): Predicate {
  const nulls = predicates.some(({ nulls }) => nulls);
  return type.sortable
    ? inAnyRange(type, predicates.flatMap(({ keyRanges }) => keyRanges!), nulls)
    : equalToAny(type, predicates.flatMap(({ values }) => values!), nulls);
}

/** Whether the predicate lists its matching values, as ranges or one by one. */
export function isKnown(type: ValueType, { keyRanges, values }: Predicate): boolean {
  return (type.sortable ? keyRanges : values) !== undefined;
}

/** Matches the values that the predicate does not match, null included. */
export function inverse({ nulls, test, keyRanges }: Predicate): Predicate {
  return {
    nulls: !nulls,
    test: (value) => !test(value),
    ...(keyRanges && { keyRanges: gaps(keyRanges) }),
  };
}

/** Whether two predicates certainly match the same values; `false` if that is unknown. */
export function samePredicate(a: Predicate, b: Predicate): boolean {
  if (a.nulls !== b.nulls) return false;
  if (a.text !== undefined) return a.text.part === b.text?.part && a.text.at === b.text.at;
  return a.range !== undefined && a.range[0] === b.range?.[0] && a.range[1] === b.range[1] &&
    a.nan === b.nan;
}

/** Whether a value is at or after the start of a range. */
export function reaches(
  type: ValueType,
  { low, lowOpen = false }: KeyRange,
  value: Stored,
): boolean {
  if (low === undefined) return true;
  const order = type.compare(value, low);
  return order > 0 || (order === 0 && !lowOpen);
}

/** Whether a value is after the end of a range. */
export function exceeds(
  type: ValueType,
  { high, highOpen = false }: KeyRange,
  value: Stored,
): boolean {
  if (high === undefined) return false;
  const order = type.compare(value, high);
  return order > 0 || (order === 0 && highOpen);
}

/** Whether a range holds exactly one value. */
function isPoint({ low, high, lowOpen = false, highOpen = false }: KeyRange): boolean {
  return low !== undefined && Object.is(low, high) && !lowOpen && !highOpen;
}

/** Whether a range holds no value, because its ends are reversed. */
function isEmpty(type: ValueType, { low, high, lowOpen, highOpen }: KeyRange): boolean {
  if (low === undefined || high === undefined) return false;
  const order = type.compare(low, high);
  return order > 0 || (order === 0 && (lowOpen === true || highOpen === true));
}

/** Compares the starts of two ranges: negative if `a` starts first. */
function compareLow(type: ValueType, a: KeyRange, b: KeyRange): number {
  if (a.low === undefined || b.low === undefined) {
    return Number(a.low !== undefined) - Number(b.low !== undefined);
  }
  return type.compare(a.low, b.low) || Number(a.lowOpen ?? false) - Number(b.lowOpen ?? false);
}

/** Compares the ends of two ranges: negative if `a` ends first. */
function compareHigh(type: ValueType, a: KeyRange, b: KeyRange): number {
  if (a.high === undefined || b.high === undefined) {
    return Number(a.high === undefined) - Number(b.high === undefined);
  }
  return type.compare(a.high, b.high) || Number(b.highOpen ?? false) - Number(a.highOpen ?? false);
}

/** The range from the start of one range to the end of another. */
function fromTo({ low, lowOpen = false }: KeyRange, { high, highOpen = false }: KeyRange) {
  return { low, lowOpen, high, highOpen };
}

/** The same values as ascending ranges, with a gap between each two. */
function disjoint(type: ValueType, keyRanges: readonly KeyRange[]): KeyRange[] {
  const merged: KeyRange[] = [];
  const ordered = keyRanges.filter((keyRange) => !isEmpty(type, keyRange));
  ordered.sort((a, b) => compareLow(type, a, b));
  for (const keyRange of ordered) {
    const last = merged.at(-1);
    if (last === undefined || isGap(type, last, keyRange)) merged.push(keyRange);
    else if (compareHigh(type, keyRange, last) > 0) {
      merged[merged.length - 1] = fromTo(last, keyRange);
    }
  }
  return merged;
}

/** Whether values can lie between the end of one range and the start of the next. */
function isGap(type: ValueType, { high, highOpen = false }: KeyRange, next: KeyRange): boolean {
  if (high === undefined || next.low === undefined) return false;
  const order = type.compare(high, next.low);
  return order < 0 || (order === 0 && highOpen && next.lowOpen === true);
}

/** The ranges between ascending ranges, and those before and after them. */
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

/** Whether one of the ascending `keyRanges` can hold a value from `least` to `greatest`. */
export function overlaps(
  type: ValueType,
  keyRanges: readonly KeyRange[],
  least: Stored,
  greatest: Stored,
): boolean {
  const first = firstWhere(0, keyRanges.length, (i) => !exceeds(type, keyRanges[i]!, least));
  return first < keyRanges.length && reaches(type, keyRanges[first]!, greatest);
}

/** Matches the values that are in all of the ranges. */
export function ranged(type: ValueType, ...keyRanges: readonly KeyRange[]): Predicate {
  const keyRange = keyRanges.reduce((a, b) =>
    fromTo(
      compareLow(type, a, b) > 0 ? a : b,
      compareHigh(type, a, b) < 0 ? a : b,
    )
  );
  const test = (value: Stored) => reaches(type, keyRange, value) && !exceeds(type, keyRange, value);
  const keys = [keyRange];
  if (type.layout !== "number") return { nulls: false, test, keyRanges: keys };
  const low = keyRange.low as number | undefined ?? -Infinity;
  const high = keyRange.high as number | undefined ?? Infinity;
  // The order puts NaN last, so an unbounded range includes it. Comparisons of numbers never do.
  if (Number.isNaN(low) || Number.isNaN(high)) return { nulls: false, test, keyRanges: keys };
  const range = [
    keyRange.lowOpen ? nextFloat(low, 1) : low,
    keyRange.highOpen ? nextFloat(high, -1) : high,
  ] as const;
  return { nulls: false, test, keyRanges: keys, range, nan: keyRange.high === undefined };
}

const float = new Float64Array(1);
const bits = new BigInt64Array(float.buffer);

/** The next float above (1) or below (-1). */
function nextFloat(value: number, direction: 1 | -1): number {
  if (value === Infinity * direction) return NaN; // No number is beyond, and nothing matches NaN.
  if (value === 0) return direction * Number.MIN_VALUE;
  float[0] = value;
  bits[0]! += BigInt(value > 0 ? direction : -direction);
  return float[0];
}
