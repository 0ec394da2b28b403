/**
 * Makes, replaces and destroys tables. All of it happens under the lock on the identity file that is
 * in the directory at that time, and keeps two rules:
 *
 * - The identity is written when all files of its table are on disk, and becomes a tombstone before
 *   the first of them is removed: without an identity there is no table.
 * - No file of a generation ever stands without an identity file beside it, even after a power cut:
 *   the identity file comes first and goes last. So nobody removes files of the next table.
 *
 * ```text
 * (nothing) → empty → identity of a table → tombstone → (nothing)
 *    ↑          │              └─ renamed over by the identity of the table that replaces it
 *    └──────────┘ a create that failed
 * ```
 *
 * `docs/internals/commit_protocol.md` goes through it crash by crash.
 *
 * @module
 */

import {
  BaseError,
  BaseExistsError,
  BaseNotFoundError,
  CorruptionError,
  WriteError,
} from "../system/errors.ts";
import { type File, type Files, removeQuietly } from "../system/file.ts";
import { Flock } from "../lock/flock.ts";
import {
  buryIdentity,
  checkDestroyed,
  checkNoCommits,
  makeIdentityDurable,
  ownerOf,
  readIdentity,
} from "../store/identity.ts";
import { CLEANUP, generationPaths, IDENTITY, OWNER, parseName, temporary } from "../lock/layout.ts";
import { Log } from "../log/log.ts";
import { join, parentOf } from "../system/path.ts";
import type { TableSchema } from "../schema/schema.ts";
import { allOf } from "../system/steps.ts";
import { Store } from "../store/store.ts";
import { SegmentWriter } from "../segment/segment_writer.ts";
import { randomNonce, sameBytes } from "../bytes/bytes.ts";
import { Checksum } from "../bytes/checksum.ts";
import { Destroyed, encodeIdentity } from "../bytes/header.ts";
import { withRelativeTargets } from "../schema/link_paths.ts";

/**
 * Makes the directory if necessary, and attaches the lock on the identity file in it.
 *
 * @param like A file of the table that this one will be a copy of: the same users get access.
 * @returns The place; nothing if the caller must try again, as other processes make and destroy
 * tables there meanwhile.
 * @throws {BaseExistsError} If something at the path is neither a table nor empty.
 */
export function preparePlace(files: Files, dir: string, like?: string): Place | undefined {
  let made: boolean;
  try {
    made = files.makeDir(dir);
  } catch (error) {
    const { AlreadyExists, NotADirectory, NotFound } = Deno.errors;
    if (error instanceof AlreadyExists) {
      throw new BaseExistsError(
        `Cannot create "${dir}": it is a symbolic link that leads nowhere, choose another path`,
      );
    }
    if (!(error instanceof NotFound || error instanceof NotADirectory)) throw error;
    throw new BaseNotFoundError(
      `Cannot create "${dir}": there is no directory "${parentOf(dir)}", make it first`,
    );
  }
  if (!made && !canHoldTable(files, dir)) return undefined;
  try {
    const path = join(dir, IDENTITY);
    if (like !== undefined) files.open(path, "create", like).close();
    return { lock: Flock.attach(files, path, "create"), made };
  } catch (error) {
    if (made) removeEmpty(files, dir);
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** A place for a table. */
export interface Place {
  /** The lock on its identity file. */
  readonly lock: Flock;
  /** Whether the directory was made for it. */
  readonly made: boolean;
}

/**
 * Under the lock, after a failure: leaves nothing where nothing was. It does not rely on a listing,
 * and stops where the disk refuses; the next create removes what is left.
 */
export function unmakeTable(files: Files, dir: string, { lock, made }: Place): void {
  const { segment, log } = generationPaths(dir, 1);
  const paths = [segment, log, join(dir, OWNER), join(dir, CLEANUP)];
  try {
    const identity = readIdentity(lock.file);
    if (identity instanceof Checksum) buryIdentity(lock.file, identity);
    removeFiles(files, dir, paths, made);
  } catch {
    // If not even the tombstone could be written: better no table than a half-made one.
    if (!hasTable(dir, lock)) return;
    for (const path of [...paths, join(dir, IDENTITY)]) removeQuietly(files, path);
  }
  if (made) removeEmpty(files, dir);
}

/**
 * Under the lock, where there is no identity of a table: removes files, and then the identity file,
 * once their removal is on disk.
 *
 * @param fresh Whether nobody else can have removed one of them without a sync.
 */
function removeFiles(files: Files, dir: string, paths: readonly string[], fresh = false): void {
  let removed = !fresh;
  for (const path of paths) removed = files.remove(path) || removed;
  if (removed) files.syncDir(dir);
  files.remove(join(dir, IDENTITY));
}

/** All files of tables in `dir`, except the identity file. */
function filesIn(files: Files, dir: string): string[] {
  const names = files.list(dir) ?? [];
  return names.filter((name) => name !== IDENTITY && parseName(name) !== undefined)
    .map((name) => join(dir, name));
}

function removeEmpty(files: Files, dir: string): void {
  try {
    files.removeDir(dir);
  } catch {
    // Another process put something into it.
  }
}

/**
 * Whether `dir` can hold a table; `false` if other processes are changing it.
 *
 * @throws {BaseExistsError} If it cannot, as something else is there.
 */
function canHoldTable(files: Files, dir: string): boolean {
  let names: string[] | undefined;
  try {
    names = files.list(dir);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotADirectory)) throw error;
    throw new BaseExistsError(`Cannot create "${dir}": it is no directory, choose another path`);
  }
  if (names === undefined) return false;
  if (names.includes(IDENTITY)) return true;
  checkNoForeign(dir, names);
  for (const name of names) {
    const file = parseName(name);
    if (typeof file !== "object" || file.temporary) continue;
    // A listing is not atomic, and other processes make and destroy tables meanwhile: only a file
    // that is there before and after the look for the identity stands without one.
    const before = files.fileId(join(dir, name));
    if (files.fileId(join(dir, IDENTITY)) !== undefined) return true;
    if (before === undefined || files.fileId(join(dir, name)) !== before) return false;
    throw new BaseExistsError(
      `Cannot create "${dir}": it holds a table without its identity file "${IDENTITY}", ` +
        `choose another path`,
    );
  }
  return true;
}

