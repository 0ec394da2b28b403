import { assertEquals, assertStringIncludes } from "@std/assert";
import { PsBase } from "../../mod.ts";
import { done, psbase } from "../helpers/cli.ts";
import { tempBase } from "../helpers/temp_base.ts";

Deno.test("a table on a terminal tells null from empty text and aligns numbers right", async () => {
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

Deno.test("a table fits the terminal, the widest columns give way", async () => {
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

Deno.test("what a cell holds does nothing to the terminal", async () => {
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
