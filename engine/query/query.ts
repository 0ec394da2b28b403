/**
 * Conditions: what a user asks of rows, checked and turned into questions that
 * columns answer in their encoded form. Messages are fragments.
 *
 * @module
 */

import { describe, isObject, isPlain } from "../system/check.ts";
import {
  type Attribute,
  attributeName,
  attributeType,
  type FieldDef,
} from "../schema/field_def.ts";
import type { TableSchema } from "../schema/schema.ts";
import {
  equal,
  inverse,
  isKnown,
  NULL,
  oneOf,
  onlyKey,
  type Predicate,
  ranged,
  type TextMatch,
  union,
} from "../schema/predicate.ts";
import type { FieldRef } from "../schema/types.ts";
import type { Stored, ValueType } from "../schema/values.ts";
import { within } from "../system/errors.ts";

/** What is asked of rows. */
export type Query =
  /** Every one of these holds; of none: all rows. */
  | { readonly kind: "all"; readonly of: readonly Query[] }
  /** One of these holds. */
  | { readonly kind: "any"; readonly of: readonly Query[] }
  /** What holds depends on the value of a column, by its key; for all others nothing does. */
  | {
    readonly kind: "choice";
    readonly column: Attribute;
    readonly byKey: ReadonlyMap<unknown, Query>;
  }
  /** It does not hold. */
  | { readonly kind: "not"; readonly of: Query }
  /** The value of a column matches. */
  | { readonly kind: "match"; readonly column: Attribute; readonly predicate: Predicate }
  /** Two values of a row are related so; null may be among them. */
  | {
    readonly kind: "compare";
    readonly columns: readonly [FieldDef, FieldDef];
    readonly holds: Relation;
  }
  /** A function says so. */
  | { readonly kind: "ask"; readonly predicate: RowFunction };

/** A user's function. */
export type RowFunction = (row: unknown) => unknown;

/** How two values are related. */
export type Relation = (type: ValueType, a: Stored | null, b: Stored | null) => boolean;

/** Matches all rows. */
export const EVERYTHING: Query = { kind: "all", of: [] };

/** A key of the order. */
export interface OrderKey {
  /** The field. */
  readonly column: Attribute;
  /** From the greatest to the least. */
  readonly descending: boolean;
}

