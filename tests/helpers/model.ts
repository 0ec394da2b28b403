/**
 * What a table must do, written a second time: values of every type, their
 * order, and which rows match, over plain arrays of rows.
 *
 * @module
 */
import type { TypeName } from "../../base.ts";
import type { Random } from "./random.ts";

/** A row of the model, id and version included. */
export type ModelRow = Record<string, unknown>;

/** The types of fields; a link is kept as the id of its row. */
export type ModelType = TypeName | "link";

/** The types of the fields of a table. */
export type Types = Readonly<Record<string, ModelType>>;

function typeIn(types: Types, name: string): ModelType {
  return name === "__id__" || name === "__version__" ? "integer" : types[name]!;
}

const SAFE = Number.MAX_SAFE_INTEGER;

/** Values of each type, the odd ones among them. */
export const VALUES: Readonly<Record<TypeName, readonly unknown[]>> = {
  string: [
    "",
    "a",
    "ab",
    "b",
    "\0",
    "a\nb",
    "é",
    "\ue000",
    "\uffff",
    "😀",
    "x".repeat(5000),
    "ho%_",
  ],
  integer: [0, 1, -1, 2, 255, 256, 65_535, 65_536, 2 ** 32, -(2 ** 31), SAFE, -SAFE],
  float: [0, -0, 0.5, -0.5, 1, NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE, 1e300, -7],
  boolean: [true, false],
  bigint: [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, 2n ** 53n + 1n],
  date: ["1970-01-01", "1969-12-31", "2026-07-31", "0001-01-01", "-271821-04-20", "+275760-09-12"]
    .map((text) => Temporal.PlainDate.from(text)),
  time: ["00:00", "23:59:59.999999999", "12:00", "12:00:00.000000001", "00:00:00.001"]
    .map((text) => Temporal.PlainTime.from(text)),
  datetime: ["1970-01-01T00:00", "1969-12-31T23:59:59.999999999", "2026-07-31T12:00:00.000000001"]
    .map((text) => Temporal.PlainDateTime.from(text)),
  timestamp: [0, -1, 1, 1.7e12, 8.64e15, -8.64e15].map((time) => new Date(time)),
  bytes: [[], [0], [0, 0], [1], [255], [1, 2, 3], [127, 128]].map((list) => new Uint8Array(list)),
  json: [true, 0, "", "a", [], [1, null], {}, { a: 1, b: [2] }, { b: [2], a: 1 }, "\0😀", 1.5],
};

/** The operators `gt gte lt lte between`, and `[from, to]`. */
const ORDERED = ["gt", "gte", "lt", "lte"];

/** Types whose values have an order. */
export const SORTABLE = Object.keys(VALUES).filter((type) => type !== "json") as TypeName[];

/** One more value of a type, so that columns of many different ones occur too. */
export function anyValue(random: Random, type: TypeName): unknown {
  if (random.chance(0.5)) return random.pick(VALUES[type]);
  const n = random.below(1000);
  switch (type) {
    case "string":
      return `text ${n}`;
    case "integer":
      return n - 500;
    case "float":
      return n / 8;
    case "boolean":
      return n % 2 === 0;
    case "bigint":
      return BigInt(n) * 10n ** 15n;
    case "date":
      return Temporal.PlainDate.from("2000-01-01").add({ days: n });
    case "time":
      return new Temporal.PlainTime().add({ microseconds: n * 7777 });
    case "datetime":
      return Temporal.PlainDateTime.from("2000-01-01").add({ hours: n });
    case "timestamp":
      return new Date(n * 1e9);
    case "bytes":
      return new Uint8Array([n, n >> 8, 7]);
    case "json":
      return { n, list: [n] };
  }
}

function sortedKeys(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sortedKeys);
  return Object.fromEntries(Object.entries(value).sort().map(([k, v]) => [k, sortedKeys(v)]));
}

const byValue = <T>(a: T, b: T) => a < b ? -1 : a > b ? 1 : 0;
const hex = (bytes: Uint8Array) => bytes.toHex();
const utf8 = (text: unknown) => hex(new TextEncoder().encode(text as string));

