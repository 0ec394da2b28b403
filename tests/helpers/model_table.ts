/**
 * A table as a map: what the verbs of a table do, written a second time.
 *
 * @module
 */

import { assertAlmostEquals, assertEquals } from "@std/assert";
import { field } from "../../base.ts";
import {
  anyValue,
  type Choices,
  compareValues,
  type CONVERTIBLE,
  freshValue,
  keyOf,
  matches,
  type ModelRow,
  type ModelType,
  readAs,
  SORTABLE,
  sortRows,
  textOf,
  type Types,
} from "./model.ts";
import type { Random } from "./random.ts";

/** A field of the model. */
export interface ModelField {
  /** Its type. */
  readonly type: ModelType;
  /** What `insert` puts in. */
  readonly default: unknown;
  /** Never null. */
  readonly required?: boolean;
  /** Has an index. */
  readonly index?: boolean;
  /** No value twice. */
  readonly unique?: boolean;
}

/** Values by field; a function makes them of the row as it is. */
export type Changes = ModelRow | ((row: ModelRow) => ModelRow);

/** Types that can be summed up. */
export const NUMERIC: readonly ModelType[] = ["integer", "float", "bigint"];

/** A sum that an integer cannot hold. */
export const TOO_LARGE = Symbol("too large");

/** A table as a map; links lead to its own rows. */
export class ModelTable {
  /** In order. */
  fields = new Map<string, ModelField>([["id", { type: "integer", default: null }]]);
  /** By id, ascending; links as ids. */
  rows = new Map<number, ModelRow>();
  /** The next id. */
  nextId = 0;

  /** A copy, to try something with. */
  clone(): ModelTable {
    const copy = new ModelTable();
    copy.fields = new Map(this.fields);
    copy.rows = new Map(this.rows);
    copy.nextId = this.nextId;
    return copy;
  }

  get types(): Types {
    return Object.fromEntries(Array.from(this.fields, ([name, { type }]) => [name, type]));
  }

  get ids(): number[] {
    return [...this.rows.keys()];
  }

  // ------------------------------------------------------------- reading

  /** A row with what its links lead to: an id, null if that is gone. */
  readonly show = (row: ModelRow): ModelRow => {
    const shown = { ...row };
    for (const [name, { type }] of this.fields) {
      if (type === "link" && !this.rows.has(row[name] as number)) shown[name] = null;
    }
    return shown;
  };

  /** The rows that match, in order, as they are kept. */
  found(filter: unknown, orderBy: readonly string[] = []): ModelRow[] {
    const { types } = this;
    const rows = [...this.rows.values()].filter((row) =>
      matches({ types, show: this.show }, filter, row)
    );
    return orderBy.length === 0 ? rows : sortRows(rows, orderBy, types);
  }

  /** The row of an id as users get it. */
  row(id: number): ModelRow | undefined {
    const row = this.rows.get(id);
    return row && this.show(row);
  }

  /** A value as users get it. */
  shownValue(name: string, value: unknown): unknown {
    return this.show({ [name]: value })[name];
  }

  /** The names of fields that have a clash, as a unique field must not. */
  clashes(): string[] {
    return [...this.fields].filter(([name, { type, unique }]) => {
      if (!unique) return false;
      const keys = [...this.rows.values()].map((row) => row[name])
        .filter((value) => value !== null).map((value) => keyOf(type, value));
      return new Set(keys).size < keys.length;
    }).map(([name]) => name);
  }

  // ------------------------------------------------------------- writing

  insert(values: ModelRow): number {
    const row: ModelRow = { __id__: this.nextId, __version__: 0 };
    for (const [name, field] of this.fields) {
      row[name] = Object.hasOwn(values, name) ? values[name] : field.default;
    }
    this.rows.set(this.nextId, row);
    return this.nextId++;
  }

  update(id: number, changes: Changes): ModelRow {
    const row = this.rows.get(id)!;
    const values = typeof changes === "function" ? changes(this.show(row)) : changes;
    this.rows.set(id, { ...row, ...values, __version__: row.__version__ as number + 1 });
    return this.row(id)!;
  }

  upsert(name: string, value: unknown, values: ModelRow): ModelRow {
    const { type } = this.fields.get(name)!;
    const holder = [...this.rows.values()].find((row) =>
      compareValues(type, row[name], value) === 0
    );
    const given = { ...values, [name]: value };
    if (holder !== undefined) return this.update(holder.__id__ as number, given);
    return this.row(this.insert(given))!;
  }

  delete(ids: Iterable<number>): number {
    let deleted = 0;
    for (const id of ids) if (this.rows.delete(id)) deleted++;
    return deleted;
  }

