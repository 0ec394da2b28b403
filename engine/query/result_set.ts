/**
 * What `select` gives: an array that can be sorted by fields and printed.
 *
 * @module
 */

import { describe } from "../system/check.ts";
import type { FieldDef } from "../schema/field_def.ts";
import { type Column, tableLines, valueIn } from "./text_table.ts";
import type { FieldValues, OrderTerm, Schema, SortableName, TypeName } from "../schema/types.ts";
import { compareNullable, type Stored, VALUE_TYPES } from "../schema/values.ts";

/** A value of a type that has an order, or null. */
export type OrderedValue = FieldValues[Exclude<TypeName, "json">] | null | undefined;

/** The names by which rows of a type can be sorted: all but those of json. */
export type SortableKey<R> =
  & (R extends { readonly __schema__?: infer S extends Schema } ? SortableName<S>
    : keyof { [K in keyof R as R[K] extends OrderedValue ? K : never]: 1 })
  & keyof R;

/** What is needed of the fields of the rows. */
type Field = Pick<FieldDef, "name" | "value">;

const META: readonly Column[] = [
  { name: "__id__", type: VALUE_TYPES.integer },
  { name: "__version__", type: VALUE_TYPES.integer },
];

/** Makes an empty result set of rows with these fields. */
export let resultSet: <R extends object>(fields: readonly Field[]) => ResultSet<R>;

/**
 * The rows that `select` found: an array that can be sorted by fields and printed.
 *
 * Everything that gives another array (`map`, `filter`, `slice` …) gives a plain one.
 *
 * @typeParam R The type of a row.
 *
 * @example An array, and a little more
 * ```ts
 * import { PsBase } from "@psbase/psbase";
 * import { assertEquals } from "@std/assert";
 *
 * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
 * await people.insertMany([{ name: "homer", age: 39 }, { name: "lisa", age: 8 }]);
 * const rows = people.select({ age: { gt: 5 } });
 * assertEquals(rows.length, 2);
 * assertEquals(rows.sortBy("age").map((row) => row.name), ["lisa", "homer"]);
 * await people.destroy();
 * ```
 */
export class ResultSet<R extends object> extends Array<R> {
  /** What `map`, `filter` and their like make of it: plain arrays. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /** What is known of the rows; nothing of what is not from `select`. */
  #fields: readonly Field[] = [];

  static {
    resultSet = <R extends object>(fields: readonly Field[]) => {
      const rows = new ResultSet<R>();
      rows.#fields = fields;
      return rows;
    };
  }

  /** `__id__`, `__version__` and the fields. */
  get #columns(): Column[] {
    return [...META, ...this.#fields.map(({ name, value }) => ({ name, type: value }))];
  }

  /**
   * The first row, `undefined` if there is none.
   *
   * @example One row
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insertMany([{ name: "homer", age: 39 }, { name: "lisa", age: 8 }]);
   * assertEquals(people.select().sortBy("-age").first?.name, "homer");
   * assertEquals(people.select({ name: "bart" }).first, undefined);
   * await people.destroy();
   * ```
   */
  get first(): R | undefined {
    return this[0];
  }

