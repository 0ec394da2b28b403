import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { JsonValue, TypeName } from "../../../engine/schema/types.ts";
import { MAX_VALUE_BYTES } from "../../../engine/system/check.ts";
import { compareText, type Stored, VALUE_TYPES } from "../../../engine/schema/values.ts";

const date = (text: string) => Temporal.PlainDate.from(text);
const time = (text: string) => Temporal.PlainTime.from(text);
const datetime = (text: string) => Temporal.PlainDateTime.from(text);
const bytes = (...values: number[]) => new Uint8Array(values);

/** Values of each type in the order of the table, all different. */
const IN_ORDER: Record<TypeName | "link", unknown[]> = {
  string: [
    "",
    "\0",
    "\n",
    "a",
    "a\0",
    "aa",
    "b",
    "é",
    "ｚ",
    "\uffff",
    "😀",
    "😀a",
    "😁",
    "\u{10ffff}",
  ],
  integer: [
    Number.MIN_SAFE_INTEGER,
    -(2 ** 31) - 1,
    -1,
    0,
    1,
    2 ** 30,
    2 ** 32,
    Number.MAX_SAFE_INTEGER,
  ],
  float: [-Infinity, -Number.MAX_VALUE, -1.5, -5e-324, 0, 5e-324, 0.1, 1e300, Infinity, NaN],
  boolean: [false, true],
  bigint: [-(2n ** 63n), -(2n ** 53n), -1n, 0n, 1n, 2n ** 53n + 1n, 2n ** 63n - 1n],
  date: [
    "-271821-04-19",
    "-000001-12-31",
    "0000-01-01",
    "0000-02-29",
    "1900-03-01",
    "1969-12-31",
    "1970-01-01",
    "2000-02-29",
    "2000-03-01",
    "+275760-09-13",
  ].map(date),
  time: ["00:00", "00:00:00.000000001", "00:00:01", "12:34:56.789012345", "23:59:59.999999999"].map(
    time,
  ),
  datetime: [
    "-271821-04-19T00:00:00.000000001",
    "-000001-12-31T23:59",
    "1970-01-01T00:00",
    "1970-01-01T00:00:00.000000001",
    "2026-07-31T12:00",
    "+275760-09-13T23:59:59.999999999",
  ].map(datetime),
  timestamp: [-8.64e15, -1, 0, 1, 1.7e12, 8.64e15].map((ms) => new Date(ms)),
  bytes: [
    bytes(),
    bytes(0),
    bytes(0, 0),
    bytes(0, 255),
    bytes(1),
    bytes(127),
    bytes(128),
    bytes(255, 255),
  ],
  json: [],
  link: [0, 1, 2 ** 32, Number.MAX_SAFE_INTEGER],
};
const JSONS: JsonValue[] = [true, 0, -1.5, "", "null", [], {}, [null, [1]], {
  a: { b: [false, "😀"] },
  "": null,
}, JSON.parse('{"__proto__": 1, "constructor": 2, "toJSON": 3}')];

const types = Object.values(VALUE_TYPES);
const samples = (name: TypeName | "link") => name === "json" ? JSONS : IN_ORDER[name];

