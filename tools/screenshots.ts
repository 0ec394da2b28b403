/**
 * Takes the pictures of the page in `docs/`, of the birdstrikes table: `deno run -A
 * tools/screenshots.ts`. It needs Chromium.
 *
 * @module
 */

import { main } from "../cli.ts";
import { PsBase } from "../mod.ts";
import { Served } from "../tests/helpers/served.ts";
import { withWindows } from "../tests/helpers/browser.ts";

const ROOT = new URL("../", import.meta.url).pathname;
const dir = await Deno.makeTempDir();
await main(["import", `${dir}/birdstrikes`, `${ROOT}examples/data/birdstrikes.csv`]);
await using birdstrikes = await PsBase.open(`${dir}/birdstrikes`);
await using served = new Served({ birdstrikes });
const view = "birdstrikes?Speed_IAS_in_knots=gt.150&order=-Cost_Total" +
  "#facets=Wildlife_Size,Phase_of_flight&hide=Cost_Other,Cost_Repair";
for (const colorScheme of ["light", "dark"] as const) {
  await withWindows(served, 1, async ({ page }) => {
    await page.setViewportSize({ width: 1200, height: 640 });
    await page.goto(served.url(view));
    await page.locator(".facet li").nth(5).waitFor();
    await page.locator(".live.live").waitFor();
    await page.screenshot({ path: `${ROOT}docs/page_${colorScheme}.png` });
  }, { colorScheme });
}
Deno.exit();
