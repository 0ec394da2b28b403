/**
 * The identity file: whether there is a base, and which. Create writes it as its last step, destroy
 * overwrites it with a tombstone as its first one; it is also the file that writers lock.
 *
 * @module
 */

import { BaseError, BaseNotFoundError, CorruptionError, ReadOnlyError } from "../system/errors.ts";
import type { File, Files } from "../system/file.ts";
import { IDENTITY, parseName } from "../lock/layout.ts";
import { join, parentOf } from "../system/path.ts";
import { getUint32, sameBytes } from "../bytes/bytes.ts";
import { Checksum } from "../bytes/checksum.ts";
import {
  decodeIdentity,
  Destroyed,
  encodeDestroyed,
  encodeIdentity,
  FILE_HEADER,
  verifiedOwner,
} from "../bytes/header.ts";
import { decodeDurableMark, LOG_PAGE } from "../log/frame.ts";

/** What stands in an identity file. */
export function identityBytes(file: File): Uint8Array {
  const bytes = new Uint8Array(FILE_HEADER);
  return bytes.subarray(0, file.readAt(bytes, 0));
}

/** Reads an identity, as far as there is one. */
export function readIdentity(file: File): ReturnType<typeof decodeIdentity> {
  return decodeIdentity(file.path, identityBytes(file));
}

/**
 * Writes the identity and forces it to the device, with all that leads to it: whoever
 * began to may have been killed, or not have heard of a sync that failed.
 */
export function makeIdentityDurable(
  files: Files,
  dir: string,
  file: File,
  checksums: Checksum,
): void {
  file.writeAt(encodeIdentity(checksums), 0);
  file.syncSync();
  files.syncDir(dir);
  files.syncDir(parentOf(dir));
}

/** Makes an identity a tombstone, on the device: from here on there is no base. */
export function buryIdentity(file: File, checksums: Checksum): void {
  file.writeAt(encodeDestroyed(checksums), 0);
  file.syncSync();
}

/**
 * The base that a file of a generation belongs to; `undefined` where its header does not verify.
 *
 * @throws {FormatVersionError} If a newer psbase wrote it.
 */
export function ownerOf(files: Files, path: string, kind: "table" | "log"): Checksum | undefined {
  const file = files.open(path, "read");
  try {
    return verifiedOwner(path, kind, identityBytes(file));
  } finally {
    file.close();
  }
}

/**
 * Beside a tombstone: whether all files are of the base that was destroyed. The tombstone was
 * written when no other base had files there, so any of another base lost their identity. A file
 * whose header does not verify is one that was damaged before.
 *
 * @throws {CorruptionError} If there are files of another base.
 */
export function checkDestroyed(files: Files, dir: string, { uuid }: Checksum): void {
  for (const name of files.list(dir) ?? []) {
    const file = parseName(name);
    if (typeof file !== "object" || file.temporary) continue;
    const owner = ownerOf(files, join(dir, name), file.kind);
    if (owner !== undefined && !sameBytes(owner.uuid, uuid)) throw lostIdentity(dir, name);
  }
}

function lostIdentity(dir: string, name: string): CorruptionError {
  return new CorruptionError(
    join(dir, IDENTITY),
    0,
    `the identity is lost beside what is in "${name}"`,
  );
}

/**
 * Where there is no identity: whether its creation was interrupted, or there never was one.
 * Commits beside it, or a log that knows what led to it on disk, tell of one that was lost.
 *
 * @throws {CorruptionError} If there are any.
 */
export function checkNoCommits(files: Files, dir: string): void {
  for (const name of files.list(dir) ?? []) {
    const file = parseName(name);
    if (typeof file !== "object" || file.temporary) continue;
    if (file.generation === 1 && !(file.kind === "log" && isCreated(files, join(dir, name)))) {
      continue;
    }
    throw lostIdentity(dir, name);
  }
}

/** Whether a first log tells that the identity was on disk, as rows of a backup stand in its table. */
function isCreated(files: Files, path: string): boolean {
  const file = files.open(path, "read");
  try {
    const bytes = new Uint8Array(LOG_PAGE + 4);
    file.readAt(bytes, 0);
    if (getUint32(bytes, LOG_PAGE) !== 0) return true;
    const checksums = verifiedOwner(path, "log", bytes);
    return checksums !== undefined &&
      decodeDurableMark(checksums, 1, bytes.subarray(0, LOG_PAGE)).sealedInto;
  } finally {
    file.close();
  }
}

/**
 * The sums of the base in `dir`, whose identity is open.
 *
 * @throws {BaseNotFoundError} If it is no identity, or a create or destroy was interrupted.
 * @throws {CorruptionError} If it is damaged.
 */
export function checksumsOf(files: Files, dir: string, file: File): Checksum {
  let checksums = readIdentity(file);
  if (checksums === "empty" || checksums === "foreign") {
    try {
      checkNoCommits(files, dir);
    } catch (error) {
      const before = checksums;
      // Unless somebody made, or unmade, the base meanwhile.
      checksums = readIdentity(file);
      const still = checksums === before && files.fileId(file.path) === file.fileId;
      if (still && error instanceof CorruptionError) throw error;
    }
  }
  if (checksums instanceof Checksum) return checksums;
  if (checksums === "damaged") {
    throw new CorruptionError(file.path, 0, "the identity of the base does not verify");
  }
  const told = checksums === "empty"
    ? "its creation was interrupted, create it again"
    : checksums instanceof Destroyed
    ? "it was destroyed, create it again"
    : `the file "${IDENTITY}" in it was not written by psbase`;
  throw new BaseNotFoundError(`Cannot open "${dir}": ${told}`);
}

/** What stands in the identity file at `path`; nothing if there is none. */
export function identityAt(files: Files, path: string): Uint8Array {
  let file: File;
  try {
    file = files.open(path, "read");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Uint8Array();
    throw error;
  }
  try {
    return identityBytes(file);
  } finally {
    file.close();
  }
}

/** What an identity file that the system did not open means to a user. */
export function openError(files: Files, dir: string, path: string, error: unknown): unknown {
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
    const there = files.fileId(dir) === undefined ? "there is nothing" : "there is no base";
    return new BaseNotFoundError(`Cannot open "${dir}": ${there}, create it first`);
  }
  if (error instanceof BaseError) return error;
  const said = (error as Error).message;
  try {
    files.open(path, "read").close();
  } catch {
    return unreadable(dir, error);
  }
  const refused = `Cannot open "${dir}" for writing: ${said}, open it with readOnly to read it`;
  return new ReadOnlyError(refused, { cause: error });
}

/** What a base that the system lets nobody read is refused with; errors of psbase as they are. */
export function unreadable(dir: string, error: unknown): unknown {
  if (error instanceof BaseError || error instanceof Deno.errors.NotCapable) return error;
  const advice = error instanceof Deno.errors.PermissionDenied ? ", ask its owner for access" : "";
  return new BaseError(`Cannot open "${dir}": ${(error as Error).message}${advice}`, {
    cause: error,
  });
}
