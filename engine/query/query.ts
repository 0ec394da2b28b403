/**
 * Conditions: checks what users write and compiles it into queries, which columns and indexes
 * answer in encoded form. Error messages are fragments; the verb puts its context before them.
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
  equalToAny,
  inverse,
  isKnown,
  type KeyRange,
  NULL,
  onlyKey,
  type Predicate,
  ranged,
  type TextMatch,
  union,
} from "../schema/predicate.ts";
import type { FieldRef } from "../schema/types.ts";
import type { Stored, ValueType } from "../schema/values.ts";
import { inContext } from "../system/errors.ts";

/** Which rows are wanted. */
export type Query =
  /** All of these hold; of none: every row matches. */
  | { readonly kind: "all"; readonly of: readonly Query[] }
  /** One of these holds; of none: no row matches. */
  | { readonly kind: "any"; readonly of: readonly Query[] }
  /** The query at the key of the row's value holds; without one the row does not match. */
  | {
    readonly kind: "choice";
    readonly attribute: Attribute;
    readonly byKey: ReadonlyMap<unknown, Query>;
  }
  /** This does not hold. */
  | { readonly kind: "not"; readonly of: Query }
  /** The value matches the predicate. */
  | { readonly kind: "match"; readonly attribute: Attribute; readonly predicate: Predicate }
  /** The relation holds between two values of the row. */
  | {
    readonly kind: "compare";
    readonly fields: readonly [FieldDef, FieldDef];
    readonly holds: Relation;
  }
  /** The function returns true. */
  | { readonly kind: "function"; readonly holds: RowFunction };

type Match = Query & { readonly kind: "match" };

/** A predicate function of the user. */
export type RowFunction = (row: unknown) => unknown;

/** Whether two values of a row are related. */
export type Relation = (a: Stored | null, b: Stored | null) => boolean;

/** Matches all rows. */
export const EVERYTHING: Query = { kind: "all", of: [] };

/** A key of an order. */
export interface OrderKey {
  readonly attribute: Attribute;
  /** From the greatest value to the least. */
  readonly descending: boolean;
}

/** The attribute of a name; TypeError if there is none. */
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

/** The attribute of a name whose values have an order; TypeError if there is none. */
export function sortableOf(schema: TableSchema, name: string): Attribute {
  const attribute = attributeOf(schema, name);
  const type = attributeType(attribute);
  if (type.sortable) return attribute;
  throw new TypeError(`field "${attributeName(attribute)}" is ${type.name}, which has no order`);
}

/** Compiles `orderBy`. */
export function compileOrder(schema: TableSchema, terms: unknown): OrderKey[] {
  if (terms === undefined) return [];
  return inContext("orderBy", () =>
    (Array.isArray(terms) ? terms : [terms]).map((term) => {
      if (typeof term !== "string") throw new TypeError(`${describe(term)}, expected a field`);
      const attribute = sortableOf(schema, term.replace(/^[+-]/, ""));
      return { attribute, descending: term.startsWith("-") };
    }));
}

// --------------------------------------------------------------- rows

/**
 * Compiles a filter.
 *
 * @throws {TypeError} If a field is unknown, or a value is `undefined` or does not fit.
 * @throws {RangeError} If a value is out of the range of its field.
 */
export function compile(schema: TableSchema, filter: unknown): Query {
  if (filter === undefined) return EVERYTHING;
  if (typeof filter === "function") return { kind: "function", holds: filter as RowFunction };
  if (!isPlainObject(filter)) {
    throw new TypeError(`${describe(filter)}, expected conditions by field, or a function`);
  }
  return all(Object.keys(filter).map((name) => compilePart(schema, name, filter[name])));
}

const COMBINATIONS: Record<string, (schema: TableSchema, wanted: unknown) => Query> = {
  _and: (schema, wanted) => all(arrayOf(wanted).map((one) => compileGiven(schema, one))),
  _or: (schema, wanted) => any(arrayOf(wanted).map((one) => compileGiven(schema, one))),
  _not: (schema, wanted) => not(compileGiven(schema, wanted)),
};

function compilePart(schema: TableSchema, name: string, wanted: unknown): Query {
  if (Object.hasOwn(COMBINATIONS, name)) {
    return inContext(name, () => COMBINATIONS[name]!(schema, wanted));
  }
  const attribute = attributeOf(schema, name);
  return inContext(`field "${name}"`, () => compileCondition(schema, attribute, wanted));
}

