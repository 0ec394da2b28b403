/**
 * Objects that tell one thing when they are checked and another when they are stored: subclasses,
 * own properties, getters, proxies. Whatever is acknowledged can be read by everybody.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import vm from "node:vm";
import { Buffer } from "node:buffer";
import type { TypeName } from "../../engine/schema/types.ts";
import { VALUE_TYPES, type ValueType } from "../../engine/schema/values.ts";
import { CorruptionError, PsBase } from "../../mod.ts";
import { done } from "../helpers/cli.ts";
import { newSeed, type Random, randomFrom } from "../helpers/random.ts";
import { tempBase } from "../helpers/temp_base.ts";

// deno-lint-ignore no-explicit-any -- hostile values have no type
type Anything = any;

const LONG = Deno.env.get("PSBASE_LONG") === "1";

/** What stands in the place of a number, or of anything. */
const WRONG: readonly unknown[] = [
  0.25,
  1.5,
  -0,
  NaN,
  Infinity,
  -1,
  1e9,
  9e15,
  2 ** 53,
  "5",
  "boo",
  null,
  undefined,
  5n,
  {},
];

/** What tells a wrong number, mostly, and something else each time. */
function changing(random: Random, ...first: unknown[]): () => unknown {
  let n = 0;
  const wrong = () => random.chance(0.6) ? random.pick([0.25, 1.5, 1e9, 9e15]) : random.pick(WRONG);
  return () => n < first.length ? first[n++] : wrong();
}

const METHODS: readonly PropertyKey[] = [
  "getTime",
  "toString",
  "toJSON",
  "valueOf",
  "toPlainDate",
  "toPlainTime",
  "equals",
  "slice",
  Symbol.toPrimitive,
  Symbol.iterator,
];

/** Lies about one or two properties of these names. */
function lies(random: Random, names: readonly PropertyKey[]): PropertyDescriptorMap {
  const lie = (name: PropertyKey) => {
    const tell = changing(random);
    return [name, METHODS.includes(name) ? { value: tell } : { get: tell }];
  };
  return Object.fromEntries([lie(random.pick(names)), lie(random.pick(names))]);
}

/** The value with properties of its own in the place of those of its class. */
function withOwn(random: Random, value: object, names: readonly PropertyKey[]): object {
  return Object.defineProperties(value, lies(random, names));
}

/** The value as one of a subclass. */
function asSubclass(random: Random, value: object, names: readonly PropertyKey[]): object {
  const prototype = Object.create(Object.getPrototypeOf(value), lies(random, names));
  return Object.setPrototypeOf(value, prototype);
}

/** What passes for the value, but is none. */
function fakeOf(random: Random, value: object): object {
  return random.pick([
    () => new Proxy(value, {}),
    () => Object.create(Object.getPrototypeOf(value)),
    () => Object.create(value),
    () => ({ ...value, [Symbol.toStringTag]: Reflect.get(value, Symbol.toStringTag) }),
  ])();
}

/** What the getters of these names may be replaced by, in a value that `make` makes. */
function hostile(random: Random, make: () => object, ...names: PropertyKey[]): unknown {
  return random.pick([
    () => withOwn(random, make(), names),
    () => asSubclass(random, make(), names),
    () => withOwn(random, make(), names.slice(0, 1)),
    () => fakeOf(random, make()),
    make,
    () => random.pick(WRONG),
  ])();
}

const DATE = ["day", "month", "year", "calendarId"];
const TIME = ["hour", "minute", "second", "millisecond", "microsecond", "nanosecond"];
const CONVERSIONS = ["toString", "toJSON", "valueOf", Symbol.toPrimitive, "constructor"];

