/**
 * setType(): values of one type become those of another, all of them or none.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { convert } from "../../engine/schema/convert.ts";
import { VALUE_TYPES } from "../../engine/schema/values.ts";
import {
  type Change,
  type Field,
  type FieldSpec,
  json,
  link,
  PsBase,
  SchemaError,
  type TypeName,
  UniqueError,
} from "../../mod.ts";
import { anyValue, CONVERTIBLE, textOf } from "../helpers/model.ts";
import { newSeed, type Random, randomFrom } from "../helpers/random.ts";
import { tempBase } from "../helpers/temp_base.ts";
import { denoFiles, withFiles } from "../../engine/system/deno_file.ts";

type Convertible = typeof CONVERTIBLE[number];

const ROUNDS = Deno.env.get("PSBASE_LONG") ? 1000 : 60;

/** A table whose fields the compiler does not know. */
function tableOf(path: string, schema: Record<string, Field>): PsBase {
  return PsBase.createSync(path, schema as never) as unknown as PsBase;
}

/** A value and what it becomes; a pattern: of the reason why it does not. */
const CASES: readonly [from: Convertible, value: unknown, to: Convertible, becomes: unknown][] = [
  ["string", "9", "integer", 9],
  ["string", "-007", "integer", -7],
  ["string", "+5", "integer", 5],
  ["string", "9007199254740993", "integer", /^"9007199254740993" is not an integer within/],
  ["string", "1.0", "integer", /is not an integer/],
  ["string", "", "integer", /^"" is not an integer/],
  ["string", " 9", "integer", /is not an integer/],
  ["string", "9", "float", 9],
  ["string", "1.10", "float", 1.1],
  ["string", "12E5", "float", 1_200_000],
  ["string", ".5", "float", 0.5],
  ["string", "1000000000000000000000000", "float", 1e24],
  ["string", "-0", "float", -0],
  ["string", "0.000e9", "float", 0],
  ["string", "NaN", "float", NaN],
  ["string", "-Infinity", "float", -Infinity],
  ["string", "1e400", "float", /is not a number/],
  ["string", "1e-400", "float", /^"1e-400" would become "0", which is not the same/],
  ["string", "0.12345678901234567890", "float", /would become "0.1234567890123456[78]"/],
  ["string", "9007199254740993", "float", /would become "9007199254740992"/],
  ["string", `1${"0".repeat(100_000)}1e-100000`, "float", /which is not the same/],
  ["string", "n/a", "float", /^"n\/a" is not a number/],
  ["string", "9007199254740993", "bigint", 9007199254740993n],
  ["string", "9223372036854775808", "bigint", /64 bits/],
  ["string", "true", "boolean", true],
  ["string", "1", "boolean", /is not true or false/],
  ["string", "2026-07-31", "date", Temporal.PlainDate.from("2026-07-31")],
  ["string", "2026-02-30", "date", /is not a date/],
  ["string", "23:59", "time", Temporal.PlainTime.from("23:59")],
  ["string", "2026-07-31 23:59", "datetime", Temporal.PlainDateTime.from("2026-07-31T23:59")],
  ["string", "2026-07-31T01:00:00.120+01:00", "timestamp", new Date("2026-07-31T00:00:00.12Z")],
  ["string", "2026-07-31T01:00:00.120000Z", "timestamp", new Date("2026-07-31T01:00:00.12Z")],
  ["string", "2026-07-31T01:00:00.123456Z", "timestamp", /2026-07-31T01:00:00.123456Z/],
  ["integer", 2 ** 53 - 1, "float", 2 ** 53 - 1],
  ["integer", -5, "string", "-5"],
  ["integer", 7, "bigint", 7n],
  ["integer", 1, "boolean", /is not true or false/],
  ["float", -0, "integer", 0],
  ["float", 1e20, "integer", /is not an integer within/],
  ["float", 0.5, "integer", /is not an integer/],
  ["float", 1e21, "string", "1e+21"],
  ["float", NaN, "bigint", /64 bits/],
  ["bigint", 2n ** 53n + 1n, "float", /which is not the same/],
  ["bigint", 2n ** 53n, "integer", /is not an integer within/],
  ["boolean", false, "string", "false"],
  ["date", Temporal.PlainDate.from("2026-07-31"), "timestamp", /is not an instant/],
  ["timestamp", new Date(5), "string", "1970-01-01T00:00:00.005Z"],
];

