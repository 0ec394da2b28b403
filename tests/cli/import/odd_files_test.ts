/**
 * Files of other programs: with quotes that are text, names that cannot be fields, lines that are
 * not rows; and imports while another process writes to the same table.
 *
 * @module
 */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { FORMATS } from "../../../cli/formats/formats.ts";
import { importFile } from "../../../cli/import/import.ts";
import type { NewSchema } from "../../../cli/call/fields.ts";
import { PsBase } from "../../../mod.ts";
import { done, psbase } from "../../helpers/cli.ts";
import { newSeed, randomFrom } from "../../helpers/random.ts";
import { tempBase } from "../../helpers/temp_base.ts";
import type { Format } from "../../../cli/formats/format.ts";

/** What an import tells, and the rows that it makes, as CSV. */
async function imported(stdin: string, form: string, ...options: string[]) {
  await using base = tempBase();
  const { code, err } = await psbase(["import", base.path, "-", form, ...options], { stdin });
  const told = err.trimEnd().split("\n");
  if (code !== 0) return { told, rows: undefined };
  return { told, rows: (await done(["export", base.path, "--csv"])).trimEnd().split("\n") };
}

Deno.test("import takes quotes in TSV for text, unless the file clearly uses them", async (t) => {
  const cases: [name: string, text: string, rows: string[]][] = [
    ["a title", 'id\tt\n1\t"Rome"\n', ['1,"""Rome"""']],
    ["one that is not closed", 'id\tt\n1\t"x\n2\ty\n', ['1,"""x"', "2,y"]],
    ["one row each", 'id\tt\n1\t"x\n2\ty\n3\tz"\n', ['1,"""x"', "2,y", '3,"z"""']],
    ["text after it", 'id\tt\n1\t"Weird Al" Y\n', ['1,"""Weird Al"" Y"']],
    ["lines that are none", 'id\tt\n1\t"x\ny"\n2\tz\n', ['1,"x\ny"', "2,z"].join("\n").split("\n")],
    ["a tab", 'id\tt\n1\t"x\ty"\n', ["1,x\ty"]],
    ["quotes in quotes", 'id\tt\n1\t"5"" x"\n', ['1,"5"" x"']],
    ["empty text", 'id\tt\n1\t""\n', ['1,""']],
    ["names in quotes", '"id"\t"t"\n1\t"x"\n2\t"y"\n', ["1,x", "2,y"]],
  ];
  for (const [name, text, rows] of cases) {
    await t.step(name, async () => {
      assertEquals((await imported(text, "--tsv")).rows, ["id,t", ...rows]);
    });
  }
  await t.step("--quote decides", async () => {
    const text = 'id\tt\n1\t"x\n2\ty"\n';
    assertEquals(await imported(text, "--tsv", "--quote", '"'), {
      told: [
        "1 cell spans lines, the first from line 2 on: if quotes are text, say --quote none",
        "types id=integer,t=string",
      ],
      rows: ["id,t", '1,"x', '2\ty"'],
    });
    assertEquals((await imported('a,b\n"x","y"\n', "--csv", "--quote", "none")).rows, [
      "a,b",
      '"""x""","""y"""',
    ]);
    for (const quote of ["'", "$", "|"]) {
      const text = `a,b\n${quote}x,${quote}${quote}y${quote},1\n`;
      assertEquals((await imported(text, "--csv", "--quote", quote)).rows, [
        "a,b",
        `"x,${quote}y",1`,
      ]);
    }
  });
});

Deno.test("import reads the TSV of export, whatever text is in it", async () => {
  const seed = newSeed();
  const random = randomFrom(seed);
  const pieces = ['"', "\t", "\n", "\r", "1", "x", '""', '"\t"', '\n2\t"'];
  for (let round = 0; round < 60; round++) {
    await using base = tempBase();
    const names = ["a", "b", "c"].slice(0, 1 + random.below(3));
    await using table = await PsBase.create(
      base.path,
      Object.fromEntries(names.map((name) => [name, { type: "string" }])) as never as NewSchema,
    );
    const text = () => Array.from({ length: random.below(6) }, () => random.pick(pieces)).join("");
    const rows = Array.from({ length: 1 + random.below(4) }, () => {
      return Object.fromEntries(names.map((name) => [name, random.chance(0.2) ? null : text()]));
    });
    await table.insertMany(rows);
    const file = `${base.parent}/rows.tsv`;
    await done(["export", base.path, file]);
    await done(["import", `${base.parent}/copy`, file]);
    assertEquals(
      await done(["export", `${base.parent}/copy`, "--csv"]),
      await done(["export", base.path, "--csv"]),
      `seed ${seed}, round ${round}`,
    );
  }
});

