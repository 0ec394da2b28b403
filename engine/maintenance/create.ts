/**
 * Making, replacing and destroying a base. All of it happens under the lock on the identity file
 * that is in the directory at that time, and keeps to two rules:
 *
 * - an identity is written when all files of its base are on disk, and is a tombstone before the
 *   first of them goes: without it there is no base;
 * - a file of a generation never stands without an identity file beside it, also after a power
 *   cut: that file comes first and goes last. So nobody removes anything after the next base began.
 *
 * ```text
 * (nothing) → empty → identity of a base → tombstone → (nothing)
 *    ↑          │              └─ renamed over by that of the base that replaces it
 *    └──────────┘ a create that failed
 * ```
 *
 * ARCHITECTURE.md goes through it crash by crash.
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
 * Makes the directory if need be, and attaches the lock on the identity file in it.
 *
 * @param files Where it is.
 * @param dir The directory.
 * @param like A file of the base that it is to be a copy of: it is for the same users.
 * @returns The lock, and whether the directory was made; `undefined` to begin anew, as others make
 * and destroy bases meanwhile.
 * @throws {BaseExistsError} If what is at the path is not a base, nor empty.
 */
export function prepareBase(files: Files, dir: string, like?: string): Place | undefined {
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
  if (!made && !checkPlace(files, dir)) return undefined;
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

/** A place for a base, with the lock on its identity file. */
export interface Place {
  readonly lock: Flock;
  /** Whether the directory was made for it. */
  readonly made: boolean;
}

/**
 * Under the lock, after a failure: leaves nothing where nothing was. It cannot count on a listing,
 * and stops where the disk refuses: what is left then, the next create removes.
 */
export function unmakeBase(files: Files, dir: string, { lock, made }: Place): void {
  const { segment: table, log } = generationPaths(dir, 1);
  const paths = [table, log, join(dir, OWNER), join(dir, CLEANUP)];
  try {
    const identity = readIdentity(lock.file);
    if (identity instanceof Checksum) buryIdentity(lock.file, identity);
    removeFiles(files, dir, paths, made);
  } catch {
    // Unless not even the tombstone could be written: better no base than one that was not made.
    if (!isThere(dir, lock)) return;
    for (const path of [...paths, join(dir, IDENTITY)]) removeQuietly(files, path);
  }
  if (made) removeEmpty(files, dir);
}

/**
 * Under the lock, where no identity of a base is: removes files, and the identity file when they
 * are gone for good.
 *
 * @param fresh Whether nobody else removed any, who may not have synced that.
 */
function removeFiles(files: Files, dir: string, paths: readonly string[], fresh = false): void {
  let removed = !fresh;
  for (const path of paths) removed = files.remove(path) || removed;
  if (removed) files.syncDir(dir);
  files.remove(join(dir, IDENTITY));
}

/** All files of bases in `dir`, but for the identity file. */
function filesIn(files: Files, dir: string): string[] {
  const names = files.list(dir) ?? [];
  return names.filter((name) => name !== IDENTITY && parseName(name) !== undefined)
    .map((name) => join(dir, name));
}

function removeEmpty(files: Files, dir: string): void {
  try {
    files.removeDir(dir);
  } catch {
    // Somebody put something into it.
  }
}

/** Whether a base can be here; `false` if that changes just now. */
function checkPlace(files: Files, dir: string): boolean {
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
    // A listing is not atomic, and others make and destroy bases meanwhile: what is there before
    // and after a look for the identity is there without it.
    const before = files.fileId(join(dir, name));
    if (files.fileId(join(dir, IDENTITY)) !== undefined) return true;
    if (before === undefined || files.fileId(join(dir, name)) !== before) return false;
    throw new BaseExistsError(
      `Cannot create "${dir}": it holds a base without its identity file "${IDENTITY}", ` +
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
 * Under the lock: whether that is the lock on what is in `dir`, and a base is there or can be made.
 * If a destroy was interrupted, it is done to its end, and all begins anew.
 *
 * @throws {CorruptionError} If files of another base are there, which lost its identity.
 */
export function isReady(files: Files, dir: string, { file }: Flock): boolean {
  if (files.fileId(join(dir, IDENTITY)) !== file.fileId) return false;
  const identity = readIdentity(file);
  if (!(identity instanceof Destroyed)) return true;
  removeDestroyed(files, dir, file, identity.checksums);
  return false;
}

/**
 * Under the lock: writes the tombstone of a base, also where one is that was not synced, and removes
 * what it is for, at last the tombstone itself.
 */
function removeDestroyed(files: Files, dir: string, identity: File, checksums: Checksum): void {
  buryIdentity(identity, checksums);
  checkDestroyed(files, dir, checksums);
  removeFiles(files, dir, filesIn(files, dir));
}

/**
 * Whether a base is there; under the lock or not, as one that is unmade in place was never
 * written to.
 *
 * @throws {BaseExistsError} If something else is there.
 */
export function isThere(dir: string, lock: Flock): boolean {
  const identity = readIdentity(lock.file);
  if (identity !== "foreign") return identity !== "empty" && !(identity instanceof Destroyed);
  throw new BaseExistsError(
    `Cannot create "${dir}": the file "${IDENTITY}" in it was not written by psbase, ` +
      `choose another path`,
  );
}

/**
 * Under the lock: removes what an interrupted create left where a base is to be, and what others
 * made for a base that was destroyed under them.
 *
 * @throws {BaseExistsError} If there is anything else.
 * @throws {CorruptionError} If there are commits of a base that lost its identity.
 */
function clearPlace(files: Files, dir: string): void {
  checkNoForeign(dir, files.list(dir) ?? []);
  checkNoCommits(files, dir);
  for (const path of filesIn(files, dir)) files.remove(path);
}

/** Writes a table, and gives the last commit that it holds; yields where it can pause. */
export type Fill = (out: SegmentWriter) => Generator<undefined, number>;

/** No rows, of a base in `dir`. */
export function emptyTable(files: Files, dir: string, schema: TableSchema): Fill {
  // deno-lint-ignore require-yield -- there is nothing to pause for
  return function* (out) {
    out.finish({ schema: withRelativeTargets(files, dir, schema), nextId: 0, sequence: 0 });
    return 0;
  };
}

/**
 * Under the lock: makes a base where none is. If that fails, nothing is left where nothing was.
 *
 * @throws {BaseExistsError} If something else is there.
 * @throws {CorruptionError} If there are commits of a base that lost its identity.
 */
export function* makeBase(
  files: Files,
  dir: string,
  place: Place,
  fill: Fill,
): Generator<undefined, void> {
  let clear = false;
  try {
    clearPlace(files, dir);
    clear = true;
    // Before all else: what stands where no identity file is, create takes for a base that lost it.
    files.syncDir(dir);
    const checksums = new Checksum(crypto.getRandomValues(new Uint8Array(16)));
    yield* makeGeneration(files, dir, checksums, 1, fill);
    for (const name of [OWNER, CLEANUP]) {
      files.open(join(dir, name), "create", join(dir, IDENTITY)).close();
    }
    files.syncDir(dir);
    makeIdentityDurable(files, dir, place.lock.file, checksums);
    markSettled(files, dir, checksums, 1);
  } catch (error) {
    // What is damaged or of others is left as it is.
    if (clear || place.made && !(error instanceof BaseError)) unmakeBase(files, dir, place);
    throw error;
  }
}

/** Makes a file that is for whom the identity file beside it is for. */
function createIn(files: Files, path: string): File {
  return files.open(path, "createNew", join(parentOf(path), IDENTITY));
}

/** Makes a file in a base and forces its content to the device. */
function writeNew(files: Files, path: string, write: (file: File) => void): void {
  const file = createIn(files, path);
  try {
    write(file);
    file.syncSync();
  } finally {
    file.close();
  }
}

/** A table and an empty log, on disk but for their directory entries. */
function* makeGeneration(
  files: Files,
  dir: string,
  checksums: Checksum,
  generation: number,
  fill: Fill,
): Generator<undefined, void> {
  const { segment: table, log } = generationPaths(dir, generation);
  // Under names of their own until they are whole: the base that is there may be opened meanwhile.
  const nonce = randomNonce();
  try {
    let sequence: number;
    const file = createIn(files, temporary(table, nonce));
    try {
      sequence = yield* fill(new SegmentWriter(file, checksums, generation, 0));
      file.syncSync();
    } finally {
      file.close();
    }
    writeNew(files, temporary(log, nonce), (file) => {
      file.writeAt(Log.encode(checksums, generation, sequence, []), 0);
    });
    for (const path of [table, log]) files.rename(temporary(path, nonce), path);
  } catch (error) {
    for (const path of [table, log]) removeQuietly(files, temporary(path, nonce));
    throw error;
  }
}

/** Spares the first who writes to settle what is on disk by now. */
function markSettled(files: Files, dir: string, checksums: Checksum, generation: number): void {
  const log = Log.open(files, generationPaths(dir, generation).log, checksums, generation, false);
  log?.markSealedInto();
  log?.close();
}

/**
 * Under the lock: puts another base in the place of the one that is there. The rename of the
 * identity file is the moment: before it the old base is whole, after it the new one. The new
 * identity is locked from before the rename until the old files are gone: else others could
 * destroy the new base meanwhile, and make one whose files have the names of the old ones.
 *
 * @param open What is done with the new base before others can destroy it.
 * @returns What that gives.
 */
export function overrideBase<T>(files: Files, dir: string, fill: Fill, open: () => T): T {
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
      // Nobody else knows its name.
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
    markSettled(files, dir, checksums, generation);
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

/** The base that is to go; none, if it is damaged. */
function openLast(files: Files, dir: string): Store | undefined {
  try {
    return Store.open(files, dir);
  } catch (error) {
    if (error instanceof CorruptionError) return undefined;
    throw error;
  }
}

/** Sends the handles of others to the identity file; a full disk must not keep a base. */
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
 * Under the lock on `identity`: removes the base of these sums, and the directory if nothing else
 * is in it.
 */
export function destroyBase(files: Files, dir: string, identity: File, checksums: Checksum): void {
  removeReplaced(files, dir, checksums);
  sealFinally(openLast(files, dir));
  removeDestroyed(files, dir, identity, checksums);
  try {
    files.removeDir(dir);
  } catch {
    return; // Something else is in it, like the next base; or it is a link.
  }
  files.syncDir(parentOf(dir));
}

/**
 * Removes what an interrupted override left of the base that was there before: beside a tombstone
 * it would be taken for a base that lost its identity.
 */
function removeReplaced(files: Files, dir: string, { uuid }: Checksum): void {
  for (const name of files.list(dir) ?? []) {
    const file = parseName(name);
    if (typeof file !== "object" || file.temporary) continue;
    const path = join(dir, name);
    const owner = ownerOf(files, path, file.kind);
    if (owner !== undefined && !sameBytes(owner.uuid, uuid)) files.remove(path);
  }
  // Also what was removed before: a power cut must not bring it back beside the tombstone.
  files.syncDir(dir);
}
