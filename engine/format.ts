/**
 * Bytes: the fixed structures of the identity file and the log, and the one
 * checksum. Pure functions, no files. All numbers are little-endian; offsets
 * and lengths are in bytes. ARCHITECTURE.md draws the same layouts.
 *
 * ```text
 * header     magic 8 · version 4 · generation 4 · uuid 16 · sum 8
 * identity   header                      of generation 0; of a base that is gone, its magic says so
 * log page   header                                                             at 0
 *            1 8 · sum 8                                     sealedInto, at SEALED_INTO
 *            ( syncedTo 8 · sum 8 ) × MARK_SLOTS                         at MARK_SLOT_0
 * frame      length 4 · kind 1 · nonce 3 · sequence 8 · prev 8 · nonce 8 · syncedTo 8 ·
 *            headerSum 8 · payload · 0 … · sum 8 · chain 8        a multiple of 8 long
 * ```
 *
 * @module
 */

import { FormatVersionError } from "./errors.ts";
import { hash128 } from "./hash.ts";

/** The version of the format that this code writes, and the newest that it reads. */
const FORMAT_VERSION = 1;

/** What a sum is of: bytes of one place never verify in another. */
export const SUM = {
  fileHeader: 1,
  sealedInto: 3,
  mark: 4,
  frameHeader: 5,
  frame: 6,
  footer: 7,
  directory: 8,
  page: 9,
} as const;

/** Sums of one base: seeded with its UUID, what the bytes are, and where they stand. */
export class Checksum {
  /** The base's 16 random bytes. */
  readonly uuid: Uint8Array;
  readonly #words: Int32Array;
  readonly #seed = new Int32Array(4);

  constructor(uuid: Uint8Array) {
    this.uuid = uuid;
    this.#words = new Int32Array(uuid.slice().buffer);
  }

  /**
   * The 128 bits over `bytes[from, to)`, valid until the next sum.
   *
   * @param kind What the bytes are, of {@linkcode SUM}.
   * @param owner The generation or row group that they belong to.
   * @param at The offset, or the number, that they have in it.
   * @param bytes Where what is to be summed stands.
   * @param from Where it begins.
   * @param to Where it ends.
   */
  of(
    kind: number,
    owner: number,
    at: number,
    bytes: Uint8Array,
    from: number,
    to: number,
  ): Int32Array {
    const seed = this.#seed;
    seed[0] = this.#words[0]! ^ kind;
    seed[1] = this.#words[1]! ^ owner;
    seed[2] = this.#words[2]! ^ at;
    seed[3] = this.#words[3]! ^ (at / 2 ** 32);
    return hash128(bytes, seed, from, to);
  }

  /** Writes the first 64 bits of the sum over `bytes[from, to)` at `to`. */
  put(kind: number, owner: number, at: number, bytes: Uint8Array, from: number, to: number): void {
    const sum = this.of(kind, owner, at, bytes, from, to);
    setUint32(bytes, to, sum[0]!);
    setUint32(bytes, to + 4, sum[1]!);
  }

  /** Whether {@linkcode Checksum.put} would write what stands there. */
  holds(
    kind: number,
    owner: number,
    at: number,
    bytes: Uint8Array,
    from: number,
    to: number,
  ): boolean {
    return sumStands(this.of(kind, owner, at, bytes, from, to), 2, bytes, to);
  }
}

/** A view of just these bytes, for floats and bigints: to make one costs more than to read four bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The number that the 4 bytes at `at` are; the low 32 bits of `value` are written. */
export function setUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** See {@linkcode setUint32}. */
export function getUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>>
    0;
}

/** A number below 2^53, as 8 bytes. */
export function setUint53(bytes: Uint8Array, at: number, value: number): void {
  setUint32(bytes, at, value);
  setUint32(bytes, at + 4, value / 2 ** 32);
}

/** The number at `at`; 2^53 and more if the bytes are no such number. */
export function getUint53(bytes: Uint8Array, at: number): number {
  return getUint32(bytes, at) + getUint32(bytes, at + 4) * 2 ** 32;
}

/** Whether the first words of a sum stand at `at`. */
export function sumStands(sum: Int32Array, words: number, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < words; i++) {
    if (getUint32(bytes, at + i * 4) !== sum[i]! >>> 0) return false;
  }
  return true;
}

/** The next multiple of 8. */
export function align8(n: number): number {
  return Math.ceil(n / 8) * 8;
}