function hostileJson(random: Random, depth = 0): Anything {
  const more = () => depth > 3 ? random.pick(WRONG) : hostileJson(random, depth + 1);
  const deep = () => {
    let value: unknown = 1;
    for (let i = 0; i < 1500; i++) value = [value];
    return value;
  };
  return random.pick<() => unknown>([
    () => random.pick(WRONG),
    () => random.pick(["a", "\ud800", true, new Date(), new Map(), Symbol(), () => 1]),
    () => [more(), more()],
    () => ({ a: more(), ["__proto__"]: more() }),
    () => JSON.parse('{"__proto__": {"polluted": 1}, "toJSON": 5}'),
    () => Object.defineProperty({}, "a", { get: changing(random, 1, "x"), enumerable: true }),
    () => Object.defineProperty({}, "a", { get: changing(random, 1, 1, deep()), enumerable: true }),
    () => Object.defineProperty({ a: 1 }, "toJSON", { value: changing(random, null) }),
    () => ({ toJSON: changing(random, 1, undefined), a: 1 }),
    () => Object.assign([1, 2], { toJSON: changing(random, undefined), a: 1 }),
    () => Object.defineProperty([1, 2], 1, { get: changing(random, 1, undefined) }),
    () => new Array(random.below(4)),
    () => new Proxy({ a: 1 }, { get: changing(random, 1, NaN) }),
    () => new Proxy({ a: 1 }, { ownKeys: () => random.pick([["a"], ["b", "\ud800"], []]) }),
    () => new Proxy([1], { get: changing(random, 2, 1, undefined) }),
    () => new Proxy([1], { getPrototypeOf: () => Object.prototype }),
    () => {
      const { proxy, revoke } = Proxy.revocable({}, {});
      revoke();
      return proxy;
    },
    deep,
  ])();
}

function hostileBytes(random: Random): unknown {
  const resized = new ArrayBuffer(8, { maxByteLength: 16 });
  const moved = new Uint8Array([1, 2]);
  return random.pick<() => unknown>([
    () => hostile(random, () => new Uint8Array([1, 2, 3]), "length", "buffer", "byteLength"),
    () => hostile(random, () => new Uint8Array(10), Symbol.iterator, "slice", ...CONVERSIONS),
    () => new Uint8Array(new SharedArrayBuffer(4)),
    () => new Uint8Array(new SharedArrayBuffer(4, { maxByteLength: 8 })),
    () => Buffer.from("abc"),
    () => new Uint8ClampedArray(3),
    () => new DataView(new ArrayBuffer(3)),
    () => new ArrayBuffer(3),
    () => {
      const bytes = new Uint8Array(resized, 4);
      resized.resize(random.pick([0, 4, 6, 16]));
      return bytes;
    },
    () => {
      structuredClone(moved.buffer, { transfer: [moved.buffer] });
      return moved;
    },
    () => vm.runInNewContext("new Uint8Array([1, 2, 3])"),
  ])();
}

/** A hostile value for a field of each type; some are good ones after all. */
const HOSTILE: Record<TypeName | "link", (random: Random) => unknown> = {
  string: (random) =>
    random.pick(["\ud800", "a\udc00b", "😀", Object("a"), { toString: () => "a" }, ["a"], "\0"]),
  integer: (random) => random.pick([...WRONG, Object(5), { valueOf: () => 5 }]),
  float: (random) => random.pick([...WRONG, Object(5), { valueOf: () => 5 }]),
  boolean: (random) => random.pick([true, Object(false), 0, 1, "true"]),
  bigint: (random) => random.pick([5n, 2n ** 63n, -(2n ** 63n), Object(5n), 5, "5"]),
  date: (random) =>
    hostile(
      random,
      () => {
        const date = new Temporal.PlainDate(2000, 1 + random.below(12), 1);
        return random.chance(0.1) ? date.withCalendar("hebrew") : date;
      },
      ...DATE,
      ...CONVERSIONS,
    ),
  time: (random) =>
    hostile(random, () => new Temporal.PlainTime(random.below(24)), ...TIME, ...CONVERSIONS),
  datetime: (random) =>
    hostile(
      random,
      () => {
        const value = new Temporal.PlainDateTime(2000, 1, 1, random.below(24));
        return random.chance(0.1) ? value.withCalendar("gregory") : value;
      },
      ...DATE,
      ...TIME,
      ...CONVERSIONS,
      "toPlainDate",
      "toPlainTime",
      "equals",
    ),
  timestamp: (random) =>
    hostile(
      random,
      random.pick<() => object>([
        () => new Date(random.below(1e9)),
        () => new Date(random.below(1e9)),
        () => new Date(NaN),
        () => vm.runInNewContext(`new Date(${random.below(1e9)})`),
        () => Temporal.Instant.fromEpochMilliseconds(random.below(1e9)),
        () => Temporal.Instant.fromEpochMilliseconds(5).add({ nanoseconds: random.below(2) }),
      ]),
      "getTime",
      "epochMilliseconds",
      "epochNanoseconds",
      Symbol.toStringTag,
      ...CONVERSIONS,
    ),
  bytes: hostileBytes,
  json: hostileJson,
  link: (random) =>
    random.pick<() => unknown>([
      () => random.pick(WRONG),
      () => ({ __id__: 0, __version__: 0 }),
      () => Object.defineProperty({}, "__id__", { get: changing(random, 0) }),
      () => new Proxy({ __id__: 0 }, { get: changing(random, 0, 0) }),
    ])(),
};

