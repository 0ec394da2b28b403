/**
 * The bytes of a log: its first page, then frames (the records of a write-ahead log). Nothing here
 * reads or writes a file. docs/internals/log_format.md draws the layout and gives an example.
 *
 * ```text
 * page     header · 0… · sealedInto at 512 · durable marks from 1024 on
 * frame    header · payload · 0… · checksum · chain value
 * ```
 *
 * @module
 */

import { type Checksum, checksumStands, SUM } from "../bytes/checksum.ts";
import { align8, getUint32, getUint53, setUint32, setUint53, viewOf } from "../bytes/bytes.ts";
import { encodeFileHeader } from "../bytes/header.ts";

/** Length of a log's first page; the first frame begins there. */
export const LOG_PAGE = 4096;

/** Where the first page says that everything that leads to the log is on disk. */
const SEALED_INTO = 512;
/** Where its durable marks begin. Writers without a common lock write them, each into a slot. */
const SLOT_0 = 1024;
const SLOT_LENGTH = 16;
const SLOTS = 64;

/** Bytes of the first page. */
export interface PageBytes {
  /** Where they go in the file. */
  readonly at: number;
  /** The bytes. */
  readonly bytes: Uint8Array;
}

/** 8 bytes of a number and 8 of checksum. */
function encodeFlag(
  checksums: Checksum,
  kind: number,
  generation: number,
  at: number,
  value: number,
): PageBytes {
  const bytes = new Uint8Array(SLOT_LENGTH);
  setUint53(bytes, 0, value);
  checksums.put(kind, generation, at, bytes, 0, 8);
  return { at, bytes };
}

/** Says that everything that leads to this log is on disk. */
export function encodeSealedInto(checksums: Checksum, generation: number): PageBytes {
  return encodeFlag(checksums, SUM.sealedInto, generation, SEALED_INTO, 1);
}

/** A durable mark: the log is on disk up to `syncedTo`. The nonce selects the slot. */
export function encodeDurableMark(
  checksums: Checksum,
  generation: number,
  nonce: bigint,
  syncedTo: number,
): PageBytes {
  const at = SLOT_0 + Number(nonce % BigInt(SLOTS)) * SLOT_LENGTH;
  return encodeFlag(checksums, SUM.durableMark, generation, at, syncedTo);
}

/** The first page of a new log that is on disk up to `syncedTo`. */
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

/** What the first page says: the largest durable mark, and whether the hand-over is complete. */
export function decodeDurableMark(
  checksums: Checksum,
  generation: number,
  page: Uint8Array,
): { syncedTo: number; sealedInto: boolean } {
  const flag = (kind: number, at: number) =>
    checksums.holds(kind, generation, at, page.subarray(at, at + SLOT_LENGTH), 0, 8);
  let syncedTo = 0;
  for (let slot = 0; slot < SLOTS; slot++) {
    const at = SLOT_0 + slot * SLOT_LENGTH;
    if (at + SLOT_LENGTH > page.length) break;
    const value = getUint53(page, at);
    if (value > syncedTo && flag(SUM.durableMark, at)) syncedTo = value;
  }
  const sealedInto = page.length >= SEALED_INTO + SLOT_LENGTH &&
    getUint32(page, SEALED_INTO) === 1 && flag(SUM.sealedInto, SEALED_INTO);
  return { syncedTo, sealedInto };
}

/** Whether no durable mark of a first page was lost: each slot verifies or was never written. */
export function marksHold(checksums: Checksum, generation: number, page: Uint8Array): boolean {
  for (let slot = 0; slot < SLOTS; slot++) {
    const at = SLOT_0 + slot * SLOT_LENGTH;
    const mark = page.subarray(at, at + SLOT_LENGTH);
    if (mark.every((byte) => byte === 0)) continue;
    if (!checksums.holds(SUM.durableMark, generation, at, mark, 0, 8)) return false;
  }
  return true;
}

/** The kinds of frames. */
export const FRAME = {
  /** Changes that become visible together. */
  commit: 1,
  /** The next generation takes over. */
  seal: 2,
  /** The table is being destroyed or replaced: read its identity file again. */
  finalSeal: 3,
} as const;

/** Length of a frame's header. */
export const FRAME_HEADER = 48;

/** Length of a frame's trailer: its checksum, then its chain value. */
const FRAME_TRAILER = 16;

/** Length of a frame without payload. */
export const EMPTY_FRAME = FRAME_HEADER + FRAME_TRAILER;

/** The header of a frame. */
export interface FrameHeader {
  /** Length of the whole frame, in bytes. */
  readonly length: number;
  /** One of {@linkcode FRAME}. */
  readonly kind: number;
  /** Its place in the order of all commits; a seal repeats the last one. */
  readonly sequence: number;
  /** The durable offset, as far as the writer knew it. */
  readonly syncedTo: number;
}

