/**
 * Aggregates of the rows that match: sums, averages, extremes, distinct values, and groups.
 *
 * Grouping sorts the rows of each chunk by their group. Then the rows of a group are a run, and its
 * accumulators take in the run as they take in a chunk.
 *
 * @module
 */

import { GROUP_ROWS } from "../bytes/header.ts";
import {
  type Attribute,
  attributeName,
  attributeType,
  type FieldDef,
} from "../schema/field_def.ts";
import type { TableSchema } from "../schema/schema.ts";
import { compareNullable, equalityKey, type Stored, type ValueType } from "../schema/values.ts";
import type { Group } from "../segment/group.ts";
import type { RowLocation } from "../snapshot/location.ts";
import { valueAt } from "../snapshot/rows.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { describe } from "../system/check.ts";
import { inContext } from "../system/errors.ts";
import { accumulate, type Accumulator, NumberAccumulator, numbersOf } from "./accumulator.ts";
import { walkIndex } from "./index_order.ts";
import { plan } from "./plan.ts";
import { fieldOf, type Query, sortableOf } from "./query.ts";
import { chunks } from "./scan.ts";
import { type Sum, sumTypeOf } from "./sums.ts";

// --------------------------------------------------------------- numbers

function sumOf(snapshot: Snapshot, query: Query, field: FieldDef): Sum {
  const Sum = sumTypeOf(field);
  return accumulate(plan(snapshot, query), new Sum(field));
}

/** The sum of a field without nulls; 0 without values. */
export function sum(snapshot: Snapshot, query: Query, field: FieldDef): number | bigint {
  return sumOf(snapshot, query, field).result;
}

/** The average of a field without nulls; null without values. */
export function avg(snapshot: Snapshot, query: Query, field: FieldDef): number | null {
  return sumOf(snapshot, query, field).average;
}

// --------------------------------------------------------------- extremes

type Which = "min" | "max";

class NumberExtreme extends NumberAccumulator {
  readonly #which: Which;
  /** Begins with the value that every other one beats: NaN is the greatest, -Infinity the least. */
  #best: number;

  constructor(attribute: Attribute, which: Which) {
    super(attribute);
    this.#which = which;
    this.#best = which === "min" ? NaN : -Infinity;
  }

  override add(group: Group, rows: Uint32Array): void {
    const { attribute } = this;
    const zoneMap = typeof attribute !== "string" && rows.length === group.rows
      ? group.column(attribute).zoneMap
      : undefined;
    if (zoneMap === undefined) super.add(group, rows);
    else this.addNumbers(Float64Array.from(zoneMap));
  }

