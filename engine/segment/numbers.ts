/**
 * Numbers in a row group, encoded by frame of reference (`base`) and slope (`step`).
 *
 * ```text
 * number[i] = base + step × i + word[i], words of 0 (no words), 1, 2 or 4 bytes
 *             or word[i] itself, a 64-bit float
 * ```
 *
 * @module
 */

import { isCount, isObject } from "../system/check.ts";
import { checkPart, type PartWriter, type Source, viewWords, type WordArray } from "./parts.ts";

/** How a file describes encoded numbers. */
export interface NumbersMeta {
  /** Bytes per word. */
  readonly width: 0 | 1 | 2 | 4 | 8;
  /** See `number[i]` above. */
  readonly base: number;
  /** See `number[i]` above; 0 if left out. */
  readonly step?: number;
  /** Where the first word begins. */
  readonly at: number;
  /** The zone map: the least number, if all are finite; left out in an index. */
  readonly min?: number;
  /** The zone map: the greatest number, if all are finite; left out in an index. */
  readonly max?: number;
}

/** Writes numbers with the narrowest words that hold them. */
export function encodeNumbers(parts: PartWriter, values: ArrayLike<number>): NumbersMeta {
  let min = Infinity;
  let max = -Infinity;
  let whole = true;
  let finite = true;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < min) min = value;
    if (value > max) max = value;
    if (!Number.isFinite(value)) finite = false;
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) whole = false;
  }
  if (!whole) {
    const zoneMap = finite ? { min, max } : {};
    return { width: 8, base: 0, at: parts.add(new Float64Array(values)), ...zoneMap };
  }
  if (values.length === 0) return { width: 0, base: 0, at: 0 };
  const shape = shapeOf(values, min, max);
  if (shape.width === 0) return { ...shape, at: 0, min, max };
  return { ...shape, at: parts.add(wordsOf(values, shape)), min, max };
}

/** The parameters of the encoding. */
export type Shape = Pick<NumbersMeta, "width" | "base" | "step">;

/** The words of the numbers from `from` to `to`; empty if the width is 0. */
export function wordsOf(
  values: ArrayLike<number>,
  { width, base, step = 0 }: Shape,
  from = 0,
  to = values.length,
): Uint8Array {
  if (width === 0) return new Uint8Array();
  const words = new WORD_ARRAYS[width](to - from);
  for (let i = from; i < to; i++) {
    // Subtract the step first: the difference from the base alone may be rounded.
    words[i - from] = values[i]! - step * i - base;
  }
  return new Uint8Array(words.buffer);
}

/**
 * Chooses the encoding of whole numbers from `min` to `max`. It uses a step if that saves bytes.
 */
export function shapeOf(values: ArrayLike<number>, min: number, max: number): Shape {
  const width = wordWidth(max - min);
  const plain = { width, base: width === 8 ? 0 : min };
  const step = Math.floor((values[values.length - 1]! - values[0]!) / (values.length - 1));
  if (!(step > 0) || !Number.isSafeInteger(max - min)) return plain;
  let least = Infinity;
  let greatest = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const rest = values[i]! - step * i;
    if (rest < least) least = rest;
    if (rest > greatest) greatest = rest;
  }
  const sloped = wordWidth(greatest - least);
  return sloped < width && Number.isSafeInteger(least)
    ? { width: sloped, base: least, step }
    : plain;
}

/** The number of bytes in a word that holds numbers up to `span`. */
function wordWidth(span: number): NumbersMeta["width"] {
  return span === 0 ? 0 : span < 2 ** 8 ? 1 : span < 2 ** 16 ? 2 : span < 2 ** 32 ? 4 : 8;
}

const WORD_ARRAYS = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: Float64Array } as const;

type Words = Uint8Array | Uint16Array | Uint32Array | Float64Array;
/** The buffer of {@linkcode widened}. */
let wide = new Uint32Array();

