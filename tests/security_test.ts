/**
 * What psbase may do, what it lets others do, and what it does not let files lead it to.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Base, CorruptionError, json, link, PsBase, PsLock, SchemaError } from "../mod.ts";
import { testInOwnProcess } from "./helpers/own_process.ts";
import { fixture } from "./helpers/programs.ts";
import { psbase } from "./helpers/cli.ts";
import { tempBase } from "./helpers/temp_base.ts";
import { denoFiles } from "../engine/system/deno_file.ts";

const PEOPLE = { name: "string" } as const;
const POSIX = Deno.build.os !== "windows";

/** Makes a table with some rows, and closes it. */
async function makePeople(path: string): Promise<void> {
  await using base = await PsBase.create(path, PEOPLE);
  await base.insertMany([{ name: "homer" }, { name: "marge" }]);
}

// --------------------------------------------------------------- permissions

async function runVerbs(mode: string, dir: string, ...allowed: string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...allowed, fixture("all_verbs"), mode, dir],
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return text.decode(stdout) + text.decode(stderr);
}

Deno.test("PsBase needs no permission but to read and write its directory, and to make it that of its parent", async () => {
  await using temp = tempBase();
  const { parent, path } = temp;
  const all = [`--allow-read=${parent}`, `--allow-write=${parent}`];
  assertEquals(await runVerbs("parent", parent, ...all), "done\n");
  Deno.renameSync(`${parent}/copy`, path);
  assertEquals(await runVerbs("read", path, `--allow-read=${path}`), "done\n");
  const own = [`--allow-read=${path}`, `--allow-write=${path}`];
  assertEquals(await runVerbs("own", path, ...own), "done\n");
});

// --------------------------------------------------------------- links

Deno.test("PsBase follows no link that leads where Deno may not read, and asks for no more", async () => {
  await using temp = tempBase();
  const { parent, path } = temp;
  await makePeople(`${parent}/secret`);
  {
    using secret = PsBase.openSync(`${parent}/secret`);
    await using base = await PsBase.create(path, { name: "string", to: link(secret) });
    await base.insert({ name: "homer", to: 1 });
  }
  const program = `${parent}/follow.ts`;
  const mod = new URL("../mod.ts", import.meta.url).href;
  Deno.writeTextFileSync(
    program,
    `import { PsBase } from ${JSON.stringify(mod)};
    const row = PsBase.openSync(${JSON.stringify(path)}, { readOnly: true }).get(0);
    console.log(JSON.stringify(row));
    try { console.log(row.to.name); } catch (error) { console.log(error.name); }`,
  );
  const follow = async (...allowed: string[]) => {
    const args = ["run", "--quiet", "--no-check", "--no-prompt", ...allowed, program];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    return new TextDecoder().decode(stdout).split("\n");
  };
  // Without following it, a link is but a number.
  const row = JSON.stringify({ __id__: 0, __version__: 0, name: "homer", to: 1 });
  assertEquals(await follow(`--allow-read=${path}`), [row, "NotCapable", ""]);
  assertEquals(await follow(`--allow-read=${parent}`), [row, "marge", ""]);
});

Deno.test("PsBase.open() with a schema refuses a table whose links lead elsewhere", async () => {
  await using temp = tempBase();
  const { parent, path } = temp;
  await makePeople(`${parent}/houses`);
  await makePeople(`${parent}/secret`);
  using houses = PsBase.openSync(`${parent}/houses`);
  using secret = PsBase.openSync(`${parent}/secret`);
  (await PsBase.create(path, { to: link(secret) }))[Symbol.dispose]();
  const schema = { to: link(houses) };
  await assertRejects(() => PsBase.open(path, { schema }), SchemaError, "leads to");
});

Deno.test("PsBase writes nothing, and locks nothing, where a link leads", async () => {
  await using temp = tempBase();
  const { parent, path } = temp;
  await makePeople(`${parent}/other`);
  {
    using other = PsBase.openSync(`${parent}/other`);
    await using base = await PsBase.create(path, { to: link(other) });
    await base.insert({ to: 1 });
  }
  // Its owner keeps it, and it could not be written to.
  using _owner = Base.openSync(`${parent}/other`);
  const log = `${parent}/other/000001.log`;
  const before = Deno.readFileSync(log);
  using base = PsBase.openSync(path);
  assertEquals((base.get(0) as { to?: { name: string } } | undefined)?.to?.name, "marge");
  assertEquals(Deno.readFileSync(log), before);
});