function checkNoForeign(dir: string, names: readonly string[]): void {
  const foreign = names.find((name) => parseName(name) === undefined);
  if (foreign === undefined) return;
  throw new BaseExistsError(
    `Cannot create "${dir}": it is a directory with other files, like "${foreign}", ` +
      `choose another path`,
  );
}

/**
 * Under the lock: whether it is the lock on the identity file that is in `dir` now. If a destroy was
 * interrupted, this completes it, and the caller must try again.
 *
 * @throws {CorruptionError} If there are files of another table, which lost its identity.
 */
export function isReady(files: Files, dir: string, { file }: Flock): boolean {
  if (files.fileId(join(dir, IDENTITY)) !== file.fileId) return false;
  const identity = readIdentity(file);
  if (!(identity instanceof Destroyed)) return true;
  removeDestroyed(files, dir, file, identity.checksums);
  return false;
}

/**
 * Under the lock: writes the tombstone of a table, even where one stands, which may not be synced;
 * then removes the files of the table, and the tombstone last.
 */
function removeDestroyed(files: Files, dir: string, identity: File, checksums: Checksum): void {
  buryIdentity(identity, checksums);
  checkDestroyed(files, dir, checksums);
  removeFiles(files, dir, filesIn(files, dir));
}

/**
 * Whether the identity file says that there is a table. The lock need not be held: a table that is
 * unmade in place was never written to.
 *
 * @throws {BaseExistsError} If something else is there.
 */
export function hasTable(dir: string, lock: Flock): boolean {
  const identity = readIdentity(lock.file);
  if (identity !== "foreign") return identity !== "empty" && !(identity instanceof Destroyed);
  throw new BaseExistsError(
    `Cannot create "${dir}": the file "${IDENTITY}" in it was not written by psbase, ` +
      `choose another path`,
  );
}

/**
 * Under the lock: removes what an interrupted create left, and what other processes made for a table
 * that was destroyed under them.
 *
 * @throws {BaseExistsError} If there is anything else.
 * @throws {CorruptionError} If there are commits of a table that lost its identity.
 */
function clearPlace(files: Files, dir: string): void {
  checkNoForeign(dir, files.list(dir) ?? []);
  checkNoCommits(files, dir);
  for (const path of filesIn(files, dir)) files.remove(path);
}

/** Writes a segment and returns the last commit that it holds; yields where it can pause. */
export type Fill = (out: SegmentWriter) => Generator<undefined, number>;

/** Writes a segment without rows, for a table in `dir`. */
export function noRows(files: Files, dir: string, schema: TableSchema): Fill {
  // deno-lint-ignore require-yield -- there is nothing to pause for
  return function* (out) {
    out.finish({ schema: withRelativeTargets(files, dir, schema), nextId: 0, sequence: 0 });
    return 0;
  };
}

/**
 * Under the lock: makes a table where there is none. If it fails, it leaves nothing where nothing
 * was.
 *
 * @throws {BaseExistsError} If something else is there.
 * @throws {CorruptionError} If there are commits of a table that lost its identity.
 */
export function* makeTable(
  files: Files,
  dir: string,
  place: Place,
  fill: Fill,
): Generator<undefined, void> {
  let clear = false;
  try {
    clearPlace(files, dir);
    clear = true;
    // First: create takes files without an identity file for a table that lost its identity.
    files.syncDir(dir);
    const checksums = new Checksum(crypto.getRandomValues(new Uint8Array(16)));
    yield* makeGeneration(files, dir, checksums, 1, fill);
    for (const name of [OWNER, CLEANUP]) {
      files.open(join(dir, name), "create", join(dir, IDENTITY)).close();
    }
    files.syncDir(dir);
    makeIdentityDurable(files, dir, place.lock.file, checksums);
    markCreated(files, dir, checksums, 1);
  } catch (error) {
    // Files that are damaged or foreign stay as they are.
    if (clear || place.made && !(error instanceof BaseError)) unmakeTable(files, dir, place);
    throw error;
  }
}

