/**
 * Transactions of several tables.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import type { Files } from "../../engine/system/file.ts";
import {
  type AnyBase,
  Base,
  BaseLockedError,
  BaseNotFoundError,
  ClosedError,
  DeadlockError,
  LockTimeoutError,
  PsBase,
  ReadOnlyError,
  transaction,
  transactionSync,
  WriteError,
} from "../../mod.ts";
import { anyOf, Disk, ioError, NEWEST, OLDEST, random } from "../helpers/crash_file.ts";
import { SEED } from "../helpers/crash_run.ts";
import { tempBase } from "../helpers/temp_base.ts";
import { denoFiles, withFiles } from "../../engine/system/deno_file.ts";

const SCHEMA = { n: { type: "integer", required: true } } as const;
const TEXT = { text: "string" } as const;
type Numbers = Base<typeof SCHEMA>;

const FORMS = ["transaction", "transactionSync"] as const;
type Form = typeof FORMS[number];

/** One form or the other. */
async function transact<const B extends readonly AnyBase[], T>(
  form: Form,
  tables: B,
  fn: Parameters<typeof transaction<B, T>>[1],
): Promise<Awaited<T>> {
  if (form === "transactionSync") return transactionSync(tables, fn as () => never);
  return await transaction(tables, fn, { timeoutMs: 20_000 });
}

/** A directory for tables. */
function tempDir(): { path: string } & AsyncDisposable {
  const temp = tempBase();
  return { path: temp.parent, [Symbol.asyncDispose]: () => temp[Symbol.asyncDispose]() };
}

/** The tables in the order in which they are locked, which is that of their UUIDs. */
function byUuid(tables: Numbers[]): Numbers[] {
  const uuid = ({ path }: Numbers) => Deno.readFileSync(`${path}/base`).slice(16, 32).toHex();
  return tables.toSorted((a, b) => uuid(a) < uuid(b) ? -1 : 1);
}

