/**
 * Encoding values to bytes and decoding them: a writer whose buffer grows, a reader, and numbers at
 * fixed offsets (little-endian, as in all files).
 *
 * @module
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Length of the arrays that small ones are cut from, in bytes or words. */
const CUT_FROM = 1024;

/**
 * An allocator that cuts small arrays from a larger one, because to make an array takes as long as
 * to fill a hundred words. The content of a new array is undefined.
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

/** Writes a text to `bytes` if it is ASCII; returns whether it is. */
function putAscii(text: string, bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) return false;
    bytes[at + i] = code;
  }
  return true;
}

/** The text of UTF-8 bytes; throws a `TypeError` if they are not UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  return shortAscii(bytes, 0, bytes.length) ?? decoder.decode(bytes);
}

/** Up to this length, the call of the encoder or decoder costs more than its work. */
const SHORT = 64;

/** The text of short ASCII bytes; `undefined` if they are longer, or not ASCII. */
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

  /** Everything that was written; valid until the next write. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Makes room for `bytes` more bytes. */
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

  /** An integer from 0 to 2^53 - 1 as LEB128: seven bits a byte, lowest first. */
  uint(value: number): void {
    while (value >= 128) {
      this.byte((value % 128) | 128);
      value = Math.floor(value / 128);
    }
    this.byte(value);
  }

  /** A safe integer as LEB128, with its sign in the lowest bit. */
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

  /** Bytes, after their number. */
  blob(bytes: Uint8Array): void {
    this.uint(bytes.length);
    this.raw(bytes);
  }

  /** Text as UTF-8, after its length in bytes. */
  text(value: string): void {
    if (value.length > SHORT || !this.#shortAscii(value)) this.blob(encodeText(value));
  }

  /** Writes a text if it is ASCII; returns whether it is. */
  #shortAscii(value: string): boolean {
    const before = this.#length;
    this.byte(value.length);
    const at = this.#grow(value.length);
    if (putAscii(value, this.#bytes, at)) return true;
    this.#length = before;
    return false;
  }

  /** Bytes without their number. */
  raw(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }
}

/** Reads the output of a {@linkcode ByteWriter}; throws a `RangeError` past the end. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  /** Made when the first float or bigint is read. */
  #view: DataView | undefined;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Whether all bytes were read. */
  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Skips bytes; returns where they begin. */
  skip(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) throw new RangeError("a value runs past the end");
    this.#at = at + length;
    return at;
  }

  /** A byte that was read or skipped before. */
  byteAt(at: number): number {
    return this.#bytes[at]!;
  }

  /** See {@linkcode ByteWriter.byte}. */
  byte(): number {
    const at = this.skip(1);
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
    const at = this.skip(8);
    return (this.#view ??= viewOf(this.#bytes)).getFloat64(at, true);
  }

  /** See {@linkcode ByteWriter.bigint}. */
  bigint(): bigint {
    const at = this.skip(8);
    return (this.#view ??= viewOf(this.#bytes)).getBigInt64(at, true);
  }

  /** See {@linkcode ByteWriter.blob}; not a copy. */
  blob(): Uint8Array {
    return this.raw(this.uint());
  }

  /** See {@linkcode ByteWriter.text}. */
  text(): string {
    const length = this.uint();
    const at = this.skip(length);
    return shortAscii(this.#bytes, at, length) ??
      decoder.decode(this.#bytes.subarray(at, at + length));
  }

  /** See {@linkcode ByteWriter.raw}; not a copy. */
  raw(length: number): Uint8Array {
    const at = this.skip(length);
    return this.#bytes.subarray(at, at + length);
  }
}

/** A view for floats and bigints; smaller numbers are read faster without one. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Writes the low 32 bits of a number as 4 bytes. */
export function setUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

/** Reads 4 bytes as a number. */
export function getUint32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>>
    0;
}

/** Writes a number below 2^53 as 8 bytes. */
export function setUint53(bytes: Uint8Array, at: number, value: number): void {
  setUint32(bytes, at, value);
  setUint32(bytes, at + 4, value / 2 ** 32);
}

/** Reads 8 bytes as a number; 2^53 or more if {@linkcode setUint53} did not write them. */
export function getUint53(bytes: Uint8Array, at: number): number {
  return getUint32(bytes, at) + getUint32(bytes, at + 4) * 2 ** 32;
}

/** The next multiple of 8. */
export function align8(n: number): number {
  return Math.ceil(n / 8) * 8;
}

/** Whether two arrays have the same content. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Draws 64 random bits. */
export function randomNonce(): bigint {
  return crypto.getRandomValues(new BigUint64Array(1))[0]!;
}
