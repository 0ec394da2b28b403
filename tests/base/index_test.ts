import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { allOf } from "../../engine/system/steps.ts";
import { GroupBuilder } from "../../engine/segment/group.ts";
import { TableSchema } from "../../engine/schema/schema.ts";
import { Segment } from "../../engine/segment/segment.ts";
import { SegmentWriter } from "../../engine/segment/segment_writer.ts";
import {
  type AnyBase,
  Base,
  CorruptionError,
  type Field,
  link,
  type OpenOptions,
  PsBase,
  type Schema,
  SchemaError,
  type TypeName,
  UniqueError,
} from "../../mod.ts";
import { anyCondition, anyValue, compareValues, SORTABLE, VALUES } from "../helpers/model.ts";
import { newSeed, type Random, randomFrom } from "../helpers/random.ts";
import { type TempBase, tempBase } from "../helpers/temp_base.ts";
import { watchFiles } from "../helpers/watched_files.ts";
import { Checksum } from "../../engine/bytes/checksum.ts";
import { denoFiles, withFiles } from "../../engine/system/deno_file.ts";

const LONG = Deno.env.get("PSBASE_LONG") !== undefined;

/** A handle that excludes others as that of another process does. */
function secondHandle<S extends Schema = Schema>(path: string, options: OpenOptions = {}) {
  return withFiles({ ...denoFiles }, () => PsBase.openSync<S>(path, options));
}

/** The ids of the rows that match. */
function ids(db: AnyBase, where: unknown): number[] {
  return db.select(where as never).map((row) => row.__id__);
}

/** What the handle can tell of itself: not the rows, but how they are found. */
function indexOf(db: AnyBase, where: unknown): string | null {
  return db.explain(where as never).index;
}

// --------------------------------------------------------------- where rows stand

const NAMES = Array.from({ length: 400 }, (_, n) => `name ${String(n).padStart(3, "0")}`);
const ROWS = NAMES.map((name, n) => ({ name: n % 50 === 49 ? null : name, age: n }));

/** Rows in the table, patched and deleted there, in a batch of the log, in a list of it. */
async function everywhere(db: PsBase<typeof PLAIN>): Promise<void> {
  await db.insertMany(ROWS);
  await db.cleanup();
  await db.insertMany(ROWS.slice(0, 100)); // 400 to 499, a batch
  await db.update([3, 403], { name: "patched" });
  await db.update([4, 404], { name: null });
  await db.delete([5, 405]);
  await db.insert({ name: NAMES[6]!, age: 500 });
  await db.insertMany([{ name: NAMES[5]! }, { name: "last" }]); // 501, 502
}

const PLAIN = { name: "string", age: "integer" } as const;
const INDEXED = { ...PLAIN, name: { type: "string", index: true } } as const;

const EXPECTED: readonly [where: object, ids: readonly number[]][] = [
  [{ name: NAMES[6]! }, [6, 406, 500]],
  [{ name: NAMES[5]! }, [501]],
  [{ name: NAMES[3]! }, []],
  [{ name: "patched" }, [3, 403]],
  [{ name: "last" }, [502]],
  [{ name: "no such" }, []],
  [{ name: null }, [4, 49, 99, 149, 199, 249, 299, 349, 399, 404, 449, 499]],
  [{ name: { between: ["name 002", "name 004"] } }, [2, 402]],
  [{ name: { gt: "name 397", lte: "name 399" } }, [398]],
  [{ name: { gt: "name 398" } }, [3, 403]],
  [{ name: { gte: "name 398" } }, [3, 398, 403]],
  [{ name: { lt: "name 001" } }, [0, 400, 502]],
  [{ name: { startsWith: "name 39" } }, [390, 391, 392, 393, 394, 395, 396, 397, 398]],
  [{ name: { startsWith: "patch" } }, [3, 403]],
  [{ name: { in: ["last", "name 001", "patched"] } }, [1, 3, 401, 403, 502]],
  [{ name: { in: ["last", "last", "last"] } }, [502]],
  [{ name: { in: [] } }, []],
  [{ name: NAMES[6]!, age: { gte: 7 } }, [500]],
  [{ name: { gte: "name 006", not: { lt: "name 006" }, lte: "name 006" } }, [6, 406, 500]],
];

function checkEverywhere(db: AnyBase, told: string): void {
  for (const [where, expected] of EXPECTED) {
    const what = `${told}: ${Deno.inspect(where)}`;
    assertEquals(ids(db, where), expected, what);
    assertEquals(db.count(where), expected.length, what);
    const { index, rowsRead } = db.explain(where);
    assertEquals(index, "name", what);
    assert(rowsRead >= expected.length, what);
  }
}

for (const how of ["create", "setIndex"]) {
  Deno.test(`an index made by ${how} finds rows in the table and in the log, as others write`, async () => {
    await using temp = tempBase();
    {
      await using db = await PsBase.create(temp.path, how === "create" ? INDEXED : PLAIN);
      await everywhere(db as never);
      if (how === "setIndex") {
        // An equal one with an index that the table has not yet.
        const other = db as unknown as PsBase<typeof PLAIN>;
        assertEquals(indexOf(db, { name: "last" }), null);
        other.setIndexSync("name", { index: true });
        assertEquals(db.stats().generation, 3, "the cleanup that makes it is begun at once");
        // The log is empty now: again rows everywhere.
        other.updateSync([3, 403], { name: "patched" });
        other.insertSync({ name: "gone", age: 7 });
        other.deleteSync(503);
      }
      checkEverywhere(db, "the handle that wrote");
      using other = secondHandle(temp.path);
      checkEverywhere(other, "another handle");
      // Asked before: what it keeps in memory follows what is written.
      db.updateSync(6, { age: 1 });
      db.updateSync(500, { name: "x" });
      assertEquals([ids(db, { name: NAMES[6] }), ids(other, { name: NAMES[6] })], [
        [6, 406],
        [6, 406],
      ]);
      db.updateSync(500, { name: NAMES[6]! });
      checkEverywhere(other, "another handle, asked before");
    }
    using db = secondHandle(temp.path);
    checkEverywhere(db, "reopened");
    db.cleanupSync();
    checkEverywhere(db, "cleaned up");
    {
      using reader = PsBase.openSync(temp.path, { readOnly: true });
      checkEverywhere(reader, "read only");
      // Iterators and handles that look at a table which is not the newest any more.
      const iterator = reader[Symbol.iterator]();
      iterator.next();
      {
        using other = secondHandle(temp.path);
        other.cleanupSync();
        other.updateSync(3, { age: 3 });
      }
      checkEverywhere(reader, "after a cleanup of another process");
      iterator.return?.();
    }
    using owner = Base.openSync(temp.path);
    checkEverywhere(owner, "an owner");
  });
}