/** Words as 32 bits each; narrower words are copied to a buffer that the next call reuses. */
function widened(words: Words): Uint32Array {
  if (words instanceof Uint32Array) return words;
  if (wide.length < words.length) wide = new Uint32Array(words.length);
  wide.set(words);
  return wide;
}

/** For fewer rows than this, reading them one by one is faster than widening all words. */
const FEW_ROWS = 512;

/**
 * Up to this many hits, repeated `indexOf` is faster than a loop: a loop that V8 has not compiled
 * yet takes as long as a thousand searches.
 */
const FEW_HITS = 1024;

/**
 * 1 if `from <= word <= from + span`, otherwise 0; all are below 2^31. It works with the signs of
 * differences. A branch would be mispredicted half the time where both outcomes are equally likely,
 * and a comparison used as a number is slow until V8 has optimized the loop.
 */
function isWordInRange(word: number, from: number, span: number): number {
  const more = (word - from) | 0;
  return 1 + ((more | (span - more)) >> 31);
}

/** The number of words from which the share of hits is estimated. */
const SAMPLE = 512;

function findWords(words: Uint32Array, from: number, to: number, rows: Uint32Array): number {
  const span = (to - from) | 0;
  from |= 0;
  const sample = Math.min(SAMPLE, rows.length);
  let n = 0;
  for (let i = 0; i < sample; i++) {
    rows[n] = i;
    n = (n + isWordInRange(words[i]!, from, span)) | 0;
  }
  // A branch that is hardly ever taken is predicted well, and costs less than the signs.
  if (n * 32 < sample) {
    for (let i = sample; i < rows.length; i++) {
      if ((words[i]! - from) >>> 0 <= span) rows[n++] = i;
    }
    return n;
  }
  for (let i = sample; i < rows.length; i++) {
    rows[n] = i;
    n = (n + isWordInRange(words[i]!, from, span)) | 0;
  }
  return n;
}

function selectWords(
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
    kept = (kept + isWordInRange(words[row]!, from, span)) | 0;
  }
  return kept;
}

function findFloats(words: Float64Array, low: number, high: number, rows: Uint32Array): number {
  let n = 0;
  for (let i = 0; i < rows.length; i++) {
    const number = words[i]!;
    if (number >= low && number <= high) rows[n++] = i;
  }
  return n;
}

function selectFloats(
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

/** The first of `words[0, n)` outside the range; -1 if there is none. */
function firstWordOut(words: Uint32Array, n: number, least: number, greatest: number): number {
  for (let i = 0; i < n; i++) {
    const word = words[i]!;
    if (word < least || word > greatest) return i;
  }
  return -1;
}

/** The first that is not a whole number in the range; -1 if there is none. */
function firstFloatOut(words: Float64Array, least: number, greatest: number): number {
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (!(word >= least && word <= greatest && Math.floor(word) === word)) return i;
  }
  return -1;
}

/** Makes a selection vector of all rows and returns how many they are. */
export function selectAll(rows: Uint32Array): number {
  for (let i = 0; i < rows.length; i++) rows[i] = i;
  return rows.length;
}

/** Throws unless `meta`, from a file, can describe numbers. */
function checkNumbers(source: Source, meta: unknown): void {
  const { width, base, step, min, max } = isObject(meta) ? meta as Partial<NumbersMeta> : {};
  const isBounded = min === undefined
    ? max === undefined
    : Number.isFinite(min) && Number.isFinite(max) && min <= max!;
  const isBased = width === 8
    ? step === undefined
    : Number.isSafeInteger(base) && !(min! < base!) && (step === undefined || isCount(step));
  if (!isBounded || !isBased) source.fail(0, "the description of numbers is invalid");
}

/** A range of whole numbers. */
export type NumberRange = readonly [least: number, greatest: number];

/** Whether it is a whole number in the range. */
export function isIntegerIn([least, greatest]: NumberRange, number: number): boolean {
  return number >= least && number <= greatest && Number.isInteger(number);
}

