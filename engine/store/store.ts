/**
 * What is there now: the current generation of a base, followed as other
 * processes commit to it and clean it up, and the way a commit takes.
 *
 * ```text
 * refresh ── end ──────────────────────────→ state      readers, without lock
 *    │  ↑
 *    │  └── seal: follow() to the next generation, unsettled until sealedInto
 *    │  └── stale: load() anew
 * begin = identity · refresh · settle · zero a torn tail   under the lock
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

/** Cleanup pays off when the log is longer than this, in bytes, and than an eighth of the table. */
const MAX_LOG_BYTES = 256 * 1024;

/** How a store is opened. */
export interface StoreOptions {
  /** Takes no lock. */
  readonly readOnly?: boolean;
  /** What a table keeps in memory at most, in bytes. */
  readonly cacheBytes?: number;
  /** All that is open because of the base that the user opened; none for that one. */
  readonly family?: OpenTables;
}

/** Bytes that are appended, and not known to be on disk. */
export interface Unsynced {
  /** Resolves when they are on disk. */
  sync(): Promise<void>;
  /** As {@linkcode Unsynced.sync}, blocking. */
  syncSync(): void;
}

/** A base that is open. */
export class Store implements Disposable {
  /** Where the base is. */
  readonly dir: string;
  /** What it works on. */
  readonly files: Files;
  /** The lock on the identity file; none for who only reads. */
  readonly lock: Flock | undefined;
  /** The sums of this base. */
  readonly checksums: Checksum;
  /** Where its links lead. */
  readonly links: Links;
  readonly #cacheBytes: number;
  readonly #generations: Generations;
  /** A torn tail that was found, and zeroed unless the base is only read. */
  recovered: Recovered | null = null;
  /** Nobody else writes, so that there is nothing to look for. */
  owned = false;
  // Both are there from the end of open() on.
  #log!: Log;
  #snapshot!: Snapshot;
  /** The current one, and older ones that iterators go on reading. */
  #tables: Segment[] = [];
  /** The log whose seal led here, while the seal is not known to be on disk. */
  #before: Log | undefined;
  #closed = false;
  #broken: BaseError | undefined;
  /** The bytes that the identity file must hold. */
  #identity: Uint8Array | undefined;
  /** The state holds what could not be written. */
  #outdated = false;
  /** The fields that the user counts on; none where no schema was given. */
  #declared: Declared | undefined;
  /** The same, as of the last append: a schema verb that could not be written changes nothing. */
  #appended: Declared | undefined;

  /** Opens the base in `dir`, whose identity `lock` or `identity` has open. */
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

  /** Its generations, for who follows them. */
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
   * Opens the base in `dir`.
   *
   * @throws {BaseNotFoundError} If there is none.
   * @throws {CorruptionError} If its log, or what tells of its rows, is damaged.
   * @throws {FormatVersionError} If a newer psbase wrote it.
   * @throws {ReadOnlyError} If it can be read, but not written.
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
      // It was destroyed or replaced meanwhile: what counts is what is there now.
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

  /** The commit point that was read last. */
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /**
   * Whether cleanup is worth its while: the log is so many times as long as it may be, or an index
   * is missing, which blocking verbs make at once: a process that calls no others may end then.
   */
  isOvergrown(times = 1): boolean {
    const { schema, segment: table } = this.#snapshot;
    return this.#log.end > Math.max(MAX_LOG_BYTES, table.bytes / 8) * times ||
      schema.indexed.some((field) => !table.hasIndex(field));
  }

  // ------------------------------------------------------------- finding a generation

  #load(): void {
    const found = this.#generations.find();
    if (found === undefined) {
      throw new CorruptionError(this.dir, 0, "the base has no complete generation");
    }
    this.#adopt(found, undefined);
    if (this.#advance(true) !== "torn") return;
    if (this.lock === undefined) {
      this.recovered = this.#tornTail();
    } else if (this.lock.tryAcquire()) {
      // Nobody is writing it just now, so it is what a killed writer left.
      try {
        this.checkIdentity();
        this.#catchUp(true);
      } finally {
        this.lock.release();
      }
    }
  }

