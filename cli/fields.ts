/**
 * Fields on the command line: `name:type:required=default`, `name=value`.
 *
 * @module
 */

// Text and JSON of each type: what the public API has no verbs for.
import type { PrintedColumn as Column } from "../engine/query/text_table.ts";
import { VALUE_TYPES, type ValueType } from "../engine/schema/values.ts";
import { type FieldSpec, link, type NoReservedNames, PsBase, type TypeName } from "../mod.ts";
import { type Cell, parseCell } from "./cells.ts";
import { didYouMean } from "./closest.ts";
import { Fault, UsageError } from "./errors.ts";

export type { Column };

/** What every row has besides its fields. */
export const META = ["__id__", "__version__"].map((name) => ({ name, type: VALUE_TYPES.integer }));

/** A schema that is known only now, so that `create` and not the compiler checks its names. */
export type NewSchema = Record<string, FieldSpec> & NoReservedNames;

/** A column of text. */
export function textColumn(name: string): Column {
  return { name, type: VALUE_TYPES.string };
}

/** What is known of the values of a field. */
export function typeOf({ type }: FieldSpec): ValueType {
  return VALUE_TYPES[typeof type === "object" ? "link" in type ? "link" : "json" : type];
}

/** The fields of a base. */
export function columnsOf(schema: Record<string, FieldSpec>): Column[] {
  return Object.entries(schema).map(([name, field]) => ({ name, type: typeOf(field) }));
}

/** The column of a name, a field or one of {@linkcode META}; throws Fault if there is none. */
export function columnOf(schema: Record<string, FieldSpec>, name: string): Column {
  return META.find((column) => column.name === name) ??
    { name, type: typeOf(fieldOf(schema, name)) };
}

/** The field of a name; throws Fault if there is none. */
export function fieldOf(schema: Record<string, FieldSpec>, name: string): FieldSpec {
  const field = Object.hasOwn(schema, name) ? schema[name] : undefined;
  if (field !== undefined) return field;
  const names = Object.keys(schema);
  const hint = didYouMean(name, names) || `, the fields are ${names.join(", ")}`;
  throw new Fault(`there is no field ${JSON.stringify(name)}${hint}`);
}

/** A value from the text of a cell; throws Fault. */
export function valueOf({ name, type }: Column, cell: Cell): unknown {
  if (cell === null) return null;
  try {
    return type.parse(cell);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Fault(`field "${name}": ${error.message}`);
  }
}

/** The cell that a word stands for. */
export function cellOf(word: string): Cell {
  const cell = parseCell(word);
  if (cell === undefined) {
    throw new UsageError(`${word}: a value that begins with a quote is quoted as in CSV`);
  }
  return cell;
}

/** What `field=value…` says; throws UsageError for another form, Fault for a wrong value. */
export function assignments(
  schema: Record<string, FieldSpec>,
  words: readonly string[],
): Record<string, unknown> {
  const values = new Map<string, unknown>();
  for (const word of words) {
    const at = word.indexOf("=");
    if (at <= 0) throw new UsageError(`${JSON.stringify(word)} is not of the form field=value`);
    const name = word.slice(0, at);
    if (values.has(name)) throw new UsageError(`field "${name}" is given twice`);
    const cell = cellOf(word.slice(at + 1));
    values.set(name, valueOf({ name, type: typeOf(fieldOf(schema, name)) }, cell));
  }
  return Object.fromEntries(values);
}

/** What a field may be besides its type. */
export const OPTIONS = ["required", "unique", "index"] as const;

/** The options that a field has. */
export function optionsOf(field: FieldSpec): string[] {
  return OPTIONS.filter((option) => field[option] === true);
}

/** A field that leads to the rows of the base at a path. */
function linkTo(path: string): FieldSpec["type"] {
  if (path === "self") return link("self");
  using base = PsBase.openSync(path, { readOnly: true });
  return link(base);
}

/** Throws UsageError unless a type has this name. */
export function checkType(field: string, type: string): void {
  if (Object.hasOwn(VALUE_TYPES, type)) return;
  const types = Object.keys(VALUE_TYPES);
  const hint = didYouMean(type, types) || `, the types are ${types.join(", ")}`;
  throw new UsageError(`field "${field}": unknown type "${type}"${hint}`);
}

/** A field from `name:type[:required][:unique][:index][=default]`, `name:link[:…]=path`. */
export function specOf(word: string): [name: string, field: FieldSpec] {
  const at = word.indexOf("=");
  const [name = "", typeName = "", ...options] = (at < 0 ? word : word.slice(0, at)).split(":");
  if (name === "" || typeName === "") {
    throw new UsageError(`${JSON.stringify(word)} is not of the form field:type`);
  }
  checkType(name, typeName);
  const unknown = options.find((option) => !(OPTIONS as readonly string[]).includes(option));
  if (unknown !== undefined) {
    const hint = didYouMean(unknown, OPTIONS) || `, there are ${OPTIONS.join(", ")}`;
    throw new UsageError(`field "${name}": unknown option "${unknown}"${hint}`);
  }
  const flags = Object.fromEntries(options.map((option) => [option, true]));
  if (typeName === "link") {
    const path = at < 0 ? "" : word.slice(at + 1);
    if (path === "") {
      throw new UsageError(`field "${name}": a link says where to: ${name}:link=PATH`);
    }
    return [name, { ...flags, type: linkTo(path) } as FieldSpec];
  }
  const type = typeName as TypeName;
  const value = at < 0
    ? undefined
    : valueOf({ name, type: VALUE_TYPES[type] }, cellOf(word.slice(at + 1)));
  return [name, { type, ...flags, ...(at >= 0 && { default: value }) } as FieldSpec];
}

/** A schema from words. */
export function schemaOf(words: readonly string[]): NewSchema {
  const fields = new Map<string, FieldSpec>();
  for (const [name, field] of words.map(specOf)) {
    if (fields.has(name)) throw new UsageError(`field "${name}" is given twice`);
    fields.set(name, field);
  }
  return Object.fromEntries(fields) as NewSchema;
}