/** Whether two hold the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function checkVersion(path: string, version: number): void {
  if (version <= FORMAT_VERSION) return;
  throw new FormatVersionError(
    `Cannot open "${path}": it has format ${version}, this version of psbase knows formats up to ` +
      `${FORMAT_VERSION}, use a newer psbase`,
  );
}

// --------------------------------------------------------------- headers

const MAGIC = {
  base: new TextEncoder().encode("PSBASE\r\n"),
  destroyed: new TextEncoder().encode("PSGONE\r\n"),
  table: new TextEncoder().encode("PSTABLE\n"),
  log: new TextEncoder().encode("PSLOG\r\n\0"),
};

/** Length of the header that every file begins with. */
export const FILE_HEADER = 40;

/** The first bytes of a file; the identity file, of no generation, is nothing more. */
export function encodeFileHeader(
  kind: keyof typeof MAGIC,
  sums: Checksum,
  generation: number,
): Uint8Array {
  const bytes = new Uint8Array(FILE_HEADER);
  bytes.set(MAGIC[kind]);
  setUint32(bytes, 8, FORMAT_VERSION);
  setUint32(bytes, 12, generation);
  bytes.set(sums.uuid, 16);
  sums.put(SUM.fileHeader, 0, 0, bytes, 0, 32);
  return bytes;
}

function hasMagic(kind: keyof typeof MAGIC, bytes: Uint8Array): boolean {
  return sameBytes(bytes.subarray(0, 8), MAGIC[kind]);
}

/**
 * The sums of the base whose file `bytes` begin; `undefined` if the header does not verify. It is
 * the same in all versions, so that a newer one is told from a damaged one.
 *
 * @throws {FormatVersionError} If a newer psbase wrote it.
 */
export function verifiedOwner(
  path: string,
  kind: keyof typeof MAGIC,
  bytes: Uint8Array,
): Checksum | undefined {
  if (bytes.length < FILE_HEADER || !hasMagic(kind, bytes)) return undefined;
  const sums = new Checksum(bytes.slice(16, 32));
  if (!sums.holds(SUM.fileHeader, 0, 0, bytes, 0, 32)) return undefined;
  checkVersion(path, getUint32(bytes, 8));
  return sums;
}

/** The bytes of the identity file. */
export function encodeIdentity(sums: Checksum): Uint8Array {
  return encodeFileHeader("base", sums, 0);
}

/** What the identity file of a base says while the base is being destroyed: its tombstone. */
export class Destroyed {
  /** The sums of the base: files that verify with them may go. */
  readonly sums: Checksum;

  /** The base of these sums is destroyed. */
  constructor(sums: Checksum) {
    this.sums = sums;
  }
}

/** The bytes of the identity file of a base that is being destroyed. */
export function encodeDestroyed(sums: Checksum): Uint8Array {
  return encodeFileHeader("destroyed", sums, 0);
}

/**
 * Reads the identity file.
 *
 * @returns The base's sums; {@linkcode Destroyed} for a tombstone, `"empty"` for no bytes or zeros
 * (an interrupted create), `"damaged"` where the sum is wrong, `"foreign"` for anything else.
 * @throws {FormatVersionError} If a newer psbase wrote it.
 */
export function decodeIdentity(
  path: string,
  bytes: Uint8Array,
): Checksum | Destroyed | "empty" | "damaged" | "foreign" {
  if (bytes.every((byte) => byte === 0)) return "empty";
  if (hasMagic("base", bytes)) return verifiedOwner(path, "base", bytes) ?? "damaged";
  if (!hasMagic("destroyed", bytes)) return "foreign";
  const sums = verifiedOwner(path, "destroyed", bytes);
  return sums === undefined ? "damaged" : new Destroyed(sums);
}

/**
 * Whose file `bytes` begin: of this base and generation, of another base, or
 * damaged because they do not verify.
 *
 * @throws {FormatVersionError} If a newer psbase wrote it.
 */
export function fileOwner(
  path: string,
  kind: "table" | "log",
  bytes: Uint8Array,
  sums: Checksum,
  generation: number,
): "ours" | "other" | "damaged" {
  const owner = verifiedOwner(path, kind, bytes);
  if (owner === undefined) return "damaged";
  if (!sameBytes(owner.uuid, sums.uuid)) return "other";
  return getUint32(bytes, 12) === generation ? "ours" : "damaged";
}

