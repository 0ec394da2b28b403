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

import { CorruptionError } from "./errors.ts";
import type { File } from "./file.ts";
import { align8, type Checksum, setUint32, SUM, sumStands } from "./format.ts";
import type { Source } from "./parts.ts";

const PAGE = 4096;

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

function sumsLength(length: number): number {
  return Math.ceil(length / PAGE) * 8;
}

function pageSum(sums: Checksum, group: number, bytes: Uint8Array, page: number): Int32Array {
  const end = Math.min((page + 1) * PAGE, bytes.length);
  return sums.of(SUM.page, group, page, bytes, page * PAGE, end);
}

/** The whole of it in the file: bytes, directory and page sums, and the sum of these two. */
export function spanOf(entry: Extent): number {
  return entry.length + align8(entry.directory) + sumsLength(entry.length) + 8;
}

/** Bytes in a table file, read and verified page by page. */
class PagedSource implements Source {
  readonly bytes: Uint8Array;
  readonly #file: File;
  readonly #sums: Checksum;
  readonly #entry: Extent;
  readonly #pageSums: Uint8Array;
  readonly #there: Uint8Array;

  constructor(file: File, sums: Checksum, entry: Extent, pageSums: Uint8Array) {
    this.#file = file;
    this.#sums = sums;
    this.#entry = entry;
    this.#pageSums = pageSums;
    this.bytes = new Uint8Array(entry.length);
    this.#there = new Uint8Array(Math.ceil(entry.length / PAGE));
  }

  need(from: number, to: number): void {
    const last = Math.ceil(to / PAGE);
    for (let page = Math.floor(from / PAGE); page < last; page++) {
      if (this.#there[page] === 1) continue;
      let end = page + 1;
      while (end < last && this.#there[end] === 0) end++;
      this.#read(page, end);
      page = end - 1;
    }
  }

  #read(page: number, end: number): void {
    const { number, at } = this.#entry;
    const bytes = this.bytes.subarray(page * PAGE, end * PAGE);
    if (this.#file.readAt(bytes, at + page * PAGE) !== bytes.length) {
      this.fail(page * PAGE, "the file ends too early");
    }
    for (; page < end; page++) {
      if (!sumStands(pageSum(this.#sums, number, this.bytes, page), 2, this.#pageSums, page * 8)) {
        this.fail(page * PAGE, "a page does not verify");
      }
      this.#there[page] = 1;
    }
  }

  fail(at: number, reason: string): never {
    throw new CorruptionError(this.#file.path, this.#entry.at + at, reason);
  }
}

/**
 * Opens an extent: reads what stands behind its bytes, its directory and the sums of its pages.
 *
 * @throws {CorruptionError} If that does not verify.
 */
export function openExtent(file: File, sums: Checksum, entry: Extent) {
  const at = entry.at + entry.length;
  const behind = new Uint8Array(spanOf(entry) - entry.length);
  file.readAt(behind, at);
  if (!sums.holds(SUM.directory, entry.number, 0, behind, 0, behind.length - 8)) {
    throw new CorruptionError(file.path, at, "the directory of a row group does not verify");
  }
  const pageSums = behind.subarray(align8(entry.directory), behind.length - 8);
  return { source: new PagedSource(file, sums, entry, pageSums), behind };
}

/** What stands behind the bytes of an extent. */
export function behindExtent(
  sums: Checksum,
  entry: Extent,
  bytes: Uint8Array,
  directory: Uint8Array,
): Uint8Array {
  const behind = new Uint8Array(spanOf(entry) - bytes.length);
  behind.set(directory);
  const sumsAt = align8(directory.length);
  for (let page = 0; page * PAGE < bytes.length; page++) {
    const sum = pageSum(sums, entry.number, bytes, page);
    setUint32(behind, sumsAt + page * 8, sum[0]!);
    setUint32(behind, sumsAt + page * 8 + 4, sum[1]!);
  }
  sums.put(SUM.directory, entry.number, 0, behind, 0, behind.length - 8);
  return behind;
}
