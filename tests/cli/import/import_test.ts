import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type InsertOf, PsBase, type RowOf } from "../../../mod.ts";
import { done, psbase } from "../../helpers/cli.ts";
import { tempBase } from "../../helpers/temp_base.ts";
import { fieldName } from "../../../cli/import/field_names.ts";

const EVERY = {
  string: "string",
  integer: "integer",
  float: "float",
  boolean: "boolean",
  bigint: "bigint",
  date: "date",
  time: "time",
  datetime: "datetime",
  timestamp: "timestamp",
  bytes: "bytes",
  json: "json",
} as const;
type Every = PsBase<typeof EVERY>;

const { PlainDate, PlainTime, PlainDateTime } = Temporal;

/** A row of nulls, then columns of awkward values. */
const VALUES: { [K in keyof typeof EVERY]: InsertOf<Every>[K][] } = {
  string: ["", "null", "007", 'a "b", c', "x\r\ny\nz\r", "\0\t ", "😀\ufeff", "1..2", " pad "],
  integer: [0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER],
  float: [-0, 0.1, 5e-324, 1.7976931348623157e308, NaN, Infinity, -Infinity, 2 ** 60],
  boolean: [true, false],
  bigint: [0n, 2n ** 63n - 1n, -(2n ** 63n), 9007199254740993n],
  date: [new PlainDate(1999, 12, 31), new PlainDate(12345, 1, 1), new PlainDate(-1, 2, 3)],
  time: [new PlainTime(), new PlainTime(23, 59, 59, 999, 999, 999)],
  datetime: [new PlainDateTime(2000, 2, 29, 1, 2, 3, 4, 5, 6), new PlainDateTime(1, 1, 1)],
  timestamp: [new Date(0), new Date(-1), new Date(8.64e15)],
  bytes: [new Uint8Array(), new Uint8Array([0, 255, 10, 34, 44])],
  json: ["", "text", 0, -1.5, false, [], { a: [null, "\n", { __proto__x: 1 }] }, "5"],
};

async function everyTable(path: string, rows: boolean): Promise<void> {
  await using base = await PsBase.create(path, EVERY);
  if (!rows) return;
  const length = Math.max(...Object.values(VALUES).map((values) => values.length));
  await base.insert({});
  await base.insertMany(Array.from({ length }, (_, i) => {
    const entries = Object.entries(VALUES).map(([name, values]) => [name, values[i]]);
    return Object.fromEntries(entries) as InsertOf<Every>;
  }));
}

async function rowsOf(path: string): Promise<RowOf<Every>[]> {
  await using base = await PsBase.open(path, { schema: EVERY });
  return base.select();
}

for (const form of ["csv", "ndjson"] as const) {
  for (const way of ["file", "stdin"] as const) {
    Deno.test(`export, then import gives an equal table of every type: ${form}, ${way}`, async () => {
      await using base = tempBase();
      const copy = `${base.parent}/copy`;
      await everyTable(base.path, true);
      await everyTable(copy, false);
      const file = `${base.parent}/data.${form}`;
      await done(["export", base.path, file]);
      const stdin = await done(["export", base.path, `--${form}`]);
      assertEquals(Deno.readTextFileSync(file), stdin);
      const given = way === "file" ? [file] : ["-", `--${form}`];
      assertEquals(await done(["import", copy, ...given], { stdin }), "10\n");
      assertEquals(await rowsOf(copy), await rowsOf(base.path));
      assertEquals(Object.is((await rowsOf(copy))[1]!.float, -0), true);
    });
  }

  Deno.test(`import detects the types of an export: ${form}`, async () => {
    await using base = tempBase();
    const { bytes: _bytes, json: _json, ...seen } = EVERY;
    await everyTable(base.path, true);
    await done(["drop-field", base.path, "bytes"]);
    if (form === "csv") await done(["drop-field", base.path, "json"]);
    const copy = `${base.parent}/copy`;
    const stdin = await done(["export", base.path, `--${form}`]);
    await done(["import", copy, "-", `--${form}`], { stdin });
    await using one = await PsBase.open(base.path);
    await using other = await PsBase.open(copy);
    assertEquals(other.schema, one.schema);
    assertEquals(Object.keys(other.schema).filter((name) => name !== "json"), Object.keys(seen));
    assertEquals(other.select(), one.select());
  });
}

