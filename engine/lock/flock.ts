/**
 * One exclusive lock on one open file, shared by all objects of a thread.
 *
 * What Deno's file lock is: `flock(2)` on Linux and macOS, advisory, and tied to
 * the *open file*, not to the process: two files opened on one path exclude each
 * other, even in one thread; the kernel lets go when the holder dies; children
 * do not inherit it (`psbase lock` lets its command inherit it, see
 * `cli/process/inherit.ts`); a stopped holder keeps it.
 *
 * What it is not:
 * - re-entrant: locking again through the same open file "succeeds" and counts
 *   nothing, so it is this class that knows whether the thread holds the lock;
 * - fair between threads of one process: each waiter would take an OS thread;
 * - possible to call off: a waiting `lock()` ends when the lock is granted and
 *   not before. Until then it keeps the process from ending by itself
 *   (`Deno.exit()` ends it) and counts as a leak in `deno test`.
 *
 * Hence the invariants:
 * 1. A thread opens each locked file once ({@linkcode Flock.attach}). With a
 *    second open file it could wait for itself.
 * 2. Who waits queues here, in order, and at most one wait is in the kernel, for
 *    whoever is first when it is granted. Only a waiter without a time limit or
 *    a signal starts it. Those that may give up try again and again instead, so
 *    that giving up leaves nothing behind: no holder, no OS thread, no open op.
 * 3. A wait in the kernel may be granted at any moment, also while the thread is
 *    busy. A sync form therefore gets in through the same open file, and the
 *    waiter looks again when it resumes: somebody may have come in between.
 * 4. The file stays open until nobody uses it, holds it or waits for it.
 *
 * @module
 */

import { describeOption } from "../system/check.ts";
import { type Closing, MAX_TIMER_MS } from "../system/closing.ts";
import { DeadlockError, LockTimeoutError } from "../system/errors.ts";
import type { LockHolder } from "../system/errors.ts";
import type { File, Files, OpenMode } from "../system/file.ts";

/** How to wait, blocking. */
export interface WaitSyncOptions {
  /** Milliseconds to wait at most, from `start` on; 0 tries once, none or `Infinity` waits. */
  timeoutMs?: number | undefined;
  /** When the wait began, by `performance.now()`; now, if it only begins. */
  start?: number | undefined;
  /** The name of the lock in messages; the path of the open file, if left out. */
  path?: string | undefined;
  /** Called once if the lock is not to be had at once; what it throws ends the attempt. */
  onBusy?: (() => void) | undefined;
  /** Who holds the lock, asked for the message of a time-out. */
  holder?: (() => LockHolder | undefined) | undefined;
  /** Tables whose locks are held meanwhile, for the same message. */
  holding?: readonly string[] | undefined;
}

/** How to wait. */
export interface WaitOptions extends WaitSyncOptions {
  /** Ends the wait with its reason. */
  signal?: AbortSignal | undefined;
  /**
   * Ends the wait too, but is not expected to: unlike `signal` it does not keep
   * the waiter from waiting in the kernel. For a handle that is closed.
   */
  closing?: Closing | undefined;
}

interface Waiter {
  /** Whether it waits for as long as it takes. */
  readonly patient: boolean;
  /** It has the lock. */
  grant(): void;
  /** It goes without. */
  fail(error: unknown): void;
}

const MAX_PAUSE_MS = 20;
/** Who is blocked for longer than this, in a crowd, looks again sooner than those who came later. */
const OLD_MS = 100;
const OLD_PAUSE_MS = 4;

function longer(pauseMs: number): number {
  return Math.min(Math.max(1, pauseMs * 2), MAX_PAUSE_MS);
}

const nobody = new Int32Array(new SharedArrayBuffer(4));

/** Blocks the thread for so long. */
export function sleepSync(ms: number): void {
  Atomics.wait(nobody, 0, 0, ms);
}

