import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Base,
  BaseLockedError,
  BaseNotFoundError,
  ClosedError,
  ConflictError,
  DeadlockError,
  link,
  LockTimeoutError,
  PsBase,
  ReadOnlyError,
  RecordNotFoundError,
  type RowOf,
  SchemaError,
  type Transaction,
  UniqueError,
  UpdateError,
  type View,
  WriteError,
} from "../../mod.ts";
import { isLocked, kernelWaiters, until } from "../helpers/locks.ts";
import { openRemote } from "../helpers/remote_base.ts";
import { tempBase } from "../helpers/temp_base.ts";
import { watchFiles } from "../helpers/watched_files.ts";
import { denoFiles, withFiles } from "../../engine/system/deno_file.ts";

const SCHEMA = {
  name: { type: "string", unique: true },
  n: { type: "integer", index: true },
  note: { type: "string", default: "-" },
} as const;

type People = Base<typeof SCHEMA>;
type Person = RowOf<People>;
type Tx = Transaction<typeof SCHEMA>;

/** Ends what would never end, as a deadlock does: the transaction then fails with a TimeoutError. */
const LIMIT = { timeoutMs: 20_000 };

const FORMS = ["transaction", "transactionSync"] as const;

/** A transaction in one form or the other. */
async function transact<T>(db: People, form: typeof FORMS[number], fn: (tx: Tx) => T): Promise<T> {
  if (form === "transactionSync") return db.transactionSync(fn as (tx: Tx) => never);
  return await db.transaction(fn, LIMIT) as T;
}

/** A function of a transaction that stops where it is told to. */
function gated<T>(before: (tx: Tx) => void, after: (tx: Tx) => T) {
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  return {
    begun: begun.promise,
    go: gate.resolve,
    async fn(tx: Tx): Promise<T> {
      before(tx);
      begun.resolve();
      await gate.promise;
      return after(tx);
    },
  };
}

/** A handle on another file layer, as if it were in another process. */
function openElsewhere(path: string): PsBase<typeof SCHEMA> {
  return withFiles({ ...denoFiles }, () => PsBase.openSync(path, { schema: SCHEMA }));
}

function people(count: number, from = 0) {
  return Array.from({ length: count }, (_, i) => ({ name: `p${from + i}`, n: (from + i) % 10 }));
}

/** All that can be asked of a view. */
function answers(view: View<typeof SCHEMA>) {
  return {
    rows: [...view],
    keys: [...view.keys()],
    got: [...view.keys()].map((id) => view.get(id)),
    at: Array.from({ length: view.size }, (_, n) => view.at(n)),
    has: Array.from({ length: 400 }, (_, id) => view.has(id)),
    size: view.size,
    byName: [...view].map(({ name }) => view.select({ name })[0]?.__id__),
    byN: Array.from({ length: 10 }, (_, n) => view.select({ n }).map((row) => row.__id__)),
    above: view.select({ n: { gte: 5 } }, { orderBy: ["-n"], limit: 7 }).map((row) => row.__id__),
    count: view.count({ note: "-" }),
    counted: view.count((row) => row.n === 3),
    sum: view.sum("n"),
    extremes: [view.min("n"), view.max("n"), view.avg("n")],
    distinct: view.distinct("n"),
    grouped: view.groupBy("n", { rows: "count", total: ["sum", "n"] }),
    snapshot: view.snapshot((still) => [still.size, still.sum("n"), [...still.keys()]]),
  };
}

/** The same of plain rows. */
function expected(rows: readonly Person[]): ReturnType<typeof answers> {
  const ids = (of: readonly Person[]) => of.map((row) => row.__id__);
  const ns = rows.map((row) => row.n!);
  const sum = ns.reduce((sum, n) => sum + n, 0);
  const distinct = [...new Set(ns)].sort((a, b) => a - b);
  const above = rows.filter((row) => row.n! >= 5)
    .toSorted((a, b) => b.n! - a.n! || a.__id__ - b.__id__);
  const of = (n: number) => rows.filter((row) => row.n === n);
  return {
    rows: [...rows],
    keys: ids(rows),
    got: [...rows],
    at: [...rows],
    has: Array.from({ length: 400 }, (_, id) => rows.some((row) => row.__id__ === id)),
    size: rows.length,
    byName: ids(rows),
    byN: Array.from({ length: 10 }, (_, n) => ids(of(n))),
    above: ids(above.slice(0, 7)),
    count: rows.filter((row) => row.note === "-").length,
    counted: of(3).length,
    sum,
    extremes: rows.length === 0
      ? [null, null, null]
      : [Math.min(...ns), Math.max(...ns), sum / rows.length],
    distinct,
    grouped: distinct.map((n) => ({ n, rows: of(n).length, total: n * of(n).length })),
    snapshot: [rows.length, sum, ids(rows)],
  };
}

/** All verbs that write, but those that end the handle; each breaks if it is not refused. */
function writesOf(db: People): Record<string, () => unknown> {
  return {
    insert: () => db.insert({ n: 1 }),
    insertMany: () => db.insertMany([{ n: 1 }]),
    insertAsStrings: () => db.insertAsStrings({ n: "1" }),
    update: () => db.update(0, { n: 1 }),
    updateWhere: () => db.updateWhere({}, { n: 1 }),
    upsert: () => db.upsert({ name: "p0" }, {}),
    delete: () => db.delete(0),
    deleteWhere: () => db.deleteWhere({}),
    addField: () => db.addField("more", "date"),
    dropField: () => db.dropField("n"),
    renameField: () => db.renameField("n", "m"),
    setDefault: () => db.setDefault("n", 1),
    setIndex: () => db.setIndex("n", { index: false }),
    setType: () => db.setType("n", "float"),
    commit: () => db.commit(),
    cleanup: () => db.cleanup(),
    transaction: () => db.transaction(() => {}),
    destroy: () => db.destroy(),
  };
}

