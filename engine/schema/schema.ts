/**
 * The schema of a table: checks and encodes the values that users give, fills in defaults, and
 * derives changed schemas. Messages are fragments: the caller puts `Cannot insert into "people": `
 * before them.
 *
 * @module
 */

import { describe, excerpt, isCount, isObject, isPlain } from "../system/check.ts";
import { convert, CONVERTIBLE } from "./convert.ts";
import {
  checkName,
  encodeField,
  type FieldDef,
  fieldFrom,
  fieldFromJson,
  FLAGS,
  flagsFrom,
  flagsOf,
  isIndexed,
  objectWithKeys,
} from "./field_def.ts";
import { SchemaError } from "../system/errors.ts";
import type { IndexOptions } from "./options.ts";
import type { Field, FieldSpec, JsonValue, Schema } from "./types.ts";
import { type Stored, VALUE_TYPES, type ValueType } from "./values.ts";

/** How to add a field. */
export interface AddOptions {
  /** The field before the new one; the last field if left out. */
  readonly after?: string | undefined;
  /** Whether the table has no rows. */
  readonly empty: boolean;
}

/** New values by field number; `undefined` for a field that stays as it is. */
export type EncodedChanges = readonly (Stored | null | undefined)[];

const MAX_FIELDS = 255;
/** Each row in memory has a slot for every field number ever used; a file must not make it huge. */
const MAX_NUMBERS = 65_536;
const SCHEMA_KEYS = ["fields", "nextNumber", "keepChanges"] as const;

/** The default of a field, converted to another type. */
function convertDefault(field: FieldDef, to: ValueType): Stored | null {
  if (field.default === null) return null;
  try {
    return convert(field.default, field.value, to);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new SchemaError(`field "${field.name}": its default does not fit: ${error.message}`);
  }
}

/** The fields of a table, and how many commits it keeps for watchers. Immutable. */
export class TableSchema {
  /** In field order. */
  readonly fields: readonly FieldDef[];
  /** By name. */
  readonly byName: ReadonlyMap<string, FieldDef>;
  /** The number that the next field gets. */
  readonly nextNumber: number;
  /** At least this many of the newest commits can be watched. */
  readonly keepChanges: number;
  /** The values of a row without any given value, by field number. */
  readonly #template: readonly (Stored | null)[];
  readonly #required: readonly FieldDef[];
  /** The fields with an index. */
  readonly indexed: readonly FieldDef[];
  /** The unique fields. */
  readonly unique: readonly FieldDef[];
  /** The links. */
  readonly links: readonly FieldDef[];
  #text: string | undefined;

  private constructor(fields: readonly FieldDef[], nextNumber: number, keepChanges: number) {
    if (fields.length === 0) throw new SchemaError("a table needs at least one field");
    if (fields.length > MAX_FIELDS) {
      throw new SchemaError(`${fields.length} fields, a table can have ${MAX_FIELDS}`);
    }
    if (nextNumber > MAX_NUMBERS) {
      throw new SchemaError(
        `${MAX_NUMBERS} fields were added and dropped, copy the rows to a new table to go on`,
      );
    }
    this.fields = fields;
    this.byName = new Map(fields.map((field) => [field.name, field]));
    this.nextNumber = nextNumber;
    this.keepChanges = keepChanges;
    this.#required = fields.filter((field) => field.required);
    this.indexed = fields.filter(isIndexed);
    this.unique = fields.filter((field) => field.unique);
    this.links = fields.filter((field) => field.target !== undefined);
    const template = new Array<Stored | null>(nextNumber).fill(null);
    for (const field of fields) template[field.number] = field.default;
    this.#template = template;
  }

  /** Reads a user's schema. */
  static from(schema: Schema): TableSchema {
    if (!isObject(schema)) throw new TypeError(`schema: ${describe(schema)}, expected an object`);
    const entries = Object.entries(schema);
    for (const [name] of entries) checkName(name);
    return new TableSchema(
      entries.map(([name, field], number) => fieldFrom(name, number, field)),
      entries.length,
      0,
    );
  }

