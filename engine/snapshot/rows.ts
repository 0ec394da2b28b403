/**
 * From what is stored to the objects that users get, and back to where a row
 * came from.
 *
 * @module
 */

import type { Group } from "../segment/group.ts";
import { type Attribute, type FieldDef, readField } from "../schema/field_def.ts";
import type { RowLocation } from "./location.ts";
import type { Origin, RowMaker } from "./origin.ts";
import { strict, unwrapStrict } from "./strict.ts";
import type { Stored } from "../schema/values.ts";

/** The version of a row. */
export function versionAt(location: RowLocation): number {
  return location.row === undefined ? location.group.version(location.index) : location.row.version;
}

/** A value as it is stored. */
export function valueAt(location: RowLocation, column: Attribute): Stored | null {
  if (column === "__id__") return location.id;
  if (column === "__version__") return versionAt(location);
  if (location.row !== undefined) return readField(location.row, column);
  return location.group.column(column).get(location.index);
}

/**
 * A value as users get it, of a group or of a row in memory. Whether json is any is not known
 * before: columns give it as it is.
 */
export function decodeFrom(group: Group | undefined, field: FieldDef, value: Stored): unknown {
  try {
    return field.value.decode(value);
  } catch (error) {
    if (group === undefined) throw error;
    const reason = `field "${field.name}" makes no sense (${(error as Error).message})`;
    return group.source.fail(0, reason);
  }
}

/** Makes a constructor return what it is given, so that a subclass adds its private fields to it. */
class ReturnOverride {
  constructor(object: object) {
    return object;
  }
}

/** Marks a row with its base: a private field is seen by nobody, and copied by nothing. */
class MarkedRow extends ReturnOverride {
  readonly #base: string;

  constructor(row: object, base: string) {
    super(row);
    this.#base = base;
  }

  static baseOf(row: object): string | undefined {
    return #base in row ? row.#base : undefined;
  }
}

/** The base that a row was read from, if it is known. */
export function tableOf(row: object): string | undefined {
  return MarkedRow.baseOf(unwrapStrict(row));
}

/**
 * What becomes of a place: an object with its id, its version, and these fields. What links lead
 * to is made by `linkedAt`.
 */
export function rowAt(
  origin: Origin,
  location: RowLocation,
  fields: readonly FieldDef[],
  linkedAt: RowMaker = rowAt,
): Record<string, unknown> {
  const row: Record<string, unknown> = { __id__: location.id, __version__: versionAt(location) };
  const columns = location.group?.columns(fields);
  let linked: Map<string, number> | undefined;
  for (let k = 0; k < fields.length; k++) {
    const field = fields[k]!;
    const value = location.row === undefined
      ? columns![k]!.get(location.index)
      : readField(location.row, field);
    if (value === null) row[field.name] = null;
    else if (field.target === undefined) row[field.name] = decodeFrom(location.group, field, value);
    else {
      defineLink(row, field, () => origin.links.row(field, value as number, linkedAt));
      (linked ??= new Map()).set(field.name, value as number);
    }
  }
  if (linked !== undefined) defineJson(row, linked);
  new MarkedRow(row, origin.table);
  return row;
}

/** As {@linkcode rowAt}, for a function that decides by the row: strict, as what it leads to is. */
export const strictRowAt: RowMaker = (origin, location, fields) =>
  strict(rowAt(origin, location, fields, strictRowAt));
/** A copy of a row, with `copy` of each value. Its links stay links, and it is still a row of its base. */
export function copyRow(row: object, copy: (value: unknown) => unknown): object {
  const properties = Object.getOwnPropertyDescriptors(row) as PropertyDescriptorMap;
  for (const property of Object.values(properties)) {
    if ("value" in property) property.value = copy(property.value);
  }
  return new MarkedRow(Object.defineProperties({}, properties), tableOf(row)!);
}

/** A field that leads to a row as it is when one looks. */
function defineLink(row: object, field: FieldDef, get: () => unknown): void {
  Object.defineProperty(row, field.name, { enumerable: true, configurable: true, get });
}

/** As JSON a link is an id: rows may lead to each other in circles. */
function defineJson(row: object, linked: ReadonlyMap<string, number>): void {
  if (Object.hasOwn(row, "toJSON")) return;
  Object.defineProperty(row, "toJSON", {
    value(this: object) {
      const entries = Object.entries(Object.getOwnPropertyDescriptors(this));
      return Object.fromEntries(
        entries.filter(([, { enumerable }]) => enumerable)
          .map(([name, { value }]) => [name, linked.get(name) ?? value]),
      );
    },
  });
}
