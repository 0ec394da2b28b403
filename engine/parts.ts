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
import { isCount, isObject } from "./check.ts";
import { align8 } from "./format.ts";
import type { TextMatch } from "./matcher.ts";

/** The bytes of a row group; those of a table are read when they are needed. */
export interface Source {
  /** How many. */
  readonly length: number;
  /** The bytes from `from` to `to`, verified; not a copy. */
  read(from: number, to: number): Uint8Array;
  /** Is told that so many bytes are kept besides, made of these. */
  keep(bytes: number): void;
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

/** Throws unless words may stand there: what a file tells of it may be anything that JSON can hold. */
export function checkPlace(source: Source, width: number, at: number, count: number): void {
  const fits = isCount(count) && isCount(at) && at % width === 0;
  if (!fits || at + count * width > source.length) {
    source.fail(0, "a column reaches beyond its row group");
  }
}

/** Reads words, as a typed array right on the bytes; their place was checked. */
export function lay<T>(
  source: Source,
  make: LaidArray<T>,
  width: number,
  at: number,
  count: number,
): T {
  const bytes = source.read(at, at + count * width);
  return new make(bytes.buffer as ArrayBuffer, bytes.byteOffset, count);
}

/** Room for {@linkcode widened}. */
let wide = new Uint32Array();

/** Whole words, each as 32 bits; of narrower ones a copy, valid until the next call. */
function widened(words: Words): Uint32Array {
  if (words instanceof Uint32Array) return words;
  if (wide.length < words.length) wide = new Uint32Array(words.length);
  wide.set(words);
  return wide;
}

/** Fewer rows than these are looked at one by one, sooner than all words are made wide. */
export const FEW_ROWS = 512;

/**
 * More hits than these are found by a loop, sooner than by a search for each; a loop that is not
 * compiled yet takes as long as a thousand searches.
 */
const FEW_HITS = 1024;

/**
 * 1 if a word is at least `from` and at most `span` more, else 0; all are below 2^31. Where either
 * is as likely, a branch is guessed wrong half the time, and a comparison used as a number is slow
 * until the engine has compiled the loop in earnest: the signs of differences tell.
 */
function isWithin(word: number, from: number, span: number): number {
  const more = (word - from) | 0;
  return 1 + ((more | (span - more)) >> 31);
}

function findWords(words: Uint32Array, from: number, to: number, places: Uint32Array): number {
  const span = (to - from) | 0;
  from |= 0;
  let n = 0;
  for (let i = 0; i < places.length; i++) {
    places[n] = i;
    n = (n + isWithin(words[i]!, from, span)) | 0;
  }
  return n;
}

function keepWords(
  words: Uint32Array,
  from: number,
  to: number,
  rows: Uint32Array,
  n: number,
): number {
  const span = (to - from) | 0;
  from |= 0;
  let kept = 0;
  for (let k = 0; k < n; k++) {
    const row = rows[k]!;
    rows[kept] = row;
    kept = (kept + isWithin(words[row]!, from, span)) | 0;
  }
  return kept;
}

function findFloats(words: Float64Array, low: number, high: number, places: Uint32Array): number {
  let n = 0;
  for (let i = 0; i < places.length; i++) {
    const number = words[i]!;
    if (number >= low && number <= high) places[n++] = i;
  }
  return n;
}

function keepFloats(
  words: Float64Array,
  low: number,
  high: number,
  rows: Uint32Array,
  n: number,
): number {
  let kept = 0;
  for (let k = 0; k < n; k++) {
    const row = rows[k]!;
    const number = words[row]!;
    if (number >= low && number <= high) rows[kept++] = row;
  }
  return kept;
}

/** The first of `words[0, n)` that is not from `least` to `greatest`; -1 if there is none. */
function firstWordOut(words: Uint32Array, n: number, least: number, greatest: number): number {
  for (let i = 0; i < n; i++) {
    const word = words[i]!;
    if (word < least || word > greatest) return i;
  }
  return -1;
}

/** The first that is no whole number from `least` to `greatest`; -1 if there is none. */
function firstFloatOut(words: Float64Array, least: number, greatest: number): number {
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (!(word >= least && word <= greatest && Math.floor(word) === word)) return i;
  }
  return -1;
}

