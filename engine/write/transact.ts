/**
 * Transactions in one table or in several.
 *
 * ```text
 * locks, in the order of UUIDs → fn → table 1: append, unlock, sync → … → table n: the same
 * ```
 *
 * All processes lock tables in one order, so that two transactions of the same tables never wait
 * for each other. The tables are committed in the order of the caller, and each commit is on disk
 * before the next is written: after a crash, a table has its part of the transaction only if all
 * tables before it have theirs.
 *
 * @module
 */

import { before } from "../system/closing.ts";
import type { PreparedCommit } from "./write_batch.ts";
import { WriteError } from "../system/errors.ts";
import { asyncInside, runInside, Scope, scopesAround } from "../lock/inside.ts";
import { LongNote } from "../lock/owner.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { WriteTransaction } from "./write_transaction.ts";
import { checkCommitSize } from "./prepared_rows.ts";
import type { Committing, Writer } from "./writer.ts";

/** The part of a transaction in one table, whose lock it holds from its beginning to its commit. */
class TransactionPart {
  readonly writer: Writer;
  readonly scope: Scope;
  readonly work: WriteTransaction;
  readonly note: LongNote;
  readonly #snapshot: Snapshot;
  readonly #release: () => void;
  #prepared: PreparedCommit<void> | undefined;
  #ended = false;

