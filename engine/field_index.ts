/**
 * Indexes: the rows in the order of one field, nulls first, ties by id. Those of
 * a table file are a permutation of its rows, written by cleanup, and found in by
 * bisection; those of the log are kept in memory, once they are asked for.
 *
 * @module
 */

import type { Matcher, Span } from "./matcher.ts";
import type { FieldDef } from "./schema.ts";
import type { Stored, ValueType } from "./values.ts";

/** Compares two values of a column, null before all others. */
export function compareNullable(type: ValueType, a: Stored | null, b: Stored | null): number {
  if (a === null || b === null) return Number(b === null) - Number(a === null);
  return type.compare(a, b);
}

/** The least `i` from `low` to `high` for which `holds`, as it does for all above; else `high`. */
export function firstWhere(low: number, high: number, holds: (i: number) => boolean): number {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Where the values of a span stand among values in order. */
function boundsOf(
  type: ValueType,
  { low, lowOpen = false, high, highOpen = false }: Span,
  from: number,
  to: number,
  value: (position: number) => Stored,
): [from: number, to: number] {
  const first = low === undefined ? from : firstWhere(from, to, (i) => {
    const order = type.compare(value(i), low);
    return order > 0 || (order === 0 && !lowOpen);
  });
  if (high === undefined) return [first, to];
  const beyond = (i: number) => {
    const order = type.compare(value(i), high);
    return order > 0 || (order === 0 && highOpen);
  };
  // Mostly there are few: in steps that double, then bisection.
  let step = 1;
  while (first + step < to && !beyond(first + step)) step *= 2;
  return [first, firstWhere(first + (step >> 1), Math.min(first + step, to), beyond)];
}

// --------------------------------------------------------------- of a table

/** Rows by number, as they stand in a table. */
export interface Rows {
  /** How many. */
  readonly rows: number;
  /** The value of one. */
  value(field: FieldDef, row: number): Stored | null;
}

/** The rows of a table in the order of a field. */
export class TableIndex {
  readonly #table: Rows;
  readonly #field: FieldDef;
  readonly #row: (position: number) => number;
  /** How many rows are null, which come first. */
  readonly #nulls: number;

  /**
   * @param table The rows.
   * @param field The field.
   * @param nulls How many of the values are null.
   * @param row Which row stands at a position.
   */
  constructor(table: Rows, field: FieldDef, nulls: number, row: (position: number) => number) {
    this.#table = table;
    this.#field = field;
    this.#nulls = nulls;
    this.#row = row;
  }

  /** Where the rows stand that match: positions in this order, by ranges. */
  ranges({ nulls, spans }: Matcher): [from: number, to: number][] {
    const { rows } = this.#table;
    const ranges: [number, number][] = nulls ? [[0, this.#nulls]] : [];
    const value = (position: number) => this.#table.value(this.#field, this.#row(position))!;
    for (const span of spans!) {
      ranges.push(boundsOf(this.#field.value, span, this.#nulls, rows, value));
    }
    return ranges.filter(([from, to]) => from < to);
  }

  /** The rows at these positions, ascending, each once. */
  rowsAt(ranges: readonly (readonly [from: number, to: number])[]): Uint32Array {
    const found = new Uint32Array(ranges.reduce((sum, [from, to]) => sum + to - from, 0));
    let n = 0;
    for (const [from, to] of ranges) {
      for (let position = from; position < to; position++) found[n++] = this.#row(position);
    }
    if (n > 1) found.sort();
    // The same value may have been asked for twice.
    return ranges.length < 2 ? found : found.filter((row, i) => i === 0 || row !== found[i - 1]);
  }
}

/** Puts all rows in the order of a field; yields where it can pause. */
export function* sortRows(
  table: Rows,
  field: FieldDef,
  known: Uint32Array,
  others: readonly Uint32Array[],
): Generator<undefined, Uint32Array> {
  const values = (row: number) => table.value(field, row);
  const order = (a: number, b: number) =>
    compareNullable(field.value, values(a), values(b)) || a - b;
  let runs = known.length === 0 ? [] : [known];
  for (const rows of others) {
    if (rows.length === 0) continue;
    runs.push(sortRun(field.value, rows, values));
    yield;
  }
  while (runs.length > 1) {
    // The shortest first: a long one is gone through once.
    runs.sort((a, b) => a.length - b.length);
    const merged: Uint32Array[] = [];
    for (let i = 0; i + 1 < runs.length; i += 2) {
      merged.push(merge(runs[i]!, runs[i + 1]!, order));
      yield;
    }
    runs = runs.length % 2 === 1 ? [...merged, runs.at(-1)!] : merged;
  }
  return runs[0] ?? new Uint32Array();
}

/** Some rows in order. Their values are read once. */
function sortRun(
  type: ValueType,
  rows: Uint32Array,
  value: (row: number) => Stored | null,
): Uint32Array {
  const values = Array.from(rows, value);
  const places = Uint32Array.from(rows.keys());
  places.sort((a, b) => compareNullable(type, values[a]!, values[b]!) || a - b);
  return places.map((place) => rows[place]!);
}

/** Two runs as one; a short one costs little beside a long one. */
function merge(
  short: Uint32Array,
  long: Uint32Array,
  order: (a: number, b: number) => number,
): Uint32Array {
  const merged = new Uint32Array(short.length + long.length);
  let from = 0;
  let n = 0;
  for (const row of short) {
    // Steps that double, then bisection: the next place is mostly near.
    let step = 1;
    while (from + step < long.length && order(long[from + step]!, row) < 0) step *= 2;
    const to = firstWhere(
      Math.min(from + (step >> 1), long.length),
      Math.min(from + step, long.length),
      (i) => order(long[i]!, row) > 0,
    );
    merged.set(long.subarray(from, to), n);
    n += to - from;
    merged[n++] = row;
    from = to;
  }
  merged.set(long.subarray(from), n);
  return merged;
}

// --------------------------------------------------------------- of the log

/** So many entries make a chunk: few enough to be moved by an insertion, many enough to be few. */
const CHUNK = 512;

interface Entry {
  readonly value: Stored;
  readonly id: number;
}

/** Values in order, with the ids of their rows. */
export class MemoryIndex {
  readonly #type: ValueType;
  readonly #nulls = new Set<number>();
  #chunks: Entry[][] = [];

  /** @param field The field whose values they are. */
  constructor({ value }: FieldDef) {
    this.#type = value;
  }

  /** Begins with rows, of any order. */
  fill(rows: Iterable<readonly [id: number, value: Stored | null]>): void {
    const entries: Entry[] = [];
    for (const [id, value] of rows) {
      if (value === null) this.#nulls.add(id);
      else entries.push({ value, id });
    }
    entries.sort((a, b) => this.#compare(a, b));
    for (let i = 0; i < entries.length; i += CHUNK) {
      this.#chunks.push(entries.slice(i, i + CHUNK));
    }
  }

  #compare(a: Entry, b: Entry): number {
    return this.#type.compare(a.value, b.value) || a.id - b.id;
  }

  /** The chunk that an entry is in, or would be, and its place there. */
  #find(entry: Entry): { chunk: number; place: number } {
    const chunks = this.#chunks;
    const last = Math.max(0, chunks.length - 1);
    const chunk = firstWhere(0, last, (i) => this.#compare(chunks[i]!.at(-1)!, entry) >= 0);
    const entries = chunks[chunk] ?? [];
    const place = firstWhere(0, entries.length, (i) => this.#compare(entries[i]!, entry) >= 0);
    return { chunk, place };
  }

  /** Adds a row. */
  add(id: number, value: Stored | null): void {
    if (value === null) {
      this.#nulls.add(id);
      return;
    }
    const entry = { value, id };
    const { chunk, place } = this.#find(entry);
    const entries = this.#chunks[chunk] ??= [];
    entries.splice(place, 0, entry);
    if (entries.length < CHUNK * 2) return;
    this.#chunks.splice(chunk + 1, 0, entries.splice(CHUNK));
  }

  /** Removes a row that was added with this value. */
  remove(id: number, value: Stored | null): void {
    if (value === null) {
      this.#nulls.delete(id);
      return;
    }
    const { chunk, place } = this.#find({ value, id });
    const entries = this.#chunks[chunk]!;
    entries.splice(place, 1);
    if (entries.length === 0) this.#chunks.splice(chunk, 1);
  }

  /** The ids of the rows that match, ascending, each once. */
  ids({ nulls, spans }: Matcher): number[] {
    const found = new Set(nulls ? this.#nulls : []);
    for (const span of spans!) for (const { id } of this.#within(span)) found.add(id);
    return [...found].sort((a, b) => a - b);
  }

  *#within(span: Span): Generator<Entry> {
    const chunks = this.#chunks;
    let chunk = firstWhere(
      0,
      chunks.length,
      (i) => span.low === undefined || this.#type.compare(chunks[i]!.at(-1)!.value, span.low) >= 0,
    );
    for (; chunk < chunks.length; chunk++) {
      const entries = chunks[chunk]!;
      const value = (i: number) => entries[i]!.value;
      const [from, to] = boundsOf(this.#type, span, 0, entries.length, value);
      for (let i = from; i < to; i++) yield entries[i]!;
      if (to < entries.length) return;
    }
  }
}
