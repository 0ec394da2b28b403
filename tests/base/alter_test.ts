import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  type AnyBase,
  Base,
  type OpenOptions,
  PsBase,
  type Schema,
  SchemaError,
  UniqueError,
} from "../../mod.ts";
import { tempBase } from "../helpers/temp_base.ts";
import { denoFiles, withFiles } from "../../engine/system/deno_file.ts";

const PEOPLE = { name: "string", age: "integer" } as const;

/** A handle that excludes others as that of another process does. */
function secondHandle<S extends Schema = Schema>(path: string, options: OpenOptions = {}) {
  return withFiles({ ...denoFiles }, () => PsBase.openSync<S>(path, options));
}

/** Rows in the table, changed there, in a batch of the log and in a list of it: 0 to 202. */
function fill(db: Base<typeof PEOPLE>): void {
  const rows = Array.from({ length: 100 }, (_, age) => ({ name: `p${age}`, age }));
  db.insertManySync([...rows, { name: "null" }]);
  db.cleanupSync();
  db.insertManySync(rows);
  db.insertManySync([{ name: "last", age: 100 }, { name: "gone", age: 7 }]);
  db.updateSync([3, 103], { name: "changed" });
  db.deleteSync([4, 104, 202]);
}

/** All rows, without what tells how often they were written. */
function rowsOf(db: AnyBase): Record<string, unknown>[] {
  return Array.from(db, (row) => ({ ...row }));
}