// --------------------------------------------------------------- files that are none

for (const name of ["base", "owner", "000001.table", "000001.log"]) {
  Deno.test({
    name: `Base refuses a symbolic link in the place of "${name}", and a pipe`,
    ignore: !POSIX,
    async fn() {
      await using temp = tempBase();
      temp.damaged = true;
      await makePeople(temp.path);
      const file = `${temp.path}/${name}`;
      const target = `${temp.parent}/elsewhere`;
      Deno.renameSync(file, target);
      const before = Deno.readFileSync(target);
      const refuses = async (what: string) => {
        const error = await assertRejects(() => Base.open(temp.path), CorruptionError, what);
        assertEquals([error.file, error.offset], [file, 0]);
        if (name === "owner") return;
        await assertRejects(() => PsBase.open(temp.path, { readOnly: true }), CorruptionError);
        assertEquals((await PsBase.check(temp.path)).problems[0]?.file, file);
        const { code, err } = await psbase(["select", temp.path]);
        assert(code === 1 && err.includes(what), err);
      };
      Deno.symlinkSync(target, file);
      await refuses("symbolic link");
      // One that leads to nothing would make a file there.
      if (name === "owner") {
        Deno.removeSync(target);
        await refuses("symbolic link");
        assertThrows(() => Deno.lstatSync(target), Deno.errors.NotFound);
      } else {
        assertEquals(Deno.readFileSync(target), before);
      }
      Deno.removeSync(file);
      await new Deno.Command("mkfifo", { args: [file] }).output();
      await refuses("no file");
    },
  });
}

Deno.test({
  name: "Files.open() makes no file where a symbolic link leads",
  ignore: !POSIX,
  async fn() {
    await using temp = tempBase();
    const [way, target] = [`${temp.parent}/way`, `${temp.parent}/target`];
    Deno.symlinkSync(target, way);
    assertThrows(() => denoFiles.open(way, "createNew"), Deno.errors.AlreadyExists);
    assertThrows(() => denoFiles.open(way, "create"), CorruptionError);
    assertThrows(() => Deno.lstatSync(target), Deno.errors.NotFound);
  },
});

Deno.test({
  name: "PsBase takes a symbolic link to its directory, PsLock one to its file",
  ignore: !POSIX,
  async fn() {
    await using temp = tempBase();
    await makePeople(temp.path);
    Deno.symlinkSync(temp.path, `${temp.parent}/way`);
    using base = PsBase.openSync(`${temp.parent}/way`);
    assertEquals(base.insertSync({ name: "bart" }), 2);
    Deno.writeTextFileSync(`${temp.parent}/file`, "");
    Deno.symlinkSync(`${temp.parent}/file`, `${temp.parent}/lock`);
    using lock = new PsLock(`${temp.parent}/lock`);
    using _guard = lock.acquireSync();
    using other = new PsLock(`${temp.parent}/file`);
    assertEquals(other.tryAcquire(), undefined);
    assertEquals(other.holder()?.pid, Deno.pid);
  },
});

// --------------------------------------------------------------- modes and owners

/** Modes of all files of a table. */
function modes(path: string): Set<number> {
  const names = [...Deno.readDirSync(path)].map(({ name }) => name);
  return new Set(names.map((name) => Deno.statSync(`${path}/${name}`).mode! & 0o777));
}

/** Runs `fn` with that umask. */
async function withUmask(mask: number, fn: () => Promise<void>): Promise<void> {
  const before = Deno.umask(mask);
  try {
    await fn();
  } finally {
    Deno.umask(before);
  }
}

