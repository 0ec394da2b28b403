/**
 * Byte strings and texts in a row group.
 *
 * ```text
 * blobs    lengths (numbers), the start of every 32nd (numbers), heap (bytes)
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

/** A start is stored for every 32nd value: reading one value sums up at most 31 lengths. */
const START_STEP = 32;

/** How a file describes byte strings. */
export interface BlobsMeta {
  /** The number of values. */
  readonly count: number;
  /** The lengths. */
  readonly lengths: NumbersMeta;
  /** The starts of every {@linkcode START_STEP}th value in the heap. */
  readonly starts: NumbersMeta;
  /** Where the heap begins. */
  readonly heap: number;
  /** The length of the heap in bytes. */
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

/** Writes texts as UTF-8. The texts must be well-formed. */
export function encodeTexts(parts: PartWriter, values: readonly string[]): BlobsMeta {
  const all = values.join("");
  const heap = encodeText(all);
  let at = 0;
  // If there are as many bytes as characters, all texts are ASCII.
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

/** The values of loaded blobs. */
interface Loaded {
  /** The start of each value in the heap, and the end of the last one. */
  readonly offsets: Uint32Array;
  /** The heap; as a string once a text was read, if all texts are ASCII. */
  heap: Uint8Array | string;
  /** The concatenated texts, once a text was read; `null` if the heap is not valid UTF-8. */
  text?: string | null;
  /** The start of each value in `text`, and the end of the last one. */
  starts?: Uint32Array | undefined;
}

/** Byte strings or texts, read one by one or all at once. */
export class Blobs {
  /** The number of values. */
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

  /** Reads all values. */
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
    return this.#source.fail(
      this.#meta.heap,
      "the values of a column are not where they should be",
    );
  }

  /**
   * The text at `i`, which comes from a file and may be any index. It may be a slice of all texts.
   */
  text(i: number): string {
    const all = this.#all;
    if (all === undefined || i >= this.count) return this.#decode(this.bytes(i));
    if (all.text === undefined) this.#decodeAll(all);
    if (all.text === null) return this.#decode(this.bytes(i));
    return all.text!.substring(all.starts![i]!, all.starts![i + 1]!);
  }

  /** The text at `i` as a string of its own, which keeps no other text in memory. */
  copyText(i: number): string {
    if (typeof this.#all?.text !== "string") return this.#decode(this.bytes(i));
    // V8 makes a substring a view of the whole string. The concatenation forces a copy.
    return (" " + this.text(i)).slice(1);
  }

  /** Compares the text at `i` with another, which has no lone surrogates. */
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

  /** The starts of the texts in UTF-16 units; `undefined` if one starts inside a character. */
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

  /** The byte string at `i`, which comes from a file and may be any index; not a copy. */
  bytes(i: number): Uint8Array {
    if (i >= this.count) this.#fail();
    if (this.#all !== undefined) {
      const { offsets, heap } = this.#all;
      // The heap becomes a string only where values are read as texts.
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

  /**
   * Selects the matching rows, ascending, and returns how many they are. Call {@linkcode
   * Blobs.load} first.
   */
  find(match: TextMatch, rows: Uint32Array): number {
    const { part, at } = match;
    const { offsets, heap } = this.#all!;
    // UTF-8 is self-synchronizing: the bytes of a text occur only where the text occurs.
    return at === "any" && part !== "" && heap.length <= ROOM
      ? searchBytes(heap, offsets, bytesOf(part), rows)
      : this.select(match, rows, selectAll(rows));
  }

  /** The same, but only for `rows[0, n)`, in place. Call {@linkcode Blobs.load} first. */
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
      const matches = at === "any"
        ? this.text(row).includes(part)
        : typeof heap === "string"
        ? textMatchesAt(heap, wanted, start)
        : bytesMatchAt(heap, wanted, start);
      if (matches) rows[kept++] = row;
    }
    return kept;
  }

  #decode(bytes: Uint8Array): string {
    try {
      return decodeText(bytes);
    } catch {
      return this.#source.fail(this.#meta.heap, "text is not valid UTF-8");
    }
  }
}

/** Whether a byte of UTF-8 continues a character. */
function isContinuation(byte: number): boolean {
  return (byte & 0xc0) === 0x80;
}

/** Longer texts are not cached: they would stay in memory for nothing. */
const MAX_CACHED_TEXT = 1024;
let lastText = "";
let lastBytes = encodeText(lastText);

/** The UTF-8 of a text. It caches the last one, because a search needs the same text again. */
function bytesOf(text: string): Uint8Array {
  if (text.length > MAX_CACHED_TEXT) return encodeText(text);
  if (text !== lastText) {
    lastBytes = encodeText(text);
    lastText = text;
  }
  return lastBytes;
}

/**
 * Whether the heap has these bytes at `start`. It compares from the end: starts are often equal.
 */
function bytesMatchAt(heap: Uint8Array, wanted: Uint8Array, start: number): boolean {
  let i = wanted.length - 1;
  while (i >= 0 && heap[start + i] === wanted[i]) i--;
  return i < 0;
}

/** The same for a heap that is an ASCII string. */
function textMatchesAt(heap: string, wanted: Uint8Array, start: number): boolean {
  let i = wanted.length - 1;
  while (i >= 0 && heap.charCodeAt(start + i) === wanted[i]) i--;
  return i < 0;
}
