/**
 * The change feed: reads the changes of a table commit by commit, through all its logs.
 *
 * 1. The feed begins with a generation whose segment holds none of the changes to be reported, and
 *    holds each generation while it reads it. Compaction keeps that generation and all later ones
 *    (`retention.ts`), so the next one exists when a seal leads to it.
 * 2. Reported changes are on disk: the feed syncs the log first, without answering for it. A feed
 *    that only reads goes by the durable mark.
 * 3. All commits of one generation are taken before the next generation is read: rows before a
 *    change may still be in the old segment.
 *
 * @module
 */

import { readCommit } from "../log/changes.ts";
import { CorruptionError, inContext } from "../system/errors.ts";
import type { Generation, Generations } from "../store/generations.ts";
import { StaleError } from "../log/log.ts";
import type { StoredRow } from "../schema/field_def.ts";
import type { TableSchema } from "../schema/schema.ts";
import { Snapshot } from "../snapshot/snapshot.ts";
import { locationOf, type RowLocation } from "../snapshot/location.ts";
import type { Store } from "../store/store.ts";

/** A change of a row, or of the fields if there is no row. */
export interface FeedChange {
  /** The fields after the change. */
  readonly schema: TableSchema;
  /** The row after the change; none if it was deleted. */
  readonly row?: RowLocation | undefined;
  /** The row before the change; none if it was inserted. */
  readonly before?: RowLocation | undefined;
}

/** A commit that the feed reports. */
export interface FeedCommit {
  /** Its position in the order of all commits. */
  readonly sequence: number;
  /** Where its frame ends. */
  readonly end: number;
  /** Its changes, in the order of its frame: the same for every reader. */
  readonly changes: readonly FeedChange[];
}

/** Reads the changes of a table. */
export class Feed implements Disposable {
  readonly #store: Store;
  readonly #generations: Generations;
  readonly #readOnly: boolean;
  #generation!: Generation;
  #snapshot!: Snapshot;
  /** The last commit that was reported. */
  #reported: number;
  /** Commits that were read, and may not be on disk. */
  #pending: FeedCommit[] = [];
  #sealed = false;

  /**
   * @param since The commit after which it begins.
   * @throws {RangeError} If there is no such commit, or the commits after it are not kept.
   */
  constructor(store: Store, since: number) {
    this.#store = store;
    this.#readOnly = store.lock === undefined;
    this.#reported = since;
    this.#generations = store.generations();
    this.#begin();
  }

