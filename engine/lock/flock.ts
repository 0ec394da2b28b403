/**
 * One exclusive lock on one open file, shared by all objects of a thread.
 *
 * Deno's file lock is `flock(2)` on Linux and macOS. It is advisory, and tied to the *open file*,
 * not to the process: two files opened on one path exclude each other, even in one thread. The
 * kernel releases the lock when the holder dies. Children do not inherit it (`psbase lock` lets its
 * command inherit it, see `cli/process/libc.ts`). A stopped holder keeps it.
 *
 * The file lock is not
 * - re-entrant: locking again through the same open file "succeeds" and counts nothing, so this
 *   class tracks whether the thread holds the lock;
 * - fair between threads of one process: each waiter would take an OS thread;
 * - possible to cancel: a waiting `lock()` ends only when the lock is granted. Until then it keeps
 *   the process from ending by itself (`Deno.exit()` ends it) and counts as a leak in `deno test`.
 *
 * Hence the invariants:
 * 1. A thread opens each locked file once ({@linkcode Flock.attach}). With a second open file it
 *    could wait for itself.
 * 2. Waiters queue here, in order, and at most one wait is in the kernel, for the waiter that is
 *    first when it is granted. Only a waiter without a time limit or a signal starts it. Waiters
 *    that may give up poll instead, so that giving up leaves no holder, no OS thread and no open
 *    op.
 * 3. The kernel may grant a wait at any moment, also while the thread is busy. A sync form
 *    therefore gets the lock through the same open file, and the waiter checks again when it
 *    resumes: a sync form may have come in between.
 * 4. The file stays open until nobody uses it, holds it or waits for it.
 *
 * @module
 */

import { describeOption } from "../system/check.ts";
import { type Closing, MAX_TIMER_MS } from "../system/closing.ts";
import { DeadlockError, LockTimeoutError } from "../system/errors.ts";
import type { LockHolder } from "../system/errors.ts";
import type { File, Files, OpenMode } from "../system/file.ts";

/** How to wait in a blocking call. */
export interface WaitSyncOptions {
  /** The longest wait in milliseconds, from `start` on; 0 tries once, `Infinity` is the default. */
  timeoutMs?: number | undefined;
  /** When the wait began, by `performance.now()`; the default is now. */
  start?: number | undefined;
  /** The name of the lock in messages; the default is the path of the open file. */
  path?: string | undefined;
  /** Called once if the lock is not free; an error that it throws ends the attempt. */
  onBusy?: (() => void) | undefined;
  /** Tells the holder, for the message of a timeout. */
  holder?: (() => LockHolder | undefined) | undefined;
  /** Tables whose locks the caller holds meanwhile, for the same message. */
  holding?: readonly string[] | undefined;
}

/** How to wait in an asynchronous call. */
export interface WaitOptions extends WaitSyncOptions {
  /** Ends the wait with its reason. */
  signal?: AbortSignal | undefined;
  /**
   * A handle that ends the wait when it is closed. That is rare, so unlike `signal` it does not
   * keep the waiter from waiting in the kernel.
   */
  closing?: Closing | undefined;
}

interface Waiter {
  /** Whether it waits without a limit. */
  readonly patient: boolean;
  /** Called when it has the lock. */
  grant(): void;
  /** Called when it gives up. */
  fail(error: unknown): void;
}

const MAX_PAUSE_MS = 20;
/** A blocked caller that has waited longer than this polls faster than callers that came later. */
const OLD_MS = 100;
const OLD_PAUSE_MS = 4;

function longer(pauseMs: number): number {
  return Math.min(Math.max(1, pauseMs * 2), MAX_PAUSE_MS);
}

const nobody = new Int32Array(new SharedArrayBuffer(4));

/** Blocks the thread. */
export function sleepSync(ms: number): void {
  Atomics.wait(nobody, 0, 0, ms);
}

/**
 * Checks a time limit and returns it.
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

/** The exclusive lock on an open file; disposing of it is {@linkcode Flock.detach}. */
export class Flock implements Disposable {
  /** By file system, because tests simulate several processes in one thread. */
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

  /** The lock on the file at `path`; each call needs its {@linkcode Flock.detach}. */
  static attach(files: Files, path: string, mode: OpenMode): Flock {
    let registry = Flock.#open.get(files);
    if (registry === undefined) Flock.#open.set(files, registry = new Map());
    using opened = new DisposableStack();
    const file = opened.use(files.open(path, mode));
    let flock = registry.get(file.fileId);
    if (flock === undefined) {
      flock = new Flock(file, registry);
      registry.set(file.fileId, flock);
      opened.move();
    }
    flock.#users++;
    return flock;
  }

  /** The lock on the file with that {@linkcode File.fileId}, if this thread has it open. */
  static find(files: Files, fileId: string): Flock | undefined {
    return Flock.#open.get(files)?.get(fileId);
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
   * Waits for the lock; resolves when it is held. Between the grant and the caller's next step,
   * other code of the thread may run and find the lock held.
   */
  acquire(options: WaitOptions = {}): Promise<void> {
    return this.#wait(() => {}, options);
  }

  /**
   * Waits for the lock, calls `fn` in the same turn in which the lock is granted, and releases it:
   * no other code of the thread ever finds the lock held because of this call. If the lock is free,
   * all of this happens before `run` returns.
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
   * Waits for the lock and blocks the thread. It precedes the waiters in the queue, which cannot
   * proceed while the thread is blocked.
   *
   * @throws {DeadlockError} If this thread holds the lock.
   * @throws {LockTimeoutError} If the lock could not be acquired in time.
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

  /** Releases the lock for the next waiter in the queue, or for another process. */
  release(): void {
    if (!this.#held) return;
    this.#held = false;
    this.file.unlock();
    this.#serve();
  }

  /** Ends one {@linkcode Flock.attach}; the caller has released the lock before. */
  detach(): void {
    this.#users--;
    this.#serve();
  }

  [Symbol.dispose](): void {
    this.detach();
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
      // The timers of a busy thread fire late: the lock may be free by now.
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
   * Called whenever a hold, a wait or a use began or ended: makes sure that the first waiter gets
   * its turn, and that the file is closed when nobody is left.
   */
  #serve(pauseMs = 0): void {
    // The end of either calls this again.
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
      // No waiter is left. If the lock is held, a sync form got it first.
      if (this.#queue.length === 0 && !this.#held) this.file.unlock();
    } catch (error) {
      this.#failAll(error);
    }
    this.#inKernel = false;
    this.#tryFirst();
    this.#serve();
  }

  /** Gives the lock to the first waiter, if it is free. */
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
    // To mention clearTimeout makes Deno load its timers, which takes 4 ms.
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #close(): void {
    const { fileId } = this.file;
    if (this.#registry.get(fileId) === this) this.#registry.delete(fileId);
    this.file.close();
  }
}