Deno.test("setType() converts a value by its text, or says why it does not fit", async (t) => {
  for (const [from, value, to, becomes] of CASES) {
    await t.step(`${from} ${String(value).slice(0, 40)} as ${to}`, async () => {
      await using temp = tempBase();
      using db = tableOf(temp.path, { f: from });
      db.insertSync({ f: value as string });
      if (!(becomes instanceof RegExp)) {
        db.setTypeSync("f", to);
        assertEquals(db.get(0)!.f, becomes);
        return;
      }
      const error = assertThrows(() => db.setTypeSync("f", to), SchemaError);
      const attempt = `Cannot set the type of field "f" of "${temp.path}": field "f": `;
      const reason = error.message.replace(`${attempt}1 row does not fit; row 0: `, "");
      assert(becomes.test(reason), error.message);
      assertEquals([db.get(0)!.f, db.sequence], [value, 1]);
    });
  }
});

// ------------------------------------------------------------------ any values

/** Texts that may be of a type, or nearly. */
const TEXTS: Readonly<Record<Convertible, readonly string[]>> = {
  string: ["", "n/a", " 1", "0x10", "1,5", "TRUE", "null"],
  integer: ["1", "01", "+1", "-0", "0", "-12", "9007199254740991", "9007199254740992", "1_0"],
  float: ["1.5", "1.50", "1e3", "1E-3", ".5", "5.", "-0.0", "NaN", "Infinity", "1e-400", "0.1"],
  bigint: ["9223372036854775807", "-9223372036854775808", "9223372036854775808", "00012"],
  boolean: ["true", "false"],
  date: ["2026-07-31", "2026-02-29", "-000001-01-01", "+012026-07-31"],
  time: ["12:30", "12:30:15.5", "12:30:15.500000000", "24:00", "12:30:60"],
  datetime: ["2026-07-31T12:30", "2026-07-31 12:30:15.123456789", "2026-07-31t00:00"],
  timestamp: [
    ...["2026-07-31T12:30Z", "2026-07-31T12:30:15.123+02:00", "2026-07-31 12:30:15.1230000z"],
    ...["2026-07-31T12:30:15.123456Z", "2026-07-31T12:30"],
  ],
};

function anyOf(random: Random, type: Convertible, texts: readonly string[]): unknown {
  if (random.chance(0.2)) return null;
  if (type !== "string" || random.chance(0.05)) return anyValue(random, type as TypeName);
  return random.pick(texts);
}

/** A number as a fraction of whole numbers; `undefined` for what is written otherwise. */
function fraction(text: string): [bigint, bigint] | undefined {
  const [, sign, whole = "", part = "", exponent = "0"] =
    /^([+-]?)(?=\.?\d)(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text) ?? [];
  if (sign === undefined) return undefined;
  const power = BigInt(exponent) - BigInt(part.length);
  const digits = BigInt(`${sign === "-" ? "-" : ""}${whole}${part}`);
  return power < 0n ? [digits, 10n ** -power] : [digits * 10n ** power, 1n];
}

