import { assert, assertEquals, assertMatch } from "@std/assert";
import { Progress } from "../../cli/progress.ts";
import { PsBase } from "../../mod.ts";
import { BuzhugWriter } from "../helpers/buzhug_writer.ts";
import { done } from "../helpers/cli.ts";
import { until } from "../helpers/locks.ts";
import { underShell } from "../helpers/spawn.ts";
import { type TempBase, tempBase } from "../helpers/temp_base.ts";

const CLI = new URL("../../cli.ts", import.meta.url).pathname;

/** Far more rows than are read or written between two looks of this test. */
const MANY = 200_000;

function command(args: readonly string[], flags: readonly string[] = []): string[] {
  return [Deno.execPath(), "run", "-A", "--quiet", ...flags, CLI, ...args];
}

function start([program, ...args]: readonly string[]): Deno.ChildProcess {
  return new Deno.Command(program!, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Waits until something is so, or the process has ended. */
async function untilOrEnd(child: Deno.ChildProcess, condition: () => boolean): Promise<void> {
  let isOver = false;
  child.status.then(() => isOver = true);
  await until(() => isOver || condition());
}

/** Ends a process that has not ended by itself. */
function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
}

async function ended(child: Deno.ChildProcess) {
  const { code, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

function manyLines(): string {
  const lines = Array.from(
    { length: MANY },
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
    for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
      const child = start(command(["import", base.path, file]));
      await untilOrEnd(child, writes);
      kill(child, signal);
      const { code: found, out, err } = await ended(child);
      assertEquals([found, out, err], [
        code,
        "",
        "types n=integer,text=string,a=string,b=string,c=string\n",
      ]);
      assertEquals(namesIn(base.parent), ["many.csv"]);
    }
    const child = start(command(["import", base.path, file]));
    await untilOrEnd(child, writes);
    kill(child, "SIGKILL");
    assertEquals((await ended(child)).out, "");
    assertEquals(await done(["import", base.path, file]), `${MANY}\n`);
    assertEquals(await done(["count", base.path]), `${MANY}\n`);
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
      for (let tries = 20;; tries--) {
        const child = start(command(["check", base.path, "--salvage", to]));
        await untilOrEnd(child, () => namesIn(base.parent).includes("salvaged"));
        kill(child, signal);
        const { code: found, out, err } = await ended(child);
        if (found === 0 && tries > 0) {
          // The signal came too late.
          await done(["destroy", to, "--yes"]);
          continue;
        }
        assertEquals([found, out, err], [code, "", ""]);
        assertEquals(namesIn(base.parent), ["many.csv", "people"]);
        break;
      }
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
      const child = start(command(["import", "--from", "buzhug", `${base.parent}/old`, base.path]));
      await until(() => namesIn(base.parent).includes("people"));
      child.kill(signal);
      const { code: found, out, err } = await ended(child);
      assertEquals([found, out, err], [code, "", ""]);
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
      const child = start(command(["export", base.path, file]));
      await untilOrEnd(child, () => namesIn(base.parent).length > before.length);
      kill(child, "SIGINT");
      const stopped = await ended(child);
      assertEquals([stopped.code, stopped.out, stopped.err], [130, "", ""]);
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
  Deno.writeTextFileSync(file, manyLines());
  // Rows as objects would need several times as much.
  const flags = ["--v8-flags=--max-old-space-size=40"];
  const run = async (...args: string[]) => {
    const { code, out, err } = await ended(start(command(args, flags)));
    assertEquals(code, 0, err);
    return out;
  };
  assertEquals(await run("import", base.path, file), `${MANY}\n`);
  const json = `${base.parent}/rows.json`;
  await run("export", base.path, json);
  const other = `${base.parent}/other`;
  await done([
    "create",
    other,
    "n:integer",
    ...["text", "a", "b", "c"].map((name) => `${name}:string`),
  ]);
  assertEquals(await run("import", other, json), `${MANY}\n`);
  assertEquals((await PsBase.check(other)).rows, MANY);
});

Deno.test("Progress shows rows, bytes, rate and time left to who looks, and takes it away", () => {
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
