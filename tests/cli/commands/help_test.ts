import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../../../cli/commands.ts";
import config from "../../../deno.json" with { type: "json" };
import { BuzhugWriter } from "../../helpers/buzhug_writer.ts";
import { done, psbase } from "../../helpers/cli.ts";
import { workplace } from "../../helpers/shell.ts";
import { tempBase } from "../../helpers/temp_base.ts";

Deno.test("help and --version print to stdout, every command and option is in the help", async () => {
  const overview = await done(["help"]);
  assertEquals(await done(["--help"]), overview);
  assertEquals(await done(["-h"]), overview);
  assertEquals(await done(["--version"]), `psbase ${config.version}\n`);
  for (const [name, command] of Object.entries(COMMANDS)) {
    const { summary, usage, examples, flags = [], values = [] } = command;
    assertStringIncludes(overview, `${name} `);
    assertStringIncludes(overview, summary);
    const help = await done(["help", name]);
    assertEquals(await done([name, "--help"]), help);
    assertEquals(await done([name, "-h"]), help);
    assertStringIncludes(help, usage);
    for (const option of [...flags, ...values]) assertStringIncludes(help, `--${option}`);
    for (const example of examples) assertStringIncludes(help, `\n  psbase ${example}\n`);
    for (const option of [...flags, ...values]) {
      // An effect that nobody sees is hard to guess.
      if (option in { fields: 1, after: 1, nonblock: 1, salvage: 1, yes: 1, since: 1 }) {
        assertStringIncludes(examples.join("\n"), `--${option}`);
      }
    }
  }
});

Deno.test("psbase alone prints its help on stderr", async () => {
  const help = await done(["help"]);
  assertEquals(await psbase([]), { code: 2, out: "", err: help });
});

/** A line that serves until the address is printed, and then ends the server. */
function servingUntilTold(example: string): string {
  return `psbase ${example.replace(" --open", "")} --port 0 > address & server=$!
    while ! grep -q http address; do sleep 0.05; done
    kill $server; wait $server`;
}

Deno.test({
  name: "the examples of the help work, one after the other",
  ignore: Deno.build.os === "windows",
  async fn(t) {
    using place = workplace();
    Deno.writeTextFileSync(`${place.dir}/people.csv`, "name,age\nmarge,34\n");
    Deno.writeTextFileSync(`${place.dir}/report.csv`, "Staff\n\n# all\nName, age\nabe, 83\n");
    new BuzhugWriter(["name", "str"]).save(`${place.dir}/old/people`);
    Deno.writeTextFileSync(`${place.dir}/people.ndjson`, '{"name":"lisa","age":8}\n');
    for (const [name, { examples }] of Object.entries(COMMANDS)) {
      assertMatch(String(examples.length), /^[1-9]/, `${name} has an example`);
      for (const example of examples) {
        await t.step(example, async () => {
          const { code, err } = await place.sh(
            name === "serve" ? servingUntilTold(example) : `psbase ${example}`,
          );
          assertEquals(code, 0, err);
        });
      }
    }
    const left = [...Deno.readDirSync(place.dir)].map(({ name }) => name);
    assertEquals(left.includes("people"), false, "destroyed");
    assertEquals(left.includes(".bashrc"), true, "completions were written");
  },
});

Deno.test("help, errors and headers are coloured only on a terminal with colours", async () => {
  await using base = tempBase();
  await done(["create", base.path, "name:string"]);
  const terminal = { terminal: 80 };
  const coloured = { ...terminal, colors: true };
  const help = await done(["help", "count"], coloured);
  assertStringIncludes(help, "\x1b[1mUsage:\x1b[22m psbase count");
  // deno-lint-ignore no-control-regex
  const plain = (text: string) => text.replace(/\x1b\[\d+m/g, "");
  assertEquals(plain(help), await done(["help", "count"], terminal));
  const table = await done(["select", base.path], coloured);
  assertEquals(table, "\x1b[1m__id__  name\x1b[22m\n──────  ────\n");
  assertEquals(plain(table), await done(["select", base.path], terminal));
  const { err } = await psbase(["get", base.path, "0"], coloured);
  assertStringIncludes(err, "\x1b[31mpsbase get:\x1b[39m Cannot get row 0 ");
  for (const form of ["--json", "--ndjson", "--csv"]) {
    assertEquals((await done(["select", base.path, form], coloured)).includes("\x1b"), false, form);
  }
});

Deno.test("a mistyped command, option, field or type gets a suggestion", async (t) => {
  await using base = tempBase();
  await done(["create", base.path, "name:string", "age:integer"]);
  const cases: [args: string[], meant: string | undefined][] = [
    [["selct"], "select"],
    [["isnert"], "insert"],
    [["GET"], "get"],
    [["help", "updat"], "update"],
    [["ls"], undefined],
    [["select", base.path, "--filds", "name"], "fields"],
    [["select", base.path, "--limt=3"], "limit"],
    [["lock", "x", "--nonblok", "--", "true"], "nonblock"],
    [["select", base.path, "nmae=x"], "name"],
    [["select", base.path, "--fields", "nam"], "name"],
    [["select", base.path, "--sort", "-agee"], "age"],
    [["insert", base.path, "Name=x"], "name"],
    [["update", base.path, "name=x", "--set", "aeg=1"], "age"],
    [["drop-field", base.path, "nam"], "name"],
    [["rename-field", base.path, "nam", "x"], "name"],
    [["set-default", base.path, "nam", "x"], "name"],
    [["add-field", base.path, "x:string", "--after", "nam"], "name"],
    [["select", base.path, "street=x"], undefined],
    [["create", "x", "a:strin"], "string"],
    [["create", "x", "a:string:requird"], "required"],
    [["completions", "fihs"], "fish"],
  ];
  for (const [args, meant] of cases) {
    await t.step(args.join(" ").replace(base.path, "PATH"), async () => {
      const { code, err } = await psbase(args);
      assertMatch(String(code), /^[12]$/);
      const [, found] = /did you mean "(.*)"\?$/m.exec(err) ?? [];
      assertEquals(found, meant, err);
    });
  }
});