/** Whether a text says the same as a value of a type, by other means than the table uses. */
function saysTheSame(text: string, type: Convertible, value: unknown): boolean {
  const own = textOf(type, value)!;
  if (own === text) return true;
  switch (type) {
    case "integer":
    case "float":
    case "bigint": {
      const [one, other] = [fraction(text), fraction(own)];
      return one !== undefined && other !== undefined && one[0] * other[1] === other[0] * one[1];
    }
    case "timestamp":
      return Temporal.Instant.from(text).epochNanoseconds ===
        BigInt((value as Date).getTime()) * 1_000_000n;
    case "date":
      return Temporal.PlainDate.from(text).equals(value as Temporal.PlainDate);
    case "time":
      return Temporal.PlainTime.from(text).equals(value as Temporal.PlainTime);
    case "datetime":
      return Temporal.PlainDateTime.from(text).equals(value as Temporal.PlainDateTime);
    default:
      return false;
  }
}

const plain = (db: PsBase) => db.select().map((row) => ({ ...row }));

Deno.test("setType() keeps what every value says, or changes nothing, for rows wherever they stand", async () => {
  const seed = newSeed();
  const random = randomFrom(seed);
  const told = { converted: 0, refused: 0 };
  try {
    for (let round = 0; round < ROUNDS; round++) await anyConversion(random, told);
  } catch (error) {
    throw new Error(`PSBASE_SEED=${seed}`, { cause: error });
  }
  assert(told.converted > ROUNDS / 30 && told.refused > ROUNDS / 30, JSON.stringify(told));
});

async function anyConversion(
  random: Random,
  told: { converted: number; refused: number },
): Promise<void> {
  await using temp = tempBase();
  const to = random.pick(CONVERTIBLE);
  const from: Convertible = random.chance(0.5) ? "string" : random.pick(CONVERTIBLE);
  // Mostly such as fit, and now and then one of any other type.
  const pool = TEXTS[to].filter(() => random.chance(0.5));
  if (random.chance(0.2) || pool.length === 0) {
    pool.push(random.pick(TEXTS[random.pick(CONVERTIBLE)]));
  }
  const value = () => anyOf(random, from, pool);
  const spec = {
    type: from,
    ...(random.chance(0.5) && { index: true }),
    ...(random.chance(0.3) && { default: anyOf(random, from, pool) }),
  };
  await using db = tableOf(temp.path, { a: "string", f: spec as FieldSpec, z: "json" });
  const some = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ a: `a${i}`, f: value() as string, z: [i] }));
  db.keepChangesSync(1000);
  db.insertManySync(some(random.below(100)));
  if (random.chance(0.5)) db.cleanupSync();
  db.insertManySync(some(random.below(100)));
  db.insertManySync(some(1 + random.below(5)));
  for (const id of [...db.keys()].filter(() => random.chance(0.05))) {
    if (random.chance(0.5)) db.deleteSync(id);
    else db.updateSync(id, { f: value() as string });
  }
  using other = withFiles({ ...denoFiles }, () => PsBase.openSync(temp.path));
  const { schema, sequence } = db;
  const before = plain(db);
  let error: unknown;
  try {
    await db.setType("f", to);
  } catch (caught) {
    error = caught;
  }

  if (error !== undefined) {
    told.refused++;
    assert(error instanceof SchemaError, `${error}`);
    assertEquals([db.schema, db.sequence, plain(db)], [schema, sequence, before]);
    assertEquals(plain(other), before);
    const [, count, id] = /: (\d+) rows? do(?:es)? not fit; row (\d+): /.exec(error.message) ?? [];
    if (count === undefined) return assert(error.message.includes("default"), error.message);
    // These and no others.
    const wrong = before.filter(({ f }) => f !== null && !fits(from, f, to));
    assertEquals([wrong.length, wrong[0]!.__id__], [Number(count), Number(id)]);
    return;
  }

  told.converted++;
  const stays = from === to || (from === "integer" && to === "float");
  const converted = plain(db);
  assertEquals(Object.entries(db.schema).map(([name]) => name), ["a", "f", "z"]);
  assertEquals((db.schema.f as FieldSpec).type, to);
  assertEquals((db.schema.f as FieldSpec).index, (schema.f as FieldSpec).index);
  assertEquals(db.sequence, from === to ? sequence : sequence + 1);
  const defaults = [(schema.f as FieldSpec).default, (db.schema.f as FieldSpec).default] as const;
  if (defaults[0] === undefined) assertEquals(defaults[1], undefined);
  else assert(saysTheSame(textOf(from, defaults[0])!, to, defaults[1]));
  assertEquals(converted.length, before.length);
  for (const [i, row] of before.entries()) {
    const isWritten = row.f !== null && !stays;
    const { f, ...rest } = converted[i]!;
    const { f: was, ...restBefore } = row;
    const __version__ = row.__version__ + Number(isWritten);
    assertEquals(rest, { ...restBefore, __version__ });
    if (was === null) assertEquals(f, null);
    else assert(saysTheSame(textOf(from, was)!, to, f), Deno.inspect([was, f]));
  }
  assertEquals(plain(other), converted);
  assertEquals(await replay(other), converted);
  const [sample] = converted.filter(({ f }) => f !== null);
  for (const step of ["log", "table", "again"]) {
    assertEquals(plain(db), converted, step);
    if (sample !== undefined) {
      assert(other.select({ f: sample.f } as never).some(({ __id__ }) => __id__ === sample.__id__));
    }
    await db.cleanup();
  }
  assertEquals((await db.check()).problems, []);
}