/** The types that are found for columns of CSV. */
async function types(columns: Record<string, string[]>): Promise<Record<string, string>> {
  await using base = tempBase();
  const names = Object.keys(columns);
  const height = Math.max(...Object.values(columns).map((cells) => cells.length));
  const rows = Array.from({ length: height }, (_, i) => {
    return names.map((name) => columns[name]![i] ?? "").join(",");
  });
  await done(["import", base.path, "-", "--csv"], {
    stdin: [names.join(","), ...rows].map((line) => line + "\n").join(""),
  });
  await using table = await PsBase.open(base.path);
  return Object.fromEntries(Object.entries(table.schema).map(([k, { type }]) => [k, `${type}`]));
}

Deno.test("import looks at all values of a column of CSV", async () => {
  // Each value comes back as it is written, or in another spelling of a date or a time. Any other
  // value is text.
  const columns: Record<string, [type: string, cells: string[]]> = {
    none: ["string", ["", ""]],
    whole: ["integer", ["1", "", "-20", "0"]],
    zip: ["string", ["12345", "00501"]],
    zero: ["float", ["0.5", "0", "-0"]],
    exponent: ["string", ["1e5", "2"]],
    exponents: ["float", ["1e+21", "2", "5e-324", "1.5e-7"]],
    prices: ["string", ["3.5", "4.50"]],
    version: ["string", ["1.9", "1.10", "1.1"]],
    part: ["string", ["12E5", "1E3"]],
    padded: ["string", ["0.0", "1.5"]],
    small: ["string", ["0.0000001", "0.5"]],
    digits: ["float", ["0.30000000000000004", "0.1", "1131.2857142857142"]],
    moreDigits: ["string", ["0.10000000000000001"]],
    rounded: ["string", ["100000000000000000000.5"]],
    under: ["string", ["1e-400"]],
    dots: ["string", [".5", "1."]],
    long: ["bigint", ["1", "9007199254740993"]],
    edge: ["integer", ["9007199254740991"]],
    tooLong: ["string", ["1", "99999999999999999999"]],
    longAndFloat: ["string", ["9007199254740993", "0.5"]],
    longFloats: ["float", ["1152921504606847000", "0.5", "100000000000000000000"]],
    round: ["bigint", ["1152921504606847000", "2"]],
    huge: ["string", ["1e999"]],
    plus: ["string", ["+49"]],
    nan: ["string", ["NaN"]],
    nans: ["float", ["1", "NaN"]],
    yes: ["boolean", ["true", "", "false"]],
    cased: ["string", ["True"]],
    bit: ["string", ["true", "1"]],
    day: ["date", ["2024-02-29", ""]],
    noDay: ["string", ["2024-02-29", "2023-02-29"]],
    far: ["date", ["-000001-02-03", "+012345-01-01", "9999-12-31"]],
    notFar: ["string", ["+002024-02-29"]],
    time: ["time", ["23:59:00", "00:00:00.5", "00:00:00.000000001"]],
    minutes: ["string", ["23:59", "00:00:00.5"]],
    zeros: ["time", ["23:59:00.50"]],
    both: ["datetime", ["2024-02-29T10:00:00", "2024-02-29T10:00:01.123456789"]],
    blank: ["datetime", ["2024-02-29T10:00:00", "2024-02-29 10:00:01"]],
    instant: ["timestamp", ["2024-02-29T10:00:00.000Z", "2024-02-29T10:00:00.120Z"]],
    seconds: ["timestamp", ["2024-02-29T10:00:00Z", "2024-02-29t10:00:00.5+00:00"]],
    offset: ["string", ["2024-02-29T10:00:00.000+02:00"]],
    micro: ["string", ["2024-02-29T10:00:00.123456Z"]],
    leap: ["string", ["2016-12-31T23:59:60.000Z"]],
    mixed: ["string", ["2024-02-29", "10:00"]],
    emptyText: ["string", ["1", '""']],
    late: ["string", ["1", "2", "3", "x"]],
  };
  const given = Object.entries(columns).map(([name, [, cells]]) => [name, cells]);
  const wanted = Object.entries(columns).map(([name, [type]]) => [name, type]);
  assertEquals(await types(Object.fromEntries(given)), Object.fromEntries(wanted));
});

