/**
 * Writing and reading sequences of bytes whose length is not known beforehand.
 *
 * @module
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Of so many bytes or words small arrays are cut. */
const CUT_FROM = 1024;

/**
 * Makes arrays, small ones as parts of a larger one: one of its own takes as long to make as to fill
 * a hundred words. They hold anything.
 */
export function cutting<T extends Uint8Array | Uint32Array>(
  make: new (length: number) => T,
): (length: number) => T {
  let room = new make(CUT_FROM);
  let used = 0;
  return (length) => {
    if (length > CUT_FROM / 8) return new make(length);
    if (used + length > CUT_FROM) {
      room = new make(CUT_FROM);
      used = 0;
    }
    used += length;
    return room.subarray(used - length, used) as T;
  };
}

const newBytes = cutting(Uint8Array);

/** The UTF-8 bytes of a text without lone surrogates. */
export function encodeText(text: string): Uint8Array {
  if (text.length > SHORT) return encoder.encode(text);
  const bytes = newBytes(text.length);
  return putAscii(text, bytes, 0) ? bytes : encoder.encode(text);
}

/** Puts a text of ASCII into `bytes`; whether it is one. */
function putAscii(text: string, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) return false;
    bytes[at + i] = code;
  }
  return true;
}

/** The text of UTF-8 bytes; throws `TypeError` if they are none. */
export function decodeText(bytes: Uint8Array): string {
  return shortAscii(bytes, 0, bytes.length) ?? decoder.decode(bytes);
}

/** Up to this length, calling the decoder or the encoder takes longer than what it does. */
const SHORT = 64;

/** A short ASCII text; `undefined` if it is longer or another. */
function shortAscii(bytes: Uint8Array, at: number, length: number): string | undefined {
  if (length > SHORT) return undefined;
  const codes = new Array<number>(length);
  for (let i = 0; i < length; i++) {
    const byte = bytes[at + i]!;
    if (byte > 127) return undefined;
    codes[i] = byte;
  }
  return String.fromCharCode.apply(undefined, codes);
}

/** Appends values to a buffer that grows. */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  /** Made when the first float or bigint is written. */
  #view: DataView | undefined;
  #length = 0;

  /** What was written; valid until the next write. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Makes room for so many bytes more, at once. */
  reserve(bytes: number): void {
    const length = this.#length + bytes;
    if (length <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(length, this.#bytes.length * 2));
    larger.set(this.bytes);
    this.#bytes = larger;
    this.#view = undefined;
  }

  #grow(by: number): number {
    const at = this.#length;
    if (at + by > this.#bytes.length) this.reserve(by);
    this.#length = at + by;
    return at;
  }

  /** One byte. */
  byte(value: number): void {
    const at = this.#grow(1);
    this.#bytes[at] = value;
  }

  /** A whole number from 0 to 2^53 - 1: seven bits a byte, lowest first, as in LEB128. */
  uint(value: number): void {
    while (value >= 128) {
      this.byte((value % 128) | 128);
      value = Math.floor(value / 128);
    }
    this.byte(value);
  }

  /** A safe integer of any sign, its sign in the lowest bit. */
  int(value: number): void {
    const negative = value < 0;
    const size = negative ? -(value + 1) : value;
    this.byte((negative ? 1 : 0) | ((size % 64) << 1) | (size >= 64 ? 128 : 0));
    if (size >= 64) this.uint(Math.floor(size / 64));
  }

  /** A 64-bit float. */
  float(value: number): void {
    const at = this.#grow(8);
    (this.#view ??= viewOf(this.#bytes)).setFloat64(at, value, true);
  }

  /** A signed 64-bit integer. */
  bigint(value: bigint): void {
    const at = this.#grow(8);
    (this.#view ??= viewOf(this.#bytes)).setBigInt64(at, value, true);
  }

  /** Bytes, their number before them. */
  blob(bytes: Uint8Array): void {
    this.uint(bytes.length);
    this.raw(bytes);
  }

  /** Text as UTF-8, its length in bytes before it. */
  text(value: string): void {
    if (value.length > SHORT || !this.#shortAscii(value)) this.blob(encodeText(value));
  }

  /** Writes it if all of it is ASCII; whether it was. */
  #shortAscii(value: string): boolean {
    const before = this.#length;
    this.byte(value.length);
    const at = this.#grow(value.length);
    if (putAscii(value, this.#bytes, at)) return true;
    this.#length = before;
    return false;
  }

  /** Just these bytes. */
  raw(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }
}

/** Reads what a {@linkcode ByteWriter} wrote; throws `RangeError` past the end. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  /** Made when the first float or bigint is read. */
  #view: DataView | undefined;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether nothing is left. */
  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) throw new RangeError("a value runs past the end");
    this.#at = at + length;
    return at;
  }

  /** See {@linkcode ByteWriter.byte}. */
  byte(): number {
    const at = this.#take(1);
    return this.#bytes[at]!;
  }

  /** See {@linkcode ByteWriter.uint}. */
  uint(): number {
    let value = 0;
    for (let factor = 1; factor < 2 ** 53; factor *= 128) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (byte < 128) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
    }
    throw new RangeError("a number is too large");
  }

  /** See {@linkcode ByteWriter.int}. */
  int(): number {
    const byte = this.byte();
    const size = ((byte >> 1) & 63) + (byte >= 128 ? this.uint() * 64 : 0);
    return (byte & 1) === 1 ? -size - 1 : size;
  }

  /** See {@linkcode ByteWriter.float}. */
  float(): number {
    const at = this.#take(8);
    return (this.#view ??= viewOf(this.#bytes)).getFloat64(at, true);
  }

  /** See {@linkcode ByteWriter.bigint}. */
  bigint(): bigint {
    const at = this.#take(8);
    return (this.#view ??= viewOf(this.#bytes)).getBigInt64(at, true);
  }

  /** See {@linkcode ByteWriter.blob}; not a copy. */
  blob(): Uint8Array {
    return this.raw(this.uint());
  }

  /** See {@linkcode ByteWriter.text}. */
  text(): string {
    const length = this.uint();
    const at = this.#take(length);
    return shortAscii(this.#bytes, at, length) ??
      decoder.decode(this.#bytes.subarray(at, at + length));
  }

  /** See {@linkcode ByteWriter.raw}; not a copy. */
  raw(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }
}

/** A view of just these bytes, for floats and bigints: to make one costs more than to read four bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The number that the 4 bytes at `at` are; the low 32 bits of `value` are written. */
export function setUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** See {@linkcode setUint32}. */
export function getUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>>
    0;
}

/** A number below 2^53, as 8 bytes. */
export function setUint53(bytes: Uint8Array, at: number, value: number): void {
  setUint32(bytes, at, value);
  setUint32(bytes, at + 4, value / 2 ** 32);
}

/** The number at `at`; 2^53 and more if the bytes are no such number. */
export function getUint53(bytes: Uint8Array, at: number): number {
  return getUint32(bytes, at) + getUint32(bytes, at + 4) * 2 ** 32;
}

/** The next multiple of 8. */
export function align8(n: number): number {
  return Math.ceil(n / 8) * 8;
}

/** Whether two hold the same. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Draws 64 random bits. */
export function randomNonce(): bigint {
  return crypto.getRandomValues(new BigUint64Array(1))[0]!;
}
