import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Base,
  BaseNotFoundError,
  ClosedError,
  CorruptionError,
  link,
  PsBase,
  ReadOnlyError,
  SchemaError,
} from "../../mod.ts";
import { testInOwnProcess } from "../helpers/own_process.ts";
import { type TempBase, tempBase } from "../helpers/temp_base.ts";
import { watchFiles } from "../helpers/watched_files.ts";
import { withFiles } from "../../engine/system/deno_file.ts";

const HOUSES = { street: "string", no: "integer" } as const;

/** Houses beside the people of `temp`. */
function makeHouses(temp: TempBase) {
  const houses = PsBase.createSync(`${temp.parent}/houses`, HOUSES);
  houses.insertManySync([{ street: "Evergreen", no: 742 }, { street: "Elm", no: 1 }]);
  return houses;
}

function peopleOf(houses: Base<typeof HOUSES>) {
  return { name: "string", home: link(houses) } as const;
}

/** Both, and three people: at home in 0, in 1 and nowhere. */
function makeBoth(temp: TempBase) {
  const houses = makeHouses(temp);
  const people = PsBase.createSync(temp.path, peopleOf(houses));
  people.insertManySync([{ name: "homer", home: 0 }, { name: "moe", home: 1 }, { name: "x" }]);
  return {
    houses,
    people,
    [Symbol.dispose]() {
      houses[Symbol.dispose]();
      people[Symbol.dispose]();
    },
  };
}

// --------------------------------------------------------------- reading

Deno.test("a link is the row that it leads to as it is now, and null once that is gone", async () => {
  await using temp = tempBase();
  using both = makeBoth(temp);
  const { houses, people } = both;
  const row = people.get(0)!;
  assertEquals({ ...row.home! }, { __id__: 0, __version__: 0, street: "Evergreen", no: 742 });
  assertEquals(people.get(2)!.home, null);
  houses.updateSync(0, { no: 743 });
  // The same object: it looks when it is asked.
  assertEquals([row.home!.no, row.home!.__version__], [743, 1]);
  const taken = { ...row };
  const projected = people.select({ name: "homer" }, { fields: ["home"] })[0]!;
  for (const cleaned of ["houses", "people", ""]) {
    if (cleaned === "houses") houses.cleanupSync();
    if (cleaned === "people") people.cleanupSync();
    assertEquals(row.home!.street, "Evergreen");
    assertEquals(projected.home!.street, "Evergreen");
    assertEquals(people.get(0)!.home!.no, 743);
    assertEquals(Array.from(people, (row) => row.home?.street), ["Evergreen", "Elm", undefined]);
    assertEquals(people.at(-2)!.home!.street, "Elm");
  }
  houses.deleteSync(0);
  assertEquals([row.home, people.get(0)!.home, projected.home], [null, null, null]);
  assertEquals(taken.home!.no, 743, "a copy took the row as it was");
  assertEquals(people.get(1)!.home!.street, "Elm");
  // What it held is there still.
  assertEquals(people.select({ home: 0 }).map((row) => row.name), ["homer"]);
});

Deno.test("a link of a row is enumerable, spread as a row, and an id in JSON", async () => {
  await using temp = tempBase();
  using both = makeBoth(temp);
  const { people } = both;
  const row = people.get(0)!;
  assertEquals(Object.keys(row), ["__id__", "__version__", "name", "home"]);
  assertEquals(JSON.stringify(row), '{"__id__":0,"__version__":0,"name":"homer","home":0}');
  assertEquals(
    JSON.stringify(people.select({}, { fields: ["home"] })),
    '[{"__id__":0,"__version__":0,"home":0},{"__id__":1,"__version__":0,"home":1},' +
      '{"__id__":2,"__version__":0,"home":null}]',
  );
  both.houses.deleteSync(0);
  assertEquals(JSON.parse(JSON.stringify(row)).home, 0, "also of one that is gone");
  both.houses.updateSync(1, { no: 2 });
  const copy = { ...people.get(1)! };
  assertEquals(Object.keys(copy), ["__id__", "__version__", "name", "home"]);
  assertEquals({ ...copy.home! }, { __id__: 1, __version__: 1, street: "Elm", no: 2 });
  // A copy is a row still, and what it was read with is its link.
  people.updateSync(copy, { name: "barney" });
  assertEquals(people.get(1)!.home!.street, "Elm");
});

