/**
 * A real process on the real file system, whose system calls fail, or which is killed at one,
 * one after the other: what it acknowledged is there, what it was refused is not.
 *
 * A sample of them; with `PSBASE_LONG=1` every one.
 *
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { PsBase } from "../../base.ts";
import { LONG } from "../helpers/crash_run.ts";
import { fixture } from "../helpers/programs.ts";
import { newSeed, type Random, randomFrom } from "../helpers/random.ts";
import { type Injection, trace, type Traced, wasHit, whyNoStrace } from "../helpers/strace.ts";
import { ACTS, type Step } from "../fixtures/meet_faults.ts";
import { denoFiles } from "../../engine/system/deno_file.ts";

/** How many faults of each act the short form draws. */
const SAMPLE = 3;
/** How calls can fail: any, on a full disk, at a limit of file size, at one of open files. */
const FAULTS: Record<string, RegExp> = {
  // A failing close(2) of a directory ends Deno itself.
  "error=EIO": /^(?!close$)/,
  "error=ENOSPC": /^(?:openat|write|fdatasync|fsync|rename|mkdir)$/,
  "error=EFBIG": /^write$/,
  "error=EMFILE": /^openat$/,
  "signal=SIGKILL": /./,
};

/** A table with rows in its table and in its log, the last of them not synced. */
async function makeTemplate(): Promise<string> {
  const dir = await Deno.makeTempDir({ prefix: "psbase_fault_" });
  const settings = { durability: "relaxed" } as const;
  await using db = await PsBase.create(`${dir}/people`, { n: "integer" }, settings);
  await db.insertMany([{ n: 0 }, { n: 0 }]);
  await db.cleanup();
  await db.insert({ n: 0 });
  await db.commit();
  await db.insert({ n: 0 });
  return dir;
}

/** Makes `place` a directory with nothing but a copy of the table. */
async function restore(template: string, place: string): Promise<void> {
  await Deno.remove(place, { recursive: true }).catch(() => {});
  await Deno.mkdir(`${place}/people`, { recursive: true });
  for await (const { name } of Deno.readDir(`${template}/people`)) {
    await Deno.copyFile(`${template}/people/${name}`, `${place}/people/${name}`);
  }
}

/** How often what a step does may be there, from how it ended. */
function allowed(steps: readonly Step[], step: Step["step"], whole: number): number[] {
  const told = steps.find((one) => one.step === step);
  const begun = told !== undefined || steps.at(-1)?.error === undefined;
  if (told?.error?.outcome === "unknown" || (told === undefined && begun)) return [0, whole];
  return [told === undefined || told.error !== undefined ? 0 : whole];
}

/** What the child told is what is there. */
async function judge(act: string, place: string, traced: Traced, at: string): Promise<void> {
  const { lines, end, err, calls } = traced;
  const killed = end === "SIGKILL";
  assert(killed || end === "0", `${at}: ended by ${end}: ${err}`);
  const steps: Step[] = lines.map((line) => JSON.parse(line));
  const names = ["open", "act", "insert"].slice(0, steps[0]?.error === undefined ? 3 : 1);
  if (!killed) assertEquals(steps.map(({ step }) => step), names, at);

  const once = calls.filter((line) => line.includes("INJECTED")).length === 1;
  for (const [i, { error }] of steps.entries()) {
    if (error === undefined) continue;
    assertMatch(error.message, /\(os error \d+\)/, at);
    assert(error.message.includes(`${place}/`), `${at}: no path in ${error.message}`);
    assertEquals(error.outcome !== undefined, error.name === "WriteError", at);
    const next = steps[i + 1]?.error;
    if (error.outcome === "unknown") assertEquals(next?.outcome, i < 2 ? "unknown" : undefined, at);
    else if (once) assertEquals(next, undefined, at);
  }

  const path = `${place}/people`;
  using db = PsBase.openSync(path);
  const count = (n: number) => db.count({ n });
  assertEquals(count(0), 4, at);
  const whole = act.startsWith("transaction") ? 2 : act.startsWith("insert") ? 1 : 0;
  assert(allowed(steps, "act", whole).includes(count(1)), `${at}: ${count(1)} rows, ${lines}`);
  assert(allowed(steps, "insert", 1).includes(count(2)), `${at}: ${count(2)} rows, ${lines}`);
  const more = "more" in db.schema ? 1 : 0;
  const field = act.startsWith("addField") ? 1 : 0;
  assert(allowed(steps, "act", field).includes(more), `${at}: ${more} fields, ${lines}`);
  if (act === "create" || act === "backup") {
    const none = steps.some(({ step, error }) => step === "act" && error?.outcome === "none");
    // But the empty file that any interrupted create may leave.
    if (none && once) {
      assertEquals(namesIn(`${place}/copy`).filter((name) => name !== "base"), [], at);
    }
    judgeCopy(act, `${place}/copy`, steps, at);
  }

  // Whoever comes next works on, and puts away what was left.
  db.insertSync({ n: 3 });
  db.cleanupSync();
  assertEquals((await db.check()).problems, [], at);
  const left = namesIn(path).map((name) => name.replace(/^\d+/, ""));
  assertEquals(left.sort(), [".log", ".table", "base", "cleanup", "owner"], at);
}