function blockingWritesOf(db: People): Record<string, () => unknown> {
  return {
    insertSync: () => db.insertSync({ n: 1 }),
    insertManySync: () => db.insertManySync([{ n: 1 }]),
    insertAsStringsSync: () => db.insertAsStringsSync({ n: "1" }),
    updateSync: () => db.updateSync(0, { n: 1 }),
    updateWhereSync: () => db.updateWhereSync({}, { n: 1 }),
    upsertSync: () => db.upsertSync({ name: "p0" }, {}),
    deleteSync: () => db.deleteSync(0),
    deleteWhereSync: () => db.deleteWhereSync({}),
    addFieldSync: () => db.addFieldSync("more", "date"),
    dropFieldSync: () => db.dropFieldSync("n"),
    renameFieldSync: () => db.renameFieldSync("n", "m"),
    setDefaultSync: () => db.setDefaultSync("n", 1),
    setIndexSync: () => db.setIndexSync("n", { index: false }),
    setTypeSync: () => db.setTypeSync("n", "float"),
    commitSync: () => db.commitSync(),
    cleanupSync: () => db.cleanupSync(),
    transactionSync: () => db.transactionSync(() => {}),
    destroySync: () => db.destroySync(),
  };
}

/** Verbs of a transaction, each of which tells when it has ended. */
function verbsOf(tx: Tx): Record<string, () => unknown> {
  return {
    insert: () => tx.insert({ n: 1 }),
    insertMany: () => tx.insertMany([{ n: 1 }]),
    insertAsStrings: () => tx.insertAsStrings({ n: "1" }),
    update: () => tx.update(0, { n: 1 }),
    updateWhere: () => tx.updateWhere({}, { n: 1 }),
    upsert: () => tx.upsert({ name: "p0" }, {}),
    delete: () => tx.delete(0),
    deleteWhere: () => tx.deleteWhere({}),
    get: () => tx.get(0),
    at: () => tx.at(0),
    has: () => tx.has(0),
    keys: () => tx.keys(),
    size: () => tx.size,
    iteration: () => [...tx],
    select: () => tx.select(),
    count: () => tx.count(),
    sum: () => tx.sum("n"),
    groupBy: () => tx.groupBy("n", {}),
    explain: () => tx.explain(),
    snapshot: () => tx.snapshot(() => {}),
    schema: () => tx.schema,
  };
}