Deno.test('link("self") leads to rows of the same base, round in circles too', async () => {
  await using temp = tempBase();
  for (const Class of [Base, PsBase]) {
    using people = Class.createSync(temp.path, { name: "string", boss: link("self") }, {
      mode: "override",
    });
    people.insertSync({ name: "burns" });
    people.insertManySync([{ name: "smithers", boss: 0 }, { name: "homer", boss: people.get(0)! }]);
    people.updateSync(0, { boss: 0 });
    people.updateSync(2, { boss: people.get(1)! });
    assertEquals(people.get(2)!.boss!.boss!.boss!.boss!.name, "burns");
    people.cleanupSync();
    assertEquals(people.get(2)!.boss!.boss!.boss!.boss!.name, "burns");
    assertEquals(
      JSON.stringify(people.get(0)),
      '{"__id__":0,"__version__":1,"name":"burns","boss":0}',
    );
    assertEquals(people.count({ boss: people.get(0)! }), 2);
    assertEquals(people.schema.boss, { type: { link: "self" } });
    people.deleteSync(0);
    assertEquals([people.get(1)!.boss, people.get(2)!.boss!.name], [null, "smithers"]);
    assertEquals(people.insertSync({ name: "a" }), 3);
  }
});

for (const Class of [Base, PsBase]) {
  Deno.test(`${Class.name}: rows of one call lead to each other by the ids that they get`, async () => {
    await using temp = tempBase();
    using people = Class.createSync(temp.path, { name: "string", boss: link("self") });
    const bosses = () => people.select().map((row) => row.boss?.name ?? null);
    people.insertManySync([{ name: "a", boss: 1 }, { name: "b" }, { name: "c", boss: 2 }]);
    assertEquals(bosses(), ["b", null, "c"], "a later row, an earlier one, itself");
    people.insertSync({ name: "d", boss: 3 });
    people.insertAsStringsSync({ name: "e", boss: "4" });
    assertEquals(bosses().slice(3), ["d", "e"]);
    // So many that they become groups; the ids of rows that were deleted are not given again.
    people.deleteSync(4);
    const ids = people.insertManySync(
      Array.from({ length: 200 }, (_, n) => ({ name: `${n}`, boss: 5 + (n + 1) % 200 })),
    );
    assertEquals(ids[0], 5);
    people.cleanupSync();
    assertEquals([people.get(5)!.boss!.name, people.get(204)!.boss!.name], ["1", "0"]);
    const { sequence } = people.stats();
    const many = Array.from({ length: 100 }, () => ({ name: "x" }));
    const bad = [[{ boss: 206 }], [{}, { boss: 207 }], [{ boss: 4 }], [...many, { boss: 306 }]];
    for (const rows of bad) {
      const error = assertThrows(() => people.insertManySync(rows), RangeError, "no row");
      assert(error.message.includes(temp.path) && error.message.includes('"boss"'), error.message);
      await assertRejects(() => people.insertMany(rows), RangeError, "no row");
    }
    assertEquals(people.stats().sequence, sequence);
    // What is changed has its id already.
    assertThrows(() => people.updateSync(0, { boss: 205 }), RangeError, "no row 205");
  });

  Deno.test(`${Class.name}: rows of a transaction lead to each other`, async () => {
    await using temp = tempBase();
    using people = Class.createSync(temp.path, {
      name: "string",
      key: { type: "string", unique: true },
      boss: link("self"),
    });
    people.insertSync({ name: "first" });
    people.transactionSync((tx) => {
      const a = tx.insert({ name: "a" });
      const [b, c] = tx.insertMany([{ name: "b", boss: a }, { name: "c", boss: a + 1 }]);
      tx.update(a, { boss: c! });
      tx.updateWhere({ __id__: 0 }, { boss: b! });
      tx.upsert({ key: "k" }, { name: "d", boss: c! });
      assertThrows(() => tx.insertMany([{ boss: 6 }]), RangeError, "no row 6");
      assertEquals(tx.insertMany([{ name: "e", boss: 5 }]), [5]);
    });
    const bosses = () => people.select().map((row) => row.boss?.name);
    assertEquals(bosses(), ["b", "c", "a", "b", "c", "e"]);
    people.cleanupSync();
    assertEquals(bosses(), ["b", "c", "a", "b", "c", "e"]);
  });

  Deno.test(`${Class.name} refuses links within one call if other rows take its ids`, async () => {
    await using temp = tempBase();
    await using people = await Class.create(temp.path, { name: "string", boss: link("self") });
    const first = people.insert({ name: "first" });
    // Row 1 is the second of these, or, where another comes first, the first of them.
    const second = people.insertMany([{ name: "a" }, { name: "b", boss: 1 }]);
    const error = await assertRejects(() => second, RangeError, "other rows were inserted first");
    assert(error.message.includes(temp.path) && error.message.includes('"boss"'), error.message);
    assertEquals(await first, 0);
    assertEquals(people.size, 1);
    assertEquals(await people.insertMany([{ name: "a" }, { name: "b", boss: 2 }]), [1, 2]);
  });
}

