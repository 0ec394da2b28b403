/**
 * The bytes of a small table damaged, one by one and in many ways: what is read is what was
 * committed, or `CorruptionError` says where it is not. Sums are not made good here:
 * that is for `hostile_test.ts`.
 *
 * Of the segment, every third byte. With `PSBASE_LONG` set, all bits of each byte, all ways to look
 * at it, and 100,000 random mutations. `PSBASE_SEED` repeats a run of these.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { CorruptionError } from "../engine/system/errors.ts";
import { PsBase } from "../mod.ts";
import { psbase } from "./helpers/cli.ts";
import type { Disk } from "./helpers/crash_file.ts";
import { attempt, judge, MARKS, type Verdict } from "./helpers/damage.ts";
import { newSeed, type Random, randomFrom } from "./helpers/random.ts";
import {
  DIR,
  filesOf,
  LOG,
  open,
  patched,
  put,
  QUESTIONS,
  show,
  type SmallBase,
  smallBase,
  TABLE,
  writeOut,
} from "./helpers/small_base.ts";
import { tempBase } from "./helpers/temp_base.ts";
import { LOG_PAGE } from "../engine/log/frame.ts";
import { withFiles } from "../engine/system/deno_file.ts";

const LONG = Deno.env.has("PSBASE_LONG");
const SMALL = smallBase();
const OTHER = smallBase();
const LAST = SMALL.commits.length - 1;
const END = SMALL.commits[LAST]!.to;
const NAMES = QUESTIONS.flatMap((list) => Object.keys(list));
const IDENTITY = `${DIR}/base`;

/** The same table after a power cut that took what tells of the last sync. */
function unmarked(): SmallBase {
  const disk = patched(SMALL.disk, LOG, MARKS.from, new Uint8Array(MARKS.to - MARKS.from));
  return { ...SMALL, disk, image: filesOf(disk) };
}

/** The places of a file that mean something; of zeros behind the frames some do. */
function* places(path: string): Generator<number> {
  const { length } = SMALL.image.get(path)!;
  for (let at = 0; at < length; at++) {
    if (LONG || path === IDENTITY) yield at;
    // A third of the segment, so that all eight bits take turns; all of it in the long run.
    else if (path === TABLE) { if (at % 3 === 0) yield at; }
    else if (at < 48 || (at >= 512 && at < 528)) yield at;
    else if (at >= MARKS.from && at < MARKS.to) { if (at % 8 === 3) yield at; }
    else if ((at >= LOG_PAGE && at < END) || at % 64 === 0) yield at;
  }
}

function flipped({ disk, image }: SmallBase, path: string, at: number, bit: number): Disk {
  return patched(disk, path, at, Uint8Array.of(image.get(path)![at]! ^ (1 << bit)));
}

/** Which questions are asked the `n`th time: all in the long run, else one each other time. */
function byTurns(n: number): (question: number) => boolean {
  return (question) => LONG || question === n / 2 % NAMES.length;
}

/** Says how much was tried. */
function tell(text: string): void {
  // deno-lint-ignore no-console
  console.log(text);
}

/** The question for all rows, which are others after each commit. */
const ofRows = (question: number) => NAMES[question] === "rows";

/** What came of many damages. */
class Tally {
  #whole = 0;
  #told = 0;
  #earlier = 0;

  /** Judges one, whose description a failure tells. */
  add(base: SmallBase, disk: Disk, what: string, wanted?: (question: number) => boolean): Verdict {
    const verdict = explained(what, () => judge(base, disk, wanted));
    if (verdict.found) this.#told++;
    else if (verdict.commit === LAST) this.#whole++;
    else this.#earlier++;
    return verdict;
  }

  toString(): string {
    return `${this.#told} told by check(), ${this.#whole} without effect, ` +
      `${this.#earlier} taken for a torn tail`;
  }
}

/** Runs `fn`; what it throws tells what was done. */
function explained<T>(what: string, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    throw new Error(what, { cause: error });
  }
}

for (const path of [IDENTITY, LOG, TABLE]) {
  Deno.test(`PsBase gives what was committed, or CorruptionError, for each flipped byte of ${path}`, () => {
    const tally = new Tally();
    let n = 0;
    for (const at of places(path)) {
      for (let bit = 0; bit < 8; bit++) {
        if (!LONG && bit !== at * 5 % 8) continue;
        const what = `${path}: bit ${bit} of byte ${at}`;
        const { commit, told, found } = tally.add(
          SMALL,
          flipped(SMALL, path, at, bit),
          what,
          byTurns(n++),
        );
        assert(commit === LAST || told.size > 0, what);
        // All that is no space for what is to come is looked at.
        assert(found || (path === LOG && at >= 40 && at < LOG_PAGE) || at >= END, what);
      }
    }
    tell(`${path}: ${n} bits flipped: ${tally}`);
  });
}

