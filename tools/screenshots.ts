/**
 * Makes the pictures of `docs/page.md`: the table of the tour, dark and light, in Chromium.
 *
 * @module
 */

import { chromium } from "playwright-core";
import { PsBase } from "../mod.ts";
import { serveTables } from "../serve.ts";

const ROOT = new URL("../", import.meta.url);

const PICTURES = {
  "page_light.png":
    "birdstrikes?select=Airport_Name,Flight_Date,Wildlife_Species,Phase_of_flight,Cost_Total&Cost_Total=gte.1000&Wildlife_Size=eq.Large&order=-Cost_Total&~facets=Wildlife_Size,Phase_of_flight",
  "page_dark.png": "birdstrikes?order=-Speed_IAS_in_knots",
};

const dir = await Deno.makeTempDir();
const { success } = await new Deno.Command(Deno.execPath(), {
  args: [
    "run",
    "-A",
    new URL("cli.ts", ROOT).pathname,
    "import",
    `${dir}/birdstrikes`,
    new URL("examples/data/birdstrikes.csv", ROOT).pathname,
  ],
}).output();
if (!success) throw new Error("the import failed");
await using birdstrikes = await PsBase.open(`${dir}/birdstrikes`);
await using handler = serveTables({ birdstrikes: birdstrikes as never }, { write: true });
await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, handler);
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox"],
});
for (const [name, path] of Object.entries(PICTURES)) {
  const page = await browser.newPage({
    viewport: { width: 1100, height: 600 },
    colorScheme: name.includes("dark") ? "dark" : "light",
  });
  await page.goto(`http://127.0.0.1:${server.addr.port}/${path}`);
  await page.locator("#c0-1").waitFor();
  await page.locator(".live.live").waitFor();
  if (name.includes("dark")) {
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("m");
    await page.getByRole("menuitem", { name: "Figures" }).click();
    await page.locator("dialog svg").waitFor();
  }
  await page.screenshot({ path: new URL(`docs/${name}`, ROOT).pathname });
}
await browser.close();
await handler.close();
