/**
 * Mixed work of twenty processes on one table for long: what they hold of the system stays
 * what it was. Only with `PSBASE_LONG=1`; for `PSBASE_SOAK_MINUTES`, an hour if left out.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { PsBase } from "../base.ts";
import { SOAK, SOAK_ROWS } from "./helpers/soak.ts";
import { LONG } from "./helpers/crash_run.ts";
import { type Fixture, spawn } from "./helpers/spawn.ts";
import { tempBase } from "./helpers/temp_base.ts";

const MINUTES = Number(Deno.env.get("PSBASE_SOAK_MINUTES") ?? 60);
const PROCESSES = 20;
const SAMPLES = 60;
/** The part of the time in which all may still grow: until each did some ten thousand acts. */
const WARM_UP = 1 / 2;

/** What is measured, of all processes together and of the table, and what part of it may be added. */
const MAX_GROWTH = {
  /** Open files. */
  handles: 0.05,
  threads: 0.05,
  /** What is alive in JavaScript, in MiB; code that is seldom run is compiled late. */
  heap: 0.1,
  /** What is in memory, after a garbage collection, in MiB. */
  memory: 0.1,
  /** Names in the directory of the table. */
  names: 0.1,
  /** Of all files in it, in KiB: as it is cleaned up, it goes up and down. */
  size: 0.1,
};

type Figure = keyof typeof MAX_GROWTH;
type Sample = Record<"minute" | "acts" | Figure, number>;

/** A figure of the kernel's about a process: of `/proc/PID/status`. */
function statusOf(pid: number, name: string): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(status)![1]);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((sum, n) => sum + n, 0);
}

/** Stops all, each between two acts, and looks at them. */
async function sample(children: readonly Fixture[], dir: string, start: number): Promise<Sample> {
  const told = await Promise.all(children.map(async (child) => {
    await child.send("stop");
    const line = await child.readLine();
    assert(line !== undefined, "a child has ended");
    return JSON.parse(line) as { acts: number; heap: number };
  }));
  const pids = children.map(({ child }) => child.pid);
  const names = [...Deno.readDirSync(dir)].map(({ name }) => name);
  const sample = {
    minute: (performance.now() - start) / 60_000,
    acts: sum(told.map(({ acts }) => acts)),
    handles: sum(pids.map((pid) => [...Deno.readDirSync(`/proc/${pid}/fd`)].length)),
    threads: sum(pids.map((pid) => statusOf(pid, "Threads"))),
    heap: sum(told.map(({ heap }) => heap)) / 2 ** 20,
    memory: sum(pids.map((pid) => statusOf(pid, "VmRSS"))) / 1024,
    names: names.length,
    size: sum(names.map((name) => Deno.statSync(`${dir}/${name}`).size)) / 1024,
  };
  await Promise.all(children.map((child) => child.send("go on")));
  return sample;
}

/**
 * By how much a figure grew, as a part of what it was, along the line that fits best; and how
 * far chance may have led that astray: three standard errors.
 */
function growthOf(samples: readonly Sample[], figure: Figure): { growth: number; error: number } {
  const mean = (of: (sample: Sample) => number) => sum(samples.map(of)) / samples.length;
  const middle = mean(({ minute }) => minute);
  const level = mean((sample) => sample[figure]);
  const spread = mean(({ minute }) => (minute - middle) ** 2);
  const slope = mean((sample) => (sample.minute - middle) * (sample[figure] - level)) / spread;
  const rest = mean((sample) => (sample[figure] - level - slope * (sample.minute - middle)) ** 2);
  const span = (samples.at(-1)!.minute - samples[0]!.minute) / level;
  const error = 3 * Math.sqrt(rest / spread / (samples.length - 2));
  return { growth: slope * span, error: error * span };
}

/** As lines of text, numbers to the right. */
function tableOf(samples: readonly Sample[]): string {
  const heads = Object.keys(samples[0]!) as (keyof Sample)[];
  const rows = samples.map((sample) =>
    heads.map((head) => sample[head].toFixed(head === "minute" ? 1 : 0))
  );
  return [heads, ...rows].map((row) => row.map((cell) => cell.padStart(9)).join("")).join("\n");
}

function startAll(dir: string): Fixture[] {
  const path = new URL("./fixtures/soak.ts", import.meta.url).href;
  const flags = ["run", "-A", "--quiet", "--v8-flags=--expose-gc", path];
  return Array.from(
    { length: PROCESSES },
    (_, i) => spawn(Deno.execPath(), [...flags, dir, `${i}`]),
  );
}

Deno.test({
  name: `PsBase holds no more of the system after ${MINUTES} minutes of work than before`,
  ignore: !LONG || Deno.build.os !== "linux",
  async fn() {
    await using temp = tempBase();
    {
      await using db = await PsBase.create(temp.path, SOAK);
      await db.insertMany(Array.from({ length: SOAK_ROWS }, (_, n) => ({ name: `row ${n}`, n })));
    }
    await using all = new AsyncDisposableStack();
    const children = startAll(temp.path).map((child) => all.use(child));
    const start = performance.now();
    const samples: Sample[] = [];
    for (let i = 1; i <= SAMPLES; i++) {
      const due = start + i * MINUTES * 60_000 / SAMPLES;
      await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
      samples.push(await sample(children, temp.path, start));
    }
    for (const child of children) {
      await child.end();
      assertEquals((await child.status).code, 0);
    }
    const settled = samples.slice(samples.length * WARM_UP);
    const figures = Object.keys(MAX_GROWTH) as Figure[];
    const growths = figures.map((figure) => ({ figure, ...growthOf(settled, figure) }));
    const percent = (part: number) => `${(part * 100).toFixed(1)} %`;
    // deno-lint-ignore no-console -- what it was run for
    console.log([
      tableOf(samples),
      ...growths.map(({ figure, growth, error }) =>
        `${figure} grew by ${percent(growth)}, give or take ${percent(error)}`
      ),
    ].join("\n"));
    const grew = growths.filter(({ figure, growth, error }) => growth - error > MAX_GROWTH[figure]);
    assertEquals(grew, []);
  },
});