/** The range of ids and versions. */
export const COUNTS: NumberRange = [0, Number.MAX_SAFE_INTEGER];

/**
 * Encoded numbers, read one by one or all at once. Whatever the file holds, the numbers from
 * {@linkcode Numbers.get} are in their range, and so are all numbers after {@linkcode
 * Numbers.load}.
 */
export class Numbers {
  /** See `number[i]` above. */
  readonly base: number;
  /** See `number[i]` above. */
  readonly step: number;
  readonly #source: Source;
  readonly #meta: NumbersMeta;
  readonly #count: number;
  /** The range to check; `undefined` if no word can be outside, or once all words were checked. */
  #range: NumberRange | undefined;
  /** `undefined` if the width is 0. */
  readonly #make: WordArray<Words> | undefined;
  #words: Words | undefined;

  constructor(source: Source, meta: NumbersMeta, count: number, range: NumberRange | undefined) {
    checkNumbers(source, meta);
    this.#source = source;
    this.#meta = meta;
    this.#count = count;
    // A word of 8 bytes is the number itself. Adding -0 changes no number, not even -0.
    this.base = meta.width === 8 ? -0 : meta.base;
    this.step = meta.width === 8 ? -0 : meta.step ?? 0;
    if (range !== undefined && count > 0) {
      const last = this.base + this.step * (count - 1);
      const greatest = meta.width === 8 ? Infinity : last + 2 ** (8 * meta.width) - 1;
      if (!(this.base >= range[0] && greatest <= range[1])) this.#range = range;
    }
    if (meta.width === 0) return;
    this.#make = WORD_ARRAYS[meta.width] ?? source.fail(0, "words of impossible width");
    checkPart(source, meta.width, meta.at, count);
  }

  /** Whether each number is the base plus a word of at most 32 bits. */
  get areWords(): boolean {
    return this.step === 0 && this.#meta.width !== 8;
  }

  /** Whether a loop over this many wide words is faster than reading numbers one by one. */
  favorsLoop(rows: number): boolean {
    return rows >= FEW_ROWS || this.#words instanceof Uint32Array;
  }

  /** Reads and checks all words. */
  load(): void {
    this.#words ??= this.#read(0, this.#count);
    this.#range = undefined;
  }

  /** The words from `from` on, after checking their numbers; `undefined` if the width is 0. */
  #read(from: number, count: number): Words | undefined {
    const { width, at } = this.#meta;
    const words = this.#make &&
      viewWords(this.#source, this.#make, width, at + from * width, count);
    if (this.#range !== undefined) this.#checkAll(words, from, count, this.#range);
    return words;
  }

  #checkAll(words: Words | undefined, from: number, count: number, range: NumberRange): void {
    const [least, greatest] = range;
    const out = words !== undefined && this.areWords
      ? firstWordOut(widened(words), count, least - this.base, greatest - this.base)
      : firstFloatOut(this.#decode(words, from, count), least, greatest);
    if (out >= 0) this.#outOfRange(from + out);
  }

  #outOfRange(i: number): never {
    return this.#source.fail(this.#meta.at + i * this.#meta.width, "a number is out of range");
  }

  /**
   * Selects the rows with a number from `low` to `high`, ascending, and returns how many they are.
   * Call {@linkcode Numbers.load} first.
   */
  find(low: number, high: number, rows: Uint32Array): number {
    const floats = this.#floats();
    if (floats !== undefined) return findFloats(floats, low, high, rows);
    const [from, to] = this.#asWords(low, high);
    if (!(from <= to)) return 0;
    const words = this.#words;
    if (words === undefined || from < to) return findWords(this.wide(), from, to, rows);
    let n = 0;
    // With few hits, the native search beats a loop.
    for (let i = words.indexOf(from); i >= 0; i = words.indexOf(from, i + 1)) {
      if (n === FEW_HITS) return findWords(this.wide(), from, to, rows);
      rows[n++] = i;
    }
    return n;
  }

