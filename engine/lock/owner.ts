/**
 * The lock on the file `owner`, which a `Base` holds for its life besides the lock on the identity
 * file. A process that finds the identity file locked learns here whether waiting makes sense.
 * After the note of the owner, the file holds the note of a transaction that has the other lock for
 * long.
 *
 * @module
 */

import { BaseLockedError, by, type LockHolder } from "../system/errors.ts";
import { type File, type Files, openExisting } from "../system/file.ts";
import { sleepSync } from "./flock.ts";
import { IDENTITY, OWNER } from "./layout.ts";
import { clearNote, NOTE_BYTES, readNote, writeNote } from "./note.ts";
import { join } from "../system/path.ts";

/** How often to try for ownership while others share the lock: for about a second. */
const MAX_TRIES = 1000;

/** How long a transaction lasts, in milliseconds, before it is worth a note. */
const LONG_MS = 10;
/** The same for a blocking transaction: on a busy machine, any of them may take 10 ms. */
const LONG_BLOCKED_MS = 100;

function refusal(action: string, dir: string, holder: LockHolder | undefined): BaseLockedError {
  return new BaseLockedError(
    `Cannot ${action} "${dir}": a Base owns it${by(holder)}, close that one or use PsBase in both`,
    holder,
  );
}

/** Throws if a `Base` owns the table. */
export function checkUnowned(files: Files, dir: string, action: string): void {
  using file = openExisting(files, join(dir, OWNER), "read");
  // Shared, so that two processes that check at once do not take each other for an owner.
  if (file?.tryLock(true) === false) throw refusal(action, dir, readNote(file));
}

/** Ownership of a table; ends with {@linkcode Ownership.close} or with the process. */
export class Ownership implements Disposable {
  readonly #file: File;
  #closed = false;

  private constructor(file: File) {
    this.#file = file;
  }

  /**
   * Takes ownership of the table in `dir`.
   *
   * @throws {BaseLockedError} If another `Base` owns it.
   */
  static take(files: Files, dir: string): Ownership {
    using opened = new DisposableStack();
    const file = opened.use(files.open(join(dir, OWNER), "create", join(dir, IDENTITY)));
    for (let tries = 0; !file.tryLock(); tries++) {
      // A process that only checks shares the lock, for a moment.
      if (tries === MAX_TRIES || !file.tryLock(true)) throw refusal("open", dir, readNote(file));
      // Otherwise two processes that wait here would wait for each other.
      file.unlock();
      sleepSync(1);
    }
    writeNote(file);
    opened.move();
    return new Ownership(file);
  }

  /** Ends the ownership. */
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

/**
 * Opens the file `owner` for `fn`; gives `undefined` if that fails, because notes are only hints.
 */
function withFile<T>(files: Files, dir: string, fn: (file: File) => T): T | undefined {
  try {
    using file = files.open(join(dir, OWNER), "write");
    return fn(file);
  } catch {
    return undefined;
  }
}

/**
 * Notes this process as the holder of the table's lock if it holds it for long. Disposing of it
 * removes the note; do so before you release the lock.
 *
 * No timer fires while the thread is blocked, and a note costs more than a short transaction.
 * Therefore each verb checks the clock. A function that calls no verb for long leaves no note.
 */
export class LongNote implements Disposable {
  readonly #files: Files;
  readonly #dir: string;
  readonly #note: { readonly at: number; readonly sequence: number };
  readonly #since = performance.now();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #noted = false;
  /** When the clock was read last, and after how many more verbs it is read again. */
  #readMs = 0;
  #verbsLeft = 1;

  /** `sequence` is the last commit when the lock was granted. */
  constructor(files: Files, dir: string, sequence: number) {
    this.#files = files;
    this.#dir = dir;
    this.#note = { at: NOTE_BYTES, sequence };
  }

  /** Writes the note also if no verb is called, as soon as the event loop turns. */
  startTimer(): void {
    this.#timer = setTimeout(() => this.#write(), LONG_MS);
  }

  /** Called with each verb: writes the note if it is due. */
  tick(): void {
    if (--this.#verbsLeft > 0 || this.#noted) return;
    const ms = performance.now() - this.#since;
    if (ms > LONG_BLOCKED_MS) this.#write();
    // The clock costs more than a fast verb, so not each of them reads it.
    this.#verbsLeft = ms - this.#readMs < 1 ? 16 : 1;
    this.#readMs = ms;
  }

  #write(): void {
    if (this.#noted) return;
    this.#noted = true;
    withFile(this.#files, this.#dir, (file) => writeNote(file, this.#note));
  }

  [Symbol.dispose](): void {
    // To mention clearTimeout makes Deno load its timers.
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    if (this.#noted) withFile(this.#files, this.#dir, (file) => clearNote(file, this.#note));
  }
}

/** The long holder of the table's lock by its note; `sequence` is the last commit now. */
export function longHolder(files: Files, dir: string, sequence: number): LockHolder | undefined {
  return withFile(files, dir, (file) => readNote(file, { at: NOTE_BYTES, sequence }));
}
