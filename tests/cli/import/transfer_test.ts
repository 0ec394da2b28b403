import { canonicalMoment } from "../../../cli/formats/detect.ts";
import { assertEquals, assertMatch } from "@std/assert";
import { link, PsBase } from "../../../mod.ts";
import type { Cell } from "../../../cli/call/cells.ts";
import { formatCsv, parseCsv } from "../../../cli/formats/csv.ts";
import type { NewSchema } from "../../../cli/call/fields.ts";
import { isSameNumber } from "../../../cli/formats/plain_number.ts";
import { done, psbase } from "../../helpers/cli.ts";
import { newSeed, type Random, randomFrom } from "../../helpers/random.ts";
import { tempBase } from "../../helpers/temp_base.ts";
import { FILE_FORMS, type FileForm } from "../../../cli/call/args.ts";

const LONG = Deno.env.get("PSBASE_LONG") === "1";

const { PlainDate, PlainTime, PlainDateTime } = Temporal;

const PIECES = [
  ..."\"',;\t\n\r \0\\/{}[]=:-é日😀\ufeff\u2028\u0085a0",
  "\r\n",
  "..",
  '""',
  "007",
  "-0",
  "1e5",
  "9007199254740993",
  "null",
  "true",
  "NaN",
  "2024-02-29",
  "12:00",
  "__line__",
];

function textOf(random: Random): string {
  return Array.from({ length: random.below(6) }, () => random.pick(PIECES)).join("");
}

function bitsOf(random: Random): DataView {
  const view = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < 8; i++) view.setUint8(i, random.below(256));
  return view;
}

function jsonOf(random: Random, depth = 0): NonNullable<unknown> {
  const some = () => Array.from({ length: random.below(3) });
  const inner = () => random.chance(0.2) ? null : jsonOf(random, depth + 1);
  return random.pick<() => NonNullable<unknown>>([
    () => textOf(random),
    () => random.below(2) === 0,
    () => random.pick([0, -1.5, 1e300, 5e-324, 9007199254740991, 1152921504606847000]),
    () => depth > 2 ? "deep" : some().map(inner),
    () => depth > 2 ? "deep" : Object.fromEntries(some().map(() => [textOf(random), inner()])),
  ])();
}

function dateOf(random: Random): Temporal.PlainDate {
  if (random.chance(0.1)) return PlainDate.from("-271821-04-19");
  if (random.chance(0.1)) return PlainDate.from("+275760-09-13");
  return new PlainDate(1970, 1, 1).add({ days: random.below(4_000_000) - 2_000_000 });
}

function timeOf(random: Random): Temporal.PlainTime {
  if (random.chance(0.2)) {
    return random.pick([new PlainTime(), PlainTime.from("23:59:59.999999999")]);
  }
  return new PlainTime(random.below(24), random.below(60), 0, random.below(1000));
}

/** A value of each type; `house` is a link to one of five rows, `row` to one of the same table. */
const VALUES = {
  string: textOf,
  integer: (random: Random) =>
    random.pick([0, 1, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, random.below(1e9)]),
  float: (random: Random) =>
    random.chance(0.5)
      ? random.pick([0, -0, NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE, 2 ** 60, 1e21])
      : bitsOf(random).getFloat64(0),
  boolean: (random: Random) => random.chance(0.5),
  bigint: (random: Random) =>
    random.chance(0.5)
      ? random.pick([0n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, 2n ** 53n + 1n])
      : bitsOf(random).getBigInt64(0),
  date: dateOf,
  time: timeOf,
  datetime: (random: Random) =>
    random.chance(0.1)
      ? PlainDateTime.from("-271821-04-19T00:00:00.000000001")
      : new PlainDate(random.below(9999), 1, 1).toPlainDateTime(timeOf(random)),
  timestamp: (random: Random) =>
    new Date(random.pick([0, -1, 8.64e15, -8.64e15, random.below(2 ** 40)])),
  bytes: (random: Random) => Uint8Array.from({ length: random.below(5) }, () => random.below(256)),
  json: (random: Random) => jsonOf(random) as never,
  house: (random: Random) => random.below(5),
  row: (random: Random) => random.below(10),
};
type Name = keyof typeof VALUES;
const NAMES = Object.keys(VALUES) as Name[];

/** All rows with their ids and versions, as what can be compared. */
async function rowsOf(path: string): Promise<unknown[]> {
  await using base = await PsBase.open(path, { readOnly: true });
  return Array.from(base, (row) => {
    return Object.fromEntries(
      Object.entries(row).map(([name, value]: [string, unknown]) => {
        if (value !== null && typeof value === "object" && "__id__" in value) value = value.__id__;
        return [name, Object.is(value, -0) ? "minus zero" : value];
      }),
    );
  });
}

