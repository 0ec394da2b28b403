import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Base,
  BaseNotFoundError,
  CorruptionError,
  PsBase,
  ReadOnlyError,
  WriteError,
} from "../../mod.ts";
import { openRemote } from "../helpers/remote_base.ts";
import { spawn } from "../helpers/spawn.ts";
import { tempBase } from "../helpers/temp_base.ts";

const SCHEMA = { n: "integer", name: "string" } as const;
const USE_BASE = new URL("../fixtures/use_base.ts", import.meta.url).href;

/** What a process with these permissions says when it has opened the base. */
async function openWith(permissions: string[], path: string, options = {}): Promise<unknown[]> {
  const args = ["run", "--quiet", "--no-prompt", ...permissions, USE_BASE, path, "PsBase"];
  await using child = spawn(Deno.execPath(), [...args, JSON.stringify(options)]);
  const said = [JSON.parse(await child.readLine() ?? "null")];
  if (said[0] !== "open") return said;
  for (const line of [["size"], ["insert", { n: 7 }], ["size"]]) {
    await child.send(JSON.stringify(line));
    said.push(JSON.parse(await child.readLine() ?? "null"));
  }
  return said;
}

/** A file system of its own at `dir`, of so many bytes; `undefined` if it cannot be had. */
function mountTemp(dir: string, bytes: number) {
  const run = (command: string, ...args: string[]) =>
    new Deno.Command(command, { args, stderr: "null" }).outputSync().success;
  try {
    Deno.mkdirSync(dir);
    if (!run("mount", "-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", dir)) return undefined;
  } catch {
    return undefined;
  }
  return {
    toReadOnly: () => assert(run("mount", "-o", "remount,ro", dir)),
    [Symbol.dispose]: () => assert(run("umount", dir)),
  };
}

Deno.test("PsBase.open() without permission to write says that readOnly would do", async () => {
  await using temp = tempBase();
  {
    using db = PsBase.createSync(temp.path, SCHEMA);
    db.insertSync({ n: 1 });
  }
  const before = temp.files();
  const [refused] = await openWith(["--allow-read"], temp.path) as [
    { error: string; message: string },
  ];
  assertEquals(refused.error, "ReadOnlyError");
  assert(refused.message.includes("readOnly"), refused.message);
  const [opened, size, insert, after] = await openWith(["--allow-read"], temp.path, {
    readOnly: true,
  });
  assertEquals([opened, size, after], ["open", 1, 1]);
  assertEquals((insert as { error: string }).error, "ReadOnlyError");
  for (const options of [{}, { readOnly: true }]) {
    const [denied] = await openWith([], temp.path, options) as [{ error: string; message: string }];
    assertEquals(denied.error, "NotCapable");
    assert(denied.message.includes("--allow-read"), denied.message);
  }
  assertEquals(temp.files(), before);
  const both = [`--allow-read=${temp.path}`, `--allow-write=${temp.path}`];
  assertEquals(await openWith(both, temp.path), ["open", 1, 1, 2]);
});

