/**
 * Numbers in a row group.
 *
 * ```text
 * number[i] = base + step × i + word[i], words of 0 (all alike), 1, 2 or 4 bytes
 *             or word[i] itself, a 64-bit float
 * ```
 *
 * @module
 */

import { isCount, isObject } from "../system/check.ts";
import { checkPart, type PartWriter, type Source, viewWords, type WordArray } from "./parts.ts";

/** Where numbers stand. */
export interface NumbersMeta {
  /** Bytes a word. */
  readonly width: 0 | 1 | 2 | 4 | 8;
  /** Added to each word. */
  readonly base: number;
  /** Added once more with each number; nothing, if left out. */
  readonly step?: number;
  /** Offset of the first word. */
  readonly at: number;
  /** The least number, if all are finite; not told of an index. */
  readonly min?: number;
  /** The greatest number, if all are finite; not told of an index. */
  readonly max?: number;
}

/** Writes numbers in the least width that holds them. */
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
    const bounds = finite ? { min, max } : {};
    return { width: 8, base: 0, at: parts.add(new Float64Array(values)), ...bounds };
  }
  if (values.length === 0) return { width: 0, base: 0, at: 0 };
  const shape = shapeOf(values, min, max);
  if (shape.width === 0) return { ...shape, at: 0, min, max };
  return { ...shape, at: parts.add(wordsOf(values, shape)), min, max };
}

/** What whole numbers have in common, so that words of so many bytes are left. */
export type Shape = Pick<NumbersMeta, "width" | "base" | "step">;

/** The words of the numbers from `from` to `to`; none, where they have all in common. */
export function wordsOf(
  values: ArrayLike<number>,
  { width, base, step = 0 }: Shape,
  from = 0,
  to = values.length,
): Uint8Array {
  if (width === 0) return new Uint8Array();
  const words = new WORD_ARRAYS[width](to - from);
  for (let i = from; i < to; i++) {
    // The step first: the base alone may be so far off that the difference is rounded.
    words[i - from] = values[i]! - step * i - base;
  }
  return new Uint8Array(words.buffer);
}

/**
 * What is taken off whole numbers, from `min` to `max`, before they become words: also how they
 * ascend, where that pays.
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

/** The bytes of a word for numbers up to `span`. */
function wordWidth(span: number): NumbersMeta["width"] {
  return span === 0 ? 0 : span < 2 ** 8 ? 1 : span < 2 ** 16 ? 2 : span < 2 ** 32 ? 4 : 8;
}

const WORD_ARRAYS = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: Float64Array } as const;

type Words = Uint8Array | Uint16Array | Uint32Array | Float64Array;
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
const FEW_ROWS = 512;

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
function isWordInRange(word: number, from: number, span: number): number {
  const more = (word - from) | 0;
  return 1 + ((more | (span - more)) >> 31);
}

/** So many words tell how many hits there will be. */
const SAMPLE = 512;