  /** The reverse of {@linkcode TableSchema.toJson}; throws SyntaxError, a fragment. */
  static fromJson(json: unknown): TableSchema {
    try {
      const { fields, nextNumber, keepChanges = 0 } = objectWithKeys(json, SCHEMA_KEYS);
      if (!Array.isArray(fields)) throw new SyntaxError("fields is not an array");
      if (!isCount(nextNumber)) throw new SyntaxError("nextNumber is not a count");
      if (!isCount(keepChanges)) throw new SyntaxError("keepChanges is not a count");
      const read = fields.map(fieldFromJson);
      for (const key of ["name", "number"] as const) {
        if (new Set(read.map((field) => field[key])).size < read.length) {
          throw new SyntaxError(`two fields have the same ${key}`);
        }
      }
      if (read.some((field) => field.number >= nextNumber)) {
        throw new SyntaxError("a field number is not below nextNumber");
      }
      return new TableSchema(read, nextNumber, keepChanges);
    } catch (error) {
      // The mistake of a user in a schema is damage in a file.
      throw new SyntaxError(`not a schema: ${(error as Error).message}`);
    }
  }

  /**
   * Throws SyntaxError, a fragment, unless rows of `before` are also valid rows of this schema: a
   * number stands for one field for ever.
   */
  checkFollows(before: TableSchema): void {
    const known = new Map(before.fields.map((field) => [field.number, field.type]));
    for (const { name, number, type } of this.fields) {
      const was = known.get(number);
      const fits = was === undefined
        ? number >= before.nextNumber
        : was === type || (was === "integer" && type === "float");
      if (!fits) throw new SyntaxError(`field "${name}" has the number of another field`);
    }
    if (this.nextNumber < before.nextNumber) throw new SyntaxError("field numbers are reused");
  }

  /** The schema as JSON for files. */
  toJson(): JsonValue {
    const fields = this.fields.map(({ name, number, type, value, target, ...stored }) => ({
      name,
      number,
      type,
      ...(target !== undefined && { target }),
      ...flagsOf(stored),
      ...(stored.default !== null && { default: value.toJson(value.decode(stored.default)) }),
      ...(stored.fill !== null && { fill: value.toJson(value.decode(stored.fill)) }),
    }));
    const { nextNumber, keepChanges } = this;
    return { fields, nextNumber, ...(keepChanges > 0 && { keepChanges }) };
  }

  /**
   * Whether both schemas are the same. Each generation reads its schema anew, so equal schemas are
   * often different objects.
   */
  equals(other: TableSchema): boolean {
    return this === other || this.#asText === other.#asText;
  }

