/**
 * A copy of a base at one commit point, while others go on.
 *
 * @module
 */

import { audit } from "./audit.ts";
import { clearPlace, isThere, makeBase, prepareBase, unmakeBase } from "./create.ts";
import { BaseExistsError, CorruptionError, refused } from "./errors.ts";
import type { Flock } from "./flock.ts";
import { anchor } from "./links.ts";
import { writeState } from "./rewrite.ts";
import type { State } from "./state.ts";
import type { Store } from "./store.ts";

/**
 * Makes a base in `dir` of what is in another now, and verifies it; yields where it can pause.
 *
 * @throws {BaseExistsError} If there is a base already, or something else.
 * @throws {CorruptionError} If the base, or the copy, is damaged; then there is no copy.
 * @throws {WriteError} If the disk refuses; then there is no copy.
 */
export function* backUp(store: Store, dir: string): Generator<undefined, void> {
  const state = store.refresh();
  state.pin();
  try {
    const place = prepareBase(store.files, dir);
    if (place === undefined) throw taken(dir);
    try {
      yield* copyTo(place, store, state, dir);
    } finally {
      place.lock.detach();
    }
  } finally {
    state.unpin();
  }
}

function* copyTo(
  { lock, made }: { lock: Flock; made: boolean },
  store: Store,
  state: State,
  dir: string,
): Generator<undefined, void> {
  const { files } = store;
  if (!lock.tryAcquire()) throw taken(dir);
  try {
    if (isThere(dir, lock)) throw taken(dir);
    clearPlace(files, dir);
    try {
      const schema = schemaIn(dir, store, state);
      yield* makeBase(files, dir, lock, (out) => writeState(out, state, schema));
      yield* verify(store, dir);
    } catch (error) {
      unmakeBase(files, dir, made);
      throw refused(`Cannot back up "${store.dir}" to "${dir}"`, "there is no copy", error);
    }
  } finally {
    lock.release();
  }
}

function taken(dir: string): BaseExistsError {
  return new BaseExistsError(
    `Cannot back up to "${dir}": there is a base already, choose another path`,
  );
}

/** Links lead from the copy to where they lead from the base. */
function schemaIn(dir: string, { files, links }: Store, { schema }: State) {
  return anchor(files, dir, schema.withTargets((target) => links.pathOf(target)));
}

function* verify({ files }: Store, dir: string): Generator<undefined, void> {
  const { problems: [problem] } = yield* audit(files, dir);
  if (problem !== undefined) {
    throw new CorruptionError(problem.file, problem.offset, problem.reason);
  }
}