  /** The same, but only for `rows[0, n)`, in place. Call {@linkcode Numbers.load} first. */
  select(low: number, high: number, rows: Uint32Array, n: number): number {
    const floats = this.#floats();
    if (floats !== undefined) return selectFloats(floats, low, high, rows, n);
    const [from, to] = this.#asWords(low, high);
    return from <= to ? selectWords(this.wide(), from, to, rows, n) : 0;
  }

  /** All numbers; `undefined` if they can be compared as words, which are then below 2^31. */
  #floats(): Float64Array | undefined {
    const isNarrow = this.#meta.width < 4 || this.#meta.max! - this.base < 2 ** 31;
    return this.areWords && isNarrow ? undefined : this.#decode(this.#words, 0);
  }

  /** Decodes words. The first of them is the word at `from`. */
  #decode(words: Words | undefined, from: number, count = this.#count): Float64Array {
    if (words instanceof Float64Array) return words;
    const { base, step } = this;
    const numbers = new Float64Array(count);
    // The native copy converts faster than a loop.
    if (words !== undefined) numbers.set(words);
    if (step !== 0) {
      for (let k = 0; k < count; k++) numbers[k]! += base + step * (from + k);
    } else if (base !== 0) {
      for (let k = 0; k < count; k++) numbers[k]! += base;
    }
    return numbers;
  }

  /** All numbers; do not change them. Call {@linkcode Numbers.load} first. */
  all(): Float64Array {
    return this.#decode(this.#words, 0);
  }

  /** The numbers from `from` to `to`; do not change them. */
  slice(from: number, to: number): Float64Array {
    const count = to - from;
    const words = this.#words?.subarray(from, to) ?? this.#read(from, count);
    return this.#decode(words, from, count);
  }

  /** The range of words for a range of numbers; words are whole and below 2^31. */
  #asWords(low: number, high: number): [from: number, to: number] {
    // Rounding to whole numbers before the subtraction makes the subtraction exact.
    const from = Math.max(0, Math.ceil(low) - this.base);
    return [from, Math.min(2 ** 31 - 1, Math.floor(high) - this.base)];
  }

  /**
   * The words as 32 bits each, so that loops see one type and stay fast. Valid until the next call
   * on any numbers. Call {@linkcode Numbers.load} first.
   */
  wide(): Uint32Array {
    const words = this.#words;
    if (words !== undefined) return widened(words);
    if (wide.length < this.#count) wide = new Uint32Array(this.#count);
    return wide.fill(0);
  }

  /** Puts the numbers of `rows` into `out`. Call {@linkcode Numbers.load} first. */
  gather(rows: Uint32Array, out: Float64Array): void {
    const { base, step } = this;
    const words = this.#words;
    if (words instanceof Float64Array) {
      for (let k = 0; k < rows.length; k++) out[k] = words[rows[k]!]!;
    } else if (!this.favorsLoop(rows.length)) {
      for (let k = 0; k < rows.length; k++) out[k] = this.get(rows[k]!);
    } else {
      const words = this.wide();
      for (let k = 0; k < rows.length; k++) {
        const row = rows[k]!;
        out[k] = base + step * row + words[row]!;
      }
    }
  }

  /** The number at `i`. */
  get(i: number): number {
    const number = this.peek(i);
    if (this.#range !== undefined && !isIntegerIn(this.#range, number)) this.#outOfRange(i);
    return number;
  }

  /** The number at `i` without a check of its range: good for comparisons only. */
  peek(i: number): number {
    const start = this.base + this.step * i;
    if (this.#words !== undefined) return start + this.#words[i]!;
    if (this.#make === undefined) return start;
    const { width, at } = this.#meta;
    return start + viewWords(this.#source, this.#make, width, at + i * width, 1)[0]!;
  }
}