Deno.test("import takes NDJSON as it is typed", async () => {
  await using base = tempBase();
  const lines = [
    { n: 1, f: 1, b: true, s: "5", d: "2024-02-29", big: 5, j: [1], m: 1, t: "x", w: 0.5 },
    {
      n: -2,
      f: 0.5,
      s: "6",
      big: "9007199254740993",
      j: { a: 1 },
      m: "a",
      t: "2024-02-29",
      w: "1152921504606847000",
    },
    { n: null, f: "NaN", b: null, extra: false },
  ];
  const stdin = lines.map((line) => JSON.stringify(line)).join("\r\n\n");
  assertEquals(await done(["import", base.path, "-", "--ndjson"], { stdin }), "3\n");
  await using table = await PsBase.open(base.path);
  const found = Object.entries(table.schema).map(([name, { type }]) => `${name}:${type}`).join(" ");
  assertEquals(
    found,
    "n:integer f:float b:boolean s:string d:date big:bigint j:json m:json t:string w:json extra:boolean",
  );
  assertEquals(table.get(1)?.big, 9007199254740993n);
  assertEquals(table.get(2)?.extra, false);
  assertEquals(table.get(0)?.extra, null);
});

Deno.test("import makes field names of any header, says so, and finds them again", async () => {
  await using base = tempBase();
  const stdin = "Airport Name,Cost Total $,name,2nd,Größe (m),日付\r\nx,1,2,3,4,5\r\n";
  const { code, err } = await psbase(["import", base.path, "-", "--csv"], { stdin });
  assertEquals(code, 0, err);
  assertEquals(err.split("\n").slice(0, -1), [
    'column "Airport Name" is field Airport_Name',
    'column "Cost Total $" is field Cost_Total',
    'column "2nd" is field f_2nd',
    'column "Größe (m)" is field Größe_m',
    "types Airport_Name=string,Cost_Total=integer,name=integer,f_2nd=integer,Größe_m=integer," +
    "日付=integer",
  ]);
  assertEquals(await psbase(["import", base.path, "-", "--csv"], { stdin }), {
    code: 0,
    out: "1\n",
    err: "",
  });
  assertEquals(await done(["count", base.path, "Airport_Name=x", "日付=5"]), "2\n");
});

Deno.test("fieldName() makes a name that a table takes, of any text", async () => {
  await using base = tempBase();
  const texts = [
    "a b",
    "$",
    "9",
    "_x_",
    "a--b",
    "e\u0301",
    "__proto__",
    "😀",
    "then",
    "constructor",
    "नाम की",
    "ชื่อ (ไทย)",
    "می\u200cخواهم",
    "❤\ufe0f a 👩\u200d💻 1\ufe0f\u20e3",
    "\u0301",
  ];
  const names = texts.map(fieldName);
  assertEquals(names.slice(0, 7), ["a_b", "f", "f_9", "x", "a_b", "é", "proto"]);
  assertEquals(names.slice(10), ["नाम_की", "ชื่อ_ไทย", "می\u200cخواهم", "a_1", "f"]);
  const schema = Object.fromEntries(names.map((name) => [name, { type: "string" }]));
  await using table = await PsBase.create(base.path, schema as never);
  assertEquals(Object.keys(table.schema), [...new Set(names)]);
});

Deno.test("names keep the marks of their letters, in headers, conditions and schemas", async () => {
  await using base = tempBase();
  const stdin = "नाम,की,का\nराम,1,2\n";
  await done(["import", base.path, "-", "--csv"], { stdin });
  assertEquals(await done(["export", base.path, "--csv"]), stdin);
  assertEquals(await done(["count", base.path, "नाम=राम", "का>1"]), "1\n");
  await done(["add-field", base.path, "ชื่อ:string"]);
  assertEquals(await done(["export", base.path, "--csv"]), "नाम,की,का,ชื่อ\nराम,1,2,\n");
});

Deno.test("import into a table uses its types and defaults, in one commit", async () => {
  await using base = tempBase();
  await done(["create", base.path, "id:string", "n:float", "team:string=a", "j:json"]);
  const stdin = '\ufeffn,id,j\n1,007,"[1]"\n,"",\n';
  await done(["import", base.path, "-", "--csv"], { stdin });
  assertEquals(
    await done(["export", base.path, "--csv"]),
    'id,n,team,j\n007,1,a,[1]\n"",,a,\n',
  );
  const more = '{"team":null,"n":"NaN"}\n{}\n';
  await done(["import", base.path, "-", "--ndjson"], { stdin: more });
  assertEquals(
    await done(["select", base.path, "__id__>1", "--csv", "--fields", "id,n,team,j"]),
    "id,n,team,j\n,NaN,,\n,,a,\n",
  );
  assertEquals(JSON.parse(await done(["info", base.path])).sequence, 2);
  assertEquals(await done(["import", base.path, "-", "--ndjson"], { stdin: "" }), "0\n");
});

