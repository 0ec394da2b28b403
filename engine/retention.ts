/**
 * How long older generations are kept, and with them the changes that led to the current one.
 *
 * A generation stays as long as somebody watches from it or from an older one, and
 * while its log, or an older one's that stays, holds one of the last `keepChanges`
 * commits. All others go, oldest first: what is kept is a chain without gaps.
 *
 * @module
 */

import { CorruptionError } from "./errors.ts";
import { type File, removeQuietly } from "./file.ts";
import { type GenerationPaths, generationPaths, parseName } from "./layout.ts";
import { join } from "./path.ts";
import type { Store } from "./store.ts";
import { Table } from "./table.ts";

/**
 * Removes what is not needed below the current generation, which is known to be sealed
 * into, and what builders left. Under the lock: else the base may be destroyed meanwhile, and
 * the next one made in its place, whose numbers are the same.
 */
export function removeOld(store: Store): void {
  const { files, dir, log: { generation } } = store;
  const older = new Set<number>();
  for (const name of files.list(dir) ?? []) {
    const file = parseName(name);
    if (typeof file !== "object") continue;
    if (!file.temporary && file.generation < generation) older.add(file.generation);
    if (file.temporary && file.generation <= generation) removeQuietly(files, join(dir, name));
  }
  const needed = firstNeeded(store);
  for (const number of [...older].sort((a, b) => a - b)) {
    if (number >= needed || !remove(store, generationPaths(dir, number))) return;
  }
}

/** The newest generation that the last `keepChanges` commits can be followed from. */
function firstNeeded(store: Store): number {
  const { sequence, schema: { keepChanges } } = store.state;
  let needed = store.log.generation;
  let first: number | undefined = store.state.table.sequence;
  while (first !== undefined && first > sequence - keepChanges) {
    first = needed > 1 ? sequenceOf(store, needed - 1) : undefined;
    if (first !== undefined) needed--;
  }
  return needed;
}

/** The last commit that the table of an older generation holds; `undefined` if it is of no use. */
function sequenceOf({ files, dir, sums }: Store, generation: number): number | undefined {
  let file: File | undefined;
  try {
    file = files.open(generationPaths(dir, generation).table, "read");
    return new Table(file, sums, generation).sequence;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof CorruptionError) return undefined;
    throw error;
  } finally {
    file?.close();
  }
}

/** Removes a generation, unless somebody watches from it. */
function remove({ files }: Store, { table, log }: GenerationPaths): boolean {
  let file: File | undefined;
  try {
    file = files.open(table, "read");
    if (!file.tryLock()) return false;
    // The lock is held meanwhile: who gets it next finds that the file is gone.
    for (const path of [log, table]) removeQuietly(files, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    removeQuietly(files, log);
  } finally {
    file?.close();
  }
  return true;
}