Deno.test("two tables lead to each other, by addField()", async () => {
  await using temp = tempBase();
  {
    using both = makeBoth(temp);
    const { houses, people } = both;
    const owned = houses.addFieldSync("owner", link(people));
    owned.updateSync(0, { owner: people.get(1)! });
    assertEquals(owned.get(0)!.owner!.name, "moe");
    assertEquals(owned.get(0)!.owner!.home!.street, "Elm");
    // The handle on people is older than the field.
    const home = people.get(0)!.home as unknown as { owner: { name: string; home: unknown } };
    assertEquals(home.owner.name, "moe");
    people.updateSync(1, { name: "Moe" });
    assertEquals(home.owner.name, "Moe");
    owned.updateSync(1, { owner: 1 });
    assertEquals(people.get(1)!.home!.street, "Elm");
  }
  // Whichever of them is opened: all that is opened on the way is closed with it.
  const files = watchFiles();
  for (const name of ["people", "houses"]) {
    withFiles(files, () => {
      using db = PsBase.openSync(`${temp.parent}/${name}`);
      // deno-lint-ignore no-explicit-any -- its type is not known here
      let row: any = db.get(1);
      for (let i = 0; i < 10; i++) row = name === "people" ? row.home.owner : row.owner.home;
      assertEquals(row.__id__, 1);
      const open = files.opened.size;
      assertEquals(row === null, false);
      db.get(0);
      assertEquals(files.opened.size, open, "each is open once");
    });
    assertEquals([...files.opened], []);
  }
});

Deno.test("rows of links are closed with the table that they were reached from", async () => {
  await using temp = tempBase();
  using both = makeBoth(temp);
  const { houses, people } = both;
  const row = people.get(0)!;
  const { home } = row;
  // The user's own handle on the target is another one.
  houses[Symbol.dispose]();
  assertEquals(people.get(1)!.home!.street, "Elm");
  await people.close();
  assertThrows(() => row.home, ClosedError);
  assertEquals(home!.street, "Evergreen", "values that were read stay");
});

// --------------------------------------------------------------- writing

for (const Class of [Base, PsBase]) {
  Deno.test(`${Class.name} refuses links to what is not live and to rows of other tables`, async () => {
    await using temp = tempBase();
    using houses = makeHouses(temp);
    using others = PsBase.createSync(`${temp.parent}/others`, HOUSES);
    using people = Class.createSync(temp.path, {
      ...peopleOf(houses),
      key: { type: "string", unique: true },
    });
    houses.deleteSync(1);
    others.insertManySync([{ no: 5 }, { no: 6 }, { no: 7 }]);
    people.insertSync({ name: "homer", home: 0, key: "k" });
    const { sequence } = people.stats();
    type Kind = typeof TypeError | typeof RangeError;
    const bad: [unknown, Kind, string][] = [
      [1, RangeError, "no row 1 in"],
      [2, RangeError, "no row 2 in"],
      [-1, RangeError, "home"],
      [0.5, RangeError, "home"],
      [2 ** 53, RangeError, "home"],
      ["0", TypeError, "a row or its id"],
      [true, TypeError, "a row or its id"],
      [{}, TypeError, "a row or its id"],
      [{ __id__: 1, __version__: 0 }, RangeError, "no row 1"],
      [others.get(0), TypeError, "another table"],
      [people.get(0), TypeError, "another table"],
    ];
    for (const [value, kind, part] of bad) {
      const home = value as never;
      const many = Array.from({ length: 100 }, (_, n) => ({ home: n === 99 ? home : 0 }));
      const attempts: (() => unknown)[] = [
        () => people.insertSync({ name: "x", home }),
        () => people.insertManySync([{ name: "x" }, { home }]),
        () => people.insertManySync(many),
        () => people.updateSync(0, { home }),
        () => people.updateSync(0, () => ({ home })),
        () => people.updateWhereSync({}, { home }),
        () => people.upsertSync({ key: "k" }, { home }),
        () => people.upsertSync({ key: "new" }, { home }),
      ];
      for (const attempt of attempts) {
        const told = `${Deno.inspect(value)} by ${attempt}`;
        const error = assertThrows(attempt, kind, part, told);
        assert(error.message.includes(temp.path) && error.message.includes('"home"'), told);
      }
      await assertRejects(() => people.insert({ home }), kind, part);
      await assertRejects(() => people.update(0, { home }), kind, part);
    }
    assertThrows(() => people.insertAsStringsSync({ home: "1" }), RangeError, "no row 1");
    assertEquals([people.stats().sequence, people.size], [sequence, 1]);
    // What is fine: ids, rows, copies of rows, null.
    const good = [0, houses.get(0)!, { ...houses.get(0)! }, people.get(0)!.home, -0];
    for (const home of good) people.insertSync({ home });
    people.insertManySync([{ home: null }, { home: undefined }, {}]);
    people.insertAsStringsSync({ home: "0" });
    assertEquals(people.select().map((row) => row.home?.no ?? null), [
      ...Array(6).fill(742),
      ...Array(3).fill(null),
      742,
    ]);
    assertEquals(people.upsertSync({ key: "k" }, { home: null }).home, null);
    assertEquals(people.upsertSync({ key: "k" }, { home: houses.get(0)! }).home!.no, 742);
    // A link whose row is gone does not keep other fields from being changed.
    houses.deleteSync(0);
    assertEquals(people.updateSync(0, { name: "left alone" }).home, null);
    assertThrows(() => people.updateSync(0, (row) => ({ home: row.__id__ })), RangeError);
    assertEquals(people.updateWhereSync({ home: 0 }, { name: "all" }), 7);
    assertEquals(people.count({ home: 0, name: "all" }), 7);
  });
}