Deno.test("explain() tells the index that is used, and that few groups are read", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, {
    name: { type: "string", index: true },
    n: { type: "integer", index: true },
    plain: "integer",
  }, { durability: "relaxed" });
  const rows = Array.from({ length: 40_000 }, (_, n) => ({
    name: `name ${n % 1000}`,
    n: (n * 7919) % 40_000,
    plain: n,
  }));
  db.insertManySync(rows);
  db.cleanupSync();
  const told = (where: object) => {
    const { rowsRead, index, groupsRead, groupsSkipped } = db.explain(where);
    return [rowsRead, index, groupsRead, groupsSkipped];
  };
  // 40,000 rows are three groups; the row of n = 7919 is the second one.
  assertEquals(told({ n: 7919 }), [1, "n", 1, 0]);
  assertEquals(told({ n: -1 }), [0, "n", 0, 0]);
  assertEquals(told({ n: { in: [7919, 2 * 7919, 3 * 7919] } }), [3, "n", 1, 0]);
  assertEquals(told({ name: "name 7" }), [40, "name", 3, 0]);
  // The index that leaves fewer rows wins, wherever it stands.
  assertEquals(told({ name: "name 1", n: 7919 }), [1, "n", 1, 0]);
  assertEquals(told({ n: 7919, name: "name 1" }), [1, "n", 1, 0]);
  assertEquals(told({ n: { gte: 0 }, name: "name 7" }), [40, "name", 3, 0]);
  // Too many rows: the columns are read.
  assertEquals(told({ n: { gte: 0 } }), [40_000, null, 3, 0]);
  assertEquals(told({ plain: 5 }), [16_384, null, 1, 2]);
  // Each branch by an index; without one for each of them, the columns.
  assertEquals(told({ _or: [{ n: 7919 }, { n: 2 * 7919 }] }), [2, "n", 1, 0]);
  assertEquals(told({ n: { or: [7919, { between: [2 * 7919, 2 * 7919] }] } }), [2, "n", 1, 0]);
  assertEquals(told({ _or: [{ n: 7919 }, { name: "name 7" }] }), [41, "n, name", 3, 0]);
  assertEquals(told({ _or: [{ n: 7919, plain: 1 }, { n: 2 * 7919 }] }), [2, "n", 1, 0]);
  assertEquals(told({ plain: 2, _or: [{ n: 7919 }, { n: 2 * 7919 }] }), [2, "n", 1, 0]);
  assertEquals(told({ _or: [{ n: 7919 }, { plain: 5 }] })[1], null);
  assertEquals(told({ _or: [{ n: 7919 }, { n: { gte: 8 } }] })[1], null);
  assertEquals(told({ _or: [{ n: 7919 }, { name: { contains: "7" } }] })[1], null);
  assertEquals(told({ _or: [] })[1], null);
  // Conditions of `_and` are planned as if they stood beside it.
  assertEquals(told({ _and: [{ name: "name 1" }, { n: 7919 }] }), [1, "n", 1, 0]);
  assertEquals(told({ n: { gte: 7919 }, _and: [{ _and: [{ n: { lt: 7921 } }] }] }), [2, "n", 2, 0]);
  // `count` needs no row where the index knows the number.
  const counted = (where?: object) => db.explain(where).count;
  assertEquals([{ n: 7919 }, { n: { gte: 10 } }, {}].map(counted), [1, 39_990, 40_000]);
  assertEquals([{ n: 7919, plain: 1 }, { plain: 5 }, { _or: [] }].map(counted), [null, null, null]);
  // Where there are many, they are looked up as a list is.
  const many = Array.from({ length: 100 }, (_, k) => k);
  assertEquals(told({ _or: many.map((n) => ({ n })) }), [
    100,
    ...told({ n: { in: many } }).slice(1),
  ]);
  assertEquals(told({ _or: many.map((n) => ({ n, plain: n })) })[1], "n");
  assertEquals(
    db.explain({ _or: [{ n: 1 }, { n: 2 }] }, { orderBy: "name", limit: 1 }).index,
    "n",
  );
  assertEquals(told({ n: { ne: 7 } })[1], null);
  assertEquals(told({ n: { notIn: many } })[1], null);
  assertEquals(told({ _not: { n: 7 } })[1], null);
  // What comes before them gets fewer: groups that stay as they are begin at other rows.
  db.deleteSync(Array.from({ length: 3000 }, (_, n) => n * 5));
  db.cleanupSync();
  for (const id of [1, 14_999, 15_001, 16_384, 39_999]) {
    assertEquals(ids(db, { n: (id * 7919) % 40_000 }), [id]);
  }
  assertEquals(ids(db, { n: 0 }), []);
  assertEquals(db.checkSync().problems, []);
  // In the log there are no groups to be read.
  db.insertSync({ n: 100_000 });
  assertEquals(db.explain({ n: 100_000 }), {
    method: "index",
    index: "n",
    count: 1,
    rowsRead: 1,
    groupsRead: 0,
    groupsSkipped: 0,
    fallback: null,
  });
  // Without index again, at once; and with it again, from the table that has it still.
  db.setIndexSync("n", { index: false });
  assertEquals(told({ n: 7919 })[1], null);
  const { generation } = db.stats();
  db.setIndexSync("n", { index: true });
  assertEquals([db.stats().generation, told({ n: 7919 })[1]], [generation, "n"]);
});

Deno.test("startsWith ends where the texts of a prefix end, whatever code point is its last", async () => {
  await using temp = tempBase();
  const texts = [
    "\ud7ff",
    "\ud7ffx",
    "\ue000",
    "a\u{10ffff}",
    "a\u{10ffff}x",
    "b",
    "\u{10ffff}",
    "é",
  ];
  for (const index of [false, true]) {
    using db = PsBase.createSync(temp.path, { s: { type: "string", index } }, { mode: "override" });
    db.insertManySync(texts.map((s) => ({ s })));
    for (const where of ["log", "table"]) {
      if (where === "table") db.cleanupSync();
      for (const startsWith of [...texts, "", "a", "\u{10ffff}\u{10ffff}"]) {
        const expected = texts.flatMap((text, id) => text.startsWith(startsWith) ? [id] : []);
        const told = `${where} ${JSON.stringify(startsWith)}`;
        assertEquals(ids(db, { s: { startsWith } }), expected, told);
        // Together with a range it becomes one.
        assertEquals(ids(db, { s: { startsWith, gte: "" } }), expected, told);
      }
    }
  }
});

Deno.test("the index of a long log follows each change, and forgets what was", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, { n: { type: "integer", index: true } });
  const model = new Map<number, number | null>();
  const expect = (low: number, high: number) =>
    [...model].filter(([, n]) => n !== null && n >= low && n <= high).map(([id]) => id);
  const check = (told: string) => {
    // Every range crosses from one part of what is kept in order to the next, now and then.
    for (let low = -10; low < 3000; low += 97) {
      assertEquals(ids(db, { n: [low, low + 100] }), expect(low, low + 100), `${told} ${low}`);
      assertEquals(indexOf(db, { n: [low, low + 100] }), "n", told);
    }
  };
  check("empty");
  const values = Array.from({ length: 3000 }, (_, i) => (i * 1009) % 3000);
  values.forEach((n, id) => model.set(id, n));
  db.insertManySync(values.slice(0, 1000).map((n) => ({ n })));
  assertEquals(ids(db, { n: 7 }).length, expect(7, 7).filter((id) => id < 1000).length);
  db.insertManySync(values.slice(1000).map((n) => ({ n })));
  check("inserted");
  const half = [...model.keys()].filter((id) => id % 2 === 0);
  db.updateSync(half, (row) => ({ n: (row.n! * 7) % 3000 }));
  for (const id of half) model.set(id, (model.get(id)! * 7) % 3000);
  check("updated");
  const some = [...model.keys()].filter((id) => id % 3 === 0);
  db.deleteSync(some);
  for (const id of some) model.delete(id);
  check("deleted");
  db.updateWhereSync({ n: { lt: 2900 } }, { n: null });
  for (const [id, n] of model) if (n! < 2900) model.set(id, null);
  assertEquals(ids(db, { n: [2900, 3000] }), expect(2900, 3000));
  // As few as they are now, the index is worth its while: it holds no values of before.
  assertEquals(db.explain({ n: { lt: 2900 } }), {
    method: "index",
    index: "n",
    count: null,
    rowsRead: 0,
    groupsRead: 0,
    groupsSkipped: 0,
    fallback: null,
  });
  db.deleteWhereSync({ __id__: { lt: 2900 } });
  assertEquals(indexOf(db, { n: null }), db.count({ n: null }) > 6 ? null : "n");
  assertEquals(indexOf(db, { n: { gte: 0 } }), db.count({ n: { gte: 0 } }) > 6 ? null : "n");
});

