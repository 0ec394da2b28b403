/**
 * Verbs on a disk that is stopped after every operation, and what must be found there.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { PsBase } from "../../base.ts";
import { BaseExistsError, BaseNotFoundError } from "../../engine/errors.ts";
import { withFiles } from "../../engine/file.ts";
import { anyOf, type CrashFiles, Disk, NEWEST, OLDEST, random } from "./crash_file.ts";

/** Where the base is. */
export const BASE = "/people";
/** The fields that it is made with. */
export const SCHEMA = { name: "string", age: "integer" } as const;
/** What is found where no base is. */
export const NONE = "no base";

/** The type of a base in these tests. */
export type People = PsBase<typeof SCHEMA>;

/** Whether the tests are to take their time. */
export const LONG = Deno.env.get("PSBASE_LONG") === "1";
/** What random choices begin with; a failure prints it. */
export const SEED = Number(Deno.env.get("PSBASE_SEED") ?? (LONG ? Date.now() % 2 ** 31 : 1));

/** Opens the base as a process of its own. */
export function open(files: CrashFiles, options = {}): People {
  return withFiles(files, () => PsBase.openSync(BASE, options)) as unknown as People;
}

/** Makes the base. */
export function create(files: CrashFiles, mode: "new" | "open" | "override" = "new"): People {
  return withFiles(files, () => PsBase.createSync(BASE, SCHEMA, { mode }));
}

/** A disk with a new base. */
export function newDisk(): Disk {
  const disk = new Disk();
  create(disk.process())[Symbol.dispose]();
  return disk;
}

/** All rows of a base, and its fields. */
export function text(base: People): string {
  return JSON.stringify([Object.keys(base.schema), [...base]]);
}

/** What a new process finds; it may leave no file open. */
export function look(disk: Disk, options = {}): string {
  const files = disk.process();
  let base: People | undefined;
  try {
    base = open(files, options);
    return text(base);
  } catch (error) {
    if (error instanceof BaseNotFoundError) return NONE;
    throw error;
  } finally {
    base?.[Symbol.dispose]();
    assertEquals(files.opened.size, 0, "files that were left open");
  }
}

/** One call of a base. `create` and `override` make it, the others open it first. */
export type Verb = (files: CrashFiles) => void;

function withBase(fn: (base: People) => void): Verb {
  return (files) => {
    using base = open(files);
    fn(base);
  };
}

/** Calls to try. */
export const VERBS = {
  insert: withBase((base) => base.insertSync({ name: "homer", age: 39 })),
  insertMany: withBase((base) => {
    base.insertManySync(Array.from({ length: 100 }, (_, i) => ({ name: `n${i}`, age: i })));
  }),
  update: withBase((base) => {
    const row = base.at(0);
    if (row !== undefined) base.updateSync(row, { age: 7, name: "x".repeat(1500) });
  }),
  delete: withBase((base) => {
    const row = base.at(-1);
    if (row !== undefined) base.deleteSync(row);
  }),
  addField: withBase((base) => base.addFieldSync(`f${Object.keys(base.schema).length}`, "float")),
  cleanup: withBase((base) => base.cleanupSync()),
  override: (files) => create(files, "override")[Symbol.dispose](),
  create: (files) => create(files, "open")[Symbol.dispose](),
  destroy: withBase((base) => base.destroySync()),
} satisfies Record<string, Verb>;

/** The name of a verb. */
export type VerbName = keyof typeof VERBS;

/** What is wrong with a disk on which one of `allowed` must be found. */
function examine(disk: Disk, allowed: readonly string[]): string | undefined {
  try {
    const found = look(disk);
    if (!allowed.includes(found)) return `found ${found}, expected ${allowed.join(" or ")}`;
    const image = disk.image();
    assertEquals(look(disk), found, "found by the second who opens");
    assertEquals(disk.image(), image, "what the second who opens leaves");
    assertEquals(look(disk, { readOnly: true }), found, "found by one who only reads");
    return goOn(disk, found);
  } catch (error) {
    return (error as Error).stack;
  }
}