for (const type of types) {
  const values = samples(type.name);

  Deno.test(`ValueType ${type.name} gives back what it took`, () => {
    for (const value of values) assertEquals(type.decode(type.encode(value)), value);
  });

  Deno.test(`ValueType ${type.name} parses what it formats`, () => {
    for (const value of values) assertEquals(type.parse(type.format(value)), value);
  });

  Deno.test(`ValueType ${type.name} reads the JSON that it writes`, () => {
    for (const value of values) {
      const json = JSON.parse(JSON.stringify(type.toJson(value)));
      assertEquals(type.fromJson(json), value);
    }
  });

  Deno.test(`ValueType ${type.name} finds each value equal to itself only`, () => {
    const stored = values.map((value) => type.encode(value));
    const again = values.map((value) => type.encode(value));
    stored.forEach((a, i) =>
      again.forEach((b, j) => assertStrictEquals(type.equals(a, b), i === j, `${a} and ${b}`))
    );
  });

  if (type.sortable) {
    Deno.test(`ValueType ${type.name} orders by value`, () => {
      const stored = values.map((value) => type.encode(value));
      stored.forEach((a, i) =>
        stored.forEach((b, j) =>
          assertStrictEquals(Math.sign(type.compare(a, b)), Math.sign(i - j), `${a} and ${b}`)
        )
      );
    });
  }

  Deno.test(`ValueType ${type.name} refuses what is of another type`, () => {
    for (const other of types) {
      if (type.name === "json" || other.name === "json") continue;
      for (const value of samples(other.name)) {
        const fits = typeof value === "number" ? ["integer", "float", "link"] : [other.name];
        if (fits.includes(type.name)) continue;
        assertThrows(() => type.encode(value), TypeError, "expected");
      }
    }
    for (const value of [null, undefined, Symbol(), () => 1]) {
      assertThrows(() => type.encode(value), TypeError);
    }
  });

  Deno.test(`ValueType ${type.name} refuses text that is no value`, () => {
    if (["string", "bytes", "json"].includes(type.name)) return; // below
    for (const text of ["", " ", "null!", "1x", "0x10", "2026-02-30", "24:00", "1e999", "--1"]) {
      assertThrows(() => type.parse(text), SyntaxError, JSON.stringify(text));
    }
  });
}

function refuses(name: TypeName, value: unknown, message: string) {
  assertThrows(() => VALUE_TYPES[name].encode(value), RangeError, message);
}

Deno.test("ValueType.take() names the value and what was expected", () => {
  const message = (name: TypeName, value: unknown) =>
    assertThrows(() => VALUE_TYPES[name].encode(value), TypeError).message;
  assertEquals(message("integer", "abc"), '"abc" is a string, expected an integer');
  assertEquals(message("string", 5n), "5n is a bigint, expected a string");
  assertEquals(message("date", new Date()), "it is a Date, expected a Temporal.PlainDate");
  assertEquals(message("boolean", [1]), "it is an array, expected a boolean");
  assertEquals(message("float", null), "it is null, expected a number");
  assertEquals(message("bytes", Object.create(null)), "it is an Object, expected a Uint8Array");
  assert(message("integer", "x".repeat(1e6)).length < 100);
});

Deno.test("ValueType.take() refuses what is out of range", () => {
  for (const value of [0.5, NaN, Infinity, 2 ** 53, -(2 ** 53)]) refuses("integer", value, "2^53");
  refuses("bigint", 2n ** 63n, "64 bits");
  refuses("bigint", -(2n ** 63n) - 1n, "64 bits");
  refuses("timestamp", new Date(NaN), "invalid Date");
  refuses("string", "a\ud83d", "surrogate");
  refuses("string", "\ude00\ud83d", "surrogate");
  refuses("date", date("2026-07-31").withCalendar("hebrew"), "withCalendar");
  refuses("datetime", datetime("2026-07-31T12:00").withCalendar("gregory"), "withCalendar");
});

Deno.test("ValueType.take() refuses values beyond 64 MiB, counted in UTF-8", () => {
  const limit = String(MAX_VALUE_BYTES);
  const most = "é".repeat(MAX_VALUE_BYTES / 2);
  assertStrictEquals(VALUE_TYPES.string.encode(most), most);
  refuses("string", most + "a", limit);
  refuses("bytes", new Uint8Array(MAX_VALUE_BYTES + 1), limit);
  refuses("json", [most], limit);
});

Deno.test("ValueType integer takes -0 for 0, float keeps it", () => {
  assert(Object.is(VALUE_TYPES.integer.encode(-0), 0));
  const float = VALUE_TYPES.float;
  assert(Object.is(float.encode(-0), -0));
  assert(float.equals(0, -0));
  assertEquals(float.compare(0, -0), 0);
  assert(Object.is(float.parse(float.format(-0)), -0));
  assert(Object.is(float.fromJson(JSON.parse(JSON.stringify(float.toJson(-0)))), -0));
});