Deno.test("import that fails says the line and leaves nothing", async (t) => {
  await using base = tempBase();
  const [old, fresh] = [base.path, `${base.parent}/new`];
  await done(["create", old, "a:integer:required", "b:date"]);
  await done(["insert", old, "a=1"]);
  const before = base.files();
  const cases: [name: string, path: string, format: string, text: string, told: string][] = [
    ["ragged, short", fresh, "csv", "a,b\n1,2\n3\n", "line 3: 1 cell for 2 columns"],
    ["ragged, long", fresh, "csv", 'a,b\n"x\ny",2\n3,4,5\n', "line 4: 3 cells"],
    ["a line of one cell", fresh, "csv", "a,b\n\nx\n1,2\n", "line 3: 1 cell for 2 columns"],
    ["lines that end with CR", fresh, "csv", "a,b\r1,2\r", "its lines end with CR, convert it: tr"],
    ["two columns of ids", fresh, "csv", "__line__,__id__,__id__\n", "say --ids to keep"],
    ["no name", fresh, "csv", "a,\n1,\n2,x\n", "line 3: column 2 has a cell and no name"],
    ["no name, told", fresh, "csv", "a,,\n1,,x\n", "say --rename column_3=NAME, or --skip-lines"],
    ["an open quote", fresh, "csv", 'a\n"x\n', "line 2: a quote is not closed"],
    ["nothing", fresh, "csv", "", "it is empty"],
    ["no object", fresh, "ndjson", "", "it is empty"],
    ["ids", fresh, "csv", "__id__,a\n1,2\n", 'column "__id__" is set by the table itself'],
    ["no JSON", fresh, "ndjson", '{"a":1}\n\n{"a":\n', "line 3: "],
    ["no JSON object", fresh, "ndjson", '{"a":1}\n[1]\n', "line 2: a JSON object is expected"],
    ["digits lost", fresh, "ndjson", '{"a":[12345678901234567]}', "write it as text"],
    ["digits lost, deep", fresh, "ndjson", '{"a":{"b":[{"c":0.12345678901234567}]}}', "rounded"],
    ["infinite", fresh, "ndjson", '{"a":1}\n{"a":1e400}', "line 2: 1e400 would be rounded"],
    ["nothing left", fresh, "ndjson", '{"a":1e-400}', "line 1: 1e-400 would be rounded"],
    ["digits of a float lost", fresh, "json", '[{"a":12345678901234567.5}]', "would be rounded"],
    ["beyond 64 bits", fresh, "ndjson", '{"a":99999999999999999999}', "would be rounded"],
    ["long beside text", fresh, "ndjson", '{"a":9007199254740993}\n{"a":"x"}', "line 1: field"],
    ["half a character", fresh, "ndjson", '{"a":"\\ud800"}', 'line 1: field "a"'],
    ["a wrong type", old, "csv", "a,b\n1,\n2,2024-13-01\n", 'line 3: field "b": "2024-13-01" is'],
    ["a wrong JSON type", old, "ndjson", '{"a":"1"}', 'line 1: field "a": "1" is a string'],
    ["null where required", old, "csv", "a,b\n1,\n,\n", 'line 3: field "a" is required'],
    ["required left out", old, "csv", "b\n2024-01-01\n", 'line 2: field "a" is required'],
    ["an unknown column", old, "csv", "a,c\n1,2\n", 'no field for column "c", the fields are a, b'],
    ["in other letters", old, "csv", "A,b\n1,\n", "say --rename A=a"],
    ["a title", fresh, "csv", "Report\n\na,b\n1,2\n", "names are in line 3, say --skip-lines 2"],
    ["a comment", fresh, "csv", "# by me\na,b\n1,2\n", "say --skip-lines 1, or --comment '#'"],
    [
      "blank, quote",
      fresh,
      "csv",
      'a, b\n1, "x, y"\n',
      "line 2: 3 cells for 2 columns, say --trim",
    ],
    ["quote, blank", fresh, "csv", 'a,b\n1,"x" \n', "after a closing quote, say --trim"],
    ["quotes in text", fresh, "csv", 'a,b\n1,"x"y\n', "twice, or say --quote none"],
  ];
  for (const [name, path, format, stdin, told] of cases) {
    await t.step(name, async () => {
      const { code, out, err } = await psbase(["import", path, "-", `--${format}`], { stdin });
      assertEquals([code, out], [1, ""], err);
      assertStringIncludes(err, told);
      assertEquals(err.replace(/^types .*\n/, "").split("\n").length, 2, err);
      assertEquals([...Deno.readDirSync(base.parent)].map(({ name }) => name), ["people"]);
    });
  }
  await t.step("no UTF-8", async () => {
    const file = await Deno.makeTempFile({ suffix: ".csv" });
    Deno.writeFileSync(file, new Uint8Array([97, 10, 0xff]));
    const { code, err } = await psbase(["import", fresh, file]);
    assertEquals(code, 1);
    assertStringIncludes(err, "it is not UTF-8");
    Deno.removeSync(file);
  });
  assertEquals(base.files(), before);
});

