import { assertEquals, assertThrows } from "@std/assert";
import { ByteReader, ByteWriter, cutting, encodeText } from "../../../engine/bytes/bytes.ts";
import { hash128 } from "../../../engine/bytes/checksum.ts";

/** What a writer wrote, behind a reader. */
function read(write: (out: ByteWriter) => void): ByteReader {
  const out = new ByteWriter();
  write(out);
  return new ByteReader(out.bytes);
}

Deno.test("hash128() is MurmurHash3_x86_128 where all seed words are the same", () => {
  // From the reference implementation, as four words.
  const vectors: [string, number, string][] = [
    ["", 0, "00000000000000000000000000000000"],
    ["", 1, "88c4adec54d201b954d201b954d201b9"],
    ["hello", 0, "2b2444a0db91def79adb31b69adb31b6"],
    ["I will not buy this record, it is scratched.", 0, "a0a9683b25ac5e40d9af2895890dddf5"],
  ];
  for (const [text, seed, hash] of vectors) {
    for (const offset of [0, 1, 4]) {
      const bytes = new Uint8Array(offset + text.length);
      bytes.set(new TextEncoder().encode(text), offset);
      const words = hash128(bytes.subarray(offset), new Int32Array(4).fill(seed));
      const hex = [...words].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
      assertEquals(hex, hash, text);
    }
  }
});

Deno.test("hash128() changes with each bit and with the length", () => {
  for (const length of [1, 3, 4, 15, 16, 17, 33]) {
    const seen = new Set<string>();
    const bytes = new Uint8Array(length);
    for (let bit = -1; bit < length * 8; bit++) {
      const changed = bytes.slice();
      if (bit >= 0) changed[bit >> 3]! ^= 1 << (bit & 7);
      seen.add(hash128(changed, new Int32Array(4)).join());
    }
    seen.add(hash128(new Uint8Array(length + 1), new Int32Array(4)).join());
    assertEquals(seen.size, length * 8 + 2);
  }
});

Deno.test("ByteReader reads what ByteWriter wrote, and not a byte more", () => {
  const uints = [0, 1, 127, 128, 16383, 16384, 2 ** 31, 2 ** 32, 2 ** 35, 2 ** 53 - 1];
  const ints = [...uints, ...uints.map((n) => -n), 63, 64, -64, -65, Number.MIN_SAFE_INTEGER];
  const from = read((out) => {
    for (const n of uints) out.uint(n);
    for (const n of ints) out.int(n);
    out.float(-0);
    out.bigint(-(2n ** 63n));
    out.text("\0ü😀");
    out.blob(new Uint8Array([1, 2]));
    out.raw(new Uint8Array(300));
    out.byte(255);
  });
  for (const n of uints) assertEquals(from.uint(), n);
  for (const n of ints) assertEquals(from.int(), n === 0 ? 0 : n);
  assertEquals(Object.is(from.float(), -0), true);
  assertEquals(from.bigint(), -(2n ** 63n));
  assertEquals(from.text(), "\0ü😀");
  assertEquals(from.blob(), new Uint8Array([1, 2]));
  assertEquals(from.raw(300).length, 300);
  assertEquals([from.done, from.byte(), from.done], [false, 255, true]);
  assertThrows(() => from.byte(), RangeError);
});

Deno.test("ByteReader refuses numbers beyond 2^53, lengths beyond the end, what is no UTF-8", () => {
  const bytes = (...values: number[]) => new ByteReader(new Uint8Array(values));
  const ones = Array.from({ length: 7 }, () => 255);
  assertThrows(() => bytes(...ones, 127).uint(), RangeError);
  assertThrows(() => bytes(...ones, 255, 1).uint(), RangeError);
  assertThrows(() => bytes(128, 128).uint(), RangeError);
  assertThrows(() => bytes(3, 1, 2).blob(), RangeError);
  assertThrows(() => bytes(...ones, 15, 0).blob(), RangeError);
  assertThrows(() => bytes(0, 0, 0).float(), RangeError);
  assertThrows(() => bytes(1, 255).text(), TypeError);
});

Deno.test("encodeText() gives UTF-8, of each text in bytes of its own", () => {
  const texts = Array.from({ length: 300 }, (_, i) => "a\x80é😀".slice(0, i % 6) + "b".repeat(i));
  const well = texts.map((text) => text.toWellFormed());
  const encoded = well.map(encodeText);
  assertEquals(encoded.map((bytes) => new TextDecoder().decode(bytes)), well);
});

Deno.test("cutting() makes arrays that have nothing in common", () => {
  const make = cutting(Uint32Array);
  const made = Array.from({ length: 500 }, (_, i) => make(i).fill(i));
  made.forEach((words, i) => assertEquals([...words], new Array(i).fill(i)));
});