const TYPES = Object.values(VALUE_TYPES);

/** A field of each type, one more of which has an index. */
const SCHEMA: Record<string, Anything> = Object.fromEntries(TYPES.flatMap(({ name, sortable }) => {
  const type = name === "link" ? { link: "self" } : name;
  return [[name, { type }], ...(sortable ? [[`${name}s`, { type, index: true }]] : [])];
}));

/** A value as text that is the same for equal ones. */
function told(type: ValueType, value: unknown): unknown {
  if (value === null) return null;
  return type.name === "link" ? (value as Anything).__id__ : type.format(value);
}

/** All rows as text. */
function allOf(base: PsBase<Anything>): unknown[] {
  return base.select().map((row: Anything) => [
    row.__id__,
    ...Object.keys(SCHEMA).map((name) =>
      told(
        VALUE_TYPES[name.replace(/(?<!bytes)s$/, "") as TypeName] ?? VALUE_TYPES.bytes,
        row[name],
      )
    ),
  ]);
}

/** How a value can be written, each way with as many rows as it says. */
const VERBS: Record<string, (base: Anything, field: string, value: unknown) => unknown> = {
  insert: (base, field, value) => base.insert({ [field]: value }),
  insertSync: (base, field, value) => base.insertSync({ [field]: value }),
  "insertMany, few": (base, field, value) => base.insertMany([{}, { [field]: value }]),
  "insertMany, many": (base, field, value) =>
    base.insertMany([...new Array(100).fill({}), { [field]: value }]),
  insertAsStrings: (base, field, value) => base.insertAsStrings({ [field]: value }),
  update: (base, field, value) => base.update(0, { [field]: value }),
  "update by a function": (base, field, value) => base.update(1, () => ({ [field]: value })),
  updateWhere: (base, field, value) => base.updateWhere({ __id__: 2 }, { [field]: value }),
  "upsert values": (base, field, value) => base.upsert({ key: 1 }, { [field]: value }),
  transaction: (base, field, value) =>
    base.transaction((tx: Anything) => {
      tx.insert({ [field]: value });
      tx.update(3, { [field]: value });
    }),
  setDefault: async (base, field, value) => {
    await base.setDefault(field, value);
    await base.insert({});
    await base.setDefault(field, null);
  },
  addField: async (base, field, value) => {
    const { type } = SCHEMA[field];
    await base.addField("added", { type, default: value });
    await base.dropField("added");
  },
  // Conditions store nothing, but a hostile one must not find what it does not say.
  select: (base, field, value) => base.select({ [field]: { eq: value } }),
  deleteWhere: (base, field, value) => base.deleteWhere({ [field]: { in: [value] }, __id__: 4 }),
  "upsert key": async (base, field, value) => {
    if (field === "json") return;
    await base.setIndex(field, { unique: true });
    try {
      await base.upsert({ [field]: value }, {});
    } finally {
      await base.setIndex(field, { unique: false });
    }
  },
};

const RUNS = LONG ? 24_000 : 600;

const SEED = newSeed();