for (const form of FORMS) {
  Deno.test(`${form}() changes several tables, of both classes, and gives each its own type`, async () => {
    await using dir = tempDir();
    await using a = await PsBase.create(`${dir.path}/a`, SCHEMA);
    await using b = await Base.create(`${dir.path}/b`, TEXT);
    await using c = await PsBase.create(`${dir.path}/c`, SCHEMA);
    const told = await transact(form, [a, b, c], (a, b, c) => {
      const id: number = a.insert({ n: 1 });
      b.insert({ text: "one" });
      const text: string | null | undefined = b.get(0)?.text;
      c.insertMany([{ n: 2 }, { n: 3 }]);
      return [id, text, c.sum("n")];
    });
    assertEquals(told, [0, "one", 5]);
    assertEquals([a.size, b.size, c.size], [1, 1, 2]);
    assertEquals([a.sequence, b.sequence, c.sequence], [1, 1, 1]);
  });

  Deno.test(`${form}() that throws changes no table, and passes the error on`, async () => {
    await using dir = tempDir();
    await using a = await PsBase.create(`${dir.path}/a`, SCHEMA);
    await using b = await Base.create(`${dir.path}/b`, SCHEMA);
    const error = new Error("stop");
    for (const tables of [[a, b], [b, a]] as const) {
      const thrown = await assertRejects(() =>
        transact(form, tables, (first, second) => {
          first.insert({ n: 1 });
          second.insert({ n: 1 });
          throw error;
        })
      );
      assertStrictEquals(thrown, error);
      assertEquals([a.size, b.size, a.sequence, b.sequence], [0, 0, 0, 0]);
    }
    // The locks are free.
    a.insertSync({ n: 1 });
    b.insertSync({ n: 1 });
    await a.insert({ n: 1 });
  });

  Deno.test(`${form}() of no table calls the function; of something else it throws`, async () => {
    await using dir = tempDir();
    await using a = await PsBase.create(`${dir.path}/a`, SCHEMA);
    assertEquals(await transact(form, [], () => 7), 7);
    const never = () => {
      throw new Error("called");
    };
    await using again = await PsBase.open(a.path);
    for (const tables of [[a, a], [a, again], a, undefined, [undefined], [a.path], [{}]]) {
      await assertRejects(() => transact(form, tables as never, never), TypeError, "Cannot begin");
    }
    const { message } = await assertRejects(() => transact(form, [a, again], never), TypeError);
    assert(message.includes(`"${a.path}" is given twice`), message);
    assertEquals(a.insertSync({ n: 1 }), 0);
  });

  Deno.test(`${form}() with a handle that cannot write locks nothing`, async () => {
    await using dir = tempDir();
    await using a = await PsBase.create(`${dir.path}/a`, SCHEMA);
    await using b = await PsBase.create(`${dir.path}/b`, SCHEMA);
    await using still = await PsBase.open(b.path, { readOnly: true });
    const closed = await PsBase.open(b.path);
    await closed.close();
    const never = () => {
      throw new Error("called");
    };
    const refused = async (table: AnyBase, Type: new (...args: never[]) => Error) => {
      for (const tables of [[a, table], [table, a]]) {
        await assertRejects(() => transact(form, tables, never), Type as ErrorConstructor);
        a.insertSync({ n: 1 });
      }
    };
    await refused(still, ReadOnlyError);
    await refused(closed, ClosedError);
    {
      await using _owner = await Base.open(b.path);
      await refused(b, BaseLockedError);
    }
    await (await PsBase.open(b.path)).destroy();
    await refused(b, BaseNotFoundError);
  });

  Deno.test(`${form}(): inside, the tables are written through it only, others as ever`, async () => {
    await using dir = tempDir();
    await using a = await PsBase.create(`${dir.path}/a`, SCHEMA);
    await using b = await Base.create(`${dir.path}/b`, SCHEMA);
    await using c = await PsBase.create(`${dir.path}/c`, SCHEMA);
    await transact(form, [a, b], (first, second) => {
      for (const table of [a, b]) {
        assertThrows(() => table.insertSync({ n: 1 }), DeadlockError);
        assertThrows(() => table.transactionSync(() => {}), DeadlockError);
        assertThrows(() => transactionSync([c, table], () => {}), DeadlockError);
      }
      c.insertSync({ n: 1 });
      first.insert({ n: 1 });
      second.insert({ n: 1 });
    });
    if (form === "transaction") {
      await transaction([a, b], async () => {
        await assertRejects(() => a.insert({ n: 1 }), DeadlockError);
        await assertRejects(() => transaction([c, b], () => {}), DeadlockError);
        await c.insert({ n: 1 });
      });
    }
    assertEquals([a.size, b.size, c.size], [1, 1, form === "transaction" ? 2 : 1]);
  });

  Deno.test(`${form}() commits in the order given, each on disk before the next is written`, async () => {
    for (const order of [["/a", "/b"], ["/b", "/a"]] as const) {
      const disk = new Disk();
      const files = disk.process();
      const [first, second] = order.map((path) =>
        withFiles(files as unknown as Files, () => PsBase.createSync(path, SCHEMA))
      ) as [Numbers, Numbers];
      const next = random(SEED);
      const seen = new Set<string>();
      let looks = 0;
      disk.after = () => {
        for (const choose of [OLDEST, NEWEST, ...Array.from({ length: 10 }, () => anyOf(next))]) {
          const ending = disk.cut(choose);
          const sizes = order.map((path) => {
            const process = ending.process() as unknown as Files;
            using table = withFiles(process, () => PsBase.openSync(path));
            return table.size;
          });
          seen.add(sizes.join());
          looks++;
        }
      };
      await transact(form, [first, second], (first, second) => {
        second.insert({ n: 2 });
        first.insert({ n: 1 });
      });
      disk.after = () => {};
      assert(looks > 10);
      assertEquals([...seen].sort(), ["0,0", "1,0", "1,1"], `seed ${SEED}`);
    }
  });

  Deno.test(`${form}() whose disk refuses says which tables were committed`, async () => {
    for (const failing of [0, 1, 2]) {
      const disk = new Disk();
      const files = disk.process();
      const tables = ["/a", "/b", "/c"].map((path) =>
        withFiles(files as unknown as Files, () => PsBase.createSync(path, SCHEMA))
      );
      disk.before = ({ name, path }) =>
        name.startsWith("write") && path === `${tables[failing]!.path}/000001.log`
          ? { error: ioError() }
          : undefined;
      const error = await assertRejects(
        () =>
          transact(form, tables as [Numbers, Numbers, Numbers], (...all) => {
            for (const tx of all) tx.insert({ n: 1 });
          }),
        WriteError,
      );
      disk.before = () => undefined;
      const committed = tables.slice(0, failing).map(({ path }) => path);
      assertEquals(error.committed, committed);
      assertEquals(error.outcome === "partial", failing > 0, error.outcome);
      for (const path of committed) assert(error.message.includes(`"${path}"`), error.message);
      if (failing > 0) assert((error.cause as WriteError) instanceof WriteError);
      for (const [i, { path }] of tables.entries()) {
        using again = withFiles(disk.process() as unknown as Files, () => PsBase.openSync(path));
        assertEquals(again.size, i < failing ? 1 : 0, path);
        assertEquals(again.insertSync({ n: 1 }), i < failing ? 1 : 0);
      }
    }
  });

  Deno.test(`${form}() of a part without changes has nothing committed there`, async () => {
    const disk = new Disk();
    const files = disk.process();
    const [a, b] = ["/a", "/b"].map((path) =>
      withFiles(files as unknown as Files, () => PsBase.createSync(path, SCHEMA))
    ) as [Numbers, Numbers];
    disk.before = ({ name, path }) =>
      name.startsWith("write") && path === "/b/000001.log" ? { error: ioError() } : undefined;
    const error = await assertRejects(
      () => transact(form, [a, b], (_a, b) => void b.insert({ n: 1 })),
      WriteError,
    );
    assert(error.outcome !== "partial");
    assertEquals(error.committed, []);
  });
}