/** Makes a file with the owner and the mode of the identity file beside it. */
function createIn(files: Files, path: string): File {
  return files.open(path, "createNew", join(parentOf(path), IDENTITY));
}

/** Makes a segment and an empty log; their content is on disk, their directory entries are not. */
function* makeGeneration(
  files: Files,
  dir: string,
  checksums: Checksum,
  generation: number,
  fill: Fill,
): Generator<undefined, void> {
  const { segment, log } = generationPaths(dir, generation);
  // Names of their own until they are whole: others may open the table that is there meanwhile.
  const nonce = randomNonce();
  try {
    let sequence: number;
    {
      using file = createIn(files, temporary(segment, nonce));
      sequence = yield* fill(new SegmentWriter(file, checksums, generation, 0));
      file.syncSync();
    }
    {
      using file = createIn(files, temporary(log, nonce));
      file.writeAt(Log.encode(checksums, generation, sequence, []), 0);
      file.syncSync();
    }
    for (const path of [segment, log]) files.rename(temporary(path, nonce), path);
  } catch (error) {
    for (const path of [segment, log]) removeQuietly(files, temporary(path, nonce));
    throw error;
  }
}

/** Notes in the log that the identity is on disk, so that the first writer need not sync it again. */
function markCreated(files: Files, dir: string, checksums: Checksum, generation: number): void {
  const path = generationPaths(dir, generation).log;
  using log = Log.open(files, path, checksums, generation, false);
  log?.markSealedInto();
}

/**
 * Under the lock: replaces the table that is there by a new one. The rename of the identity file is
 * the moment: before it the old table is whole, after it the new one. The new identity is locked
 * from before the rename until the old files are removed. Otherwise another process could destroy
 * the new table meanwhile, and make one whose files have the names of the old files.
 *
 * @param open Opens the new table before another process can destroy it.
 */
export function overrideTable<T>(files: Files, dir: string, fill: Fill, open: () => T): T {
  const names = files.list(dir) ?? [];
  const numbers = names.map(parseName).map((file) =>
    typeof file === "object" ? file.generation : 0
  );
  const generation = Math.max(...numbers) + 1;
  const checksums = new Checksum(crypto.getRandomValues(new Uint8Array(16)));
  const path = temporary(join(dir, IDENTITY), randomNonce());
  const old = openLast(files, dir);
  let identity: File | undefined;
  try {
    try {
      allOf(makeGeneration(files, dir, checksums, generation, fill));
      identity = createIn(files, path);
      identity.writeAt(encodeIdentity(checksums), 0);
      identity.syncSync();
      // It is free: nobody else knows its name.
      identity.tryLock();
      files.syncDir(dir);
    } catch (error) {
      old?.close();
      const made = generationPaths(dir, generation);
      for (const one of [path, made.log, made.segment]) removeQuietly(files, one);
      throw error;
    }
    sealFinally(old);
    files.rename(path, join(dir, IDENTITY));
    files.syncDir(dir);
    markCreated(files, dir, checksums, generation);
    for (const name of names) {
      if (typeof parseName(name) === "object" || name.startsWith(`${IDENTITY}.`)) {
        removeQuietly(files, join(dir, name));
      }
    }
    return open();
  } finally {
    identity?.close();
  }
}

/** Opens the table that will go; returns nothing if it is damaged. */
function openLast(files: Files, dir: string): Store | undefined {
  try {
    return Store.open(files, dir);
  } catch (error) {
    if (error instanceof CorruptionError) return undefined;
    throw error;
  }
}

/** Sends all handles to the identity file; a full disk must not keep a table from going. */
function sealFinally(store: Store | undefined): void {
  try {
    store?.begin();
    store?.sealFinally();
  } catch (error) {
    if (!(error instanceof WriteError)) throw error;
  } finally {
    store?.close();
  }
}

/**
 * Under the lock on `identity`: removes the table of these checksums, and the directory if nothing
 * else is in it.
 */
export function destroyTable(files: Files, dir: string, identity: File, checksums: Checksum): void {
  removeReplaced(files, dir, checksums);
  sealFinally(openLast(files, dir));
  removeDestroyed(files, dir, identity, checksums);
  try {
    files.removeDir(dir);
  } catch {
    return; // Something else is in it, like the next table; or it is a symbolic link.
  }
  files.syncDir(parentOf(dir));
}

/**
 * Removes what an interrupted override left of the replaced table: beside a tombstone, it would pass
 * for a table that lost its identity.
 */
function removeReplaced(files: Files, dir: string, { uuid }: Checksum): void {
  for (const name of files.list(dir) ?? []) {
    const file = parseName(name);
    if (typeof file !== "object" || file.temporary) continue;
    const path = join(dir, name);
    const owner = ownerOf(files, path, file.kind);
    if (owner !== undefined && !sameBytes(owner.uuid, uuid)) files.remove(path);
  }
  // Always, as files may have been removed before: no power cut may bring them back
  // beside the tombstone.
  files.syncDir(dir);
}
