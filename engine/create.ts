/**
 * Making, replacing and destroying a base. All of it happens under the lock on
 * the identity file, whose bytes are written last: without them there is no base.
 *
 * @module
 */

import { BaseExistsError, BaseNotFoundError, CorruptionError, WriteError } from "./errors.ts";
import { type File, type Files, removeQuietly } from "./file.ts";
import { Flock } from "./flock.ts";
import { Checksum, encodeIdentity } from "./format.ts";
import { checkNoCommits, emptyIdentity, readIdentity, settleIdentity } from "./identity.ts";
import { CLEANUP, generationPaths, IDENTITY, OWNER, parseName, temporary } from "./layout.ts";
import { Log, randomNonce } from "./log.ts";
import { join, parentOf } from "./path.ts";
import type { TableSchema } from "./schema.ts";
import { allOf } from "./steps.ts";
import { Store } from "./store.ts";
import { TableWriter } from "./table_writer.ts";

/**
 * Makes the directory if need be, and attaches the lock on the identity file in it.
 *
 * @param files Where it is.
 * @param dir The directory.
 * @param like A file of the base that it is to be a copy of: it is for the same users.
 * @returns The lock, and whether the directory was made; `undefined` if it was removed meanwhile.
 * @throws {BaseExistsError} If what is at the path is not a base, nor empty.
 */
export function prepareBase(files: Files, dir: string, like?: string): Place | undefined {
  let made: boolean;
  try {
    made = files.makeDir(dir);
  } catch (error) {
    const { NotADirectory, NotFound } = Deno.errors;
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
interface Place {
  readonly lock: Flock;
  /** Whether the directory was made for it. */
  readonly made: boolean;
}

/**
 * Under the lock, after a failure: leaves nothing where nothing was. The identity is emptied
 * first and removed last, so that a crash leaves what the next create can do again. It cannot
 * count on a listing.
 */
export function unmakeBase(files: Files, dir: string, { lock, made }: Place): void {
  const { table, log } = generationPaths(dir, 1);
  quietly(() => emptyIdentity(lock.file));
  for (const path of [table, log, join(dir, OWNER), join(dir, CLEANUP)]) removeQuietly(files, path);
  quietly(() => files.syncDir(dir));
  removeQuietly(files, join(dir, IDENTITY));
  if (made) removeEmpty(files, dir);
}

/** Does what a disk that fails may refuse. */
function quietly(fn: () => void): void {
  try {
    fn();
  } catch {
    // What is left has to do.
  }
}

function removeEmpty(files: Files, dir: string): void {
  try {
    files.removeDir(dir);
  } catch {
    // Somebody put something into it.
  }
}

/** Whether a base can be here; `false` if the directory was removed meanwhile. */
function checkPlace(files: Files, dir: string): boolean {
  let names: string[] | undefined;
  try {
    names = files.list(dir);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotADirectory)) throw error;
    throw new BaseExistsError(`Cannot create "${dir}": it is no directory, choose another path`);
  }
  if (names === undefined) return false;
  const foreign = names.find((name) => parseName(name) === undefined);
  if (names.length === 0 || names.includes(IDENTITY)) return true;
  const what = foreign === undefined
    ? `it holds a base without its identity file "${IDENTITY}"`
    : `it is a directory with other files, like "${foreign}"`;
  throw new BaseExistsError(`Cannot create "${dir}": ${what}, choose another path`);
}

/** Whether the identity file that `lock` has open is still the one in `dir`. */
export function isCurrent(files: Files, dir: string, lock: Flock): boolean {
  return files.identity(join(dir, IDENTITY)) === lock.file.identity;
}

/**
 * Whether a base is there; under the lock or not, as one that is unmade in place was never
 * written to.
 *
 * @throws {BaseExistsError} If something else is there.
 */
export function isThere(dir: string, lock: Flock): boolean {
  const identity = readIdentity(lock.file);
  if (identity !== "foreign") return identity !== "empty";
  throw new BaseExistsError(
    `Cannot create "${dir}": the file "${IDENTITY}" in it was not written by psbase, ` +
      `choose another path`,
  );
}

/**
 * Under the lock: removes what an interrupted create left where a base is to be.
 *
 * @throws {BaseExistsError} If there is anything else.
 * @throws {CorruptionError} If there are commits of a base that lost its identity.
 */
export function clearPlace(files: Files, dir: string): void {
  const names = files.list(dir) ?? [];
  const foreign = names.find((name) => parseName(name) === undefined);
  if (foreign !== undefined) {
    throw new BaseExistsError(
      `Cannot create "${dir}": it is a directory with other files, like "${foreign}", ` +
        `choose another path`,
    );
  }
  checkNoCommits(files, dir);
  for (const name of names) {
    if (typeof parseName(name) === "object") files.remove(join(dir, name));
  }
}

