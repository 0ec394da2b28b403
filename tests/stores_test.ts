/** The verbs of a store, wherever its table is: one suite for all homes. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  Base,
  ConflictError,
  field,
  json,
  PsBase,
  RecordNotFoundError,
  SchemaError,
  type Store,
  UniqueError,
} from "../mod.ts";
import type { RemoteBase } from "../remote.ts";
import { Served } from "./helpers/served.ts";

const SCHEMA = {
  name: { type: "string", required: true },
  age: { type: "integer", index: true },
  email: { type: "string", unique: true },
  score: "float",
  big: "bigint",
  good: "boolean",
  born: "date",
  at: "time",
  met: "datetime",
  seen: "timestamp",
  face: "bytes",
  tags: json<string[] | { $x: number }>(),
} as const;
type People = Store<typeof SCHEMA>;

// The compiler proves that each home is a store.
type IsStore<T extends People> = T;
type _Homes = [
  IsStore<PsBase<typeof SCHEMA>>,
  IsStore<Base<typeof SCHEMA>>,
  IsStore<RemoteBase<typeof SCHEMA>>,
];

const HOMES: Readonly<Record<string, (use: (people: People) => Promise<void>) => Promise<void>>> = {
  async PsBase(use) {
    await using people = await PsBase.open(await Deno.makeTempDir(), SCHEMA);
    await use(people);
  },
  async Base(use) {
    await using people = await Base.open(await Deno.makeTempDir(), SCHEMA);
    await use(people);
  },
  async RemoteBase(use) {
    await using people = await PsBase.open(await Deno.makeTempDir(), SCHEMA);
    await using served = new Served({ people });
    await using remote = await served.open("people", SCHEMA);
    await use(remote);
    assertEquals(served.errors, []);
  },
};

/** A test in each home. */
function everywhere(name: string, test: (people: People) => Promise<void>): void {
  for (const [home, run] of Object.entries(HOMES)) {
    Deno.test(`${home}: ${name}`, () => run(test));
  }
}

const HOMER = {
  name: "homer",
  age: 39,
  email: "h@x",
  score: -0,
  big: 2n ** 62n,
  good: true,
  born: Temporal.PlainDate.from("1956-05-12"),
  at: Temporal.PlainTime.from("12:34:56.123456789"),
  met: Temporal.PlainDateTime.from("1974-01-02T03:04:05.000000006"),
  seen: new Date(1234),
  face: new Uint8Array([0, 255, 10]),
  tags: { $x: 1 },
};

everywhere("every type of value comes back as it was", async (people) => {
  const id = await people.insert(HOMER);
  const row = await people.get(id);
  assertEquals({ ...row }, { __id__: id, __version__: 0, ...HOMER });
  assert(Object.is(row!.score, -0));
  for (const score of [NaN, Infinity, -Infinity, 1e300]) {
    assertEquals((await people.update(id, { score })).score, score);
  }
  const empty = await people.get(await people.insert({ name: "" }));
  assertEquals({ ...empty }, {
    __id__: 1,
    __version__: 0,
    name: "",
    age: null,
    email: null,
    score: null,
    big: null,
    good: null,
    born: null,
    at: null,
    met: null,
    seen: null,
    face: null,
    tags: null,
  });
  assertEquals(await people.get(2), undefined);
});

