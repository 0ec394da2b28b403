import { assert, assertEquals, assertThrows } from "@std/assert";
import { PsBase, type TypeName } from "../../mod.ts";
import {
  anyCondition,
  anyValue,
  type ModelRow,
  SORTABLE,
  sortRows,
  VALUES,
} from "../helpers/model.ts";
import { newSeed, type Random, randomFrom } from "../helpers/random.ts";
import { tempBase } from "../helpers/temp_base.ts";

const TYPES = Object.keys(VALUES) as TypeName[];
const BY_NAME: Record<string, TypeName> = Object.fromEntries(TYPES.map((type) => [type, type]));
const SCHEMA = BY_NAME as { readonly [N in TypeName]: N };

/** How rows come to be where they are; each gives the ids that it made. */
const FORMS: Record<string, (db: PsBase, rows: ModelRow[]) => number[]> = {
  table(db, rows) {
    const ids = db.insertManySync(rows);
    db.cleanupSync();
    return ids;
  },
  "updated over the table"(db, rows) {
    const ids = db.insertManySync(rows.map(() => ({})));
    db.cleanupSync();
    ids.forEach((id, i) => db.updateSync(id, rows[i]!));
    return ids;
  },
  "beside updated and deleted rows of the table"(db, rows) {
    const ids = db.insertManySync(rows.flatMap((row) => [{}, row, {}]));
    db.cleanupSync();
    const others = ids.filter((_, i) => i % 3 !== 1);
    db.deleteSync(others.filter((id) => id % 2 === 0));
    return ids.filter((_, i) => i % 3 === 1);
  },
  batch: (db, rows) => db.insertManySync(rows),
  "updated over a batch"(db, rows) {
    const ids = db.insertManySync(rows.map(() => ({})));
    ids.forEach((id, i) => db.updateSync(id, rows[i]!));
    return ids;
  },
  singly: (db, rows) => rows.map((row) => db.insertSync(row)),
  "updated singly"(db, rows) {
    const ids = rows.map(() => db.insertSync({}));
    ids.forEach((id, i) => db.updateSync(id, rows[i]!));
    return ids;
  },
  "field added over the table"(db, rows) {
    const ids = db.insertManySync(rows);
    db.cleanupSync();
    for (const type of TYPES) {
      const value = rows[0]![type];
      const constant = rows.every((row) => Object.is(row[type], value));
      if (!constant) continue;
      db.dropFieldSync(type);
      db.addFieldSync(type as never, { type, default: value } as never);
    }
    return ids;
  },
};

/** Columns of one value, of few, of many, with and without nulls. */
function anyRows(random: Random, count: number): ModelRow[] {
  const makers = TYPES.map((type) => {
    const pool = Array.from({ length: random.pick([1, 3, 10]) }, () => anyValue(random, type));
    const few = random.chance(0.6);
    const nulls = random.pick([0, 0, 0.2, 1]);
    return () => random.chance(nulls) ? null : few ? random.pick(pool) : anyValue(random, type);
  });
  return Array.from(
    { length: count },
    () => Object.fromEntries(TYPES.map((type, i) => [type, makers[i]!()])),
  );
}

function withoutVersion({ __version__: _, ...row }: ModelRow): ModelRow {
  return row;
}

const ROUNDS = Deno.env.get("PSBASE_LONG") === "1" ? 40 : 2;