/** Writes a table, and gives the last commit that it holds; yields where it can pause. */
export type Fill = (out: TableWriter) => Generator<undefined, number>;

/** No rows. */
export function emptyTable(schema: TableSchema): Fill {
  // deno-lint-ignore require-yield -- there is nothing to pause for
  return function* (out) {
    out.finish({ schema, nextId: 0, sequence: 0 });
    return 0;
  };
}

/** Under the lock: makes a base in a place that is clear. */
export function* makeBase(
  files: Files,
  dir: string,
  lock: Flock,
  fill: Fill,
): Generator<undefined, void> {
  // Before all else: what stands where no identity file is, create takes for a base that lost it.
  files.syncDir(dir);
  const sums = new Checksum(crypto.getRandomValues(new Uint8Array(16)));
  yield* makeGeneration(files, dir, sums, 1, fill);
  for (const name of [OWNER, CLEANUP]) {
    files.open(join(dir, name), "create", join(dir, IDENTITY)).close();
  }
  files.syncDir(dir);
  settleIdentity(files, dir, lock.file, sums);
  markSettled(files, dir, sums, 1);
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
  sums: Checksum,
  generation: number,
  fill: Fill,
): Generator<undefined, void> {
  const { table, log } = generationPaths(dir, generation);
  // Under names of their own until they are whole: the base that is there may be opened meanwhile.
  const nonce = randomNonce();
  const paths = [table, log, temporary(table, nonce), temporary(log, nonce)];
  try {
    let sequence: number;
    const file = createIn(files, temporary(table, nonce));
    try {
      sequence = yield* fill(new TableWriter(file, sums, generation, 0));
      file.syncSync();
    } finally {
      file.close();
    }
    writeNew(files, temporary(log, nonce), (file) => {
      file.writeAt(Log.encode(sums, generation, sequence, []), 0);
    });
    for (const path of [table, log]) files.rename(temporary(path, nonce), path);
  } catch (error) {
    for (const path of paths) removeQuietly(files, path);
    throw error;
  }
}

/** Spares the first who writes to settle what is on disk by now. */
function markSettled(files: Files, dir: string, sums: Checksum, generation: number): void {
  const log = Log.open(files, generationPaths(dir, generation).log, sums, generation, false);
  log?.markSealedInto();
  log?.close();
}

/**
 * Under the lock: puts an empty base in the place of the one that is there. The
 * rename of the identity file is the moment: before it the old base is whole,
 * behind it the new one.
 */
export function overrideBase(files: Files, dir: string, schema: TableSchema): void {
  const names = files.list(dir) ?? [];
  const numbers = names.map(parseName).map((file) =>
    typeof file === "object" ? file.generation : 0
  );
  const generation = Math.max(...numbers) + 1;
  const sums = new Checksum(crypto.getRandomValues(new Uint8Array(16)));
  const path = temporary(join(dir, IDENTITY), randomNonce());
  const old = openLast(files, dir);
  try {
    allOf(makeGeneration(files, dir, sums, generation, emptyTable(schema)));
    writeNew(files, path, (file) => file.writeAt(encodeIdentity(sums), 0));
    files.syncDir(dir);
  } catch (error) {
    old?.close();
    const made = generationPaths(dir, generation);
    for (const one of [path, made.log, made.table]) removeQuietly(files, one);
    throw error;
  }
  sealFinally(old);
  files.rename(path, join(dir, IDENTITY));
  files.syncDir(dir);
  markSettled(files, dir, sums, generation);
  for (const name of names) {
    if (typeof parseName(name) === "object" || name.startsWith(`${IDENTITY}.`)) {
      removeQuietly(files, join(dir, name));
    }
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

/** Under the lock: removes the base, and the directory if nothing else is in it. */
export function destroyBase(files: Files, dir: string): void {
  const names = files.list(dir) ?? [];
  sealFinally(openLast(files, dir));
  // The identity first: what is left after a crash is no base any more.
  files.remove(join(dir, IDENTITY));
  files.syncDir(dir);
  for (const name of names) {
    if (name === IDENTITY || parseName(name) === undefined) continue;
    // Somebody makes the next one here: what is left is for him to remove.
    if (files.identity(join(dir, IDENTITY)) !== undefined) return;
    files.remove(join(dir, name));
  }
  if (names.some((name) => parseName(name) === undefined)) return;
  try {
    files.removeDir(dir);
  } catch {
    return; // The next one is there already.
  }
  files.syncDir(parentOf(dir));
}
