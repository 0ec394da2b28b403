/**
 * Every small workload, stopped after every operation by a kill or a power cut.
 *
 * By default each verb alone, and a sample of two and three of them; with `PSBASE_LONG` every
 * sequence of up to three. Forms and handles of the verbs are drawn.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { anyOf, Disk, ioError, random } from "../helpers/crash_file.ts";
import {
  create,
  LONG,
  newDisk,
  oldDisk,
  SEED,
  tell,
  type VerbName,
  VERBS,
} from "../helpers/crash_run.ts";
import { type Depth, explore, type Step, type Tally, total } from "../helpers/explore.ts";

const NAMES = Object.keys(VERBS) as VerbName[];
const SETUPS: Record<string, () => Disk> = { "a new table": newDisk, "an old table": oldDisk };

/** All sequences of so many verbs. */
function sequences(length: number): VerbName[][] {
  return length === 0
    ? [[]]
    : sequences(length - 1).flatMap((names) => NAMES.map((name) => [...names, name]));
}

/** Some of them, each in a form and by a handle that are drawn. */
function draw(all: VerbName[][], most: number, next: () => number): Step[][] {
  const some = all.length <= most
    ? all
    : Array.from({ length: most }, () => all[Math.floor(next() * all.length)]!);
  return some.map((names) =>
    names.map((verb) => ({
      verb,
      form: next() < 0.5 ? "" : "Sync",
      by: next() < 0.5 ? "old" : "new",
    }))
  );
}

for (const [where, setup] of Object.entries(SETUPS)) {
  for (const length of [1, 2, 3]) {
    Deno.test(`PsBase keeps what was acknowledged of ${where} when it is stopped anywhere in ${length} verbs`, async () => {
      const depth: Depth = length === 1
        ? { cuts: LONG ? 256 : 16, tears: LONG ? Infinity : 8, again: LONG ? 0.01 : 0.002 }
        : { cuts: 16, tears: 8, again: 0.002 };
      const most = LONG || length === 1 ? Infinity : 4;
      const runs = draw(sequences(length), most, random(SEED + length));
      const tallies: Tally[] = [];
      for (const [i, steps] of runs.entries()) {
        // What comes before the last verb is a shorter sequence.
        tallies.push(await explore(setup(), steps, { seed: SEED + i, depth, from: length - 1 }));
      }
      const { states, ...by } = total(tallies);
      tell(`${where}, ${runs.length} sequences of ${length}: ${states} states`, by);
      assert(states > 100 && by.killed > 0 && by.torn > 0 && by.cut > 0);
    });
  }
}

Deno.test("PsBase.create() stopped anywhere leaves nothing or a table, and can be done again", async () => {
  const depth = { cuts: 64, tears: LONG ? Infinity : 24, again: LONG ? 0.05 : 0.01 };
  const steps: Step[] = (["create", "insert"] as const).map((verb) => {
    return { verb, form: "Sync", by: "new" };
  });
  const tally = await explore(new Disk(), steps, { seed: SEED, depth });
  tell(`creating: ${total([tally]).states} states`, tally);
  assert(tally.cut > 100);
});

Deno.test("PsBase.create() that fails and is stopped while it takes back what it made can be done again", () => {
  const next = random(SEED);
  const faults: unknown[] = [];
  let endings = 0;
  let failed = true;
  for (let failing = 0; failed; failing++) {
    const disk = new Disk();
    let n = 0;
    disk.before = ({ name }) => {
      if (name !== "sync" && name !== "writeAt" || n++ < failing) return;
      disk.before = () => {};
      disk.after = () => {
        const cuts = Array.from({ length: 5 }, () => disk.cut(anyOf(next)));
        for (const ending of [disk.killed(), ...cuts]) {
          endings++;
          try {
            create(ending.process(), "open")[Symbol.dispose]();
          } catch (error) {
            faults.push(error);
          }
        }
      };
      return { error: ioError(), written: 0 };
    };
    try {
      create(disk.process())[Symbol.dispose]();
    } catch {
      // Where the operation mattered.
    }
    failed = n > failing;
  }
  assertEquals(faults.slice(0, 2), [], `${faults.length} of ${endings} endings, seed ${SEED}`);
  assert(endings > 200, `${endings} endings`);
});