/** A table of every type, some rows of which were changed or deleted. */
async function makeTable(parent: string, random: Random): Promise<void> {
  await using houses = await PsBase.create(`${parent}/houses`, { name: "string" });
  await houses.insertMany(Array.from({ length: 5 }, () => ({ name: "house" })));
  const { house: _house, row: _row, ...plain } = VALUES;
  const schema = {
    ...Object.fromEntries(Object.keys(plain).map((name) => [name, name as "string"])),
    house: link(houses),
    row: link("self"),
  };
  await using table = await PsBase.create(`${parent}/people`, schema);
  const valuesOf = () =>
    Object.fromEntries(
      NAMES.map((name) => [name, random.chance(0.2) ? null : VALUES[name](random)]),
    );
  await table.insertMany(Array.from({ length: 10 }, () => ({})));
  for (let id = 0; id < 10; id++) await table.update(id, valuesOf());
  await table.insertMany(Array.from({ length: 5 + random.below(80) }, valuesOf));
  await table.delete(10 + random.below(5));
  // The last one stays: no file tells which ids were given out after it.
  await table.insert(valuesOf());
}

const seed = newSeed();

for (const form of FILE_FORMS) {
  Deno.test(`export, then import gives an equal table of every type: ${form}, seed ${seed}`, async () => {
    const random = randomFrom(seed);
    for (let round = 0; round < (LONG ? 200 : 5); round++) {
      await using base = tempBase();
      await makeTable(base.parent, random);
      const rows = await rowsOf(base.path);
      const context = `round ${round}`;

      const file = `${base.parent}/rows.${form}`;
      await done(["export", base.path, file, "--ids"]);
      const types = NAMES.map((name) => {
        const type = { house: `link=${base.parent}/houses`, row: "link=self" }[name as string];
        return `${name}=${type ?? name}`;
      });
      const made = `${base.parent}/made`;
      const told = await done(["import", made, file, "--ids", "--types", types.join()]);
      assertEquals(told, `${rows.length}\n`, context);
      assertEquals(await rowsOf(made), rows, context);
      await using one = await PsBase.open(base.path);
      await using other = await PsBase.open(made);
      assertEquals(other.schema, one.schema, context);
      assertEquals(other.insertSync({}), one.insertSync({}), context);

      // Into an existing table, where a link cannot come before its row.
      const stdin = await done(["export", base.path, `--${form}`]);
      const copy = `${base.parent}/copy`;
      await using table = await PsBase.create(copy, one.schema as NewSchema);
      await table.insertMany(Array.from({ length: 10 }, () => ({})));
      await done(["import", copy, "-", `--${form}`], { stdin });
      const without = (all: unknown[]) =>
        all.map((row) => ({ ...row as object, __id__: 0, __version__: 0 }));
      assertEquals(
        without((await rowsOf(copy)).slice(10)),
        without(await rowsOf(base.path)),
        context,
      );
    }
  });
}

for (const form of FILE_FORMS) {
  Deno.test(`export, import with detected types, export gives the same text: ${form}, seed ${seed}`, async () => {
    const random = randomFrom(seed);
    for (let round = 0; round < (LONG ? 400 : 20); round++) {
      await using base = tempBase();
      const names = NAMES.filter((name) => name !== "house" && name !== "row")
        .filter(() => random.chance(0.5));
      if (names.length === 0) continue;
      await using table = await PsBase.create(
        base.path,
        Object.fromEntries(names.map((name) => [name, { type: name }])) as never as NewSchema,
      );
      // Few rows, because more types fit fewer rows.
      await table.insertMany(Array.from({ length: random.below(6) }, () => {
        return Object.fromEntries(
          names.map((name) => [name, random.chance(0.2) ? null : VALUES[name](random)]),
        );
      }));
      const text = await done(["export", base.path, `--${form}`]);
      // In JSON the objects name the fields: without an object there are none.
      if (form.endsWith("json") && table.size === 0) continue;
      const copy = `${base.parent}/copy`;
      await done(["import", copy, "-", `--${form}`], { stdin: text });
      // A column without values is text, which the names in TSV show.
      const plain = (text: string) =>
        form === "tsv" ? text.replace(/.*/, (names) => names.replaceAll('"', "")) : text;
      const again = await done(["export", copy, `--${form}`]);
      assertEquals(plain(again), plain(text), `round ${round}`);
    }
  });
}