const COMPARE: Readonly<Record<ModelType, (a: never, b: never) => number>> = {
  string: (a, b) => byValue(utf8(a), utf8(b)),
  integer: byValue,
  float: (a: number, b: number) =>
    byValue(Number(Number.isNaN(a)), Number(Number.isNaN(b))) || byValue(a, b),
  boolean: byValue,
  bigint: byValue,
  date: (a, b) => Temporal.PlainDate.compare(a, b),
  time: (a, b) => Temporal.PlainTime.compare(a, b),
  datetime: (a, b) => Temporal.PlainDateTime.compare(a, b),
  timestamp: byValue,
  bytes: (a, b) => byValue(hex(a), hex(b)),
  link: byValue,
  // Only for equality.
  json: (a, b) => byValue(JSON.stringify(sortedKeys(a)), JSON.stringify(sortedKeys(b))),
};

/** The order of the table: null first. */
export function compareValues(type: ModelType, a: unknown, b: unknown): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  return COMPARE[type](a as never, b as never);
}

/** What is equal in the sense of the table has the same text. */
export function keyOf(type: ModelType, value: unknown): string {
  if (value === null) return "null";
  if (type === "bytes") return hex(value as Uint8Array);
  if (type === "json") return JSON.stringify(sortedKeys(value));
  return type === "timestamp" ? `${(value as Date).getTime()}` : `${value === 0 ? 0 : value}`;
}

/** A value as `insertAsStrings` takes it. */
export function textOf(type: ModelType, value: unknown): string | null {
  if (value === null) return null;
  if (Object.is(value, -0)) return "-0";
  if (type === "bytes") return btoa(String.fromCharCode(...value as Uint8Array));
  if (type === "json") return JSON.stringify(value);
  return type === "timestamp" ? (value as Date).toISOString() : `${value}`;
}

/** The types that become one another. */
export const CONVERTIBLE = [
  ...["string", "integer", "float", "bigint", "boolean"] as const,
  ...["date", "time", "datetime", "timestamp"] as const,
];

/** What reads a text as a value of each type; what it gives for other texts is of no use. */
const READ: Readonly<Record<typeof CONVERTIBLE[number], (text: string) => unknown>> = {
  string: (text) => text,
  integer: Number,
  float: Number,
  bigint: BigInt,
  boolean: (text) => text === "true",
  date: (text) => Temporal.PlainDate.from(text),
  time: (text) => Temporal.PlainTime.from(text),
  datetime: (text) => Temporal.PlainDateTime.from(text),
  timestamp: (text) => new Date(text),
};

