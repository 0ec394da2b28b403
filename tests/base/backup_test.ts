import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  BaseError,
  BaseExistsError,
  ClosedError,
  CorruptionError,
  link,
  PsBase,
  UpdateError,
  WriteError,
} from "@psbase/psbase";
import { tempBase } from "../helpers/temp_base.ts";
import { watchFiles } from "../helpers/watched_files.ts";
import { withFiles } from "../../engine/system/deno_file.ts";

const SCHEMA = {
  n: { type: "integer", index: true },
  email: { type: "string", unique: true },
  boss: link("self"),
} as const;

/** A table with rows in its file, in batches and singly in the log, some changed, some deleted. */
function inAllForms(path: string) {
  const db = PsBase.createSync(path, SCHEMA);
  const rows = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => ({ n: i % 7, email: `${from + i}@x` }));
  db.insertManySync(rows(0, 20_000));
  db.cleanupSync();
  db.addFieldSync("later", { type: "string", default: "x" });
  db.insertManySync(rows(20_000, 100));
  db.insertSync({ email: "one@x", boss: 3 });
  db.updateSync([5, 20_050], { n: -1 });
  db.deleteSync([0, 20_099, 20_100]);
  return db;
}

Deno.test("backup() makes a table of the same rows, with ids, versions and indexes", async () => {
  await using temp = tempBase();
  using db = inAllForms(temp.path);
  const to = `${temp.parent}/copy`;
  await db.backup(to);
  assertEquals(await PsBase.check(to), { ok: true, rows: db.size, problems: [] });
  using copy = PsBase.openSync(to, { schema: SCHEMA_NOW });
  assertEquals([...copy].length, db.size);
  assert([...copy].every((row, i) => JSON.stringify(row) === JSON.stringify(db.at(i))));
  assertEquals([copy.schema, copy.stats().sequence], [db.schema, db.stats().sequence]);
  assertEquals(copy.explain({ n: -1 }), {
    method: "index",
    index: "n",
    count: 2,
    rowsRead: 2,
    groupsRead: 2,
    groupsSkipped: 0,
    fallback: null,
  });
  // It goes on by itself.
  assertEquals(copy.insertSync({ email: "new@x" }), 20_101);
  db.insertSync({ email: "new@x" });
  assertThrows(() => db.updateSync(copy.get(1) as never, { n: 3 }), UpdateError, "another table");
});

const SCHEMA_NOW = { ...SCHEMA, later: { type: "string", default: "x" } } as const;

Deno.test("backup() is of one commit point, whatever is written and cleaned up meanwhile", async () => {
  await using temp = tempBase();
  using db = inAllForms(temp.path);
  const size = db.size;
  const backup = db.backup(`${temp.parent}/copy`);
  const writes = [db.insertMany(Array(100).fill({})), db.deleteWhere({ n: 3 }), db.cleanup()];
  await Promise.all([backup, ...writes]);
  assert(db.size < size);
  using copy = PsBase.openSync(`${temp.parent}/copy`);
  assertEquals([copy.size, [...copy].length], [size, size]);
});

Deno.test("backup() keeps links where they lead, also of a table that is read only", async () => {
  await using temp = tempBase();
  using houses = PsBase.createSync(`${temp.parent}/houses`, { street: "string" });
  using db = PsBase.createSync(temp.path, { home: link(houses), boss: link("self") });
  db.insertSync({ home: houses.insertSync({ street: "Elm" }) });
  db.insertSync({ boss: 0 });
  Deno.mkdirSync(`${temp.parent}/deep`);
  {
    using reader = PsBase.openSync(temp.path, { readOnly: true });
    reader.backupSync(`${temp.parent}/deep/copy`);
  }
  // deno-lint-ignore no-explicit-any -- its type is not known here
  using copy: any = PsBase.openSync(`${temp.parent}/deep/copy`);
  assertEquals([copy.get(0).home.street, copy.get(1).boss.home.street], ["Elm", "Elm"]);
});

