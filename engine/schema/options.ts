/**
 * The options of the public verbs, and the reports that verbs return.
 *
 * @module
 */

import type { Change, FieldName, Filter, Row, RowMeta, Schema } from "./types.ts";

/** How to open a table. */
export interface OpenOptions {
  /**
   * `"full"`: an acknowledged write survives a power cut. `"relaxed"`: until `commit()`, a power
   * cut may lose the newest writes, and only those at the end. A killed process loses nothing.
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
   * Takes no lock and writes nothing; works on a read-only file system.
   *
   * @default {false}
   */
  readonly readOnly?: boolean | undefined;
  /**
   * The size of the cache for the table file, in bytes. It keeps row groups, column by column, and
   * indexes. A row group in use and the rows written since the last compaction come on top.
   *
   * @default {67_108_864} (64 MiB)
   */
  readonly cacheBytes?: number | undefined;
}

/** How to open a table with a known schema. */
export interface OpenSchemaOptions<S extends Schema> extends OpenOptions {
  /**
   * The types of the rows. It must fit the stored schema. Calls throw a `SchemaError` once another
   * handle has dropped or renamed one of these fields, or changed its type.
   */
  readonly schema?: S | undefined;
}

/** How to create a table. */
export interface CreateOptions extends OpenOptions {
  /**
   * What to do if the table exists: fail, open it, or replace it by an empty one.
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
  /** The number of matches if an index knows it, or the table: then `count` tests no row. */
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
   * The limit for the wait for the locks and the function together, in milliseconds.
   *
   * @default {Infinity} (while another table is locked, the wait is limited to 5000)
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

/** Which changes to watch. */
export interface WatchOptions<S extends Schema> {
  /**
   * Where to begin: after a commit, given by its `sequence`, or after one change of a commit, given
   * by `sequence` and `index`. Pass a change itself, or a `sequence` from a view or from `stats`.
   *
   * @default {the last commit}
   */
  readonly since?: number | Pick<Change, "sequence" | "index"> | undefined;
  /**
   * Only rows that match before or after the change; changes of the schema always come. Commits
   * from before the call are tested with the fields at the call, later ones with the fields of
   * their time.
   */
  readonly where?: Filter<S> | undefined;
  /** Ends the watch with the reason of the signal. */
  readonly signal?: AbortSignal | undefined;
}

/** The settings of `setIndex`. */
export interface IndexOptions {
  /** Whether the field has an index. */
  readonly index?: boolean;
  /** Whether a value may occur only once. */
  readonly unique?: boolean;
}

/** Where `addField` puts the field. */
export interface AddFieldOptions<S extends Schema> {
  /** The field before the new one; the last field if left out. */
  readonly after?: FieldName<S> | undefined;
}

/** Figures of a table. */
export interface Stats {
  /** The number of rows. */
  readonly rows: number;
  /** The generation: 1 at first, one more after each compaction. */
  readonly generation: number;
  /** The size of the table file, in bytes. */
  readonly tableBytes: number;
  /** The length of the log, in bytes. */
  readonly logBytes: number;
  /** The number of rows in the table file that were changed or deleted since it was written. */
  readonly deadRows: number;
  /** The number of commits so far. */
  readonly sequence: number;
  /** At least this many of the newest commits can be watched, however old they are. */
  readonly keepChanges: number;
  /** The torn tail that the handle found on opening or writing, if any. */
  readonly recovered: Recovered | null;
}

/** Which row: the row, or its id. */
export type Target<S extends Schema> = number | RowMeta<S>;

/** What `update` returns: rows for an array, a row for one row. */
export type Updated<S extends Schema, T> = T extends readonly unknown[] ? Row<S>[] : Row<S>;

/** A torn tail: the rest of a write that was cut off. */
export interface Recovered {
  /** The log. */
  readonly file: string;
  /** Where the tail began, in bytes. */
  readonly offset: number;
  /** Its length, in bytes. */
  readonly bytes: number;
}
