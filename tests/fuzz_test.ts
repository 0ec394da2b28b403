import { assertEquals } from "@std/assert";
import { readFinds, runWithSeed } from "./fuzz.ts";

Deno.test("No seed that the fuzzer kept fails", async (t) => {
  for (const find of readFinds()) {
    await t.step(`PSBASE_SEED=${find.seed} ${find.file}`, async () => {
      assertEquals(await runWithSeed(find), undefined);
    });
  }
});
