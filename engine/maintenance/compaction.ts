/**
 * Compaction (a checkpoint of the log): builds the next generation from a snapshot while other
 * handles read and write, then switches to it under the lock.
 *
 * The seal of the old log is the switch. After a kill or a power cut at any point, either generation
 * is whole; old files are removed only once the seal is known to be on disk.
 * `docs/internals/commit_protocol.md` goes through it crash by crash.
 *
 * @module
 */

import { refused } from "../system/errors.ts";
import { type File, openExisting, removeQuietly } from "../system/file.ts";
import { CLEANUP, generationPaths, IDENTITY, temporary } from "../lock/layout.ts";
import { Log } from "../log/log.ts";
import { join } from "../system/path.ts";
import { retireOld } from "./retention.ts";
import { writeSnapshot } from "./rewrite.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import type { Store } from "../store/store.ts";
import { SegmentWriter } from "../segment/segment_writer.ts";
import { getUint53, randomNonce, setUint53 } from "../bytes/bytes.ts";

/** The segment is synced each time it has grown by this many bytes, so that no sync takes long. */
const SYNC_BYTES = 2 * 2 ** 20;

/**
 * One compaction: {@linkcode Compaction.step} until the segment is built, then
 * {@linkcode Compaction.finish} under the lock, and {@linkcode Compaction.end} in any case.
 */
export class Compaction {
  readonly #store: Store;
  readonly #snapshot: Snapshot;
  /** The log that the compaction replaces; what stands before `#from` goes into the segment. */
  readonly #source: Log;
  readonly #from: number;
  /** The lock file, locked: one process compacts at a time, unless it is stuck. */
  readonly #lock: File;
  readonly #segment: string;
  readonly #log: string;
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
    this.#from = store.log.end;
    const { segment, log } = generationPaths(store.dir, store.log.generation + 1);
    // Names of its own: a process that was stopped and continues must not write into a live segment.
    const nonce = randomNonce();
    this.#segment = temporary(segment, nonce);
    this.#log = temporary(log, nonce);
    snapshot.pin();
  }

  /** Begins a compaction; returns nothing if another process compacts, and makes progress. */
  static begin(store: Store): Compaction | undefined {
    let lock: File | undefined;
    let begun: Compaction | undefined;
    try {
      const snapshot = store.latest();
      lock = openCompactionLock(store);
      if (lock.tryLock() || isStuck(store, lock)) {
        writeProgress(store, lock);
        begun = new Compaction(store, snapshot, lock);
      }
    } catch (error) {
      throw refusedIn(store, error);
    } finally {
      if (begun === undefined) lock?.close();
    }
    return begun;
  }

  /** Whether {@linkcode Compaction.sync} is under way: there is no next step until it ends. */
  get isSyncing(): boolean {
    return this.#isSyncing;
  }

  /** Whether it ended, finished or not. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Throws the failure that it was ended with. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * Builds the next part of the segment; returns a file that must be synced before the next step,
   * if any, and whether this was the last step. After a step throws, end the compaction.
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

  /** Writes the segment; yields a file to be synced, or nothing where it can pause. */
  *#build(): Generator<File | undefined, undefined> {
    const { checksums } = this.#store;
    // The files get the owner and the mode of the identity file, so it must be there.
    this.#store.checkIdentity();
    using file = this.#create(this.#segment);
    const { nextGroup } = this.#snapshot.segment;
    const out = new SegmentWriter(file, checksums, this.#source.generation + 1, nextGroup);
    let synced = 0;
    for (const _ of writeSnapshot(out, this.#snapshot)) {
      const isDue = out.bytes - synced >= SYNC_BYTES;
      if (isDue) synced = out.bytes;
      yield isDue ? file : undefined;
    }
    yield file;
  }

  /** Switches to the new generation, unless another process was faster; the caller holds the lock. */
  finish(): void {
    if (this.#isOver) return;
    const store = this.#store;
    const { files, dir, checksums } = store;
    store.begin();
    // The log differs also if it was opened again: then the source of the segment may be gone.
    if (store.log !== this.#source) return;
    const frames = store.log.framesFrom(this.#from);
    const next = this.#source.generation + 1;
    {
      using file = this.#create(this.#log);
      file.writeAt(Log.encode(checksums, next, this.#snapshot.sequence, frames), 0);
      file.syncSync();
    }
    const { segment, log } = generationPaths(dir, next);
    files.rename(this.#segment, segment);
    files.rename(this.#log, log);
    this.#temporaries.length = 0;
    // Before the seal: a process that finds the seal on disk must find the files it leads to.
    files.syncDir(dir);
    store.sealAndFollow();
    try {
      if (store.log.sealedInto) retireOld(store, this.#temporaries);
    } catch {
      // The compaction is done. Old files do no harm, and the next compaction removes them.
    }
  }

  /** What the system refuses becomes a `WriteError`. */
  refused(error: unknown): unknown {
    return refusedIn(this.#store, error);
  }

  #create(path: string): File {
    const { files, dir } = this.#store;
    const file = files.open(path, "createNew", join(dir, IDENTITY));
    this.#temporaries.push(path);
    return file;
  }

  /** Ends it, finished; returns the removals of old files, which go on in the background. */
  endSoon(): Promise<void>[] {
    const { files } = this.#store;
    const paths = this.#temporaries.splice(0);
    // Closed first: the system frees a file when it is removed, unless somebody has it open.
    this.end();
    return paths.map((path) => files.discard(path));
  }

  /** Ends it, finished or given up for a failure; removes the files that are of no use any more. */
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

function refusedIn(store: Store, error: unknown): unknown {
  return refused(`Cannot clean up "${store.dir}"`, "the rows are as they were", error);
}

/** The lock file holds the generation that is compacted, and how long its log was at the beginning. */
const PROGRESS_BYTES = 16;

function writeProgress({ log: { generation, end } }: Store, lock: File): void {
  const progress = new Uint8Array(PROGRESS_BYTES);
  setUint53(progress, 0, generation);
  setUint53(progress, 8, end);
  lock.writeAt(progress, 0);
}

/**
 * Whether the process that holds the lock makes no progress: its generation is over, or the log is
 * twice as long as it was then. That process may be stopped or busy. Two compactions at once cost
 * twice the work, but do no harm.
 */
function isStuck({ log: { generation, end } }: Store, lock: File): boolean {
  const progress = new Uint8Array(PROGRESS_BYTES);
  if (lock.readAt(progress, 0) < PROGRESS_BYTES) return false;
  return getUint53(progress, 0) !== generation || end >= getUint53(progress, 8) * 2;
}

function openCompactionLock(store: Store): File {
  const path = join(store.dir, CLEANUP);
  const found = openExisting(store.files, path, "write");
  if (found !== undefined) return found;
  // Where the table was destroyed, a new lock file would be in the way of the next table.
  store.checkIdentity();
  return store.files.open(path, "create", join(store.dir, IDENTITY));
}
