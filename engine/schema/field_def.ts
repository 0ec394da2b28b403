/**
 * A field of a table: what a user's schema or a file may say of it, and how a row holds its values.
 * Messages are fragments: who calls puts `Cannot create "people": ` before them.
 *
 * A field has a number besides its name. Rows hold values by number, and no
 * number is given out twice, so that rows and frames older than a change of the
 * schema stay readable as they are.
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
  /** Its place in {@linkcode StoredRow.values}, never that of another field. */
  readonly number: number;
  /** The name of its type. */
  readonly type: ValueType["name"];
  /** What is known of its type. */
  readonly value: ValueType;
  /** Where the rows stand that it leads to, for a link: a path from this base, or `"self"`. */
  readonly target: string | undefined;
  /** Whether it is never null. */
  readonly required: boolean;
  /** Whether it was asked to be found without a scan. */
  readonly index: boolean;
  /** Whether no value is there twice. */
  readonly unique: boolean;
  /** What `insert` puts in where nothing is given. */
  readonly default: Stored | null;
  /** What rows older than the field hold: the default that it was added with. */
  readonly fill: Stored | null;
}

/** A row in memory. */
export interface StoredRow {
  /** How often it was written since it was inserted. */
  readonly version: number;
  /** By field number; `undefined`: the row is older than the field. */
  readonly values: readonly (Stored | null | undefined)[];
}

const MAX_NAME_BYTES = 255;
/** Most names; the pattern for all is slow to compile. */
const ASCII_NAME_REGEXP = /^[A-Za-z]\w*$/;
/** What JavaScript takes for a name, but for "$" and a first "_". */
const NAME_REGEXP = /^\p{ID_Start}[\p{ID_Continue}\u200c\u200d]*$/u;
/** Options of a field that are true or false. */
export const FLAGS = ["required", "index", "unique"] as const;
const OPTIONS = ["type", ...FLAGS, "default"];
const FILE_KEYS = ["name", "number", "target", ...OPTIONS, "fill"];

/**
 * A json field whose values have the shape `T`, for the compiler: what is
 * stored is not checked against it.
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
 * @typeParam T The shape of the values.
 * @returns The type of the field.
 */
export function json<T>(): Json<T> {
  return { json: true };
}

/** Whether it is of the form of a field's name. */
export function isName(name: string): boolean {
  return ASCII_NAME_REGEXP.test(name) || NAME_REGEXP.test(name);
}

/** Throws SchemaError unless a user may call a field so. */
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
  // Else two names could look the same, and be the same to other software.
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

/** The name of a type as a user gives it, and where a link leads. */
function typeFrom(type: unknown): { type: unknown; target?: string } {
  if (!isObject(type)) return { type: type === "link" ? undefined : type };
  if (type.json === true) return { type: "json" };
  return typeof type.link === "string" ? { type: "link", target: type.link } : { type };
}

/** Whether it has an index: whoever looks for a value twice must find it fast. */
export function isIndexed({ index, unique }: Pick<FieldDef, "index" | "unique">): boolean {
  return index || unique;
}

/** Puts the name of the field before the message of an error of its value. */
export function encodeField(field: FieldDef, value: unknown): Stored {
  try {
    return field.value.encode(value);
  } catch (error) {
    const prefix = `field "${field.name}": `;
    if (error instanceof TypeError) throw new TypeError(prefix + error.message);
    if (error instanceof RangeError) throw new RangeError(prefix + error.message);
    throw error;
  }
}

/** What a user says of them. */
export function flagsFrom(name: string, spec: Record<string, unknown>) {
  const flags = FLAGS.map((flag) => {
    const value = spec[flag] ?? false;
    if (typeof value === "boolean") return [flag, value];
    throw new SchemaError(`field "${name}": ${flag}: ${describe(value)}, expected a boolean`);
  });
  return Object.fromEntries(flags) as Record<typeof FLAGS[number], boolean>;
}

/** Those that are set. */
export function flagsOf(field: Pick<FieldDef, typeof FLAGS[number]>) {
  return Object.fromEntries(FLAGS.filter((flag) => field[flag]).map((flag) => [flag, true]));
}

/** A field of a user's schema, checked, but for its name. */
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
    throw new SchemaError(`field "${name}": ${type} has no order, it can have no index`);
  }
  const { default: standard } = spec;
  if (def.required && standard === null) {
    throw new SchemaError(`field "${name}": it is required, its default cannot be null`);
  }
  if (standard === undefined || standard === null) return def;
  if (target !== undefined) {
    throw new SchemaError(`field "${name}": a link has no default, its row could be gone`);
  }
  try {
    return { ...def, default: def.value.encode(standard) };
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw new SchemaError(`field "${name}": default: ${error.message}`);
  }
}

/** An object of a file, which has no keys but these; else throws SyntaxError, a fragment. */
export function objectWithKeys(json: unknown, keys: readonly string[]): Record<string, unknown> {
  if (!isObject(json)) throw new SyntaxError(`${describe(json)}, expected an object`);
  const unknown = Object.keys(json).find((key) => !keys.includes(key));
  if (unknown !== undefined) throw new SyntaxError(`unknown key ${JSON.stringify(unknown)}`);
  return json;
}

/** A field of a file, checked. */
export function fieldFromJson(json: unknown): FieldDef {
  const { name, number, type, target, default: standard, fill, ...flags } = objectWithKeys(
    json,
    FILE_KEYS,
  );
  if (typeof name !== "string" || !isName(name)) throw new SyntaxError("a field without a name");
  if (!isCount(number)) throw new SyntaxError("a number is not a count");
  if (!isTypeName(type)) throw new SyntaxError("unknown type");
  if ((type === "link") !== (typeof target === "string")) {
    throw new SyntaxError("a link to nowhere");
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

/** The value of a stored row for a field. */
export function readField(row: StoredRow, field: FieldDef): Stored | null {
  const value = row.values[field.number];
  return value === undefined ? field.fill : value;
}

/** A row has a value already that is not to be there twice. */
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

/** A field of a row, or what every row has besides. */
export type Attribute = FieldDef | "__id__" | "__version__";

/** The type of the values of a column. */
export function attributeType(column: Attribute): ValueType {
  return typeof column === "string" ? VALUE_TYPES.integer : column.value;
}

/** The name of a column. */
export function attributeName(column: Attribute): string {
  return typeof column === "string" ? column : column.name;
}
