/**
 * A lock between processes: exclusive, advisory, on a file of its own. It also
 * holds between the Workers of a process and between objects in one thread, and
 * excludes `flock(1)`.
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
 * Deno.removeSync(dir, { recursive: true });
 * ```
 *
 * A holder that dies, even by `kill -9`, lets go; one that is stopped keeps the
 * lock, and it is never broken by its age. Not for network file systems. Needs
 * `--allow-read` and `--allow-write` for the lock file; `--allow-sys=hostname`,
 * where it is granted already, puts the host's name into messages.
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
   * Give up after so many milliseconds; 0 tries once. Who sets a limit looks
   * again every 1 to 20 ms instead of waiting in the kernel, so under a crowd
   * who sets none comes sooner.
   *
   * @default {Infinity}
   */
  timeoutMs?: number | undefined;
}

/** How long to wait for a lock, and what else may end the wait. */
export interface AsyncLockOptions extends LockOptions {
  /** Ends the wait, which rejects with the signal's reason; counts as a limit, see `timeoutMs`. */
  signal?: AbortSignal | undefined;
}

const lockOptions = optionsReader<LockOptions>({ timeoutMs: true });
const asyncLockOptions = optionsReader<AsyncLockOptions>({ timeoutMs: true, signal: true });

/**
 * A lock that is held, until it is released.
 *
 * @example Releasing at the end of a block
 * ```ts
 * import { type LockGuard, PsLock } from "@psbase/psbase/lock";
 * import { assert } from "@std/assert";
 *
 * const dir = Deno.makeTempDirSync();
 * using lock = new PsLock(`${dir}/lock`);
 * {
 *   using _guard: LockGuard = await lock.acquire();
 *   assert(lock.held);
 * }
 * assert(!lock.held);
 * Deno.removeSync(dir, { recursive: true });
 * ```
 */
export interface LockGuard extends Disposable {
  /**
   * Lets go of what this guard stands for. Again, or after the lock was let go
   * in another way, it does nothing: it never ends a later hold.
   */
  release(): void;
}

/**
 * An exclusive lock between processes, on a lock file.
 *
 * The file is created if it is missing and never deleted, and holds a note of
 * who has the lock; a file with another content is locked but not written to. A
 * directory can be locked too, but on Windows, and a file that cannot be written
 * to: messages then name no holder.
 * Whoever deletes it while it is held lets a second holder in; those who wait
 * notice, and wait for the new file.
 *
 * Who waits in one thread comes in order. An async wait that is ended by
 * {@linkcode PsLock.close} cannot be called off in the kernel: it holds nothing,
 * but keeps the process from ending by itself until the lock was free once.
 *
 * @example Waiting, but not for ever
 * ```ts
 * import { LockTimeoutError, PsLock } from "@psbase/psbase/lock";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const dir = Deno.makeTempDirSync();
 * using mine = new PsLock(`${dir}/lock`);
 * using theirs = new PsLock(`${dir}/lock`);
 *
 * using _guard = theirs.acquireSync();
 * const error = await assertRejects(() => mine.acquire({ timeoutMs: 5 }), LockTimeoutError);
 * assertEquals(error.holder?.pid, Deno.pid);
 * Deno.removeSync(dir, { recursive: true });
 * ```
 */
export class PsLock implements Disposable {
  readonly #path: string;
  readonly #files: Files = currentFiles();
  readonly #closing: Closing;
  /** What is locked; stays open between two holds. */
  #flock: Flock | undefined;
  /** The hold of this object; another object each time, so that a guard knows its own. */
  #hold: { readonly flock: Flock } | undefined;

