/**
 * A transaction on a disk that is stopped, or fails, at each of its operations: all of it is
 * there, or nothing.
 *
 * @module
 */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { WriteError } from "../../engine/system/errors.ts";
import { PsBase, type Transaction } from "../../mod.ts";
import {
  anyOf,
  type Choose,
  type Disk,
  type Fault,
  ioError,
  NEWEST,
  noSpace,
  OLDEST,
  type Operation,
  random,
} from "../helpers/crash_file.ts";
import {
  BASE,
  diskAfter,
  look,
  oldDisk,
  open,
  type People,
  type SCHEMA,
  SEED,
  text,
} from "../helpers/crash_run.ts";
import { withFiles } from "../../engine/system/deno_file.ts";

type Tx = Transaction<typeof SCHEMA>;

/** Every kind of change, and more than a sector of it. */
function changes(tx: Tx): void {
  tx.update(0, { name: "x".repeat(700), age: 1 });
  tx.insertMany(Array.from({ length: 80 }, (_, i) => ({ name: `many ${i}`, age: i })));
  tx.updateWhere({ name: "many 7" }, (row) => ({ age: row.age! + 1 }));
  tx.delete(1);
  tx.delete(tx.insert({ name: "gone" }));
  tx.insert({ name: "last" });
}

const FORMS: Record<string, (base: People) => Promise<void>> = {
  async transaction(base) {
    await base.transaction(async (tx) => {
      changes(tx);
      await undefined;
      tx.insert({ name: "late" });
    });
  },
  transactionSync: (base) =>
    Promise.try(() =>
      base.transactionSync((tx) => {
        changes(tx);
        tx.insert({ name: "late" });
      })
    ),
};

const SETUPS: Record<string, () => Disk> = {
  "a new table": () => diskAfter("insert", "insert"),
  "an old table": oldDisk,
};

/** What is there before and after it. */
async function rehearse(setup: Disk, run: (base: People) => Promise<void>) {
  const rehearsal = setup.killed();
  const base = open(rehearsal.process());
  const before = text(base);
  await run(base);
  const after = text(base);
  await base.close();
  assert(before !== after);
  return { before, after };
}

for (const [form, run] of Object.entries(FORMS)) {
  for (const [where, setup] of Object.entries(SETUPS)) {
    Deno.test(`PsBase.${form}() of ${where} that is stopped anywhere leaves all or nothing`, async () => {
      const { before, after } = await rehearse(setup(), run);
      const next = random(SEED);
      const cuts: [string, Choose][] = [
        ["nothing unsynced is there", OLDEST],
        ["all is there", NEWEST],
        ...Array.from({ length: 8 }, (_, i) => [`${i}`, anyOf(next)] as [string, Choose]),
      ];
      const disk = setup();
      const files = disk.process();
      const base = open(files);
      let looked = 0;
      const seen = new Set<string>();
      const judge = (ending: Disk, allowed: readonly string[], what: string) => {
        const found = look(ending);
        assert(allowed.includes(found), `${what}, seed ${SEED}: ${found.slice(0, 300)}`);
        seen.add(found);
        looked++;
        // It can be written to, and keeps that.
        const process = ending.process();
        assert(withFiles(process, () => PsBase.checkSync(BASE)).ok, what);
        const other = open(process);
        other.transactionSync((tx) => tx.insert({ name: "next" }));
        assertEquals(look(ending.cut(OLDEST)), text(other), what);
      };
      disk.after = ({ name, path }) => {
        const at = `after ${name} of ${path}`;
        judge(disk.killed(), [before, after], `killed ${at}`);
        for (const [how, choose] of cuts) {
          judge(disk.cut(choose), [before, after], `power cut ${at}: ${how}`);
        }
        const length = path.endsWith(".log") ? disk.lastWrite : 0;
        for (let n = 8; n < length; n += 8 * (1 + Math.floor(next() * 20))) {
          judge(disk.torn(n), [before], `killed at byte ${n} of ${length}`);
          judge(disk.torn(n).cut(NEWEST), [before], `cut at byte ${n} of ${length}`);
        }
      };
      await run(base);
      disk.after = () => {};
      files.kill();
      assertEquals(seen, new Set([before, after]));
      assert(looked > 50);
      for (const [how, choose] of cuts) {
        judge(disk.cut(choose), [after], `power cut at the end: ${how}`);
      }
    });
  }

  const faults: Record<string, (operation: Operation) => Fault | undefined> = {
    "EIO": () => ({ error: ioError() }),
    "EIO, the pages are dropped": ({ name }) =>
      name === "sync" ? { error: ioError(), pages: "dropped" } : undefined,
    "ENOSPC after 60 bytes": ({ name }) =>
      name === "writeAt" ? { error: noSpace(), written: 60 } : undefined,
    "EIO after all was written": ({ name }) =>
      name === "writeAt" ? { error: ioError(), written: 2 ** 30 } : undefined,
  };

  Deno.test(`PsBase.${form}() leaves all or nothing whichever operation fails, and says so`, async () => {
    const setup = SETUPS["an old table"]!();
    const { before, after } = await rehearse(setup, run);
    const outcomes = new Set<string>();
    for (const [kind, fault] of Object.entries(faults)) {
      let reached = true;
      for (let n = 0; reached; n++) {
        const at = `operation ${n}: ${kind}`;
        const disk = setup.killed();
        const files = disk.process();
        const base = open(files);
        let i = 0;
        reached = false;
        disk.before = (operation) => {
          const failure = fault(operation);
          if (failure === undefined || i++ !== n) return;
          reached = true;
          return failure;
        };
        const error = await run(base).catch((error) => error);
        disk.before = () => {};
        if (error === undefined) {
          assertEquals(look(disk.cut(OLDEST)), after, at);
        } else if (error instanceof WriteError && error.outcome === "unknown") {
          outcomes.add("unknown");
          await assertRejects(() => run(base), WriteError);
          assert([before, after].includes(look(disk)), at);
          assert([before, after].includes(look(disk.cut(OLDEST))), at);
        } else {
          outcomes.add("none");
          assertEquals(text(base), before, at);
          assertEquals(look(disk.killed()), before, at);
          await run(base);
          assertEquals(text(base), after, at);
          assertEquals(look(disk.cut(OLDEST)), after, at);
        }
        await base.close().catch(() => {});
        base[Symbol.dispose]();
        assertEquals([...files.opened].map((file) => file.path), [], `left open: ${at}`);
        const next = open(disk.process());
        next.insertSync({ name: "next" });
        assertEquals(look(disk.cut(OLDEST)), text(next), at);
        assert(withFiles(disk.process(), () => PsBase.checkSync(BASE)).ok, at);
      }
    }
    assertEquals(outcomes, new Set(["none", "unknown"]));
  });
}

Deno.test("PsBase.transaction() of a process that is killed while its function waits was never there", async () => {
  const disk = SETUPS["an old table"]!();
  const before = look(disk);
  const files = disk.process();
  const base = open(files);
  const begun = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  const done = base.transaction(async (tx) => {
    changes(tx);
    begun.resolve();
    await gate.promise;
  });
  const failed = assertRejects(() => done, Error);
  await begun.promise;
  const other = open(disk.process());
  assertEquals(text(other), before);
  files.kill();
  assertEquals(look(disk.cut(NEWEST)), before);
  // Whoever comes next has the lock at once.
  const id = other.transactionSync((tx) => tx.insert({ name: "next" }));
  assertEquals(other.get(id)?.name, "next");
  gate.resolve();
  await failed;
  assertEquals(look(disk), text(other));
});
