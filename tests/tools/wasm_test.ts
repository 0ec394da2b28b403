/** The WebAssembly of the engine is what its texts say. */

import { assertEquals } from "@std/assert";
import { assemble, TEXTS } from "../../tools/wasm.ts";

for (const text of TEXTS) {
  Deno.test(`the module of ${text} is up to date`, async () => {
    const { file, content } = await assemble(text);
    assertEquals(Deno.readTextFileSync(file), content, "run deno run -A tools/wasm.ts");
  });
}