Deno.test(`what is acknowledged of hostile values can be read, cleaned up, exported, checked and salvaged (PSBASE_SEED=${SEED})`, async () => {
  const random = randomFrom(SEED);
  await using temp = tempBase();
  const schema: Record<string, Anything> = { ...SCHEMA, key: { type: "integer", unique: true } };
  await using base = await PsBase.create(temp.path, schema as Anything) as Anything;
  await base.insertMany(new Array(200).fill({}));
  let acknowledged = 0;
  const verify = async () => {
    const rows = allOf(base);
    {
      await using other = await PsBase.open(temp.path);
      assertEquals(allOf(other as Anything), rows);
    }
    await base.cleanup();
    assertEquals(allOf(base), rows);
    assertEquals((await PsBase.check(temp.path)).problems, []);
    const exported = await done(["export", temp.path, "--ndjson"]);
    assertStrictEquals(exported.trimEnd().split("\n").length, rows.length);
    const salvaged = `${temp.parent}/salvaged`;
    assertEquals((await PsBase.salvage(temp.path, salvaged)).lost, []);
    await using copy = await PsBase.open(salvaged);
    assertEquals(allOf(copy as Anything), rows);
    await copy.destroy();
  };
  for (let run = 1; run <= RUNS; run++) {
    const field = random.pick(Object.keys(SCHEMA));
    const verb = random.pick(Object.keys(VERBS));
    const { type } = SCHEMA[field];
    const value = HOSTILE[(typeof type === "string" ? type : "link") as TypeName](random);
    try {
      await VERBS[verb]!(base, field, value);
      acknowledged++;
    } catch (error) {
      assert(
        ["TypeError", "RangeError", "SchemaError", "UniqueError"].includes((error as Error).name),
        `run ${run}: ${verb} of ${field} throws ${error}`,
      );
    }
    if (run % (RUNS / 6) === 0) await verify();
  }
  assert(acknowledged > RUNS / 10, "too little is acknowledged to tell anything");
});

Deno.test("a value is stored as its class tells it, whatever it tells itself", () => {
  const { date, time, datetime, timestamp, bytes, json } = VALUE_TYPES;
  const lying = (value: object, told: Record<string, unknown>) =>
    Object.defineProperties(
      value,
      Object.fromEntries(Object.entries(told).map(([name, value]) => [name, { value }])),
    );
  const day = new Temporal.PlainDate(2000, 1, 1);
  const wrongDay = lying(day, { year: 1e9, day: 1.5, calendarId: "hebrew" });
  assertStrictEquals(date.encode(wrongDay), date.encode(new Temporal.PlainDate(2000, 1, 1)));
  const wrongTime = lying(new Temporal.PlainTime(1), { hour: 100 });
  assertStrictEquals(time.encode(wrongTime), 3600e9);
  const wrongBoth = lying(new Temporal.PlainDateTime(2000, 1, 1), { year: 1e9, toPlainDate: null });
  assertStrictEquals(String(datetime.encode(wrongBoth)), "2000-01-01T00:00:00");
  assertStrictEquals(timestamp.encode(lying(new Date(5), { getTime: () => 5.25 })), 5);
  const instant = Temporal.Instant.fromEpochMilliseconds(5);
  assertStrictEquals(timestamp.encode(lying(instant, { epochMilliseconds: 1.5 })), 5);
  assertEquals(bytes.encode(lying(new Uint8Array([1, 2]), { length: 0 })), new Uint8Array([1, 2]));
  assertStrictEquals(json.encode(lying({ a: 1 }, { toJSON: () => null })), '{"a":1}');
  let n = 0;
  const once = {
    get a() {
      return n++ === 0 ? 1 : NaN;
    },
  };
  assertStrictEquals(json.encode(once), '{"a":1}');
});

Deno.test("values of another realm are taken", () => {
  const run = (code: string) => vm.runInNewContext(code);
  assertStrictEquals(VALUE_TYPES.timestamp.encode(run("new Date(5)")), 5);
  assertEquals(VALUE_TYPES.bytes.encode(run("new Uint8Array([1])")), new Uint8Array([1]));
});

Deno.test("Temporal values of rows are frozen: rows share them", async () => {
  await using temp = tempBase();
  await using base = await PsBase.create(temp.path, {
    d: "date",
    t: "time",
    dt: { type: "datetime", default: new Temporal.PlainDateTime(2000, 1, 1) },
  });
  const row = { d: new Temporal.PlainDate(2000, 1, 1), t: new Temporal.PlainTime(1) };
  const dt = new Temporal.PlainDateTime(2000, 1, 1, 1);
  await base.insertMany([{ ...row, dt }, row]);
  for (let round = 0; round < 2; round++) {
    for (const { d, t, dt } of base) {
      for (const value of [d, t, dt]) assert(Object.isFrozen(value), String(value));
    }
    await base.cleanup();
  }
  assert(Object.isFrozen(base.defaults.dt));
  // What the user passed stays as it was.
  assert(!Object.isFrozen(dt));
});