Deno.test("a row of a table that was overridden is a row of another table", async () => {
  await using temp = tempBase();
  using both = makeBoth(temp);
  const before = both.houses.get(0)!;
  using houses = PsBase.createSync(`${temp.parent}/houses`, HOUSES, { mode: "override" });
  houses.insertSync({ street: "New", no: 9 });
  assertThrows(() => both.people.updateSync(0, { home: before }), TypeError, "another table");
  both.people.updateSync(1, { home: houses.get(0)! });
  assertEquals(both.people.get(1)!.home!.street, "New");
});

Deno.test("functions of update, predicates and iterators follow links", async () => {
  await using temp = tempBase();
  using both = makeBoth(temp);
  const { houses, people } = both;
  people.updateSync([0, 1], (row) => ({ name: `${row.name} of ${row.home!.street}` }));
  assertEquals(people.get(1)!.name, "moe of Elm");
  assertEquals(
    people.updateWhereSync({ home: houses.get(0)! }, (row) => ({ name: row.home!.street })),
    1,
  );
  assertEquals(people.updateSync(2, () => ({ home: people.get(1)!.home })).home!.no, 1);
  for (const row of people) {
    if (row.home === null) continue;
    houses.updateSync(row.home, { no: 100 + row.__id__ });
    assertEquals(row.home.no, 100 + row.__id__);
  }
  for (const where of ["log", "table"]) {
    if (where === "table") people.cleanupSync();
    const named = people.select((row) => row.home !== null && row.home.street === "Elm");
    assertEquals(named.map((row) => row.__id__), [1, 2], where);
    assertEquals(people.count((row) => row.home?.street === "Evergreen"), 1, where);
  }
  houses.deleteSync(0);
  assertEquals(people.count((row) => row.home === null), 1);
});

// --------------------------------------------------------------- comparing

