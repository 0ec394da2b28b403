/**
 * Every file operation of every verb fails once: with an error, on a full disk, half
 * way through a write, in a sync.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { PsBase } from "../../base.ts";
import { WriteError } from "../../engine/errors.ts";
import { withFiles } from "../../engine/file.ts";
import {
  Disk,
  type Fault,
  ioError,
  noSpace,
  OLDEST,
  type Operation,
} from "../helpers/crash_file.ts";
import { BASE, look, newDisk, NONE, open, type People, text, VERBS } from "../helpers/crash_run.ts";

/** A write of which so many bytes get through; a few bytes of one sector are written whole or not. */
function short(error: () => Error, written: number): (operation: Operation) => Fault | undefined {
  return ({ name, path }) =>
    name === "writeAt" && (written === 0 || path !== `${BASE}/base`)
      ? { error: error(), written }
      : undefined;
}

/** How an operation fails; `undefined` where it cannot fail so. */
const FAULTS: Record<string, (operation: Operation) => Fault | undefined> = {
  "EIO": () => ({ error: ioError() }),
  "EIO, the pages are dropped": ({ name }) =>
    name === "sync" ? { error: ioError(), pages: "dropped" } : undefined,
  "ENOSPC": short(noSpace, 0),
  "ENOSPC after 8 bytes": short(noSpace, 8),
  "ENOSPC after 60 bytes": short(noSpace, 60),
  "EIO after all was written": short(ioError, 2 ** 30),
};

const DATA: Record<string, (base: People) => void> = {
  insert: (base) => base.insertSync({ name: "homer", age: 39 }),
  insertMany: (base) => {
    base.insertManySync(Array.from({ length: 100 }, (_, i) => ({ name: `n${i}` })));
  },
  update: (base) => base.updateSync(0, { name: "x".repeat(20_000) }),
  delete: (base) => base.deleteSync(0),
  addField: (base) => base.addFieldSync("more", "float"),
  commit: (base) => base.commitSync(),
  cleanup: (base) => base.cleanupSync(),
};

function oldDisk(): Disk {
  const disk = newDisk();
  for (const verb of ["insertMany", "cleanup", "insert"] as const) VERBS[verb](disk.process());
  // A commit that is not on disk yet, of a process that is gone.
  const files = disk.process();
  open(files, { durability: "relaxed" }).insertSync({ name: "relaxed" });
  files.kill();
  return disk;
}

/** Runs `fn` with its n-th operation failing; whether there was one to fail, and what was thrown. */
function failing(
  disk: Disk,
  n: number,
  fault: (operation: Operation) => Fault | undefined,
  fn: () => void,
): { reached: boolean; error: unknown } {
  let reached = false;
  let error: unknown;
  let i = 0;
  disk.before = (operation) => {
    const failure = fault(operation);
    if (failure === undefined || i++ !== n) return;
    reached = true;
    return failure;
  };
  try {
    fn();
  } catch (thrown) {
    error = thrown;
  } finally {
    disk.before = () => {};
  }
  return { reached, error };
}

