import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Base, json, PsBase, SchemaError } from "../../mod.ts";
import { tempBase } from "../helpers/temp_base.ts";

const PEOPLE = {
  name: { type: "string", required: true },
  age: "integer",
  size: { type: "integer", default: 300 },
  team: { type: "string", required: true, default: "none" },
} as const;

for (const Class of [Base, PsBase]) {
  Deno.test(`${Class.name}.insert() gives ids in order and keeps rows when reopened`, async () => {
    await using temp = tempBase();
    {
      await using db = await Class.create(temp.path, PEOPLE);
      assertEquals(await db.insert({ name: "homer", age: 39 }), 0);
      assertEquals(db.insertSync({ name: "marge" }), 1);
      assertEquals(await db.insertMany([{ name: "bart" }, { name: "lisa" }]), [2, 3]);
      assertEquals(db.insertManySync([{ name: "maggie" }]), [4]);
      assertEquals(await db.insertMany([]), []);
    }
    using db = Class.openSync(temp.path);
    assertEquals(Array.from(db, (row) => row.name), ["homer", "marge", "bart", "lisa", "maggie"]);
    assertEquals(db.get(0), {
      __id__: 0,
      __version__: 0,
      name: "homer",
      age: 39,
      size: 300,
      team: "none",
    });
  });
}

Deno.test("PsBase.insert() puts defaults where nothing or undefined is given, null where null", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, PEOPLE);
  const [a, b, c] = [
    db.insertSync({ name: "a" }),
    db.insertSync({ name: "b", size: undefined, age: undefined, team: undefined }),
    db.insertSync({ name: "c", size: null }),
  ];
  assertEquals([db.get(a)?.size, db.get(a)?.age, db.get(a)?.team], [300, null, "none"]);
  assertEquals([db.get(b)?.size, db.get(b)?.age, db.get(b)?.team], [300, null, "none"]);
  assertEquals(db.get(c)?.size, null);
  assertEquals(db.defaults, { name: null, age: null, size: 300, team: "none" });
});

Deno.test("PsBase.insert() that fails leaves nothing and uses up no id", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, PEOPLE);
  db.insertSync({ name: "homer" });
  const before = temp.files();
  const bad: [unknown, typeof SchemaError | typeof TypeError | typeof RangeError, string][] = [
    [{}, SchemaError, 'field "name" is required'],
    [{ name: null }, SchemaError, 'field "name" is required'],
    [{ name: undefined }, SchemaError, 'field "name" is required'],
    [{ name: "x", team: null }, SchemaError, 'field "team" is required'],
    [{ name: "x", nick: "y" }, SchemaError, 'there is no field "nick"'],
    [{ name: "x", __id__: 7 }, SchemaError, "__id__"],
    [{ name: "x", __version__: 7 }, SchemaError, "__version__"],
    [{ name: "x", constructor: 1 }, SchemaError, 'there is no field "constructor"'],
    [JSON.parse('{"name":"x","__proto__":1}'), SchemaError, "__proto__"],
    [{ name: 7 }, TypeError, 'field "name": 7 is a number, expected a string'],
    [{ name: "x", age: "7" }, TypeError, 'field "age"'],
    [{ name: "x", age: 7n }, TypeError, 'field "age"'],
    [{ name: "x", age: 1.5 }, RangeError, 'field "age"'],
    [{ name: "x", age: 2 ** 53 }, RangeError, 'field "age"'],
    [{ name: "x", age: NaN }, RangeError, 'field "age"'],
    [{ name: "\ud800" }, RangeError, 'field "name"'],
    [null, TypeError, "expected an object"],
    ["homer", TypeError, "expected an object"],
    [["homer"], TypeError, "expected an object"],
    [Promise.resolve({ name: "x" }), TypeError, "Promise"],
  ];
  for (const [row, type, told] of bad) {
    const said = await assertRejects(() => db.insert(row as never), type, told);
    assert(said.message.startsWith(`Cannot insert into "${temp.path}": `), said.message);
    assertThrows(() => db.insertSync(row as never), type, told);
    await assertRejects(() => db.insertMany([{ name: "good" }, row as never]), type, told);
    assertThrows(() => db.insertManySync([{ name: "good" }, row as never]), type, told);
  }
  assertEquals(temp.files(), before);
  assertEquals(db.insertSync({ name: "marge" }), 1);
  assertEquals(db.size, 2);
});

