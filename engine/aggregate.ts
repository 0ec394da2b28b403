/**
 * Figures of the rows that match: sums, averages, extremes, different values, and
 * these by group.
 *
 * A figure takes in rows chunk by chunk. Where there are groups, the rows of a chunk are
 * put in the order of their groups first: then a group is a run of rows, and its figures
 * are made as those of all rows are. Numbers of a run are gathered from their column
 * into one array, whatever form they have there, and no value is boxed.
 *
 * @module
 */

import { describe } from "./check.ts";
import { compareNullable } from "./field_index.ts";
import { type Group, GROUP_ROWS } from "./group.ts";
import { firstRows } from "./index_order.ts";
import { within } from "./matcher.ts";
import { type Column, fieldOf, nameOf, type Query, sortableOf, typeOf } from "./query.ts";
import { valueAt } from "./rows.ts";
import { chunks } from "./scan.ts";
import type { FieldDef } from "./field_def.ts";
import type { TableSchema } from "./schema.ts";
import type { Place, State } from "./state.ts";
import { identityOf, type Stored, type ValueType } from "./values.ts";

/** A figure in the making. */
interface Figure {
  /** Takes in rows of a group. */
  add(group: Group, rows: Uint32Array): void;
  /** Takes in a row that the log holds. */
  addPlace(place: Place): void;
  /** What it came to; RangeError, a fragment, if no number can tell. */
  readonly result: Stored | null;
}

/** Takes in all rows that match. */
function figureOf<F extends Figure>(state: State, query: Query, figure: F): F {
  for (const { group, rows, others } of chunks(state, query)) {
    if (group !== undefined) figure.add(group, rows);
    for (const place of others) figure.addPlace(place);
  }
  return figure;
}

// --------------------------------------------------------------- numbers

const NUMBERS = new Float64Array(GROUP_ROWS);

/** The numbers of rows, null left out; valid until the next call. */
function numbersOf(column: Column, group: Group, rows: Uint32Array): Float64Array {
  if (typeof column !== "string") {
    return NUMBERS.subarray(0, group.column(column).gather(rows, NUMBERS));
  }
  for (let k = 0; k < rows.length; k++) {
    NUMBERS[k] = column === "__id__" ? group.id(rows[k]!) : group.version(rows[k]!);
  }
  return NUMBERS.subarray(0, rows.length);
}

/** A figure of numbers. */
abstract class OfNumbers implements Figure {
  readonly #column: Column;
  /** How many numbers were taken in. */
  protected count = 0;

  constructor(column: Column) {
    this.#column = column;
  }

  protected abstract take(numbers: Float64Array): void;
  abstract readonly result: Stored | null;