Deno.test("a commit of which a read of the table fails is not there, in memory neither", async () => {
  await using temp = tempBase();
  const gone = [0, 17_000, 33_000];
  {
    using db = PsBase.createSync(temp.path, { n: { type: "integer", index: true } });
    db.insertManySync(Array.from({ length: 34_000 }, (_, n) => ({ n })));
    db.cleanupSync();
  }
  const files = watchFiles();
  // What is kept of the table is one group: they take each other's place.
  using db = withFiles(files, () => PsBase.openSync(temp.path, { cacheBytes: 0 }));
  assertEquals(ids(db, { n: 7 }), [7], "the index of the log is made");
  for (let failed = 0;; failed++) {
    let left = failed;
    files.beforeRead = (path) => {
      if (path.endsWith(".table") && left-- === 0) {
        throw new Error("Input/output error (os error 5)");
      }
    };
    let done = true;
    try {
      db.deleteSync(gone);
    } catch (error) {
      assert(/os error 5/.test(`${error}`), `${error}`);
      done = false;
    }
    files.beforeRead = () => {};
    assertEquals([db.size, ...gone.map((id) => db.has(id))], [
      done ? 33_997 : 34_000,
      ...gone.map(() => !done),
    ], `${failed}`);
    if (!done) continue;
    assert(failed >= gone.length);
    break;
  }
});

Deno.test("an index answers for its own commit point while others write", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, INDEXED);
  db.insertManySync(ROWS.slice(0, 40));
  const where = { name: { in: [NAMES[1]!, NAMES[2]!] } };
  db.snapshot((view) => {
    for (const act of ["nothing", "insert", "update", "delete", "batch"]) {
      if (act === "insert") db.insertSync({ name: NAMES[1]! });
      if (act === "update") db.updateSync(1, { name: "other" });
      if (act === "delete") db.deleteSync(2);
      if (act === "batch") db.insertManySync(ROWS.slice(0, 64));
      assertEquals([view.count(where), view.explain(where).index], [2, "name"], act);
    }
    return 0;
  });
  assertEquals(ids(db, where), [40, 42, 43]);
});

Deno.test("an index lives through cleanups that leave nothing, one row, or other rows", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, { k: { type: "string", unique: true } });
  for (const step of ["empty", "filled", "emptied", "again"]) {
    if (step === "filled") db.insertManySync([{ k: "b" }, { k: null }, { k: "a" }, { k: null }]);
    if (step === "emptied") db.deleteWhereSync({});
    if (step === "again") db.insertSync({ k: "a" });
    db.cleanupSync();
    assertEquals(db.checkSync().problems, [], step);
    const expected = { empty: [], filled: [2], emptied: [], again: [4] }[step]!;
    assertEquals([ids(db, { k: "a" }), indexOf(db, { k: "a" })], [expected, "k"], step);
    assertEquals(ids(db, { k: null }), step === "filled" ? [1, 3] : [], step);
  }
});

Deno.test("addField() with index: rows before it are found by its default, renameField() keeps it", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, { n: "integer" });
  db.insertManySync(Array.from({ length: 300 }, (_, n) => ({ n })));
  db.cleanupSync();
  const more = db.addFieldSync("tag", { type: "string", default: "old", index: true });
  for (const cleaned of [false, true]) {
    if (cleaned) db.cleanupSync();
    assertEquals(more.count({ tag: "old" }), cleaned ? 299 : 300);
    assertEquals(more.count({ tag: null }), 0);
    assertEquals(ids(more, { tag: "new" }), cleaned ? [7, 300] : []);
    more.updateSync(7, { tag: "new" });
    if (!cleaned) assertEquals(more.insertSync({ n: 1, tag: "new" }), 300);
    assertEquals(ids(more, { tag: "new" }), [7, 300]);
  }
  assertEquals(indexOf(more, { tag: "new" }), "tag");
  const renamed = more.renameFieldSync("tag", "label");
  renamed.updateSync(8, { label: "new" });
  assertEquals([ids(renamed, { label: "new" }), indexOf(renamed, { label: "new" })], [
    [7, 8, 300],
    "label",
  ]);
  // Dropped, its index goes; another field of its name begins anew.
  const dropped = renamed.dropFieldSync("label");
  assertEquals(dropped.checkSync().problems, []);
  assertThrows(() => ids(dropped, { label: "new" }), TypeError, "label");
  const again = dropped.addFieldSync("label", { type: "integer", index: true });
  assertEquals([ids(again, { label: null }).length, ids(again, { label: 1 })], [301, []]);
  again.cleanupSync();
  assertEquals([ids(again, { label: null }).length, ids(again, { label: 1 })], [301, []]);
});

Deno.test("an index is refused where there is no order, with nothing left", async () => {
  await using temp = tempBase();
  for (const option of ["index", "unique"] as const) {
    assertThrows(
      () => PsBase.createSync(temp.path, { tags: { type: "json", [option]: true } }),
      SchemaError,
      "no order",
    );
  }
  using db = PsBase.createSync(temp.path, { tags: "json", n: "integer" });
  assertThrows(() => db.setIndexSync("tags" as never, { index: true }), SchemaError, "no order");
  assertThrows(() => db.setIndexSync("n", { index: 1 } as never), SchemaError, "boolean");
  assertThrows(() => db.setIndexSync("n", { indx: true } as never), TypeError, "indx");
  assertThrows(() => db.setIndexSync("m" as never, { index: true }), SchemaError, '"m"');
  await assertRejects(
    () => db.setIndex("tags" as never, { unique: true }),
    SchemaError,
    "no order",
  );
  assertEquals([db.schema, db.stats().sequence], [
    { tags: { type: "json" }, n: { type: "integer" } },
    0,
  ]);
  // What is left out stays as it is.
  db.setIndexSync("n", { unique: true });
  db.setIndexSync("n", { index: true });
  assertEquals(db.schema.n, { type: "integer", index: true, unique: true });
  db.setIndexSync("n", { unique: false });
  assertEquals(db.schema.n, { type: "integer", index: true });
});

Deno.test("select() with orderBy and limit, min and max look at few rows of an index, and explain() says so", async () => {
  await using temp = tempBase();
  const schema = {
    n: { type: "integer", index: true },
    f: { type: "float", index: true },
  } as const;
  await using db = await PsBase.create(temp.path, schema);
  const values = [null, -0, 0, NaN, 7, -Infinity];
  await db.insertMany(
    Array.from({ length: 5000 }, (_, i) => ({ n: (i * 37) % 2500, f: values[i % 6]! })),
  );
  await db.cleanup();
  const first = (
    where: Parameters<typeof db.select>[0],
    orderBy: "n" | "-n" | "f" | "-f",
    { limit = 3, offset = 0 } = {},
  ) => {
    const { method, index, rowsRead, fallback } = db.explain(where, { orderBy, limit, offset });
    assertEquals([method, index], ["order", orderBy.replace("-", "")]);
    assertEquals([rowsRead, fallback], [limit + offset, null], "all rows on the way match");
    const ordered = db.select(where, { orderBy });
    const found = db.select(where, { orderBy, limit, offset });
    assertEquals([...found], [...ordered].slice(offset, offset + limit));
    return found.map((row) => row[orderBy.replace("-", "") as "n"]);
  };
  const all = () => {
    first({}, "n", { limit: 0 });
    first({}, "n");
    first({}, "-n", { offset: 5 });
    first({ n: { gte: 1000 } }, "n", { limit: 1 });
    first({ n: { lt: 1000 } }, "-n", { limit: 5 });
    assertEquals(first({}, "f"), [null, null, null]);
    assertEquals(first({ f: { lte: 0 } }, "f"), [-Infinity, -Infinity, -Infinity]);
    assertEquals(first({}, "-f"), [NaN, NaN, NaN]);
    assertEquals([db.min("f"), db.max("f")], [-Infinity, NaN]);
    for (const zero of [db.min("f", { f: [-1, 1] }), db.max("f", { f: [-1, 1] })]) {
      assert(Object.is(zero, 0), `${zero}`);
    }
    // Of several values, in whatever order.
    const where = { n: { in: [700, 3, 5, 3] } };
    const ordered = db.select(where, { orderBy: "n" });
    assert(ordered.length > 3);
    assertEquals([...db.select(where, { orderBy: "n", limit: 3 })], [...ordered].slice(0, 3));
  };
  all();
  assertEquals([db.min("n"), db.max("n")], [0, 2499]);
  // What the log holds comes in between, and what it changed is left out.
  await db.updateWhere({ n: [0, 2] }, { n: 1234 });
  await db.deleteWhere({ n: 2499 });
  await db.insertMany([{ n: 2498 }, { n: 3000 }, { n: 3, f: 7 }, { n: -1, f: -Infinity }]);
  assertEquals([db.min("n"), db.max("n")], [-1, 3000]);
  all();
  // Rows that match and are far from the beginning are found by a scan; so is what a function says.
  assertEquals(db.explain(() => true, { orderBy: "n", limit: 100 }).index, null);
  const { method, rowsRead, fallback } = db.explain({ f: 7 }, { orderBy: "n", limit: 100 });
  assertEquals([method, rowsRead, fallback?.method], ["order", 313, "scan"]);
  const rare = db.select({ f: 7, n: { gte: 2490 } }, { orderBy: ["n", "__id__"] });
  assertEquals([...db.select({ f: 7, n: { gte: 2490 } }, { orderBy: "n", limit: 100 })], [...rare]);
  const asked: number[] = [];
  const [last] = db.select((row) => asked.push(row.__id__) > 0, { orderBy: "-n", limit: 1 });
  assertEquals(last!.n, 3000);
  assertEquals(new Set(asked).size, asked.length, "no row is asked twice");
  assertEquals(db.explain({}, { orderBy: ["n", "f"], limit: 1 }).index, null);
  assertEquals(db.explain({}, { orderBy: "n" }).index, null);
});

