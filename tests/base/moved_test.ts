/**
 * A table whose directory or identity file is moved away while processes have it open.
 *
 * @module
 */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Base, BaseExistsError, BaseLockedError, BaseNotFoundError, PsBase } from "../../mod.ts";
import { openRemote, type RemoteBase } from "../helpers/remote_base.ts";
import { tempBase } from "../helpers/temp_base.ts";

const SCHEMA = { n: "integer" } as const;

function rowsOf(path: string): (number | null)[] {
  using db = PsBase.openSync(path, { schema: SCHEMA });
  return Array.from(db, ({ n }) => n);
}

async function assertRefused(remote: RemoteBase): Promise<void> {
  for (const verb of ["insert", "insertSync", "cleanup"]) {
    const { error } = await remote.call(verb, { n: -1 }) as { error: string };
    assertEquals(error, "BaseNotFoundError", verb);
  }
}

Deno.test("PsBase writes nothing where its directory is no more, and works on when it is back", async () => {
  await using temp = tempBase();
  await using db = await PsBase.create(temp.path, SCHEMA);
  await using remote = await openRemote(temp.path, "PsBase");
  assertEquals(await remote.call("insert", { n: 0 }), 0);
  const moved = `${temp.path}.moved`;
  Deno.renameSync(temp.path, moved);
  await assertRefused(remote);
  await assertRejects(() => db.insert({ n: -1 }), BaseNotFoundError);
  assertThrows(() => db.insertSync({ n: -1 }), BaseNotFoundError);
  // At its new place it is a table like any.
  {
    await using there = await PsBase.open(moved, { schema: SCHEMA });
    assertEquals(await there.insert({ n: 1 }), 1);
    await there.cleanup();
    assertEquals(await there.insert({ n: 2 }), 2);
  }
  assertEquals(rowsOf(moved), [0, 1, 2]);
  Deno.renameSync(moved, temp.path);
  assertEquals(await remote.call("insert", { n: 3 }), 3);
  assertEquals(await db.insert({ n: 4 }), 4);
  assertEquals(rowsOf(temp.path), [0, 1, 2, 3, 4]);
});

Deno.test("PsBase writes nothing to another table at the path of its own", async () => {
  await using temp = tempBase();
  await using db = await PsBase.create(temp.path, SCHEMA);
  await using remote = await openRemote(temp.path, "PsBase");
  assertEquals(await remote.call("insert", { n: 0 }), 0);
  const moved = `${temp.path}.moved`;
  Deno.renameSync(temp.path, moved);
  await using other = await PsBase.create(temp.path, SCHEMA);
  assertEquals(await other.insert({ n: 10 }), 0);
  await assertRefused(remote);
  await assertRejects(() => db.insert({ n: -1 }), BaseNotFoundError);
  assertEquals([rowsOf(temp.path), rowsOf(moved)], [[10], [0]]);
});

Deno.test("PsBase lets nobody in twice when its identity file is deleted or replaced", async () => {
  await using temp = tempBase();
  PsBase.createSync(temp.path, SCHEMA)[Symbol.dispose]();
  await using owner = await openRemote(temp.path, "Base");
  assertEquals(await owner.call("insert", { n: 0 }), 0);
  const identity = Deno.readFileSync(`${temp.path}/base`);
  Deno.removeSync(`${temp.path}/base`);
  await assertRejects(() => PsBase.open(temp.path), BaseNotFoundError);
  const remade = () => PsBase.create(temp.path, SCHEMA, { mode: "open" });
  await assertRejects(remade, BaseExistsError, "without its identity file");
  Deno.writeFileSync(`${temp.path}/base`, identity);
  // Its bytes are back, in a file that nobody has locked; the lock of owners still tells.
  await assertRejects(() => Base.open(temp.path), BaseLockedError);
  await owner.kill();
  assertEquals(rowsOf(temp.path), [0]);
});