  /**
   * Sorts the rows in place, into the order that `select` gives by `orderBy`: null before
   * all else, NaN behind all numbers, text by code point, bytes by their values; ties by id,
   * in both directions.
   *
   * If it throws, the rows stay as they were.
   *
   * @param terms Fields of the rows, `__id__` or `__version__`, the most important first;
   * descending with `-`, ascending with `+` or no sign.
   * @returns These rows.
   * @throws {TypeError} If there is no term, a field is not in the rows or is json, or a row
   * was given a value of another type.
   * @throws {RangeError} If a row was given a value that is out of the range of its field.
   *
   * @example By age from the oldest, then by name
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insertMany([
   *   { name: "lisa", age: 8 },
   *   { name: "marge", age: 39 },
   *   { name: "homer", age: 39 },
   * ]);
   * const rows = people.select().sortBy("-age", "name");
   * assertEquals(rows.map((row) => row.name), ["homer", "marge", "lisa"]);
   * await people.destroy();
   * ```
   */
  sortBy(...terms: readonly [OrderTerm<SortableKey<R>>, ...OrderTerm<SortableKey<R>>[]]): this {
    const keys = keysOf(this.#columns, terms);
    const values = keys.map(({ column }) => this.map((row) => storedIn(row, column)));
    const locations = Array.from(this.keys()).sort((a, b) => {
      for (let k = 0; k < keys.length; k++) {
        const { column, sign } = keys[k]!;
        const difference = compareNullable(column.type, values[k]![a]!, values[k]![b]!);
        if (difference !== 0) return sign * difference;
      }
      return 0;
    });
    const rows = locations.map((location) => this[location]!);
    for (let i = 0; i < rows.length; i++) this[i] = rows[i]!;
    return this;
  }

  /**
   * Prints the rows as a table: `__id__`, then the fields; null as nothing, empty text as
   * `""`, characters that a terminal would obey as escapes.
   *
   * Where it is too wide the widest columns are cut, but none to less than 10 cells: the last ones are
   * left out instead, and counted.
   *
   * @param width The room in cells; if left out, what the terminal has, or 80 where stdout is
   * none.
   * @throws {RangeError} If `width` is no number, or negative.
   *
   * @example Print
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   *
   * const people = await PsBase.create(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * await people.insertMany([{ name: "homer", age: 39 }, { name: "lisa", age: 8 }]);
   * people.select().sortBy("name").pp();
   * // __id__  name   age
   * // ──────  ─────  ───
   * //      0  homer   39
   * //      1  lisa     8
   * await people.destroy();
   * ```
   */
  pp(width: number = terminalWidth()): void {
    if (typeof width !== "number" || !(width >= 0)) {
      throw new RangeError(`pp: width is ${width}, it is a number of cells, 0 or more`);
    }
    // The version says how often a row was written: it is not worth the room.
    const columns = this.#columns.filter(({ name }) => name !== "__version__");
    // deno-lint-ignore no-console
    console.log([...tableLines(columns, this, width)].join("\n"));
  }
}

interface Key {
  readonly column: Column;
  readonly sign: 1 | -1;
}

function keysOf(columns: readonly Column[], terms: readonly unknown[]): Key[] {
  if (terms.length === 0) throw new TypeError("sortBy: no field to sort by");
  const keys = terms.map((term): Key => {
    if (typeof term !== "string") {
      throw new TypeError(`sortBy: ${describe(term)}, expected a field`);
    }
    const name = term.replace(/^[+-]/, "");
    const column = columns.find((column) => column.name === name);
    if (column === undefined) {
      const names = columns.map(({ name }) => name).join(", ");
      throw new TypeError(
        `sortBy: there is no field ${JSON.stringify(name)} in these rows, there are ${names}`,
      );
    }
    if (!column.type.sortable) {
      throw new TypeError(`sortBy: field "${name}" is ${column.type.name}, it has no order`);
    }
    return { column, sign: term.startsWith("-") ? -1 : 1 };
  });
  return [...keys, { column: META[0]!, sign: 1 }];
}

/** The value of a row in the form that is compared. */
function storedIn(row: object, column: Column): Stored | null {
  const value = valueIn(row, column);
  if (value === null) return null;
  try {
    return column.type.encode(value);
  } catch (error) {
    for (const type of [TypeError, RangeError]) {
      if (!(error instanceof type)) continue;
      throw new type(`sortBy: field "${column.name}": ${error.message}`, { cause: error });
    }
    throw error;
  }
}

function terminalWidth(): number {
  try {
    // Zero is what a terminal says that does not know.
    if (Deno.stdout.isTerminal()) return Deno.consoleSize().columns || 80;
  } catch {
    // It has no size.
  }
  return 80;
}
