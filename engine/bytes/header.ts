/**
 * The header that every file begins with: the kind of the file, the version of the format, the UUID
 * of the table and the generation. The identity file is nothing but a header.
 *
 * @module
 */

import { FormatVersionError } from "../system/errors.ts";
import { Checksum, SUM } from "./checksum.ts";
import { getUint32, sameBytes, setUint32 } from "./bytes.ts";

/** The version of the format that this code writes, and the newest that it reads. */
const FORMAT_VERSION = 1;

function checkVersion(path: string, version: number): void {
  if (version <= FORMAT_VERSION) return;
  throw new FormatVersionError(
    `Cannot open "${path}": it has format ${version}, this version of psbase knows formats up to ` +
      `${FORMAT_VERSION}, use a newer psbase`,
  );
}

const MAGIC = {
  base: new TextEncoder().encode("PSBASE\r\n"),
  destroyed: new TextEncoder().encode("PSGONE\r\n"),
  table: new TextEncoder().encode("PSTABLE\n"),
  log: new TextEncoder().encode("PSLOG\r\n\0"),
};

/** Length of a header. */
export const FILE_HEADER = 40;

/** The header of a file; the generation of the identity file is 0. */
export function encodeFileHeader(
  kind: keyof typeof MAGIC,
  checksums: Checksum,
  generation: number,
): Uint8Array {
  const bytes = new Uint8Array(FILE_HEADER);
  bytes.set(MAGIC[kind]);
  setUint32(bytes, 8, FORMAT_VERSION);
  setUint32(bytes, 12, generation);
  bytes.set(checksums.uuid, 16);
  checksums.put(SUM.fileHeader, 0, 0, bytes, 0, 32);
  return bytes;
}

function hasMagic(kind: keyof typeof MAGIC, bytes: Uint8Array): boolean {
  return sameBytes(bytes.subarray(0, 8), MAGIC[kind]);
}

/**
 * The checksums of the table that a file belongs to; `undefined` if its header does not verify. The
 * header is the same in all versions of the format, so that a newer one can be told from damage.
 *
 * @throws {FormatVersionError} If a newer psbase wrote it.
 */
export function verifiedOwner(
  path: string,
  kind: keyof typeof MAGIC,
  bytes: Uint8Array,
): Checksum | undefined {
  if (bytes.length < FILE_HEADER || !hasMagic(kind, bytes)) return undefined;
  const checksums = new Checksum(bytes.slice(16, 32));
  if (!checksums.holds(SUM.fileHeader, 0, 0, bytes, 0, 32)) return undefined;
  checkVersion(path, getUint32(bytes, 8));
  return checksums;
}

/** The bytes of the identity file. */
export function encodeIdentity(checksums: Checksum): Uint8Array {
  return encodeFileHeader("base", checksums, 0);
}

/** A tombstone: the content of the identity file while the table is being destroyed. */
export class Destroyed {
  /** The checksums of the table: files that verify with them may be removed. */
  readonly checksums: Checksum;

  constructor(checksums: Checksum) {
    this.checksums = checksums;
  }
}

/** The bytes of the identity file of a table that is being destroyed. */
export function encodeDestroyed(checksums: Checksum): Uint8Array {
  return encodeFileHeader("destroyed", checksums, 0);
}

/**
 * Reads the identity file.
 *
 * @returns The checksums of the table; {@linkcode Destroyed} for a tombstone; `"empty"` for no
 * bytes or zeros (an interrupted create); `"damaged"` if the checksum is wrong; else `"foreign"`.
 * @throws {FormatVersionError} If a newer psbase wrote it.
 */
export function decodeIdentity(
  path: string,
  bytes: Uint8Array,
): Checksum | Destroyed | "empty" | "damaged" | "foreign" {
  if (bytes.every((byte) => byte === 0)) return "empty";
  if (hasMagic("base", bytes)) return verifiedOwner(path, "base", bytes) ?? "damaged";
  if (!hasMagic("destroyed", bytes)) return "foreign";
  const checksums = verifiedOwner(path, "destroyed", bytes);
  return checksums === undefined ? "damaged" : new Destroyed(checksums);
}

/**
 * Whether the file that begins with `bytes` belongs to this table and generation, or to another
 * table; `"damaged"` if its header does not verify or tells another generation.
 *
 * @throws {FormatVersionError} If a newer psbase wrote it.
 */
export function fileOwner(
  path: string,
  kind: "table" | "log",
  bytes: Uint8Array,
  checksums: Checksum,
  generation: number,
): "ours" | "other" | "damaged" {
  const owner = verifiedOwner(path, kind, bytes);
  if (owner === undefined) return "damaged";
  if (!sameBytes(owner.uuid, checksums.uuid)) return "other";
  return getUint32(bytes, 12) === generation ? "ours" : "damaged";
}

/**
 * The most rows in a row group: few enough that a change of one row rewrites little, and enough
 * that a scan spends its time in the columns.
 */
export const GROUP_ROWS = 16_384;

/** The length of a commit key, in bytes. */
export const KEY_BYTES = 16;