Deno.test("ValueType timestamp refuses what it would cut to milliseconds", () => {
  const { encode: take, decode: give, parse } = VALUE_TYPES.timestamp;
  const text = "2026-07-31T12:00:00.123";
  assertEquals(give(take(Temporal.Instant.from(`${text}Z`))), new Date(`${text}Z`));
  assertEquals(parse(`${text}000000Z`), new Date(`${text}Z`));
  for (const finer of [`${text}999Z`, `${text}000001Z`, "1969-12-31T23:59:59.9999Z"]) {
    refuses("timestamp", Temporal.Instant.from(finer), 'round("millisecond")');
    assertThrows(() => parse(finer), SyntaxError, "to milliseconds");
  }
});

Deno.test("ValueType.parse() names the precision that a type keeps", () => {
  for (const name of ["time", "datetime"] as const) {
    const text = `${name === "time" ? "" : "2026-07-31T"}12:00:00.0123456789`;
    assertThrows(() => VALUE_TYPES[name].parse(text), SyntaxError, "to nanoseconds");
  }
});

Deno.test("ValueType bigint is a number in JSON where that is exact", () => {
  const { toJson, fromJson } = VALUE_TYPES.bigint;
  assertEquals(toJson(2n ** 53n - 1n), 2 ** 53 - 1);
  assertEquals(toJson(2n ** 53n), "9007199254740992");
  assertEquals(fromJson(5), 5n);
  assertEquals(fromJson(0.5), 0.5);
});

Deno.test("ValueType.fromJson() leaves what cannot be a value to take()", () => {
  for (const type of types) {
    if (type.name === "json") continue;
    assertThrows(() => type.encode(type.fromJson({ a: 1 })), TypeError);
  }
});

Deno.test("ValueType.take() and give() copy what can be changed", () => {
  const { bytes: byteType, json, timestamp } = VALUE_TYPES;
  const buffer = new Uint8Array([1, 2, 3]);
  const stored = byteType.encode(buffer.subarray(1));
  buffer[1] = 9;
  (byteType.decode(stored) as Uint8Array)[0] = 9;
  assertEquals(byteType.decode(stored), bytes(2, 3));

  const list = [1];
  const text = json.encode(list);
  list.push(2);
  assertEquals(json.decode(text), [1]);

  const day = new Date(5);
  const ms = timestamp.encode(day);
  day.setTime(6);
  assertEquals(timestamp.decode(ms), new Date(5));
});

Deno.test("ValueType json equals by structure, whatever the order of keys", () => {
  const { encode: take, equals } = VALUE_TYPES.json;
  const same = (a: unknown, b: unknown) => equals(take(a), take(b));
  assert(same({ a: 1, b: [{ c: 2, d: 3 }] }, { b: [{ d: 3, c: 2 }], a: 1 }));
  assert(same(-0, 0));
  assert(!same({ a: 1 }, { a: 1, b: 1 }));
  assert(!same({ a: 1 }, { b: 1 }));
  assert(!same([1, 2], [2, 1]));
  assert(!same([], {}));
  assert(!same({ toString: 1 }, { b: 1 }));
});

Deno.test("ValueType json refuses what JSON does not give back", () => {
  const { encode: take } = VALUE_TYPES.json;
  class Point {
    x = 1;
  }
  // deno-lint-ignore no-sparse-arrays
  const wrong = [
    { f: () => 1 },
    [undefined],
    [, 1],
    { a: undefined },
    new Date(),
    [new Point()],
    new Map(),
    5n,
    [Symbol()],
  ];
  for (const value of wrong) assertThrows(() => take(value), TypeError, "in json");
  const cycle: unknown[] = [];
  cycle.push({ cycle });
  for (const value of [NaN, [Infinity]]) assertThrows(() => take(value), RangeError, "in json");
  assertThrows(() => take(["\ud83d"]), RangeError, "surrogate");
  assertThrows(() => take({ "\ud83d": 1 }), RangeError, "surrogate");
  assertThrows(() => take(cycle), RangeError, "cycle");
  assertEquals(take(Object.assign(Object.create(null), { a: 1 })), '{"a":1}');
});

