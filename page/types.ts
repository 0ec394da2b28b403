/**
 * What the server sends.
 *
 * @module
 */

/** A value as the server writes it in JSON. */
export type Value = null | boolean | number | string | Value[] | { [name: string]: Value };

/** A row: its values by field. */
export interface Row {
  readonly __id__: number;
  readonly __version__: number;
  readonly [field: string]: Value;
}

/** A field of a table. */
export interface Field {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly index: boolean;
  readonly unique: boolean;
  readonly default: Value;
  /** The table to which a link leads. */
  readonly link?: string;
}

/** The fields of a table. */
export interface Schema {
  readonly name: string;
  readonly write: boolean;
  readonly fields: readonly Field[];
}

/** A table in the list of tables. */
export interface Table {
  readonly name: string;
  readonly rows: number | null;
  readonly write: boolean;
}

const META = { type: "integer", required: true, index: false, unique: false, default: null };

/** The fields that every row has. */
export const ID: Field = { ...META, name: "__id__" };
const VERSION: Field = { ...META, name: "__version__" };

/** A field or one of those that every row has. */
export function fieldNamed({ fields }: Schema, name: string): Field | undefined {
  return [...fields, ID, VERSION].find((field) => field.name === name);
}
