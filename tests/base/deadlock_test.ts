/**
 * Transactions that wait for each other: within a thread nobody waits who would wait for ever,
 * between processes the wait ends.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import { NESTED_MS } from "../../engine/lock/inside.ts";
import { Base, DeadlockError, LockTimeoutError, PsBase } from "../../mod.ts";
import { LONG } from "../helpers/crash_run.ts";
import { until } from "../helpers/locks.ts";
import { spawnFixture } from "../helpers/spawn.ts";
import { tempBase } from "../helpers/temp_base.ts";

const SCHEMA = { n: "integer" } as const;
type Numbers = Base<typeof SCHEMA>;

/** Tables a, b and c in a directory of their own. */
async function tempTables(Class: typeof Base | typeof PsBase = PsBase, timeoutMs?: number) {
  const temp = tempBase();
  const tables: Record<string, Numbers> = {};
  for (const name of ["a", "b", "c"]) {
    tables[name] = await Class.create(`${temp.parent}/${name}`, SCHEMA, { timeoutMs });
  }
  return {
    a: tables.a!,
    b: tables.b!,
    c: tables.c!,
    parent: temp.parent,
    async [Symbol.asyncDispose]() {
      for (const table of Object.values(tables)) {
        assert((await Base.check(table.path)).ok);
        await table.close();
      }
      await temp[Symbol.asyncDispose]();
    },
  };
}

/** Begins a transaction of `table`; `then` runs in it when the promise that `go` ends is over. */
async function begin(table: Numbers, then: () => unknown) {
  const begun = Promise.withResolvers<void>();
  const { promise, resolve: go } = Promise.withResolvers<void>();
  const done = table.transaction(async (tx) => {
    tx.insert({ n: 1 });
    begun.resolve();
    await promise;
    await then();
  });
  done.catch(() => {});
  await begun.promise;
  return { done, go };
}

/** Lets everything go on that can, but for timers. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** What waits for the lock of a table. */
const WAITS: Record<string, (table: Numbers) => Promise<unknown>> = {
  insert: (table) => table.insert({ n: 2 }),
  insertMany: (table) => table.insertMany([{ n: 2 }]),
  updateWhere: (table) => table.updateWhere({}, { n: 3 }),
  deleteWhere: (table) => table.deleteWhere({ n: 9 }),
  transaction: (table) => table.transaction((tx) => tx.insert({ n: 2 })),
  commit: (table) => table.commit(),
  cleanup: (table) => table.cleanup(),
  "a chain of awaits": async (table) => {
    await null;
    await Promise.all([new Promise((resolve) => setTimeout(resolve)), table.insert({ n: 2 })]);
  },
};

for (const Class of [Base, PsBase]) {
  for (const [name, wait] of Object.entries(WAITS)) {
    Deno.test(`${Class.name}: ${name} in a transaction throws, if who holds the lock waits for the caller`, async () => {
      await using tables = await tempTables(Class);
      const { a, b } = tables;
      const first = await begin(a, () => wait(b));
      const second = await begin(b, () => wait(a));
      first.go();
      await settle();
      second.go();
      // Whichever waits last closes the circle; a cleanup comes to its wait only after its work.
      const ends = await Promise.allSettled([first.done, second.done]);
      const refused = ends.flatMap((end) => end.status === "rejected" ? [end.reason] : []);
      assertEquals(refused.length, 1);
      assertInstanceOf(refused[0], DeadlockError);
      const { message } = refused[0];
      assert(message.includes(`"${a.path}"`) && message.includes(`"${b.path}"`), message);
      // The other one goes on, and so does what comes after.
      const isFirst = ends[0]!.status === "fulfilled" ? 1 : 0;
      assertEquals([a.count({ n: 1 }), b.count({ n: 1 })], [isFirst, 1 - isFirst]);
      await Promise.all([a.insert({ n: 3 }), b.insert({ n: 3 })]);
    });
  }
}

