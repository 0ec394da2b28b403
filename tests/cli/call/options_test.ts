import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../../../cli/commands.ts";
import { PsBase } from "../../../mod.ts";
import { done, psbase } from "../../helpers/cli.ts";
import { trace, whyNoStrace } from "../../helpers/strace.ts";
import { CLI } from "../../helpers/programs.ts";
import { tempBase } from "../../helpers/temp_base.ts";

Deno.test("--timeout ends the wait for the lock in every command that takes it", async (t) => {
  await using base = tempBase();
  await using other = tempBase();
  await done(["create", base.path, "name:string", "age:integer"]);
  const PATH = base.path;
  Deno.writeTextFileSync(`${base.parent}/rows.csv`, "name\nhomer\n");
  const lines: Record<string, string[]> = {
    insert: [PATH, "name=x"],
    update: [PATH, "name=x", "--set", "age=1"],
    delete: [PATH, "name=x"],
    "add-field": [PATH, "x:string"],
    "drop-field": [PATH, "name"],
    "rename-field": [PATH, "name", "called"],
    "set-default": [PATH, "name", "x"],
    "set-type": [PATH, "age", "string"],
    "set-index": [PATH, "name", "index"],
    "keep-changes": [PATH, "5"],
    import: [PATH, `${base.parent}/rows.csv`],
    cleanup: [PATH],
    destroy: [PATH, "--yes"],
  };
  await using table = await PsBase.open(PATH);
  const released = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const transaction = table.transaction(async () => {
    held.resolve();
    await released.promise;
  });
  await held.promise;
  for (const [name, { values = [] }] of Object.entries(COMMANDS)) {
    if (!values.includes("timeout") || name === "lock" || name === "create") continue;
    await t.step(name, async () => {
      const { code, out, err } = await psbase([name, ...lines[name]!, "--timeout", "1"]);
      assertEquals([code, out], [1, ""], err);
      assertMatch(
        err,
        /still held .*, wait longer \(--timeout\) or end the holder\n$/,
      );
    });
  }
  // It makes no difference where there is nothing to wait for.
  assertEquals(await done(["create", other.path, "a:string", "--timeout", "1"]), "");
  assertEquals(await done(["count", PATH]), "0\n");
  released.resolve();
  await transaction;
  assertEquals(await done(["insert", PATH, "name=x", "--timeout", "1"]), "0\n");
});

const reason = whyNoStrace();

Deno.test({
  name: `--durability relaxed writes without a sync, full with one${reason && `: ${reason}`}`,
  ignore: reason !== "",
  async fn() {
    await using base = tempBase();
    await done(["create", base.path, "name:string"]);
    const syncs = async (...options: string[]) => {
      const insert = [CLI, "insert", base.path, "name=x", ...options];
      const { calls, lines, end } = await trace(insert, { paths: [`${base.path}/000001.log`] });
      assertEquals([end, lines.length], ["0", 1]);
      return calls.filter((call) => /fsync|fdatasync/.test(call)).length;
    };
    assertEquals(await syncs("--durability", "relaxed"), 0);
    assertMatch(String(await syncs("--durability", "full")), /^[1-9]/);
    assertMatch(String(await syncs()), /^[1-9]/);
  },
});

Deno.test("--durability takes full and relaxed", async () => {
  await using base = tempBase();
  await done(["create", base.path, "name:string"]);
  const { code, err } = await psbase(["insert", base.path, "name=x", "--durability", "durable"]);
  assertEquals(code, 2);
  assertStringIncludes(err, 'option --durability is "durable", expected full or relaxed\n');
  assertEquals(await done(["count", base.path]), "0\n");
});

Deno.test("select --count prints the number of rows that it would print", async () => {
  await using base = tempBase();
  await done(["create", base.path, "n:integer"]);
  for (let n = 0; n < 5; n++) await done(["insert", base.path, `n=${n}`]);
  const options: [options: string[], count: number][] = [
    [[], 5],
    [["n>1"], 3],
    [["--limit", "2"], 2],
    [["--offset", "4"], 1],
    [["--offset", "9"], 0],
    [["n>1", "--offset", "1", "--limit", "9", "--sort", "-n", "--fields", "n", "--json"], 2],
  ];
  for (const [given, count] of options) {
    const args = ["select", base.path, ...given];
    assertEquals(await done([...args, "--count"]), `${count}\n`);
    const rows = await done([...args.filter((arg) => arg !== "--json"), "--ndjson"]);
    assertEquals(rows.split("\n").length - 1, count);
  }
  assertEquals((await psbase(["select", base.path, "--count", "--sort", "x"])).code, 1);
});

