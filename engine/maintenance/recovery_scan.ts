/**
 * What is left of a damaged base: its table and its commits, as far as they verify. Only reads.
 *
 * Opening trusts the identity file, and the beginning of a log to tell its end. Here each part
 * speaks for itself: every sum is seeded with the base, the generation and the place, so that a
 * frame or a footer that verifies is what was written there, whatever became of the bytes around.
 *
 * @module
 */

import type { Problem } from "./integrity_check.ts";
import { BaseNotFoundError, CorruptionError } from "../system/errors.ts";
import type { File, Files } from "../system/file.ts";
import { generationPaths, IDENTITY, parseName } from "../lock/layout.ts";
import { join } from "../system/path.ts";
import { Segment } from "../segment/segment.ts";
import { sameBytes } from "../bytes/bytes.ts";
import { Checksum } from "../bytes/checksum.ts";
import { decodeIdentity, Destroyed, FILE_HEADER, verifiedOwner } from "../bytes/header.ts";
import {
  decodeDurableMark,
  decodeFrame,
  decodeFrameHeader,
  EMPTY_FRAME,
  follows,
  FRAME,
  LOG_PAGE,
  marksHold,
  payloadOf,
} from "../log/frame.ts";

/** A commit that verifies. */
export interface Commit {
  /** Its place in the order of all commits. */
  readonly sequence: number;
  /** What it changes. */
  readonly payload: Uint8Array;
  /** Its log. */
  readonly file: string;
  /** Where it stands in it. */
  readonly at: number;
  /** How many bytes before it do not verify; no limit if lost ones may have stood elsewhere. */
  readonly gap: number;
}

/** The end of what verifies, before that of what was written. */
export interface Cut extends Problem {
  /** How many bytes stand behind it. */
  readonly bytes: number;
}

/** What is left of a log. */
interface LogRemains {
  /** Its commits, ascending. */
  readonly commits: readonly Commit[];
  /** Why there may have been more of them. */
  readonly cut: Cut | undefined;
  /** Where what verifies of it ends. */
  readonly end: number;
  /** Whether the next generation takes over: there is its seal, or it is gone already. */
  readonly ended: boolean;
}

/** What is left of a base. */
export interface Recoverable {
  /** One of its files. */
  readonly file: string;
  /** The newest table that can be used. */
  readonly table: Segment | undefined;
  /** Why that is not the table of the current generation. */
  readonly unusable: Problem | undefined;
  /** The commits that the table does not hold, ascending. */
  readonly commits: readonly Commit[];
  /** Why there may have been more of them. */
  readonly cut: Cut | undefined;
}

/**
 * Finds what is left of the base in `dir`; the caller closes the table.
 *
 * @throws {BaseNotFoundError} If there never was one, or it was destroyed.
 * @throws {CorruptionError} If nothing tells which base it is.
 * @throws {FormatVersionError} If a newer psbase wrote it.
 */
export function scanForRecovery(files: Files, dir: string): Recoverable {
  const numbers = generationsIn(files, dir);
  const checksums = checksumsOf(files, dir, numbers);
  // Where a base was replaced by another one, files of it may lie about.
  const ours = numbers.filter((number) => {
    const owner = ownerOf(files, dir, number);
    return owner === undefined || sameBytes(owner.uuid, checksums.uuid);
  });
  if (ours.length === 0) {
    throw new CorruptionError(join(dir, IDENTITY), 0, "no table, nor a log, is of this base");
  }
  const logs = new Map<number, LogRemains>();
  const logOf = (number: number) => {
    const log = logs.get(number) ?? readLog(files, dir, checksums, number);
    logs.set(number, log);
    return log;
  };
  // The current generation is found as by opening, see `generations.ts`.
  let at = Math.max(0, ours.findLastIndex((number) => isSealedInto(files, dir, checksums, number)));
  while (at < ours.length - 1 && logOf(ours[at]!).ended) at++;
  const last = ours[at]!;
  const used = ours.slice(0, at + 1);
  const { log, segment: table } = generationPaths(dir, last);
  const file = files.fileId(log) === undefined ? table : log;
  const newest = newestTable(files, dir, checksums, used);
  try {
    const commits = commitsFrom(newest, used, logOf);
    return { file, ...newest, commits, cut: cutOf(log, logOf(last)) };
  } catch (error) {
    newest.table?.close();
    throw error;
  }
}

