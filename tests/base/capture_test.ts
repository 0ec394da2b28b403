/**
 * Verbs go by what they were given when they were called, whatever becomes of it afterwards.
 *
 * A random step calls some verbs of one handle, changes all that they were given, and lets another
 * handle clean up or change the fields before the first of them gets the lock. A second table is
 * given the same by verbs that nobody disturbs, one after the other: both must answer the same and
 * hold the same.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { field, json, link, PsBase, SchemaError } from "../../mod.ts";
import { anyFilter, anyValue, textOf, VALUES } from "../helpers/model.ts";
import { newSeed, type Random, randomFrom } from "../helpers/random.ts";
import { tempBase } from "../helpers/temp_base.ts";

const LONG = Deno.env.get("PSBASE_LONG") !== undefined;
const STEPS = LONG ? 3000 : 100;

type Row = Record<string, unknown>;
// deno-lint-ignore no-explicit-any -- fields come and go
type Table = any;
type Type = keyof typeof VALUES;

const TYPES = Object.keys(VALUES) as Type[];
const SCHEMA = {
  k: { type: "integer", unique: true },
  ...Object.fromEntries(TYPES.map((type) => [type, type])),
  boss: link("self"),
} as const;
/** The last row that a watcher is to be told of. */
const LAST = -1;

// --------------------------------------------------------------- what is given, and what becomes of it

/** What an application may have of its own. */
class Changes {}

/** A copy that shares nothing that can be changed; rows stay rows. */
function fresh(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fresh);
  if (value instanceof Date) return new Date(value);
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (value instanceof RegExp) return new RegExp(value);
  if (typeof value !== "object" || value === null || "__version__" in value) return value;
  if (value instanceof Changes) return Object.assign(new Changes(), fresh({ ...value }));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, fresh(inner)]));
}

/** Changes all of it that can be changed. */
function spoil(value: unknown, random: Random): void {
  if (Array.isArray(value)) {
    value.forEach((inner) => spoil(inner, random));
    if (random.chance(0.5)) value.length = random.below(value.length + 1);
    else value.unshift(random.pick([0, "spoilt", null, {}]));
  } else if (value instanceof Date) value.setTime(random.below(1e12));
  else if (value instanceof Uint8Array) value.fill(random.below(256));
  else if (value instanceof RegExp) value.compile("spoilt");
  else if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
      if (get !== undefined) continue; // a link of a row
      const inner = (value as Row)[name];
      if (random.chance(0.5)) spoil(inner, random);
      const how = random.below(3);
      if (how === 0) Reflect.deleteProperty(value, name);
      else if (how === 1) Reflect.set(value, name, random.pick([7, "spoilt", null, []]));
    }
    if (random.chance(0.3)) Reflect.set(value, "spoilt", 1);
  }
}

/** A call of a verb on either table; what `spoil` reaches is in `given`. */
interface Call {
  readonly name: string;
  readonly given: unknown[];
  run(table: Table): Promise<unknown>;
}

/** What calls are made of: the fields and ids as they are before the step. */
class Maker {
  readonly #random: Random;
  readonly #table: Table;
  readonly #types: Record<string, Type>;
  readonly #ids: number[];
  #given: unknown[] = [];
  #nextKey: number;

  constructor(random: Random, table: Table) {
    this.#random = random;
    this.#table = table;
    const types = Object.entries(table.schema as Record<string, { type: Type }>)
      .filter(([, { type }]) => TYPES.includes(type)).map(([name, { type }]) => [name, type]);
    this.#types = Object.fromEntries(types);
    this.#ids = [...table.keys()];
    this.#nextKey = 10 + (table.max("k") ?? 0);
  }

  #value(name: string): unknown {
    return name === "__id__" || name === "__version__"
      ? this.#random.below(50)
      : anyValue(this.#random, this.#types[name]!);
  }