Deno.test("PsBase with readOnly writes no byte, takes no lock, and follows the others", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, SCHEMA);
  db.insertManySync(Array.from({ length: 100 }, (_, n) => ({ n })));
  db.cleanupSync();
  db.insertSync({ n: 100 });
  const bytes = () =>
    Object.keys(temp.files()).map((name) => Deno.readFileSync(`${temp.path}/${name}`));
  const before = [temp.files(), bytes()];
  for (const Class of [Base, PsBase]) {
    await using still = await Class.open(temp.path, { schema: SCHEMA, readOnly: true });
    using second = Class.openSync(temp.path, { schema: SCHEMA, readOnly: true });
    assertEquals([still.size, second.at(-1)?.n, still.count({ n: 5 })], [101, 100, 1]);
    assertEquals([...still].length, 101);
    assert((await still.check()).ok);
    const writes: (() => unknown)[] = [
      () => still.insertSync({ n: 1 }),
      () => still.insertManySync([]),
      () => still.updateSync(0, { n: 1 }),
      () => still.deleteSync(0),
      () => still.addFieldSync("m", "date"),
      () => still.dropFieldSync("n"),
      () => still.setDefaultSync("n", 1),
      () => still.commitSync(),
      () => still.cleanupSync(),
      () => still.destroySync(),
    ];
    for (const write of writes) assertThrows(write, ReadOnlyError, `"${temp.path}"`);
    await assertRejects(() => still.insert({ n: 1 }), ReadOnlyError);
    await assertRejects(() => still.cleanup(), ReadOnlyError);
    await assertRejects(() => still.destroy(), ReadOnlyError);
    assertEquals([temp.files(), bytes()], before);
  }
  using still = PsBase.openSync(temp.path, { schema: SCHEMA, readOnly: true });
  await using remote = await openRemote(temp.path, "PsBase");
  for (let n = 101; n < 106; n++) {
    await remote.call("insert", { n });
    if (n === 103) await remote.call("cleanup");
    assertEquals([still.size, still.at(-1)?.n], [n + 1, n]);
  }
});

Deno.test("PsBase reads with readOnly from a read-only file system, and is refused otherwise", async (t) => {
  await using temp = tempBase();
  using disk = mountTemp(temp.path, 4 * 2 ** 20);
  if (disk === undefined) {
    await t.step({ name: "skipped: a file system cannot be mounted", ignore: true, fn() {} });
    return;
  }
  {
    using db = PsBase.createSync(temp.path, SCHEMA);
    db.insertSync({ n: 1 });
  }
  disk.toReadOnly();
  for (const Class of [Base, PsBase]) {
    await assertRejects(() => Class.open(temp.path), ReadOnlyError, "readOnly");
    assertThrows(() => Class.openSync(temp.path), ReadOnlyError);
    using db = Class.openSync(temp.path, { schema: SCHEMA, readOnly: true });
    assertEquals(db.get(0)?.n, 1);
    assertThrows(() => db.insertSync({ n: 2 }), ReadOnlyError);
    assertEquals(await db.check(), { ok: true, rows: 1, problems: [] });
  }
});

Deno.test("PsBase on a full disk fails clearly, loses nothing, and goes on when there is room", async (t) => {
  await using temp = tempBase();
  using disk = mountTemp(temp.path, 2 ** 20);
  if (disk === undefined) {
    await t.step({ name: "skipped: a file system cannot be mounted", ignore: true, fn() {} });
    return;
  }
  await using db = PsBase.createSync(temp.path, SCHEMA);
  await using other = PsBase.openSync(temp.path, { schema: SCHEMA });
  const ballast = `${temp.path}/ballast`;
  Deno.writeFileSync(ballast, new Uint8Array(600_000));
  // Each different: columns would hold equal ones once.
  const row = (n: number) => ({ n, name: String(n).padStart(20_000) });
  let acknowledged = 0;
  const fill = () => {
    for (; acknowledged < 1000; acknowledged++) db.insertSync(row(acknowledged));
  };
  for (const _ of [1, 2, 3]) {
    const error = assertThrows(fill, WriteError);
    assertEquals(error.outcome, "none");
    assert(error.message.startsWith(`Cannot write "${temp.path}/`), error.message);
  }
  assert(acknowledged > 2);
  const many = Array.from({ length: 100 }, (_, n) => row(n));
  await assertRejects(() => db.insertMany(many), WriteError);
  for (const handle of [db, other]) {
    assertEquals(
      Array.from(handle, (row) => row.n),
      Array.from({ length: acknowledged }, (_, n) => n),
    );
  }
  await assertRejects(() => db.cleanup(), WriteError);
  assertEquals(Object.keys(temp.files()).filter((name) => /\.[0-9a-f]{16}$/.test(name)), []);
  assertEquals(db.size, acknowledged);
  Deno.removeSync(ballast);
  assertEquals(db.insertSync({ n: -1 }), acknowledged);
  assertEquals(await other.insert({ n: -2 }), acknowledged + 1);
  using again = PsBase.openSync(temp.path);
  assertEquals(again.size, acknowledged + 2);
});

