/**
 * The fields of a table together: what a row or changes must look like, and which defaults fill
 * them in. Messages are fragments: who calls puts `Cannot insert into "people": ` before them.
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

/** Where a new field goes, and whether rows are there that it must fill. */
export interface AddOptions {
  /** The field before it; the last one if left out. */
  readonly after?: string | undefined;
  /** Whether the table has no rows. */
  readonly empty: boolean;
}

const MAX_FIELDS = 255;
/** A row has a place for every number ever given out, and a file must not make it huge. */
const MAX_NUMBERS = 65_536;
const FLOAT = { type: "float", value: VALUE_TYPES.float } as const;
const SCHEMA_KEYS = ["fields", "nextNumber", "keepChanges"] as const;

/** The default of a field as one of another type. */
function convertDefault(field: FieldDef, to: ValueType): Stored | null {
  if (field.default === null) return null;
  try {
    return convert(field.default, field.value, to);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new SchemaError(`field "${field.name}": its default does not fit: ${error.message}`);
  }
}

/** The fields of a table, and how long its changes are kept. It never changes: a change makes another. */
export class TableSchema {
  /** In field order. */
  readonly fields: readonly FieldDef[];
  /** By name. */
  readonly byName: ReadonlyMap<string, FieldDef>;
  /** The number that the next field gets. */
  readonly nextNumber: number;
  /** The changes of so many commits, the last ones, can be watched at least. */
  readonly keepChanges: number;
  /** What `insert` begins with, by number. */
  readonly #template: readonly (Stored | null)[];
  readonly #required: readonly FieldDef[];
  /** Those that have an index. */
  readonly indexed: readonly FieldDef[];
  /** Those in which no value is there twice. */
  readonly unique: readonly FieldDef[];
  /** Those that lead to rows. */
  readonly links: readonly FieldDef[];
  #text: string | undefined;

  private constructor(fields: readonly FieldDef[], nextNumber: number, keepChanges: number) {
    if (fields.length === 0) throw new SchemaError("a table has one field at least");
    if (fields.length > MAX_FIELDS) {
      throw new SchemaError(`${fields.length} fields, a table has ${MAX_FIELDS} at most`);
    }
    if (nextNumber > MAX_NUMBERS) {
      throw new SchemaError(
        `${MAX_NUMBERS} fields were added and dropped, copy the rows to a new base to go on`,
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

  /** The fields of a user's schema. */
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
      if (new Set(read.map((field) => field.name)).size < read.length) {
        throw new SyntaxError("a name is there twice");
      }
      if (new Set(read.map((field) => field.number)).size < read.length) {
        throw new SyntaxError("a number is there twice");
      }
      if (read.some((field) => field.number >= nextNumber)) {
        throw new SyntaxError("a number was never given out");
      }
      return new TableSchema(read, nextNumber, keepChanges);
    } catch (error) {
      // What a user may do wrong in a schema is all damage in a file.
      throw new SyntaxError(`no schema: ${(error as Error).message}`);
    }
  }

  /**
   * Throws SyntaxError, a fragment, unless rows of `before` are rows of this schema too: a number
   * stands for one field for ever.
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
    if (this.nextNumber < before.nextNumber) throw new SyntaxError("numbers are given out again");
  }

  /** For files. */
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
   * Whether both have the same fields. Each generation reads its schema anew, so that one schema
   * becomes many objects.
   */
  equals(other: TableSchema): boolean {
    return this === other || this.#asText === other.#asText;
  }

  get #asText(): string {
    return this.#text ??= JSON.stringify(this.toJson());
  }

  /** For users: fields in order, each with its options spelt out; `pathOf` of what links lead to. */
  fieldSpecs(pathOf = (target: string) => target): Record<string, FieldSpec> {
    const fields = this.fields.map(({ name, type, value, target, ...stored }) => [name, {
      type: target === undefined ? type : { link: pathOf(target) },
      ...flagsOf(stored),
      ...(stored.default !== null && { default: value.decode(stored.default) }),
    }]);
    return Object.fromEntries(fields);
  }

  /** For users: the default of each field, `null` if it has none. */
  defaults(): Record<string, unknown> {
    const fields = this.fields.map(({ name, value, ...stored }) => [
      name,
      stored.default === null ? null : value.decode(stored.default),
    ]);
    return Object.fromEntries(fields);
  }

  /**
   * In what the schema `given` by a user differs from this one, stored; names,
   * types and options count, order does not. Nor do defaults, but for one
   * case: a default that lets `insert` leave out a required field.
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
        return `${field} is ${ours[flag] ? "" : "not "}${what} in the base`;
      }
      if (ours.required && ours.default === null && theirs.default !== null) {
        return `${field} has no default in the base`;
      }
    }
    const missing = this.fields.find((field) => !given.byName.has(field.name));
    return missing && `field "${missing.name}" of the base is not in the schema given`;
  }

  /** In what the field of that name differs from `theirs`: it is missing, or of another type. */
  typeDifference(theirs: FieldDef): string | undefined {
    const ours = this.byName.get(theirs.name);
    const field = `field "${theirs.name}"`;
    if (ours === undefined) return `${field} is not in the base`;
    if (ours.type !== theirs.type) {
      return `${field} is ${ours.type} in the base, not ${theirs.type}`;
    }
    if (ours.target === theirs.target) return undefined;
    return `${field} leads to "${ours.target}" in the base, not to "${theirs.target}"`;
  }

