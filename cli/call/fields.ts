/**
 * Fields on the command line: `name:type:required=default`, `name=value`.
 *
 * @module
 */

// The text and JSON of each type: the public API has no verbs for them.
import type { PrintedColumn as Column } from "../../engine/query/text_table.ts";
import { VALUE_TYPES, type ValueType } from "../../engine/schema/values.ts";
import { type FieldSpec, link, type NoReservedNames, PsBase, type TypeName } from "../../mod.ts";
import { Fault, UsageError } from "../process/errors.ts";
import { type Cell, parseCell } from "./cells.ts";
import { didYouMean } from "./closest.ts";

export type { Column };

/** The columns that every row has besides its fields. */
export const META = ["__id__", "__version__"].map((name) => ({ name, type: VALUE_TYPES.integer }));

/** A schema whose names are only known at run time: `create` checks them, not the compiler. */
export type NewSchema = Record<string, FieldSpec> & NoReservedNames;

/** A column of text. */
export function textColumn(name: string): Column {
  return { name, type: VALUE_TYPES.string };
}

/** The type of the values of a field. */
export function typeOf({ type }: FieldSpec): ValueType {
  return VALUE_TYPES[typeof type === "object" ? "link" in type ? "link" : "json" : type];
}

/** The fields of a table as columns. */
export function columnsOf(schema: Record<string, FieldSpec>): Column[] {
  return Object.entries(schema).map(([name, field]) => ({ name, type: typeOf(field) }));
}

/** The column with a name, a field or one of {@linkcode META}; throws Fault if there is none. */
export function columnOf(schema: Record<string, FieldSpec>, name: string): Column {
  return META.find((column) => column.name === name) ??
    { name, type: typeOf(fieldOf(schema, name)) };
}

/** The field with a name; throws Fault if there is none. */
export function fieldOf(schema: Record<string, FieldSpec>, name: string): FieldSpec {
  const field = Object.hasOwn(schema, name) ? schema[name] : undefined;
  if (field !== undefined) return field;
  const hint = didYouMean(name, Object.keys(schema), "the fields are");
  throw new Fault(`there is no field ${JSON.stringify(name)}${hint}`);
}

/** The value of a cell; throws Fault if the text is not a value of the type. */
export function valueOf({ name, type }: Column, cell: Cell): unknown {
  if (cell === null) return null;
  try {
    return type.parse(cell);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Fault(`field "${name}": ${error.message}`);
  }
}

/** The cell of a word. */
export function cellOf(word: string): Cell {
  const cell = parseCell(word);
  if (cell === undefined) throw misquoted(word);
  return cell;
}

/** The error for a word with wrong quotes. */
export function misquoted(word: string): UsageError {
  return new UsageError(`${word}: a value that begins with a quote is quoted as in CSV`);
}

/** The values of `field=value…`; throws UsageError for a wrong form, Fault for a wrong value. */
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

/** The options of a field. */
export const OPTIONS = ["required", "unique", "index"] as const;

/** The options that a field has. */
export function optionsOf(field: FieldSpec): string[] {
  return OPTIONS.filter((option) => field[option] === true);
}

/** The type of a link to the table at `path`. */
function linkTo(path: string): FieldSpec["type"] {
  if (path === "self") return link("self");
  using base = PsBase.openSync(path, { readOnly: true });
  return link(base);
}

/** Throws UsageError unless there is a type with this name. */
export function checkType(field: string, type: string): void {
  if (Object.hasOwn(VALUE_TYPES, type)) return;
  const hint = didYouMean(type, Object.keys(VALUE_TYPES), "the types are");
  throw new UsageError(`field "${field}": unknown type "${type}"${hint}`);
}

/** The field of `name:type[:required][:unique][:index][=default]` or `name:link[:…]=path`. */
export function specOf(word: string): [name: string, field: FieldSpec] {
  const at = word.indexOf("=");
  const [name = "", typeName = "", ...options] = (at < 0 ? word : word.slice(0, at)).split(":");
  const text = at < 0 ? undefined : word.slice(at + 1);
  if (name === "" || typeName === "") {
    throw new UsageError(`${JSON.stringify(word)} is not of the form field:type`);
  }
  checkType(name, typeName);
  const unknown = options.find((option) => !(OPTIONS as readonly string[]).includes(option));
  if (unknown !== undefined) {
    const hint = didYouMean(unknown, OPTIONS, "there are");
    throw new UsageError(`field "${name}": unknown option "${unknown}"${hint}`);
  }
  const flags = Object.fromEntries(options.map((option) => [option, true]));
  if (typeName === "link") {
    if (!text) throw new UsageError(`field "${name}": a link needs its table: ${name}:link=PATH`);
    return [name, { ...flags, type: linkTo(text) } as FieldSpec];
  }
  const type = typeName as TypeName;
  const standard = text === undefined
    ? {}
    : { default: valueOf({ name, type: VALUE_TYPES[type] }, cellOf(text)) };
  return [name, { type, ...flags, ...standard } as FieldSpec];
}

/** The schema of words. */
export function schemaOf(words: readonly string[]): NewSchema {
  const fields = new Map<string, FieldSpec>();
  for (const [name, field] of words.map(specOf)) {
    if (fields.has(name)) throw new UsageError(`field "${name}" is given twice`);
    fields.set(name, field);
  }
  return Object.fromEntries(fields) as NewSchema;
}
