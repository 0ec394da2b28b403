import { assertEquals, assertStringIncludes } from "@std/assert";
import { PsBase } from "../../../mod.ts";
import { done, psbase } from "../../helpers/cli.ts";
import { tempBase } from "../../helpers/temp_base.ts";

const ADVICE = "the type is string; change it later with: psbase set-type PATH FIELD TYPE";

Deno.test("import names the columns without values, and no others", async (t) => {
  const cases: [name: string, text: string, args: string[], columns: string | undefined][] = [
    ["empty.csv", "a,b\n", [], "a, b"],
    ["empty.json", '[{"a":null,"b":1}]', [], "a"],
    ["empty.ndjson", '{"a":1,"b":null}\n{"a":2,"b":null}\n', [], "b"],
    ["some.csv", "a,b c,d\n1,,\n2,,x\n", [], "b_c"],
    ["text.csv", 'a,b\n"",x\n', [], undefined],
    ["given.csv", "a,b\n,\n", ["--types", "a=integer"], "b"],
    ["all.csv", "a,b\n,\n", ["--types", "a=integer,b=string"], undefined],
  ];
  for (const [name, text, args, columns] of cases) {
    await t.step(name, async () => {
      await using base = tempBase();
      Deno.writeTextFileSync(`${base.parent}/${name}`, text);
      const { code, err } = await psbase(["import", base.path, `${base.parent}/${name}`, ...args]);
      assertEquals(code, 0, err);
      const told = err.split("\n").filter((line) => line.startsWith("no values"));
      assertEquals(told, columns === undefined ? [] : [`no values in ${columns}: ${ADVICE}`]);
    });
  }
});

Deno.test("set-type changes all values or none, after an import that could not detect the type", async () => {
  await using base = tempBase();
  const file = `${base.parent}/rows.csv`;
  Deno.writeTextFileSync(file, "sensor,value\n");
  await psbase(["import", base.path, file]);
  Deno.writeTextFileSync(file, "sensor,value\na,9\nb,10\nc,\n");
  await done(["import", base.path, file]);
  assertEquals(await done(["count", base.path, "value>9"]), "0\n");
  assertEquals(await done(["set-type", base.path, "value", "integer"]), "");
  assertEquals(await done(["count", base.path, "value>9"]), "1\n");
  const { code, out, err } = await psbase(["set-type", base.path, "sensor", "date"]);
  assertEquals([code, out], [1, ""]);
  assertStringIncludes(err, `3 rows do not fit; row 0: "a" is not a date`);
  assertEquals(await done(["set-type", base.path, "value", "string"]), "");
  using table = PsBase.openSync(base.path);
  assertEquals(table.select().map((row) => row.value as unknown), ["9", "10", null]);
});

Deno.test("set-index sets an index, and refuses duplicates", async () => {
  await using base = tempBase();
  await using table = await PsBase.create(base.path, { code: "string", team: "string" });
  await table.insertMany([{ code: "1", team: "a" }, { code: "2", team: "a" }]);
  const field = () => table.schema.code as unknown;
  for (
    const [word, spec] of [
      ["unique", { type: "string", unique: true }],
      ["index", { type: "string", index: true }],
      ["unique", { type: "string", index: true, unique: true }],
      ["none", { type: "string" }],
    ] as const
  ) {
    assertEquals(await done(["set-index", base.path, "code", word]), "");
    assertEquals(field(), spec);
  }
  const { code, err } = await psbase(["set-index", base.path, "team", "unique"]);
  assertEquals(code, 1);
  assertStringIncludes(err, 'field "team" is unique, and row 0 has "a" already');
  assertEquals(table.schema.team as unknown, { type: "string" });
});
