/**
 * How fast the page is, in Chromium: `deno task bench:page`.
 *
 * @module
 */
// deno-lint-ignore-file no-console -- it is a command

import { main } from "../cli.ts";
import { PsBase } from "../mod.ts";
import { open } from "../tests/helpers/browser.ts";

const TURNS = 7;
const ROOT = new URL("../", import.meta.url).pathname;
const dir = await Deno.makeTempDir({ prefix: "psbase_bench_" });
const io = { ...console, write() {}, isTerminal: false, columns: NaN, colors: false };
await main(["import", `${dir}/birdstrikes`, `${ROOT}examples/data/birdstrikes.csv`], {
  stdin: ReadableStream.from([]),
  stdout: io,
  stderr: io,
});
const birdstrikes = await PsBase.open(`${dir}/birdstrikes`);
const big = await PsBase.create(`${dir}/big`, { n: "integer" }, { durability: "relaxed" });
const rows = Array.from({ length: 100_000 }, (_, n) => ({ n }));
for (let i = 0; i < 100; i++) {
  await big.insertMany(rows.map(({ n }) => ({ n: n + i * 100_000 })));
}
await big.cleanup();

function median(times: number[]): string {
  return times.toSorted((a, b) => a - b)[times.length >> 1]!.toFixed(0);
}

const opened = await open({ birdstrikes, big });
const first: number[] = [];
const last: number[] = [];
for (let turn = 0; turn < TURNS; turn++) {
  const page = await opened.window("birdstrikes");
  await page.locator("#c0-1").filter({ hasText: /\w/ }).waitFor();
  // Again, as the files of the page are in the cache of a browser that was there before.
  const begin = performance.now();
  await page.reload({ waitUntil: "commit" });
  await page.locator("#c0-1").filter({ hasText: /\w/ }).waitFor();
  first.push(performance.now() - begin);
  await page.close();
  const long = await opened.window("big");
  await long.locator("#c0-1").filter({ hasText: "0" }).waitFor();
  const pressed = performance.now();
  await long.keyboard.press("Control+End");
  await long.locator("#c9999999-1").filter({ hasText: "9999999" }).waitFor();
  last.push(performance.now() - pressed);
  await long.close();
}
console.log(`first rows of birdstrikes after navigation: ${median(first)} ms`);
console.log(`the last of 10,000,000 rows after Ctrl-End: ${median(last)} ms`);
await opened[Symbol.asyncDispose]().catch(() => {});
await Promise.all([birdstrikes.close(), big.close()]);
await Deno.remove(dir, { recursive: true });
Deno.exit();
