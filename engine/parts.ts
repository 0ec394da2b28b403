/**
 * What columns are made of: numbers and byte strings, each written and read here.
 *
 * ```text
 * numbers  value = base + word[i], words of 0 (all equal), 1, 2 or 4 bytes;
 *          words of 8: the value itself, a 64-bit float
 * blobs    offsets (4 bytes, one more than values), bytes
 * ```
 *
 * Parts begin at multiples of 8, so that typed arrays lie right on the bytes.
 *
 * @module
 */

import { decodeText, encodeText } from "./bytes.ts";
import { align8 } from "./format.ts";

/** The bytes of a row group; those of a table are read when they are needed. */
export interface Source {
  /** All bytes; only what was needed before is there. */
  readonly bytes: Uint8Array;
  /** Makes sure that `bytes[from, to)` is there and verified. */
  need(from: number, to: number): void;
  /** Throws the `CorruptionError` of this place. */
  fail(at: number, reason: string): never;
}

/** Where numbers stand. */
export interface NumbersMeta {
  /** Bytes a word. */
  readonly width: 0 | 1 | 2 | 4 | 8;
  /** Added to each word. */
  readonly base: number;
  /** Offset of the first word. */
  readonly at: number;
  /** The least number, if all are finite. */
  readonly min?: number;
  /** The greatest number, if all are finite. */
  readonly max?: number;
}

/** Where byte strings stand. */
export interface BlobsMeta {
  /** How many. */
  readonly count: number;
  /** Where the offsets stand. */
  readonly offsets: number;
  /** Where the bytes stand. */
  readonly heap: number;
  /** How many bytes. */
  readonly length: number;
}

// --------------------------------------------------------------- writing

/** Collects the parts of a row group. */
export class PartWriter {
  readonly #parts: Uint8Array[] = [];
  /** Where the next part will stand. */
  length = 0;

  /** Adds a part and tells where it stands. */
  add(part: ArrayBufferView): number {
    const at = this.length;
    this.#parts.push(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
    this.length = align8(at + part.byteLength);
    return at;
  }

  /** All parts, each at its place. */
  finish(): Uint8Array {
    const bytes = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at = align8(at + part.length);
    }
    return bytes;
  }
}

/** Writes numbers in the least width that holds them. */
export function encodeNumbers(parts: PartWriter, values: readonly number[]): NumbersMeta {
  let min = Infinity;
  let max = -Infinity;
  let whole = true;
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) whole = false;
  }
  if (!whole) {
    const bounds = values.every(Number.isFinite) ? { min, max } : {};
    return { width: 8, base: 0, at: parts.add(Float64Array.from(values)), ...bounds };
  }
  if (values.length === 0) return { width: 0, base: 0, at: 0 };
  const span = max - min;
  if (span === 0) return { width: 0, base: min, at: 0, min, max };
  const make = span < 2 ** 8
    ? Uint8Array
    : span < 2 ** 16
    ? Uint16Array
    : span < 2 ** 32
    ? Uint32Array
    : Float64Array;
  const words = new make(values.length);
  const base = make === Float64Array ? 0 : min;
  for (let i = 0; i < words.length; i++) words[i] = values[i]! - base;
  const width = words.BYTES_PER_ELEMENT as 1 | 2 | 4 | 8;
  return { width, base, at: parts.add(words), min, max };
}

/** Writes byte strings. */
export function encodeBlobs(parts: PartWriter, values: readonly Uint8Array[]): BlobsMeta {
  const offsets = new Uint32Array(values.length + 1);
  let length = 0;
  values.forEach((value, i) => offsets[i + 1] = length += value.length);
  if (length >= 2 ** 32) throw new RangeError("the values of one field are larger than 4 GiB");
  const heap = new Uint8Array(length);
  values.forEach((value, i) => heap.set(value, offsets[i]!));
  return { count: values.length, offsets: parts.add(offsets), heap: parts.add(heap), length };
}

/** Writes texts as UTF-8. */
export function encodeTexts(parts: PartWriter, values: readonly string[]): BlobsMeta {
  const all = values.join("");
  const heap = encodeText(all);
  // As long in bytes as in characters: all of it is ASCII.
  if (heap.length !== all.length) return encodeBlobs(parts, values.map(encodeText));
  const offsets = new Uint32Array(values.length + 1);
  let length = 0;
  for (let i = 0; i < values.length; i++) offsets[i + 1] = length += values[i]!.length;
  return { count: values.length, offsets: parts.add(offsets), heap: parts.add(heap), length };
}

// --------------------------------------------------------------- reading

const WORDS = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: Float64Array } as const;

type Words = Uint8Array | Uint16Array | Uint32Array | Float64Array;
type LaidArray<T> = new (buffer: ArrayBuffer, at: number, length: number) => T;

/** A typed array right on the bytes, once its place was checked. */
export function lay<T>(
  source: Source,
  make: LaidArray<T>,
  width: number,
  at: number,
  count: number,
): T {
  const { bytes } = source;
  const fits = Number.isInteger(count) && at % width === 0 && at + count * width <= bytes.length;
  if (!(fits && at >= 0 && count >= 0)) {
    source.fail(0, "a column reaches beyond its row group");
  }
  return new make(bytes.buffer as ArrayBuffer, bytes.byteOffset + at, count);
}