/** Lets the types take anything, as an earlier version took these values. */
function taking<T>(type: TypeName, stored: Anything, fn: () => T): T {
  const known = VALUE_TYPES[type] as Anything;
  const { encode } = known;
  known.encode = (value: unknown) => value === "wrong" ? stored : encode.call(known, value);
  try {
    return fn();
  } finally {
    known.encode = encode;
  }
}

const IMPOSSIBLE: [type: TypeName, stored: unknown, good: unknown][] = [
  ["timestamp", 1_700_000_000_000.25, new Date(5)],
  ["timestamp", 9e15, new Date(5)],
  ["timestamp", -0.5, new Date(5)],
  ["date", 1.5, new Temporal.PlainDate(2000, 1, 1)],
  ["date", 1e9, new Temporal.PlainDate(2000, 1, 1)],
  ["time", 360_000e9, new Temporal.PlainTime(1)],
  ["integer", 0.5, 5],
  ["boolean", 7, true],
  ["json", "{", [1]],
  ["json", "[".repeat(2000) + "]".repeat(2000), [1]],
];

for (const [type, stored, good] of IMPOSSIBLE) {
  for (const index of type === "json" ? [false] : [false, true]) {
    const what = `${type} ${String(stored).slice(0, 20)}${index ? ", indexed" : ""}`;

    Deno.test(`a value that no type can hold harms no other row: ${what}`, async () => {
      await using temp = tempBase();
      const schema = { v: { type, index }, n: "integer" } as Anything;
      await using base = await PsBase.create(temp.path, schema as Anything) as Anything;
      const rows: Anything[] = Array.from({ length: 1000 }, (_, n) => ({ v: good, n }));
      rows[500].v = "wrong";
      taking(type, stored, () => base.insertManySync(rows));
      const others = rows.filter(({ v }) => v !== "wrong").map(({ n }) => n);

      // Others read the batch, value by value where they must.
      await using other = await PsBase.open(temp.path) as Anything;
      assertEquals(other.select({ n: { ne: 500 } }).map((row: Anything) => row.n), others);
      assertEquals(told(VALUE_TYPES[type], other.get(0).v), told(VALUE_TYPES[type], good));
      assertStrictEquals(other.sum("n"), 999 * 500);
      await assertRejects(async () => await other.get(500), CorruptionError);
      assertEquals((await PsBase.check(temp.path)).ok, false);

      // Salvage rescues the others, and tells which one is lost.
      const salvaged = `${temp.parent}/salvaged`;
      const { lost, rows: count } = await PsBase.salvage(temp.path, salvaged);
      assertStrictEquals(count, 999);
      assertEquals(lost.map(({ ids }) => ids), [[[500, 500]]]);
      assertEquals((await PsBase.check(salvaged)).problems, []);

      // Deleting the row helps.
      assertStrictEquals(await other.delete(500), 1);
      assertStrictEquals(other.select().length, 999);
      if (type !== "json") assertStrictEquals(other.count({ v: good }), 999);
      await other.cleanup();
      assertEquals((await PsBase.check(temp.path)).problems, []);
      assertEquals(other.select({ n: { gte: 0 } }).map((row: Anything) => row.n), others);
    });
  }
}

Deno.test("salvage() loses of a commit the row with a value that no type can hold, and no other", async () => {
  await using temp = tempBase();
  temp.damaged = true;
  {
    using base = PsBase.createSync(temp.path, { v: "time", n: "integer" }) as Anything;
    base.insertManySync([{ n: 0 }, { n: 1 }]);
    taking("time", 360_000e9, () => base.insertManySync([{ n: 2 }, { v: "wrong", n: 3 }]));
    taking("time", 360_000e9, () => base.updateWhereSync({ n: 0 }, { v: "wrong" }));
    base.insertSync({ v: new Temporal.PlainTime(1), n: 4 });
  }
  await assertRejects(() => PsBase.open(temp.path), CorruptionError, 'field "v"');
  const salvaged = `${temp.parent}/salvaged`;
  const { lost } = await PsBase.salvage(temp.path, salvaged);
  assertEquals(lost.flatMap(({ ids }) => ids), [[0, 0], [3, 3]]);
  await using copy = await PsBase.open(salvaged) as Anything;
  assertEquals(copy.select().map((row: Anything) => row.n), [1, 2, 4]);
});
