import { assertEquals, assertStringIncludes } from "@std/assert";
import { PsBase } from "../../../mod.ts";
import { done, psbase } from "../../helpers/cli.ts";
import { tempBase } from "../../helpers/temp_base.ts";

Deno.test("a table on a terminal tells null from empty text, and aligns numbers to the right", async () => {
  await using base = tempBase();
  {
    await using table = await PsBase.create(base.path, { name: "string", n: "integer" });
    await table.insertMany([{ name: "日本", n: 7 }, { name: "", n: null }, { name: null, n: -12 }]);
  }
  const { out, err } = await psbase(["select", base.path], { terminal: 80 });
  assertEquals(out.split("\n"), [
    "__id__  name    n",
    "──────  ────  ───",
    "     0  日本    7",
    '     1  ""',
    "     2        -12",
    "",
  ]);
  assertEquals(err, "3 rows\n");
  assertEquals(
    await done(["get", base.path, "0"], { terminal: 80 }),
    "__id__  0\nname    日本\nn       7\n",
  );
  assertEquals(await done(["get", base.path, "1"], { terminal: 80 }), '__id__  1\nname    ""\nn\n');
});

Deno.test("a table fits the terminal: the widest columns shrink first", async () => {
  await using base = tempBase();
  {
    await using table = await PsBase.create(base.path, { short: "string", long: "string" });
    await table.insertMany([{ short: "abcdef", long: "x".repeat(100) }, { short: "b", long: "y" }]);
  }
  for (const width of [30, 47, 60]) {
    const out = await done(["select", base.path], { terminal: width });
    const [, rule, first] = out.split("\n");
    assertEquals(rule!.length, width);
    assertStringIncludes(first!, "  abcdef  xxx");
    assertEquals(first!.at(-1), "…");
  }
});

Deno.test("get shows all of a value, however wide", async () => {
  await using base = tempBase();
  await done(["create", base.path, "name:string", "フィールド:string"]);
  const long = "x".repeat(200);
  await done(["insert", base.path, `name=${long}`, "フィールド=y"]);
  assertEquals(
    await done(["get", base.path, "0"], { terminal: 40, colors: true }),
    `\x1b[1m__id__    \x1b[22m  0\n\x1b[1mname      \x1b[22m  ${long}\n\x1b[1mフィールド\x1b[22m  y\n`,
  );
});

Deno.test("no cell controls the terminal", async () => {
  await using base = tempBase();
  const evil = "\x1b[2J\x07a\nb\t\x9b31m\u202ec\u2028\r";
  {
    await using table = await PsBase.create(base.path, { name: "string" });
    await table.insert({ name: evil });
  }
  const table = await done(["select", base.path], { terminal: 200 });
  assertStringIncludes(table, "\\x1b[2J\\x07a\\nb\\t\\x9b31m\\u202ec\\u2028\\r");
  // deno-lint-ignore no-control-regex
  const unsafe = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]/;
  assertEquals(unsafe.exec(table), null);
  const json = await done(["select", base.path, "--json"], { terminal: 200 });
  assertEquals(/[\x7f-\x9f]/.exec(json), null);
  assertEquals(JSON.parse(json)[0].name, evil);
  const { err } = await psbase(["select", base.path, "\x1b[2J=3"], { terminal: 200 });
  assertEquals(unsafe.exec(err), null);
});

/** What a terminal would obey, but line ends and tabs. */
// deno-lint-ignore no-control-regex
const OBEYED = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

Deno.test("a terminal gets no control character in any form, files and pipes get what is stored", async (t) => {
  await using base = tempBase();
  const evil = "\x1b]0;x\x07\x1b[2J\x9b31m\r\ta\u202eb\u2028\x00\x7f";
  {
    await using table = await PsBase.create(base.path, { name: "string", data: "json" });
    await table.insert({ name: evil, data: [evil] });
  }
  const lines: [name: string, forms: string[], ...words: string[]][] = [
    ["select", ["", "--csv", "--json", "--ndjson"]],
    ["get", ["", "--csv", "--json", "--ndjson"], "0"],
    ["export", ["", "--csv", "--tsv", "--json", "--ndjson"]],
    ["export", ["--csv", "--tsv"], "/dev/stdout"],
  ];
  for (const [name, forms, ...words] of lines) {
    for (const form of forms) {
      await t.step(`${name} ${form}`, async () => {
        const args = [name, base.path, ...words, ...(form === "" ? [] : [form])];
        const seen = await done(args, { terminal: 500 });
        assertEquals(OBEYED.exec(seen), null);
        assertEquals(/a.*b/.test(seen), true);
        const kept = await done(args);
        assertStringIncludes(kept, /[ct]sv/.test(form) ? evil : JSON.stringify(evil).slice(1, 12));
      });
    }
  }
  const refused = await psbase(["insert", base.path, `name${evil}=1`], { terminal: 80 });
  assertEquals(OBEYED.exec(refused.err), null);
});

Deno.test("a row is an object in JSON, rows are an array", async () => {
  await using base = tempBase();
  await done(["create", base.path, "name:string"]);
  await done(["insert", base.path, "name=homer"]);
  const row = { __id__: 0, name: "homer" };
  const got = await done(["get", base.path, "0", "--json"]);
  assertEquals(got, '{"__id__":0,"name":"homer"}\n');
  assertEquals(await done(["get", base.path, "0", "--ndjson"]), got);
  assertEquals(JSON.parse(await done(["select", base.path, "--json"])), [row]);
});
