/**
 * The identity file: it tells whether a directory holds a table, and which. Create writes it as its
 * last step, destroy overwrites it with a tombstone as its first step. Writers lock it.
 *
 * @module
 */

import { BaseError, BaseNotFoundError, CorruptionError, ReadOnlyError } from "../system/errors.ts";
import { type File, type Files, openExisting } from "../system/file.ts";
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

/** The content of an open identity file. */
export function identityBytes(file: File): Uint8Array {
  const bytes = new Uint8Array(FILE_HEADER);
  return bytes.subarray(0, file.readAt(bytes, 0));
}

/** Reads and decodes an identity file. */
export function readIdentity(file: File): ReturnType<typeof decodeIdentity> {
  return decodeIdentity(file.path, identityBytes(file));
}

/**
 * Writes the identity and forces it to the device, with everything that leads to it. Another
 * process may have begun this and been killed, or its sync may have failed without notice.
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

/** Overwrites the identity with a tombstone, and forces that to the device: the table is gone. */
export function buryIdentity(file: File, checksums: Checksum): void {
  file.writeAt(encodeDestroyed(checksums), 0);
  file.syncSync();
}

/**
 * The checksums of the table that a segment or log belongs to; `undefined` if its header does not
 * verify.
 *
 * @throws {FormatVersionError} If a newer psbase wrote it.
 */
export function ownerOf(files: Files, path: string, kind: "table" | "log"): Checksum | undefined {
  using file = files.open(path, "read");
  return verifiedOwner(path, kind, identityBytes(file));
}

/**
 * Checks that all files beside a tombstone belong to the table that was destroyed. When the
 * tombstone was written, no other table had files there, so a table with other files has lost its
 * identity. A file whose header does not verify was damaged before.
 *
 * @throws {CorruptionError} If a file belongs to another table.
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
    `the identity is lost, but "${name}" may hold rows`,
  );
}

/**
 * Checks that a missing identity was never complete: its creation was interrupted, or there was
 * none. Commits in the directory, or a log that knows the identity to be on disk, show that it was
 * lost.
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

/**
 * Whether the first log has commits, or knows the identity to be on disk: the segment of a backup
 * has rows without any commit.
 */
function isCreated(files: Files, path: string): boolean {
  using file = files.open(path, "read");
  const bytes = new Uint8Array(LOG_PAGE + 4);
  file.readAt(bytes, 0);
  if (getUint32(bytes, LOG_PAGE) !== 0) return true;
  const checksums = verifiedOwner(path, "log", bytes);
  return checksums !== undefined &&
    decodeDurableMark(checksums, 1, bytes.subarray(0, LOG_PAGE)).sealedInto;
}

/**
 * The checksums of the table in `dir`, whose identity file is open.
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
      // Unless another process created or destroyed the table meanwhile.
      checksums = readIdentity(file);
      const still = checksums === before && files.fileId(file.path) === file.fileId;
      if (still && error instanceof CorruptionError) throw error;
    }
  }
  if (checksums instanceof Checksum) return checksums;
  if (checksums === "damaged") {
    throw new CorruptionError(file.path, 0, "the identity of the table does not verify");
  }
  const reason = checksums === "empty"
    ? "its creation was interrupted, create it again"
    : checksums instanceof Destroyed
    ? "it was destroyed, create it again"
    : `the file "${IDENTITY}" in it was not written by psbase`;
  throw new BaseNotFoundError(`Cannot open "${dir}": ${reason}`);
}

/** The content of the identity file at `path`; no bytes if there is none. */
export function identityAt(files: Files, path: string): Uint8Array {
  using file = openExisting(files, path, "read");
  return file === undefined ? new Uint8Array() : identityBytes(file);
}

/** The error for an identity file that the system did not open. */
export function openError(files: Files, dir: string, path: string, error: unknown): unknown {
  if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
    const reason = files.fileId(dir) === undefined
      ? "it does not exist"
      : "there is no table in it";
    return new BaseNotFoundError(`Cannot open "${dir}": ${reason}, create it first`);
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

/**
 * The error for a table that the system does not let us read. Errors of psbase stay as they are.
 */
export function unreadable(dir: string, error: unknown): unknown {
  if (error instanceof BaseError || error instanceof Deno.errors.NotCapable) return error;
  const advice = error instanceof Deno.errors.PermissionDenied ? ", ask its owner for access" : "";
  return new BaseError(`Cannot open "${dir}": ${(error as Error).message}${advice}`, {
    cause: error,
  });
}
