/**
 * Makes the row objects that users get, and finds the table that a row object came from.
 *
 * @module
 */

import type { Group } from "../segment/group.ts";
import { type Attribute, type FieldDef, readField } from "../schema/field_def.ts";
import type { RowLocation } from "./location.ts";
import type { Origin, RowMaker } from "./origin.ts";
import { strict, unwrapStrict } from "./strict.ts";
import type { Stored } from "../schema/values.ts";

/** The version of the row at a location. */
export function versionAt(location: RowLocation): number {
  return location.row === undefined ? location.group.version(location.index) : location.row.version;
}

/** The stored value of an attribute of the row at a location. */
export function valueAt(location: RowLocation, attribute: Attribute): Stored | null {
  if (attribute === "__id__") return location.id;
  if (attribute === "__version__") return versionAt(location);
  if (location.row !== undefined) return readField(location.row, attribute);
  return location.group.column(attribute).get(location.index);
}

/**
 * Decodes a value of a group, or of a row in memory if there is no group. A value of a group may
 * turn out to be damaged here: columns do not check whether a text is valid json.
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

/**
 * Its constructor returns the given object, so a subclass adds its private fields to that object.
 */
class ReturnOverride {
  constructor(object: object) {
    return object;
  }
}

/** Marks a row object with its table, in a private field that nobody sees and nothing copies. */
class MarkedRow extends ReturnOverride {
  readonly #table: string;

  constructor(row: object, table: string) {
    super(row);
    this.#table = table;
  }

  static tableOf(row: object): string | undefined {
    return #table in row ? row.#table : undefined;
  }
}

/** The UUID of the table that a row object was read from; `undefined` for any other object. */
export function tableOf(row: object): string | undefined {
  return MarkedRow.tableOf(unwrapStrict(row));
}

/**
 * Makes the object of a row, with its id, its version and these fields. `linkedAt` makes the rows
 * that its links lead to.
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

/** Makes a strict row object, whose links lead to strict rows. */
export const strictRowAt: RowMaker = (origin, location, fields) =>
  strict(rowAt(origin, location, fields, strictRowAt));

/** Copies a row object, with `copy` for each value. Its links and its mark are kept. */
export function copyRow(row: object, copy: (value: unknown) => unknown): object {
  const properties = Object.getOwnPropertyDescriptors(row) as PropertyDescriptorMap;
  for (const property of Object.values(properties)) {
    if ("value" in property) property.value = copy(property.value);
  }
  return new MarkedRow(Object.defineProperties({}, properties), tableOf(row)!);
}

/** Defines a link: a getter that reads the current row. */
function defineLink(row: object, field: FieldDef, get: () => unknown): void {
  Object.defineProperty(row, field.name, { enumerable: true, configurable: true, get });
}

/** Makes links ids in JSON, because rows may lead to each other in circles. */
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
