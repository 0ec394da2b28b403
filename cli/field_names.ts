/**
 * Which fields the columns of a file become.
 *
 * @module
 */

import { excerpt } from "../engine/system/check.ts";
import type { FieldSpec } from "../mod.ts";
import { Fault, UsageError } from "./errors.ts";
import { checkMeta, fieldName, isMeta, isOwn, twoColumns } from "./take_rows.ts";

/** The longest name of a field, in bytes of UTF-8. */
const MAX_BYTES = 255;

/** What is said of names. */
export interface NamingOptions {
  /** The fields that there are; none, if the table is yet to be made. */
  readonly known?: Record<string, FieldSpec> | undefined;
  /** Names that fields get, by that of the column, or of the field that it would become. */
  readonly renames: ReadonlyMap<string, string>;
  /** Whether rows have ids and versions. */
  readonly ids: boolean;
}

/** What `--rename` says, by the old name. */
export function renamesOf(text: string | undefined): Map<string, string> {
  const renames = new Map<string, string>();
  for (const word of text?.split(",") ?? []) {
    // What is new is a name, in which is no "=".
    const at = word.lastIndexOf("=");
    const [old, name] = [word.slice(0, at), word.slice(at + 1)];
    if (at <= 0 || name === "") {
      throw new UsageError(`--rename: ${JSON.stringify(word)} is not of the form OLD=NEW`);
    }
    if (renames.has(old)) throw new UsageError(`--rename: "${old}" is given twice`);
    renames.set(old, name);
  }
  return renames;
}

/** The fields of columns, more of which may come. */
export class FieldNames {
  readonly #columns: readonly (string | null)[];
  readonly #options: NamingOptions;
  /** By the place of a column; undefined: it is none of a row, or has neither name nor field. */
  readonly #fields: (string | Fault | undefined)[] = [];
  /** The place of the column of a field. */
  readonly #places = new Map<string, number>();
  readonly #renamed = new Set<string>();

  /**
   * @param columns The names of the columns.
   * @param options What is said of them.
   */
  constructor(columns: readonly (string | null)[], options: NamingOptions) {
    this.#columns = columns;
    this.#options = options;
  }

  /**
   * The field of a column; `undefined` if it is none, like an id, or if it has no name.
   *
   * @throws {Fault} If it should have one and has not.
   */
  of(place: number): string | undefined {
    this.meet();
    const field = this.#fields[place];
    if (field instanceof Fault) throw field;
    return field;
  }

  /** The field that a column would become that has no name. */
  static unnamed(place: number): string {
    return `column_${place + 1}`;
  }

