/**
 * Recovery scan: finds the segment and the commits of a damaged table, as far as they verify. It
 * only reads.
 *
 * Opening a table relies on the identity file, and on the beginning of a log to find its end. The
 * scan judges each part by itself: checksums are seeded with the table, the generation and the
 * offset, so a frame or a footer that verifies was written there, whatever happened to the bytes
 * around it.
 *
 * @module
 */

import { orDamage, type Problem, problemOf } from "./integrity_check.ts";
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
export interface FoundCommit {
  /** Its position in the order of all commits. */
  readonly sequence: number;
  /** What it changes. */
  readonly payload: Uint8Array;
  /** Its log. */
  readonly file: string;
  /** Its offset in the log. */
  readonly at: number;
  /** How many bytes before it do not verify; infinite if lost commits may have stood elsewhere. */
  readonly gap: number;
}

/** Where the part of a log that verifies ends, before the end of what was written. */
export interface Cut extends Problem {
  /** How many bytes follow. */
  readonly bytes: number;
}

/** The recoverable part of a log. */
interface LogScan {
  /** Its commits, ascending. */
  readonly commits: readonly FoundCommit[];
  /** Why commits may be missing at the end. */
  readonly cut: Cut | undefined;
  /** Where the last frame that verifies ends. */
  readonly end: number;
  /** Whether the next generation takes over: the log has a seal, or is gone already. */
  readonly ended: boolean;
}

/** The recoverable part of a table. */
export interface Recoverable {
  /** One of its files. */
  readonly file: string;
  /** The newest segment that can be read. */
  readonly segment: Segment | undefined;
  /** Why that is not the segment of the current generation. */
  readonly unusable: Problem | undefined;
  /** The commits that the segment does not hold, ascending. */
  readonly commits: readonly FoundCommit[];
  /** Why commits may be missing at the end. */
  readonly cut: Cut | undefined;
}

/**
 * Finds the recoverable part of the table in `dir`; the caller closes the segment.
 *
 * @throws {BaseNotFoundError} If there never was a table, or it was destroyed.
 * @throws {CorruptionError} If nothing tells which table it is.
 * @throws {FormatVersionError} If a newer psbase wrote it.
 */
export function scanForRecovery(files: Files, dir: string): Recoverable {
  const numbers = generationsIn(files, dir);
  const checksums = findChecksums(files, dir, numbers);
  // An interrupted override leaves files of the replaced table.
  const ours = numbers.filter((number) => {
    const owner = ownerOfGeneration(files, dir, number);
    return owner === undefined || sameBytes(owner.uuid, checksums.uuid);
  });
  if (ours.length === 0) {
    throw new CorruptionError(join(dir, IDENTITY), 0, "no segment and no log is of this table");
  }
  const logs = new Map<number, LogScan>();
  const logOf = (number: number) => {
    const log = logs.get(number) ?? scanLog(files, dir, checksums, number);
    logs.set(number, log);
    return log;
  };
  // The current generation is found as opening finds it, see `generations.ts`.
  let at = Math.max(0, ours.findLastIndex((number) => isSealedInto(files, dir, checksums, number)));
  while (at < ours.length - 1 && logOf(ours[at]!).ended) at++;
  const last = ours[at]!;
  const used = ours.slice(0, at + 1);
  const { log, segment } = generationPaths(dir, last);
  const file = files.fileId(log) === undefined ? segment : log;
  const newest = newestSegment(files, dir, checksums, used);
  try {
    const commits = commitsAfter(newest, used, logOf);
    return { file, ...newest, commits, cut: cutOf(log, logOf(last)) };
  } catch (error) {
    newest.segment?.close();
    throw error;
  }
}

/** The commits that a segment does not hold, ascending. */
function commitsAfter(
  { segment, first }: NewestSegment,
  numbers: readonly number[],
  logOf: (number: number) => LogScan,
): FoundCommit[] {
  const commits = new Map<number, FoundCommit>();
  for (const number of numbers) {
    if (number < first) continue;
    for (const commit of logOf(number).commits) {
      const { sequence, gap } = commit;
      // Compaction carries commits over, so two logs may hold the same one.
      if (commits.has(sequence) || sequence <= (segment?.sequence ?? 0)) continue;
      // Commits that are missing before one of a later log need not have stood in that log.
      const known = number === first && gap > 0;
      commits.set(sequence, known ? commit : { ...commit, gap: Infinity });
    }
  }
  return [...commits.values()].sort((a, b) => a.sequence - b.sequence);
}

/** Why commits may be missing after the last log. */
function cutOf(file: string, { cut, ended, end }: LogScan): Cut | undefined {
  if (cut !== undefined || !ended) return cut;
  return { file, offset: end, bytes: 0, reason: "the generation after its seal is missing" };
}

/** The generations of which at least one file exists, ascending. */
function generationsIn(files: Files, dir: string): number[] {
  const numbers = new Set<number>();
  for (const name of namesIn(files, dir)) {
    const file = parseName(name);
    if (typeof file === "object" && !file.temporary) numbers.add(file.generation);
  }
  if (numbers.size > 0) return [...numbers].sort((a, b) => a - b);
  throw new BaseNotFoundError(`Cannot salvage "${dir}": it holds no files of a table`);
}

function namesIn(files: Files, dir: string): readonly string[] {
  try {
    return files.list(dir) ?? [];
  } catch (error) {
    if (error instanceof Deno.errors.NotADirectory) return [];
    throw error;
  }
}