function fits(from: Convertible, value: unknown, to: Convertible): boolean {
  try {
    convert(VALUE_TYPES[from].encode(value), VALUE_TYPES[from], VALUE_TYPES[to]);
    return true;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return false;
  }
}

/** The rows that a watcher makes of all changes. */
async function replay(db: PsBase): Promise<unknown[]> {
  const rows = new Map<number, unknown>();
  const { sequence } = db;
  for await (const { sequence: at, last, id, row } of db.watch({ since: 0 })) {
    if (row !== null) rows.set(id!, { ...row });
    else if (id !== null) rows.delete(id);
    if (at === sequence && last) break;
  }
  return [...rows].sort(([a], [b]) => a - b).map(([, row]) => row);
}

// ------------------------------------------------------------------ around it

Deno.test("setType() tells watchers of the fields and then of each row, in one commit", async () => {
  await using temp = tempBase();
  await using db = PsBase.createSync(temp.path, { value: "string" });
  db.insertManySync([{ value: "9" }, {}, { value: "10" }]);
  const changes: AsyncIterableIterator<Change> = db.watch();
  await db.setType("value", "integer");
  const told: unknown[] = [];
  for await (const { sequence, index, last, kind, id, row, before } of changes) {
    const values = [row?.value, row?.__version__, before?.value, before?.__version__];
    told.push([sequence, index, last, kind, id, ...values]);
    if (last) break;
  }
  assertEquals(told, [
    [2, 0, false, "schema", null, undefined, undefined, undefined, undefined],
    [2, 1, false, "update", 0, 9, 1, null, 0],
    [2, 2, true, "update", 2, 10, 1, null, 0],
  ]);
});

Deno.test("setType() of a unique field refuses values that become equal, and leaves no trace", async () => {
  await using temp = tempBase();
  await using db = PsBase.createSync(temp.path, {
    code: { type: "string", unique: true },
    n: "integer",
  });
  db.insertManySync(Array.from({ length: 100 }, (_, i) => ({ code: `${i}`, n: i })));
  db.insertSync({ code: "007", n: 100 });
  db.cleanupSync();
  const error = await assertRejects(() => db.setType("code", "integer"), UniqueError);
  assertEquals([error.field, error.value, error.id], ["code", 7, 7]);
  assertEquals([db.count({ code: "007" }), db.sequence], [1, 2]);
  const more = db.addFieldSync("more", { type: "integer", default: 5 });
  assertEquals(more.count({ more: 5 }), 101);
  more.deleteSync(100);
  const numbers = more.setTypeSync("code", "integer");
  assertThrows(() => numbers.insertSync({ code: 7 }), UniqueError);
  assertEquals(numbers.upsertSync({ code: 7 }, { n: -1 }).__id__, 7);
  await numbers.cleanup();
  assertEquals(numbers.explain({ code: 7 }).index, "code");
  assertThrows(() => numbers.insertSync({ code: 7 }), UniqueError);
});

