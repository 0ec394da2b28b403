/**
 * The worst scenarios of the commit protocol, each on a disk in memory.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { CorruptionError, LockTimeoutError, WriteError } from "../../engine/system/errors.ts";
import {
  anyOf,
  type Choose,
  type CrashFiles,
  Disk,
  ioError,
  NEWEST,
  noSpace,
  OLDEST,
  random,
  SECTOR,
} from "../helpers/crash_file.ts";
import {
  create,
  LONG,
  look,
  newDisk,
  open,
  type People,
  SEED,
  text,
  VERBS,
} from "../helpers/crash_run.ts";
import { powerCuts } from "../helpers/power_cut.ts";

const LOG = "/people/000001.log";

/** The names of all rows. */
function names(disk: Disk): string[] {
  const [, rows] = JSON.parse(look(disk)) as [string[], { name: string }[]];
  return rows.map(({ name }) => name);
}

/** Makes the next sync of a log fail. */
function failSync(disk: Disk, pages: "kept" | "dropped", path = LOG): void {
  disk.before = (operation) => {
    if (operation.name !== "sync" || operation.path !== path) return;
    disk.before = () => {};
    return { error: ioError(), pages };
  };
}

/** Kills a process just before it does something. */
function killBefore(files: CrashFiles, name: string, path: string): void {
  const disk = files.disk;
  disk.before = (operation) => {
    if (operation.name !== name || operation.path !== path) return;
    disk.before = () => {};
    files.kill();
    throw new Error("killed");
  };
}

function assertPoisoned(base: People): void {
  for (const call of [() => base.insertSync({}), () => base.get(0), () => base.commitSync()]) {
    assertEquals(assertThrows(call, WriteError).outcome, "unknown");
  }
}

// ------------------------------------------------------------- syncs that fail

for (const pages of ["kept", "dropped"] as const) {
  Deno.test(`PsBase.insert() vouches for what a failed sync of another left, its pages ${pages}`, () => {
    // So long that what is written behind it does not touch its sectors.
    const lost = "x".repeat(2 * SECTOR);
    for (const way of ["insert", "commit", "failed commit"]) {
      const disk = newDisk();
      const first = disk.process();
      const a = open(first);
      failSync(disk, pages);
      assertEquals(
        assertThrows(() => a.insertSync({ name: lost }), WriteError).outcome,
        "unknown",
      );
      assertPoisoned(a);
      first.kill();
      const b = open(disk.process());
      if (way === "failed commit" && pages === "kept") {
        disk.before = ({ name }) => {
          if (name !== "writeAt") return;
          disk.before = () => {};
          return { error: ioError(), written: 0 };
        };
        assertEquals(assertThrows(() => b.commitSync(), WriteError).outcome, "none");
      }
      if (way === "commit") b.commitSync();
      else b.insertSync({ name: "b" });
      const expected = [...(pages === "kept" ? [lost] : []), ...(way === "commit" ? [] : ["b"])];
      assertEquals(names(disk.cut(OLDEST)), expected, way);
    }
  });
}

Deno.test("PsBase.insert() that waits for a sync fails with it, and so does the blocking form beside it", async () => {
  const disk = newDisk();
  const base = open(disk.process());
  const { promise, resolve } = Promise.withResolvers<void>();
  disk.told = () => promise;
  failSync(disk, "kept");
  const first = base.insert({ name: "first" });
  const told = assertRejects(() => first, WriteError);
  // The sync has failed, and who began it was told: the one beside must hear of it by itself.
  await Promise.resolve();
  await Promise.resolve();
  assertEquals(base.size, 1);
  const second = base.insert({ name: "second" });
  const alsoTold = assertRejects(() => second, WriteError);
  assertThrows(() => base.insertSync({ name: "third" }), WriteError);
  resolve();
  assertEquals((await told).outcome, "unknown");
  await alsoTold;
  assertPoisoned(base);
  await base.close();
});

Deno.test("PsBase.insert() waits for one sync at a time, whose error counts for all", async () => {
  const disk = newDisk();
  const base = open(disk.process());
  let syncs = 0;
  let most = 0;
  disk.told = async () => {
    most = Math.max(most, ++syncs);
    await new Promise((resolve) => setTimeout(resolve));
    syncs--;
  };
  await Promise.all(Array.from({ length: 20 }, async (_, i) => {
    for (let turn = 0; turn < i; turn++) await Promise.resolve();
    await base.insert({ name: `${i}` });
  }));
  assertEquals(most, 1);
  assertEquals(names(disk.cut(OLDEST)).length, 20);
  await base.close();
});

