/**
 * The way of a commit: lock, catch up, change, append, unlock, sync, acknowledge.
 *
 * All that is asked for while the lock or the disk is waited for goes into one
 * append and one sync (group commit), each change in a frame of its own. Between
 * lock and unlock nothing waits, so that no other code of this thread runs there.
 *
 * @module
 */

import { Closing } from "./closing.ts";
import { Draft } from "./draft.ts";
import {
  DeadlockError,
  type LockHolder,
  LockTimeoutError,
  ReadOnlyError,
  refused,
  WriteError,
} from "./errors.ts";
import { MAX_TIMER_MS, type WaitOptions } from "./flock.ts";
import { checkUnowned, longHolder, noteIfLong } from "./owner.ts";
import { MAX_COMMIT_BYTES } from "./prepared_rows.ts";
import { asyncInside, isInside, runInside, type Scope } from "./inside.ts";
import { stepwise, turn } from "./steps.ts";
import type { Store } from "./store.ts";
import { Upkeep } from "./upkeep.ts";
import { Workspace } from "./workspace.ts";

/** How a handle writes. */
export interface WriterOptions {
  /** Whether an acknowledged commit is on disk. */
  readonly durable: boolean;
  /** How long the lock is waited for, in milliseconds. */
  readonly timeoutMs: number;
}

/** A change of the table; returns what its verb resolves to. */
export type Edit<T> = (draft: Draft) => T;

interface Job {
  readonly change: Edit<unknown>;
  readonly since: number;
  resolve(value: unknown): void;
  reject(error: unknown): void;
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
  /** The transaction of an owner that is under way. */
  #transaction: Promise<void> | undefined;
  /** The end of the handle. */
  readonly closing: Closing;
  readonly #upkeep: Upkeep;