/** What is a value of some type, or nearly one. */
function nearlyOf(random: Random): string {
  const digits = (most: number) =>
    Array.from({ length: random.below(most + 1) }, () => random.below(random.pick([1, 10])))
      .join("");
  const some = (...texts: string[]) => random.pick(["", ...texts]);
  const date = () => random.pick(["2024-02-29", "2023-02-29", "+002024-02-29", "-000001-12-31"]);
  const time = () => random.pick(["10:00", "23:59:59", "24:00", "23:59:60", "00:00:00"]);
  return random.pick([
    () => some("-", "+") + digits(20),
    () => `${some("-", "+")}${digits(18)}.${digits(18)}${some("e5", "E-7", "e+400", "e-400")}`,
    () => String(bitsOf(random).getFloat64(0)),
    () => String((random.below(2 ** 32) - 2 ** 31) / 10 ** random.below(20)),
    () => random.pick(["true", "false", "True", "NaN", "Infinity", "-0", "null", "NA", "\\N"]),
    date,
    () => time() + some(".5", ".50", ".123456", ".000000001"),
    () =>
      `${date()}${random.pick(["T", " ", "t"])}${time()}${some(".000", ".120", ".123456", ".5")}` +
      some("Z", "z", "+00:00", "+09:00", "+0900", " UTC"),
    () => some(" ") + digits(3) + some(" "),
    () => textOf(random),
  ])();
}

/** A date or a time, which a type may write otherwise, in one of its spellings. */
function inOneSpelling(cell: Cell): Cell {
  return cell !== null && /^(?:\d{4}|[+-]\d{6})-\d\d-\d\d|^\d\d:\d\d/.test(cell)
    ? canonicalMoment(cell)
    : cell;
}

for (const [form, separator] of [["csv", ","], ["tsv", "\t"], ["separator=;", ";"]] as const) {
  Deno.test(`import gives back the cells of any text, whatever types it detects: ${form}, seed ${seed}`, async () => {
    const random = randomFrom(seed);
    for (let round = 0; round < (LONG ? 1000 : 60); round++) {
      await using base = tempBase();
      const width = 1 + random.below(4);
      // Most columns are of one kind, often with an exception.
      const columns = Array.from({ length: width }, () => {
        const usual = Array.from({ length: 1 + random.below(3) }, () => nearlyOf(random));
        return (): Cell =>
          random.chance(0.1) ? null : random.chance(0.9) ? random.pick(usual) : nearlyOf(random);
      });
      const rows = Array.from({ length: random.below(8) }, () => columns.map((cell) => cell()));
      const names = columns.map((_, i) => `c${i}`);
      const header = names.map((name) => form === "tsv" ? `"${name}"` : name).join(separator);
      const text = [header, ...rows.map((row) => formatCsv(row, separator))].join("\n") + "\n";
      await done(["import", base.path, "-", `--${form}`], { stdin: text });
      const exported = await done(["export", base.path, "--csv"]);
      const cells = Array.from(parseCsv([exported]), (record) => record.cells());
      const spelt = (rows: Cell[][]) => rows.map((row) => row.map(inOneSpelling));
      assertEquals(
        spelt(cells),
        spelt([names, ...rows]),
        `round ${round}: ${JSON.stringify(text)}`,
      );
    }
  });
}

Deno.test(`import keeps the numbers of JSON or refuses them, seed ${seed}`, async () => {
  const random = randomFrom(seed);
  const digits = (least: number, most: number) =>
    Array.from({ length: least + random.below(most - least) }, () => random.below(10)).join("");
  const literal = () =>
    random.pick([
      () => `${random.pick(["", "-"])}${1 + random.below(9)}${digits(0, 20)}`,
      () => `${random.below(10)}.${digits(1, 20)}`,
      () => `0.000${digits(1, 18)}`,
      () => `${random.below(10)}.${digits(1, 20)}e${random.below(700) - 350}`,
      () => `${1 + random.below(9)}${digits(0, 20)}${random.pick(["e0", "e-1", "E+2", ".0"])}`,
      () => String(Math.abs(bitsOf(random).getFloat64(0)) || 0).replace(/NaN|Infinity/, "7"),
    ])();
  let kept = 0;
  for (let round = 0; round < (LONG ? 100 : 10); round++) {
    await using base = tempBase();
    const literals = Array.from({ length: 1 + random.below(20) }, literal);
    const isNested = random.chance(0.3);
    const stdin = literals.map((v, n) => `{"n":${n},"v":${isNested ? `[{"w":${v}}]` : v}}\n`).join(
      "",
    );
    const args = ["import", base.path, "-", "--ndjson", "--errors", `${base.parent}/bad.ndjson`];
    const { code, err } = await psbase(args, { stdin });
    if (code !== 0) {
      // No row is left.
      assertMatch(err, /it is empty/, `round ${round}: ${err}`);
      continue;
    }
    for (const line of (await done(["export", base.path])).trimEnd().split("\n")) {
      const [, n, v] = /^\{"n":(\d+),"v":(?:\[\{"w":)?"?([^"\]}]*)/.exec(line) ?? [];
      if (n === undefined) continue;
      const written = literals[Number(n)]!;
      const told = `round ${round}: ${written} became ${v}`;
      // A float may be written with more digits than it needs, but not with other ones.
      const { length } = written.replace(/e.*/i, "").replace(/\D/g, "").replace(/^0+/, "");
      const own = Number(v).toPrecision(length || 1);
      assertEquals(isSameNumber(v!, written) || isSameNumber(own, written), true, told);
      kept++;
    }
  }
  assertEquals(kept > 0, true);
});

