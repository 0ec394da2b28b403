/**
 * What a predicate function gets: a view of a row, whose getters read only the
 * columns that are asked for, and only during the call.
 *
 * A view holds nothing: it is an object for one row and one call, told from all
 * others by being itself. Its getters look for the cursor that gave it out; once
 * the call is over there is none, whoever keeps the view.
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

/** A predicate, asked of rows where they stand. */
export interface RowTester {
  /** Keeps of `rows[0, n)` of a group those for which it holds, and tells how many. */
  select(group: Group, rows: Uint32Array, n: number): number;
  /** Whether it holds for a row in memory. */
  test(id: number, row: StoredRow): boolean;
}

/** Where a cursor moves: over a group, or on one row in memory. */
type RowSource =
  | {
    readonly group: Group;
    /** Room for the numbers of each field, used again for the next group; none for few rows. */
    readonly room: Float64Array[] | undefined;
  }
  | { readonly group: undefined; readonly id: number; readonly row: StoredRow };

/** From so many rows on, a column that is touched is read as a whole. */
const MANY_ROWS = 32;

/** Stands for the numbers of a column that nobody asked for yet. */
const UNREAD = new Float64Array(GROUP_ROWS).fill(NaN);

/** Where a predicate stands. Of one shape for all grounds, so that getters stay fast. */
class Cursor {
  /** What the predicate was given for this row; nothing that anybody has before the first. */
  view: object = this;
  /** The row within the group. */
  index = 0;
  /** The numbers in each field's column; NaN: the column knows better. */
  readonly numbers: Float64Array[];
  /** The cursor of the predicate that this one is asked within. */
  readonly outer: Cursor | undefined;
  /** Where links of the row lead. */
  readonly links: RowLinks;
  readonly #ground: RowSource;
  readonly #columns: (Column | undefined)[] = [];

  constructor(
    ground: RowSource,
    numbers: Float64Array[],
    links: RowLinks,
    outer: Cursor | undefined,
  ) {
    this.#ground = ground;
    this.links = links;
    this.numbers = numbers;
    this.outer = outer;
  }

  get id(): number {
    const ground = this.#ground;
    return ground.group === undefined ? ground.id : ground.group.id(this.index);
  }

  get version(): number {
    const ground = this.#ground;
    return ground.group === undefined ? ground.row.version : ground.group.version(this.index);
  }

  /** The group that it stands in. */
  get group(): Group | undefined {
    return this.#ground.group;
  }

  /** What the row holds in `field`, which is the `k`th. */
  value(field: FieldDef, k: number): Stored | null {
    const ground = this.#ground;
    if (ground.group === undefined) return readField(ground.row, field);
    const column = this.#columns[k] ?? this.#load(ground, field, k);
    return column.get(this.index);
  }

  #load({ group, room }: RowSource & { group: Group }, field: FieldDef, k: number): Column {
    const column = group.column(field);
    this.#columns[k] = column;
    if (room === undefined) return column;
    if (field.value.layout === "number") {
      if ((room[k]?.length ?? 0) < group.rows) room[k] = new Float64Array(group.rows);
      const numbers = room[k]!.subarray(0, group.rows);
      if (column.numbers(numbers)) this.numbers[k] = numbers;
    } else column.load();
    return column;
  }
}

/** The views of the rows of a schema. */
class Views {
  /** A new object, with a getter for each field. */
  readonly make: new () => object = class {};
  /** What cursors begin with. */
  readonly unread: Float64Array[];
  /** That of the predicate which runs now; before all of them one that gives nothing out. */
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
   * One literal for each kind of column, so that what V8 learns of one does not
   * slow down another, and short ones, so that it compiles them into predicates.
   */
  #getter(field: FieldDef, k: number): (this: object) => unknown {
    // deno-lint-ignore no-this-alias -- `this` of a getter is the view
    const views = this;
    const { name, layout, decode: give } = field.value;
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
          if (value === value) return give(value);
        }
        return read(this);
      };
    }
    return function () {
      return read(this);
    };
  }

  /** The cursor that gave out a view and did not go on since. */
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
 * Asks `predicate` of rows of this schema.
 *
 * @param schema The fields.
 * @param links Where their links lead.
 * @param predicate A user's function.
 */
export function rowTester(
  schema: TableSchema,
  links: RowLinks,
  predicate: (row: unknown) => unknown,
): RowTester {
  let known = viewsOf.get(schema);
  if (known === undefined) viewsOf.set(schema, known = new Views(schema, links));
  const views = known;
  const room: Float64Array[] = [];
  return {
    select(group, rows, n) {
      const { make, cursor: outer } = views;
      const ground = { group, room: n < MANY_ROWS ? undefined : room };
      // A new one for each group: an old object would pay for each view that it points to.
      const cursor = new Cursor(ground, views.unread.slice(), links, outer);
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
