/**
 * A copy of a base at one commit point, while others go on.
 *
 * @module
 */

import { buildBase } from "./build.ts";
import { IDENTITY } from "../lock/layout.ts";
import { join } from "../system/path.ts";
import { writeSnapshot } from "./rewrite.ts";
import type { Store } from "../store/store.ts";
import { withMovedTargets } from "../schema/link_paths.ts";

/**
 * Makes a base in `dir` of what is in another now, and verifies it; yields where it can pause.
 *
 * @throws {BaseExistsError} If there is a base already, or something else.
 * @throws {CorruptionError} If the base, or the copy, is damaged; then there is no copy.
 * @throws {WriteError} If the disk refuses; then there is no copy.
 */
export function* backUp(store: Store, dir: string): Generator<undefined, void> {
  const snapshot = store.latest();
  const { files, dir: from } = store;
  snapshot.pin();
  try {
    yield* buildBase(
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
