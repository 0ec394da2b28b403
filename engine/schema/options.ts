/**
 * What the verbs of a base can be told, and what they tell.
 *
 * @module
 */

import type { Change, FieldName, Filter, Row, RowMeta, Schema } from "./types.ts";

/** How a base is opened. */
export interface OpenOptions {
  /**
   * `"full"`: an acknowledged write survives a power cut. `"relaxed"`: a power cut may
   * lose the newest ones, in order, until `commit()`; a killed process loses none.
   *
   * @default {"full"}
   */
  readonly durability?: "full" | "relaxed" | undefined;
  /**
   * How long each call waits for the lock, in milliseconds.
   *
   * @default {Infinity} (5000 inside a transaction of another table)
   */
  readonly timeoutMs?: number | undefined;
  /**
   * Takes no lock and writes no byte; works on a read-only file system.
   *
   * @default {false}
   */
  readonly readOnly?: boolean | undefined;
  /**
   * How much of the table file is kept in memory, in bytes: row groups that were read, column by
   * column, and indexes. A row group that is in use comes on top of it, and what was written since
   * the last cleanup.
   *
   * @default {67_108_864} (64 MiB)
   */
  readonly cacheBytes?: number | undefined;
}

/** How a base is opened whose schema is known. */
export interface OpenSchemaOptions<S extends Schema> extends OpenOptions {
  /**
   * Gives rows their types, and is compared with the schema that is stored. Calls throw a
   * `SchemaError` once somebody else has dropped or renamed a field of it, or changed its type.
   */
  readonly schema?: S | undefined;
}

/** How a base is created. */
export interface CreateOptions extends OpenOptions {
  /**
   * What to do with a base that is there: fail, open it, or replace it by an empty one.
   *
   * @default {"new"}
   */
  readonly mode?: "new" | "open" | "override" | undefined;
}

/** The plan of a `select`, as `explain` shows it. */
export interface Explanation {
  /**
   * How the rows are found.
   *
   * - `"scan"`: it reads all rows, except row groups that cannot hold a match.
   * - `"index"`: it reads only the rows that one or more indexes name.
   * - `"order"`: it reads rows in the order of an index until enough of them match.
   */
  readonly method: "scan" | "index" | "order";
  /**
   * The field whose index is used, `null` for a scan. If the branches of `_or` use several indexes,
   * the fields with commas between.
   */
  readonly index: string | null;
  /** The number of matches if it is known without reading rows: then `count` reads none. */
  readonly count: number | null;
  /** How many rows it reads, at most. */
  readonly rowsRead: number;
  /** How many row groups of the table file (up to 16,384 rows each) it reads, at most. */
  readonly groupsRead: number;
  /** How many row groups a scan skips: their least and greatest values rule out a match. */
  readonly groupsSkipped: number;
  /**
   * What it does instead if the order of the index is given up because too few of the first rows
   * match. `null` if that cannot happen.
   */
  readonly fallback: Explanation | null;
}

/** How long a transaction may take. */
export interface TransactionOptions {
  /**
   * The wait for the locks and the function, in milliseconds.
   *
   * @default {Infinity} (of the wait 5000, while another table is locked)
   */
  readonly timeoutMs?: number | undefined;
}

/** What `update` can be told. */
export interface UpdateOptions {
  /**
   * Change the row only if this is its `__version__`; otherwise throw a `ConflictError`. For one id:
   * a row that is passed carries its version.
   */
  readonly ifVersion?: number | undefined;
}

/** What `update` can be told of a target. */
export type UpdateOptionsOf<T> = T extends number ? UpdateOptions
  : { readonly ifVersion?: undefined };

/** What `watch` can be told. */
export interface WatchOptions<S extends Schema> {
  /**
   * Where to begin: after a commit, as `sequence` of a change, a view or `stats` tells it, or
   * after a change within a commit, as its `sequence` and `index` tell it. A change will do.
   *
   * @default {the last commit}
   */
  readonly since?: number | Pick<Change, "sequence" | "index"> | undefined;
  /**
   * Only changes of rows that match before or after; changes of the fields always. Of what was
   * committed before the call, the fields of the call are asked; of the rest, those of then.
   */
  readonly where?: Filter<S> | undefined;
  /** Ends it, with the reason of the signal. */
  readonly signal?: AbortSignal | undefined;
}

/** What `setIndex` sets. */
export interface IndexOptions {
  /** Whether the field is kept in order. */
  readonly index?: boolean;
  /** Whether no value of it may be there twice. */
  readonly unique?: boolean;
}

/** What `addField` can be told. */
export interface AddFieldOptions<S extends Schema> {
  /** The field that the new one comes after; the last one if left out. */
  readonly after?: FieldName<S> | undefined;
}

/** Figures of a base. */
export interface Stats {
  /** Number of rows. */
  readonly rows: number;
  /** How often it was cleaned up, and one. */
  readonly generation: number;
  /** Size of the table file, in bytes. */
  readonly tableBytes: number;
  /** Length of the log, in bytes. */
  readonly logBytes: number;
  /** Rows of the table file that were changed or deleted since it was written. */
  readonly deadRows: number;
  /** The number of commits so far. */
  readonly sequence: number;
  /** How many of them can be watched at least, however long ago they were. */
  readonly keepChanges: number;
  /** The torn tail that was found when the base was opened or written to, if any. */
  readonly recovered: Recovered | null;
}

/** Which row: the row, or its id. */
export type Target<S extends Schema> = number | RowMeta<S>;

/** What `update` gives: rows for an array, a row for one. */
export type Updated<S extends Schema, T> = T extends readonly unknown[] ? Row<S>[] : Row<S>;

/** A torn tail that was found. */
export interface Recovered {
  /** The log. */
  readonly file: string;
  /** Where the tail began, in bytes. */
  readonly offset: number;
  /** How long it was. */
  readonly bytes: number;
}
