import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Base, PsBase, WriteError } from "../../mod.ts";
import { openRemote } from "../helpers/remote_base.ts";
import { tempBase } from "../helpers/temp_base.ts";
import { watchFiles } from "../helpers/watched_files.ts";
import { denoFiles, withFiles } from "../../engine/system/deno_file.ts";

const SCHEMA = { n: "integer" } as const;

for (const Class of [Base, PsBase]) {
  const { name } = Class;

  Deno.test(`${name} syncs once for many writes that are asked for together`, async () => {
    await using temp = tempBase();
    const files = watchFiles();
    await using db = withFiles(files, () => Class.createSync(temp.path, SCHEMA));
    const { syncs, writes } = files;
    const ids = await Promise.all(Array.from({ length: 1000 }, (_, n) => db.insert({ n })));
    assertEquals(ids, Array.from({ length: 1000 }, (_, n) => n));
    assertEquals(files.syncs - syncs, 1);
    assert(files.writes - writes <= 3, "the frames, room ahead, and the mark");
    assertEquals(db.stats().sequence, 1000, "each is a commit of its own");
    // Twice as many as one append takes.
    const before = files.syncs;
    await Promise.all(Array.from({ length: 2048 }, (_, n) => db.insert({ n })));
    assert(files.syncs - before <= 4, `${files.syncs - before} syncs`);
    assertEquals(db.size, 3048);
  });

  Deno.test(`${name} acknowledges a full commit after its sync, not before`, async () => {
    await using temp = tempBase();
    const files = watchFiles();
    await using db = withFiles(files, () => Class.createSync(temp.path, SCHEMA));
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    files.beforeSync = () => (begun.resolve(), gate.promise);
    let acknowledged = false;
    const inserting = db.insert({ n: 1 }).then(() => acknowledged = true);
    await begun.promise;
    assertEquals(db.size, 1, "seen before it is synced");
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(acknowledged, false);
    gate.resolve();
    await inserting;
    const { syncs } = files;
    db.insertSync({ n: 2 });
    assertEquals(files.syncs, syncs + 1);
  });

  Deno.test(`${name} with durability "relaxed" syncs only at commit()`, async () => {
    await using temp = tempBase();
    const files = watchFiles();
    const options = { durability: "relaxed" } as const;
    await using db = withFiles(files, () => Class.createSync(temp.path, SCHEMA, options));
    const { syncs } = files;
    for (let n = 0; n < 10; n++) {
      await db.insert({ n });
      db.updateSync(n, { n: -n });
    }
    await db.insertMany([{ n: 1 }]);
    await db.delete(0);
    assertEquals(files.syncs, syncs);
    await db.commit();
    assertEquals(files.syncs, syncs + 1);
    await db.commit();
    db.commitSync();
    assertEquals(files.syncs, syncs + 1, "nothing new to sync");
    db.insertSync({ n: 1 });
    assertEquals(files.syncs, syncs + 1);
    db.commitSync();
    assertEquals(files.syncs, syncs + 2);
  });

  Deno.test(`${name} keeps what was acknowledged when the process is killed`, async () => {
    await using temp = tempBase();
    (await Class.create(temp.path, SCHEMA))[Symbol.dispose]();
    for (const durability of ["full", "relaxed"]) {
      await using remote = await openRemote(temp.path, name as "Base", { durability });
      for (let n = 0; n < 5; n++) await remote.call("insert", { n });
      await remote.kill();
    }
    using db = Class.openSync(temp.path, { schema: SCHEMA });
    assertEquals(Array.from(db, (row) => row.n), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4]);
  });
}

Deno.test("PsBase.commit() also syncs what other handles wrote", async () => {
  await using temp = tempBase();
  const [files, relaxed] = [watchFiles(), { durability: "relaxed" } as const];
  using db = withFiles(files, () => PsBase.createSync(temp.path, SCHEMA, relaxed));
  using other = withFiles(
    { ...denoFiles },
    () => PsBase.openSync(temp.path, { schema: SCHEMA, ...relaxed }),
  );
  other.insertSync({ n: 1 });
  const { syncs, writes } = files;
  await db.commit();
  assertEquals(files.syncs, syncs + 1);
  assert(files.writes > writes, "a handle answers for bytes that it wrote");
  other.insertSync({ n: 2 });
  db.commitSync();
  assertEquals(files.syncs, syncs + 2);
});