  #give<T>(value: T): T {
    const own = fresh(value) as T;
    this.#given.push(own);
    return own;
  }

  where(): unknown {
    const names = Object.keys(this.#types);
    const value = (name: string) => this.#value(name);
    const choices = this.#random.chance(0.5)
      ? { names, types: this.#types, value, ref: field }
      : { names: [...names, "__id__"], types: this.#types, value };
    const filter = anyFilter(this.#random, choices);
    return this.#give(filter ?? {});
  }

  #fields(): Row {
    const random = this.#random;
    const row: Row = {};
    for (const name of Object.keys(this.#types)) {
      if (name === "k" || random.chance(0.6)) continue;
      row[name] = random.chance(0.1) ? null : this.#value(name);
    }
    return row;
  }

  #row(): Row {
    return { k: this.#nextKey++, ...this.#fields() };
  }

  #id(): number {
    return this.#ids.length === 0 ? 0 : this.#random.pick(this.#ids);
  }

  /** A row or an id. */
  #target(): unknown {
    const id = this.#id();
    if (this.#random.chance(0.5)) return id;
    const { __id__, __version__ } = this.#table.get(id) ?? { __id__: id, __version__: 0 };
    return { __id__, __version__ };
  }

  #changes(): unknown {
    const random = this.#random;
    const changes = this.#fields();
    // A row and an id mean the same, for one who has them when it is called.
    if (random.chance(0.3)) changes.boss = random.chance(0.5) ? this.#id() : { __id__: this.#id() };
    if (Object.keys(changes).length === 0) changes.boss = null;
    return this.#give(random.chance(0.2) ? Object.assign(new Changes(), changes) : changes);
  }

  call(): Call {
    this.#given = [];
    const random = this.#random;
    const name = random.pick(Object.keys(this.#verbs) as (keyof Maker["verbs"])[]);
    const run = this.#verbs[name]!();
    return { name, given: this.#given, run };
  }

  get verbs(): Record<string, () => Call["run"]> {
    return this.#verbs;
  }

  readonly #verbs: Record<string, () => Call["run"]> = {
    insert: () => {
      const row = this.#give(this.#row());
      return (table) => table.insert(row);
    },
    insertMany: () => {
      const rows = this.#give(
        Array.from({ length: this.#random.pick([0, 1, 5]) }, () => this.#row()),
      );
      return (table) => table.insertMany(rows);
    },
    insertGroups: () => {
      const length = 60 + this.#random.below(100);
      const rows = this.#give(Array.from({ length }, () => this.#row()));
      const isIterator = this.#random.chance(0.5);
      return (table) => table.insertMany(isIterator ? rows.values() : rows);
    },
    insertAsStrings: () => {
      const texts = Object.entries(this.#row())
        .map(([name, value]) => [name, textOf(this.#types[name]!, value)]);
      const row = this.#give(Object.fromEntries(texts));
      return (table) => table.insertAsStrings(row);
    },
    update: () => {
      const target = this.#give(
        this.#random.chance(0.5) ? this.#target() : [this.#target(), this.#target()],
      );
      const changes = this.#changes();
      return (table) => table.update(target, changes);
    },
    updateWhere: () => {
      const [where, changes] = [this.where(), this.#changes()];
      return (table) => table.updateWhere(where, changes);
    },
    upsert: () => {
      const { k, ...values } = this.#row();
      const key = this.#give({ k: this.#random.chance(0.5) ? k : this.#table.get(this.#id())?.k });
      const given = this.#give(values);
      return (table) => table.upsert(key, given);
    },
    delete: () => {
      const target = this.#give(this.#random.chance(0.5) ? this.#target() : [this.#target()]);
      return (table) => table.delete(target);
    },
    deleteWhere: () => {
      const where = this.#give({ _not: { __id__: { gte: 5 } }, k: { in: [this.#id(), 3] } });
      const other = this.#random.chance(0.7) ? where : this.#give({ boss: [0, this.#id() % 5] });
      return (table) => table.deleteWhere(other);
    },
    addField: () => {
      const type = this.#random.pick(TYPES);
      const name = `f${this.#random.below(4)}`;
      const spec = this.#give({ type, default: anyValue(this.#random, type) });
      const options = this.#give({ after: "k" });
      return async (table) => void await table.addField(name, spec, options);
    },
    setDefault: () => {
      const name = this.#random.pick(Object.keys(this.#types).filter((name) => name !== "k"));
      const value = this.#give(this.#value(name));
      return async (table) => void await table.setDefault(name, value);
    },
    setIndex: () => {
      const name = this.#random.pick(Object.keys(this.#types).filter((name) => name !== "k"));
      const options = this.#give({ index: this.#random.chance(0.5) });
      return async (table) => void await table.setIndex(name, options);
    },
  };
}

// --------------------------------------------------------------- what happens meanwhile

/** What another handle does before the lock is granted, on either table. */
function anyEvent(random: Random, table: Table, calls: readonly Call[]): (other: Table) => void {
  const names = Object.keys(table.schema).filter((name) => name !== "k" && name !== "boss");
  const name = random.pick(names);
  const { type } = table.schema[name];
  const free = `g${random.below(1e9)}`;
  const added = random.pick(TYPES);
  const standard = anyValue(random, added);
  if (names.length > 18) return (other) => other.dropFieldSync(name);
  switch (random.below(random.chance(0.5) ? 1 : 7)) {
    case 0:
    case 1:
      return (other) => other.cleanupSync();
    case 2:
      return (other) => other.addFieldSync(free, { type: added, default: fresh(standard) });
    case 3:
      return (other) => other.renameFieldSync(name, free);
    case 4:
      return (other) => other.setTypeSync(name, type === "integer" ? "float" : type);
    case 5:
      return (other) => other.keepChangesSync(random.seed % 7);
    default:
      // The same name, but another field. Of texts, what they were parsed to at the call counts.
      return (other) => {
        other.dropFieldSync(name);
        const isSame = calls.some((call) => call.name === "insertAsStrings");
        other.addFieldSync(name, { type: isSame ? type : added });
      };
  }
}

/** A handle that counts on no field. */
async function tableOf(path: string, schema: Row): Promise<Table> {
  await (await PsBase.create(path, schema as typeof SCHEMA)).close();
  return await PsBase.open(path);
}

/** All of a value, as what is equal is equal as text only. */
function textOfAll(value: unknown): string {
  return Deno.inspect(value, { depth: 20, strAbbreviateSize: 1e5 });
}

/** All rows as texts. */
function textsOf(table: Table): string[] {
  return Array.from(table as Iterable<Row>, (row) => {
    const boss = (row.boss as Row | null)?.__id__;
    return textOfAll({ ...row, boss });
  });
}

/** What a verb answered, as far as it is the same on both tables. */
async function answer(promise: Promise<unknown>): Promise<unknown> {
  try {
    const value = await promise;
    return typeof value === "object" && value !== null ? JSON.stringify(value, plain) : value;
  } catch (error) {
    return (error as Error).name;
  }
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? `${value}n` : value;
}

Deno.test(`PsBase goes by what verbs were given at the call (${STEPS} random steps)`, async () => {
  const seed = newSeed();
  try {
    await using one = tempBase();
    await using two = tempBase();
    await using db = await tableOf(one.path, SCHEMA);
    await using other: Table = await PsBase.open(one.path);
    await using twin = await tableOf(two.path, SCHEMA);
    using lock = Deno.openSync(`${one.path}/base`, { read: true, write: true });
    const tables = [db, twin];
    for (const table of tables) {
      await table.insertMany(Array.from({ length: 20 }, (_, k) => ({ k })));
    }
    const random = randomFrom(seed);
    for (let step = 0; step < STEPS; step++) {
      const stepSeed = random.below(2 ** 32);
      const [calls, same] = tables.map((table) => {
        const maker = new Maker(randomFrom(stepSeed), table);
        return Array.from({ length: 1 + stepSeed % 3 }, () => maker.call());
      });
      const event = random.chance(0.8) ? anyEvent(randomFrom(stepSeed), db, calls!) : undefined;
      const busy = random.chance(0.5);
      if (busy) lock.lockSync(true);
      const answers = calls!.map(({ run }) => answer(run(db)));
      for (const { given } of calls!) given.forEach((one) => spoil(one, random));
      // A turn of the event loop: then they wait for whoever holds it.
      if (busy && random.chance(0.5)) await new Promise((resolve) => setTimeout(resolve, 0));
      if (busy) lock.unlockSync();
      event?.(other);
      const got = await Promise.all(answers);

      event?.(twin);
      const expected = [];
      for (const { run } of same!) expected.push(await answer(run(twin)));
      const told = `step ${step}: ${calls!.map(({ name }) => name).join()}`;
      assertEquals(got, expected, told);
      assertEquals(...tables.map(({ schema }) => textOfAll(schema)) as [string, string], told);
      const [rows, expectedRows] = tables.map(textsOf);
      const at = rows!.findIndex((row, i) => row !== expectedRows![i]);
      assertEquals(rows![at], expectedRows![at], told);
      assertEquals(db.size, twin.size, told);
      // So that it does not grow for ever.
      for (const table of tables) {
        if (table.size > 150) await table.deleteWhere({ __id__: { gte: 20 } });
      }
    }
  } catch (error) {
    // deno-lint-ignore no-console -- the seed is all that is needed
    console.log(`PSBASE_SEED=${seed}`);
    throw error;
  }
});

Deno.test("PsBase.watch() goes by the conditions of the call, also when the fields changed", async () => {
  const seed = newSeed();
  try {
    const random = randomFrom(seed);
    for (let round = 0; round < (LONG ? 300 : 15); round++) {
      await using temp = tempBase();
      await using db = await tableOf(temp.path, SCHEMA);
      await db.insertMany(Array.from({ length: 20 }, (_, k) => ({ k })));
      const makerSeed = random.below(2 ** 32);
      const [spoilt, whole] = ["spoilt", "whole"].map((kind) => {
        const where = { _or: [new Maker(randomFrom(makerSeed), db).where(), { k: LAST }] };
        const changes = db.watch({ where });
        if (kind === "spoilt") spoil(where, random);
        return changes;
      });
      for (let step = 0; step < 5; step++) {
        const { run } = new Maker(random, db).call();
        await answer(run(db));
        if (random.chance(0.5)) anyEvent(random, db, [])(db);
      }
      await db.insert({ k: LAST });
      const [got, expected] = await Promise.all([spoilt, whole].map(told));
      assertEquals(got, expected, `round ${round}`);
    }
  } catch (error) {
    // deno-lint-ignore no-console -- the seed is all that is needed
    console.log(`PSBASE_SEED=${seed}`);
    throw error;
  }
});

/** What a watcher is told, up to the last row or an error. */
async function told(changes: AsyncIterable<{ kind: string; id: number; row: Row }>) {
  const all: unknown[] = [];
  try {
    for await (const { kind, id, row } of changes) {
      all.push(kind, id);
      if (row?.k === LAST) break;
    }
  } catch (error) {
    all.push((error as Error).name);
  }
  return all;
}

Deno.test("functions that verbs call cannot change what the verb was given", async () => {
  await using temp = tempBase();
  await using db = await PsBase.create(temp.path, { n: "integer", photo: "bytes" });
  const reset = () => {
    db.deleteWhereSync({});
    return db.insertManySync([{ n: 0 }, { n: 1 }, { n: 2 }]);
  };
  const numbers = () => db.select().map((row) => row.n);
  for (const isInside of [false, true]) {
    const run = async <T>(fn: (verbs: typeof db) => T) =>
      isInside ? await db.transaction((tx) => fn(tx as unknown as typeof db)) : await fn(db);

    const targets = reset().slice(0, 2);
    await run((verbs) =>
      verbs.update(targets, (row) => {
        targets.fill(99);
        return { n: row.n! + 10 };
      })
    );
    assertEquals(numbers(), [10, 11, 2]);

    reset();
    const where = { n: { in: [0, 1] } };
    const changes = { n: 7, photo: new Uint8Array([7]) };
    await run((verbs) =>
      verbs.updateWhere((row) => {
        changes.photo.fill(9);
        changes.n = 9;
        return where.n.in.includes(row.n!);
      }, changes)
    );
    assertEquals(numbers(), [7, 7, 2]);
    assertEquals(db.select().map(({ photo }) => photo?.[0]), [7, 7, undefined]);

    reset();
    await run((verbs) =>
      verbs.updateWhere(where, (row) => {
        where.n.in.length = 0;
        return { n: row.n! + 20 };
      })
    );
    assertEquals(numbers(), [20, 21, 2]);
  }
});

Deno.test("PsBase.insertMany() of an iterator writes what it gave, though the fields changed", async () => {
  await using temp = tempBase();
  await using db = await tableOf(temp.path, {
    n: "integer",
    tag: { type: "string", default: "old" },
    seen: "timestamp",
    boss: link("self"),
  });
  await using other: Table = await PsBase.open(temp.path);
  await db.insert({ n: -1 });
  for (const count of [3, 20_000]) {
    const { size } = db;
    let asked = 0;
    const row: Row = {};
    const rows = function* () {
      for (; asked < count; asked++) {
        row.n = asked;
        row.boss = asked % 2 === 0 ? 0 : undefined;
        row.seen = asked % 3 === 0 ? new Date(asked) : null;
        if (asked % 5 === 0) row.tag = "given";
        else delete row.tag;
        yield row;
      }
    };
    const ids = db.insertMany(rows());
    // First the same fields in another generation, then others.
    other.cleanupSync();
    other.setDefaultSync("tag", `new ${count}`);
    other.addFieldSync(`more${count}`, { type: "integer", default: count }, { after: "n" });
    other.setTypeSync("n", "float");
    assertEquals((await ids).length, count);
    assertEquals([asked, db.size], [count, size + count]);
    for (const at of [0, 1, 2, 3, 4, 5, count - 1]) {
      if (at >= count) continue;
      const { n, tag, seen, boss, [`more${count}`]: more } = db.at(size + at);
      assertEquals([n, tag, seen?.getTime(), boss?.n, more], [
        at,
        at % 5 === 0 ? "given" : `new ${count}`,
        at % 3 === 0 ? at : undefined,
        at % 2 === 0 ? -1 : undefined,
        count,
      ]);
    }
    // Validated again: it does not fit any more.
    const late = db.insertMany(rows());
    asked = 0;
    const refused = db.insertMany(rows());
    other.renameFieldSync("seen", "last");
    assertEquals(await late, []);
    await assertRejects(() => refused, SchemaError, 'there is no field "seen"');
    assertEquals(db.size, size + count);
    other.renameFieldSync("last", "seen");
  }
  const gone = db.insertMany([{ n: 1, boss: db.get(0) }]);
  other.deleteSync(0);
  other.setDefaultSync("tag", "none");
  await assertRejects(() => gone, RangeError, "there is no row 0");
});

Deno.test("rows that are prepared stay valid in the next generation, which has the same fields", async () => {
  for (const isCleaned of [false, true]) {
    await using temp = tempBase();
    await using db = await PsBase.create(temp.path, { n: "integer", boss: link("self") });
    await using other = await PsBase.open(temp.path);
    await db.insert({ n: 0 });
    // Links are checked when rows are prepared: whether that is done again shows in the answer.
    const ids = db.insertMany([{ n: 1, boss: 0 }]);
    other.deleteSync(0);
    if (isCleaned) other.cleanupSync();
    assertEquals(await ids, [1]);
    assertEquals(db.stats().generation, isCleaned ? 2 : 1);
  }
});

Deno.test("paths, schemas and options are read when the verb is called", async () => {
  await using temp = tempBase();
  const url = new URL(`file://${temp.path}`);
  const schema: Record<string, unknown> = { n: { type: "integer", default: 7 }, data: json() };
  const options: Row = { mode: "new", durability: "relaxed" };
  // deno-lint-ignore no-explicit-any -- not of one type
  const creating = PsBase.create(url, schema as any, options as any);
  url.pathname += "x";
  spoil(schema, randomFrom(1));
  Object.assign(options, { mode: "override", readOnly: true });
  await using db = await creating as unknown as PsBase<{ n: "integer"; data: "json" }>;
  assertEquals([db.path, Object.keys(db.schema)], [temp.path, ["n", "data"]]);
  await db.insert({});
  assertEquals(db.get(0)!.n, 7);

  const to = new URL(`file://${temp.path}-copy`);
  const copying = db.backup(to);
  to.pathname += "x";
  await copying;
  const rescued = new URL(`file://${temp.path}-rescued`);
  const rescuing = PsBase.salvage(`${temp.path}-copy`, rescued);
  rescued.pathname += "x";
  await rescuing;
  assertEquals([...Deno.readDirSync(temp.parent)].map(({ name }) => name).sort(), [
    "people",
    "people-copy",
    "people-rescued",
  ]);

  const waiting: Row = { timeoutMs: 60_000 };
  const transaction = db.transaction((tx) => tx.insert({ n: 1 }), waiting as { timeoutMs: number });
  waiting.timeoutMs = 0;
  assertEquals(await transaction, 1);
});