  get #asText(): string {
    return this.#text ??= JSON.stringify(this.toJson());
  }

  /** The schema for users: each field with all its options; `pathOf` gives the path of a target. */
  fieldSpecs(pathOf = (target: string) => target): Record<string, FieldSpec> {
    const fields = this.fields.map(({ name, type, value, target, ...stored }) => [name, {
      type: target === undefined ? type : { link: pathOf(target) },
      ...flagsOf(stored),
      ...(stored.default !== null && { default: value.decode(stored.default) }),
    }]);
    return Object.fromEntries(fields);
  }

  /** The defaults for users, `null` where a field has none. */
  defaults(): Record<string, unknown> {
    const fields = this.fields.map(({ name, value, ...stored }) => [
      name,
      stored.default === null ? null : value.decode(stored.default),
    ]);
    return Object.fromEntries(fields);
  }

  /**
   * The first difference between this stored schema and the one `given` by a user, if any. Names,
   * types and options count. Order does not, and neither do defaults, except for a default that
   * lets `insert` leave out a required field.
   */
  difference(given: TableSchema): string | undefined {
    for (const theirs of given.fields) {
      const difference = this.typeDifference(theirs);
      if (difference !== undefined) return difference;
      const ours = this.byName.get(theirs.name)!;
      const field = `field "${theirs.name}"`;
      for (const flag of FLAGS) {
        if (ours[flag] === theirs[flag]) continue;
        const what = flag === "index" ? "indexed" : flag;
        return `${field} is ${ours[flag] ? "" : "not "}${what} in the table`;
      }
      if (ours.required && ours.default === null && theirs.default !== null) {
        return `${field} has no default in the table`;
      }
    }
    const missing = this.fields.find((field) => !given.byName.has(field.name));
    return missing && `field "${missing.name}" of the table is not in the given schema`;
  }

  /** How the field with the name of `theirs` differs: it is missing, or it has another type. */
  typeDifference(theirs: FieldDef): string | undefined {
    const ours = this.byName.get(theirs.name);
    const field = `field "${theirs.name}"`;
    if (ours === undefined) return `${field} is not in the table`;
    if (ours.type !== theirs.type) {
      return `${field} is ${ours.type} in the table, not ${theirs.type}`;
    }
    if (ours.target === theirs.target) return undefined;
    return `${field} leads to "${ours.target}" in the table, not to "${theirs.target}"`;
  }

  /**
   * The values of a row to insert, by field number. It appends the names of the fields that `row`
   * gives a value to `names`.
   */
  encodeInsert(row: object, names?: string[]): (Stored | null)[] {
    return this.change(this.#template.slice(), this.encodeChanges(row, names));
  }

  /** The same for values in field order; `undefined` means the default. */
  encodeList(given: readonly unknown[]): (Stored | null)[] {
    if (given.length > this.fields.length) {
      throw new SchemaError(`${given.length} values for ${this.fields.length} fields`);
    }
    const values = this.#template.slice();
    for (let k = 0; k < given.length; k++) {
      const field = this.fields[k]!;
      if (given[k] !== undefined) values[field.number] = encodeField(field, given[k]);
    }
    return this.#checkRequired(values);
  }

  /** Checks that a user gave an object of field values. */
  checkFieldsObject(given: unknown): asserts given is object {
    if (!isObject(given)) throw new TypeError(`${describe(given)}, expected an object of fields`);
    if (!isPlain(given) && Object.keys(given).length === 0) {
      // Such as a promise without await, or a Map: it would become a row of nulls.
      throw new TypeError(`${describe(given)} without fields, expected an object of fields`);
    }
  }

  /** Encodes the values that a user gave; appends the names of their fields to `names`. */
  encodeChanges(given: unknown, names?: string[]): EncodedChanges {
    this.checkFieldsObject(given);
    const changes = new Array<Stored | null | undefined>(this.nextNumber);
    for (const name of Object.keys(given)) {
      const field = this.byName.get(name) ?? this.#unknown(name);
      const value = (given as Record<string, unknown>)[name];
      if (value === undefined) continue;
      changes[field.number] = encodeField(field, value);
      names?.push(name);
    }
    return changes;
  }

  /** Puts changes into the `values` of a row and checks that no required field is null. */
  change(values: (Stored | null)[], changes: EncodedChanges): (Stored | null)[] {
    for (let number = 0; number < changes.length; number++) {
      const value = changes[number];
      if (value !== undefined) values[number] = value;
    }
    return this.#checkRequired(values);
  }

  #checkRequired(values: (Stored | null)[]): (Stored | null)[] {
    for (const field of this.#required) {
      if (values[field.number] === null) {
        throw new SchemaError(`field "${field.name}" is required, give it a value`);
      }
    }
    return values;
  }

  /** The field with this name; throws SchemaError if there is none. */
  field(name: string): FieldDef {
    return this.byName.get(name) ?? this.#unknown(name);
  }

  #unknown(name: string): never {
    throw new SchemaError(
      name === "__id__" || name === "__version__"
        ? `psbase sets ${name}, leave it out`
        : `there is no field ${JSON.stringify(name)}, the fields are ${
          this.fields.map((field) => field.name).join(", ")
        }`,
    );
  }

  /** This schema with one more field. */
  withField(name: string, field: Field, { after, empty }: AddOptions): TableSchema {
    if (this.byName.has(name)) throw new SchemaError(`field "${name}" already exists`);
    const at = after === undefined
      ? this.fields.length
      : this.fields.indexOf(this.field(after)) + 1;
    checkName(name);
    const added = fieldFrom(name, this.nextNumber, field);
    if (added.required && added.default === null && !empty) {
      throw new SchemaError(
        `field "${name}" is required, give it a default for the existing rows`,
      );
    }
    const fields = this.fields.toSpliced(at, 0, { ...added, fill: added.default });
    return this.#with({ fields, nextNumber: this.nextNumber + 1 });
  }

  /** This schema without a field. */
  withoutField(name: string): TableSchema {
    const dropped = this.field(name);
    return this.#with({ fields: this.fields.filter((field) => field !== dropped) });
  }

  /** This schema with a field renamed. */
  withName(name: string, newName: string): TableSchema {
    const renamed = this.field(name);
    if (newName !== name && this.byName.has(newName)) {
      throw new SchemaError(`field "${newName}" already exists`);
    }
    checkName(newName);
    return this.#withField(renamed, { name: newName });
  }

  /** This schema with another default of a field; `null` removes it. */
  withDefault(name: string, value: unknown): TableSchema {
    const changed = this.field(name);
    if (value === null && changed.required) {
      throw new SchemaError(`field "${name}" is required, its default cannot be null`);
    }
    if (value !== null && changed.target !== undefined) {
      throw new SchemaError(`field "${name}": a link has no default, its row may be deleted`);
    }
    return this.#withField(changed, { default: encodeField(changed, value) });
  }

  /**
   * This schema with another type of a field. Integers are stored as floats already. For any other
   * type, the result has a new field, with a new number and without values yet.
   */
  withType(name: string, type: unknown): TableSchema {
    const before = this.field(name);
    if (type === before.type) return this;
    const types: readonly unknown[] = CONVERTIBLE;
    if (!types.includes(before.type) || !types.includes(type)) {
      const what = typeof type === "string" ? `cannot become ${excerpt(type)}` : describe(type);
      throw new SchemaError(
        `field "${name}" is ${before.type}: ${what}, the types that convert to one another are ` +
          `${types.join(", ")}; for others add a field and copy the values`,
      );
    }
    if (before.type === "integer" && type === "float") {
      return this.#withField(before, { type, value: VALUE_TYPES.float });
    }
    const value = VALUE_TYPES[type as FieldDef["type"]];
    return this.#with({
      fields: this.fields.with(this.fields.indexOf(before), {
        ...before,
        number: this.nextNumber,
        type: value.name,
        value,
        default: convertDefault(before, value),
        fill: null,
      }),
      nextNumber: this.nextNumber + 1,
    });
  }

  /** This schema with other index options of a field; options left out stay as they are. */
  withIndex(name: string, options: IndexOptions): TableSchema {
    const changed = this.field(name);
    const { index = changed.index, unique = changed.unique } = options;
    const flags = flagsFrom(name, { index, unique });
    if (isIndexed(flags) && !changed.value.sortable) {
      throw new SchemaError(
        `field "${name}": ${changed.type} has no order, so it cannot have an index`,
      );
    }
    return this.#withField(changed, { index: flags.index, unique: flags.unique });
  }

  /** This schema with `resolve` applied to the targets of links. */
  withTargets(resolve: (target: string) => string): TableSchema {
    const fields = this.fields.map((field) =>
      field.target === undefined ? field : { ...field, target: resolve(field.target) }
    );
    return this.#with({ fields });
  }

  /** This schema with another number of commits to keep for watchers. */
  withKeepChanges(commits: unknown): TableSchema {
    if (!isCount(commits)) {
      throw new RangeError(`${String(commits)} commits, expected a whole number, 0 or more`);
    }
    return this.#with({ keepChanges: commits });
  }

  #withField(changed: FieldDef, change: Partial<FieldDef>): TableSchema {
    return this.#with({
      fields: this.fields.map((field) => field === changed ? { ...field, ...change } : field),
    });
  }

  #with(change: Partial<Pick<TableSchema, (typeof SCHEMA_KEYS)[number]>>): TableSchema {
    const { fields, nextNumber, keepChanges } = { ...this, ...change };
    return new TableSchema(fields, nextNumber, keepChanges);
  }
}