  #begin(): void {
    this.#adopt(inContext(`Cannot watch "${this.#store.dir}"`, () => this.#find()));
  }

  /** The newest generation whose segment holds none of the changes to be reported. */
  #find(): Generation {
    const { dir } = this.#store;
    let missing: number | undefined;
    for (;;) {
      const { sequence } = this.#store.latest();
      const current = this.#store.log.generation;
      if (this.#reported > sequence) {
        throw new RangeError(`since is ${this.#reported}, the last commit ${sequence}`);
      }
      let oldest: number | undefined;
      for (let number = current; number > 0; number--) {
        const found = this.#hold(this.#generations.at(number));
        if (found === undefined) break;
        oldest = found.segment.sequence;
        if (oldest <= this.#reported) {
          return found.log.sealedInto ? found : this.#beforeUnsealed(found);
        }
        close(found);
      }
      this.#store.latest();
      // A compaction switched generations meanwhile.
      if (this.#store.log.generation > current) continue;
      if (oldest !== undefined) {
        throw new RangeError(
          `the changes after commit ${this.#reported} are no longer kept, only those after commit ` +
            `${oldest}: read the rows again and watch from there, or keep more with keepChanges()`,
        );
      }
      this.#store.checkIdentity();
      if (missing === current) throw new CorruptionError(dir, 0, "the current files are missing");
      missing = current;
    }
  }

  /**
   * The generation before one that is not known to be sealed into, if it is there: its seal may not
   * be on disk, and commits that were carried over from it have to be synced there. A writer that
   * appends to the later one completes the hand-over first.
   */
  #beforeUnsealed(found: Generation): Generation {
    const before = this.#hold(this.#generations.at(found.log.generation - 1));
    if (before === undefined) return found;
    close(found);
    return before;
  }

  /** Holds a generation, so that it stays; returns nothing if it is gone. */
  #hold(found: Generation | undefined): Generation | undefined {
    if (found === undefined || found.segment.hold(this.#store.files)) return found;
    close(found);
    return undefined;
  }

  #adopt(generation: Generation): void {
    const { segment, log } = generation;
    this.#generation = generation;
    this.#snapshot = new Snapshot(segment, log.path, this.#store.snapshot.origin);
    this.#sealed = false;
  }

  /** Goes from a sealed log to the next generation. */
  #follow(): void {
    const { log } = this.#generation;
    const next = this.#hold(this.#generations.at(log.generation + 1));
    if (next === undefined) {
      this.#store.checkIdentity();
      throw new CorruptionError(log.path, log.end, "the generation after its seal is missing");
    }
    close(this.#generation);
    this.#adopt(next);
  }

  /**
   * Takes the next commits that are on disk, maybe none.
   *
   * @throws {BaseNotFoundError} If the table was destroyed or replaced.
   */
  async take(): Promise<readonly FeedCommit[]> {
    this.#store.checkOpen();
    try {
      this.#read();
      if (this.#pending.length === 0) return [];
      const durable = await this.#durable();
      const count = this.#pending.findLastIndex(({ end }) => end <= durable) + 1;
      const taken = this.#pending.splice(0, count);
      this.#reported = taken.at(-1)?.sequence ?? this.#reported;
      return taken;
    } catch (error) {
      if (!(error instanceof StaleError)) throw error;
      // The disk lost commits that were read and not reported. The old generation is closed last,
      // so that the new one is held first.
      const stale = this.#generation;
      this.#pending = [];
      this.#begin();
      close(stale);
      return await this.take();
    }
  }

  /** Reads to the end of the log, or of the next log if all commits of this one are taken. */
  #read(): void {
    do {
      if (this.#sealed && this.#pending.length === 0) this.#follow();
      const { log } = this.#generation;
      const end = log.read((sequence, payload) => this.#apply(sequence, payload, log.end));
      this.#sealed = end === "seal";
    } while (this.#sealed && this.#pending.length === 0);
    // Whoever destroyed the table may have been unable to seal the log.
    if (!this.#sealed) this.#store.checkIdentity();
  }

  #apply(sequence: number, payload: Uint8Array, end: number): void {
    const changes: FeedChange[] = [];
    const isNew = sequence > this.#reported;
    readCommit(
      this.#generation.log,
      payload,
      isNew ? recording(this.#snapshot, changes) : this.#snapshot,
    );
    this.#snapshot.sequence = sequence;
    if (isNew) this.#pending.push({ sequence, end, changes });
  }

  /** Up to which offset the log is on disk. */
  async #durable(): Promise<number> {
    const { log } = this.#generation;
    if (!this.#readOnly) await log.flush();
    else if (!this.#sealed || !this.#isSealOnDisk()) return log.readDurable();
    return log.end;
  }

  /** Whether the seal is known to be on disk, even if a power cut took the durable mark. */
  #isSealOnDisk(): boolean {
    const next = this.#generations.at(this.#generation.log.generation + 1);
    if (next === undefined) return false;
    close(next);
    return next.log.sealedInto;
  }

  /** Closes all files. */
  [Symbol.dispose](): void {
    close(this.#generation);
  }
}

function close({ segment, log }: Generation): void {
  segment.close();
  log.close();
}

/** Applies changes to a snapshot, and records the rows before and after each. */
function recording(snapshot: Snapshot, changes: FeedChange[]) {
  const note = (row?: RowLocation, before?: RowLocation) => {
    changes.push({ schema: snapshot.schema, row, before });
  };
  return {
    get schema() {
      return snapshot.schema;
    },
    put(id: number, row: StoredRow) {
      const before = snapshot.find(id);
      snapshot.put(id, row);
      note(locationOf(id, row), before);
    },
    delete(id: number) {
      const before = snapshot.find(id);
      snapshot.delete(id);
      if (before !== undefined) note(undefined, before);
    },
    batch(first: number, directory: unknown, bytes: Uint8Array) {
      snapshot.batch(first, directory, bytes);
      for (let id = first; id < snapshot.nextId; id++) note(snapshot.find(id));
    },
    alter(schema: TableSchema) {
      snapshot.alter(schema);
      note();
    },
  };
}
