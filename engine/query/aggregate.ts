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

import { describe } from "../system/check.ts";
import type { Group } from "../segment/group.ts";
import { firstRows } from "./index_order.ts";
import { fieldOf, type Query, sortableOf } from "./query.ts";
import { valueAt } from "../snapshot/rows.ts";
import { chunks } from "./scan.ts";
import {
  type Attribute,
  attributeName,
  attributeType,
  type FieldDef,
} from "../schema/field_def.ts";
import type { TableSchema } from "../schema/schema.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import type { RowLocation } from "../snapshot/location.ts";
import { compareNullable, equalityKey, type Stored } from "../schema/values.ts";
import { within } from "../system/errors.ts";
import { GROUP_ROWS } from "../bytes/header.ts";
import { type Figure, figureOf, numbersOf, OfNumbers, type Sum, sumTypeOf } from "./sums.ts";

// --------------------------------------------------------------- numbers

function sumOf(snapshot: Snapshot, query: Query, field: FieldDef): Sum {
  const Sum = sumTypeOf(field);
  return figureOf(snapshot, query, new Sum(field));
}

/** The sum of a field, null left out; 0 of nothing. */
export function sum(snapshot: Snapshot, query: Query, field: FieldDef): number | bigint {
  return sumOf(snapshot, query, field).result;
}

/** The average of a field, null left out; null of nothing. */
export function avg(snapshot: Snapshot, query: Query, field: FieldDef): number | null {
  return sumOf(snapshot, query, field).average;
}

// --------------------------------------------------------------- extremes

type Which = "min" | "max";

class NumberExtreme extends OfNumbers {
  readonly #column: Attribute;
  readonly #which: Which;
  /** NaN is the last of all, -Infinity the first. */
  #best: number;

  constructor(column: Attribute, which: Which) {
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

  addPlace(location: RowLocation): void {
    const value = valueAt(location, this.#column);
    if (value !== null) this.#take(value);
  }

  #take(value: Stored): void {
    const best = this.result;
    if (best === null || this.#column.value.compare(value, best) * this.#sign < 0) {
      this.result = value;
    }
  }
}

function extremeOf(column: Attribute, which: Which): Figure {
  return typeof column === "string" || column.value.layout === "number"
    ? new NumberExtreme(column, which)
    : new OtherExtreme(column, which);
}

/** The least or the greatest value by the order of the table, null left out; null of nothing. */
export function extreme(
  snapshot: Snapshot,
  query: Query,
  column: Attribute,
  which: Which,
): Stored | null {
  const order = [{ column, descending: which === "max" }];
  const first = firstRows(snapshot, query, { order, count: 1, nulls: false });
  if (first !== undefined) {
    const [location] = first.locations;
    const value = location === undefined ? null : valueAt(location, column);
    return typeof value === "number" ? value + 0 : value;
  }
  return figureOf(snapshot, query, extremeOf(column, which)).result;
}

// --------------------------------------------------------------- values and groups

const CLASSES = new Uint32Array(GROUP_ROWS);

/** The different values of rows of a group; {@linkcode CLASSES} gets which that of each row is. */
function classify(column: Attribute, group: Group, rows: Uint32Array): (Stored | null)[] {
  if (typeof column !== "string") return group.column(column).classify(rows, CLASSES);
  for (let k = 0; k < rows.length; k++) CLASSES[k] = k;
  return Array.from(numbersOf(column, group, rows));
}

/** What belongs to each value of a column; equal values are one. */
class ByValue<T> {
  readonly #column: Attribute;
  readonly #make: () => T;
  readonly #entries = new Map<unknown, { readonly value: Stored | null; readonly of: T }>();

  constructor(column: Attribute, make: () => T) {
    this.#column = column;
    this.#make = make;
  }

  of(value: Stored | null): T {
    const key = equalityKey(value);
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
    const type = attributeType(this.#column);
    return [...this.#entries.values()].sort((a, b) => compareNullable(type, a.value, b.value));
  }
}

/** The different values of a column, in order, null first. */
export function distinct(snapshot: Snapshot, query: Query, column: Attribute): (Stored | null)[] {
  const found = new ByValue(column, () => undefined);
  for (const { group, rows, others } of chunks(snapshot, query)) {
    if (group !== undefined) { for (const value of classify(column, group, rows)) found.of(value); }
    for (const location of others) found.of(valueAt(location, column));
  }
  return found.sorted().map(({ value }) => value);
}

const BY_CLASS = new Uint32Array(GROUP_ROWS);

/** The rows of a group by the value of a column. */
function* runsOf(
  column: Attribute,
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

  addPlace(location: RowLocation): void {
    this.#sum.addPlace(location);
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
  readonly column?: Attribute;
  /** Makes one, of nothing so far. */
  make(): Figure;
}

/** Checks what `groupBy` is asked for besides conditions; messages are fragments. */
export function compileAggregates(
  schema: TableSchema,
  key: Attribute,
  aggregates: unknown,
): Aggregate[] {
  if (typeof aggregates !== "object" || aggregates === null || Array.isArray(aggregates)) {
    throw new TypeError(`${describe(aggregates)}, expected aggregates by name`);
  }
  return Object.entries(aggregates).map(([name, wanted]) =>
    within(`aggregate ${JSON.stringify(name)}`, () => {
      if (name === attributeName(key)) {
        throw new TypeError("it has the name of the field to group by");
      }
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
  snapshot: Snapshot,
  query: Query,
  key: Attribute,
  aggregates: readonly Aggregate[],
): Record<string, unknown>[] {
  const groups = new ByValue(key, () => aggregates.map((aggregate) => aggregate.make()));
  for (const { group, rows, others } of chunks(snapshot, query)) {
    if (group !== undefined) {
      for (const [value, run] of runsOf(key, group, rows)) {
        for (const figure of groups.of(value)) figure.add(group, run);
      }
    }
    for (const location of others) {
      for (const figure of groups.of(valueAt(location, key))) figure.addPlace(location);
    }
  }
  const sorted = groups.sorted();
  const rows = sorted.map(({ value }): Record<string, unknown> => ({
    [attributeName(key)]: given(snapshot, key, value),
  }));
  aggregates.forEach(({ name, column }, i) =>
    within(`aggregate "${name}"`, () =>
      sorted.forEach(({ of: figures }, k) => {
        const { result } = figures[i]!;
        rows[k]![name] = column === undefined ? result : given(snapshot, column, result);
      }))
  );
  return rows;
}

/** A value of a column as users get it. */
export function given({ origin }: Snapshot, column: Attribute, value: Stored | null): unknown {
  if (value === null || typeof column === "string") return value;
  return column.target === undefined
    ? column.value.decode(value)
    : origin.links.row(column, value as number);
}
