/**
 * Handles that end inside functions that their own verbs call: predicates, update functions,
 * snapshots, transactions, iterators.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Base,
  BaseError,
  BaseNotFoundError,
  ClosedError,
  DeadlockError,
  PsBase,
} from "../../mod.ts";
import { until } from "../helpers/locks.ts";
import { tempBase } from "../helpers/temp_base.ts";
import { watchFiles } from "../helpers/watched_files.ts";
import { withFiles } from "../../engine/system/deno_file.ts";

const SCHEMA = { i: { type: "integer", required: true }, s: "string" } as const;
type Rows = Base<typeof SCHEMA>;

const ROWS = Array.from({ length: 300 }, (_, i) => ({ i, s: `s${i}` }));

/** Verbs that call `fn`, once or for each row. */
const READS: Record<string, (db: Rows, fn: () => void) => unknown> = {
  select: (db, fn) => db.select((row) => (fn(), row.s !== null && row.i >= 0)),
  count: (db, fn) => db.count((row) => (fn(), row.i >= 0)),
  sum: (db, fn) => db.sum("i", (row) => (fn(), row.s !== "")),
  groupBy: (db, fn) => db.groupBy("s", { n: "count" }, (row) => (fn(), row.i >= 0)),
  snapshot: (db, fn) => db.snapshot((view) => (fn(), view.select({ i: { gte: 0 } }).length)),
  iteration(db, fn) {
    for (const row of db) fn(), assert(row.s !== "");
  },
};
const WRITES: Record<string, (db: Rows, fn: () => void) => unknown> = {
  updateSync: (db, fn) => db.updateSync([1, 2, 250], () => (fn(), { s: "x" })),
  updateWhereSync: (db, fn) => db.updateWhereSync({ i: { gte: 0 } }, () => (fn(), { s: "x" })),
  "updateWhereSync, predicate": (db, fn) =>
    db.updateWhereSync((row) => (fn(), row.s !== ""), { s: "x" }),
  deleteWhereSync: (db, fn) => db.deleteWhereSync((row) => (fn(), row.s !== "")),
  transactionSync: (db, fn) => db.transactionSync((tx) => (tx.delete(1), fn(), tx.size)),
  "transactionSync, predicate": (db, fn) =>
    db.transactionSync((tx) => (tx.delete(1), tx.select((row) => (fn(), row.s !== "")).length)),
  update: (db, fn) => db.update([1, 2, 250], () => (fn(), { s: "x" })),
  updateWhere: (db, fn) => db.updateWhere((row) => row.s !== "", () => (fn(), { s: "x" })),
  deleteWhere: (db, fn) => db.deleteWhere((row) => (fn(), row.s !== "")),
  transaction: (db, fn) => db.transaction((tx) => (tx.delete(1), fn(), tx.size)),
};

/** A table in the log, or in a table file. */
async function fill(
  Class: typeof Base | typeof PsBase,
  path: string,
  where: string,
): Promise<Rows> {
  const db = await Class.create(path, SCHEMA);
  await db.insertMany(ROWS);
  if (where === "table") await db.cleanup();
  await db.close();
  // Nothing of it is in memory.
  return await Class.open(path, { schema: SCHEMA, cacheBytes: 0 });
}

/** What is there, for another handle, and that it can be written. */
async function lookAt(path: string): Promise<void> {
  await using db = await PsBase.open(path, { schema: SCHEMA });
  assertEquals(db.select().map(({ i, s }) => ({ i, s })), ROWS, "nothing was changed");
  assertEquals((await db.check()).problems, []);
  assertEquals(await db.insert({ i: 300 }), 300);
}