  addField(name: string, field: ModelField, after: string): void {
    this.#rebuild((entries) => {
      const at = entries.findIndex(([other]) => other === after) + 1;
      return entries.toSpliced(at, 0, [name, field]);
    });
    this.#change((row) => ({ ...row, [name]: field.default }));
  }

  dropField(name: string): void {
    this.fields.delete(name);
    this.#change(({ [name]: _, ...row }) => row);
  }

  renameField(name: string, newName: string): void {
    this.#rebuild((entries) =>
      entries.map(([other, field]) => [other === name ? newName : other, field])
    );
    this.#change(({ [name]: value, ...row }) => ({ ...row, [newName]: value }));
  }

  setField(name: string, change: Partial<ModelField>): void {
    this.fields.set(name, { ...this.fields.get(name)!, ...change });
  }

  /** Gives a field the values that have the same texts; whether all have one. */
  setType(name: string, type: typeof CONVERTIBLE[number]): boolean {
    const field = this.fields.get(name)!;
    if (field.type === type) return true;
    let fits = true;
    const converted = (value: unknown) => {
      const text = textOf(field.type, value);
      const read = text === null ? null : readAs(type, text);
      fits &&= read !== undefined;
      return read;
    };
    const isWidened = field.type === "integer" && type === "float";
    this.#change((row) => {
      if (row[name] === null || isWidened) return row;
      const __version__ = row.__version__ as number + 1;
      return { ...row, [name]: converted(row[name]), __version__ };
    });
    this.setField(name, { type, default: isWidened ? field.default : converted(field.default) });
    return fits;
  }

  #rebuild(change: (entries: [string, ModelField][]) => [string, ModelField][]): void {
    this.fields = new Map(change([...this.fields]));
  }

  #change(change: (row: ModelRow) => ModelRow): void {
    for (const [id, row] of this.rows) this.rows.set(id, change(row));
  }

  // ------------------------------------------------------------- figures

  /** The sum of values, null left out; of floats see {@linkcode sameFigure}. */
  sum(type: ModelType, values: readonly unknown[]): unknown {
    const numbers = values.filter((value) => value !== null);
    if (type === "float") return (numbers as number[]).reduce((a, b) => a + b, 0);
    const sum = numbers.reduce((sum: bigint, value) => sum + BigInt(value as number), 0n);
    if (type === "bigint") return sum;
    return Number.isSafeInteger(Number(sum)) ? Number(sum) : TOO_LARGE;
  }

  avg(type: ModelType, values: readonly unknown[]): number | null {
    const numbers = values.filter((value) => value !== null);
    if (numbers.length === 0) return null;
    const sum = this.sum(type === "integer" ? "bigint" : type, numbers);
    return Number(sum) / numbers.length;
  }

  extreme(type: ModelType, values: readonly unknown[], which: "min" | "max"): unknown {
    const sorted = values.filter((value) => value !== null)
      .toSorted((a, b) => compareValues(type, a, b));
    return sorted.at(which === "min" ? 0 : -1) ?? null;
  }

  distinct(type: ModelType, values: readonly unknown[]): unknown[] {
    const byKey = new Map(values.map((value) => [keyOf(type, value), value]));
    return [...byKey.values()].sort((a, b) => compareValues(type, a, b));
  }
}

/** Whether two values are the same but for what rounding does, and for the sign of zero. */
export function sameFigure(type: ModelType, a: unknown, b: unknown, told: string): void {
  if (typeof a === "number" && typeof b === "number" && Number.isFinite(a) && Number.isFinite(b)) {
    assertAlmostEquals(a, b, 1e-9 * Math.max(Math.abs(b), 1e-300), told);
  } else if (compareValues(type, a, b) !== 0) assertEquals(a, b, told);
}

/** Whether the order in which floats are added up decides what comes out. */
export function isTouchy(values: readonly unknown[]): boolean {
  const numbers = values.filter((value) => value !== null).map(Number).filter(Number.isFinite);
  const size = numbers.reduce((sum, value) => sum + Math.abs(value), 0);
  const sum = numbers.reduce((sum, value) => sum + value, 0);
  return !Number.isFinite(size) || Math.abs(sum) < size * 1e-3;
}

/** A row with links as ids, rows of an array likewise; other values as they are. */
export function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null || !("__id__" in value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, idIn(one)]));
}

/** The id, if it is a row. */
export function idIn(value: unknown): unknown {
  return typeof value === "object" && value !== null && "__id__" in value ? value.__id__ : value;
}

// --------------------------------------------------------------- random choices

let fresh = 0;

/** A value for a field of a table; of a link any id, of a row that is there or not. */
function anyOf(random: Random, table: ModelTable, name: string): unknown {
  const type = table.fields.get(name)?.type ?? "integer";
  const held = table.rows.size === 0 || random.chance(0.5)
    ? null
    : table.rows.get(random.pick(table.ids))![name];
  if (held !== null && held !== undefined) return held;
  if (type === "link" || name.startsWith("_")) return random.below(table.nextId + 2);
  return anyValue(random, type);
}

/** What conditions on a table are made of. */
export function choicesOf(random: Random, table: ModelTable): Choices {
  return {
    names: [...table.fields.keys(), "__id__", "__version__"].slice(0, random.chance(0.3) ? 99 : -2),
    types: table.types,
    value: (name) => anyOf(random, table, name),
    ref: field,
    shown({ __id__: id, __version__: version }) {
      assertEquals(version, table.rows.get(id as number)?.__version__, `row ${id} as it was once`);
    },
  };
}

/** Values for a row, some fields left out. */
export function anyRow(random: Random, table: ModelTable): ModelRow {
  const row: ModelRow = {};
  for (const [name, { type, required, unique }] of table.fields) {
    if (unique) {
      if (random.chance(0.02)) row[name] = type === "link" ? null : anyValue(random, type);
      else row[name] = random.chance(0.4) && !required ? null : freshValue(type, fresh++);
      if (row[name] === null && required) delete row[name];
      continue;
    }
    if (random.chance(0.3)) continue;
    if (type === "link") row[name] = table.rows.size === 0 ? null : random.pick(table.ids);
    else row[name] = anyValue(random, type);
    if (random.chance(0.1) && !required) row[name] = null;
  }
  return row;
}

/** Terms of an order. */
export function anyOrder(random: Random, table: ModelTable): string[] {
  const names = [...table.fields].filter(([, { type }]) => isSortable(type)).map(([name]) => name);
  const length = random.pick([0, 0, 1, 2, 3]);
  return Array.from(
    { length },
    () => random.pick(["", "+", "-"]) + random.pick([...names, "__id__", "__version__"]),
  );
}

/** Whether values have an order. */
export function isSortable(type: ModelType): boolean {
  return type === "link" || SORTABLE.includes(type);
}
