/**
 * Checksums of all files: MurmurHash3_x86_128, seeded so that bytes verify only in their place.
 * docs/internals/decisions.md tells why this hash.
 *
 * @module
 */

import { getUint32, setUint32 } from "./bytes.ts";

function mix(h: number): number {
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

const RESULT = new Int32Array(4);

/**
 * MurmurHash3_x86_128 of `bytes[from, to)`.
 *
 * @param bytes The bytes; the hash is fastest if they begin at a multiple of 4 of their buffer.
 * @param seed Four words to start from; the original has one word for all four.
 * @param from Where the hashed bytes begin.
 * @param to Where they end.
 * @returns Four words, valid until the next call.
 */
export function hash128(
  bytes: Uint8Array,
  seed: Int32Array,
  from = 0,
  to = bytes.length,
): Int32Array {
  if ((bytes.byteOffset + from) % 4 !== 0) return hash128(bytes.slice(from, to), seed);
  const length = to - from;
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + from, length >> 2);
  let h1 = seed[0]!;
  let h2 = seed[1]!;
  let h3 = seed[2]!;
  let h4 = seed[3]!;
  let k1 = 0;
  let k2 = 0;
  let k3 = 0;
  let k4 = 0;
  const whole = (length >> 4) << 2;
  for (let i = 0; i < whole; i += 4) {
    k1 = Math.imul(words[i]!, 0x239b961b);
    h1 ^= Math.imul((k1 << 15) | (k1 >>> 17), 0xab0e9789);
    h1 = (Math.imul(((h1 << 19) | (h1 >>> 13)) + h2, 5) + 0x561ccd1b) | 0;
    k2 = Math.imul(words[i + 1]!, 0xab0e9789);
    h2 ^= Math.imul((k2 << 16) | (k2 >>> 16), 0x38b34ae5);
    h2 = (Math.imul(((h2 << 17) | (h2 >>> 15)) + h3, 5) + 0x0bcaa747) | 0;
    k3 = Math.imul(words[i + 2]!, 0x38b34ae5);
    h3 ^= Math.imul((k3 << 17) | (k3 >>> 15), 0xa1e38b93);
    h3 = (Math.imul(((h3 << 15) | (h3 >>> 17)) + h4, 5) + 0x96cd1c35) | 0;
    k4 = Math.imul(words[i + 3]!, 0xa1e38b93);
    h4 ^= Math.imul((k4 << 18) | (k4 >>> 14), 0x239b961b);
    h4 = (Math.imul(((h4 << 13) | (h4 >>> 19)) + h1, 5) + 0x32ac3b17) | 0;
  }
  k1 =
    k2 =
    k3 =
    k4 =
      0;
  for (let at = whole * 4; at < length; at++) {
    const i = at - whole * 4;
    const byte = bytes[from + at]! << ((i & 3) * 8);
    if (i < 4) k1 |= byte;
    else if (i < 8) k2 |= byte;
    else if (i < 12) k3 |= byte;
    else k4 |= byte;
  }
  // A word of zeros changes nothing here: this equals the original's fall-through switch.
  k4 = Math.imul(k4, 0xa1e38b93);
  h4 ^= Math.imul((k4 << 18) | (k4 >>> 14), 0x239b961b);
  k3 = Math.imul(k3, 0x38b34ae5);
  h3 ^= Math.imul((k3 << 17) | (k3 >>> 15), 0xa1e38b93);
  k2 = Math.imul(k2, 0xab0e9789);
  h2 ^= Math.imul((k2 << 16) | (k2 >>> 16), 0x38b34ae5);
  k1 = Math.imul(k1, 0x239b961b);
  h1 ^= Math.imul((k1 << 15) | (k1 >>> 17), 0xab0e9789);
  h1 ^= length;
  h2 ^= length;
  h3 ^= length;
  h4 ^= length;
  h1 = (h1 + h2 + h3 + h4) | 0;
  h2 = (h2 + h1) | 0;
  h3 = (h3 + h1) | 0;
  h4 = (h4 + h1) | 0;
  h1 = mix(h1);
  h2 = mix(h2);
  h3 = mix(h3);
  h4 = mix(h4);
  h1 = (h1 + h2 + h3 + h4) | 0;
  RESULT[0] = h1;
  RESULT[1] = h2 + h1;
  RESULT[2] = h3 + h1;
  RESULT[3] = h4 + h1;
  return RESULT;
}

/** Kinds of bytes that have a checksum: bytes of one kind never verify as another. */
export const SUM = {
  fileHeader: 1,
  sealedInto: 3,
  durableMark: 4,
  frameHeader: 5,
  frame: 6,
  footer: 7,
  directory: 8,
  page: 9,
} as const;

/** Checksums of one table: seeded with its UUID, the kind of the bytes, and where they stand. */
export class Checksum {
  /** The UUID of the table: 16 random bytes. */
  readonly uuid: Uint8Array;
  readonly #words: Int32Array;
  readonly #seed = new Int32Array(4);

  constructor(uuid: Uint8Array) {
    this.uuid = uuid;
    this.#words = new Int32Array(uuid.slice().buffer);
  }

  /**
   * The checksum over `bytes[from, to)`, 128 bits, valid until the next call.
   *
   * @param kind What the bytes are, one of {@linkcode SUM}.
   * @param owner The generation or row group that they belong to.
   * @param at Their offset, or number, in it.
   * @param bytes The bytes.
   * @param from Where the covered bytes begin.
   * @param to Where they end.
   */
  of(
    kind: number,
    owner: number,
    at: number,
    bytes: Uint8Array,
    from: number,
    to: number,
  ): Int32Array {
    const seed = this.#seed;
    seed[0] = this.#words[0]! ^ kind;
    seed[1] = this.#words[1]! ^ owner;
    seed[2] = this.#words[2]! ^ at;
    seed[3] = this.#words[3]! ^ (at / 2 ** 32);
    return hash128(bytes, seed, from, to);
  }

  /** Writes the first 64 bits of the checksum over `bytes[from, to)` at `to`. */
  put(kind: number, owner: number, at: number, bytes: Uint8Array, from: number, to: number): void {
    const checksum = this.of(kind, owner, at, bytes, from, to);
    setUint32(bytes, to, checksum[0]!);
    setUint32(bytes, to + 4, checksum[1]!);
  }

  /** Whether the checksum at `to` is the one that {@linkcode Checksum.put} would write. */
  holds(
    kind: number,
    owner: number,
    at: number,
    bytes: Uint8Array,
    from: number,
    to: number,
  ): boolean {
    return checksumStands(this.of(kind, owner, at, bytes, from, to), 2, bytes, to);
  }
}

/** Whether the first words of a checksum stand at `at`. */
export function checksumStands(
  checksum: Int32Array,
  words: number,
  bytes: Uint8Array,
  at: number,
): boolean {
  for (let i = 0; i < words; i++) {
    if (getUint32(bytes, at + i * 4) !== checksum[i]! >>> 0) return false;
  }
  return true;
}