/** The fields of a header to be written. */
export interface NewFrameHeader extends Omit<FrameHeader, "length"> {
  /** The chain value of the frame before, `0n` for the first frame of a log. */
  readonly prev: bigint;
  /** Drawn for each handle and log: the same commit, tried again, is other bytes. */
  readonly nonce: bigint;
}

/** A frame to be appended. */
export interface NewFrame {
  /** One of {@linkcode FRAME}. */
  readonly kind: number;
  /** What it holds. */
  readonly payload: Uint8Array;
}

/** The bytes of a frame that goes to offset `at` of its log. */
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
  // Some bits of the nonce come this early because a sector may end anywhere in the header: the
  // beginning of a retried frame must not complete an old one.
  setUint32(bytes, 4, header.kind | Number(header.nonce & 0xffffffn) << 8);
  setUint53(bytes, 8, header.sequence);
  view.setBigUint64(16, header.prev, true);
  view.setBigUint64(24, header.nonce, true);
  setUint53(bytes, 32, header.syncedTo);
  checksums.put(SUM.frameHeader, generation, at, bytes, 0, 40);
  bytes.set(payload, FRAME_HEADER);
  const checksum = checksums.of(SUM.frame, generation, at, bytes, 0, body);
  for (let i = 0; i < 4; i++) setUint32(bytes, body + i * 4, checksum[i]!);
  return { bytes, chain: view.getBigUint64(body + 8, true) };
}

/**
 * The bytes of frames that go to offset `at` of their log, one after another.
 *
 * @param after The commit, chain value and durable offset before the first of them.
 */
export function encodeFrames(
  checksums: Checksum,
  generation: number,
  at: number,
  after: Omit<NewFrameHeader, "kind">,
  frames: readonly NewFrame[],
): { parts: Uint8Array[]; end: number; sequence: number; chain: bigint } {
  let { sequence, prev } = after;
  const parts = frames.map(({ kind, payload }) => {
    if (kind === FRAME.commit) sequence++;
    const header = { ...after, kind, sequence, prev };
    const { bytes, chain } = encodeFrame(checksums, generation, at, header, payload);
    at += bytes.length;
    prev = chain;
    return bytes;
  });
  return { parts, end: at, sequence, chain: prev };
}

/** The header at `from`, unverified; `undefined` if there cannot be one. */
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
 * The header at `from` of `bytes`, which is offset `at` of the log; `undefined` if it does not
 * verify. A header verifies on its own, so its durable offset counts even if the payload is torn.
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
 * The header of the frame at `from` of `bytes`, which is offset `at` of the log; `undefined` if the
 * frame is not whole or does not verify. The frame's checksum covers the header: the header's own
 * checksum is for frames that are not whole.
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
  const checksum = checksums.of(SUM.frame, generation, at, bytes, from, body);
  return checksumStands(checksum, 4, bytes, body) ? header : undefined;
}

/** The payload of the frame at `from`, with the zeros that pad it; not a copy. */
export function payloadOf(bytes: Uint8Array, from: number, header: FrameHeader): Uint8Array {
  return bytes.subarray(from + FRAME_HEADER, from + header.length - FRAME_TRAILER);
}

/**
 * Whether the frame at `from` of `bytes` holds the chain value that stands before it: that of its
 * predecessor, or zeros before the first frame.
 */
export function follows(bytes: Uint8Array, from: number): boolean {
  return getUint32(bytes, from + 16) === getUint32(bytes, from - 8) &&
    getUint32(bytes, from + 20) === getUint32(bytes, from - 4);
}

/** The chain value of the frame that ends at `end` of `bytes`. */
export function chainValue(bytes: Uint8Array, end: number): bigint {
  return viewOf(bytes).getBigUint64(end - 8, true);
}

/** A frame that was read and verified. */
export interface Frame extends NewFrame {
  /** Its header. */
  readonly header: FrameHeader;
  /** Where it ends in the bytes that hold it. */
  readonly end: number;
}

/**
 * The frames in `bytes` from `from` on, which is offset `at` of the log, up to the first that does
 * not verify or does not follow the one before. If `from` is 0, nothing tells what the first of
 * them follows.
 */
export function* framesIn(
  checksums: Checksum,
  generation: number,
  at: number,
  bytes: Uint8Array,
  from: number,
): Generator<Frame, void> {
  for (;;) {
    const header = decodeFrame(checksums, generation, at, bytes, from);
    if (header === undefined || (from > 0 && !follows(bytes, from))) return;
    const { kind, length } = header;
    yield { kind, payload: payloadOf(bytes, from, header), header, end: from + length };
    at += length;
    from += length;
  }
}
