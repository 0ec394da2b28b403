import { assertEquals, assertMatch } from "@std/assert";
import { link, PsBase } from "../../../mod.ts";
import { command, done, run } from "../../helpers/cli.ts";
import { interrupt } from "../../helpers/interrupt.ts";
import { mountReadOnly, whyNoMounts } from "../../helpers/mounts.ts";
import { spawn } from "../../helpers/spawn.ts";
import { isLocked, until } from "../../helpers/locks.ts";
import { workplace } from "../../helpers/shell.ts";
import { CLI } from "../../helpers/programs.ts";
import { tempBase } from "../../helpers/temp_base.ts";

const BIRDS = new URL("../../../examples/data/birdstrikes.csv", import.meta.url).pathname;

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** A program that waits for SIGTERM and then exits with 3. */
const WAITING = [
  Deno.execPath(),
  "eval",
  `Deno.addSignalListener("SIGTERM", () => Deno.exit(3));
   console.log("ready");
   setInterval(() => {}, 1e6);`,
];

Deno.test("psbase needs only permission for the directory of the table", async () => {
  await using base = tempBase();
  const allowed = `--allow-read=${base.parent}`;
  const psbase = (...args: string[]) =>
    run(Deno.execPath(), [
      "run",
      "--no-prompt",
      allowed,
      allowed.replace("read", "write"),
      CLI,
      ...args,
    ]);
  assertEquals(await psbase("create", base.path, "name:string"), { code: 0, out: "", err: "" });
  assertEquals((await psbase("insert", base.path, "name=homer")).out, "0\n");
  assertEquals((await psbase("count", base.path)).out, "1\n");
  const refused = await psbase("count", "/elsewhere");
  assertEquals([refused.code, refused.out], [1, ""]);
  assertMatch(refused.err, /^psbase count: Requires (?:read|write) access to .*\n$/);
});

Deno.test("psbase ends quietly when its reader is gone", async () => {
  await using base = tempBase();
  const made = await run(...command("import", base.path, BIRDS));
  assertEquals(made.code, 0, made.err);
  const [program, args] = command("select", base.path);
  const child = new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // Far more than a pipe holds, so it cannot have written all before this end is closed.
  await child.stdout.cancel();
  const err = await new Response(child.stderr).text();
  assertEquals([err, (await child.status).code], ["", 1]);
});

Deno.test("psbase import leaves nothing and says nothing if it is interrupted while it reads", async () => {
  await using base = tempBase();
  const [program, args] = command("import", base.path, "-", "--csv");
  const child = new Deno.Command(program, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  // More than a pipe holds: when the pipe took all of it, psbase has read some.
  await writer.write(new TextEncoder().encode("a,b\n" + "1,2\n".repeat(100_000)));
  child.kill("SIGINT");
  const { signal } = await child.status;
  const [out, err] = await Promise.all(
    [child.stdout, child.stderr].map((stream) => new Response(stream).text()),
  );
  await writer.close().catch(() => {});
  assertEquals([signal, out, err], ["SIGINT", "", ""]);
  assertEquals([...Deno.readDirSync(base.parent)], []);
});

Deno.test({
  name: "psbase backup that is interrupted leaves nothing and says nothing",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using base = tempBase();
    const to = `${base.parent}/copy`;
    {
      await using table = await PsBase.create(base.path, { text: "string" });
      const text = "x".repeat(50);
      await table.insertMany(Array.from({ length: 300_000 }, (_, i) => ({ text: text + i })));
    }
    const backup = command("backup", base.path, to);
    for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
      const begun = () => exists(to);
      const undo = () => done(["destroy", to, "--yes"]);
      const ended = await interrupt(backup, signal, { begun, undo });
      assertEquals(ended, { code, out: "", err: "" });
      assertEquals(exists(to), false);
    }
    assertEquals((await run(...backup)).code, 0);
  },
});

Deno.test({
  name: "psbase cleanup that is interrupted leaves no file and says nothing",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using base = tempBase();
    {
      await using table = await PsBase.create(base.path, { text: "string" });
      const text = "x".repeat(50);
      await table.insertMany(Array.from({ length: 300_000 }, (_, i) => ({ text: text + i })));
    }
    const files = () => [...Deno.readDirSync(base.path)].map(({ name }) => name).sort();
    let before = files();
    const cleanup = command("cleanup", base.path);
    const ended = await interrupt(cleanup, "SIGINT", {
      begun: () => files().length > before.length,
      undo: () => before = files(),
    });
    assertEquals(ended, { code: 130, out: "", err: "" });
    assertEquals(files(), before);
    assertEquals((await run(...cleanup)).code, 0);
  },
});

