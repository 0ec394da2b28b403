/**
 * A lock between processes: exclusive, advisory, on a file of its own. It also excludes the Workers
 * of a process, other objects in one thread, and `flock(1)`.
 *
 * ```ts
 * import { PsLock } from "@psbase/psbase/lock";
 * import { assertEquals } from "@std/assert";
 *
 * const dir = Deno.makeTempDirSync();
 * const counter = `${dir}/counter`;
 * Deno.writeTextFileSync(counter, "0");
 *
 * using lock = new PsLock(`${dir}/lock`);
 * await lock.run(() => {
 *   const n = Number(Deno.readTextFileSync(counter));
 *   Deno.writeTextFileSync(counter, String(n + 1)); // no other process is in here
 * });
 *
 * assertEquals(Deno.readTextFileSync(counter), "1");
 * ```
 *
 * The system releases the lock of a process that dies, even by `kill -9`. A process that is stopped
 * keeps its lock: a lock never expires. Not for network file systems.
 *
 * The lock needs `--allow-read` and `--allow-write` for the lock file. If `--allow-sys=hostname` is
 * granted already, messages name the host.
 *
 * @module
 */

import { checkFunction, checkSignal } from "./engine/system/check.ts";
import { Closing } from "./engine/system/closing.ts";
import { BaseError, inContext } from "./engine/system/errors.ts";
import type { LockHolder } from "./engine/system/errors.ts";
import type { Files } from "./engine/system/file.ts";
import { checkTimeout, Flock } from "./engine/lock/flock.ts";
import { clearNote, readNote, writeNote } from "./engine/lock/note.ts";
import { toPath } from "./engine/system/path.ts";
import { optionsReader } from "./engine/schema/read_options.ts";
import { printable } from "./engine/system/printable.ts";
import { currentFiles } from "./engine/system/deno_file.ts";

export { BaseError, ClosedError, DeadlockError, LockTimeoutError } from "./engine/system/errors.ts";
export type { LockHolder } from "./engine/system/errors.ts";

/** How long to wait for a lock. */
export interface LockOptions {
  /**
   * Give up after this many milliseconds; 0 tries once. With a timeout the lock is polled every 1
   * to 20 ms; without one the kernel queues the wait, which is faster under contention.
   *
   * @default {Infinity}
   */
  timeoutMs?: number | undefined;
}

/** How long to wait for a lock, and what else may end the wait. */
export interface AsyncLockOptions extends LockOptions {
  /**
   * Ends the wait, which rejects with the signal's reason. The lock is polled, as with `timeoutMs`.
   */
  signal?: AbortSignal | undefined;
}

const lockOptions = optionsReader<LockOptions>({ timeoutMs: true });
const asyncLockOptions = optionsReader<AsyncLockOptions>({ timeoutMs: true, signal: true });

/**
 * A lock that is held until it is released.
 *
 * @example Releasing at the end of a block
 * ```ts
 * import { assert } from "@std/assert";
 *
 * using lock = new PsLock(`${await Deno.makeTempDir()}/lock`);
 * {
 *   using _guard = await lock.acquire();
 *   assert(lock.held);
 * }
 * assert(!lock.held);
 * ```
 */
export interface LockGuard extends Disposable {
  /**
   * Releases the lock that this guard stands for. It does nothing if that lock was released
   * already, and never releases a later one.
   */
  release(): void;
}

/**
 * An exclusive lock between processes, on a lock file.
 *
 * The file is created if it is missing, and never deleted. It holds a note of who has the lock. A
 * file with other content is locked but not written to, and so is a file that cannot be written to,
 * or a directory (except on Windows); messages then name no holder. If somebody deletes the file
 * while the lock is held, a second holder can get in; those who wait notice, and wait for the new
 * file.
 *
 * Waits in one thread are served in order. {@linkcode PsLock.close} ends an async wait, but it
 * cannot cancel the wait in the kernel: that wait holds nothing, yet it keeps the process from
 * ending by itself until the lock was free once.
 *
 * @example Waiting, but not for ever
 * ```ts
 * import { LockTimeoutError, PsLock } from "@psbase/psbase/lock";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const path = `${await Deno.makeTempDir()}/lock`;
 * using mine = new PsLock(path);
 * using theirs = new PsLock(path);
 *
 * using _guard = theirs.acquireSync();
 * const error = await assertRejects(() => mine.acquire({ timeoutMs: 5 }), LockTimeoutError);
 * assertEquals(error.holder?.pid, Deno.pid);
 * ```
 */
