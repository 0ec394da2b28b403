/**
 * The lock that a `Base` holds for its life, beside the one on the identity
 * file: who finds that one busy learns from this one whether waiting makes sense.
 * Behind the note of the owner stands that of a transaction which holds the other lock
 * for long.
 *
 * @module
 */

import { BaseLockedError, by, type LockHolder } from "../system/errors.ts";
import type { File, Files } from "../system/file.ts";
import { sleepSync } from "./flock.ts";
import { IDENTITY, OWNER } from "./layout.ts";
import { clearNote, NOTE_BYTES, readNote, writeNote } from "./note.ts";
import { join } from "../system/path.ts";

/** How often ownership is tried while others share the lock: for about a second. */
const MAX_TRIES = 1000;

/** How long a transaction takes, in milliseconds, before it is worth a note. */
const LONG_MS = 10;
/** The same for one that blocks its thread: on a busy machine any of them may take 10 ms. */
const LONG_BLOCKED_MS = 100;

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
export class Ownership implements Disposable {
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
    const file = files.open(join(dir, OWNER), "create", join(dir, IDENTITY));
    try {
      for (let tries = 0; !file.tryLock(); tries++) {
        // Whoever only asks shares it, and for a moment only.
        if (tries === MAX_TRIES || !file.tryLock(true)) throw refusal("open", dir, readNote(file));
        // Two who wait so must not wait for each other.
        file.unlock();
        sleepSync(1);
      }
    } catch (error) {
      file.close();
      throw error;
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

  [Symbol.dispose](): void {
    this.close();
  }
}

/** What `fn` makes of the file `owner`; `undefined` if it cannot be opened: notes are but hints. */
function withFile<T>(files: Files, dir: string, fn: (file: File) => T): T | undefined {
  let file: File | undefined;
  try {
    file = files.open(join(dir, OWNER), "write");
    return fn(file);
  } catch {
    return undefined;
  } finally {
    file?.close();
  }
}

/**
 * Notes this process as the holder of the base's lock, got after the commit of that number, if
 * it holds it for long; takes the note back when disposed of, before the lock is let go.
 *
 * No timer ends while the thread is blocked, and a note costs more than many a transaction: so a
 * clock is looked at with each verb. A function that calls none for long leaves no note.
 */
export class LongNote implements Disposable {
  readonly #files: Files;
  readonly #dir: string;
  readonly #note: { readonly at: number; readonly sequence: number };
  readonly #since = performance.now();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #noted = false;
  /** When the clock was looked at, and how many verbs it takes till it is again. */
  #looked = 0;
  #unlooked = 1;

  constructor(files: Files, dir: string, sequence: number) {
    this.#files = files;
    this.#dir = dir;
    this.#note = { at: NOTE_BYTES, sequence };
  }

  /** Looks also where no verb is called, whenever the event loop turns. */
  startTimer(): void {
    this.#timer = setTimeout(() => this.#write(), LONG_MS);
  }

  /** Writes the note if it is time to. */
  look(): void {
    if (--this.#unlooked > 0 || this.#noted) return;
    const ms = performance.now() - this.#since;
    if (ms > LONG_BLOCKED_MS) this.#write();
    // The clock costs more than many a verb: where they are fast, not each looks at it.
    this.#unlooked = ms - this.#looked < 1 ? 16 : 1;
    this.#looked = ms;
  }

  #write(): void {
    if (this.#noted) return;
    this.#noted = true;
    withFile(this.#files, this.#dir, (file) => writeNote(file, this.#note));
  }

  [Symbol.dispose](): void {
    // Just to name clearTimeout makes Deno load its timers.
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    if (this.#noted) withFile(this.#files, this.#dir, (file) => clearNote(file, this.#note));
  }
}

/** Who has noted to hold the base's lock for long, when the last commit is that of this number. */
export function longHolder(files: Files, dir: string, sequence: number): LockHolder | undefined {
  return withFile(files, dir, (file) => readNote(file, { at: NOTE_BYTES, sequence }));
}
