import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Files, OpenMode } from "../../engine/system/file.ts";
import { Base, CorruptionError, PsBase } from "../../mod.ts";
import { openRemote } from "../helpers/remote_base.ts";
import { tempBase } from "../helpers/temp_base.ts";
import { denoFiles, withFiles } from "../../engine/system/deno_file.ts";

const SCHEMA = { n: "integer", name: "string" } as const;

function rows(count: number): { n: number; name: string }[] {
  return Array.from({ length: count }, (_, n) => ({ n, name: `row ${n}` }));
}

/** Bytes that the table takes on the disk. */
function diskBytes(path: string): number {
  return [...Deno.readDirSync(path)].reduce(
    (n, { name }) => n + Deno.statSync(`${path}/${name}`).size,
    0,
  );
}

for (const Class of [Base, PsBase]) {
  Deno.test(`${Class.name}.cleanup() keeps all rows and gives back the space of dead ones`, async () => {
    await using temp = tempBase();
    await using db = await Class.create(temp.path, SCHEMA);
    db.insertManySync(rows(60_000));
    db.insertSync({ n: -1, name: "last" });
    // The one that the long log began must not end among those that are counted here.
    db.cleanupSync();
    for (const dead of [0, 15_000, 4_000]) {
      await db.delete(db.select({}, { limit: dead }));
      await db.update(db.select({}, { limit: 50 }), { n: 7 });
      const before = db.select();
      const [size, stats] = [diskBytes(temp.path), db.stats()];
      await db.cleanup();
      assertEquals(db.select(), before);
      const { rows, generation, deadRows, logBytes, sequence, tableBytes } = db.stats();
      assertEquals([rows, generation, deadRows], [before.length, stats.generation + 1, 0]);
      assertEquals(sequence, stats.sequence);
      assert(logBytes < stats.logBytes);
      assert(dead === 0 || diskBytes(temp.path) < size, "the old generation is gone");
      assertEquals(tableBytes, Deno.statSync(`${temp.path}/00000${generation}.table`).size);
    }
    db.cleanupSync();
    await Promise.all([db.cleanup(), db.cleanup(), db.insert({ n: 1 })]);
    assertEquals(db.size, 41_002);
    const names = [...Deno.readDirSync(temp.path)].map(({ name }) => name).sort();
    assertEquals(names.length, 5, names.join());
  });
}

Deno.test("PsBase.stats() counts rows, commits, bytes and dead rows", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, SCHEMA);
  const { tableBytes, logBytes } = db.stats();
  const start = {
    rows: 0,
    generation: 1,
    deadRows: 0,
    sequence: 0,
    keepChanges: 0,
    recovered: null,
  };
  assertEquals(db.stats(), { ...start, tableBytes, logBytes });
  db.insertManySync(rows(100));
  db.cleanupSync();
  db.updateSync([1, 2], {});
  db.deleteSync([2, 3]);
  db.insertSync({ n: 1 });
  db.setDefaultSync("n", 3);
  const stats = db.stats();
  assertEquals(
    { ...stats, tableBytes: 0, logBytes: 0 },
    {
      rows: 99,
      generation: 2,
      deadRows: 3,
      sequence: 5,
      keepChanges: 0,
      recovered: null,
      tableBytes: 0,
      logBytes: 0,
    },
  );
  assert(stats.tableBytes > tableBytes && stats.logBytes > logBytes);
  using other = PsBase.openSync(temp.path, { readOnly: true });
  assertEquals(other.stats(), stats);
});

Deno.test("PsBase cleans up by itself as the log grows, by async and blocking writes", async () => {
  await using temp = tempBase();
  const name = "x".repeat(8192);
  for (const blocking of [false, true]) {
    using db = PsBase.createSync(temp.path, SCHEMA, { mode: "override", durability: "relaxed" });
    const until = db.stats().generation + 2;
    let n = 0;
    for (; db.stats().generation < until; n++) {
      assert(n < 5000, `${n} rows, and no cleanup`);
      if (blocking) db.insertSync({ n, name });
      else await db.insert({ n, name });
      if (blocking) assert(db.stats().logBytes < 400_000 || db.stats().tableBytes > 2_000_000);
    }
    await db.close();
    using again = PsBase.openSync(temp.path, { schema: SCHEMA });
    assertEquals(Array.from(again, (row) => row.n), Array.from({ length: n }, (_, i) => i));
  }
});

Deno.test("PsBase.cleanup() is done though what came before cannot be listed, and the next removes it", async () => {
  await using temp = tempBase();
  let lists = 0;
  const files: Files = {
    ...denoFiles,
    list(dir) {
      // The first leads to the new generation.
      if (lists++ === 1) throw new Error("Input/output error (os error 5)");
      return denoFiles.list(dir);
    },
  };
  PsBase.createSync(temp.path, SCHEMA)[Symbol.dispose]();
  using db = withFiles(files, () => PsBase.openSync(temp.path));
  lists = 0;
  db.cleanupSync();
  assertEquals([lists, db.stats().generation], [2, 2]);
  assert("000001.log" in temp.files());
  await db.cleanup();
  assertEquals(Object.keys(temp.files()).filter((name) => /^0/.test(name)), [
    "000003.log",
    "000003.table",
  ]);
});

