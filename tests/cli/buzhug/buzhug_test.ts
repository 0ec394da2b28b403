/**
 * Bases of Buzhug 1.8: those in `testdata/buzhug_1_8` were written by its own file classes, under
 * Python 2.7.18, and `rows.ndjson` is what it read from them; the others are of a writer of ours,
 * whose files were compared with Buzhug's, byte for byte.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { BuzhugBase } from "../../../cli/buzhug/files.ts";
import { Fault } from "../../../cli/process/errors.ts";
import { PsBase } from "../../../mod.ts";
import {
  block,
  type BuzhugSpec,
  type BuzhugType,
  type BuzhugValue,
  type BuzhugValues,
  BuzhugWriter,
} from "../../helpers/buzhug_writer.ts";
import { done, psbase } from "../../helpers/cli.ts";
import { LONG } from "../../helpers/crash_run.ts";
import { newSeed, type Random, randomFrom } from "../../helpers/random.ts";
import { tempBase } from "../../helpers/temp_base.ts";

const { PlainDate, PlainTime, PlainDateTime } = Temporal;

const FIELDS: readonly BuzhugSpec[] = [
  ["name", "str", "nobody"],
  ["nick", "unicode"],
  ["age", "int", 7],
  ["size", "float", 2.5],
  ["ok", "bool", true],
  ["born", "date", new PlainDate(1994, 1, 14)],
  ["at", "datetime"],
  ["hour", "time", new PlainTime(10, 10, 10)],
  ["boss", "<base>people"],
];

const NULLS: BuzhugValues = Object.fromEntries(FIELDS.map(([name]) => [name, null]));

const FULL: BuzhugValues = {
  name: "a\nb\\",
  nick: "é",
  age: -1,
  size: -39.5,
  ok: false,
  born: new PlainDate(1, 2, 3),
  at: new PlainDateTime(2024, 2, 29, 23, 59, 58),
  hour: new PlainTime(1, 2, 3),
  boss: 0,
};

/** What is not as in the other: text, as Temporal values are not compared by `assertEquals`. */
function plain(row: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      typeof value === "object" && value !== null
        ? "__id__" in value ? value.__id__ : String(value)
        : value,
    ]),
  );
}

/** All rows of a base, links as ids. */
function rowsOf(path: string): Record<string, unknown>[] {
  using base = PsBase.openSync(path);
  return Array.from(base, (row) => plain(row));
}

async function refused(args: readonly string[], code = 1): Promise<string> {
  const outcome = await psbase(["import", "--from", "buzhug", ...args]);
  assertEquals([outcome.code, outcome.out], [code, ""], outcome.err);
  assert(!outcome.err.includes("fault of psbase"), outcome.err);
  return outcome.err;
}

Deno.test("import --from buzhug reads what Buzhug wrote as Buzhug did", async () => {
  await using temp = tempBase();
  const data = new URL("../../testdata/buzhug_1_8/", import.meta.url).pathname;
  const homes = `${temp.parent}/homes`;
  assertEquals(await done(["import", "--from", "buzhug", `${data}homes`, homes]), "19\n");
  const { out, err } = await psbase(["import", "--from", "buzhug", `${data}people`, temp.path]);
  assertEquals([out, err], [
    "43\n",
    `field home leads to "${homes}"\n` +
    `field home had row 2 as default: links have none\n` +
    `made "${temp.path}" with name:string uni:string age:integer added:string size:float ` +
    "ok:boolean born:date at:datetime hour:time home:link\n",
  ]);
  const [head, ...rows] = Deno.readTextFileSync(`${data}rows.ndjson`).trim().split("\n")
    .map((line) => JSON.parse(line));
  assertEquals(rowsOf(temp.path), rows);
  using base = PsBase.openSync(temp.path);
  assertEquals(plain(base.defaults), { ...head.defaults, home: null });
  assertEquals(Object.keys(base.schema), head.fields);
  assertEquals(base.insertSync({}), head.next);
  // deno-lint-ignore no-explicit-any -- its type is not known here
  const [first] = base.select() as any[];
  assertEquals(first.home, { __id__: 0, __version__: 0, street: "Elm 0" });
});

