/**
 * Checksums of all files: MurmurHash3_x86_128, seeded so that bytes verify only in their place.
 * docs/internals/decisions.md tells why this hash.
 *
 * @module
 */

import { getUint32, setUint32 } from "./bytes.ts";
import { WASM } from "./checksum_wasm.ts";

/** Where the bytes to hash begin in the memory; the words of the hash are before them. */
const START = 16;
/** How many bytes are hashed at once; a multiple of 16. */
const ROOM = 64 * 2 ** 10;

/** The words of the hash, and room for the bytes. */
interface Memory {
  readonly words: Int32Array;
  readonly room: Uint8Array;
  readonly hash: (end: number, length: number) => void;
}

let memory: Memory | undefined;

function start(): Memory {
  const module = new WebAssembly.Module(Uint8Array.fromBase64(WASM));
  const { memory, hash } = new WebAssembly.Instance(module).exports;
  const { buffer } = memory as WebAssembly.Memory;
  return {
    words: new Int32Array(buffer, 0, 4),
    room: new Uint8Array(buffer, START),
    hash: hash as Memory["hash"],
  };
}

/**
 * MurmurHash3_x86_128 of `bytes[from, to)`. WebAssembly computes it (`checksum.wat`): a process
 * that reads only a few rows would spend most of its time in JavaScript that V8 still interprets.
 *
 * @param bytes The bytes.
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
  const { words, room, hash } = memory ??= start();
  const length = to - from;
  words.set(seed);
  for (; to - from > ROOM; from += ROOM) {
    room.set(bytes.subarray(from, from + ROOM));
    hash(START + ROOM, -1);
  }
  room.set(bytes.subarray(from, to));
  hash(START + to - from, length);
  return words;
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
