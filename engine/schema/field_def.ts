/**
 * The definition of a field: reads it from a user's schema or from a file, and reads its value in a
 * stored row. Messages are fragments: the caller puts `Cannot create "people": ` before them.
 *
 * A field has a number besides its name. Rows hold values by number, and a number is never used
 * again, so rows and frames from before a change of the schema stay readable.
 *
 * @module
 */

import { describe, excerpt, isCount, isObject } from "../system/check.ts";
import { SchemaError, UniqueError } from "../system/errors.ts";
import type { Json, JsonValue } from "./types.ts";
import { type Stored, VALUE_TYPES, type ValueType } from "./values.ts";

/** A field of a table. */
export interface FieldDef {
  /** Its name. */
  readonly name: string;
  /** Its position in {@linkcode StoredRow.values}. */
  readonly number: number;
  /** The name of its type. */
  readonly type: ValueType["name"];
  /** Its type. */
  readonly value: ValueType;
  /** The table that a link leads to: a path relative to this table, or `"self"`. */
  readonly target: string | undefined;
  /** Whether null is refused. */
  readonly required: boolean;
  /** Whether the user asked for an index; a unique field has one anyway. */
  readonly index: boolean;
  /** Whether a value may occur only once. */
  readonly unique: boolean;
  /** The value that `insert` uses if it gets none. */
  readonly default: Stored | null;
  /** The value of rows older than the field: the default that the field was added with. */
  readonly fill: Stored | null;
}

/** A row in memory. */
export interface StoredRow {
  /** The number of updates since the insert. */
  readonly version: number;
  /** By field number; `undefined` if the row is older than the field. */
  readonly values: readonly (Stored | null | undefined)[];
}

const MAX_NAME_BYTES = 255;
/** Matches most names. The pattern for all names is slow to compile. */
const ASCII_NAME_REGEXP = /^[A-Za-z]\w*$/;
/** The names of JavaScript, except for "$" and a leading "_". */
const NAME_REGEXP = /^\p{ID_Start}[\p{ID_Continue}\u200c\u200d]*$/u;
/** The boolean options of a field. */
export const FLAGS = ["required", "index", "unique"] as const;
const OPTIONS = ["type", ...FLAGS, "default"];
const FILE_KEYS = ["name", "number", "target", ...OPTIONS, "fill"];

/**
 * Declares a json field whose values have the type `T`. Only the compiler knows `T`: psbase does
 * not check values against it.
 *
 * @example A field of text arrays
 * ```ts
 * import { json, PsBase } from "@psbase/psbase";
 * import { assertEquals } from "@std/assert";
 *
 * using people = PsBase.createSync(await Deno.makeTempDir(), { tags: json<string[]>() });
 * const id = people.insertSync({ tags: ["bald", "hungry"] });
 * const tags: string[] | null | undefined = people.get(id)?.tags;
 * assertEquals(tags, ["bald", "hungry"]);
 * ```
 *
 * @returns The type of the field.
 */
export function json<T>(): Json<T> {
  return { json: true };
}

/** Whether it has the form of a field name. */
export function isName(name: string): boolean {
  return ASCII_NAME_REGEXP.test(name) || NAME_REGEXP.test(name);
}

/** Throws SchemaError unless a user may give a field this name. */
export function checkName(name: unknown): asserts name is string {
  if (typeof name !== "string") throw new SchemaError(`${describe(name)}, a name is a string`);
  if (name.startsWith("_")) {
    throw new SchemaError(`field "${name}": names that begin with "_" are reserved`);
  }
  const quoted = JSON.stringify(name);
  if (!isName(name)) {
    throw new SchemaError(
      `field ${quoted}: a name is a letter, then letters with their marks, digits and "_"`,
    );
  }
  // Otherwise two names could look alike, and other software could take them for one.
  if (name.normalize() !== name) {
    throw new SchemaError(`field ${quoted}: it is not in Unicode form NFC, pass name.normalize()`);
  }
  if (new TextEncoder().encode(name).length > MAX_NAME_BYTES) {
    throw new SchemaError(
      `field "${name}": a name has ${MAX_NAME_BYTES} bytes of UTF-8 at most`,
    );
  }
}

function isTypeName(name: unknown): name is ValueType["name"] {
  return typeof name === "string" && Object.hasOwn(VALUE_TYPES, name);
}

/** The type that a user gave, which may be anything, and the target of a link. */
function typeFrom(type: unknown): { type: unknown; target?: string } {
  if (!isObject(type)) return { type: type === "link" ? undefined : type };
  if (type.json === true) return { type: "json" };
  return typeof type.link === "string" ? { type: "link", target: type.link } : { type };
}

/** Whether the field has an index: a unique field needs one to find duplicates fast. */
export function isIndexed({ index, unique }: Pick<FieldDef, "index" | "unique">): boolean {
  return index || unique;
}

/** Encodes a user's value or null. Error messages begin with the name of the field. */
export function encodeField(field: FieldDef, value: unknown): Stored | null {
  try {
    return value === null ? null : field.value.encode(value);
  } catch (error) {
    const prefix = `field "${field.name}": `;
    if (error instanceof TypeError) throw new TypeError(prefix + error.message);
    if (error instanceof RangeError) throw new RangeError(prefix + error.message);
    throw error;
  }
}