// --------------------------------------------------------------- first page of a log

/** Length of a log's first page; its first frame begins there. */
export const LOG_PAGE = 4096;
const SEALED_INTO = 512;
const MARK_SLOT_0 = 1024;
const MARK_SLOT_LENGTH = 16;
const MARK_SLOTS = 64;

/** A piece of the first page, and where it goes. */
export interface Patch {
  /** Offset in the file. */
  readonly at: number;
  /** The bytes. */
  readonly bytes: Uint8Array;
}

/** Both are 8 bytes of number and 8 of sum. */
function encodeFlag(
  sums: Checksum,
  kind: number,
  generation: number,
  at: number,
  value: number,
): Patch {
  const bytes = new Uint8Array(16);
  setUint53(bytes, 0, value);
  sums.put(kind, generation, at, bytes, 0, 8);
  return { at, bytes };
}

/** What says that whatever leads to this log is on disk. */
export function encodeSealedInto(sums: Checksum, generation: number): Patch {
  return encodeFlag(sums, SUM.sealedInto, generation, SEALED_INTO, 1);
}

/** What says that the log is on disk up to `syncedTo`, in the slot of `nonce`. */
export function encodeMark(
  sums: Checksum,
  generation: number,
  nonce: bigint,
  syncedTo: number,
): Patch {
  const slot = Number(nonce % BigInt(MARK_SLOTS));
  return encodeFlag(sums, SUM.mark, generation, MARK_SLOT_0 + slot * MARK_SLOT_LENGTH, syncedTo);
}

/** The first page of a new log. */
export function encodeLogPage(sums: Checksum, generation: number, syncedTo: number): Uint8Array {
  const page = new Uint8Array(LOG_PAGE);
  page.set(encodeFileHeader("log", sums, generation));
  const mark = encodeMark(sums, generation, 0n, syncedTo);
  page.set(mark.bytes, mark.at);
  return page;
}

/** The mark of a log: how far it is known to be on disk, and the seal that leads to it. */
export function decodeMark(
  sums: Checksum,
  generation: number,
  page: Uint8Array,
): { syncedTo: number; sealedInto: boolean } {
  const flag = (kind: number, at: number) =>
    sums.holds(kind, generation, at, page.subarray(at, at + 16), 0, 8);
  let syncedTo = 0;
  for (let slot = 0; slot < MARK_SLOTS; slot++) {
    const at = MARK_SLOT_0 + slot * MARK_SLOT_LENGTH;
    if (at + MARK_SLOT_LENGTH > page.length) break;
    const value = getUint53(page, at);
    if (value > syncedTo && flag(SUM.mark, at)) syncedTo = value;
  }
  const sealedInto = page.length >= SEALED_INTO + 16 && getUint32(page, SEALED_INTO) === 1 &&
    flag(SUM.sealedInto, SEALED_INTO);
  return { syncedTo, sealedInto };
}

/** Whether no mark of a log's first page was lost: each verifies, or was never written. */
export function marksHold(sums: Checksum, generation: number, page: Uint8Array): boolean {
  for (let slot = 0; slot < MARK_SLOTS; slot++) {
    const at = MARK_SLOT_0 + slot * MARK_SLOT_LENGTH;
    const mark = page.subarray(at, at + MARK_SLOT_LENGTH);
    if (mark.every((byte) => byte === 0)) continue;
    if (!sums.holds(SUM.mark, generation, at, mark, 0, 8)) return false;
  }
  return true;
}

// --------------------------------------------------------------- frames

/** What a frame is. */
export const FRAME = {
  /** Changes that become visible together. */
  commit: 1,
  /** The next generation takes over. */
  seal: 2,
  /** The base is being destroyed or replaced: look at its identity file again. */
  finalSeal: 3,
} as const;

/** Length of a frame's header. */
export const FRAME_HEADER = 48;
/** Length of a frame's trailer: its sum, then its chain value. */
const FRAME_TRAILER = 16;
/** Length of a frame without payload. */
export const EMPTY_FRAME = FRAME_HEADER + FRAME_TRAILER;

/** The header of a frame. */
export interface FrameHeader {
  /** Of the whole frame, in bytes. */
  readonly length: number;
  /** Of {@linkcode FRAME}. */
  readonly kind: number;
  /** Its place in the order of all commits. */
  readonly sequence: number;
  /** How far its writer knew the log to be on disk. */
  readonly syncedTo: number;
}

