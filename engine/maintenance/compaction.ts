/**
 * Cleanup, the checkpoint of the log: builds the next generation from a commit
 * point while others go on, then switches to it under the lock.
 *
 * A kill or a power cut at any point leaves either generation whole; the switch
 * is the seal, and files go only when the seal is known to be on disk.
 * ARCHITECTURE.md goes through it crash by crash.
 *
 * @module
 */

import { refused } from "../system/errors.ts";
import { type File, removeQuietly } from "../system/file.ts";
import { CLEANUP, generationPaths, IDENTITY, temporary } from "../lock/layout.ts";
import { Log } from "../log/log.ts";
import { join } from "../system/path.ts";
import { retireOld } from "./retention.ts";
import { writeSnapshot } from "./rewrite.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import type { Store } from "../store/store.ts";
import { SegmentWriter } from "../segment/segment_writer.ts";
import { getUint53, randomNonce, setUint53 } from "../bytes/bytes.ts";

/** A table is synced as it grows, whenever it has so many bytes more: no sync takes long. */
const SYNC_BYTES = 2 * 2 ** 20;

/**
 * One cleanup: {@linkcode Compaction.step} until the table is built, then {@linkcode Compaction.finish}
 * under the lock, and {@linkcode Compaction.end} whatever happens.
 */
export class Compaction {
  readonly #store: Store;
  readonly #snapshot: Snapshot;
  /** The generation that is cleaned up, and how much of its log goes into the table. */
  readonly #generation: number;
  readonly #source: Log;
  readonly #from: number;
  /** The lock file, locked: one at a time cleans up, but for one that is stuck. */
  readonly #lock: File;
  readonly #table: string;
  readonly #log: string;
  /** Who may read and write this may do so with the next generation. */
  readonly #identity: string;
  readonly #temporaries: string[] = [];
  readonly #steps = this.#build();
  #isSyncing = false;
  #isOver = false;
  #failure: unknown;