/** Puts all places into `places`, and tells how many. */
export function fill(places: Uint32Array): number {
  for (let i = 0; i < places.length; i++) places[i] = i;
  return places.length;
}

/** Throws unless `meta`, from a file, tells of numbers. */
function checkNumbers(source: Source, meta: unknown): void {
  const { width, base, min, max } = isObject(meta) ? meta as Partial<NumbersMeta> : {};
  const isBounded = min === undefined
    ? max === undefined
    : Number.isFinite(min) && Number.isFinite(max) && min <= max!;
  const isBased = width === 8 || (Number.isSafeInteger(base) && !(min! < base!));
  if (!isBounded || !isBased) source.fail(0, "numbers of impossible bounds");
}

/** From where to where numbers are whole ones; anything, without. */
export type Range = readonly [least: number, greatest: number];

/** Ids, versions and the like. */
export const COUNTS: Range = [0, Number.MAX_SAFE_INTEGER];

/**
 * Numbers that can be read one by one or all at once. Those that are given, and all once they were
 * loaded, are in their range, whatever the file holds.
 */
export class Numbers {
  /** Added to each word. */
  readonly base: number;
  readonly #source: Source;
  readonly #meta: NumbersMeta;
  readonly #count: number;
  /** What has yet to be checked: nothing, where no word could be out of it. */
  readonly #range: Range | undefined;
  /** None where all are equal. */
  readonly #make: LaidArray<Words> | undefined;
  #words: Words | undefined;

  constructor(source: Source, meta: NumbersMeta, count: number, range: Range | undefined) {
    checkNumbers(source, meta);
    this.#source = source;
    this.#meta = meta;
    this.#count = count;
    // A word of 8 bytes is the value: of all numbers only -0 leaves -0 as it is.
    this.base = meta.width === 8 ? -0 : meta.base;
    if (range !== undefined) {
      const greatest = meta.width === 8 ? Infinity : this.base + 2 ** (8 * meta.width) - 1;
      if (!(this.base >= range[0] && greatest <= range[1])) this.#range = range;
    }
    if (meta.width === 0) {
      if (this.#range !== undefined) this.#outOfRange(0);
      return;
    }
    this.#make = WORDS[meta.width] ?? source.fail(0, "words of impossible width");
    checkPlace(source, meta.width, meta.at, count);
  }

  /** The words, once they were loaded; none where all are equal. */
  get words(): Words | undefined {
    return this.#words;
  }

  /** Reads all, for those who will look at most. */
  load(): void {
    if (this.#words !== undefined || this.#make === undefined) return;
    const { width, at } = this.#meta;
    const words = lay(this.#source, this.#make, width, at, this.#count);
    if (this.#range !== undefined) this.#checkAll(words, this.#range);
    this.#words = words;
  }

  #checkAll(words: Words, [least, greatest]: Range): void {
    const out = words instanceof Float64Array
      ? firstFloatOut(words, least, greatest)
      : firstWordOut(widened(words), words.length, least - this.base, greatest - this.base);
    if (out >= 0) this.#outOfRange(out);
  }

  #check(i: number, number: number, [least, greatest]: Range): void {
    if (!(number >= least && number <= greatest && Number.isInteger(number))) this.#outOfRange(i);
  }

  #outOfRange(i: number): never {
    return this.#source.fail(this.#meta.at + i * this.#meta.width, "a number is out of range");
  }

  /**
   * Puts where the number is from `low` to `high` into `places`, ascending, and tells how many.
   * All is loaded.
   */
  find(low: number, high: number, places: Uint32Array): number {
    const floats = this.#floats();
    if (floats !== undefined) return findFloats(floats, low, high, places);
    const [from, to] = this.#asWords(low, high);
    if (!(from <= to)) return 0;
    const words = this.#words;
    if (words === undefined || from < to) return findWords(this.wide(), from, to, places);
    let n = 0;
    // The engine's own search beats a loop where there is little to find.
    for (let i = words.indexOf(from); i >= 0; i = words.indexOf(from, i + 1)) {
      if (n === FEW_HITS) return findWords(this.wide(), from, to, places);
      places[n++] = i;
    }
    return n;
  }

  /** Keeps of `rows[0, n)` those whose number is from `low` to `high`. All is loaded. */
  keep(low: number, high: number, rows: Uint32Array, n: number): number {
    const floats = this.#floats();
    if (floats !== undefined) return keepFloats(floats, low, high, rows, n);
    const [from, to] = this.#asWords(low, high);
    return from <= to ? keepWords(this.wide(), from, to, rows, n) : 0;
  }

  /** All numbers, if they are floats or their words take all of 32 bits. */
  #floats(): Float64Array | undefined {
    const { base } = this;
    const words = this.#words;
    if (words instanceof Float64Array) return words;
    if (!(words instanceof Uint32Array) || this.#meta.max! - base < 2 ** 31) return undefined;
    return Float64Array.from(words, (word) => base + word);
  }

  /** The words from and to which numbers are within bounds; words are whole, and below 2^31. */
  #asWords(low: number, high: number): [from: number, to: number] {
    // Bounds are made whole before anything is taken off them: then nothing is rounded.
    const from = Math.max(0, Math.ceil(low) - this.base);
    return [from, Math.min(2 ** 31 - 1, Math.floor(high) - this.base)];
  }