/** What a frame's header is made of. */
export interface NewFrameHeader extends Omit<FrameHeader, "length"> {
  /** The chain value of its predecessor, `0n` for the first of a log. */
  readonly prev: bigint;
  /** Drawn per handle and log: the same commit, tried again, is other bytes. */
  readonly nonce: bigint;
}

/** The bytes of a frame that stands at `at` of its log. */
export function encodeFrame(
  sums: Checksum,
  generation: number,
  at: number,
  header: NewFrameHeader,
  payload: Uint8Array,
): { bytes: Uint8Array; chain: bigint } {
  const body = FRAME_HEADER + align8(payload.length);
  const bytes = new Uint8Array(body + FRAME_TRAILER);
  const view = viewOf(bytes);
  setUint32(bytes, 0, bytes.length);
  // Some bits of the nonce at once, as a sector may end anywhere in the header: the beginning of a
  // frame, tried again, must not make an old one whole.
  setUint32(bytes, 4, header.kind | Number(header.nonce & 0xffffffn) << 8);
  setUint53(bytes, 8, header.sequence);
  view.setBigUint64(16, header.prev, true);
  view.setBigUint64(24, header.nonce, true);
  setUint53(bytes, 32, header.syncedTo);
  sums.put(SUM.frameHeader, generation, at, bytes, 0, 40);
  bytes.set(payload, FRAME_HEADER);
  const sum = sums.of(SUM.frame, generation, at, bytes, 0, body);
  for (let i = 0; i < 4; i++) setUint32(bytes, body + i * 4, sum[i]!);
  return { bytes, chain: view.getBigUint64(body + 8, true) };
}

/** What a header at `from` says, if it may be one and lies within `bytes`; unverified. */
function parseFrameHeader(bytes: Uint8Array, from: number): FrameHeader | undefined {
  if (from + FRAME_HEADER > bytes.length) return undefined;
  const length = getUint32(bytes, from);
  const kind = bytes[from + 4]!;
  if (length < EMPTY_FRAME || length % 8 !== 0 || kind < 1 || kind > 3) return undefined;
  return {
    length,
    kind,
    sequence: getUint53(bytes, from + 8),
    syncedTo: getUint53(bytes, from + 32),
  };
}

/**
 * The header that stands at `from` of `bytes`, which is offset `at` of its log,
 * or `undefined`. It verifies alone, so its claim counts though its payload is torn.
 */
export function decodeFrameHeader(
  sums: Checksum,
  generation: number,
  at: number,
  bytes: Uint8Array,
  from: number,
): FrameHeader | undefined {
  const header = parseFrameHeader(bytes, from);
  if (header === undefined) return undefined;
  const holds = sums.holds(SUM.frameHeader, generation, at, bytes, from, from + 40);
  return holds ? header : undefined;
}

/**
 * The header of the frame that stands as a whole at `from` of `bytes`, which is
 * offset `at` of its log, or `undefined`. The frame's sum covers the header: the
 * header's own is for frames that are not whole.
 */
export function decodeFrame(
  sums: Checksum,
  generation: number,
  at: number,
  bytes: Uint8Array,
  from: number,
): FrameHeader | undefined {
  const header = parseFrameHeader(bytes, from);
  if (header === undefined || from + header.length > bytes.length) return undefined;
  const body = from + header.length - FRAME_TRAILER;
  const sum = sums.of(SUM.frame, generation, at, bytes, from, body);
  return sumStands(sum, 4, bytes, body) ? header : undefined;
}

/** The payload of the frame at `from`, with the zeros behind it; not a copy. */
export function payloadOf(bytes: Uint8Array, from: number, header: FrameHeader): Uint8Array {
  return bytes.subarray(from + FRAME_HEADER, from + header.length - FRAME_TRAILER);
}

/**
 * Whether the frame at `from` of `bytes` follows on what stands before it: the
 * chain value of its predecessor, or zeros before the first.
 */
export function follows(bytes: Uint8Array, from: number): boolean {
  return getUint32(bytes, from + 16) === getUint32(bytes, from - 8) &&
    getUint32(bytes, from + 20) === getUint32(bytes, from - 4);
}

/** The chain value of the frame that ends at `end` of `bytes`. */
export function chainValue(bytes: Uint8Array, end: number): bigint {
  return viewOf(bytes).getBigUint64(end - 8, true);
}