  private constructor(store: Store, snapshot: Snapshot, lock: File) {
    this.#store = store;
    this.#snapshot = snapshot;
    this.#lock = lock;
    this.#source = store.log;
    this.#generation = store.log.generation;
    this.#from = store.log.end;
    const { segment: table, log } = generationPaths(store.dir, this.#generation + 1);
    // Names of its own: one who was stopped and goes on must not write into the live table.
    const nonce = randomNonce();
    this.#table = temporary(table, nonce);
    this.#log = temporary(log, nonce);
    this.#identity = join(store.dir, IDENTITY);
    snapshot.pin();
  }

  /** Begins one; `undefined` if somebody else is at it, and goes on. */
  static begin(store: Store): Compaction | undefined {
    let lock: File | undefined;
    let begun: Compaction | undefined;
    try {
      const snapshot = store.latest();
      lock = openLock(store);
      if (lock.tryLock() || isStuck(store, lock)) {
        writeNote(store, lock);
        begun = new Compaction(store, snapshot, lock);
      }
    } catch (error) {
      throw explain(store, error);
    } finally {
      if (begun === undefined) lock?.close();
    }
    return begun;
  }

  /** Whether somebody waits for {@linkcode Compaction.sync}: until then there is no next step. */
  get isSyncing(): boolean {
    return this.#isSyncing;
  }

  /** Whether it ended, done or not. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Throws what it was given up for. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * Builds the next part of the table; gives a file that is to be synced before the next step, and
   * whether that was all. One that threw must be ended.
   */
  step(): IteratorResult<File | undefined, undefined> {
    return this.#steps.next();
  }

  /** Syncs a file between two steps. */
  async sync(file: File): Promise<void> {
    this.#isSyncing = true;
    try {
      await file.sync();
    } finally {
      this.#isSyncing = false;
    }
  }

  /** Writes the table; yields a file to be synced, or nothing where it can pause. */
  *#build(): Generator<File | undefined, undefined> {
    const { checksums } = this.#store;
    // Without it nobody knows for whom the files would be.
    this.#store.checkIdentity();
    const file = this.#create(this.#table);
    try {
      const { nextGroup } = this.#snapshot.segment;
      const out = new SegmentWriter(file, checksums, this.#generation + 1, nextGroup);
      let synced = 0;
      for (const _ of writeSnapshot(out, this.#snapshot)) {
        const isDue = out.bytes - synced >= SYNC_BYTES;
        if (isDue) synced = out.bytes;
        yield isDue ? file : undefined;
      }
      yield file;
    } finally {
      file.close();
    }
  }

  /** Switches to the generation built, unless somebody else was faster. Under the lock. */
  finish(): void {
    if (this.#isOver) return;
    const store = this.#store;
    const { files, dir, checksums } = store;
    store.begin();
    // Also when it was opened again: then what the table was made from may be gone.
    if (store.log !== this.#source) return;
    const frames = store.log.framesFrom(this.#from);
    const next = this.#generation + 1;
    const file = this.#create(this.#log);
    try {
      file.writeAt(Log.encode(checksums, next, this.#snapshot.sequence, frames), 0);
      file.syncSync();
    } finally {
      file.close();
    }
    const { segment: table, log } = generationPaths(dir, next);
    files.rename(this.#table, table);
    files.rename(this.#log, log);
    this.#temporaries.length = 0;
    // Before the seal: who finds the seal on disk must find the files that it leads to.
    files.syncDir(dir);
    store.sealAndFollow();
    try {
      if (store.log.sealedInto) retireOld(store, this.#temporaries);
    } catch {
      // It is done. What is left is in nobody's way, and the next cleanup tries again.
    }
  }

  /** What a cleanup is refused with that the system did not let come to its end. */
  explain(error: unknown): unknown {
    return explain(this.#store, error);
  }

  #create(path: string): File {
    const file = this.#store.files.open(path, "createNew", this.#identity);
    this.#temporaries.push(path);
    return file;
  }

  /** As {@linkcode Compaction.end}, done; gives the removals, which go on in the background. */
  endSoon(): Promise<void>[] {
    const { files } = this.#store;
    const paths = this.#temporaries.splice(0);
    // Closed first: what nobody has open is freed where it is removed.
    this.end();
    return paths.map((path) => files.discard(path));
  }

  /** Ends it, done or given up for some failure: removes what is of no use any more. */
  end(failure?: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#failure = failure;
    this.#steps.return(undefined);
    this.#snapshot.unpin();
    for (const path of this.#temporaries) removeQuietly(this.#store.files, path);
    this.#lock.close();
  }
}

function explain(store: Store, error: unknown): unknown {
  return refused(`Cannot clean up "${store.dir}"`, "the rows are as they were", error);
}

/** What the lock file tells of a cleanup: of which generation, and how long its log was. */
const NOTE = 16;

function writeNote({ log: { generation, end } }: Store, lock: File): void {
  const note = new Uint8Array(NOTE);
  setUint53(note, 0, generation);
  setUint53(note, 8, end);
  lock.writeAt(note, 0);
}

/**
 * Whether the one that has the lock comes to no end: its generation is over, or the log is twice as
 * long as it was then. Its process may be stopped, or busy with something else; two at once do no
 * harm but twice the work.
 */
function isStuck({ log: { generation, end } }: Store, lock: File): boolean {
  const note = new Uint8Array(NOTE);
  if (lock.readAt(note, 0) < NOTE) return false;
  return getUint53(note, 0) !== generation || end >= getUint53(note, 8) * 2;
}

function openLock(store: Store): File {
  const path = join(store.dir, CLEANUP);
  try {
    return store.files.open(path, "write");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    // Not where a base was: what is made there would be in the way of the next one.
    store.checkIdentity();
    return store.files.open(path, "create", join(store.dir, IDENTITY));
  }
}
