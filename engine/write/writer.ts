/**
 * Commits what a handle changes: lock, catch up, change, append, unlock, sync, acknowledge.
 *
 * Changes that arrive while the lock or the disk is busy share one append and one sync (group
 * commit), each in a frame of its own. Nothing waits between lock and unlock, so no other code of
 * this thread runs there.
 *
 * @module
 */

import { Closing } from "../system/closing.ts";
import { DeadlockError, LockTimeoutError, ReadOnlyError, refused } from "../system/errors.ts";
import { type Scope, scopesAround } from "../lock/inside.ts";
import { stepwise, turn } from "../system/steps.ts";
import type { Store, Unsynced } from "../store/store.ts";
import { BackgroundCompaction } from "./background_compaction.ts";
import { type Made, onceJob, type OnceOptions, type OnceResult } from "./once.ts";
import { type CommitJob, type Edit, jobOf } from "./write_batch.ts";
import { checkOutside, OwnedLock, SharedLock, type WriteLock } from "./write_lock.ts";

/** How a handle writes. */
export interface WriterOptions {
  /** Whether an acknowledged commit is on disk. */
  readonly durable: boolean;
  /** How long to wait for the lock, in milliseconds, if the user set a limit. */
  readonly timeoutMs: number | undefined;
}

/** A commit that is appended, but not acknowledged. */
export interface Committing<T> {
  /** Resolves when it is acknowledged. */
  sync(): Promise<T>;
  /** As {@linkcode Committing.sync}, blocking. */
  syncSync(): T;
}

/** A job on its way to a commit. Whatever it is told first is its outcome. */
class PendingJob<T = unknown> {
  /** When it was asked for. */
  readonly since: number;
  readonly make: CommitJob<T>;
  readonly #pending: Set<PendingJob>;
  #outcome: { readonly value: T } | { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  /** @param pending Holds the job until it has an outcome. */
  constructor(pending: Set<PendingJob>, make: CommitJob<T>, since: number) {
    this.make = make;
    this.since = since;
    this.#pending = pending;
    pending.add(this);
  }

  resolve(value: T): void {
    this.#end({ value });
  }

  reject(error: unknown): void {
    this.#end({ error });
  }

  #end(outcome: { readonly value: T } | { readonly error: unknown }): void {
    if (this.#outcome !== undefined) return;
    this.#outcome = outcome;
    this.#pending.delete(this);
    this.#wake?.();
  }

  /** The outcome, which is known. */
  result(): T {
    const outcome = this.#outcome!;
    if ("error" in outcome) throw outcome.error;
    return outcome.value;
  }

  /** Waits for the outcome. Blocking verbs make no promise, as it might never settle. */
  async wait(): Promise<T> {
    if (this.#outcome === undefined) await new Promise<void>((resolve) => this.#wake = resolve);
    return this.result();
  }
}

/** How many changes share one append at most: the others wait meanwhile. */
const MAX_JOBS = 1024;

/** Writes to one table. */
export class Writer {
  /** The table. */
  readonly store: Store;
  /** The lock that each write takes. */
  readonly lock: WriteLock;
  /** The end of the handle. */
  readonly closing: Closing;
  /** The compactions of the handle. */
  readonly compaction: BackgroundCompaction;
  readonly #durable: boolean;
  readonly #queue: PendingJob[] = [];
  /** All jobs without an outcome, queued or being synced. */
  readonly #pending = new Set<PendingJob>();
  /** All work under way, for close(). */
  readonly #busy = new Set<Promise<unknown>>();
  #draining = false;
  /** Whether functions of users may be running whose changes are not appended yet. */
  #changing = false;

  /** @param owned Whether the handle holds the lock on the identity file until it is closed. */
  constructor(store: Store, { durable, timeoutMs }: WriterOptions, owned: boolean) {
    this.store = store;
    this.#durable = durable;
    const closing = this.closing = new Closing(
      `Cannot write to "${store.dir}": this handle was closed`,
    );
    this.lock = new (owned ? OwnedLock : SharedLock)(store, { closing, timeoutMs });
    this.compaction = new BackgroundCompaction(store, {
      closing,
      lock: this.lock,
      track: (promise) => this.track(promise),
    });
  }

  // ------------------------------------------------------------- changes

  /** Commits a change, after the work `ahead` of it; resolves when the commit is acknowledged. */
  run<T>(edit: Edit<T>, ahead?: () => Promise<void>): Promise<T> {
    return this.#submit(jobOf(edit, this.store.dir), ahead);
  }