Deno.test("destroy asks where somebody can answer, and needs --yes elsewhere", async () => {
  await using base = tempBase();
  await done(["create", base.path, "name:string"]);
  await done(["insert", base.path, "name=x"]);
  const silent = await psbase(["destroy", base.path]);
  assertEquals([silent.code, silent.out], [2, ""]);
  assertStringIncludes(silent.err, "it cannot be undone, say --yes");
  const question = `Destroy "${base.path}" and its 1 row for good?\n`;
  const no = await psbase(["destroy", base.path], { terminal: 80, answer: false });
  assertEquals(no, { code: 1, out: "", err: `${question}nothing was destroyed\n` });
  assertEquals(await done(["count", base.path]), "1\n");
  const yes = await psbase(["destroy", base.path], { terminal: 80, answer: true });
  assertEquals(yes, { code: 0, out: "", err: question });
  assertEquals((await psbase(["count", base.path])).code, 1);
});

Deno.test("lock --nonblock and --timeout exclude each other", async () => {
  await using base = tempBase();
  const lock = ["lock", `${base.parent}/lock`];
  const both = await psbase([...lock, "--nonblock", "--timeout", "5", "--", "true"]);
  assertEquals(both.code, 2);
  assertEquals([...Deno.readDirSync(base.parent)], []);
});

Deno.test("advice of the API is given in the words of the command", async () => {
  await using base = tempBase();
  await done(["create", base.path, "name:string"]);
  await done(["insert", base.path, "name=x"]);
  await done(["cleanup", base.path]);
  const { code, err } = await psbase(["watch", base.path, "--since", "0"]);
  assertEquals(code, 1);
  assertMatch(err, /keep more with psbase keep-changes\n$/);
});

Deno.test("an empty word, as of a variable without a value, is named in the error", async (t) => {
  await using base = tempBase();
  await done(["create", base.path, "a:string"]);
  const needed = Object.entries(COMMANDS).filter(([, { usage }]) =>
    /^(PATH|FILE) /.test(usage + " ")
  );
  assertEquals(needed.length > 15, true);
  const lines: [args: string[], told: string][] = [
    ...needed.map(([name]): [string[], string] => {
      const path = name === "lock" ? "FILE" : "PATH";
      const more = {
        get: ["0"],
        "add-field": ["x:string"],
        "drop-field": ["a"],
        "rename-field": ["a", "b"],
        "set-default": ["a", "b"],
        "set-type": ["a", "date"],
        "set-index": ["a", "index"],
        import: ["x.csv"],
        "keep-changes": ["1"],
        backup: ["x"],
        update: ["a=x", "--set", "a=b"],
        delete: ["a=x"],
        create: ["a:string"],
        lock: ["--", "true"],
        destroy: ["--yes"],
      }[name] ?? [];
      return [[name, "", ...more], `${path} is empty`];
    }),
    [["backup", base.path, ""], "TO is empty"],
    [["export", base.path, ""], "FILE is empty"],
    [["drop-field", base.path, ""], "FIELD is empty"],
    [["create", `${base.parent}/x`, "l:link="], "a link needs its table"],
  ];
  for (const [args, told] of lines) {
    await t.step(args.join(" ").replace(base.path, "PATH"), async () => {
      const { code, out, err } = await psbase(args);
      assertEquals([code, out], [2, ""], err);
      assertStringIncludes(err, told);
    });
  }
  // As a value it is null.
  assertEquals(await done(["set-default", base.path, "a", ""]), "");
});

Deno.test("select --fields takes a field once", async () => {
  await using base = tempBase();
  await done(["create", base.path, "a:string", "b:string"]);
  const { code, err } = await psbase(["select", base.path, "--fields", "a,b,a"]);
  assertEquals(code, 2);
  assertStringIncludes(err, '--fields: "a" is given twice');
});

Deno.test("a flag takes no value, any other option needs one", async (t) => {
  await using base = tempBase();
  await done(["create", base.path, "a:string"]);
  const cases: [args: string[], told: string][] = [
    [["destroy", base.path, "--yes=no"], "option --yes takes no value"],
    [["select", base.path, "--json=false"], "option --json takes no value"],
    [["insert", base.path, "-h=3"], "option -h takes no value"],
    [["insert", base.path, "--help="], "option --help takes no value"],
    [["select", base.path, "--limit"], "option --limit needs a value"],
    [["select", base.path, "--limit", ""], "option --limit needs a value"],
    [["select", base.path, "--limit="], "option --limit needs a value"],
    [["select", base.path, "--fields", "--json"], "option --fields needs a value"],
    [["check", base.path, "--salvage="], "option --salvage needs a value"],
  ];
  for (const [args, told] of cases) {
    await t.step(args.join(" ").replace(base.path, "PATH"), async () => {
      const { code, out, err } = await psbase(args);
      assertEquals([code, out], [2, ""], err);
      assertStringIncludes(err, `: ${told}\n`);
    });
  }
  assertEquals(await done(["count", base.path]), "0\n");
  const salvaged = `${base.parent}/--a=b`;
  assertEquals(await done(["check", base.path, `--salvage=${salvaged}`]), "");
  assertEquals(await done(["count", salvaged]), "0\n");
});