Deno.test("PsBase.cleanup() carries over what is written while the table is built", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, SCHEMA);
  using other = withFiles({ ...denoFiles }, () => PsBase.openSync(temp.path, { schema: SCHEMA }));
  db.insertManySync(rows(40_000));
  const cleaning = db.cleanup();
  const ids: Promise<number>[] = [];
  for (let k = 0; k < 5; k++) {
    ids.push(db.insert({ n: -k }));
    other.insertManySync(rows(70));
    other.updateSync(k, { name: "meanwhile" });
    other.deleteSync(100 + k);
    await new Promise((resolve) => setTimeout(resolve));
  }
  await Promise.all([cleaning, ...ids]);
  assert(db.stats().generation > 1);
  const expected = other.select();
  assertEquals(db.select(), expected);
  assertEquals([expected.length, db.count({ name: "meanwhile" })], [40_350, 5]);
  using again = PsBase.openSync(temp.path);
  assertEquals(again.select() as unknown[], expected);
});

Deno.test("PsBase.cleanup() and writes of several processes lose and double nothing", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, SCHEMA);
  db.insertManySync(rows(500));
  await using cleaner = await openRemote(temp.path, "PsBase");
  await using writer = await openRemote(temp.path, "PsBase");
  const iterator = db[Symbol.iterator]();
  let done = false;
  const cleaning = (async () => {
    let cleanups = 0;
    while (!done) {
      assertEquals(await cleaner.call("cleanup"), null);
      cleanups++;
    }
    return cleanups;
  })();
  const inserting = (async () => {
    const ids: unknown[] = [];
    for (let n = 0; n < 60; n++) ids.push(await writer.call("insert", { n }));
    return ids;
  })();
  for (let n = 0; n < 60; n++) {
    await db.update(n, { n: -1 });
    assertEquals(await db.delete(499 - n), 1);
  }
  const ids = await inserting;
  done = true;
  assert(await cleaning > 0);
  assertEquals(ids, Array.from({ length: 60 }, (_, i) => 500 + i));
  assertEquals([db.size, db.count({ n: -1 }), await writer.call("size")], [500, 60, 500]);
  assertEquals(Array.from(iterator, (row) => row.n), Array.from({ length: 500 }, (_, n) => n));
});

Deno.test("Base.check() tells a flipped byte wherever it is", async () => {
  await using temp = tempBase();
  {
    using db = PsBase.createSync(temp.path, { n: "integer", name: "string" });
    db.insertManySync(rows(2000));
    db.cleanupSync();
    db.insertManySync(rows(70));
    db.insertSync({ n: 1 });
    db.deleteSync(0);
    assertEquals(await db.check(), { ok: true, rows: 2070, problems: [] });
    assertEquals(db.checkSync(), { ok: true, rows: 2070, problems: [] });
  }
  temp.damaged = true;
  const file = (name: string) => `${temp.path}/${name}`;
  const table = Deno.statSync(file("000002.table")).size;
  const places: [string, number][] = [["base", 17], ["base", 35], ["000002.log", 1], [
    "000002.log",
    20,
  ]];
  places.push(["000002.table", 1], ["000002.table", 20]);
  for (let at = 40; at < table; at += 641) places.push(["000002.table", at]);
  for (let at = 1; at <= 24; at++) places.push(["000002.table", table - at]);
  for (let at = 4096; at < 4096 + 900; at += 29) places.push(["000002.log", at]);
  for (const [name, at] of places) {
    const bytes = Deno.readFileSync(file(name));
    if (bytes[at] === undefined) throw new Error(`${name} has no byte ${at}`);
    bytes[at]! ^= 0x10;
    Deno.writeFileSync(file(name), bytes);
    const found = await PsBase.check(temp.path);
    assertEquals(found.ok, false, `${name} at ${at}`);
    assertEquals(found.problems[0]?.file, file(name), `${name} at ${at}`);
    assertEquals(PsBase.checkSync(temp.path), found);
    bytes[at]! ^= 0x10;
    Deno.writeFileSync(file(name), bytes);
  }
  assertEquals((await PsBase.check(temp.path)).ok, true);
});