for (const Class of [Base, PsBase]) {
  for (const form of FORMS) {
    const what = `${Class.name}.${form}()`;

    Deno.test(`${what} answers every read by what it wrote, and so does the table afterwards`, async () => {
      await using temp = tempBase();
      using db = Class.createSync(temp.path, SCHEMA);
      // Some rows in the table, some in a group of the log, some one by one.
      db.insertManySync(people(100));
      db.cleanupSync();
      db.insertManySync(people(70, 100));
      db.insertSync({ name: "last", n: 7 });
      const before = answers(db);
      let rows = [...db];
      const put = (row: Person) => {
        rows = rows.filter(({ __id__ }) => __id__ !== row.__id__).concat(row)
          .sort((a, b) => a.__id__ - b.__id__);
      };
      const row = (id: number) => rows.find(({ __id__ }) => __id__ === id)!;
      const changed = (id: number, changes: Partial<Person>) => {
        put({ ...row(id), ...changes, __version__: row(id).__version__ + 1 });
        return row(id);
      };
      const steps: Record<string, (tx: Tx) => void> = {
        nothing() {},
        insert(tx) {
          assertEquals(tx.insert({ name: "one", n: 3 }), 171);
          put({ __id__: 171, __version__: 0, name: "one", n: 3, note: "-" });
        },
        "insertMany, few"(tx) {
          assertEquals(tx.insertMany([{ n: 1 }, { n: 2, note: "x" }]), [172, 173]);
          put({ __id__: 172, __version__: 0, name: null, n: 1, note: "-" });
          put({ __id__: 173, __version__: 0, name: null, n: 2, note: "x" });
          for (const id of [172, 173]) {
            tx.update(id, { name: `was null ${id}` });
            changed(id, { name: `was null ${id}` });
          }
        },
        "insertMany, many"(tx) {
          const ids = tx.insertMany(people(130, 1000));
          assertEquals(ids, Array.from({ length: 130 }, (_, i) => 174 + i));
          people(130, 1000).forEach((given, i) =>
            put({ __id__: 174 + i, __version__: 0, note: "-", ...given })
          );
        },
        insertAsStrings(tx) {
          assertEquals(tx.insertAsStrings({ name: "text", n: "5" }), 304);
          put({ __id__: 304, __version__: 0, name: "text", n: 5, note: "-" });
        },
        "update, of the table, of the log, of its own"(tx) {
          for (const id of [0, 99, 100, 170, 171, 174, 303]) {
            assertEquals(tx.update(id, { n: 9 }), changed(id, { n: 9 }));
            const again = tx.update(row(id), ({ n }) => ({ n: n! - 1, note: "again" }));
            assertEquals(again, changed(id, { n: 8, note: "again" }));
          }
          const both = tx.update([1, 175], { note: "both" });
          assertEquals(both, [1, 175].map((id) => changed(id, { note: "both" })));
        },
        updateWhere(tx) {
          const ids = rows.filter(({ n }) => n === 3).map(({ __id__ }) => __id__);
          assertEquals(tx.updateWhere({ n: 3 }, { n: 4 }), ids.length);
          for (const id of ids) changed(id, { n: 4 });
        },
        upsert(tx) {
          assertEquals(tx.upsert({ name: "p1001" }, { n: 0 }), changed(175, { n: 0 }));
          const made = { __id__: 305, __version__: 0, name: "new", n: 6, note: "-" };
          assertEquals(tx.upsert({ name: "new" }, { n: 6 }), made);
          put(made);
          assertEquals(tx.upsert({ name: "new" }, { n: 7 }), changed(305, { n: 7 }));
        },
        delete(tx) {
          const ids = [2, 101, 170, 172, 176, 304, 305];
          assertEquals(tx.delete(2), 1);
          assertEquals(tx.delete([...ids, 9999]), ids.length - 1);
          rows = rows.filter(({ __id__ }) => !ids.includes(__id__));
        },
        deleteWhere(tx) {
          const ids = rows.filter(({ n }) => n === 7).map(({ __id__ }) => __id__);
          assertEquals(tx.deleteWhere({ n: 7 }), ids.length);
          rows = rows.filter(({ __id__ }) => !ids.includes(__id__));
        },
        "insert again"(tx) {
          assertEquals(tx.insert({ name: "p2", n: 2 }), 306);
          put({ __id__: 306, __version__: 0, name: "p2", n: 2, note: "-" });
        },
      };
      await transact(db, form, (tx) => {
        for (const [name, step] of Object.entries(steps)) {
          step(tx);
          assertEquals(answers(tx), expected(rows), name);
          assertEquals(tx.path, temp.path);
        }
        assertEquals(tx.schema, db.schema);
        assertEquals(answers(db), before, "the base has the last commit");
      });
      assertEquals(answers(db), expected(rows));
      await db.close();
      using again = Class.openSync(temp.path, { schema: SCHEMA });
      assertEquals(answers(again), expected(rows), "opened again");
      again.cleanupSync();
      assertEquals(answers(again), expected(rows), "cleaned up");
      assertEquals(again.insertSync({}), 307);
    });

    Deno.test(`${what} uses the index, of the table and of what it wrote`, async () => {
      await using temp = tempBase();
      using db = Class.createSync(temp.path, { n: { type: "integer", index: true } });
      db.insertManySync(Array.from({ length: 5000 }, (_, n) => ({ n })));
      db.cleanupSync();
      await transact(db as never, form, (tx) => {
        tx.insertMany(Array.from({ length: 100 }, (_, n) => ({ n: n - 100 })));
        tx.update([10, 20], { n: -1 });
        const wanted = { n: [-2, 0] } as const;
        assertEquals(tx.explain(wanted as never).index, "n");
        const ids = tx.select(wanted as never).map((row) => row.__id__);
        assertEquals(ids, [0, 10, 20, 5098, 5099]);
      });
    });

    Deno.test(`${what} checks unique values at the end of each statement`, async () => {
      await using temp = tempBase();
      using db = Class.createSync(temp.path, SCHEMA);
      db.insertManySync(people(70));
      await transact(db, form, (tx) => {
        const [a, b] = [tx.insert({ name: "a" }), tx.insert({ name: "b" })];
        const exchange = (row: Person) => ({ name: row.name === "a" ? "b" : "a" });
        tx.update([a, b], exchange);
        assertEquals([tx.get(a)?.name, tx.get(b)?.name], ["b", "a"]);

        const before = answers(tx);
        const refused = (fn: () => unknown, id: number) => {
          const error = assertThrows(fn, UniqueError);
          assertEquals([error.field, error.id], ["name", id]);
          assertEquals(answers(tx), before, "what was refused changed nothing");
        };
        refused(() => tx.update(a, { name: "a" }), b);
        refused(() => tx.insert({ name: "p69" }), 69);
        refused(() => tx.insertMany([{ name: "c" }, { name: "a" }]), b);
        refused(() => tx.insertMany([...people(70, 500), { name: "a" }]), b);
        refused(() => tx.insertMany([{ name: "d" }, { name: "d" }]), 72);
        refused(() => tx.updateWhere({ name: { in: ["p1", "p2"] } }, { name: "e" }), 1);
        throw new Error("stop");
      }).catch((error) => assertEquals(error.message, "stop"));
      await transact(db, form, (tx) => {
        // What is free again can be taken, and it is the row that has it now which is in the way.
        tx.delete(1);
        tx.update(2, { name: "p1" });
        assertEquals(tx.insert({ name: "p2" }), 70);
        assertEquals(assertThrows(() => tx.insert({ name: "p1" }), UniqueError).id, 2);
        tx.insertMany(people(100, 1000));
        assertEquals(assertThrows(() => tx.insert({ name: "p1042" }), UniqueError).id, 71 + 42);
        assertEquals(tx.upsert({ name: "p1042" }, { n: 5 }).__version__, 1);
        tx.insert({ name: null });
        tx.insert({});
      });
      assertEquals([db.select({ name: "p1" })[0]?.__id__, db.at(-1)?.__id__], [2, 172]);
    });

    Deno.test(`${what} goes on after an error that is caught`, async () => {
      await using temp = tempBase();
      using db = Class.createSync(temp.path, {
        ...SCHEMA,
        n: { type: "integer", required: true },
      });
      db.insertSync({ name: "a", n: 1 });
      const old = db.get(0)!;
      await transact(db as never, form, (tx) => {
        tx.update(old as never, { n: 2 });
        const before = [...tx];
        assertThrows(() => tx.update(old as never, { n: 3 }), ConflictError);
        assertThrows(() => tx.update(7, { n: 3 }), RecordNotFoundError);
        assertThrows(() => tx.update([0, 7], { n: 3 }), RecordNotFoundError);
        assertThrows(() => tx.update({} as never, { n: 3 }), UpdateError);
        assertThrows(() => tx.update(0, { n: null }), SchemaError);
        assertThrows(() => tx.insert({ name: "b" }), SchemaError);
        assertThrows(() => tx.insertMany([{ n: 1 }, { n: "x" as never }]), TypeError);
        assertThrows(() => tx.insert({ m: 1 } as never), SchemaError);
        assertThrows(() => tx.insertAsStrings({ n: "x" }), TypeError);
        assertThrows(() => tx.upsert({ n: 1 } as never, {}), TypeError);
        assertThrows(() => tx.upsert({ name: "c" }, {}), SchemaError);
        assertThrows(() => tx.deleteWhere({ m: 1 } as never), TypeError);
        assertThrows(() => tx.updateWhere({}, { n: 2 ** 60 }), RangeError);
        const thrown = new Error("of the function");
        assertStrictEquals(
          assertThrows(() =>
            tx.update(0, () => {
              throw thrown;
            })
          ),
          thrown,
        );
        assertEquals([...tx], before);
        assertEquals(tx.insert({ n: 5 }), 1, "what failed used no id");
      });
      assertEquals(db.select().map((row) => [row.__version__, row.n]), [[1, 2], [0, 5]]);
    });

    Deno.test(`${what} that throws leaves nothing, uses no id, and passes the very same error on`, async () => {
      await using temp = tempBase();
      const files = watchFiles();
      using db = withFiles(files, () => Class.createSync(temp.path, SCHEMA));
      db.insertManySync(people(3));
      const [stats, rows, { writes, syncs }] = [db.stats(), [...db], { ...files }];
      for (const error of [new Error("stop"), new RangeError("stop"), "text", undefined, null, 7]) {
        let thrown: unknown = "nothing was thrown";
        try {
          await transact(db, form, (tx) => {
            tx.insertMany(people(100, 10));
            tx.update(0, { n: 100 });
            tx.delete([1, 2]);
            throw error;
          });
        } catch (caught) {
          thrown = caught;
        }
        assertStrictEquals(thrown, error);
        assertEquals([...db], rows);
        assertEquals(db.stats(), stats);
      }
      assertEquals([files.writes, files.syncs], [writes, syncs], "not a byte was written");
      assertEquals(await db.insert({}), 3);
    });

    Deno.test(`${what} is one frame, one write and one sync; if it changed nothing, none`, async () => {
      await using temp = tempBase();
      const files = watchFiles();
      using db = withFiles(files, () => Class.createSync(temp.path, SCHEMA));
      db.insertManySync(people(3));
      const synced: string[] = [];
      files.beforeSync = (path) => void synced.push(path.replace(/.*\./, ""));
      const of = async (fn: (tx: Tx) => unknown) => {
        const { sequence, logBytes } = db.stats();
        const { writes } = files;
        synced.length = 0;
        await transact(db, form, fn);
        const now = db.stats();
        return {
          frames: now.sequence - sequence,
          synced: [...synced],
          wrote: files.writes > writes,
          grew: now.logBytes > logBytes,
        };
      };
      const nothing = { frames: 0, synced: [], wrote: false, grew: false };
      assertEquals(await of(() => {}), nothing);
      assertEquals(
        await of((tx) => [tx.size, tx.delete(77), tx.updateWhere({ n: 55 }, {})]),
        nothing,
      );
      assertEquals(await of((tx) => tx.insertMany([])), nothing);
      const once = { frames: 1, synced: ["log"], wrote: true, grew: true };
      assertEquals(await of((tx) => tx.update(0, {})), once);
      const many = await of((tx) => {
        for (let i = 0; i < 50; i++) tx.delete(tx.insert({ n: i }));
        tx.insertMany(people(100, 10));
        tx.updateWhere({}, (row) => ({ n: row.n! + 1 }));
      });
      assertEquals(many, once);
    });

    Deno.test(`${what} passes its value on`, async () => {
      await using temp = tempBase();
      using db = Class.createSync(temp.path, SCHEMA);
      const value = { some: ["thing"] };
      assertStrictEquals(await transact(db, form, () => value), value);
      assertEquals(await transact(db, form, () => undefined), undefined);
      const row = await transact(db, form, (tx) => tx.get(tx.insert({ name: "a" })));
      assertEquals(row, { __id__: 0, __version__: 0, name: "a", n: null, note: "-" });
      assertEquals(db.get(0), row);
      assertEquals((await db.update(row!, { n: 1 })).__version__, 1);
      assertThrows(() => db.updateSync(row!, { n: 2 }), ConflictError);
    });

    Deno.test(`${what} once it ended, no verb of it can be used, nor what was begun in it`, async () => {
      await using temp = tempBase();
      using db = Class.createSync(temp.path, SCHEMA);
      db.insertManySync(people(100));
      for (const way of ["return", "throw"]) {
        const kept: {
          tx: Tx;
          rows: Iterator<unknown>;
          keys: Iterator<number>;
          view?: View<never>;
        }[] = [];
        const done = transact(db, form, (tx) => {
          const [rows, keys] = [tx[Symbol.iterator](), tx.keys()];
          assertEquals(keys.next().value, 0);
          kept.push({ tx, rows, keys, view: tx.snapshot((view) => view as never) as never });
          if (way === "throw") throw new Error("stop");
        });
        if (way === "throw") await assertRejects(() => done, Error, "stop");
        else await done;
        const [{ tx, rows, keys, view }] = kept as [typeof kept[0]];
        for (const [name, verb] of Object.entries(verbsOf(tx))) {
          assertThrows(verb, ClosedError, "has ended", name);
        }
        assertThrows(() => rows.next(), ClosedError);
        assertThrows(() => keys.next(), ClosedError);
        assertThrows(() => view!.size, ClosedError);
        assertEquals(tx.path, temp.path);
      }
      assertEquals(db.size, 100);
    });

    Deno.test(`${what} reads at one commit point in a predicate that writes, in an iterator, in a snapshot`, async () => {
      await using temp = tempBase();
      using db = Class.createSync(temp.path, SCHEMA);
      db.insertManySync(people(80));
      db.cleanupSync();
      db.insertManySync(people(5, 80));
      await transact(db, form, (tx) => {
        const before = [...tx];
        const seen = tx.select((row) => {
          if (row.n === 3) tx.insert({ n: 100 });
          if (row.n === 4) tx.delete(row.__id__! + 1);
          return true;
        });
        assertEquals([...seen], before);
        // One of the new ones is what came behind the last of the old ones.
        assertEquals([tx.size, tx.count({ n: 100 })], [85, 8]);
        const rows = [...tx];
        const iterator = tx[Symbol.iterator]();
        const taken = [iterator.next().value!, iterator.next().value!];
        tx.updateWhere({}, { note: "changed" });
        tx.deleteWhere({ n: 1 });
        assertEquals([...taken, ...iterator], rows);
        tx.snapshot((still) => {
          const all = [...still];
          tx.insertMany(people(70, 2000));
          tx.update(0, { n: 1 });
          assertEquals([...still], all);
          assertEquals(still.size + 70, tx.size);
        });
      });
    });

    Deno.test(`${what} refuses every writing verb of the table inside, on any handle, without delay`, async () => {
      await using temp = tempBase();
      using db = Class.createSync(temp.path, SCHEMA);
      db.insertManySync(people(3));
      using other = PsBase.openSync(temp.path, { schema: SCHEMA });
      const before = [...db];
      const refusals: Promise<void>[] = [];
      await transact(db, form, (tx) => {
        tx.insert({ name: "mine" });
        for (const handle of [db, other]) {
          for (const [name, write] of Object.entries(writesOf(handle))) {
            refusals.push(
              assertRejects(async () => await write(), DeadlockError, undefined, name)
                .then(() => {}),
            );
          }
          for (const [name, write] of Object.entries(blockingWritesOf(handle))) {
            assertThrows(write, DeadlockError, undefined, name);
          }
          assertEquals([...handle], before);
        }
        refusals.push(assertRejects(() => db.close(), DeadlockError).then(() => {}));
      });
      await Promise.all(refusals);
      assertEquals(refusals.length, 37);
      assertEquals(db.select({ name: { ne: null } }).length, 4);
      assertEquals([...db].slice(0, 3), before);
      assertEquals(await db.insert({}), 4);
    });

    Deno.test(`${what} nests with one of another table`, async () => {
      await using temp = tempBase();
      await using more = tempBase();
      using db = Class.createSync(temp.path, SCHEMA);
      using other = Class.createSync(more.path, SCHEMA);
      const stop = new Error("stop");
      const inner = (tx: Tx, fails: boolean) => {
        tx.insert({ n: 1 });
        if (fails) throw stop;
      };
      if (form === "transactionSync") {
        db.transactionSync((tx) => {
          tx.insert({ n: 1 });
          other.transactionSync((tx) => inner(tx, false));
          assertStrictEquals(
            assertThrows(() => other.transactionSync((tx) => inner(tx, true))),
            stop,
          );
          other.insertSync({ n: 2 });
          assertThrows(
            () => other.transactionSync(() => db.insertSync({})),
            DeadlockError,
          );
        });
      } else {
        await db.transaction(async (tx) => {
          tx.insert({ n: 1 });
          await other.transaction((tx) => inner(tx, false));
          await assertRejects(() => other.transaction((tx) => inner(tx, true)), Error, "stop");
          await other.insert({ n: 2 });
          await assertRejects(() => other.transaction(() => db.insert({})), DeadlockError);
          other.transactionSync((tx) => tx.update(1, { n: 2 }));
        }, LIMIT);
      }
      assertEquals([db.size, other.size], [1, 2]);
      // What the inner one committed stays, whatever becomes of the outer one.
      await transact(db, form, () => {
        other.insertSync({ n: 3 });
        throw stop;
      }).catch((error) => assertStrictEquals(error, stop));
      assertEquals([db.size, other.size], [1, 3]);
    });

    Deno.test(`${what} takes links to rows that it inserted, and leads to what it sees`, async () => {
      await using temp = tempBase();
      await using more = tempBase();
      using houses = PsBase.createSync(more.path, { street: "string" });
      const schema = { name: "string", boss: link("self"), house: link(houses) } as const;
      using db = Class.createSync(temp.path, schema);
      const house = houses.insertSync({ street: "evergreen" });
      await transact(db as never, form, (given) => {
        const tx = given as unknown as Transaction<typeof schema>;
        const burns = tx.insert({ name: "burns" });
        const homer = tx.insert({ name: "homer", boss: burns, house });
        assertEquals(tx.get(homer)?.boss?.name, "burns");
        assertEquals(tx.get(homer)?.house?.street, "evergreen");
        tx.update(burns, { name: "monty", boss: tx.get(homer)! });
        assertEquals(tx.get(homer)?.boss?.name, "monty");
        assertEquals(tx.get(homer)?.boss?.boss?.boss?.name, "monty");
        assertThrows(() => tx.insert({ boss: 99 }), RangeError, "there is no row 99");
        assertThrows(() => tx.update(homer, { house: 5 }), RangeError, "there is no row 5");
        const lisa = tx.insert({ name: "lisa", boss: homer });
        const many = tx.insertMany(Array.from({ length: 70 }, () => ({ boss: lisa })));
        assertEquals(tx.get(many[69]!)?.boss?.boss?.boss?.name, "monty");
        tx.delete(homer);
        assertEquals(tx.get(lisa)?.boss, null);
        assertThrows(() => tx.insert({ boss: homer }), RangeError, "there is no row 1");
        assertEquals(JSON.parse(JSON.stringify(tx.get(lisa))).boss, homer);
      });
      assertEquals([db.size, db.get(2)?.boss, db.get(3)?.boss?.name], [72, null, "lisa"]);
    });

    Deno.test(`${what} begins with the newest commit and the newest schema`, async () => {
      await using temp = tempBase();
      Class.createSync(temp.path, SCHEMA)[Symbol.dispose]();
      using db = Class.openSync<typeof SCHEMA>(temp.path);
      db.insertSync({ name: "a", n: 1 });
      // A Base is alone: it changes its schema itself.
      const changing = Class === Base ? db : openElsewhere(temp.path);
      await transact(db, form, (tx) => tx.update(0, { n: 2 }));
      changing.insertSync({ name: "b", n: 9 });
      changing.addFieldSync("more", { type: "string", default: "m" });
      changing.dropFieldSync("note");
      changing.renameFieldSync("n", "number");
      await transact(db, form, (tx) => {
        assertEquals(Object.keys(tx.schema), ["name", "number", "more"]);
        assertEquals([...tx] as unknown[], [
          { __id__: 0, __version__: 1, name: "a", number: 2, more: "m" },
          { __id__: 1, __version__: 0, name: "b", number: 9, more: "m" },
        ]);
        assertThrows(() => tx.insert({ note: "x" }), SchemaError);
        assertEquals(tx.insert({ number: 5 } as never), 2);
        tx.updateWhere({ number: 9 } as never, { more: "changed" } as never);
      });
      assertEquals([...db].map((row) => (row as Record<string, unknown>).more), [
        "m",
        "changed",
        "m",
      ]);
      if (changing !== db) {
        assertEquals([...changing], [...db]);
        changing[Symbol.dispose]();
      }
    });

    Deno.test(`${what} that takes much is cleaned up like any other commit`, async () => {
      await using temp = tempBase();
      using db = Class.createSync(temp.path, SCHEMA);
      await transact(db, form, (tx) => {
        tx.insertMany(people(1000).map((row) => ({ ...row, note: row.name.padEnd(1000) })));
        tx.deleteWhere({ n: 5 });
      });
      await until(() => db.stats().generation > 1);
      await db.commit();
      assertEquals([db.size, db.sum("n")], [900, 4000]);
      await transact(db, form, (tx) => tx.updateWhere({ n: 1 }, { n: 0 }));
      assertEquals(db.sum("n"), 3900);
    });
  }

  Deno.test(`${Class.name}.transaction() waits for what its function awaits, and undoes what it rejects`, async () => {
    await using temp = tempBase();
    using db = Class.createSync(temp.path, SCHEMA);
    const order: string[] = [];
    const value = await db.transaction(async (tx) => {
      const id = tx.insert({ name: "a", n: 1 });
      await new Promise((resolve) => setTimeout(resolve));
      order.push("awaited");
      tx.update(id, { n: (await Promise.resolve(2)) + tx.get(id)!.n! });
      await Deno.stat(temp.path);
      return Promise.resolve({ id, n: tx.get(id)!.n });
    }, LIMIT);
    order.push("committed");
    assertEquals(order, ["awaited", "committed"]);
    assertEquals([value, db.get(0)?.n, db.get(0)?.__version__], [{ id: 0, n: 3 }, 3, 1]);

    const { sequence, logBytes } = db.stats();
    const stop = new Error("stop");
    const error = await assertRejects(() =>
      db.transaction(async (tx) => {
        tx.insertMany(people(100, 10));
        await new Promise((resolve) => setTimeout(resolve));
        tx.delete(0);
        await Promise.reject(stop);
      }, LIMIT)
    );
    assertStrictEquals(error, stop);
    assertEquals(db.stats(), { ...db.stats(), sequence, logBytes, rows: 1 });
    assertEquals(await db.insert({}), 1);
  });

  Deno.test(`${Class.name}.transaction() is not seen before its commit, by nobody`, async () => {
    await using temp = tempBase();
    using db = Class.createSync(temp.path, SCHEMA);
    db.insertManySync(people(3));
    using other = PsBase.openSync(temp.path, { schema: SCHEMA });
    using still = PsBase.openSync(temp.path, { schema: SCHEMA, readOnly: true });
    await using remote = await openRemote(temp.path, "PsBase", { readOnly: true });
    const seen = async () => [
      ...[db, other, still, openElsewhere(temp.path)].map((view) => {
        const rows = view.select().map((row) => row.name);
        assertEquals([view.size, view.snapshot((at) => at.size)], [rows.length, rows.length]);
        if (![db, other, still].includes(view)) (view as People)[Symbol.dispose]();
        return rows;
      }),
      (await remote.call("select") as Person[]).map((row) => row.name),
    ];
    const before = Array.from({ length: 5 }, () => ["p0", "p1", "p2"]);
    await db.transaction(async (tx) => {
      assertEquals(await seen(), before);
      tx.insert({ name: "new" });
      assertEquals(await seen(), before);
      tx.update([0, 1], (row) => ({ name: `${row.name}!` }));
      tx.delete(2);
      assertEquals(await seen(), before);
      assertEquals(tx.select().map((row) => row.name), ["p0!", "p1!", "new"]);
    }, LIMIT);
    const after = ["p0!", "p1!", "new"];
    assertEquals(await seen(), Array.from({ length: 5 }, () => after));
  });

  for (const handles of ["one handle", "two handles"]) {
    if (Class === Base && handles === "two handles") continue;
    Deno.test(`${Class.name}.transaction() of ${handles} waits for the one before`, async () => {
      await using temp = tempBase();
      using db = Class.createSync(temp.path, SCHEMA);
      using second = handles === "one handle" ? undefined : openElsewhere(temp.path);
      db.insertSync({ name: "count", n: 0 });
      const order: string[] = [];
      const add = (which: string) => async (tx: Tx) => {
        order.push(`${which} begins`);
        const { n } = tx.get(0)!;
        await new Promise((resolve) => setTimeout(resolve));
        tx.update(0, { n: n! + 1 });
        order.push(`${which} ends`);
      };
      await Promise.all([
        ...Array.from({ length: 5 }, (_, i) => db.transaction(add(`a${i}`), LIMIT)),
        ...Array.from({ length: 5 }, (_, i) => (second ?? db).transaction(add(`b${i}`), LIMIT)),
      ]);
      assertEquals([db.get(0)?.n, db.get(0)?.__version__], [10, 10]);
      for (let i = 0; i < 20; i += 2) {
        assertEquals(order[i]!.replace("begins", "ends"), order[i + 1], order.join(", "));
      }
    });
  }

  Deno.test(`${Class.name}.transaction() keeps writes waiting, and blocking ones out, until it ends`, async () => {
    for (const end of ["return", "throw"]) {
      await using temp = tempBase();
      using db = Class.createSync(temp.path, SCHEMA);
      db.insertSync({ name: "a", n: 0 });
      using other = Class === Base ? undefined : PsBase.openSync(temp.path, { schema: SCHEMA });
      const { fn, begun, go } = gated((tx) => tx.update(0, { n: 1 }), (tx) => {
        tx.insert({ name: "b" });
        if (end === "throw") throw new Error("stop");
      });
      const done = db.transaction(fn, LIMIT);
      const ended = end === "throw" ? assertRejects(() => done, Error, "stop") : done;
      await begun;
      let settled = 0;
      const handles: People[] = other === undefined ? [db, db] : [db, other];
      const writes = handles.map((handle, i) => [
        handle.insert({ name: `late ${i}` }),
        handle.update(0, (row) => ({ n: row.n! + 10 })),
        handle.transaction((tx) => tx.update(0, (row) => ({ n: row.n! + 100 }))),
        handle.commit(),
      ]).flat();
      for (const write of writes) write.finally(() => settled++);
      for (const handle of handles) {
        for (const [name, write] of Object.entries(blockingWritesOf(handle))) {
          assertThrows(write, DeadlockError, undefined, name);
        }
      }
      await new Promise((resolve) => setTimeout(resolve));
      assertEquals([settled, db.get(0)?.n, db.size], [0, 0, 1]);
      go();
      await ended;
      await Promise.all(writes);
      assertEquals(db.get(0)?.n, end === "throw" ? 220 : 221);
      assertEquals(db.size, end === "throw" ? 3 : 4);
      for (const handle of handles) handle.insertSync({});
    }
  });

  Deno.test(`${Class.name}.transaction() is known wherever what it calls goes on`, async () => {
    await using temp = tempBase();
    using db = Class.createSync(temp.path, SCHEMA);
    using other = PsBase.openSync(temp.path, { schema: SCHEMA });
    const helper = async (db: People) => {
      await Promise.resolve();
      await Deno.stat(temp.path);
      return await Promise.all([Promise.resolve(1), db.insert({ n: 1 })]);
    };
    const ways: Record<string, (db: People) => Promise<unknown>> = {
      "an await chain": helper,
      "a timer": (db) =>
        new Promise((resolve, reject) => setTimeout(() => helper(db).then(resolve, reject))),
      "a microtask": (db) =>
        new Promise((resolve, reject) => queueMicrotask(() => helper(db).then(resolve, reject))),
      "a generator": async (db) => {
        for await (
          const one of (async function* () {
            yield await helper(db);
          })()
        ) return one;
      },
      "a stream": (db) =>
        new ReadableStream({ pull: () => helper(db).then(() => {}) }, { highWaterMark: 0 })
          .getReader().read(),
      "another transaction": async (db) => {
        await using more = tempBase();
        using between = PsBase.createSync(more.path, SCHEMA);
        await between.transaction(() => helper(db));
      },
    };
    await db.transaction(async (tx) => {
      for (const handle of [db, other]) {
        for (const [name, way] of Object.entries(ways)) {
          await assertRejects(() => way(handle), DeadlockError, "inside", name);
        }
      }
      tx.insert({ name: "end" });
    }, LIMIT);
    assertEquals([...db].map((row) => row.name), ["end"]);
    // Who was called from it and goes on behind its end is free again.
    assertEquals(await helper(db), [1, 1]);
  });

  Deno.test(`${Class.name}.transaction() that takes longer than timeoutMs leaves nothing, and lets go`, async () => {
    await using temp = tempBase();
    using db = Class.createSync(temp.path, SCHEMA);
    db.insertManySync(people(3));
    const rows = [...db];
    let kept: Tx | undefined;
    const never = Promise.withResolvers<void>();
    const late = Promise.withResolvers<unknown>();
    const error = await assertRejects(
      () =>
        db.transaction(async (tx) => {
          kept = tx;
          tx.insertMany(people(100, 10));
          tx.delete(0);
          await never.promise;
          try {
            tx.insert({ name: "late" });
          } catch (error) {
            late.resolve(error);
            throw error;
          }
        }, { timeoutMs: 5 }),
      DOMException,
      temp.path,
    );
    assertEquals(error.name, "TimeoutError");
    assertEquals(isLocked(`${temp.path}/base`), Class === Base);
    assertEquals([...db], rows);
    for (const [name, verb] of Object.entries(verbsOf(kept!))) {
      assertThrows(verb, ClosedError, "has ended", name);
    }
    assertEquals(await db.insert({ name: "next" }), 3);
    assertEquals(db.transactionSync((tx) => tx.insert({})), 4);
    // The function goes on, and what it rejects with is nobody's any more.
    never.resolve();
    assert(await late.promise instanceof ClosedError);
    assertEquals(db.size, 5);
    assertEquals(await db.transaction(() => 7, { timeoutMs: 0 }), 7);
    for (const timeoutMs of [-1, NaN, "5" as never]) {
      await assertRejects(() => db.transaction(() => {}, { timeoutMs }), RangeError);
    }
  });

  Deno.test(`${Class.name}.close() waits for a transaction; disposal ends it, and nothing is written`, async () => {
    await using temp = tempBase();
    for (const end of ["close", "dispose"] as const) {
      const db = Class.createSync(temp.path, SCHEMA, { mode: "open" });
      const { fn, begun, go } = gated((tx) => tx.insert({ name: end }), (tx) => tx.insert({}));
      const done = db.transaction(fn, LIMIT);
      await begun;
      if (end === "close") {
        const closed = db.close();
        assertEquals(db.size, 0);
        go();
        assertEquals(await done, 1);
        await closed;
      } else {
        const refused = assertRejects(() => done, ClosedError);
        db[Symbol.dispose]();
        go();
        await refused;
      }
      assertThrows(() => db.size, ClosedError);
      await assertRejects(() => db.transaction(() => {}), ClosedError);
      assertThrows(() => db.transactionSync(() => {}), ClosedError);
    }
    using after = PsBase.openSync(temp.path, { schema: SCHEMA });
    assertEquals(after.select().map((row) => row.name), ["close", null]);
    assertEquals(after.insertSync({}), 2);
  });

  Deno.test(`${Class.name}.transaction() of a handle that is disposed inside it is refused`, async () => {
    await using temp = tempBase();
    const db = Class.createSync(temp.path, SCHEMA);
    await assertRejects(
      () =>
        db.transaction((tx) => {
          tx.insert({ n: 1 });
          db[Symbol.dispose]();
        }),
      ClosedError,
    );
    using again = Class.openSync(temp.path);
    assertEquals([again.size, isLocked(`${temp.path}/base`)], [0, Class === Base]);
  });

  Deno.test(`${Class.name}.cleanup() that is under way lets a transaction through, and keeps it`, async () => {
    await using temp = tempBase();
    using db = Class.createSync(temp.path, SCHEMA);
    db.insertManySync(people(500));
    const cleanups = [db.cleanup()];
    for (let i = 0; i < 20; i++) {
      await db.transaction(async (tx) => {
        tx.update(i, { n: 1000 });
        await new Promise((resolve) => setTimeout(resolve));
        tx.insert({ name: `new ${i}`, n: 1000 });
        tx.delete(100 + i);
      }, LIMIT);
      if (i % 5 === 0) cleanups.push(db.cleanup());
    }
    await Promise.all(cleanups);
    assert(db.stats().generation > 2);
    assertEquals([db.size, db.count({ n: 1000 })], [500, 40]);
  });

  Deno.test(`${Class.name}.transaction() that cannot be written is not there`, async () => {
    for (const form of FORMS) {
      await using temp = tempBase();
      const files = watchFiles();
      using db = withFiles(files, () => Class.createSync(temp.path, SCHEMA));
      db.insertManySync(people(3));
      const rows = [...db];
      const full = new Error("No space left on device (os error 28)");
      files.beforeWrite = () => {
        files.beforeWrite = () => {};
        throw full;
      };
      const error = await assertRejects(
        () => transact(db, form, (tx) => [tx.insertMany(people(100, 10)), tx.delete(0)]),
        WriteError,
      );
      assertEquals([error.outcome, error.cause], ["none", full]);
      assertEquals([...db], rows);
      assertEquals(await transact(db, form, (tx) => tx.insert({ name: "next" })), 3);
      // A sync that fails leaves it open what is on disk: the handle works no more.
      files.beforeSync = () => {
        throw new Error("Input/output error (os error 5)");
      };
      const unknown = await assertRejects(
        () => transact(db, form, (tx) => tx.insert({ name: "lost" })),
        WriteError,
      );
      assertEquals(unknown.outcome, "unknown");
      await assertRejects(() => transact(db, form, () => {}), WriteError);
      db[Symbol.dispose]();
      files.beforeSync = () => {};
      using again = Class.openSync(temp.path, { schema: SCHEMA });
      assertEquals([...again].slice(0, 3), rows);
    }
  });
}