Deno.test("import names the option for a header with another separator", async (t) => {
  const cases: [form: string, header: string, remedy: string][] = [
    ["--csv", "a;b;c", "--separator ';'"],
    ["--csv", "a|b", "--separator '|'"],
    ["--csv", "a\tb", "--tsv"],
    ["--tsv", "a,b", "--csv"],
    ["--tsv", "a;b", "--separator ';'"],
    ["--separator=;", "a,b", "--csv"],
  ];
  for (const [form, header, remedy] of cases) {
    await t.step(`${form} ${header}`, async () => {
      await using base = tempBase();
      const stdin = `${header}\n${header}\n`;
      assertEquals(await psbase(["import", base.path, "-", form], { stdin }), {
        code: 1,
        out: "",
        err: `psbase import: Cannot import "-": line 1: ${JSON.stringify(header)} is one column, ` +
          `say ${remedy} to take it apart, or quote it\n`,
      });
      assertEquals([...Deno.readDirSync(base.parent)], []);
      const said = remedy.replaceAll("'", "").split(" ");
      assertEquals(await done(["import", base.path, "-", ...said], { stdin }), "1\n");
      const fields = header.split(/[;|\t,]/);
      await using table = await PsBase.open(base.path);
      assertEquals(Object.keys(table.schema), fields);
      assertEquals(Object.values(table.get(0)!).slice(2), fields);
    });
  }
  await using base = tempBase();
  assertEquals(await done(["import", base.path, "-", "--csv"], { stdin: '"a;b"\n1;2\n' }), "1\n");
  assertEquals(await done(["export", base.path, "--csv"]), "a_b\n1;2\n");
});

Deno.test("import takes JSON's null in a cell as null", async () => {
  await using base = tempBase();
  const args = ["import", base.path, "-", "--csv", "--types"];
  const stdin = 'a,b\nnull,"[null]"\n';
  assertEquals(await psbase([...args, "a=json:required,b=json"], { stdin }), {
    code: 1,
    out: "",
    err: "types a=json:required,b=json\n" +
      'psbase import: Cannot import "-": line 2: field "a" is required, it is null\n',
  });
  assertEquals(await done([...args, "a=json,b=json"], { stdin }), "1\n");
  assertEquals(await done(["export", base.path]), '{"a":null,"b":[null]}\n');
});

Deno.test("import --separator takes each character of ASCII that it can", async () => {
  for (const separator of "\t !#$%&'()*+,-./059:;<=>?@AZ[\\]^_`az{|}~") {
    await using base = tempBase();
    const stdin = `F${separator}G\n"1.5"${separator}"é${separator}"\n`;
    const args = ["import", base.path, "-", `--separator=${separator}`];
    assertEquals(await done(args, { stdin }), "1\n");
    await using table = await PsBase.open(base.path);
    assertEquals(Object.values(table.get(0)!).slice(2), [1.5, `é${separator}`]);
  }
});

Deno.test("import --separator keeps refused rows as they were", async () => {
  await using base = tempBase();
  const bad = `${base.parent}/bad.csv`;
  const args = ["import", base.path, "-", "--separator", ";"];
  const stdin = 'a;b\n1;"x;y"\nz;"1,5"\n';
  assertEquals(
    await done([...args, "--types", "a=integer", "--errors", bad], { stdin }),
    "1\n",
  );
  assertEquals(await done(["export", base.path, "--csv"]), "a,b\n1,x;y\n");
  const mended = Deno.readTextFileSync(bad).replace(";z;", ";2;");
  assertEquals(await done(args, { stdin: mended }), "1\n");
  assertEquals(await done(["export", base.path, "--csv"]), 'a,b\n1,x;y\n2,"1,5"\n');
});

