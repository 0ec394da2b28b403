import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Base, PsBase, SchemaError } from "../../mod.ts";
import { tempBase } from "../helpers/temp_base.ts";

const PEOPLE = { name: "string", age: "integer" } as const;

/** One row singly, a hundred as a batch, and the same again in the table. */
async function fill(db: PsBase<typeof PEOPLE> | Base<typeof PEOPLE>): Promise<void> {
  const rows = Array.from({ length: 100 }, (_, age) => ({ name: `p${age}`, age }));
  for (const cleaned of [true, false]) {
    await db.insertMany(rows);
    await db.insert({ name: "single", age: 100 });
    if (cleaned) await db.cleanup();
  }
  await db.update([3, 103, 104, 201], (row) => ({ age: row.age }));
}

for (const Class of [Base, PsBase]) {
  Deno.test(`${Class.name}.addField() fills rows before it with its default, later ones as told`, async () => {
    await using temp = tempBase();
    {
      await using db = await Class.create(temp.path, PEOPLE);
      await fill(db);
      const more = await db.addField("nick", { type: "string", default: "none" }, {
        after: "name",
      });
      assert(Object.is(more, db), "the same handle");
      assertEquals(Object.keys(more.schema), ["name", "nick", "age"]);
      assertEquals(Object.keys(more.get(0)!), ["__id__", "__version__", "name", "nick", "age"]);
      assertEquals(more.count({ nick: "none" }), 202);
      await more.setDefault("nick", "later");
      assertEquals(await more.insert({ name: "x" }), 202);
      await more.update(0, { nick: "first" });
      await more.update(101, { age: -1 });
      more.addFieldSync("born", "date");
    }
    for (const cleaned of [false, true]) {
      using db = Class.openSync(temp.path);
      if (cleaned) db.cleanupSync();
      assertEquals([db.get(0)?.nick, db.get(1)?.nick, db.get(101)?.nick], [
        "first",
        "none",
        "none",
      ]);
      assertEquals([db.get(202)?.nick, db.get(3)?.nick, db.get(3)?.born], ["later", "none", null]);
      assertEquals(db.count({ nick: "none" }), 201);
      assertEquals(db.select((row) => row.nick !== "none").map((row) => row.__id__), [0, 202]);
      assertEquals(db.count({ born: null }), 203);
      assertEquals(Object.keys(db.schema), ["name", "nick", "age", "born"]);
      assertEquals(db.defaults.nick, "later");
    }
  });

  Deno.test(`${Class.name}.dropField() takes its values away, also when the name is used again`, async () => {
    await using temp = tempBase();
    {
      await using db = await Class.create(temp.path, PEOPLE);
      await fill(db);
      const iterator = db[Symbol.iterator]();
      const less = await db.dropField("age");
      assertEquals(iterator.next().value?.age, 0, "an older snapshot keeps it");
      iterator.return?.();
      assertEquals(less.get(7), { __id__: 7, __version__: 0, name: "p7" });
      assertThrows(() => db.select({ age: 7 }), TypeError, 'no field "age"');
      assertThrows(() => db.insertSync({ age: 7 }), SchemaError, 'no field "age"');
      assertThrows(() => db.updateSync(7, { age: 7 }), SchemaError, 'no field "age"');
      const again = await less.addField("age", { type: "string", default: "fresh" });
      assertEquals(again.count({ age: "fresh" }), 202);
      await again.update(7, { age: "seven" });
      await again.insert({ name: "y", age: "yes" });
    }
    for (const cleaned of [false, true]) {
      using db = Class.openSync(temp.path);
      if (cleaned) db.cleanupSync();
      assertEquals([db.get(7)?.age, db.get(8)?.age, db.get(202)?.age], ["seven", "fresh", "yes"]);
      assertEquals(db.count({ age: "fresh" }), 201);
    }
  });

  Deno.test(`${Class.name}.setDefault() lasts, touches no row, and can be taken back`, async () => {
    await using temp = tempBase();
    {
      await using db = await Class.create(temp.path, PEOPLE);
      db.insertSync({ name: "before" });
      const changed = await db.setDefault("age", 20);
      assertEquals(changed.defaults, { name: null, age: 20 });
      await assertRejects(() => db.setDefault("age", "x" as never), TypeError, 'field "age"');
      assertThrows(() => db.setDefaultSync("age", 0.5), RangeError);
      await assertRejects(() => db.setDefault("nick" as never, "x" as never), SchemaError);
    }
    {
      using db = Class.openSync(temp.path, { schema: PEOPLE });
      assertEquals(db.defaults.age, 20);
      db.cleanupSync();
      db.insertSync({ name: "with" });
      db.setDefaultSync("age", null);
      db.insertSync({ name: "after" });
    }
    using db = Class.openSync(temp.path, { schema: PEOPLE });
    assertEquals(Array.from(db, (row) => row.age), [null, 20, null]);
  });
}

