/**
 * Real processes, killed while they write and clean up.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { PsBase } from "../../base.ts";
import { random } from "../helpers/crash_file.ts";
import { LONG, SEED } from "../helpers/crash_run.ts";
import { spawnFixture } from "../helpers/spawn.ts";

Deno.test("PsBase keeps what killed processes were acknowledged, all of a commit or nothing", async () => {
  const dir = await Deno.makeTempDir({ prefix: "psbase_killed_" });
  await using _ = { [Symbol.asyncDispose]: () => Deno.remove(dir, { recursive: true }) };
  const base = await PsBase.create(dir, { by: "string", n: "integer" });
  const next = random(SEED);
  const acknowledged: string[] = [];
  let said = 0;
  let children = 0;
  /** One after the other, each killed soon after it said something for the k-th time. */
  const killAll = async (act: string, killed: number) => {
    for (let i = 0; i < killed; i++) {
      const by = `${++children}`;
      await using child = spawnFixture("write_until_killed", [dir, by, act]);
      let left = 1 + Math.floor(next() * 40);
      for await (const n of child.lines) {
        said++;
        if (act !== "cleanup") acknowledged.push(`${by}: ${n}`);
        if (--left === 0) child.kill();
      }
      assertEquals((await child.status).signal, "SIGKILL");
    }
  };
  const times = LONG ? 40 : 4;
  await Promise.all([
    killAll("insert", times),
    killAll("insert", times).then(() => killAll("insertSync", times)),
    killAll("insertSync", times),
    killAll("cleanup", times),
    killAll("cleanup", times),
  ]);
  const rows = new Map<string, number>();
  for (const { by, n } of base) rows.set(`${by}: ${n}`, (rows.get(`${by}: ${n}`) ?? 0) + 1);
  const seed = `seed ${SEED}`;
  assert(said > times * 6, seed);
  assertEquals(acknowledged.filter((commit) => !rows.has(commit)), [], `lost, ${seed}`);
  assertEquals([...rows].filter(([, count]) => count !== 2), [], `torn, ${seed}`);
  const ids = [...base].map((row) => row.__id__);
  assertEquals(new Set(ids).size, ids.length, seed);
  assert(base.stats().generation > 2, seed);
  assertEquals((await base.check()).problems, [], seed);
  await base.close();
});