for (const Class of [Base, PsBase]) {
  Deno.test(`${Class.name}.renameField() keeps values, options and order, for rows wherever they stand`, async () => {
    await using temp = tempBase();
    {
      using db = Class.createSync(temp.path, {
        ...PEOPLE,
        age: { type: "integer", default: 7, index: true },
      });
      fill(db as never);
      const before = rowsOf(db);
      const renamed = db.renameFieldSync("age", "years");
      assert(Object.is(renamed, db), "the same handle");
      assertEquals(renamed.schema, {
        name: { type: "string" },
        years: { type: "integer", default: 7, index: true },
      });
      const after = before.map(({ age, ...row }) => ({ ...row, years: age }));
      assertEquals(rowsOf(renamed), after);
      assertEquals(renamed.defaults, { name: null, years: 7 });
      assertEquals(renamed.select({ years: 7 }).map((row) => row.__id__), [7, 100, 108]);
      assertEquals(renamed.select((row) => row.years === 7).map((row) => row.__id__), [
        7,
        100,
        108,
      ]);
      assertEquals(renamed.insertSync({ name: "new" }), 203);
      assertEquals(renamed.updateSync(7, (row) => ({ years: row.years! + 1 })).years, 8);
      assertEquals(renamed.deleteSync(203), 1);
      // The name that is free now is a field of its own; nothing of the other is in it.
      const again = await renamed.addField("age", "string");
      assertEquals(again.get(8)!.age, null);
      again.updateSync(8, { age: "eight" });
      const swapped = (await again.renameField("years", "x")).renameFieldSync("age", "years");
      assertEquals({ ...swapped.get(8)! }, {
        __id__: 8,
        __version__: 1,
        name: "p8",
        x: 8,
        years: "eight",
      });
      assertEquals(swapped.renameFieldSync("x", "x" as never).schema, swapped.schema);
    }
    for (const cleaned of [false, true]) {
      using db = Class.openSync(temp.path);
      if (cleaned) db.cleanupSync();
      assertEquals([db.get(8)!.x, db.get(8)!.years, db.get(7)!.x], [8, "eight", 8]);
      assertEquals(db.select({ x: 8 }).map((row) => row.__id__), [7, 8, 109]);
      assertEquals(db.count({ years: "eight" }), 1);
    }
  });

  Deno.test(`${Class.name}.setType() makes floats of integers, for rows wherever they stand`, async () => {
    await using temp = tempBase();
    const numbers = () => ({
      n: { type: "integer", default: 3, index: true },
      k: { type: "integer", unique: true },
      m: { type: "integer" },
    } as const);
    const values = [0, 1, -1, 2 ** 53 - 1, -(2 ** 53 - 1), null, 255, 65_536];
    {
      using db = Class.createSync(temp.path, numbers());
      const rows = Array.from({ length: 80 }, (_, i) => ({ n: values[i % 8]!, k: i, m: i }));
      db.insertManySync(rows);
      db.cleanupSync();
      db.insertManySync(rows.map((row) => ({ ...row, k: row.k + 100 })));
      db.insertSync({ k: 200 });
      db.updateSync([0, 80], { m: -5 });
      const before = rowsOf(db);
      const wide = await db.setType("n", "float");
      assert(Object.is(wide, db), "the same handle");
      assertEquals(wide.schema.n, { type: "float", default: 3, index: true });
      assertEquals(rowsOf(wide), before, "values are what they were");
      assertEquals(wide.count({ n: 3 }), 1);
      wide.updateSync(1, { n: 0.5 });
      const id = wide.insertSync({ n: NaN, k: 201 });
      wide.insertManySync(Array.from({ length: 70 }, (_, i) => ({ n: i / 64, k: 300 + i })));
      wide.insertManySync([{ n: -0, k: 400 }, { n: Infinity, k: 401 }, { k: 402 }]);
      assertEquals(wide.get(id + 73)!.n, 3);
      assertThrows(() => wide.insertSync({ m: 0.5 }), RangeError, '"m"');
      // With a unique field, whose values stay so.
      const all = wide.setTypeSync("k", "float");
      assertThrows(() => all.insertSync({ k: 100 }), UniqueError);
      assertEquals(all.insertSync({ k: 100.5 }), id + 74);
      assertThrows(() => all.insertManySync([{ k: 100.5 }]), UniqueError);
    }
    for (const step of ["opened", "cleaned up", "again"]) {
      using db = Class.openSync(temp.path, {
        schema: {
          ...numbers(),
          n: { type: "float", default: 3, index: true },
          k: { type: "float", unique: true },
        },
      });
      if (step !== "opened") db.cleanupSync();
      const got = Array.from({ length: 8 }, (_, i) => db.get(80 + i)!.n);
      assertEquals(got, values, step);
      assertEquals(db.select({ n: 0.5 }).map((row) => row.__id__), [1, 194], step);
      assertEquals(db.select({ n: NaN }).map((row) => row.__id__), [161], step);
      assertEquals(db.select({ n: { gt: 2 ** 53 - 2, lt: Infinity } }).length, 20, step);
      assertEquals(db.select({ n: { between: [0.25, 0.3] } }).length, 4, step);
      assert(Object.is(db.get(232)!.n, -0), step);
      assertEquals(db.explain({ n: NaN }).index, "n", step);
      assertThrows(() => db.updateSync(0, { k: 100.5 }), UniqueError, undefined, step);
      assertThrows(() => db.insertSync({ k: 100 }), UniqueError, undefined, step);
    }
  });
}

Deno.test("renameField(), setType() and setIndex() that fail change nothing", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, { ...PEOPLE, rate: "float", big: "bigint" });
  db.insertManySync([{ name: "a", age: 1 }, { name: "a", age: 2 }]);
  const { schema } = db;
  const { sequence } = db.stats();
  const names = [
    ["nam", "x", '"nam"'],
    ["name", "age", "already exists"],
    ["name", "_x", "reserved"],
    ["name", "__id__", "reserved"],
    ["name", "", "a letter"],
    ["name", "a b", "a letter"],
    ["name", "x".repeat(256), "255 bytes"],
    ["__id__", "x", "__id__"],
  ] as [never, never, string][];
  for (const [name, newName, part] of names) {
    assertThrows(() => db.renameFieldSync(name, newName), SchemaError, part);
    const error = await assertRejects(() => db.renameField(name, newName), SchemaError, part);
    assert(error.message.includes(temp.path), error.message);
  }
  const types = [
    ["nam", "float", '"nam"'],
    ["name", "float", '2 rows do not fit; row 0: "a" is not a number'],
    ["name", "json", "is string"],
    ["age", "boolean", "2 rows do not fit"],
    ["age", undefined, "is integer"],
  ] as [never, never, string][];
  for (const [name, type, part] of types) {
    assertThrows(() => db.setTypeSync(name, type), SchemaError, part);
    const error = await assertRejects(() => db.setType(name, type), SchemaError, part);
    assert(error.message.includes(temp.path), error.message);
  }
  assertThrows(() => db.setIndexSync("name", { unique: true }), UniqueError);
  await assertRejects(() => db.setIndex("name", { unique: true }), UniqueError);
  assertEquals([db.schema, db.stats().sequence], [schema, sequence]);
});

