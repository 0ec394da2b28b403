/**
 * The current generation of a table. A handle reads from it and appends to it, and follows it as
 * other processes commit and compact.
 *
 * ```text
 * refresh ── end ──────────────────────────→ snapshot    readers, without the lock
 *    │  ↑
 *    │  └── seal: follow to the next generation; the hand-over may be incomplete
 *    │  └── stale: load again
 * begin = identity · refresh · complete the hand-over · zero a torn tail    under the lock
 * append → unlock → sync (engine/write/writer.ts)
 * ```
 *
 * @module
 */

import { readCommit } from "../log/changes.ts";
import type { Declared } from "../schema/declared.ts";
import {
  type BaseError,
  BaseNotFoundError,
  ClosedError,
  CorruptionError,
} from "../system/errors.ts";
import type { File, Files } from "../system/file.ts";
import { Flock } from "../lock/flock.ts";
import {
  checksumsOf,
  identityAt,
  identityBytes,
  makeIdentityDurable,
  openError,
  unreadable,
} from "./identity.ts";
import { type Generation, Generations } from "./generations.ts";
import { IDENTITY } from "../lock/layout.ts";
import { Links, type OpenTables } from "../snapshot/links.ts";
import { type Log, type LogEnd, StaleError } from "../log/log.ts";
import { join } from "../system/path.ts";
import type { TableSchema } from "../schema/schema.ts";
import { Snapshot } from "../snapshot/snapshot.ts";
import { CACHE_BYTES, type Segment } from "../segment/segment.ts";
import { sameBytes } from "../bytes/bytes.ts";
import type { Checksum } from "../bytes/checksum.ts";
import { encodeIdentity } from "../bytes/header.ts";
import { FRAME } from "../log/frame.ts";
import type { Recovered } from "../schema/options.ts";

/** Compaction pays off if the log is longer than this, in bytes, and than 1/8 of the segment. */
const MAX_LOG_BYTES = 256 * 1024;

/** How to open a store. */
export interface StoreOptions {
  /** Whether it only reads, without a lock. */
  readonly readOnly?: boolean;
  /** The most bytes that a segment caches. */
  readonly cacheBytes?: number;
  /** The tables that are open because links of the user's table lead to them; none for that one. */
  readonly family?: OpenTables;
}

/** Bytes of a log that may not be on disk. */
export interface Unsynced {
  /** Resolves when they are on disk. */
  sync(): Promise<void>;
  /** As {@linkcode Unsynced.sync}, blocking. */
  syncSync(): void;
}

/** What a handle reads and appends to: the current generation of a table. */
export class Store implements Disposable {
  /** The directory of the table. */
  readonly dir: string;
  /** The file system. */
  readonly files: Files;
  /** The lock on the identity file; none if the store only reads. */
  readonly lock: Flock | undefined;
  /** The checksums of the table. */
  readonly checksums: Checksum;
  /** The tables that its links lead to. */
  readonly links: Links;
  readonly #cacheBytes: number;
  readonly #generations: Generations;
  /** The torn tail that was found, and zeroed unless the store only reads. */
  recovered: Recovered | null = null;
  /** Whether no other process writes, so that nothing needs to be read again. */
  owned = false;
  // open() sets both.
  #log!: Log;
  #snapshot!: Snapshot;
  /** The current segment, and older ones that iterators still read. */
  #segments: Segment[] = [];
  /** The log whose seal led here, until the hand-over is complete. */
  #previous: Log | undefined;
  #closed = false;
  #broken: BaseError | undefined;
  /** The content that the identity file must have. */
  #identity: Uint8Array | undefined;
  /** Whether the snapshot contains changes that could not be written. */
  #outdated = false;
  /** The fields that the user relies on; none if the user gave no schema. */
  #declared: Declared | undefined;
  /** The same at the last append: a schema verb that could not be written changes nothing. */
  #appended: Declared | undefined;

  private constructor(
    files: Files,
    dir: string,
    lock: Flock | undefined,
    checksums: Checksum,
    { family, cacheBytes = CACHE_BYTES }: StoreOptions,
  ) {
    this.files = files;
    this.dir = dir;
    this.lock = lock;
    this.checksums = checksums;
    this.#cacheBytes = cacheBytes;
    this.#generations = this.generations();
    this.links = new Links(
      this,
      family,
      (dir, family) => Store.open(files, dir, { readOnly: true, cacheBytes, family }),
    );
  }

  /** The generations of the table, for a reader that follows them on its own. */
  generations(): Generations {
    const { files, dir, checksums } = this;
    return new Generations({
      files,
      dir,
      checksums,
      readOnly: this.lock === undefined,
      cacheBytes: this.#cacheBytes,
      checkIdentity: () => this.checkIdentity(),
    });
  }

