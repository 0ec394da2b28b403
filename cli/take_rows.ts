/**
 * The cells of a row of a file as the values of a row, with all that can be wrong with them.
 *
 * @module
 */

import type { GivenRow } from "../engine/maintenance/given_rows.ts";
import { VALUE_TYPES, type ValueType } from "../engine/schema/values.ts";
import { type FieldSpec, PsBase } from "../mod.ts";
import { Fault } from "./errors.ts";
import type { FieldNames } from "./field_names.ts";
import { META, typeOf } from "./fields.ts";
import type { FileRow } from "./formats.ts";

/** What {@linkcode Rejects} puts before a row: a file of them can be mended and imported. */
export const REJECT_COLUMNS: readonly string[] = ["__line__", "__reason__"];

/** Whether a column is no field of a row, but of the base or of an import. */
export function isOwn(name: string): boolean {
  return isMeta(name) || REJECT_COLUMNS.includes(name);
}

/** Whether it is what the base keeps of each row. */
export function isMeta(name: string): boolean {
  return META.some((column) => column.name === name);
}

/** A field name from any text: what cannot be in one becomes `_`. */
export function fieldName(text: string): string {
  // A mark without a letter is part of an emoji, or stray.
  const parts = text.normalize().match(/(?:\p{L}[\p{Mn}\p{Mc}\u200c\u200d]*|\p{Nd})+/gu) ?? [];
  const name = parts.join("_");
  return /^\p{L}/u.test(name) ? name : `f${name && "_"}${name}`;
}

/** Throws Fault, if ids are in a file that are not asked for. */
export function checkMeta(name: string, ids: boolean): void {
  if (ids || !isMeta(name)) return;
  throw new Fault(`column "${name}" is kept by the base, say --ids to keep what is in it`);
}

/** Two columns become one field. */
export function twoColumns(one: string, other: string, field: string): Fault {
  return new Fault(`columns "${one}" and "${other}" both become field "${field}", rename one`);
}

/** A cell stands in a column that has no name. */
export function noName(place: number): Fault {
  return new Fault(
    `column ${place + 1} has a cell and no name, say --rename column_${place + 1}=NAME, or ` +
      "--skip-lines N if the names are in a later line",
  );
}

/** What becomes of the cells of a column. */
interface Column {
  readonly name: string;
  /** Which of the fields it is; -1 if it is none: an id, a version, or to be empty. */
  readonly place: number;
  readonly type: ValueType;
  readonly required: boolean;
  /** The base that it leads to, if it is a link and that is there. */
  readonly target: PsBase | undefined;
  /** The values that came, as text, if none may come twice. */
  readonly seen: Set<string> | undefined;
}

/** What rows are taken for. */
export interface TakeOptions {
  /** The fields. */
  readonly schema: Record<string, FieldSpec>;
  /** Which of them the columns are. */
  readonly fields: FieldNames;
  /** The base; none, if it is yet to be made. */
  readonly base: PsBase | undefined;
  /** Whether rows have ids and versions. */
  readonly ids: boolean;
  /** Whether it is looked for values that must not be there twice, all of which are held for that. */
  readonly unique: boolean;
}

/** Takes rows, one after the other. */
export class RowTaker implements Disposable {
  readonly #names: readonly (string | null)[];
  readonly #options: TakeOptions;
  /** By the place of a column; `null`: it is left aside. */
  readonly #columns: (Column | null)[] = [];
  /** The names of the fields. */
  readonly #fields: readonly string[];
  /** Which of them must be there and have no default. */
  readonly #needed: readonly number[];
  /** The bases that links lead to. */
  readonly #targets: PsBase[] = [];
  #nextId = 0;

  /**
   * @param names The columns of the file, more of which may come.
   * @param options What the rows are for.
   */
  constructor(names: readonly (string | null)[], options: TakeOptions) {
    this.#names = names;
    this.#options = options;
    this.#fields = Object.keys(options.schema);
    this.#needed = [...this.#fields.keys()].filter((k) => {
      const { required, default: value } = options.schema[this.#fields[k]!]!;
      return required === true && (value ?? null) === null;
    });
    // What is wrong with a column that is known now, is wrong with the file and not with a row.
    names.forEach((_, i) => this.#column(i));
  }