for (const [form, fill] of Object.entries(FORMS)) {
  Deno.test(`Base.select() finds what a plain array finds: ${form}`, async () => {
    const seed = newSeed();
    const random = randomFrom(seed);
    for (let round = 0; round < ROUNDS; round++) {
      await using temp = tempBase();
      using db = PsBase.createSync(temp.path, SCHEMA) as unknown as PsBase;
      const given = anyRows(random, 80);
      const ids = fill(db, given);
      const model = given.map((row, i) => ({ __id__: ids[i]!, ...row }));
      const known = new Set(ids);
      const told = `seed ${seed} round ${round}`;
      assertEquals(ids.map((id) => withoutVersion(db.get(id)!)), model as unknown[], told);
      for (let i = 0; i < 250; i++) {
        const where: Record<string, never> = {};
        const tests = Array.from({ length: random.below(8) === 0 ? 2 : 1 }, () => {
          const type = random.pick(TYPES);
          const { wanted, test } = anyCondition(random, type);
          where[type] = wanted as never;
          return { type, test };
        });
        // The last condition on a field is the one that counts.
        const matches = (row: ModelRow) =>
          tests.every(({ type, test }, k) =>
            tests.findLastIndex((other) => other.type === type) !== k || test(row[type])
          );
        const expected = model.filter(matches);
        const which = `${told} where ${Deno.inspect(where)}`;
        const terms = Array.from(
          { length: random.below(3) },
          () => random.pick(["", "+", "-"]) + random.pick([...SORTABLE, "__id__"]),
        );
        const found = db.select(where, { orderBy: terms as never })
          .filter((row) => known.has(row.__id__));
        assertEquals(
          found.map((row) => row.__id__),
          sortRows(expected, terms, BY_NAME).map((row) => row.__id__),
          `${which} orderBy ${terms}`,
        );
        const all = db.select(where);
        assertEquals(db.count(where), all.length, which);
        const [offset, limit] = [random.below(20), random.below(20)];
        const part = [...db.select(where, { offset, limit })];
        assertEquals(part, all.slice(offset, offset + limit), which);
        const predicate = (row: ModelRow) => known.has(row.__id__ as number) && matches(row);
        if (i % 10 === 0) {
          assertEquals(db.select(predicate).map(withoutVersion), expected, which);
          assertEquals(db.count(predicate), expected.length, which);
        }
      }
    }
  });
}

/** Twenty rows, 0 to 19, in the table, in a batch and singly. */
function numbered(path: string) {
  const db = PsBase.createSync(path, { n: "integer", name: "string", data: "json" });
  const row = (n: number) => ({ n: n % 10, name: `p${n}` });
  db.insertManySync(Array.from({ length: 70 }, (_, n) => row(n)));
  db.cleanupSync();
  db.insertManySync(Array.from({ length: 70 }, (_, n) => row(70 + n)));
  for (let n = 140; n < 145; n++) db.insertSync(row(n));
  db.updateSync([0, 80, 141], {});
  return db;
}

Deno.test("Base.select() takes __id__ and __version__ in conditions, order and predicates", async () => {
  await using temp = tempBase();
  using db = numbered(temp.path);
  const ids = (rows: { __id__: number }[]) => rows.map((row) => row.__id__);
  assertEquals(ids(db.select({ __version__: 1 })), [0, 80, 141]);
  assertEquals(ids(db.select({ __id__: [68, 71] })), [68, 69, 70, 71]);
  assertEquals(ids(db.select({ __id__: { in: [3, 142, 999] } })), [3, 142]);
  assertEquals(db.count({ __version__: { ne: 0 }, n: 0 }), 2);
  assertEquals(ids(db.select((row) => row.__version__ === 1)), [0, 80, 141]);
  assertEquals(ids(db.select({}, { orderBy: "-__id__", limit: 2 })), [144, 143]);
  assertEquals(ids(db.select({ n: 1 }, { orderBy: ["-__version__", "-__id__"], limit: 3 })), [
    141,
    131,
    121,
  ]);
  assertEquals(db.count(), 145);
  assertEquals(db.select({}).length, 145);
});

Deno.test("Base.select() gives the fields asked for, with id and version", async () => {
  await using temp = tempBase();
  using db = numbered(temp.path);
  const options = { fields: ["name", "name"], offset: 141, limit: 2 } as const;
  assertEquals([...db.select({}, options)], [
    { __id__: 141, __version__: 1, name: "p141" },
    { __id__: 142, __version__: 0, name: "p142" },
  ]);
  assertEquals([...db.select({ n: 1 }, { fields: [], limit: 1 })], [{ __id__: 1, __version__: 0 }]);
  assertEquals(db.updateSync(db.select({}, options)[0]!, { n: 7 }).name, "p141");
});

