/**
 * The checksum of every byte that psbase writes: MurmurHash3_x86_128 by Austin
 * Appleby (public domain, `MurmurHash3.cpp` of SMHasher), with four seed words
 * in the place of one. 32-bit multiplications make it fast in JavaScript; each
 * step can be undone, so that a change within one 4-byte word always shows in
 * the 128 bits.
 *
 * @module
 */

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