everywhere("conditions of every form", async (people) => {
  await people.insertMany([
    HOMER,
    { name: "lisa", age: 8, score: 9, tags: ["sax"] },
    { name: "a\nb \u2028 <b>", age: null },
  ]);
  const names = async (where: Parameters<People["select"]>[0]) =>
    (await people.select(where)).map((row) => row.name);
  assertEquals(await names({ age: [8, 39] }), ["homer", "lisa"]);
  assertEquals(await names({ age: null }), ["a\nb \u2028 <b>"]);
  assertEquals(await names({ name: /^H/i }), ["homer"]);
  assertEquals(await names({ name: { in: ["lisa", "bart"] }, age: { lt: 9 } }), ["lisa"]);
  assertEquals(await names({ _or: [{ age: 8 }, { big: 2n ** 62n }] }), ["homer", "lisa"]);
  assertEquals(await names({ _not: { age: { gte: 0 } } }), ["a\nb \u2028 <b>"]);
  assertEquals(await names({ born: { lte: HOMER.born } }), ["homer"]);
  assertEquals(await names({ seen: HOMER.seen, face: HOMER.face }), ["homer"]);
  assertEquals(await names({ score: { gt: field("age") } }), ["lisa"]);
  assertEquals(await names({ tags: { eq: ["sax"] } }), ["lisa"]);
  const [row] = await people.select({}, {
    fields: ["name"],
    orderBy: "-name",
    limit: 1,
    offset: 1,
  });
  assertEquals({ ...row }, { __id__: 0, __version__: 0, name: "homer" });
  await assertRejects(async () => await people.select({ nam: 1 } as never), TypeError, "nam");
  await assertRejects(async () => await people.select({ age: "1" } as never), TypeError, "age");
});

everywhere("figures", async (people) => {
  await people.insertMany([
    { name: "homer", age: 39, big: 1n, born: HOMER.born },
    { name: "lisa", age: 8, big: 2n },
    { name: "lisa" },
  ]);
  assertEquals(await people.count(), 3);
  assertEquals(await people.count({ name: "lisa" }), 2);
  assertEquals(await people.size, 3);
  assertEquals(await people.sum("age"), 47);
  assertEquals(await people.sum("big"), 3n);
  assertEquals(await people.avg("age"), 23.5);
  assertEquals(await people.min("age"), 8);
  assertEquals(await people.max("born"), HOMER.born);
  assertEquals(await people.max("score"), null);
  assertEquals(await people.distinct("name"), ["homer", "lisa"]);
  assertEquals(await people.groupBy("name", { n: "count", mean: ["avg", "age"] }), [
    { name: "homer", n: 1, mean: 39 },
    { name: "lisa", n: 2, mean: 8 },
  ]);
  assertEquals((await people.explain({ email: "h@x" })).index, "email");
  assertEquals(await people.has(2), true);
  assertEquals((await people.at(-1))?.__id__, 2);
  assertEquals(await people.sequence, 1);
});

everywhere("updates, upserts and deletes", async (people) => {
  const [a, b] = await people.insertMany([{ name: "a", age: 1 }, { name: "b", age: 2 }]);
  assertEquals((await people.update(a!, { age: 5 })).__version__, 1);
  const grown = await people.update(a!, (row) => ({ age: row.age! + 1 }));
  assertEquals([grown.age, grown.__version__], [6, 2]);
  const rows = await people.update([a!, b!], (row) => ({ score: row.age }));
  assertEquals(rows.map((row) => row.score), [6, 2]);
  assertEquals(await people.updateWhere({ age: { gt: 1 } }, (row) => ({ age: row.age! * 2 })), 2);
  assertEquals(await people.updateWhere({ name: "b" }, { good: true }), 1);
  const row = await people.get(b!);
  assertEquals([row!.age, row!.good], [4, true]);
  const error = await assertRejects(
    async () => await people.update(a!, { age: 0 }, { ifVersion: 1 }),
    ConflictError,
  );
  assertEquals([error.id, error.expected, error.found], [a, 1, 4]);
  await people.update(row!, { age: 3 });
  await assertRejects(async () => await people.update(row!, { age: 3 }), ConflictError);
  const gone = await assertRejects(
    async () => await people.update(9, { age: 1 }),
    RecordNotFoundError,
  );
  assertEquals(gone.id, 9);
  await assertRejects(async () => await people.update(9, () => ({ age: 1 })), RecordNotFoundError);
  const made = await people.upsert({ email: "c@x" }, { name: "c" });
  const again = await people.upsert({ email: "c@x" }, { name: "d" });
  assertEquals([made.__id__, again.__id__, again.__version__, again.name], [2, 2, 1, "d"]);
  const unique = await assertRejects(
    async () => await people.insert({ name: "e", email: "c@x" }),
    UniqueError,
  );
  assertEquals([unique.field, unique.value, unique.id], ["email", "c@x", 2]);
  await assertRejects(async () => await people.insert({ nam: "e" } as never), SchemaError, "nam");
  await assertRejects(async () => await people.insert({ name: 1 } as never), TypeError, "name");
  assertEquals(await people.delete([a!, 77]), 1);
  assertEquals(await people.deleteWhere({ name: "b" }), 1);
  assertEquals(await people.insertAsStrings({ name: "f", age: "7", born: "2000-01-02" }), 3);
  assertEquals(String((await people.get(3))?.born), "2000-01-02");
});