  /** Goes over to a generation; its log is unread. `before` is to be settled. */
  #adopt({ segment: table, log }: Generation, before: Log | undefined): void {
    this.#snapshot?.segment.retire();
    this.#tables = [...this.#tables.filter((older) => !older.closed), table];
    for (const old of [this.#log, this.#before]) if (old !== before) old?.close();
    this.#before = before;
    this.#log = log;
    this.#snapshot = new Snapshot(table, log.path, {
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
    const known = next.log.sealedInto || next.log.generation > from.generation + 1;
    if (known) from.sealKnown();
    this.#adopt(next, known ? undefined : from);
  }

  // ------------------------------------------------------------- reading

  /**
   * The newest commit point, for a verb of the user; looks for what other processes committed.
   *
   * @throws {SchemaError} If a field that the user counts on is gone or has another type.
   * @throws {BaseNotFoundError} If the base was destroyed or replaced.
   * @throws {CorruptionError} If its log is damaged.
   */
  refresh(): Snapshot {
    const snapshot = this.look();
    this.checkFields();
    return snapshot;
  }

  /** As {@linkcode Store.refresh}, for work that concerns the table whatever its fields are. */
  look(): Snapshot {
    this.#check();
    if (!this.owned && this.#advance(false) === "finalSeal") this.checkIdentity();
    return this.#snapshot;
  }

  /** From now on the user counts on these fields. */
  declare(declared: Declared): void {
    this.#declared = this.#appended = declared;
    this.checkFields();
  }

  /**
   * Whether the commit point that was read last has the fields that the user counts on.
   *
   * @throws {SchemaError} If one is gone or has another type.
   */
  checkFields(): void {
    this.#declared?.check(this.#snapshot.schema, this.dir);
  }

  /**
   * Whether the handle can still be used.
   *
   * @throws {ClosedError} If it was closed.
   */
  checkOpen(): void {
    if (this.#closed) throw new ClosedError(`Cannot use "${this.dir}": this handle was closed`);
  }

  #check(): void {
    this.checkOpen();
    if (this.#broken !== undefined) throw this.#broken;
    // A seal that may be lost leads nowhere.
    this.#before?.check();
    this.#log.check();
    if (this.#outdated) this.#load();
  }

  /** Reads to the end; under the lock it settles, too. */
  #advance(thorough: boolean, locked = false): LogEnd {
    for (;; thorough = true) {
      try {
        const end = this.#log.read((sequence, payload) => this.#apply(sequence, payload), thorough);
        if (end === "seal") {
          this.#follow();
          continue;
        }
        if (locked) this.#settle();
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
   * Whether the identity file is still the one that this handle has open.
   *
   * @throws {BaseNotFoundError} If not.
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
      `Cannot use "${this.dir}": the base was destroyed or replaced since it was opened, ` +
        `open it again`,
    );
  }

  // ------------------------------------------------------------- writing

  /** Under the lock, before all else: the newest commit point, ready to be added to. */
  begin(): Snapshot {
    this.#check();
    if (!this.owned) {
      this.checkIdentity();
      this.#catchUp(false);
    }
    // Before anything is changed: who may open no more files reads on.
    this.#log.prepare();
    return this.#snapshot;
  }

  #catchUp(thorough: boolean): void {
    if (this.#advance(thorough, true) !== "torn") return;
    this.recovered = this.#tornTail();
    this.#log.zeroTail(this.recovered.bytes);
  }

  #tornTail(): Recovered {
    return { file: this.#log.path, offset: this.#log.end, bytes: this.#log.tornBytes() };
  }

  /** Nobody acknowledges here before what led here is on disk: a seal, or how the base was made. */
  #settle(): void {
    if (this.#log.sealedInto) return;
    const before = this.#before;
    // If somebody else did, the log of the seal may be gone.
    if (!this.#log.readSealedInto()) {
      if (before === undefined) {
        makeIdentityDurable(this.files, this.dir, this.lock!.file, this.checksums);
      } else if (this.files.fileId(before.path) === before.fileId) {
        // Who removed it knew that its seal is on disk.
        before.own();
        before.syncSync(before.end);
      }
      this.#log.markSealedInto();
    }
    before?.sealKnown();
    before?.close();
    this.#before = undefined;
  }

  /**
   * Takes over the snapshot with changes that are about to be appended, so that the next ones see
   * them.
   *
   * @param next The snapshot with the changes, made from the current one, which it may use up.
   * @param before The fields before the changes.
   */
  advance(next: Snapshot, before: TableSchema): void {
    this.#snapshot = next;
    next.sequence++;
    this.#declared = this.#declared?.follow(before, next.schema);
  }

  /**
   * Appends commits that the snapshot holds already, as one write; returns how to sync them.
   *
   * @throws {WriteError} If the system refuses; then the snapshot does not hold them any more.
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

  /** Makes what was read this handle's own, so that its sync answers for it; returns how to sync. */
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
   * Syncs what was read, and what leads to it, without answering for it.
   *
   * @throws {WriteError} If it fails.
   */
  async flush(): Promise<void> {
    if (this.#before !== undefined && !this.#log.readSealedInto()) await this.#before.flush();
    await this.#log.flush();
  }

  /** As {@linkcode Store.flush}, blocking. */
  flushSync(): void {
    if (this.#before !== undefined && !this.#log.readSealedInto()) this.#before.flushSync();
    this.#log.flushSync();
  }

  /** Seals the log, under the lock, and goes over to the next generation, which is complete. */
  sealAndFollow(): void {
    this.#log.append([{ kind: FRAME.seal, payload: new Uint8Array() }]);
    this.#follow();
    this.#settle();
    this.#advance(true);
  }

  /** Tells all handles, under the lock, to look at the identity file again. */
  sealFinally(): void {
    this.#log.sealFinally();
  }

  /** Closes all files. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#before?.close();
    this.#log?.close();
    for (const table of this.#tables) table.close();
    this.lock?.detach();
    this.links.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