for (const [mode, what] of [[0o660, "for a group"], [0o600, "private"]] as const) {
  testInOwnProcess(import.meta.filename!, {
    name: `PsBase keeps a table ${what} that is so: by cleanup, override, backup and owner`,
    ignore: !POSIX,
    async fn() {
      await using temp = tempBase();
      const { path, parent } = temp;
      await withUmask(0o022, async () => {
        await makePeople(path);
        assertEquals(modes(path), new Set([0o644]));
        Deno.removeSync(`${path}/owner`);
        for (const { name } of Deno.readDirSync(path)) Deno.chmodSync(`${path}/${name}`, mode);
        using base = PsBase.openSync(path);
        await base.cleanup();
        assertEquals(base.stats().generation, 2);
        await base.backup(`${parent}/copy`);
        base[Symbol.dispose]();
        Base.openSync(path)[Symbol.dispose]();
        assertEquals([modes(path), modes(`${parent}/copy`)], [new Set([mode]), new Set([mode])]);
        (await PsBase.create(path, PEOPLE, { mode: "override" }))[Symbol.dispose]();
        assertEquals(modes(path), new Set([mode]));
      });
    },
  });
}

testInOwnProcess(import.meta.filename!, {
  name: "PsBase makes files as umask says",
  ignore: !POSIX,
  async fn() {
    await using temp = tempBase();
    await withUmask(0o077, async () => {
      await makePeople(temp.path);
      assertEquals(modes(temp.path), new Set([0o600]));
    });
  },
});

Deno.test({
  name: "PsBase.cleanup() by root leaves the files to whom the table belongs (needs root)",
  ignore: !POSIX || Deno.uid() !== 0,
  async fn() {
    await using temp = tempBase();
    await makePeople(temp.path);
    for (const { name } of Deno.readDirSync(temp.path)) {
      Deno.chownSync(`${temp.path}/${name}`, 12_345, 54_321);
      Deno.chmodSync(`${temp.path}/${name}`, 0o640);
    }
    using base = PsBase.openSync(temp.path);
    await base.cleanup();
    for (const { name } of Deno.readDirSync(temp.path)) {
      const { uid, gid, mode } = Deno.statSync(`${temp.path}/${name}`);
      assertEquals([name, uid, gid, mode! & 0o777], [name, 12_345, 54_321, 0o640]);
    }
  },
});

/** Makes a file like another one, as Deno does when its functions are these. */
function makeLike(path: string, like: string, functions: Partial<typeof Deno>): number {
  const before = { chmodSync: Deno.chmodSync, chownSync: Deno.chownSync };
  Object.assign(Deno, functions);
  try {
    denoFiles.open(path, "createNew", like).close();
  } finally {
    Object.assign(Deno, before);
  }
  return Deno.statSync(path).mode! & 0o777;
}

Deno.test({
  name: "Files.open() makes a file that at no moment others can open who may not read it",
  ignore: !POSIX,
  async fn() {
    await using temp = tempBase();
    const [like, path] = [`${temp.parent}/like`, `${temp.parent}/new`];
    Deno.writeTextFileSync(like, "");
    Deno.chmodSync(like, 0o640);
    const before: number[] = [];
    const { chmodSync } = Deno;
    const mode = makeLike(path, like, {
      chmodSync(path, mode) {
        before.push(Deno.statSync(path).mode! & 0o777);
        chmodSync(path, mode);
      },
    });
    assertEquals([before, mode], [[0o600], 0o640]);
  },
});

Deno.test({
  name: "Files.open() lets another group do no more than all may (needs root)",
  ignore: !POSIX || Deno.uid() !== 0,
  async fn() {
    await using temp = tempBase();
    const [like, path] = [`${temp.parent}/like`, `${temp.parent}/new`];
    Deno.writeTextFileSync(like, "");
    Deno.chownSync(like, null, 54_321);
    // Who is neither root nor of that group.
    const chownSync = () => {
      throw new Deno.errors.PermissionDenied("Operation not permitted");
    };
    for (const [mode, wanted] of [[0o640, 0o600], [0o664, 0o644], [0o604, 0o600]] as const) {
      Deno.chmodSync(like, mode);
      assertEquals(makeLike(path, like, { chownSync }), wanted);
      Deno.removeSync(path);
    }
  },
});