  /**
   * Opens the table in `dir`.
   *
   * @throws {BaseNotFoundError} If there is none.
   * @throws {CorruptionError} If its log, or the footer of its segment, is damaged.
   * @throws {FormatVersionError} If a newer psbase wrote it.
   * @throws {ReadOnlyError} If it can be read, but not written to.
   */
  static open(files: Files, dir: string, options: StoreOptions = {}): Store {
    const path = join(dir, IDENTITY);
    let lock: Flock | undefined;
    let file: File;
    try {
      if (!options.readOnly) lock = Flock.attach(files, path, "write");
      file = lock?.file ?? files.open(path, "read");
    } catch (error) {
      throw openError(files, dir, path, error);
    }
    let store: Store | undefined;
    try {
      store = new Store(files, dir, lock, checksumsOf(files, dir, file), options);
      store.#load();
      return store;
    } catch (error) {
      if (store === undefined) lock?.detach();
      else store.close();
      // It was destroyed or replaced meanwhile: open the table that is there now, if any.
      if (store !== undefined && error instanceof BaseNotFoundError) {
        return Store.open(files, dir, options);
      }
      throw unreadable(dir, error);
    } finally {
      if (lock === undefined) file.close();
    }
  }

  /** The current log. */
  get log(): Log {
    return this.#log;
  }

  /** The rows at the commit point that was read last. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /**
   * Whether compaction pays off: the log is `times` as long as it may be, or an index is missing.
   * Blocking verbs make a missing index at once, because a process that calls no other verbs may
   * end after them.
   */
  isOvergrown(times = 1): boolean {
    const { schema, segment } = this.#snapshot;
    return this.#log.end > Math.max(MAX_LOG_BYTES, segment.bytes / 8) * times ||
      schema.indexed.some((field) => !segment.hasIndex(field));
  }

  // ------------------------------------------------------------- finding a generation

  #load(): void {
    const found = this.#generations.find();
    if (found === undefined) {
      throw new CorruptionError(this.dir, 0, "the table has no complete generation");
    }
    this.#switchTo(found, undefined);
    if (this.#readToEnd(true) !== "torn") return;
    if (this.lock === undefined) {
      this.recovered = this.#tornTail();
    } else if (this.lock.tryAcquire()) {
      // Nobody is writing now, so a killed writer left it.
      try {
        this.checkIdentity();
        this.#catchUp(true);
      } finally {
        this.lock.release();
      }
    }
  }