function findWords(words: Uint32Array, from: number, to: number, places: Uint32Array): number {
  const span = (to - from) | 0;
  from |= 0;
  const sample = Math.min(SAMPLE, places.length);
  let n = 0;
  for (let i = 0; i < sample; i++) {
    places[n] = i;
    n = (n + isWordInRange(words[i]!, from, span)) | 0;
  }
  // Of a branch that is hardly ever taken, the guess is right, and it costs less than the signs.
  if (n * 32 < sample) {
    for (let i = sample; i < places.length; i++) {
      if ((words[i]! - from) >>> 0 <= span) places[n++] = i;
    }
    return n;
  }
  for (let i = sample; i < places.length; i++) {
    places[n] = i;
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

function findFloats(words: Float64Array, low: number, high: number, places: Uint32Array): number {
  let n = 0;
  for (let i = 0; i < places.length; i++) {
    const number = words[i]!;
    if (number >= low && number <= high) places[n++] = i;
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
export function selectAll(places: Uint32Array): number {
  for (let i = 0; i < places.length; i++) places[i] = i;
  return places.length;
}

/** Throws unless `meta`, from a file, can tell of numbers. */
function checkNumbers(source: Source, meta: unknown): void {
  const { width, base, step, min, max } = isObject(meta) ? meta as Partial<NumbersMeta> : {};
  const isBounded = min === undefined
    ? max === undefined
    : Number.isFinite(min) && Number.isFinite(max) && min <= max!;
  const isBased = width === 8
    ? step === undefined
    : Number.isSafeInteger(base) && !(min! < base!) && (step === undefined || isCount(step));
  if (!isBounded || !isBased) source.fail(0, "numbers are out of possible bounds");
}

/** From where to where numbers are whole ones; anything, without. */
export type NumberRange = readonly [least: number, greatest: number];

/** Whether it is a whole number of the range. */
export function isIntegerIn([least, greatest]: NumberRange, number: number): boolean {
  return number >= least && number <= greatest && Number.isInteger(number);
}

/** Ids, versions and the like. */
export const COUNTS: NumberRange = [0, Number.MAX_SAFE_INTEGER];

/**
 * Numbers that can be read one by one or all at once. Those that {@linkcode Numbers.get} gives, and
 * all once they were loaded, are in their range, whatever the file holds.
 */
export class Numbers {
  /** Added to each word. */
  readonly base: number;
  /** Added once more with each number. */
  readonly step: number;
  readonly #source: Source;
  readonly #meta: NumbersMeta;
  readonly #count: number;
  /** What has yet to be checked: nothing, where no word could be out of it, or once all is loaded. */
  #range: NumberRange | undefined;
  /** None where there are no words. */
  readonly #make: WordArray<Words> | undefined;
  #words: Words | undefined;

  constructor(source: Source, meta: NumbersMeta, count: number, range: NumberRange | undefined) {
    checkNumbers(source, meta);
    this.#source = source;
    this.#meta = meta;
    this.#count = count;
    // A word of 8 bytes is the value: of all numbers only -0 leaves -0 as it is.
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

  /** Whether each is a word of 32 bits at most and what all have in common. */
  get areWords(): boolean {
    return this.step === 0 && this.#meta.width !== 8;
  }

  /** Whether a loop over so many words is faster than to look at each by itself. */
  favorsLoop(rows: number): boolean {
    return rows >= FEW_ROWS || this.#words instanceof Uint32Array;
  }

  /** Reads all, for those who will look at most. */
  load(): void {
    this.#words ??= this.#read(0, this.#count);
    this.#range = undefined;
  }

  /** The words from `from` on, none where there are none, once their numbers are checked. */
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
  select(low: number, high: number, rows: Uint32Array, n: number): number {
    const floats = this.#floats();
    if (floats !== undefined) return selectFloats(floats, low, high, rows, n);
    const [from, to] = this.#asWords(low, high);
    return from <= to ? selectWords(this.wide(), from, to, rows, n) : 0;
  }

  /** All numbers, unless they can be compared as words, which are below 2^31 then. */
  #floats(): Float64Array | undefined {
    const isNarrow = this.#meta.width < 4 || this.#meta.max! - this.base < 2 ** 31;
    return this.areWords && isNarrow ? undefined : this.#decode(this.#words, 0);
  }

  /** The numbers whose words these are, the first of which stands at `from`. */
  #decode(words: Words | undefined, from: number, count = this.#count): Float64Array {
    if (words instanceof Float64Array) return words;
    const { base, step } = this;
    const numbers = new Float64Array(count);
    // The engine's own copy converts faster than a loop.
    if (words !== undefined) numbers.set(words);
    if (step !== 0) {
      for (let k = 0; k < count; k++) numbers[k]! += base + step * (from + k);
    } else if (base !== 0) {
      for (let k = 0; k < count; k++) numbers[k]! += base;
    }
    return numbers;
  }

  /** All numbers; not to be changed. All is loaded. */
  all(): Float64Array {
    return this.#decode(this.#words, 0);
  }

  /** The numbers from `from` to `to`; not to be changed. */
  slice(from: number, to: number): Float64Array {
    const count = to - from;
    const words = this.#words?.subarray(from, to) ?? this.#read(from, count);
    return this.#decode(words, from, count);
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

  /** The number at `i`, which may be out of range: to be compared, not to be given out. */
  peek(i: number): number {
    const start = this.base + this.step * i;
    if (this.#words !== undefined) return start + this.#words[i]!;
    if (this.#make === undefined) return start;
    const { width, at } = this.#meta;
    return start + viewWords(this.#source, this.#make, width, at + i * width, 1)[0]!;
  }
}
