/**
 * What may be found where bytes of a table are not what they were: what was committed, or a
 * `CorruptionError`.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { BaseNotFoundError, CorruptionError } from "../../engine/system/errors.ts";
import { PsBase } from "../../mod.ts";
import type { Disk } from "./crash_file.ts";
import { DIR, LOG, open, QUESTIONS, show, type SmallBase } from "./small_base.ts";
import { getUint32, sameBytes } from "../../engine/bytes/bytes.ts";
import { verifiedOwner } from "../../engine/bytes/header.ts";
import { decodeDurableMark, FRAME_HEADER, LOG_PAGE } from "../../engine/log/frame.ts";
import { withFiles } from "../../engine/system/deno_file.ts";

/** Where the marks stand in the first page of a log, and how long one is. */
export const MARKS = { from: 1024, to: 2048, length: 16 } as const;

/** What looking at a damaged table came to. */
export interface Verdict {
  /** The last commit that was there is; -1: nothing could be read. */
  readonly commit: number;
  /** What was told of damage, by the question; nothing was wrong in what the others gave. */
  readonly told: ReadonlyMap<string, CorruptionError>;
  /** Whether `check()` found any. */
  readonly found: boolean;
}

function same(a: Uint8Array, b: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * The first commit that may be the last one found: what the log, as it is now, knows to be on
 * disk must be there.
 */
export function leastCommit({ image, commits }: SmallBase, disk: Disk): number {
  const was = image.get(LOG)!;
  const is = disk.image().get(LOG);
  if (is === undefined) return commits.length - 1;
  const view = new DataView(was.buffer);
  let claim = LOG_PAGE;
  for (let at = MARKS.from; at < MARKS.to; at += MARKS.length) {
    if (same(was, is, at, at + MARKS.length)) claim = Math.max(claim, view.getUint32(at, true));
  }
  for (const { from, syncedTo } of commits.slice(1)) {
    if (same(was, is, from, from + FRAME_HEADER)) claim = Math.max(claim, syncedTo);
  }
  return commits.findLastIndex(({ to }) => to <= claim);
}

const MAGIC = new TextEncoder().encode("PSBASE\r\n");

/** Whether nothing is left of the identity, nor of what tells that there was one. */
function isLost(disk: Disk): boolean {
  const [identity, log] = [`${DIR}/base`, LOG].map((path) => disk.image().get(path));
  if (sameBytes(identity!.subarray(0, 8), MAGIC) || getUint32(log!, LOG_PAGE) !== 0) return false;
  const sums = verifiedOwner(LOG, "log", log!);
  return sums === undefined || !decodeDurableMark(sums, 1, log!.subarray(0, LOG_PAGE)).sealedInto;
}

/** A `CorruptionError` that names a place; anything else is thrown. */
export function asDamage(error: unknown, disk: Disk): CorruptionError {
  if (error instanceof BaseNotFoundError && isLost(disk)) {
    return new CorruptionError(DIR, 0, error.message);
  }
  if (!(error instanceof CorruptionError)) throw error;
  const { file, offset } = error;
  // A backup names what is damaged in the copy.
  assert(file.startsWith(DIR), file);
  // Of a file that is cut short, what is missing may be what is told.
  const size = disk.image().get(file)?.length ?? 0;
  assert(Number.isSafeInteger(offset) && offset >= 0, `offset ${offset} of ${size}`);
  return error;
}

/** Runs `fn`; an error must tell of damage. */
export function attempt<T>(disk: Disk, fn: () => T): T | CorruptionError {
  try {
    return fn();
  } catch (error) {
    return asDamage(error, disk);
  }
}

/** What `check()` says; it throws for no damage, but where there is no table any more. */
export function checked(disk: Disk) {
  const result = attempt(disk, () => withFiles(disk.process(), () => PsBase.checkSync(DIR)));
  if (result instanceof CorruptionError) {
    assert(isLost(disk), result.message);
    return [result];
  }
  assertEquals(result.ok, result.problems.length === 0);
  return result.problems;
}

/**
 * Asks a table whose bytes were damaged, without their sums made good, the questions of each list
 * that `wanted` picks: whatever is answered must be what one commit point holds.
 */
export function judge(
  base: SmallBase,
  disk: Disk,
  wanted: (question: number) => boolean = () => true,
): Verdict {
  const { commits } = base;
  const least = leastCommit(base, disk);
  const told = new Map<string, CorruptionError>();
  let possible = commits.map((_, i) => i).filter((i) => i >= least);
  let number = 0;
  for (const list of QUESTIONS) {
    const questions = Object.entries(list).filter(() => wanted(number++));
    if (questions.length === 0) continue;
    const handle = attempt(disk, () => open(disk, { readOnly: true }));
    if (handle instanceof CorruptionError) {
      told.set("open", handle);
      continue;
    }
    for (const [name, ask] of questions) {
      const answer = attempt(disk, () => show(ask(handle)));
      if (answer instanceof CorruptionError) {
        told.set(name, answer);
        continue;
      }
      possible = possible.filter((i) => commits[i]!.answers.get(name) === answer);
      assert(possible.length > 0, `${name}: ${answer}`);
    }
    handle[Symbol.dispose]();
  }
  const found = checked(disk).length > 0;
  if (told.size > 0) assert(found, `check() misses what ${[...told.keys()]} told`);
  return { commit: told.has("open") ? -1 : possible.at(-1)!, told, found };
}
