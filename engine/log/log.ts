/**
 * The commit log of one generation: frames behind a first page.
 *
 * 1. A frame verifies alone and holds the chain value of its predecessor; a log is
 *    what verifies from its beginning on. What was once cut off never comes back.
 * 2. Everything before {@linkcode Log.claim} is on disk: a frame that fails there is
 *    damage, one that fails behind it is a commit that nobody was told of.
 * 3. A handle answers only for bytes that it wrote: its first append writes again
 *    what it does not know to be on disk.
 * 4. A sync that failed is never tried again: the handle is poisoned.
 *
 * ARCHITECTURE.md argues them crash by crash. Who appends holds the lock.
 *
 * @module
 */

import { CorruptionError, refused, WriteError } from "../system/errors.ts";
import type { File, Files } from "../system/file.ts";
import { getUint32, randomNonce } from "../bytes/bytes.ts";
import type { Checksum } from "../bytes/checksum.ts";
import { fileOwner } from "../bytes/header.ts";
import {
  chainValue,
  decodeDurableMark,
  decodeFrame,
  decodeFrameHeader,
  EMPTY_FRAME,
  encodeDurableMark,
  encodeFrame,
  encodeLogPage,
  encodeSealedInto,
  follows,
  FRAME,
  FRAME_HEADER,
  LOG_PAGE,
  type Patch,
  payloadOf,
} from "./frame.ts";

/** The file is grown so much ahead of use, that a commit's sync carries no metadata. */
const STEP = 16 * 1024;
const MAX_STEP = 256 * 1024;
/** What a look for new frames reads. */
const LOOK = 4096;

/** Is told of a commit; the payload is valid during the call only. */
type Visit = (sequence: number, payload: Uint8Array) => void;

/** A frame to be appended. */
export interface NewFrame {
  /** Of {@linkcode FRAME}. */
  readonly kind: number;
  /** What it holds. */
  readonly payload: Uint8Array;
}

/** Where frames end: nothing more, a tail that does not verify, a seal. */
export type LogEnd = "end" | "torn" | "seal" | "finalSeal";

/** The log is not the one that this handle has read: it must be opened again. */
export class StaleError extends WriteError {
  constructor(path: string) {
    super(`Cannot write "${path}": the disk lost what was read from it, try again`, "none", null);
  }
}

function grownSize(size: number): number {
  const step = Math.min(Math.max(STEP, size / 4), MAX_STEP);
  return Math.ceil((size + EMPTY_FRAME) / step) * step;
}

/** All parts, one behind the other; a large one that is alone is not copied. */
function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const alone = parts.find((part) => part.length === length);
  if (alone !== undefined) return alone;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Whether all is zeros; by the engine's own comparison, as opening waits for it. */
function isZero(bytes: Uint8Array): boolean {
  return new TextDecoder().decode(bytes) === "\0".repeat(bytes.length);
}

/** An open log. */
export class Log {
  /** The generation that it belongs to. */
  readonly generation: number;
  /** Where the verified frames end. */
  end = LOG_PAGE;
  /** The sequence of the last commit; whoever opens the log sets that of the table. */
  sequence = 0;
  /** Whether what leads to this log, a seal or the identity file, is known to be on disk. */
  sealedInto: boolean;
  readonly #file: File;
  readonly #checksums: Checksum;
  readonly #openAgain: () => File;
  readonly #nonce = randomNonce();
  /** For blocking syncs: Linux tells an error once per open file. */
  #second: File | undefined;
  #chain = 0n;
  #durable: number;
  /** Up to where others' bytes were synced, too. */
  #flushed = 0;
  /** Whether this handle wrote, itself, all that is not claimed. */
  #owns = false;
  #stale = false;
  /** A seal ends it: who could not follow it must meet it again. */
  #sealed = false;
  #poison: WriteError | undefined;
  #syncing: Promise<void> | undefined;
  /** Those who wait for a sync. */
  #waiting = 0;
  #closed = false;
  #scratch = new Uint8Array(LOOK);
  /** How long the file is at least. */
  #size = 0;