Deno.test("PsBase tells damage of the log at open, that of a row group when it is read", async () => {
  await using temp = tempBase();
  {
    using db = PsBase.createSync(temp.path, SCHEMA);
    db.insertManySync(rows(20_000));
    db.cleanupSync();
    db.insertSync({ n: 1 });
    db.insertSync({ n: 2 });
  }
  temp.damaged = true;
  const [log, table] = Object.keys(temp.files()) as [string, string];
  assertEquals(log.replace("log", "table"), table);
  const flip = (name: string, at: number) => {
    const bytes = Deno.readFileSync(`${temp.path}/${name}`);
    bytes[at]! ^= 1;
    Deno.writeFileSync(`${temp.path}/${name}`, bytes);
  };
  flip(table, 100);
  {
    using db = PsBase.openSync(temp.path, { schema: SCHEMA });
    assertEquals(db.get(19_999)?.name, "row 19999", "another group");
    assertEquals(db.insertSync({ n: 3 }), 20_002);
    for (const read of [() => db.select({ n: 5 }), () => [...db]]) {
      const error = await assertRejects(() => Promise.resolve().then(read), CorruptionError);
      assertEquals(error.file, `${temp.path}/${table}`);
      assert(error.offset <= 100 && error.offset + 4096 > 100, `${error.offset}`);
    }
    await assertRejects(() => db.cleanup(), CorruptionError);
    assertEquals(db.insertSync({ n: 4 }), 20_003);
  }
  flip(table, 100);
  flip(log, 4096 + 70);
  for (const readOnly of [false, true]) {
    const error = await assertRejects(() => PsBase.open(temp.path, { readOnly }), CorruptionError);
    assertEquals([error.file, error.offset], [`${temp.path}/${log}`, 4096]);
  }
});

Deno.test("PsBase.check() lists nothing though a cleanup removes the table that it reads", async () => {
  await using temp = tempBase();
  await using db = await PsBase.create(temp.path, SCHEMA);
  await db.insertMany(rows(100));
  let cleaned = false;
  const files = {
    ...denoFiles,
    open(path: string, mode: OpenMode) {
      const file = denoFiles.open(path, mode);
      if (path.endsWith(".table") && !cleaned) {
        cleaned = true;
        db.cleanupSync();
      }
      return file;
    },
  };
  assertEquals(withFiles(files, () => PsBase.checkSync(temp.path)).problems, []);
  assert(cleaned);
});

Deno.test("PsBase.cleanup() keeps indexes of more rows than a step goes through", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, {
    // Of words of 4 bytes, of none, and of 1.
    far: { type: "integer", index: true },
    all: { type: "integer", index: true },
    near: { type: "integer", index: true },
  }, { durability: "relaxed" });
  const rows = Array.from({ length: 70_000 }, (_, i) => {
    return { far: (i * 40_503) % 70_001, all: i, near: i ^ 5 };
  });
  db.insertManySync(rows);
  db.cleanupSync();
  assertEquals(PsBase.checkSync(temp.path).problems, []);
  for (let i = 0; i < 300; i++) db.updateSync(i * 211, { far: i, near: -i });
  for (let i = 0; i < 300; i++) db.deleteSync(i * 200 + 7);
  db.insertManySync(rows.slice(0, 20_000));
  db.cleanupSync();
  assertEquals(PsBase.checkSync(temp.path).problems, []);
  for (const field of ["far", "all", "near"] as const) {
    const values = db.select().map((row) => row[field]!).sort((a, b) => a - b);
    assertEquals(
      db.select({}, { orderBy: field, limit: 500 }).map((row) => row[field]),
      values.slice(0, 500),
    );
    const last = values.slice(-500).reverse();
    assertEquals(
      db.select({}, { orderBy: `-${field}`, limit: 500 }).map((row) => row[field]),
      last,
    );
  }
});

Deno.test("PsBase.cleanup() removes older generations up to one that it may not open", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, SCHEMA);
  db.keepChangesSync(100);
  for (let i = 0; i < 3; i++) {
    db.insertSync({ n: i, name: "a" });
    db.cleanupSync();
  }
  db.keepChangesSync(0);
  const table = `${temp.path}/000002.table`;
  Deno.removeSync(table);
  Deno.mkdirSync(table);
  db.cleanupSync();
  Deno.removeSync(table);
  const older = Object.keys(temp.files()).filter((name) => name.startsWith("000001"));
  assertEquals(older, []);
});

Deno.test("PsBase.cleanup() removes the older generation though the disk has no room for another name", async () => {
  await using temp = tempBase();
  const files: Files = {
    ...denoFiles,
    rename(from, to) {
      if (from.endsWith("000001.table") || from.endsWith("000001.log")) {
        throw new Error("No space left on device (os error 28)");
      }
      denoFiles.rename(from, to);
    },
  };
  using db = withFiles(files, () => PsBase.createSync(temp.path, SCHEMA));
  db.cleanupSync();
  assertEquals(db.stats().generation, 2);
  const older = Object.keys(temp.files()).filter((name) => name.startsWith("000001"));
  assertEquals(older, []);
});
