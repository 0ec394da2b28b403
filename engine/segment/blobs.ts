/**
 * Byte strings and texts in a row group.
 *
 * ```text
 * blobs    lengths (numbers), where every 32nd begins (numbers), bytes
 * ```
 *
 * @module
 */

import { ROOM, searchBytes } from "../bytes/byte_search.ts";
import { decodeText, encodeText } from "../bytes/bytes.ts";
import { isCount, isObject } from "../system/check.ts";
import type { TextMatch } from "../schema/predicate.ts";
import { encodeNumbers, Numbers, type NumbersMeta, selectAll } from "./numbers.ts";
import { checkPart, type PartWriter, type Source } from "./parts.ts";
import { compareText } from "../schema/values.ts";

/** Where every so many begin is told: lengths are short, and few are added up for one of them. */
const START_STEP = 32;

/** Where byte strings stand. */
export interface BlobsMeta {
  /** How many. */
  readonly count: number;
  /** The lengths. */
  readonly lengths: NumbersMeta;
  /** Where every so many begin. */
  readonly starts: NumbersMeta;
  /** Where the bytes stand. */
  readonly heap: number;
  /** How many bytes. */
  readonly length: number;
}

/** Writes byte strings. */
export function encodeBlobs(parts: PartWriter, values: readonly Uint8Array[]): BlobsMeta {
  const lengths = values.map((value) => value.length);
  const heap = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const value of values) {
    heap.set(value, at);
    at += value.length;
  }
  return addBlobs(parts, lengths, heap);
}

/** Writes texts as UTF-8; none ends within a character. */
export function encodeTexts(parts: PartWriter, values: readonly string[]): BlobsMeta {
  const all = values.join("");
  const heap = encodeText(all);
  let at = 0;
  // As long in bytes as in characters: all of it is ASCII.
  const lengthOf = heap.length === all.length
    ? ({ length }: string) => length
    : (value: string) => {
      const from = at;
      for (let units = value.length; units > 0; units--) {
        const lead = heap[at]!;
        if (lead < 0x80) at++;
        else if (lead < 0xe0) at += 2;
        else if (lead < 0xf0) at += 3;
        else {
          at += 4;
          units--; // a surrogate pair
        }
      }
      return at - from;
    };
  return addBlobs(parts, values.map(lengthOf), heap);
}

function addBlobs(parts: PartWriter, lengths: readonly number[], heap: Uint8Array): BlobsMeta {
  const starts: number[] = [];
  let start = 0;
  for (let i = 0; i < lengths.length; i++) {
    if (i % START_STEP === 0) starts.push(start);
    start += lengths[i]!;
  }
  return {
    count: lengths.length,
    lengths: encodeNumbers(parts, lengths),
    starts: encodeNumbers(parts, starts),
    heap: parts.add(heap),
    length: heap.length,
  };
}

/** All that blobs hold. */
interface Loaded {
  /** Where each begins, and where the last one ends. */
  readonly offsets: Uint32Array;
  /** The bytes, one after the other; once a text is asked for and all are ASCII, these characters. */
  heap: Uint8Array | string;
  /** Once a text is asked for: all of them, one after the other; `null` if not all are UTF-8. */
  text?: string | null;
  /** Where each begins in that. */
  starts?: Uint32Array | undefined;
}

/** Byte strings, or texts, that can be read one by one or all at once. */
export class Blobs {
  /** How many. */
  readonly count: number;
  readonly #source: Source;
  readonly #meta: BlobsMeta;
  readonly #lengths: Numbers;
  readonly #starts: Numbers;
  #all: Loaded | undefined;

  constructor(source: Source, meta: BlobsMeta) {
    if (!isObject(meta) || !isCount(meta.count)) source.fail(0, "a column has no values");
    this.#source = source;
    this.#meta = meta;
    this.count = meta.count;
    checkPart(source, 1, meta.heap, meta.length);
    this.#lengths = new Numbers(source, meta.lengths, meta.count, [0, meta.length]);
    const starts = Math.ceil(meta.count / START_STEP);
    this.#starts = new Numbers(source, meta.starts, starts, [0, meta.length]);
  }

  /** Reads all, for those who will look at most. */
  load(): void {
    if (this.#all !== undefined) return;
    const { heap, length } = this.#meta;
    const offsets = this.#offsets();
    this.#all = { offsets, heap: this.#source.read(heap, heap + length) };
  }

  #offsets(): Uint32Array {
    this.#lengths.load();
    this.#starts.load();
    const lengths = this.#lengths.all();
    const starts = this.#starts.all();
    const offsets = new Uint32Array(this.count + 1);
    let from = 0;
    for (let i = 0; i < lengths.length; i++) {
      if (i % START_STEP === 0 && starts[i / START_STEP] !== from) this.#fail();
      from += lengths[i]!;
      offsets[i + 1] = from;
    }
    if (from !== this.#meta.length) this.#fail();
    this.#source.charge(offsets.byteLength);
    return offsets;
  }

  #fail(): never {
    return this.#source.fail(this.#meta.heap, "values are not where their column tells");
  }

