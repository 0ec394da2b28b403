/**
 * Conditions with many values: whatever the type and wherever rows stand, they match what the model
 * says, and no row is compared with each value.
 *
 * @module
 */

import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { VALUE_TYPES } from "../../engine/schema/values.ts";
import { type AnyBase, type Field, PsBase, type Schema, type TypeName } from "../../mod.ts";
import {
  anyValue,
  freshValue,
  matches,
  type ModelRow,
  SORTABLE,
  VALUES,
} from "../helpers/model.ts";
import { newSeed, type Random, randomFrom } from "../helpers/random.ts";
import { tempBase } from "../helpers/temp_base.ts";

const LONG = Deno.env.get("PSBASE_LONG") !== undefined;
const TYPES = Object.keys(VALUES) as TypeName[];

/** The ids of the rows that match, as each verb that takes conditions finds them. */
function foundBy(db: AnyBase, where: never): number[] {
  const ids = db.select(where).map((row) => row.__id__);
  assertEquals(db.count(where), ids.length);
  const { rowsRead, count } = db.explain(where);
  assert(rowsRead >= ids.length && (count ?? ids.length) === ids.length);
  return ids;
}

// --------------------------------------------------------------- what matches

/** Conditions of field `v` with many values, or many branches. */
function anyMany(random: Random, type: TypeName): unknown {
  const value = () => random.chance(0.05) ? null : anyValue(random, type);
  const list = () => Array.from({ length: random.pick([0, 1, 2, 7, 9, 30, 100]) }, value);
  const present = () => anyValue(random, type);
  const one = (): unknown => {
    const kinds = ["eq", "in"];
    if (random.chance(0.1)) kinds.push("ne", "not");
    if (SORTABLE.includes(type)) kinds.push("between", "between", "open");
    switch (random.pick(kinds)) {
      case "in":
        return { in: Array.from({ length: random.below(5) }, value) };
      case "ne":
        return { ne: value() };
      case "not":
        return { not: { in: list() } };
      case "between":
        return { between: [present(), present()] };
      case "open":
        return { gt: present(), [random.pick(["lt", "lte"])]: present() };
      default:
        return { eq: value() };
    }
  };
  const branches = () => Array.from({ length: random.pick([0, 1, 3, 8, 9, 40]) }, one);
  switch (
    random.pick(["in", "notIn", "or", "_and", "_or", "_not", "both", "pairs", "mixed", "joined"])
  ) {
    case "in":
      return { v: { in: list() } };
    case "notIn":
      return { v: { notIn: list() } };
    case "or":
      return { v: { or: branches() } };
    case "_and":
      return { _and: branches().slice(0, 3).map((v) => ({ v })), n: { lt: 80 } };
    case "_or":
      return { _or: branches().map((v) => ({ v })) };
    case "_not":
      return { _not: { _or: branches().map((v) => ({ v })) } };
    case "both":
      return { v: { in: list(), notIn: list() } };
    case "pairs":
      return { _or: branches().map((v) => ({ v, n: { gte: random.below(60) } })) };
    case "mixed":
      return { _or: branches().map((v) => random.chance(0.5) ? { v } : { n: random.below(80) }) };
    default:
      return { n: { lt: 50 }, v: { or: branches() }, _or: branches().map((v) => ({ v })) };
  }
}

