/**
 * Bytes in a table file that are summed page by page, so that some of them are read and
 * verified without the rest: the groups of rows, and the indexes.
 *
 * ```text
 * extent     bytes · directory (JSON) · 0… · page sum 8 × ⌈bytes / 4096⌉ · sum 8
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

/** Bytes in the file that are summed page by page. */
export interface Extent {
  /** Unique in the base for ever; seeds the sums. */
  readonly number: number;
  /** Where its bytes stand in the file. */
  readonly at: number;
  /** How many bytes. */
  readonly length: number;
  /** How many bytes its directory has. */
  readonly directory: number;
}

function checksumsLength(length: number): number {
  return Math.ceil(length / PAGE) * 8;
}

/** The sum of a page, which stands at `from` in `bytes`. */
function pageChecksum(
  checksums: Checksum,
  group: number,
  page: number,
  bytes: Uint8Array,
  from: number,
): Int32Array {
  return checksums.of(SUM.page, group, page, bytes, from, Math.min(from + PAGE, bytes.length));
}

/** The whole of it in the file: bytes, directory and page sums, and the sum of these two. */
export function storedLength(entry: Extent): number {
  return entry.length + align8(entry.directory) + checksumsLength(entry.length) + 8;
}

/** Bytes in a table file, read and verified page by page. */
class PagedSource implements Source {
  readonly charge: Charge;
  readonly #file: File;
  readonly #checksums: Checksum;
  readonly #entry: Extent;
  readonly #pageSums: Uint8Array;
  /**
   * Pages that were verified and may be asked for again: who looks at one value looks at its
   * neighbours, and the first and the last page of a larger piece hold parts beside it.
   */
  readonly #pages = new Map<number, Uint8Array>();

  constructor(file: File, checksums: Checksum, entry: Extent, pageSums: Uint8Array, keep: Charge) {
    this.#file = file;
    this.#checksums = checksums;
    this.#entry = entry;
    this.#pageSums = pageSums;
    this.charge = keep;
  }

  get length(): number {
    return this.#entry.length;
  }

  read(from: number, to: number): Uint8Array {
    if (from === to) return NOTHING;
    const first = Math.floor(from / PAGE);
    const end = Math.ceil(to / PAGE);
    const known = end - first > 1 ? undefined : this.#pages.get(first);
    const bytes = known ?? this.#pagesFrom(first, end);
    return bytes.subarray(from - first * PAGE, to - first * PAGE);
  }

  #pagesFrom(first: number, end: number): Uint8Array {
    const { number, at, length } = this.#entry;
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
      const sum = pageChecksum(this.#checksums, number, page, bytes, (page - first) * PAGE);
      if (!checksumStands(sum, 2, this.#pageSums, page * 8)) {
        this.fail(page * PAGE, "a page does not verify");
      }
    }
    this.charge(bytes.length);
    // The larger piece takes their place.
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
      // A view would keep all of the piece in memory, which may be needed no more.
      const copy = bytes.slice(at, at + PAGE);
      this.#pages.set(page, copy);
      this.charge(copy.length);
    }
    return bytes;
  }

  fail(at: number, reason: string): never {
    throw new CorruptionError(this.#file.path, this.#entry.at + at, reason);
  }
}

/**
 * Opens an extent: reads what stands behind its bytes, its directory and the sums of its pages.
 *
 * @param keep Is told how many bytes of it are kept.
 * @throws {CorruptionError} If that does not verify.
 */
export function openExtent(file: File, checksums: Checksum, entry: Extent, keep: Charge) {
  const at = entry.at + entry.length;
  const behind = new Uint8Array(storedLength(entry) - entry.length);
  file.readAt(behind, at);
  if (!checksums.holds(SUM.directory, entry.number, 0, behind, 0, behind.length - 8)) {
    throw new CorruptionError(file.path, at, "the directory of a row group does not verify");
  }
  const pageSums = behind.subarray(align8(entry.directory), behind.length - 8);
  keep(behind.length);
  return { source: new PagedSource(file, checksums, entry, pageSums, keep), behind };
}

/** Writes an extent, piece by piece. */
export class ExtentWriter {
  readonly #file: Pick<File, "writeAt">;
  readonly #checksums: Checksum;
  readonly #place: Pick<Extent, "number" | "at">;
  /** Two words a page. */
  readonly #pageSums: number[] = [];
  /** How many bytes were written. */
  length = 0;

  constructor(
    file: Pick<File, "writeAt">,
    checksums: Checksum,
    place: Pick<Extent, "number" | "at">,
  ) {
    this.#file = file;
    this.#checksums = checksums;
    this.#place = place;
  }

  /** Writes the next bytes: whole pages, but for the last ones. */
  write(bytes: Uint8Array): void {
    const { number, at } = this.#place;
    this.#file.writeAt(bytes, at + this.length);
    for (let from = 0; from < bytes.length; from += PAGE) {
      const page = (this.length + from) / PAGE;
      const sum = pageChecksum(this.#checksums, number, page, bytes, from);
      this.#pageSums.push(sum[0]!, sum[1]!);
    }
    this.length += bytes.length;
  }

  /** Writes what stands behind them, and tells where all of it is. */
  finish(directory: string): Extent {
    const json = encodeText(directory);
    const entry = { ...this.#place, length: this.length, directory: json.length };
    const behind = new Uint8Array(storedLength(entry) - entry.length);
    behind.set(json);
    const sumsAt = align8(json.length);
    this.#pageSums.forEach((word, i) => setUint32(behind, sumsAt + i * 4, word));
    this.#checksums.put(SUM.directory, entry.number, 0, behind, 0, behind.length - 8);
    this.#file.writeAt(behind, entry.at + entry.length);
    return entry;
  }
}