  /** The values of a row to insert, by number; appends to `names` the fields that have one in `row`. */
  encodeInsert(row: object, names?: string[]): (Stored | null)[] {
    return this.#encode(row, this.#template.slice(), names);
  }

  /** The same of values in the order of the fields; `undefined` is the default. */
  encodeList(given: readonly unknown[]): (Stored | null)[] {
    if (given.length > this.fields.length) {
      throw new SchemaError(`${given.length} values, the fields are ${this.fields.length}`);
    }
    const values = this.#template.slice();
    for (let k = 0; k < this.fields.length; k++) {
      const value = given[k];
      const field = this.fields[k]!;
      if (value !== undefined) {
        values[field.number] = value === null ? null : encodeField(field, value);
      }
    }
    return this.#checkRequired(values);
  }

  /** Changes the values of a row, which has one, or null, for each field. */
  encodeUpdate(values: (Stored | null)[], changes: object): void {
    this.#encode(changes, values);
  }

  /** Checks that values by field can be in it. */
  checkFieldsObject(given: unknown): asserts given is object {
    if (!isObject(given)) throw new TypeError(`${describe(given)}, expected an object of fields`);
    if (Object.keys(given).length === 0 && !isPlain(given)) {
      // A promise not awaited, a Map: it would become a row of nulls.
      throw new TypeError(`${describe(given)} without fields, expected an object of fields`);
    }
  }

  /** Puts what is given into `values`, and checks that nothing required is null. */
  #encode(given: object, values: (Stored | null)[], names?: string[]): (Stored | null)[] {
    this.checkFieldsObject(given);
    for (const name of Object.keys(given)) {
      const field = this.byName.get(name) ?? this.#unknown(name);
      const value = (given as Record<string, unknown>)[name];
      if (value === undefined) continue;
      values[field.number] = value === null ? null : encodeField(field, value);
      names?.push(name);
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

  /** The field of a name, or SchemaError. */
  field(name: string): FieldDef {
    return this.byName.get(name) ?? this.#unknown(name);
  }

  #unknown(name: string): never {
    throw new SchemaError(
      name === "__id__" || name === "__version__"
        ? `${name} is kept by the base, leave it out`
        : `there is no field ${JSON.stringify(name)}, the fields are ${
          this.fields.map((field) => field.name).join(", ")
        }`,
    );
  }

  /** This schema with a field more. */
  withField(name: string, field: Field, { after, empty }: AddOptions): TableSchema {
    if (this.byName.has(name)) throw new SchemaError(`field "${name}" is there already`);
    const at = after === undefined
      ? this.fields.length
      : this.fields.indexOf(this.field(after)) + 1;
    checkName(name);
    const added = fieldFrom(name, this.nextNumber, field);
    if (added.required && added.default === null && !empty) {
      throw new SchemaError(
        `field "${name}" is required, give it a default for the rows that are there`,
      );
    }
    const fields = this.fields.toSpliced(at, 0, { ...added, fill: added.default });
    return this.#with({ fields, nextNumber: this.nextNumber + 1 });
  }

  /** This schema with a field less. */
  withoutField(name: string): TableSchema {
    const dropped = this.field(name);
    return this.#with({ fields: this.fields.filter((field) => field !== dropped) });
  }

  /** This schema with another name of a field. */
  withName(name: string, newName: string): TableSchema {
    const renamed = this.field(name);
    if (newName !== name && this.byName.has(newName)) {
      throw new SchemaError(`field "${newName}" is there already`);
    }
    checkName(newName);
    return this.#withField(renamed, { name: newName });
  }

  /** This schema with another default of a field; `null`: none. */
  withDefault(name: string, value: unknown): TableSchema {
    const changed = this.field(name);
    if (value === null && changed.required) {
      throw new SchemaError(`field "${name}" is required, its default cannot be null`);
    }
    if (value !== null && changed.target !== undefined) {
      throw new SchemaError(`field "${name}" is a link, which has no default`);
    }
    return this.#withField(changed, {
      default: value === null ? null : encodeField(changed, value),
    });
  }

  /**
   * This schema with a field of another type. Floats hold all integers as they are stored; for
   * other values it is another field, which has another number and no values yet.
   */
  withType(name: string, type: unknown): TableSchema {
    const before = this.field(name);
    if (type === before.type) return this;
    const types: readonly unknown[] = CONVERTIBLE;
    if (!types.includes(before.type) || !types.includes(type)) {
      const what = typeof type === "string" ? `cannot become ${excerpt(type)}` : describe(type);
      throw new SchemaError(
        `field "${name}" is ${before.type}: ${what}, the types that become one another are ` +
          `${types.join(", ")}; for others add a field and copy the values`,
      );
    }
    if (before.type === "integer" && type === "float") return this.#withField(before, FLOAT);
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

  /** This schema with other options of a field; what is left out stays. */
  withIndex(name: string, options: IndexOptions): TableSchema {
    const changed = this.field(name);
    const { index = changed.index, unique = changed.unique } = options;
    const flags = flagsFrom(name, { index, unique });
    if (isIndexed(flags) && !changed.value.sortable) {
      throw new SchemaError(`field "${name}": ${changed.type} has no order, it can have no index`);
    }
    return this.#withField(changed, { index: flags.index, unique: flags.unique });
  }

  /** This schema with links that lead where `resolve` says. */
  withTargets(resolve: (target: string) => string): TableSchema {
    const fields = this.fields.map((field) =>
      field.target === undefined ? field : { ...field, target: resolve(field.target) }
    );
    return this.#with({ fields });
  }

  /** This schema with other changes that are kept. */
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
