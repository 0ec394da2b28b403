/**
 * A process that mirrors a table by its changes, killed and started again, under a storm.
 *
 * With `PSBASE_LONG` set, under fifty processes.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { PsBase } from "../base.ts";
import { readStrikes } from "../examples/storm/data.ts";
import { createStrikes, shareOut, startChild, type StormOptions } from "../examples/storm/run.ts";
import { STRIKES } from "../examples/storm/strikes.ts";
import { MIRROR, SINCE } from "./helpers/mirror.ts";
import { newSeed, randomFrom } from "./helpers/random.ts";
import { type Fixture, spawnFixture } from "./helpers/spawn.ts";

const LONG = Deno.env.has("PSBASE_LONG");
const STORM: StormOptions = {
  processes: LONG ? 50 : 8,
  rounds: LONG ? 20 : 6,
  rows: LONG ? 9999 : 300,
  durability: "full",
  control: false,
};

async function mirrorStorm(seed: number): Promise<void> {
  const random = randomFrom(seed);
  const parent = await Deno.makeTempDir({ prefix: "psbase_mirror_" });
  await using all = new AsyncDisposableStack();
  all.defer(() => Deno.remove(parent, { recursive: true }));
  const [from, to] = [`${parent}/strikes`, `${parent}/mirror`];
  const strikes = readStrikes(STORM.rows);
  await createStrikes(from, strikes);
  const source = all.use(await PsBase.open(from, { schema: STRIKES }));
  await source.keepChanges(1e6);
  const mirror = all.use(await PsBase.create(to, MIRROR));
  const [rows, since] = source.snapshot((view) => [view.select(), view.sequence]);
  const copied = rows.map((row) => ({ of: row.__id__, row: JSON.stringify(row) }));
  await mirror.insertMany([{ of: SINCE, row: String(since) }, ...copied]);

  const children = shareOut(from, strikes, STORM).map((job) => all.use(startChild(job, () => {})));
  await Promise.all(children.map(({ ready }) => ready));
  const cleaner = all.use(spawnFixture("storm_company", ["cleanup", from]));
  await Promise.all(children.map((child) => child.go()));
  let over = false;
  const ended = Promise.all(children.map((child) => child.ended)).then((failures) => {
    over = true;
    assertEquals(failures.filter((failure) => failure !== undefined), []);
  });
  let kills = 0;
  let process: Fixture | undefined;
  while (!over || kills === 0) {
    process = all.use(spawnFixture("mirror", [from, to]));
    // It has written something, and is somewhere behind that.
    for (let n = 1 + random.below(LONG ? 100 : 20); n > 0; n--) {
      if (await process.readLine() === undefined) break;
      if (Number(mirror.select({ of: SINCE })[0]!.row) >= source.sequence - 1) break;
    }
    process.kill();
    await process.status;
    kills++;
  }
  await ended;
  await cleaner.send("end");
  assertEquals((await cleaner.status).code, 0);
  assert(source.stats().generation > 2, "cleanups went on meanwhile");

  process = all.use(spawnFixture("mirror", [from, to]));
  const last = String(source.sequence - 1);
  while (mirror.select({ of: SINCE })[0]!.row !== last) await process.readLine();
  await process.send("end");
  assertEquals((await process.status).code, 0);
  assertEquals(
    mirror.select({ of: { gte: 0 } }, { orderBy: "of" }).map(({ row }) => row),
    Array.from(source, (row) => JSON.stringify(row)),
    `killed ${kills} times`,
  );
  assertEquals((await PsBase.check(from)).problems, []);
}

const seed = newSeed();
Deno.test(`Base.watch() keeps a mirror equal under a storm, killed and restarted: seed ${seed}`, async () => {
  await mirrorStorm(seed);
});
