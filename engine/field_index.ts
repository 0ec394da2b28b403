/**
 * Indexes: the rows in the order of one field, nulls first, ties by id. Those of
 * a table file are a permutation of its rows, written by cleanup, and found in by
 * bisection; those of the log are kept in memory, once they are asked for.
 *
 * @module
 */

import { firstWhere } from "./bisect.ts";
import { cutting } from "./bytes.ts";
import { exceeds, type Matcher, reaches, type Span } from "./matcher.ts";
import type { FieldDef } from "./field_def.ts";
import type { Stored, ValueType } from "./values.ts";

/** Compares two values of a column, null before all others. */
export function compareNullable(type: ValueType, a: Stored | null, b: Stored | null): number {
  if (a === null || b === null) return Number(b === null) - Number(a === null);
  return type.compare(a, b);
}

// --------------------------------------------------------------- of a table

/** Rows by number, as they stand in a table. */
export interface Rows {
  /** How many. */
  readonly rows: number;
  /** The value of one. */
  value(field: FieldDef, row: number): Stored | null;
  /** As {@linkcode Column.compare}, for the value of one. */
  compare(field: FieldDef, row: number, value: Stored): number | undefined;
}

/**
 * Every so many positions, an index keeps the value: bisection begins where all is close together.
 * Each step behind waits for memory, mostly; so many values are some hundredths of their columns.
 */
export const FENCE_STEP = 16;

/** So many positions are looked at one by one for the end of a range. */
const FEW = 4;

/** And so many for its rows. */
const FEW_ROWS = 16;

/** What of a condition an index goes by. */
export type Spans = Pick<Matcher, "nulls" | "spans">;

/** Positions next to each other whose values are equal. */
export interface Run {
  /** The value. */
  readonly value: Stored | null;
  /** The first position. */
  readonly from: number;
  /** That behind the last one. */
  readonly to: number;
}

/** All rows in some order, nulls first. */
export interface Order {
  /** How many of the values are null. */
  readonly nulls: number;
  /** Which row stands at a position. */
  row(position: number): number;
  /** Which rows stand at the positions from `from` to `to`. */
  rows(from: number, to: number): ArrayLike<number>;
  /** As {@linkcode Column.compare}, for the `i`th position that is a multiple of {@linkcode FENCE_STEP}. */
  compareFence(i: number, value: Stored): number | undefined;
  /** Throws the `CorruptionError` of a position. */
  fail(position: number): never;
}

/** What an order is at least, past a value: 1 for what is greater, 0 if also what is equal is past it. */
function leastPast(equal: boolean): number {
  return equal ? 0 : 1;
}

/** The rows of a table in the order of a field. */
export class TableIndex {
  readonly #table: Rows;
  readonly #field: FieldDef;
  readonly #order: Order;

  constructor(table: Rows, field: FieldDef, order: Order) {
    this.#table = table;
    this.#field = field;
    this.#order = order;
  }