/** Rows of two columns as a file. */
function file(form: FileForm, rows: readonly (readonly [a: string, b: string])[]): string {
  if (form === "csv" || form === "tsv") {
    const separator = form === "csv" ? "," : "\t";
    return [["a", "b"], ...rows].map((row) => formatCsv(row, separator) + "\n").join("");
  }
  const objects = rows.map(([a, b]) => {
    return JSON.stringify({ a: /^\d+$/.test(a) ? Number(a) : a, b });
  });
  return form === "json" ? `[${objects.join(",\n")}]` : objects.join("\n");
}

for (const form of FILE_FORMS) {
  Deno.test(`import --errors keeps refused rows, to be mended and imported: ${form}`, async () => {
    await using base = tempBase();
    const { parent, path } = base;
    await done(["create", path, "a:integer:required", "b:string:unique"]);
    await done(["insert", path, "a=0", "b=taken"]);
    const rows = [["1", "x"], ["two", "y"], ["3", "taken"], ["4", "x"], ["5", 'z,"\t']] as const;
    const bad = `${parent}/bad.${form}`;
    const args = ["import", path, "-", `--${form}`];
    const refused = await psbase(args, { stdin: file(form, rows) });
    assertEquals([refused.code, refused.out], [1, ""]);
    assertMatch(refused.err, /Cannot import "-": line [23]: field "a": "two" is /);
    assertEquals(await done(["count", path]), "1\n");

    const kept = await psbase([...args, "--errors", bad], { stdin: file(form, rows) });
    assertEquals([kept.code, kept.out], [0, "2\n"], kept.err);
    assertEquals(kept.err, `3 rows refused, see "${bad}"\n`);
    const text = Deno.readTextFileSync(bad);
    for (const told of ["two", "b\\W+ is unique, and taken is there", "x is there already"]) {
      assertMatch(text, new RegExp(told));
    }
    assertEquals(text.trimEnd().split("\n").length, form.endsWith("sv") ? 4 : 3, text);

    const mended = text.replace(
      form.endsWith("sv") ? /two(?=[,\t]y)/ : '"a":"two"',
      (found) => found.replace(/"?two"?/, "2"),
    ).replaceAll(/(["\t,])taken(["\n])/g, "$1free$2");
    Deno.writeTextFileSync(bad, mended);
    const given = form === "json" ? ["--ndjson"] : [];
    const again = await psbase(["import", path, bad, ...given, "--errors", `${bad}.2`]);
    assertEquals([again.code, again.out], [0, "2\n"], again.err);
    assertEquals(again.err, `1 row refused, see "${bad}.2"\n`);
    assertEquals(await done(["count", path, "b=y,free"]), "2\n");
    assertEquals(
      await done(["select", path, "--sort", "a", "--fields", "a", "--csv"]),
      "a\n0\n1\n2\n3\n5\n",
    );

    // A row that is refused twice can be mended, too.
    const twice = Deno.readTextFileSync(`${bad}.2`);
    Deno.writeTextFileSync(bad, twice.replace(/x("?\}?\n)$/, "w$1"));
    assertEquals(await done(["import", path, bad, ...given]), "1\n");
    assertEquals(await done(["count", path, "a=4", "b=w"]), "1\n");

    // No row is refused: the file exists and is empty.
    const one = await psbase([...args, "--errors", bad], { stdin: file(form, [["9", "q"]]) });
    assertEquals([one.code, one.err, Deno.readTextFileSync(bad)], [0, "", ""]);
  });
}