Deno.test("the birdstrikes become a table with dates, integers and text", async () => {
  await using base = tempBase();
  const csv = new URL("../../../examples/data/birdstrikes.csv", import.meta.url);
  assertEquals(await done(["import", base.path, csv.pathname]), "10000\n");
  await using table = await PsBase.open(base.path);
  const types = Object.values(table.schema).map(({ type }) => type);
  assertEquals(types.filter((type) => type === "date").length, 1);
  assertEquals(types.filter((type) => type === "integer").length, 4);
  const [header, ...lines] = Deno.readTextFileSync(csv).split(/\r?\n/);
  assert(header!.startsWith("Airport Name,"));
  const exported = (await done(["export", base.path, "--csv"])).trimEnd().split("\n");
  assertEquals(exported.slice(1), lines.filter((line) => line !== ""));
});

Deno.test("export --ids adds ids and versions", async () => {
  await using base = tempBase();
  await done(["create", base.path, "a:string"]);
  for (const a of ["x", "y", "z"]) await done(["insert", base.path, `a=${a}`]);
  await done(["delete", base.path, "a=x"]);
  await done(["update", base.path, "a=z", "--set", "a=w"]);
  assertEquals(
    await done(["export", base.path, "--ids", "--csv"]),
    "__id__,__version__,a\n1,0,y\n2,1,w\n",
  );
  const file = `${base.parent}/out.json`;
  await done(["export", base.path, file]);
  assertEquals(JSON.parse(Deno.readTextFileSync(file)), [{ a: "y" }, { a: "w" }]);
});

Deno.test("export and import --errors write no file into the directory of the table", async () => {
  await using base = tempBase();
  await done(["create", base.path, "a:string"]);
  const file = `${base.path}/base`;
  for (
    const args of [
      ["export", base.path, file, "--csv"],
      ["import", base.path, "-", "--csv", "--errors", file],
    ]
  ) {
    const { code, err } = await psbase(args, { stdin: "a\nx\n" });
    assertStringIncludes(
      err,
      `"${file}" is in the directory of the table, write it somewhere else`,
    );
    assertEquals(code, 2);
  }
  assertEquals(await done(["count", base.path]), "0\n");
});

Deno.test("import --types sets types of columns, and all types are printed before they are used", async () => {
  await using base = tempBase();
  const stdin = "no,Day One,note\n007,1,x\n008,,2024-01-01\n";
  const types = "no=integer,Day One=float";
  const { code, out, err } = await psbase(["import", base.path, "-", "--csv", "--types", types], {
    stdin,
  });
  assertEquals([code, out], [0, "2\n"], err);
  assertEquals(
    err,
    'column "Day One" is field Day_One\ntypes no=integer,Day_One=float,note=string\n',
  );
  assertEquals(
    await done(["select", base.path, "--csv", "--fields", "no,Day_One,note"]),
    "no,Day_One,note\n7,1,x\n8,,2024-01-01\n",
  );
});

Deno.test("import --types takes options and links, as create does", async () => {
  await using base = tempBase();
  const houses = `${base.parent}/houses`;
  await done(["import", houses, "-", "--csv"], { stdin: "name\nevergreen\n" });
  const types = `name=string:required:unique,home=link=${houses}`;
  const args = ["import", base.path, "-", "--csv", "--types", types];
  const cases: [stdin: string, told: string][] = [
    ["name,home\na,0\na,\n", 'line 3: field "name" is unique, and a is there already'],
    ["name,home\na,0\n,\n", 'line 3: field "name" is required, it is null'],
    ["name,home\na,0\nb,1\n", `line 3: field "home": there is no row 1 in "${houses}"`],
    ["name,home\na,0\nb,x\n", 'line 3: field "home": "x" is not the id of a row'],
    ["name,where\na,0\n", '--types: there is no column "home", there are name, where'],
  ];
  for (const [stdin, told] of cases) {
    const { code, err } = await psbase(args, { stdin });
    assertEquals(code, 1, err);
    assertStringIncludes(err, told);
    assertEquals([...Deno.readDirSync(base.parent)].map(({ name }) => name), ["houses"]);
  }
  assertEquals(await done(args, { stdin: "name,home\na,0\nb,\n" }), "2\n");
  await using table = await PsBase.open(base.path);
  assertEquals(table.get(0)?.home, { __id__: 0, __version__: 0, name: "evergreen" } as never);
});