for (const type of TYPES) {
  for (const index of type === "json" ? [false] : [false, true]) {
    const seed = newSeed();
    const what = `${type}${index ? " with an index" : ""}`;
    Deno.test(`conditions of many values match as the model says: ${what} (PSBASE_SEED=${seed})`, async () => {
      const random = randomFrom(seed);
      await using temp = tempBase();
      const field = (index ? { type, index } : type) as Field;
      using db = PsBase.createSync<Schema>(temp.path, { v: field, n: { type: "integer", index } });
      const rows = new Map<number, ModelRow>();
      const insert = (count: number) => {
        const made = Array.from({ length: count }, () => ({
          v: random.chance(0.1) ? null : anyValue(random, type),
          n: random.below(100),
        }));
        const ids = db.insertManySync(made);
        ids.forEach((id, k) => rows.set(id, { ...made[k]!, __id__: id, __version__: 0 }));
      };
      const asked = { types: { v: type, n: "integer" }, show: (row: ModelRow) => row } as const;
      const check = (view: AnyBase, where: string) => {
        for (let k = 0; k < (LONG ? 300 : 12); k++) {
          const filter = anyMany(random, type);
          const expected = [...rows].filter(([, row]) => matches(asked, filter, row));
          const told = `${where}: ${Deno.inspect(filter, { depth: 9, iterableLimit: 200 })}`;
          assertEquals(foundBy(view, filter as never), expected.map(([id]) => id), told);
        }
      };
      insert(400);
      check(db, "a group of the log");
      db.cleanupSync();
      check(db, "the table");
      insert(20);
      insert(100);
      for (const id of [3, 300, 401, 450]) {
        const v = anyValue(random, type);
        db.updateSync(id, { v });
        rows.set(id, { ...rows.get(id)!, v });
      }
      for (const id of [4, 402, 451]) {
        db.deleteSync(id);
        rows.delete(id);
      }
      check(db, "all of these");
      db.transactionSync((tx) => check(tx as never, "a transaction"));
    });
  }
}

Deno.test("a watcher and the verbs that write take conditions of many values", async () => {
  await using temp = tempBase();
  await using db = await PsBase.create(temp.path, { at: "datetime", n: "integer" });
  const start = Temporal.PlainDateTime.from("2000-01-01");
  const at = Array.from({ length: 200 }, (_, n) => start.add({ seconds: n }));
  const where = { _or: at.filter((_, n) => n % 2 === 0).map((at) => ({ at })) };
  const changes = db.watch({ where, since: db.sequence });
  await db.insertMany(at.map((at, n) => ({ at, n })));
  const seen = [];
  for await (const { id } of changes) if (seen.push(id) === 100) break;
  assertEquals(seen, Array.from({ length: 100 }, (_, n) => 2 * n));
  assertEquals(await db.updateWhere(where, { n: null }), 100);
  assertEquals(await db.deleteWhere({ at: { notIn: at.slice(0, 150) } }), 50);
  assertEquals(db.count({ n: null }), 75);
});

// --------------------------------------------------------------- what it costs

/** How many times `fn` has values of a type compared with each other. */
function comparisons(type: TypeName, fn: () => void): number {
  const valueType = VALUE_TYPES[type] as { -readonly [K in "compare" | "equals"]: unknown };
  const { compare, equals } = VALUE_TYPES[type];
  let count = 0;
  valueType.compare = (a: never, b: never) => (count++, compare(a, b));
  valueType.equals = (a: never, b: never) => (count++, equals(a, b));
  try {
    fn();
  } finally {
    Object.assign(valueType, { compare, equals });
  }
  return count;
}

const ROWS = 3000;
const LISTED = 1000;