Deno.test("setType() keeps a required field required, and converts its default", async () => {
  await using temp = tempBase();
  await using db = PsBase.createSync(temp.path, {
    n: { type: "string", required: true, default: "5" },
  });
  db.insertSync({ n: "6" });
  const numbers = await db.setType("n", "integer");
  assertEquals(numbers.schema.n, { type: "integer", required: true, default: 5 } as never);
  assertEquals(numbers.get(numbers.insertSync({}))!.n, 5);
  assertThrows(() => numbers.insertSync({ n: null as never }), SchemaError, "required");
  const texts = await numbers.setType("n", "string");
  await texts.setDefault("n", "none");
  assertThrows(
    () => texts.setTypeSync("n", "integer"),
    SchemaError,
    'field "n": its default does not fit: "none" is not an integer',
  );
});

Deno.test("setType() leaves a snapshot and rows that were read as they were", async () => {
  await using temp = tempBase();
  await using db = PsBase.createSync(temp.path, { n: "string" });
  db.insertManySync([{ n: "1" }, { n: "2" }]);
  db.snapshot((view) => {
    withFiles({ ...denoFiles }, () => {
      using other = PsBase.openSync(temp.path);
      other.setTypeSync("n", "integer");
    });
    assertEquals(view.select().map(({ n }) => n), ["1", "2"]);
  });
  // The handle was created with text, which is not there any more.
  assertThrows(() => db.select(), SchemaError, "is integer in the table, not string");
  using now = PsBase.openSync(temp.path);
  assertEquals(now.select().map(({ n }) => n), [1, 2]);
});

Deno.test("setType() counts the rows that do not fit, and names the first", async () => {
  await using temp = tempBase();
  await using db = PsBase.createSync(temp.path, { n: "string" });
  db.insertManySync(
    Array.from({ length: 200 }, (_, i) => ({ n: i % 50 === 7 ? `#${i}` : `${i}` })),
  );
  await assertRejects(
    () => db.setType("n", "integer"),
    SchemaError,
    `Cannot set the type of field "n" of "${temp.path}": field "n": 4 rows do not fit; ` +
      `row 7: "#7" is not an integer`,
  );
  db.updateWhereSync({ n: /#/ }, { n: null });
  assertEquals((await db.setType("n", "integer")).sum("n"), 19_572);
});

Deno.test("setType() refuses json, bytes and links, and what is no type", async () => {
  await using temp = tempBase();
  await using db = PsBase.createSync(temp.path, {
    n: "integer",
    data: "json",
    raw: "bytes",
    to: link("self"),
  });
  const types =
    "the types that convert to one another are string, integer, float, bigint, boolean, " +
    "date, time, datetime, timestamp; for others add a field and copy the values";
  for (
    const [name, type, part] of [
      ["data", "string", `field "data" is json: cannot become "string", ${types}`],
      ["raw", "string", 'field "raw" is bytes: cannot become "string"'],
      ["to", "integer", 'field "to" is link: cannot become "integer"'],
      ["n", "json", 'field "n" is integer: cannot become "json"'],
      ["n", "link", 'field "n" is integer: cannot become "link"'],
      ["n", "nix", 'field "n" is integer: cannot become "nix"'],
      ["n", json(), 'field "n" is integer: '],
      ["n", undefined, 'field "n" is integer: it is undefined'],
      ["x", "string", 'there is no field "x"'],
    ] as [never, never, string][]
  ) {
    const { sequence } = db;
    await assertRejects(() => db.setType(name, type), SchemaError, part);
    assertEquals(db.sequence, sequence);
  }
});