/** The commits that a table does not hold, ascending. */
function commitsFrom(
  { table, first }: NewestTable,
  numbers: readonly number[],
  logOf: (number: number) => LogRemains,
): Commit[] {
  const commits = new Map<number, Commit>();
  for (const number of numbers) {
    if (number < first) continue;
    for (const commit of logOf(number).commits) {
      const { sequence, gap } = commit;
      // Cleanup carries commits over: the first that is found will do.
      if (commits.has(sequence) || sequence <= (table?.sequence ?? 0)) continue;
      // What is missing before a commit of a later log need not have stood there.
      const known = number === first && gap > 0;
      commits.set(sequence, known ? commit : { ...commit, gap: Infinity });
    }
  }
  return [...commits.values()].sort((a, b) => a.sequence - b.sequence);
}

/** Why commits may be missing at the end. */
function cutOf(file: string, { cut, ended, end }: LogRemains): Cut | undefined {
  if (cut !== undefined || !ended) return cut;
  return { file, offset: end, bytes: 0, reason: "the generation after its seal is missing" };
}

/** The generations of which there is anything, ascending. */
function generationsIn(files: Files, dir: string): number[] {
  const numbers = new Set<number>();
  for (const name of namesIn(files, dir)) {
    const file = parseName(name);
    if (typeof file === "object" && !file.temporary) numbers.add(file.generation);
  }
  if (numbers.size > 0) return [...numbers].sort((a, b) => a - b);
  throw new BaseNotFoundError(`Cannot salvage "${dir}": there is no table, nor a log, of a base`);
}