Deno.test("PsBase.insert() copies what is given and what is handed out", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, {
    photo: "bytes",
    seen: "timestamp",
    data: json<number[]>(),
  });
  const row = { photo: new Uint8Array([1, 2]), seen: new Date(5), data: [1, 2] };
  const promise = db.insert(row);
  row.photo[0] = 9;
  row.seen.setTime(9);
  row.data[0] = 9;
  await promise;
  const whole = { photo: new Uint8Array([1, 2]), seen: new Date(5), data: [1, 2] };
  for (const _ of ["in the log", "in the table"]) {
    for (let i = 0; i < 2; i++) {
      const { photo, seen, data } = db.get(0)!;
      assertEquals({ photo, seen, data }, whole);
      photo![0] = 9;
      seen!.setTime(9);
      data![0] = 9;
      (db.get(0) as { photo: unknown }).photo = null;
    }
    db.cleanupSync();
  }
});

Deno.test("PsBase.insertMany() stores 100,000 rows, in groups, in one commit", async () => {
  await using temp = tempBase();
  {
    await using db = await PsBase.create(temp.path, { n: "integer", name: "string" });
    db.insertSync({ n: -1 });
    const { sequence } = db.stats();
    const rows = Iterator.from(Array(100_000).keys()).map((n) => ({ n, name: `row ${n}` }));
    const ids = await db.insertMany(rows);
    assertEquals([ids.length, ids[0], ids.at(-1)], [100_000, 1, 100_000]);
    assertEquals(db.stats().sequence, sequence + 1);
    assertEquals(db.insertSync({ n: -2 }), 100_001);
  }
  using db = PsBase.openSync(temp.path, { schema: { n: "integer", name: "string" } });
  assertEquals(db.size, 100_002);
  let expected = -1;
  for (const { __id__, n } of db) {
    if (n !== (expected === 100_000 ? -2 : expected) || __id__ !== expected + 1) {
      throw new Error(`row ${__id__} has ${n}`);
    }
    expected++;
  }
  for (const n of [0, 16_383, 16_384, 16_385, 65_536, 99_999]) {
    assertEquals(db.get(n + 1)?.name, `row ${n}`);
    assertEquals(db.at(n + 1)?.n, n);
    assertEquals(db.select({ n }).map((row) => row.__id__), [n + 1]);
    assertEquals(db.select({ name: `row ${n}` }).map((row) => row.__id__), [n + 1]);
  }
  assertEquals(db.at(-2)?.n, 99_999);
  assertEquals(db.count({ n: [16_380, 16_390] }), 11);
});

Deno.test("PsBase.insertMany() writes rows as the fields are by then, of an array and of an iterator", async () => {
  await using temp = tempBase();
  await using db = await PsBase.create(temp.path, { n: "integer" });
  await using other = await PsBase.open(temp.path);
  for (const count of [2, 100]) {
    for (const kind of ["array", "iterator"]) {
      const rows = Array.from({ length: count }, (_, n) => ({ n }));
      const ids = db.insertMany(kind === "array" ? rows : rows.values());
      const name = `${kind}${count}`;
      other.addFieldSync(name, { type: "integer", default: count });
      assertEquals((await ids).length, count);
      const last: Record<string, unknown> = db.at(-1)!;
      assertEquals([last.n, last[name]], [count - 1, count]);
    }
  }
});