for (const Class of [Base, PsBase]) {
  for (const where of ["log", "table"]) {
    Deno.test(`${Class.name}, rows in the ${where}: a handle that is disposed of inside its own verb ends with a ClosedError`, async () => {
      for (const [name, verb] of Object.entries({ ...READS, ...WRITES })) {
        await using temp = tempBase();
        const db = await fill(Class, temp.path, where);
        let error: unknown;
        try {
          await verb(db, () => db[Symbol.dispose]());
        } catch (thrown) {
          error = thrown;
        }
        // A read that has all it needs in memory already goes on to its end.
        assert(
          error instanceof ClosedError || (error === undefined && name in READS),
          `${name}: ${error}`,
        );
        await lookAt(temp.path);
      }
    });

    Deno.test(`${Class.name}, rows in the ${where}: a verb that changes is refused inside one that changes, and others are not`, async () => {
      for (const [name, verb] of Object.entries(WRITES)) {
        for (const inner of ["destroySync", "cleanupSync", "commitSync"] as const) {
          await using temp = tempBase();
          const db = await fill(Class, temp.path, where);
          await assertRejects(
            async () => await verb(db, () => db[inner]()),
            DeadlockError,
            undefined,
            `${name}, ${inner}`,
          );
          db.insertSync({ i: 7 });
          db.deleteSync(300);
          await db.close();
          await using again = await PsBase.open(temp.path, { schema: SCHEMA });
          assertEquals(again.select().map(({ i, s }) => ({ i, s })), ROWS);
        }
      }
      for (const [name, verb] of Object.entries(READS)) {
        await using temp = tempBase();
        const db = await fill(Class, temp.path, where);
        let done = false;
        const destroy = () => {
          if (!done) db.destroySync();
          done = true;
        };
        try {
          verb(db, destroy);
        } catch (error) {
          assert(error instanceof ClosedError, `${name}: ${error}`);
        }
        await assertRejects(() => PsBase.open(temp.path), BaseNotFoundError);
      }
    });

    Deno.test(`${Class.name}, rows in the ${where}: close() inside a verb waits for its end`, async () => {
      for (const [name, verb] of Object.entries({ ...READS, ...WRITES })) {
        await using temp = tempBase();
        const db = await fill(Class, temp.path, where);
        let closed: Promise<unknown> | undefined;
        const fn = () => void (closed ??= db.close().then(() => "closed", (error) => error));
        let told: unknown = "done";
        try {
          await verb(db, fn);
        } catch (error) {
          told = error;
        }
        // In a transaction it would wait for itself.
        const outcome = await closed;
        if (name.startsWith("transaction")) assert(outcome instanceof DeadlockError, `${outcome}`);
        else assertEquals(outcome, "closed", name);
        assert(told === "done" || told instanceof BaseError, `${name}: ${told}`);
        if (name in WRITES) assertEquals(told, "done", name);
        await db.close();
      }
    });
  }

  Deno.test(`${Class.name} that is disposed of inside updateSync() appends nothing, though its log is still open`, async () => {
    await using temp = tempBase();
    await (await fill(Class, temp.path, "log")).close();
    const files = watchFiles();
    const db = withFiles(files, () => Class.openSync(temp.path, { schema: SCHEMA }));
    const gate = Promise.withResolvers<void>();
    const syncing = Promise.withResolvers<void>();
    files.beforeSync = () => (syncing.resolve(), gate.promise);
    const first = assertRejects(() => db.insert({ i: 300 }), ClosedError);
    await syncing.promise;
    const end = () => (db[Symbol.dispose](), { s: "x" });
    assertThrows(() => db.updateSync(1, end), ClosedError);
    gate.resolve();
    await first;
    await until(() => files.opened.size === 0);
    await using again = await PsBase.open(temp.path, { schema: SCHEMA });
    assertEquals([again.size, again.get(1)?.s], [301, "s1"]);
  });

  Deno.test(`${Class.name}.watch() whose condition disposes of the handle ends`, async () => {
    for (const end of ["dispose", "destroy"]) {
      await using temp = tempBase();
      const db = await fill(Class, temp.path, "table");
      const changes = db.watch({
        where: (row) => {
          if (end === "dispose") db[Symbol.dispose]();
          else db.destroySync();
          return row.i !== 7;
        },
      });
      // Waits for its first step, in which the condition is asked.
      await db.delete(3);
      const ended = (async () => {
        const seen = [];
        for await (const { kind } of changes) seen.push(kind);
        return seen;
      })();
      const told = await ended.catch((error) => error);
      assert(told instanceof ClosedError || told.length === 0, `${told}`);
    }
  });
}
