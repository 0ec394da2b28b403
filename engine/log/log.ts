/**
 * The commit log of one generation (a write-ahead log): reading its frames and appending to them.
 *
 * 1. A frame verifies on its own and holds the chain value of its predecessor. The log is what
 *    verifies from its beginning on, so bytes that were cut off once never come back.
 * 2. Everything before the durable offset (flushed LSN) is on disk. A frame that does not verify
 *    there is damage; after it, such a frame is a commit that was never acknowledged.
 * 3. A handle answers only for bytes that it wrote: its first append writes again whatever it does
 *    not know to be on disk.
 * 4. A failed sync is never tried again: the handle is poisoned (sync.ts).
 *
 * docs/internals/commit_protocol.md argues this crash by crash. Appending requires the lock.
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
  encodeFrames,
  encodeLogPage,
  encodeSealedInto,
  FRAME,
  type Frame,
  FRAME_HEADER,
  framesIn,
  LOG_PAGE,
  type NewFrame,
  type PageBytes,
} from "./frame.ts";
import { LogSync } from "./sync.ts";

/** The file grows this far ahead of use, so that the sync of a commit carries no metadata. */
const STEP = 16 * 1024;
const MAX_STEP = 256 * 1024;
/** A look for new frames reads this much: the last chain value, and where a frame would begin. */
const LOOK = 16;
/** How much is read once there is a frame. */
const PROBE = 4096;

/** Called with each commit; the payload is valid during the call only. */
type Visit = (sequence: number, payload: Uint8Array) => void;

/** Where frames end: no more bytes, bytes that do not verify, or a seal. */
export type LogEnd = "end" | "torn" | "seal" | "finalSeal";

/** The log no longer holds what this handle read from it: the table must be loaded again. */
export class StaleError extends WriteError {
  constructor(path: string) {
    super(
      `Cannot write "${path}": the disk lost bytes that were read from it, try again`,
      "none",
      null,
    );
    // Users know this class as the one that it extends.
    this.name = "WriteError";
  }
}

function grownSize(size: number): number {
  const step = Math.min(Math.max(STEP, size / 4), MAX_STEP);
  return Math.ceil((size + EMPTY_FRAME) / step) * step;
}

/** Puts the parts into `bytes`, one after another, from `at` on. */
function place(parts: readonly Uint8Array[], bytes: Uint8Array, at: number): Uint8Array {
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** All parts in one array; a single large part is not copied. */
function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  return parts.find((part) => part.length === length) ?? place(parts, new Uint8Array(length), 0);
}

/** Whether all bytes are zero. Opening waits for the answer: comparing texts is fastest. */
function isZero(bytes: Uint8Array): boolean {
  return new TextDecoder().decode(bytes) === "\0".repeat(bytes.length);
}

/** An open log. */
export class Log implements Disposable {
  /** The generation that it belongs to. */
  readonly generation: number;
  /** Where the verified frames end. */
  end = LOG_PAGE;
  /** The sequence of the last commit; the code that opens the log sets that of the segment. */
  sequence = 0;
  /** Whether everything that leads here (a seal, or the identity file) is known to be on disk. */
  sealedInto: boolean;
  readonly #file: File;
  readonly #checksums: Checksum;
  readonly #sync: LogSync;
  readonly #nonce = randomNonce();
  /** The chain value of the last frame. */
  #chain = 0n;
  /** Whether this handle itself wrote everything that is after the durable offset. */
  #owns = false;
  #stale = false;
  /** A seal ends the log; each read meets it again, until the handle has followed it. */
  #sealed = false;
  #scratch = new Uint8Array(PROBE);
  /** A lower bound of the file's length. */
  #size = 0;

  private constructor(
    file: File,
    openAgain: () => File,
    checksums: Checksum,
    generation: number,
    page: Uint8Array,
  ) {
    this.#file = file;
    this.#checksums = checksums;
    this.generation = generation;
    const { syncedTo, sealedInto } = decodeDurableMark(checksums, generation, page);
    this.sealedInto = sealedInto;
    const log = {
      end: () => this.end,
      mark: (to: number) => {
        this.#writePage(encodeDurableMark(checksums, generation, this.#nonce, to));
      },
    };
    this.#sync = new LogSync(log, file, openAgain, Math.max(LOG_PAGE, syncedTo));
  }