Deno.test("PsBase: opening a Base, creating and destroying in a transaction throw, if who holds the lock waits for the caller", async () => {
  const waits: Record<string, (path: string) => Promise<unknown>> = {
    open: (path) => Base.open(path),
    create: (path) => PsBase.create(path, SCHEMA, { mode: "override" }),
    async destroy(path) {
      await using table = await PsBase.open(path);
      await table.destroy();
    },
  };
  for (const [name, wait] of Object.entries(waits)) {
    await using tables = await tempTables();
    const { a, b } = tables;
    const first = await begin(a, () => b.insert({ n: 2 }));
    const second = await begin(b, () => wait(a.path));
    first.go();
    await settle();
    second.go();
    await assertRejects(() => second.done, DeadlockError, undefined, name);
    await first.done;
  }
});

Deno.test("PsBase: a circle of three tables is noticed by whoever closes it", async () => {
  await using tables = await tempTables();
  const { a, b, c } = tables;
  const order: [Numbers, Numbers][] = [[a, b], [b, c], [c, a]];
  const begun: Awaited<ReturnType<typeof begin>>[] = [];
  for (const [table, next] of order) begun.push(await begin(table, () => next.insert({ n: 2 })));
  for (const { go } of begun) {
    go();
    await settle();
  }
  const { message } = await assertRejects(() => begun[2]!.done, DeadlockError);
  for (const { path } of [a, b, c]) assert(message.includes(`"${path}"`), message);
  await begun[1]!.done;
  await begun[0]!.done;
  assertEquals([a, b, c].map((table) => [table.count({ n: 1 }), table.count({ n: 2 })]), [
    [1, 0],
    [1, 1],
    [0, 1],
  ]);
});

Deno.test("PsBase: a transaction inside another holds what both hold", async () => {
  await using tables = await tempTables();
  const { a, b, c } = tables;
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const outer = a.transaction(() =>
    b.transaction(async (tx) => {
      tx.insert({ n: 1 });
      begun.resolve();
      await gate.promise;
      await c.insert({ n: 1 });
    })
  );
  await begun.promise;
  const other = await begin(c, () => a.insert({ n: 2 }));
  other.go();
  await settle();
  gate.resolve();
  await assertRejects(() => outer, DeadlockError);
  await other.done;
  assertEquals([a.size, b.size, c.size], [1, 0, 1]);
});

Deno.test("PsBase: a transaction waits for another table while its holder waits for nothing of its", async () => {
  await using tables = await tempTables();
  const { a, b, c } = tables;
  const first = await begin(a, () => b.insert({ n: 2 }));
  const second = await begin(b, () => c.insert({ n: 2 }));
  const third = await begin(c, () => {});
  // What ended its wait is in nobody's way.
  first.go();
  second.go();
  await settle();
  third.go();
  await Promise.all([first.done, second.done, third.done]);
  assertEquals([a.size, b.size, c.size], [1, 2, 2]);
});

Deno.test("PsBase: what a transaction left running waits for it no more once it ended", async () => {
  await using tables = await tempTables();
  const { a, b } = tables;
  const gate = await begin(b, () => a.insert({ n: 2 }));
  let left: Promise<number> | undefined;
  await a.transaction(() => void (left = b.insert({ n: 5 })));
  gate.go();
  await gate.done;
  await left;
  assertEquals([a.count({ n: 2 }), b.count({ n: 5 })], [1, 1]);
});

