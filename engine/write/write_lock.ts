/**
 * The lock that the verbs of a handle take before they write: how long they wait for it, and which
 * waits throw at once because they could never end.
 *
 * Handles that share a table exclude each other by the lock on its identity file. A handle that
 * owns its table holds that lock until it is closed, so its verbs only exclude each other.
 *
 * @module
 */

import { before, type Closing } from "../system/closing.ts";
import { DeadlockError, type LockHolder, LockTimeoutError } from "../system/errors.ts";
import type { Flock, WaitOptions } from "../lock/flock.ts";
import {
  isInside,
  type Scope,
  scopesAround,
  type Wait,
  waitFor,
  waitForSync,
} from "../lock/inside.ts";
import { checkUnowned, longHolder } from "../lock/owner.ts";
import type { Store } from "../store/store.ts";

/** What a lock depends on besides the table. */
export interface WriteLockOptions {
  /** The end of the handle, which ends every wait. */
  readonly closing: Closing;
  /** How long to wait, in milliseconds, if the user set a limit. */
  readonly timeoutMs: number | undefined;
}

/** The lock on one table, as one handle takes it. */
export abstract class WriteLock {
  /** The table. */
  protected readonly store: Store;
  readonly #closing: Closing;
  /** How long to wait, in milliseconds, if the user set a limit. */
  readonly timeoutMs: number | undefined;
  #transactions = 0;

  constructor(store: Store, { closing, timeoutMs }: WriteLockOptions) {
    this.store = store;
    this.#closing = closing;
    this.timeoutMs = timeoutMs;
  }

  /** Waits for the lock, runs `fn` in the turn in which it is granted, and lets go. */
  protected abstract runGranted<T>(fn: () => T, options: WaitOptions): Promise<T>;
  /** Waits for the lock; resolves when it is held. */
  protected abstract lock(options: WaitOptions): Promise<void>;
  /**
   * Waits for the lock, blocking.
   *
   * @throws {DeadlockError} If a transaction of this thread holds it.
   */
  protected abstract lockSync(): void;
  /** Lets go of the lock. */
  protected abstract unlock(): void;

  /** Whether a transaction of this handle holds the lock. */
  get inTransaction(): boolean {
    return this.#transactions > 0;
  }

  /** Runs `fn` under the lock, in the turn in which it is granted. */
  run<T>(fn: () => T, start: number = performance.now()): Promise<T> {
    const scopes = scopesAround();
    if (scopes.length > 0) return this.#runInside(fn, start, scopes);
    return this.runGranted(fn, this.waitOptions(start));
  }

  async #runInside<T>(fn: () => T, start: number, scopes: Scope[]): Promise<T> {
    using wait = waitFor("write to", this.table, scopes);
    return await this.runGranted(() => {
      wait?.[Symbol.dispose]();
      return fn();
    }, this.waitOptions(start, wait));
  }

  /** As {@linkcode WriteLock.run}, blocking. */
  runSync<T>(fn: () => T): T {
    this.lockSync();
    try {
      return fn();
    } finally {
      this.unlock();
    }
  }

  /**
   * Waits for the lock on behalf of a transaction; returns what releases it.
   *
   * @param scopes The transactions that continue only after this wait.
   */
  async acquire(
    start: number,
    timeoutMs: number | undefined,
    scopes: Scope[],
  ): Promise<() => void> {
    const limits = [timeoutMs, this.timeoutMs].filter((limit) => limit !== undefined);
    const limit = limits.length > 0 ? Math.min(...limits) : undefined;
    using wait = waitFor("write to", this.table, scopes);
    await this.lock(this.waitOptions(start, wait, limit));
    return this.#hold();
  }

  /** As {@linkcode WriteLock.acquire}, blocking. */
  acquireSync(): () => void {
    this.lockSync();
    return this.#hold();
  }

  #hold(): () => void {
    this.#transactions++;
    return () => {
      this.#transactions--;
      this.unlock();
    };
  }

  /** The table, as waits name it. */
  protected get table(): { readonly lock: Flock; readonly dir: string } {
    return { lock: this.store.lock!, dir: this.store.dir };
  }

  /** How to wait. */
  protected waitOptions(start: number, wait?: Wait, timeoutMs = this.timeoutMs): WaitOptions {
    const { files, dir } = this.store;
    return {
      timeoutMs: timeoutMs ?? wait?.limitMs,
      holding: wait?.holding,
      path: dir,
      start,
      closing: this.#closing,
      onBusy: () => checkUnowned(files, dir, "write to"),
      holder: () => this.holder(),
    };
  }

  /** Who holds the lock with a long transaction, as far as a note tells. */
  holder(): LockHolder | undefined {
    const { store } = this;
    try {
      store.latest();
      return longHolder(store.files, store.dir, store.log.sequence);
    } catch {
      // The holder of a table that cannot be read stays unknown.
      return undefined;
    }
  }

  /** The error of a blocking verb while a transaction of this thread holds the lock. */
  protected heldHere(): DeadlockError {
    return new DeadlockError(
      `Cannot write to "${this.store.dir}": a transaction of this thread holds the lock, await ` +
        `the form of this verb without Sync`,
    );
  }
}

/** The lock of a table that several handles share: the lock on its identity file. */
export class SharedLock extends WriteLock {
  protected runGranted<T>(fn: () => T, options: WaitOptions): Promise<T> {
    return this.store.lock!.run(fn, options);
  }

  protected lock(options: WaitOptions): Promise<void> {
    return this.store.lock!.acquire(options);
  }

  protected lockSync(): void {
    const { lock, files, dir } = this.store;
    if (lock!.held) {
      checkUnowned(files, dir, "write to");
      throw this.heldHere();
    }
    using wait = waitForSync(this.table);
    lock!.acquireSync(this.waitOptions(performance.now(), wait));
  }

  protected unlock(): void {
    this.store.lock!.release();
  }
}

/** The lock of a handle that owns its table: only its own transactions make its verbs wait. */
export class OwnedLock extends WriteLock {
  #held = false;
  #released: PromiseWithResolvers<void> | undefined;

  protected async runGranted<T>(fn: () => T, options: WaitOptions): Promise<T> {
    const { start = 0, timeoutMs = Infinity, closing, holding } = options;
    // Not in this turn: the caller may be a function that runs while a commit is made.
    await undefined;
    while (this.#held) {
      this.#released ??= Promise.withResolvers();
      await before(this.#released.promise, {
        closings: [closing!],
        ms: start + timeoutMs - performance.now(),
        late: () => {
          const waitedMs = performance.now() - start;
          return new LockTimeoutError(this.store.dir, waitedMs, this.holder(), holding);
        },
      });
    }
    return fn();
  }

  protected lock(options: WaitOptions): Promise<void> {
    return this.runGranted(() => void (this.#held = true), options);
  }

  protected lockSync(): void {
    if (this.#held) throw this.heldHere();
    this.#held = true;
  }

  protected unlock(): void {
    this.#held = false;
    this.#released?.resolve();
    this.#released = undefined;
  }
}

/**
 * Refuses a verb that would wait for the transaction that it is called from.
 *
 * @throws {DeadlockError} If it is called from a transaction that holds the lock.
 */
export function checkOutside(
  verb: string,
  { dir, lock }: { readonly dir: string; readonly lock: Flock | undefined },
  advice = "wait for its end",
): void {
  if (lock === undefined || !isInside(lock)) return;
  throw new DeadlockError(`Cannot ${verb} "${dir}" inside a transaction of it: ${advice}`);
}
