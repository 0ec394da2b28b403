/**
 * The bytes of a row group consist of parts. Each part begins at a multiple of 8, so typed arrays
 * can be views of the bytes.
 *
 * @module
 */

import { align8 } from "../bytes/bytes.ts";
import { isCount } from "../system/check.ts";

/** The bytes of a row group or an index. In a segment they are read on demand. */
export interface Source {
  /** The number of bytes. */
  readonly length: number;
  /** The verified bytes from `from` to `to`; not a copy. */
  read(from: number, to: number): Uint8Array;
  /** Charges bytes that the caller derived from these and keeps; see {@linkcode Charge}. */
  charge(bytes: number): void;
  /** Throws a `CorruptionError` at this position. */
  fail(at: number, reason: string): never;
}

/** Collects the parts of a row group. */
export class PartWriter {
  readonly #start: number;
  readonly #parts: Uint8Array[] = [];
  /** Where the next part begins. */
  length: number;

  /** @param start Where the first part begins, a multiple of 8. */
  constructor(start = 0) {
    this.length = this.#start = start;
  }

  /** Adds a part and returns where it begins. */
  add(part: ArrayBufferView): number {
    const at = this.length;
    this.#parts.push(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    this.length = align8(at + part.byteLength);
    return at;
  }

  /** The bytes of all parts. */
  finish(): Uint8Array {
    const bytes = new Uint8Array(this.length - this.#start);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at = align8(at + part.length);
    }
    return bytes;
  }
}

/** The constructor of a typed array. */
export type WordArray<T> = new (buffer: ArrayBuffer, at: number, length: number) => T;

/** Throws unless the words are inside the source. A file may claim anything that JSON can hold. */
export function checkPart(source: Source, width: number, at: number, count: number): void {
  const fits = isCount(count) && isCount(at) && at % width === 0;
  if (!fits || at + count * width > source.length) {
    source.fail(0, "a column reaches beyond its row group");
  }
}

/** Reads words as a typed array that is a view of the bytes; {@linkcode checkPart} comes first. */
export function viewWords<T>(
  source: Source,
  make: WordArray<T>,
  width: number,
  at: number,
  count: number,
): T {
  const bytes = source.read(at, at + count * width);
  return new make(bytes.buffer as ArrayBuffer, bytes.byteOffset, count);
}