/** The column of a name; TypeError if there is none. */
export function attributeOf(schema: TableSchema, name: string): Attribute {
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

/** The column of a name whose values have an order; TypeError if there is none. */
export function sortableOf(schema: TableSchema, name: string): Attribute {
  const column = attributeOf(schema, name);
  if (attributeType(column).sortable) return column;
  throw new TypeError(
    `field "${attributeName(column)}" is ${attributeType(column).name}, it has no order`,
  );
}

/** Checks the terms of an order. */
export function compileOrder(schema: TableSchema, terms: unknown): OrderKey[] {
  if (terms === undefined) return [];
  return within("orderBy", () =>
    (Array.isArray(terms) ? terms : [terms]).map((term) => {
      if (typeof term !== "string") throw new TypeError(`${describe(term)}, expected a field`);
      const column = sortableOf(schema, term.replace(/^[+-]/, ""));
      return { column, descending: term.startsWith("-") };
    }));
}

// --------------------------------------------------------------- rows

/**
 * Checks what a user asks.
 *
 * @throws {TypeError} If a field is unknown, or a value is `undefined` or does not fit.
 * @throws {RangeError} If a value is out of the range of its field.
 */
export function compile(schema: TableSchema, filter: unknown): Query {
  if (filter === undefined) return EVERYTHING;
  if (typeof filter === "function") return { kind: "ask", predicate: filter as RowFunction };
  if (!isPlainObject(filter)) {
    throw new TypeError(`${describe(filter)}, expected conditions by field, or a function`);
  }
  return all(
    Object.entries(filter).map(([name, wanted]) => {
      if (name === "_not") return within(name, () => not(compileGiven(schema, wanted)));
      if (name === "_or") {
        return within(name, () => any(arrayOf(wanted).map((one) => compileGiven(schema, one))));
      }
      const column = attributeOf(schema, name);
      return within(`field "${name}"`, () => ofField(schema, column, wanted));
    }),
  );
}

/** As {@linkcode compile}, where nothing given is a mistake. */
export function compileGiven(schema: TableSchema, filter: unknown): Query {
  if (filter === undefined) throw new TypeError("undefined is no condition");
  return compile(schema, filter);
}

function all(of: readonly Query[]): Query {
  return of.length === 1 ? of[0]! : { kind: "all", of };
}

/** So few branches are asked one by one: each is answered faster than all of them at once. */
const FEW = 8;

type Match = Query & { readonly kind: "match" };

/** What each of some queries asks of one column. */
interface Shared {
  readonly column: Attribute;
  readonly predicates: readonly Predicate[];
}

/**
 * One of these. No row is compared with each of many: branches that ask for values of one column
 * become one, what all ask of a column is asked first, and the value of one tells which can hold.
 */
function any(given: readonly Query[]): Query {
  const branches = given.flatMap((one) => one.kind === "any" ? one.of : [one]);
  const of = branches.length > FEW ? joinedByColumn(branches) : branches;
  if (of.length === 1) return of[0]!;
  if (of.length <= FEW) return { kind: "any", of };
  const shared = sharedBy(of);
  const implied = shared.map(({ column, predicates }) => unionOf(column, predicates));
  return all([...implied, choiceOf(of, shared) ?? { kind: "any", of }]);
}

/** The same queries, those that ask for known values of one column as one. */
function joinedByColumn(of: readonly Query[]): Query[] {
  const isKnownMatch = (query: Query): query is Match =>
    query.kind === "match" && isKnown(attributeType(query.column), query.predicate);
  const known = Map.groupBy(of.filter(isKnownMatch), ({ column }) => column);
  return [
    ...Array.from(
      known,
      ([column, matches]) => unionOf(column, matches.map(({ predicate }) => predicate)),
    ),
    ...of.filter((query) => !isKnownMatch(query)),
  ];
}

/** What a query asks of single columns, where that must hold and which values do is known. */
function knownIn(query: Query): Map<Attribute, Predicate> {
  const known = new Map<Attribute, Predicate>();
  for (const part of query.kind === "all" ? query.of : [query]) {
    if (part.kind !== "match" || !isKnown(attributeType(part.column), part.predicate)) continue;
    known.set(part.column, part.predicate);
  }
  return known;
}

/** The columns that each of some queries asks for known values of. */
function sharedBy(of: readonly Query[]): Shared[] {
  const known = of.map(knownIn);
  return Array.from(known[0]!.keys(), (column) => ({
    column,
    predicates: known.flatMap((one) => one.get(column) ?? []),
  })).filter(({ predicates }) => predicates.length === of.length);
}

/** One of these queries, by the value that each asks of a column that they share. */
function choiceOf(of: readonly Query[], shared: readonly Shared[]): Query | undefined {
  for (const { column, predicates } of shared) {
    const keys = predicates.map((predicate) => onlyKey(attributeType(column), predicate));
    const byKey = Map.groupBy(of, (_, i) => keys[i]);
    if (byKey.has(undefined) || byKey.size === 1) continue;
    const choices = Array.from(byKey, ([key, queries]) => [key, any(queries)] as const);
    return { kind: "choice", column, byKey: new Map(choices) };
  }
  return undefined;
}

/** Matchers of known values of a column as one. */
function unionOf(column: Attribute, predicates: readonly Predicate[]): Match {
  return { kind: "match", column, predicate: union(attributeType(column), predicates) };
}

function not(of: Query): Query {
  return { kind: "not", of };
}

function arrayOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError(`${describe(value)}, expected an array`);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return isObject(value) && isPlain(value);
}

// --------------------------------------------------------------- one field

const RANGED = new Set(["integer", "float", "bigint", "date", "time", "datetime", "timestamp"]);