// --------------------------------------------------------------- random twins

/** Texts with much in common, and what UTF-16 orders in its own way. */
function anyText(random: Random): string {
  const parts = ["a", "b", "é", "e\u0301", "😀", "\u{10ffff}", "\uffff", "\ue000", "\ud7ff", "\0"];
  return Array.from({ length: random.below(4) }, () => random.pick(parts)).join("");
}

function anyOf(random: Random, type: TypeName): unknown {
  return type === "string" && random.chance(0.6) ? anyText(random) : anyValue(random, type);
}

type Fields = Map<string, TypeName | "link">;
type AnyRow = Record<string, unknown> & { __id__: number };

/** One table as two: `indexed` by two handles, and `plain`, which has no index ever. */
class Twins {
  readonly fields: Fields = new Map([...SORTABLE.map((type) => [type, type] as const), [
    "link",
    "link",
  ]]);
  /** The fields that have an index now. */
  readonly indexed = new Set<string>();
  /** How often an index answered, by type. */
  readonly used = new Map<string, number>();
  /** How often an index told an order, by type. */
  readonly ordered = new Map<string, number>();
  readonly #path: string;
  readonly #random: Random;
  readonly #sorted = new Map<string, readonly unknown[]>();
  #handles: PsBase[] = [];
  plain!: PsBase;

  constructor(path: string, random: Random) {
    this.#path = path;
    this.#random = random;
    const schema = (isIndexed: (name: string) => boolean) =>
      Object.fromEntries(Array.from(this.fields, ([name, type]) => [name, {
        type: type === "link" ? link("self") : type,
        index: isIndexed(name),
      }])) as Record<string, Field>;
    for (const name of this.fields.keys()) if (random.chance(0.8)) this.indexed.add(name);
    using _1 = PsBase.createSync(path, schema((name) => this.indexed.has(name)) as never);
    using _2 = PsBase.createSync(`${path}_plain`, schema(() => false) as never);
    this.reopen();
  }

  get any(): PsBase {
    return this.#random.pick(this.#handles);
  }