/** What Buzhug makes of a value, and what it was. */
const BLOCKS: readonly [BuzhugType, BuzhugValue, string][] = [
  ["int", 0, "2d40000000"],
  ["int", -1, "2d3fffffff"],
  ["int", 1073741823, "2d7fffffff"],
  ["int", -3221225472, "2d80000000"],
  ["int", null, "2100000000"],
  ["float", 0, "2d800000000000000000"],
  ["float", 1, "2dc001e0000000000000"],
  ["float", -1, "2d3fffe3333333333334"],
  ["float", -39.5, "2d3ffadee66666666668"],
  ["float", 0.1, "2dbffde999999999999a"],
  ["float", -0.1, "2d4003d3333333333334"],
  ["float", Number.MAX_VALUE, "2dc400efffffffffffff"],
  ["float", -Number.MAX_VALUE, "2d3c00b99999999999a8"],
  ["float", 5e-324, "2dbbcfe0000000000000"],
  ["float", -5e-324, "2d4431e3333333333334"],
  ["float", 2.2250738585072014e-308, "2dbc03e0000000000000"],
  ["float", Infinity, "2dc000f0000000000000"],
  ["float", -Infinity, "2d4000f0000000000000"],
  ["float", NaN, "2d4000f8000000000000"],
  ["float", null, "21000000000000000000"],
  ["bool", true, "2d31"],
  ["bool", false, "2d30"],
  ["bool", null, "2100"],
  ["str", "", "2d0a"],
  ["str", "a\nb\rc\\n\\\\", "2d615c6e625c72635c5c6e5c5c5c5c0a"],
  ["str", null, "210a"],
  ["unicode", "andré\n", "2d616e6472c3a95c6e0a"],
  ["unicode", "😀", "2df09f98800a"],
  ["unicode", "\ufeff!", "2defbbbf210a"],
  ["date", new PlainDate(1, 1, 1), "2d30303031303130310a"],
  ["date", new PlainDate(9999, 12, 31), "2d39393939313233310a"],
  ["date", null, "2178787878787878780a"],
  ["datetime", new PlainDateTime(1900, 1, 1), "2d31393030303130313030303030300a"],
  ["datetime", new PlainDateTime(2024, 2, 29, 23, 59, 58), "2d32303234303232393233353935380a"],
  ["datetime", null, "2178787878787878787878787878780a"],
  ["time", new PlainTime(), "2d3030303030300a"],
  ["time", new PlainTime(23, 59, 59), "2d3233353935390a"],
  ["time", null, "217878787878780a"],
  ["<base>people", 7, "2d00000007"],
  ["<base>people", null, "2100000000"],
];

Deno.test("import --from buzhug reads each block that Buzhug makes, as a value and as a default", async () => {
  await using temp = tempBase();
  for (const [i, [type, value, bytes]] of BLOCKS.entries()) {
    const dir = `${temp.parent}/old${i}`;
    assertEquals(
      Uint8Array.from(block(type, value)).toHex(),
      bytes,
      `the writer: ${type} ${value}`,
    );
    const old = new BuzhugWriter(["x", type, value]);
    old.insert({ x: value });
    old.save(dir);
    using base = new BuzhugBase(dir, "utf-8");
    const [row] = [...base.rows()];
    for (const read of [row!.values[0], base.fields[0]!.default]) {
      assertEquals(plain({ read }), plain({ read: value }), `${type} ${bytes}`);
    }
  }
});

