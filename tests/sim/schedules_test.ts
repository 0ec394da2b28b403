/**
 * Processes that come in each other's way between any two file operations, are killed, and lose
 * power: whatever the schedule, nothing that was acknowledged is lost, and nobody is told what
 * no order of all commits explains.
 *
 * Each schedule follows from one number. By default 1,500 of them; with `PSBASE_LONG` set, for five
 * minutes.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { LONG, SEED } from "../helpers/crash_run.ts";
import { play, tell } from "../helpers/sim_schedule.ts";

const SCHEDULES = 1500;
const LONG_MS = 300_000;

Deno.test("PsBase keeps what it acknowledged in any schedule of processes, kills and power cuts", () => {
  const total = { switches: 0, kills: 0, cuts: 0, failures: 0, ends: 0 };
  const until = performance.now() + LONG_MS;
  let played = 0;
  for (; LONG ? performance.now() < until : played < SCHEDULES; played++) {
    const seed = SEED + played;
    const { history, ...counts } = play(seed);
    assertEquals(history.faults, [], tell(seed, history));
    for (const [what, count] of Object.entries(counts)) total[what as keyof typeof total] += count;
  }
  const told = `${played} schedules from ${SEED} on: ${JSON.stringify(total)}`;
  assert(total.switches > 4 * played && total.failures > played / 5, told);
  assert(total.kills > played / 2 && total.cuts > played / 2 && total.ends > played / 5, told);
});

Deno.test("a schedule is the same whenever it is played", () => {
  for (let seed = SEED; seed < SEED + 50; seed++) {
    const [first, second] = [play(seed), play(seed)].map(({ history }) => [
      history.trace,
      history.events.map(({ act: _, ...event }) => event),
    ]);
    assertEquals(second, first);
  }
});
