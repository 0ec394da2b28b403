/**
 * The cells of a row of a file as the values of a row, with all that can be wrong with them.
 *
 * @module
 */

import type { GivenRow } from "../../engine/maintenance/given_rows.ts";
import { VALUE_TYPES, type ValueType } from "../../engine/schema/values.ts";
import { type FieldSpec, PsBase } from "../../mod.ts";
import { typeOf } from "../call/fields.ts";
import type { FileRow } from "../formats/format.ts";
import { Fault } from "../process/errors.ts";
import { type FieldNames, isMeta, isOwn, noName } from "./field_names.ts";

/** Where the cells of a column go. */
interface Column {
  readonly name: string;
  /** The place of its field; -1 for ids, versions, and a column without a field. */
  readonly place: number;
  readonly type: ValueType;
  readonly required: boolean;
  /** The table to which it links, if it is a link and the table is there. */
  readonly target: PsBase | undefined;
  /** The values so far, as text, if none may come twice. */
  readonly seen: Set<string> | undefined;
}

/** A column without a field: its cells must be empty. */
const NO_FIELD = {
  place: -1,
  type: VALUE_TYPES.string,
  required: false,
  target: undefined,
  seen: undefined,
};

/** Where rows go. */
export interface TakeOptions {
  /** The fields. */
  readonly schema: Record<string, FieldSpec>;
  /** The field of each column. */
  readonly fields: FieldNames;
  /** The table; `undefined` if it is yet to be made. */
  readonly base: PsBase | undefined;
  /** Whether rows have ids and versions. */
  readonly ids: boolean;
  /** Whether to look for duplicates in unique fields. This keeps all of their values in memory. */
  readonly unique: boolean;
}

/** Turns rows of a file into rows of a table, one after the other. */
export class RowTaker implements Disposable {
  readonly #names: readonly (string | null)[];
  readonly #options: TakeOptions;
  /** By the place of the column; `null`: it is ignored. */
  readonly #columns: (Column | null)[] = [];
  /** The names of the fields. */
  readonly #fields: readonly string[];
  /** The places of required fields without a default. */
  readonly #needed: readonly number[];
  /** The open tables of links. */
  readonly #targets: PsBase[] = [];
  #nextId = 0;

  /**
   * @param names The columns of the file. More columns may be added.
   * @param options Where the rows go.
   */
  constructor(names: readonly (string | null)[], options: TakeOptions) {
    this.#names = names;
    this.#options = options;
    this.#fields = Object.keys(options.schema);
    this.#needed = [...this.#fields.keys()].filter((k) => {
      const { required, default: value } = options.schema[this.#fields[k]!]!;
      return required === true && (value ?? null) === null;
    });
    // An error in a column that is known now is an error of the file, not of a row.
    names.forEach((_, i) => this.#column(i));
  }

  /** The row, or what is wrong with it. */
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

  /** Comes last: a row that is refused for another reason must not block its values. */
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
      if (number < 0) throw new Fault(`${number} is neither an id nor a version`);
    }
    if (id >= this.#nextId) return id;
    throw new Fault(`__id__ ${id} comes after ${this.#nextId - 1}, sort the rows by __id__`);
  }

  // ------------------------------------------------------------- columns

  #column(place: number): Column | null {
    const name = this.#names[place] ?? "";
    const { schema, fields, unique } = this.#options;
    const field = fields.of(place);
    const spec = field !== undefined && Object.hasOwn(schema, field) ? schema[field] : undefined;
    let column: Column | null;
    if (isMeta(name)) {
      column = { name, ...NO_FIELD, type: VALUE_TYPES.integer, required: true };
    } else if (isOwn(name)) {
      column = null;
    } else if (spec === undefined) {
      column = { name, ...NO_FIELD };
    } else {
      column = {
        name: field!,
        place: this.#fields.indexOf(field!),
        type: typeOf(spec),
        required: spec.required === true,
        target: this.#targetOf(spec),
        seen: unique && spec.unique === true ? new Set() : undefined,
      };
    }
    return this.#columns[place] = column;
  }

  /** The open table of a link; `undefined` if the field is not a link. */
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
