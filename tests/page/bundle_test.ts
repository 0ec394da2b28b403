/** The bundle of the page is that of its sources, and small. */

import { assert, assertEquals } from "@std/assert";
import { PAGE_FILES } from "../../server/page_files.ts";
import { bundlePage } from "../../tools/page.ts";

Deno.test({
  name: "the bundle is made of the sources as they are: run deno run -A tools/page.ts",
  // esbuild is a process that goes on.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    for (const [name, { text }] of Object.entries(await bundlePage())) {
      assertEquals(PAGE_FILES[name]?.text === text, true, name);
    }
  },
});

Deno.test("all files together are less than 30 kB, compressed", async () => {
  let bytes = 0;
  for (const { text } of Object.values(PAGE_FILES)) {
    const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
    bytes += (await new Response(stream).arrayBuffer()).byteLength;
  }
  assert(bytes < 30_000, `${bytes} bytes`);
});