/** As {@linkcode compile}, but `undefined` is a mistake. */
export function compileGiven(schema: TableSchema, filter: unknown): Query {
  if (filter === undefined) throw new TypeError("undefined is no condition");
  return compile(schema, filter);
}

/**
 * All of these. Predicates come first, as columns test them fastest. Ranges of one attribute become
 * one range: less to compare and to look up.
 */
function all(given: readonly Query[]): Query {
  if (given.length === 1) return given[0]!;
  const matches: Match[] = [];
  const others: Query[] = [];
  const ranges = new Map<Attribute, number>();
  for (const one of given.flatMap((one) => one.kind === "all" ? one.of : [one])) {
    if (one.kind !== "match") others.push(one);
    else if (!isRange(one)) matches.push(one);
    else {
      const { attribute } = one;
      const known = ranges.get(attribute);
      if (known === undefined) ranges.set(attribute, matches.push(one) - 1);
      else {
        const both = [matches[known]!, one].map(({ predicate }) => predicate.keyRanges![0]!);
        matches[known] = { ...one, predicate: ranged(attributeType(attribute), ...both) };
      }
    }
  }
  const of = [...matches, ...others];
  return of.length === 1 ? of[0]! : { kind: "all", of };
}

function isRange({ predicate: { nulls, keyRanges } }: Match): boolean {
  return !nulls && keyRanges?.length === 1;
}

/** Up to this many branches are tested one by one, which is fastest. */
const FEW_BRANCHES = 8;

/** The predicates of several queries on one attribute. */
interface SharedAttribute {
  readonly attribute: Attribute;
  readonly predicates: readonly Predicate[];
}

/**
 * One of these. With many branches, no row is tested against each of them: branches on one
 * attribute become one branch, conditions that follow from every branch are tested first, and a
 * value of the row chooses the branches that can hold.
 */
function any(given: readonly Query[]): Query {
  const branches = given.flatMap((one) => one.kind === "any" ? one.of : [one]);
  const of = branches.length > FEW_BRANCHES ? joinByAttribute(branches) : branches;
  if (of.length === 1) return of[0]!;
  if (of.length <= FEW_BRANCHES) return { kind: "any", of };
  const shared = sharedBy(of);
  const implied = shared.map(({ attribute, predicates }) => unionOf(attribute, predicates));
  return all([...implied, choiceOf(of, shared) ?? { kind: "any", of }]);
}

/** Whether the query is a predicate whose matching values are known. */
function isKnownMatch(query: Query): query is Match {
  return query.kind === "match" && isKnown(attributeType(query.attribute), query.predicate);
}

/** Joins the branches that match known values of one attribute. */
function joinByAttribute(of: readonly Query[]): Query[] {
  const known = Map.groupBy(of.filter(isKnownMatch), ({ attribute }) => attribute);
  const unions = Array.from(known, ([attribute, matches]) => {
    return unionOf(attribute, matches.map(({ predicate }) => predicate));
  });
  return [...unions, ...of.filter((query) => !isKnownMatch(query))];
}

/** The attributes whose values every one of the queries restricts to known ones. */
function sharedBy(of: readonly Query[]): SharedAttribute[] {
  const known = of.map((query) => {
    const matches = (query.kind === "all" ? query.of : [query]).filter(isKnownMatch);
    return new Map(matches.map(({ attribute, predicate }) => [attribute, predicate]));
  });
  return Array.from(known[0]!.keys(), (attribute) => ({
    attribute,
    predicates: known.flatMap((one) => one.get(attribute) ?? []),
  })).filter(({ predicates }) => predicates.length === of.length);
}

/** One of the queries, chosen by a value that each of them requires of a shared attribute. */
function choiceOf(of: readonly Query[], shared: readonly SharedAttribute[]): Query | undefined {
  for (const { attribute, predicates } of shared) {
    const keys = predicates.map((predicate) => onlyKey(attributeType(attribute), predicate));
    const byKey = Map.groupBy(of, (_, i) => keys[i]);
    if (byKey.has(undefined) || byKey.size === 1) continue;
    const choices = Array.from(byKey, ([key, queries]) => [key, any(queries)] as const);
    return { kind: "choice", attribute, byKey: new Map(choices) };
  }
  return undefined;
}