/** The names in a directory; none if there is none. */
function namesIn(dir: string): string[] {
  return denoFiles.list(dir) ?? [];
}

/** A table that was to be made is there as a whole, or can be made. */
function judgeCopy(act: string, path: string, steps: readonly Step[], at: string): void {
  const rows = act === "backup" ? 4 : 0;
  const done = steps.some(({ step, error }) => step === "act" && error === undefined);
  if (!done) PsBase.createSync(path, { n: "integer" }, { mode: "open" })[Symbol.dispose]();
  using copy = PsBase.openSync(path);
  assert(copy.size === rows || (!done && copy.size === 0), `${at}: the copy has ${copy.size} rows`);
  assertEquals(PsBase.checkSync(path).problems, [], at);
}

/** What an act does on its way, if nothing fails. */
interface Way {
  readonly act: string;
  /** All that it touches. */
  readonly paths: readonly string[];
  /** How often it makes each system call there. */
  readonly counts: ReadonlyMap<string, number>;
}

/** Acts on a copy of a table, in a place of its own. */
class Place implements AsyncDisposable {
  readonly #template: string;
  readonly #path: string;
  /** Faults that happened, and how many of them were kills. */
  faults = 0;
  kills = 0;

  private constructor(template: string) {
    this.#template = template;
    this.#path = `${template}/place`;
  }

  static async make(): Promise<Place> {
    return new Place(await makeTemplate());
  }

  /** Goes the way without a fault. */
  async rehearse(act: string): Promise<Way> {
    const all = (await this.#trace(act)).calls.join("\n");
    const touched = all.matchAll(/"(\/[^"]*)"/g).map(([, path]) => path!);
    const paths = [...new Set(touched)].filter((path) => path.startsWith(this.#path));
    const counts = new Map<string, number>();
    for (const line of (await this.#trace(act, { paths })).calls) {
      const call = /^\d+ +(\w+)\(/.exec(line)?.[1];
      if (call !== undefined) counts.set(call, (counts.get(call) ?? 0) + 1);
    }
    return { act, paths, counts };
  }

  /** Goes the way with a fault; whether there was one. */
  async meets({ act, paths }: Way, injection: Injection): Promise<boolean> {
    const traced = await this.#trace(act, { paths, injection });
    if (!wasHit(traced)) return false;
    this.faults++;
    const at = `${act}: ${Object.values(injection).join(" ")}`;
    if (traced.end === "SIGKILL") this.kills++;
    else if (injection.call.endsWith("sync")) assertMatch(`${traced.lines}`, /WriteError/, at);
    await judge(act, this.#path, traced, at);
    return true;
  }

  async #trace(act: string, options = {}): Promise<Traced> {
    await restore(this.#template, this.#path);
    return await trace([fixture("meet_faults"), `${this.#path}/people`, act], options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#template, { recursive: true });
  }
}

/** The calls of a way that can fail so. */
function callsOf({ counts }: Way, fault: string): string[] {
  return [...counts.keys()].filter((call) => FAULTS[fault]!.test(call));
}

/** Everything that can happen on a way; each until it does not happen any more. */
async function meetAll(place: Place, way: Way): Promise<void> {
  for (const fault of Object.keys(FAULTS)) {
    for (const call of callsOf(way, fault)) {
      for (let n = 1; await place.meets(way, { call, fault, n }); n++);
    }
  }
}

/** Rare among the calls, and where most is at stake: letting go of the lock, the first sync. */
const ALWAYS: readonly Injection[] = [
  { call: "flock", fault: "error=EIO", n: 2 },
  { call: "fdatasync", fault: "error=EIO", n: 1 },
];

async function meetSome(place: Place, way: Way, random: Random): Promise<void> {
  for (const injection of ALWAYS) await place.meets(way, injection);
  for (let i = 0; i < SAMPLE; i++) {
    const fault = random.pick(Object.keys(FAULTS));
    const call = random.pick(callsOf(way, fault));
    await place.meets(way, { call, fault, n: 1 + random.below(way.counts.get(call)!) });
  }
}

const why = whyNoStrace();
const SEED = newSeed();

for (const [i, act] of Object.keys(ACTS).entries()) {
  const seed = LONG ? "" : ` (PSBASE_SEED=${SEED})`;
  Deno.test({
    name: `PsBase.${act}() keeps its word whichever system call fails or is its last${seed}${
      why && `: ${why}`
    }`,
    ignore: why !== "",
    async fn(t) {
      await using place = await Place.make();
      const way = await place.rehearse(act);
      await (LONG ? meetAll(place, way) : meetSome(place, way, randomFrom(SEED + i)));
      const { faults, kills } = place;
      await t.step(`${faults} faults, ${kills} of them kills`, () => assert(faults > 0));
    },
  });
}