Deno.test("backup() refuses a place that is taken, and leaves it as it is", async () => {
  await using temp = tempBase();
  using db = inAllForms(temp.path);
  using other = PsBase.createSync(`${temp.parent}/other`, { n: "integer" });
  other.insertSync({ n: 1 });
  for (const to of [temp.path, other.path, temp.parent]) {
    await assertRejects(() => db.backup(to), BaseExistsError);
    assertThrows(() => db.backupSync(to), BaseExistsError);
  }
  assertEquals([other.size, (await db.check()).ok], [1, true]);
});

Deno.test("backup() that is refused holds no file open", async () => {
  await using temp = tempBase();
  const files = watchFiles();
  await withFiles(files, async () => {
    using db = inAllForms(temp.path);
    for (const to of [temp.path, temp.parent, `${temp.parent}/no/copy`]) {
      await assertRejects(() => db.backup(to), BaseError);
    }
    db.cleanupSync();
    const tables = [...files.opened].filter((name) => name.includes(".table"));
    assertEquals(tables.length, 1, `${tables}`);
  });
});

Deno.test("backup() that the disk refuses leaves no copy, and can be done again", async () => {
  await using temp = tempBase();
  const files = watchFiles();
  await withFiles(files, async () => {
    using db = inAllForms(temp.path);
    const to = `${temp.parent}/copy`;
    let writes = 0;
    files.beforeWrite = (path) => {
      if (path.startsWith(to)) writes++;
    };
    db.backupSync(to);
    Deno.removeSync(to, { recursive: true });
    assert(writes > 4);
    for (let i = 0; i < writes; i++) {
      let left = i;
      files.beforeWrite = (path) => {
        if (path.startsWith(to) && left-- === 0) throw new Error("no space");
      };
      try {
        db.backupSync(to);
        // What only says that all is on disk may be missing.
        assertEquals(PsBase.checkSync(to).rows, db.size);
        Deno.removeSync(to, { recursive: true });
      } catch (error) {
        assert(error instanceof WriteError, `write ${i}: ${error}`);
        assertThrows(() => Deno.statSync(to), Deno.errors.NotFound);
      }
    }
    files.beforeWrite = () => {};
    await db.backup(to);
    assertEquals(PsBase.checkSync(to).rows, db.size);
  });
});

Deno.test("backup() of a damaged table is refused, and leaves no copy", async () => {
  await using temp = tempBase();
  {
    using db = inAllForms(temp.path);
    db.cleanupSync();
  }
  const table = [...Deno.readDirSync(temp.path)].find(({ name }) => name.endsWith(".table"))!.name;
  const bytes = Deno.readFileSync(`${temp.path}/${table}`);
  Deno.writeFileSync(`${temp.path}/${table}`, bytes.map((byte, i) => i === 5000 ? byte ^ 1 : byte));
  {
    using db = PsBase.openSync(temp.path);
    await assertRejects(() => db.backup(`${temp.parent}/copy`), CorruptionError);
  }
  assertThrows(() => Deno.statSync(`${temp.parent}/copy`), Deno.errors.NotFound);
  Deno.writeFileSync(`${temp.path}/${table}`, bytes);
});

Deno.test("backup() whose handle is closed meanwhile leaves no copy, at whatever step", async () => {
  await using temp = tempBase();
  const to = `${temp.parent}/copy`;
  inAllForms(temp.path)[Symbol.dispose]();
  for (let turns = 0;; turns++) {
    const db = PsBase.openSync(temp.path);
    const backup = db.backup(to).then(() => true, (error) => {
      assertInstanceOf(error, ClosedError);
      return false;
    });
    for (let i = 0; i < turns; i++) await new Promise((resolve) => setTimeout(resolve));
    db[Symbol.dispose]();
    if (await backup) break;
    assertThrows(() => Deno.statSync(to), Deno.errors.NotFound);
  }
  assertEquals(PsBase.checkSync(to).problems, []);
});