Deno.test("PsBase reads on where the disk lost what was read", () => {
  const disk = newDisk();
  const writer = open(disk.process(), { durability: "relaxed" });
  const reader = open(disk.process());
  writer.insertSync({ name: "lost" });
  assertEquals(reader.size, 1);
  failSync(disk, "dropped");
  assertThrows(() => writer.commitSync(), WriteError);
  const other = open(disk.process());
  other.insertSync({ name: "kept" });
  assertEquals(reader.at(0)?.name, "kept");
  reader.insertSync({ name: "more" });
  assertEquals(names(disk.cut(OLDEST)), ["kept", "more"]);
});

Deno.test("PsBase.cleanup() stops when the disk lost what it makes its table of", () => {
  const disk = newDisk();
  const relaxed = open(disk.process(), { durability: "relaxed" });
  relaxed.insertSync({ name: "lost" });
  const cleaner = open(disk.process());
  const other = open(disk.process());
  disk.before = ({ name, path }) => {
    if (name !== "sync" || !path.includes("table")) return;
    failSync(disk, "dropped");
    assertThrows(() => relaxed.commitSync(), WriteError);
    // Of the same length as the one that is lost.
    other.insertSync({ name: "kept" });
  };
  cleaner.cleanupSync();
  assertEquals(names(disk), ["kept"]);
  assertEquals(names(disk.cut(OLDEST)), ["kept"]);
});

// ------------------------------------------------------------- seals

Deno.test("PsBase acknowledges nothing behind a seal that a killed cleanup did not sync", () => {
  for (const opened of ["before", "after"]) {
    for (const point of ["sync", "failing sync", "writeAt"]) {
      const disk = newDisk();
      open(disk.process()).insertSync({ name: "a" });
      const cleaner = disk.process();
      const early = open(disk.process());
      const base = open(cleaner);
      if (point === "sync") killBefore(cleaner, "sync", LOG);
      else if (point === "failing sync") failSync(disk, "kept");
      else killBefore(cleaner, "writeAt", "/people/000002.log");
      assertThrows(() => base.cleanupSync());
      cleaner.kill();
      const other = opened === "before" ? early : open(disk.process());
      other.insertSync({ name: "b" });
      assertEquals(other.stats().generation, 2);
      const next = random(SEED);
      for (let i = 0; i < 20; i++) {
        assertEquals(names(disk.cut(i === 0 ? OLDEST : anyOf(next))), ["a", "b"]);
      }
      // Nobody removes the sealed log before its seal is known, nor seals the next one.
      const last = open(disk.process());
      last.cleanupSync();
      last.insertSync({ name: "c" });
      for (let i = 0; i < 20; i++) {
        assertEquals(names(disk.cut(i === 0 ? OLDEST : anyOf(next))), ["a", "b", "c"]);
      }
    }
  }
});

Deno.test("PsBase.open() begins at the log that is not sealed, though the next generation is complete", () => {
  const disk = newDisk();
  open(disk.process()).insertSync({ name: "a" });
  const early = open(disk.process());
  const cleaner = disk.process();
  const base = open(cleaner);
  killBefore(cleaner, "writeAt", LOG);
  assertThrows(() => base.cleanupSync());
  assert(disk.image().has("/people/000002.log"));
  // Who knows of the next generation, and who does not, write to the same log.
  const late = open(disk.process());
  late.insertSync({ name: "b" });
  early.insertSync({ name: "c" });
  assertEquals(text(late), text(early));
  assertEquals(names(disk.cut(OLDEST)), ["a", "b", "c"]);
});

Deno.test("PsBase.open() begins at the newest generation, whatever became of those that are kept", () => {
  const disk = newDisk();
  const base = open(disk.process());
  base.keepChangesSync(1000);
  for (const name of ["a", "b"]) {
    base.insertSync({ name });
    base.cleanupSync();
  }
  disk.flip(LOG, 4096 + 60);
  assertEquals(names(disk), ["a", "b"]);
});

Deno.test("PsBase reads no more where its cleanup does not know whether the seal is on disk", () => {
  const disk = newDisk();
  const base = open(disk.process(), { durability: "relaxed" });
  base.insertSync({ name: "lost" });
  failSync(disk, "dropped");
  assertEquals(assertThrows(() => base.cleanupSync(), WriteError).outcome, "unknown");
  // Without the seal the first generation goes on, and what the second began with is gone.
  open(disk.process()).insertSync({ name: "kept" });
  assertPoisoned(base);
  assertEquals(names(disk), ["kept"]);
});

