/**
 * Backup: copies a snapshot of a table into a new table while other handles go on.
 *
 * @module
 */

import { buildTable } from "./build.ts";
import { IDENTITY } from "../lock/layout.ts";
import { join } from "../system/path.ts";
import { writeSnapshot } from "./rewrite.ts";
import type { Store } from "../store/store.ts";
import { withMovedTargets } from "../schema/link_paths.ts";

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
