/**
 * Whom a time-out names: the process whose transaction holds the lock for long.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Base, BaseLockedError, LockTimeoutError, PsBase } from "../../mod.ts";
import { until } from "../helpers/locks.ts";
import { spawnFixture } from "../helpers/spawn.ts";
import { tempBase } from "../helpers/temp_base.ts";

const SCHEMA = { n: "integer" } as const;
const ONCE = { schema: SCHEMA, timeoutMs: 0 };

async function makeBase(path: string): Promise<void> {
  await using base = await PsBase.create(path, SCHEMA);
  await base.insert({ n: 0 });
}

/** A process that holds a transaction, and has noted so. */
async function holding(path: string, fixtureName = "hold_transaction") {
  const fixture = spawnFixture(fixtureName, [path]);
  assertEquals(await fixture.readLine(), "begun");
  await until(() => note(path).includes(`"pid":${fixture.child.pid},`));
  return fixture;
}

function note(path: string): string {
  return Deno.readTextFileSync(`${path}/owner`).replaceAll("\0", "").trim();
}

/** The error of a write while somebody holds the lock who leaves no note. */
function timeoutWithoutNote(db: PsBase<typeof SCHEMA>): LockTimeoutError {
  using file = Deno.openSync(`${db.path}/base`, { read: true, write: true });
  file.lockSync(true);
  return assertThrows(() => db.insertSync({ n: 1 }), LockTimeoutError);
}

for (const form of ["transaction", "transactionSync"]) {
  Deno.test(`LockTimeoutError names the process whose PsBase.${form}() takes long, until its end`, async () => {
    await using temp = tempBase();
    await makeBase(temp.path);
    using db = PsBase.openSync(temp.path, ONCE);
    const fixture = form === "transaction" ? "hold_transaction" : "hold_transaction_sync";
    await using other = await holding(temp.path, fixture);
    for (
      const error of [
        await assertRejects(() => db.insert({ n: 1 }), LockTimeoutError),
        await assertRejects(() => db.transaction((tx) => tx.size), LockTimeoutError),
        await assertRejects(() => db.commit(), LockTimeoutError),
        await assertRejects(() => Base.open(temp.path, ONCE), LockTimeoutError),
        assertThrows(() => db.insertSync({ n: 1 }), LockTimeoutError),
        assertThrows(() => Base.openSync(temp.path, ONCE), LockTimeoutError),
      ]
    ) {
      assertEquals(error.holder?.pid, other.child.pid);
      assert(error.message.includes(` by process ${other.child.pid} `), error.message);
    }
    await other.send("end");
    assertEquals((await other.status).code, 0);
    assertEquals(note(temp.path), "");
    assertEquals(timeoutWithoutNote(db).holder, undefined);
    assertEquals(db.insertSync({ n: 2 }), 2);
  });
}

Deno.test("LockTimeoutError does not name a process that was killed in a transaction, once another has written", async () => {
  await using temp = tempBase();
  await makeBase(temp.path);
  using db = PsBase.openSync(temp.path, ONCE);
  await using other = await holding(temp.path);
  other.kill();
  await other.status;
  db.insertSync({ n: 1 });
  assert(note(temp.path).includes(`${other.child.pid}`), "the note is still there");
  assertEquals(timeoutWithoutNote(db).holder, undefined);
});

Deno.test("BaseLockedError names a Base that waits for the end of a transaction, not who holds that", async () => {
  await using temp = tempBase();
  await makeBase(temp.path);
  await using other = await holding(temp.path);
  const opening = Base.open(temp.path, { schema: SCHEMA });
  using db = PsBase.openSync(temp.path, { schema: SCHEMA });
  assertEquals(assertThrows(() => db.insertSync({ n: 1 }), BaseLockedError).holder?.pid, Deno.pid);
  await other.send("end");
  await using _owner = await opening;
  assertEquals(assertThrows(() => db.insertSync({ n: 1 }), BaseLockedError).holder?.pid, Deno.pid);
  await other.status;
});

Deno.test("LockTimeoutError names this process, if it is a transaction of its own that takes long", async () => {
  for (const Class of [Base, PsBase]) {
    await using temp = tempBase();
    await makeBase(temp.path);
    await using db = await Class.open(temp.path, ONCE);
    const { promise, resolve } = Promise.withResolvers<void>();
    const done = db.transaction(() => promise);
    await until(() => note(temp.path).includes('"sequence":1'));
    const error = await assertRejects(() => db.insert({ n: 1 }), LockTimeoutError);
    assertEquals(error.holder?.pid, Deno.pid);
    resolve();
    await done;
  }
});

Deno.test("PsBase.transaction() that is short writes no note", async () => {
  await using temp = tempBase();
  await makeBase(temp.path);
  await using db = await PsBase.open(temp.path, { schema: SCHEMA });
  for (let n = 0; n < 20; n++) {
    await db.transaction(async (tx) => {
      await undefined;
      tx.insert({ n });
    });
  }
  assertEquals(Deno.statSync(`${temp.path}/owner`).size, 0, "nothing was ever written to it");
});