Deno.test("PsBase.transaction() of other processes: writes wait, reads go on, a kill leaves nothing", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, SCHEMA);
  db.insertSync({ name: "a", n: 0 });
  await using remote = await openRemote(temp.path, "PsBase");
  let insert: Promise<unknown> | undefined;
  await db.transaction(async (tx) => {
    tx.insert({ name: "b" });
    insert = remote.call("insert", { name: "c" });
    await until(() => kernelWaiters(`${temp.path}/base`) === 1);
    tx.insert({ name: "d" });
  }, LIMIT);
  assertEquals(await insert, 3);
  assertEquals(db.select().map((row) => row.name), ["a", "b", "d", "c"]);
});

Deno.test("PsBase.transaction() waits for the lock as long as it is told to, and its function is not called", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, SCHEMA);
  using hasty = PsBase.openSync(temp.path, { schema: SCHEMA, timeoutMs: 5 });
  using lock = Deno.openSync(`${temp.path}/base`, { read: true, write: true });
  lock.lockSync(true);
  const never = () => {
    throw new Error("called");
  };
  for (const timeoutMs of [0, 5]) {
    await assertRejects(() => db.transaction(never, { timeoutMs }), LockTimeoutError);
  }
  await assertRejects(() => hasty.transaction(never), LockTimeoutError);
  await assertRejects(() => hasty.transaction(never, { timeoutMs: 1e6 }), LockTimeoutError);
  assertThrows(() => hasty.transactionSync(never), LockTimeoutError);
  const disposed = PsBase.openSync(temp.path);
  const waiting = disposed.transaction(never);
  const refused = assertRejects(() => waiting, ClosedError);
  const patient = db.transaction((tx) => tx.insert({ name: "late" }));
  disposed[Symbol.dispose]();
  await refused;
  lock.unlockSync();
  assertEquals(await patient, 0);
});