Deno.test("PsBase.insert() goes by a seal whose log was removed, though the disk lost what told of it", () => {
  const disk = newDisk();
  const late = open(disk.process());
  open(disk.process()).cleanupSync();
  failSync(disk, "dropped", "/people/000002.log");
  assertThrows(() => open(disk.process()).insertSync({ name: "lost" }), WriteError);
  late.insertSync({ name: "kept" });
  assertEquals(names(disk.cut(OLDEST)), ["kept"]);
});

Deno.test("PsBase.update() over an abandoned final seal may be torn like any other", () => {
  const disk = newDisk();
  open(disk.process()).insertSync({ name: "a" });
  const other = disk.process();
  killBefore(other, "rename", "/people/base");
  assertThrows(() => create(other, "override"));
  assertEquals(names(disk), ["a"]);
  const endings: Disk[] = [];
  disk.after = ({ name, path }) => {
    if (name !== "writeAt" || path !== LOG || disk.lastWrite < 64) return;
    for (let n = 0; n < disk.lastWrite; n += 8) endings.push(disk.torn(n));
  };
  open(disk.process()).insertSync({ name: "b" });
  assert(endings.length > 8);
  for (const ending of endings) assertEquals(names(ending), ["a"]);
  assertEquals(names(disk.cut(OLDEST)), ["a", "b"]);
});

Deno.test("PsBase follows a seal and writes though the log before was removed meanwhile", () => {
  const disk = newDisk();
  const reader = open(disk.process());
  reader.insertSync({ name: "a" });
  const fresh = open(disk.process());
  const cleaner = open(disk.process());
  // They look while the seal is there and nobody said yet that it is on disk.
  disk.after = ({ name, path }) => {
    if (name === "sync" && path === LOG) [reader, fresh].forEach((base) => base.size);
  };
  cleaner.cleanupSync();
  disk.after = () => {};
  assert(!disk.image().has(LOG));
  fresh.insertSync({ name: "b" });
  reader.insertSync({ name: "c" });
  assertEquals(names(disk.cut(OLDEST)), ["a", "b", "c"]);
});

Deno.test("PsBase.insert() that waits for a sync is acknowledged though the log was sealed meanwhile", async () => {
  const disk = newDisk();
  const base = open(disk.process());
  const { promise, resolve } = Promise.withResolvers<void>();
  disk.told = () => promise;
  const inserts = [base.insert({ name: "a" })];
  while (base.size < 1) await Promise.resolve();
  inserts.push(base.insert({ name: "b" }));
  while (base.size < 2) await Promise.resolve();
  open(disk.process()).cleanupSync();
  assertEquals([base.size, base.stats().generation], [2, 2]);
  resolve();
  assertEquals(await Promise.all(inserts), [0, 1]);
  assertEquals(names(disk.cut(OLDEST)), ["a", "b"]);
  await base.close();
});

Deno.test("PsBase.insert() that waits for a sync is acknowledged though a later append failed", async () => {
  const disk = newDisk();
  const base = open(disk.process());
  const { promise, resolve } = Promise.withResolvers<void>();
  disk.told = () => promise;
  const inserts = [base.insert({ name: "a" })];
  while (base.size < 1) await Promise.resolve();
  inserts.push(base.insert({ name: "b" }));
  while (base.size < 2) await Promise.resolve();
  disk.before = ({ name }) => {
    if (name !== "writeAt") return;
    disk.before = () => {};
    return { error: noSpace(), written: 0 };
  };
  const error = assertThrows(() => base.insertSync({ name: "c" }), WriteError);
  // Whatever it was, the two were appended before, and have a sync of their own to come.
  assertEquals(error.outcome, "none");
  assertEquals(base.size, 2);
  resolve();
  assertEquals(await Promise.all(inserts), [0, 1]);
  assertEquals(names(disk.cut(OLDEST)), ["a", "b"]);
  await base.close();
});

// ------------------------------------------------------------- power cuts

