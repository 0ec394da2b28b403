import { assert, assertEquals, assertThrows } from "@std/assert";
import { Base, ClosedError, PsBase } from "../../mod.ts";
import { tempBase } from "../helpers/temp_base.ts";

const SCHEMA = { n: "integer" } as const;

/** Rows with ids from `from` on, that hold their id. */
function rows(from: number, count: number): { n: number }[] {
  return Array.from({ length: count }, (_, i) => ({ n: from + i }));
}

/** A table whose rows stand in two table groups, in batches in the log, and singly. */
function inAllForms(path: string): PsBase<typeof SCHEMA> {
  const db = PsBase.createSync(path, SCHEMA);
  db.insertManySync(rows(0, 20_000));
  db.cleanupSync();
  db.insertManySync(rows(20_000, 100));
  for (const row of rows(20_100, 5)) db.insertSync(row);
  db.insertManySync(rows(20_105, 100));
  db.insertManySync(rows(20_205, 3));
  return db;
}

Deno.test("Base.get(), at() and has() answer for every number", async () => {
  await using temp = tempBase();
  using db = inAllForms(temp.path);
  for (const id of [0, 1, 16_383, 16_384, 19_999, 20_000, 20_099, 20_100, 20_105, 20_207]) {
    assertEquals([db.get(id), db.at(id)], Array(2).fill({ __id__: id, __version__: 0, n: id }));
    assert(db.has(id));
  }
  for (const id of [-1, 20_208, 0.5, NaN, Infinity, -Infinity, 2 ** 60, -(2 ** 60)]) {
    assertEquals([db.get(id), db.has(id)], [undefined, false], `${id}`);
  }
  for (const n of [20_208, -20_209, 0.5, -0.5, NaN, Infinity, -Infinity]) {
    assertEquals(db.at(n), undefined, `${n}`);
  }
  assertEquals(db.at(-1)?.n, 20_207);
  assertEquals(db.at(-20_208)?.n, 0);
  for (const id of ["0", null, undefined, {}, 0n]) {
    assertEquals([db.get(id as never), db.has(id as never)], [undefined, false]);
  }
});

Deno.test("Base.at() counts live rows when some were deleted in groups, batches and lists", async () => {
  await using temp = tempBase();
  using db = inAllForms(temp.path);
  const gone = [0, 1, 3, 9000, 16_383, 16_384, 19_999, 20_000, 20_050, 20_099, 20_100, 20_102];
  gone.push(20_104, 20_105, 20_204, 20_207);
  db.updateSync(5, { n: 5 });
  db.updateSync(20_060, { n: 20_060 });
  assertEquals(db.deleteSync(gone), gone.length);
  const live = rows(0, 20_208).map(({ n }) => n).filter((n) => !gone.includes(n));
  const check = () => {
    assertEquals(db.size, live.length);
    assertEquals([...db.keys()], live);
    assertEquals(db.at(-1)?.n, 20_206);
    const places = [0, 1, 2, 3, 8996, 8997, 16_378, 16_379, live.length - 1];
    for (let n = 19_985; n < live.length; n++) places.push(n);
    for (const n of places) {
      assertEquals(db.at(n)?.n, live[n], `at(${n})`);
      assertEquals(db.at(n - live.length)?.n, live[n], `at(${n - live.length})`);
    }
    for (const id of gone) assertEquals([db.get(id), db.has(id)], [undefined, false]);
  };
  check();
  db.cleanupSync();
  check();
});

Deno.test("Base iteration keeps its snapshot while writes and cleanup go on", async () => {
  await using temp = tempBase();
  using db = inAllForms(temp.path);
  using other = PsBase.openSync(temp.path, { schema: SCHEMA });
  const expected = [...db.select()];
  const before = [db[Symbol.iterator](), other[Symbol.iterator]()];
  const started = [db[Symbol.iterator](), other[Symbol.iterator]()];
  const keys = db.keys();
  const firsts = started.map((rows) => Array.from({ length: 10 }, () => rows.next().value));
  db.updateSync(5, { n: -5 });
  db.deleteSync([6, 16_384, 20_000, 20_100, 20_207]);
  db.insertSync({ n: -1 });
  other.cleanupSync();
  db.updateSync(16_390, { n: -3 });
  other.insertManySync(rows(0, 70));
  db.cleanupSync();
  for (const iterator of before) assertEquals([...iterator], expected);
  started.forEach((rest, i) => assertEquals([...firsts[i]!, ...rest], expected));
  assertEquals([...keys], expected.map((row) => row.__id__));
  assertEquals([db.size, other.size], Array(2).fill(expected.length - 5 + 1 + 70));
});

for (const Class of [Base, PsBase]) {
  Deno.test(`${Class.name} iteration throws ClosedError at its next step after close()`, async () => {
    await using temp = tempBase();
    const db = await Class.create(temp.path, SCHEMA);
    await db.insertMany(rows(0, 100));
    const abandoned = db[Symbol.iterator]();
    abandoned.next();
    await db.cleanup();
    const [begun, untouched, keys] = [db[Symbol.iterator](), db[Symbol.iterator](), db.keys()];
    begun.next();
    await db.close();
    for (const iterator of [begun, untouched, keys]) {
      assertThrows(() => iterator.next(), ClosedError);
      assertEquals(iterator.next().done, true);
    }
  });

  Deno.test(`${Class.name} refuses every verb after close(), which may be called twice`, async () => {
    await using temp = tempBase();
    for (const dispose of [false, true]) {
      const db = await Class.create(temp.path, SCHEMA, { mode: "open" });
      const writing = db.insert({ n: 1 });
      if (dispose) {
        db[Symbol.dispose]();
        db[Symbol.dispose]();
        const error = await writing.then(() => undefined, (error) => error);
        assert(error instanceof ClosedError, "dispose() does not wait for writes");
      } else {
        await Promise.all([db.close(), db.close()]);
        assertEquals(await writing, 0);
      }
      await db.close();
      const reads = [
        () => db.get(0),
        () => db.at(0),
        () => db.has(0),
        () => db.keys(),
        () => db.size,
        () => db[Symbol.iterator](),
        () => db.select(),
        () => db.count(),
        () => db.schema,
        () => db.defaults,
        () => db.stats(),
      ];
      const writes = [
        () => db.insertSync({ n: 1 }),
        () => db.insertManySync([{ n: 1 }]),
        () => db.updateSync(0, {}),
        () => db.deleteSync(0),
        () => db.addFieldSync("m", "date"),
        () => db.dropFieldSync("n"),
        () => db.setDefaultSync("n", 1),
        () => db.commitSync(),
        () => db.cleanupSync(),
        () => db.destroySync(),
      ];
      for (const use of [...reads, ...writes]) {
        const error = assertThrows(use, ClosedError, `"${temp.path}"`);
        assert(/^Cannot /.test(error.message));
      }
      const promises = [
        db.insert({ n: 1 }),
        db.insertMany([{ n: 1 }]),
        db.update(0, {}),
        db.delete(0),
        db.addField("m", "date"),
        db.dropField("n"),
        db.setDefault("n", 1),
        db.commit(),
        db.cleanup(),
        db.destroy(),
      ];
      for (const result of await Promise.allSettled(promises)) {
        assert(result.status === "rejected" && result.reason instanceof ClosedError);
      }
      assertEquals(db.path, temp.path);
      assert((await db.check()).ok);
    }
  });
}