  reopen(): void {
    this.close();
    const durability = "relaxed";
    this.#handles = [
      PsBase.openSync(this.#path, { durability }),
      secondHandle(this.#path, { durability }),
    ];
    this.plain = PsBase.openSync(`${this.#path}_plain`, { durability });
  }

  close(): void {
    for (const db of [...this.#handles, this.plain]) db?.[Symbol.dispose]();
  }

  /** The same on both. */
  both<T>(fn: (db: PsBase) => T): void {
    assertEquals(fn(this.any), fn(this.plain));
  }

  row(live: readonly number[]): object {
    const random = this.#random;
    const entries = Array.from(this.fields, ([name, type]) => {
      if (random.chance(0.15)) return [name, random.chance(0.5) ? null : undefined];
      if (type !== "link") return [name, anyOf(random, type)];
      return [name, live.length === 0 ? null : random.pick(live)];
    });
    return Object.fromEntries(entries);
  }

  step(): string {
    const random = this.#random;
    this.#sorted.clear();
    const live = [...this.plain.keys()];
    const verb = live.length < 50 ? "insertMany" : random.pick([
      ...["insert", "insert", "insertMany", "update", "update", "update", "updateWhere", "delete"],
      ...["deleteWhere", "cleanup", "cleanupBoth", "reopen", "setIndex", "rename", "addField"],
    ]);
    switch (verb) {
      case "insert": {
        const row = this.row(live);
        this.both((db) => db.insertSync(row));
        break;
      }
      case "insertMany": {
        const count = live.length > 400 ? 3 : random.pick([2, 63, 64, 200]);
        const rows = Array.from({ length: count }, () => this.row(live));
        this.both((db) => db.insertManySync(rows));
        break;
      }
      case "update": {
        const targets = Array.from({ length: random.pick([1, 1, 20]) }, () => random.pick(live));
        const changes = this.row(live);
        this.both((db) => db.updateSync([...new Set(targets)], changes).length);
        break;
      }
      case "updateWhere": {
        const where = this.question();
        const changes = this.row(live);
        this.both((db) => db.updateWhereSync(where, changes));
        break;
      }
      case "delete": {
        const targets = Array.from({ length: random.pick([1, 5, 60]) }, () => random.pick(live));
        this.both((db) => db.deleteSync(targets));
        break;
      }
      case "deleteWhere": {
        const where = this.question();
        if (this.plain.count(where) < live.length / 4) this.both((db) => db.deleteWhereSync(where));
        break;
      }
      case "cleanup":
        this.any.cleanupSync();
        break;
      case "cleanupBoth":
        this.both((db) => db.cleanupSync());
        break;
      case "reopen":
        this.reopen();
        break;
      case "setIndex": {
        const name = random.pick([...this.fields.keys()]);
        const index = !this.indexed.delete(name);
        if (index) this.indexed.add(name);
        this.any.setIndexSync(name, { index });
        break;
      }
      case "rename": {
        const name = random.pick([...this.fields.keys()]);
        const newName = `${this.fields.get(name)}${random.below(1000)}`;
        if (this.fields.has(newName)) break;
        this.both((db) => Object.keys(db.renameFieldSync(name, newName as never).schema));
        this.fields.set(newName, this.fields.get(name)!);
        this.fields.delete(name);
        if (this.indexed.delete(name)) this.indexed.add(newName);
        break;
      }
      case "addField": {
        // The field of a type is dropped, and one with a default takes its place.
        const [name, type] = random.pick([...this.fields]);
        if (type === "link") break;
        const value = random.chance(0.7) ? anyOf(random, type) : null;
        const index = random.chance(0.6);
        const spec = { type, ...(value !== null && { default: value }) };
        this.any.dropFieldSync(name).addFieldSync(name, { ...spec, index } as Field);
        this.plain.dropFieldSync(name).addFieldSync(name, spec as Field);
        this.indexed.delete(name);
        if (index) this.indexed.add(name);
        break;
      }
    }
    return verb;
  }

  /** The values of a field in order; kept until something is written. */
  #valuesOf(name: string): readonly unknown[] {
    let values = this.#sorted.get(name);
    if (values === undefined) {
      const rows = this.plain.select({}, { fields: [name], orderBy: name });
      values = rows.map((row) => linkless(row)[name]).filter((value) => value !== null);
      this.#sorted.set(name, values);
    }
    return values;
  }

  /** A condition of one field, mostly of few rows. */
  #condition(type: TypeName | "link", name: string): unknown {
    const random = this.#random;
    if (type !== "link" && random.chance(0.3)) return anyCondition(random, type).wanted;
    // Neighbours in the order of the values.
    const values = this.#valuesOf(name);
    if (values.length === 0) return null;
    const at = random.below(values.length);
    const [low, high] = [values[at], values[Math.min(at + random.below(6), values.length - 1)]];
    if (type === "link") return random.pick<unknown>([low, { in: [low, high, null] }, null]);
    return random.pick<unknown>([
      { eq: low },
      { between: [low, high] },
      { gte: low, lt: high },
      { gt: low, lte: high },
      { lte: values[Math.min(5, at)] },
      { gt: values.at(-1 - Math.min(5, at)) },
      { in: [low, high, null, low] },
      type === "string" ? { startsWith: [...low as string].slice(0, 2).join("") } : { eq: high },
    ]);
  }

  question() {
    const random = this.#random;
    const chosen = Array.from(
      { length: random.pick([1, 1, 1, 2, 3]) },
      () => random.pick([...this.fields]),
    );
    return Object.fromEntries(
      chosen.map(([name, type]) => [name, this.#condition(type, name)]),
    ) as Record<string, never>;
  }

  ask(): void {
    const db = this.any;
    const where = this.question();
    const found = ids(db, where);
    const { index, rowsRead, count } = db.explain(where);
    const [expected, n] = [ids(this.plain, where), found.length];
    if (`${found}` !== `${expected}` || db.count(where) !== n || (count ?? n) !== n) {
      assertEquals([found, db.count(where), count], [expected, n, n], Deno.inspect(where));
    }
    assert(rowsRead >= n, Deno.inspect(where));
    if (index !== null) {
      assert(this.indexed.has(index), `the index of ${index} is used, which has none`);
      const type = this.fields.get(index)!;
      this.used.set(type, (this.used.get(type) ?? 0) + 1);
    }
  }

  /** The first rows in the order of a field, and its extremes. */
  askFirst(): void {
    const random = this.#random;
    const [name, type] = random.pick([...this.fields]);
    const where = random.chance(0.4) ? this.question() : {};
    const options = {
      orderBy: `${random.pick(["", "-"])}${name}` as never,
      limit: random.below(6),
      offset: random.pick([0, 0, 3]),
    };
    const told = Deno.inspect([where, options]);
    const first = (db: PsBase) => db.select(where, options).map((row) => row.__id__);
    const db = this.any;
    assertEquals(first(db), first(this.plain), told);
    const { method, index, fallback } = db.explain(where, options);
    if (method === "order") {
      assertEquals([index, fallback?.fallback ?? null], [name, null], told);
      this.ordered.set(type, (this.ordered.get(type) ?? 0) + 1);
    }
    if (type === "link") return;
    const extremes = (db: PsBase) => [db.min(name as never, where), db.max(name as never, where)];
    assertEquals(extremes(db), extremes(this.plain), told);
  }

  compare(): void {
    const rows = (db: PsBase) => db.select().map(linkless);
    assertEquals(rows(this.any), rows(this.plain));
  }
}

/** A row with ids for links. */
function linkless(row: object): AnyRow {
  return "toJSON" in row ? (row.toJSON as () => AnyRow)() : row as AnyRow;
}

Deno.test("with indexes and without, rows are found alike, whatever is done by two handles", async () => {
  const seed = newSeed();
  const used = new Map<string, number>();
  const ordered = new Map<string, number>();
  for (let round = 0; round < (LONG ? 30 : 1); round++) {
    await using temp = tempBase();
    const twins = new Twins(temp.path, randomFrom(seed + round));
    const done: string[] = [];
    try {
      for (let i = 0; i < 100; i++) {
        done.push(twins.step());
        for (let k = 0; k < 8; k++) twins.ask();
        for (let k = 0; k < 4; k++) twins.askFirst();
        if (i % 20 === 0) twins.compare();
      }
      twins.reopen();
      twins.compare();
    } catch (error) {
      throw new Error(`seed ${seed} round ${round} after ${done.slice(-10).join(", ")}`, {
        cause: error,
      });
    } finally {
      twins.close();
    }
    for (const [type, count] of twins.used) used.set(type, (used.get(type) ?? 0) + count);
    for (const [type, count] of twins.ordered) ordered.set(type, (ordered.get(type) ?? 0) + count);
  }
  // Else nothing was tested.
  for (const counts of [used, ordered]) {
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
    assert(total > 100 && counts.size > 6, `seed ${seed}: ${Deno.inspect(counts)}`);
  }
});

// --------------------------------------------------------------- unique

const UNIQUE = { email: { type: "string", unique: true }, n: "integer" } as const;

/** What is in the table, to be compared with what was there before. */
function contents(db: AnyBase) {
  return { rows: db.select().map((row) => ({ ...row })), sequence: db.stats().sequence };
}

for (const Class of [Base, PsBase]) {
  Deno.test(`${Class.name}.insert() throws UniqueError with field, value and id, and leaves nothing`, async () => {
    await using temp = tempBase();
    await using db = await Class.create(temp.path, UNIQUE);
    await db.insertMany([{ email: "a" }, { email: "b" }, { email: null }]);
    const many = (email: string, at: number) =>
      Array.from({ length: 100 }, (_, n) => ({ email: n === at ? email : `many ${n}` }));
    for (const cleaned of [false, true]) {
      if (cleaned) await db.cleanup();
      const before = contents(db);
      const attempts: [() => Promise<unknown>, () => unknown, string, number][] = [
        [() => db.insert({ email: "b" }), () => db.insertSync({ email: "b" }), "b", 1],
        [
          () => db.insertMany([{ email: "x" }, { email: "b" }]),
          () => db.insertManySync([{ email: "x" }, { email: "b" }]),
          "b",
          1,
        ],
        // Two new ones: the id is that which the first would have got.
        [
          () => db.insertMany([{ n: 1 }, { email: "x" }, { email: "x" }]),
          () => db.insertManySync([{ n: 1 }, { email: "x" }, { email: "x" }]),
          "x",
          4,
        ],
        [() => db.insertMany(many("a", 99)), () => db.insertManySync(many("a", 99)), "a", 0],
        [
          () => db.insertMany(many("many 7", 99)),
          () => db.insertManySync(many("many 7", 99)),
          "many 7",
          10,
        ],
        [() => db.update(0, { email: "b" }), () => db.updateSync(0, { email: "b" }), "b", 1],
        [
          () => db.update([0, 2], { email: "x" }),
          () => db.updateSync([0, 2], { email: "x" }),
          "x",
          0,
        ],
        [
          () => db.updateWhere({}, { email: "x" }),
          () => db.updateWhereSync({}, { email: "x" }),
          "x",
          0,
        ],
      ];
      for (const [attempt, attemptSync, value, id] of attempts) {
        const errors = [
          await assertRejects(attempt, UniqueError),
          assertThrows(attemptSync, UniqueError),
        ];
        for (const error of errors) {
          assertEquals([error.name, error.field, error.value, error.id], [
            "UniqueError",
            "email",
            value,
            id,
          ]);
          for (const part of [temp.path, '"email"', `row ${id} `, `"${value}"`]) {
            assert(error.message.includes(part), `${part} in: ${error.message}`);
          }
        }
        assertEquals(contents(db), before);
      }
    }
    assertEquals(await db.insert({ email: "x" }), 3, "no id was used");
    // Its own value is no other's.
    await db.update(0, { email: "a", n: 1 });
    await db.update([0, 1], (row) => ({ n: row.n }));
    assertEquals(await db.updateWhere({ email: { in: ["a", "b"] } }, { n: 5 }), 2);
  });

  Deno.test(`${Class.name}.update() may exchange and shift unique values in one commit`, async () => {
    await using temp = tempBase();
    using db = Class.createSync(temp.path, {
      k: { type: "integer", unique: true },
      email: { type: "string", unique: true },
    });
    db.insertManySync(Array.from({ length: 200 }, (_, n) => ({ k: n, email: `e${n}` })));
    for (const cleaned of [false, true]) {
      if (cleaned) db.cleanupSync();
      const [a, b] = [db.get(3)!, db.get(150)!];
      db.updateSync([a, b], (row) => ({
        email: row.email === a.email ? b.email : a.email,
        k: row.k === a.k ? b.k : a.k,
      }));
      assertEquals([db.get(3)!.k, db.get(150)!.email], [b.k, a.email]);
      assertEquals([ids(db, { k: a.k }), ids(db, { email: b.email })], [[150], [3]]);
      // Every value but the last is taken by another row while it goes on.
      assertEquals(db.updateWhereSync({}, (row) => ({ k: row.k! + 1 })), 200);
      const order = db.select({}, { orderBy: "k" }).map((row) => row.k!);
      assertEquals([order[0], order.at(-1)], cleaned ? [2, 201] : [1, 200]);
      const error = assertThrows(
        () => db.updateWhereSync({ k: { lt: 100 } }, (row) => ({ k: row.k! + 1 })),
        UniqueError,
      );
      assertEquals([error.field, error.value, error.id], ["k", 100, ids(db, { k: 100 })[0]!]);
    }
    // What was given up can be had again, what was taken cannot.
    db.updateSync(7, { email: null });
    assertEquals(db.insertSync({ email: "e7" }), 200);
    assertThrows(() => db.updateSync(7, { email: "e7" }), UniqueError);
    db.deleteSync([8, 9]);
    db.insertManySync([{ email: "e9" }, { email: "e8" }]);
    assertEquals(ids(db, { email: { in: ["e8", "e9", "e7"] } }), [200, 201, 202]);
  });
}

Deno.test("unique holds for all types: null repeats, NaN does not, 0 is -0", async () => {
  await using temp = tempBase();
  const types = SORTABLE.map((type) => [type, { type, unique: true }]);
  using db = PsBase.createSync(temp.path, {
    ...Object.fromEntries(types),
    link: { type: link("self"), unique: true },
  });
  db.insertManySync([{}, {}]); // nulls
  db.insertSync({ link: 0 });
  const first = new Map<TypeName, Map<number, unknown>>();
  for (const type of SORTABLE) {
    const there = new Map<number, unknown>();
    first.set(type, there);
    const [value] = VALUES[type];
    const again = type === "bytes" ? Uint8Array.from(value as Uint8Array) : value;
    assertThrows(
      () => db.insertManySync([{ [type]: value }, { [type]: again }] as never),
      UniqueError,
      `"${type}"`,
    );
    for (const value of VALUES[type]) {
      const holder = [...there].find(([, other]) => compareValues(type, value, other) === 0);
      if (holder === undefined) there.set(db.insertSync({ [type]: value } as never), value);
    }
  }
  for (const where of ["log", "table"]) {
    if (where === "table") db.cleanupSync();
    for (const type of SORTABLE) {
      for (const value of VALUES[type]) {
        const told = `${type} ${Deno.inspect(value)} in the ${where}`;
        const error = assertThrows(
          () => db.insertManySync([{}, { [type]: value }] as never),
          UniqueError,
          undefined,
          told,
        );
        const stored = first.get(type)!.get(error.id);
        assertEquals(error.field, type, told);
        assertEquals(compareValues(type, stored, value), 0, told);
        assertEquals(compareValues(type, error.value, value), 0, told);
      }
    }
    const error = assertThrows(() => db.insertSync({ link: db.get(0) } as never), UniqueError);
    assertEquals([error.field, error.value, error.id], ["link", 0, 2]);
    assertThrows(() => db.insertManySync([{ float: NaN }, { float: NaN }] as never), UniqueError);
  }
  assertEquals(db.insertManySync([{}, {}]).length, 2);
  assertThrows(() => db.insertManySync([{ float: 77 }, { float: 77 }] as never), UniqueError);
});

Deno.test("unique holds between processes: one of those who race for a value has it", async () => {
  await using temp = tempBase();
  using one = PsBase.createSync(temp.path, UNIQUE);
  using two = secondHandle<typeof UNIQUE>(temp.path);
  using three = secondHandle<typeof UNIQUE>(temp.path);
  for (let round = 0; round < 20; round++) {
    if (round === 10) two.cleanupSync();
    const email = `e${round}`;
    const racers = [one, two, three, two];
    const results = await Promise.allSettled(
      racers.map((db, n) =>
        n < 2 ? db.insert({ email, n }) : db.insertMany([{ email: `${email} ${n}` }, { email, n }])
      ),
    );
    const lost = results.filter((result) => result.status === "rejected");
    assertEquals(lost.length, racers.length - 1);
    const [winner] = three.select({ email });
    for (const { reason } of lost) {
      assert(reason instanceof UniqueError);
      assertEquals([reason.value, reason.id], [email, winner!.__id__]);
    }
  }
  assertEquals(one.count({ email: { startsWith: "e" } }), one.size);
  assertEquals(new Set(one.select().map((row) => row.email)).size, one.size);
});

Deno.test("setIndex() to unique holds at once, before a cleanup and after it, for all handles", async () => {
  for (const rows of [10, 1000]) {
    await using temp = tempBase();
    await using db = await PsBase.create(temp.path, { email: "string", n: "integer" });
    using two = secondHandle(temp.path);
    await db.insertMany(Array.from({ length: rows }, (_, n) => ({ email: `e${n}`, n })));
    await db.cleanup();
    // A handle whose cleanup, which makes the index, fails.
    const files = watchFiles();
    files.beforeWrite = (path) => {
      if (path.includes(".table")) throw new Error("no space");
    };
    using unable = withFiles(files, () => PsBase.openSync(temp.path));
    const unique = unable.setIndexSync("email", { unique: true });
    assertEquals(indexOf(db, { email: "e3" }), null, "there is none yet");
    for (const handle of [unable, db as unknown as typeof unable]) {
      assertThrows(() => handle.updateSync(5, { email: "e3" }), UniqueError);
    }
    const error = assertThrows(
      () => unique.insertManySync([{ email: "x" }, { email: "e4" }]),
      UniqueError,
    );
    assertEquals([error.value, error.id], ["e4", 4]);
    await db.cleanup();
    assertEquals(indexOf(db, { email: "e3" }), "email");
    for (const handle of [db as unknown as typeof two, two]) {
      assertThrows(() => handle.insertSync({ email: "e3" }), UniqueError);
      assertThrows(() => handle.updateSync(5, { email: "e3" }), UniqueError);
    }
    // No more: then it may repeat.
    two.setIndexSync("email", { unique: false });
    assertEquals(db.insertSync({ email: "e3" }), rows);
    assertEquals(ids(db, { email: "e3" }), [3, rows]);
  }
});

Deno.test("setIndex() and addField() to unique leave all as it was if a value is there twice", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, { name: "string", f: "float", n: "integer" });
  db.insertManySync([{ name: "a", f: 0, n: 1 }, { name: "b", f: NaN, n: null }]);
  db.cleanupSync();
  db.insertManySync([{ name: "c", f: NaN, n: null }, { name: "b", f: -0, n: 2 }]);
  const before = contents(db);
  const { schema } = db;
  for (
    const [name, value, id] of [["name", "b", 1], ["f", NaN, 1]] as const
  ) {
    const error = await assertRejects(() => db.setIndex(name, { unique: true }), UniqueError);
    assertEquals([error.field, error.value, error.id], [name, value, id]);
    assertThrows(() => db.setIndexSync(name, { unique: true, index: true }), UniqueError);
  }
  // Nulls may repeat, and a default that nobody else has.
  const error = assertThrows(
    () => db.addFieldSync("x", { type: "string", unique: true, default: "same" }),
    UniqueError,
  );
  assertEquals([error.field, error.value], ["x", "same"]);
  assertEquals([contents(db), db.schema], [before, schema]);
  // What failed left nothing in memory either.
  const more = db.addFieldSync("x", { type: "integer", unique: true });
  assertEquals(more.select().map((row) => row.x), [null, null, null, null]);
  const last = more.addFieldSync("y", { type: "date" });
  assertEquals(last.get(0)!.y, null);
  assertEquals(last.insertSync({ name: "a", x: 5 }), 4);
  assertThrows(() => last.updateSync(0, { x: 5 }), UniqueError);
});

Deno.test("a unique field with a default takes it once", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, { n: "integer" });
  db.insertSync({ n: 1 });
  const more = db.addFieldSync("k", { type: "string", unique: true, default: "d" });
  assertEquals(more.get(0)!.k, "d");
  assertThrows(() => more.insertSync({ n: 2 }), UniqueError);
  more.updateSync(0, { k: "e" });
  assertEquals(more.insertSync({ n: 2 }), 1);
  assertThrows(() => more.insertSync({ n: 2 }), UniqueError);
});

