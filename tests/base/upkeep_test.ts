import { assert, assertEquals, assertRejects } from "@std/assert";
import { PsBase, WriteError } from "../../mod.ts";
import { spawn } from "../helpers/spawn.ts";
import { type TempBase, tempBase } from "../helpers/temp_base.ts";
import { watchFiles } from "../helpers/watched_files.ts";
import { withFiles } from "../../engine/system/deno_file.ts";

const SCHEMA = { n: "integer", name: "string" } as const;
type Table = PsBase<typeof SCHEMA>;

function create(path: string): Table {
  return PsBase.createSync(path, SCHEMA, { durability: "relaxed" });
}

/** The files of temporary names. */
function leftovers({ path }: TempBase): string[] {
  const names = Array.from(Deno.readDirSync(path), ({ name }) => name);
  return names.filter((name) => /\.[0-9a-f]{16}$/.test(name));
}

/** What a cleanup under way has in the directory; what it made needless is removed meanwhile. */
function temporaries(temp: TempBase): string[] {
  const names = Array.from(Deno.readDirSync(temp.path), ({ name }) => name);
  const current = Math.max(...names.filter((name) => /\.log$/.test(name)).map(parseFloat));
  return leftovers(temp).filter((name) => parseFloat(name) > current);
}

let n = 0;

function insert(db: Table): void {
  db.insertSync({ n: n++, name: "x".repeat(8192) });
}

/** Blocking inserts until a cleanup has begun. */
function begin(db: Table, temp: TempBase): void {
  n = 0;
  while (temporaries(temp).length === 0) insert(db);
  assertEquals(db.stats().generation, 1);
}

function assertAllThere(db: Table): void {
  assertEquals(Array.from(db, (row) => row.n), Array.from({ length: n }, (_, i) => i));
}

Deno.test("PsBase.insertSync() does a step of a cleanup, and the last one ends it", async () => {
  await using temp = tempBase();
  const db = create(temp.path);
  begin(db, temp);
  let steps = 0;
  for (; db.stats().generation === 1; steps++) insert(db);
  assert(steps > 1 && steps < 10, `${steps} steps`);
  assertEquals([temporaries(temp), db.stats().logBytes < 100_000], [[], true]);
  assertAllThere(db);
  // The event loop has not turned yet, and the next ones begin all the same.
  while (db.stats().generation === 2) insert(db);
  while (temporaries(temp).length === 0) insert(db);
  assertAllThere(db);
  await db.close();
  assertEquals(leftovers(temp), []);
  using again = PsBase.openSync(temp.path, { schema: SCHEMA });
  assertEquals(again.stats().generation, 4);
  assertAllThere(again);
});

Deno.test("PsBase.close() waits for the cleanup that blocking verbs began", async () => {
  await using temp = tempBase();
  const db = create(temp.path);
  begin(db, temp);
  await db.close();
  assertEquals(temporaries(temp), []);
  using again = PsBase.openSync(temp.path, { schema: SCHEMA });
  assertEquals(again.stats().generation, 2);
  assertAllThere(again);
});

Deno.test("PsBase gives up the cleanup that blocking verbs began when it is disposed", async () => {
  await using temp = tempBase();
  const db = create(temp.path);
  begin(db, temp);
  db[Symbol.dispose]();
  assertEquals(temporaries(temp), []);
  using again = PsBase.openSync(temp.path, { schema: SCHEMA });
  // In the same turn: nobody holds it up.
  again.cleanupSync();
  assertEquals(again.stats().generation, 2);
  assertAllThere(again);
});

Deno.test("PsBase.cleanupSync() and cleanup() take in what came after one that blocking verbs began", async () => {
  for (const blocking of [true, false]) {
    await using temp = tempBase();
    await using db = create(temp.path);
    begin(db, temp);
    db.deleteSync(0);
    assertEquals(db.stats().generation, 1);
    if (blocking) db.cleanupSync();
    else await db.cleanup();
    assertEquals([db.stats().generation, db.stats().deadRows], [3, 0]);
    assertEquals(temporaries(temp), []);
  }
});

Deno.test("PsBase.insertSync() begins a cleanup though others wait for the event loop to turn", async () => {
  for (const begins of [false, true]) {
    await using temp = tempBase();
    await using db = create(temp.path);
    n = 0;
    insert(db);
    const asked = db.cleanup();
    // Where one step is done, and no sync is under way.
    while (begins && temporaries(temp).length === 0) await undefined;
    while (db.stats().generation < 4) {
      insert(db);
      assert(db.stats().logBytes < 1e6, "the log grows on");
    }
    await asked;
    assertAllThere(db);
  }
});

