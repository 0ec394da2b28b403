/**
 * What the test program of Buzhug checks of Buzhug, checked of psbase: the same tour, from a
 * table made to a table destroyed. Buzhug runs it with `Base` and with `TS_Base`, its version
 * for threads; here it is `Base` and `PsBase`.
 *
 * @module
 */

import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Base,
  BaseExistsError,
  BaseNotFoundError,
  ConflictError,
  field,
  link,
  PsBase,
  RecordNotFoundError,
  type RowOf,
  SchemaError,
} from "../mod.ts";
import { newSeed, type Random, randomFrom } from "./helpers/random.ts";
import { tempBase } from "./helpers/temp_base.ts";

const NAMES = ["andré", "Ångström", "čeněk", "françois", "josé", "naïma", "noël", "zoë", "łukasz"];
const BIRTH = Temporal.PlainDate.from("1994-01-14");
const WAKES = Temporal.PlainTime.from("10:10:10");
const PEOPLE = {
  name: "string",
  nick: "string",
  age: "integer",
  size: { type: "integer", default: 300 },
  birth: { type: "date", default: BIRTH },
  weight: { type: "float", default: 1 },
  wakes: { type: "time", default: WAKES },
} as const;
const DEFAULTS = {
  name: null,
  nick: null,
  age: null,
  size: 300,
  birth: BIRTH,
  weight: 1,
  wakes: WAKES,
};

type People = Base<typeof PEOPLE>;
type Person = RowOf<People>;

/** Of any size that a float can have, down to the least and up to the greatest. */
function anyFloat(random: Random): number {
  if (random.chance(0.05)) return random.pick([0, -0, Number.MIN_VALUE, -Number.MAX_VALUE]);
  const fraction = random.below(2 ** 32) / 2 ** 31 - 1;
  return fraction * 10 ** (random.below(632) - 323);
}

/** Of any size that an integer can have. */
function anyInteger(random: Random): number {
  const size = random.below(2 ** random.below(54));
  return random.chance(0.5) ? size : -size;
}

function anyDate(random: Random): Temporal.PlainDate {
  return Temporal.PlainDate.from("1858-01-01").add({ days: random.below(52_000) });
}

function anyTime(random: Random): Temporal.PlainTime {
  return new Temporal.PlainTime().add({ seconds: random.below(86_400) });
}

function anyName(random: Random): string {
  return random.pick(NAMES) + random.pick(["", "", " " + random.pick(NAMES)]);
}

/** Now and then a field is null. */
function anyPerson(random: Random) {
  const orNull = <T>(value: T) => random.chance(0.05) ? null : value;
  return {
    name: orNull(anyName(random)),
    nick: orNull(anyName(random)),
    age: orNull(7 + random.below(40)),
    size: orNull(anyInteger(random)),
    birth: orNull(anyDate(random)),
    weight: orNull(anyFloat(random)),
    wakes: orNull(anyTime(random)),
  };
}

function people(random: Random, count: number) {
  return Array.from({ length: count }, () => anyPerson(random));
}

/** Rows in the table, in a large insert, and one by one; some updated, some deleted since. */
async function fill(db: People, random: Random): Promise<void> {
  await db.insertMany(people(random, 300));
  await db.cleanup();
  await db.insertMany(people(random, 200));
  for (const person of people(random, 60)) db.insertSync(person);
  const ids = [...db.keys()];
  await db.update(ids.filter((id) => id % 11 === 0), () => ({ size: anyInteger(random) }));
  await db.delete(ids.filter((id) => id % 13 === 0));
}

const byValue = <T>(a: T, b: T) => a < b ? -1 : a > b ? 1 : 0;

/** What ranges are asked of, and JavaScript's own order of it. */
const RANGES: Record<
  "name" | "age" | "size" | "weight" | "birth" | "wakes",
  // deno-lint-ignore no-explicit-any
  { any: (random: Random) => unknown; compare: (a: any, b: any) => number }