/**
 * The time limit, as it was given.
 *
 * @throws {RangeError} If it is negative or not a number.
 */
export function checkTimeout(timeoutMs: number | undefined): number | undefined {
  if (timeoutMs === undefined) return undefined;
  if (typeof timeoutMs === "number" && timeoutMs >= 0) return timeoutMs;
  throw new RangeError(
    `Cannot wait: ${describeOption("timeoutMs", timeoutMs)}, expected a number of milliseconds, ` +
      `0 or more`,
  );
}

/** The exclusive lock on an open file. */
export class Flock {
  /** By file system, as tests simulate several processes in one thread. */
  static readonly #open = new WeakMap<Files, Map<string, Flock>>();

  /** The open file that is locked. */
  readonly file: File;
  readonly #registry: Map<string, Flock>;
  readonly #queue: Waiter[] = [];
  #users = 0;
  #held = false;
  #inKernel = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  private constructor(file: File, registry: Map<string, Flock>) {
    this.file = file;
    this.#registry = registry;
  }

  /** The lock on the file at `path`; to be {@linkcode Flock.detach}ed as often. */
  static attach(files: Files, path: string, mode: OpenMode): Flock {
    let registry = Flock.#open.get(files);
    if (registry === undefined) Flock.#open.set(files, registry = new Map());
    const file = files.open(path, mode);
    try {
      const there = registry.get(file.fileId);
      const flock = there ?? new Flock(file, registry);
      if (there === undefined) registry.set(file.fileId, flock);
      else file.close();
      flock.#users++;
      return flock;
    } catch (error) {
      // The system does not say which file it is.
      file.close();
      throw error;
    }
  }

  /** The lock on the file of that identity, if this thread has it open. */
  static find(files: Files, identity: string): Flock | undefined {
    return Flock.#open.get(files)?.get(identity);
  }

  /** Whether this thread holds the lock. */
  get held(): boolean {
    return this.#held;
  }

  /** Takes the lock if it is free and nobody here waits for it. */
  tryAcquire(): boolean {
    return this.#queue.length === 0 && this.#take();
  }

  /**
   * Waits for the lock; resolves when it is held. Between the grant and the
   * caller's next step other code of the thread may run, and find it held.
   */
  acquire(options: WaitOptions = {}): Promise<void> {
    return this.#wait(() => {}, options);
  }

  /**
   * Waits for the lock, calls `fn` in the very turn in which it is granted, and
   * lets go: no other code of the thread ever finds the lock held because of it.
   * If the lock is free, all of this happens before `run` returns.
   */
  run<T>(fn: () => T, options: WaitOptions = {}): Promise<T> {
    return this.#wait(() => {
      try {
        return fn();
      } finally {
        this.release();
      }
    }, options);
  }

  /**
   * Waits for the lock, blocking the thread. Comes before those that wait in the
   * queue: they cannot move while the thread is blocked.
   *
   * @throws {DeadlockError} If this thread holds the lock.
   * @throws {LockTimeoutError} If it is not to be had in time.
   */
  acquireSync(options: WaitSyncOptions = {}): void {
    const { timeoutMs = Infinity, start = performance.now() } = options;
    if (this.#take()) return;
    options.onBusy?.();
    if (this.#held) {
      const path = options.path ?? this.file.path;
      throw new DeadlockError(
        `Cannot lock "${path}": this thread holds it already, release it first or await acquire()`,
      );
    }
    if (timeoutMs === Infinity) {
      this.file.lockSync();
      this.#held = true;
      return;
    }
    for (let pauseMs = 1; !this.#take(); pauseMs = longer(pauseMs)) {
      const waitedMs = performance.now() - start;
      const leftMs = timeoutMs - waitedMs;
      if (leftMs <= 0) throw this.#timedOut(start, options);
      sleepSync(Math.min(waitedMs > OLD_MS ? OLD_PAUSE_MS : pauseMs, leftMs));
    }
  }

  /** Lets go of the lock, so that the next in the queue, or another process, gets it. */
  release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.file.unlock();
    this.#serve();
  }

  /** Ends one {@linkcode Flock.attach}; the user has released what it held. */
  detach(): void {
    this.#users--;
    this.#serve();
  }

  #take(): boolean {
    return !this.#held && (this.#held = this.file.tryLock());
  }

  #timedOut(start: number, options: WaitSyncOptions): LockTimeoutError {
    const waitedMs = performance.now() - start;
    const path = options.path ?? this.file.path;
    return new LockTimeoutError(path, waitedMs, options.holder?.(), options.holding);
  }

  async #wait<T>(granted: () => T, options: WaitOptions): Promise<T> {
    const { timeoutMs = Infinity, start = performance.now(), signal, closing } = options;
    signal?.throwIfAborted();
    closing?.check();
    if (this.tryAcquire()) return granted();
    options.onBusy?.();
    const leftMs = start + timeoutMs - performance.now();
    if (leftMs <= 0) throw this.#timedOut(start, options);

    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const limited = leftMs <= MAX_TIMER_MS;
    const waiter: Waiter = {
      patient: !limited && signal === undefined,
      grant() {
        try {
          resolve(granted());
        } catch (error) {
          reject(error);
        }
      },
      fail: reject,
    };
    const abort = (event: Event) => this.#leave(waiter, (event.target as AbortSignal).reason);
    const timeOut = () => {
      // A busy thread comes late to its timers: the lock may be free by now.
      this.#tryFirst();
      if (this.#queue.includes(waiter)) this.#leave(waiter, this.#timedOut(start, options));
    };
    const timer = limited ? setTimeout(timeOut, Math.ceil(leftMs)) : undefined;
    signal?.addEventListener("abort", abort);
    closing?.signal.addEventListener("abort", abort);
    this.#queue.push(waiter);
    this.#serve();
    try {
      return await promise;
    } finally {
      if (timer !== undefined) clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      closing?.signal.removeEventListener("abort", abort);
    }
  }

  #leave(waiter: Waiter, error: unknown): void {
    const at = this.#queue.indexOf(waiter);
    if (at < 0) return;
    this.#queue.splice(at, 1);
    waiter.fail(error);
    this.#serve();
  }

  /**
   * Called whenever something began or ended: sees to it that the first in the
   * queue gets its turn, and that the file closes when nobody is left.
   */
  #serve(pauseMs = 0): void {
    // Both come back here when they end.
    if (this.#held || this.#inKernel) return;
    if (this.#queue.some((waiter) => waiter.patient)) {
      this.#stopTrying();
      this.#waitInKernel();
    } else if (this.#queue.length > 0) {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#tryFirst();
        this.#serve(longer(pauseMs));
      }, pauseMs);
    } else {
      this.#stopTrying();
      if (this.#users === 0) this.#close();
    }
  }

  async #waitInKernel(): Promise<void> {
    this.#inKernel = true;
    try {
      await this.file.lock();
      // Nobody is left to whom it could go; if it is held, a sync form came first.
      if (this.#queue.length === 0 && !this.#held) this.file.unlock();
    } catch (error) {
      this.#failAll(error);
    }
    this.#inKernel = false;
    this.#tryFirst();
    this.#serve();
  }

  /** Gives the lock to the first in the queue, if it can be had. */
  #tryFirst(): void {
    try {
      if (this.#queue.length > 0 && this.#take()) this.#queue.shift()?.grant();
    } catch (error) {
      this.#failAll(error);
    }
  }

  #failAll(error: unknown): void {
    for (const waiter of this.#queue.splice(0)) waiter.fail(error);
  }

  #stopTrying(): void {
    // Just to name clearTimeout makes Deno load its timers, for 4 ms.
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #close(): void {
    const { fileId: identity } = this.file;
    if (this.#registry.get(identity) === this) this.#registry.delete(identity);
    this.file.close();
  }
}
