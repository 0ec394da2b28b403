/**
 * Conditions: what a user asks of rows, checked and turned into questions that
 * columns answer in their encoded form.
 *
 * @module
 */

import { describe } from "./check.ts";
import type { Matcher } from "./column.ts";
import type { FieldDef, TableSchema } from "./schema.ts";
import { type Stored, VALUE_TYPES, type ValueType } from "./values.ts";

/** A field of a row, or what every row has besides. */
export type Column = FieldDef | "__id__" | "__version__";

/** What is asked of one field. */
export interface Condition {
  /** The field. */
  readonly column: Column;
  /** The question. */
  readonly matcher: Matcher;
}

/** What is asked of rows: all conditions and the predicate must hold. */
export interface Query {
  /** Answered by columns. */
  readonly conditions: readonly Condition[];
  /** Asked of each row that is left. */
  readonly predicate: ((row: unknown) => unknown) | undefined;
}

/** A key of the order. */
export interface OrderKey {
  /** The field. */
  readonly column: Column;
  /** From the greatest to the least. */
  readonly descending: boolean;
}

/** The type of the values of a column. */
export function typeOf(column: Column): ValueType {
  return typeof column === "string" ? VALUE_TYPES.integer : column.value;
}

function nameOf(column: Column): string {
  return typeof column === "string" ? column : column.name;
}

/** The column of a name; TypeError if there is none. */
export function columnOf(schema: TableSchema, name: string): Column {
  if (name === "__id__" || name === "__version__") return name;
  return fieldOf(schema, name);
}

/** The field of a name; TypeError if there is none. */
export function fieldOf(schema: TableSchema, name: string): FieldDef {
  const field = schema.byName.get(name);
  if (field !== undefined) return field;
  const names = schema.fields.map((field) => field.name).join(", ");
  throw new TypeError(`there is no field ${JSON.stringify(name)}, the fields are ${names}`);
}

/**
 * Checks what a user asks.
 *
 * @throws {TypeError} If a field is unknown, or a value is `undefined` or does not fit.
 * @throws {RangeError} If a value is out of the range of its field.
 */
export function compile(schema: TableSchema, filter: unknown): Query {
  if (filter === undefined) return { conditions: [], predicate: undefined };
  if (typeof filter === "function") {
    return { conditions: [], predicate: filter as (row: unknown) => unknown };
  }
  if (!isPlainObject(filter)) {
    throw new TypeError(`${describe(filter)}, expected conditions by field, or a function`);
  }
  const conditions = Object.entries(filter).map(([name, wanted]) => {
    const column = columnOf(schema, name);
    return { column, matcher: matcherOf(column, wanted) };
  });
  return { conditions, predicate: undefined };
}

/** Checks the terms of an order. */
export function compileOrder(schema: TableSchema, terms: unknown): OrderKey[] {
  if (terms === undefined) return [];
  return (Array.isArray(terms) ? terms : [terms]).map((term) => {
    if (typeof term !== "string") {
      throw new TypeError(`orderBy: ${describe(term)}, expected a field`);
    }
    const column = columnOf(schema, term.replace(/^[+-]/, ""));
    if (!typeOf(column).sortable) {
      throw new TypeError(
        `orderBy: field "${nameOf(column)}" is ${typeOf(column).name}, it has no order`,
      );
    }
    return { column, descending: term.startsWith("-") };
  });
}

