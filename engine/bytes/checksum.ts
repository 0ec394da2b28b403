/**
 * engine/bytes/checksum.ts
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
 * Hashes `bytes[from, to)`. The four words returned are overwritten by the next call.
 *
 * @param bytes Where what is to be hashed stands; fastest at a multiple of 4.
 * @param seed Four words to start from.
 * @param from Where it begins.
 * @param to Where it ends.
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
  // A word of zeros changes nothing here, as in the original's fall-through switch.
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

/** What a sum is of: bytes of one place never verify in another. */
export const SUM = {
  fileHeader: 1,
  sealedInto: 3,
  mark: 4,
  frameHeader: 5,
  frame: 6,
  footer: 7,
  directory: 8,
  page: 9,
} as const;

/** Sums of one base: seeded with its UUID, what the bytes are, and where they stand. */
export class Checksum {
  /** The base's 16 random bytes. */
  readonly uuid: Uint8Array;
  readonly #words: Int32Array;
  readonly #seed = new Int32Array(4);

  constructor(uuid: Uint8Array) {
    this.uuid = uuid;
    this.#words = new Int32Array(uuid.slice().buffer);
  }

  /**
   * The 128 bits over `bytes[from, to)`, valid until the next sum.
   *
   * @param kind What the bytes are, of {@linkcode SUM}.
   * @param owner The generation or row group that they belong to.
   * @param at The offset, or the number, that they have in it.
   * @param bytes Where what is to be summed stands.
   * @param from Where it begins.
   * @param to Where it ends.
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

  /** Writes the first 64 bits of the sum over `bytes[from, to)` at `to`. */
  put(kind: number, owner: number, at: number, bytes: Uint8Array, from: number, to: number): void {
    const sum = this.of(kind, owner, at, bytes, from, to);
    setUint32(bytes, to, sum[0]!);
    setUint32(bytes, to + 4, sum[1]!);
  }

  /** Whether {@linkcode Checksum.put} would write what stands there. */
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

/** Whether the first words of a sum stand at `at`. */
export function checksumStands(
  sum: Int32Array,
  words: number,
  bytes: Uint8Array,
  at: number,
): boolean {
  for (let i = 0; i < words; i++) {
    if (getUint32(bytes, at + i * 4) !== sum[i]! >>> 0) return false;
  }
  return true;
}