for (
  const [what, rows] of [["no rows", []], ["one row", [FULL]], ["nulls", [NULLS, FULL]]] as const
) {
  Deno.test(`import --from buzhug of a base with ${what}`, async () => {
    await using temp = tempBase();
    const old = new BuzhugWriter(...FIELDS);
    for (const row of rows) old.insert(row);
    old.save(`${temp.parent}/old`);
    const args = ["import", "--from", "buzhug", `${temp.parent}/old`, temp.path];
    assertEquals(await done(args), `${rows.length}\n`);
    const expected = rows.map((row, i) => plain({ __id__: i, __version__: 0, ...row }));
    assertEquals(rowsOf(temp.path), expected);
    using base = PsBase.openSync(temp.path);
    assertEquals(base.sequence, 1);
    assertEquals(base.insertSync({ name: "new" }), rows.length);
    assertEquals(plain(base.get(rows.length)!), {
      ...NULLS,
      __id__: rows.length,
      __version__: 0,
      name: "new",
      age: 7,
      size: 2.5,
      ok: true,
      born: "1994-01-14",
      hour: "10:10:10",
    });
  });
}

Deno.test("import --from buzhug reads values that are longer than what is read at once", async () => {
  await using temp = tempBase();
  const old = new BuzhugWriter(["name", "str"], ["age", "int"]);
  const lengths = [0, 255, 256, 8190, 8191, 8192, 8193, 100_000, 3];
  const names = lengths.map((length, i) => String(i).repeat(length));
  for (const name of [...names, ...names]) old.insert({ name, age: name.length });
  // Backwards: rows need not come in the order of their ids.
  for (let id = 8; id >= 0; id--) old.update(id, { name: `${names[id]}!` });
  old.save(`${temp.parent}/old`);
  assertEquals(await done(["import", "--from", "buzhug", `${temp.parent}/old`, temp.path]), "18\n");
  assertEquals(
    rowsOf(temp.path).map(({ name, age }) => [name, age]),
    [...names.map((name) => `${name}!`), ...names].map((name, i) => [name, lengths[i % 9]]),
  );
});

// ---------------------------------------------------------------- histories

const POOLS: { readonly [field: string]: readonly BuzhugValue[] } = {
  name: [null, "", "homer", "\\", "\n\r\\n", "x".repeat(300)],
  nick: [null, "", "é", "😀\\", "\u2028"],
  age: [null, 0, 39, 1073741823, -3221225472],
  size: [null, 0, -1.5, 0.1, 1e308, -5e-324, Infinity, NaN],
  ok: [null, true, false],
  born: [null, new PlainDate(1858, 7, 10), new PlainDate(9999, 12, 31)],
  at: [null, new PlainDateTime(1900, 1, 1), new PlainDateTime(2024, 2, 29, 12, 30, 1)],
  hour: [null, new PlainTime(), new PlainTime(23, 59, 59)],
  boss: [null, 0, 5],
};

/** Some fields of a row. */
function someValues({ pick, chance }: Random, names: readonly string[]): BuzhugValues {
  return Object.fromEntries(
    names.filter(() => chance(0.7)).map((name) => [name, pick(POOLS[name]!)]),
  );
}

/** What is done to a base of Buzhug, and what must be in it then. */
function history(random: Random, steps: number) {
  const { below, chance, pick } = random;
  const old = new BuzhugWriter(...FIELDS);
  const defaults: BuzhugValues = Object.fromEntries(
    FIELDS.map(([name, , standard]) => [name, standard ?? null]),
  );
  const rows = new Map<number, Record<string, BuzhugValue>>();
  let nextId = 0;
  let extra = false;
  for (let i = 0; i < steps; i++) {
    const step = rows.size === 0 ? 0 : below(12);
    const id = pick([...rows.keys()]);
    if (step < 5) {
      const values = someValues(random, Object.keys(POOLS));
      old.insert(values);
      rows.set(nextId, { ...defaults, ...(extra && { extra: 3 }), ...values, __version__: 0 });
      nextId++;
    } else if (step < 9) {
      const fixed = ["age", "size", "ok", "born", "at", "hour", "boss"];
      const changes = someValues(random, chance(0.5) ? fixed : ["name", "nick", ...fixed]);
      old.update(id, changes);
      const row = rows.get(id)!;
      rows.set(id, { ...row, ...changes, __version__: row.__version__ as number + 1 });
    } else if (step < 11) {
      old.delete(id);
      rows.delete(id);
    } else if (chance(0.6)) old.cleanup();
    else if (extra) {
      old.dropField("extra");
      for (const row of rows.values()) delete row.extra;
      extra = false;
    } else {
      old.addField(["extra", "int", 3], pick([undefined, "age"]));
      for (const row of rows.values()) row.extra = 3;
      extra = true;
    }
  }
  return { old, rows, nextId };
}

