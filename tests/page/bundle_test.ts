/** The page as it is built. */

import { assert, assertEquals } from "@std/assert";
import { PAGE_FILES as FILES } from "../../server/page_files.ts";
import { PAGE_FILES, pageModule } from "../../tools/page.ts";

/** What the page may weigh, compressed, in bytes. */
const BUDGET = 30_000;

Deno.test({
  name: "the page that is served is the one in page/ (else: deno run -A tools/page.ts)",
  // esbuild keeps its process until it is stopped.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    assert(await pageModule() === await Deno.readTextFile(PAGE_FILES), "it is stale");
  },
});

Deno.test("the page is small", async () => {
  let size = 0;
  for (const { text } of Object.values(FILES)) {
    const gzip = new Deno.Command("gzip", { args: ["-9c"], stdin: "piped", stdout: "piped" })
      .spawn();
    const writer = gzip.stdin.getWriter();
    await writer.write(new TextEncoder().encode(text));
    await writer.close();
    size += (await gzip.output()).stdout.length;
  }
  assert(size <= BUDGET, `${size} bytes`);
});

Deno.test("the page asks nobody else, and makes no HTML of text", async () => {
  const dir = new URL("../../page/", import.meta.url);
  const found: string[] = [];
  for await (const { name } of Deno.readDir(dir)) {
    const text = await Deno.readTextFile(new URL(name, dir));
    const words = /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|https?:\/\//.exec(
      text,
    );
    if (words !== null) found.push(`${name}: ${words[0]}`);
  }
  assertEquals(found, []);
});