Deno.test("PsBase keeps nothing of cleanups that are over though the event loop does not turn", async () => {
  await using temp = tempBase();
  const program = new URL("../fixtures/insert_without_turn.ts", import.meta.url).href;
  const flags = ["run", "-A", "--quiet", "--v8-flags=--expose-gc", program, temp.path];
  await using fixture = spawn(Deno.execPath(), flags);
  const [grown] = await Array.fromAsync(fixture.lines);
  // Of each, the rows that it was made of take 300,000 bytes.
  assert(Number(grown) < 3_000_000, `${grown} bytes`);
});

Deno.test("PsBase cleans up in one blocking call where the log is four times as long as it may be", async () => {
  await using temp = tempBase();
  await using db = create(temp.path);
  db.insertManySync(Array.from({ length: 80 }, (_, n) => ({ n, name: `${n}`.repeat(8192) })));
  assertEquals([db.stats().generation, leftovers(temp)], [2, []]);
});

Deno.test("PsBase.insertSync() does not fail because a step of a cleanup does", async () => {
  for (const at of [1, 2, 3, 4]) {
    await using temp = tempBase();
    const files = watchFiles();
    await using db = withFiles(files, () => create(temp.path));
    begin(db, temp);
    const fail = (path: string) => {
      if (/\.[0-9a-f]{16}$/.test(path)) throw new Error("Input/output error (os error 5)");
    };
    for (let i = 1; i < at; i++) insert(db);
    files.beforeWrite = files.beforeSync = fail;
    while (temporaries(temp).length > 0) insert(db);
    files.beforeWrite = files.beforeSync = () => {};
    assertAllThere(db);
    while (db.stats().generation === 1) insert(db);
    assertAllThere(db);
  }
});

Deno.test("PsBase.cleanup() fails as a blocking verb that pushed it on did", async () => {
  await using temp = tempBase();
  const files = watchFiles();
  await using db = withFiles(files, () => create(temp.path));
  db.insertManySync(Array.from({ length: 9 }, (_, n) => ({ n, name: `${n}`.repeat(8192) })));
  const cleaning = assertRejects(() => db.cleanup(), WriteError, "error 5");
  // It begins.
  while (temporaries(temp).length === 0) await undefined;
  files.beforeSync = (path) => {
    if (/table/.test(path)) throw new Error("Input/output error (os error 5)");
  };
  while (temporaries(temp).length > 0) db.insertSync({ n: 1 });
  files.beforeSync = () => {};
  await cleaning;
  assertEquals(db.stats().generation, 1);
});

Deno.test("PsBase cleans up though a process that began to does not go on", async () => {
  await using temp = tempBase();
  await using stuck = create(temp.path);
  begin(stuck, temp);
  await using other = withFiles(watchFiles(), () => PsBase.openSync(temp.path, { schema: SCHEMA }));
  // The next one, too, though nobody let go of the lock.
  for (const generation of [1, 2]) {
    while (other.stats().generation === generation) {
      insert(other);
      assert(other.stats().logBytes < 1e6, "the log grows on");
    }
  }
  assertAllThere(other);
  // Then it does: what it built is of no use any more.
  insert(stuck);
  await stuck.close();
  await other.close();
  assertEquals(leftovers(temp), []);
  using again = PsBase.openSync(temp.path, { schema: SCHEMA });
  assertEquals(again.stats().generation, 3);
  assertAllThere(again);
});

Deno.test("PsBase cleans up a log in time though the one before it could not be", async () => {
  await using temp = tempBase();
  const files = watchFiles();
  await using db = withFiles(files, () => create(temp.path));
  begin(db, temp);
  files.beforeSync = (path) => {
    if (/table/.test(path)) throw new Error("Input/output error (os error 5)");
  };
  while (temporaries(temp).length > 0) insert(db);
  files.beforeSync = () => {};
  using other = PsBase.openSync(temp.path, { schema: SCHEMA });
  other.cleanupSync();
  while (db.stats().generation === 2) {
    insert(db);
    assert(db.stats().logBytes < 450_000, "the log grows on");
  }
});
