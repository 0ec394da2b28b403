/**
 * Transactions, where something else comes between.
 *
 * @module
 */

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Base,
  ClosedError,
  DeadlockError,
  link,
  LockTimeoutError,
  PsBase,
  type Transaction,
  WriteError,
} from "../../mod.ts";
import { ioError } from "../helpers/crash_file.ts";
import { newDisk, open } from "../helpers/crash_run.ts";
import { tempBase } from "../helpers/temp_base.ts";

const SCHEMA = { name: "string", n: "integer" } as const;
const LIMIT = { timeoutMs: 5000 };

/** A transaction that goes on when it is told to. */
async function begin(db: Base<typeof SCHEMA>) {
  const begun = Promise.withResolvers<void>();
  const { promise, resolve: go } = Promise.withResolvers<void>();
  const done = db.transaction(async (tx) => {
    tx.insert({ n: 1 });
    begun.resolve();
    await promise;
    return tx.size;
  });
  done.catch(() => {});
  await begun.promise;
  return { done, go };
}

Deno.test("Transaction: a function of a verb cannot write, and what it wrote is not half there", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, SCHEMA);
  db.insertManySync([{ n: 0 }, { n: 1 }, { n: 2 }]);
  db.transactionSync((tx: Transaction<typeof SCHEMA>) => {
    const before = [...tx];
    const writes = [() => tx.delete(1), () => tx.insert({}), () => tx.update(1, { n: 9 })];
    for (const write of writes) {
      assertThrows(() => tx.update(1, () => (write(), { n: 7 })), DeadlockError);
      assertThrows(() => tx.updateWhere({}, () => (write(), { n: 7 })), DeadlockError);
      assertThrows(() => tx.deleteWhere(() => (write(), true)), DeadlockError);
      assertEquals([...tx], before);
    }
    tx.update(1, () => ({ n: tx.sum("n") }));
  });
  assertEquals([db.size, db.select().map((row) => row.n)], [3, [0, 3, 2]]);
});

Deno.test("PsBase.transaction() whose reads were lost by a failed sync is not committed", async () => {
  const disk = newDisk();
  const [db, other] = [open(disk.process()), open(disk.process())];
  const relaxed = open(disk.process(), { durability: "relaxed" });
  const told = Promise.withResolvers<void>();
  disk.told = () => told.promise;
  const first = other.insert({ name: "first" });
  while (other.size < 1) await undefined;
  for (let i = 0; i < 20; i++) await undefined;
  relaxed.insertSync({ name: "lost" });
  const commit = assertRejects(() => other.commit(), WriteError);
  for (let i = 0; i < 20; i++) await undefined;
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const done = db.transaction(async (tx) => {
    tx.update(1, { age: 3 });
    tx.insert({ name: "mine" });
    begun.resolve();
    await gate.promise;
  });
  const refused = assertRejects(() => done, WriteError);
  await begun.promise;
  disk.before = ({ name }) => {
    if (name !== "sync") return;
    disk.before = () => {};
    return { error: ioError(), pages: "dropped" };
  };
  disk.told = () => {};
  told.resolve();
  await first;
  await commit;
  gate.resolve();
  assertEquals((await refused).outcome, "none");
  assertEquals(db.select().map((row) => row.name), ["first"]);
  assertEquals(db.insertSync({ name: "next" }), 1);
});

Deno.test("PsBase.transactionSync() of an async function changes nothing", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, SCHEMA);
  const fn = async (tx: Transaction<typeof SCHEMA>) => {
    tx.insert({ n: 1 });
    await undefined;
    tx.insert({ n: 2 });
  };
  assertThrows(() => db.transactionSync(fn as never), TypeError, "promise");
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(db.size, 0);
});

