/**
 * Money that moves between three tables in transactions of every form, nested in any order, by
 * handles of one thread, Workers and processes at once: every call ends, in success or with the
 * documented error, and no money is lost.
 *
 * Random; with PSBASE_LONG=1 for some minutes.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { PsBase } from "../mod.ts";
import { LONG } from "./helpers/crash_run.ts";
import {
  MONEY,
  moveMoney,
  type MoveOptions,
  type Moves,
  NAMES,
  SCHEMA,
} from "./helpers/move_money.ts";
import { newSeed } from "./helpers/random.ts";
import { spawnFixture } from "./helpers/spawn.ts";

const COUNT = LONG ? 3000 : 60;

async function inProcess(options: MoveOptions): Promise<Moves> {
  await using fixture = spawnFixture("move_money", Object.values(options).map(String));
  return JSON.parse(await fixture.readLine() ?? "null");
}

async function inWorker(options: MoveOptions): Promise<Moves> {
  const url = new URL("./fixtures/move_money.ts", import.meta.url);
  const worker = new Worker(url, { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<Moves>();
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = (event) => reject(new Error(event.message));
  worker.postMessage(options);
  try {
    return await promise;
  } finally {
    worker.terminate();
  }
}

async function play(
  seed: number,
  movers: ((options: MoveOptions) => Promise<Moves>)[],
): Promise<Moves> {
  const dir = await Deno.makeTempDir({ prefix: "psbase_" });
  try {
    for (const name of NAMES) {
      await using table = await PsBase.create(`${dir}/${name}`, SCHEMA);
      await table.insert({ money: MONEY });
    }
    const all = await Promise.all(
      movers.map((move, i) => move({ dir, seed: seed + i, count: COUNT })),
    );
    let sum = 0;
    for (const name of NAMES) {
      await using table = await PsBase.open(`${dir}/${name}`, { schema: SCHEMA });
      assert((await table.check()).ok);
      sum += table.get(0)!.money;
    }
    assertEquals(sum, MONEY * NAMES.length, "the sum over all tables");
    const total: Moves = { done: 0, deadlocks: 0, timeouts: 0 };
    for (const moves of all) {
      for (const key of Object.keys(total) as (keyof Moves)[]) total[key] += moves[key];
    }
    assertEquals(total.done + total.deadlocks + total.timeouts, COUNT * movers.length);
    assert(total.done > 0);
    return total;
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const seed = newSeed();

Deno.test(`transactions of several tables in one thread end at once (PSBASE_SEED=${seed})`, async () => {
  // Nobody else is there: what waits for another transaction without a limit is known to go on.
  const move = (options: MoveOptions) => moveMoney({ ...options, timeoutMs: Infinity });
  const { timeouts, deadlocks } = await play(seed, [move, move]);
  assert(deadlocks > 0);
  assertEquals(timeouts, 0);
});

Deno.test(`transactions of several tables in threads and processes end, and lose nothing (PSBASE_SEED=${seed})`, async () => {
  await play(seed, [moveMoney, inWorker, inProcess, inProcess]);
});