Deno.test("PsBase refuses work after a failed sync, until it is opened again", async () => {
  for (const blocking of [false, true]) {
    await using temp = tempBase();
    const files = watchFiles();
    const db = withFiles(files, () => PsBase.createSync(temp.path, SCHEMA));
    await db.insert({ n: 0 });
    files.beforeSync = () => {
      throw new Error("I/O error");
    };
    const failing = blocking
      ? [assertThrows(() => db.insertSync({ n: 1 }), WriteError)]
      : (await Promise.allSettled([db.insert({ n: 1 }), db.insert({ n: 2 })]))
        .map((result) => result.status === "rejected" ? result.reason : undefined);
    for (const error of failing) {
      assert(error instanceof WriteError);
      assertEquals(error.outcome, "unknown");
      assertEquals((error.cause as Error).message, "I/O error");
      assert(error.message.startsWith("Cannot sync "), error.message);
    }
    files.beforeSync = () => {};
    const { syncs } = files;
    assertThrows(() => db.insertSync({ n: 3 }), WriteError);
    await assertRejects(() => db.insert({ n: 3 }), WriteError);
    await assertRejects(() => db.commit(), WriteError);
    assertThrows(() => db.size, WriteError);
    assertEquals(files.syncs, syncs, "a failed sync is not tried again");
    await db.close();
    using again = PsBase.openSync(temp.path, { schema: SCHEMA });
    assertEquals(again.size, blocking ? 2 : 3, "what was seen stays");
    assertEquals(again.insertSync({ n: 4 }), again.size - 1);
  }
});

Deno.test("PsBase keeps room ahead in the log, so that a sync carries no size and a seal fits", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, { name: "string" }, { durability: "relaxed" });
  const sizes = new Set<number>();
  for (let i = 0; i < 200; i++) {
    db.insertSync({ name: "x".repeat(500) });
    const { size } = Deno.statSync(`${temp.path}/000001.log`);
    assert(size >= db.stats().logBytes + 64, `${size}`);
    sizes.add(size);
  }
  assert(sizes.size < 12, `grown ${sizes.size} times`);
});

Deno.test("PsBase takes back an append that fails, and goes on", async () => {
  for (const Class of [Base, PsBase]) {
    await using temp = tempBase();
    const files = watchFiles();
    await using db = withFiles(files, () => Class.createSync(temp.path, SCHEMA));
    await db.insert({ n: 0 });
    let failures = 0;
    files.beforeWrite = (path) => {
      if (path.endsWith(".log") && failures++ === 0) throw new Error("disk full");
    };
    for (const blocking of [false, true]) {
      failures = 0;
      const error = blocking
        ? assertThrows(() => db.insertSync({ n: 1 }), WriteError)
        : await assertRejects(() => db.insert({ n: 1 }), WriteError);
      assertEquals(error.outcome, "none");
      assertEquals([db.size, db.get(1)], [1, undefined]);
    }
    files.beforeWrite = () => {};
    assertEquals(await db.insert({ n: 5 }), 1);
    assertEquals(Array.from(db, (row) => row.n), [0, 5]);
    using reader = PsBase.openSync(temp.path, { readOnly: true });
    assertEquals(reader.size, 2);
  }
});

Deno.test("PsBase tells and zeroes the torn tail of a write that nobody acknowledged", async () => {
  await using temp = tempBase();
  let end: number;
  {
    using db = PsBase.createSync(temp.path, SCHEMA);
    db.insertSync({ n: 0 });
    end = db.stats().logBytes;
  }
  const log = `${temp.path}/000001.log`;
  const tear = () => {
    using file = Deno.openSync(log, { write: true });
    file.seekSync(end, Deno.SeekMode.Start);
    file.writeSync(new Uint8Array(50).fill(7));
  };
  const recovered = { file: log, offset: end, bytes: 50 };
  tear();
  const torn = Deno.readFileSync(log);
  {
    using db = PsBase.openSync(temp.path, { readOnly: true });
    assertEquals([db.size, db.recovered, db.stats().recovered], [1, recovered, recovered]);
    assertEquals(Deno.readFileSync(log), torn, "who only reads writes no byte");
  }
  {
    using db = PsBase.openSync(temp.path, { schema: SCHEMA });
    assertEquals([db.size, db.recovered, db.stats().recovered], [1, recovered, recovered]);
    assert(Deno.readFileSync(log).subarray(end).every((byte) => byte === 0));
    using again = PsBase.openSync(temp.path);
    assertEquals(again.recovered, null);
    // While it is open, too: the next writer meets it.
    tear();
    assertEquals([db.size, again.size], [1, 1]);
    assertEquals(db.insertSync({ n: 1 }), 1);
    assertEquals(again.size, 2);
  }
  using db = PsBase.openSync(temp.path, { schema: SCHEMA });
  assertEquals([Array.from(db, (row) => row.n), db.recovered], [[0, 1], null]);
});