Deno.test("import makes a field of every column, and tells which ones it renamed", async (t) => {
  const long = "Q".repeat(300);
  const cases: [name: string, header: string, fields: string, told: string[]][] = [
    ["become one", "Votes,Votes %,Votes %%", "Votes,Votes_2,Votes_3", [
      'column "Votes %" is field Votes_2',
      'column "Votes %%" is field Votes_3',
    ]],
    ["numbered already", "a b,a_b,a-b,a_b_2", "a_b_3,a_b,a_b_4,a_b_2", [
      'column "a b" is field a_b_3',
      'column "a-b" is field a_b_4',
    ]],
    ["of one name", "a,a,a", "a,a_2,a_3", [
      'column "a" is field a_2',
      'column "a" is field a_3',
    ]],
    ["ids of others", "_id,id", "id_2,id", ['column "_id" is field id_2']],
    ["signs", "#,%,x", "f,f_2,x", ['column "#" is field f', 'column "%" is field f_2']],
    ["no name first", ",a,b", "column_1,a,b", ["column 1, which has no name, is field column_1"]],
    ["too long", `${long},${long}x`, `${"Q".repeat(255)},${"Q".repeat(253)}_2`, [
      `column "${"Q".repeat(40)}…" is field ${"Q".repeat(255)}`,
      `column "${"Q".repeat(40)}…" is field ${"Q".repeat(253)}_2`,
    ]],
    ["too long in bytes", `x,${"日".repeat(90)}`, `x,${"日".repeat(85)}`, [
      `column "${"日".repeat(40)}…" is field ${"日".repeat(85)}`,
    ]],
  ];
  for (const [name, header, fields, lines] of cases) {
    await t.step(name, async () => {
      const text = `${header}\n${header.replaceAll(/[^,]+/g, "x").replace(/^,/, "x,")}\n`;
      const { told, rows } = await imported(text, "--csv");
      assertEquals(rows?.[0], fields);
      assertEquals(told.slice(0, -1), lines);
      // Once more: the same columns are the same fields.
      await using base = tempBase();
      await done(["import", base.path, "-", "--csv"], { stdin: text });
      assertEquals(await done(["import", base.path, "-", "--csv"], { stdin: text }), "1\n");
    });
  }
  await t.step("of JSON", async () => {
    const { told, rows } = await imported('{"_id":"x","id":7}\n{"i d":8,"id":9}\n', "--ndjson");
    assertEquals(rows, ["id_2,id,i_d", "x,7,", ",9,8"]);
    assertEquals(told[0], 'column "_id" is field id_2');
  });
  await t.step("of which some are missing", async () => {
    await using base = tempBase();
    await done(["create", base.path, "id:integer", "id_2:string"]);
    const args = ["import", base.path, "-", "--csv"];
    assertEquals(await done(args, { stdin: "_id,id\nx,1\n" }), "1\n");
    const { err } = await psbase(args, { stdin: "_id\nx\n" });
    assertStringIncludes(err, 'column "_id" may be id or id_2, say --rename _id=id');
    assertEquals(await done([...args, "--rename", "_id=id_2"], { stdin: "_id\nx\n" }), "1\n");
    assertEquals(await done(["export", base.path, "--csv"]), "id,id_2\n1,x\n,x\n");
  });
  await t.step("without cells", async () => {
    const { told, rows } = await imported("a;b;;\n1;2;;\n", "--csv", "--separator", ";");
    assertEquals([told[0], rows], ["column 3 has no name and no cell: left out", ["a,b", "1,2"]]);
    await using base = tempBase();
    await done(["create", base.path, "a:integer"]);
    const args = ["import", base.path, "-", "--csv"];
    assertEquals(await done(args, { stdin: "a,\n1,\n2,\n" }), "2\n");
    const { err } = await psbase(args, { stdin: "a,\n1,\n2,x\n" });
    assertStringIncludes(
      err,
      "line 3: column 2 has a cell and no name, say --rename column_2=NAME",
    );
  });
});

