/**
 * Getting a log to disk, and knowing how far it is there: the durable offset (flushed LSN).
 *
 * - One open file has one sync in flight at a time, for all callers that wait. Linux reports an
 *   error once per open file: a second sync at the same time could take the report.
 * - For the same reason blocking syncs have an open file of their own. It is opened before the
 *   first append, so that no error of bytes that this handle writes can escape it.
 * - A failed sync is never tried again: the kernel takes the pages for clean that it could not
 *   write, so the next sync would succeed. Instead the log is poisoned: the handle refuses work.
 *
 * @module
 */

import { WriteError } from "../system/errors.ts";
import type { File } from "../system/file.ts";

/** The log that is synced. */
export interface SyncedLog {
  /** Where its verified frames end: up to there a sync that begins now reaches. */
  end(): number;
  /** Tells other handles that the log is on disk up to `durable`. */
  mark(durable: number): void;
}

/** The syncs of an open log. */
export class LogSync implements Disposable {
  readonly #log: SyncedLog;
  readonly #file: File;
  readonly #openAgain: () => File;
  /** For blocking syncs. */
  #second: File | undefined;
  #durable: number;
  /** Up to where a sync reached that this handle does not answer for. */
  #flushed = 0;
  #poison: WriteError | undefined;
  #inFlight: Promise<void> | undefined;
  /** How many callers wait for a sync. */
  #waiting = 0;
  #closed = false;

  /**
   * @param log The log.
   * @param file Its open file; closed with this object, once no sync needs it.
   * @param openAgain Opens it once more.
   * @param durable The durable offset that the log's first page tells.
   */
  constructor(log: SyncedLog, file: File, openAgain: () => File, durable: number) {
    this.#log = log;
    this.#file = file;
    this.#openAgain = openAgain;
    this.#durable = durable;
  }

  /** The durable offset: everything before it is known to be on disk. */
  get durable(): number {
    return this.#durable;
  }

  /** Raises the durable offset: a header, a mark, or a later generation tells that it is `to`. */
  raise(to: number): void {
    if (to > this.#durable) this.#durable = to;
  }

  /** Opens the file for blocking syncs, unless it is open. */
  prepare(): void {
    this.#second ??= this.#openAgain();
  }

  /**
   * Throws if an earlier failure left the outcome of a write unknown.
   *
   * @throws {WriteError} If so.
   */
  check(): void {
    if (this.#poison !== undefined) throw this.#poison;
  }

  /** Makes the handle refuse work from now on; returns the error of the first failure. */
  poison(message: string, cause: unknown): WriteError {
    return this.#poison ??= new WriteError(message, "unknown", cause);
  }

  /**
   * Resolves when everything up to `to` is on disk. This handle must answer for all of it.
   *
   * @throws {WriteError} If the sync fails; then the log is poisoned.
   */
  async sync(to: number): Promise<void> {
    await this.#syncUntil(() => this.#durable >= to, (end) => this.#synced(end));
    this.check();
  }

  /** As {@linkcode LogSync.sync}, blocking. */
  syncSync(to: number): void {
    this.check();
    if (this.#durable >= to) return;
    this.force();
    this.#synced(this.#log.end());
  }

  /**
   * Syncs what other handles wrote, without answering for it: the kernel may have dropped pages of
   * theirs before.
   *
   * @throws {WriteError} If the sync fails; then the log is poisoned.
   */
  async flush(): Promise<void> {
    const to = this.#log.end();
    await this.#syncUntil(() => this.#isFlushed(to), (end) => this.#flushed = end);
  }

  /** As {@linkcode LogSync.flush}, blocking. */
  flushSync(): void {
    this.check();
    const end = this.#log.end();
    if (this.#isFlushed(end)) return;
    this.force();
    this.#flushed = end;
  }

  /**
   * Forces the file to the device, blocking, and tells nobody how far it is there.
   *
   * @throws {WriteError} If the sync fails; then the log is poisoned.
   */
  force(): void {
    try {
      (this.#second ?? this.#file).syncSync();
    } catch (error) {
      throw this.#failed(error);
    }
  }

  /** Closes the files, once nobody waits for a sync. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#second?.close();
    if (this.#waiting === 0) this.#file.close();
  }

  #isFlushed(to: number): boolean {
    return to <= Math.max(this.#durable, this.#flushed);
  }

  #synced(to: number): void {
    if (to <= this.#durable) return;
    this.#durable = to;
    if (!this.#closed) this.#log.mark(to);
  }

  /** Joins or begins syncs until `isDone`; those that it begins tell `synced` how far they got. */
  async #syncUntil(isDone: () => boolean, synced: (end: number) => void): Promise<void> {
    this.#waiting++;
    try {
      while (!isDone()) {
        this.check();
        await (this.#inFlight ??= this.#syncOnce(synced));
      }
    } finally {
      if (--this.#waiting === 0 && this.#closed) this.#file.close();
    }
  }

  async #syncOnce(synced: (end: number) => void): Promise<void> {
    const end = this.#log.end();
    try {
      await this.#file.sync();
      synced(end);
    } catch (error) {
      throw this.#failed(error);
    } finally {
      this.#inFlight = undefined;
    }
  }

  #failed(cause: unknown): WriteError {
    return this.poison(
      `Cannot sync "${this.#file.path}": ${
        (cause as Error).message
      }, open the table again to see ` +
        `what was written`,
      cause,
    );
  }
}
