import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Base, BaseNotFoundError, CorruptionError, PsBase, ReadOnlyError } from "../../mod.ts";
import { fixture } from "../helpers/programs.ts";
import { openRemote } from "../helpers/remote_base.ts";
import { spawn } from "../helpers/spawn.ts";
import { tempBase } from "../helpers/temp_base.ts";

const SCHEMA = { n: "integer", name: "string" } as const;
const USE_BASE = fixture("use_base");

/** What a process with these permissions says when it has opened the table. */
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