/** Numbers that can be read one by one or all at once. */
export class Numbers {
  /** Added to each word. */
  readonly base: number;
  /** The words; none where all are equal. */
  readonly words: Words | undefined;
  readonly #source: Source;
  readonly #meta: NumbersMeta;
  #loaded: boolean;

  constructor(source: Source, meta: NumbersMeta, rows: number) {
    this.#source = source;
    this.#meta = meta;
    // A word of 8 bytes is the value: of all numbers only -0 leaves -0 as it is.
    this.base = meta.width === 8 ? -0 : meta.base;
    this.#loaded = meta.width === 0;
    if (meta.width === 0) return;
    const make: LaidArray<Words> = WORDS[meta.width] ?? source.fail(0, "words of impossible width");
    this.words = lay(source, make, meta.width, meta.at, rows);
  }

  /** Reads all, for those who will look at most. */
  load(): void {
    if (this.#loaded) return;
    this.#source.need(this.#meta.at, this.#meta.at + this.words!.byteLength);
    this.#loaded = true;
  }

  /** Puts where the number is `value` into `places`, ascending, and tells how often. All is loaded. */
  find(value: number, places: Uint32Array): number {
    const { words } = this;
    const word = value - this.base;
    if (words === undefined) {
      if (word !== 0) return 0;
      for (let i = 0; i < places.length; i++) places[i] = i;
      return places.length;
    }
    let n = 0;
    // The engine's own search beats a loop, most of all before the loop is compiled.
    for (let i = words.indexOf(word); i >= 0; i = words.indexOf(word, i + 1)) places[n++] = i;
    return n;
  }

  /** The number at `i`. */
  get(i: number): number {
    if (this.words === undefined) return this.base;
    if (!this.#loaded) {
      const at = this.#meta.at + i * this.#meta.width;
      this.#source.need(at, at + this.#meta.width);
    }
    return this.base + this.words[i]!;
  }
}

/** Byte strings that can be read one by one or all at once. */
export class Blobs {
  /** How many. */
  readonly count: number;
  readonly #source: Source;
  readonly #meta: BlobsMeta;
  readonly #offsets: Uint32Array;
  #loaded = false;
  /** All bytes as text, if they are ASCII and offsets the same in both; `null`: they are not. */
  #ascii: string | null | undefined;

  constructor(source: Source, meta: BlobsMeta) {
    this.#source = source;
    this.#meta = meta;
    this.count = meta.count;
    if (meta.count < 0) source.fail(0, "a column has an impossible number of values");
    this.#offsets = lay(source, Uint32Array, 4, meta.offsets, meta.count + 1);
    lay(source, Uint8Array, 1, meta.heap, meta.length);
  }

  /** Reads all, for those who will look at most. */
  load(): void {
    if (this.#loaded) return;
    const { offsets, heap, length } = this.#meta;
    this.#source.need(offsets, offsets + this.#offsets.byteLength);
    this.#source.need(heap, heap + length);
    this.#loaded = true;
  }

  /** The bytes at `i`; not a copy. */
  bytes(i: number): Uint8Array {
    const { offsets, heap, length } = this.#meta;
    if (!this.#loaded) this.#source.need(offsets + i * 4, offsets + i * 4 + 8);
    const from = this.#offsets[i]!;
    const to = this.#offsets[i + 1]!;
    if (from > to || to > length) this.#source.fail(offsets, "a value reaches beyond its column");
    if (!this.#loaded) this.#source.need(heap + from, heap + to);
    return this.#source.bytes.subarray(heap + from, heap + to);
  }

  /** The text at `i`. */
  text(i: number): string {
    const all = this.#loaded ? this.#asciiText() : null;
    if (all === null) return this.#decode(this.bytes(i));
    return all.substring(this.#offsets[i]!, this.#offsets[i + 1]!);
  }

  /** The first place of a text, -1 if there is none. All is loaded. */
  find(text: string): number {
    const all = this.#asciiText();
    const offsets = this.#offsets;
    if (all === null || text === "") {
      for (let i = 0; i < this.count; i++) if (this.text(i) === text) return i;
      return -1;
    }
    for (let at = all.indexOf(text); at >= 0; at = all.indexOf(text, at + 1)) {
      // Empty texts share their offset with the one behind them, which is the last of these.
      const i = offsets.lastIndexOf(at);
      if (i >= 0 && offsets[i + 1] === at + text.length) return i;
    }
    return -1;
  }

  #asciiText(): string | null {
    if (this.#ascii === undefined) {
      const { heap, length } = this.#meta;
      const all = this.#decode(this.#source.bytes.subarray(heap, heap + length));
      this.#ascii = all.length === length ? all : null;
    }
    return this.#ascii;
  }

  /** Keeps of `rows[0, n)` those that hold just these bytes, and tells how many. */
  keepEqual(wanted: Uint8Array, rows: Uint32Array, n: number): number {
    const offsets = this.#offsets;
    const { bytes } = this.#source;
    const { heap } = this.#meta;
    let kept = 0;
    for (let k = 0; k < n; k++) {
      const row = rows[k]!;
      const from = offsets[row]!;
      if (offsets[row + 1]! - from !== wanted.length) continue;
      let i = 0;
      while (i < wanted.length && bytes[heap + from + i] === wanted[i]) i++;
      if (i === wanted.length) rows[kept++] = row;
    }
    return kept;
  }

  #decode(bytes: Uint8Array): string {
    try {
      return decodeText(bytes);
    } catch {
      return this.#source.fail(this.#meta.heap, "text is no UTF-8");
    }
  }
}
