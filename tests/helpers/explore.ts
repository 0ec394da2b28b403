/**
 * Stops a disk after every operation of some verbs, by a kill, a kill within the last write, or a
 * power cut, and examines what is left.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { BaseExistsError, BaseNotFoundError, SchemaError } from "../../engine/system/errors.ts";
import { PsBase } from "../../mod.ts";
import {
  type CrashFiles,
  type Disk,
  NEWEST,
  OLDEST,
  type Operation,
  random,
} from "./crash_file.ts";
import {
  type Act,
  ACTS,
  BASE,
  COPY,
  create,
  type Form,
  look,
  lookAt,
  newDisk,
  NONE,
  open,
  type People,
  text,
  type VerbName,
  VERBS,
} from "./crash_run.ts";
import { fingerprint, powerCuts } from "./power_cut.ts";
import { withFiles } from "../../engine/system/deno_file.ts";

/** One call. */
export interface Step {
  /** What is called. */
  readonly verb: VerbName;
  /** In which form, if it has several. */
  readonly form: Form;
  /** By a process that had the table open from the beginning on, or by one that opens it now. */
  readonly by: "old" | "new";
}

/** How thoroughly to look. */
export interface Depth {
  /** How many power cuts to look at after each operation: all, or as many as this. */
  readonly cuts: number;
  /** Within how many bytes of a write to stop: all, or as many as this. */
  readonly tears: number;
  /** The chance that what is left is worked on, and stopped after each operation again. */
  readonly again: number;
}

/** How many states were looked at, by the way that leads to them. */
export interface Tally {
  killed: number;
  torn: number;
  cut: number;
  /** Those among them that were stopped again while somebody recovered from the first stop. */
  again: number;
}

/** What may be found. */
interface Allowed {
  /** Of the table, when processes were killed. */
  readonly killed: readonly string[];
  /** Of the table, when the power was cut: what was not acknowledged as durable may be gone. */
  readonly cut: readonly string[];
  /** Of its copy. */
  readonly copy: readonly string[];
}

/** What can be left of a disk that is stopped now. */
interface Ending {
  readonly by: "killed" | "torn" | "cut";
  readonly how: string;
  readonly disk: Disk;
}

function* endings(
  disk: Disk,
  { path }: Operation,
  { cuts, tears }: Depth,
  next: () => number,
): Generator<Ending> {
  yield { by: "killed", how: "killed", disk: disk.killed() };
  for (const cut of powerCuts(disk, cuts, next)) yield { by: "cut", how: "power cut", disk: cut };
  // The identity is so short that it is written whole: the kernel does not stop within a page.
  const length = path.endsWith("/base") ? 0 : disk.lastWrite;
  const places = Math.min(length - 1, tears);
  for (let i = 0; i < places; i++) {
    const byte = length - 1 <= tears ? i + 1 : Math.floor((i + next()) * length / places);
    const torn = disk.torn(byte);
    yield { by: "cut", how: `power cut at byte ${byte} of ${length}`, disk: torn.cut(NEWEST) };
    yield { by: "torn", how: `killed at byte ${byte} of ${length}`, disk: torn };
  }
}

/** Where somebody recovers. */
const AGAIN: Depth = { cuts: 2, tears: 1, again: 0.01 };

/** Looks at endings, and remembers what is wrong with them. */
class Judge {
  readonly tally: Tally = { killed: 0, torn: 0, cut: 0, again: 0 };
  readonly faults: string[] = [];
  readonly #depth: Depth;
  readonly #next: () => number;
  /** What was found on disks that are in order, of which nothing is unsynced. */
  readonly #known = new Map<string, string>();
  #examined = 0;

  constructor(depth: Depth, next: () => number) {
    this.#depth = depth;
    this.#next = next;
  }

  /** The disk was stopped behind an operation, for the n-th time. */
  stopped(disk: Disk, operation: Operation, what: string, allowed: Allowed, times = 1): void {
    const depth = times === 1 ? this.#depth : AGAIN;
    for (const { by, how, disk: rest } of endings(disk, operation, depth, this.#next)) {
      this.tally[by]++;
      if (times > 1) this.tally.again++;
      const at = `${what} after ${operation.name} of ${operation.path}, ${how}`;
      const left = by === "cut" ? { ...allowed, killed: allowed.cut } : allowed;
      try {
        // Twice: who recovers is stopped, and who recovers from that.
        const again = times <= 2 && this.#next() < depth.again;
        if (again) this.#stopAgain(rest.killed(), at, left, times);
        if (by === "cut") this.#examineOnce(rest, left);
        else this.#examine(rest, left);
      } catch (error) {
        this.faults.push(`${at}: ${(error as Error).stack}`.replace(/(.)\1{9,}/g, "$1…"));
      }
    }
  }

  /** The same bytes, all of them on disk, are looked at once. */
  #examineOnce(disk: Disk, allowed: Allowed): void {
    const print = fingerprint(disk);
    const known = this.#known.get(print);
    if (known === undefined) this.#known.set(print, this.#examine(disk, allowed));
    else assert(allowed.killed.includes(known), `found ${known}, expected ${allowed.killed}`);
  }

  #examine(disk: Disk, allowed: Allowed): string {
    const found = examine(disk, allowed);
    // Cleanup takes longer than all the rest.
    goOn(disk, found, { ...allowed, cleanup: this.#examined++ % 4 === 0 });
    return found;
  }

  /** Opens and writes to what is left, and stops after each operation of that. */
  #stopAgain(disk: Disk, what: string, allowed: Allowed, times: number): void {
    const found = look(disk, { readOnly: true });
    const verb = found === NONE ? "create" : "insert";
    const rehearsal = disk.killed();
    VERBS[verb](rehearsal.process());
    const after = look(rehearsal);
    const then = { ...allowed, killed: [found, after], cut: [...allowed.cut, found, after] };
    disk.after = (operation) => {
      this.stopped(disk, operation, `${what}; in ${verb}`, then, times + 1);
    };
    VERBS[verb](disk.process());
  }
}

