/**
 * What a condition asks of the values of one field, in forms that columns and
 * indexes can answer without looking at each value.
 *
 * @module
 */

import type { Stored, ValueType } from "./values.ts";

/** Values next to each other in the order of their type; an end left out is open. */
export interface Span {
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
export interface Matcher {
  /** Whether null matches. */
  readonly nulls: boolean;
  /** Whether a value matches. */
  test(value: Stored): boolean;
  /** If it is there: exactly the values in one of these match. */
  readonly spans?: readonly Span[];
  /** For numbers: exactly those from `range[0]` to `range[1]` match, if it is there. */
  readonly range?: readonly [number, number];
  /** Whether NaN matches as well as what is in `range`. */
  readonly nan?: boolean;
  /** For text: exactly those with this part match, if it is there. */
  readonly text?: TextMatch;
}

/** Matches null. */
export const NULL: Matcher = { nulls: true, test: () => false, spans: [] };

/** Runs `fn`; puts where it is before the message of its error. */
export function within<T>(where: string, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    for (const type of [TypeError, RangeError]) {
      if (error instanceof type) throw new type(`${where}: ${error.message}`);
    }
    throw error;
  }
}

/** Matches one value. */
export function equal(type: ValueType, value: Stored): Matcher {
  const matcher = {
    nulls: false,
    test: (other: Stored) => type.equals(value, other),
    ...(type.sortable && { spans: [{ low: value, high: value }] }),
  };
  if (type.layout === "number" && !Number.isNaN(value)) {
    return { ...matcher, range: [value as number, value as number] };
  }
  if (type.name !== "string") return matcher;
  return { ...matcher, text: { part: value as string, at: "all" } };
}

/** Matches some values, and null if it is among them. */
export function oneOf(type: ValueType, values: readonly Stored[], nulls: boolean): Matcher {
  const [only] = values;
  if (only !== undefined && values.length === 1) return { ...equal(type, only), nulls };
  const spans = type.sortable && { spans: values.map((value) => ({ low: value, high: value })) };
  if (type.layout === "number" || type.name === "string") {
    const set = new Set(values);
    return { nulls, test: (value) => set.has(value), ...spans };
  }
  return { nulls, test: (value) => values.some((other) => type.equals(value, other)), ...spans };
}

/** Whether two conditions are known to be the same. */
export function asksTheSame(a: Matcher, b: Matcher): boolean {
  if (a.nulls !== b.nulls) return false;
  if (a.text !== undefined) return a.text.part === b.text?.part && a.text.at === b.text.at;
  return a.range !== undefined && a.range[0] === b.range?.[0] && a.range[1] === b.range[1] &&
    a.nan === b.nan;
}

/** Whether a value is where a span begins, or behind. */
export function reaches(type: ValueType, { low, lowOpen = false }: Span, value: Stored): boolean {
  if (low === undefined) return true;
  const order = type.compare(value, low);
  return order > 0 || (order === 0 && !lowOpen);
}

/** Whether a value is behind the end of a span. */
export function exceeds(type: ValueType, { high, highOpen = false }: Span, value: Stored): boolean {
  if (high === undefined) return false;
  const order = type.compare(value, high);
  return order > 0 || (order === 0 && highOpen);
}

/** What two spans have in common. */
function intersection(type: ValueType, a: Span, b: Span): Span {
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
export function ranged(type: ValueType, ...spans: readonly Span[]): Matcher {
  const span = spans.reduce((a, b) => intersection(type, a, b));
  const matcher = {
    nulls: false,
    test: (value: Stored) => reaches(type, span, value) && !exceeds(type, span, value),
    spans: [span],
  };
  if (type.layout !== "number") return matcher;
  const low = span.low as number | undefined ?? -Infinity;
  const high = span.high as number | undefined ?? Infinity;
  // NaN comes last: an open end takes it in, which no comparison of numbers does.
  if (Number.isNaN(low) || Number.isNaN(high)) return matcher;
  const range = [
    span.lowOpen ? next(low, 1) : low,
    span.highOpen ? next(high, -1) : high,
  ] as const;
  return { ...matcher, range, nan: span.high === undefined };
}

const float = new Float64Array(1);
const bits = new BigInt64Array(float.buffer);

/** The next float above (1) or below (-1). */
function next(value: number, direction: 1 | -1): number {
  if (value === Infinity * direction) return NaN; // nothing is beyond: a bound nothing meets
  if (value === 0) return direction * Number.MIN_VALUE;
  float[0] = value;
  bits[0]! += BigInt(value > 0 ? direction : -direction);
  return float[0];
}