  protected override accumulate(numbers: Float64Array): void {
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

class ValueExtreme implements Accumulator {
  readonly #field: FieldDef;
  readonly #sign: 1 | -1;
  result: Stored | null = null;

  constructor(field: FieldDef, which: Which) {
    this.#field = field;
    this.#sign = which === "min" ? 1 : -1;
  }

  add(group: Group, rows: Uint32Array): void {
    for (const value of group.column(this.#field).values(rows)) this.#add(value);
  }

  addRow(location: RowLocation): void {
    const value = valueAt(location, this.#field);
    if (value !== null) this.#add(value);
  }

  #add(value: Stored): void {
    const best = this.result;
    if (best === null || this.#field.value.compare(value, best) * this.#sign < 0) {
      this.result = value;
    }
  }
}

function extremeOf(attribute: Attribute, which: Which): Accumulator {
  return typeof attribute === "string" || attribute.value.layout === "number"
    ? new NumberExtreme(attribute, which)
    : new ValueExtreme(attribute, which);
}

/** The least or the greatest value in the order of its type; null without values. */
export function extreme(
  snapshot: Snapshot,
  query: Query,
  attribute: Attribute,
  which: Which,
): Stored | null {
  const order = [{ attribute, descending: which === "max" }];
  const planned = plan(snapshot, query, { order, count: 1, nulls: false });
  const found = walkIndex(planned);
  if (found === undefined) return accumulate(planned, extremeOf(attribute, which)).result;
  const value = found.length === 0 ? null : valueAt(found[0]!, attribute);
  return typeof value === "number" ? value + 0 : value;
}

// --------------------------------------------------------------- values and groups

const CLASSES = new Uint32Array(GROUP_ROWS);

/** The distinct values of rows; `CLASSES[k]` becomes the index of the value of `rows[k]`. */
function classify(attribute: Attribute, group: Group, rows: Uint32Array): (Stored | null)[] {
  if (typeof attribute !== "string") return group.column(attribute).classify(rows, CLASSES);
  for (let k = 0; k < rows.length; k++) CLASSES[k] = k;
  return Array.from(numbersOf(attribute, group, rows));
}

/** A map by the values of an attribute; equal values are one key. */
class ByValue<T> {
  readonly #type: ValueType;
  readonly #make: () => T;
  readonly #entries = new Map<unknown, { readonly value: Stored | null; readonly of: T }>();

  constructor(attribute: Attribute, make: () => T) {
    this.#type = attributeType(attribute);
    this.#make = make;
  }

  of(value: Stored | null): T {
    const key = equalityKey(value);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      // 0 and -0 are equal: 0 stands for both.
      const first = typeof value === "number" ? value + 0 : value;
      this.#entries.set(key, entry = { value: first, of: this.#make() });
    }
    return entry.of;
  }

  /** In the order of the values, null first. */
  sorted() {
    return [...this.#entries.values()].sort((a, b) =>
      compareNullable(this.#type, a.value, b.value)
    );
  }
}

/** The distinct values of an attribute, in order, null first. */
export function distinct(
  snapshot: Snapshot,
  query: Query,
  attribute: Attribute,
): (Stored | null)[] {
  const found = new ByValue(attribute, () => undefined);
  for (const { group, rows, others } of chunks(plan(snapshot, query))) {
    if (group !== undefined) {
      for (const value of classify(attribute, group, rows)) found.of(value);
    }
    for (const location of others) found.of(valueAt(location, attribute));
  }
  return found.sorted().map(({ value }) => value);
}

const BY_CLASS = new Uint32Array(GROUP_ROWS);

/** Sorts rows of a group into runs of one value each. */
function* runsOf(
  attribute: Attribute,
  group: Group,
  rows: Uint32Array,
): Generator<[value: Stored | null, rows: Uint32Array]> {
  const values = classify(attribute, group, rows);
  // A counting sort: the number of rows of each value, then where its next row goes. After the last
  // row, that is the end of its run.
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

class Count implements Accumulator {
  result = 0;

  add(_group: Group, rows: Uint32Array): void {
    this.result += rows.length;
  }

  addRow(): void {
    this.result++;
  }
}

class Average implements Accumulator {
  readonly #sum: Sum;

  constructor(sum: Sum) {
    this.#sum = sum;
  }

  add(group: Group, rows: Uint32Array): void {
    this.#sum.add(group, rows);
  }

  addRow(location: RowLocation): void {
    this.#sum.addRow(location);
  }

  get result(): number | null {
    return this.#sum.average;
  }
}

/** An aggregate of `groupBy`. */
export interface CompiledAggregate {
  /** Its name in the result. */
  readonly name: string;
  /** The attribute, if the result is one of its values. */
  readonly attribute?: Attribute;
  /** Makes an accumulator for a group. */
  make(): Accumulator;
}

/** Compiles the aggregates of `groupBy`; messages are fragments. */
export function compileAggregates(
  schema: TableSchema,
  key: Attribute,
  aggregates: unknown,
): CompiledAggregate[] {
  if (typeof aggregates !== "object" || aggregates === null || Array.isArray(aggregates)) {
    throw new TypeError(`${describe(aggregates)}, expected aggregates by name`);
  }
  return Object.entries(aggregates).map(([name, wanted]) =>
    inContext(`aggregate ${JSON.stringify(name)}`, () => {
      if (name === attributeName(key)) {
        throw new TypeError("it has the name of the field to group by");
      }
      // An `__id__` would make a row of the group, and assigning `__proto__` sets no property.
      if (name.startsWith("_")) throw new TypeError(`names that begin with "_" are reserved`);
      return { name, ...aggregateOf(schema, wanted) };
    })
  );
}

function aggregateOf(schema: TableSchema, wanted: unknown): Omit<CompiledAggregate, "name"> {
  if (wanted === "count") return { make: () => new Count() };
  const [kind, name] = Array.isArray(wanted) && wanted.length === 2 ? wanted : [wanted];
  if (!["sum", "avg", "min", "max"].includes(kind) || typeof name !== "string") {
    throw new TypeError(
      `${describe(kind)}, expected "count", or sum, avg, min or max of a field: ["avg", "age"]`,
    );
  }
  if (kind === "min" || kind === "max") {
    const attribute = sortableOf(schema, name);
    return { attribute, make: () => extremeOf(attribute, kind) };
  }
  const field = fieldOf(schema, name);
  const Sum = sumTypeOf(field);
  return { make: () => kind === "sum" ? new Sum(field) : new Average(new Sum(field)) };
}

/** The aggregates of the rows of each value, in the order of the values, null first. */
export function groupBy(
  snapshot: Snapshot,
  query: Query,
  key: Attribute,
  aggregates: readonly CompiledAggregate[],
): Record<string, unknown>[] {
  const groups = new ByValue(key, () => aggregates.map((aggregate) => aggregate.make()));
  for (const { group, rows, others } of chunks(plan(snapshot, query))) {
    if (group !== undefined) {
      for (const [value, run] of runsOf(key, group, rows)) {
        for (const accumulator of groups.of(value)) accumulator.add(group, run);
      }
    }
    for (const location of others) {
      for (const accumulator of groups.of(valueAt(location, key))) accumulator.addRow(location);
    }
  }
  const sorted = groups.sorted();
  const rows = sorted.map(({ value }): Record<string, unknown> => ({
    [attributeName(key)]: decodeAttribute(snapshot, key, value),
  }));
  aggregates.forEach(({ name, attribute }, i) =>
    inContext(`aggregate "${name}"`, () =>
      sorted.forEach(({ of: accumulators }, k) => {
        const { result } = accumulators[i]!;
        rows[k]![name] = attribute === undefined
          ? result
          : decodeAttribute(snapshot, attribute, result);
      }))
  );
  return rows;
}

/** A value of an attribute as users get it: a link becomes the row that it leads to. */
export function decodeAttribute(
  { origin }: Snapshot,
  attribute: Attribute,
  value: Stored | null,
): unknown {
  if (value === null || typeof attribute === "string") return value;
  return attribute.target === undefined
    ? attribute.value.decode(value)
    : origin.links.row(attribute, value as number);
}