Deno.test("a handle sees at its next call how another one altered the fields", async () => {
  await using temp = tempBase();
  PsBase.createSync(temp.path, PEOPLE)[Symbol.dispose]();
  // Without a schema: with one it would refuse work from the first step on.
  using first = PsBase.openSync<typeof PEOPLE>(temp.path);
  fill(first);
  using second = secondHandle<typeof PEOPLE>(temp.path);
  using reader = PsBase.openSync(temp.path, { readOnly: true });
  const read = first.get(0)!;

  second.renameFieldSync("name", "first");
  for (const db of [first, reader] as AnyBase[]) {
    assertEquals(Object.keys(db.schema), ["first", "age"]);
    assertEquals({ ...db.get(0)! }, { __id__: 0, __version__: 0, first: "p0", age: 0 });
    assertThrows(() => db.select({ name: "p0" }), TypeError, '"name"');
    assertThrows(() => db.select({}, { orderBy: "name" }), TypeError, '"name"');
    assertEquals(db.count({ first: "p0" }), 2);
    assertEquals(db.count((row) => row.first === "p0"), 2);
  }
  // Writes that no longer fit leave nothing.
  const { sequence } = first.stats();
  const many = Array.from({ length: 100 }, () => ({ name: "x" }));
  const attempts: [() => unknown, () => Promise<unknown>][] = [
    [() => first.insertSync({ name: "x" }), () => first.insert({ name: "x" })],
    [() => first.insertManySync(many), () => first.insertMany(many)],
    [() => first.updateSync(0, { name: "x" }), () => first.update(0, { name: "x" })],
    [
      () => first.updateSync(0, () => ({ name: "x" })),
      () => first.update(0, () => ({ name: "x" })),
    ],
    [
      () => first.updateWhereSync({ age: 0 }, { name: "x" }),
      () => first.updateWhere({ age: 0 }, { name: "x" }),
    ],
    [() => first.renameFieldSync("name", "x"), () => first.renameField("name", "x")],
    [() => first.setIndexSync("name", { index: true }), () => first.dropField("name")],
  ];
  for (const [attemptSync, attempt] of attempts) {
    assertThrows(attemptSync, SchemaError, '"name"');
    await assertRejects(attempt, SchemaError, '"name"');
  }
  assertEquals(first.stats().sequence, sequence);
  // What still fits is written, also by a row of before.
  assertEquals(first.updateSync(read, { age: 50 }).age, 50);
  assertEquals(first.insertSync({ age: 1 }), 203);

  second.setTypeSync("age", "float");
  assertEquals(first.schema.age, { type: "float" });
  first.updateSync(0, { age: 0.5 });
  assertEquals([first.count({ age: 0.5 }), reader.count({ age: 0.5 })], [1, 1]);
  assertEquals(first.insertManySync(Array.from({ length: 70 }, () => ({ age: 0.25 }))).length, 70);

  assertThrows(() => second.setIndexSync("age", { unique: true }), UniqueError);
  second.deleteWhereSync({ __id__: { gte: 5 } });
  second.setIndexSync("age", { unique: true });
  assertEquals(first.schema.age, { type: "float", unique: true });
  assertThrows(() => first.insertSync({ age: 0.5 }), UniqueError);
  assertEquals([reader.explain({ age: 2 }).index, first.explain({ age: 2 }).index], ["age", "age"]);
});