Deno.test("PsBase takes damage for a torn tail only in the last commit, and only where no mark is left", () => {
  const base = unmarked();
  const tally = new Tally();
  const { from } = SMALL.commits[LAST]!;
  let n = 0;
  let missed = 0;
  for (let at = LOG_PAGE; at < END; at++) {
    if (!LONG && at < SMALL.commits[LAST - 2]!.from && at % 9 > 0) continue;
    const what = `byte ${at}`;
    const { commit, found } = tally.add(base, flipped(base, LOG, at, at % 8), what, ofRows);
    n++;
    assertEquals([found, commit], at < from ? [true, -1] : [false, LAST - 1], what);
    if (!found) missed++;
  }
  assertEquals(missed, END - from);
  tell(`${n} bytes of frames flipped: ${tally}, which are all ${END - from} of the last`);
});

Deno.test("PsBase gives what was committed, or CorruptionError, for each truncation", () => {
  for (const path of [IDENTITY, LOG, TABLE]) {
    const tally = new Tally();
    const whole = SMALL.image.get(path)!;
    let n = 0;
    for (let length = 0; length < whole.length; length++) {
      if (!LONG && path !== IDENTITY && length % (length < 48 ? 1 : 13) > 0) continue;
      const disk = SMALL.disk.killed();
      put(disk, path, whole.subarray(0, length));
      const what = `${path}: cut to ${length} bytes`;
      const { commit, found } = tally.add(SMALL, disk, what, byTurns(n++));
      // Nothing is missed but zeros at the end of a log.
      assert(found || (path === LOG && length >= END && commit === LAST), what);
    }
    tell(`${path}: ${tally}`);
  }
});

Deno.test("PsBase gives what was committed, or CorruptionError, where files are missing or of others", () => {
  const tally = new Tally();
  for (const path of [IDENTITY, LOG, TABLE]) {
    const missing = SMALL.disk.killed();
    put(missing, path, undefined);
    // Without an identity there is no table.
    if (path !== IDENTITY) assert(tally.add(SMALL, missing, `without ${path}`).commit < 0);
    for (const from of [IDENTITY, LOG, TABLE, undefined]) {
      if (path === from) continue;
      const swapped = SMALL.disk.killed();
      put(swapped, path, (from === undefined ? OTHER.image.get(path) : SMALL.image.get(from))!);
      const { told } = tally.add(SMALL, swapped, `${from ?? "another base's"} in place of ${path}`);
      assert(told.size > 0);
    }
  }
  tell(tally.toString());
});

/** What becomes of a file that is damaged in blocks; the second one tells where. */
type Blocks = (is: Uint8Array, at: number, size: number, random: Random) => void;

const BLOCKS: Record<string, Blocks> = {
  zeroed: (is, at, size) => is.fill(0, at, at + size),
  "of ones": (is, at, size) => is.fill(255, at, at + size),
  "written twice": (is, at, size) => is.copyWithin(at + size, at, at + size),
  "written early": (is, at, size) => is.copyWithin(at, at + size, at + 2 * size),
  "of another file": (is, at, size) => {
    const other = is.length === SMALL.image.get(LOG)!.length ? TABLE : LOG;
    is.set(SMALL.image.get(other)!.subarray(at, Math.min(at + size, is.length)), at);
  },
  "of another base": (is, at, size) => {
    const other = is.length === SMALL.image.get(LOG)!.length ? LOG : TABLE;
    is.set(OTHER.image.get(other)!.subarray(at, Math.min(at + size, is.length)), at);
  },
  "moved by some bytes": (is, at, size, random) =>
    is.copyWithin(at, at + 1 + random.below(64), at + size),
};

Deno.test("PsBase gives what was committed, or CorruptionError, for blocks zeroed, doubled, swapped", () => {
  const random = randomFrom(1);
  for (const [name, damage] of Object.entries(BLOCKS)) {
    const tally = new Tally();
    for (const path of [LOG, TABLE]) {
      const whole = SMALL.image.get(path)!;
      for (const size of LONG ? [8, 64, 512, 4096] : [512, 4096]) {
        for (let at = 0; at < Math.min(whole.length, END); at += size) {
          const is = whole.slice();
          damage(is, at, size, random);
          const disk = SMALL.disk.killed();
          put(disk, path, is.subarray(0, whole.length));
          tally.add(SMALL, disk, `${path}: ${size} bytes at ${at} ${name}`);
        }
      }
    }
    tell(`${name}: ${tally}`);
  }
});