Deno.test("PsBase makes no old frame whole by the beginning of a new one, though a sector ends within it", () => {
  for (let inFirst = 8; inFirst <= 64; inFirst += 8) {
    const setup = newDisk();
    using base = open(setup.process());
    // The next frame has so many bytes in one sector, and all others in the next.
    for (let n = 0; base.stats().logBytes % SECTOR !== SECTOR - inFirst; n++) {
      base.insertSync({ name: "x".repeat(n % 8) });
    }
    const sector = Math.floor(base.stats().logBytes / SECTOR);
    const { size } = base;
    const lost = open(setup.process(), { durability: "relaxed" });
    lost.insertSync({ name: "again" });
    lost.insertSync({ name: "stale" });
    const disk = setup.cut((values, at) => at === sector ? values[0]! : values.at(-1)!);
    assertEquals(names(disk).length, size);
    // The application, which was not told of it, tries it again: that is lost, too.
    open(disk.process(), { durability: "relaxed" }).insertSync({ name: "again" });
    const left = disk.cut((values, at) => at === sector ? values.at(-1)! : values[0]!);
    assertEquals(names(left).length, size, `${inFirst} bytes in the first sector`);
  }
});

Deno.test("PsBase never takes a frame behind a torn one for its successor", () => {
  const disk = newDisk();
  const long = (name: string) => name.padEnd(1978, "x");
  const writer = open(disk.process(), { durability: "relaxed" });
  writer.insertSync({ name: long("one") });
  // Sectors 8 to 11, so that what happens to the second frame does not touch the first.
  assertEquals(writer.stats().logBytes, 12 * SECTOR);
  writer.insertSync({ name: long("two") });
  const torn: Choose = (values, sector) => sector === 9 ? values[0]! : values.at(-1)!;
  const after = disk.cut(torn);
  assertEquals(names(after.killed()), []);
  // The same row again, which gets to the disk; the zeros behind it do not.
  open(after.process(), { durability: "relaxed" }).insertSync({ name: long("one") });
  const zerosLost: Choose = (values, sector = 0) => sector >= 12 ? values[0]! : values.at(-1)!;
  assertEquals(names(after.cut(zerosLost)).map((name) => name.slice(0, 3)), ["one"]);
});

Deno.test("PsBase.create() can be done again whichever names a power cut took", () => {
  const disk = new Disk();
  const endings: Disk[] = [];
  disk.after = () => endings.push(...powerCuts(disk, 64, random(SEED)));
  create(disk.process());
  for (const ending of endings) {
    create(ending.process(), "open").insertSync({ name: "a" });
    assertEquals(names(ending.cut(OLDEST)), ["a"]);
  }
  assert(endings.length > 50);
});

Deno.test("PsBase.insert() by one process each is all there after a power cut", () => {
  const disk = newDisk();
  const all = Array.from({ length: 50 }, (_, i) => `${i}`);
  for (const name of all) {
    const files = disk.process();
    open(files).insertSync({ name });
    files.kill();
  }
  const next = random(SEED);
  for (let i = 0; i < 20; i++) assertEquals(names(disk.cut(i === 0 ? OLDEST : anyOf(next))), all);
});

// ------------------------------------------------------------- damage

Deno.test("PsBase.open() tells a flipped byte in an acknowledged frame from a torn tail", () => {
  const disk = newDisk();
  const files = disk.process();
  const ends = ["a", "b", "c"].map((name) => {
    const base = open(disk.process());
    base.insertSync({ name });
    return base.stats();
  });
  assertEquals(ends.length, 3);
  files.kill();
  const log = disk.image().get(LOG)!;
  const end = log.findLastIndex((byte) => byte !== 0) + 1;
  assert(end > 4096 + 3 * 64);
  let flipped = 0;
  for (
    const [what, whole, to] of [["killed", disk, end], ["cut", disk.cut(OLDEST), end - 80]] as const
  ) {
    for (let at = 4096; at < to; at++) {
      const damaged = whole.killed();
      damaged.flip(LOG, at);
      const error = assertThrows(() => look(damaged), CorruptionError, undefined, `${what} ${at}`);
      assertEquals(error.file, LOG);
      assert(error.offset <= at && error.offset >= 4096);
      flipped++;
    }
  }
  assert(flipped > 300);
});

Deno.test("PsBase.open() survives a flipped byte of the mark, and tells one of the header", () => {
  const disk = newDisk();
  open(disk.process()).insertSync({ name: "a" });
  for (let at = 0; at < 4096; at += at < 40 || (at >= 1024 && at < 2048) ? 1 : 8) {
    const damaged = disk.killed();
    damaged.flip(LOG, at);
    if (at >= 40) assertEquals(names(damaged), ["a"]);
    else assertThrows(() => look(damaged), Error, LOG);
  }
});