Deno.test("import --errors: a value of a refused row can come again", async () => {
  await using base = tempBase();
  await done(["create", base.path, "a:string:unique", "b:integer", "c:string:unique"]);
  const stdin = "a,b,c\nx,one,u\nx,1,v\ny,2,v\ny,3,w\n,4,\n,5,\n";
  const args = ["import", base.path, "-", "--csv", "--errors", `${base.parent}/bad`];
  assertEquals(await done(args, { stdin }), "4\n");
  assertEquals(
    Deno.readTextFileSync(`${base.parent}/bad`),
    '__line__,__reason__,a,b,c\n2,"field ""b"": ""one"" is not an integer within ±(2^53 - 1)",' +
      'x,one,u\n4,"field ""c"" is unique, and v is there already",y,2,v\n',
  );
  const again = await psbase(args.slice(0, 4), { stdin: "a,b\nz,1\nw,2\ny,3\n" });
  assertEquals(again.code, 1);
  assertStringIncludes(again.err, 'line 4: field "a" is unique, and y is there already');
  // Nor does a refused row use up an id.
  args[1] = `${base.parent}/new`;
  const types = "a=string:unique,b=integer,c=string:unique";
  assertEquals(await done([...args, "--types", types], { stdin }), "4\n");
  assertEquals(
    await done(["export", args[1], "--ids", "--csv"]),
    "__id__,__version__,a,b,c\n0,0,x,1,v\n1,0,y,3,w\n2,0,,4,\n3,0,,5,\n",
  );
});

Deno.test("import --errors refuses an object for an unknown member, and not those after it", async () => {
  await using base = tempBase();
  await done(["create", base.path, "a:integer"]);
  const bad = `${base.parent}/bad.ndjson`;
  const stdin = '{"c":1}\n{"a":1}\n{"c":2,"a":2}\n{"a":3}\n';
  const args = ["import", base.path, "-", "--ndjson", "--errors", bad];
  assertEquals(await done(args, { stdin }), "2\n");
  assertEquals(await done(["export", base.path, "--csv"]), "a\n1\n3\n");
});

Deno.test("import --errors keeps JSON as it was, and anything else as text", async () => {
  await using base = tempBase();
  await done(["create", base.path, "a:bigint", "b:string"]);
  const stdin = `[{"a": 12345678901234567.5,
    "b": "\\n"}, 5, {}, {"a":1.5} , {"b":1, "c":{"d" : [ ]}}, {"a" 1}]`;
  const bad = `${base.parent}/bad.ndjson`;
  const args = ["import", base.path, "-", "--json", "--errors", bad];
  assertEquals(await done(args, { stdin }), "1\n");
  const rows = Deno.readTextFileSync(bad).split("\n").map((line) =>
    line.replace(/"__reason__":"(?:[^"\\]|\\.)*"/, "…")
  );
  assertEquals(rows, [
    '{"__line__":1,…,"a": 12345678901234567.5, "b": "\\n"}',
    '{"__line__":2,…,"__text__":"5"}',
    '{"__line__":2,…,"a":1.5}',
    '{"__line__":2,…,"b":1, "c":{"d" : [ ]}}',
    '{"__line__":2,…,"__text__":"{\\"a\\" 1}"}',
    "",
  ]);
});

Deno.test("import --batch commits N rows at a time, and says how many are in the table", async () => {
  await using base = tempBase();
  const args = (...more: string[]) => ["import", base.path, "-", "--csv", "--batch", "2", ...more];
  assertEquals(await done(args(), { stdin: "n\n0\n1\n2\n3\n4\n" }), "5\n");
  await using table = await PsBase.open(base.path, { schema: { n: "integer" } });
  assertEquals(table.sequence, 3);
  const { code, out, err } = await psbase(args(), { stdin: "n\n5\n6\n7\nx\n9\n" });
  assertEquals([code, out], [1, ""]);
  assertStringIncludes(err, 'line 5: field "n": "x" is not an integer');
  assertStringIncludes(err, "; the first 2 rows are in the table\n");
  assertEquals(table.size, 7);
  const bad = `${base.parent}/bad`;
  assertEquals(await done(args("--errors", bad), { stdin: "n\n7\nx\n8\n9\n" }), "3\n");
  assertEquals(table.size, 10);
  const fresh = `${base.parent}/fresh`;
  const first = await psbase(
    ["import", fresh, "-", "--csv", "--batch", "2", "--types", "n=float"],
    {
      stdin: "n\nx\n",
    },
  );
  assertEquals(first.code, 1);
  assertEquals([...Deno.readDirSync(base.parent)].map(({ name }) => name).sort(), [
    "bad",
    "people",
  ]);
});