const TWO = {
  k: { type: "integer", unique: true },
  s: { type: "string", unique: true },
} as const;

Deno.test("unique is what a map says, whatever is written by two handles", async () => {
  const seed = newSeed();
  for (let round = 0; round < (LONG ? 40 : 4); round++) {
    const random = randomFrom(seed + round);
    await using temp = tempBase();
    using one = PsBase.createSync(temp.path, TWO, { durability: "relaxed" });
    using two = secondHandle<typeof TWO>(temp.path, { durability: "relaxed" });
    type Values = { k: number | null; s: string | null };
    let model = new Map<number, Values>();
    let nextId = 0;
    let [refused, taken] = [0, 0];
    const any = (): Values => ({
      k: random.chance(0.1) ? null : random.below(400),
      s: random.chance(0.1) ? null : `${random.below(400)}`,
    });
    const holds = (rows: Map<number, Values>) => {
      for (const name of ["k", "s"] as const) {
        const values = Array.from(rows.values(), (row) => row[name]).filter((v) => v !== null);
        if (new Set(values).size < values.length) return false;
      }
      return true;
    };
    for (let i = 0; i < 300; i++) {
      const db = random.pick([one, two]);
      const after = new Map(model);
      const live = [...model.keys()];
      let act: () => void;
      const verb = live.length < 5 ? 0 : random.below(8);
      if (verb <= 1) {
        const rows = Array.from({ length: random.pick([1, 1, 2, 3]) }, any);
        rows.forEach((row, n) => after.set(nextId + n, row));
        act = () => {
          assertEquals(db.insertManySync(rows)[0], nextId);
          nextId += rows.length;
        };
      } else if (verb === 2) {
        const rows = Array.from({ length: 70 }, (_, n) => n < 68 ? { k: null, s: null } : any());
        rows.forEach((row, n) => after.set(nextId + n, row));
        act = () => {
          assertEquals(db.insertManySync(rows)[0], nextId);
          nextId += rows.length;
        };
      } else if (verb <= 5) {
        const targets = [...new Set(Array.from({ length: 3 }, () => random.pick(live)))];
        // Mostly they exchange what they have.
        const values = new Map(targets.map((id, n) => {
          return [id, random.chance(0.7) ? model.get(targets.at(n - 1)!)! : any()];
        }));
        for (const [id, row] of values) after.set(id, row);
        act = () => void db.updateSync(targets, (row) => values.get(row.__id__)!);
      } else if (verb === 6) {
        const targets = Array.from({ length: random.pick([1, 40]) }, () => random.pick(live));
        for (const id of targets) after.delete(id);
        act = () => void db.deleteSync(targets);
      } else {
        act = () => db.cleanupSync();
      }
      const told = `seed ${seed} round ${round} step ${i}`;
      if (holds(after)) {
        act();
        model = after;
        taken++;
      } else {
        assertThrows(act, UniqueError, undefined, told);
        refused++;
      }
      if (i % 30 === 0) {
        const rows = Array.from(one, ({ __id__, k, s }) => [__id__, { k, s }] as const);
        assertEquals(new Map(rows), new Map([...model].sort(([a], [b]) => a - b)), told);
      }
    }
    assert(refused > 20 && taken > 100, `seed ${seed}: ${refused} refused, ${taken} taken`);
  }
});