  /**
   * Opens a log; reads only its first page.
   *
   * @returns The log, `undefined` if it belongs to another table.
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
    using opened = new DisposableStack();
    const file = opened.use(openAgain());
    const page = new Uint8Array(LOG_PAGE);
    const length = file.readAt(page, 0);
    const owner = fileOwner(path, "log", page.subarray(0, length), checksums, generation);
    if (owner === "other") return undefined;
    if (owner === "damaged") {
      throw new CorruptionError(path, 0, "the header of the log does not verify");
    }
    // A log is born whole. Without its durable marks, all commits would pass for never written.
    if (length < LOG_PAGE) throw new CorruptionError(path, length, "the file ends too early");
    const log = new Log(file, openAgain, checksums, generation, page);
    opened.move();
    return log;
  }

  /** The bytes of a whole new log that holds `frames`; the caller syncs all of them. */
  static encode(
    checksums: Checksum,
    generation: number,
    sequence: number,
    frames: readonly NewFrame[],
  ): Uint8Array {
    const after = { sequence, prev: 0n, nonce: randomNonce(), syncedTo: LOG_PAGE };
    const { parts, end } = encodeFrames(checksums, generation, LOG_PAGE, after, frames);
    const log = new Uint8Array(grownSize(end));
    log.set(encodeLogPage(checksums, generation, end));
    return place(parts, log, LOG_PAGE);
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
   * @param visit Called with each commit; the payload is valid during the call only.
   * @param thorough Whether to look for damage also after a clean end.
   * @throws {CorruptionError} If a frame does not verify that was on disk.
   * @throws {StaleError} If the log no longer holds what was read from it.
   */
  read(visit: Visit, thorough = false): LogEnd {
    if (this.#sealed) {
      this.#probe(8);
      return "seal";
    }
    let length = thorough ? this.#file.size() - this.end + 8 : LOOK;
    let judged = -1;
    for (;;) {
      const bytes = this.#probe(length);
      const { end, missing } = this.#readFrames(bytes, visit, thorough);
      if (end === "seal" || end === "finalSeal") return end;
      if (missing > 0 && bytes.length === length) {
        // The probe ended there, not the file, and the end of a probe is no end of the log.
        length = Math.min(
          Math.max(length * 4, missing + 8, PROBE),
          this.#file.size() - this.end + 8,
        );
        if (length >= missing + 8) continue;
      }
      if (end === "end" && this.#sync.durable <= this.end) return "end";
      // First the durable offset, then the frame again: it may have been completed meanwhile.
      if (judged === this.end) {
        if (this.#sync.durable <= this.end) return "torn";
        throw new CorruptionError(this.path, this.end, "a frame that was on disk does not verify");
      }
      judged = this.end;
      this.#sync.raise(this.#findDurable());
    }
  }

  /** Reads bytes from the last frame's chain value on. */
  #probe(length: number): Uint8Array {
    if (length > this.#scratch.length) this.#scratch = new Uint8Array(length);
    if (this.#stale) throw new StaleError(this.path);
    const bytes = this.#scratch.subarray(0, length);
    const there = bytes.subarray(0, this.#file.readAt(bytes, this.end - 8));
    if (length > MAX_STEP) this.#scratch = new Uint8Array(PROBE);
    if (this.end === LOG_PAGE) {
      // The first frame follows zeros, whatever became of the page before it.
      there.fill(0, 0, 8);
    } else if (there.length < 8 || chainValue(there, 8) !== this.#chain) {
      throw new StaleError(this.path);
    }
    return there;
  }

  /** Takes in the frames of a probe; tells where they end, and how many bytes a cut frame needs. */
  #readFrames(
    bytes: Uint8Array,
    visit: Visit,
    thorough: boolean,
  ): { end: LogEnd; missing: number } {
    let at = 8;
    const { generation } = this;
    try {
      for (const frame of framesIn(this.#checksums, generation, this.end, bytes, at)) {
        const { kind, header } = frame;
        const sequence = kind === FRAME.commit ? this.sequence + 1 : this.sequence;
        if (header.sequence !== sequence) return { end: "torn", missing: 0 };
        if (kind === FRAME.finalSeal) return { end: "finalSeal", missing: 0 };
        at = frame.end;
        this.end += header.length;
        this.#sync.raise(header.syncedTo);
        if (kind === FRAME.seal) {
          this.#sealed = true;
          return { end: "seal", missing: 0 };
        }
        this.sequence = sequence;
        visit(sequence, frame.payload);
      }
    } finally {
      // The last chain value is enough: each frame was compared with the one before.
      if (at > 8) this.#chain = chainValue(bytes, at);
    }
    if (at + 8 > bytes.length) return { end: "end", missing: FRAME_HEADER };
    if (getUint32(bytes, at) !== 0) return { end: "torn", missing: this.#missing(bytes, at) };
    return { end: thorough && !isZero(bytes.subarray(at)) ? "torn" : "end", missing: 0 };
  }

  /** How long the frame is that `bytes` cut off; 0 if that is not why it does not verify. */
  #missing(bytes: Uint8Array, at: number): number {
    if (at + FRAME_HEADER > bytes.length) return FRAME_HEADER;
    // A length is believed only after its header verified.
    const header = decodeFrameHeader(this.#checksums, this.generation, this.end, bytes, at);
    return header !== undefined && at + header.length > bytes.length ? header.length : 0;
  }

  /** The largest durable offset that the first page, or any header after the end, tells. */
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
    return decodeDurableMark(this.#checksums, this.generation, this.#bytesAt(0, LOG_PAGE));
  }

  /** Everything after the end. */
  #tail(): Uint8Array {
    return this.#bytesAt(this.end, Math.max(0, this.#file.size() - this.end));
  }

  #bytesAt(at: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, this.#file.readAt(bytes, at));
  }

  /** How far bytes that do not verify reach after the end. */
  tornBytes(): number {
    return this.#tail().findLastIndex((byte) => byte !== 0) + 1;
  }

  /** The frames from `from` on, where one begins: the same that were read before. */
  framesFrom(from: number): Frame[] {
    return this.#readAgain(from).frames;
  }

  /** The frames and bytes from `from`, where a frame begins, to the end: the same as before. */
  #readAgain(from: number): { frames: Frame[]; bytes: Uint8Array } {
    if (from === this.end) return { frames: [], bytes: new Uint8Array() };
    const bytes = this.#bytesAt(from, this.end - from);
    const frames = [...framesIn(this.#checksums, this.generation, from, bytes, 0)];
    const end = frames.at(-1)?.end;
    // The chain covers everything before it: if the last value is ours, all of it is.
    this.#stale = end !== this.end - from || chainValue(bytes, end) !== this.#chain;
    if (this.#stale) throw new StaleError(this.path);
    return { frames, bytes };
  }

  // ------------------------------------------------------------- appending

  /** Zeros bytes after the end that do not verify; safety does not rest on it. */
  zeroTail(bytes: number): void {
    this.#file.writeAt(new Uint8Array(bytes), this.end);
  }

  /**
   * Appends frames in one write. The log must have been read to its end under the same lock.
   *
   * @throws {WriteError} If the system refuses. With outcome `"none"` nothing was written, with
   * `"unknown"` the log is poisoned.
   */
  append(frames: readonly NewFrame[]): void {
    this.check();
    const { durable } = this.#sync;
    const from = this.#owns ? this.end : Math.min(durable, this.end);
    const again = this.prepare(from);
    const after = {
      sequence: this.sequence,
      prev: this.#chain,
      nonce: this.#nonce,
      syncedTo: Math.min(durable, this.end),
    };
    const { parts, end, sequence, chain } = encodeFrames(
      this.#checksums,
      this.generation,
      this.end,
      after,
      frames,
    );
    const last = frames.at(-1)?.kind ?? FRAME.commit;
    this.#write(from, [again, ...parts], end, last === FRAME.commit ? EMPTY_FRAME : 0);
    this.#owns = true;
    this.#sealed = last === FRAME.seal;
    this.end = end;
    this.sequence = sequence;
    this.#chain = chain;
  }

  /**
   * Opens and reads what an append needs; returns the bytes from `from` on, to be written again.
   *
   * @throws {WriteError} If the system refuses; nothing was written then.
   */
  prepare(from = this.end): Uint8Array {
    try {
      this.#sync.prepare();
      return this.#readAgain(from).bytes;
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
   * Grows the file with zeros, in a write of their own: if the disk is full, it refuses them while
   * there is nothing to take back. A commit leaves room for a seal, which a full disk must not
   * refuse.
   */
  #reserve(end: number, room: number): void {
    // A log never becomes shorter. Only if this bound is too low, others may have grown the file.
    if (end + room <= this.#size) return;
    this.#size = this.#file.size();
    if (end + room <= this.#size) return;
    const at = Math.max(this.#size, end);
    this.#file.writeAt(new Uint8Array(grownSize(end) - at), at);
    this.#size = grownSize(end);
  }

  /** After a failed append: removes all of it, or poisons the handle. */
  #takeBack(cause: unknown): never {
    const message = `Cannot write "${this.path}": ${(cause as Error).message}`;
    try {
      const tail = this.#tail();
      // A reader may have seen a whole frame already.
      if (decodeFrame(this.#checksums, this.generation, this.end, tail, 0) === undefined) {
        // Only as far as there are bytes: a full disk cannot fill holes, even with zeros.
        this.zeroTail(this.tornBytes());
        throw new WriteError(`${message}, nothing was written`, "none", cause);
      }
    } catch (error) {
      if (error instanceof WriteError) throw error;
    }
    const advice = "open the table again to see whether it was written";
    throw this.#sync.poison(`${message}, ${advice}`, cause);
  }

  /** Writes again what is not known to be on disk, so that a sync answers for it (invariant 3). */
  own(): void {
    this.append([]);
  }

  /** Writes to the first page: what it says may be missing, but is never false. */
  #writePage({ at, bytes }: PageBytes): boolean {
    try {
      this.#file.writeAt(bytes, at);
      return true;
    } catch {
      return false;
    }
  }

  /** Says on disk that everything that leads here is on disk. */
  markSealedInto(): void {
    this.sealedInto = this.#writePage(encodeSealedInto(this.#checksums, this.generation));
  }

  /** Whether some handle has said by now that everything that leads here is on disk. */
  readSealedInto(): boolean {
    return this.sealedInto ||= this.#readDurableMark().sealedInto;
  }

  // ------------------------------------------------------------- syncing

  /** The durable offset, as far as other handles have marked it by now. */
  readDurable(): number {
    this.#sync.raise(this.#readDurableMark().syncedTo);
    return this.#sync.durable;
  }

  /** The seal is known to be on disk, and with it everything before it. */
  sealKnown(): void {
    this.#sync.raise(this.end);
  }

  /** See {@linkcode LogSync.check}. */
  check(): void {
    this.#sync.check();
  }

  /** See {@linkcode LogSync.sync}. */
  sync(to: number): Promise<void> {
    return this.#sync.sync(to);
  }

  /** See {@linkcode LogSync.syncSync}. */
  syncSync(to: number): void {
    this.#sync.syncSync(to);
  }

  /** See {@linkcode LogSync.flush}. */
  flush(): Promise<void> {
    return this.#sync.flush();
  }

  /** See {@linkcode LogSync.flushSync}. */
  flushSync(): void {
    this.#sync.flushSync();
  }

  /**
   * Ends the log with a frame that sends all handles to the identity file; the frame is on disk
   * when this returns. The durable offset never includes it: a handle that finds the identity
   * unchanged writes over it.
   */
  sealFinally(): void {
    this.append([{ kind: FRAME.finalSeal, payload: new Uint8Array() }]);
    this.#sync.force();
  }

  /** Closes the files, once nobody waits for a sync. */
  close(): void {
    this.#sync[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