Deno.test("import --from buzhug after any history gives the remaining rows", async () => {
  const seed = newSeed();
  for (let i = 0; i < (LONG ? 2000 : 60); i++) {
    await using temp = tempBase();
    const random = randomFrom(seed + i);
    const { old, rows, nextId } = history(random, 5 + random.below(60));
    old.save(`${temp.parent}/old`);
    await done(["import", "--from", "buzhug", `${temp.parent}/old`, temp.path]);
    const expected = [...rows].sort(([a], [b]) => a - b)
      .map(([id, row]) => plain({ ...row, __id__: id }));
    const boss = (row: Record<string, unknown>) => {
      // A link to a row that is gone reads as null.
      return typeof row.boss === "number" && !rows.has(row.boss) ? { ...row, boss: null } : row;
    };
    assertEquals(rowsOf(temp.path), expected.map(boss), `PSBASE_SEED=${seed + i}`);
    using base = PsBase.openSync(temp.path);
    assertEquals(base.insertSync({}), nextId, `PSBASE_SEED=${seed + i}`);
  }
});

// ---------------------------------------------------------------- links, names, encodings

Deno.test("import --from buzhug lets links lead to the tables beside the new one", async () => {
  await using temp = tempBase();
  const dir = temp.parent;
  Deno.mkdirSync(`${dir}/new`);
  const people = new BuzhugWriter(["name", "str"]);
  people.insert({ name: "homer" });
  people.save(`${dir}/old/the people`);
  // Buzhug quotes a path with a blank and é, also one of Windows, like this.
  for (const target of ["old/the%20people", "C%3A%5Cold%5Cthe%20people", "/x/the%20people/"]) {
    const houses = new BuzhugWriter(["owner", `<base>${target}`], ["next", "<base>houses"]);
    houses.insert({ owner: 0, next: 0 });
    houses.insert({ owner: 99, next: null });
    houses.save(`${dir}/houses`);
    const args = ["import", "--from", "buzhug", `${dir}/houses`, `${dir}/new/houses`];
    const { err } = await psbase(args);
    const place = `${dir}/new/the people`;
    assertStringIncludes(err, `field owner leads to "${place}", where no table is yet\n`);
    await done(["import", "--from", "buzhug", `${dir}/old/the people`, place]);
    {
      // deno-lint-ignore no-explicit-any -- its type is not known here
      using base: any = PsBase.openSync(`${dir}/new/houses`);
      assertEquals(base.get(0).owner.name, "homer");
      assertEquals([base.get(0).next.__id__, base.get(1).owner], [0, null]);
      assertEquals(base.schema.next.type, { link: "self" });
    }
    for (const name of ["houses", "the people"]) {
      await done(["destroy", `${dir}/new/${name}`, "--yes"]);
    }
  }
});

