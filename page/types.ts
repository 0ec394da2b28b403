/**
 * What the server sends.
 *
 * @module
 */

/** A row as the server sends it. */
export interface Row {
  readonly __id__: number;
  readonly __version__: number;
  readonly [field: string]: unknown;
}

/** A field of a table. */
export interface Field {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly index: boolean;
  readonly unique: boolean;
  readonly default: unknown;
  /** The name of the table that a link leads to. */
  readonly link?: string;
}

/** What the server tells of a table. */
export interface Schema {
  readonly name: string;
  readonly write: boolean;
  readonly fields: readonly Field[];
}

/** An answer that says what is wrong. */
export interface Problem {
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly field?: string;
  /** The row as it is now, after a conflict. */
  readonly row?: Row | null;
}
