/**
 * Which fields the columns of a file become.
 *
 * @module
 */

import { excerpt } from "../../engine/system/check.ts";
import type { FieldSpec } from "../../mod.ts";
import { pairsOf } from "../call/args.ts";
import { META } from "../call/fields.ts";
import { Fault } from "../process/errors.ts";

/** The longest name of a field, in bytes of UTF-8. */
const MAX_BYTES = 255;

/** The columns of a file of refused rows. An import ignores them, so the file can be imported. */
export const REJECT_COLUMNS: readonly string[] = ["__line__", "__reason__"];

/** How columns are named. */
export interface NamingOptions {
  /** The fields of the table; `undefined` if the table is yet to be made. */
  readonly known?: Record<string, FieldSpec> | undefined;
  /** The new names, by column, or by the field that the column would become. */
  readonly renames: ReadonlyMap<string, string>;
  /** Whether rows have ids and versions. */
  readonly ids: boolean;
}

/** The renames of `--rename`, by the old name. */
export function renamesOf(text: string | undefined): Map<string, string> {
  // A new name has no "=", an old one may have some.
  return pairsOf("rename", text, "OLD=NEW", (pair) => pair.lastIndexOf("="));
}

/** The fields of columns. More columns may be added to the list. */
export class FieldNames {
  readonly #columns: readonly (string | null)[];
  readonly #options: NamingOptions;
  /** By the place of the column. `undefined`: it is not part of a row, or it has no name. */
  readonly #fields: (string | Fault | undefined)[] = [];
  /** The place of the column of each field. */
  readonly #places = new Map<string, number>();
  readonly #renamed = new Set<string>();

  /**
   * @param columns The names of the columns.
   * @param options How they are named.
   */
  constructor(columns: readonly (string | null)[], options: NamingOptions) {
    this.#columns = columns;
    this.#options = options;
  }

  /**
   * The field of a column; `undefined` if it is not part of a row, like an id, or has no name.
   *
   * @throws {Fault} If it has a name but no field.
   */
  of(place: number): string | undefined {
    this.meet();
    const field = this.#fields[place];
    if (field instanceof Fault) throw field;
    return field;
  }

  /** The field of a column without a name. */
  static unnamed(place: number): string {
    return `column_${place + 1}`;
  }

  /** Throws Fault if a rename is of no column. */
  checkRenames(): void {
    this.meet();
    for (const old of this.#options.renames.keys()) {
      if (!this.#renamed.has(old)) throw noColumn("--rename", old, this.#columns);
    }
  }

  /**
   * Names the columns that were added since the last call. `--rename` comes first, then names that
   * are fields as they are: a cleaned or numbered name must not take one of theirs.
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

  /** Each of these ways gives true if the column needs no other way. */
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
      if (this.#columns[other] === name) return false; // it gets a number
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

  /** Throws Fault if the column of a cleaned name may be any of several fields. */
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

/** The n-th field for a name: `name`, `name_2`, `name_3`. */
function numbered(name: string, n: number): string {
  const end = n === 1 ? "" : `_${n}`;
  return shortened(name, MAX_BYTES - end.length) + end;
}

/** The name, cut to a length in bytes of UTF-8. */
function shortened(name: string, bytes: number): string {
  const { read } = new TextEncoder().encodeInto(name, new Uint8Array(bytes));
  return read === name.length ? name : name.slice(0, read).replace(/_+$/, "");
}

/** The error for an option that names a column which is not there. */
export function noColumn(option: string, name: string, columns: readonly (string | null)[]): Fault {
  const names = columns.map((column, i) => column ?? FieldNames.unnamed(i));
  return new Fault(`${option}: there is no column "${name}", there are ${names.join(", ")}`);
}

/** The error for a column without a field in the table. */
function unknownColumn(name: string, known: Record<string, FieldSpec>): Fault {
  const fields = Object.keys(known);
  const alike = fields.find((field) => field.toLowerCase() === fieldName(name).toLowerCase());
  return new Fault(
    `there is no field for column ${excerpt(name)}, the fields are ${fields.join(", ")}: say ` +
      `--rename ${name}=${alike ?? "FIELD"}, or add it (psbase add-field)`,
  );
}

/** Whether a column belongs to the table or to an import, so that it is not a field. */
export function isOwn(name: string): boolean {
  return isMeta(name) || REJECT_COLUMNS.includes(name);
}

/** Whether the table itself sets this column of each row. */
export function isMeta(name: string): boolean {
  return META.some((column) => column.name === name);
}

/** A field name from any text. Characters that it cannot have become `_`. */
export function fieldName(text: string): string {
  // A mark without a letter is part of an emoji, or a mistake.
  const parts = text.normalize().match(/(?:\p{L}[\p{Mn}\p{Mc}\u200c\u200d]*|\p{Nd})+/gu) ?? [];
  const name = parts.join("_");
  return /^\p{L}/u.test(name) ? name : `f${name && "_"}${name}`;
}

/** Throws Fault if a file has ids or versions and the import does not take them. */
function checkMeta(name: string, ids: boolean): void {
  if (ids || !isMeta(name)) return;
  throw new Fault(`column "${name}" is set by the table itself, say --ids to keep its values`);
}

/** The error for two columns that become one field. */
function twoColumns(one: string, other: string, field: string): Fault {
  return new Fault(`columns "${one}" and "${other}" both become field "${field}", rename one`);
}

/** The error for a cell in a column without a name. */
export function noName(place: number): Fault {
  return new Fault(
    `column ${place + 1} has a cell and no name, say --rename column_${place + 1}=NAME, or ` +
      "--skip-lines N if the names are in a later line",
  );
}