Deno.test("Base.select() refuses conditions that are none, and never finds all rows instead", async () => {
  await using temp = tempBase();
  using db = numbered(temp.path);
  const bad: [unknown, typeof TypeError | typeof RangeError, string][] = [
    [{ n: undefined }, TypeError, 'field "n"'],
    [{ nick: 1 }, TypeError, 'no field "nick"'],
    [{ constructor: 1 }, TypeError, 'no field "constructor"'],
    [JSON.parse('{"__proto__":1}'), TypeError, 'no field "__proto__"'],
    [{ n: "1" }, TypeError, 'field "n"'],
    [{ n: 1.5 }, RangeError, 'field "n"'],
    [{ n: [1] }, TypeError, 'field "n"'],
    [{ n: [1, 2, 3] }, TypeError, 'field "n"'],
    [{ n: [null, 2] }, TypeError, 'field "n"'],
    [{ n: [1, undefined] }, TypeError, 'field "n"'],
    [{ n: {} }, TypeError, 'field "n"'],
    [{ n: { eq: undefined } }, TypeError, 'field "n": eq'],
    [{ n: { gt: null } }, TypeError, 'field "n": gt'],
    [{ n: { toString: 1 } }, TypeError, 'no operator "toString"'],
    [{ n: { like: 1 } }, TypeError, 'no operator "like"'],
    [{ n: { in: 1 } }, TypeError, 'field "n": in'],
    [{ n: { contains: "1" } }, TypeError, 'field "n": contains'],
    [{ n: /1/ }, TypeError, 'field "n"'],
    [{ name: ["a", "b"] }, TypeError, "between or in"],
    [{ name: { between: ["a", null] } }, TypeError, 'field "name": between'],
    [{ name: { startsWith: 1 } }, TypeError, 'field "name": startsWith'],
    [{ data: [1, 2] }, TypeError, 'field "data"'],
    [{ data: { a: 1 } }, TypeError, 'no operator "a"'],
    [{ data: { gt: 1 } }, TypeError, "no order"],
    [{ _and: { n: 1 } }, TypeError, "_and: it is an Object, expected an array"],
    [{ _and: undefined }, TypeError, "_and: it is undefined, expected an array"],
    [{ _and: [undefined] }, TypeError, "_and: undefined is no condition"],
    [{ _and: [{ n: 1 }, { nick: 1 }] }, TypeError, '_and: there is no field "nick"'],
    [null, TypeError, "null"],
    ["n", TypeError, "string"],
    [["n"], TypeError, "array"],
    [7, TypeError, "number"],
    [new Map(), TypeError, "Map"],
  ];
  for (const [where, type, told] of bad) {
    const inspected = Deno.inspect(where);
    const error = assertThrows(() => db.select(where as never), type, told, inspected);
    assert(error.message.startsWith(`Cannot select from "${temp.path}": `), error.message);
    assertThrows(() => db.count(where as never), type, told, inspected);
  }
  const options: [unknown, typeof TypeError | typeof RangeError][] = [
    [{ limit: -1 }, RangeError],
    [{ limit: 1.5 }, RangeError],
    [{ limit: "1" }, RangeError],
    [{ offset: NaN }, RangeError],
    [{ orderBy: "nick" }, TypeError],
    [{ orderBy: "data" }, TypeError],
    [{ orderBy: ["n", 1] }, TypeError],
    [{ orderBy: "--n" }, TypeError],
    [{ fields: ["nick"] }, TypeError],
  ];
  for (const [given, type] of options) {
    assertThrows(() => db.select({}, given as never), type, `"${temp.path}"`, Deno.inspect(given));
  }
});

Deno.test("Base.select() by predicate: a boolean is due, the view ends with the call", async () => {
  await using temp = tempBase();
  using db = numbered(temp.path);
  for (const answer of [1, 0, "", undefined, null, {}, Promise.resolve(false)]) {
    assertThrows(() => db.select((() => answer) as never), TypeError, "true or false");
    assertThrows(() => db.count((() => answer) as never), TypeError, "true or false");
  }
  const boom = new Error("boom");
  let views: { name: string | null }[] = [];
  assertThrows(
    () =>
      db.select((row) => {
        views.push(row);
        for (const view of views.slice(0, -1)) assertThrows(() => view.name, TypeError, "copy");
        if (row.__id__ === 3) throw boom;
        return row.name === "p0";
      }),
    Error,
    "boom",
  );
  for (const view of views) assertThrows(() => view.name, TypeError, "copy");
  // A predicate may ask the table itself.
  views = [];
  const nested = db.select((row) => {
    const same = db.count((other) => other.n === row.n && other.__id__ !== row.__id__);
    return same > 0 && row.__id__ < 3;
  });
  assertEquals(nested.map((row) => row.__id__), [0, 1, 2]);
  assertThrows(
    () =>
      db.select((row) => {
        (row as { name: string }).name = "x";
        return true;
      }),
    TypeError,
  );
  const plain: unknown[] = [];
  db.count((row) => plain.push({ ...row }) > 0);
  assertEquals(db.get(0)?.name, "p0");
});