Deno.test("a link is compared by row and by id, with an index and without", async () => {
  await using temp = tempBase();
  using both = makeBoth(temp);
  const { houses } = both;
  using people = both.people.addFieldSync("second", { type: link(houses), index: true });
  people.insertManySync(
    Array.from({ length: 100 }, (_, n) => ({ name: `p${n}`, second: n < 3 ? n % 2 : null })),
  );
  const found = (where: object) => people.select(where).map((row) => row.__id__);
  for (const where of ["log", "table"]) {
    if (where === "table") people.cleanupSync();
    for (const name of ["home", "second"] as const) {
      const [zero, one] = name === "home" ? [[0], [1]] : [[3, 5], [4]];
      for (
        const value of [0, houses.get(0)!, { ...houses.get(0)! }, people.get(zero![0]!)![name]]
      ) {
        const told = `${where} ${name} ${Deno.inspect(value)}`;
        assertEquals(found({ [name]: value }), zero, told);
        assertEquals(found({ [name]: { eq: value } }), zero, told);
        assertEquals(found({ [name]: { in: [value] } }), zero, told);
        assertEquals(found({ [name]: { in: [value, houses.get(1)] } }), [...zero!, ...one!].sort());
        assertEquals(people.count({ [name]: { ne: value } }), 103 - zero!.length, told);
        assertEquals(people.count({ [name]: { notIn: [value] } }), 103 - zero!.length, told);
        assertEquals(people.count({ [name]: { not: value } } as never), 103 - zero!.length, told);
      }
      assertEquals(people.count({ [name]: null }), name === "home" ? 101 : 100);
      assertEquals(found({ [name]: 7 }), [], "no such row: nothing leads to it");
    }
    assertEquals(people.explain({ second: houses.get(1)! }).index, "second");
  }
  for (const wrong of ["0", -1, 0.5, [0, 1], {}, undefined, new Date()]) {
    assertThrows(() => found({ home: wrong }), Error, "home", Deno.inspect(wrong));
  }
  const order = people.select({ __id__: [0, 5] }, { orderBy: ["-second", "name"] });
  assertEquals(order.map((row) => row.__id__), [4, 3, 5, 0, 1, 2]);
  assertEquals(people.select({ __id__: [0, 2] }, { orderBy: "home" }).map((row) => row.__id__), [
    2,
    0,
    1,
  ]);
  // The same rows in memory.
  const rows = people.select({ __id__: [0, 5] }).sortBy("-second", "name");
  assertEquals(rows.map((row) => row.__id__), [4, 3, 5, 0, 1, 2]);
});

Deno.test("pp() prints links as ids", async () => {
  await using temp = tempBase();
  using both = makeBoth(temp);
  both.houses.deleteSync(1);
  const lines: string[] = [];
  const terminal: Pick<Console, "log"> = console;
  const { log } = terminal;
  terminal.log = (line: string) => lines.push(...line.split("\n"));
  try {
    both.people.select().pp(80);
  } finally {
    terminal.log = log;
  }
  assertEquals(lines.slice(0, 3), [
    "__id__  name   home",
    "──────  ─────  ────",
    "     0  homer     0",
  ]);
});

// --------------------------------------------------------------- where the other table is

Deno.test("links are opened again with the table, whether a schema is given or not", async () => {
  await using temp = tempBase();
  makeBoth(temp)[Symbol.dispose]();
  const files = watchFiles();
  await withFiles(files, async () => {
    {
      // deno-lint-ignore no-explicit-any -- its type is not known here
      await using people: any = await PsBase.open(temp.path);
      assertEquals([...files.opened].filter((name) => name.includes("houses")), []);
      assertEquals(people.get(0).home.street, "Evergreen");
      assertEquals(people.schema.home, { type: { link: `${realOf(temp)}/houses` } });
      // What a schema tells can be given back.
      using again = PsBase.openSync(temp.path, { schema: people.schema });
      assertEquals(again.size, 3);
    }
    assertEquals([...files.opened], []);
    {
      using houses = PsBase.openSync(`${temp.parent}/houses`, { schema: HOUSES });
      using people = PsBase.openSync(temp.path, { schema: peopleOf(houses) });
      assertEquals(people.get(0)!.home!.no, 742);
      using same = await PsBase.create(temp.path, peopleOf(houses), { mode: "open" });
      assertEquals(same.get(1)!.home!.no, 1);
    }
    assertEquals([...files.opened], []);
    using others = PsBase.createSync(`${temp.parent}/others`, HOUSES);
    for (
      const [field, part] of [
        [link(others), "leads to"],
        [link("self"), "leads to"],
        ["integer", "is link in the table"],
      ] as const
    ) {
      const schema = { name: "string", home: field } as const;
      assertThrows(() => PsBase.openSync(temp.path, { schema }), SchemaError, part);
      assertThrows(() => PsBase.createSync(temp.path, schema, { mode: "open" }), SchemaError, part);
    }
  });
  assertEquals([...files.opened], []);
});

function realOf(temp: TempBase): string {
  return Deno.realPathSync(temp.parent);
}

