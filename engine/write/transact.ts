/**
 * Transactions, of one table or of several.
 *
 * ```text
 * locks, in the order of UUIDs → fn → table 1: append, unlock, sync → … → table n: the same
 * ```
 *
 * The locks are taken in one order by all processes, so that two transactions of the same tables
 * never wait for each other. The tables are committed in the order of the caller, each on disk
 * before the next is written: a crash leaves the parts of the first tables, and never that of a
 * later one without those before it.
 *
 * @module
 */

import { before } from "../system/closing.ts";
import type { Changes } from "./write_batch.ts";
import { WriteError } from "../system/errors.ts";
import { asyncInside, runInside, Scope, scopesAround } from "../lock/inside.ts";
import { LongNote } from "../lock/owner.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { WriteTransaction } from "./write_transaction.ts";
import type { Committing, Writer } from "./writer.ts";

/** What a transaction does in one table, whose lock it holds from the beginning to the commit. */
class Part {
  readonly writer: Writer;
  readonly scope: Scope;
  readonly work: WriteTransaction;
  readonly note: LongNote;
  readonly #snapshot: Snapshot;
  readonly #release: () => void;
  #changes: Changes | undefined;
  #ended = false;

  /** `release` lets go of the lock. */
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

  /** The function returned: throws if what it changed cannot be committed. */
  check(): void {
    this.#changes = this.work.end();
    this.writer.closing.check();
    this.writer.checkBytes(this.#changes.payload.length);
  }

  get hasChanges(): boolean {
    return this.#changes !== undefined && this.#changes.payload.length > 0;
  }

  /** Appends what was changed and lets go of the lock; `blocking` if nothing else ran meanwhile. */
  commit(blocking = false): Committing<void> {
    const { store } = this.writer;
    const changes = this.#changes!;
    try {
      return this.writer.commitNow((batch) => {
        // A sync that failed elsewhere took back what others had not acknowledged.
        if (batch.snapshot !== this.#snapshot) {
          throw new WriteError(
            `Cannot commit a transaction of "${store.dir}": what it read was lost as a sync ` +
              `failed, nothing was changed, do it again`,
            "none",
            undefined,
          );
        }
        batch.adopt(changes);
      }, blocking);
    } finally {
      this.end();
    }
  }

  /** Lets go of the lock; what was not committed is given up. */
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
 * @throws {TypeError} If a table is there twice.
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

/** Parts in the order in which the caller named their tables. */
function asGiven(writers: readonly Writer[], parts: readonly Part[]): Part[] {
  return writers.map((writer) => parts.find((part) => part.writer === writer)!);
}

function namesOf(writers: readonly Writer[]): string {
  return writers.map(({ store }) => `"${store.dir}"`).join(", ");
}

/** What is thrown when a part could not be committed, but others were before. */
function partly(error: unknown, failed: Part, before: readonly Part[]): unknown {
  const committed = before.filter(({ hasChanges }) => hasChanges).map(({ writer }) => writer);
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
 * Commits what `fn` changes in the tables, under their locks from before its first step to after
 * its last one.
 *
 * @throws {DOMException} `TimeoutError`, if that takes longer than `timeoutMs`.
 */
export async function transact<T>(
  writers: readonly Writer[],
  fn: (works: WriteTransaction[]) => T,
  timeoutMs?: number,
): Promise<Awaited<T>> {
  const order = lockOrder(writers);
  const done = run(writers, order, fn, timeoutMs);
  for (const writer of order) writer.track(done);
  return await done;
}

async function run<T>(
  writers: readonly Writer[],
  order: readonly Writer[],
  fn: (works: WriteTransaction[]) => T,
  timeoutMs: number | undefined,
): Promise<Awaited<T>> {
  const start = performance.now();
  const runInside = await asyncInside();
  const scopes = scopesAround();
  const parts: Part[] = [];
  let value: Awaited<T>;
  try {
    for (const writer of order) {
      const part = new Part(writer, await writer.acquire(start, timeoutMs, scopes));
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
    for (const part of given) part.check();
    for (const [i, part] of given.entries()) {
      try {
        await part.commit().sync();
      } catch (error) {
        throw partly(error, part, given.slice(0, i));
      }
    }
  } finally {
    for (const part of parts) part.end();
  }
  for (const { upkeep } of order) upkeep.atLeisure();
  return value;
}

/** As {@linkcode transact}, blocking. */
export function transactSync<T>(
  writers: readonly Writer[],
  fn: (works: WriteTransaction[]) => T,
): T {
  const order = lockOrder(writers);
  const parts: Part[] = [];
  let value: T;
  try {
    for (const writer of order) parts.push(new Part(writer, writer.acquireSync()));
    const given = asGiven(writers, parts);
    const scopes = parts.map(({ scope }) => scope);
    value = runInside(scopes, () => fn(given.map(({ work }) => work)));
    if (typeof (value as { then?: unknown } | undefined | null)?.then === "function") {
      // What it does from here on comes too late, and is told here.
      Promise.resolve(value).catch(() => {});
      throw new TypeError(
        `Cannot finish a transaction of ${namesOf(writers)}: its function returned a promise, ` +
          `nothing was changed, await transaction()`,
      );
    }
    for (const part of given) part.check();
    for (const [i, part] of given.entries()) {
      try {
        part.commit(true).syncSync();
      } catch (error) {
        throw partly(error, part, given.slice(0, i));
      }
    }
  } finally {
    for (const part of parts) part.end();
  }
  for (const { upkeep } of order) upkeep.atLeisureSync();
  return value;
}