Deno.test("import --from buzhug lets links lead where --link says", async () => {
  await using temp = tempBase();
  const dir = temp.parent;
  await done(["create", `${dir}/folk`, "name:string"]);
  await done(["insert", `${dir}/folk`, "name=homer"]);
  const houses = new BuzhugWriter(["owner", "<base>people"], ["heir", "<base>people"]);
  houses.insert({ owner: 0, heir: 0 });
  houses.save(`${dir}/houses`);
  const args = [`${dir}/houses`, temp.path, "--link", `owner=${dir}/folk,heir=${dir}/a/b`];
  const { err } = await psbase(["import", "--from", "buzhug", ...args]);
  assertStringIncludes(err, `field owner leads to "${dir}/folk"\n`);
  assertStringIncludes(err, `/a/b", where no table is yet\n`);
  // deno-lint-ignore no-explicit-any -- its type is not known here
  using base: any = PsBase.openSync(temp.path);
  assertEquals(base.get(0).owner.name, "homer");
  const to = `${dir}/other`;
  const old = `${dir}/houses`;
  assertStringIncludes(await refused([old, to, "--link", "name=x"]), 'there is no link "name"');
  assertStringIncludes(await refused([old, to, "--link", "owner"], 2), "field=PATH");
});

Deno.test("import --from buzhug renames fields whose names are not allowed, and says so", async () => {
  await using temp = tempBase();
  const old = new BuzhugWriter(["first-name", "str"], ["2nd", "int"], ["a__b_", "int"]);
  old.insert({ "first-name": "homer", "2nd": 2, a__b_: 3 });
  old.save(`${temp.parent}/old`);
  const { err } = await psbase(["import", "--from", "buzhug", `${temp.parent}/old`, temp.path]);
  assertEquals(
    err,
    'field "first-name" is field first_name\nfield "2nd" is field f_2nd\n' +
      `made "${temp.path}" with first_name:string f_2nd:integer a__b_:integer\n`,
  );
  assertEquals(rowsOf(temp.path), [
    { __id__: 0, __version__: 0, first_name: "homer", f_2nd: 2, a__b_: 3 },
  ]);
  new BuzhugWriter(["a-b", "int"], ["a_b", "int"]).save(`${temp.parent}/twice`);
  const told = await refused([`${temp.parent}/twice`, `${temp.parent}/new`]);
  assertStringIncludes(told, 'two fields become field "a_b"');
});

Deno.test("import --from buzhug reads str in the encoding of --encoding", async () => {
  await using temp = tempBase();
  const old = new BuzhugWriter(["name", "str"], ["nick", "unicode"]);
  old.insert({ name: "homer", nick: "é" });
  old.insert({ name: Uint8Array.of(0x66, 0x72, 0x0a, 0x5c, 0xe9), nick: "é" });
  old.save(`${temp.parent}/old`);
  const args = [`${temp.parent}/old`, temp.path];
  assertStringIncludes(
    await refused(args),
    `Cannot import "${args[0]}": file "name" at byte 7: not text in utf-8, say in which ` +
      "--encoding it is\n",
  );
  assertStringIncludes(await refused([...args, "--encoding", "cp1"], 2), 'no encoding "cp1"');
  await done(["import", "--from", "buzhug", ...args, "--encoding", "latin1"]);
  assertEquals(rowsOf(temp.path).map(({ name, nick }) => [name, nick]), [
    ["homer", "é"],
    ["fr\n\\é", "é"],
  ]);
});

// ---------------------------------------------------------------- the guide