// ------------------------------------------------------------- two at once

/** What the other does between two operations of the first; how many rows it added. */
const OTHERS: Record<string, (files: CrashFiles) => number> = {
  insert: (files) => added(open(files, { timeoutMs: 0 }), "insert"),
  cleanup: (files) => added(open(files, { timeoutMs: 0 }), "cleanup"),
  "insert and cleanup twice": (files) =>
    added(open(files, { timeoutMs: 0 }), "insert", "cleanup", "insert", "cleanup"),
};

function added(base: People, ...verbs: ("insert" | "cleanup")[]): number {
  let rows = 0;
  for (const verb of verbs) {
    try {
      if (verb === "cleanup") base.cleanupSync();
      else base.insertSync({ name: "other" });
      if (verb === "insert") rows++;
    } catch (error) {
      if (!(error instanceof LockTimeoutError)) throw error;
    }
  }
  base[Symbol.dispose]();
  return rows;
}

for (const verb of ["insert", "insertMany", "cleanup"] as const) {
  Deno.test(`PsBase.${verb}() stopped anywhere for what others do goes on and loses nothing`, () => {
    const expected = { insert: 3, insertMany: 102, cleanup: 2 }[verb];
    const next = random(SEED);
    for (const [what, other] of Object.entries(OTHERS)) {
      let operations = Infinity;
      for (let stop = 0; stop < operations; stop++) {
        const disk = newDisk();
        added(open(disk.process()), "insert", "cleanup", "insert");
        const reader = open(disk.process());
        const late = open(disk.process());
        let seen = 2;
        let rows = expected;
        let n = 0;
        disk.before = () => {
          if (n++ !== stop) return;
          const { before } = disk;
          disk.before = () => {};
          assert(reader.size >= seen);
          seen = reader.size;
          rows += other(disk.process());
          assert(reader.size >= seen);
          seen = reader.size;
          disk.before = before;
        };
        const at = `${verb}, ${what} before operation ${stop}, seed ${SEED}`;
        const base = open(disk.process());
        VERBS_ON[verb](base);
        operations = n;
        disk.before = () => {};
        assertEquals(reader.size, rows, at);
        assertEquals(text(late), text(reader), at);
        for (const cut of [OLDEST, ...(LONG ? [anyOf(next), anyOf(next)] : [])]) {
          assertEquals(look(disk.cut(cut)), text(reader), at);
        }
        // All of them, wherever they were, write on.
        for (const handle of [base, reader, late]) handle.insertSync({ name: "end" });
        assertEquals(names(disk.cut(OLDEST)).length, rows + 3, at);
      }
      assert(operations > 5);
    }
  });
}

const VERBS_ON = {
  insert: (base: People) => base.insertSync({ name: "first" }),
  insertMany: (base: People) => {
    base.insertManySync(Array.from({ length: 100 }, (_, i) => ({ name: `${i}` })));
  },
  cleanup: (base: People) => base.cleanupSync(),
};

Deno.test("PsBase notices an override and a destroy wherever it was", () => {
  for (const verb of ["override", "destroy"] as const) {
    for (const before of [[], ["cleanup"], ["cleanup", "cleanup"]] as const) {
      const disk = newDisk();
      const writer = open(disk.process());
      writer.insertSync({ name: "a" });
      const reader = open(disk.process(), { readOnly: true });
      for (const name of [...before, verb]) VERBS[name](disk.process());
      for (const call of [() => reader.size, () => writer.size, () => writer.insertSync({})]) {
        assertEquals(assertThrows(call, Error, "destroyed or replaced").name, "BaseNotFoundError");
      }
      if (verb === "override") assertEquals(names(disk.cut(NEWEST)), []);
    }
  }
});

Deno.test("PsBase.insert() writes nothing where the table goes while it waits for the lock", () => {
  for (const verb of ["override", "destroy"] as const) {
    const disk = newDisk();
    const base = open(disk.process());
    disk.before = ({ name, path }) => {
      if (name !== "tryLock" || path !== "/people/base") return;
      disk.before = () => {};
      VERBS[verb](disk.process());
    };
    const error = assertThrows(
      () => base.insertSync({ name: "a" }),
      Error,
      "destroyed or replaced",
    );
    assertEquals(error.name, "BaseNotFoundError");
    if (verb === "override") assertEquals(names(disk), []);
  }
});