Deno.test("both tables moved together lead to each other still, and the schema of before is theirs", async () => {
  await using temp = tempBase();
  const from = `${temp.parent}/a/b`;
  Deno.mkdirSync(`${from}/deep`, { recursive: true });
  {
    using houses = PsBase.createSync(`${from}/deep/houses`, HOUSES);
    using people = PsBase.createSync(`${from}/people`, peopleOf(houses));
    people.insertSync({ home: houses.insertSync({ street: "moved" }) });
  }
  Deno.mkdirSync(`${temp.parent}/c`);
  Deno.renameSync(`${temp.parent}/a/b`, `${temp.parent}/c/d`);
  const to = `${temp.parent}/c/d`;
  using houses = PsBase.openSync(`${to}/deep/houses`, { schema: HOUSES });
  using people = PsBase.openSync(`${to}/people`, { schema: peopleOf(houses) });
  assertEquals(people.get(0)!.home!.street, "moved");
  assertEquals(people.schema.home, { type: { link: `${realOf(temp)}/c/d/deep/houses` } });
});

testInOwnProcess(import.meta.filename!, {
  name: "links are the same through symbolic links and relative paths",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using temp = tempBase();
    const far = `${temp.parent}/far/away`;
    Deno.mkdirSync(far, { recursive: true });
    const { parent } = temp;
    {
      using _both = makeBoth(temp);
    }
    Deno.symlinkSync(temp.path, `${far}/people`);
    Deno.symlinkSync(`${parent}/houses`, `${far}/houses`);
    {
      using houses = PsBase.openSync(`${far}/houses`, { schema: HOUSES });
      using people = PsBase.openSync(`${far}/people`, { schema: peopleOf(houses) });
      assertEquals(people.get(0)!.home!.street, "Evergreen");
      people.updateSync(2, { home: houses.get(1)! });
    }
    // What was declared through a link leads to where the table is.
    {
      using houses = PsBase.openSync(`${far}/houses`, { schema: HOUSES });
      using through = PsBase.createSync(`${far}/more`, peopleOf(houses));
      through.insertSync({ home: 0 });
    }
    Deno.removeSync(`${far}/houses`);
    {
      // deno-lint-ignore no-explicit-any -- its type is not known here
      using more: any = PsBase.openSync(`${far}/more`);
      assertEquals(more.get(0).home.street, "Evergreen");
      // deno-lint-ignore no-explicit-any -- its type is not known here
      using people: any = PsBase.openSync(`${far}/people`);
      assertEquals(people.get(2).home.street, "Elm", "from where the base is, not the link to it");
    }
    const cwd = Deno.cwd();
    try {
      Deno.chdir(parent);
      using houses = PsBase.openSync("houses", { schema: HOUSES });
      using people = PsBase.openSync("./people", { schema: peopleOf(houses) });
      assertEquals(people.get(2)!.home!.street, "Elm");
      using made = PsBase.createSync("made", peopleOf(houses));
      made.insertSync({ home: houses.get(0)! });
      assertEquals(made.get(0)!.home!.no, 742);
    } finally {
      Deno.chdir(cwd);
    }
    using houses = PsBase.openSync(`${parent}/houses`, { schema: HOUSES });
    using made = PsBase.openSync(`${parent}/made`, { schema: peopleOf(houses) });
    assertEquals(made.get(0)!.home!.no, 742);
  },
});

Deno.test("link() and schemas refuse what leads nowhere", async () => {
  await using temp = tempBase();
  for (const wrong of [undefined, null, "houses", 5, {}]) {
    assertThrows(() => link(wrong as never), TypeError, "Cannot link");
  }
  using houses = makeHouses(temp);
  const bad = ["link", { link: 5 }, { type: "link" }, { type: link(houses), default: 0 }];
  for (const field of bad) {
    assertThrows(() => PsBase.createSync(temp.path, { home: field } as never), SchemaError, "home");
  }
  using people = PsBase.createSync(temp.path, { home: link(houses) });
  assertThrows(() => people.setDefaultSync("home", 0 as never), SchemaError, "no default");
  assertEquals(people.defaults, { home: null });
});

// --------------------------------------------------------------- what becomes of the other table