// --------------------------------------------------------------- upsert

Deno.test("PsBase.upsert() changes the row that has the value, or adds one", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, {
    email: { type: "string", unique: true },
    badge: { type: "integer", unique: true },
    name: { type: "string", required: true },
    n: { type: "integer", default: 7 },
  });
  const values = { name: "a", n: 1 };
  const a = await db.upsert({ email: "a" }, values);
  assertEquals({ ...a }, {
    __id__: 0,
    __version__: 0,
    email: "a",
    badge: null,
    name: "a",
    n: 1,
  });
  assertEquals(values, { name: "a", n: 1 });
  // Left out: the default of a new row; as it was in one that is there.
  assertEquals(db.upsertSync({ email: "b" }, { name: "b" }).n, 7);
  for (const cleaned of [false, true]) {
    if (cleaned) db.cleanupSync();
    const name = cleaned ? "new" : "newer";
    assertEquals({ ...db.upsertSync({ email: "a" }, { name }) }, {
      ...a,
      name,
      __version__: cleaned ? 2 : 1,
    });
  }
  assertEquals(db.upsertSync({ email: "a" }, { name: "x", n: null }).n, null);
  // Another key of the same row; what is not null can be made so.
  const { __id__: id } = await db.upsert({ badge: 5 }, { name: "c", email: "c" });
  assertEquals(db.upsertSync({ badge: 5 }, { name: "c", email: null }).__id__, id);
  assertEquals(db.upsertSync({ email: "c" }, { name: "d" }).__id__, id + 1);
  // Another unique field may be in the way, of both.
  const before = contents(db);
  for (const email of ["a", "none"]) {
    const values = { name: "x", badge: 5 };
    const error = assertThrows(() => db.upsertSync({ email }, values), UniqueError);
    assertEquals([error.field, error.value, error.id], ["badge", 5, id]);
  }
  assertEquals(contents(db), before);
});

Deno.test("PsBase.upsert() refuses keys and values that are none, and writes nothing", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, {
    email: { type: "string", unique: true },
    k: { type: "integer", unique: true },
    name: { type: "string", required: true },
  });
  db.insertSync({ email: "a", k: 1, name: "n" });
  const before = contents(db);
  type Kind = typeof TypeError | typeof RangeError | typeof SchemaError;
  const bad: [unknown, unknown, Kind, string][] = [
    [{ email: null }, { name: "x" }, TypeError, "no key"],
    [{ email: undefined }, { name: "x" }, TypeError, "no key"],
    [{}, { name: "x" }, TypeError, "0 fields"],
    [{ email: "a", k: 1 }, { name: "x" }, TypeError, "2 fields"],
    [{ name: "n" }, { k: 5 }, TypeError, "not unique"],
    [{ none: "n" }, { name: "x" }, SchemaError, '"none"'],
    [{ __id__: 0 }, { name: "x" }, SchemaError, "__id__"],
    ["a", { name: "x" }, TypeError, "expected an object"],
    [undefined, { name: "x" }, TypeError, "expected an object"],
    [{ email: 5 }, { name: "x" }, TypeError, "email"],
    [{ k: 0.5 }, { name: "x" }, RangeError, "k"],
    // All that insert requires, whether the row is there or not.
    [{ email: "a" }, {}, SchemaError, '"name" is required'],
    [{ email: "b" }, {}, SchemaError, '"name" is required'],
    [{ email: "a" }, { name: null }, SchemaError, '"name" is required'],
    [{ email: "a" }, { name: "x", email: "b" }, TypeError, "twice"],
    [{ email: "a" }, { name: "x", nam: 1 }, SchemaError, '"nam"'],
    [{ email: "a" }, { name: "x", k: "1" }, TypeError, '"k"'],
  ];
  for (const [key, values, kind, part] of bad) {
    const told = Deno.inspect([key, values]);
    assertThrows(() => db.upsertSync(key as never, values as never), kind, part, told);
    await assertRejects(() => db.upsert(key as never, values as never), kind, part, told);
    assertEquals(contents(db), before, told);
  }
});