Deno.test("PsBase.transaction() is refused beside a Base, on what is read only, on what is gone", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, SCHEMA);
  using still = PsBase.openSync(temp.path, { schema: SCHEMA, readOnly: true });
  const never = () => {
    throw new Error("called");
  };
  await assertRejects(() => still.transaction(never), ReadOnlyError);
  assertThrows(() => still.transactionSync(never), ReadOnlyError);
  {
    using _owner = Base.openSync(temp.path);
    await assertRejects(() => db.transaction(never), BaseLockedError);
    assertThrows(() => db.transactionSync(never), BaseLockedError);
  }
  using other = openElsewhere(temp.path);
  other.destroySync();
  await assertRejects(() => db.transaction(never), BaseNotFoundError);
  assertThrows(() => db.transactionSync(never), BaseNotFoundError);
});

Deno.test("PsBase.transaction() with relaxed durability waits for no sync; commit() makes it durable", async () => {
  await using temp = tempBase();
  const files = watchFiles();
  using db = withFiles(
    files,
    () => PsBase.createSync(temp.path, SCHEMA, { durability: "relaxed" }),
  );
  db.insertSync({});
  const { syncs } = files;
  await db.transaction((tx) => tx.insertMany(people(3)));
  db.transactionSync((tx) => tx.delete(0));
  assertEquals(files.syncs, syncs);
  await db.commit();
  assertEquals(files.syncs, syncs + 1);
});

Deno.test("PsBase.transaction() of many at once on many handles loses no change", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, SCHEMA);
  db.insertManySync([{ name: "a", n: 100 }, { name: "b", n: 0 }]);
  const handles = [db, PsBase.openSync(temp.path, { schema: SCHEMA }), openElsewhere(temp.path)];
  const move = (tx: Tx) => {
    tx.update(0, (row) => ({ n: row.n! - 1 }));
    tx.update(1, (row) => ({ n: row.n! + 1 }));
  };
  await Promise.all(Array.from({ length: 90 }, async (_, i) => {
    const handle: People = handles[i % 3]!;
    if (i % 2 === 0) await handle.transaction(move, LIMIT);
    else {
      await handle.transaction(async (tx) => {
        await null;
        move(tx);
      }, LIMIT);
    }
    assertEquals(handle.sum("n"), 100);
  }));
  assertEquals(db.select().map((row) => row.n), [10, 90]);
  for (const handle of handles.slice(1)) await handle.close();
});