  /** @param release Lets go of the lock, which is held. */
  constructor(writer: Writer, release: () => void) {
    const { store } = writer;
    try {
      this.#snapshot = writer.orRefused(() => store.begin());
      store.checkFields();
      const note = this.note = new LongNote(store.files, store.dir, store.log.sequence);
      this.work = new WriteTransaction(this.#snapshot, store.dir, () => {
        store.checkOpen();
        note.tick();
      });
    } catch (error) {
      release();
      throw error;
    }
    this.writer = writer;
    this.scope = new Scope({ lock: store.lock!, dir: store.dir });
    this.#release = release;
  }

  /** Prepares the commit when the function has returned; throws if it cannot be committed. */
  prepare(): void {
    const { closing, store } = this.writer;
    const prepared = this.work.end();
    closing.check();
    checkCommitSize(store.dir, prepared.payload.length);
    this.#prepared = prepared;
  }

  get hasChanges(): boolean {
    return this.#prepared !== undefined && this.#prepared.payload.length > 0;
  }

  /**
   * Appends the commit and lets go of the lock.
   *
   * @param begun Whether no other code ran since the part began.
   */
  commit(begun = false): Committing<void> {
    const prepared = this.#prepared!;
    try {
      return this.writer.commitNow((snapshot) => {
        if (snapshot === this.#snapshot) return prepared;
        // A sync failed elsewhere, and took back what was not acknowledged.
        throw new WriteError(
          `Cannot commit a transaction of "${this.work.dir}": what it read was lost as a sync ` +
            `failed, nothing was changed, do it again`,
          "none",
          undefined,
        );
      }, begun);
    } finally {
      this.end();
    }
  }

  /** Lets go of the lock, and discards what was not committed. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.work.end();
    this.note[Symbol.dispose]();
    this.scope.end();
    this.#release();
  }
}

/**
 * The order in which all processes lock these tables. Copies of a table have its UUID.
 *
 * @throws {TypeError} If a table is given twice.
 */
function lockOrder(writers: readonly Writer[]): Writer[] {
  const keyed = writers.map((writer) => {
    writer.check();
    const { checksums, lock } = writer.store;
    return { writer, key: `${checksums.uuid.toHex()} ${lock!.file.fileId}` };
  }).sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
  const twice = keyed.find(({ key }, i) => key === keyed[i + 1]?.key);
  if (twice !== undefined) {
    throw new TypeError(
      `Cannot begin a transaction: "${twice.writer.store.dir}" is given twice, give each table once`,
    );
  }
  return keyed.map(({ writer }) => writer);
}

/** Parts in the order in which the caller gave their tables. */
function asGiven(writers: readonly Writer[], parts: readonly TransactionPart[]): TransactionPart[] {
  return writers.map((writer) => parts.find((part) => part.writer === writer)!);
}

function namesOf(writers: readonly Writer[]): string {
  return writers.map(({ store }) => `"${store.dir}"`).join(", ");
}

/** The error when a part could not be committed, but parts before it were. */
function partialFailure(
  error: unknown,
  failed: TransactionPart,
  earlier: readonly TransactionPart[],
): unknown {
  const committed = earlier.filter(({ hasChanges }) => hasChanges).map(({ writer }) => writer);
  if (committed.length === 0) return error;
  return new WriteError(
    `Cannot commit all of a transaction: committed ${namesOf(committed)}, then ` +
      `"${failed.work.dir}" failed (${(error as Error).message}), write the rest again`,
    "partial",
    error,
    committed.map(({ store }) => store.dir),
  );
}

/**
 * Commits what `fn` changes in the tables; it holds their locks while `fn` runs.
 *
 * @throws {DOMException} `TimeoutError`, if that takes longer than `timeoutMs`.
 */
export async function transact<T>(
  writers: readonly Writer[],
  fn: (works: WriteTransaction[]) => T,
  timeoutMs?: number,
): Promise<Awaited<T>> {
  const order = lockOrder(writers);
  const done = runTransaction(writers, order, fn, timeoutMs);
  for (const writer of order) writer.track(done);
  return await done;
}

async function runTransaction<T>(
  writers: readonly Writer[],
  order: readonly Writer[],
  fn: (works: WriteTransaction[]) => T,
  timeoutMs: number | undefined,
): Promise<Awaited<T>> {
  const start = performance.now();
  const runInside = await asyncInside();
  const scopes = scopesAround();
  const parts: TransactionPart[] = [];
  let value: Awaited<T>;
  try {
    for (const writer of order) {
      const part = new TransactionPart(writer, await writer.acquire(start, timeoutMs, scopes));
      part.note.startTimer();
      parts.push(part);
      scopes.push(part.scope);
    }
    const given = asGiven(writers, parts);
    const works = given.map(({ work }) => work);
    value = await before((async () => await runInside(scopes, () => fn(works)))(), {
      closings: order.map(({ closing }) => closing),
      ms: timeoutMs === undefined ? Infinity : start + timeoutMs - performance.now(),
      late: () => {
        const told = `Cannot finish a transaction of ${namesOf(writers)}: it takes too long, ` +
          `nothing was changed, set a longer timeoutMs or do less in it`;
        return new DOMException(told, "TimeoutError");
      },
    });
    for (const part of given) part.prepare();
    for (const [i, part] of given.entries()) {
      try {
        await part.commit().sync();
      } catch (error) {
        throw partialFailure(error, part, given.slice(0, i));
      }
    }
  } finally {
    for (const part of parts) part.end();
  }
  for (const { compaction } of order) compaction.beginIfDue();
  return value;
}

/** As {@linkcode transact}, blocking. */
export function transactSync<T>(
  writers: readonly Writer[],
  fn: (works: WriteTransaction[]) => T,
): T {
  const order = lockOrder(writers);
  const parts: TransactionPart[] = [];
  let value: T;
  try {
    for (const writer of order) parts.push(new TransactionPart(writer, writer.acquireSync()));
    const given = asGiven(writers, parts);
    const scopes = parts.map(({ scope }) => scope);
    value = runInside(scopes, () => fn(given.map(({ work }) => work)));
    if (typeof (value as { then?: unknown } | undefined | null)?.then === "function") {
      // What it does from here on comes too late, and the error below says so.
      Promise.resolve(value).catch(() => {});
      throw new TypeError(
        `Cannot finish a transaction of ${namesOf(writers)}: its function returned a promise, ` +
          `nothing was changed, await transaction()`,
      );
    }
    for (const part of given) part.prepare();
    for (const [i, part] of given.entries()) {
      try {
        part.commit(true).syncSync();
      } catch (error) {
        throw partialFailure(error, part, given.slice(0, i));
      }
    }
  } finally {
    for (const part of parts) part.end();
  }
  for (const { compaction } of order) compaction.continueSync();
  return value;
}
