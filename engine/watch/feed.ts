/**
 * The changes of a base, commit by commit, as they were made: a reader of its own, which goes
 * through the logs from where it was told to begin.
 *
 * 1. It begins at a table that holds nothing of what it is to tell, and holds that
 *    generation while it reads it: cleanup leaves this one and all behind it
 *    (retention.ts), so that none of them is missing when the seal leads there.
 * 2. What it tells is on disk: it syncs the log before, without answering for it; where
 *    it may not, it goes by the mark.
 * 3. What is taken is read to its end before more is: rows before a change may
 *    still be in the table.
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

/** A row that was changed, or the fields (then there is none). */
export interface RowChange {
  /** The fields after the change. */
  readonly schema: TableSchema;
  /** The row as it became; none if it was deleted. */
  readonly row?: RowLocation | undefined;
  /** The row as it was; none if it was inserted. */
  readonly before?: RowLocation | undefined;
}

/** A commit. */
export interface Commit {
  /** Its place in the order of all commits. */
  readonly sequence: number;
  /** Where its frame ends. */
  readonly end: number;
  /** What it changed, in the order of its frame: the same for every reader. */
  readonly changes: readonly RowChange[];
}

/** Reads the changes of a base. */
export class Feed implements Disposable {
  readonly #store: Store;
  readonly #generations: Generations;
  readonly #readOnly: boolean;
  #generation!: Generation;
  #snapshot!: Snapshot;
  /** The last commit that was given out. */
  #given: number;
  /** Commits that were read, and are not known to be on disk. */
  #pending: Commit[] = [];
  #sealed = false;

  /**
   * @param store The base.
   * @param since The commit behind which it begins.
   * @throws {RangeError} If there is no such commit, or what follows it is not kept.
   */
  constructor(store: Store, since: number) {
    this.#store = store;
    this.#readOnly = store.lock === undefined;
    this.#given = since;
    this.#generations = store.generations();
    this.#begin();
  }

  #begin(): void {
    this.#adopt(inContext(`Cannot watch "${this.#store.dir}"`, () => this.#find()));
  }

  /** The newest generation that holds nothing of what is to be told. */
  #find(): Generation {
    const { dir } = this.#store;
    let missing: number | undefined;
    for (;;) {
      const { sequence } = this.#store.latest();
      const current = this.#store.log.generation;
      if (this.#given > sequence) {
        throw new RangeError(`since is ${this.#given}, the last commit ${sequence}`);
      }
      let oldest: number | undefined;
      for (let number = current; number > 0; number--) {
        const found = this.#hold(this.#generations.at(number));
        if (found === undefined) break;
        oldest = found.segment.sequence;
        if (oldest <= this.#given) return found.log.sealedInto ? found : this.#after(found);
        close(found);
      }
      this.#store.latest();
      // A cleanup went by meanwhile.
      if (this.#store.log.generation > current) continue;
      if (oldest !== undefined) {
        throw new RangeError(
          `what follows commit ${this.#given} is no longer kept, only what follows commit ` +
            `${oldest}: read the rows anew and watch from there, or have more kept by keepChanges()`,
        );
      }
      this.#store.checkIdentity();
      if (missing === current) throw new CorruptionError(dir, 0, "the current files are missing");
      missing = current;
    }
  }

  /**
   * The generation that a seal led from which may not be on disk: what was carried over from it
   * has to be synced there. Whoever adds to the one that it led to makes it sure before.
   */
  #after(found: Generation): Generation {
    const before = this.#hold(this.#generations.at(found.log.generation - 1));
    if (before === undefined) return found;
    close(found);
    return before;
  }

  /** A generation that is there to stay. */
  #hold(found: Generation | undefined): Generation | undefined {
    if (found === undefined || found.segment.hold(this.#store.files)) return found;
    close(found);
    return undefined;
  }

  #adopt(generation: Generation): void {
    const { segment: table, log } = generation;
    this.#generation = generation;
    this.#snapshot = new Snapshot(table, log.path, this.#store.snapshot.origin);
    this.#sealed = false;
  }

  /** From a sealed log to the next generation. */
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
   * The next commits, as far as they are on disk; none if there are none yet.
   *
   * @throws {BaseNotFoundError} If the base was destroyed or replaced.
   * @throws {CorruptionError} If it is damaged.
   * @throws {WriteError} If what was read cannot be synced.
   */
  async take(): Promise<readonly Commit[]> {
    this.#store.checkOpen();
    try {
      this.#read();
      if (this.#pending.length === 0) return [];
      const durable = await this.#durable();
      const count = this.#pending.findLastIndex(({ end }) => end <= durable) + 1;
      const taken = this.#pending.splice(0, count);
      this.#given = taken.at(-1)?.sequence ?? this.#given;
      return taken;
    } catch (error) {
      if (!(error instanceof StaleError)) throw error;
      // The disk lost what was read, which was not given out. What comes now is held first.
      const stale = this.#generation;
      this.#pending = [];
      this.#begin();
      close(stale);
      return await this.take();
    }
  }

  /** Reads to the end of the log, or of the one behind it if nothing is left of this one. */
  #read(): void {
    do {
      if (this.#sealed && this.#pending.length === 0) this.#follow();
      const { log } = this.#generation;
      const end = log.read((sequence, payload) => this.#apply(sequence, payload, log.end));
      this.#sealed = end === "seal";
    } while (this.#sealed && this.#pending.length === 0);
    // The last one to write may have been unable to seal it.
    if (!this.#sealed) this.#store.checkIdentity();
  }

  #apply(sequence: number, payload: Uint8Array, end: number): void {
    const changes: RowChange[] = [];
    const isNew = sequence > this.#given;
    readCommit(
      this.#generation.log,
      payload,
      isNew ? recording(this.#snapshot, changes) : this.#snapshot,
    );
    this.#snapshot.sequence = sequence;
    if (isNew) this.#pending.push({ sequence, end, changes });
  }

  /** Up to where the log is on disk. */
  async #durable(): Promise<number> {
    const { log } = this.#generation;
    if (!this.#readOnly) await log.flush();
    else if (!this.#sealed || !this.#isLeft()) return log.readDurable();
    return log.end;
  }

  /** Whether the seal is known to be on disk, though a power cut may have taken the mark. */
  #isLeft(): boolean {
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

function close({ segment: table, log }: Generation): void {
  table.close();
  log.close();
}

/** Applies changes to a state, and notes what each of them did. */
function recording(snapshot: Snapshot, changes: RowChange[]) {
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