Deno.test("Base.addField() and dropField() that fail change nothing", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, { name: { type: "string", required: true } });
  const bad: [string, unknown, object, string][] = [
    ["name", "string", {}, "already exists"],
    ["_x", "string", {}, "reserved"],
    ["__proto__", "string", {}, "reserved"],
    ["a b", "string", {}, "a letter"],
    ["", "string", {}, "a letter"],
    ["x".repeat(256), "string", {}, "255 bytes"],
    ["x", "text", {}, 'unknown type "text"'],
    ["x", { type: "string", requird: true }, {}, 'unknown option "requird"'],
    ["x", { type: "integer", default: "1" }, {}, "default"],
    ["x", "string", { after: "nick" }, 'no field "nick"'],
  ];
  for (const [name, field, options, told] of bad) {
    const error = await assertRejects(
      () => db.addField(name as never, field as never, options),
      SchemaError,
      told,
    );
    assert(
      error.message.startsWith(`Cannot add field "${name}" to "${temp.path}": `),
      error.message,
    );
    assertThrows(() => db.addFieldSync(name as never, field as never, options), SchemaError, told);
  }
  await assertRejects(() => db.dropField("nick" as never), SchemaError, 'no field "nick"');
  await assertRejects(() => db.dropField("name"), SchemaError, "at least one field");
  assertEquals(db.stats().sequence, 0);
  assertEquals(db.schema, { name: { type: "string", required: true } });

  // What is required needs a default as soon as there are rows.
  const more = db.addFieldSync("team", { type: "string", required: true });
  assertThrows(
    () => more.insertSync({ name: "x" } as never),
    SchemaError,
    'field "team" is required',
  );
  more.insertSync({ name: "x", team: "a" });
  await assertRejects(
    () => db.addField("rank", { type: "date", required: true }),
    SchemaError,
    "default",
  );
  using again = PsBase.openSync(temp.path);
  assertEquals(Object.keys(again.schema), ["name", "team"]);
});

Deno.test("Base takes every name of a letter, digits and _ for a field, in every verb", async () => {
  await using temp = tempBase();
  const names = [
    "constructor",
    "then",
    "length",
    "toString",
    "hasOwnProperty",
    "valueOf",
    "toJSON",
  ];
  names.push("get", "name", "prototype", "é", "名前", "a_1", "x".repeat(255));
  const schema = Object.fromEntries(names.map((name) => [name, "string"])) as { then: "string" };
  await assertRejects(
    () => PsBase.create(temp.path, JSON.parse('{"a":"string","__proto__":"string"}')),
    SchemaError,
    "reserved",
  );
  using db = PsBase.createSync(temp.path, schema);
  const values = Object.fromEntries(names.map((name) => [name, `v ${name}`])) as { then: string };
  db.insertManySync(Array.from({ length: 70 }, () => values));
  db.insertSync(values);
  // Awaited rows with a `then` that is no function are rows.
  const updated = await db.update(0, (row) => ({ then: `${row.then}!` }));
  assertEquals(updated.then, "v then!");
  for (const _ of ["log", "table"]) {
    assertEquals(Object.keys(db.get(1)!), ["__id__", "__version__", ...names]);
    assertEquals(db.get(1), { __id__: 1, __version__: 0, ...values });
    for (const name of names) {
      const where = { [name]: `v ${name}` } as { then: string };
      const count = name === "then" ? 70 : 71;
      assertEquals(db.count(where), count, name);
      const read = (row: object) => (row as Record<string, unknown>)[name] === `v ${name}`;
      assertEquals(db.count(read), count, name);
      assertEquals([...db.select(where, { fields: [name as "then"], limit: 1 })], [
        { __id__: name === "then" ? 1 : 0, __version__: name === "then" ? 0 : 1, ...where },
      ]);
    }
    db.cleanupSync();
  }
  for (const name of ["__proto__", "isPrototypeOf", "_x"]) {
    assertThrows(() => db.select(JSON.parse(`{"${name}":1}`)), TypeError, `no field "${name}"`);
  }
});

Deno.test("Base.schema and defaults hand out copies", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, {
    photo: { type: "bytes", default: new Uint8Array([1]) },
  });
  db.defaults.photo![0] = 9;
  (db.schema.photo as { default: Uint8Array }).default[0] = 9;
  (db.schema as Record<string, unknown>).nick = "string";
  assertEquals(db.defaults.photo, new Uint8Array([1]));
  assertEquals(db.schema, { photo: { type: "bytes", default: new Uint8Array([1]) } });
});

Deno.test("Base schema changes show on other handles at their next call", async () => {
  await using temp = tempBase();
  using one = PsBase.createSync(temp.path, PEOPLE);
  using other = PsBase.openSync(temp.path);
  using third = PsBase.openSync(temp.path);
  one.insertSync({ name: "homer", age: 39 });
  one.addFieldSync("nick", { type: "string", default: "none" });
  assertEquals(other.insertSync({ name: "marge", nick: "m" }), 1, "a field that it never read of");
  assertEquals(other.updateSync(0, { nick: "h" }).nick, "h");
  assertEquals(await third.update(1, (row) => ({ nick: `${row.nick}!` })), {
    __id__: 1,
    __version__: 1,
    name: "marge",
    age: null,
    nick: "m!",
  });
  const inserting = third.insert({ name: "bart", nick: "b" });
  one.dropFieldSync("age");
  await assertRejects(() => third.insert({ name: "x", age: 1 }), SchemaError, 'no field "age"');
  await inserting;
  assertEquals(other.select({ nick: "b!" }).length, 0);
  assertEquals(Object.keys(other.get(2)!), ["__id__", "__version__", "name", "nick"]);
  assertEquals([other.schema, third.schema], [one.schema, one.schema] as never);
});