function ofField(schema: TableSchema, column: Attribute, wanted: unknown): Query {
  const type = attributeType(column);
  const match = (predicate: Predicate): Query => ({ kind: "match", column, predicate });
  if (wanted === undefined) throw new TypeError("undefined is no condition, for null say null");
  if (wanted === null) return match(NULL);
  if (wanted instanceof RegExp) return match(pattern(type, wanted));
  if (wanted instanceof Ref) return comparison(schema, column, "eq", wanted);
  if (Array.isArray(wanted)) {
    if (!RANGED.has(type.name)) {
      throw new TypeError("an array is a range, which this type has not: say between or in");
    }
    return match(between(type, wanted));
  }
  // A row is what a link is compared with.
  const isOperators = isPlainObject(wanted) && !(type.name === "link" && "__id__" in wanted);
  if (!isOperators) return match(equal(type, type.encode(wanted)));
  const entries = Object.entries(wanted);
  if (entries.length === 0) throw new TypeError("no operator in it");
  const predicates: Predicate[] = [];
  const others: Query[] = [];
  for (const [name, value] of entries) {
    within(name, () => {
      if (value === undefined) throw new TypeError("undefined is no value, for null say null");
      if (name === "not") others.push(not(ofField(schema, column, value)));
      else if (name === "or") {
        others.push(any(arrayOf(value).map((one) => ofField(schema, column, one))));
      } else if (value instanceof Ref) others.push(comparison(schema, column, name, value));
      else predicates.push(operatorOf(name)(type, value));
    });
  }
  return all([...joined(type, predicates).map(match), ...others]);
}

/** Ranges of one field as one: so much less to compare, and to look up. */
function joined(type: ValueType, predicates: readonly Predicate[]): Predicate[] {
  const isRange = ({ nulls, keyRanges }: Predicate) => !nulls && keyRanges?.length === 1;
  const ranges = predicates.filter(isRange);
  if (ranges.length < 2) return [...predicates];
  return [
    ranged(type, ...ranges.map(({ keyRanges }) => keyRanges![0]!)),
    ...predicates.filter((predicate) => !isRange(predicate)),
  ];
}

function between(type: ValueType, wanted: unknown): Predicate {
  if (!Array.isArray(wanted) || wanted.length !== 2) {
    throw new TypeError("a range is two values, the least and the greatest");
  }
  const [low, high] = wanted.map((bound) => bounded(type, bound));
  return ranged(type, { low: low!, high: high! });
}

/** A bound of a range. */
function bounded(type: ValueType, value: unknown): Stored {
  if (!type.sortable) throw new TypeError(`${type.name} has no order`);
  if (value === null || value === undefined) {
    throw new TypeError(`${value} is no bound, for an open end say gte or lte`);
  }
  return type.encode(value);
}

function pattern(type: ValueType, wanted: RegExp): Predicate {
  if (type.name !== "string") throw new TypeError(`a pattern is for text, not for ${type.name}`);
  const { source, flags } = wanted;
  // Without g and y, which would go on from where the last match ended.
  const regexp = new RegExp(source, flags.replace(/[gy]/g, ""));
  return { nulls: false, test: (value) => regexp.test(value as string) };
}

const TEXTUAL: Record<Exclude<TextMatch["at"], "all">, (text: string, part: string) => boolean> = {
  start: (text, part) => text.startsWith(part),
  end: (text, part) => text.endsWith(part),
  any: (text, part) => text.includes(part),
};

function textual(type: ValueType, wanted: unknown, at: keyof typeof TEXTUAL): Predicate {
  if (type.name !== "string") throw new TypeError(`it is for text, not for ${type.name}`);
  if (typeof wanted !== "string") throw new TypeError(`${describe(wanted)}, expected a string`);
  const holds = TEXTUAL[at];
  const predicate = { nulls: false, test: (value: Stored) => holds(value as string, wanted) };
  // UTF-8 has no lone surrogates, though a text has them within.
  return wanted.isWellFormed() ? { ...predicate, text: { part: wanted, at } } : predicate;
}

