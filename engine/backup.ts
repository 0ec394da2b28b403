/**
 * A copy of a base at one commit point, while others go on.
 *
 * @module
 */

import { audit } from "./audit.ts";
import { clearPlace, type Fill, isThere, makeBase, prepareBase, unmakeBase } from "./create.ts";
import { BaseExistsError, CorruptionError, refused } from "./errors.ts";
import type { Files } from "./file.ts";
import { IDENTITY } from "./layout.ts";
import { relocate } from "./links.ts";
import { join } from "./path.ts";
import { writeState } from "./rewrite.ts";
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
  const { files, dir: from } = store;
  state.pin();
  try {
    yield* makeCopy(
      files,
      { like: join(from, IDENTITY), to: dir },
      `Cannot back up "${from}"`,
      (out) => writeState(out, state, relocate(files, state.schema, { from, to: dir })),
    );
  } finally {
    state.unpin();
  }
}

/**
 * Makes a base of what `fill` writes, for the same users as the one that it is a copy of, and
 * verifies it; yields where it can pause.
 *
 * @param files What it works on.
 * @param places A file of that one, and where there is nothing yet.
 * @param attempt What is done, for messages.
 * @param fill Writes its table.
 * @throws What {@linkcode backUp} does.
 */
export function* makeCopy(
  files: Files,
  { like, to: dir }: { readonly like: string; readonly to: string },
  attempt: string,
  fill: Fill,
): Generator<undefined, void> {
  const taken = () =>
    new BaseExistsError(`${attempt} to "${dir}": there is a base already, choose another path`);
  try {
    const place = prepareBase(files, dir, like);
    if (place === undefined) throw taken();
    const { lock } = place;
    try {
      if (!lock.tryAcquire()) throw taken();
      try {
        if (isThere(dir, lock)) throw taken();
        clearPlace(files, dir);
        try {
          yield* makeBase(files, dir, lock, fill);
          yield* verify(files, dir);
        } catch (error) {
          unmakeBase(files, dir, place);
          throw error;
        }
      } finally {
        lock.release();
      }
    } finally {
      lock.detach();
    }
  } catch (error) {
    throw refused(`${attempt} to "${dir}"`, "there is no copy", error);
  }
}

function* verify(files: Files, dir: string): Generator<undefined, void> {
  const { problems: [problem] } = yield* audit(files, dir);
  if (problem !== undefined) {
    throw new CorruptionError(problem.file, problem.offset, problem.reason);
  }
}