Deno.test("docs/from_buzhug.md: the command prints what the page shows", async () => {
  await using temp = tempBase();
  const dir = temp.parent;
  Deno.mkdirSync(`${dir}/new`);
  const houses = new BuzhugWriter(["street", "str"]);
  for (const street of ["742 Evergreen Terrace", "744 Evergreen Terrace"]) {
    houses.insert({ street });
  }
  const people = new BuzhugWriter(
    ["name", "str"],
    ["age", "int", 7],
    ["birth", "date"],
    ["house", "<base>houses"],
  );
  people.insert({ name: "homer", age: 39, birth: new PlainDate(1956, 5, 12), house: 0 });
  people.insert({ name: "bart", age: 10, birth: new PlainDate(1980, 4, 1), house: 1 });
  people.insert({ name: "maude" });
  people.insert({ name: "ned", age: 60, house: 1 });
  people.update(1, { house: 0 });
  people.delete(2);
  const broken = new BuzhugWriter(["age", "int"]);
  for (const age of [39, 10]) broken.insert({ age });
  put(broken, "age", 5, 0x23);
  for (const [name, old] of Object.entries({ houses, people, broken })) {
    old.save(`${dir}/old/${name}`);
  }

  const guide = Deno.readTextFileSync(new URL("../../../docs/from_buzhug.md", import.meta.url));
  const blocks = Array.from(guide.matchAll(/^```text\n([^]*?)^```$/gm), ([, text]) => text!);
  const commands = blocks.join("").split(/^\$ psbase /m).slice(1);
  assertEquals(commands.length, 4);
  const here = (text: string) => text.replaceAll(/\b(?=(?:old|new)\/)/g, `${dir}/`);
  for (const command of commands) {
    const [line, ...expected] = command.split("\n");
    const { out, err } = await psbase(here(line!).split(" "), { terminal: 80 });
    // Messages come before the result of an import, and after the result of a select.
    assertEquals(line!.startsWith("select") ? out + err : err + out, here(expected.join("\n")));
  }
});

// ---------------------------------------------------------------- refusals

Deno.test("import --from buzhug replaces nothing, and refuses wrong words", async () => {
  await using temp = tempBase();
  new BuzhugWriter(...FIELDS).save(`${temp.parent}/old`);
  await done(["create", temp.path, "name:string"]);
  const before = temp.files();
  assertStringIncludes(
    await refused([`${temp.parent}/old`, temp.path]),
    "there is a table already",
  );
  assertStringIncludes(await refused([`${temp.parent}/old`, temp.parent]), "other files");
  assertEquals(temp.files(), before);
  assertStringIncludes(
    await refused([temp.path, `${temp.parent}/new`]),
    `Cannot import "${temp.path}": there is no file "__info__" in it`,
  );
  assertStringIncludes(await refused([`${temp.parent}/old`], 2), "PATH is missing");
  const types = [
    `${temp.parent}/old`,
    `${temp.parent}/new`,
    "--types",
    "a=string",
    "--csv",
    "--timeout",
    "9",
  ];
  assertStringIncludes(
    await refused(types, 2),
    "--types, --csv, --timeout cannot be given with --from",
  );
  const link = await psbase(["import", temp.path, "x.csv", "--link", "a=b"]);
  assertEquals([link.code, link.err.includes("--link can only be given with --from")], [2, true]);
  const other = await psbase(["import", "--from", "dbm", temp.path, `${temp.parent}/new`]);
  assertEquals([other.code, other.err.includes('"dbm", expected buzhug')], [2, true]);
});

/** A base with two rows, the second one of which moved, and a deleted one. */
function small(): BuzhugWriter {
  const old = new BuzhugWriter(...FIELDS.slice(0, 8), ["home", "<base>homes"]);
  for (const name of ["a", "b", "c"]) old.insert({ ...FULL, name, home: 1 });
  old.update(1, { name: "longer" });
  old.delete(2);
  return old;
}

/** Puts bytes over others. */
function put(old: BuzhugWriter, name: string, at: number, ...bytes: number[]): void {
  const file = old.files.get(name)!;
  bytes.forEach((byte, i) => file.splice(at < 0 ? file.length + at : at + i, 1, byte));
}

const LINE = 1 + 4 * 11;