/** Does something to a file; tells what. */
function mutate(random: Random, files: Map<string, Uint8Array>): string {
  const path = random.pick([LOG, LOG, TABLE, TABLE, IDENTITY]);
  const is = files.get(path)!.slice();
  // Most of a log is zeros.
  const at = random.below(random.chance(0.9) ? Math.min(is.length, END) : is.length);
  const size = random.pick([1, 4, 8, 16, 48, 512]);
  const name = random.pick(["bit", "bytes", "cut", "longer", "marks", ...Object.keys(BLOCKS)]);
  files.set(path, is);
  switch (name) {
    case "bit":
      is[at]! ^= 1 << random.below(8);
      break;
    case "bytes":
      for (let i = at; i < at + size && i < is.length; i++) is[i] = random.below(256);
      break;
    case "cut":
      files.set(path, is.slice(0, at));
      break;
    case "longer": {
      const longer = new Uint8Array(is.length + size);
      longer.set(is);
      if (random.chance(0.5)) longer.fill(random.below(256), is.length);
      files.set(path, longer);
      break;
    }
    case "marks":
      if (is.length >= MARKS.to) is.fill(0, MARKS.from, MARKS.to);
      break;
    default:
      if (path !== IDENTITY) BLOCKS[name]!(is, at, size, random);
  }
  return `${name} at ${at} of ${path}`;
}

Deno.test("PsBase gives what was committed, or CorruptionError, for random mutations", () => {
  // A failure tells its own seed, with which it is the first of a run.
  const first = newSeed();
  const tally = new Tally();
  const runs = LONG ? 100_000 : 1000;
  for (let run = 0; run < runs; run++) {
    const seed = (first + run) >>> 0;
    const random = randomFrom(seed);
    const files = new Map(SMALL.image);
    const done = Array.from({ length: 1 + random.below(3) }, () => mutate(random, files));
    const disk = SMALL.disk.killed();
    for (const [path, bytes] of files) if (bytes !== SMALL.image.get(path)) put(disk, path, bytes);
    tally.add(SMALL, disk, `PSBASE_SEED=${seed}: ${done.join(", ")}`, byTurns(run));
  }
  tell(`${runs} random mutations from seed ${first}: ${tally}`);
});

/** Damages of all kinds, some of each. */
function* someDamages(): Generator<[what: string, disk: Disk]> {
  const random = randomFrom(2);
  for (const path of [IDENTITY, LOG, TABLE]) {
    const { length } = SMALL.image.get(path)!;
    for (let i = 0; i < (LONG ? 400 : 25); i++) {
      const at = random.below(Math.min(length, END));
      yield [`bit ${i % 8} of byte ${at} of ${path}`, flipped(SMALL, path, at, i % 8)];
    }
  }
  const torn = patched(SMALL.disk, LOG, END + 16, new Uint8Array(100).fill(3));
  yield ["a torn tail", torn];
  for (const at of [SMALL.commits[LAST]!.from + 60, END - 4]) {
    yield [`byte ${at} of the last commit`, flipped(unmarked(), LOG, at, 3)];
  }
}

Deno.test("PsBase writes to a damaged table, cleans it up and copies it without a loss, or tells", () => {
  let done = 0;
  let told = 0;
  for (const [what, damaged] of someDamages()) {
    explained(what, () => {
      const rows = attempt(damaged, () => rowsOf(damaged, DIR));
      if (rows instanceof CorruptionError) return told++;
      const steps: [string, (base: PsBase, disk: Disk) => void][] = [
        ["insert", (base) => rows.push(show(base.get(base.insertSync({ n: 4 } as never))))],
        ["cleanup", (base) => base.cleanupSync()],
        ["backup", (base, disk) => {
          withFiles(disk.process(), () => base.backupSync("/copy"));
          assertEquals(rowsOf(disk, "/copy"), rows);
        }],
      ];
      const disk = damaged.killed();
      for (const [name, step] of steps) {
        const failure = attempt(disk, () => {
          using base = open(disk);
          step(base, disk);
        });
        if (failure instanceof CorruptionError) told++;
        assertEquals(rowsOf(disk, DIR), rows, name);
      }
      return done++;
    });
  }
  tell(`${done} went well, ${told} were told of`);
});

/** All rows, as another process sees them. */
function rowsOf(disk: Disk, dir: string): string[] {
  using base = withFiles(disk.process(), () => PsBase.openSync(dir, { readOnly: true }));
  return Array.from(base, show);
}

Deno.test("psbase info, check and select tell of damage, and give no stack", async () => {
  await using temp = tempBase();
  temp.damaged = true;
  let told = 0;
  let n = 0;
  for (const [what, disk] of someDamages()) {
    if (!LONG && n++ % 4 > 0) continue;
    writeOut(filesOf(disk), temp.path);
    for (const command of ["info", "check", "select", "count"]) {
      const { code, err } = await psbase([command, temp.path], { terminal: 80 });
      assert(!err.includes("fault of psbase"), `${what}: ${command}: ${err}`);
      assert(code === 0 || (code === 1 && err !== ""), `${what}: ${command}: ${err}`);
      if (code === 1) told++;
    }
    Deno.removeSync(temp.path, { recursive: true });
  }
  assert(told > 0);
});
