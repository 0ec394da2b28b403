/**
 * When a handle compacts its table, and in what steps: because the user called `cleanup()`, or in
 * the background, because the log grew long.
 *
 * A background compaction continues whenever the event loop turns. A program that calls only
 * blocking verbs never lets it turn: there each verb does one step, so that no verb takes much
 * longer than the others.
 *
 * @module
 */

import { Compaction } from "../maintenance/compaction.ts";
import type { Closing } from "../system/closing.ts";
import { runOutside } from "../lock/inside.ts";
import { Pace } from "../system/steps.ts";
import type { Store } from "../store/store.ts";
import type { WriteLock } from "./write_lock.ts";

/** The handle that compacts. */
export interface CompactionHost {
  /** The end of the handle. */
  readonly closing: Closing;
  /** The lock of the handle. */
  readonly lock: WriteLock;
  /** Makes closing wait for a promise. */
  track<T>(promise: Promise<T>): Promise<T>;
}

/** The compactions of one handle, one after the other. */
export class BackgroundCompaction {
  readonly #store: Store;
  readonly #host: CompactionHost;
  /** The last one in the queue; it settles after all before it. */
  #last: Promise<void> | undefined;
  /** The one under way. */
  #current: Compaction | undefined;
  /** Where the last one failed: the next begins when that log is twice as long, or sealed. */
  #failure: { readonly generation: number; readonly end: number } | undefined;

  constructor(store: Store, host: CompactionHost) {
    this.#store = store;
    this.#host = host;
  }

  /** Whether one is under way or queued. */
  get isBusy(): boolean {
    return this.#last !== undefined;
  }

  /** Compacts all that was committed before the call, unless another process compacts. */
  cleanup(): Promise<void> {
    return this.#host.track(this.#enqueue(this.#begin));
  }

  /** As {@linkcode BackgroundCompaction.cleanup}, blocking. */
  cleanupSync(): void {
    // One that began before the call does not hold what was committed since.
    this.#inBackground(() => this.#push(true));
    this.#begin();
    this.#push(true);
  }

  /** Begins one if the log is long. */
  beginIfDue(): void {
    if (this.isBusy || !this.#isDue) return;
    this.#enqueueInBackground(this.#begin);
  }

  /** Begins one if the log is long, and does a step of the one under way, blocking. */
  continueSync(): void {
    this.#inBackground(() => {
      // Even if another one is queued: it may never get its turn.
      if (this.#current === undefined && this.#isDue && this.#begin() !== undefined) {
        this.#enqueueInBackground(() => this.#current);
      }
      // A process that ends soon may never finish one step by step: a long log is done at once.
      if (this.#current !== undefined) this.#push(this.#store.isOvergrown(4));
    });
  }

  /** Gives up the one under way. */
  abort(): void {
    if (!this.#current?.isSyncing) this.#current?.end(this.#host.closing.reason);
  }

  get #isDue(): boolean {
    const { generation, end } = this.#store.log;
    const failure = this.#failure;
    if (failure?.generation === generation && end < failure.end * 2) return false;
    return this.#store.isOvergrown();
  }

  /** Runs what no verb asked for: a failure must not reach the verb, which is acknowledged. */
  #inBackground(fn: () => void): void {
    try {
      fn();
    } catch {
      this.#failed();
    }
  }

  /** No transaction that it begins in waits for it. */
  #enqueueInBackground(begin: () => Compaction | undefined): void {
    runOutside(() => this.#host.track(this.#enqueue(begin).catch(() => this.#failed())));
  }

  #failed(): void {
    const { generation, end } = this.#store.log;
    this.#failure = { generation, end };
  }

  /** Returns the one under way or begins one; returns nothing if another process compacts. */
  readonly #begin = (): Compaction | undefined => this.#current ??= Compaction.begin(this.#store);

  /** Calls `begin` only when its turn comes: a queued compaction holds no snapshot. */
  #enqueue(begin: () => Compaction | undefined): Promise<void> {
    const before = this.#last ?? Promise.resolve();
    const last = before.catch(() => {}).then(() => this.#run(begin)).finally(() => {
      if (this.#last === last) this.#last = undefined;
    });
    return this.#last = last;
  }

  async #run(begin: () => Compaction | undefined): Promise<void> {
    // Changes that are being made in this turn and are not appended must not get into the segment.
    await undefined;
    const compaction = begin();
    if (compaction === undefined) return;
    const { closing, lock } = this.#host;
    const pace = new Pace();
    try {
      // Blocking verbs may do steps meanwhile, even the last one.
      while (!compaction.isOver) {
        const { done, value: file } = compaction.step();
        if (done) {
          await lock.run(() => compaction.finish());
          await Promise.all(this.#endSoon(compaction));
          break;
        }
        await (file === undefined ? pace.keep() : compaction.sync(file));
        closing.check();
      }
      compaction.check();
    } catch (error) {
      throw compaction.refused(error);
    } finally {
      this.#end(compaction);
    }
  }

  /** Does a step of the one under way, or all steps, blocking. */
  #push(toEnd: boolean): void {
    const compaction = this.#current;
    if (compaction === undefined || compaction.isSyncing) return;
    try {
      do {
        const { done, value: file } = compaction.step();
        file?.syncSync();
        if (!done) continue;
        this.#host.lock.runSync(() => compaction.finish());
        if (toEnd) this.#end(compaction);
        else for (const removal of this.#endSoon(compaction)) this.#host.track(removal);
      } while (toEnd && !compaction.isOver);
    } catch (error) {
      this.#end(compaction, error);
      throw compaction.refused(error);
    }
  }

  #end(compaction: Compaction, failure?: unknown): void {
    compaction.end(failure);
    this.#forget(compaction);
  }

  #endSoon(compaction: Compaction): Promise<void>[] {
    this.#forget(compaction);
    return compaction.endSoon();
  }

  #forget(compaction: Compaction): void {
    // Without a turn of the event loop, the next one may have begun already.
    if (this.#current === compaction) this.#current = undefined;
  }
}