  /** The text at `i`, which may be anything that a file holds; it may keep all texts in memory. */
  text(i: number): string {
    const all = this.#all;
    if (all === undefined || i >= this.count) return this.#decode(this.bytes(i));
    if (all.text === undefined) this.#decodeAll(all);
    if (all.text === null) return this.#decode(this.bytes(i));
    return all.text!.substring(all.starts![i]!, all.starts![i + 1]!);
  }

  /** The text at `i`, by itself. */
  copyText(i: number): string {
    if (typeof this.#all?.text !== "string") return this.#decode(this.bytes(i));
    // The engine makes a piece of a text a view of it, but has to put this one together.
    return (" " + this.text(i)).slice(1);
  }

  /** How the text at `i` compares with another, without lone surrogates. */
  compareText(i: number, other: string): number {
    if (this.#all === undefined || i >= this.count) return compareText(this.text(i), other);
    const { offsets, heap } = this.#all;
    const wanted = bytesOf(other);
    const from = offsets[i]!;
    const length = offsets[i + 1]! - from;
    const common = Math.min(length, wanted.length);
    let k = 0;
    if (typeof heap === "string") {
      while (k < common && heap.charCodeAt(from + k) === wanted[k]) k++;
      return k < common ? heap.charCodeAt(from + k) - wanted[k]! : length - wanted.length;
    }
    while (k < common && heap[from + k] === wanted[k]) k++;
    return k < common ? heap[from + k]! - wanted[k]! : length - wanted.length;
  }

  #decodeAll(all: Loaded): void {
    const heap = all.heap as Uint8Array;
    all.text = null;
    let text: string;
    try {
      text = decodeText(heap);
    } catch {
      return;
    }
    if (text.length === heap.length) {
      all.starts = all.offsets;
      all.heap = text;
    } else {
      all.starts = this.#startsIn(heap, all.offsets);
      if (all.starts === undefined) return;
      this.#source.charge(2 * text.length + all.starts.byteLength);
    }
    all.text = text;
  }

  /** Where the texts begin among the characters of all; `undefined` if one begins within one. */
  #startsIn(heap: Uint8Array, offsets: Uint32Array): Uint32Array | undefined {
    const starts = new Uint32Array(offsets.length);
    let units = 0;
    let at = 0;
    for (let i = 0; i < this.count; starts[++i] = units) {
      const to = offsets[i + 1]!;
      if (at < to && isContinuation(heap[at]!)) return undefined;
      for (; at < to; at++) if (!isContinuation(heap[at]!)) units += heap[at]! < 0xf0 ? 1 : 2;
    }
    return starts;
  }

  /** The byte string at `i`, which may be anything that a file holds; not a copy. */
  bytes(i: number): Uint8Array {
    if (i >= this.count) this.#fail();
    if (this.#all !== undefined) {
      const { offsets, heap } = this.#all;
      // No text was asked for where bytes are.
      return (heap as Uint8Array).subarray(offsets[i]!, offsets[i + 1]!);
    }
    const { heap, length } = this.#meta;
    const first = i - i % START_STEP;
    const lengths = this.#lengths.slice(first, i + 1);
    let from = this.#starts.get(first / START_STEP);
    for (let k = first; k < i; k++) from += lengths[k - first]!;
    const to = from + lengths[i - first]!;
    if (to > length) this.#fail();
    return this.#source.read(heap + from, heap + to);
  }

  /** Puts where the text matches into `places`, ascending, and tells how many. All is loaded. */
  find(match: TextMatch, places: Uint32Array): number {
    const { part, at } = match;
    const { offsets, heap } = this.#all!;
    // What is UTF-8 for a text stands only where that text is.
    return at === "any" && part !== "" && heap.length <= ROOM
      ? searchBytes(heap, offsets, bytesOf(part), places)
      : this.select(match, places, selectAll(places));
  }

  /** Keeps of `rows[0, n)` those whose text matches, and tells how many. All is loaded. */
  select({ part, at }: TextMatch, rows: Uint32Array, n: number): number {
    const { offsets, heap } = this.#all!;
    const wanted = bytesOf(part);
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
        ? textMatchesAt(heap, wanted, start)
        : bytesMatchAt(heap, wanted, start);
      if (holds) rows[kept++] = row;
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

/** Whether a byte of UTF-8 is one within a character, not its first. */
function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** So long is a text that is kept though nobody may ask for it again. */
const MAX_CACHED_TEXT = 1024;
let lastText = "";
let lastBytes = encodeText(lastText);

/** The UTF-8 of a text; of the same one again and again, as who searches asks for it. */
function bytesOf(text: string): Uint8Array {
  if (text.length > MAX_CACHED_TEXT) return encodeText(text);
  if (text !== lastText) {
    lastBytes = encodeText(text);
    lastText = text;
  }
  return lastBytes;
}

/** Whether these bytes stand at `start`; from the end, where texts of one kind differ most. */
function bytesMatchAt(heap: Uint8Array, wanted: Uint8Array, start: number): boolean {
  let i = wanted.length - 1;
  while (i >= 0 && heap[start + i] === wanted[i]) i--;
  return i < 0;
}

/** The same in a text, each of whose characters is a byte. */
function textMatchesAt(heap: string, wanted: Uint8Array, start: number): boolean {
  let i = wanted.length - 1;
  while (i >= 0 && heap.charCodeAt(start + i) === wanted[i]) i--;
  return i < 0;
}
