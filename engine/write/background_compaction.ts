/**
 * When a table is cleaned up, and in what steps: because somebody asked for it, or at leisure,
 * because the log grew long.
 *
 * At leisure it goes on wherever the event loop turns. Who only calls blocking verbs never lets it
 * turn: each of them does a step, so that none takes much longer than the others.
 *
 * @module
 */

import { Compaction } from "../maintenance/compaction.ts";
import type { Closing } from "../system/closing.ts";
import { runOutside } from "../lock/inside.ts";
import { Pace } from "../system/steps.ts";
import type { Store } from "../store/store.ts";

/** Whoever writes to the table. */
export interface Host {
  /** The end of the handle. */
  readonly closing: Closing;
  /** Runs `fn` under the lock. */
  locked<T>(fn: () => T): Promise<T>;
  /** As {@linkcode Host.locked}, blocking. */
  lockedSync<T>(fn: () => T): T;
  /** Closing waits for it. */
  track<T>(promise: Promise<T>): Promise<T>;
}

/** The cleanups of one handle. */
export class BackgroundCompaction {
  readonly #store: Store;
  readonly #host: Host;
  /** The last that was asked for, with all before it. */
  #last: Promise<void> | undefined;
  /** The one under way. */
  #current: Compaction | undefined;
  /** The last failure: it is tried again when that log is twice as long, or with the next one. */
  #failure: { readonly generation: number; readonly end: number } | undefined;

  constructor(store: Store, host: Host) {
    this.#store = store;
    this.#host = host;
  }

  /** Whether one is under way. */
  get isBusy(): boolean {
    return this.#last !== undefined;
  }

  /** Writes a table of what is there and begins a new log; nothing if somebody else is at it. */
  cleanup(): Promise<void> {
    return this.#host.track(this.#enqueue(this.#begin));
  }

  /** As {@linkcode BackgroundCompaction.cleanup}, blocking. */
  cleanupSync(): void {
    // What was asked for now is not done by one that began before.
    this.#atLeisure(() => this.#push(true));
    this.#begin();
    this.#push(true);
  }

  /** Begins one if it is time to. */
  atLeisure(): void {
    if (this.isBusy || !this.#isDue) return;
    this.#enqueueAtLeisure(this.#begin);
  }

  /** As {@linkcode BackgroundCompaction.atLeisure}, and goes on with it. */
  atLeisureSync(): void {
    this.#atLeisure(() => {
      // Not whether one waits for its turn: that may never come.
      if (this.#current === undefined && this.#isDue && this.#begin() !== undefined) {
        this.#enqueueAtLeisure(() => this.#current);
      }
      // Processes that live shortly may never come to the end of one, step by step.
      if (this.#current !== undefined) this.#push(this.#store.isOvergrown(2));
    });
  }

  /** Gives up what is under way. */
  abort(): void {
    if (!this.#current?.isSyncing) this.#current?.end(this.#host.closing.reason);
  }

  get #isDue(): boolean {
    const { generation, end } = this.#store.log;
    const failure = this.#failure;
    if (failure?.generation === generation && end < failure.end * 2) return false;
    return this.#store.isOvergrown();
  }

  /** Nobody asked for it: whoever wrote was acknowledged, its failure is not theirs. */
  #atLeisure(fn: () => void): void {
    try {
      fn();
    } catch {
      this.#failed();
    }
  }

  /** No transaction that it was begun in waits for it. */
  #enqueueAtLeisure(take: () => Compaction | undefined): void {
    runOutside(() => this.#host.track(this.#enqueue(take).catch(() => this.#failed())));
  }

  #failed(): void {
    const { generation, end } = this.#store.log;
    this.#failure = { generation, end };
  }

  /** Begins one, unless one is under way: that began after this was asked for. */
  readonly #begin = (): Compaction | undefined => this.#current ??= Compaction.begin(this.#store);

  /** One after the other; `take` gives it when its turn comes: who waits holds no commit point. */
  #enqueue(take: () => Compaction | undefined): Promise<void> {
    const before = this.#last ?? Promise.resolve();
    const last = before.catch(() => {}).then(() => this.#run(take)).finally(() => {
      if (this.#last === last) this.#last = undefined;
    });
    return this.#last = last;
  }

  async #run(take: () => Compaction | undefined): Promise<void> {
    // What is not appended yet must not get into the table.
    await undefined;
    const cleanup = take();
    if (cleanup === undefined) return;
    const { closing, locked } = this.#host;
    const pace = new Pace();
    try {
      // Blocking verbs may push it on meanwhile, to its end.
      while (!cleanup.isOver) {
        const { done, value: file } = cleanup.step();
        if (done) {
          await locked(() => cleanup.finish());
          await Promise.all(this.#endSoon(cleanup));
          break;
        }
        // Others get a turn; a closed handle gets none.
        await (file === undefined ? pace.keep() : cleanup.sync(file));
        closing.check();
      }
      cleanup.check();
    } catch (error) {
      throw cleanup.explain(error);
    } finally {
      this.#end(cleanup);
    }
  }

  /** Does a step of what is under way, or all, blocking. */
  #push(toEnd: boolean): void {
    const cleanup = this.#current;
    if (cleanup === undefined || cleanup.isSyncing) return;
    try {
      do {
        const { done, value: file } = cleanup.step();
        file?.syncSync();
        if (!done) continue;
        this.#host.lockedSync(() => cleanup.finish());
        if (toEnd) this.#end(cleanup);
        else for (const removal of this.#endSoon(cleanup)) this.#host.track(removal);
      } while (toEnd && !cleanup.isOver);
    } catch (error) {
      this.#end(cleanup, error);
      throw cleanup.explain(error);
    }
  }

  #end(cleanup: Compaction, failure?: unknown): void {
    cleanup.end(failure);
    this.#forget(cleanup);
  }

  #endSoon(cleanup: Compaction): Promise<void>[] {
    this.#forget(cleanup);
    return cleanup.endSoon();
  }

  #forget(cleanup: Compaction): void {
    // Where the event loop does not turn, others came after it.
    if (this.#current === cleanup) this.#current = undefined;
  }
}