/** The first text, by code point, that is behind all that begin with `prefix`. */
function behind(prefix: string): string | undefined {
  const points = [...prefix];
  while (points.length > 0) {
    const last = points.pop()!.codePointAt(0)!;
    if (last === 0x10ffff) continue;
    // UTF-8 has no surrogates.
    return points.join("") + String.fromCodePoint(last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}

function startsWith(type: ValueType, wanted: unknown): Predicate {
  const predicate = textual(type, wanted, "start");
  const low = wanted as string;
  if (!low.isWellFormed()) return predicate;
  return { ...predicate, keyRanges: [{ low, high: behind(low), highOpen: true }] };
}

function equalOrNull(type: ValueType, wanted: unknown): Predicate {
  return wanted === null ? NULL : equal(type, type.encode(wanted));
}

function oneOfGiven(type: ValueType, wanted: unknown): Predicate {
  const given = arrayOf(wanted);
  const values = given.filter((value) => value !== null).map((value) => type.encode(value));
  return oneOf(type, values, values.length < given.length);
}

const OPERATORS: Record<string, (type: ValueType, wanted: unknown) => Predicate> = {
  eq: equalOrNull,
  ne: (type, wanted) => inverse(equalOrNull(type, wanted)),
  in: oneOfGiven,
  notIn: (type, wanted) => inverse(oneOfGiven(type, wanted)),
  gte: (type, wanted) => ranged(type, { low: bounded(type, wanted) }),
  lte: (type, wanted) => ranged(type, { high: bounded(type, wanted) }),
  gt: (type, wanted) => ranged(type, { low: bounded(type, wanted), lowOpen: true }),
  lt: (type, wanted) => ranged(type, { high: bounded(type, wanted), highOpen: true }),
  between,
  contains: (type, wanted) => textual(type, wanted, "any"),
  startsWith,
  endsWith: (type, wanted) => textual(type, wanted, "end"),
};

function operatorOf(name: string) {
  const operator = Object.hasOwn(OPERATORS, name) ? OPERATORS[name] : undefined;
  if (operator !== undefined) return operator;
  const names = [...Object.keys(OPERATORS), "not", "or"].join(", ");
  throw new TypeError(`there is no operator "${name}", there are ${names}`);
}

// --------------------------------------------------------------- two fields

/** Another field of the same row. A class, so that no value is taken for one. */
class Ref<N extends string> implements FieldRef<N> {
  readonly field: N;
  constructor(field: N) {
    this.field = field;
    Object.freeze(this);
  }
}

/**
 * Another field of the same row, to compare with in a condition.
 *
 * @example Who spent more than there was
 * ```ts
 * import { field, PsBase } from "@psbase/psbase";
 * import { assertEquals } from "@std/assert";
 *
 * using trips = PsBase.createSync(await Deno.makeTempDir(), { budget: "integer", spent: "float" });
 * trips.insertManySync([{ budget: 100, spent: 99.5 }, { budget: 100, spent: 130 }]);
 * assertEquals(trips.count({ spent: { gt: field("budget") } }), 1);
 * ```
 *
 * @typeParam N The name.
 * @param name The name of the field.
 * @returns What stands for its value.
 */
export function field<const N extends string>(name: N): FieldRef<N> {
  return new Ref(name);
}

/** Null is equal to null, and neither more nor less than anything. */
function ordered(holds: (sign: number) => boolean): Relation {
  return (type, a, b) => a !== null && b !== null && holds(type.compare(a, b));
}

const same: Relation = (type, a, b) => a === null || b === null ? a === b : type.equals(a, b);

const RELATIONS: Record<string, Relation> = {
  eq: same,
  ne: (type, a, b) => !same(type, a, b),
  gt: ordered((sign) => sign > 0),
  gte: ordered((sign) => sign >= 0),
  lt: ordered((sign) => sign < 0),
  lte: ordered((sign) => sign <= 0),
};

function comparison(
  schema: TableSchema,
  column: Attribute,
  operator: string,
  ref: Ref<string>,
): Query {
  const holds = Object.hasOwn(RELATIONS, operator) ? RELATIONS[operator] : undefined;
  if (holds === undefined) {
    const names = Object.keys(RELATIONS).join(", ");
    throw new TypeError(`fields are compared by ${names} only`);
  }
  if (typeof column === "string") throw new TypeError("it is compared with values only");
  const other = fieldOf(schema, ref.field);
  const kinds = [column, other].map(({ type, target }) =>
    target !== undefined ? `link to ${target}` : type === "integer" ? "float" : type
  );
  if (kinds[0] !== kinds[1]) {
    throw new TypeError(
      `it is ${column.type}, field "${other.name}" is ${other.type}: these are not compared`,
    );
  }
  if (!column.value.sortable && !(operator === "eq" || operator === "ne")) {
    throw new TypeError(`${column.type} has no order`);
  }
  // Integers know no NaN: the order of floats holds for both.
  const widest = column.type === "integer" ? other : column;
  return {
    kind: "compare",
    columns: [column, other],
    holds: (_, a, b) => holds(widest.value, a, b),
  };
}