for (const [verb, call] of Object.entries(DATA)) {
  Deno.test(`PsBase.${verb}() leaves all or nothing whichever operation fails, and says so`, () => {
    const setup = oldDisk();
    const older = look(setup.cut(OLDEST));
    const before = look(setup);
    const rehearsal = setup.killed();
    call(open(rehearsal.process()));
    const after = look(rehearsal);
    let unknown = 0;
    for (const [kind, fault] of Object.entries(FAULTS)) {
      let reached = true;
      for (let n = 0; reached; n++) {
        const at = `${verb}, operation ${n}: ${kind}`;
        const disk = setup.killed();
        const files = disk.process();
        const base = open(files);
        let error: unknown;
        ({ reached, error } = failing(disk, n, fault, () => call(base)));
        if (error === undefined) {
          assertEquals(look(disk.cut(OLDEST)), after, at);
        }
        if (error instanceof WriteError && error.outcome === "unknown") {
          unknown++;
          assertEquals(assertThrows(() => base.insertSync({}), WriteError).outcome, "unknown", at);
          assert([older, before, after].includes(look(disk)), at);
          assert([older, before, after].includes(look(disk.cut(OLDEST))), at);
        } else {
          const expected = error === undefined ? after : before;
          assertEquals(text(base), expected, at);
          assertEquals(look(disk.killed()), expected, at);
          base.insertSync({ name: "more" });
          assertEquals(look(disk.cut(OLDEST)), text(base), at);
          assertEquals(base.recovered, null, at);
        }
        base[Symbol.dispose]();
        assertEquals([...files.opened].map((file) => file.path), [], `left open: ${at}`);
        // Whoever opens it next works on.
        const next = open(disk.process());
        next.insertSync({ name: "next" });
        assertEquals(look(disk.cut(OLDEST)), text(next), at);
        assert(withFiles(disk.process(), () => PsBase.checkSync(BASE)).ok, at);
      }
    }
    assert(unknown > 0, "a sync that fails leaves an unknown outcome");
  });
}

for (const verb of ["create", "override", "destroy"] as const) {
  Deno.test(`PsBase.${verb}() leaves all or nothing whichever operation fails`, () => {
    const setup = verb === "create" ? new Disk() : oldDisk();
    const older = look(setup.cut(OLDEST));
    const before = look(setup);
    const rehearsal = setup.killed();
    VERBS[verb](rehearsal.process());
    const after = look(rehearsal);
    for (const [kind, fault] of Object.entries(FAULTS)) {
      let reached = true;
      for (let n = 0; reached; n++) {
        const at = `${verb}, operation ${n}: ${kind}`;
        const disk = setup.killed();
        const files = disk.process();
        let error: unknown;
        ({ reached, error } = failing(disk, n, fault, () => VERBS[verb](files)));
        assertEquals([...files.opened].map((file) => file.path), [], `left open: ${at}`);
        const found = look(disk);
        assert([older, before, after].includes(found), `${at} left ${found}`);
        if (error === undefined) {
          assertEquals(found, after, at);
          assertEquals(look(disk.cut(OLDEST)), after, at);
        }
        if (verb === "destroy" && found === NONE) continue;
        // Done again, it is done.
        VERBS[verb](disk.process());
        assertEquals(look(disk), after, at);
        if (verb === "destroy") continue;
        const base = open(disk.process());
        base.insertSync({ name: "next" });
        assertEquals(look(disk.cut(OLDEST)), text(base), at);
      }
    }
  });
}

Deno.test("PsBase reads and writes on whichever operation of following a seal fails", () => {
  let reached = true;
  for (let n = 0; reached; n++) {
    const disk = oldDisk();
    const files = disk.process();
    const base = open(files);
    for (const verb of ["cleanup", "insert"] as const) VERBS[verb](disk.process());
    ({ reached } = failing(disk, n, FAULTS.EIO!, () => base.size));
    assertEquals(text(base), look(disk), `operation ${n}`);
    base.insertSync({ name: "more" });
    assertEquals(look(disk.cut(OLDEST)), text(base), `operation ${n}`);
    base[Symbol.dispose]();
    assertEquals(files.opened.size, 0, `operation ${n}`);
  }
});

Deno.test("PsBase.insert() that failed behind its last byte is not taken back, as others may have seen it", () => {
  const disk = newDisk();
  const base = open(disk.process());
  const reader = open(disk.process());
  disk.before = ({ name }) => {
    if (name !== "writeAt") return;
    disk.before = () => {
      disk.before = () => {};
      assertEquals(reader.size, 1);
    };
    return { error: ioError(), written: 2 ** 30 };
  };
  assertEquals(assertThrows(() => base.insertSync({}), WriteError).outcome, "unknown");
  assertEquals(reader.size, 1);
  assertEquals(look(disk), text(reader));
});
