/**
 * The way of a commit: lock, catch up, change, append, unlock, sync, acknowledge.
 *
 * All that is asked for while the lock or the disk is waited for goes into one
 * append and one sync (group commit), each change in a frame of its own. Between
 * lock and unlock nothing waits, so that no other code of this thread runs there.
 *
 * @module
 */

import { before, Closing } from "../system/closing.ts";
import { type Edit, WriteBatch } from "./write_batch.ts";
import {
  DeadlockError,
  type LockHolder,
  LockTimeoutError,
  ReadOnlyError,
  refused,
} from "../system/errors.ts";
import type { WaitOptions } from "../lock/flock.ts";
import {
  isInside,
  type Scope,
  scopesAround,
  type Wait,
  waitFor,
  waitForSync,
} from "../lock/inside.ts";
import { checkUnowned, longHolder } from "../lock/owner.ts";
import { MAX_COMMIT_BYTES } from "./prepared_rows.ts";
import { stepwise, turn } from "../system/steps.ts";
import type { Store } from "../store/store.ts";
import { BackgroundCompaction } from "./background_compaction.ts";

/** How a handle writes. */
export interface WriterOptions {
  /** Whether an acknowledged commit is on disk. */
  readonly durable: boolean;
  /** How long the lock is waited for, in milliseconds, as far as the user set it. */
  readonly timeoutMs: number | undefined;
}

interface Job {
  readonly change: Edit<unknown>;
  readonly since: number;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** A change that is appended; what is left is to acknowledge it. */
export interface Committing<T> {
  /** Resolves when it is acknowledged. */
  sync(): Promise<T>;
  /** As {@linkcode Committing.sync}, blocking. */
  syncSync(): T;
}

/** How many changes share one append at most: the others wait meanwhile. */
const MAX_JOBS = 1024;

/** Writes to one table. */
export class Writer {
  readonly #store: Store;
  readonly #options: WriterOptions;
  readonly #queue: Job[] = [];
  /** Those not settled yet, queued or being synced. */
  readonly #jobs = new Set<Job>();
  /** Everything under way, for close(). */
  readonly #busy = new Set<Promise<unknown>>();
  #draining = false;
  /** Functions of users run, and what they changed is not appended yet. */
  #changing = false;
  /** A transaction of this handle has the lock; ends with it. */
  #transaction: Promise<void> | undefined;
  /** The end of the handle. */
  readonly closing: Closing;
  /** Its cleanups. */
  readonly upkeep: BackgroundCompaction;

  constructor(store: Store, options: WriterOptions) {
    this.#store = store;
    this.#options = options;
    this.closing = new Closing(`Cannot write to "${store.dir}": this handle was closed`);
    this.upkeep = new BackgroundCompaction(store, {
      closing: this.closing,
      locked: (fn) => this.#locked(fn),
      lockedSync: (fn) => this.#lockedSync(fn),
      track: (promise) => this.track(promise),
    });
  }

  /** The table. */
  get store(): Store {
    return this.#store;
  }

  // ------------------------------------------------------------- changes