  add(group: Group, rows: Uint32Array): void {
    this.addNumbers(numbersOf(this.#column, group, rows));
  }

  addPlace(place: Place): void {
    const value = valueAt(place, this.#column);
    if (value !== null) this.addNumbers(Float64Array.of(value as number));
  }

  protected addNumbers(numbers: Float64Array): void {
    this.count += numbers.length;
    this.take(numbers);
  }
}

/** A sum that knows of how many values it is. */
interface Sum extends Figure {
  readonly result: number | bigint;
  /** The sum by the number of values; null of none. */
  readonly average: number | null;
}

/** An integer is so many times its high half, and its low half. */
const HALF = 2 ** 27;

/** A sum of integers: exact, however large it is on the way. */
class IntegerSum extends OfNumbers implements Sum {
  #small = 0;
  #large = 0n;

  protected override take(numbers: Float64Array): void {
    let sum = 0;
    let size = 0;
    for (let k = 0; k < numbers.length; k++) {
      const number = numbers[k]!;
      sum += number;
      size += Math.abs(number);
    }
    if (Math.abs(this.#small) + size > Number.MAX_SAFE_INTEGER) {
      this.#large += BigInt(this.#small);
      this.#small = 0;
    }
    // Where even the sizes add up to a safe integer, no step was rounded.
    if (size <= Number.MAX_SAFE_INTEGER) this.#small += sum;
    else this.#large += sumOfHalves(numbers);
  }

  /** The sum, rounded if no number holds it. */
  get #rounded(): number {
    return this.#large === 0n ? this.#small : Number(this.#large + BigInt(this.#small));
  }

  get result(): number {
    const sum = this.#rounded;
    if (Number.isSafeInteger(sum)) return sum;
    throw new RangeError(
      `the sum is ${this.#large + BigInt(this.#small)}, an integer is within ±(2^53 - 1): ` +
        `narrow the condition, or keep such numbers in a field of type bigint`,
    );
  }

  get average(): number | null {
    return this.count === 0 ? null : this.#rounded / this.count;
  }
}

/** The sum of integers of a chunk, which has so few rows that those of the halves are exact. */
function sumOfHalves(numbers: Float64Array): bigint {
  let high = 0;
  let low = 0;
  for (let k = 0; k < numbers.length; k++) {
    const half = Math.trunc(numbers[k]! / HALF);
    high += half;
    low += numbers[k]! - half * HALF;
  }
  return BigInt(high) * BigInt(HALF) + BigInt(low);
}

/**
 * A sum of floats by Neumaier: what each step rounds off is added up beside, as in SQLite since
 * 3.43 (`kahanBabuskaStep` in its func.c).
 */
class FloatSum extends OfNumbers implements Sum {
  #sum = 0;
  #rest = 0;

  protected override take(numbers: Float64Array): void {
    let sum = this.#sum;
    let rest = this.#rest;
    for (let k = 0; k < numbers.length; k++) {
      const number = numbers[k]!;
      const next = sum + number;
      // The rounding error of a sum, of two numbers of whichever order (Knuth's TwoSum).
      const taken = next - sum;
      rest += (sum - (next - taken)) + (number - taken);
      sum = next;
    }
    this.#sum = sum;
    this.#rest = rest;
  }

  get result(): number {
    // There is no rounding in an infinity or NaN, and what was made of them is none.
    return Number.isFinite(this.#sum) ? this.#sum + this.#rest : this.#sum;
  }

  get average(): number | null {
    return this.count === 0 ? null : this.result / this.count;
  }
}

class BigintSum implements Sum {
  readonly #field: FieldDef;
  #count = 0;
  result = 0n;

  constructor(field: FieldDef) {
    this.#field = field;
  }

  add(group: Group, rows: Uint32Array): void {
    const column = group.column(this.#field);
    for (const row of rows) this.#take(column.get(row));
  }

  addPlace(place: Place): void {
    this.#take(valueAt(place, this.#field));
  }

  #take(value: Stored | null): void {
    if (value === null) return;
    this.#count++;
    this.result += value as bigint;
  }

  get average(): number | null {
    return this.#count === 0 ? null : Number(this.result) / this.#count;
  }
}

type SumType = new (field: FieldDef) => Sum;

const SUMS: Partial<Record<ValueType["name"], SumType>> = {
  integer: IntegerSum,
  float: FloatSum,
  bigint: BigintSum,
};

/** What adds up the values of a field; TypeError if it has no numbers. */
function sumTypeOf(field: FieldDef): SumType {
  const type = SUMS[field.type];
  if (type !== undefined) return type;
  throw new TypeError(
    `field "${field.name}" is ${field.type}, only integer, float and bigint can be added up`,
  );
}

function sumOf(state: State, query: Query, field: FieldDef): Sum {
  const Sum = sumTypeOf(field);
  return figureOf(state, query, new Sum(field));
}

/** The sum of a field, null left out; 0 of nothing. */
export function sum(state: State, query: Query, field: FieldDef): number | bigint {
  return sumOf(state, query, field).result;
}

/** The average of a field, null left out; null of nothing. */
export function avg(state: State, query: Query, field: FieldDef): number | null {
  return sumOf(state, query, field).average;
}

// --------------------------------------------------------------- extremes

type Which = "min" | "max";

class NumberExtreme extends OfNumbers {
  readonly #column: Column;
  readonly #which: Which;
  /** NaN is the last of all, -Infinity the first. */
  #best: number;

  constructor(column: Column, which: Which) {
    super(column);
    this.#column = column;
    this.#which = which;
    this.#best = which === "min" ? NaN : -Infinity;
  }

  override add(group: Group, rows: Uint32Array): void {
    const bounds = typeof this.#column !== "string" && rows.length === group.rows
      ? group.column(this.#column).bounds
      : undefined;
    if (bounds === undefined) super.add(group, rows);
    else this.addNumbers(Float64Array.from(bounds));
  }

  protected override take(numbers: Float64Array): void {
    let best = this.#best;
    if (this.#which === "min") {
      for (let k = 0; k < numbers.length; k++) {
        const number = numbers[k]!;
        if (number < best || Number.isNaN(best)) best = number;
      }
    } else {
      for (let k = 0; k < numbers.length; k++) {
        const number = numbers[k]!;
        if (number > best || Number.isNaN(number)) best = number;
      }
    }
    this.#best = best;
  }

  get result(): number | null {
    return this.count === 0 ? null : this.#best + 0;
  }
}

class OtherExtreme implements Figure {
  readonly #column: FieldDef;
  readonly #sign: 1 | -1;
  result: Stored | null = null;

  constructor(column: FieldDef, which: Which) {
    this.#column = column;
    this.#sign = which === "min" ? 1 : -1;
  }

  add(group: Group, rows: Uint32Array): void {
    for (const value of group.column(this.#column).values(rows)) this.#take(value);
  }

  addPlace(place: Place): void {
    const value = valueAt(place, this.#column);
    if (value !== null) this.#take(value);
  }

  #take(value: Stored): void {
    const best = this.result;
    if (best === null || this.#column.value.compare(value, best) * this.#sign < 0) {
      this.result = value;
    }
  }
}

function extremeOf(column: Column, which: Which): Figure {
  return typeof column === "string" || column.value.layout === "number"
    ? new NumberExtreme(column, which)
    : new OtherExtreme(column, which);
}

/** The least or the greatest value by the order of the table, null left out; null of nothing. */
export function extreme(state: State, query: Query, column: Column, which: Which): Stored | null {
  const order = [{ column, descending: which === "max" }];
  const first = firstRows(state, query, { order, count: 1, nulls: false });
  if (first !== undefined) {
    const [place] = first.places;
    const value = place === undefined ? null : valueAt(place, column);
    return typeof value === "number" ? value + 0 : value;
  }
  return figureOf(state, query, extremeOf(column, which)).result;
}

// --------------------------------------------------------------- values and groups

const CLASSES = new Uint32Array(GROUP_ROWS);

/** The different values of rows of a group; {@linkcode CLASSES} gets which that of each row is. */
function classify(column: Column, group: Group, rows: Uint32Array): (Stored | null)[] {
  if (typeof column !== "string") return group.column(column).classify(rows, CLASSES);
  for (let k = 0; k < rows.length; k++) CLASSES[k] = k;
  return Array.from(numbersOf(column, group, rows));
}

/** What belongs to each value of a column; equal values are one. */
class ByValue<T> {
  readonly #column: Column;
  readonly #make: () => T;
  readonly #entries = new Map<unknown, { readonly value: Stored | null; readonly of: T }>();

  constructor(column: Column, make: () => T) {
    this.#column = column;
    this.#make = make;
  }

  of(value: Stored | null): T {
    const key = identityOf(value);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      // Of 0 and -0, which are equal, 0 stands for both.
      const first = typeof value === "number" ? value + 0 : value;
      this.#entries.set(key, entry = { value: first, of: this.#make() });
    }
    return entry.of;
  }

  /** In the order of the values, null first. */
  sorted() {
    const type = typeOf(this.#column);
    return [...this.#entries.values()].sort((a, b) => compareNullable(type, a.value, b.value));
  }
}

/** The different values of a column, in order, null first. */
export function distinct(state: State, query: Query, column: Column): (Stored | null)[] {
  const found = new ByValue(column, () => undefined);
  for (const { group, rows, others } of chunks(state, query)) {
    if (group !== undefined) { for (const value of classify(column, group, rows)) found.of(value); }
    for (const place of others) found.of(valueAt(place, column));
  }
  return found.sorted().map(({ value }) => value);
}

const BY_CLASS = new Uint32Array(GROUP_ROWS);

/** The rows of a group by the value of a column. */
function* runsOf(
  column: Column,
  group: Group,
  rows: Uint32Array,
): Generator<[value: Stored | null, rows: Uint32Array]> {
  const values = classify(column, group, rows);
  /** Where the rows of each value end, once all are put there; where the next goes, till then. */
  const ends = new Uint32Array(values.length);
  for (let k = 0; k < rows.length; k++) ends[CLASSES[k]!]!++;
  let start = 0;
  for (let i = 0; i < ends.length; i++) {
    const count = ends[i]!;
    ends[i] = start;
    start += count;
  }
  for (let k = 0; k < rows.length; k++) BY_CLASS[ends[CLASSES[k]!]!++] = rows[k]!;
  for (let i = 0; i < ends.length; i++) {
    yield [values[i]!, BY_CLASS.subarray(i === 0 ? 0 : ends[i - 1]!, ends[i]!)];
  }
}

/** How many rows there are. */
class Count implements Figure {
  result = 0;

  add(_group: Group, rows: Uint32Array): void {
    this.result += rows.length;
  }

  addPlace(): void {
    this.result++;
  }
}

/** The average, made of a sum. */
class Average implements Figure {
  readonly #sum: Sum;

  constructor(sum: Sum) {
    this.#sum = sum;
  }

  add(group: Group, rows: Uint32Array): void {
    this.#sum.add(group, rows);
  }

  addPlace(place: Place): void {
    this.#sum.addPlace(place);
  }

  get result(): number | null {
    return this.#sum.average;
  }
}

/** A figure that a user asked for. */
export interface Aggregate {
  /** Its name in the result. */
  readonly name: string;
  /** The column that it is a value of, if it is one. */
  readonly column?: Column;
  /** Makes one, of nothing so far. */
  make(): Figure;
}

/** Checks what `groupBy` is asked for besides conditions; messages are fragments. */
export function compileAggregates(
  schema: TableSchema,
  key: Column,
  aggregates: unknown,
): Aggregate[] {
  if (typeof aggregates !== "object" || aggregates === null || Array.isArray(aggregates)) {
    throw new TypeError(`${describe(aggregates)}, expected aggregates by name`);
  }
  return Object.entries(aggregates).map(([name, wanted]) =>
    within(`aggregate ${JSON.stringify(name)}`, () => {
      if (name === nameOf(key)) throw new TypeError("it has the name of the field to group by");
      // Rows are known by their `__id__`, and `__proto__` is no property.
      if (name.startsWith("_")) throw new TypeError(`names that begin with "_" are reserved`);
      return { name, ...aggregateOf(schema, wanted) };
    })
  );
}

function aggregateOf(schema: TableSchema, wanted: unknown): Omit<Aggregate, "name"> {
  if (wanted === "count") return { make: () => new Count() };
  const [kind, name] = Array.isArray(wanted) && wanted.length === 2 ? wanted : [wanted];
  if (!["sum", "avg", "min", "max"].includes(kind) || typeof name !== "string") {
    throw new TypeError(
      `${describe(kind)}, expected "count", or sum, avg, min or max of a field: ["avg", "age"]`,
    );
  }
  if (kind === "min" || kind === "max") {
    const column = sortableOf(schema, name);
    return { column, make: () => extremeOf(column, kind) };
  }
  const field = fieldOf(schema, name);
  const Sum = sumTypeOf(field);
  return { make: () => kind === "sum" ? new Sum(field) : new Average(new Sum(field)) };
}

/** Figures of the rows that share a value of a column: its value and they, in its order, null first. */
export function groupBy(
  state: State,
  query: Query,
  key: Column,
  aggregates: readonly Aggregate[],
): Record<string, unknown>[] {
  const groups = new ByValue(key, () => aggregates.map((aggregate) => aggregate.make()));
  for (const { group, rows, others } of chunks(state, query)) {
    if (group !== undefined) {
      for (const [value, run] of runsOf(key, group, rows)) {
        for (const figure of groups.of(value)) figure.add(group, run);
      }
    }
    for (const place of others) {
      for (const figure of groups.of(valueAt(place, key))) figure.addPlace(place);
    }
  }
  const sorted = groups.sorted();
  const rows = sorted.map(({ value }): Record<string, unknown> => ({
    [nameOf(key)]: given(state, key, value),
  }));
  aggregates.forEach(({ name, column }, i) =>
    within(`aggregate "${name}"`, () =>
      sorted.forEach(({ of: figures }, k) => {
        const { result } = figures[i]!;
        rows[k]![name] = column === undefined ? result : given(state, column, result);
      }))
  );
  return rows;
}

/** A value of a column as users get it. */
export function given({ origin }: State, column: Column, value: Stored | null): unknown {
  if (value === null || typeof column === "string") return value;
  return column.target === undefined
    ? column.value.give(value)
    : origin.links.row(column, value as number);
}