Deno.test("import --rename names the fields of columns", async (t) => {
  const cases: [header: string, renames: string, fields: string][] = [
    ["a,b", "a=x", "x,b"],
    ["a,b", "a=b,b=a", "b,a"],
    ["Votes,Votes %", "Votes %=share", "Votes,share"],
    ["Votes,Votes %", "Votes_2=share", "Votes,share"],
    ["_id,id", "id=key", "id,key"],
    ["x=y,b", "x=y=z", "z,b"],
    [",a", "column_1=n", "n,a"],
    ["a,", "column_2=n", "a,n"],
  ];
  for (const [header, renames, fields] of cases) {
    await t.step(`${header}: ${renames}`, async () => {
      const { rows } = await imported(`${header}\n1,2\n`, "--csv", "--rename", renames);
      assertEquals(rows, [fields, "1,2"]);
      await using base = tempBase();
      await done(["create", base.path, ...fields.split(",").map((name) => `${name}:string`)]);
      const args = ["import", base.path, "-", "--csv", "--rename", renames];
      assertEquals(await done(args, { stdin: `${header}\n1,2\n` }), "1\n");
      assertEquals(await done(["export", base.path, "--csv"]), `${fields}\n1,2\n`);
    });
  }
  const refused: [renames: string, code: number, told: string][] = [
    ["c=x", 1, '--rename: there is no column "c", there are a, b'],
    ["a=b", 1, 'columns "a" and "b" both become field "b"'],
    ["a=2", 1, "a name is a letter"],
    ["a", 2, "not of the form OLD=NEW"],
    ["a=", 2, "not of the form OLD=NEW"],
    ["a=x,a=y", 2, '"a" is given twice'],
  ];
  for (const [renames, code, told] of refused) {
    await t.step(renames, async () => {
      await using base = tempBase();
      const args = ["import", base.path, "-", "--csv", "--rename", renames];
      const { code: found, err } = await psbase(args, { stdin: "a,b\n1,2\n" });
      assertEquals(found, code, err);
      assertStringIncludes(err, told);
      assertEquals([...Deno.readDirSync(base.parent)], []);
    });
  }
});

Deno.test("import --types goes by the column, or by the field that it becomes", async () => {
  const { rows, told } = await imported(
    "Votes,Votes %,_id,id\n1,2,3,4\n",
    "--csv",
    "--types",
    "Votes=string,Votes %=float,id_2=bigint,id=string",
  );
  assertEquals(rows?.[0], "Votes,Votes_2,id_2,id");
  assertEquals(told.at(-1), "types Votes=string,Votes_2=float,id_2=bigint,id=string");
});

Deno.test("import skips lines that are not rows", async (t) => {
  const rows = ["a,b", "1,x", "2,y"];
  const cases: [name: string, text: string, options: string[]][] = [
    ["empty ones", "\n\r\na,b\n\n1,x\r\n\r\n  \n2,y\n\n", []],
    ["a separator that is told", "sep=;\na;b\n1;x\n2;y\n", []],
    ["the same, said twice", "SEP=;\r\na;b\n1;x\n2;y\n", ["--separator", ";"]],
    ["--skip-lines", 'Report "of\nyesterday\na,b\n1,x\n2,y\n', ["--skip-lines", "2"]],
    ["--comment", '# "by\n#\na,b\n1,x\n#2,z\n2,y\n# end', ["--comment", "#"]],
    ["--trim", ' a , b\n1 , "x" \n2,\ty\n', ["--trim"]],
    ["all of it", '# "\nt\n\n a;b\n%\n 1;x\n%2\n2 ; y', [
      "--skip-lines=2",
      "--comment=%",
      "--trim",
      "--separator=;",
    ]],
  ];
  for (const [name, text, options] of cases) {
    await t.step(name, async () => {
      assertEquals((await imported(text, "--csv", ...options)).rows, rows);
    });
  }
  await t.step("of one column they are null", async () => {
    assertEquals((await imported("a\n\n1\n\n", "--csv")).rows, ["a", "", "1"]);
  });
  await t.step("lines are counted all the same", async () => {
    const options = ["--skip-lines", "1", "--comment", "#", "--types", "a=integer"];
    const { told } = await imported("t\n\n#\na,b\n\n1,x\ny,x\n", "--csv", ...options);
    assertStringIncludes(told.at(-1)!, 'line 7: field "a": "y" is not an integer');
  });
  await t.step("--trim is told of", async () => {
    const { told } = await imported("a, b,c\n1, 2,3\n1, 3, 4\n", "--csv");
    assertEquals(
      told[1],
      "every cell of b begins with a space: say --trim to leave spaces out",
    );
    assertEquals(told.at(-1), "types a=integer,b=string,c=string");
  });
});

