/**
 * Lazy views of rows, for predicate functions: their getters read only the columns that the
 * function touches.
 *
 * A view is an empty object, made for one row and one call. Its getters look for the cursor that is
 * at this view. After the call there is no such cursor, so a view that somebody keeps is useless.
 *
 * @module
 */

import type { Column } from "../segment/column.ts";
import type { Group } from "../segment/group.ts";
import type { RowLinks } from "./origin.ts";
import { decodeFrom, strictRowAt } from "./rows.ts";
import { type FieldDef, readField, type StoredRow } from "../schema/field_def.ts";
import type { TableSchema } from "../schema/schema.ts";
import { strictFrom } from "./strict.ts";
import type { Stored } from "../schema/values.ts";
import { GROUP_ROWS } from "../bytes/header.ts";

/** A predicate function, ready to test rows where they are. */
export interface RowTester {
  /** Selects the rows of `rows[0, n)` in a group that match, and returns how many they are. */
  select(group: Group, rows: Uint32Array, n: number): number;
  /** Whether a row in memory matches. */
  test(id: number, row: StoredRow): boolean;
}

/** The rows of a cursor: a group, or one row in memory. */
type RowSource =
  | {
    readonly group: Group;
    /** Buffers for the numbers of each field, shared by all groups; `undefined` for few rows. */
    readonly buffers: Float64Array[] | undefined;
  }
  | { readonly group: undefined; readonly id: number; readonly row: StoredRow };

/** From this many rows on, a column that the function touches is loaded as a whole. */
const MANY_ROWS = 32;

/** Stands for the numbers of a column that was not read yet. */
const UNREAD = new Float64Array(GROUP_ROWS).fill(NaN);

/** The position of a running predicate. One class for both sources keeps the getters fast. */
class Cursor {
  /** The view of the current row; at first an object that no function has. */
  view: object = this;
  /** The row in the group. */
  index = 0;
  /** The numbers in each field's column; NaN means: ask the column. */
  readonly numbers: Float64Array[];
  /** The cursor of the predicate function that called this one. */
  readonly outer: Cursor | undefined;
  /** The links of the table. */
  readonly links: RowLinks;
  readonly #source: RowSource;
  readonly #columns: (Column | undefined)[] = [];

  constructor(
    source: RowSource,
    numbers: Float64Array[],
    links: RowLinks,
    outer: Cursor | undefined,
  ) {
    this.#source = source;
    this.links = links;
    this.numbers = numbers;
    this.outer = outer;
  }

  get id(): number {
    const source = this.#source;
    return source.group === undefined ? source.id : source.group.id(this.index);
  }

  get version(): number {
    const source = this.#source;
    return source.group === undefined ? source.row.version : source.group.version(this.index);
  }

  /** The group of the current row, if it is in one. */
  get group(): Group | undefined {
    return this.#source.group;
  }

  /** The value of the current row for `field`, which is field `k` of the schema. */
  value(field: FieldDef, k: number): Stored | null {
    const source = this.#source;
    if (source.group === undefined) return readField(source.row, field);
    const column = this.#columns[k] ?? this.#load(source, field, k);
    return column.get(this.index);
  }

  #load({ group, buffers }: RowSource & { group: Group }, field: FieldDef, k: number): Column {
    const column = group.column(field);
    this.#columns[k] = column;
    if (buffers === undefined) return column;
    if (field.value.layout === "number") {
      if ((buffers[k]?.length ?? 0) < group.rows) buffers[k] = new Float64Array(group.rows);
      const numbers = buffers[k]!.subarray(0, group.rows);
      if (column.numbers(numbers)) this.numbers[k] = numbers;
    } else column.load();
    return column;
  }
}

/** Makes the views for the rows of one schema. */
class Views {
  /** The class of the views, with a getter for each field. */
  readonly make: new () => object = class {};
  /** The `numbers` of new cursors. */
  readonly unread: Float64Array[];
  /** The cursor of the running predicate; at first one that has no view. */
  cursor: Cursor;