Deno.test("transaction() locks in one order, whatever order the tables are given in", async () => {
  await using dir = tempDir();
  using a = PsBase.createSync(`${dir.path}/a`, SCHEMA);
  using b = PsBase.createSync(`${dir.path}/b`, SCHEMA);
  const [low, high] = byUuid([a, b]) as [Numbers, Numbers];
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const holds = low.transaction(async () => {
    begun.resolve();
    await gate.promise;
  });
  await begun.promise;
  const waiting = transaction([high, low], (high, low) => {
    high.insert({ n: 1 });
    low.insert({ n: 1 });
  });
  for (const one of [holds, waiting]) one.catch(() => {});
  await new Promise((resolve) => setTimeout(resolve));
  // It has not locked the other one meanwhile.
  high.insertSync({ n: 3 });
  await high.insert({ n: 2 });
  gate.resolve();
  await holds;
  await waiting;
  assertEquals([high.size, low.size], [3, 1]);
});

Deno.test("transaction() of many at once in any order ends, and loses nothing", async () => {
  await using dir = tempDir();
  await using a = await PsBase.create(`${dir.path}/a`, SCHEMA);
  await using b = await Base.create(`${dir.path}/b`, SCHEMA);
  await a.insert({ n: 100 });
  await b.insert({ n: 0 });
  const elsewhere = withFiles({ ...denoFiles }, () => PsBase.openSync(a.path, { schema: SCHEMA }));
  await Promise.all(Array.from({ length: 60 }, async (_, i) => {
    const from = i % 3 === 0 ? elsewhere : a;
    const tables = i % 2 === 0 ? [from, b] as const : [b, from] as const;
    await transaction(tables, async (...both) => {
      const [from, to] = i % 2 === 0 ? both : both.toReversed();
      from!.update(0, (row) => ({ n: row.n - 1 }));
      await null;
      to!.update(0, (row) => ({ n: row.n + 1 }));
    });
  }));
  await elsewhere.close();
  assertEquals([a.get(0)?.n, b.get(0)?.n], [40, 60]);
});