Deno.test("_and matches rows that match all of its conditions, of none all rows", async () => {
  await using temp = tempBase();
  using db = numbered(temp.path);
  const all = db.count();
  const count = (where: Parameters<typeof db.count>[0]) => db.count(where);
  assertEquals([count({ _and: [] }), count({ _and: [{}] })], [all, all]);
  assertEquals([count({ _not: { _and: [] } }), count({ _or: [{ _and: [] }, { n: -1 }] })], [
    0,
    all,
  ]);
  const fours = count({ n: 4 });
  assert(fours > 0 && fours < all);
  assertEquals(count({ _and: [{ n: { gte: 4 } }, { n: { lt: 5 } }] }), fours);
  assertEquals(count({ n: { gt: 3 }, _and: [{ _and: [{ n: { lte: 4 } }] }] }), fours);
  assertEquals(count({ _and: [{ n: 4 }, { n: 3 }] }), 0);
  assertEquals(count({ _and: [{ n: 4 }, { n: { ne: 4 } }] }), 0);
  assertEquals(count({ _and: [{ n: null }, { n: 4 }] }), 0);
  assertEquals(count({ _and: [(row) => row.n === 4, { _or: [{ n: 4 }, { n: 5 }] }] }), fours);
});

Deno.test("Base.select() hands out a plain array of copies", async () => {
  await using temp = tempBase();
  using db = numbered(temp.path);
  const rows = db.select({ n: 3 });
  assert(Array.isArray(rows));
  assertEquals(Object.getPrototypeOf(rows[0]), Object.prototype);
  (rows[0] as { name: string }).name = "changed";
  rows.length = 1;
  assertEquals(db.select({ n: 3 })[0]?.name, "p3");
  assertEquals(db.count({ n: 3 }), 15);
});

Deno.test("Base.explain() tells which row groups a scan skips, and runs no query", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, {
    n: "integer",
    at: "datetime",
    day: "date",
    big: "bigint",
    key: "string",
    few: "string",
  });
  const start = Temporal.PlainDateTime.from("2020-01-01T00:00");
  db.insertManySync(Array.from({ length: 40_000 }, (_, n) => {
    const at = start.add({ minutes: n });
    const key = `key ${String(n).padStart(6, "0")}`;
    return { n, at, day: at.toPlainDate(), big: BigInt(n), key, few: `é${n >> 12}` };
  }));
  db.cleanupSync();
  const at = start.add({ minutes: 20_000 });
  const key = "key 020000";
  const none = { method: "scan", index: null, count: null, fallback: null } as const;
  for (
    const where of [
      { big: 20_000n },
      { key },
      { key: { in: [key, "x"] } },
      { few: "é4", key },
      { n: 20_000 },
      { at },
      { at: [at, at] },
      {
        n: { in: [20_000, -5, 90_000] },
      },
    ] as const
  ) {
    assertEquals(db.explain(where), {
      ...none,
      rowsRead: 16_384,
      groupsRead: 1,
      groupsSkipped: 2,
    });
  }
  assertEquals(
    db.explain({ _or: [{ n: { lt: 5 } }, { at: { gte: start.add({ minutes: 39_999 }) } }] }),
    { ...none, rowsRead: 40_000 - 16_384, groupsRead: 2, groupsSkipped: 1 },
  );
  assertEquals(
    db.explain({ __id__: [100, 200], day: { lte: start.toPlainDate() } }),
    { ...none, rowsRead: 16_384, groupsRead: 1, groupsSkipped: 2 },
  );
  const asked: number[] = [];
  assertEquals(db.explain((row) => asked.push(row.n!) > 0), {
    ...none,
    rowsRead: 40_000,
    groupsRead: 3,
    groupsSkipped: 0,
  });
  assertEquals(asked, []);
  assertEquals(db.explain().count, 40_000);
  db.insertSync({ n: 1 });
  assertEquals(db.explain({ n: -1 }), {
    ...none,
    rowsRead: 1,
    groupsRead: 0,
    groupsSkipped: 3,
  });
});
