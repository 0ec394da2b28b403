import { assertEquals, assertThrows } from "@std/assert";
import { Blobs, encodeBlobs, encodeTexts } from "../../../engine/segment/blobs.ts";
import { encodeText } from "../../../engine/bytes/bytes.ts";
import { CorruptionError } from "../../../engine/system/errors.ts";
import { MemorySource } from "../../../engine/segment/group.ts";
import { PartWriter } from "../../../engine/segment/parts.ts";
import { newSeed, randomFrom } from "../../helpers/random.ts";

const SEED = newSeed();

Deno.test("encodeTexts() writes what Blobs reads, of characters of any length, one by one and all at once", () => {
  const random = randomFrom(SEED);
  for (let round = 0; round < 300; round++) {
    const letters = random.pick([[..."ab"], [..."aé"], [..."a日\0"], [
      ..."aé日😀\uffff\u{10ffff}",
    ]]);
    const texts = Array.from(
      { length: 1 + random.below(100) },
      () => Array.from({ length: random.below(6) }, () => random.pick(letters)).join(""),
    );
    const parts = new PartWriter();
    const meta = encodeTexts(parts, texts);
    const same = new PartWriter();
    assertEquals(encodeBlobs(same, texts.map((text) => encodeText(text))), meta);
    const bytes = parts.finish();
    assertEquals(same.finish(), bytes);
    for (const all of [false, true]) {
      const blobs = new Blobs(new MemorySource(bytes, "table"), meta);
      if (all) blobs.load();
      assertEquals(texts.map((_, i) => blobs.text(i)), texts, `seed ${SEED}`);
    }
  }
});

Deno.test("Blobs that end within a character are damage, though all of them together are text", () => {
  const [lead, ...rest] = encodeText("日");
  for (const values of [[[97], [lead!], rest], [[lead!], [], rest]]) {
    const parts = new PartWriter();
    const meta = encodeBlobs(parts, values.map((bytes) => Uint8Array.from(bytes)));
    const bytes = parts.finish();
    for (const all of [false, true]) {
      const blobs = new Blobs(new MemorySource(bytes, "table"), meta);
      if (all) blobs.load();
      assertThrows(
        () => values.map((_, i) => blobs.text(i)),
        CorruptionError,
        "text is not valid UTF-8",
      );
    }
  }
});
