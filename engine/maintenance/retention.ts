/**
 * How long older generations are kept, and with them the changes that led to the current one.
 *
 * A generation stays as long as somebody watches from it or from an older one, and
 * while its log, or an older one's that stays, holds one of the last `keepChanges`
 * commits. All others go, oldest first: what is kept is a chain without gaps.
 *
 * @module
 */

import { CorruptionError } from "../system/errors.ts";
import { type File, removeQuietly } from "../system/file.ts";
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
 * Takes their names from generations below the current one, which is known to be sealed into, that
 * are not needed; puts into `retired` what is to be removed, with what builders left. Under the lock:
 * else the base may be destroyed meanwhile, and the next one made in its place, whose numbers are the
 * same.
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

/** The newest generation that the last `keepChanges` commits can be followed from. */
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

/** The last commit that the table of an older generation holds; `undefined` if it is of no use. */
function sequenceOf({ files, dir, checksums }: Store, generation: number): number | undefined {
  let file: File | undefined;
  try {
    file = files.open(generationPaths(dir, generation).segment, "read");
    return new Segment(file, checksums, generation).sequence;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof CorruptionError) return undefined;
    throw error;
  } finally {
    file?.close();
  }
}

/** Takes their names from the files of a generation, unless somebody watches from it. */
function retire(
  { files }: Store,
  { segment: table, log }: GenerationPaths,
  retired: string[],
): boolean {
  const nonce = randomNonce();
  const takeName = (path: string) => {
    const other = temporary(path, nonce);
    try {
      files.rename(path, other);
      retired.push(other);
    } catch {
      // It is not there; or the disk is full, and has no room for another name either.
      removeQuietly(files, path);
    }
  };
  let file: File | undefined;
  try {
    file = files.open(table, "read");
    if (!file.tryLock()) return false;
    // The lock is held meanwhile: who gets it next finds that the file is gone.
    for (const path of [log, table]) takeName(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    takeName(log);
  } finally {
    file?.close();
  }
  return true;
}