Deno.test("ValueType.parse() takes the forms of ISO and no other", () => {
  const good: [TypeName, string, unknown][] = [
    ["integer", "+007", 7],
    ["float", "1e3", 1000],
    ["float", ".5", 0.5],
    ["bigint", "-00000000000000000000009223372036854775808", -(2n ** 63n)],
    ["datetime", "2026-07-31 12:00", datetime("2026-07-31T12:00")],
    ["timestamp", "2026-07-31T12:00:00+02:00", new Date("2026-07-31T10:00:00Z")],
    ["bytes", "AQI=", bytes(1, 2)],
  ];
  for (const [name, text, value] of good) assertEquals(VALUE_TYPES[name].parse(text), value);
  const bad: [TypeName, string][] = [
    ["integer", "9007199254740993"],
    ["integer", "1.0"],
    ["boolean", "1"],
    ["bigint", "9223372036854775808"],
    ["bigint", "1".repeat(1e6)],
    ["date", "2026-07-31T00:00"],
    ["date", "20260731"],
    ["date", "2026-07-31[u-ca=hebrew]"],
    ["date", "-000000-01-01"],
    ["time", "12:00:60"],
    ["time", "12"],
    ["timestamp", "2026-07-31T12:00:00"],
    ["timestamp", "2026-07-31"],
    ["timestamp", "2026-07-31T12:00:00Z[UTC]"],
    ["bytes", "AQ"],
    ["bytes", "AQ-_"],
    ["json", ""],
    ["json", "{a: 1}"],
  ];
  for (const [name, text] of bad) assertThrows(() => VALUE_TYPES[name].parse(text), SyntaxError);
});

/** A generator of random numbers that a printed seed brings back (mulberry32). */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const SEED = Number(Deno.env.get("PSBASE_SEED") ?? Math.floor(Math.random() * 2 ** 32));

Deno.test(`ValueType date counts days as Temporal does (PSBASE_SEED=${SEED})`, () => {
  const { encode: take, decode: give } = VALUE_TYPES.date;
  const epoch = date("1970-01-01");
  const next = random(SEED);
  const days = Array.from({ length: 20_000 }, () => Math.floor((next() * 2 - 1) * 1e8));
  for (let day = -150_000; day < 150_000; day += 7) days.push(day);
  for (const day of days) {
    const expected = epoch.add({ days: day });
    assertStrictEquals(take(expected), day);
    assert((give(day) as Temporal.PlainDate).equals(expected), String(day));
  }
});

Deno.test(`ValueType time counts nanoseconds as Temporal does (PSBASE_SEED=${SEED})`, () => {
  const { encode: take, decode: give } = VALUE_TYPES.time;
  const next = random(SEED);
  for (let i = 0; i < 20_000; i++) {
    const nanoseconds = Math.floor(next() * 86_400e9);
    const expected = new Temporal.PlainTime().add({ nanoseconds });
    assertStrictEquals(take(expected), nanoseconds);
    assert((give(nanoseconds) as Temporal.PlainTime).equals(expected), String(nanoseconds));
  }
});

Deno.test(`compareText() orders as UTF-8 bytes do (PSBASE_SEED=${SEED})`, () => {
  const next = random(SEED);
  const points = [
    0,
    0x61,
    0x7f,
    0x80,
    0x7ff,
    0x800,
    0xd7ff,
    0xe000,
    0xfffd,
    0xffff,
    0x10000,
    0x10ffff,
  ];
  const text = () =>
    Array.from(
      { length: next() * 4 },
      () => String.fromCodePoint(points[Math.floor(next() * points.length)]!),
    ).join("");
  const utf8 = (value: string): Stored => new TextEncoder().encode(value);
  for (let i = 0; i < 20_000; i++) {
    const a = text();
    const b = text();
    const expected = VALUE_TYPES.bytes.compare(utf8(a), utf8(b));
    assertStrictEquals(Math.sign(compareText(a, b)), Math.sign(expected), JSON.stringify([a, b]));
  }
});

Deno.test("VALUE_TYPES.date gives every day, in whatever order they are asked for", () => {
  const epoch = Temporal.PlainDate.from("1970-01-01");
  const days = Array.from({ length: 200 }, (_, i) => (i - 100) * 512);
  for (const day of [...days, ...days.toReversed(), ...days]) {
    assertEquals(String(VALUE_TYPES.date.decode(day)), String(epoch.add({ days: day })));
  }
});