/** Writes to what was found, cleans it up, and cuts the power. */
function goOn(disk: Disk, found: string): string | undefined {
  const files = disk.process();
  try {
    if (found === NONE) {
      const empty = create(files, "open");
      assertEquals(text(empty), text(open(newDisk().process())));
      empty[Symbol.dispose]();
    }
  } catch (error) {
    // What an interrupted destroy leaves is told from a base, and kept.
    if (error instanceof BaseExistsError) return undefined;
    throw error;
  }
  const check = withFiles(files, () => PsBase.checkSync(BASE));
  if (!check.ok) return `check() says ${JSON.stringify(check.problems)}`;
  const base = open(files);
  base.insertSync({ name: "last" });
  base.cleanupSync();
  const acknowledged = text(base);
  files.kill();
  assertEquals(look(disk.cut(OLDEST)), acknowledged, "found after one more commit and a power cut");
}

/** All that can be left of a disk that is stopped now. */
function* endings(
  disk: Disk,
  next: () => number,
  path: string,
  samples: number,
): Generator<[string, Disk]> {
  yield ["killed", disk.killed()];
  yield ["power cut, nothing unsynced is there", disk.cut(OLDEST)];
  for (let i = 0; i < samples; i++) yield ["power cut", disk.cut(anyOf(next))];
  // A few bytes are written whole: the kernel does not stop within them.
  const length = path.endsWith(".log") ? disk.lastWrite : 0;
  for (const part of length > 16 ? [8, 40, 48, length - 8, next() * length] : []) {
    const torn = disk.torn(Math.floor(part));
    yield [`killed at byte ${Math.floor(part)} of ${length}`, torn.killed()];
    yield [`power cut at byte ${Math.floor(part)} of ${length}`, torn.cut(NEWEST)];
  }
}

/** How thoroughly to look. */
export interface Depth {
  /** Power cuts to draw after each operation. */
  readonly samples: number;
  /** The chance that an ending is opened once more with a stop after each operation. */
  readonly again: number;
}

/**
 * Calls verbs one after the other, each by a process of its own, and stops the disk
 * after every operation: there must be what was acknowledged, or that and the commit
 * under way.
 *
 * @returns How many endings were looked at.
 */
export function explore(
  setup: Disk,
  names: readonly VerbName[],
  seed: number,
  depth: Depth,
): number {
  const states = [look(setup)];
  const rehearsal = setup.killed();
  for (const name of names) {
    VERBS[name](rehearsal.process());
    states.push(look(rehearsal));
  }
  const next = random(seed);
  const faults: string[] = [];
  let looked = 0;
  const disk = setup.killed();
  let acknowledged = 0;
  const judge = (what: string, ending: Disk, allowed: string[], deep: boolean) => {
    looked++;
    if (deep && next() < depth.again) {
      const opening = ending.killed();
      opening.after = ({ name, path }) => {
        for (const [how, rest] of endings(opening, next, path, 1)) {
          judge(`${what}; while opening, ${name} of ${path}, ${how}`, rest, allowed, false);
        }
      };
      look(opening);
    }
    const fault = examine(ending, allowed);
    if (fault !== undefined) faults.push(`${what}: ${fault}`.replace(/(.)\1{9,}/g, "$1…"));
  };
  disk.after = ({ name, path }) => {
    const allowed = [...new Set(states.slice(acknowledged, acknowledged + 2))];
    for (const [how, ending] of endings(disk, next, path, depth.samples)) {
      const what = `${names.join(", ")}: in verb ${
        acknowledged + 1
      } after ${name} of ${path}, ${how}`;
      judge(what, ending, allowed, true);
    }
  };
  for (const name of names) {
    VERBS[name](disk.process());
    acknowledged++;
  }
  assertEquals(faults.slice(0, 2), [], `${faults.length} of ${looked} endings, seed ${seed}`);
  return looked;
}