  /**
   * A lock on the file at `path`, which is not touched before the first attempt
   * to get it.
   *
   * @param path The lock file, as a path or a `file:` URL.
   * @throws {TypeError} If it is empty or another kind of URL.
   *
   * @example Usage
   * ```ts
   * import { PsLock } from "@psbase/psbase/lock";
   * import { assert } from "@std/assert";
   *
   * using lock = new PsLock(new URL("file:///var/lock/nightly"));
   * assert(!lock.held);
   * ```
   */
  constructor(path: string | URL) {
    this.#path = toPath(path);
    this.#closing = new Closing(
      `${this.#attempt}: this lock was closed, make a new one`,
    );
  }

  /**
   * Whether this object holds the lock.
   *
   * @example Usage
   * ```ts
   * import { PsLock } from "@psbase/psbase/lock";
   * import { assert } from "@std/assert";
   *
   * const dir = Deno.makeTempDirSync();
   * using lock = new PsLock(`${dir}/lock`);
   * lock.acquireSync();
   * assert(lock.held);
   * Deno.removeSync(dir, { recursive: true });
   * ```
   */
  get held(): boolean {
    return this.#hold !== undefined;
  }

  /**
   * Waits for the lock, also if this very object holds it.
   *
   * @param options How long to wait, and what may end the wait.
   * @returns A guard that lets go when it is released or disposed.
   * @throws {LockTimeoutError} If the lock is not to be had within `timeoutMs`.
   * @throws {ClosedError} If this object is closed, before or meanwhile.
   * @throws {RangeError} If `timeoutMs` is negative or not a number.
   * @throws {Deno.errors.NotFound} If the directory of the lock file does not exist.
   *
   * @example Usage
   * ```ts
   * import { PsLock } from "@psbase/psbase/lock";
   * import { assert } from "@std/assert";
   *
   * const dir = Deno.makeTempDirSync();
   * using lock = new PsLock(`${dir}/lock`);
   * using _guard = await lock.acquire({ timeoutMs: 500 });
   * assert(lock.held);
   * Deno.removeSync(dir, { recursive: true });
   * ```
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
   * Waits for the lock, blocking the thread, before those that wait in it
   * without blocking.
   *
   * @param options How long to wait.
   * @returns A guard that lets go when it is released or disposed.
   * @throws {DeadlockError} If this thread holds the lock, by whichever object.
   * @throws {LockTimeoutError} If the lock is not to be had within `timeoutMs`.
   * @throws {ClosedError} If this object is closed.
   * @throws {RangeError} If `timeoutMs` is negative or not a number.
   * @throws {Deno.errors.NotFound} If the directory of the lock file does not exist.
   *
   * @example Usage
   * ```ts
   * import { DeadlockError, PsLock } from "@psbase/psbase/lock";
   * import { assertThrows } from "@std/assert";
   *
   * const dir = Deno.makeTempDirSync();
   * using lock = new PsLock(`${dir}/lock`);
   * using _guard = lock.acquireSync();
   * assertThrows(() => lock.acquireSync(), DeadlockError);
   * Deno.removeSync(dir, { recursive: true });
   * ```
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
   * @returns A guard that lets go when it is released or disposed, or `undefined`.
   * @throws {ClosedError} If this object is closed.
   * @throws {Deno.errors.NotFound} If the directory of the lock file does not exist.
   *
   * @example Usage
   * ```ts
   * import { PsLock } from "@psbase/psbase/lock";
   * import { assert, assertEquals } from "@std/assert";
   *
   * const dir = Deno.makeTempDirSync();
   * using mine = new PsLock(`${dir}/lock`);
   * using theirs = new PsLock(`${dir}/lock`);
   * assert(theirs.tryAcquire());
   * assertEquals(mine.tryAcquire(), undefined);
   * Deno.removeSync(dir, { recursive: true });
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
   * Calls `fn` while the lock is held, and lets go when it is done, or has failed.
   *
   * @typeParam T What `fn` gives.
   * @param fn What to do; no other holder is at work meanwhile.
   * @param options How long to wait, and what may end the wait.
   * @returns What `fn` gives.
   * @throws What `fn` throws, and as {@linkcode PsLock.acquire}.
   *
   * @example Usage
   * ```ts
   * import { PsLock } from "@psbase/psbase/lock";
   * import { assertEquals } from "@std/assert";
   *
   * const dir = Deno.makeTempDirSync();
   * using lock = new PsLock(`${dir}/lock`);
   * assertEquals(await lock.run(() => 42), 42);
   * Deno.removeSync(dir, { recursive: true });
   * ```
   */
  async run<T>(fn: () => T | PromiseLike<T>, options?: AsyncLockOptions): Promise<T> {
    inContext(this.#attempt, () => checkFunction(fn));
    using _guard = await this.acquire(options);
    return await fn();
  }

  /**
   * Lets go of the lock; does nothing if this object does not hold it.
   *
   * @example Usage
   * ```ts
   * import { PsLock } from "@psbase/psbase/lock";
   * import { assert } from "@std/assert";
   *
   * const dir = Deno.makeTempDirSync();
   * using lock = new PsLock(`${dir}/lock`);
   * lock.acquireSync();
   * lock.release();
   * assert(!lock.held);
   * Deno.removeSync(dir, { recursive: true });
   * ```
   */
  release(): void {
    const hold = this.#hold;
    if (hold === undefined) return;
    this.#hold = undefined;
    clearNote(hold.flock.file);
    hold.flock.release();
  }

  /**
   * Who holds the lock, `undefined` if it is free or the holder left no note, as
   * `flock(1)`. For messages only: it may be over by the time it is read.
   *
   * @returns The holder's process, host and since when.
   *
   * @example Usage
   * ```ts
   * import { PsLock } from "@psbase/psbase/lock";
   * import { assertEquals } from "@std/assert";
   *
   * const dir = Deno.makeTempDirSync();
   * using lock = new PsLock(`${dir}/lock`);
   * assertEquals(lock.holder(), undefined);
   * lock.acquireSync();
   * assertEquals(lock.holder()?.pid, Deno.pid);
   * Deno.removeSync(dir, { recursive: true });
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
      // A shared try, so that two who ask do not see each other.
      if (!file.tryLock(true)) return readNote(file);
      file.unlock();
    } catch {
      // Gone or not to be read: nobody known.
    } finally {
      file?.close();
    }
    return undefined;
  }

  /**
   * Lets go of the lock and closes the lock file. Waits that are pending reject
   * with {@linkcode ClosedError}, and so do later ones. Twice is harmless.
   *
   * @example Usage
   * ```ts
   * import { ClosedError, PsLock } from "@psbase/psbase/lock";
   * import { assertThrows } from "@std/assert";
   *
   * const lock = new PsLock("lock");
   * lock.close();
   * assertThrows(() => lock.acquireSync(), ClosedError);
   * ```
   */
  close(): void {
    if (this.#closing.isOver) return;
    this.#closing.end();
    this.release();
    this.#flock?.detach();
    this.#flock = undefined;
  }

  /**
   * As {@linkcode PsLock.close}.
   *
   * @example Usage
   * ```ts
   * import { ClosedError, PsLock } from "@psbase/psbase/lock";
   * import { assertThrows } from "@std/assert";
   *
   * const lock = new PsLock("lock");
   * {
   *   using _closedAtTheEnd = lock;
   * }
   * assertThrows(() => lock.tryAcquire(), ClosedError);
   * ```
   */
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

  /** The guard, if what was locked is still the file at the path, and this object still open. */
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

  /** Unlocks a file that is not the right one; the next attempt opens anew. */
  #letGo(flock: Flock): void {
    flock.release();
    // Another wait of this object may have done so before, or `close`.
    if (this.#flock !== flock) return;
    this.#flock = undefined;
    flock.detach();
  }
}