/** Where the disk refuses to read, the scan tries again in pieces of this size. */
const SECTOR = 4096;

/**
 * Opens a file; returns nothing if there is none. Sectors that the disk refuses to read become zeros,
 * which verify nowhere.
 */
function openDamaged(files: Files, path: string): File | undefined {
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

/** The bytes of a file, empty if there is none. */
function read(files: Files, path: string, most = Infinity): Uint8Array {
  using file = openDamaged(files, path);
  if (file === undefined) return new Uint8Array();
  const bytes = new Uint8Array(Math.min(file.size(), most));
  return bytes.subarray(0, file.readAt(bytes, 0));
}

// ------------------------------------------------------------- which table, which generation

/** The table of a generation, if the header of its log or of its segment verifies. */
function ownerOfGeneration(files: Files, dir: string, number: number): Checksum | undefined {
  const { log, segment } = generationPaths(dir, number);
  return verifiedOwner(log, "log", read(files, log, FILE_HEADER)) ??
    verifiedOwner(segment, "table", read(files, segment, FILE_HEADER));
}

/**
 * The checksums of the table, from its identity file or else from the generation with which opening
 * would begin.
 */
function findChecksums(files: Files, dir: string, numbers: readonly number[]): Checksum {
  const path = join(dir, IDENTITY);
  const identity = decodeIdentity(path, read(files, path));
  if (identity instanceof Checksum) return identity;
  if (identity instanceof Destroyed) {
    throw new BaseNotFoundError(`Cannot salvage "${dir}": it was destroyed`);
  }
  let oldest: Checksum | undefined;
  for (const number of numbers.toReversed()) {
    const owner = ownerOfGeneration(files, dir, number);
    if (owner === undefined) continue;
    if (isSealedInto(files, dir, owner, number)) return owner;
    oldest = owner;
  }
  if (oldest !== undefined) return oldest;
  const reason = "nothing can be salvaged: neither the identity nor any header verifies";
  throw new CorruptionError(path, 0, reason);
}

/** Whether a log says that the record that leads to it is on disk. */
function isSealedInto(files: Files, dir: string, checksums: Checksum, number: number): boolean {
  const page = read(files, generationPaths(dir, number).log, LOG_PAGE);
  return decodeDurableMark(checksums, number, page).sealedInto;
}

// ------------------------------------------------------------- segments and logs

/** The newest segment that can be read. */
interface NewestSegment extends Pick<Recoverable, "segment" | "unusable"> {
  /** The first generation whose commits count: its own, or the oldest if there is no segment. */
  readonly first: number;
}

function newestSegment(
  files: Files,
  dir: string,
  checksums: Checksum,
  numbers: readonly number[],
): NewestSegment {
  let unusable: Problem | undefined;
  for (const number of numbers.toReversed()) {
    const path = generationPaths(dir, number).segment;
    const segment = orDamage(() => openSegment(files, path, checksums, number));
    if (segment instanceof Segment) return { segment, first: number, unusable };
    unusable ??= problemOf(segment);
  }
  return { segment: undefined, first: numbers[0]!, unusable };
}

function openSegment(files: Files, path: string, checksums: Checksum, generation: number): Segment {
  const file = openDamaged(files, path);
  if (file === undefined) throw new CorruptionError(path, 0, "the segment is missing");
  try {
    return new Segment(file, checksums, generation);
  } catch (error) {
    file.close();
    throw error;
  }
}

/** Reads a log to its end, skipping bytes that do not verify. */
function scanLog(files: Files, dir: string, checksums: Checksum, generation: number): LogScan {
  const file = generationPaths(dir, generation).log;
  const bytes = read(files, file);
  if (bytes.length <= LOG_PAGE) {
    const cut = { file, offset: bytes.length, bytes: 0, reason: "the log is missing" };
    return { commits: [], end: 0, ended: true, cut };
  }
  const page = bytes.slice(0, LOG_PAGE);
  // The chain of the first frame begins with zeros, whatever happened to the page before it.
  bytes.fill(0, LOG_PAGE - 8, LOG_PAGE);
  const durable = durableOffset(bytes, checksums, generation);
  const commits: FoundCommit[] = [];
  let end = LOG_PAGE;
  let ended = false;
  for (let at = LOG_PAGE; at + EMPTY_FRAME <= bytes.length;) {
    const header = decodeFrameHeader(checksums, generation, at, bytes, at) &&
      decodeFrame(checksums, generation, at, bytes, at);
    // From the durable offset on it is a torn tail, which was never acknowledged.
    if (header === undefined && end >= durable) break;
    if (header === undefined) {
      at += 8;
      continue;
    }
    // Frames that were once cut off may still stand there, but not after damage below the durable
    // offset.
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
    reason = "bytes that may have been a commit do not verify, nor does the durable mark";
  }
  const cut = ended || reason === undefined
    ? undefined
    : { file, offset: end, bytes: Math.max(left, durable - end), reason };
  return { commits, end, ended, cut };
}

/** The durable offset of a log, by its mark and all headers that verify. */
function durableOffset(bytes: Uint8Array, checksums: Checksum, generation: number): number {
  let durable = decodeDurableMark(checksums, generation, bytes.subarray(0, LOG_PAGE)).syncedTo;
  for (let at = LOG_PAGE; at + EMPTY_FRAME <= bytes.length; at += 8) {
    const header = decodeFrameHeader(checksums, generation, at, bytes, at);
    if (header !== undefined) durable = Math.max(durable, header.syncedTo);
  }
  return durable;
}