  constructor(store: Store, options: WriterOptions) {
    this.#store = store;
    this.#options = options;
    this.closing = new Closing(`Cannot write to "${store.dir}": this handle was closed`);
    this.#upkeep = new Upkeep(store, {
      closing: this.closing,
      locked: (fn) => this.#locked(fn),
      lockedSync: (fn) => this.#lockedSync(fn),
      track: (promise) => this.#track(promise),
    });
  }

  // ------------------------------------------------------------- changes

  /** Commits a change, after what must come before it; resolves once it is acknowledged. */
  run<T>(change: Edit<T>, before?: () => Promise<void>): Promise<T> {
    if (before !== undefined) return this.#track(before().then(() => this.run(change)));

    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    try {
      this.#check();
    } catch (error) {
      return Promise.reject(error);
    }
    const job = { change, since: performance.now(), resolve, reject };
    this.#queue.push(job);
    this.#jobs.add(job);
    if (!this.#draining) this.#track(this.#drain());
    return promise.finally(() => this.#jobs.delete(job)) as Promise<T>;
  }

  /** As {@linkcode Writer.run}, blocking. */
  runSync<T>(change: Edit<T>): T {
    this.#checkSync();
    let result: { value: unknown } | undefined;
    let failure: { error: unknown } | undefined;
    const job: Job = {
      change,
      since: 0,
      resolve: (value) => result = { value },
      reject: (error) => failure = { error },
    };
    const batch = this.#orRefused(() => this.#lockedSync(() => this.#commit([job])));
    batch?.syncSync();
    if (failure !== undefined) throw (failure as { error: unknown }).error;
    this.#upkeep.atLeisureSync();
    return result!.value as T;
  }

  async #drain(): Promise<void> {
    this.#draining = true;
    // What is asked for in this turn of the event loop goes together.
    await undefined;
    while (this.#queue.length > 0) {
      try {
        const start = this.#queue[0]!.since;
        const batch = await this.#locked(
          () => this.#commit(this.#queue.splice(0, MAX_JOBS)),
          start,
        );
        // Not waited for: what comes next is appended while this one is synced.
        if (batch !== undefined) this.#track(batch.sync());
        // What needs no sync keeps the event loop from turning, and a cleanup from going on.
        else if (this.#upkeep.isBusy) await turn();
      } catch (error) {
        this.#rejectLate(this.#refused(error));
      }
    }
    this.#draining = false;
    this.#upkeep.atLeisure();
  }

  /** The lock was not to be had: for those who waited long enough, or for all. */
  #rejectLate(error: unknown): void {
    const now = performance.now();
    const late = error instanceof LockTimeoutError
      ? (job: Job) => now - job.since >= this.#options.timeoutMs
      : () => true;
    // The one that the wait began with is late, whatever the clock's grain.
    const [first, ...others] = this.#queue.splice(0);
    first?.reject(error);
    for (const job of others) {
      if (late(job)) job.reject(error);
      else this.#queue.push(job);
    }
  }

  /** Under the lock: makes changes and appends them; what is left is to acknowledge them. */
  #commit(jobs: readonly Job[]): { sync(): Promise<void>; syncSync(): void } | undefined {
    const store = this.#store;
    const done: { job: Job; value: unknown }[] = [];
    const payloads: Uint8Array[] = [];
    this.#changing = true;
    try {
      store.begin();
      store.checkFields();
      for (const job of jobs) {
        try {
          const draft = new Draft(store.state, store.dir);
          const value = job.change(draft);
          const payload = draft.finish();
          if (payload.length > MAX_COMMIT_BYTES) {
            throw new RangeError(
              `Cannot commit ${payload.length} bytes to "${store.dir}" at once, the limit is ` +
                `${MAX_COMMIT_BYTES}, write less at a time`,
            );
          }
          if (payload.length === 0) {
            job.resolve(value);
            continue;
          }
          store.apply(draft);
          payloads.push(payload);
          done.push({ job, value });
        } catch (error) {
          job.reject(error);
        }
      }
      if (payloads.length === 0) return undefined;
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

  /** What the system refuses before anything is appended. */
  #refused(error: unknown): unknown {
    return refused(`Cannot write to "${this.#store.dir}"`, "nothing was changed", error);
  }

  readonly #throwRefused = (error: unknown): never => {
    throw this.#refused(error);
  };

  #orRefused<T>(fn: () => T): T {
    try {
      return fn();
    } catch (error) {
      return this.#throwRefused(error);
    }
  }

  // ------------------------------------------------------------- transactions

  /**
   * Commits what `fn` changes, under the lock from before its first step to after its last one.
   *
   * @throws {DOMException} `TimeoutError`, if that takes longer than `timeoutMs`.
   */
  async transaction<T>(fn: (work: Workspace) => T, timeoutMs: number): Promise<Awaited<T>> {
    this.#check();
    return await this.#track(this.#transact(fn, timeoutMs));
  }

  async #transact<T>(fn: (work: Workspace) => T, timeoutMs: number): Promise<Awaited<T>> {
    const store = this.#store;
    const start = performance.now();
    const runInside = await asyncInside();
    const release = await this.#acquire(start, timeoutMs).catch(this.#throwRefused);
    let committed: Promise<Awaited<T>>;
    try {
      const state = this.#orRefused(() => store.begin());
      store.checkFields();
      using _note = noteIfLong(store.files, store.dir, store.log.sequence);
      const work = new Workspace(state, store.dir, () => store.checkOpen());
      const scope: Scope = { base: state.origin.base, over: false };
      try {
        const left = start + timeoutMs - performance.now();
        const value = await this.#within(left, async () => await runInside(scope, () => fn(work)));
        const changes = work.end();
        this.closing.check();
        const { promise, resolve, reject } = Promise.withResolvers<unknown>();
        const change: Edit<Awaited<T>> = (draft) => {
          // A sync that failed elsewhere took back what others had not acknowledged.
          if (draft.state !== state) {
            throw new WriteError(
              `Cannot commit a transaction of "${store.dir}": what it read was lost as a sync ` +
                `failed, nothing was changed, do it again`,
              "none",
              undefined,
            );
          }
          draft.adopt(changes);
          return value;
        };
        const job: Job = { change, since: 0, resolve, reject };
        this.#jobs.add(job);
        const batch = this.#commit([job]);
        void batch?.sync();
        committed = promise.finally(() => this.#jobs.delete(job)) as Promise<Awaited<T>>;
      } finally {
        scope.over = true;
        work.end();
      }
    } finally {
      release();
    }
    const value = await committed;
    this.#upkeep.atLeisure();
    return value;
  }

  /** What `fn` resolves to, if it does so in time. */
  async #within<T>(ms: number, fn: () => Promise<T>): Promise<T> {
    return await this.#before(fn(), ms, () => {
      const told = `Cannot finish a transaction of "${this.#store.dir}": it takes too long, ` +
        `nothing was changed, set a longer timeoutMs or do less in it`;
      return new DOMException(told, "TimeoutError");
    });
  }

  /** What `work` resolves to, if it does so in time and before the handle is closed. */
  async #before<T>(work: Promise<T>, ms: number, late: () => Error): Promise<T> {
    const { signal } = this.closing;
    const { promise, reject } = Promise.withResolvers<never>();
    const close = () => reject(signal.reason);
    const timer = ms > MAX_TIMER_MS ? undefined : setTimeout(() => reject(late()), Math.max(0, ms));
    if (signal.aborted) close();
    signal.addEventListener("abort", close);
    try {
      return await Promise.race([work, promise]);
    } finally {
      if (timer !== undefined) clearTimeout(timer);
      signal.removeEventListener("abort", close);
    }
  }

  /** As {@linkcode Writer.transaction}, blocking. */
  transactionSync<T>(fn: (work: Workspace) => T): T {
    const { dir } = this.#store;
    return this.runSync((draft) => {
      const work = new Workspace(draft.state, dir, () => this.#store.checkOpen());
      try {
        const value = runInside(draft.origin.base, () => fn(work));
        if (typeof (value as { then?: unknown } | undefined | null)?.then === "function") {
          // What it does from here on comes too late, and is told here.
          Promise.resolve(value).catch(() => {});
          throw new TypeError(
            `Cannot finish a transaction of "${dir}": its function returned a promise, nothing ` +
              `was changed, await transaction()`,
          );
        }
        this.closing.check();
        draft.adopt(work.end());
        return value;
      } finally {
        work.end();
      }
    });
  }

  // ------------------------------------------------------------- commit()

  /** Resolves when all that the table holds is on disk. */
  async commit(): Promise<void> {
    this.#check();
    const owned = this.#locked(() => this.#ownAll()).catch(this.#throwRefused);
    await this.#track(owned.then(({ log, end }) => log.sync(end)));
  }

  /** As {@linkcode Writer.commit}, blocking. */
  commitSync(): void {
    this.#checkSync();
    const { log, end } = this.#orRefused(() => this.#lockedSync(() => this.#ownAll()));
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
    this.#check();
    await this.#upkeep.cleanup();
  }

  /** As {@linkcode Writer.cleanup}, blocking. */
  cleanupSync(): void {
    this.#checkSync();
    this.#upkeep.cleanupSync();
  }

  /** Does long work step by step, so that others get a turn; closing waits for it. */
  async pace(steps: Generator<undefined, void>): Promise<void> {
    this.closing.check();
    await this.#track((async () => {
      // Not at once: a commit may be in the making, of which this was called.
      await undefined;
      await stepwise(steps, this.closing.signal);
    })());
  }

  // ------------------------------------------------------------- the lock

  /** Waits for the lock, which is held until what this gives is called. */
  async #acquire(start: number, timeoutMs: number): Promise<() => void> {
    const { owned, lock } = this.#store;
    if (!owned) {
      const options = this.#waitOptions(start);
      await lock!.acquire({ ...options, timeoutMs: Math.min(timeoutMs, options.timeoutMs!) });
      return () => lock!.release();
    }
    const patience = Math.min(timeoutMs, this.#options.timeoutMs);
    return await this.#alone(start, patience, () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#transaction = promise;
      return () => {
        this.#transaction = undefined;
        resolve();
      };
    });
  }

  /** Runs `fn` when no transaction of this owner is under way. */
  async #alone<T>(start: number, timeoutMs: number, fn: () => T): Promise<T> {
    // Not at once: a commit may be in the making, of which this was called.
    await undefined;
    while (this.#transaction !== undefined) {
      const left = start + timeoutMs - performance.now();
      await this.#before(
        this.#transaction,
        left,
        () => new LockTimeoutError(this.#store.dir, performance.now() - start, this.holder()),
      );
    }
    return fn();
  }

  /** Runs `fn` under the lock. */
  async exclusive(fn: () => void): Promise<void> {
    this.#check();
    await this.#track(this.#locked(fn).catch(this.#throwRefused));
  }

  /** As {@linkcode Writer.exclusive}, blocking. */
  exclusiveSync(fn: () => void): void {
    this.#checkSync();
    this.#orRefused(() => this.#lockedSync(fn));
  }

  /** What runs under the lock in the turn in which it is granted. */
  #locked<T>(fn: () => T, start = performance.now()): Promise<T> {
    if (this.#store.owned) return this.#alone(start, this.#options.timeoutMs, fn);
    return this.#store.lock!.run(fn, this.#waitOptions(start));
  }

  #lockedSync<T>(fn: () => T): T {
    const { owned, dir, files } = this.#store;
    const lock = this.#store.lock!;
    if (owned ? this.#transaction !== undefined : lock.held) {
      if (!owned) checkUnowned(files, dir, "write to");
      throw new DeadlockError(
        `Cannot write to "${dir}": a transaction of this thread holds the lock, await the ` +
          `form of this verb without Sync`,
      );
    }
    if (owned) return fn();
    lock.acquireSync(this.#waitOptions(performance.now()));
    try {
      return fn();
    } finally {
      lock.release();
    }
  }

  #waitOptions(start: number): WaitOptions {
    const { files, dir } = this.#store;
    return {
      path: dir,
      timeoutMs: this.#options.timeoutMs,
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
      store.look();
      return longHolder(store.files, store.dir, store.log.sequence);
    } catch {
      // Of a base that cannot be read nothing is known.
      return undefined;
    }
  }

  #check(): void {
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
    const { dir, state } = this.#store;
    if (!isInside(state.origin.base)) return;
    throw new DeadlockError(
      `Cannot ${verb} "${dir}" inside a transaction of it: use the verbs of the transaction, ` +
        `or wait for its end`,
    );
  }

  #checkSync(): void {
    this.#check();
    if (!this.#changing) return;
    throw new DeadlockError(
      `Cannot write to "${this.#store.dir}": the function of an update holds the lock, ` +
        `return what is to be changed, or write later`,
    );
  }

  // ------------------------------------------------------------- closing

  #track<T>(promise: Promise<T>): Promise<T> {
    const settled = promise.then(() => {}, () => {}).finally(() => this.#busy.delete(settled));
    this.#busy.add(settled);
    return promise;
  }

  /** Waits for all that is under way, then refuses more. */
  async close(): Promise<void> {
    // Who waits for nothing can be closed anywhere.
    if (this.#changing || this.#busy.size > 0) this.#checkOutside("close");
    while (this.#busy.size > 0) await Promise.all(this.#busy);
    this.abort();
  }

  /** Refuses more at once; what is under way is rejected. */
  abort(): void {
    if (this.closing.isOver) return;
    this.closing.end();
    this.#upkeep.abort();
    this.#queue.length = 0;
    for (const job of this.#jobs) job.reject(this.closing.reason);
  }
}