  /** Throws Fault if there is a rename of no column. */
  checkRenames(): void {
    this.meet();
    for (const old of this.#options.renames.keys()) {
      if (!this.#renamed.has(old)) throw noColumn("--rename", old, this.#columns);
    }
  }

  /**
   * Names the columns that came since: first as `--rename` says, then those that are fields as they
   * are, so that none that is cleaned or numbered takes the name of one of these.
   */
  meet(): void {
    const from = this.#fields.length;
    const { length } = this.#columns;
    if (from === length) return;
    this.#fields.length = length;
    const ways = [this.#nameOwn, this.#nameAsSaid, this.#nameAsItIs, this.#nameCleaned];
    let left = Array.from({ length: length - from }, (_, i) => from + i);
    for (const way of ways) {
      left = left.filter((place) => {
        try {
          return !way.call(this, this.#columns[place] ?? null, place);
        } catch (error) {
          if (!(error instanceof Fault)) throw error;
          this.#fields[place] = error;
          return false;
        }
      });
    }
  }

  /** Each way tells whether the column needs no other. */
  #nameOwn(name: string | null, place: number): boolean {
    if (name === null || !isOwn(name)) return false;
    checkMeta(name, this.#options.ids);
    if (!isMeta(name) || this.#columns.indexOf(name) === place) return true;
    throw new Fault(`two columns are called "${name}"`);
  }

  #nameAsSaid(name: string | null, place: number): boolean {
    const field = this.#renameOf(name ?? FieldNames.unnamed(place));
    if (field === undefined) return false;
    this.#give(field, place);
    return true;
  }

  #nameAsItIs(name: string | null, place: number): boolean {
    const { known } = this.#options;
    if (name === null) return false;
    const other = this.#places.get(name);
    if (other !== undefined) {
      if (this.#columns[other] === name) return false; // to be numbered
      throw twoColumns(this.#called(other), name, name);
    }
    const isField = known === undefined
      ? fieldName(name) === name && shortened(name, MAX_BYTES) === name
      : Object.hasOwn(known, name);
    if (isField) this.#give(name, place);
    return isField;
  }

  #nameCleaned(name: string | null, place: number): boolean {
    const { known } = this.#options;
    const clean = name === null ? FieldNames.unnamed(place) : fieldName(name);
    let n = 1;
    while (this.#places.has(numbered(clean, n))) n++;
    const field = numbered(clean, n);
    const said = (this.#renamed.has(field) ? undefined : this.#renameOf(field)) ?? field;
    if (said === field && known !== undefined) this.#checkClear(clean, place, known);
    const isField = known === undefined || Object.hasOwn(known, said);
    if (isField || said !== field) this.#give(said, place);
    else if (name !== null) throw unknownColumn(name, known);
    return true;
  }

  /** Throws Fault if a column of this name, cleaned, may be one of several fields. */
  #checkClear(clean: string, place: number, known: Record<string, FieldSpec>): void {
    const fields: string[] = [];
    for (let n = 1; Object.hasOwn(known, numbered(clean, n)); n++) fields.push(numbered(clean, n));
    const left = fields.filter((field) => !this.#places.has(field));
    const alike = this.#columns.filter((name, i) =>
      name !== null && i >= place && this.#fields[i] === undefined &&
      numbered(fieldName(name), 1) === fields[0]
    );
    if (left.length <= Math.max(1, alike.length)) return;
    const name = this.#called(place);
    throw new Fault(
      `column "${name}" may be ${left.join(" or ")}, say --rename ${name}=${left[0]}`,
    );
  }

  #called(place: number): string {
    return this.#columns[place] ?? FieldNames.unnamed(place);
  }

  #renameOf(old: string): string | undefined {
    const name = this.#options.renames.get(old);
    if (name !== undefined) this.#renamed.add(old);
    return name;
  }

  #give(field: string, place: number): void {
    const { known } = this.#options;
    const other = this.#places.get(field);
    if (other !== undefined) throw twoColumns(this.#called(other), this.#called(place), field);
    if (known !== undefined && !Object.hasOwn(known, field)) throw unknownColumn(field, known);
    this.#fields[place] = field;
    this.#places.set(field, place);
  }
}

/** The n-th field of a name: `name`, `name_2`, `name_3`. */
function numbered(name: string, n: number): string {
  const end = n === 1 ? "" : `_${n}`;
  return shortened(name, MAX_BYTES - end.length) + end;
}

/** A name that is no longer than so many bytes. */
function shortened(name: string, bytes: number): string {
  const { read } = new TextEncoder().encodeInto(name, new Uint8Array(bytes));
  return read === name.length ? name : name.slice(0, read).replace(/_+$/, "");
}

/** An option names a column that is not there. */
export function noColumn(option: string, name: string, columns: readonly (string | null)[]): Fault {
  const names = columns.map((column, i) => column ?? FieldNames.unnamed(i));
  return new Fault(`${option}: there is no column "${name}", there are ${names.join(", ")}`);
}

/** A table has no field of a column. */
function unknownColumn(name: string, known: Record<string, FieldSpec>): Fault {
  const fields = Object.keys(known);
  const alike = fields.find((field) => field.toLowerCase() === fieldName(name).toLowerCase());
  return new Fault(
    `there is no field for column ${excerpt(name)}, the fields are ${fields.join(", ")}: say ` +
      `--rename ${name}=${alike ?? "FIELD"}, or add it (psbase add-field)`,
  );
}
