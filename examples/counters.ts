/**
 * Counters: ten processes count a hundred page hits each, and none is lost.
 *
 * ```text
 * 1000 hits
 * __id__  page      hits
 * ──────  ────────  ────
 *      0  /          250
 *      1  /about     250
 *      2  /contact   250
 *      3  /help      250
 * ```
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { PsBase } from "@psbase/psbase";

const HITS = {
  page: { type: "string", required: true, unique: true },
  hits: { type: "integer", required: true, default: 0 },
} as const;

/** Adds one to a counter, which starts at 0. It reads and writes in one commit. */
async function count(counters: PsBase<typeof HITS>, page: string): Promise<void> {
  await counters.transaction((tx) => {
    const row = tx.upsert({ page }, {});
    tx.update(row, { hits: row.hits + 1 });
  });
}

const PAGES = ["/", "/about", "/contact", "/help"];

const [path] = Deno.args;
if (path !== undefined) {
  await using counters = await PsBase.open(path, HITS);
  for (let n = 0; n < 100; n++) await count(counters, PAGES[n % PAGES.length]!);
} else {
  const path = `${await Deno.makeTempDir()}/counters`;
  await using counters = await PsBase.open(path, HITS);
  const args = ["run", "-A", import.meta.filename!, path];
  const processes = Array.from(
    { length: 10 },
    () => new Deno.Command(Deno.execPath(), { args }).spawn().status,
  );
  const ends = await Promise.all(processes);
  if (!ends.every(({ success }) => success)) throw new Error("a process failed");
  console.log(`${counters.sum("hits")} hits`);
  counters.select({}, { fields: ["page", "hits"], orderBy: "page" }).pp();
  await counters.destroy();
}