Deno.test("PsBase.upsert() refuses values that are no object: a promise makes no row of nulls", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, UNIQUE);
  for (const values of [undefined, null, 5, "x", Promise.resolve({ n: 1 }), new Map([["n", 1]])]) {
    const told = Deno.inspect(values);
    assertThrows(() => db.upsertSync({ email: "a" }, values as never), TypeError, "", told);
    assertEquals(db.stats().sequence, 0, told);
  }
});

Deno.test("PsBase.upsert() of many at once on one key makes one row and counts every write", async () => {
  await using temp = tempBase();
  const one = await PsBase.create(temp.path, UNIQUE);
  await using handles = {
    all: [one, secondHandle<typeof UNIQUE>(temp.path), secondHandle<typeof UNIQUE>(temp.path)],
    async [Symbol.asyncDispose]() {
      for (const db of this.all) await db.close();
    },
  };
  const rows = await Promise.all(
    Array.from({ length: 90 }, (_, n) => handles.all[n % 3]!.upsert({ email: `${n % 2}` }, { n })),
  );
  assertEquals(one.size, 2);
  assertEquals(rows.map((row) => row.__version__).sort((a, b) => a - b), [
    ...Array.from({ length: 90 }, (_, n) => n >> 1),
  ]);
  assertEquals(one.select().map((row) => row.__version__), [44, 44]);
});

// --------------------------------------------------------------- damage

/** A cleaned up table with an index, and where its bytes stand in the file. */
async function damageable(temp: TempBase, rows: number) {
  temp.damaged = true;
  {
    await using db = await PsBase.create(temp.path, { n: { type: "integer", index: true } });
    await db.insertMany(Array.from({ length: rows }, (_, n) => ({ n: (n * 37) % rows })));
    await db.cleanup();
  }
  const path = `${temp.path}/000002.table`;
  const bytes = Deno.readFileSync(path);
  const view = new DataView(bytes.buffer);
  const at = Number(view.getBigUint64(bytes.length - 24, true));
  const json = new TextDecoder().decode(
    bytes.subarray(at, at + view.getUint32(bytes.length - 16, true)),
  );
  const from: number = JSON.parse(json).indexes[0][3];
  return { path, bytes, from, to: at };
}

Deno.test("a damaged index gives CorruptionError or the right rows, and check() finds it", async () => {
  await using temp = tempBase();
  const { path, bytes, from, to } = await damageable(temp, 64);
  assert(to - from >= 64 + 16);
  let told = 0;
  for (let at = from; at < to; at++) {
    const damaged = bytes.slice();
    damaged[at]! ^= 1 << (at % 8);
    Deno.writeFileSync(path, damaged);
    using db = PsBase.openSync(temp.path, { readOnly: true });
    for (const where of [{ n: 5 }, { n: { lte: 1 } }, { n: { in: [60, 61] } }]) {
      const expected = Array.from({ length: 64 }, (_, id) => id).filter((id) => {
        const n = (id * 37) % 64;
        return n === 5 && where.n === 5 || typeof where.n === "object" &&
            ("lte" in where.n ? n <= 1 : where.n.in.includes(n));
      });
      try {
        assertEquals(ids(db, where), expected, `byte ${at}`);
      } catch (error) {
        if (!(error instanceof CorruptionError)) throw error;
        assertEquals(error.file, path);
        told++;
      }
    }
    const { ok, problems } = db.checkSync();
    assertEquals([ok, problems.map(({ file }) => file)], [false, [path]], `byte ${at}`);
    // What needs no index can be read.
    assertEquals(db.count({ n: { ne: 5 } }), 63);
    assertEquals(db.get(1)?.n, 37);
  }
  assert(told > (to - from), "an index that is never looked at tells nothing");
});

Deno.test("check() tells of each damaged index, and of a damaged group once", async () => {
  await using temp = tempBase();
  const { path, bytes, from } = await damageable(temp, 64);
  const damaged = bytes.slice();
  damaged[44]! ^= 1;
  Deno.writeFileSync(path, damaged);
  assertEquals(PsBase.checkSync(temp.path).problems.length, 1, "the group");
  damaged[from]! ^= 1;
  Deno.writeFileSync(path, damaged);
  assertEquals(PsBase.checkSync(temp.path).problems.length, 2, "the group and the index");
});

Deno.test("an insert into a table with a damaged index is either refused, or there and acknowledged", async () => {
  await using temp = tempBase();
  const { path, bytes, to } = await damageable(temp, 64);
  bytes[to - 1]! ^= 1; // what the index is verified by
  Deno.writeFileSync(path, bytes);
  using db = PsBase.openSync(temp.path);
  for (const insert of [() => db.insertSync({ n: 1 }), () => db.insert({ n: 2 })]) {
    const { size } = db;
    let acknowledged = true;
    try {
      await insert();
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      acknowledged = false;
    }
    assertEquals(db.size, acknowledged ? size + 1 : size);
  }
});

Deno.test("Table.checkIndexes() finds an index whose bytes are whole and whose order is wrong", () => {
  using dir = { path: Deno.makeTempDirSync(), [Symbol.dispose]: () => {} };
  const schema = TableSchema.from({ n: { type: "integer", index: true } });
  const sums = new Checksum(new Uint8Array(16));
  const values = [5, null, 3, 5];
  const right = [1, 2, 0, 3];
  const orders: [number[], boolean][] = [
    [right, true],
    [[2, 1, 0, 3], false], // null is not first
    [[1, 0, 2, 3], false],
    [[1, 2, 3, 0], false], // ties by id
    [[1, 2, 0, 0], false], // one is there twice
    [[1, 2, 0, 4], false], // there is no such row
  ];
  for (const [i, [order, whole]] of orders.entries()) {
    const file = denoFiles.open(`${dir.path}/${i}.table`, "createNew");
    const builder = new GroupBuilder(schema.fields);
    values.forEach((n, id) => builder.add(id, { version: 0, values: [n] }));
    const out = new SegmentWriter(file, sums, 1, 0);
    out.add(builder.build().group, 0, 3);
    allOf(out.addIndex(schema.fields[0]!, 1, Uint32Array.from(order), [null]));
    out.finish({ schema, nextId: 4, sequence: 1 });
    const table = new Segment(file, sums, 1);
    if (whole) table.checkIndexes();
    else assertThrows(() => table.checkIndexes(), CorruptionError, " out of ", `${order}`);
    table.close();
  }
  Deno.removeSync(dir.path, { recursive: true });
});

Deno.test("an index knows rows that changed before a reader pinned their commit point", async () => {
  await using temp = tempBase();
  await using db = await PsBase.create(temp.path, { name: { type: "string", index: true } });
  await db.insertMany([{ name: "a" }, { name: "b" }, { name: "c" }, { name: "d" }]);
  assertEquals(ids(db, { name: "a" }), [0]);
  await db.update(0, { name: "new" });
  await db.delete(1);
  await db.update(3, { name: "early" });
  const rows = db[Symbol.iterator]();
  rows.next();
  // This commit goes to a copy of what the reader sees; neither has looked up anything since.
  await db.update(0, { name: "newer" });
  await db.insert({ name: "b" });
  const expected: Record<string, number[]> = { a: [], newer: [0], b: [4], d: [], early: [3] };
  for (const name in expected) assertEquals(ids(db, { name }), expected[name], name);
  assertEquals(Array.from(rows, ({ name }) => name), ["c", "early"]);
});

Deno.test("an index knows the rows of many commits that nobody looked up meanwhile", async () => {
  await using temp = tempBase();
  await using db = await PsBase.create(temp.path, { n: { type: "integer", index: true } });
  await db.insert({ n: 0 });
  assertEquals(ids(db, { n: 0 }), [0]);
  const commits = 600;
  for (let i = 1; i <= commits; i++) db.insertSync({ n: i });
  for (let i = 1; i <= commits; i += 2) db.updateSync(i, { n: -i });
  for (let i = 0; i <= commits; i++) {
    const n = i % 2 === 0 ? i : -i;
    assertEquals([ids(db, { n }), ids(db, { n: -n }).length], [[i], i === 0 ? 1 : 0]);
  }
});
