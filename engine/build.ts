/**
 * A base that is made with all its rows, or not at all: what backup, salvage and imports do.
 *
 * @module
 */

import { audit } from "./audit.ts";
import { clearPlace, type Fill, isThere, makeBase, prepareBase, unmakeBase } from "./create.ts";
import { BaseExistsError, CorruptionError, refused } from "./errors.ts";
import type { Files } from "./file.ts";

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
  const taken = () =>
    new BaseExistsError(`${attempt}: there is a base already, choose another path`);
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
    throw refused(attempt, "nothing was made", error);
  }
}

function* verify(files: Files, dir: string): Generator<undefined, void> {
  const { problems: [problem] } = yield* audit(files, dir);
  if (problem !== undefined) {
    throw new CorruptionError(problem.file, problem.offset, problem.reason);
  }
}