  /** A row; or what is wrong with it. */
  take(row: FileRow): GivenRow | Fault {
    if (row.fault !== undefined) return row.fault;
    try {
      return this.#take(row);
    } catch (error) {
      if (error instanceof Fault) return error;
      throw error;
    }
  }

  #take(row: FileRow): GivenRow {
    const values = new Array<unknown>(this.#fields.length);
    let id: number | undefined;
    let version = 0;
    for (let i = 0; i < row.length; i++) {
      if (!row.has(i)) continue; // the default
      const column = this.#columns[i] === undefined ? this.#column(i) : this.#columns[i]!;
      if (column === null) continue;
      const value = this.#value(column, row, i);
      if (column.place >= 0) values[column.place] = value;
      else if (column.name === "__id__") id = value as number;
      else if (column.name === "__version__") version = value as number;
      else if (value !== null) throw noName(i);
    }
    for (const k of this.#needed) {
      if (values[k] === undefined) throw new Fault(`field "${this.#fields[k]}" is required`);
    }
    id = this.#idOf(id, version);
    this.#checkUnique(values);
    this.#nextId = id + 1;
    return { id, version, values };
  }

  #value({ name, type, required, target }: Column, row: FileRow, i: number): unknown {
    let value: unknown;
    try {
      value = row.valueOf(i, type);
      if (value !== null) type.encode(value);
    } catch (error) {
      if (![SyntaxError, TypeError, RangeError].some((type) => error instanceof type)) throw error;
      throw new Fault(`field "${name}": ${(error as Error).message}`);
    }
    if (value === null && required) throw new Fault(`field "${name}" is required, it is null`);
    if (value !== null && target?.has(value as number) === false) {
      throw new Fault(`field "${name}": there is no row ${value} in "${target.path}"`);
    }
    return value;
  }

  /** Last of all: what is refused for another reason is in nobody's way. */
  #checkUnique(values: GivenRow["values"]): void {
    const came: (() => void)[] = [];
    for (const column of this.#columns) {
      if (column?.seen === undefined) continue;
      const { name, place, type, seen } = column;
      const value = values[place] ?? null;
      if (value === null) continue;
      const text = type.format(value);
      const where = { [name]: { eq: value } } as Record<string, never>;
      if (seen.has(text) || (this.#options.base?.count(where) ?? 0) > 0) {
        throw new Fault(`field "${name}" is unique, and ${text} is there already`);
      }
      came.push(() => seen.add(text));
    }
    for (const add of came) add();
  }

  #idOf(id: number | undefined, version: number): number {
    if (!this.#options.ids) return this.#nextId;
    if (id === undefined) throw new Fault("it has no __id__");
    for (const number of [id, version]) {
      if (number < 0) throw new Fault(`${number} is no id and no version`);
    }
    if (id >= this.#nextId) return id;
    throw new Fault(`__id__ is ${id} behind ${this.#nextId - 1}, sort the rows by it`);
  }

  // ------------------------------------------------------------- columns

  #column(place: number): Column | null {
    const name = this.#names[place] ?? "";
    const { schema, fields, unique } = this.#options;
    const field = fields.of(place);
    let column: Column | null;
    if (isMeta(name)) {
      const { type } = META[0]!;
      column = { name, place: -1, type, required: true, target: undefined, seen: undefined };
    } else if (isOwn(name)) {
      column = null;
    } else if (field === undefined || !Object.hasOwn(schema, field)) {
      const type = VALUE_TYPES.string;
      column = { name, place: -1, type, required: false, target: undefined, seen: undefined };
    } else {
      const place = this.#fields.indexOf(field);
      const spec = schema[field]!;
      column = {
        name: field,
        place,
        type: typeOf(spec),
        required: spec.required === true,
        target: this.#targetOf(spec),
        seen: unique && spec.unique === true ? new Set() : undefined,
      };
    }
    return this.#columns[place] = column;
  }

  /** The base that a link leads to, if it is one and that is there. */
  #targetOf({ type }: FieldSpec): PsBase | undefined {
    if (typeof type !== "object" || !("link" in type)) return undefined;
    if (type.link === "self") return this.#options.base;
    const target = PsBase.openSync(type.link, { readOnly: true });
    this.#targets.push(target);
    return target;
  }

  [Symbol.dispose](): void {
    for (const target of this.#targets) target[Symbol.dispose]();
  }
}