function namesIn(files: Files, dir: string): readonly string[] {
  try {
    return files.list(dir) ?? [];
  } catch (error) {
    if (error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}

/** What the disk is asked for again, piece by piece, where it refuses to read more. */
const SECTOR = 4096;

/**
 * Opens a file, `undefined` if there is none. What the disk refuses to read of it are zeros, which
 * verify nowhere.
 */
function openLeft(files: Files, path: string): File | undefined {
  let file: File;
  try {
    file = files.open(path, "read");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const readAt = file.readAt.bind(file);
  file.readAt = (into, at) => {
    try {
      return readAt(into, at);
    } catch {
      const length = Math.max(0, Math.min(into.length, file.size() - at));
      for (let from = 0; from < length; from += SECTOR) {
        const piece = into.subarray(from, Math.min(from + SECTOR, length));
        try {
          readAt(piece, at + from);
        } catch {
          piece.fill(0);
        }
      }
      return length;
    }
  };
  return file;
}

/** What a file holds; nothing if there is none. */
function read(files: Files, path: string, most = Infinity): Uint8Array {
  const file = openLeft(files, path);
  if (file === undefined) return new Uint8Array();
  try {
    const bytes = new Uint8Array(Math.min(file.size(), most));
    return bytes.subarray(0, file.readAt(bytes, 0));
  } finally {
    file.close();
  }
}

// ------------------------------------------------------------- which base, which generation

/** Which base a generation is of, if the header of its log or that of its table verifies. */
function ownerOf(files: Files, dir: string, number: number): Checksum | undefined {
  const { log, segment: table } = generationPaths(dir, number);
  return verifiedOwner(log, "log", read(files, log, FILE_HEADER)) ??
    verifiedOwner(table, "table", read(files, table, FILE_HEADER));
}

/** The sums of the base: by its identity file, else by the generation that opening would begin with. */
function checksumsOf(files: Files, dir: string, numbers: readonly number[]): Checksum {
  const path = join(dir, IDENTITY);
  const identity = decodeIdentity(path, read(files, path));
  if (identity instanceof Checksum) return identity;
  if (identity instanceof Destroyed) {
    throw new BaseNotFoundError(`Cannot salvage "${dir}": it was destroyed`);
  }
  let oldest: Checksum | undefined;
  for (const number of numbers.toReversed()) {
    const owner = ownerOf(files, dir, number);
    if (owner === undefined) continue;
    if (isSealedInto(files, dir, owner, number)) return owner;
    oldest = owner;
  }
  if (oldest !== undefined) return oldest;
  const reason = "nothing can be salvaged: neither the identity nor any header verifies";
  throw new CorruptionError(path, 0, reason);
}

/** Whether what leads to a generation is known to be on disk. */
function isSealedInto(files: Files, dir: string, checksums: Checksum, number: number): boolean {
  const page = read(files, generationPaths(dir, number).log, LOG_PAGE);
  return decodeDurableMark(checksums, number, page).sealedInto;
}

// ------------------------------------------------------------- tables and logs

/** The newest table that can be used. */
interface NewestTable extends Pick<Recoverable, "table" | "unusable"> {
  /** Its generation: commits from there on count; that of the oldest log, without a table. */
  readonly first: number;
}

function newestTable(
  files: Files,
  dir: string,
  checksums: Checksum,
  numbers: readonly number[],
): NewestTable {
  let unusable: Problem | undefined;
  for (const number of numbers.toReversed()) {
    try {
      const table = openTable(files, generationPaths(dir, number).segment, checksums, number);
      return { table, first: number, unusable };
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      unusable ??= problemOf(error);
    }
  }
  return { table: undefined, first: numbers[0]!, unusable };
}

function openTable(files: Files, path: string, checksums: Checksum, generation: number): Segment {
  const file = openLeft(files, path);
  if (file === undefined) throw new CorruptionError(path, 0, "the table is missing");
  try {
    return new Segment(file, checksums, generation);
  } catch (error) {
    file.close();
    throw error;
  }
}

/** What an error tells of damage. */
export function problemOf({ file, offset, reason }: CorruptionError): Problem {
  return { file, offset, reason };
}

/** Reads a log to its end, over what does not verify. */
function readLog(files: Files, dir: string, checksums: Checksum, generation: number): LogRemains {
  const file = generationPaths(dir, generation).log;
  const bytes = read(files, file);
  if (bytes.length <= LOG_PAGE) {
    const cut = { file, offset: bytes.length, bytes: 0, reason: "the log is missing" };
    return { commits: [], end: 0, ended: true, cut };
  }
  const page = bytes.slice(0, LOG_PAGE);
  // The first frame follows on zeros, whatever became of the page before it.
  bytes.fill(0, LOG_PAGE - 8, LOG_PAGE);
  const durable = claimOf(bytes, checksums, generation);
  const commits: Commit[] = [];
  let end = LOG_PAGE;
  let ended = false;
  for (let at = LOG_PAGE; at + EMPTY_FRAME <= bytes.length;) {
    const header = decodeFrameHeader(checksums, generation, at, bytes, at) &&
      decodeFrame(checksums, generation, at, bytes, at);
    // From the claim on it is a torn tail, of which nobody was told.
    if (header === undefined && end >= durable) break;
    if (header === undefined) {
      at += 8;
      continue;
    }
    // What was cut off once may still stand there. Behind damage that was on disk, it does not.
    if (!follows(bytes, at) && !(at > end && at < durable)) break;
    if (header.kind === FRAME.finalSeal) break;
    const gap = at - end;
    if (header.kind === FRAME.commit) {
      const payload = payloadOf(bytes, at, header);
      commits.push({ sequence: header.sequence, payload, file, at, gap });
    }
    at += header.length;
    end = at;
    ended = header.kind === FRAME.seal;
    if (ended) break;
  }
  const isMarked = verifiedOwner(file, "log", page) !== undefined &&
    marksHold(checksums, generation, page);
  const left = bytes.findLastIndex((byte) => byte !== 0) + 1 - end;
  let reason: string | undefined;
  if (end < durable) reason = "the last commits do not verify";
  else if (!isMarked && left > 0) {
    reason = "what may have been a commit does not verify, nor what tells whether it was one";
  }
  const cut = ended || reason === undefined
    ? undefined
    : { file, offset: end, bytes: Math.max(left, durable - end), reason };
  return { commits, end, ended, cut };
}

/** Up to where a log is known to have been on disk, by its marks and all headers that verify. */
function claimOf(bytes: Uint8Array, checksums: Checksum, generation: number): number {
  let durable = decodeDurableMark(checksums, generation, bytes.subarray(0, LOG_PAGE)).syncedTo;
  for (let at = LOG_PAGE; at + EMPTY_FRAME <= bytes.length; at += 8) {
    const header = decodeFrameHeader(checksums, generation, at, bytes, at);
    if (header !== undefined) durable = Math.max(durable, header.syncedTo);
  }
  return durable;
}
