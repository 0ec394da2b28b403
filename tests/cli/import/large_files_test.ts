import { assert, assertEquals, assertMatch } from "@std/assert";
import { Progress } from "../../../cli/process/progress.ts";
import { PsBase } from "../../../mod.ts";
import { BuzhugWriter } from "../../helpers/buzhug_writer.ts";
import { done } from "../../helpers/cli.ts";
import { interrupt } from "../../helpers/interrupt.ts";
import { CLI } from "../../helpers/programs.ts";
import { underShell } from "../../helpers/spawn.ts";
import { type TempBase, tempBase } from "../../helpers/temp_base.ts";

const LONG = Deno.env.get("PSBASE_LONG") === "1";
/** Far more rows than are read or written between two looks of this test. */
const MANY = LONG ? 200_000 : 80_000;
/** So many that as objects they would take several times the memory that is allowed. */
const TOO_MANY = 200_000;

function command(args: readonly string[], flags: readonly string[] = []): string[] {
  return [Deno.execPath(), "run", "-A", "--quiet", ...flags, CLI, ...args];
}

/** The same, as the program and its arguments. */
function words(line: readonly string[]): [program: string, args: string[]] {
  const [program, ...args] = command(line);
  return [program!, args];
}

function start([program, ...args]: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(program!, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

async function ended(child: Deno.ChildProcess) {
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

function manyLines(many = MANY): string {
  const lines = Array.from(
    { length: many },
    (_, n) => `${n},"text ""${n}"", of a row",more ${n},another ${n},the last ${n}\n`,
  );
  return "n,text,a,b,c\n" + lines.join("");
}

function namesIn(dir: string): string[] {
  return [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
}

/** The table of a file of many lines, which is beside it. */
async function manyRows({ parent, path }: TempBase): Promise<string> {
  const file = `${parent}/many.csv`;
  Deno.writeTextFileSync(file, manyLines());
  assertEquals(await done(["import", path, file]), `${MANY}\n`);
  return file;
}

Deno.test({
  name:
    "psbase import that is interrupted while it writes leaves nothing, killed what import mends",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using base = tempBase();
    const file = `${base.parent}/many.csv`;
    Deno.writeTextFileSync(file, manyLines());
    const writes = () => namesIn(base.parent).includes("people");
    const undo = () => done(["destroy", base.path, "--yes"]);
    const line = words(["import", base.path, file]);
    for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
      assertEquals(await interrupt(line, signal, { begun: writes, undo }), {
        code,
        out: "",
        err: "types n=integer,text=string,a=string,b=string,c=string\n",
      });
      assertEquals(namesIn(base.parent), ["many.csv"]);
    }
    assertEquals((await interrupt(line, "SIGKILL", { begun: writes, undo })).code, 137);
    assertEquals(await done(["import", base.path, file]), `${MANY}\n`);
    assertEquals(await done(["count", base.path]), `${MANY}\n`);
  },
});

Deno.test({
  name: "psbase import --batch that is interrupted before its first commit leaves nothing",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using base = tempBase();
    const file = `${base.parent}/many.csv`;
    Deno.writeTextFileSync(file, manyLines());
    const begun = () => namesIn(base.parent).includes("people");
    const undo = () => done(["destroy", base.path, "--yes"]);
    const line = words(["import", base.path, file, "--batch", `${MANY / 2}`]);
    for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
      const { code: ended, out } = await interrupt(line, signal, { begun, undo });
      assertEquals([ended, out], [code, ""]);
      if (!begun()) continue;
      // The signal came later: commits stay.
      assert(Number(await done(["count", base.path])) > 0, "an empty table is left");
      await undo();
    }
    assertEquals(namesIn(base.parent), ["many.csv"]);
  },
});

Deno.test({
  name: "psbase check --salvage that is interrupted leaves nothing and says nothing",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using base = tempBase();
    await manyRows(base);
    const to = `${base.parent}/salvaged`;
    for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
      const begun = () => namesIn(base.parent).includes("salvaged");
      const undo = () => done(["destroy", to, "--yes"]);
      const salvage = words(["check", base.path, "--salvage", to]);
      assertEquals(await interrupt(salvage, signal, { begun, undo }), { code, out: "", err: "" });
      assertEquals(namesIn(base.parent), ["many.csv", "people"]);
    }
  },
});

Deno.test({
  name: "psbase import --from buzhug that is interrupted leaves nothing",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using base = tempBase();
    const old = new BuzhugWriter(["n", "int"]);
    for (let n = 0; n < MANY; n++) old.insert({ n });
    old.save(`${base.parent}/old`);
    for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
      const begun = () => namesIn(base.parent).includes("people");
      const undo = () => done(["destroy", base.path, "--yes"]);
      const line = words(["import", "--from", "buzhug", `${base.parent}/old`, base.path]);
      assertEquals(await interrupt(line, signal, { begun, undo }), { code, out: "", err: "" });
      assertEquals(namesIn(base.parent), ["old"]);
    }
  },
});