  /**
   * Makes a commit once, although it may be asked for again: with the key of an earlier commit it
   * changes nothing, and resolves once that commit is on disk.
   *
   * @param make Makes the commit, under the lock.
   */
  async runOnce<T>(
    options: OnceOptions,
    make: CommitJob<Made<T>>,
    ahead?: () => Promise<void>,
  ): Promise<OnceResult<T>> {
    const result = await this.#submit(onceJob(options, make), ahead);
    // Another handle may have appended that commit, and may be dead before it synced.
    if (result.kind === "repeated" && this.#durable) await this.commit();
    return result;
  }

  #submit<T>(make: CommitJob<T>, ahead?: () => Promise<void>): Promise<T> {
    if (ahead !== undefined) return this.track(ahead().then(() => this.#submit(make)));
    try {
      this.check();
    } catch (error) {
      return Promise.reject(error);
    }
    const job = this.#pend(make, performance.now());
    // A verb inside a transaction waits by itself: its limit is not the limit of the queue.
    if (scopesAround().length > 0) this.track(this.#commitAll([job]));
    else {
      this.#queue.push(job);
      if (!this.#draining) {
        this.#draining = true;
        this.track(this.#commitAll(this.#queue));
      }
    }
    return job.wait();
  }

  /** As {@linkcode Writer.run}, blocking. */
  runSync<T>(edit: Edit<T>): T {
    const job = jobOf(edit, this.store.dir);
    const value = this.exclusiveSync(() => this.commitNow(job)).syncSync();
    this.compaction.continueSync();
    return value;
  }

  /**
   * Appends a commit; the caller holds the lock.
   *
   * @param begun Whether `store.begin()` was called, and no other code ran since.
   */
  commitNow<T>(make: CommitJob<T>, begun = false): Committing<T> {
    const job = this.#pend(make, 0);
    const appended = this.#commit([job], begun);
    return {
      sync() {
        // Not awaited: a handle that is closed rejects the job before the sync ends.
        void appended?.sync();
        return job.wait();
      },
      syncSync() {
        appended?.syncSync();
        return job.result();
      },
    };
  }

  #pend<T>(make: CommitJob<T>, since: number): PendingJob<T> {
    return new PendingJob(this.#pending, make, since);
  }

  /** Commits the jobs of a queue, and those that join it meanwhile. */
  async #commitAll(queue: PendingJob[]): Promise<void> {
    // Verbs called in this turn of the event loop go together.
    await undefined;
    while (queue.length > 0) {
      try {
        const start = queue[0]!.since;
        const appended = await this.lock.run(() => this.#commit(queue.splice(0, MAX_JOBS)), start);
        // Not awaited: the next jobs are appended while these are synced.
        if (appended !== undefined) this.track(appended.sync());
        // Without a sync the event loop would not turn, and a compaction would not continue.
        else if (this.compaction.isBusy) await turn();
      } catch (error) {
        this.#rejectLate(queue, this.#refused(error));
      }
    }
    if (queue === this.#queue) this.#draining = false;
    this.compaction.beginIfDue();
  }

  /** After a wait for the lock failed: rejects the jobs that waited long enough, or all. */
  #rejectLate(queue: PendingJob[], error: unknown): void {
    const now = performance.now();
    const { timeoutMs = Infinity } = this.lock;
    const isLate = ({ since }: PendingJob) =>
      !(error instanceof LockTimeoutError) || now - since >= timeoutMs;
    // The wait began with the first one, which is late whatever the grain of the clock.
    const [first, ...others] = queue.splice(0);
    first?.reject(error);
    for (const job of others) {
      if (isLate(job)) job.reject(error);
      else queue.push(job);
    }
  }

  /**
   * Runs jobs and appends their commits; the caller holds the lock. Returns how to sync and
   * acknowledge them, or nothing if all jobs have their outcome.
   */
  #commit(jobs: readonly PendingJob[], begun = false): Committing<void> | undefined {
    const { store } = this;
    const done: { readonly job: PendingJob; readonly value: unknown }[] = [];
    const payloads: Uint8Array[] = [];
    const acknowledge = () => {
      for (const { job, value } of done) job.resolve(value);
    };
    const reject = (error: unknown) => {
      for (const { job } of done) job.reject(error);
    };
    this.#changing = true;
    try {
      if (!begun) store.begin();
      store.checkFields();
      for (const job of jobs) {
        try {
          const { schema } = store.snapshot;
          const { value, payload, snapshot } = job.make(store.snapshot);
          if (payload.length === 0) {
            job.resolve(value);
            continue;
          }
          store.adopt(snapshot, schema);
          payloads.push(payload);
          done.push({ job, value });
        } catch (error) {
          job.reject(error);
        }
      }
      if (payloads.length === 0) return undefined;
      // A function of the user may have closed the handle.
      this.closing.check();
      const appended = store.append(payloads);
      if (!this.#durable) {
        acknowledge();
        return undefined;
      }
      return {
        sync: () => appended.sync().then(acknowledge, reject),
        syncSync() {
          try {
            appended.syncSync();
            acknowledge();
          } catch (error) {
            reject(error);
          }
        },
      };
    } catch (error) {
      // Jobs that have an outcome keep it.
      for (const job of jobs) job.reject(this.#refused(error));
      return undefined;
    } finally {
      this.#changing = false;
    }
  }

  /** What the system refuses before anything is appended becomes a `WriteError`. */
  #refused(error: unknown): unknown {
    return refused(`Cannot write to "${this.store.dir}"`, "nothing was changed", error);
  }

  readonly #throwRefused = (error: unknown): never => {
    throw this.#refused(error);
  };

  /** Runs `fn`; what the system refuses becomes a `WriteError` with the outcome "none". */
  orRefused<T>(fn: () => T): T {
    try {
      return fn();
    } catch (error) {
      return this.#throwRefused(error);
    }
  }

  // ------------------------------------------------------------- other work

  /** Resolves when all that the table holds is on disk. */
  async commit(): Promise<void> {
    await this.track(this.exclusive(() => this.#ownAll()).then((appended) => appended.sync()));
  }

  /** As {@linkcode Writer.commit}, blocking. */
  commitSync(): void {
    this.exclusiveSync(() => this.#ownAll()).syncSync();
  }

  #ownAll(): Unsynced {
    this.store.begin();
    return this.store.own();
  }

  /** Compacts the table; does nothing if another process compacts it. */
  async cleanup(): Promise<void> {
    this.check();
    await this.compaction.cleanup();
  }

  /** As {@linkcode Writer.cleanup}, blocking. */
  cleanupSync(): void {
    this.#checkSync();
    this.compaction.cleanupSync();
  }

  /** Does long work step by step, so that other code gets a turn; closing waits for it. */
  async pace(steps: Generator<undefined, void>): Promise<void> {
    this.closing.check();
    await this.track((async () => {
      // Not in this turn: the caller may be a function that runs while a commit is made.
      await undefined;
      await stepwise(steps, this.closing.signal);
    })());
  }

  // ------------------------------------------------------------- the lock

  /** See {@linkcode WriteLock.acquire}. */
  acquire(start: number, timeoutMs: number | undefined, scopes: Scope[]): Promise<() => void> {
    return this.lock.acquire(start, timeoutMs, scopes).catch(this.#throwRefused);
  }

  /** As {@linkcode Writer.acquire}, blocking. */
  acquireSync(): () => void {
    this.#checkSync();
    return this.orRefused(() => this.lock.acquireSync());
  }

  /** Runs `fn` under the lock. */
  async exclusive<T>(fn: () => T): Promise<T> {
    this.check();
    return await this.track(this.lock.run(fn).catch(this.#throwRefused));
  }

  /** As {@linkcode Writer.exclusive}, blocking. */
  exclusiveSync<T>(fn: () => T): T {
    this.#checkSync();
    return this.orRefused(() => this.lock.runSync(fn));
  }

  /**
   * Throws unless this handle can write, here and now.
   *
   * @throws {DeadlockError} Inside a transaction, for whose end it would wait.
   */
  check(): void {
    this.closing.check();
    if (this.store.lock === undefined) {
      throw new ReadOnlyError(
        `Cannot write to "${this.store.dir}": it was opened with readOnly, open it without`,
      );
    }
    this.#checkOutside("write to");
  }

  #checkOutside(verb: string): void {
    checkOutside(verb, this.store, "use the verbs of the transaction, or wait for its end");
  }

  #checkSync(): void {
    this.check();
    if (!this.#changing) return;
    throw new DeadlockError(
      `Cannot write to "${this.store.dir}": the function of an update holds the lock, ` +
        `return what is to be changed, or write later`,
    );
  }

  // ------------------------------------------------------------- closing

  /** Makes closing wait for a promise; returns the promise. */
  track<T>(promise: Promise<T>): Promise<T> {
    const settled = promise.then(() => {}, () => {}).finally(() => this.#busy.delete(settled));
    this.#busy.add(settled);
    return promise;
  }

  /** Waits for all work under way, then refuses more. */
  async close(): Promise<void> {
    const isBusy = () => this.#changing || this.lock.inTransaction || this.#busy.size > 0;
    // A handle without work under way can be closed anywhere.
    if (isBusy()) this.#checkOutside("close");
    while (isBusy()) await Promise.all(this.#busy);
    this.abort();
  }

  /** Refuses more work at once, and rejects the work under way. */
  abort(): void {
    if (this.closing.isOver) return;
    this.closing.end();
    this.compaction.abort();
    this.#queue.length = 0;
    for (const job of this.#pending) job.reject(this.closing.reason);
  }
}