for (const Class of [Base, PsBase]) {
  Deno.test(`${Class.name}.transaction() is over for what it began once it ended`, async () => {
    await using temp = tempBase();
    using db = Class.createSync(temp.path, SCHEMA);
    const gate = Promise.withResolvers<void>();
    let later: Promise<number> | undefined;
    await db.transaction(() => {
      later = gate.promise.then(() => db.insert({}));
    });
    gate.resolve();
    assertEquals(await later, 0);
  });

  Deno.test(`${Class.name}.transaction() takes any timeoutMs`, async () => {
    await using temp = tempBase();
    using db = Class.createSync(temp.path, SCHEMA);
    const wait = () => new Promise((resolve) => setTimeout(resolve, 5));
    for (const timeoutMs of [2 ** 31, 2 ** 40, Number.MAX_VALUE, Infinity]) {
      await db.transaction(wait, { timeoutMs });
    }
  });

  Deno.test(`${Class.name}.transaction() of who is disposed ends at once, and lets go`, async () => {
    await using temp = tempBase();
    const db = Class.createSync(temp.path, SCHEMA);
    const { done, go } = await begin(db);
    const waiting = [
      db.commit(),
      db.cleanup(),
      db.insert({}),
      db.transaction(() => {}),
      db.destroy(),
    ];
    const refused = [done, ...waiting].map((one) =>
      assertRejects(() => one as Promise<void>, ClosedError)
    );
    db[Symbol.dispose]();
    await Promise.all(refused);
    using other = PsBase.openSync(temp.path, { schema: SCHEMA, timeoutMs: 0 });
    assertEquals(other.insertSync({}), 0);
    go();
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(other.size, 1);
    assertThrows(() => {
      using again = Class.openSync(temp.path);
      again.transactionSync(() => again[Symbol.dispose]());
    }, ClosedError);
  });

  Deno.test(`${Class.name}.transaction() is waited for no longer than timeoutMs says`, async () => {
    await using temp = tempBase();
    Class.createSync(temp.path, SCHEMA)[Symbol.dispose]();
    using db = Class.openSync(temp.path, { schema: SCHEMA, timeoutMs: 5 });
    const { done, go } = await begin(db);
    await assertRejects(() => db.insert({}), LockTimeoutError);
    await assertRejects(() => db.commit(), LockTimeoutError);
    await assertRejects(() => db.transaction(() => {}), LockTimeoutError);
    await assertRejects(() => db.transaction(() => {}, { timeoutMs: 0 }), LockTimeoutError);
    go();
    assertEquals(await done, 1);
    assertEquals(await db.insert({}), 1);
  });

  Deno.test(`${Class.name}.transaction(): what would wait for it inside is refused, what would not is not`, async () => {
    await using temp = tempBase();
    using db = Class.createSync(temp.path, SCHEMA);
    await db.transaction(async (tx) => {
      tx.insert({});
      if (Class === PsBase) await assertRejects(() => Base.open(temp.path), DeadlockError);
      await assertRejects(
        () => PsBase.create(temp.path, SCHEMA, { mode: "override" }),
        DeadlockError,
      );
      for (const readOnly of [true, false]) {
        await using other = await PsBase.open(temp.path, { readOnly });
        assertEquals(other.size, 0);
      }
      await using there = await PsBase.create(temp.path, SCHEMA, { mode: "open" });
      assertEquals(there.size, 0);
    }, LIMIT);
    assertEquals(db.size, 1);
  });

  Deno.test(`${Class.name}.transaction(): links of its rows lead on once it ended`, async () => {
    await using temp = tempBase();
    const schema = { name: "string", boss: link("self") } as const;
    using db = Class.createSync(temp.path, schema);
    const homer = await db.transaction((tx) =>
      tx.get(tx.insert({ name: "homer", boss: tx.insert({ name: "burns" }) }))
    );
    assertEquals(homer?.boss?.name, "burns");
    db.updateSync(0, { name: "monty" });
    assertEquals(homer?.boss?.name, "monty");
  });
}

Deno.test("PsBase.transaction() of who is disposed while it is synced is refused", async () => {
  const disk = newDisk();
  const db = open(disk.process());
  const told = Promise.withResolvers<void>();
  const syncing = Promise.withResolvers<void>();
  disk.told = () => (syncing.resolve(), told.promise);
  const refused = assertRejects(() => db.transaction((tx) => tx.insert({})), ClosedError);
  await syncing.promise;
  db[Symbol.dispose]();
  await refused;
  told.resolve();
});