const DAMAGE: readonly [what: string, harm: (old: BuzhugWriter) => void, told: string][] = [
  ["no __info__", (old) => old.files.delete("__info__"), 'there is no file "__info__" in it'],
  ["no _id_pos", (old) => old.files.delete("_id_pos"), 'there is no file "_id_pos" in it'],
  ["no field file", (old) => old.files.delete("age"), 'there is no file "age" in it'],
  [
    "an __info__ that is empty",
    (old) => old.files.set("__info__", []),
    'file "__info__" at byte 0: it does not begin with __id__:int __version__:int',
  ],
  [
    "an unknown type",
    (old) => old.files.get("__info__")!.push(...new TextEncoder().encode(" x:complex")),
    'file "__info__" at byte 0: field "x" has the unknown type "complex"',
  ],
  [
    "a field that leads out of the directory",
    (old) => old.files.get("__info__")!.push(...new TextEncoder().encode(" ../x:int")),
    'file "__info__" at byte 0: "../x:int" is not a field',
  ],
  [
    "an id that leads to no line",
    (old) => put(old, "_id_pos", 5, ...block("int", 9)),
    'file "_id_pos" at byte 5: there is no line 9 in "__pos__"',
  ],
  [
    "an id that is null",
    (old) => put(old, "_id_pos", 5, ...block("int", null)),
    'file "_id_pos" at byte 5: it is null',
  ],
  [
    "two ids of one row",
    (old) => put(old, "_id_pos", 5, ...block("int", 0)),
    'file "__pos__" at byte 0: row 1 has the id 0',
  ],
  [
    "an id that is deleted, with a row that is not",
    (old) => put(old, "_id_pos", 5, 0x23),
    'file "_id_pos" at byte 15: 1 rows, but 2 in "__pos__"',
  ],
  [
    "a row that is deleted, with an id that is not",
    (old) => put(old, "__pos__", LINE, 0x23),
    `file "__pos__" at byte ${LINE}: row 1 is deleted here, but not in "_id_pos"`,
  ],
  [
    "a position after the end",
    (old) => put(old, "__pos__", LINE + 1 + 16, 0, 0, 1, 0),
    `file "__pos__" at byte ${LINE + 1 + 16}: no value begins at 256, to which it points`,
  ],
  [
    "a position within a value",
    (old) => put(old, "__pos__", LINE + 1 + 8, 0, 0, 0, 1),
    `file "__pos__" at byte ${LINE + 1 + 8}: no value begins at 1, to which it points`,
  ],
  [
    "a position within a value of fixed length",
    (old) => put(old, "__pos__", LINE + 1 + 16, 0, 0, 0, 1),
    `file "__pos__" at byte ${LINE + 1 + 16}: no value begins at 1, to which it points`,
  ],
  [
    "a line of positions with another flag",
    (old) => put(old, "__pos__", 0, 0),
    'file "__pos__" at byte 0: not a line of positions',
  ],
  [
    "an __id__ that is cut off",
    (old) => old.files.get("__id__")!.pop(),
    'file "__id__" at byte 15: it ends inside a block of 5 bytes',
  ],
  [
    "a text that is cut off",
    (old) => old.files.get("name")!.pop(),
    'file "name" at byte 9: the file ends inside the block that begins here',
  ],
  ["no date", (old) => put(old, "born", 5, 0x39), 'file "born" at byte 0: not a date'],
  ["no time", (old) => put(old, "hour", 1, 0x39), 'file "hour" at byte 0: not a time'],
  ["no datetime", (old) => put(old, "at", 0, 0x2d, 0), 'file "at" at byte 0: not a datetime'],
  ["no bool", (old) => put(old, "ok", 1, 0x32), 'file "ok" at byte 0: not a bool'],
  ["no float", (old) => put(old, "size", 1, 0), 'file "size" at byte 0: not a float'],
  [
    "no id of a row",
    (old) => put(old, "home", 1, 255),
    'file "home" at byte 0: not the id of a row',
  ],
  [
    "an escape of nothing",
    (old) => put(old, "name", 1, 0x5c),
    'file "name" at byte 0: not text in utf-8',
  ],
  [
    "a text that is no UTF-8",
    (old) => put(old, "nick", 1, 255),
    'file "nick" at byte 0: not text in',
  ],
  [
    "a null text that goes on",
    (old) => put(old, "name", 0, 0x21),
    'file "name" at byte 0: not text',
  ],
  [
    "a value that is deleted",
    (old) => put(old, "age", 0, 0x23),
    'file "age" at byte 0: it is deleted',
  ],
  ["no flag", (old) => put(old, "age", 0, 0), 'file "age" at byte 0: not an int'],
  [
    "a version below 0",
    (old) => put(old, "__version__", 0, ...block("int", -1)),
    'file "__pos__" at byte 0: row 0 has the version -1',
  ],
  [
    "a deleted row that is not",
    (old) => old.files.set("__del_rows__", [0x30, 0x0a]),
    'file "__del_rows__" at byte 0: row 0 of "__id__" is not deleted',
  ],
  [
    "a deleted row that is not there",
    (old) => old.files.set("__del_rows__", [0x37, 0x37, 0x0a]),
    'file "__del_rows__" at byte 0: not a row of "__id__"',
  ],
  [
    "a default of no field",
    (old) => put(old, "__defaults__", 0, 0x7a),
    'file "__defaults__" at byte 0: there is no field "zame"',
  ],
  [
    "a default that is cut off",
    (old) => old.files.get("__defaults__")!.pop(),
    'file "__defaults__" at byte',
  ],
];