Deno.test("import --ids keeps ids and versions in a new table, and nowhere else", async () => {
  await using base = tempBase();
  const args = (...more: string[]) => ["import", base.path, "-", "--csv", ...more];
  const cases: [stdin: string, told: string][] = [
    ["a\nx\n", "--ids: there is no column __id__"],
    ["__id__,a\n5,x\n5,y\n", "line 3: __id__ 5 comes after 5, sort the rows by __id__"],
    ["__id__,a\n5,x\n4,y\n", "line 3: __id__ 4 comes after 5, sort the rows by __id__"],
    ["__id__,a\n-1,x\n", "line 2: -1 is neither an id nor a version"],
    ["__id__,__version__,a\n1,-1,x\n", "line 2: -1 is neither an id nor a version"],
    ["__id__,a\n,x\n", 'line 2: field "__id__" is required, it is null'],
    ["__id__,a\nx,x\n", 'line 2: field "__id__": "x" is not an integer'],
  ];
  for (const [stdin, told] of cases) {
    const { code, err } = await psbase(args("--ids"), { stdin });
    assertEquals(code, 1, err);
    assertStringIncludes(err, told);
    assertEquals([...Deno.readDirSync(base.parent)], []);
  }
  const stdin = "a,__version__,__id__\nx,3,7\ny,0,9007199254740990\n";
  assertEquals(await done(args("--ids"), { stdin }), "2\n");
  assertEquals(
    await done(["export", base.path, "--csv", "--ids"]),
    "__id__,__version__,a\n7,3,x\n9007199254740990,0,y\n",
  );
  const again = await psbase(args("--ids"), { stdin });
  assertEquals(again.code, 1);
  assertStringIncludes(again.err, "the table has ids of its own, --ids is for a new one");
});

Deno.test("import refuses contradictory options, and changes nothing", async () => {
  await using base = tempBase();
  const file = `${base.parent}/a.csv`;
  Deno.writeTextFileSync(file, "n\n1\n");
  const usage: [args: string[], told: string][] = [
    [["--batch", "0"], "--batch 0: a commit has at least one row"],
    [["--batch", "x"], "option --batch is"],
    [["--batch", "2", "--ids"], "--ids and --batch exclude each other"],
    [["--types", "n"], '--types: "n" is not of the form name=type'],
    [["--types", "n=string,n=date"], '--types: "n" is given twice'],
    [["--types", "n=link="], 'field "n": a link needs its table: n:link=PATH'],
    [["--types", "n=number"], 'field "n": unknown type "number", the types are'],
    [["--errors", file], "--errors would overwrite the file that is read"],
    [["--csv", "--tsv"], "exclude each other"],
    [["--tsv", "--separator", ";"], "--tsv and --separator exclude each other"],
    ...[";;", '"', "\n", "é"].map((separator): [string[], string] => {
      const told = `${JSON.stringify(separator)}, expected a character of ASCII but a quote`;
      return [["--separator", separator], `option --separator: ${told}`];
    }),
  ];
  for (const [args, told] of usage) {
    const { code, err } = await psbase(["import", base.path, file, ...args]);
    assertEquals(code, 2, err);
    assertStringIncludes(err, told);
  }
  assertEquals(Deno.readTextFileSync(file), "n\n1\n");
  assertEquals([...Deno.readDirSync(base.parent)].map(({ name }) => name), ["a.csv"]);
  const cases: [args: string[], told: string][] = [
    [["people", `${base.parent}/none.csv`], "No such file"],
    [["people", base.parent, "--csv"], "it is a directory"],
  ];
  for (const [[path, ...args], told] of cases) {
    const { code, err } = await psbase(["import", `${base.parent}/${path}`, ...args]);
    assertEquals(code, 1, err);
    assertStringIncludes(err, told);
  }
  await done(["import", base.path, file]);
  const typed = await psbase(["import", base.path, file, "--types", "n=float"]);
  assertStringIncludes(typed.err, "the table has its types, leave out --types");
});
