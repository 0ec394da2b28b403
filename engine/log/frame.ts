/**
 * engine/log/frame.ts
 *
 * @module
 */

import { type Checksum, checksumStands, SUM } from "../bytes/checksum.ts";
import { align8, getUint32, getUint53, setUint32, setUint53, viewOf } from "../bytes/bytes.ts";
import { encodeFileHeader } from "../bytes/header.ts";

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
  checksums: Checksum,
  kind: number,
  generation: number,
  at: number,
  value: number,
): Patch {
  const bytes = new Uint8Array(16);
  setUint53(bytes, 0, value);
  checksums.put(kind, generation, at, bytes, 0, 8);
  return { at, bytes };
}

/** What says that whatever leads to this log is on disk. */
export function encodeSealedInto(checksums: Checksum, generation: number): Patch {
  return encodeFlag(checksums, SUM.sealedInto, generation, SEALED_INTO, 1);
}

/** What says that the log is on disk up to `syncedTo`, in the slot of `nonce`. */
export function encodeDurableMark(
  checksums: Checksum,
  generation: number,
  nonce: bigint,
  syncedTo: number,
): Patch {
  const slot = Number(nonce % BigInt(MARK_SLOTS));
  return encodeFlag(
    checksums,
    SUM.mark,
    generation,
    MARK_SLOT_0 + slot * MARK_SLOT_LENGTH,
    syncedTo,
  );
}

/** The first page of a new log. */
export function encodeLogPage(
  checksums: Checksum,
  generation: number,
  syncedTo: number,
): Uint8Array {
  const page = new Uint8Array(LOG_PAGE);
  page.set(encodeFileHeader("log", checksums, generation));
  const mark = encodeDurableMark(checksums, generation, 0n, syncedTo);
  page.set(mark.bytes, mark.at);
  return page;
}

/** The mark of a log: how far it is known to be on disk, and the seal that leads to it. */
export function decodeDurableMark(
  checksums: Checksum,
  generation: number,
  page: Uint8Array,
): { syncedTo: number; sealedInto: boolean } {
  const flag = (kind: number, at: number) =>
    checksums.holds(kind, generation, at, page.subarray(at, at + 16), 0, 8);
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
export function marksHold(checksums: Checksum, generation: number, page: Uint8Array): boolean {
  for (let slot = 0; slot < MARK_SLOTS; slot++) {
    const at = MARK_SLOT_0 + slot * MARK_SLOT_LENGTH;
    const mark = page.subarray(at, at + MARK_SLOT_LENGTH);
    if (mark.every((byte) => byte === 0)) continue;
    if (!checksums.holds(SUM.mark, generation, at, mark, 0, 8)) return false;
  }
  return true;
}

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
  checksums: Checksum,
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
  checksums.put(SUM.frameHeader, generation, at, bytes, 0, 40);
  bytes.set(payload, FRAME_HEADER);
  const sum = checksums.of(SUM.frame, generation, at, bytes, 0, body);
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
  checksums: Checksum,
  generation: number,
  at: number,
  bytes: Uint8Array,
  from: number,
): FrameHeader | undefined {
  const header = parseFrameHeader(bytes, from);
  if (header === undefined) return undefined;
  const holds = checksums.holds(SUM.frameHeader, generation, at, bytes, from, from + 40);
  return holds ? header : undefined;
}

/**
 * The header of the frame that stands as a whole at `from` of `bytes`, which is
 * offset `at` of its log, or `undefined`. The frame's sum covers the header: the
 * header's own is for frames that are not whole.
 */
export function decodeFrame(
  checksums: Checksum,
  generation: number,
  at: number,
  bytes: Uint8Array,
  from: number,
): FrameHeader | undefined {
  const header = parseFrameHeader(bytes, from);
  if (header === undefined || from + header.length > bytes.length) return undefined;
  const body = from + header.length - FRAME_TRAILER;
  const sum = checksums.of(SUM.frame, generation, at, bytes, from, body);
  return checksumStands(sum, 4, bytes, body) ? header : undefined;
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