Deno.test("transaction() waits for no lock longer than timeoutMs, nor for the function, and changes nothing then", async () => {
  await using dir = tempDir();
  await using a = await PsBase.create(`${dir.path}/a`, SCHEMA);
  await using b = await PsBase.create(`${dir.path}/b`, SCHEMA);
  const [low, high] = byUuid([a, b]) as [Numbers, Numbers];
  for (const held of [low, high]) {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const holds = held.transaction(() => (begun.resolve(), gate.promise));
    await begun.promise;
    const error = await assertRejects(
      () => transaction([a, b], () => {}, { timeoutMs: 10 }),
      LockTimeoutError,
    );
    assertEquals(error.path, held.path);
    // Who waits for the second one holds the first.
    assertEquals(error.message.includes(low.path), true);
    assertEquals(error.message.includes(high.path), held === high);
    gate.resolve();
    await holds;
  }
  const late = await assertRejects(
    () =>
      transaction([a, b], async (a, b) => {
        a.insert({ n: 1 });
        b.insert({ n: 1 });
        await new Promise((resolve) => setTimeout(resolve, 50));
      }, { timeoutMs: 5 }),
    DOMException,
  );
  assertEquals(late.name, "TimeoutError");
  await assertRejects(() => transaction([a, b], () => {}, { timeoutMs: -1 }), RangeError);
  assertEquals([a.size, b.size], [0, 0]);
  await new Promise((resolve) => setTimeout(resolve, 60));
});

Deno.test("transaction() ends when one of its tables is closed", async () => {
  await using dir = tempDir();
  await using a = await PsBase.create(`${dir.path}/a`, SCHEMA);
  const b = await PsBase.create(`${dir.path}/b`, SCHEMA);
  const never = Promise.withResolvers<void>();
  const done = transaction([a, b], (a) => (a.insert({ n: 1 }), never.promise));
  const refused = assertRejects(() => done, ClosedError);
  await new Promise((resolve) => setTimeout(resolve));
  b[Symbol.dispose]();
  await refused;
  assertEquals(a.size, 0);
  assertEquals(a.insertSync({ n: 1 }), 0);
});

Deno.test("transactionSync() of an async function changes no table", async () => {
  await using dir = tempDir();
  await using a = await PsBase.create(`${dir.path}/a`, SCHEMA);
  await using b = await PsBase.create(`${dir.path}/b`, SCHEMA);
  const fn = async (tx: { insert(row: { n: number }): number }) => {
    tx.insert({ n: 1 });
    await null;
  };
  assertThrows(() => transactionSync([a, b], fn as never), TypeError, "promise");
  assertEquals([a.size, b.size], [0, 0]);
});

Deno.test("transaction() of a table and a copy of its files, which has the same UUID, locks both", async () => {
  await using dir = tempDir();
  await using a = await PsBase.create(`${dir.path}/a`, SCHEMA);
  await a.commit();
  await Deno.mkdir(`${dir.path}/copy`);
  for (const { name } of Deno.readDirSync(a.path)) {
    Deno.copyFileSync(`${a.path}/${name}`, `${dir.path}/copy/${name}`);
  }
  await using copy = await PsBase.open(`${dir.path}/copy`, { schema: SCHEMA });
  await transaction([a, copy], (a, copy) => {
    a.insert({ n: 1 });
    copy.insertMany([{ n: 1 }, { n: 2 }]);
  });
  // Two tables, though they have one name.
  await a.transaction(() => copy.insert({ n: 3 }));
  assertEquals([a.size, copy.size], [1, 3]);
});