Deno.test("PsBase: a cleanup that begins at leisure in a transaction is nothing that it waits for", async () => {
  await using tables = await tempTables();
  const { a, b } = tables;
  const first = await begin(a, () => {});
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const outer = a.transaction(async () => {
    // The log is so long then that a cleanup begins.
    await b.insertMany(
      Array.from({ length: 100_000 }, (_, i) => ({ n: (i * 2654435761) % 2 ** 31 })),
    );
    begun.resolve();
    await gate.promise;
  });
  first.go();
  await begun.promise;
  const second = await begin(b, () => a.insert({ n: 2 }));
  const isBegun = () => [...Deno.readDirSync(b.path)].some(({ name }) => /^0*2\.table/.test(name));
  await until(isBegun);
  // It gets to its last step, for which it needs the lock.
  for (let i = 0; i < 100; i++) await settle();
  second.go();
  await settle();
  gate.resolve();
  await Promise.all([outer, second.done]);
  assertEquals(a.count({ n: 2 }), 1);
});

Deno.test("PsBase: a wait that closes a circle unseen ends, and its error names both tables", async () => {
  await using tables = await tempTables(PsBase, 20);
  const { a, b } = tables;
  const { promise: worked, resolve } = Promise.withResolvers<() => unknown>();
  await using patient = await PsBase.open(b.path);
  // Goes on outside of the transaction that gives it work.
  const worker = worked.then((work) => work());
  const first = await begin(a, async () => {
    resolve(() => patient.transaction(() => {}));
    await worker;
  });
  const second = await begin(b, () => a.insert({ n: 2 }));
  first.go();
  await settle();
  second.go();
  const { message, path } = await assertRejects(() => second.done, LockTimeoutError);
  assertEquals(path, a.path);
  assert(message.includes(`"${a.path}"`) && message.includes(`"${b.path}"`), message);
  assertMatch(message, /transaction\(\[…\]\)/);
  await first.done;
});

/** A process that holds a table and then waits for another. */
async function holding(paths: string[], options: object) {
  const fixture = spawnFixture("hold_and_want", [...paths, JSON.stringify(options)]);
  assertEquals(await fixture.readLine(), "holds");
  return fixture;
}

for (const form of ["transaction", "transactionSync"]) {
  Deno.test(`PsBase.${form}() of two processes in opposite orders: the wait ends, and names both tables`, async () => {
    await using tables = await tempTables(PsBase, 100);
    const { a, b } = tables;
    await using other = await holding([b.path, a.path], { form, timeoutMs: 60_000 });
    const { message } = await assertRejects(
      () =>
        a.transaction(async (tx) => {
          tx.insert({ n: 1 });
          await other.send("go");
          if (form === "transactionSync") {
            b.transactionSync((tx) => tx.insert({ n: 1 }));
          } else await b.insert({ n: 1 });
        }),
      LockTimeoutError,
    );
    assert(message.includes(`"${a.path}"`) && message.includes(`"${b.path}"`), message);
    assertEquals(await other.readLine(), "done");
    await other.status;
    assertEquals([a.count({ n: 7 }), b.count({ n: 7 }), a.count({ n: 1 })], [1, 1, 0]);
  });
}

Deno.test({
  name: `PsBase: without timeoutMs it ends after ${NESTED_MS} ms (PSBASE_LONG=1)`,
  ignore: !LONG,
  async fn() {
    await using tables = await tempTables();
    const { a, b } = tables;
    await using other = await holding([b.path, a.path], { form: "transaction" });
    const mine = a.transaction(async (tx) => {
      tx.insert({ n: 1 });
      await other.send("go");
      await b.insert({ n: 1 });
    });
    const [{ value }, theirs] = await Promise.all([
      mine.then(() => ({ value: "done" }), (error) => ({ value: error })),
      other.readLine(),
    ]);
    const timeouts = [value, theirs].filter((told) =>
      /LockTimeoutError|Cannot lock/.test(`${told}`)
    );
    assert(timeouts.length > 0, `${value}, ${theirs}`);
  },
});

Deno.test("PsBase: a write outside of any transaction waits as long as it takes", async () => {
  await using tables = await tempTables();
  const { a, b } = tables;
  const first = await begin(a, () => {});
  let settled = false;
  const write = a.insert({ n: 2 }).finally(() => settled = true);
  await b.insert({ n: 1 });
  assert(!settled);
  first.go();
  await write;
});