Deno.test({
  name: "psbase export that is interrupted or finds the disk full leaves the older file as it was",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using base = tempBase();
    const old = await manyRows(base);
    const before = namesIn(base.parent);
    const text = Deno.readTextFileSync(old);
    const fresh = `${base.parent}/fresh.ndjson`;
    for (const file of [old, fresh]) {
      const stopped = await interrupt(words(["export", base.path, file]), "SIGINT", {
        begun: () => namesIn(base.parent).length > before.length,
        undo: () => file === fresh && Deno.removeSync(fresh),
      });
      assertEquals(stopped, { code: 130, out: "", err: "" });
      assertEquals(namesIn(base.parent), before);

      const limited = underShell("trap '' XFSZ; ulimit -f 1000");
      const full = await ended(start([...limited, ...command(["export", base.path, file])]));
      assertEquals([full.code, full.out], [1, ""]);
      assertMatch(
        full.err,
        /^psbase export: Cannot write ".*\/(many|fresh)\.\w+": File too large.*\n$/,
      );
      assertEquals(namesIn(base.parent), before);
      assert(Deno.readTextFileSync(old) === text);
    }
    await done(["export", base.path, old]);
    assert(Deno.readTextFileSync(old) === text);
  },
});

Deno.test({
  name: "psbase export follows a link, keeps who may read the file, and knows pipes",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using base = tempBase();
    await done(["create", base.path, "n:integer"]);
    await done(["insert", base.path, "n=5"]);
    const [file, link] = [`${base.parent}/file.csv`, `${base.parent}/link.csv`];
    Deno.writeTextFileSync(file, "old");
    Deno.chmodSync(file, 0o640);
    Deno.symlinkSync("file.csv", link);
    await done(["export", base.path, link]);
    assertEquals(Deno.readTextFileSync(file), "n\n5\n");
    assertEquals(Deno.statSync(file).mode! & 0o777, 0o640);
    assert(Deno.lstatSync(link).isSymlink);
    assertEquals(namesIn(base.parent), ["file.csv", "link.csv", "people"]);
    const piped = await ended(start(command(["export", base.path, "/dev/stdout", "--json"])));
    assertEquals(piped, { code: 0, out: '[\n{"n":5}\n]\n', err: "" });
    const args = command(["import", base.path, "/dev/stdin", "--csv"]);
    const read = await ended(start(["sh", "-c", `printf 'n\\n7\\n' | "$@"`, "sh", ...args]));
    assertEquals(read, { code: 0, out: "1\n", err: "" });
  },
});

Deno.test("psbase import and export need no memory for the rows of a file", async () => {
  await using base = tempBase();
  const file = `${base.parent}/many.csv`;
  Deno.writeTextFileSync(file, manyLines(TOO_MANY));
  const flags = ["--v8-flags=--max-old-space-size=40"];
  const run = async (...args: string[]) => {
    const { code, out, err } = await ended(start(command(args, flags)));
    assertEquals(code, 0, err);
    return out;
  };
  assertEquals(await run("import", base.path, file), `${TOO_MANY}\n`);
  const json = `${base.parent}/rows.json`;
  await run("export", base.path, json);
  const other = `${base.parent}/other`;
  await done([
    "create",
    other,
    "n:integer",
    ...["text", "a", "b", "c"].map((name) => `${name}:string`),
  ]);
  assertEquals(await run("import", other, json), `${TOO_MANY}\n`);
  assertEquals((await PsBase.check(other)).rows, TOO_MANY);
});

Deno.test("Progress shows rows, bytes, rate and time left on a terminal, and removes the line", () => {
  for (const isTerminal of [true, false]) {
    let shown: string[] = [];
    let now = 5000;
    const stderr = {
      isTerminal,
      columns: 80,
      colors: false,
      write: (text: string) => shown.push(text),
    };
    {
      using progress = new Progress({ stderr }, "importing", () => now);
      const at = (rows: number, ms: number, part: number) => {
        now = 5000 + ms;
        progress.at(rows, () => ({ bytes: rows * 482.25, part }));
      };
      at(256, 999, 0.1);
      at(25_601, 1000, 0.25); // the clock is not looked at
      assertEquals(shown, [], "nothing is shown of what is short");
      at(25_600, 1000, 0.25);
      at(25_600, 1249, 0.26);
      at(51_200, 2000, 0.99);
      if (!isTerminal) continue;
      const lines = [
        "importing 25 % · 25,600 rows · 12.3 MB · 25,600 rows/s · 0:03 left",
        "importing 99 % · 51,200 rows · 24.7 MB · 25,600 rows/s · 0:01 left",
      ];
      assertEquals(shown, lines.map((line) => `\r${line}`));
      at(25_600, 300_000, 0.5);
      assertMatch(shown.at(-1)!, / · 5:00 left *$/);
      shown = [];
    }
    assertEquals(shown, isTerminal ? [`\r${" ".repeat(62)}\r`] : []);
  }
});
