/**
 * Many processes on one table: nothing lost, doubled or torn.
 *
 * With `PSBASE_LONG` set, storms at full length too, with company and kills.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { PsBase } from "../base.ts";
import type { Job, Round } from "../examples/storm/child.ts";
import {
  type Child,
  createStrikes,
  expectedAfter,
  runStorm,
  shareOut,
  startChild,
  type StormOptions,
  type StormReport,
  verifyAnew,
} from "../examples/storm/run.ts";
import { readStrikes } from "../examples/storm/data.ts";
import { ACCOUNTS, STRIKES } from "../examples/storm/strikes.ts";
import { BANK, BANK_ROWS, BANK_SHARE, BANK_SUM } from "./helpers/bank.ts";
import { newSeed, randomFrom } from "./helpers/random.ts";
import { type Fixture, spawnFixture } from "./helpers/spawn.ts";

const LONG = Deno.env.has("PSBASE_LONG");
const FULL: StormOptions = {
  processes: 50,
  rounds: 20,
  rows: 9999,
  durability: "full",
  control: false,
};

function assertNoFault({ errors, verdict }: Pick<StormReport, "errors" | "verdict">): void {
  assertEquals({ errors, faults: verdict.faults }, { errors: [], faults: [] });
}

Deno.test("PsBase keeps every row of a small storm", async () => {
  const options = { ...FULL, processes: 12, rounds: 3 };
  const report = await runStorm(options);
  assertNoFault(report);
  assertEquals(report.commits, 2 * 12 * 3);
  assertEquals(report.verdict.rows, options.rows);
});

Deno.test("PsBase.transaction() moves money in a small storm, and none is lost", async () => {
  const options = { ...FULL, processes: 10, rounds: 4, transactions: true };
  const report = await runStorm(options);
  assertNoFault(report);
  // Of four, one is undone.
  assertEquals(report.commits, 2 * 10 * 4 + 10 * 3);
  assertEquals(report.verdict.rows, options.rows + ACCOUNTS + options.processes);
});

Deno.test("the storm shows faults when locks keep nobody out", async () => {
  const { errors, verdict } = await runStorm({
    ...FULL,
    processes: 12,
    rounds: 10,
    control: true,
  });
  assert(errors.length + verdict.faults.length > 0);
});

Deno.test("Base.update() with a function counts to 1,000 in fifty processes", async () => {
  const dir = await Deno.makeTempDir({ prefix: "psbase_count_" });
  await using all = new AsyncDisposableStack();
  all.defer(() => Deno.remove(dir, { recursive: true }));
  const base = all.use(await PsBase.create(dir, { n: "integer" }));
  await base.insert({ n: 0 });
  const children = Array.from(
    { length: 50 },
    () => all.use(spawnFixture("count_row", [dir, "20"])),
  );
  for (const child of children) assertEquals(await child.readLine(), "ready");
  await Promise.all(children.map((child) => child.send("go")));
  for (const child of children) assertEquals((await child.status).code, 0);
  assertEquals(base.get(0), { __id__: 0, __version__: 1000, n: 1000 });
});

Deno.test({
  name: "PsBase.transaction() moves money in a storm of fifty processes, and none is lost",
  ignore: !LONG,
  fn: async () => assertNoFault(await runStorm({ ...FULL, transactions: true })),
});

for (let run = 1; run <= 5; run++) {
  Deno.test({
    name: `PsBase keeps every row of fifty processes, twenty rounds: run ${run}`,
    ignore: !LONG,
    fn: async () => assertNoFault(await runStorm(FULL)),
  });
}

/** A storm whose processes are killed now and then; others take over from them. */
class KilledStorm implements AsyncDisposable {
  readonly rounds = new Map<number, Round[]>();
  readonly errors: string[] = [];
  kills = 0;
  readonly #running = new Set<Child>();
  readonly #killed = new WeakSet<Child>();
  readonly #ends: Promise<void>[] = [];

  constructor(jobs: readonly Job[]) {
    for (const job of jobs) {
      this.rounds.set(job.process, []);
      this.#ends.push(this.#run(job));
    }
  }

  /** Resolves when all rounds were tried. */
  get ended(): Promise<unknown> {
    return Promise.all(this.#ends);
  }

  get running(): Child[] {
    return [...this.#running];
  }

  kill(child: Child): void {
    this.#killed.add(child);
    child.kill();
    this.kills++;
  }

  async #run(job: Job): Promise<void> {
    const rounds = this.rounds.get(job.process)!;
    while (job.from < job.victims.length) {
      let next = job.from;
      await using child = startChild(job, (round) => {
        rounds.push(round);
        next = round.round + 1;
        if (round.error !== undefined) this.errors.push(`${job.process}: ${round.error}`);
      });
      this.#running.add(child);
      await child.ready;
      await child.go();
      const failure = await child.ended;
      this.#running.delete(child);
      if (failure === undefined) return;
      if (!this.#killed.has(child)) {
        this.errors.push(failure);
        return;
      }
      // It may have begun the next round: that one is not tried again.
      job = { ...job, from: next + 1 };
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#running) this.kill(child);
    await this.ended;
  }
}

async function stormWithCompany(seed: number): Promise<void> {
  const random = randomFrom(seed);
  const parent = await Deno.makeTempDir({ prefix: "psbase_storm_" });
  await using all = new AsyncDisposableStack();
  all.defer(() => Deno.remove(parent, { recursive: true }));
  const dir = `${parent}/strikes`;
  const strikes = readStrikes(FULL.rows);
  await createStrikes(dir, strikes);
  await using base = await PsBase.open(dir, { schema: STRIKES });
  const bank = { ...strikes[0]!, operator: BANK, costTotal: BANK_SHARE };
  const bankIds = await base.insertMany(Array.from({ length: BANK_ROWS }, () => bank));

  const company = ["iterate", "iterate", "iterate", "transfer", "transfer"]
    .map((act) => all.use(spawnFixture("storm_company", [act, dir])));
  let cleaner: Fixture = all.use(spawnFixture("storm_company", ["cleanup", dir]));
  const jobs = shareOut(dir, strikes, FULL);
  const storm = all.use(new KilledStorm(jobs));
  let over = false;
  const ended = storm.ended.then(() => over = true);
  while (!over) {
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, random.below(200)))]);
    const { running } = storm;
    // Seldom, so that cleanups come to their end too.
    if (random.chance(0.05)) {
      cleaner.kill();
      cleaner = all.use(spawnFixture("storm_company", ["cleanup", dir]));
    } else if (running.length > 0) {
      storm.kill(random.pick(running));
    }
  }
  for (const one of [...company, cleaner]) {
    await one.send("end");
    assert(Number(await one.readLine()) > 0);
    assertEquals((await one.status).code, 0);
  }
  const sum = base.select({ operator: BANK }).reduce((sum, row) => sum + row.costTotal!, 0);
  assertEquals(sum, BANK_SUM);
  await base.delete(bankIds);
  const verdict = await verifyAnew(expectedAfter(dir, FULL.rows, jobs, storm.rounds));
  assertNoFault({ errors: storm.errors, verdict });
  assert(storm.kills > 0);
  assert(base.stats().generation > 10, "cleanups went on meanwhile");
}

for (let run = 1; run <= 5; run++) {
  const seed = newSeed();
  Deno.test({
    name: `PsBase keeps what it acknowledged through kills and cleanups: seed ${seed}`,
    ignore: !LONG,
    fn: () => stormWithCompany(seed),
  });
}