Deno.test("import names the type that would hold a column of text, and the option for it", async () => {
  const text =
    "price,at,zip\n3.5,2024-02-29T10:00:00+09:00,007\n4.50,2024-02-29T10:00:00.500Z,12\n";
  const { told, rows } = await imported(text, "--csv");
  assertEquals(told, [
    'price is text, as float would give back "4.5" for "4.50": say --types price=float if that ' +
    "is as good",
    'at is text, as timestamp would give back "2024-02-29T01:00:00.000Z" for ' +
    '"2024-02-29T10:00:00+09:00": say --types at=timestamp if that is as good',
    "types price=string,at=string,zip=string",
  ]);
  assertEquals(rows, text.trimEnd().split("\n"));
  const taken = await imported(text, "--csv", "--types", "price=float,at=timestamp");
  assertEquals(taken.rows?.[2], "4.5,2024-02-29T10:00:00.500Z,12");
});

Deno.test("import with a type that would lose digits says the line and the field", async (t) => {
  const cases: [type: string, cell: string, told: string][] = [
    ["float", "1e-400", '"1e-400" would become 0 as a float, keep it as a string'],
    ["float", "1e400", '"1e400" is not a number'],
    ["float", "100000000000000000000.5", "would become 100000000000000000000 as a float"],
    ["float", "9007199254740993", "would become 9007199254740992 as a float"],
    ["integer", "9007199254740993", "is not an integer within"],
    ["timestamp", "2024-05-01T10:00:00.123456Z", "to milliseconds"],
    ["timestamp", "2016-12-31T23:59:60Z", "is not an instant"],
    ["datetime", "2024-05-01T10:00:00.1234567891", "to nanoseconds"],
    ["integer", "NULL", '"NULL" is not an integer within ±(2^53 - 1), null is an empty cell'],
    ["integer", " 5", "say --trim to leave out spaces"],
    ["json", '"{""id"":9007199254740993}"', "9007199254740993 would be rounded, write it as text"],
    ["json", "[1e400]", "1e400 would be rounded"],
    ["json", "[1", '"[1" is not JSON'],
  ];
  for (const [type, cell, told] of cases) {
    await t.step(`${type} ${cell}`, async () => {
      const text = `n,v\n1,\n2,${cell}\n`;
      const { told: lines } = await imported(text, "--csv", "--types", `v=${type}`);
      assertStringIncludes(lines.at(-1)!, 'line 3: field "v": ');
      assertStringIncludes(lines.at(-1)!, told);
    });
  }
  // The notation of a number that a float holds does not matter.
  const { rows } = await imported(
    "v\n1.10\n12E5\n.5\n1.\n0.10000000000000001\n",
    "--csv",
    "--types=v=float",
  );
  assertEquals(rows, ["v", "1.1", "1200000", "0.5", "1", "0.1"]);
});

Deno.test("import takes long integers of JSON as bigint, as text and number alike", async () => {
  await using base = tempBase();
  const stdin =
    '{"id":9007199254740993}\n{"id":1152921504606847000}\n{"id":"-9007199254740993"}\n' +
    '{"id":5}\n{"id":90071992547409930e-1}\n';
  assertEquals(await done(["import", base.path, "-", "--ndjson"], { stdin }), "5\n");
  await using table = await PsBase.open(base.path, { schema: { id: "bigint" } });
  assertEquals(table.select().map(({ id }) => id), [
    9007199254740993n,
    1152921504606847000n,
    -9007199254740993n,
    5n,
    9007199254740993n,
  ]);
});