  constructor(schema: TableSchema, links: RowLinks) {
    this.unread = schema.fields.map(() => UNREAD);
    this.cursor = new Cursor(NOWHERE, this.unread, links, undefined);
    // deno-lint-ignore no-this-alias -- `this` of a getter is the view
    const views = this;
    strictFrom(this.make.prototype);
    this.#define("__id__", function () {
      return views.#cursorOf(this).id;
    });
    this.#define("__version__", function () {
      return views.#cursorOf(this).version;
    });
    schema.fields.forEach((field, k) => this.#define(field.name, this.#getter(field, k)));
  }

  #define(name: string, get: (this: object) => unknown): void {
    Object.defineProperty(this.make.prototype, name, { enumerable: true, get });
  }

  /**
   * The getter of a field. Each kind of column has its own function, so that the type feedback of
   * one does not slow down another. They are short, so that V8 inlines them into predicates.
   */
  #getter(field: FieldDef, k: number): (this: object) => unknown {
    // deno-lint-ignore no-this-alias -- `this` of a getter is the view
    const views = this;
    const { name, layout, decode } = field.value;
    const read = (view: object) => {
      const cursor = views.#cursorOf(view);
      const value = cursor.value(field, k);
      return value === null ? null : decodeFrom(cursor.group, field, value);
    };
    if (name === "link") {
      return function () {
        const cursor = views.#cursorOf(this);
        const id = cursor.value(field, k);
        return id === null ? null : cursor.links.row(field, id as number, strictRowAt);
      };
    }
    if (name === "integer" || name === "float") {
      return function () {
        const { cursor } = views;
        if (cursor.view === this) {
          const value = cursor.numbers[k]![cursor.index]!;
          if (value === value) return value;
        }
        return read(this);
      };
    }
    if (layout === "number") {
      return function () {
        const { cursor } = views;
        if (cursor.view === this) {
          const value = cursor.numbers[k]![cursor.index]!;
          if (value === value) return decode(value);
        }
        return read(this);
      };
    }
    return function () {
      return read(this);
    };
  }

  /** The cursor that is at this view. */
  #cursorOf(view: object): Cursor {
    let cursor: Cursor | undefined = this.cursor;
    while (cursor !== undefined && cursor.view !== view) cursor = cursor.outer;
    if (cursor !== undefined) return cursor;
    throw new TypeError(
      "Cannot read a row after the predicate that it was passed to: copy what is needed",
    );
  }
}

const NOWHERE: RowSource = { group: undefined, id: 0, row: { version: 0, values: [] } };

const viewsOf = new WeakMap<TableSchema, Views>();

/**
 * Prepares a predicate function.
 *
 * @param schema The schema of the rows.
 * @param links The links of the table.
 * @param predicate The user's function.
 */
export function rowTester(
  schema: TableSchema,
  links: RowLinks,
  predicate: (row: unknown) => unknown,
): RowTester {
  let known = viewsOf.get(schema);
  if (known === undefined) viewsOf.set(schema, known = new Views(schema, links));
  const views = known;
  const buffers: Float64Array[] = [];
  return {
    select(group, rows, n) {
      const { make, cursor: outer } = views;
      const source = { group, buffers: n < MANY_ROWS ? undefined : buffers };
      // A new cursor for each group: storing views in an old object costs write barriers.
      const cursor = new Cursor(source, views.unread.slice(), links, outer);
      views.cursor = cursor;
      let kept = 0;
      try {
        for (let k = 0; k < n; k++) {
          const row = rows[k]!;
          cursor.index = row;
          const answer = predicate(cursor.view = new make());
          if (answer === true) rows[kept++] = row;
          else if (answer !== false) throw notBoolean();
        }
      } finally {
        views.cursor = outer;
      }
      return kept;
    },
    test(id, row) {
      const { make, cursor: outer } = views;
      const cursor = new Cursor({ group: undefined, id, row }, views.unread, links, outer);
      views.cursor = cursor;
      try {
        const answer = predicate(cursor.view = new make());
        if (typeof answer === "boolean") return answer;
      } finally {
        views.cursor = outer;
      }
      throw notBoolean();
    },
  };
}

function notBoolean(): TypeError {
  return new TypeError("a predicate must return true or false");
}