  private constructor(
    file: File,
    openAgain: () => File,
    checksums: Checksum,
    generation: number,
    page: Uint8Array,
  ) {
    this.#file = file;
    this.#openAgain = openAgain;
    this.#checksums = checksums;
    this.generation = generation;
    const mark = decodeDurableMark(checksums, generation, page);
    this.#durable = Math.max(LOG_PAGE, mark.syncedTo);
    this.sealedInto = mark.sealedInto;
  }

  /**
   * Opens a log; nothing is read but its first page.
   *
   * @returns The log, `undefined` if it is of another base.
   * @throws {CorruptionError} If its header does not verify.
   */
  static open(
    files: Files,
    path: string,
    checksums: Checksum,
    generation: number,
    readOnly: boolean,
  ): Log | undefined {
    const openAgain = () => files.open(path, readOnly ? "read" : "write");
    const file = openAgain();
    try {
      const page = new Uint8Array(LOG_PAGE);
      const length = file.readAt(page, 0);
      const owner = fileOwner(path, "log", page.subarray(0, length), checksums, generation);
      if (owner === "damaged") {
        throw new CorruptionError(path, 0, "the header of the log does not verify");
      }
      if (owner === "ours") {
        // A log is born whole: without the marks, all commits would pass for never written.
        if (length < LOG_PAGE) throw new CorruptionError(path, length, "the file ends too early");
        return new Log(file, openAgain, checksums, generation, page);
      }
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
    return undefined;
  }

  /** The bytes of a whole new log that holds `frames`, all of them to be synced by the caller. */
  static encode(
    checksums: Checksum,
    generation: number,
    sequence: number,
    frames: readonly NewFrame[],
  ): Uint8Array {
    let at = LOG_PAGE;
    let prev = 0n;
    const nonce = randomNonce();
    const encoded = frames.map(({ kind, payload }) => {
      const header = { kind, sequence: ++sequence, prev, nonce, syncedTo: LOG_PAGE };
      const { bytes, chain } = encodeFrame(checksums, generation, at, header, payload);
      at += bytes.length;
      prev = chain;
      return bytes;
    });
    const log = new Uint8Array(grownSize(at));
    log.set(encodeLogPage(checksums, generation, at));
    at = LOG_PAGE;
    for (const bytes of encoded) {
      log.set(bytes, at);
      at += bytes.length;
    }
    return log;
  }

  /** Where the log is. */
  get path(): string {
    return this.#file.path;
  }

  /** See {@linkcode File.fileId}. */
  get fileId(): string {
    return this.#file.fileId;
  }

  // ------------------------------------------------------------- reading

  /**
   * Reads and verifies the frames that were appended since the last call.
   *
   * @param visit Is told of each commit; the payload is valid during the call only.
   * @param thorough Looks for damage behind a clean end, too.
   * @throws {CorruptionError} If a frame fails that was on disk.
   * @throws {StaleError} If the log no longer holds what was read from it.
   */
  read(visit: Visit, thorough = false): LogEnd {
    if (this.#sealed) {
      this.#look(8);
      return "seal";
    }
    let length = thorough ? this.#file.size() - this.end + 8 : LOOK;
    let judged = -1;
    for (;;) {
      const bytes = this.#look(length);
      const { end, missing } = this.#walk(bytes, visit, thorough);
      if (end === "seal" || end === "finalSeal") return end;
      if (missing > 0 && bytes.length === length) {
        // What was looked at ended, not the file: where a look ends is no end of the log.
        length = Math.min(Math.max(length * 4, missing + 8), this.#file.size() - this.end + 8);
        if (length >= missing + 8) continue;
      }
      if (end === "end" && this.#durable <= this.end) return "end";
      // The claim first, then the frame again: it may have been completed meanwhile.
      if (judged === this.end) {
        if (this.#durable <= this.end) return "torn";
        throw this.#damage();
      }
      judged = this.end;
      this.#durable = Math.max(this.#durable, this.#findDurable());
    }
  }

  #damage(): CorruptionError {
    return new CorruptionError(this.path, this.end, "a frame that was on disk does not verify");
  }

  /** Bytes from the last frame's chain value on. */
  #look(length: number): Uint8Array {
    if (length > this.#scratch.length) this.#scratch = new Uint8Array(length);
    if (this.#stale) throw new StaleError(this.path);
    const bytes = this.#scratch.subarray(0, length);
    const there = bytes.subarray(0, this.#file.readAt(bytes, this.end - 8));
    if (length > MAX_STEP) this.#scratch = new Uint8Array(LOOK);
    if (this.end === LOG_PAGE) {
      // The first frame follows on zeros, whatever became of the page before it.
      there.fill(0, 0, 8);
    } else if (there.length < 8 || chainValue(there, 8) !== this.#chain) {
      throw new StaleError(this.path);
    }
    return there;
  }

  /** Takes the frames in `bytes`, which begin 8 bytes before the end. */
  #walk(
    bytes: Uint8Array,
    visit: Visit,
    thorough: boolean,
  ): { end: LogEnd; missing: number } {
    for (let at = 8;;) {
      if (at + 8 > bytes.length) return { end: "end", missing: FRAME_HEADER };
      if (getUint32(bytes, at) === 0) {
        return { end: thorough && !isZero(bytes.subarray(at)) ? "torn" : "end", missing: 0 };
      }
      const header = decodeFrame(this.#checksums, this.generation, this.end, bytes, at);
      if (header === undefined) return { end: "torn", missing: this.#missing(bytes, at) };
      const sequence = header.kind === FRAME.commit ? this.sequence + 1 : this.sequence;
      if (!follows(bytes, at) || header.sequence !== sequence) {
        return { end: "torn", missing: 0 };
      }
      if (header.kind === FRAME.finalSeal) return { end: "finalSeal", missing: 0 };
      const payload = payloadOf(bytes, at, header);
      at += header.length;
      this.end += header.length;
      this.#chain = chainValue(bytes, at);
      this.#durable = Math.max(this.#durable, header.syncedTo);
      if (header.kind === FRAME.seal) {
        this.#sealed = true;
        return { end: "seal", missing: 0 };
      }
      this.sequence = sequence;
      visit(sequence, payload);
    }
  }

  /** How long the frame is, of which `bytes` hold only the beginning; 0 if that is not why it fails. */
  #missing(bytes: Uint8Array, at: number): number {
    if (at + FRAME_HEADER > bytes.length) return FRAME_HEADER;
    // A length is believed only once its header verified.
    const header = decodeFrameHeader(this.#checksums, this.generation, this.end, bytes, at);
    return header !== undefined && at + header.length > bytes.length ? header.length : 0;
  }

  /** The largest claim in the mark and in any header behind the end. */
  #findDurable(): number {
    let durable = this.#readDurableMark().syncedTo;
    const tail = this.#tail();
    for (let at = 0; at + FRAME_HEADER <= tail.length;) {
      const header = decodeFrameHeader(this.#checksums, this.generation, this.end + at, tail, at);
      if (header !== undefined) durable = Math.max(durable, header.syncedTo);
      at += header?.length ?? 8;
    }
    return durable;
  }

  #readDurableMark(): ReturnType<typeof decodeDurableMark> {
    const page = new Uint8Array(LOG_PAGE);
    this.#file.readAt(page, 0);
    return decodeDurableMark(this.#checksums, this.generation, page);
  }

  /** Everything behind the end. */
  #tail(): Uint8Array {
    const tail = new Uint8Array(Math.max(0, this.#file.size() - this.end));
    return tail.subarray(0, this.#file.readAt(tail, this.end));
  }

  /** How far bytes that do not verify reach behind the end. */
  tornBytes(): number {
    return this.#tail().findLastIndex((byte) => byte !== 0) + 1;
  }

  /** The frames from `from` on, as they were read and verified. */
  framesFrom(from: number): NewFrame[] {
    const bytes = this.#verified(from);
    const frames: NewFrame[] = [];
    for (let at = 0; at < bytes.length;) {
      const header = decodeFrameHeader(this.#checksums, this.generation, from + at, bytes, at)!;
      frames.push({ kind: header.kind, payload: payloadOf(bytes, at, header) });
      at += header.length;
    }
    return frames;
  }

  /** The bytes from `from`, where a frame begins, to the end: just those that were read. */
  #verified(from: number): Uint8Array {
    const bytes = new Uint8Array(this.end - from);
    if (bytes.length === 0) return bytes;
    // The chain covers all before it: the last value being ours, all of it is.
    this.#stale = this.#file.readAt(bytes, from) < bytes.length ||
      this.#chainOf(bytes, from) !== this.#chain;
    if (this.#stale) throw new StaleError(this.path);
    return bytes;
  }

  /** The chain value of the last of the frames that fill `bytes`, if they do. */
  #chainOf(bytes: Uint8Array, from: number): bigint | undefined {
    let chain: bigint | undefined;
    for (let at = 0; at < bytes.length;) {
      const header = decodeFrame(this.#checksums, this.generation, from + at, bytes, at);
      if (header === undefined || (at > 0 && !follows(bytes, at))) return undefined;
      at += header.length;
      chain = chainValue(bytes, at);
    }
    return chain;
  }

  // ------------------------------------------------------------- writing

  /** Zeros what does not verify behind the end; safety does not rest on it. */
  zeroTail(bytes: number): void {
    this.#file.writeAt(new Uint8Array(bytes), this.end);
  }

  /**
   * Appends frames in one write. The log was read to its end just now.
   *
   * @throws {WriteError} If the system refuses; with outcome `"unknown"` the log is
   * poisoned, with `"none"` nothing is there.
   */
  append(frames: readonly NewFrame[]): void {
    this.check();
    const from = this.#owns ? this.end : Math.min(this.#durable, this.end);
    const parts = [this.prepare(from)];
    let { end, sequence } = this;
    let chain = this.#chain;
    for (const { kind, payload } of frames) {
      if (kind === FRAME.commit) sequence++;
      const header = {
        kind,
        sequence,
        prev: chain,
        nonce: this.#nonce,
        syncedTo: Math.min(this.#durable, this.end),
      };
      const frame = encodeFrame(this.#checksums, this.generation, end, header, payload);
      parts.push(frame.bytes);
      end += frame.bytes.length;
      chain = frame.chain;
    }
    const last = frames.at(-1)?.kind ?? FRAME.commit;
    this.#write(from, parts, end, last === FRAME.commit ? EMPTY_FRAME : 0);
    this.#owns = true;
    this.#sealed = last === FRAME.seal;
    Object.assign(this, { end, sequence });
    this.#chain = chain;
  }

  /**
   * Gets what an append needs, and the bytes from `from` on that it writes again.
   *
   * @throws {WriteError} If the system refuses; nothing was written then.
   */
  prepare(from = this.end): Uint8Array {
    try {
      // Before the first append, so that no error can escape it.
      this.#second ??= this.#openAgain();
      return this.#verified(from);
    } catch (error) {
      throw refused(`Cannot write "${this.path}"`, "nothing was written", error);
    }
  }

  #write(from: number, parts: readonly Uint8Array[], end: number, room: number): void {
    const bytes = joined(parts, end - from);
    if (bytes.length === 0) return;
    try {
      this.#reserve(end, room);
      this.#file.writeAt(bytes, from);
    } catch (error) {
      this.#takeBack(error);
    }
  }

  /**
   * Zeros ahead of use, in a write of their own: a full disk refuses them while there is
   * nothing to take back. A commit leaves room for a seal, which a full disk must not refuse.
   */
  #reserve(end: number, room: number): void {
    // A log never becomes shorter: only where this is not enough, others may have made it longer.
    if (end + room <= this.#size) return;
    this.#size = this.#file.size();
    if (end + room <= this.#size) return;
    const at = Math.max(this.#size, end);
    this.#file.writeAt(new Uint8Array(grownSize(end) - at), at);
    this.#size = grownSize(end);
  }

  /** After a failed append: nothing may be left of it, or nobody may go on. */
  #takeBack(cause: unknown): never {
    const told = `Cannot write "${this.path}": ${(cause as Error).message}`;
    try {
      const tail = this.#tail();
      // A reader may have seen a whole one already.
      if (decodeFrame(this.#checksums, this.generation, this.end, tail, 0) === undefined) {
        // Not all of it: there may be holes, which a full disk cannot fill even with zeros.
        this.zeroTail(this.tornBytes());
        throw new WriteError(`${told}, nothing was written`, "none", cause);
      }
    } catch (error) {
      if (error instanceof WriteError) throw error;
    }
    throw this.#poisonWith(`${told}, open the base again to see whether it was written`, cause);
  }

  /** Makes what was read this handle's own, so that its sync answers for it: see invariant 3. */
  own(): void {
    this.append([]);
  }

  /** Writes to the first page; what it tells may be missing, it is only never false. */
  #patch({ at, bytes }: Patch): boolean {
    try {
      this.#file.writeAt(bytes, at);
      return true;
    } catch {
      return false;
    }
  }

  /** Says on disk that what leads here is there. */
  markSealedInto(): void {
    this.sealedInto = this.#patch(encodeSealedInto(this.#checksums, this.generation));
  }

  /** Whether somebody said by now that what leads here is on disk. */
  readSealedInto(): boolean {
    return this.sealedInto ||= this.#readDurableMark().sealedInto;
  }

  /** How far the log is known to be on disk, as far as others told. */
  readDurable(): number {
    return this.#durable = Math.max(this.#durable, this.#readDurableMark().syncedTo);
  }

  /** Its seal is on disk, and with it all that stands before it. */
  sealKnown(): void {
    this.#durable = this.end;
  }

  // ------------------------------------------------------------- syncing

  /** Throws if an earlier failure left the outcome unknown. */
  check(): void {
    if (this.#poison !== undefined) throw this.#poison;
  }

  #poisonWith(message: string, cause: unknown): WriteError {
    return this.#poison ??= new WriteError(message, "unknown", cause);
  }

  #synced(to: number): void {
    if (to <= this.#durable) return;
    this.#durable = to;
    if (!this.#closed) {
      this.#patch(encodeDurableMark(this.#checksums, this.generation, this.#nonce, to));
    }
  }

  #syncFailed(cause: unknown): WriteError {
    return this.#poisonWith(
      `Cannot sync "${this.path}": ${(cause as Error).message}, open the base again to see ` +
        `what was written`,
      cause,
    );
  }

  /**
   * Resolves when all up to `to` is on disk; one sync at a time, for all who wait.
   *
   * @throws {WriteError} If it fails; then the log is poisoned.
   */
  async sync(to: number): Promise<void> {
    await this.#syncUntil(() => this.#durable >= to, (end) => this.#synced(end));
    this.check();
  }

  /** Syncs, one at a time for all who wait, until it is done; tells `synced` how far that went. */
  async #syncUntil(isDone: () => boolean, synced: (end: number) => void): Promise<void> {
    this.#waiting++;
    try {
      while (!isDone()) {
        this.check();
        await (this.#syncing ??= this.#syncOnce(synced));
      }
    } finally {
      if (--this.#waiting === 0 && this.#closed) this.#file.close();
    }
  }

  async #syncOnce(synced: (end: number) => void): Promise<void> {
    const { end } = this;
    try {
      await this.#file.sync();
      synced(end);
    } catch (error) {
      throw this.#syncFailed(error);
    } finally {
      this.#syncing = undefined;
    }
  }

  /** As {@linkcode Log.sync}, blocking. */
  syncSync(to: number): void {
    this.check();
    if (this.#durable >= to) return;
    this.#force();
    this.#synced(this.end);
  }

  #force(): void {
    try {
      (this.#second ?? this.#file).syncSync();
    } catch (error) {
      throw this.#syncFailed(error);
    }
  }

  /**
   * Syncs what others wrote, without answering for it (invariant 3).
   *
   * @throws {WriteError} If it fails.
   */
  async flush(): Promise<void> {
    const to = this.end;
    await this.#syncUntil(() => this.#isFlushed(to), (end) => this.#flushed = end);
  }

  #isFlushed(to: number): boolean {
    return to <= Math.max(this.#durable, this.#flushed);
  }

  /** As {@linkcode Log.flush}, blocking. */
  flushSync(): void {
    this.check();
    if (this.#isFlushed(this.end)) return;
    this.#force();
    this.#flushed = this.end;
  }

  /**
   * Ends the log with a frame that sends all handles to the identity file, on disk when
   * it returns. It is never claimed: who finds that identity unchanged writes over it.
   */
  sealFinally(): void {
    this.append([{ kind: FRAME.finalSeal, payload: new Uint8Array() }]);
    this.#force();
  }

  /** Closes the files, once nobody waits for a sync. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#second?.close();
    if (this.#waiting === 0) this.#file.close();
  }
}