> = {
  name: { any: anyName, compare: byValue },
  age: { any: (random) => random.below(50), compare: byValue },
  size: { any: anyInteger, compare: byValue },
  weight: { any: anyFloat, compare: byValue },
  birth: { any: anyDate, compare: Temporal.PlainDate.compare },
  wakes: { any: anyTime, compare: Temporal.PlainTime.compare },
};

const idsOf = (rows: readonly { readonly __id__: number }[]) => rows.map((row) => row.__id__);

/** What `fn` prints, a text for each call. */
function printed(fn: () => void): string[] {
  const calls: string[] = [];
  const terminal: Pick<Console, "log"> = console;
  const { log } = terminal;
  terminal.log = (...args: unknown[]) => void calls.push(args.join(" "));
  try {
    fn();
  } finally {
    terminal.log = log;
  }
  return calls;
}

for (const Class of [Base, PsBase]) {
  /** A part of the tour; if it fails, the seed is told. */
  const tour = (what: string, walk: (random: Random) => Promise<void>) => {
    Deno.test(`Buzhug's tour of ${Class.name}: ${what}`, async () => {
      const seed = newSeed();
      try {
        await walk(randomFrom(seed));
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
      }
    });
  };

  // ------------------------------------------------------------- making

  tour("create by modes, and open", async () => {
    await using temp = tempBase();
    assertThrows(() => Class.openSync(temp.path), BaseNotFoundError);
    {
      using db = Class.createSync(temp.path, PEOPLE);
      db.insertSync({ name: "zoë" });
    }
    assertThrows(() => Class.createSync(temp.path, PEOPLE), BaseExistsError);
    await assertRejects(() => Class.create(temp.path, PEOPLE, { mode: "new" }), BaseExistsError);
    {
      await using db = await Class.create(temp.path, PEOPLE, { mode: "open" });
      assertEquals([db.size, db.get(0)?.name], [1, "zoë"]);
    }
    {
      await using db = await Class.create(temp.path, { other: "float" }, { mode: "override" });
      assertEquals([db.size, Object.keys(db.schema)], [0, ["other"]]);
    }
    using db = Class.openSync(temp.path);
    assertEquals(Object.keys(db.schema), ["other"]);
    using elsewhere = Class.createSync(`${temp.parent}/new`, PEOPLE, { mode: "open" });
    assertEquals(elsewhere.size, 0);
  });

  tour("what is inserted by name comes back as it was", async (random) => {
    await using temp = tempBase();
    const given = people(random, 400);
    {
      await using db = await Class.create(temp.path, PEOPLE);
      const ids = [
        ...await db.insertMany(given.slice(0, 300)),
        ...given.slice(300).map((person) => db.insertSync(person)),
      ];
      assertEquals(ids, given.map((_, id) => id));
    }
    for (const cleaned of [false, true]) {
      await using db = await Class.open(temp.path, { schema: PEOPLE });
      if (cleaned) await db.cleanup();
      const told = `cleaned up: ${cleaned}`;
      given.forEach((person, __id__) => {
        // Equal, and no -0 for 0: floats come back bit by bit.
        assertEquals(db.get(__id__), { __id__, __version__: 0, ...person }, told);
        assert(Object.is(db.get(__id__)!.weight, person.weight), told);
      });
      assertEquals(db.get(given.length), undefined);
    }
  });

  tour("values of the wrong type are refused", async () => {
    await using temp = tempBase();
    using db = Class.createSync(temp.path, PEOPLE);
    const wrong = [
      { name: 1 },
      { age: "10" },
      { age: 1.5 },
      { age: 2 ** 53 },
      { size: 10n },
      { birth: "1995-10-07" },
      { birth: new Date() },
      { weight: "1" },
      { wakes: 10 },
      { nickname: "x" },
      { __id__: 7 },
    ];
    for (const row of wrong) {
      const told = Deno.inspect(row);
      assertThrows(() => db.insertSync(row as never), Error, Object.keys(row)[0], told);
      await assertRejects(() => db.insert(row as never), Error, Object.keys(row)[0], told);
    }
    assertEquals([db.size, db.insertSync({ name: "noël" })], [0, 0]);
  });

  // ------------------------------------------------------------- defaults and texts

  tour("defaults, also set later, also after opening again", async () => {
    await using temp = tempBase();
    {
      await using db = await Class.create(temp.path, PEOPLE);
      assertEquals(db.defaults, DEFAULTS);
      await db.insert({ name: "josé" });
      assertEquals(db.at(-1), { ...DEFAULTS, __id__: 0, __version__: 0, name: "josé" });
      await db.insert({ name: "naïma", size: null, birth: undefined });
      assertEquals([db.at(-1)!.size, db.at(-1)!.birth], [null, BIRTH], "null is no default");
      await db.setDefault("name", "julie");
      db.setDefaultSync("size", null);
    }
    for (const cleaned of [false, true]) {
      await using db = await Class.open(temp.path, { schema: PEOPLE });
      if (cleaned) await db.cleanup();
      assertEquals(db.defaults, { ...DEFAULTS, name: "julie", size: null });
      await db.insert({ age: 20 });
      assertEquals([db.at(-1)!.name, db.at(-1)!.size], ["julie", null]);
      assertEquals(db.get(0)?.size, 300, "rows that were there stay as they are");
    }
  });

  tour("insertAsStrings with ISO, then with patterns", async () => {
    await using temp = tempBase();
    using db = Class.createSync(temp.path, PEOPLE);
    await db.insertAsStrings({
      name: "čeněk",
      age: "9",
      birth: "1995-10-07",
      weight: "-1.5e-300",
      wakes: "06:30",
    });
    assertEquals(db.at(-1), {
      ...DEFAULTS,
      __id__: 0,
      __version__: 0,
      name: "čeněk",
      age: 9,
      birth: Temporal.PlainDate.from("1995-10-07"),
      weight: -1.5e-300,
      wakes: Temporal.PlainTime.from("06:30"),
    });
    assertThrows(() => db.insertAsStringsSync({ birth: "07-10-95" }), TypeError, "birth");
    db.setStringFormat("date", "%d-%m-%y");
    db.setStringFormat("time", "%H-%M-%S");
    await db.insertAsStrings({ age: "10", size: "123", birth: "07-10-95", wakes: "20-53-3" });
    db.insertAsStringsSync({ name: "łukasz", size: null, birth: "9-12-68", wakes: "5-6-13" });
    const last = db.select({ __id__: { gt: 0 } });
    assertEquals(last.map(({ birth, wakes }) => `${birth} ${wakes}`), [
      "1995-10-07 20:53:03",
      "2068-12-09 05:06:13",
    ]);
    assertEquals(last.map(({ name, age, size, weight }) => [name, age, size, weight]), [
      [null, 10, 123, 1],
      ["łukasz", null, null, 1],
    ]);
    assertThrows(() => db.insertAsStringsSync({ birth: "1995-10-07" }), TypeError, "birth");
    assertThrows(() => db.insertAsStringsSync({ birth: "31-02-95" }), TypeError, "birth");
    assertThrows(() => db.insertAsStringsSync({ age: "ten" }), TypeError, "age");
    assertThrows(() => db.insertAsStringsSync({ age: 10 } as never), TypeError, "age");
    assertEquals(db.size, 3);
  });

  // ------------------------------------------------------------- selecting

  tour("range, operators, function and array agree", async (random) => {
    await using temp = tempBase();
    using db = Class.createSync(temp.path, PEOPLE);
    await fill(db, random);
    const all = [...db];
    let found = 0;
    for (const [name, { any, compare }] of Object.entries(RANGES)) {
      for (let i = 0; i < 25; i++) {
        const [low, high] = [any(random), any(random)].sort(compare);
        const holds = (row: Person) => {
          const value = row[name as keyof typeof RANGES];
          return value !== null && compare(low, value) <= 0 && compare(value, high) <= 0;
        };
        const expected = all.filter(holds);
        const told = `${name} from ${low} to ${high}`;
        const conditions = [
          name === "name" ? { between: [low, high] } : [low, high],
          { gte: low, lte: high },
          { not: { or: [{ lt: low }, { gt: high }, null] } },
        ];
        for (const where of [...conditions.map((one) => ({ [name]: one })), holds]) {
          assertEquals<unknown>([...db.select(where as never)], expected, told);
          assertEquals(db.count(where as never), expected.length, told);
        }
        found += expected.length;
      }
    }
    assert(found > 2000, `${found} rows found: the ranges ask for nothing`);
  });

  tour('equality, "not equal", two fields, the id', async (random) => {
    await using temp = tempBase();
    using db = Class.createSync(temp.path, PEOPLE);
    await fill(db, random);
    const all = [...db];
    const same = (where: Parameters<typeof db.select>[0], holds: (row: Person) => boolean) => {
      const expected = all.filter(holds);
      assertEquals<unknown>([...db.select(where)], expected);
      assertEquals<unknown>([...db.select(holds)], expected);
      assert(expected.length > 0 && expected.length < all.length);
    };
    const { name, age } = all.find((row) => row.name !== null && row.age !== null && row.age > 20)!;
    same({ name, age }, (row) => row.name === name && row.age === age);
    same({ name: { ne: name } }, (row) => row.name !== name);
    same({ name: { in: [name, null] } }, (row) => row.name === name || row.name === null);
    same({ name: null }, (row) => row.name === null);
    same({ name: /^[^a-z]/ }, (row) => row.name !== null && /^[^a-z]/.test(row.name));
    same({ name: { contains: "ë" } }, (row) => row.name?.includes("ë") ?? false);
    same(
      { name, age: { gt: 20 } },
      (row) => row.name === name && row.age !== null && row.age > 20,
    );
    same(
      { age: { gt: field("size") } },
      (row) => row.age !== null && row.size !== null && row.age > row.size,
    );
    same({ __id__: 20 }, (row) => row.__id__ === 20);
    assertEquals([...db.select({ __id__: 20 })], [db.get(20)!]);
    assertEquals(
      idsOf(db.select((row) => row.age !== null && row.age > row.__id__)),
      idsOf(all.filter((row) => row.age !== null && row.age > row.__id__)),
    );
    assertEquals(
      [...db.select({ age: 30 }, { fields: ["nick"] })],
      all.filter((row) => row.age === 30)
        .map(({ __id__, __version__, nick }) => ({ __id__, __version__, nick })),
    );
  });

  tour("length, iteration, access by id and by place", async (random) => {
    await using temp = tempBase();
    using db = Class.createSync(temp.path, PEOPLE);
    await fill(db, random);
    const all = [...db];
    assertEquals(
      [all.length, db.select().length, db.count(), [...db.keys()].length],
      Array(4).fill(db.size),
    );
    all.forEach((row, n) => {
      assertEquals(db.get(row.__id__), row);
      assertEquals([db.at(n)!.__id__, db.at(n - all.length)!.__id__], [row.__id__, row.__id__]);
    });
    assertEquals([db.at(all.length), db.at(-all.length - 1), db.get(-1)], Array(3).fill(undefined));
    // The last one is deleted, again and again: the last is then the one before it.
    for (const cleaned of [false, true]) {
      if (cleaned) await db.cleanup();
      for (let i = 0; i < 5; i++) {
        const before = db.at(-2)!;
        assertEquals(await db.delete(db.at(-1)!), 1);
        assertEquals(db.at(-1), before);
      }
    }
    assertEquals(idsOf([...db]), idsOf(all).slice(0, -10));
    assertEquals([db.has(all.at(-1)!.__id__), db.has(all[0]!.__id__)], [false, true]);
  });

  // ------------------------------------------------------------- sorting and printing

  tour("sortBy with several keys", async (random) => {
    await using temp = tempBase();
    using db = Class.createSync(temp.path, PEOPLE);
    await fill(db, random);
    // Null is before all else; ties are in the order of the ids.
    const byName = (a: string | null, b: string | null) =>
      a === b ? 0 : a === null || (b !== null && a < b) ? -1 : 1;
    const byBirth = (a: Temporal.PlainDate | null, b: Temporal.PlainDate | null) =>
      a === null || b === null
        ? Number(a !== null) - Number(b !== null)
        : Temporal.PlainDate.compare(a, b);
    const where = {
      birth: [Temporal.PlainDate.from("1900-01-01"), anyDate(randomFrom(1))],
    } as const;
    const sorted = db.select(where).sortBy("+name", "-birth");
    const expected = [...db.select(where)].sort((a, b) =>
      byName(a.name, b.name) || byBirth(b.birth, a.birth) || a.__id__ - b.__id__
    );
    assertEquals(idsOf(sorted), idsOf(expected));
    assertEquals([...db.select(where, { orderBy: ["name", "-birth"] })], [...sorted]);
    const three = [...db].sort((a, b) =>
      byBirth(b.birth, a.birth) || byName(a.nick, b.nick) || b.__id__ - a.__id__
    );
    assertEquals(idsOf(db.select().sortBy("-birth", "nick", "-__id__")), idsOf(three));
    assert(three.length > 400);
  });

  tour("pp", async () => {
    await using temp = tempBase();
    using db = Class.createSync(temp.path, PEOPLE);
    await db.insertMany([{ name: "zoë", age: 9 }, { name: "", size: null }, { age: -100 }]);
    const rows = db.select({}, { fields: ["name", "age", "size", "birth"] }).sortBy("-age");
    assertEquals(printed(() => rows.pp(80)), [[
      "__id__  name   age  size  birth",
      "──────  ────  ────  ────  ──────────",
      "     0  zoë      9   300  1994-01-14",
      "     2        -100   300  1994-01-14",
      '     1  ""                1994-01-14',
    ].join("\n")]);
  });

  // ------------------------------------------------------------- updating and deleting

  tour("update of one and of many, versions count up", async (random) => {
    await using temp = tempBase();
    using db = Class.createSync(temp.path, PEOPLE);
    await fill(db, random);
    for (let i = 0; i < 5; i++) {
      const [first] = db.select({}, { fields: ["name"], limit: 1 });
      const updated = await db.update(first!, {});
      assertEquals([updated.__id__, updated.__version__], [first!.__id__, first!.__version__ + 1]);
      assertEquals(db.get(first!.__id__), updated);
    }
    // Upper case for one name, row by row.
    const chosen = db.select({ name: { startsWith: "zoë" } });
    assert(chosen.length > 10);
    for (const row of chosen) await db.update(row, { name: row.name!.toUpperCase() });
    assertEquals(db.count({ name: { startsWith: "zoë" } }), 0);
    for (const { __id__, __version__, name } of chosen) {
      const { name: now, __version__: version } = db.get(__id__)!;
      assertEquals([now, version], [name!.toUpperCase(), __version__ + 1]);
    }
    // A year more for all: of rows selected, of rows iterated over, and in one commit.
    const before = new Map([...db].map((row) => [row.__id__, row]));
    for (const row of db.select({ age: { ne: null } })) await db.update(row, { age: row.age! + 1 });
    for (const row of db) if (row.age !== null) db.updateSync(row, { age: row.age + 1 });
    const many = await db.update(
      idsOf([...db]),
      (row) => row.age === null ? {} : { age: row.age + 1 },
    );
    assertEquals(many, [...db], "in the order of the ids that were passed");
    for (const row of db) {
      const { age, __version__ } = before.get(row.__id__)!;
      const expected = age === null ? [null, __version__ + 1] : [age + 3, __version__ + 3];
      assertEquals([row.age, row.__version__], expected, `row ${row.__id__}`);
    }
    // What was found is changed in one commit.
    const old = db.count({ age: { gt: 35 } });
    assertEquals(await db.updateWhere({ age: { gt: 35 } }, { birth: BIRTH }), old);
    assertEquals(db.count({ age: { gt: 35 }, birth: BIRTH }), old);
    assert(old > 0);
    assertEquals([...db.keys()], [...before.keys()], "the order of the rows");
  });

  tour("an update that conflicts is refused", async () => {
    await using temp = tempBase();
    using db = Class.createSync(temp.path, PEOPLE);
    await db.insertMany([{ name: "andré", age: 1 }, { name: "naïma", age: 2 }]);
    const [mine, theirs] = [db.get(0)!, db.get(0)!];
    await db.update(theirs, { age: 10 });
    const error = await assertRejects(() => db.update(mine, { age: 20 }), ConflictError);
    assertEquals([error.id, error.expected, error.found], [0, 0, 1]);
    // All or none: the row beside it stays as it is.
    assertThrows(() => db.updateSync([db.get(1)!, mine], { age: 20 }), ConflictError);
    assertEquals([...db].map((row) => [row.age, row.__version__]), [[10, 1], [2, 0]]);
    assertEquals((await db.update(db.get(0)!, { age: 20 })).age, 20, "read again");
    await db.delete(0);
    await assertRejects(() => db.update(mine, { age: 20 }), RecordNotFoundError);
  });

  tour("delete by row, id, selection; cleanup keeps the rest", async (random) => {
    await using temp = tempBase();
    let expected: Person[];
    let next: number;
    {
      await using db = await Class.create(temp.path, PEOPLE);
      await db.insertMany(people(random, 500));
      const model = new Map([...db].map((row) => [row.__id__, row]));
      assertEquals(await db.delete([db.get(10)!]), 1);
      assertEquals(await db.delete(11), 1);
      assertEquals(db.deleteSync([12, 13, 13, 10, 9999]), 2);
      for (const id of [10, 11, 12, 13]) model.delete(id);
      const young = db.select({ age: [30, 32] });
      assertEquals(await db.delete(young), young.length);
      for (const id of idsOf(young)) model.delete(id);
      const tall = [...model.values()].filter((row) => row.size !== null && row.size > 2 ** 50);
      assertEquals(await db.deleteWhere({ size: { gt: 2 ** 50 } }), tall.length);
      for (const id of idsOf(tall)) model.delete(id);
      assert(young.length > 0 && tall.length > 0);
      const gone = () => {
        assertEquals([db.get(10), db.has(10), db.count({ __id__: 10 })], [undefined, false, 0]);
        assertEquals([db.count({ age: [30, 32] }), db.count({ size: { gt: 2 ** 50 } })], [0, 0]);
        assertEquals([...db], [...model.values()]);
        assertEquals([...db.keys()], [...model.keys()]);
      };
      gone();
      for (const person of people(random, 50)) {
        const id = db.insertSync({ ...person, age: null, size: null });
        model.set(id, db.get(id)!);
      }
      gone();
      await db.cleanup();
      gone();
      assertEquals(db.stats().deadRows, 0);
      assertEquals(await db.delete(db.select()), model.size);
      assertEquals([db.size, [...db], db.at(-1)], [0, [], undefined]);
      await db.cleanup();
      next = db.insertSync({ name: "ids are never used again" });
      assertEquals(next, 550);
      expected = [...db];
    }
    using db = Class.openSync(temp.path, { schema: PEOPLE });
    assertEquals([...db], expected);
    assertEquals(db.insertSync({}), next + 1);
  });

  // ------------------------------------------------------------- other fields, other tables

  tour("drop a field, add one, at the end and behind another", async (random) => {
    await using temp = tempBase();
    let before: Person[];
    {
      await using db = await Class.create(temp.path, PEOPLE);
      await fill(db, random);
      before = [...db];
      const less = await db.dropField("name");
      assert(!Object.hasOwn(less.schema, "name"));
      assert(!Object.hasOwn(less.at(0)!, "name"));
      assertThrows(() => less.insertSync({ name: "x" } as never), SchemaError, "name");
      const more = await less.addField("name", { type: "string", default: "marcel" });
      assertEquals([more.at(0)!.name, more.count({ name: "marcel" })], ["marcel", before.length]);
      await more.setDefault("name", "julie");
      await more.insert({ age: 20 });
      const last = await more.addField("city", "string", { after: "age" });
      await last.update(last.at(-1)!, { city: "Łódź" });
      await assertRejects(() => last.addField("age" as never, "float"), SchemaError, "age");
    }
    for (const cleaned of [false, true]) {
      await using db = await Class.open(temp.path);
      if (cleaned) await db.cleanup();
      const fields = ["nick", "age", "city", "size", "birth", "weight", "wakes", "name"];
      assertEquals(Object.keys(db.schema), fields);
      assertEquals(Object.keys(db.at(0)!), ["__id__", "__version__", ...fields]);
      assertEquals<unknown>(
        [...db.select({ name: "marcel" })],
        before.map((row) => ({ ...row, name: "marcel", city: null })),
      );
      const { name, city } = db.at(-1)!;
      assertEquals([name, city, db.defaults.name], ["julie", "Łódź", "julie"]);
    }
  });

  tour("links to the rows of another table", async (random) => {
    await using temp = tempBase();
    await using db = await Class.create(temp.path, PEOPLE);
    await fill(db, random);
    const HOUSES = { address: "string", flag: "boolean", resident: link(db) } as const;
    const path = `${temp.parent}/houses`;
    const ids = [...db.keys()];
    const living = new Map<number, number>();
    {
      await using houses = await Class.create(path, HOUSES);
      for (let i = 0; i < 50; i++) {
        const id = random.pick(ids);
        // By row, or by id.
        const resident = random.chance(0.5) ? id : db.get(id)!;
        living.set(await houses.insert({ address: `${i}`, flag: i % 3 === 0, resident }), id);
      }
      await houses.insert({ address: "empty" });
      await assertRejects(() => houses.insert({ resident: 0 }), RangeError, "resident");
      assertEquals(houses.size, 51);
    }
    await using houses = await Class.open(path, { schema: HOUSES });
    for (const [id, resident] of living) {
      assertEquals(houses.get(id)?.resident, db.get(resident)!);
    }
    const whose = living.get(0)!;
    const theirs = [...living].filter(([, id]) => id === whose).map(([id]) => id);
    assertEquals(idsOf(houses.select({ resident: whose })), theirs);
    assertEquals(idsOf(houses.select({ resident: db.get(whose)! })), theirs);
    assertEquals(idsOf(houses.select((row) => row.resident?.__id__ === whose)), theirs);
    assertEquals(houses.count({ flag: true }) + houses.count({ flag: false }), 50);
    assertEquals([houses.count({ flag: true }), houses.count({ resident: null })], [17, 1]);
    // A link is live: it shows what the other row is now, and null when it is gone.
    await db.update(whose, { name: "moved" });
    assertEquals(houses.get(theirs[0]!)?.resident?.name, "moved");
    await db.delete(whose);
    assertEquals(theirs.map((id) => houses.get(id)!.resident), theirs.map(() => null));
    await houses.cleanup();
    assertEquals(houses.get(theirs[0]!)?.resident, null);
    assertEquals(houses.get(theirs[0]!)?.address, `${theirs[0]}`);
  });

  // ------------------------------------------------------------- figures, the end

  tour("commit, count and sum, destroy", async (random) => {
    await using temp = tempBase();
    const db = await Class.create(temp.path, PEOPLE);
    await fill(db, random);
    await db.commit();
    const all = [...db];
    assertEquals(all.reduce((n) => n + 1, 0), db.size);
    const ages = all.flatMap((row) => row.age ?? []);
    const sum = ages.reduce((a, b) => a + b);
    assertEquals([db.sum("age"), db.min("age"), db.max("age")], [
      sum,
      Math.min(...ages),
      Math.max(...ages),
    ]);
    assertAlmostEquals(db.avg("age")!, sum / ages.length, 1e-9);
    await db.destroy();
    assertThrows(() => Deno.statSync(temp.path), Deno.errors.NotFound);
    assertThrows(() => Class.openSync(temp.path), BaseNotFoundError);
    using again = Class.createSync(temp.path, PEOPLE);
    assertEquals([again.size, again.insertSync({})], [0, 0]);
  });
}