Deno.test({
  name: "psbase import into a full disk leaves no directory",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using base = tempBase();
    const script = `trap '' XFSZ; ulimit -f 200; exec "$@"`;
    const [program, args] = command("import", base.path, BIRDS);
    const { code, out, err } = await run("sh", ["-c", script, "sh", program, ...args]);
    assertEquals([code, out], [1, ""]);
    assertMatch(err, /\npsbase import: Cannot create ".*": File too large.*nothing was made\n$/);
    assertEquals([...Deno.readDirSync(base.parent)], []);
  },
});

Deno.test("psbase update loses no change that another process makes meanwhile", async () => {
  await using base = tempBase();
  await using table = await PsBase.create(base.path, { n: "integer", by: "integer" });
  await table.insertMany(Array.from({ length: 50 }, (_, n) => ({ n, by: 0 })));
  // Each process changes rows that the others change too; none may fail, or overwrite "n".
  const results = await Promise.all(
    [1, 2, 3, 4].map((by) => run(...command("update", base.path, "n>=0", "--set", `by=${by}`))),
  );
  assertEquals(results, Array(4).fill({ code: 0, out: "50\n", err: "" }));
  const rows = table.select();
  assertEquals(rows.map((row) => row.__version__), Array(50).fill(4));
  assertEquals(new Set(rows.map((row) => row.by)).size, 1);
});

Deno.test("psbase watch --since N:I goes on after a change within a commit", async () => {
  await using base = tempBase();
  await using table = await PsBase.create(base.path, { name: "string" });
  await table.insertMany([{ name: "a" }, { name: "b" }, { name: "c" }, { name: "d" }]);
  await using child = spawn(...command("watch", base.path, "--since", "1:1", "name!=d"));
  const { sequence, index, last, row } = JSON.parse((await child.readLine())!);
  assertEquals([sequence, index, last, row.name], [1, 2, true, "c"]);
});

Deno.test("psbase watch prints each change that others commit as a line, until it is stopped", async () => {
  await using base = tempBase();
  await using table = await PsBase.create(base.path, {
    name: "string",
    n: "bigint",
    bytes: "bytes",
    f: "float",
    day: "date",
    boss: link("self"),
  });
  await using child = spawn(...command("watch", base.path, "--ndjson", "--since", "0", "name=a"));
  await table.insert({ name: "b" });
  await table.insert({
    name: "a",
    n: 2n ** 60n,
    bytes: new Uint8Array([1, 2]),
    f: NaN,
    day: Temporal.PlainDate.from("2020-02-29"),
    boss: 0,
  });
  const row = {
    __id__: 1,
    __version__: 0,
    name: "a",
    n: "1152921504606846976",
    bytes: "AQI=",
    f: "NaN",
    day: "2020-02-29",
    boss: 0,
  };
  assertEquals(JSON.parse((await child.readLine())!), {
    sequence: 2,
    index: 0,
    last: true,
    kind: "insert",
    id: 1,
    row,
    before: null,
  });
  assertEquals(await done(["keep-changes", base.path, "1000"]), "");
  await table.cleanup();
  await table.delete(1);
  assertEquals(JSON.parse((await child.readLine())!).kind, "schema");
  const line = await child.readLine();
  const place = { sequence: 4, index: 0, last: true };
  assertEquals(JSON.parse(line!), { ...place, kind: "delete", id: 1, row: null, before: row });
  child.kill("SIGINT");
  assertEquals((await child.status).signal, "SIGINT");
});

Deno.test({
  name: "psbase watch ends quietly when nobody reads on, also where nothing happens any more",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using base = tempBase();
    await using table = await PsBase.create(base.path, { name: "string" });
    await table.insert({ name: "homer" });
    const [program, args] = command("watch", base.path, "--since", "0");
    const child = new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal: AbortSignal.timeout(60_000), // what hangs is killed
    }).spawn();
    const reader = child.stdout.getReader();
    assertMatch(new TextDecoder().decode((await reader.read()).value), /"homer".*\n$/);
    await reader.cancel();
    const err = await new Response(child.stderr).text();
    const { code, signal } = await child.status;
    assertEquals([err, code, signal], ["", 1, null]);
  },
});

Deno.test("psbase lock runs a command under the lock and exits with its exit code", async () => {
  await using base = tempBase();
  const lock = `${base.parent}/lock`;
  const inner = command("lock", "--timeout", "0", lock, "--", Deno.execPath(), "--version");
  const held = await run(...command("lock", lock, "--", inner[0], ...inner[1]));
  assertEquals([held.code, held.out], [1, ""]);
  assertMatch(held.err, /^psbase lock: Cannot lock ".*lock": still held by process \d+/);
  assertEquals(isLocked(lock), false);
  assertEquals((await run(inner[0], inner[1])).code, 0);

  const exit = (code: string) =>
    run(...command("lock", lock, "--", Deno.execPath(), "eval", `Deno.exit(${code})`));
  assertEquals((await exit("7")).code, 7);
  const unknown = await run(...command("lock", lock, "--", "psbase-no-such-command"));
  assertEquals(unknown.code, 1);
  assertMatch(unknown.err, /^psbase lock: Cannot start "psbase-no-such-command": .*\n$/);
});

