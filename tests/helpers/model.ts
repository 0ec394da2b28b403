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

const COMPARE: Readonly<Record<TypeName, (a: never, b: never) => number>> = {
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
  // Only for equality.
  json: (a, b) => byValue(JSON.stringify(sortedKeys(a)), JSON.stringify(sortedKeys(b))),
};

/** The order of the table: null first. */
export function compareValues(type: TypeName, a: unknown, b: unknown): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  return COMPARE[type](a as never, b as never);
}

type Test = (value: unknown) => boolean;

function operator(type: TypeName, name: string, wanted: unknown): Test {
  const compare = (value: unknown) => compareValues(type, value, wanted);
  const ordered = (holds: (difference: number) => boolean): Test => (value) =>
    value !== null && holds(compare(value));
  const textual = (holds: (text: string) => boolean): Test => (value) =>
    value !== null && holds(value as string);
  const list = wanted as unknown[];
  const part = wanted as string;
  switch (name) {
    case "eq":
      return (value) => compare(value) === 0;
    case "ne":
      return (value) => compare(value) !== 0;
    case "in":
      return (value) => list.some((one) => compareValues(type, value, one) === 0);
    case "notIn":
      return (value) => !list.some((one) => compareValues(type, value, one) === 0);
    case "gt":
      return ordered((difference) => difference > 0);
    case "gte":
      return ordered((difference) => difference >= 0);
    case "lt":
      return ordered((difference) => difference < 0);
    case "lte":
      return ordered((difference) => difference <= 0);
    case "between":
      return (value) =>
        value !== null && compareValues(type, value, list[0]) >= 0 &&
        compareValues(type, value, list[1]) <= 0;
    case "contains":
      return textual((text) => text.includes(part));
    case "startsWith":
      return textual((text) => text.startsWith(part));
    case "endsWith":
      return textual((text) => text.endsWith(part));
  }
  throw new Error(`no operator ${name}`);
}

const RANGED: TypeName[] = ["integer", "float", "bigint", "date", "time", "datetime", "timestamp"];

/** A random condition on a field, and what the model makes of it. */
export function anyCondition(random: Random, type: TypeName): { wanted: unknown; test: Test } {
  const value = () => anyValue(random, type);
  const orNull = () => random.chance(0.2) ? null : value();
  const equality = ["eq", "ne", "in", "notIn"];
  const order = SORTABLE.includes(type) ? ["gt", "gte", "lt", "lte", "between"] : [];
  const text = type === "string" ? ["contains", "startsWith", "endsWith"] : [];
  const given = (name: string) => {
    if (name === "eq" || name === "ne") return orNull();
    if (name === "in" || name === "notIn") return Array.from({ length: random.below(4) }, orNull);
    if (name === "between") return [value(), value()];
    return value();
  };
  switch (random.below(RANGED.includes(type) ? 4 : type === "string" ? 5 : 3)) {
    case 0: {
      const wanted = type === "json" ? random.pick([null, true, 0, "a"]) : orNull();
      return { wanted, test: operator(type, "eq", wanted) };
    }
    case 3: {
      if (type === "string") {
        const pattern = random.pick([/^a/, /B/i, /t 1/g, /^$/, /😀/u, /a.b/s, /a/y]);
        const { source, flags } = pattern;
        const plain = new RegExp(source, flags.replace(/[gy]/g, ""));
        return { wanted: pattern, test: (value) => value !== null && plain.test(value as string) };
      }
      const wanted = [value(), value()];
      return { wanted, test: operator(type, "between", wanted) };
    }
    default: {
      const all = [...equality, ...order, ...text];
      const names = new Set(Array.from({ length: 1 + random.below(2) }, () => random.pick(all)));
      const wanted = Object.fromEntries(Array.from(names, (name) => [name, given(name)]));
      const tests = Object.entries(wanted).map(([name, one]) => operator(type, name, one));
      return { wanted, test: (value) => tests.every((test) => test(value)) };
    }
  }
}

/** Rows in the order of terms such as `-age`; ties by id. */
export function sortRows(
  rows: readonly ModelRow[],
  terms: readonly string[],
  types: Readonly<Record<string, TypeName>>,
): ModelRow[] {
  return rows.toSorted((a, b) => {
    for (const term of terms) {
      const name = term.replace(/^[+-]/, "");
      const type = types[name] ?? "integer";
      const difference = compareValues(type, a[name], b[name]);
      if (difference !== 0) return term.startsWith("-") ? -difference : difference;
    }
    return (a.__id__ as number) - (b.__id__ as number);
  });
}