everywhere("a transaction is all or nothing, and sees what it wrote", async (people) => {
  const id = await people.transaction(async (tx) => {
    const id = await tx.insert({ name: "homer", age: 1 });
    await tx.update(id, { age: 2 });
    assertEquals((await tx.get(id))?.age, 2);
    assertEquals(await tx.count({ age: 2 }), 1);
    assertEquals(await people.size, 0);
    return id;
  });
  assertEquals((await people.get(id))?.age, 2);
  assertEquals(await people.sequence, 1);
  await assertRejects(
    () =>
      people.transaction(async (tx) => {
        await tx.delete(id);
        throw new Error("on second thought");
      }),
    Error,
    "on second thought",
  );
  assertEquals(await people.size, 1);
  // A verb that fails changes nothing, and the others go on.
  await people.transaction(async (tx) => {
    await tx.insert({ name: "a", email: "a@x" });
    await assertRejects(async () => await tx.insert({ name: "b", email: "a@x" }), UniqueError);
    await tx.insert({ name: "c" });
  });
  assertEquals(await people.count(), 3);
});

everywhere("many at once lose nothing", async (people) => {
  const id = await people.insert({ name: "n", age: 0 });
  await Promise.all(Array.from({ length: 8 }, async () => {
    await people.update(id, (row) => ({ age: row.age! + 1 }));
    await people.transaction(async (tx) => {
      const row = await tx.get(id);
      await tx.update(id, { age: row!.age! + 1 });
    });
  }));
  assertEquals((await people.get(id))?.age, 16);
});

everywhere("watch yields what is committed, from where it is told", async (people) => {
  await people.insert({ name: "a", age: 1 });
  await people.insertMany([{ name: "b", age: 2 }, { name: "c", big: 3n }]);
  await people.update(1, { age: 3 });
  await people.delete(0);
  const told: unknown[] = [];
  for await (const change of people.watch({ since: 1 })) {
    const { sequence, index, last, kind, id, row, before } = change;
    told.push([sequence, index, last, kind, id, row?.age ?? row?.big, before?.age]);
    if (sequence === 4) break;
  }
  assertEquals(told, [
    [2, 0, false, "insert", 1, 2, undefined],
    [2, 1, true, "insert", 2, 3n, undefined],
    [3, 0, true, "update", 1, 3, 2],
    [4, 0, true, "delete", 0, undefined, 1],
  ]);
  for await (const { id } of people.watch({ since: { sequence: 2, index: 0 } })) {
    assertEquals(id, 2);
    break;
  }
  for await (const { id, kind } of people.watch({ since: 0, where: { age: { gte: 3 } } })) {
    assertEquals([id, kind], [1, "update"]);
    break;
  }
  await assertRejects(async () => {
    for await (const _ of people.watch({ since: 99 }));
  }, RangeError);
  const end = new AbortController();
  const ended = assertRejects(
    async () => {
      for await (const _ of people.watch({ signal: end.signal }));
    },
    Error,
    "enough",
  );
  end.abort(new Error("enough"));
  await ended;
});