Deno.test("Files.open() that the system does not tell which file it is holds it not open", async () => {
  await using temp = tempBase();
  const path = `${temp.parent}/file`;
  Deno.writeTextFileSync(path, "");
  const { statSync } = Deno.FsFile.prototype;
  Deno.FsFile.prototype.statSync = () => {
    throw new Error("Input/output error");
  };
  try {
    // What is left open the sanitizer of the test tells.
    assertThrows(() => denoFiles.open(path, "read"), Error, "Input/output error");
  } finally {
    Deno.FsFile.prototype.statSync = statSync;
  }
});

// --------------------------------------------------------------- terminals

/** What a terminal obeys, by escapes, single bytes of C1, commands to its system, and direction. */
const EVIL = "\x1b[2J\x1b]0;title\x07\x9b31m\x9d0;x\x9c\u202e\u2066\u200f\u061c\x07\r\b";
// deno-lint-ignore no-control-regex
const UNSAFE_REGEXP = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

Deno.test("psbase prints no cell, path or word that a terminal would obey", async () => {
  await using temp = tempBase();
  {
    await using base = await PsBase.create(temp.path, {
      name: { type: "string", unique: true, default: EVIL },
      data: json(),
    });
    await base.insert({ data: { [EVIL]: EVIL } });
  }
  const commands = [
    ["select", temp.path],
    ["select", temp.path, "--json"],
    ["select", temp.path, "--ndjson"],
    ["get", temp.path, "0"],
    ["info", temp.path],
    ["info", temp.path, "--json"],
    ["insert", temp.path, `name=${EVIL}`],
    ["insert", temp.path, `${EVIL}=1`],
    ["select", `${temp.path}${EVIL}`],
    ["select", temp.path, `data=${EVIL}`],
    ["select", temp.path, "--sort", EVIL],
    ["create", `${temp.parent}/x`, `${EVIL}:string`],
    ["create", `${temp.parent}/x`, `name:${EVIL}`],
    ["import", temp.path, `${EVIL}.csv`],
    [EVIL],
    ["help", EVIL],
    ["select", temp.path, `--${EVIL}`],
  ];
  for (const command of commands) {
    const { out, err } = await psbase(command, { terminal: 200 });
    assert(out + err !== "");
    assertEquals(UNSAFE_REGEXP.exec(out + err), null, JSON.stringify(command));
  }
});

Deno.test("no message of an error holds a control character of a path", async () => {
  await using temp = tempBase();
  const evil = `${temp.parent}/${EVIL.replaceAll("/", "")}`;
  const nul = `${temp.parent}/a\0b`;
  using whole = PsBase.createSync(temp.path, { name: "string" });
  const wrong = { name: "strin" } as never;
  const calls: Record<string, (path: string) => unknown> = {
    open: (path) => PsBase.open(path),
    openSync: (path) => PsBase.openSync(path),
    "Base.open": (path) => Base.open(path),
    check: (path) => PsBase.check(path),
    salvage: (path) => PsBase.salvage(path, `${temp.parent}/salvaged`),
    create: (path) => PsBase.create(`${path}/there/is/no/parent`, { name: "string" }),
    "create, wrongly": (path) => PsBase.create(path, wrong),
    backup: (path) => whole.backup(`${path}/there/is/no/parent`),
    lock: (path) => {
      using lock = new PsLock(`${path}/there/is/no/parent`);
      lock.acquireSync();
    },
  };
  const refused = async (what: string, call: () => unknown) => {
    const { message } = await assertRejects(async () => await call(), Error);
    assertEquals(UNSAFE_REGEXP.exec(message), null, `${what}: ${JSON.stringify(message)}`);
  };
  for (const path of [evil, nul]) {
    for (const [what, call] of Object.entries(calls)) await refused(what, () => call(path));
  }
  using base = PsBase.createSync(evil, { name: "string" });
  await refused("insert", () => base.insert({ name: 1 as never }));
  await refused("update", () => base.update(0, { name: "x" }));
  await refused("select", () => base.select({ nam: 1 } as never));
  await refused("create again", () => PsBase.create(evil, { name: "string" }));
  await base.close();
  await refused("closed", () => base.size);
});