/** One of the predicates, all of which match known values. */
function unionOf(attribute: Attribute, predicates: readonly Predicate[]): Match {
  return { kind: "match", attribute, predicate: union(attributeType(attribute), predicates) };
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

function compileCondition(schema: TableSchema, attribute: Attribute, wanted: unknown): Query {
  const type = attributeType(attribute);
  const match = (predicate: Predicate): Query => ({ kind: "match", attribute, predicate });
  if (wanted === undefined) throw new TypeError("undefined is no condition, for null say null");
  if (wanted === null) return match(NULL);
  if (wanted instanceof RegExp) return match(pattern(type, wanted));
  if (wanted instanceof Ref) return comparison(schema, attribute, "eq", wanted);
  if (Array.isArray(wanted)) {
    if (!RANGED.has(type.name)) {
      throw new TypeError(
        `an array is a range, which ${type.name} does not take: use between or in`,
      );
    }
    return match(between(type, wanted));
  }
  // A row is a value: links compare with it.
  const isOperators = isPlainObject(wanted) && !(type.name === "link" && "__id__" in wanted);
  if (!isOperators) return match(equal(type, type.encode(wanted)));
  const range = rangeOf(type, wanted);
  if (range !== undefined) return match(ranged(type, range));
  const entries = Object.entries(wanted);
  if (entries.length === 0) throw new TypeError("an object without an operator");
  return all(entries.map(([name, value]) =>
    inContext(name, () => {
      if (value === undefined) throw new TypeError("undefined is no value, for null say null");
      if (name === "not") return not(compileCondition(schema, attribute, value));
      if (name === "or") {
        return any(arrayOf(value).map((one) => compileCondition(schema, attribute, one)));
      }
      if (value instanceof Ref) return comparison(schema, attribute, name, value);
      return match(operatorOf(name)(type, value));
    })
  ));
}

/** The range of an object of bounds, at most one for each end; `undefined` for other operators. */
function rangeOf(type: ValueType, wanted: Record<string, unknown>): KeyRange | undefined {
  let low: Stored | undefined;
  let high: Stored | undefined;
  let lowOpen = false;
  let highOpen = false;
  for (const name of Object.keys(wanted)) {
    const value = wanted[name];
    if (value === undefined || value instanceof Ref) return undefined;
    const open = name === "gt" || name === "lt";
    if (name === "gte" || name === "gt") {
      if (low !== undefined) return undefined;
      low = inContext(name, () => boundFrom(type, value));
      lowOpen = open;
    } else if (name === "lte" || name === "lt") {
      if (high !== undefined) return undefined;
      high = inContext(name, () => boundFrom(type, value));
      highOpen = open;
    } else return undefined;
  }
  return low === undefined && high === undefined ? undefined : { low, lowOpen, high, highOpen };
}

function between(type: ValueType, wanted: unknown): Predicate {
  if (!Array.isArray(wanted) || wanted.length !== 2) {
    throw new TypeError("a range has two values, the least and the greatest");
  }
  const [low, high] = wanted.map((bound) => boundFrom(type, bound));
  return ranged(type, { low: low!, high: high! });
}

function boundFrom(type: ValueType, value: unknown): Stored {
  if (!type.sortable) throw new TypeError(`${type.name} has no order`);
  if (value === null || value === undefined) {
    throw new TypeError(`${value} is no bound, for an open end use gte or lte`);
  }
  return type.encode(value);
}

function pattern(type: ValueType, wanted: RegExp): Predicate {
  if (type.name !== "string") throw new TypeError(`a pattern is for text, not for ${type.name}`);
  const { source, flags } = wanted;
  // With g or y, a RegExp would go on where its last match ended.
  const regexp = new RegExp(source, flags.replace(/[gy]/g, ""));
  return { nulls: false, test: (value) => regexp.test(value as string) };
}

const TEXTUAL: Record<Exclude<TextMatch["at"], "all">, (text: string, part: string) => boolean> = {
  start: (text, part) => text.startsWith(part),
  end: (text, part) => text.endsWith(part),
  any: (text, part) => text.includes(part),
};

function textual(type: ValueType, wanted: unknown, at: keyof typeof TEXTUAL): Predicate {
  if (type.name !== "string") {
    throw new TypeError(`this operator is for text, not for ${type.name}`);
  }
  if (typeof wanted !== "string") throw new TypeError(`${describe(wanted)}, expected a string`);
  const holds = TEXTUAL[at];
  const predicate = { nulls: false, test: (value: Stored) => holds(value as string, wanted) };
  // A lone surrogate has no UTF-8: columns, which compare bytes, cannot look for it.
  return wanted.isWellFormed() ? { ...predicate, text: { part: wanted, at } } : predicate;
}

/** The first text, by code point, after all texts that begin with `prefix`. */
function afterPrefix(prefix: string): string | undefined {
  const points = [...prefix];
  while (points.length > 0) {
    const last = points.pop()!.codePointAt(0)!;
    if (last === 0x10ffff) continue;
    // Skips the surrogates, which have no UTF-8.
    return points.join("") + String.fromCodePoint(last === 0xd7ff ? 0xe000 : last + 1);
  }
  return undefined;
}

function startsWith(type: ValueType, wanted: unknown): Predicate {
  const predicate = textual(type, wanted, "start");
  const low = wanted as string;
  if (!low.isWellFormed()) return predicate;
  return { ...predicate, keyRanges: [{ low, high: afterPrefix(low), highOpen: true }] };
}

function equalOrNull(type: ValueType, wanted: unknown): Predicate {
  return wanted === null ? NULL : equal(type, type.encode(wanted));
}

function oneOfGiven(type: ValueType, wanted: unknown): Predicate {
  const given = arrayOf(wanted);
  const values = given.filter((value) => value !== null).map((value) => type.encode(value));
  return equalToAny(type, values, values.length < given.length);
}

const OPERATORS: Record<string, (type: ValueType, wanted: unknown) => Predicate> = {
  eq: equalOrNull,
  ne: (type, wanted) => inverse(equalOrNull(type, wanted)),
  in: oneOfGiven,
  notIn: (type, wanted) => inverse(oneOfGiven(type, wanted)),
  gte: (type, wanted) => ranged(type, { low: boundFrom(type, wanted) }),
  lte: (type, wanted) => ranged(type, { high: boundFrom(type, wanted) }),
  gt: (type, wanted) => ranged(type, { low: boundFrom(type, wanted), lowOpen: true }),
  lt: (type, wanted) => ranged(type, { high: boundFrom(type, wanted), highOpen: true }),
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

/** Another field of the same row. It is a class so that no plain value passes for it. */
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
 * @example Trips that cost more than planned
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
 * @returns A reference to the field, which conditions take in place of a value.
 */
export function field<const N extends string>(name: N): FieldRef<N> {
  return new Ref(name);
}

type TypedRelation = (type: ValueType, ...values: Parameters<Relation>) => boolean;

/** A relation in the order of the type. Null is neither less nor greater than anything. */
function ordered(holds: (sign: number) => boolean): TypedRelation {
  return (type, a, b) => a !== null && b !== null && holds(type.compare(a, b));
}

/** Null is equal to null. */
const equalOrBothNull: TypedRelation = (type, a, b) =>
  a === null || b === null ? a === b : type.equals(a, b);

const RELATIONS: Record<string, TypedRelation> = {
  eq: equalOrBothNull,
  ne: (type, a, b) => !equalOrBothNull(type, a, b),
  gt: ordered((sign) => sign > 0),
  gte: ordered((sign) => sign >= 0),
  lt: ordered((sign) => sign < 0),
  lte: ordered((sign) => sign <= 0),
};

function comparison(
  schema: TableSchema,
  attribute: Attribute,
  operator: string,
  ref: Ref<string>,
): Query {
  const holds = Object.hasOwn(RELATIONS, operator) ? RELATIONS[operator] : undefined;
  if (holds === undefined) {
    const names = Object.keys(RELATIONS).join(", ");
    throw new TypeError(`fields compare with each other by ${names} only`);
  }
  if (typeof attribute === "string") throw new TypeError("it compares with values only");
  const other = fieldOf(schema, ref.field);
  const kinds = [attribute, other].map(({ type, target }) =>
    target !== undefined ? `link to ${target}` : type === "integer" ? "float" : type
  );
  if (kinds[0] !== kinds[1]) {
    throw new TypeError(
      `it is ${attribute.type} and field "${other.name}" is ${other.type}: they do not compare`,
    );
  }
  if (!attribute.value.sortable && !(operator === "eq" || operator === "ne")) {
    throw new TypeError(`${attribute.type} has no order`);
  }
  // An integer and a float compare as floats: only floats have NaN.
  const { value: type } = attribute.type === "integer" ? other : attribute;
  return { kind: "compare", fields: [attribute, other], holds: (a, b) => holds(type, a, b) };
}