  /** Where the rows stand that match: positions in this order, by ranges. */
  ranges({ nulls, spans }: Spans): [from: number, to: number][] {
    const ranges: [number, number][] = nulls ? [[0, this.#order.nulls]] : [];
    for (const span of spans!) ranges.push(this.#rangeOf(span));
    return ranges.filter(([from, to]) => from < to);
  }

  #rangeOf({ low, high, lowOpen = false, highOpen = false }: Span): [from: number, to: number] {
    const { rows } = this.#table;
    const from = low === undefined ? this.#order.nulls : this.#first(low, !lowOpen);
    if (high === undefined) return [from, rows];
    // Mostly there are few, then many.
    for (let to = from; to < from + FEW; to++) {
      if (to === rows || this.#compare(to, high) >= leastPast(highOpen)) return [from, to];
    }
    return [from, Math.max(from, this.#first(high, highOpen))];
  }

  /** How the value at a position behind the nulls compares with another. */
  #compare(position: number, value: Stored): number {
    return this.#table.compare(this.#field, this.#order.row(position), value) ??
      this.#order.fail(position);
  }

  /** The value at a position behind the nulls. */
  #value(position: number): Stored {
    return this.#table.value(this.#field, this.#order.row(position)) ??
      this.#order.fail(position);
  }

  /** The first position behind the nulls whose value is greater than another, or also `equal` to it. */
  #first(value: Stored, equal: boolean): number {
    const { rows } = this.#table;
    const least = leastPast(equal);
    const fence = firstWhere(0, Math.ceil(rows / FENCE_STEP), (i) => {
      const order = this.#order.compareFence(i, value);
      return order !== undefined && order >= least;
    });
    const low = Math.max(this.#order.nulls, (fence - 1) * FENCE_STEP + 1);
    const high = Math.max(low, Math.min(rows, fence * FENCE_STEP));
    return firstWhere(low, high, (position) => this.#compare(position, value) >= least);
  }

  /** Positions of equal values, in the order of these or against it, where spans are in order. */
  *runs(condition: Spans, descending: boolean): Generator<Run> {
    const ranges = this.ranges(condition);
    for (let [from, to] of descending ? ranges.reverse() : ranges) {
      while (from < to) {
        const run = this.#runAt(descending ? to - 1 : from);
        // In an index that is none it may lie elsewhere, or be empty: then this would never end.
        const isNext = run.from < run.to && (descending ? run.to === to : run.from === from);
        if (!isNext) this.#order.fail(run.from);
        yield run;
        if (descending) to = run.from;
        else from = run.to;
      }
    }
  }

  /** All positions of the value that stands at one. */
  #runAt(position: number): Run {
    const { nulls } = this.#order;
    if (position < nulls) return { value: null, from: 0, to: nulls };
    const value = this.#value(position);
    const isOther = (i: number) => this.#compare(i, value) !== 0;
    // Mostly there is no other.
    const isFirst = position === nulls || isOther(position - 1);
    const isLast = position + 1 === this.#table.rows || isOther(position + 1);
    return {
      value,
      from: isFirst ? position : this.#first(value, true),
      to: isLast ? position + 1 : this.#first(value, false),
    };
  }

  /** The rows of a run, ascending. */
  *rowsOf({ from, to }: Run): Generator<number> {
    for (let position = from; position < to; position++) yield this.#order.row(position);
  }

  /** The rows at these positions, ascending, each once. */
  rowsAt(ranges: readonly (readonly [from: number, to: number])[]): Uint32Array {
    const found = newRows(ranges.reduce((sum, [from, to]) => sum + to - from, 0));
    let n = 0;
    for (const [from, to] of ranges) {
      // An array of many costs as much as some looks.
      if (to - from > FEW_ROWS) {
        found.set(this.#order.rows(from, to), n);
        n += to - from;
        continue;
      }
      for (let position = from; position < to; position++) found[n++] = this.#order.row(position);
    }
    return sortedOnce(found, this.#table.rows);
  }
}

const newRows = cutting(Uint32Array);

/** So many times as many rows can be marked in the time that it takes to sort some. */
const MARK = 512;

/** Numbers below `limit`, ascending, each once; changes them. */
export function sortedOnce(numbers: Uint32Array, limit: number): Uint32Array {
  let k = 1;
  while (k < numbers.length && numbers[k - 1]! < numbers[k]!) k++;
  if (k >= numbers.length) return numbers;
  if (limit > numbers.length * MARK) {
    numbers.sort();
    return numbers.filter((number, i) => i === 0 || number !== numbers[i - 1]);
  }
  const marks = new Uint32Array((limit + 31) >>> 5);
  for (let i = 0; i < numbers.length; i++) marks[numbers[i]! >>> 5]! |= 1 << (numbers[i]! & 31);
  let n = 0;
  for (let i = 0; i < marks.length; i++) {
    // The lowest bit first, which is then taken off.
    for (let left = marks[i]!; left !== 0; left &= left - 1) {
      numbers[n++] = i * 32 + 31 - Math.clz32(left & -left);
    }
  }
  return numbers.subarray(0, n);
}

/** Puts all rows in the order of a field; yields where it can pause. */
export function* sortRows(
  table: Rows,
  field: FieldDef,
  known: Uint32Array,
  others: Iterable<Uint32Array>,
): Generator<undefined, Uint32Array> {
  const values = (row: number) => table.value(field, row);
  let runs = known.length === 0 ? [] : [known];
  for (const rows of others) {
    runs.push(sortRun(field.value, rows, values));
    yield;
  }
  while (runs.length > 1) {
    // The shortest first: a long one is gone through once.
    runs.sort((a, b) => a.length - b.length);
    const merged: Uint32Array[] = [];
    for (let i = 0; i + 1 < runs.length; i += 2) {
      merged.push(yield* merge(field.value, runs[i]!, runs[i + 1]!, values));
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

/** So many rows find their places in a step. */
const MERGED = 1024;

/** Two runs as one; a short one costs little beside a long one. */
function* merge(
  type: ValueType,
  short: Uint32Array,
  long: Uint32Array,
  values: (row: number) => Stored | null,
): Generator<undefined, Uint32Array> {
  const merged = new Uint32Array(short.length + long.length);
  let from = 0;
  let n = 0;
  for (let k = 0; k < short.length; k++) {
    const row = short[k]!;
    const value = values(row);
    const isBehind = (i: number) =>
      (compareNullable(type, values(long[i]!), value) || long[i]! - row) > 0;
    // Steps that double, then bisection: the next place is mostly near.
    let step = 1;
    while (from + step < long.length && !isBehind(from + step)) step *= 2;
    const to = firstWhere(
      Math.min(from + (step >> 1), long.length),
      Math.min(from + step, long.length),
      isBehind,
    );
    merged.set(long.subarray(from, to), n);
    n += to - from;
    merged[n++] = row;
    from = to;
    if (k % MERGED === 0) yield;
  }
  merged.set(long.subarray(from), n);
  return merged;
}

// --------------------------------------------------------------- of the log

/** So many entries make a chunk: few enough to be moved at each change, and copied after each clone. */
const CHUNK = 256;

interface Entry {
  readonly value: Stored | null;
  readonly id: number;
}

/** A place among the chunks. */
interface Spot {
  readonly chunk: number;
  readonly place: number;
}

/** Entries next to each other. */
export interface EntryRange {
  /** The first. */
  readonly from: Spot;
  /** What is behind the last one. */
  readonly to: Spot;
  /** How many. */
  readonly count: number;
}

/** Values in order, with the ids of their rows. */
export class MemoryIndex {
  readonly #type: ValueType;
  /** None is empty. */
  readonly #chunks: Entry[][];
  /** The chunks that no clone shares. */
  readonly #own = new Set<readonly Entry[]>();

  private constructor(type: ValueType, chunks: Entry[][]) {
    this.#type = type;
    this.#chunks = chunks;
  }

  /** Of these rows, of any order. */
  static of({ value: type }: FieldDef, entries: Entry[]): MemoryIndex {
    entries.sort((a, b) => compareEntries(type, a, b));
    const chunks: Entry[][] = [];
    for (let i = 0; i < entries.length; i += CHUNK) chunks.push(entries.slice(i, i + CHUNK));
    return new MemoryIndex(type, chunks);
  }

  /** A copy that changes on its own. */
  clone(): MemoryIndex {
    this.#own.clear();
    return new MemoryIndex(this.#type, this.#chunks.slice());
  }

  /** The chunk that an entry is in, or would be, and its place there. */
  #find(entry: Entry): Spot {
    const chunks = this.#chunks;
    const isFrom = (other: Entry) => compareEntries(this.#type, other, entry) >= 0;
    const last = Math.max(0, chunks.length - 1);
    const chunk = firstWhere(0, last, (i) => isFrom(chunks[i]!.at(-1)!));
    const entries = chunks[chunk] ?? [];
    return { chunk, place: firstWhere(0, entries.length, (i) => isFrom(entries[i]!)) };
  }

  /** A chunk, to be changed. */
  #ownChunk(chunk: number): Entry[] {
    let entries = this.#chunks[chunk];
    if (entries === undefined || !this.#own.has(entries)) {
      entries = entries?.slice() ?? [];
      this.#replace(chunk, entries);
    }
    return entries;
  }

  #replace(chunk: number, ...by: Entry[][]): void {
    for (const old of this.#chunks.splice(chunk, 1, ...by)) this.#own.delete(old);
    for (const entries of by) this.#own.add(entries);
  }

  /** Adds a row. */
  add(id: number, value: Stored | null): void {
    const entry = { value, id };
    const { chunk, place } = this.#find(entry);
    const entries = this.#ownChunk(chunk);
    entries.splice(place, 0, entry);
    if (entries.length < CHUNK * 2) return;
    this.#replace(chunk, entries.slice(0, CHUNK), entries.slice(CHUNK));
  }

  /** Removes a row that was added with this value. */
  remove(id: number, value: Stored | null): void {
    const { chunk, place } = this.#find({ value, id });
    const entries = this.#ownChunk(chunk);
    entries.splice(place, 1);
    if (entries.length === 0) this.#replace(chunk);
  }

  /** Where the entries stand that match, by ranges. */
  ranges({ nulls, spans }: Spans): EntryRange[] {
    if (this.#chunks.length === 0) return [];
    const type = this.#type;
    const ranges = nulls ? [this.#range(() => true, (value) => value !== null)] : [];
    for (const span of spans!) {
      ranges.push(this.#range(
        (value) => value !== null && reaches(type, span, value),
        (value) => value !== null && exceeds(type, span, value),
      ));
    }
    return ranges;
  }

  /** From where `begins` holds, as it does for all behind, to where `ends` does. */
  #range(
    begins: (value: Stored | null) => boolean,
    ends: (value: Stored | null) => boolean,
  ): EntryRange {
    const from = this.#bisect(begins);
    const to = this.#bisect(ends);
    // Reversed bounds match nothing.
    let count = to.chunk < from.chunk ? 0 : to.place - from.place;
    for (let chunk = from.chunk; chunk < to.chunk; chunk++) count += this.#chunks[chunk]!.length;
    return { from, to, count: Math.max(0, count) };
  }

  #bisect(holds: (value: Stored | null) => boolean): Spot {
    const chunks = this.#chunks;
    const chunk = firstWhere(0, chunks.length, (i) => holds(chunks[i]!.at(-1)!.value));
    const entries = chunks[chunk] ?? [];
    return { chunk, place: firstWhere(0, entries.length, (i) => holds(entries[i]!.value)) };
  }

  /** The ids of the rows in these ranges, ascending, each once. */
  idsIn(ranges: readonly EntryRange[]): number[] {
    const found: number[] = [];
    for (const range of ranges) for (const { id } of this.#walk(range, false)) found.push(id);
    return found.length < 2 ? found : [...new Set(found)].sort((a, b) => a - b);
  }

  *#walk({ from, to, count }: EntryRange, backwards: boolean): Generator<Entry> {
    let { chunk, place } = backwards ? to : from;
    for (let n = 0; n < count; n++) {
      if (backwards) {
        if (place === 0) place = this.#chunks[--chunk]!.length;
        yield this.#chunks[chunk]![--place]!;
      } else {
        yield this.#chunks[chunk]![place]!;
        if (++place < this.#chunks[chunk]!.length) continue;
        chunk++;
        place = 0;
      }
    }
  }

  /** Ids of rows with equal values, ascending, as {@linkcode TableIndex.runs}. */
  *runs(condition: Spans, descending: boolean): Generator<{ value: Stored | null; ids: number[] }> {
    const ranges = this.ranges(condition);
    let run: { readonly value: Stored | null; readonly ids: number[] } | undefined;
    const ascending = ({ value, ids }: NonNullable<typeof run>) => ({
      value,
      ids: descending ? ids.reverse() : ids,
    });
    for (const range of descending ? ranges.reverse() : ranges) {
      for (const { value, id } of this.#walk(range, descending)) {
        if (run !== undefined && compareNullable(this.#type, value, run.value) === 0) {
          run.ids.push(id);
          continue;
        }
        if (run !== undefined) yield ascending(run);
        run = { value, ids: [id] };
      }
    }
    if (run !== undefined) yield ascending(run);
  }
}

/** By value, null first, then by id. */
function compareEntries(type: ValueType, a: Entry, b: Entry): number {
  return compareNullable(type, a.value, b.value) || a.id - b.id;
}