/** The boolean options in a user's specification. */
export function flagsFrom(name: string, spec: Record<string, unknown>) {
  const flags = FLAGS.map((flag) => {
    const value = spec[flag] ?? false;
    if (typeof value === "boolean") return [flag, value];
    throw new SchemaError(`field "${name}": ${flag}: ${describe(value)}, expected a boolean`);
  });
  return Object.fromEntries(flags) as Record<typeof FLAGS[number], boolean>;
}

/** The boolean options that are true. */
export function flagsOf(field: Pick<FieldDef, typeof FLAGS[number]>) {
  return Object.fromEntries(FLAGS.filter((flag) => field[flag]).map((flag) => [flag, true]));
}

/** A field of a user's schema. Checks everything except the name. */
export function fieldFrom(name: string, number: number, field: unknown): FieldDef {
  const spec = isObject(field) && !("json" in field || "link" in field) ? field : { type: field };
  for (const option of Object.keys(spec)) {
    if (!OPTIONS.includes(option)) {
      throw new SchemaError(
        `field "${name}": unknown option "${option}", the options are ${OPTIONS.join(", ")}`,
      );
    }
  }
  const { type, target } = typeFrom(spec.type);
  if (!isTypeName(type)) {
    const what = typeof spec.type === "string" && spec.type !== "link"
      ? `unknown type "${spec.type}"`
      : `no type (${describe(spec.type)})`;
    const names = Object.keys(VALUE_TYPES).filter((name) => name !== "link").join(", ");
    throw new SchemaError(`field "${name}": ${what}, the types are ${names}, and link()`);
  }
  const def = {
    name,
    number,
    type,
    target,
    value: VALUE_TYPES[type],
    ...flagsFrom(name, spec),
    default: null,
    fill: null,
  };
  if (isIndexed(def) && !def.value.sortable) {
    throw new SchemaError(`field "${name}": ${type} has no order, so it cannot have an index`);
  }
  const { default: standard } = spec;
  if (def.required && standard === null) {
    throw new SchemaError(`field "${name}": it is required, its default cannot be null`);
  }
  if (standard === undefined || standard === null) return def;
  if (target !== undefined) {
    throw new SchemaError(`field "${name}": a link has no default, its row may be deleted`);
  }
  try {
    return { ...def, default: def.value.encode(standard) };
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new SchemaError(`field "${name}": default: ${error.message}`);
  }
}

/** Checks that JSON of a file is an object with no other keys; throws SyntaxError, a fragment. */
export function objectWithKeys(json: unknown, keys: readonly string[]): Record<string, unknown> {
  if (!isObject(json)) throw new SyntaxError(`${describe(json)}, expected an object`);
  const unknown = Object.keys(json).find((key) => !keys.includes(key));
  if (unknown !== undefined) throw new SyntaxError(`unknown key ${JSON.stringify(unknown)}`);
  return json;
}

/** The field that JSON of a file describes; throws SyntaxError or SchemaError, fragments. */
export function fieldFromJson(json: unknown): FieldDef {
  const { name, number, type, target, default: standard, fill, ...flags } = objectWithKeys(
    json,
    FILE_KEYS,
  );
  if (typeof name !== "string" || !isName(name)) throw new SyntaxError("a field has no name");
  if (!isCount(number)) throw new SyntaxError("a field number is not a count");
  if (!isTypeName(type)) throw new SyntaxError("a field has an unknown type");
  if ((type === "link") !== (typeof target === "string")) {
    throw new SyntaxError("a link has no target");
  }
  const value = VALUE_TYPES[type];
  const stored = (plain: unknown) =>
    plain === undefined ? null : value.encode(value.fromJson(plain as JsonValue));
  return {
    ...fieldFrom(name, number, { ...flags, type: type === "link" ? { link: target } : type }),
    default: stored(standard),
    fill: stored(fill),
  };
}

/** The value of a field in a stored row. */
export function readField(row: StoredRow, field: FieldDef): Stored | null {
  const value = row.values[field.number];
  return value === undefined ? field.fill : value;
}

/** The error of a write that would repeat a value of a unique field. */
export function uniqueError(
  attempt: string,
  { field, stored, id }: { field: FieldDef; stored: Stored; id: number },
): UniqueError {
  const { name, value: type } = field;
  const value = type.decode(stored);
  return new UniqueError(
    `${attempt}: field "${name}" is unique, and row ${id} has ` +
      `${excerpt(type.format(value))} already`,
    name,
    value,
    id,
  );
}

/** A field, or one of the properties that every row has. */
export type Attribute = FieldDef | "__id__" | "__version__";

/** The type of its values. */
export function attributeType(attribute: Attribute): ValueType {
  return typeof attribute === "string" ? VALUE_TYPES.integer : attribute.value;
}

/** Its name. */
export function attributeName(attribute: Attribute): string {
  return typeof attribute === "string" ? attribute : attribute.name;
}
