/**
 * Going through the rows of a commit point: which match, in which order, and
 * how they become the objects that users get.
 *
 * @module
 */

import type { Matcher } from "./column.ts";
import type { Group } from "./group.ts";
import {
  type Column,
  compareNullable,
  type Condition,
  type OrderKey,
  type Query,
  typeOf,
} from "./query.ts";
import type { RowList } from "./row_list.ts";
import { type FieldDef, readField, type StoredRow, type TableSchema } from "./schema.ts";
import { type Place, placeOf, type Segment, type State } from "./state.ts";
import type { Stored } from "./values.ts";

function valueAt(place: Place, column: Column): Stored | null {
  if (column === "__id__") return place.id;
  if (column === "__version__") return versionAt(place);
  if (place.row !== undefined) return readField(place.row, column);
  return place.group.column(column).get(place.index);
}

function versionAt(place: Place): number {
  return place.row === undefined ? place.group.version(place.index) : place.row.version;
}

// --------------------------------------------------------------- matching

/** All rows that match, in id order. */
export function* scan(state: State, query: Query): Generator<Place> {
  const holds = query.predicate && asking(state.schema, query.predicate);
  for (const segment of state.segments()) {
    for (const place of scanSegment(segment, query.conditions)) {
      if (holds === undefined || holds(place)) yield place;
    }
  }
}

/** How many rows match. */
export function count(state: State, query: Query): number {
  const { conditions, predicate } = query;
  if (predicate === undefined && conditions.length === 0) return state.size;
  let n = 0;
  if (predicate !== undefined) {
    const rows = scan(state, query);
    while (!rows.next().done) n++;
    return n;
  }
  for (const { group, patch } of state.segments()) {
    if (group !== undefined) n += selectRows(group, patch, conditions).length;
    if (patch !== undefined) {
      for (let i = 0; i < patch.length; i++) {
        if (rowMatches(patch.id(i), patch.row(i), conditions)) n++;
      }
    }
  }
  return n;
}

/** The rows of one segment that match. */
export function* scanSegment(
  { group, patch }: Segment,
  conditions: readonly Condition[],
): Generator<Place> {
  let next = 0;
  if (group !== undefined) {
    for (const index of selectRows(group, patch, conditions)) {
      const id = group.id(index);
      for (; patch !== undefined && next < patch.length && patch.id(next) < id; next++) {
        const row = patch.row(next);
        if (rowMatches(patch.id(next), row, conditions)) yield placeOf(patch.id(next), row);
      }
      yield { id, group, index, row: undefined };
    }
  }
  for (; patch !== undefined && next < patch.length; next++) {
    const row = patch.row(next);
    if (rowMatches(patch.id(next), row, conditions)) yield placeOf(patch.id(next), row);
  }
}

function rowMatches(
  id: number,
  row: StoredRow | null,
  conditions: readonly Condition[],
): row is StoredRow {
  if (row === null) return false;
  const place = placeOf(id, row);
  return conditions.every(({ column, matcher }) => {
    const value = valueAt(place, column);
    return value === null ? matcher.nulls : matcher.test(value);
  });
}

/** The rows of a group that match, but for those that its patch stands for. */
function selectRows(
  group: Group,
  patch: Segment["patch"],
  conditions: readonly Condition[],
): Uint32Array {
  const rows = new Uint32Array(group.rows);
  const [first, ...others] = conditions;
  let n = first === undefined ? fill(rows) : find(group, first, rows);
  for (const condition of others) n = keep(group, condition, rows, n);
  if (patch !== undefined) n = withoutPatched(group, patch, rows, n);
  return rows.subarray(0, n);
}

function fill(rows: Uint32Array): number {
  for (let i = 0; i < rows.length; i++) rows[i] = i;
  return rows.length;
}

/** Removes rows of the patch from `rows[0, n)`, and tells how many are left. */
function withoutPatched(group: Group, patch: RowList, rows: Uint32Array, n: number): number {
  let kept = 0;
  let next = 0;
  let patched = -1;
  for (let k = 0; k < n; k++) {
    const row = rows[k]!;
    while (patched < row && next < patch.length) patched = group.indexOf(patch.id(next++));
    if (patched !== row) rows[kept++] = row;
  }
  return kept;
}

/** The rows of a group that match, put into `rows`. */
function find(group: Group, { column, matcher }: Condition, rows: Uint32Array): number {
  if (typeof column !== "string") return group.column(column).find(matcher, rows);
  return selectMeta(group, column, matcher, rows, fill(rows));
}

/** Those of `rows[0, n)` that match. */
function keep(
  group: Group,
  { column, matcher }: Condition,
  rows: Uint32Array,
  n: number,
): number {
  if (n === 0) return 0;
  if (typeof column !== "string") return group.column(column).select(matcher, rows, n);
  return selectMeta(group, column, matcher, rows, n);
}

