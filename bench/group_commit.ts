/**
 * What group commit is worth: 1,000 durable inserts of one process, one after the other, by fifty
 * loops, and all at once; medians, and the syncs that they cost, as Markdown.
 *
 * ```sh
 * deno run -A bench/group_commit.ts
 * ```
 *
 * @module
 */
import { PsBase } from "../base.ts";
import { watchFiles } from "../tests/helpers/watched_files.ts";
import { figure, heading, print, row } from "./suite/markdown.ts";
import { byTurns, median, timed } from "./suite/measure.ts";
import { withFiles } from "../engine/system/deno_file.ts";

const ROWS = Array.from({ length: 1000 }, (_, n) => ({ n }));
const LOOPS = 50;

type Numbers = PsBase<{ n: "integer" }>;

async function oneByOne(base: Numbers, rows: typeof ROWS): Promise<void> {
  for (const row of rows) await base.insert(row);
}

const WAYS: Record<string, (base: Numbers) => unknown> = {
  "`await insert()`, one after the other": (base) => oneByOne(base, ROWS),
  "`insertSync()`": (base) => ROWS.forEach((row) => base.insertSync(row)),
  "`await insert()` in fifty loops": (base) => {
    const share = ROWS.length / LOOPS;
    const starts = Array.from({ length: LOOPS }, (_, i) => i * share);
    return Promise.all(starts.map((at) => oneByOne(base, ROWS.slice(at, at + share))));
  },
  "`Promise.all()` of 1,000 `insert()`": (base) => Promise.all(ROWS.map((row) => base.insert(row))),
};

const measures = Object.fromEntries(
  Object.entries(WAYS).map(([name, run]) => [name, async (dir: string) => {
    const files = watchFiles();
    await using base = withFiles(files, () => PsBase.createSync(`${dir}/base`, { n: "integer" }));
    const before = files.syncs;
    const wall = await timed(() => run(base));
    if (base.size !== ROWS.length) throw new Error(`${base.size} rows`);
    return { wall, syncs: files.syncs - before };
  }]),
);
const figures = await byTurns(measures, { turns: 3, seconds: 0 });
print(
  heading("Group commit: 1,000 durable inserts, each a commit of its own", ["", "ms", "syncs"]),
);
for (const [name, turns] of figures) {
  const wall = median(turns.map(({ wall }) => wall));
  const syncs = median(turns.map(({ syncs }) => syncs));
  print(row([name, figure(wall), `${syncs}`]));
}
