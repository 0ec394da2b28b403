/**
 * What stands in a row group: parts, which begin at multiples of 8, so that typed arrays lie right
 * on the bytes.
 *
 * @module
 */

import { isCount } from "../system/check.ts";
import { align8 } from "../bytes/bytes.ts";

/** The bytes of a row group; those of a table are read when they are needed. */
export interface Source {
  /** How many. */
  readonly length: number;
  /** The bytes from `from` to `to`, verified; not a copy. */
  read(from: number, to: number): Uint8Array;
  /** Is told that so many bytes are kept besides, made of these. */
  charge(bytes: number): void;
  /** Throws the `CorruptionError` of this place. */
  fail(at: number, reason: string): never;
}

/** Collects the parts of a row group. */
export class PartWriter {
  readonly #start: number;
  readonly #parts: Uint8Array[] = [];
  /** Where the next part will stand. */
  length: number;

  /** @param start Where the first part will stand, a multiple of 8. */
  constructor(start = 0) {
    this.length = this.#start = start;
  }

  /** Adds a part and tells where it stands. */
  add(part: ArrayBufferView): number {
    const at = this.length;
    this.#parts.push(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    this.length = align8(at + part.byteLength);
    return at;
  }

  /** All parts, each at its place. */
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

/** The typed arrays of words. */
export type WordArray<T> = new (buffer: ArrayBuffer, at: number, length: number) => T;

/** Throws unless words may stand there: what a file tells of it may be anything that JSON can hold. */
export function checkPart(source: Source, width: number, at: number, count: number): void {
  const fits = isCount(count) && isCount(at) && at % width === 0;
  if (!fits || at + count * width > source.length) {
    source.fail(0, "a column reaches beyond its row group");
  }
}

/** Reads words, as a typed array right on the bytes; their place was checked. */
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
