/**
 * The errors of psbase, in the order in which they can happen: finding a table, getting its lock,
 * fitting its schema, writing, reading damaged bytes. An argument of the wrong type or range is a
 * `TypeError` or `RangeError`.
 *
 * @module
 */

import { printable } from "./printable.ts";

/** The holder of a lock: a hint for messages, which may be out of date. Decide nothing by it. */
export interface LockHolder {
  /** Process id. */
  readonly pid: number;
  /** Host name; empty if the permission to read it is missing. */
  readonly host: string;
  /** When the holder got the lock. */
  readonly since: Date;
}

/** All errors of this package extend this class. */
export class BaseError extends Error {
  /** Made by psbase. */
  constructor(message: string, options?: ErrorOptions) {
    super(printable(message), options);
    this.name = new.target.name;
  }
}

/** Something exists at the path already. */
export class BaseExistsError extends BaseError {}

/** There is no table at the path, or it was destroyed or replaced. */
export class BaseNotFoundError extends BaseError {}

/** A `Base` owns the table. */
export class BaseLockedError extends BaseError {
  /** The owner, if it is known. */
  readonly holder: LockHolder | undefined;

  /** Made by psbase. */
  constructor(message: string, holder: LockHolder | undefined) {
    super(message);
    this.holder = holder;
  }
}

/** The lock could not be acquired within `timeoutMs`. */
export class LockTimeoutError extends BaseError {
  /** The file that is locked. */
  readonly path: string;
  /** How long the caller waited, in milliseconds. */
  readonly waitedMs: number;
  /** The holder, if it is known. */
  readonly holder: LockHolder | undefined;

  /** Made by psbase. */
  constructor(
    path: string,
    waitedMs: number,
    holder: LockHolder | undefined,
    holding: readonly string[] = [],
  ) {
    const held = `still held${by(holder)} after ${Math.round(waitedMs)} ms`;
    const tables = holding.map((dir) => `"${dir}"`).join(", ");
    super(
      holding.length === 0
        ? `Cannot lock "${path}": ${held}, wait longer (timeoutMs) or end the holder`
        : `Cannot lock "${path}" in a transaction that has locked ${tables}: ${held}, which may ` +
          `wait for this one, lock them at once with transaction([…]) or wait longer (timeoutMs)`,
    );
    this.path = path;
    this.waitedMs = waitedMs;
    this.holder = holder;
  }
}

/** " by process 12 on host since …" for messages; empty if the holder is not known. */
export function by(holder: LockHolder | undefined): string {
  if (holder === undefined) return "";
  const host = holder.host === "" ? "" : ` on ${holder.host}`;
  return ` by process ${holder.pid}${host} since ${holder.since.toISOString()}`;
}

/** The wait would never end: the holder of the lock waits for the caller, or is the caller. */
export class DeadlockError extends BaseError {}

/** The handle was closed. */
export class ClosedError extends BaseError {}

/** The handle was opened with `readOnly`. */
export class ReadOnlyError extends BaseError {}

/** A schema is wrong, or a row or a handle does not fit the stored schema. */
export class SchemaError extends BaseError {}

/** There is no row with that id. */
export class RecordNotFoundError extends BaseError {
  /** The id that no row has. */
  readonly id: number;

  /** Made by psbase. */
  constructor(message: string, id: number) {
    super(message);
    this.id = id;
  }
}

/** The row was changed since it was read. */
export class ConflictError extends BaseError {
  /** The row's id. */
  readonly id: number;
  /** `__version__` of the row that the caller passed, or `ifVersion`. */
  readonly expected: number;
  /** `__version__` of the row in the table. */
  readonly found: number;

  /** Made by psbase. */
  constructor(path: string, id: number, expected: number, found: number) {
    super(
      `Cannot update row ${id} of "${path}": it is at version ${found}, not ${expected}, ` +
        `read it again and decide anew`,
    );
    this.id = id;
    this.expected = expected;
    this.found = found;
  }
}

/** Another row has this value of a unique field already. */
export class UniqueError extends BaseError {
  /** The field. */
  readonly field: string;
  /** The value. */
  readonly value: unknown;
  /** The row that has the value; of two new rows, the id that the first would have got. */
  readonly id: number;

  /** Made by psbase. */
  constructor(message: string, field: string, value: unknown, id: number) {
    super(message);
    this.field = field;
    this.value = value;
    this.id = id;
  }
}

/** The object passed to `update` or `delete` is no row of this table. */
export class UpdateError extends BaseError {}

/** The disk refused a write or a sync. */
export class WriteError extends BaseError {
  /**
   * `"none"`: nothing was written, and the handle works on. `"unknown"`: the write may have
   * happened; the handle refuses work until you open the table again. `"partial"`: a transaction of
   * several tables was committed to the tables in `committed`, and to no others.
   */
  readonly outcome: "none" | "unknown" | "partial";
  /** Paths of the tables that were committed, if the outcome is `"partial"`. */
  readonly committed: readonly string[];

  /** Made by psbase. */
  constructor(
    message: string,
    outcome: WriteError["outcome"],
    cause: unknown,
    committed: readonly string[] = [],
  ) {
    super(message, { cause });
    this.outcome = outcome;
    this.committed = committed;
  }
}

/**
 * An error of the system as a `WriteError` with outcome `"none"`. Errors of psbase, and of Deno for
 * a missing permission flag, stay as they are.
 *
 * @param left What the failure left: that nothing was written, for instance.
 */
export function refused(attempt: string, left: string, error: unknown): unknown {
  if (error instanceof BaseError || error instanceof Deno.errors.NotCapable) return error;
  return new WriteError(`${attempt}: ${(error as Error).message}, ${left}`, "none", error);
}

/** The server that has the table cannot be reached, or answers with nonsense. */
export class PrimaryError extends BaseError {
  /**
   * `"none"`: nothing was changed. `"unknown"`: the write was sent and may have been made; look
   * before you write it again.
   */
  readonly outcome: "none" | "unknown";

  /** Made by psbase. */
  constructor(message: string, outcome: PrimaryError["outcome"], cause?: unknown) {
    super(message, { cause });
    this.outcome = outcome;
  }
}

/** Bytes on disk are not the bytes that were written there. */
export class CorruptionError extends BaseError {
  /** The damaged file. */
  readonly file: string;
  /** Where the damage begins, in bytes. */
  readonly offset: number;
  /** What is wrong. */
  readonly reason: string;

  /** Made by psbase. */
  constructor(file: string, offset: number, reason: string) {
    super(`Cannot read "${file}": ${reason} at byte ${offset}, restore it from a backup`);
    this.file = file;
    this.offset = offset;
    this.reason = reason;
  }
}

/** A newer version of psbase wrote the table. */
export class FormatVersionError extends BaseError {}

/**
 * Runs `fn`; if it refuses an argument, puts the context before the message of the error.
 *
 * @param context What was attempted, or where in the argument it is; a function if it is costly.
 */
export function inContext<T>(context: string | (() => string), fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    for (const type of [SchemaError, TypeError, RangeError]) {
      if (!(error instanceof type)) continue;
      const told = typeof context === "string" ? context : context();
      throw new type(printable(`${told}: ${error.message}`), { cause: error });
    }
    throw error;
  }
}
