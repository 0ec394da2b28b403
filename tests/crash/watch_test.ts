/**
 * What `watch` tells, while writers are killed: it is on disk, none is missing, none is told twice.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Change } from "../../base.ts";
import { BaseNotFoundError } from "../../engine/system/errors.ts";
import { type CrashFiles, OLDEST } from "../helpers/crash_file.ts";
import {
  create,
  LONG,
  newDisk,
  open,
  type People,
  type SCHEMA,
  SEED,
} from "../helpers/crash_run.ts";
import { type Random, randomFrom } from "../helpers/random.ts";

/** What a writer does before it is killed. */
const ACTS: Record<string, (base: People, random: Random) => void> = {
  insert: (base, random) => void base.insertSync({ age: random.below(100) }),
  many: (base) => void base.insertManySync(Array.from({ length: 70 }, (_, age) => ({ age }))),
  update: (base, random) => {
    if (base.size > 0) base.updateSync(base.at(random.below(base.size))!, { age: -1 });
  },
  delete: (base, random) => {
    if (base.size > 0) base.deleteSync(base.at(random.below(base.size))!);
  },
  cleanup: (base) => base.cleanupSync(),
  commit: (base) => base.commitSync(),
};

/** Lets a process do something; it is killed at one of the operations, or not. */
function act(files: CrashFiles, random: Random): void {
  let left = random.chance(0.5) ? random.below(25) : Infinity;
  const { disk } = files;
  let killed = false;
  disk.before = () => {
    if (left-- > 0) return;
    disk.before = () => {};
    killed = true;
    files.kill();
    throw new Error("killed");
  };
  try {
    const durability = random.pick(["full", "relaxed"] as const);
    using base = open(files, { durability });
    for (let n = random.below(4); n >= 0; n--) ACTS[random.pick(Object.keys(ACTS))]!(base, random);
  } catch (error) {
    if (!killed) throw error;
  } finally {
    disk.before = () => {};
  }
}

/** Rows by id, as the changes tell of them. */
function mirror(changes: readonly Change<typeof SCHEMA>[]): unknown[] {
  const rows = new Map<number, unknown>();
  for (const { kind, id, row, before } of changes) {
    assertEquals(rows.get(id!), before ?? undefined, `what row ${id} was before`);
    if (kind === "delete") rows.delete(id);
    else rows.set(id!, row);
  }
  return [...rows].sort(([a], [b]) => a - b).map(([, row]) => row);
}

async function watchKilled(seed: number): Promise<void> {
  const random = randomFrom(seed);
  const disk = newDisk();
  using watcher = open(disk.process());
  watcher.keepChangesSync(random.pick([0, 3, 100]));
  const since = watcher.sequence;
  const told: Change<typeof SCHEMA>[] = [];
  const watching = (async () => {
    for await (const change of watcher.watch()) {
      const isNext = change.sequence !== told.at(-1)?.sequence;
      told.push(change);
      if (!isNext) continue;
      using left = open(disk.cut(OLDEST).process());
      assert(
        left.sequence >= change.sequence,
        `commit ${change.sequence} is told, and not on disk`,
      );
    }
  })();
  for (let n = 0; n < 30; n++) {
    act(disk.process(), random);
    // Sometimes it has time to read, sometimes not.
    for (let turn = random.below(8); turn > 0; turn--) {
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
  const { sequence } = watcher;
  while ((told.at(-1)?.sequence ?? since) < sequence) {
    await Promise.race([watching, new Promise((resolve) => setTimeout(resolve))]);
  }
  assertEquals(mirror(told), [...watcher]);
  assertEquals(new Set(told.map((change) => change.sequence)).size, sequence - since);
  watcher[Symbol.dispose]();
  await watching;
}

Deno.test("watch() syncs what was carried over behind a seal that is not on disk", async () => {
  const disk = newDisk();
  const cleaner = disk.process();
  using writer = open(disk.process(), { durability: "relaxed" });
  let killed = false;
  const killAtSync = ({ name, path }: { name: string; path: string }) => {
    if (name !== "sync" || !path.endsWith("/000001.log")) return;
    killed = true;
    cleaner.kill();
    throw new Error("killed");
  };
  disk.before = ({ name, path }) => {
    if (name !== "open" || !path.includes("2.table.")) return;
    // While the table is built: it goes into the next log.
    disk.before = killAtSync;
    writer.insertSync({ age: 1 });
  };
  assertThrows(() => open(cleaner).cleanupSync());
  disk.before = () => {};
  assert(killed);
  using watcher = open(disk.process());
  assertEquals(watcher.stats().generation, 2);
  for await (const { row } of watcher.watch({ since: 0 })) {
    assertEquals(row?.age, 1);
    using left = open(disk.cut(OLDEST).process());
    assertEquals([left.sequence, left.size], [1, 1]);
    break;
  }
});

Deno.test(`watch() tells what is on disk, once and in order, while writers are killed: seed ${SEED}`, async () => {
  for (let run = 0; run < (LONG ? 1000 : 20); run++) {
    const seed = SEED + run;
    await watchKilled(seed).catch((error) => {
      throw new Error(`PSBASE_SEED=${seed}`, { cause: error });
    });
  }
});

Deno.test("cleanup() of a table that was destroyed leaves alone what was made in its place", () => {
  const disk = newDisk();
  using cleaner = open(disk.process());
  for (let n = 0; n < 3; n++) cleaner.cleanupSync();
  disk.before = ({ name, path }) => {
    if (name !== "sync" || !path.includes("5.table.")) return;
    disk.before = () => {};
    open(disk.process()).destroySync();
    using next = create(disk.process());
    next.insertSync({ age: 1 });
  };
  assertThrows(() => cleaner.cleanupSync(), BaseNotFoundError);
  using base = open(disk.process());
  assertEquals(base.size, 1);
});

Deno.test("watch() of one that only reads goes by the next log where a power cut took the mark", async () => {
  const before = newDisk();
  {
    using base = open(before.process(), { durability: "relaxed" });
    base.keepChangesSync(100);
    base.insertSync({ age: 1 });
    base.cleanupSync();
    base.insertSync({ age: 2 });
    // Takes with it that the seal is on disk.
    base.commitSync();
  }
  using reader = open(before.cut(OLDEST).process(), { readOnly: true });
  const { value } = await reader.watch({ since: 1 }).next();
  assertEquals(value.row.age, 1);
});