/** Calls `act` whenever all rows were read, before they are committed. */
function whenRead(format: Format, act: () => void): Format {
  return {
    ...format,
    of() {
      return this;
    },
    read(text) {
      const reading = format.read(text);
      return {
        ...reading,
        rows: function* () {
          yield* reading.rows;
          act();
        }(),
      };
    },
  };
}

const SILENT = { isTerminal: false, columns: 80, colors: false, write: () => {} };
const IO = { stdin: new ReadableStream<Uint8Array>(), stdout: SILENT, stderr: SILENT };

for (const batch of [undefined, 2, 100]) {
  Deno.test(`import --errors refuses what others insert meanwhile, and goes on: --batch ${batch}`, async () => {
    await using base = tempBase();
    await using other = await PsBase.create(base.path, {
      id: { type: "integer", unique: true },
      name: "string",
    });
    const { parent, path } = base;
    Deno.writeTextFileSync(
      `${parent}/rows.csv`,
      "id,name\n1,a\nx,b\n2,c\n3,d\n2,e\n4,f\n5,g\n",
    );
    const theirs = [5, 4];
    const format = whenRead(FORMATS.csv, () => {
      const id = theirs.pop();
      if (id !== undefined) other.insertSync({ id, name: "theirs" });
    });
    const options = { format, errors: `${parent}/bad.csv`, batch, ids: false, open: {} };
    // In batches of two, the row is checked before the other process inserts its row.
    const count = await importFile(path, `${parent}/rows.csv`, options, IO);
    const rows = other.select({}, { orderBy: "id" }).map(({ id, name }) => `${id} ${name}`);
    const bad = Deno.readTextFileSync(options.errors).trimEnd().split("\n");
    assertEquals(rows.length, 5);
    assertEquals(rows.slice(0, 3), ["1 a", "2 c", "3 d"]);
    const ours = rows.filter((row) => !row.endsWith("theirs")).length;
    assertEquals(count, ours);
    // Each row of the file is in the table or refused, and only once.
    assertEquals(bad.length - 1, 7 - ours);
    assertEquals(new Set(bad).size, bad.length);
  });
}

Deno.test("import --batch names the line of a duplicate, and the number of rows in the table", async () => {
  await using base = tempBase();
  await done(["create", base.path, "id:integer:unique", "name:string"]);
  const args = (batch: string) => ["import", base.path, "-", "--csv", "--batch", batch];
  const stdin = "id,name\n1,a\n2,b\n3,c\n2,d\n4,e\n";
  const { err } = await psbase(args("10"), { stdin });
  assertStringIncludes(err, 'line 5: field "id" is unique, and 2 is there already\n');
  const { err: second } = await psbase(args("2"), { stdin });
  assertStringIncludes(second, "line 5: field");
  assertStringIncludes(second, "is there already; the first 2 rows are in the table");
  assertEquals(await done(["count", base.path]), "2\n");
});

Deno.test("import refuses contradictory options of CSV", async () => {
  const cases: [args: string[], told: string][] = [
    [["--json", "--trim"], "--trim: only CSV and TSV have that, not json"],
    [["--ndjson", "--quote", "none", "--comment", "#"], "--quote, --comment: only CSV and TSV"],
    [["--csv", "--quote", "''"], "expected a character of ASCII, or none"],
    [["--csv", "--comment", "é"], "expected a character of ASCII"],
    [["--csv", "--skip-lines", "x"], "option --skip-lines is"],
    [["--csv", "--quote", "'", "--separator", "'"], "must be different characters"],
    [["--csv", "--comment", '"'], "must be different characters"],
  ];
  for (const [args, told] of cases) {
    await using base = tempBase();
    const { code, err } = await psbase(["import", base.path, "-", ...args], { stdin: "a,b\n" });
    assertEquals(code, 2, err);
    assertStringIncludes(err, told);
  }
});
