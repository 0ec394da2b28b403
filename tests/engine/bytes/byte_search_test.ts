/**
 * Search over the bytes of many texts: it finds what `includes` finds.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { ROOM, searchBytes } from "../../../engine/bytes/byte_search.ts";
import { encodeText } from "../../../engine/bytes/bytes.ts";
import { Group, GroupBuilder, MemorySource } from "../../../engine/segment/group.ts";
import { TableSchema } from "../../../engine/schema/schema.ts";
import { newSeed, randomFrom } from "../../helpers/random.ts";

function found(texts: readonly string[], part: string): number[] {
  const bytes = texts.map((text) => encodeText(text));
  const offsets = new Uint32Array(texts.length + 1);
  bytes.forEach(({ length }, i) => offsets[i + 1] = offsets[i]! + length);
  const all = texts.join("");
  const heap = encodeText(all);
  const places = new Uint32Array(texts.length);
  const search = (heap: Uint8Array | string) => [
    ...places.subarray(0, searchBytes(heap, offsets, encodeText(part), places)),
  ];
  const inBytes = search(heap);
  // ASCII may be given as it is.
  if (heap.length === all.length) assertEquals(search(all), inBytes);
  return inBytes;
}

function expected(texts: readonly string[], part: string): number[] {
  return [...texts.keys()].filter((i) => texts[i]!.includes(part));
}

const seed = newSeed();

Deno.test(`searchBytes() finds the texts that include a part (PSBASE_SEED=${seed})`, () => {
  const random = randomFrom(seed);
  let hits = 0;
  for (let round = 0; round < 1500; round++) {
    const letters = random.pick([["a"], ["a", "b"], [..."abcdefgh "], ["a", "é", "€", "😀", "\0"]]);
    const text = (most: number) =>
      Array.from({ length: random.below(most) }, () => random.pick(letters)).join("");
    const texts = Array.from(
      { length: 1 + random.below(30) },
      () => text(random.pick([3, 12, 60])),
    );
    const parts = [random.pick(letters), text(4), text(20), random.pick(texts), texts.join("")];
    parts.push(`${texts.join("")}a`, "a".repeat(5000));
    for (const part of parts) {
      if (part === "") continue;
      const wanted = expected(texts, part);
      assertEquals(found(texts, part), wanted, Deno.inspect([texts, part]));
      hits += wanted.length;
    }
  }
  assert(hits > 1000);
});

Deno.test("searchBytes() is not led astray by what it searched before, and takes what there is room for", () => {
  const large = "x".repeat(ROOM - 4) + "yyy";
  assertEquals(found([large.slice(0, 7), large.slice(7), "z"], "yz"), []);
  assertEquals(found([large.slice(0, 7), large.slice(7), "z"], "yyy"), [1]);
  assertEquals(found([large.slice(0, 7), large.slice(7), "z"], "z"), [2]);
  for (const short of ["a", "abcdefghijklmno", "abcdefghijklmnop"]) {
    assertEquals(found([short], "y"), []);
    assertEquals(found([short], "x"), []);
    assertEquals(found([short], short.at(-1)!), [0]);
  }
});

Deno.test("a column finds a part in texts that are too large to be searched at once", () => {
  const { fields } = TableSchema.from({ t: "string" });
  for (const letter of ["e", "é"]) {
    const texts = [`needle ${letter}`, letter.repeat(ROOM / 2), `${letter.repeat(ROOM)} needle`];
    const builder = new GroupBuilder(fields);
    texts.forEach((text, id) => builder.add(id, { version: 0, values: [text] }));
    const { group: { bytes, directory }, first } = builder.build();
    const column = new Group(new MemorySource(bytes, "p"), directory, first).column(fields[0]!);
    const rows = new Uint32Array(texts.length);
    const test = (value: unknown) => `${value}`.includes("needle");
    const n = column.find(
      { nulls: false, text: { part: "needle", at: "any" }, test },
      rows,
      (n) => n,
    );
    assertEquals([...rows.subarray(0, n)], [0, 2]);
  }
});
