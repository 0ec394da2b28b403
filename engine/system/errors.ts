/**
 * What psbase throws, in the order in which it can happen: finding a base,
 * getting its lock, fitting the schema, writing, reading damaged bytes.
 * Errors of the shape of an argument stay `TypeError` and `RangeError`.
 *
 * @module
 */

import { printable } from "./printable.ts";

/** Who holds a lock: a hint for messages, never the ground of a decision. */
export interface LockHolder {
  /** Process id. */
  readonly pid: number;
  /** Host name, empty where the permission to ask for it is missing. */
  readonly host: string;
  /** Since when it is held. */
  readonly since: Date;
}

/** What all errors of this package extend. */
export class BaseError extends Error {
  /** The name of the class. */
  override name = "BaseError";

  /**
   * Made by psbase.
   *
   * @param message What was attempted and what is wrong; control characters, of a path, say, are
   * written as escapes.
   * @param options The cause.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(printable(message), options);
  }
}

/** There is something at the path already. */
export class BaseExistsError extends BaseError {
  /** The name of the class. */
  override name = "BaseExistsError";
}

/** There is no base at the path, or it was destroyed or replaced. */
export class BaseNotFoundError extends BaseError {
  /** The name of the class. */
  override name = "BaseNotFoundError";
}

/** A `Base` owns the table. */
export class BaseLockedError extends BaseError {
  /** The name of the class. */
  override name = "BaseLockedError";
  /** The owner, as far as it is known. */
  readonly holder: LockHolder | undefined;

  /**
   * Made by psbase.
   *
   * @param message What was attempted and what is in the way.
   * @param holder The owner, as far as it is known.
   */
  constructor(message: string, holder: LockHolder | undefined) {
    super(message);
    this.holder = holder;
  }
}

/** The lock was not to be had within `timeoutMs`. */
export class LockTimeoutError extends BaseError {
  /** The name of the class. */
  override name = "LockTimeoutError";
  /** The file that is locked. */
  readonly path: string;
  /** How long it was waited for, in milliseconds. */
  readonly waitedMs: number;
  /** Who holds it, as far as it is known. */
  readonly holder: LockHolder | undefined;

  /**
   * The lock at `path` was waited for, in vain.
   *
   * @param path The file that is locked.
   * @param waitedMs How long it was waited for, in milliseconds.
   * @param holder Who holds it, as far as it is known.
   * @param holding Tables that transactions had locked meanwhile.
   */
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

/** " by process 12 on host since …", or nothing. */
export function by(holder: LockHolder | undefined): string {
  if (holder === undefined) return "";
  const host = holder.host === "" ? "" : ` on ${holder.host}`;
  return ` by process ${holder.pid}${host} since ${holder.since.toISOString()}`;
}

/** Waiting would never end: who holds the lock waits for the caller, or is the caller. */
export class DeadlockError extends BaseError {
  /** The name of the class. */
  override name = "DeadlockError";
}

/** The handle was closed. */
export class ClosedError extends BaseError {
  /** The name of the class. */
  override name = "ClosedError";
}

/** The handle was opened with `readOnly`. */
export class ReadOnlyError extends BaseError {
  /** The name of the class. */
  override name = "ReadOnlyError";
}

/** A schema is wrong, or a row or a handle does not fit the stored one. */
export class SchemaError extends BaseError {
  /** The name of the class. */
  override name = "SchemaError";
}

/** There is no row of that id. */
export class RecordNotFoundError extends BaseError {
  /** The name of the class. */
  override name = "RecordNotFoundError";
  /** The id. */
  readonly id: number;

  /**
   * Made by psbase.
   *
   * @param message What was attempted.
   * @param id The id.
   */
  constructor(message: string, id: number) {
    super(message);
    this.id = id;
  }
}

/** The row was changed since it was read. */
export class ConflictError extends BaseError {
  /** The name of the class. */
  override name = "ConflictError";
  /** The row's id. */
  readonly id: number;
  /** `__version__` of the row that was passed in, or `ifVersion`. */
  readonly expected: number;
  /** `__version__` in the table. */
  readonly found: number;

  /**
   * Made by psbase.
   *
   * @param path The table.
   * @param id The row's id.
   * @param expected `__version__` of the row that was passed in.
   * @param found `__version__` in the table.
   */
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

/** A value of a unique field is in another row already. */
export class UniqueError extends BaseError {
  /** The name of the class. */
  override name = "UniqueError";
  /** The field. */
  readonly field: string;
  /** The value. */
  readonly value: unknown;
  /** The id of the row that has it; of two new rows, the one that the first would have got. */
  readonly id: number;

  /**
   * Made by psbase.
   *
   * @param message What was attempted.
   * @param field The field.
   * @param value The value.
   * @param id The row that has it.
   */
  constructor(message: string, field: string, value: unknown, id: number) {
    super(message);
    this.field = field;
    this.value = value;
    this.id = id;
  }
}

/** What was passed to `update` or `delete` is no row of this table. */
export class UpdateError extends BaseError {
  /** The name of the class. */
  override name = "UpdateError";
}

/** The disk refused a write or a sync. */
export class WriteError extends BaseError {
  /** The name of the class. */
  override name = "WriteError";
  /**
   * `"none"`: nothing was written, the handle works on. `"unknown"`: it may be
   * there or not; the handle refuses work until the base is opened again.
   * `"partial"`: of a transaction of several tables, the tables in `committed` have their part.
   */
  readonly outcome: "none" | "unknown" | "partial";
  /** Paths of the tables that were committed, where that is a part of them. */
  readonly committed: readonly string[];

  /**
   * Made by psbase.
   *
   * @param message What was attempted and what the system said.
   * @param outcome What is known of the write.
   * @param cause The error of the system.
   * @param committed Paths of the tables that were committed, if a part of them was.
   */
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
 * What the system refused, as a `WriteError` that left nothing; errors of psbase, and Deno's
 * for a flag that is missing, as they are.
 */
export function refused(attempt: string, left: string, error: unknown): unknown {
  if (error instanceof BaseError || error instanceof Deno.errors.NotCapable) return error;
  return new WriteError(`${attempt}: ${(error as Error).message}, ${left}`, "none", error);
}

/** Bytes that were once on disk are not what they were. */
export class CorruptionError extends BaseError {
  /** The name of the class. */
  override name = "CorruptionError";
  /** The damaged file. */
  readonly file: string;
  /** Where in it, in bytes. */
  readonly offset: number;
  /** What is wrong. */
  readonly reason: string;

  /**
   * Made by psbase.
   *
   * @param file The damaged file.
   * @param offset Where in it, in bytes.
   * @param reason What is wrong.
   */
  constructor(file: string, offset: number, reason: string) {
    super(`Cannot read "${file}": ${reason} at byte ${offset}, restore it from a backup`);
    this.file = file;
    this.offset = offset;
    this.reason = reason;
  }
}

/** The base was written by a newer version of psbase. */
export class FormatVersionError extends BaseError {
  /** The name of the class. */
  override name = "FormatVersionError";
}

/** Runs `fn`; puts where it is before the message of its error. */
export function within<T>(where: string, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    for (const type of [TypeError, RangeError]) {
      if (error instanceof type) throw new type(`${where}: ${error.message}`);
    }
    throw error;
  }
}

/** Puts what was attempted before an error of the arguments. */
export function inContext<T>(attempt: string | (() => string), fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    for (const type of [SchemaError, TypeError, RangeError]) {
      if (!(error instanceof type)) continue;
      const told = typeof attempt === "string" ? attempt : attempt();
      throw new type(printable(`${told}: ${error.message}`), { cause: error });
    }
    throw error;
  }
}