for (const Class of [Base, PsBase]) {
  Deno.test(`${Class.name}: a table that a link leads to may be replaced, the user's stays open`, async () => {
    await using temp = tempBase();
    makeBoth(temp)[Symbol.dispose]();
    using houses = PsBase.openSync(`${temp.parent}/houses`, { schema: HOUSES });
    using people = Class.openSync(temp.path, { schema: peopleOf(houses) });
    const row = people.get(0)!;
    assertEquals(row.home!.street, "Evergreen");
    using others = PsBase.createSync(`${temp.parent}/houses`, HOUSES, { mode: "override" });
    others.insertSync({ street: "New", no: 1 });
    assertEquals(row.home!.street, "New");
    assertEquals(people.get(0)!.home!.street, "New");
    assertEquals(people.get(1)!.home, null, "there is no such row");
    assertThrows(() => people.insertSync({ home: 1 }), RangeError, "no row 1");
    assertEquals(people.insertSync({ home: 0 }), 3);
  });

  Deno.test(`${Class.name}: without the table that a link leads to all else can be done`, async () => {
    await using temp = tempBase();
    makeBoth(temp)[Symbol.dispose]();
    for (const asked of [true, false]) {
      if (!asked) makeHouses(temp)[Symbol.dispose]();
      // deno-lint-ignore no-explicit-any -- its type is not known here
      using people: any = Class.openSync(temp.path);
      if (asked) assertEquals(people.get(0).home.street, "Evergreen");
      PsBase.openSync(`${temp.parent}/houses`).destroySync();
      const row = people.get(0);
      assertThrows(() => row.home, BaseNotFoundError, "houses");
      assertThrows(() => people.insertSync({ home: 0 }), BaseNotFoundError, "houses");
      assertEquals([row.name, people.get(1).name], ["homer", "moe"], "it is open");
      assertEquals(people.count({ home: 0 }), 1);
      assertEquals(JSON.parse(JSON.stringify(row)).home, 0);
      const id = people.insertSync({ name: "new" });
      assertEquals(await people.insert({ name: "new" }), id + 1);
      assertEquals(people.updateSync(id, { name: "newer" }).name, "newer");
      assertEquals((await people.update(0, { name: "homer" })).name, "homer");
      assertEquals(await people.delete([id, id + 1]), 2);
      people.cleanupSync();
      // A new one in its place is followed.
      makeHouses(temp)[Symbol.dispose]();
      assertEquals(row.home.street, "Evergreen");
      PsBase.openSync(`${temp.parent}/houses`).destroySync();
    }
    using people = Class.openSync(temp.path);
    assertEquals(people.updateSync(0, { home: null } as never).home, null);
    assertEquals(Object.keys(people.dropFieldSync("home").schema), ["name"]);
  });

  Deno.test(`${Class.name}: a damaged table that a link leads to damages no other`, async () => {
    await using temp = tempBase();
    makeBoth(temp)[Symbol.dispose]();
    const path = `${temp.parent}/houses/000001.table`;
    const bytes = Deno.readFileSync(path);
    Deno.writeFileSync(path, bytes.map((byte, at) => at === bytes.length - 5 ? byte ^ 1 : byte));
    // deno-lint-ignore no-explicit-any -- its type is not known here
    using people: any = Class.openSync(temp.path);
    const row = people.get(0);
    for (let i = 0; i < 2; i++) assertThrows(() => row.home, CorruptionError, "houses");
    assertEquals([row.name, people.get(1).name, people.size], ["homer", "moe", 3]);
    assertThrows(() => people.insertSync({ home: 0 }), CorruptionError, "houses");
    assertEquals(people.insertSync({ name: "new" }), 3);
    Deno.writeFileSync(path, bytes);
    assertEquals(row.home.street, "Evergreen");
  });
}

Deno.test("links under owners and under readOnly", async () => {
  await using temp = tempBase();
  makeBoth(temp)[Symbol.dispose]();
  {
    // A Base on either side: links are only read.
    using houses = Base.openSync(`${temp.parent}/houses`, { schema: HOUSES });
    using people = Base.openSync(temp.path, { schema: peopleOf(houses) });
    assertEquals(people.get(0)!.home!.street, "Evergreen");
    houses.updateSync(0, { no: 5 });
    assertEquals(people.get(0)!.home!.no, 5);
    const home = houses.insertSync({ street: "Owned" });
    people.insertSync({ home });
    assertEquals(people.get(3)!.home!.street, "Owned");
    houses.cleanupSync();
    assertEquals(people.get(3)!.home!.street, "Owned");
  }
  const before = temp.files();
  {
    using houses = PsBase.openSync(`${temp.parent}/houses`, { schema: HOUSES, readOnly: true });
    using people = PsBase.openSync(temp.path, { schema: peopleOf(houses), readOnly: true });
    assertEquals(people.get(0)!.home!.street, "Evergreen");
    assertEquals(people.count({ home: houses.get(0)! }), 1);
    assertThrows(() => people.insertSync({ home: 0 }), ReadOnlyError);
    await assertRejects(() => people.insert({ home: 0 }), ReadOnlyError);
  }
  assertEquals(temp.files(), before);
});

