/**
 * A base that is made with all its rows, or not at all: what backup, salvage and imports do.
 *
 * @module
 */

import { checkIntegrity } from "./integrity_check.ts";
import {
  type Fill,
  isReady,
  isThere,
  makeBase,
  type Place,
  prepareBase,
  unmakeBase,
} from "./create.ts";
import { BaseExistsError, CorruptionError, refused } from "../system/errors.ts";
import type { Files } from "../system/file.ts";

/**
 * Makes a base of what `fill` writes, and verifies it; yields where `fill` does and where it can
 * pause. Whatever is thrown, or thrown into it, there is no base then.
 *
 * @param files What it works on.
 * @param place Where there is nothing yet, and a file of the base that it is a copy of, if it is
 * one: it is for the same users.
 * @param attempt What is done, for messages.
 * @param fill Writes its table.
 * @throws {BaseExistsError} If there is a base already, or something else.
 * @throws {CorruptionError} If it does not verify.
 * @throws {WriteError} If the disk refuses.
 */
export function* buildBase(
  files: Files,
  { dir, like }: { readonly dir: string; readonly like?: string },
  attempt: string,
  fill: Fill,
): Generator<undefined, void> {
  try {
    for (let done = false; !done;) {
      const place = prepareBase(files, dir, like);
      if (place === undefined) continue;
      const { lock } = place;
      try {
        const isFree = lock.tryAcquire();
        try {
          done = isFree && isReady(files, dir, lock);
          if (isFree && !done) continue;
          if (!isFree || isThere(dir, lock)) {
            throw new BaseExistsError(`${attempt}: there is a base already, choose another path`);
          }
          yield* buildIn(files, dir, place, fill);
        } finally {
          if (isFree) lock.release();
        }
      } finally {
        lock.detach();
      }
    }
  } catch (error) {
    throw refused(attempt, "nothing was made", error);
  }
}

function* buildIn(
  files: Files,
  dir: string,
  place: Place,
  fill: Fill,
): Generator<undefined, void> {
  yield* makeBase(files, dir, place, fill);
  try {
    yield* verify(files, dir);
  } catch (error) {
    unmakeBase(files, dir, place);
    throw error;
  }
}

function* verify(files: Files, dir: string): Generator<undefined, void> {
  const { problems: [problem] } = yield* checkIntegrity(files, dir);
  if (problem !== undefined) {
    throw new CorruptionError(problem.file, problem.offset, problem.reason);
  }
}
