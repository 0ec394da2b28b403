/**
 * Processes that do transactions at random, and some that only look, are stopped and killed: what
 * they tell must have an order in which each saw what those before it wrote, and what is there
 * after each kill must have a place in it.
 *
 * With `PSBASE_LONG` set, for a minute.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { PsBase } from "../mod.ts";
import { ACCOUNTS, FIRST, judge, type Line, SCHEMA, SUM, told } from "./helpers/history.ts";
import { newSeed, randomFrom } from "./helpers/random.ts";
import { type Fixture, spawnFixture } from "./helpers/spawn.ts";
import { tempBase } from "./helpers/temp_base.ts";

const LONG = Deno.env.has("PSBASE_LONG");
const WRITERS = LONG ? 8 : 4;
const READERS = LONG ? 3 : 1;
const COMMITS = LONG ? 20_000 : 400;
const KILLS = LONG ? 200 : 4;

function later(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function history(seed: number): Promise<void> {
  const random = randomFrom(seed);
  await using temp = tempBase();
  await using db = await PsBase.create(temp.path, SCHEMA);
  await db.insertMany(FIRST.map(([, n, tag, money]) => ({ n, tag, money })));
  await using all = new AsyncDisposableStack();
  const processes: Line[][] = [];
  /** Each with its mode. */
  const running = new Map<Fixture, string>();
  const ends: Promise<void>[] = [];
  const wanted = Promise.withResolvers<void>();
  const faults: string[] = [];
  let done = 0;
  let kills = 0;
  let stops = 0;
  let looks = 0;
  let over = false;

  const start = (mode: string) => {
    const lines: Line[] = [];
    const name = `p${processes.push(lines)}`;
    const args = [temp.path, name, `${random.below(2 ** 31)}`, mode];
    const child = all.use(spawnFixture("do_transactions", args));
    running.set(child, mode);
    const read = async () => {
      for await (const text of child.lines) {
        const line: Line = JSON.parse(text);
        lines.push(line);
        if (mode === "readOnly") looks++;
        if (line.kind !== "done") continue;
        // What was acknowledged there is seen here from now on.
        const wrote = lines.findLast((one) => one.kind === "try")!.puts
          .find(([id]) => id === 0)![1];
        if (db.get(0)!.n < wrote) faults.push(`${line.tag} is acknowledged, and not seen`);
        if (db.sum("money") !== SUM) faults.push(`there is ${db.sum("money")} in all`);
        if (++done >= COMMITS) wanted.resolve();
      }
      running.delete(child);
      const { code, signal } = await child.status;
      if (code !== 0 && signal !== "SIGKILL") faults.push(`${name} ended with ${code}`);
      // One that failed would be waited for in vain.
      if (signal !== "SIGKILL" && !over) wanted.resolve();
    };
    ends.push(read());
  };

  /** What is there after each kill, to one who opens it anew. */
  const afterKills: Line[] = [];
  processes.push(afterKills);

  /** Stops and continues processes, and kills one now and then, also while it is stopped. */
  const disturb = async () => {
    while (!over) {
      await later(random.below(LONG ? 200 : 60));
      const one = random.pick([...running]);
      if (one === undefined || done === 0) continue;
      const [child, mode] = one;
      child.kill("SIGSTOP");
      stops++;
      await later(random.below(20));
      // By then somebody waits for what the stopped one may hold.
      if (kills < KILLS && random.chance(0.4)) {
        child.kill("SIGKILL");
        running.delete(child);
        kills++;
        await child.status;
        using anew = PsBase.openSync(temp.path, { schema: SCHEMA });
        afterKills.push({ kind: "seen", rows: Array.from(anew, told) });
        if (anew.sum("money") !== SUM) faults.push(`there is ${anew.sum("money")} after a kill`);
        start(mode);
      } else {
        child.kill("SIGCONT");
      }
    }
  };

  for (let i = 0; i < WRITERS; i++) start("");
  for (let i = 0; i < READERS; i++) start("readOnly");
  const disturbed = disturb();
  await wanted.promise;
  over = true;
  await disturbed;
  for (const child of running.keys()) await child.send("end").catch(() => {});
  await Promise.all(ends);

  const last = Array.from(db, told);
  const verdict = judge(processes, last);
  assertEquals([...faults, ...verdict.faults].slice(0, 5), [], `seed ${seed}`);
  assert(verdict.commits >= Math.min(done, COMMITS) && verdict.looks > 20, `seed ${seed}`);
  assertEquals(verdict.commits - verdict.unacknowledged, done, `seed ${seed}`);
  assert(looks > 20 && afterKills.length === kills, `${looks} looks of readers, seed ${seed}`);
  assert(kills > 0 && stops > kills, `${kills} kills, ${stops} stops, seed ${seed}`);
  assertEquals([db.size, db.sum("money")], [ACCOUNTS + 1, SUM]);
  assert((await db.check()).ok);
}

const seed = newSeed();
Deno.test(`PsBase.transaction() of many processes, some killed, has an order: seed ${seed}`, () =>
  history(seed));

Deno.test("judge() tells what has no order", () => {
  const put = (n: number, tag: string) => [0, n, tag, 0] as const;
  const one = (n: number, tag: string, before: string, id = 1, money = 100) => ({
    kind: "try" as const,
    tag,
    reads: [put(n - 1, before), [id, 0, "first", money] as const],
    puts: [put(n, tag)],
    deletes: [],
    fails: false,
  });
  const done = (tag: string) => ({ kind: "done" as const, tag });
  const rows = (n: number, tag: string) => [put(n, tag), ...FIRST.slice(1)];
  const [a, b] = [one(1, "a", "first"), one(2, "b", "a")];
  const good = [[a, done("a"), { kind: "seen" as const, rows: rows(1, "a") }], [b, done("b")]];
  assertEquals(judge(good, rows(2, "b")), {
    faults: [],
    commits: 2,
    unacknowledged: 0,
    looks: 1,
  });
  assertEquals(judge([[a, done("a")], [b]], rows(2, "b")).unacknowledged, 1);
  assertEquals(judge([[a, done("a")], [b]], rows(1, "a")).faults, []);
  const bad: [string, Line[][], ReturnType<typeof rows>][] = [
    ["lost", [[a, done("a")], [b, done("b")]], rows(1, "a")],
    ["lost", [[a, done("a")], [one(1, "b", "first"), done("b")]], rows(1, "b")],
    ["was undone", [[a, { kind: "undone", tag: "a" }]], rows(1, "a")],
    ["threw", [[{ ...a, fails: true }]], rows(1, "a")],
    ["never tried", [[a]], rows(2, "c")],
    ["there was", [[one(1, "a", "first", 1, 99)]], rows(1, "a")],
    ["it is number 1", [[one(2, "a", "first")]], rows(2, "a")],
    ["got the id 20", [[{ ...a, puts: [...a.puts, [20, 1, "a", 0]] }]], rows(1, "a")],
    ["at the end", [[a]], [put(1, "a"), ...FIRST.slice(2)]],
    ["was seen after", [[...good[0]!, { kind: "seen", rows: [...FIRST] }]], rows(1, "a")],
    ["was seen", [[a, { kind: "seen", rows: [put(1, "a")] }]], rows(1, "a")],
  ];
  for (const [fault, lines, last] of bad) {
    const { faults } = judge(lines, last);
    assert(faults.some((one) => one.includes(fault)), `${fault}: ${faults}`);
  }
});