export class PsLock implements Disposable {
  readonly #path: string;
  readonly #files: Files = currentFiles();
  readonly #closing: Closing;
  /** The lock file; it stays open between two holds. */
  #flock: Flock | undefined;
  /** The hold of this object: a new object for each hold, so that a guard knows its own. */
  #hold: { readonly flock: Flock } | undefined;

  /**
   * Makes a lock on the file at `path`. The file is not touched before the first attempt to acquire
   * it.
   *
   * @param path The lock file, as a path or a `file:` URL.
   * @throws {TypeError} If it is empty or another kind of URL.
   */
  constructor(path: string | URL) {
    this.#path = toPath(path);
    this.#closing = new Closing(`${this.#attempt}: this lock was closed, make a new one`);
  }

  /** Whether this object holds the lock. */
  get held(): boolean {
    return this.#hold !== undefined;
  }

  /**
   * Waits for the lock, also while this very object holds it.
   *
   * @param options How long to wait, and what may end the wait.
   * @returns A guard that releases the lock when it is released or disposed.
   * @throws {LockTimeoutError} If the lock could not be acquired within `timeoutMs`.
   * @throws {ClosedError} If this object is closed, before or meanwhile.
   * @throws {RangeError} If `timeoutMs` is negative or not a number.
   * @throws {Deno.errors.NotFound} If the directory of the lock file does not exist.
   */
  async acquire(options: AsyncLockOptions = {}): Promise<LockGuard> {
    const { timeoutMs, signal } = inContext(this.#attempt, () => asyncLockOptions(options));
    inContext(this.#attempt, () => checkSignal(signal));
    const wait = { ...this.#waiting(timeoutMs), signal };
    for (;;) {
      const flock = this.#attach();
      await flock.acquire({ ...wait, closing: this.#closing });
      const guard = this.#confirm(flock);
      if (guard !== undefined) return guard;
    }
  }

  /**
   * Waits for the lock and blocks the thread. It comes before the waits of this thread that do not
   * block.
   *
   * @param options How long to wait.
   * @returns A guard that releases the lock when it is released or disposed.
   * @throws {DeadlockError} If this thread holds the lock, by whichever object.
   * @throws {LockTimeoutError} If the lock could not be acquired within `timeoutMs`.
   * @throws {ClosedError} If this object is closed.
   * @throws {RangeError} If `timeoutMs` is negative or not a number.
   * @throws {Deno.errors.NotFound} If the directory of the lock file does not exist.
   */
  acquireSync(options: LockOptions = {}): LockGuard {
    const { timeoutMs } = inContext(this.#attempt, () => lockOptions(options));
    const wait = this.#waiting(timeoutMs);
    for (;;) {
      const flock = this.#attach();
      flock.acquireSync(wait);
      const guard = this.#confirm(flock);
      if (guard !== undefined) return guard;
    }
  }

  /**
   * Takes the lock if it is free and nobody in this thread waits for it.
   *
   * @returns A guard that releases the lock when it is released or disposed, or `undefined`.
   * @throws {ClosedError} If this object is closed.
   * @throws {Deno.errors.NotFound} If the directory of the lock file does not exist.
   *
   * @example One of two
   * ```ts
   * import { assert, assertEquals } from "@std/assert";
   *
   * const path = `${await Deno.makeTempDir()}/lock`;
   * using mine = new PsLock(path);
   * using theirs = new PsLock(path);
   * assert(theirs.tryAcquire());
   * assertEquals(mine.tryAcquire(), undefined);
   * ```
   */
  tryAcquire(): LockGuard | undefined {
    for (;;) {
      const flock = this.#attach();
      if (!flock.tryAcquire()) return undefined;
      const guard = this.#confirm(flock);
      if (guard !== undefined) return guard;
    }
  }

  /**
   * Calls `fn` while the lock is held, and releases the lock once `fn` has ended or failed.
   *
   * @param fn What to do; no other holder is at work meanwhile.
   * @param options How long to wait, and what may end the wait.
   * @throws What `fn` throws, and as {@linkcode PsLock.acquire}.
   */
  async run<T>(fn: () => T | PromiseLike<T>, options?: AsyncLockOptions): Promise<T> {
    inContext(this.#attempt, () => checkFunction(fn));
    using _guard = await this.acquire(options);
    return await fn();
  }

  /** Releases the lock; does nothing if this object does not hold it. */
  release(): void {
    const hold = this.#hold;
    if (hold === undefined) return;
    this.#hold = undefined;
    clearNote(hold.flock.file);
    hold.flock.release();
  }

  /**
   * Tells who holds the lock: `undefined` if it is free, or if the holder left no note, as
   * `flock(1)`. Use it for messages only: the answer may be outdated by the time it is read.
   *
   * @returns The holder's process, host, and since when.
   *
   * @example Who has it
   * ```ts
   * import { assertEquals } from "@std/assert";
   *
   * using lock = new PsLock(`${await Deno.makeTempDir()}/lock`);
   * using _guard = await lock.acquire();
   * assertEquals(lock.holder()?.pid, Deno.pid);
   * ```
   */
  holder(): LockHolder | undefined {
    const identity = this.#files.fileId(this.#path);
    if (identity === undefined) return undefined;
    const own = Flock.find(this.#files, identity);
    if (own?.held) return readNote(own.file);
    let file;
    try {
      file = this.#files.open(this.#files.realPath(this.#path), "read");
      // A shared lock, so that two calls at once do not take each other for the holder.
      if (!file.tryLock(true)) return readNote(file);
      file.unlock();
    } catch {
      // The file is gone or cannot be read: nobody is known.
    } finally {
      file?.close();
    }
    return undefined;
  }

  /**
   * Releases the lock and closes the lock file. Pending waits and later ones reject with a
   * {@linkcode ClosedError}. Closing again does nothing.
   */
  close(): void {
    if (this.#closing.isOver) return;
    this.#closing.end();
    this.release();
    this.#flock?.detach();
    this.#flock = undefined;
  }

  /** As {@linkcode PsLock.close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  get #attempt(): string {
    return `Cannot lock "${this.#path}"`;
  }

  #waiting(timeoutMs: number | undefined) {
    return {
      timeoutMs: checkTimeout(timeoutMs),
      start: performance.now(),
      path: this.#path,
      holder: () => this.holder(),
    };
  }

  #attach(): Flock {
    this.#closing.check();
    try {
      return this.#flock ??= Flock.attach(this.#files, this.#path, "lock");
    } catch (cause) {
      if (cause instanceof BaseError || cause instanceof Deno.errors.NotCapable) throw cause;
      const { message, constructor: Refusal } = cause as Error;
      const told = cause instanceof Deno.errors.NotFound
        ? "its directory does not exist, create it first"
        : message;
      throw new (Refusal as ErrorConstructor)(printable(`${this.#attempt}: ${told}`), { cause });
    }
  }

  /** The guard, if the locked file is still the file at the path, and this object is still open. */
  #confirm(flock: Flock): LockGuard | undefined {
    const hold = { flock };
    try {
      const current = this.#files.fileId(this.#path) === flock.file.fileId;
      if (current && !this.#closing.isOver) this.#hold = hold;
    } finally {
      if (this.#hold !== hold) this.#letGo(flock);
    }
    if (this.#hold !== hold) return undefined;
    writeNote(flock.file);
    const release = () => {
      if (this.#hold === hold) this.release();
    };
    return { release, [Symbol.dispose]: release };
  }

  /** Unlocks a file that is no longer the file at the path; the next attempt opens the new one. */
  #letGo(flock: Flock): void {
    flock.release();
    // Another wait of this object, or `close`, may have detached it already.
    if (this.#flock !== flock) return;
    this.#flock = undefined;
    flock.detach();
  }
}
