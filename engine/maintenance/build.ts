/**
 * Makes a table with all its rows at once, or no table: for salvage, imports and backup, which
 * copies a snapshot while other handles go on.
 *
 * @module
 */

import { checkIntegrity } from "./integrity_check.ts";
import {
  type Fill,
  hasTable,
  isReady,
  makeTable,
  type Place,
  preparePlace,
  unmakeTable,
} from "./create.ts";
import { BaseExistsError, CorruptionError, refused } from "../system/errors.ts";
import type { Files } from "../system/file.ts";
import { IDENTITY } from "../lock/layout.ts";
import { join } from "../system/path.ts";
import { writeSnapshot } from "./rewrite.ts";
import type { Store } from "../store/store.ts";
import { withMovedTargets } from "../schema/link_paths.ts";

/**
 * Makes a table of what `fill` writes, and verifies it; yields where `fill` does and where it can
 * pause. After any error, also one that is thrown into it, there is no table.
 *
 * @param place Where there is nothing yet, and for a copy, a file of the table that is copied: the
 * same users get access.
 * @throws {CorruptionError} If the new table does not verify.
 */
export function* buildTable(
  files: Files,
  { dir, like }: { readonly dir: string; readonly like?: string },
  attempt: string,
  fill: Fill,
): Generator<undefined, void> {
  const exists = () => {
    return new BaseExistsError(`${attempt}: there is a table already, choose another path`);
  };
  try {
    for (let done = false; !done;) {
      const place = preparePlace(files, dir, like);
      if (place === undefined) continue;
      using lock = place.lock;
      if (!lock.tryAcquire()) throw exists();
      try {
        done = isReady(files, dir, lock);
        if (!done) continue;
        if (hasTable(dir, lock)) throw exists();
        yield* makeTable(files, dir, place, fill);
        yield* verify(files, dir, place);
      } finally {
        lock.release();
      }
    }
  } catch (error) {
    throw refused(attempt, "nothing was made", error);
  }
}

/** Verifies a table that was made, and unmakes it if it is damaged. */
function* verify(files: Files, dir: string, place: Place): Generator<undefined, void> {
  try {
    const { problems: [problem] } = yield* checkIntegrity(files, dir);
    if (problem === undefined) return;
    throw new CorruptionError(problem.file, problem.offset, problem.reason);
  } catch (error) {
    unmakeTable(files, dir, place);
    throw error;
  }
}

/**
 * Makes a table in `dir` of the newest snapshot, and verifies it; yields where it can pause.
 *
 * @throws {CorruptionError} If the table, or the copy, is damaged; then there is no copy.
 * @throws {WriteError} If the disk refuses; then there is no copy.
 */
export function* backUp(store: Store, dir: string): Generator<undefined, void> {
  const snapshot = store.latest();
  const { files, dir: from } = store;
  snapshot.pin();
  try {
    yield* buildTable(
      files,
      { like: join(from, IDENTITY), dir },
      `Cannot back up "${from}" to "${dir}"`,
      (out) =>
        writeSnapshot(out, snapshot, withMovedTargets(files, snapshot.schema, { from, to: dir })),
    );
  } finally {
    snapshot.unpin();
  }
}
