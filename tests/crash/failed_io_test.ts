/**
 * Every file operation of every verb fails once, or from then on, in every way that a system
 * has.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { WriteError } from "../../engine/system/errors.ts";
import { PsBase } from "../../mod.ts";
import {
  anyOf,
  Disk,
  type Fault,
  ioError,
  noSpace,
  OLDEST,
  type Operation,
  random,
} from "../helpers/crash_file.ts";
import {
  type Act,
  ACTS,
  BASE,
  COPY,
  diskAfter,
  type Form,
  look,
  lookAt,
  newDisk,
  NONE,
  open,
  type People,
  SEED,
  tell,
  text,
  VERBS,
} from "../helpers/crash_run.ts";
import { withFiles } from "../../engine/system/deno_file.ts";

/** How an operation fails; `undefined` where it cannot fail so. */
type Failing = (operation: Operation) => Fault | undefined;

/** A write of which so many bytes get through; those of the identity are one sector, all or none. */
function short(error: () => Error, written: number): Failing {
  return ({ name, path }) =>
    name === "writeAt" && (written === 0 || path !== `${BASE}/base`)
      ? { error: error(), written }
      : undefined;
}

function on(names: readonly string[], error: () => Error, pages?: "dropped"): Failing {
  return ({ name }) =>
    names.includes(name) ? { error: error(), ...(pages && { pages }) } : undefined;
}

const tooLarge = () => new Error("File too large (os error 27)");
const tooMany = () => new Error("Too many open files (os error 24)");
/** What opens a file, if only for the moment. */
const OPENING = ["open", "list", "syncDir"];

const FAULTS: Record<string, Failing> = {
  "EIO": () => ({ error: ioError() }),
  "EIO, the pages are dropped": on(["sync"], ioError, "dropped"),
  "EIO after all was written": short(ioError, 2 ** 30),
  "ENOSPC": short(noSpace, 0),
  "ENOSPC after 8 bytes": short(noSpace, 8),
  "ENOSPC after 60 bytes": short(noSpace, 60),
  // Behind the commit that is written again.
  "ENOSPC after 140 bytes": short(noSpace, 140),
  "EFBIG": short(tooLarge, 0),
  "EFBIG after 60 bytes": short(tooLarge, 60),
  "EMFILE": on(OPENING, tooMany),
};

/** These do not pass by themselves, so that taking back fails, too. */
const LASTING: Record<string, Failing> = {
  "ENOSPC for good": short(noSpace, 0),
  "ENOSPC after 60 bytes, for good": short(noSpace, 60),
  "EMFILE for good": on(OPENING, tooMany),
  "EIO of all that is written, for good": on(["writeAt", "sync", "syncDir", "rename"], ioError),
};

/** A table, a log, and a commit that is not on disk yet, of a process that is gone. */
function halfSynced(): Disk {
  return diskAfter("insertMany", "cleanup", "insert", "relaxed");
}

/** Makes the n-th operation that can fail so do it, and all behind it if that lasts. */
function failFrom(disk: Disk, n: number, failing: Failing, lasts = false) {
  const state = { reached: false, failed: [] as string[] };
  let i = 0;
  disk.before = (operation) => {
    const fault = failing(operation);
    if (fault === undefined) return;
    const is = i++ === n;
    state.reached ||= is;
    if (!is && !(lasts && state.reached)) return;
    state.failed.push(operation.name);
    return fault;
  };
  return state;
}

