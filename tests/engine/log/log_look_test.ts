/**
 * What a handle sees of frames that others appended.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { PsBase } from "../../../base.ts";

Deno.test("Log.read() goes on where what it looked at ends with a frame", async () => {
  const dir = await Deno.makeTempDir({ prefix: "psbase_log_" });
  await using writer = await PsBase.create(dir, { text: "string" });
  await using reader = await PsBase.open(dir);
  const frame = async (length: number) => {
    const before = writer.stats().logBytes;
    await writer.insert({ text: "x".repeat(length) });
    return writer.stats().logBytes - before;
  };
  // A look of 4096 bytes begins with 8 that are known: seven frames of these fill it.
  const length = 512;
  assertEquals(await frame(length), 4088 / 7);
  // So far that less than a look is left of the file when the look ends.
  while (writer.stats().logBytes < 8208) await frame(length);
  assertEquals(reader.size, writer.size);
  for (let i = 0; i < 8; i++) await frame(length);
  assertEquals(reader.size, writer.size);
  await Deno.remove(dir, { recursive: true });
});