for (const type of TYPES.filter((type) => type !== "boolean")) {
  /** Values in the order of their numbers, which are less than 2^16. */
  const valueOf = (n: number) => {
    if (type === "json") return { n, list: [n] };
    if (type === "string") return `text ${String(n).padStart(5, "0")}`;
    return type === "bytes" ? new Uint8Array([n >> 8, n]) : freshValue(type, n);
  };
  for (const index of type === "json" ? [false] : [false, true]) {
    Deno.test(`no row is compared with each of many values: ${type}${index ? " with an index" : ""}`, async () => {
      await using temp = tempBase();
      const field = (index ? { type, index } : type) as Field;
      using db = PsBase.createSync<Schema>(temp.path, { v: field, w: "integer" });
      const rows = Array.from({ length: ROWS }, (_, n) => ({ v: valueOf(n), w: n % 7 }));
      // Every third is there.
      const values = Array.from({ length: LISTED }, (_, n) => valueOf(n * 9));
      const expected = ROWS / 9 + 1 | 0;
      const asked: [where: object, count: number][] = [
        [{ v: { in: values } }, expected],
        [{ v: { in: [...values, null] } }, expected],
        [{ v: { notIn: values } }, ROWS - expected],
        [{ v: { not: { in: values } } }, ROWS - expected],
        [{ v: { or: values.map((eq) => ({ eq })) } }, expected],
        [{ _or: values.map((eq) => ({ v: { eq } })) }, expected],
        [{ _not: { _or: values.map((eq) => ({ v: { eq } })) } }, ROWS - expected],
        // Each branch of two fields: few rows are asked for the second.
        [{ _or: values.map((eq, n) => ({ v: { eq }, w: n * 9 % 7 })) }, expected],
      ];
      if (type !== "json") {
        // Ranges that overlap, from each value to the tenth behind it.
        const ranges = values.map((_, n) => ({ between: [valueOf(n), valueOf(n + 10)] }));
        asked.push([{ v: { or: ranges } }, LISTED + 10]);
        const apart = values.slice(0, 300).map((v, n) => ({ gt: v, lt: valueOf(n * 9 + 2) }));
        asked.push([{ _or: apart.map((v) => ({ v })) }, 300]);
      }
      for (let k = 0; k < ROWS; k += 50) db.insertManySync(rows.slice(k, k + 50));
      for (const where of ["the log", "the table"]) {
        if (where === "the table") db.cleanupSync();
        for (const [filter, count] of asked) {
          const told = `${where}: ${Deno.inspect(filter, { depth: 4, iterableLimit: 2 })}`;
          const n = comparisons(type, () => assertEquals(db.count(filter as never), count, told));
          // To sort the list, and to find each row in it, or each value in the index.
          assertLess(n, (ROWS + LISTED) * 40, told);
        }
      }
    });
  }
}

Deno.test("explain(): branches that indexes answer look at few rows, others are refused the index", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, {
    k: { type: "string", unique: true },
    at: { type: "datetime", index: true },
    n: "integer",
  });
  const start = Temporal.PlainDateTime.from("2000-01-01");
  const at = Array.from({ length: 40_000 }, (_, n) => start.add({ seconds: n }));
  db.insertManySync(at.map((at, n) => ({ k: `k${n}`, at, n })));
  db.cleanupSync();
  db.insertSync({ k: "last", at: start, n: 40_000 });
  const looked = (where: object) => {
    const { rowsRead, index, method } = db.explain(where);
    assertEquals(method, index === null ? "scan" : "index");
    return [db.count(where), index, rowsRead];
  };
  const some = Array.from({ length: 500 }, (_, n) => n * 70);
  assertEquals(looked({ at: { in: some.map((n) => at[n]!) } }), [501, "at", 501]);
  assertEquals(looked({ _or: some.map((n) => ({ at: at[n]! })) }), [501, "at", 501]);
  assertEquals(looked({ _or: some.map((n) => ({ k: `k${n}`, n })) }), [500, "k", 500]);
  assertEquals(looked({ _or: [{ k: "last" }, { at: at[7]! }, { at: start }] }), [3, "k, at", 4]);
  assertEquals(looked({ _or: [{ k: "last" }, { n: 7 }] }).slice(0, 2), [2, null]);
  // To look up a tenth of all values takes longer than to look at the rows.
  const many = at.filter((_, n) => n % 10 === 0);
  assertEquals(looked({ at: { in: many } }).slice(0, 2), [4001, null]);
  // Of ids, only the groups that can hold one are looked into.
  const { groupsRead, groupsSkipped } = db.explain({ __id__: { in: [1, 39_999] } });
  assertEquals([groupsRead, groupsSkipped], [2, 1]);
  assert(groupsRead > 0);
  assertGreater(db.count({ __id__: { notIn: some } }), 39_000);
});