Deno.test("what is asked for before the fields are altered is written as they are then", async () => {
  await using temp = tempBase();
  await using first = await PsBase.create(temp.path, PEOPLE);
  await using second = secondHandle<typeof PEOPLE>(temp.path);
  const owner = first as unknown as Base;
  // In one turn of one handle: in that order.
  const results = await Promise.allSettled([
    first.insert({ name: "a", age: 1 }),
    first.renameField("name", "first"),
    first.insert({ name: "b", age: 2 }),
    first.setType("age", "float"),
    owner.insert({ first: "c", age: 2.5 }),
    owner.update(0, { age: 0.5 }),
    first.setIndex("age", { unique: true }),
    owner.insert({ age: 0.5 }),
  ]);
  // A row is checked when it is given and when it is written.
  assertEquals(results.map(({ status }) => status === "fulfilled"), [
    true,
    true,
    false,
    true,
    false,
    true,
    true,
    false,
  ]);
  assertEquals(Array.from(owner, (row) => [row.first, row.age]), [["a", 0.5]]);
  // Of another handle: between what is given and the lock.
  const waiting = Promise.allSettled([
    second.insertMany([{ age: 5 }]),
    second.insertMany([{ age: 6 }, { age: 5 }]),
  ]);
  first.addFieldSync("tag", { type: "string", default: "t" });
  const [fits, fails] = await waiting;
  assertEquals(fits!.status === "fulfilled" && fits!.value, [1]);
  assert(fails!.status === "rejected" && fails!.reason instanceof UniqueError);
  assertEquals({ ...owner.get(1)! }, { __id__: 1, __version__: 0, first: null, tag: "t", age: 5 });
});

Deno.test("rows written and fields altered while a cleanup runs are all there after it", async () => {
  await using temp = tempBase();
  await (await PsBase.create(temp.path, PEOPLE)).close();
  await using first = await PsBase.open<typeof PEOPLE>(temp.path);
  const rows = Array.from({ length: 40_000 }, (_, age) => ({ name: `p${age}`, age }));
  await first.insertMany(rows);
  await first.cleanup();
  await first.update(5, { name: "before" });
  const { generation } = first.stats();
  await using second = secondHandle<typeof PEOPLE>(temp.path);
  const steps: (() => unknown)[] = [
    () => second.updateSync([6, 39_999], { name: "meanwhile" }),
    () => second.deleteSync(7),
    () => second.renameFieldSync("name", "first"),
    () => second.insertManySync(Array.from({ length: 100 }, (_, age) => ({ age }))),
    () => second.setTypeSync("age", "float"),
    () => second.insertSync({ age: 0.5 }),
    () => second.setIndexSync("age", { index: true }),
    () => second.updateSync(8, { age: 8.5 }),
    () => second.addFieldSync("tag", { type: "string", default: "t", index: true }),
    () => second.insertSync({ age: 9.5 }),
  ];
  let done = 0;
  const expected = () => {
    const db = second as unknown as PsBase;
    assertEquals(Object.keys(db.schema), ["first", "age", "tag"]);
    assertEquals(db.size, 40_000 - 1 + 102);
    assertEquals(
      [5, 6, 7, 39_999, 40_099].map((id) => db.get(id)?.first),
      ["before", "meanwhile", undefined, "meanwhile", null],
    );
    const found = (where: object) => db.select(where).map((row) => row.__id__);
    assertEquals(found({ age: { in: [0.5, 8.5, 9.5] } }), [8, 40_100, 40_101]);
    assertEquals(found({ age: 6 }), [6, 40_006]);
    assertEquals(found({ age: 8 }), [40_008]);
    assertEquals(db.count({ tag: "t" }), db.size);
    assertEquals(found({ first: "meanwhile" }), [6, 39_999]);
  };
  // A step in each turn that the cleanup leaves to others.
  const cleanup = first.cleanup().finally(() => done = Infinity);
  let during = 0;
  for (const step of steps) {
    if (done < Infinity) during++;
    step();
    await new Promise((resolve) => setTimeout(resolve));
  }
  assert(during >= 3, "the cleanup was over too soon");
  await cleanup;
  assert(first.stats().generation > generation);
  expected();
  await second.cleanup();
  expected();
  await first.cleanup();
  expected();
  for (const field of ["age", "tag"]) {
    const where = { [field]: field === "age" ? 6 : "no" };
    assertEquals((first as unknown as PsBase).explain(where).index, field);
  }
});