Deno.test({
  name: "PsBase.insertMany() asks for no more rows than a commit can hold (PSBASE_LONG=1)",
  ignore: Deno.env.get("PSBASE_LONG") !== "1",
  async fn() {
    await using temp = tempBase();
    await using db = await PsBase.create(temp.path, { data: "bytes" });
    const data = new Uint8Array(2 ** 24);
    let asked = 0;
    const rows = Iterator.from({ next: () => ({ done: asked++ > 1000, value: { data } }) });
    const told = "more than 1073741824 bytes at once, which is the limit, write less at a time";
    await assertRejects(() => db.insertMany(rows), RangeError, told);
    assertEquals([db.size, db.sequence], [0, 0]);
    assert(asked < 100, `${asked} rows`);
  },
});

Deno.test("PsBase.insertMany() takes text of every kind, up to the limit", async () => {
  await using temp = tempBase();
  const texts = [
    "",
    "\0",
    "a\0b",
    "line\nline\r\n",
    "😀 👩‍👩‍👧",
    "\ufeff",
    "\uffff\u{10000}",
    "é".repeat(3),
    "x".repeat(5 * 2 ** 20),
    "€".repeat(5 * 2 ** 20 / 3),
    null,
  ];
  using db = PsBase.createSync(temp.path, { text: "string" });
  db.insertManySync(texts.map((text) => ({ text })));
  for (const text of texts) db.insertSync({ text });
  // From 64 rows on they are stored by column.
  db.insertManySync([...texts, ...Array(64).fill("x")].map((text) => ({ text })));
  const expected = [...texts, ...texts, ...texts, ...Array(64).fill("x")];
  const check = (base: typeof db) => {
    assert(base.select().every((row, i) => row.text === expected[i]), "select");
    for (const text of texts) {
      assertEquals(base.count({ text }), text === null ? 3 : 3, `${text?.slice(0, 10)}`);
    }
  };
  check(db);
  db.cleanupSync();
  check(db);
  using again = PsBase.openSync(temp.path, { schema: { text: "string" } });
  check(again);
});

Deno.test("PsBase.insert() refuses a value beyond 64 MiB before the first byte", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, { text: "string", bytes: "bytes" });
  const before = temp.files();
  assertThrows(() => db.insertSync({ text: "x".repeat(2 ** 26 + 1) }), RangeError, "too long");
  assertThrows(() => db.insertSync({ bytes: new Uint8Array(2 ** 26 + 1) }), RangeError, "too long");
  assertEquals(temp.files(), before);
});

Deno.test("PsBase.insertSync() works while an insert() waits", async () => {
  await using temp = tempBase();
  for (const Class of [Base, PsBase]) {
    await using db = await Class.create(temp.path, { name: "string" }, { mode: "override" });
    const promise = db.insert({ name: "a" });
    const b = db.insertSync({ name: "b" });
    const a = await promise;
    assertEquals([a, b].sort(), [0, 1]);
    assertEquals([db.get(a)?.name, db.get(b)?.name], ["a", "b"]);
  }
});

Deno.test("PsBase.insert() keeps -0, NaN and infinities of floats; an integer -0 becomes 0", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, { f: "float", n: "integer" });
  const floats = [0, -0, 7, NaN, Infinity, -Infinity, 5e-324];
  const whole = Array.from({ length: 70 }, (_, i) => i === 35 ? -0 : i);
  for (const list of [floats, whole, whole.map((n) => n / 2), [...floats, ...whole]]) {
    const ids = db.insertManySync(list.map((f) => ({ f, n: -0 })));
    for (const _ of ["log", "table"]) {
      ids.forEach((id, i) => {
        const { f, n } = db.get(id)!;
        assert(Object.is(f, list[i]) && Object.is(n, 0), `${f} instead of ${list[i]}`);
      });
      assertEquals(
        db.count({ f: 0, __id__: [ids[0]!, ids.at(-1)!] }),
        list.filter((f) => f === 0).length,
      );
      db.cleanupSync();
    }
  }
});
