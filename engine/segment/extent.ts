/**
 * Extents of a segment: row groups and indexes. Each page has a checksum, so a page is read and
 * verified without the rest. The trailer holds everything after the bytes.
 *
 * ```text
 * extent     bytes · trailer
 * trailer    directory (JSON) · 0… · page checksum 8 × ⌈bytes / 4096⌉ · checksum 8
 * ```
 *
 * @module
 */

import { align8, encodeText, setUint32 } from "../bytes/bytes.ts";
import type { Charge } from "./cache.ts";
import { CorruptionError } from "../system/errors.ts";
import type { File } from "../system/file.ts";
import type { Source } from "./parts.ts";
import { type Checksum, checksumStands, SUM } from "../bytes/checksum.ts";

const PAGE = 4096;

const NOTHING = new Uint8Array();

/** Where an extent is. */
export interface Extent {
  /** Never used again in the table; seeds the checksums. */
  readonly number: number;
  /** Where its bytes begin in the file. */
  readonly at: number;
  /** The number of its bytes. */
  readonly length: number;
  /** The number of bytes of its directory. */
  readonly directory: number;
}

/** The checksum of the page that begins at `from` in `bytes`. */
function pageChecksum(
  checksums: Checksum,
  group: number,
  page: number,
  bytes: Uint8Array,
  from: number,
): Int32Array {
  return checksums.of(SUM.page, group, page, bytes, from, Math.min(from + PAGE, bytes.length));
}

function trailerLength({ length, directory }: Extent): number {
  return align8(directory) + Math.ceil(length / PAGE) * 8 + 8;
}

/** The length of an extent in the file, with its trailer. */
export function storedLength(extent: Extent): number {
  return extent.length + trailerLength(extent);
}

/** The bytes of an extent, read and verified page by page. */
class PagedSource implements Source {
  readonly charge: Charge;
  readonly #file: File;
  readonly #checksums: Checksum;
  readonly #extent: Extent;
  readonly #pageChecksums: Uint8Array;
  /**
   * Verified pages that are likely to be needed again: after a single value its neighbours, and
   * after a larger piece its first and last page, which hold other parts too.
   */
  readonly #pages = new Map<number, Uint8Array>();

  constructor(
    file: File,
    checksums: Checksum,
    extent: Extent,
    pageChecksums: Uint8Array,
    charge: Charge,
  ) {
    this.#file = file;
    this.#checksums = checksums;
    this.#extent = extent;
    this.#pageChecksums = pageChecksums;
    this.charge = charge;
  }

  get length(): number {
    return this.#extent.length;
  }

  read(from: number, to: number): Uint8Array {
    if (from === to) return NOTHING;
    const first = Math.floor(from / PAGE);
    const end = Math.ceil(to / PAGE);
    const known = end - first > 1 ? undefined : this.#pages.get(first);
    const bytes = known ?? this.#readPages(first, end);
    return bytes.subarray(from - first * PAGE, to - first * PAGE);
  }

  #readPages(first: number, end: number): Uint8Array {
    const { number, at, length } = this.#extent;
    const bytes = new Uint8Array(Math.min(end * PAGE, length) - first * PAGE);
    if (this.#file.readAt(bytes, at + first * PAGE) !== bytes.length) {
      this.fail(first * PAGE, "the file ends too early");
    }
    for (let page = first; page < end; page++) {
      const known = this.#pages.get(page);
      if (known !== undefined) {
        bytes.set(known, (page - first) * PAGE);
        continue;
      }
      const checksum = pageChecksum(this.#checksums, number, page, bytes, (page - first) * PAGE);
      if (!checksumStands(checksum, 2, this.#pageChecksums, page * 8)) {
        this.fail(page * PAGE, "a page does not verify");
      }
    }
    this.charge(bytes.length);
    // The new piece replaces the pages in it.
    for (let page = first; page < end; page++) {
      const known = this.#pages.get(page);
      if (known === undefined) continue;
      this.#pages.delete(page);
      this.charge(-known.length);
    }
    if (end - first === 1) {
      this.#pages.set(first, bytes);
      return bytes;
    }
    for (const page of [first, end - 1]) {
      const at = (page - first) * PAGE;
      // A view would keep the whole piece in memory.
      const copy = bytes.slice(at, at + PAGE);
      this.#pages.set(page, copy);
      this.charge(copy.length);
    }
    return bytes;
  }

  fail(at: number, reason: string): never {
    throw new CorruptionError(this.#file.path, this.#extent.at + at, reason);
  }
}

/**
 * Opens an extent. It reads and verifies the trailer.
 *
 * @param charge Is called for the bytes that stay in memory.
 * @throws {CorruptionError} If the trailer does not verify.
 */
export function openExtent(file: File, checksums: Checksum, extent: Extent, charge: Charge) {
  const at = extent.at + extent.length;
  const trailer = new Uint8Array(trailerLength(extent));
  file.readAt(trailer, at);
  if (!checksums.holds(SUM.directory, extent.number, 0, trailer, 0, trailer.length - 8)) {
    throw new CorruptionError(file.path, at, "the directory of a row group does not verify");
  }
  const pageChecksums = trailer.subarray(align8(extent.directory), trailer.length - 8);
  charge(trailer.length);
  return { source: new PagedSource(file, checksums, extent, pageChecksums, charge), trailer };
}

/** Writes an extent piece by piece. */
export class ExtentWriter {
  readonly #file: Pick<File, "writeAt">;
  readonly #checksums: Checksum;
  readonly #start: Pick<Extent, "number" | "at">;
  /** Two words per page. */
  readonly #pageChecksums: number[] = [];
  /** The number of bytes written so far. */
  length = 0;

  constructor(
    file: Pick<File, "writeAt">,
    checksums: Checksum,
    start: Pick<Extent, "number" | "at">,
  ) {
    this.#file = file;
    this.#checksums = checksums;
    this.#start = start;
  }

  /** Writes the next bytes. Only the last call may end with a partial page. */
  write(bytes: Uint8Array): void {
    const { number, at } = this.#start;
    this.#file.writeAt(bytes, at + this.length);
    for (let from = 0; from < bytes.length; from += PAGE) {
      const page = (this.length + from) / PAGE;
      const checksum = pageChecksum(this.#checksums, number, page, bytes, from);
      this.#pageChecksums.push(checksum[0]!, checksum[1]!);
    }
    this.length += bytes.length;
  }

  /** Writes the trailer and returns the finished extent. */
  finish(directory: string): Extent {
    const json = encodeText(directory);
    const extent = { ...this.#start, length: this.length, directory: json.length };
    const trailer = new Uint8Array(trailerLength(extent));
    trailer.set(json);
    const checksumsAt = align8(json.length);
    this.#pageChecksums.forEach((word, i) => setUint32(trailer, checksumsAt + i * 4, word));
    this.#checksums.put(SUM.directory, extent.number, 0, trailer, 0, trailer.length - 8);
    this.#file.writeAt(trailer, extent.at + extent.length);
    return extent;
  }
}