/** Throws unless what is found, which it gives, is a commit point that is allowed and whole. */
function examine(disk: Disk, { killed, copy }: Allowed): string {
  const image = disk.image();
  const found = look(disk, { readOnly: true });
  assert(killed.includes(found), `found ${found}, expected ${killed.join(" or ")}`);
  if (disk.dir(COPY) !== undefined) {
    const there = lookAt(disk, COPY, { readOnly: true });
    assert(copy.includes(there), `the copy is ${there}, expected ${copy.join(" or ")}`);
  }
  if (found !== NONE) {
    const check = withFiles(disk.process(), () => PsBase.checkSync(BASE));
    assertEquals(check.problems, [], "check()");
  }
  assertEquals(disk.image(), image, "what those who only read leave");
  assertEquals(look(disk), found, "found by the first who opens");
  const opened = disk.image();
  assertEquals(look(disk), found, "found by the second who opens");
  assertEquals(disk.image(), opened, "what the second who opens leaves");
  return found;
}

/** Writes to what was found, cleans it up, copies it, and cuts the power. */
function goOn(
  disk: Disk,
  found: string,
  { cleanup }: { cleanup: boolean },
): void {
  const files = disk.process();
  if (found === NONE) {
    create(files, "open")[Symbol.dispose]();
    assertEquals(look(disk), look(newDisk()));
  }
  const base = open(files);
  base.insertSync({ name: "last" });
  const lacksCopy = disk.dir(COPY) !== undefined && lookAt(disk, COPY, { readOnly: true }) === NONE;
  if (lacksCopy) base.backupSync(COPY);
  if (cleanup) base.cleanupSync();
  const acknowledged = text(base);
  files.kill();
  const rest = disk.cut(OLDEST);
  assertEquals(look(rest), acknowledged, "found after one more commit and a power cut");
  assert(!lacksCopy || lookAt(rest, COPY) !== NONE, "the copy is gone");
}

/** Adds up; `states` is how many all of them are. */
export function total(tallies: readonly Tally[]): Tally & { states: number } {
  const sum = { states: 0, killed: 0, torn: 0, cut: 0, again: 0 };
  for (const { killed, torn, cut, again } of tallies) {
    sum.states += killed + torn + cut;
    sum.killed += killed;
    sum.torn += torn;
    sum.cut += cut;
    sum.again += again;
  }
  return sum;
}

/** What is refused where it was done before, or would need another schema. */
const REFUSALS: Partial<Record<VerbName, new (...args: never[]) => Error>> = {
  backup: BaseExistsError,
  create: SchemaError,
};

/** Calls verbs one after the other; `begin` is told of each. */
async function play(
  disk: Disk,
  steps: readonly Step[],
  begin: (i: number) => void,
): Promise<void> {
  let old: People | undefined = look(disk) === NONE ? undefined : open(disk.process());
  for (const [i, { verb, form, by }] of steps.entries()) {
    begin(i);
    const act: Act | undefined = ACTS[verb as keyof typeof ACTS];
    try {
      if (act === undefined) VERBS[verb](disk.process());
      else if (by === "old" && old !== undefined) await act(old, form)();
      else await openFor(disk.process(), act, form);
      if (verb === "destroy") old = undefined;
    } catch (error) {
      if (error instanceof BaseNotFoundError) old = undefined;
      else if (!(error instanceof (REFUSALS[verb] ?? BaseNotFoundError))) throw error;
    }
  }
  await old?.close();
}

async function openFor(files: CrashFiles, act: Act, form: Form): Promise<void> {
  const base = open(files);
  try {
    await act(base, form)();
  } finally {
    await base.close();
  }
}

/**
 * Calls verbs one after the other, and stops the disk after every operation of them from number
 * `from` on: there must be what was acknowledged, or that and the commit under way.
 */
export async function explore(
  setup: Disk,
  steps: readonly Step[],
  { seed, depth, from = 0 }: { seed: number; depth: Depth; from?: number },
): Promise<Tally> {
  const bases: string[] = [];
  const copies: string[] = [];
  const note = (disk: Disk) => {
    bases.push(look(disk.killed(), { readOnly: true }));
    copies.push(lookAt(disk.killed(), COPY, { readOnly: true }));
  };
  const rehearsal = setup.killed();
  await play(rehearsal, steps, () => note(rehearsal));
  note(rehearsal);

  const next = random(seed);
  const judge = new Judge(depth, next);
  const disk = setup.killed();
  let step = -1;
  // Behind this one, a power cut may take what was acknowledged: nobody said it is on disk.
  let durable = 0;
  const told = steps.map(({ verb, form, by }) => `${verb}${form} by the ${by}`).join(", ");
  disk.after = (operation) => {
    if (step < from) return;
    judge.stopped(disk, operation, `${told}: in step ${step + 1}`, {
      killed: distinct(bases.slice(step, step + 2)),
      cut: distinct(bases.slice(durable, step + 2)),
      copy: distinct(copies.slice(step, step + 2)),
    });
  };
  await play(disk, steps, (i) => {
    const before = steps[step]?.verb;
    const isSynced = before === "commit" || before === "cleanup" || bases[step] !== bases[i];
    if (before !== "relaxed" && isSynced) durable = i;
    step = i;
  });
  const { faults, tally } = judge;
  const { states } = total([tally]);
  assertEquals(faults.slice(0, 2), [], `${faults.length} of ${states} states, seed ${seed}`);
  return tally;
}

function distinct(states: readonly string[]): string[] {
  return [...new Set(states)];
}