  /**
   * Whole words, each as 32 bits: of what width they are, loops need not know, and stay fast. Valid
   * until the next call, of whichever numbers. All is loaded.
   */
  wide(): Uint32Array {
    const words = this.#words;
    if (words !== undefined) return widened(words);
    if (wide.length < this.#count) wide = new Uint32Array(this.#count);
    return wide.fill(0);
  }

  /** Puts the numbers of `rows` into `out`. All is loaded. */
  gather(rows: Uint32Array, out: Float64Array): void {
    const { base } = this;
    const words = this.#words;
    if (words instanceof Float64Array) {
      for (let k = 0; k < rows.length; k++) out[k] = words[rows[k]!]!;
    } else if (rows.length < FEW_ROWS) {
      for (let k = 0; k < rows.length; k++) out[k] = this.get(rows[k]!);
    } else {
      const words = this.wide();
      for (let k = 0; k < rows.length; k++) out[k] = base + words[rows[k]!]!;
    }
  }

  /** The number at `i`. */
  get(i: number): number {
    const words = this.#words;
    if (words !== undefined) return this.base + words[i]!;
    if (this.#make === undefined) return this.base;
    const { width, at } = this.#meta;
    const number = this.base + lay(this.#source, this.#make, width, at + i * width, 1)[0]!;
    if (this.#range !== undefined) this.#check(i, number, this.#range);
    return number;
  }
}

/** A character for each byte, never the same for two. */
const BINARY = new TextDecoder("windows-1252");

/** All that blobs hold. */
interface Loaded {
  /** Where each begins, and where the last one ends. */
  readonly offsets: Uint32Array;
  /** The bytes, one after the other; if all are ASCII characters, as these. */
  readonly heap: Uint8Array | string;
  /** Each byte as a character, if that was asked for. */
  binary?: string;
}

/** Byte strings, or texts, that can be read one by one or all at once. */
export class Blobs {
  /** How many. */
  readonly count: number;
  readonly #source: Source;
  readonly #meta: BlobsMeta;
  readonly #areTexts: boolean;
  #all: Loaded | undefined;

  constructor(source: Source, meta: BlobsMeta, areTexts: boolean) {
    if (!isObject(meta) || !isCount(meta.count)) source.fail(0, "a column has no values");
    this.#source = source;
    this.#meta = meta;
    this.#areTexts = areTexts;
    this.count = meta.count;
    checkPlace(source, 4, meta.offsets, meta.count + 1);
    checkPlace(source, 1, meta.heap, meta.length);
  }

  /** Reads all, for those who will look at most. */
  load(): void {
    if (this.#all !== undefined) return;
    const { count, heap, length } = this.#meta;
    const offsets = lay(this.#source, Uint32Array, 4, this.#meta.offsets, count + 1);
    let from = offsets[0]!;
    for (let i = 1; i < offsets.length; i++) {
      const to = offsets[i]!;
      if (from > to) this.#check(i - 1, from, to);
      from = to;
    }
    if (count > 0) this.#check(count - 1, offsets[count - 1]!, offsets[count]!);
    const bytes = this.#source.read(heap, heap + length);
    const text = this.#areTexts ? this.#decode(bytes) : undefined;
    this.#all = { offsets, heap: text?.length === length ? text : bytes };
  }

  #check(i: number, from: number, to: number): void {
    if (from <= to && to <= this.#meta.length) return;
    this.#source.fail(this.#meta.offsets + i * 4, "a value reaches beyond its column");
  }

  /** The byte string at `i`; not a copy. */
  bytes(i: number): Uint8Array {
    return this.#at(i) as Uint8Array;
  }

  /** The text at `i`. */
  text(i: number): string {
    const value = this.#at(i);
    return typeof value === "string" ? value : this.#decode(value);
  }

  #at(i: number): Uint8Array | string {
    if (this.#all !== undefined) {
      const { offsets, heap } = this.#all;
      const from = offsets[i]!;
      const to = offsets[i + 1]!;
      return typeof heap === "string" ? heap.substring(from, to) : heap.subarray(from, to);
    }
    const { offsets, heap } = this.#meta;
    const [from, to] = lay(this.#source, Uint32Array, 4, offsets + i * 4, 2);
    this.#check(i, from!, to!);
    return this.#source.read(heap + from!, heap + to!);
  }

  /** Puts where the text matches into `places`, ascending, and tells how many. All is loaded. */
  find(match: TextMatch, places: Uint32Array): number {
    return match.at === "any" && match.part !== ""
      ? this.#search(match.part, places)
      : this.keep(match, places, fill(places));
  }

  /** Keeps of `rows[0, n)` those whose text matches, and tells how many. All is loaded. */
  keep({ part, at }: TextMatch, rows: Uint32Array, n: number): number {
    const { offsets, heap } = this.#all!;
    const wanted = encodeText(part);
    let kept = 0;
    for (let k = 0; k < n; k++) {
      const row = rows[k]!;
      const from = offsets[row]!;
      const more = offsets[row + 1]! - from - wanted.length;
      if (at === "all" ? more !== 0 : more < 0) continue;
      const start = from + (at === "end" ? more : 0);
      const holds = at === "any"
        ? this.text(row).includes(part)
        : typeof heap === "string"
        ? textStands(heap, wanted, start)
        : bytesStand(heap, wanted, start);
      if (holds) rows[kept++] = row;
    }
    return kept;
  }

  /** Puts where a part is in a text into `places`: one search goes over all of them. */
  #search(part: string, places: Uint32Array): number {
    const all = this.#all!;
    if (typeof all.heap === "string") return searchIn(all.heap, part, all.offsets, places);
    if (all.binary === undefined) {
      all.binary = BINARY.decode(all.heap);
      this.#source.keep(all.binary.length * 2);
    }
    // What is UTF-8 for a text stands only where that text is.
    return searchIn(all.binary, BINARY.decode(encodeText(part)), all.offsets, places);
  }

  #decode(bytes: Uint8Array): string {
    try {
      return decodeText(bytes);
    } catch {
      return this.#source.fail(this.#meta.heap, "text is no UTF-8");
    }
  }
}

/** Whether these bytes stand at `start`; from the end, where texts of one kind differ most. */
function bytesStand(heap: Uint8Array, wanted: Uint8Array, start: number): boolean {
  let i = wanted.length - 1;
  while (i >= 0 && heap[start + i] === wanted[i]) i--;
  return i < 0;
}

/** The same in a text, each of whose characters is a byte. */
function textStands(heap: string, wanted: Uint8Array, start: number): boolean {
  let i = wanted.length - 1;
  while (i >= 0 && heap.charCodeAt(start + i) === wanted[i]) i--;
  return i < 0;
}

/** Puts into `places` which of the texts that stand one behind the other have a part. */
function searchIn(all: string, part: string, offsets: Uint32Array, places: Uint32Array): number {
  let n = 0;
  let i = 0;
  let from = all.indexOf(part);
  while (from >= 0) {
    while (i < places.length && offsets[i + 1]! <= from) i++;
    if (i === places.length) break;
    const end = offsets[i + 1]!;
    const fits = from + part.length <= end;
    if (fits) places[n++] = i;
    // One hit a value is enough; one that reaches into the next value is none.
    from = all.indexOf(part, fits ? end : from + 1);
  }
  return n;
}
