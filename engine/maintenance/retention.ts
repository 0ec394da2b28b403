/**
 * Retention: how long older generations stay, which hold the changes that led to the current one.
 *
 * A generation stays while somebody watches from it or from an older one, and while its log, or the
 * log of an older one that stays, holds one of the last `keepChanges` commits. All others are
 * removed, oldest first, so that the rest is a chain without gaps.
 *
 * @module
 */

import { CorruptionError } from "../system/errors.ts";
import { removeQuietly } from "../system/file.ts";
import {
  type GenerationPaths,
  generationPaths,
  IDENTITY,
  parseName,
  temporary,
} from "../lock/layout.ts";
import { join } from "../system/path.ts";
import type { Store } from "../store/store.ts";
import { Segment } from "../segment/segment.ts";
import { randomNonce } from "../bytes/bytes.ts";

/**
 * Renames the files of older generations that nobody needs, and adds them to `retired`, together
 * with files that interrupted compactions left; the caller removes them. The current generation is
 * known to be sealed into. The caller holds the lock: otherwise the table may be destroyed meanwhile,
 * and the generations of the next table have the same numbers.
 */
export function retireOld(store: Store, retired: string[]): void {
  const { files, dir, log: { generation } } = store;
  const older = new Set<number>();
  for (const name of files.list(dir) ?? []) {
    if (name.startsWith(`${IDENTITY}.`)) retired.push(join(dir, name));
    const file = parseName(name);
    if (typeof file !== "object") continue;
    if (!file.temporary && file.generation < generation) older.add(file.generation);
    if (file.temporary && file.generation <= generation) retired.push(join(dir, name));
  }
  const needed = firstNeeded(store);
  for (const number of [...older].sort((a, b) => a - b)) {
    if (number >= needed || !retire(store, generationPaths(dir, number), retired)) break;
  }
}

/** The newest generation from which the last `keepChanges` commits can be followed. */
function firstNeeded(store: Store): number {
  const { sequence, schema: { keepChanges } } = store.snapshot;
  let needed = store.log.generation;
  let first: number | undefined = store.snapshot.segment.sequence;
  while (first !== undefined && first > sequence - keepChanges) {
    first = needed > 1 ? sequenceOf(store, needed - 1) : undefined;
    if (first !== undefined) needed--;
  }
  return needed;
}

/** The last commit in the segment of an older generation; nothing if it cannot be read. */
function sequenceOf({ files, dir, checksums }: Store, generation: number): number | undefined {
  try {
    using file = files.open(generationPaths(dir, generation).segment, "read");
    return new Segment(file, checksums, generation).sequence;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof CorruptionError) return undefined;
    throw error;
  }
}

/** Renames the files of a generation; returns false if somebody watches from it. */
function retire(
  { files }: Store,
  { segment, log }: GenerationPaths,
  retired: string[],
): boolean {
  const nonce = randomNonce();
  const renameAway = (path: string) => {
    const other = temporary(path, nonce);
    try {
      files.rename(path, other);
      retired.push(other);
    } catch {
      // It does not exist, or a full disk has no room for another name.
      removeQuietly(files, path);
    }
  };
  try {
    using file = files.open(segment, "read");
    if (!file.tryLock()) return false;
    // Under the lock, so that a watcher that gets it next finds that the file is gone.
    for (const path of [log, segment]) renameAway(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    renameAway(log);
  }
  return true;
}