  /** Commits a change, after what must come before it; resolves once it is acknowledged. */
  run<T>(change: Edit<T>, ahead?: () => Promise<void>): Promise<T> {
    if (ahead !== undefined) return this.track(ahead().then(() => this.run(change)));

    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    try {
      this.check();
    } catch (error) {
      return Promise.reject(error);
    }
    const job = { change, since: performance.now(), resolve, reject };
    this.#jobs.add(job);
    // Called from a transaction it waits by itself: the wait of the queue has another limit.
    if (scopesAround().length > 0) this.track(this.#commitAll([job]));
    else {
      this.#queue.push(job);
      if (!this.#draining) {
        this.#draining = true;
        this.track(this.#commitAll(this.#queue));
      }
    }
    return promise.finally(() => this.#jobs.delete(job)) as Promise<T>;
  }

  /** As {@linkcode Writer.run}, blocking. */
  runSync<T>(change: Edit<T>): T {
    this.#checkSync();
    const committing = this.orRefused(() => this.#lockedSync(() => this.commitNow(change)));
    const value = committing.syncSync();
    this.upkeep.atLeisureSync();
    return value;
  }

  /**
   * Commits a change under the lock, which is held.
   *
   * @param begun The store was begun, and nothing else ran since.
   */
  commitNow<T>(change: Edit<T>, begun = false): Committing<T> {
    let result: { value: unknown } | { error: unknown } | undefined;
    let settled = () => {};
    const settle = (as: { value: unknown } | { error: unknown }) => {
      result ??= as;
      this.#jobs.delete(job);
      settled();
    };
    const job: Job = {
      change,
      since: 0,
      resolve: (value) => settle({ value }),
      reject: (error) => settle({ error }),
    };
    this.#jobs.add(job);
    const batch = this.#commit([job], begun);
    const told = () => {
      if ("error" in result!) throw result.error;
      return result!.value as T;
    };
    return {
      // Without a promise where nobody waits: who only calls blocking verbs never lets any settle.
      async sync() {
        void batch?.sync();
        if (result === undefined) await new Promise<void>((resolve) => settled = resolve);
        return told();
      },
      syncSync() {
        batch?.syncSync();
        return told();
      },
    };
  }

  /** Commits changes, also those that come into the queue meanwhile. */
  async #commitAll(queue: Job[]): Promise<void> {
    // What is asked for in this turn of the event loop goes together.
    await undefined;
    while (queue.length > 0) {
      try {
        const start = queue[0]!.since;
        const batch = await this.#locked(() => this.#commit(queue.splice(0, MAX_JOBS)), start);
        // Not waited for: what comes next is appended while this one is synced.
        if (batch !== undefined) this.track(batch.sync());
        // What needs no sync keeps the event loop from turning, and a cleanup from going on.
        else if (this.upkeep.isBusy) await turn();
      } catch (error) {
        this.#rejectLate(queue, this.#refused(error));
      }
    }
    if (queue === this.#queue) this.#draining = false;
    this.upkeep.atLeisure();
  }

  /** The lock was not to be had: for those who waited long enough, or for all. */
  #rejectLate(queue: Job[], error: unknown): void {
    const now = performance.now();
    const late = error instanceof LockTimeoutError
      ? (job: Job) => now - job.since >= (this.#options.timeoutMs ?? Infinity)
      : () => true;
    // The one that the wait began with is late, whatever the clock's grain.
    const [first, ...others] = queue.splice(0);
    first?.reject(error);
    for (const job of others) {
      if (late(job)) job.reject(error);
      else queue.push(job);
    }
  }

  /** Under the lock: makes changes and appends them; what is left is to acknowledge them. */
  #commit(
    jobs: readonly Job[],
    begun = false,
  ): { sync(): Promise<void>; syncSync(): void } | undefined {
    const store = this.#store;
    const done: { job: Job; value: unknown }[] = [];
    const payloads: Uint8Array[] = [];
    this.#changing = true;
    try {
      if (!begun) store.begin();
      store.checkFields();
      for (const job of jobs) {
        try {
          const batch = new WriteBatch(store.snapshot, store.dir);
          const value = job.change(batch);
          const payload = batch.finish();
          this.checkBytes(payload.length);
          if (payload.length === 0) {
            job.resolve(value);
            continue;
          }
          store.advance(() => batch.apply());
          payloads.push(payload);
          done.push({ job, value });
        } catch (error) {
          job.reject(error);
        }
      }
      if (payloads.length === 0) return undefined;
      // One of the functions may have closed the handle.
      this.closing.check();
      store.append(payloads);
    } catch (error) {
      // Those that are settled already take no notice.
      for (const job of jobs) job.reject(this.#refused(error));
      return undefined;
    } finally {
      this.#changing = false;
    }
    const acknowledge = () => {
      for (const { job, value } of done) job.resolve(value);
    };
    const refuse = (error: unknown) => {
      for (const { job } of done) job.reject(error);
    };
    const { log } = store;
    const { end } = log;
    if (!this.#options.durable) {
      acknowledge();
      return undefined;
    }
    return {
      sync: () => log.sync(end).then(acknowledge, refuse),
      syncSync() {
        try {
          log.syncSync(end);
          acknowledge();
        } catch (error) {
          refuse(error);
        }
      },
    };
  }

  /**
   * Whether so many bytes can be one commit.
   *
   * @throws {RangeError} If not.
   */
  checkBytes(bytes: number): void {
    if (bytes <= MAX_COMMIT_BYTES) return;
    throw new RangeError(
      `Cannot commit ${bytes} bytes to "${this.#store.dir}" at once, the limit is ` +
        `${MAX_COMMIT_BYTES}, write less at a time`,
    );
  }

  /** What the system refuses before anything is appended. */
  #refused(error: unknown): unknown {
    return refused(`Cannot write to "${this.#store.dir}"`, "nothing was changed", error);
  }

  readonly #throwRefused = (error: unknown): never => {
    throw this.#refused(error);
  };

  /** What `fn` gives; what the system refuses of it, as a `WriteError` that left nothing. */
  orRefused<T>(fn: () => T): T {
    try {
      return fn();
    } catch (error) {
      return this.#throwRefused(error);
    }
  }

  // ------------------------------------------------------------- commit()

  /** Resolves when all that the table holds is on disk. */
  async commit(): Promise<void> {
    this.check();
    const owned = this.#locked(() => this.#ownAll()).catch(this.#throwRefused);
    await this.track(owned.then(({ log, end }) => log.sync(end)));
  }

  /** As {@linkcode Writer.commit}, blocking. */
  commitSync(): void {
    this.#checkSync();
    const { log, end } = this.orRefused(() => this.#lockedSync(() => this.#ownAll()));
    log.syncSync(end);
  }

  #ownAll() {
    this.#store.begin();
    const { log } = this.#store;
    log.own();
    return { log, end: log.end };
  }

  // ------------------------------------------------------------- cleanup

  /** Writes a table of what is there and begins a new log; nothing if somebody else is at it. */
  async cleanup(): Promise<void> {
    this.check();
    await this.upkeep.cleanup();
  }

  /** As {@linkcode Writer.cleanup}, blocking. */
  cleanupSync(): void {
    this.#checkSync();
    this.upkeep.cleanupSync();
  }

  /** Does long work step by step, so that others get a turn; closing waits for it. */
  async pace(steps: Generator<undefined, void>): Promise<void> {
    this.closing.check();
    await this.track((async () => {
      // Not at once: a commit may be in the making, of which this was called.
      await undefined;
      await stepwise(steps, this.closing.signal);
    })());
  }

  // ------------------------------------------------------------- the lock

  /**
   * Waits for the lock of a transaction, which is held until what this gives is called.
   *
   * @param scopes The transactions that go on only after it.
   */
  async acquire(
    start: number,
    timeoutMs: number | undefined,
    scopes: Scope[],
  ): Promise<() => void> {
    const limits = [timeoutMs, this.#options.timeoutMs].filter((limit) => limit !== undefined);
    const limit = limits.length > 0 ? Math.min(...limits) : undefined;
    using wait = waitFor("write to", this.#table, scopes);
    const options = this.#waitOptions(start, wait, limit);
    try {
      if (this.#store.owned) return await this.#alone(options, () => this.#hold());
      await this.#store.lock!.acquire(options);
      return this.#hold();
    } catch (error) {
      return this.#throwRefused(error);
    }
  }

  /** As {@linkcode Writer.acquire}, blocking. */
  acquireSync(): () => void {
    this.#checkSync();
    this.orRefused(() => this.#lockSync());
    return this.#hold();
  }

  /** The lock was granted, to a transaction. */
  #hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { owned, lock } = this.#store;
    this.#transaction = promise;
    return () => {
      this.#transaction = undefined;
      if (!owned) lock!.release();
      resolve();
    };
  }

  /** Runs `fn` when no transaction of this owner is under way. */
  async #alone<T>(options: WaitOptions, fn: () => T): Promise<T> {
    const { start = 0, timeoutMs = Infinity } = options;
    // Not at once: a commit may be in the making, of which this was called.
    await undefined;
    while (this.#transaction !== undefined) {
      await before(this.#transaction, {
        closings: [this.closing],
        ms: start + timeoutMs - performance.now(),
        late: () => {
          const waitedMs = performance.now() - start;
          return new LockTimeoutError(this.#store.dir, waitedMs, this.holder(), options.holding);
        },
      });
    }
    return fn();
  }

  /** Runs `fn` under the lock. */
  async exclusive(fn: () => void): Promise<void> {
    this.check();
    await this.track(this.#locked(fn).catch(this.#throwRefused));
  }

  /** As {@linkcode Writer.exclusive}, blocking. */
  exclusiveSync(fn: () => void): void {
    this.#checkSync();
    this.orRefused(() => this.#lockedSync(fn));
  }

  /** What runs under the lock in the turn in which it is granted. */
  #locked<T>(fn: () => T, start = performance.now()): Promise<T> {
    const scopes = scopesAround();
    if (scopes.length > 0) return this.#lockedInside(fn, start, scopes);
    return this.#granted(fn, this.#waitOptions(start));
  }

  async #lockedInside<T>(fn: () => T, start: number, scopes: Scope[]): Promise<T> {
    using wait = waitFor("write to", this.#table, scopes);
    return await this.#granted(() => {
      wait?.[Symbol.dispose]();
      return fn();
    }, this.#waitOptions(start, wait));
  }

  #granted<T>(fn: () => T, options: WaitOptions): Promise<T> {
    return this.#store.owned ? this.#alone(options, fn) : this.#store.lock!.run(fn, options);
  }

  #lockedSync<T>(fn: () => T): T {
    const { owned, lock } = this.#store;
    this.#lockSync();
    try {
      return fn();
    } finally {
      if (!owned) lock!.release();
    }
  }

  #lockSync(): void {
    const { owned, dir, files } = this.#store;
    const lock = this.#store.lock!;
    if (owned ? this.#transaction !== undefined : lock.held) {
      if (!owned) checkUnowned(files, dir, "write to");
      throw new DeadlockError(
        `Cannot write to "${dir}": a transaction of this thread holds the lock, await the ` +
          `form of this verb without Sync`,
      );
    }
    if (owned) return;
    using wait = waitForSync(this.#table);
    lock.acquireSync(this.#waitOptions(performance.now(), wait));
  }

  get #table() {
    return { lock: this.#store.lock!, dir: this.#store.dir };
  }

  #waitOptions(start: number, wait?: Wait, timeoutMs = this.#options.timeoutMs): WaitOptions {
    const { files, dir } = this.#store;
    return {
      timeoutMs: timeoutMs ?? wait?.limitMs,
      holding: wait?.holding,
      path: dir,
      start,
      closing: this.closing,
      onBusy: () => checkUnowned(files, dir, "write to"),
      holder: () => this.holder(),
    };
  }

  /** Whose transaction holds the lock for long, as far as it is known. */
  holder(): LockHolder | undefined {
    const store = this.#store;
    try {
      store.latest();
      return longHolder(store.files, store.dir, store.log.sequence);
    } catch {
      // Of a base that cannot be read nothing is known.
      return undefined;
    }
  }

  /**
   * Whether this handle can write, here and now.
   *
   * @throws {DeadlockError} Inside a transaction, for whose end it would wait.
   */
  check(): void {
    this.closing.check();
    if (this.#store.lock === undefined) {
      throw new ReadOnlyError(
        `Cannot write to "${this.#store.dir}": it was opened with readOnly, open it without`,
      );
    }
    this.#checkOutside("write to");
  }

  /** What would wait for the transaction that it is called from would wait for ever. */
  #checkOutside(verb: string): void {
    const { dir, lock } = this.#store;
    if (lock === undefined || !isInside(lock)) return;
    throw new DeadlockError(
      `Cannot ${verb} "${dir}" inside a transaction of it: use the verbs of the transaction, ` +
        `or wait for its end`,
    );
  }

  #checkSync(): void {
    this.check();
    if (!this.#changing) return;
    throw new DeadlockError(
      `Cannot write to "${this.#store.dir}": the function of an update holds the lock, ` +
        `return what is to be changed, or write later`,
    );
  }

  // ------------------------------------------------------------- closing

  /** Closing waits for it. */
  track<T>(promise: Promise<T>): Promise<T> {
    const settled = promise.then(() => {}, () => {}).finally(() => this.#busy.delete(settled));
    this.#busy.add(settled);
    return promise;
  }

  /** Waits for all that is under way, then refuses more. */
  async close(): Promise<void> {
    const isBusy = () => this.#changing || this.#transaction !== undefined || this.#busy.size > 0;
    // Who waits for nothing can be closed anywhere.
    if (isBusy()) this.#checkOutside("close");
    while (isBusy()) await Promise.all(this.#busy);
    this.abort();
  }

  /** Refuses more at once; what is under way is rejected. */
  abort(): void {
    if (this.closing.isOver) return;
    this.closing.end();
    this.upkeep.abort();
    this.#queue.length = 0;
    for (const job of this.#jobs) job.reject(this.closing.reason);
  }
}
