/**
 * The result of `select`: an array of rows that can be sorted by fields and printed.
 *
 * @module
 */

import { describe } from "../system/check.ts";
import { inContext } from "../system/errors.ts";
import type { FieldDef } from "../schema/field_def.ts";
import { type PrintedColumn, tableLines, valueIn } from "./text_table.ts";
import type { FieldValues, OrderTerm, Schema, SortableName, TypeName } from "../schema/types.ts";
import { type Stored, VALUE_TYPES } from "../schema/values.ts";
import { sortedPlaces } from "./sort.ts";

/** A value of a type that has an order, or null. */
export type OrderedValue = FieldValues[Exclude<TypeName, "json">] | null | undefined;

/** The fields by which rows of a type can be sorted: all but json. */
export type SortableKey<R> =
  & (R extends { readonly __schema__?: infer S extends Schema } ? SortableName<S>
    : keyof { [K in keyof R as R[K] extends OrderedValue ? K : never]: 1 })
  & keyof R;

type ResultField = Pick<FieldDef, "name" | "value">;

const META: readonly PrintedColumn[] = [
  { name: "__id__", type: VALUE_TYPES.integer },
  { name: "__version__", type: VALUE_TYPES.integer },
];

/** Makes an empty result set for rows with these fields. */
export let resultSet: <R extends object>(fields: readonly ResultField[]) => ResultSet<R>;

/**
 * The rows that `select` found: an array that can be sorted by fields and printed.
 *
 * Methods that make another array (`map`, `filter`, `slice` …) make a plain one.
 *
 * @typeParam R The type of a row.
 *
 * @example Sort and map
 * ```ts
 * import { PsBase } from "@psbase/psbase";
 * import { assertEquals } from "@std/assert";
 *
 * using people = PsBase.createSync(await Deno.makeTempDir(), { name: "string", age: "integer" });
 * people.insertManySync([{ name: "homer", age: 39 }, { name: "lisa", age: 8 }]);
 * const rows = people.select({ age: { gt: 5 } });
 * assertEquals(rows.length, 2);
 * assertEquals(rows.sortBy("age").map((row) => row.name), ["lisa", "homer"]);
 * ```
 */
export class ResultSet<R extends object> extends Array<R> {
  /** The class of the arrays that `map`, `filter` and the like make: the plain one. */
  static override get [Symbol.species](): ArrayConstructor {
    return Array;
  }

  /** None if the rows are not from `select`. */
  #fields: readonly ResultField[] = [];

  static {
    resultSet = <R extends object>(fields: readonly ResultField[]) => {
      const rows = new ResultSet<R>();
      rows.#fields = fields;
      return rows;
    };
  }

  /** `__id__`, `__version__` and the fields. */
  get #columns(): PrintedColumn[] {
    return [...META, ...this.#fields.map(({ name, value }) => ({ name, type: value }))];
  }

  /**
   * The first row; `undefined` if there is none.
   *
   * @example The oldest
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * using people = PsBase.createSync(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * people.insertManySync([{ name: "homer", age: 39 }, { name: "lisa", age: 8 }]);
   * assertEquals(people.select().sortBy("-age").first?.name, "homer");
   * assertEquals(people.select({ name: "bart" }).first, undefined);
   * ```
   */
  get first(): R | undefined {
    return this[0];
  }

  /**
   * Sorts the rows in place, in the order of `orderBy`: null comes first, NaN after all numbers,
   * text goes by code point, bytes by their values. Ties go by id, in both directions.
   *
   * If it throws, the rows stay as they were.
   *
   * @param terms Fields of the rows, `__id__` or `__version__`, the most important one first;
   * descending with `-`, ascending with `+` or without a sign.
   * @returns The same array.
   * @throws {TypeError} If there is no term, if a field is not in the rows or is json, or if you
   * put a value of another type into a row.
   * @throws {RangeError} If you put a value into a row that is out of the range of its field.
   *
   * @example By age from the oldest, then by name
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   * import { assertEquals } from "@std/assert";
   *
   * using people = PsBase.createSync(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * people.insertManySync([
   *   { name: "lisa", age: 8 },
   *   { name: "marge", age: 39 },
   *   { name: "homer", age: 39 },
   * ]);
   * const rows = people.select().sortBy("-age", "name");
   * assertEquals(rows.map((row) => row.name), ["homer", "marge", "lisa"]);
   * ```
   */
  sortBy(...terms: readonly [OrderTerm<SortableKey<R>>, ...OrderTerm<SortableKey<R>>[]]): this {
    const keys = sortKeys(this.#columns, terms);
    const places = sortedPlaces(keys.map(({ column, descending }) => ({
      type: column.type,
      descending,
      values: this.map((row) => storedIn(row, column)),
    })));
    const rows = Array.from(places, (place) => this[place]!);
    for (let i = 0; i < rows.length; i++) this[i] = rows[i]!;
    return this;
  }

  /**
   * Prints the rows as a table: `__id__`, then the fields. Null is empty, empty text is `""`, and
   * control characters are escaped.
   *
   * If the table is too wide, it cuts the widest columns, but none to less than 10 cells. It leaves
   * out the last columns instead, and says how many.
   *
   * @param width The room in cells; by default the width of the terminal, or 80 without one.
   * @throws {RangeError} If `width` is negative or not a number.
   *
   * @example Print
   * ```ts
   * import { PsBase } from "@psbase/psbase";
   *
   * using people = PsBase.createSync(await Deno.makeTempDir(), { name: "string", age: "integer" });
   * people.insertManySync([{ name: "homer", age: 39 }, { name: "lisa", age: 8 }]);
   * people.select().sortBy("name").pp();
   * // __id__  name   age
   * // ──────  ─────  ───
   * //      0  homer   39
   * //      1  lisa     8
   * ```
   */
  pp(width: number = terminalWidth()): void {
    if (typeof width !== "number" || !(width >= 0)) {
      throw new RangeError(`pp: width is ${width}, expected a number of cells, 0 or more`);
    }
    // The version says how often the row was written: not worth the room.
    const columns = this.#columns.filter(({ name }) => name !== "__version__");
    // deno-lint-ignore no-console
    console.log([...tableLines(columns, this, width)].join("\n"));
  }
}

interface SortKey {
  readonly column: PrintedColumn;
  readonly descending: boolean;
}

function sortKeys(columns: readonly PrintedColumn[], terms: readonly unknown[]): SortKey[] {
  if (terms.length === 0) throw new TypeError("sortBy: no field to sort by");
  const keys = terms.map((term): SortKey => {
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
      throw new TypeError(`sortBy: field "${name}" is ${column.type.name}, which has no order`);
    }
    return { column, descending: term.startsWith("-") };
  });
  return [...keys, { column: META[0]!, descending: false }];
}

/** The value of a row, encoded, which is how values compare. */
function storedIn(row: object, column: PrintedColumn): Stored | null {
  const value = valueIn(row, column);
  if (value === null) return null;
  return inContext(`sortBy: field "${column.name}"`, () => column.type.encode(value));
}

function terminalWidth(): number {
  try {
    // A terminal that does not know its width says 0.
    if (Deno.stdout.isTerminal()) return Deno.consoleSize().columns || 80;
  } catch {
    // This terminal has no size.
  }
  return 80;
}