function selectMeta(
  group: Group,
  column: "__id__" | "__version__",
  matcher: Matcher,
  rows: Uint32Array,
  n: number,
): number {
  let kept = 0;
  for (let k = 0; k < n; k++) {
    const row = rows[k]!;
    if (matcher.test(column === "__id__" ? group.id(row) : group.version(row))) rows[kept++] = row;
  }
  return kept;
}

// --------------------------------------------------------------- rows as objects

/** Makes a constructor return what it is given, so that a subclass adds its private fields to it. */
class Given {
  constructor(object: object) {
    return object;
  }
}

/** Marks a row with its base: a private field is seen by nobody, and copied by nothing. */
class Origin extends Given {
  readonly #base: string;

  constructor(row: object, base: string) {
    super(row);
    this.#base = base;
  }

  static of(row: object): string | undefined {
    return #base in row ? row.#base : undefined;
  }
}

/** The base that a row was read from, if it is known. */
export function baseOf(row: object): string | undefined {
  return Origin.of(row);
}

/** What becomes of a place: an object with its id, its version, and these fields. */
export function rowAt(
  { base }: Pick<State, "base">,
  place: Place,
  fields: readonly FieldDef[],
): Record<string, unknown> {
  const row: Record<string, unknown> = { __id__: place.id, __version__: versionAt(place) };
  const columns = place.group?.columns(fields);
  for (let k = 0; k < fields.length; k++) {
    const field = fields[k]!;
    const value = place.row === undefined
      ? columns![k]!.get(place.index)
      : readField(place.row, field);
    row[field.name] = value === null ? null : field.value.give(value);
  }
  new Origin(row, base);
  return row;
}

/** Where a predicate stands; its tick is another for each row, so that no view outlives its call. */
interface Cursor {
  place: Place;
  tick: number;
}

const CURSOR = Symbol("cursor");
const TICK = Symbol("tick");

/** What a predicate gets: getters that look only at the columns that are asked for. */
interface View {
  readonly [CURSOR]: Cursor;
  readonly [TICK]: number;
}

type ViewClass = new (cursor: Cursor) => View;

const viewClasses = new WeakMap<TableSchema, ViewClass>();

function viewClassOf(schema: TableSchema): ViewClass {
  let made = viewClasses.get(schema);
  if (made !== undefined) return made;
  made = class implements View {
    readonly [CURSOR]: Cursor;
    readonly [TICK]: number;
    constructor(cursor: Cursor) {
      this[CURSOR] = cursor;
      this[TICK] = cursor.tick;
    }
  };
  const columns = ["__id__", "__version__", ...schema.fields] as const;
  for (const column of columns) {
    const { value } = typeof column === "string" ? { value: undefined } : column;
    Object.defineProperty(made.prototype, typeof column === "string" ? column : column.name, {
      enumerable: true,
      get(this: View) {
        const cursor = this[CURSOR];
        if (cursor.tick !== this[TICK]) {
          throw new TypeError(
            "Cannot read a row after the predicate that it was passed to: copy what is needed",
          );
        }
        const stored = valueAt(cursor.place, column);
        return stored === null || value === undefined ? stored : value.give(stored);
      },
    });
  }
  viewClasses.set(schema, made);
  return made;
}

/** Asks a user's function of each place. */
function asking(schema: TableSchema, predicate: (row: unknown) => unknown) {
  const view = viewClassOf(schema);
  const cursor: Cursor = { place: undefined!, tick: 0 };
  return (place: Place): boolean => {
    cursor.place = place;
    try {
      const answer = predicate(new view(cursor));
      if (typeof answer === "boolean") return answer;
    } finally {
      cursor.tick++;
    }
    throw new TypeError("a predicate must return true or false");
  };
}

// --------------------------------------------------------------- selecting

/** What `select` is asked for besides conditions. */
export interface Selection {
  readonly fields: readonly FieldDef[];
  readonly order: readonly OrderKey[];
  readonly offset: number;
  readonly limit: number;
}

/** The rows that match, as objects. */
export function select(state: State, query: Query, selection: Selection) {
  const { fields, order, offset, limit } = selection;
  const places = order.length === 0
    ? scan(state, query).drop(offset).take(limit)
    : sorted(scan(state, query), order).slice(offset, offset + limit);
  const rows: Record<string, unknown>[] = [];
  for (const place of places) rows.push(rowAt(state, place, fields));
  return rows;
}

function sorted(places: Iterable<Place>, order: readonly OrderKey[]): Place[] {
  const keyed = Array.from(places, (place) => ({
    place,
    keys: order.map(({ column }) => valueAt(place, column)),
  }));
  const compares = order.map(({ column, descending }) => {
    const type = typeOf(column);
    const sign = descending ? -1 : 1;
    return (a: Stored | null, b: Stored | null) => sign * compareNullable(type, a, b);
  });
  // Stable, and from places in id order: ties stay in id order.
  keyed.sort((a, b) => {
    for (let i = 0; i < compares.length; i++) {
      const difference = compares[i]!(a.keys[i]!, b.keys[i]!);
      if (difference !== 0) return difference;
    }
    return 0;
  });
  return keyed.map(({ place }) => place);
}