/** What `fn` throws. */
async function errorOf(fn: () => unknown): Promise<Error | undefined> {
  try {
    await fn();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** What only is done where something is to be written. */
const WRITING = ["tryLock", "writeAt", "sync", "syncDir", "rename"];

/** It tells the file and the reason; of what writes, also whether something was written. */
function assertTold(error: Error, { failed }: { failed: readonly string[] }, at: string): void {
  assert(/\/(people|copy)/.test(error.message), `${at}: no file in "${error.message}"`);
  assert(/\(os error \d+\)/.test(error.message), `${at}: no reason in "${error.message}"`);
  if (failed.every((name) => WRITING.includes(name))) {
    assert(error instanceof WriteError, `${at}: ${error.stack}`);
  }
}

let injected = 0;

const DATA = Object.entries(ACTS).filter(([verb]) => verb !== "destroy");

for (const [verb, act] of DATA as [string, Act][]) {
  for (const form of ["", "Sync"] as Form[]) {
    Deno.test(`PsBase.${verb}${form}() leaves all or nothing whichever operation fails, and says so`, async () => {
      const setup = halfSynced();
      const older = look(setup.cut(OLDEST));
      const before = look(setup);
      const rehearsal = setup.killed();
      const done = open(rehearsal.process());
      await act(done, form)();
      await done.close();
      const after = look(rehearsal);
      const copy = lookAt(rehearsal, COPY);
      const assertDurable = (disk: Disk, at: string) => {
        const cut = disk.cut(OLDEST);
        // A backup leaves the table itself as it was.
        assertEquals(look(cut), verb === "backup" ? older : after, at);
        assertEquals(lookAt(cut, COPY), copy, at);
      };
      const next = random(SEED);
      const outcomes = new Set<string>();
      for (const [kind, failing] of Object.entries({ ...FAULTS, ...LASTING })) {
        const lasts = kind in LASTING;
        let reached = true;
        for (let n = 0; reached; n++) {
          const at = `operation ${n}: ${kind}, seed ${SEED}`;
          const disk = setup.killed();
          const files = disk.process();
          const base = open(files);
          const call = act(base, form);
          const state = failFrom(disk, n, failing, lasts);
          const error = await errorOf(call);
          disk.before = () => {};
          ({ reached } = state);
          if (reached) injected++;
          const isUnknown = error instanceof WriteError && error.outcome === "unknown";
          if (error === undefined) {
            assertDurable(disk, at);
          } else {
            assertTold(error, state, at);
            if (error instanceof WriteError) outcomes.add(error.outcome);
          }
          if (isUnknown) {
            // The rows are the same on both sides of a seal, and can be read.
            await assertRefused(base, { reads: verb !== "cleanup" }, at);
            assert([older, before, after].includes(look(disk)), at);
            for (const choose of [OLDEST, anyOf(next)]) {
              assert([older, before, after].includes(look(disk.cut(choose))), at);
            }
          } else if (error !== undefined) {
            assertEquals(text(base), before, at);
            assertEquals(look(disk.killed()), before, at);
            assertEquals(lookAt(disk.killed(), COPY), NONE, at);
            // With space back it is done as if nothing had been.
            await call();
            assertDurable(disk, at);
            assertEquals(base.recovered, null, at);
          }
          // Killed or closed, whoever opens it next works on, and what he is told of is on disk.
          if (n % 2 === 0) files.kill();
          await base.close().catch((error) => {
            if (n % 2 === 1) throw error;
          });
          assertEquals([...files.opened].map((file) => file.path), [], `left open: ${at}`);
          const other = open(disk.process());
          other.insertSync({ name: "next" });
          for (const choose of [OLDEST, anyOf(next)]) {
            assertEquals(look(disk.cut(choose)), text(other), at);
          }
          assert(withFiles(disk.process(), () => PsBase.checkSync(BASE)).ok, at);
        }
      }
      tell(`faults so far: ${injected}`);
      assert(outcomes.has("none") || verb === "commit");
      assert(outcomes.has("unknown") || verb === "backup");
    });
  }
}

async function assertRefused(base: People, { reads }: { reads: boolean }, at: string) {
  const calls: (() => unknown)[] = [() => base.insertSync({}), () => base.insert({})];
  if (reads) calls.push(() => base.size);
  for (const call of calls) {
    const error = await errorOf(call);
    assert(error instanceof WriteError && error.outcome === "unknown", `${at}: ${error}`);
  }
}

for (const verb of ["create", "override", "destroy"] as const) {
  Deno.test(`PsBase.${verb}() leaves all or nothing whichever operation fails`, () => {
    const setup = verb === "create" ? new Disk() : halfSynced();
    const older = look(setup.cut(OLDEST));
    const before = look(setup);
    const rehearsal = setup.killed();
    VERBS[verb](rehearsal.process());
    const after = look(rehearsal);
    for (const [kind, failing] of Object.entries({ ...FAULTS, ...LASTING })) {
      let reached = true;
      for (let n = 0; reached; n++) {
        const at = `${verb}, operation ${n}: ${kind}`;
        const disk = setup.killed();
        const files = disk.process();
        const state = failFrom(disk, n, failing, kind in LASTING);
        let error: unknown;
        try {
          VERBS[verb](files);
        } catch (thrown) {
          error = thrown;
        }
        disk.before = () => {};
        ({ reached } = state);
        if (reached) injected++;
        assertEquals([...files.opened].map((file) => file.path), [], `left open: ${at}`);
        const found = look(disk);
        assert([older, before, after].includes(found), `${at} left ${found}`);
        if (error === undefined) {
          assertEquals(found, after, at);
          assertEquals(look(disk.cut(OLDEST)), after, at);
        } else {
          assertTold(error as Error, state, at);
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
    tell(`faults so far: ${injected}`);
  });
}

Deno.test("PsBase reads and writes on whichever operation of following a seal fails", () => {
  let reached = true;
  for (let n = 0; reached; n++) {
    const disk = halfSynced();
    const files = disk.process();
    const base = open(files);
    for (const verb of ["cleanup", "insert"] as const) VERBS[verb](disk.process());
    const state = failFrom(disk, n, FAULTS.EIO!);
    try {
      assert(base.size > 0);
    } catch (error) {
      assert((error as Error).message.includes(BASE), `operation ${n}: ${error}`);
    }
    disk.before = () => {};
    ({ reached } = state);
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