/** Compares two values of a column, null before all others. */
export function compareNullable(type: ValueType, a: Stored | null, b: Stored | null): number {
  if (a === null || b === null) return Number(b === null) - Number(a === null);
  return type.compare(a, b);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

// --------------------------------------------------------------- one field

function matcherOf(column: Column, wanted: unknown): Matcher {
  const type = typeOf(column);
  try {
    if (wanted === undefined) throw new TypeError("undefined is no condition, for null say null");
    if (wanted === null) return NULL;
    if (wanted instanceof RegExp) return pattern(type, wanted);
    if (Array.isArray(wanted)) {
      if (!RANGED.has(type.name)) {
        throw new TypeError("an array is a range, which this type has not: say between or in");
      }
      return between(type, wanted);
    }
    if (isPlainObject(wanted)) return operators(type, wanted);
    return equal(type, type.take(wanted));
  } catch (error) {
    const told = `field "${nameOf(column)}": ${(error as Error).message}`;
    if (error instanceof TypeError) throw new TypeError(told);
    if (error instanceof RangeError) throw new RangeError(told);
    throw error;
  }
}

const NULL: Matcher = { nulls: true, test: () => false };
const RANGED = new Set(["integer", "float", "bigint", "date", "time", "datetime", "timestamp"]);

function equal(type: ValueType, value: Stored): Matcher {
  const matcher = { nulls: false, test: (other: Stored) => type.equals(value, other) };
  if (type.layout === "number" && !Number.isNaN(value)) {
    return { ...matcher, range: [value as number, value as number] };
  }
  return type.name === "string" ? { ...matcher, text: value as string } : matcher;
}

/** Values from `low` to `high`, both included; one left out: open on that side. */
function ranged(type: ValueType, low: Stored | undefined, high: Stored | undefined): Matcher {
  const test = (value: Stored) =>
    (low === undefined || type.compare(value, low) >= 0) &&
    (high === undefined || type.compare(value, high) <= 0);
  // NaN comes last: an open end takes it in, which no comparison of numbers does.
  const plain = type.layout === "number" && !Number.isNaN(low) && !Number.isNaN(high) &&
    (type.name !== "float" || high !== undefined);
  if (!plain) return { nulls: false, test };
  return {
    nulls: false,
    test,
    range: [low as number | undefined ?? -Infinity, high as number | undefined ?? Infinity],
  };
}

function between(type: ValueType, wanted: unknown): Matcher {
  if (!Array.isArray(wanted) || wanted.length !== 2) {
    throw new TypeError("a range is two values, the least and the greatest");
  }
  const [low, high] = wanted.map((bound) => bounded(type, bound));
  return ranged(type, low, high);
}

/** A bound of a range. */
function bounded(type: ValueType, value: unknown): Stored {
  if (!type.sortable) throw new TypeError(`${type.name} has no order`);
  if (value === null || value === undefined) {
    throw new TypeError(`${value} is no bound, for an open end say gte or lte`);
  }
  return type.take(value);
}

/** Matches what the other does not; null counts as a value. */
function not({ nulls, test }: Matcher): Matcher {
  return { nulls: !nulls, test: (value) => !test(value) };
}

function pattern(type: ValueType, wanted: unknown): Matcher {
  if (type.name !== "string") throw new TypeError(`a pattern is for text, not for ${type.name}`);
  const { source, flags } = wanted as RegExp;
  // Without g and y, which would go on from where the last match ended.
  const regexp = new RegExp(source, flags.replace(/[gy]/g, ""));
  return { nulls: false, test: (value) => regexp.test(value as string) };
}

function textual(type: ValueType, wanted: unknown, holds: (text: string, part: string) => boolean) {
  if (type.name !== "string") throw new TypeError(`it is for text, not for ${type.name}`);
  if (typeof wanted !== "string") throw new TypeError(`${describe(wanted)}, expected a string`);
  return { nulls: false, test: (value: Stored) => holds(value as string, wanted) };
}

function equalOrNull(type: ValueType, wanted: unknown): Matcher {
  return wanted === null ? NULL : equal(type, type.take(wanted));
}

function oneOf(type: ValueType, wanted: unknown): Matcher {
  if (!Array.isArray(wanted)) throw new TypeError(`${describe(wanted)}, expected an array`);
  const values = wanted.filter((value) => value !== null).map((value) => type.take(value));
  const nulls = values.length < wanted.length;
  if (type.layout === "number" || type.name === "string") {
    const set = new Set(values);
    return { nulls, test: (value) => set.has(value) };
  }
  return { nulls, test: (value) => values.some((other) => type.equals(value, other)) };
}

const OPERATORS: Record<string, (type: ValueType, wanted: unknown) => Matcher> = {
  eq: equalOrNull,
  ne: (type, wanted) => not(equalOrNull(type, wanted)),
  in: oneOf,
  notIn: (type, wanted) => not(oneOf(type, wanted)),
  gte: (type, wanted) => ranged(type, bounded(type, wanted), undefined),
  lte: (type, wanted) => ranged(type, undefined, bounded(type, wanted)),
  gt: (type, wanted) => ({ ...not(ranged(type, undefined, bounded(type, wanted))), nulls: false }),
  lt: (type, wanted) => ({ ...not(ranged(type, bounded(type, wanted), undefined)), nulls: false }),
  between,
  contains: (type, wanted) => textual(type, wanted, (text, part) => text.includes(part)),
  startsWith: (type, wanted) => textual(type, wanted, (text, part) => text.startsWith(part)),
  endsWith: (type, wanted) => textual(type, wanted, (text, part) => text.endsWith(part)),
};

function operators(type: ValueType, wanted: Record<string, unknown>): Matcher {
  const matchers = Object.entries(wanted).map(([name, value]) => {
    const make = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined;
    if (make === undefined) {
      throw new TypeError(
        `there is no operator "${name}", there are ${Object.keys(OPERATORS).join(", ")}`,
      );
    }
    try {
      if (value === undefined) throw new TypeError("undefined is no value, for null say null");
      return make(type, value);
    } catch (error) {
      if (error instanceof TypeError) throw new TypeError(`${name}: ${error.message}`);
      if (error instanceof RangeError) throw new RangeError(`${name}: ${error.message}`);
      throw error;
    }
  });
  const [only] = matchers;
  if (only === undefined) throw new TypeError("no operator in it");
  if (matchers.length === 1) return only;
  return {
    nulls: matchers.every((matcher) => matcher.nulls),
    test: (value) => matchers.every((matcher) => matcher.test(value)),
  };
}