Deno.test({
  name: "psbase lock hands on signals and keeps the lock until the command has ended",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using base = tempBase();
    const lock = `${base.parent}/lock`;
    await using child = spawn(...command("lock", lock, "--", ...WAITING));
    assertEquals(await child.readLine(), "ready");
    assertEquals(isLocked(lock), true);
    child.kill("SIGTERM");
    assertEquals((await child.status).code, 3);
    assertEquals(isLocked(lock), false);
  },
});

Deno.test({
  name: "psbase lock that is killed while it waits does not run the command",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using base = tempBase();
    const lock = `${base.parent}/lock`;
    const { kernelWaiters } = await import("../../helpers/locks.ts");
    await using holder = spawn(...command("lock", lock, "--", ...WAITING));
    assertEquals(await holder.readLine(), "ready");
    const touch = ["touch", `${base.parent}/touched`];
    await using waiter = spawn(...command("lock", lock, "--", ...touch));
    await until(() => kernelWaiters(lock) > 0);
    waiter.kill("SIGINT");
    assertEquals((await waiter.status).signal, "SIGINT");
    holder.kill("SIGTERM");
    await holder.status;
    assertEquals([...Deno.readDirSync(base.parent)].map(({ name }) => name), ["lock"]);
  },
});

Deno.test({
  name: "psbase shell has the table as base, and exits as the REPL does",
  ignore: Deno.build.os === "windows",
  async fn() {
    using place = workplace();
    await place.sh("psbase create people name:string && psbase insert people name=homer");
    const lines = 'await base.insert({ name: "bart" });\nbase.count();\nbase.get(0).name + 1;\n';
    Deno.writeTextFileSync(`${place.dir}/lines`, lines);
    const { code, out, err } = await place.sh("psbase shell people < lines");
    assertEquals([code, out], [0, '1\n2\n"homer1"\n'], err);
    assertMatch(err, /^base is "people": .*\n$/);
    assertEquals((await place.sh("echo 'Deno.exit(7)' | psbase shell people")).code, 7);
    const missing = await place.sh("psbase shell nix");
    assertEquals([missing.code, missing.out], [1, ""]);
    assertMatch(missing.err, /^psbase shell: Cannot open "nix": it does not exist.*\n$/);
  },
});

Deno.test({
  name: "psbase export to a name of stdout writes to it, and replaces no file",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using place = workplace();
    await place.sh("psbase create t a:string && psbase insert t a=x");
    for (const stdout of ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]) {
      const script = `(echo before; psbase export t ${stdout} --csv; echo after) > out; cat out`;
      assertEquals((await place.sh(script)).out, "before\na\nx\nafter\n", stdout);
    }
  },
});

const whyNot = whyNoMounts();

Deno.test({
  name: `psbase watch and shell take a table that cannot be written to${whyNot && `: ${whyNot}`}`,
  ignore: whyNot !== "",
  async fn() {
    await using base = tempBase();
    await using table = await PsBase.create(base.path, { name: "string" });
    await table.insert({ name: "homer" });
    const seen = `${base.parent}/seen`;
    Deno.mkdirSync(seen);
    using _mount = mountReadOnly(base.path, seen);
    await using child = spawn(...command("watch", seen, "--since", "0"));
    assertEquals(JSON.parse((await child.readLine())!).row.name, "homer");
    await table.insert({ name: "marge" });
    assertEquals(JSON.parse((await child.readLine())!).row.name, "marge");
    const shell = ["run", "-A", "--quiet", CLI, "shell", seen]; // an executable has none
    assertEquals((await run(Deno.execPath(), shell, "base.count()\n")).out, "2\n");
    const { code, err } = await run(...command("insert", seen, "name=bart"));
    assertEquals(code, 1);
    assertMatch(
      err,
      /^psbase insert: Cannot open ".*" for writing: Read-only file system [^,]*\n$/,
    );
  },
});

Deno.test({
  name: "psbase lock --nonblock gives up at once, and a signal to the command is its exit code",
  ignore: Deno.build.os === "windows",
  async fn() {
    using place = workplace();
    const inner = "psbase lock l --nonblock -- echo never";
    const held = await place.sh(`psbase lock l -- sh -c '${inner}; echo $?'`);
    assertEquals([held.code, held.out], [0, "1\n"]);
    assertMatch(held.err, /^psbase lock: Cannot lock "l": still held by process \d+/);
    assertEquals((await place.sh("psbase lock l --nonblock -- true")).code, 0);
    assertEquals((await place.sh("psbase lock l -- sh -c 'kill -9 $$'")).code, 137);
  },
});