  /**
   * Switches to a generation; `previous` is the log before, if that hand-over may be incomplete.
   */
  #switchTo({ segment, log }: Generation, previous: Log | undefined): void {
    this.#snapshot?.segment.retire();
    this.#segments = [...this.#segments.filter((older) => !older.closed), segment];
    for (const old of [this.#log, this.#previous]) if (old !== previous) old?.close();
    this.#previous = previous;
    this.#log = log;
    this.#snapshot = new Snapshot(segment, log.path, {
      table: this.checksums.uuid.toHex(),
      links: this.links,
    });
    this.#outdated = false;
  }

  /** From a sealed log to the next generation. */
  #follow(): void {
    const from = this.#log;
    const next = this.#generations.find(from.generation);
    if (next === undefined) {
      throw new CorruptionError(from.path, from.end, "the generation after its seal is missing");
    }
    const isComplete = next.log.sealedInto || next.log.generation > from.generation + 1;
    if (isComplete) from.sealKnown();
    this.#switchTo(next, isComplete ? undefined : from);
  }

  // ------------------------------------------------------------- reading

  /**
   * The newest snapshot, for a verb of the user: reads what other processes committed.
   *
   * @throws {SchemaError} If a field that the user relies on is gone or has another type.
   * @throws {BaseNotFoundError} If the base was destroyed or replaced.
   * @throws {CorruptionError} If its log is damaged.
   */
  refresh(): Snapshot {
    const snapshot = this.latest();
    this.checkFields();
    return snapshot;
  }

  /** As {@linkcode Store.refresh}, for work that does not depend on the fields. */
  latest(): Snapshot {
    this.#check();
    if (!this.owned && this.#readToEnd(false) === "finalSeal") this.checkIdentity();
    return this.#snapshot;
  }

  /** From now on the user relies on these fields. */
  declare(declared: Declared): void {
    this.#declared = this.#appended = declared;
    this.checkFields();
  }

  /**
   * Checks that the snapshot has the fields that the user relies on.
   *
   * @throws {SchemaError} If one is gone or has another type.
   */
  checkFields(): void {
    this.#declared?.check(this.#snapshot.schema, this.dir);
  }

  /**
   * Checks that the handle is open.
   *
   * @throws {ClosedError} If it was closed.
   */
  checkOpen(): void {
    if (this.#closed) throw new ClosedError(`Cannot use "${this.dir}": this handle was closed`);
  }

  #check(): void {
    this.checkOpen();
    if (this.#broken !== undefined) throw this.#broken;
    // After a failed sync the seal that led here may be lost.
    this.#previous?.check();
    this.#log.check();
    if (this.#outdated) this.#load();
  }

  /** Reads to the end of the current log; under the lock it also completes the hand-over. */
  #readToEnd(thorough: boolean, locked = false): LogEnd {
    for (;; thorough = true) {
      try {
        const end = this.#log.read((sequence, payload) => this.#apply(sequence, payload), thorough);
        if (end === "seal") {
          this.#follow();
          continue;
        }
        if (locked) this.#completeHandOver();
        return end;
      } catch (error) {
        if (!(error instanceof StaleError)) throw error;
        this.#load();
      }
    }
  }

  #apply(sequence: number, payload: Uint8Array): void {
    if (this.#snapshot.pinned) this.#snapshot = this.#snapshot.clone();
    try {
      readCommit(this.#log, payload, this.#snapshot);
    } catch (error) {
      throw this.#broken = error as CorruptionError;
    }
    this.#snapshot.sequence = sequence;
  }

  /**
   * Checks that the identity file is still that of this table.
   *
   * @throws {BaseNotFoundError} If the table was destroyed or replaced.
   */
  checkIdentity(): void {
    const path = join(this.dir, IDENTITY);
    const file = this.lock?.file;
    if (file !== undefined && this.files.fileId(path) !== file.fileId) throw this.#gone();
    const bytes = file === undefined ? identityAt(this.files, path) : identityBytes(file);
    if (!sameBytes(bytes, this.#identity ??= encodeIdentity(this.checksums))) throw this.#gone();
  }

  #gone(): BaseNotFoundError {
    return new BaseNotFoundError(
      `Cannot use "${this.dir}": the table was destroyed or replaced since it was opened, ` +
        `open it again`,
    );
  }

  // ------------------------------------------------------------- writing

  /** Under the lock, before all else: the newest snapshot, ready for an append. */
  begin(): Snapshot {
    this.#check();
    if (!this.owned) {
      this.checkIdentity();
      this.#catchUp(false);
    }
    // Before any change: a process that can open no more files can still read.
    this.#log.prepare();
    return this.#snapshot;
  }

  #catchUp(thorough: boolean): void {
    if (this.#readToEnd(thorough, true) !== "torn") return;
    this.recovered = this.#tornTail();
    this.#log.zeroTail(this.recovered.bytes);
  }

  #tornTail(): Recovered {
    return { file: this.#log.path, offset: this.#log.end, bytes: this.#log.tornBytes() };
  }

  /**
   * Makes sure that everything that led to this log is on disk: the seal of the log before, or, for
   * the first log, the identity. Until then no commit in it is acknowledged.
   */
  #completeHandOver(): void {
    if (this.#log.sealedInto) return;
    const previous = this.#previous;
    // If another process has completed it, the previous log may be gone.
    if (!this.#log.readSealedInto()) {
      if (previous === undefined) {
        makeIdentityDurable(this.files, this.dir, this.lock!.file, this.checksums);
      } else if (this.files.fileId(previous.path) === previous.fileId) {
        // Otherwise it was removed, by a process that knew its seal to be on disk.
        previous.own();
        previous.syncSync(previous.end);
      }
      this.#log.markSealedInto();
    }
    previous?.sealKnown();
    previous?.close();
    this.#previous = undefined;
  }

  /**
   * Adopts a snapshot with changes that are about to be appended, so that the next changes see
   * them.
   *
   * @param next The snapshot with the changes, made from the current one, which it may be.
   * @param before The fields before the changes.
   */
  adopt(next: Snapshot, before: TableSchema): void {
    this.#snapshot = next;
    next.sequence++;
    this.#declared = this.#declared?.follow(before, next.schema);
  }

  /**
   * Appends commits whose changes are in the snapshot, as one write; returns how to sync them.
   *
   * @throws {WriteError} If the system refuses; then the snapshot is loaded again.
   */
  append(payloads: readonly Uint8Array[]): Unsynced {
    try {
      this.#log.append(payloads.map((payload) => ({ kind: FRAME.commit, payload })));
      this.#appended = this.#declared;
    } catch (error) {
      this.#outdated = true;
      this.#declared = this.#appended;
      throw error;
    }
    return this.#unsynced();
  }

  /** Makes what was read the handle's own, so that a sync answers for it; returns how to sync. */
  own(): Unsynced {
    this.#log.own();
    return this.#unsynced();
  }

  #unsynced(): Unsynced {
    const log = this.#log;
    const { end } = log;
    return { sync: () => log.sync(end), syncSync: () => log.syncSync(end) };
  }

  /**
   * Syncs what was read, and what leads to it, without answering for it (see {@linkcode
   * Log.flush}).
   *
   * @throws {WriteError} If it fails.
   */
  async flush(): Promise<void> {
    if (this.#previous !== undefined && !this.#log.readSealedInto()) await this.#previous.flush();
    await this.#log.flush();
  }

  /** As {@linkcode Store.flush}, blocking. */
  flushSync(): void {
    if (this.#previous !== undefined && !this.#log.readSealedInto()) this.#previous.flushSync();
    this.#log.flushSync();
  }

  /** Under the lock: seals the log and follows it to the next generation, whose files exist. */
  sealAndFollow(): void {
    this.#log.append([{ kind: FRAME.seal, payload: new Uint8Array() }]);
    this.#follow();
    this.#completeHandOver();
    this.#readToEnd(true);
  }

  /** Under the lock: tells all handles to check the identity file again. */
  sealFinally(): void {
    this.#log.sealFinally();
  }

  /** Closes all files. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#previous?.close();
    this.#log?.close();
    for (const segment of this.#segments) segment.close();
    this.lock?.detach();
    this.links.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