for (const [what, harm, told] of DAMAGE) {
  Deno.test(`import --from buzhug refuses ${what}, tells where, and makes nothing`, async () => {
    await using temp = tempBase();
    const old = small();
    harm(old);
    old.save(`${temp.parent}/old`);
    const err = await refused([`${temp.parent}/old`, temp.path]);
    assertStringIncludes(err, `psbase import: Cannot import "${temp.parent}/old": ${told}`);
    assertEquals([...Deno.readDirSync(temp.parent)].map(({ name }) => name), ["old"]);
  });
}

/** The rows of a base of Buzhug; `undefined` if it is refused. */
function readAll(dir: string): unknown[] | undefined {
  try {
    using base = new BuzhugBase(dir, "utf-8");
    return Array.from(
      base.rows(),
      ({ values, ...row }) => ({ ...row, values: values.map(String) }),
    );
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

Deno.test("import --from buzhug never reads a truncated file as another base", async () => {
  await using temp = tempBase();
  const dir = `${temp.parent}/old`;
  const old = small();
  old.save(dir);
  const whole = readAll(dir)!;
  assertEquals(whole.length, 2);
  let cuts = 0;
  let refusals = 0;
  for (const [name, bytes] of old.files) {
    // Cut between two words or defaults, these files are shorter, which no other file contradicts.
    if (name === "__info__" || name === "__defaults__") continue;
    for (let length = 0; length < bytes.length; length++) {
      Deno.writeFileSync(`${dir}/${name}`, Uint8Array.from(bytes.slice(0, length)));
      const rows = readAll(dir);
      cuts++;
      if (rows === undefined) refusals++;
      // The missing part belongs to deleted rows.
      else assertEquals(rows, whole, `${name} cut at ${length}`);
    }
    Deno.writeFileSync(`${dir}/${name}`, Uint8Array.from(bytes));
  }
  assert(refusals > cuts / 2, `${refusals} of ${cuts}`);
});

Deno.test("import --from buzhug with any wrong byte refuses, or reads other values", async () => {
  await using temp = tempBase();
  const dir = `${temp.parent}/old`;
  const old = small();
  old.save(dir);
  const whole = readAll(dir)!;
  const { pick } = randomFrom(newSeed());
  for (const [name, bytes] of old.files) {
    for (let at = 0; at < bytes.length; at++) {
      const wrong = bytes.with(at, bytes[at]! ^ pick([1, 2, 4, 8, 16, 32, 64, 128, 255]));
      Deno.writeFileSync(`${dir}/${name}`, Uint8Array.from(wrong));
      const rows = readAll(dir);
      if (rows !== undefined) assertEquals(rows.length, whole.length, `${name} at ${at}`);
    }
    Deno.writeFileSync(`${dir}/${name}`, Uint8Array.from(bytes));
  }
});