Deno.test("a row that is linked to is on disk before the link is", async () => {
  await using temp = tempBase();
  makeHouses(temp)[Symbol.dispose]();
  const files = watchFiles();
  const synced: string[] = [];
  files.beforeSync = (path) => void synced.push(path.includes("houses") ? "houses" : "people");
  await withFiles(files, async () => {
    using houses = PsBase.openSync(`${temp.parent}/houses`, {
      schema: HOUSES,
      durability: "relaxed",
    });
    using people = PsBase.createSync(temp.path, {
      ...peopleOf(houses),
      key: { type: "string", unique: true },
    });
    const expectFlush = async (write: (home: number) => unknown, told: string) => {
      const home = houses.insertSync({ street: "new" });
      synced.length = 0;
      await write(home);
      assertEquals([synced[0], synced.at(-1)], ["houses", "people"], told);
      synced.length = 0;
      // Once is enough.
      await write(home);
      assertEquals(synced.filter((one) => one === "houses"), [], told);
    };
    await expectFlush((home) => people.insert({ home }), "insert");
    await expectFlush((home) => people.insertSync({ home }), "insertSync");
    await expectFlush((home) => people.update(0, { home }), "update");
    await expectFlush((home) => people.updateSync(0, { home }), "updateSync");
    await expectFlush((home) => people.update(0, () => ({ home })), "by a function");
    await expectFlush((home) => people.upsertSync({ key: "a" }, { home }), "upsertSync");
    await expectFlush((home) => people.upsert({ key: "b" }, { home }), "upsert");
  });
  assertEquals([...files.opened], []);
});

for (const field of ["string", link("self")] as const) {
  const what = field === "string" ? "no links" : "links";
  Deno.test(`PsBase.close() waits for the writes under way of a table with ${what}`, async () => {
    await using temp = tempBase();
    const people = await PsBase.create(temp.path, { name: "string", boss: field });
    const writes = [people.insert({ name: "a" }), people.insertMany([{ name: "b" }])];
    await Promise.all([people.close(), ...writes]);
    assertEquals(await Promise.all(writes), [0, [1]]);
  });
}

Deno.test("writes asked for together are done in that order, though links are synced first", async () => {
  await using temp = tempBase();
  makeHouses(temp)[Symbol.dispose]();
  const files = watchFiles();
  await withFiles(files, async () => {
    await using houses = await PsBase.open(`${temp.parent}/houses`, {
      schema: HOUSES,
      durability: "relaxed",
    });
    await using people = await PsBase.create(temp.path, peopleOf(houses));
    let held = 0;
    // The sync that is asked for first takes the longest.
    files.beforeSync = async (path) => {
      if (!path.includes("houses")) return;
      const turns = held++ === 0 ? 50 : 0;
      for (let i = 0; i < turns; i++) await new Promise((resolve) => setTimeout(resolve));
    };
    const home = houses.insertSync({ street: "new" });
    const ids = await Promise.all(
      Array.from({ length: 5 }, (_, n) => people.insert({ name: `${n}`, home })),
    );
    assertEquals(ids, [0, 1, 2, 3, 4]);
    assertEquals(people.select().map((row) => row.name), ["0", "1", "2", "3", "4"]);
  });
});

Deno.test("a sync of the other table that fails lets no link to it through", async () => {
  await using temp = tempBase();
  makeHouses(temp)[Symbol.dispose]();
  const files = watchFiles();
  await withFiles(files, async () => {
    using houses = PsBase.openSync(`${temp.parent}/houses`, {
      schema: HOUSES,
      durability: "relaxed",
    });
    using people = PsBase.createSync(temp.path, peopleOf(houses));
    const home = houses.insertSync({ street: "new" });
    let syncs = 0;
    // As Linux does it: an error is told once.
    files.beforeSync = (path) => {
      if (path.includes("houses") && ++syncs === 1) throw new Error("no space");
    };
    const results = await Promise.allSettled([people.insert({ home }), people.insert({ home })]);
    assertEquals(results.map(({ status }) => status), ["rejected", "rejected"]);
    await assertRejects(() => people.insert({ home }));
    assertEquals(people.size, 0);
    assertEquals(syncs, 1, "a sync that failed is not tried again");
  });
});

Deno.test("a link to the base's own path is one to itself", async () => {
  await using temp = tempBase();
  using people = PsBase.createSync(temp.path, { name: "string" });
  people.insertSync({ name: "burns" });
  const linked = people.addFieldSync("boss", link(people));
  linked.updateSync(0, { boss: 0 });
  assertStrictEquals(linked.get(0)!.boss!.name, "burns");
  assertEquals(Object.keys(linked.schema), ["name", "boss"]);
});