Deno.test("PsBase.create() on a full disk throws WriteError, and makes the base when there is room", async (t) => {
  await using temp = tempBase();
  using disk = mountTemp(temp.path, 2 ** 16);
  if (disk === undefined) {
    await t.step({ name: "skipped: a file system cannot be mounted", ignore: true, fn() {} });
    return;
  }
  const ballast = `${temp.path}/ballast`;
  const dir = `${temp.path}/base`;
  Deno.writeFileSync(ballast, new Uint8Array(2 ** 16 - 2 * 4096));
  const error = assertThrows(() => PsBase.createSync(dir, SCHEMA), WriteError);
  assert(error.message.startsWith(`Cannot create "${dir}": `), error.message);
  assertThrows(() => Deno.statSync(dir), Deno.errors.NotFound);
  Deno.removeSync(ballast);
  using db = PsBase.createSync(dir, SCHEMA);
  assertEquals(db.insertSync({ n: 1 }), 0);
});

Deno.test("PsBase tells of files that are gone, and of files that are cut", async () => {
  const cases: [
    string,
    (path: string) => void,
    typeof CorruptionError | typeof BaseNotFoundError,
  ][] = [
    ["no identity", (path) => Deno.removeSync(`${path}/base`), BaseNotFoundError],
    ["no log", (path) => Deno.removeSync(`${path}/000002.log`), CorruptionError],
    ["no table", (path) => Deno.removeSync(`${path}/000002.table`), CorruptionError],
    ["short table", (path) => Deno.truncateSync(`${path}/000002.table`, 100), CorruptionError],
    ["empty table", (path) => Deno.truncateSync(`${path}/000002.table`), CorruptionError],
    ["short log", (path) => Deno.truncateSync(`${path}/000002.log`, 4100), CorruptionError],
    ["empty log", (path) => Deno.truncateSync(`${path}/000002.log`), CorruptionError],
  ];
  for (const [what, harm, type] of cases) {
    await using temp = tempBase();
    {
      using db = PsBase.createSync(temp.path, SCHEMA);
      db.insertManySync(Array.from({ length: 100 }, (_, n) => ({ n })));
      db.cleanupSync();
      db.insertSync({ n: 1 });
      db.insertSync({ n: 2 });
    }
    harm(temp.path);
    temp.damaged = true;
    await assertRejects(() => PsBase.open(temp.path), type, "", what);
    await assertRejects(() => PsBase.open(temp.path, { readOnly: true }), type, "", what);
    if (type === BaseNotFoundError) await assertRejects(() => PsBase.check(temp.path), type);
    else assertEquals((await PsBase.check(temp.path)).ok, false, what);
  }
});

Deno.test("PsBase handles notice that the identity file is gone or another", async () => {
  for (const replaced of [false, true]) {
    await using temp = tempBase();
    using db = PsBase.createSync(temp.path, SCHEMA);
    db.insertSync({ n: 1 });
    const identity = Deno.readFileSync(`${temp.path}/base`);
    Deno.removeSync(`${temp.path}/base`);
    // The same bytes, but another file: the old one is what this handle would lock.
    if (replaced) Deno.writeFileSync(`${temp.path}/base`, identity);
    assertThrows(() => db.insertSync({ n: 2 }), BaseNotFoundError);
    await assertRejects(() => db.insert({ n: 2 }), BaseNotFoundError);
    await assertRejects(() => db.cleanup(), BaseNotFoundError);
    assertEquals(db.size, 1);
    Deno.writeFileSync(`${temp.path}/base`, identity);
    using again = PsBase.openSync(temp.path);
    assertEquals(again.size, 1);
  }
});
