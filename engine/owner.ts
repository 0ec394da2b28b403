/**
 * The lock that a `Base` holds for its life, beside the one on the identity
 * file: who finds that one busy learns from this one whether waiting makes sense.
 *
 * @module
 */

import { BaseLockedError, by, type LockHolder } from "./errors.ts";
import type { File, Files } from "./file.ts";
import { sleepSync } from "./flock.ts";
import { OWNER } from "./layout.ts";
import { clearNote, readNote, writeNote } from "./note.ts";
import { join } from "./path.ts";

/** How often ownership is tried while others share the lock: for about a second. */
const MAX_TRIES = 1000;

function refusal(action: string, dir: string, holder: LockHolder | undefined): BaseLockedError {
  return new BaseLockedError(
    `Cannot ${action} "${dir}": a Base owns it${by(holder)}, close that one or use PsBase in both`,
    holder,
  );
}

/**
 * Throws if a `Base` owns the table.
 *
 * @throws {BaseLockedError} If so.
 */
export function checkUnowned(files: Files, dir: string, action: string): void {
  let file: File;
  try {
    file = files.open(join(dir, OWNER), "read");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  try {
    // Shared, so that two who ask at once do not take each other for an owner.
    if (!file.tryLock(true)) throw refusal(action, dir, readNote(file));
    file.unlock();
  } finally {
    file.close();
  }
}

/** Ownership of a table; given up by {@linkcode Ownership.close} or with the process. */
export class Ownership {
  readonly #file: File;
  #closed = false;

  private constructor(file: File) {
    this.#file = file;
  }

  /**
   * Takes ownership of the table in `dir`.
   *
   * @throws {BaseLockedError} If another `Base` has it.
   */
  static take(files: Files, dir: string): Ownership {
    const file = files.open(join(dir, OWNER), "create");
    for (let tries = 0; !file.tryLock(); tries++) {
      // Whoever only asks, or notes that it holds for long, shares it, and for a moment only.
      if (tries < MAX_TRIES && file.tryLock(true)) {
        sleepSync(1);
        continue;
      }
      const holder = readNote(file);
      file.close();
      throw refusal("open", dir, holder);
    }
    writeNote(file);
    return new Ownership(file);
  }

  /** Gives it up. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearNote(this.#file);
    this.#file.close();
  }
}