/** The value that has a text as {@linkcode textOf} writes it; `undefined` if there is none. */
export function readAs(type: typeof CONVERTIBLE[number], text: string): unknown {
  // What is odd of an integer is written as another type would not.
  if (type === "integer" || type === "bigint") {
    if (text === "-0") text = "0";
    if (!/^-?\d+$/.test(text)) return undefined;
  }
  try {
    const value = READ[type](text);
    if (type === "integer" && !Number.isSafeInteger(value)) return undefined;
    if (type === "bigint" && BigInt.asIntN(64, value as bigint) !== value) return undefined;
    return textOf(type, value) === text ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A value that no call with another number gives, nor `anyValue`. */
export function freshValue(type: ModelType, n: number): unknown {
  switch (type) {
    case "string":
      return `fresh ${n}`;
    case "integer":
      return 1000 + n;
    case "float":
      return 1000 + n / 4;
    case "bigint":
      return BigInt(n) + 7n;
    case "date":
      return Temporal.PlainDate.from("2100-01-01").add({ days: n });
    case "time":
      return Temporal.PlainTime.from("18:00").add({ nanoseconds: 1 + n });
    case "datetime":
      return Temporal.PlainDateTime.from("2100-01-01").add({ nanoseconds: n });
    case "timestamp":
      return new Date(1.8e12 + n);
    case "bytes":
      return new Uint8Array([7, 7, 7, 7, n, n >> 8]);
  }
  return null;
}

// --------------------------------------------------------------- conditions

/** What the conditions of a filter are asked of. */
export interface Asked {
  /** The types of the fields. */
  readonly types: Types;
  /** The row as users get it, for functions. */
  show(row: ModelRow): ModelRow;
}

/** Whether a row matches a filter, as it is written. */
export function matches(asked: Asked, filter: unknown, row: ModelRow): boolean {
  if (filter === undefined) return true;
  if (typeof filter === "function") return filter(asked.show(row));
  return Object.entries(filter as object).every(([name, wanted]) => {
    if (name === "_not") return !matches(asked, wanted, row);
    if (name === "_and") return (wanted as unknown[]).every((one) => matches(asked, one, row));
    if (name === "_or") return (wanted as unknown[]).some((one) => matches(asked, one, row));
    return holds(asked.types, name, wanted, row);
  });
}

/** The value of a field; of a link the id of the row that it leads to. */
function valueOf(row: ModelRow, name: string): unknown {
  const value = row[name];
  if (typeof value === "object" && value !== null && "__id__" in value) return value.__id__;
  return value;
}

/** The name of the field that `field()` was told. */
function refIn(wanted: unknown): string | undefined {
  const isPlain = typeof wanted !== "object" || wanted === null ||
    Object.getPrototypeOf(wanted) === Object.prototype;
  return isPlain ? undefined : (wanted as { field?: string }).field;
}

/** Whether the condition of one field holds. */
function holds(types: Types, name: string, wanted: unknown, row: ModelRow): boolean {
  const value = valueOf(row, name);
  const type = typeIn(types, name);
  if (wanted === null) return value === null;
  if (wanted instanceof RegExp) {
    const plain = new RegExp(wanted.source, wanted.flags.replace(/[gy]/g, ""));
    return value !== null && plain.test(value as string);
  }
  if (Array.isArray(wanted)) return operator(type, "between", value, wanted);
  const isOperators = typeof wanted === "object" &&
    Object.getPrototypeOf(wanted) === Object.prototype;
  if (!isOperators) return holds(types, name, { eq: wanted }, row);
  return Object.entries(wanted).every(([verb, given]) => {
    if (verb === "not") return !holds(types, name, given, row);
    if (verb === "or") return (given as unknown[]).some((one) => holds(types, name, one, row));
    const ref = refIn(given);
    if (ref === undefined) return operator(type, verb, value, given);
    // Integers and floats are compared as floats are. Null is as great as nothing.
    const other = valueOf(row, ref);
    if (ORDERED.includes(verb) && other === null) return false;
    return operator(type === "integer" ? typeIn(types, ref) : type, verb, value, other);
  });
}

function operator(type: ModelType, verb: string, value: unknown, wanted: unknown): boolean {
  const equals = (one: unknown) => compareValues(type, value, one) === 0;
  const text = value as string;
  const part = wanted as string;
  const list = wanted as unknown[];
  switch (verb) {
    case "eq":
      return equals(wanted);
    case "ne":
      return !equals(wanted);
    case "in":
      return list.some(equals);
    case "notIn":
      return !list.some(equals);
  }
  if (value === null) return false;
  switch (verb) {
    case "gt":
      return compareValues(type, value, wanted) > 0;
    case "gte":
      return compareValues(type, value, wanted) >= 0;
    case "lt":
      return compareValues(type, value, wanted) < 0;
    case "lte":
      return compareValues(type, value, wanted) <= 0;
    case "between":
      return compareValues(type, value, list[0]) >= 0 && compareValues(type, value, list[1]) <= 0;
    case "contains":
      return text.includes(part);
    case "startsWith":
      return text.startsWith(part);
    case "endsWith":
      return text.endsWith(part);
  }
  throw new Error(`no operator ${verb}`);
}

// --------------------------------------------------------------- random conditions

const RANGED: ModelType[] = ["integer", "float", "bigint", "date", "time", "datetime", "timestamp"];
const PATTERNS = [/^a/, /B/i, /t 1/g, /^$/, /😀/u, /a.b/s, /a/y, /[^]{9}/];

/** What random conditions are made of. */
export interface Choices {
  /** The names of the fields that can be asked. */
  readonly names: readonly string[];
  /** Their types, and those of all others. */
  readonly types: Types;
  /** A value for a field, never null. */
  value(name: string): unknown;
  /** What stands for a field in a condition; without it none does. */
  readonly ref?: (name: string) => unknown;
  /** Told of each row that a function is shown. */
  readonly shown?: (row: ModelRow) => void;
}

/** A random condition of a field. */
export function anyWanted(random: Random, choices: Choices, name: string, depth = 0): unknown {
  const type = typeIn(choices.types, name);
  const value = () => choices.value(name);
  const orNull = () => random.chance(0.2) ? null : value();
  const isOrdered = type === "link" || SORTABLE.includes(type);
  const refs = choices.ref === undefined || name.startsWith("_") || type === "link"
    ? []
    : choices.names.filter((other) => comparable(type) === comparable(choices.types[other]!));
  const isBare = random.chance(0.35);
  if (isBare && refs.length > 0 && random.chance(0.2)) return choices.ref!(random.pick(refs));
  if (isBare && type === "json") return random.pick([null, true, 0, "a"]);
  if (isBare && RANGED.includes(type) && random.chance(0.4)) return [value(), value()];
  if (isBare && type === "string" && random.chance(0.4)) return random.pick(PATTERNS);
  if (isBare) return orNull();
  const verbs = ["eq", "ne", "in", "notIn", "not", "or"];
  if (isOrdered) verbs.push(...ORDERED, "between");
  if (type === "string") verbs.push("contains", "startsWith", "endsWith");
  const given = (verb: string) => {
    const inner = () => anyWanted(random, choices, name, depth + 1);
    if (verb === "not") return depth < 2 ? inner() : null;
    if (verb === "or") return depth < 2 ? Array.from({ length: random.below(4) }, inner) : [null];
    if (verb === "in" || verb === "notIn") return Array.from({ length: random.below(4) }, orNull);
    if (verb === "between") return [value(), value()];
    const isRef = verb === "eq" || verb === "ne" || (isOrdered && ORDERED.includes(verb));
    if (isRef && refs.length > 0 && random.chance(0.2)) return choices.ref!(random.pick(refs));
    return verb === "eq" || verb === "ne" ? orNull() : value();
  };
  const chosen = new Set(Array.from({ length: 1 + random.below(2) }, () => random.pick(verbs)));
  return Object.fromEntries(Array.from(chosen, (verb) => [verb, given(verb)]));
}

/** Types whose values are compared with each other. */
function comparable(type: ModelType): string {
  return type === "integer" ? "float" : type;
}

/** A random filter: conditions, conditions of whole rows, functions. */
export function anyFilter(random: Random, choices: Choices, depth = 0): unknown {
  if (depth === 0 && random.chance(0.05)) return random.pick([undefined, {}]);
  if (random.chance(0.15)) {
    const filter = anyFilter(random, choices, 2);
    const asked = { types: choices.types, show: (row: ModelRow) => row };
    return (row: ModelRow) => {
      choices.shown?.(row);
      return matches(asked, filter, row);
    };
  }
  const filter: Record<string, unknown> = {};
  const length = random.pick([0, 1, 1, 1, 2, 3]);
  for (const name of Array.from({ length }, () => random.pick(choices.names))) {
    filter[name] = anyWanted(random, choices, name, depth);
  }
  const inner = () => anyFilter(random, choices, depth + 1);
  if (depth < 2 && random.chance(0.15)) filter._not = inner();
  for (const name of ["_and", "_or"]) {
    if (depth < 2 && random.chance(name === "_or" ? 0.2 : 0.1)) {
      filter[name] = Array.from({ length: random.below(4) }, inner);
    }
  }
  return filter;
}

/** A random condition on a field, and what the model makes of it. */
export function anyCondition(
  random: Random,
  type: TypeName,
): { wanted: unknown; test: (value: unknown) => boolean } {
  const types = { value: type };
  const value = () => anyValue(random, type);
  const wanted = anyWanted(random, { names: ["value"], types, value }, "value");
  return { wanted, test: (value) => holds(types, "value", wanted, { value }) };
}

/** Rows in the order of terms such as `-age`; ties by id. */
export function sortRows(
  rows: readonly ModelRow[],
  terms: readonly string[],
  types: Types,
): ModelRow[] {
  return rows.toSorted((a, b) => {
    for (const term of terms) {
      const name = term.replace(/^[+-]/, "");
      const difference = compareValues(typeIn(types, name), a[name], b[name]);
      if (difference !== 0) return term.startsWith("-") ? -difference : difference;
    }
    return (a.__id__ as number) - (b.__id__ as number);
  });
}
