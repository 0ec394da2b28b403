/**
 * How long the unluckiest waits: fifty processes add 1 to a number forty times each, and all
 * waits are measured.
 *
 * With `PsLock` the number is in a file, and the wait is for the lock. With `PsBase` each has a
 * row of its own; the wait for its turn ends when the function of `update` is called, as it is
 * under the lock, and that for the acknowledgement when the commit is on disk. Fairness is judged
 * by the turn: the disk treats all alike. The mean is what each would wait if all waited alike;
 * a median far below it says that many came in at once, before others who waited.
 *
 * ```sh
 * deno run -A bench/lock_fairness.ts
 * ```
 *
 * @module
 */
import { PsBase } from "../base.ts";
import { type Fixture, spawn, spawnFixture } from "../tests/helpers/spawn.ts";
import { heading, print, row } from "./suite/markdown.ts";

const PROCESSES = 50;
const TIMES = 40;
const TOTAL = PROCESSES * TIMES;
const CHILD = new URL("lock_fairness_child.ts", import.meta.url).href;

/** What all children tell, each one line, when they were let go together. */
async function gather<T>(start: (i: number) => Fixture): Promise<T[]> {
  await using all = new AsyncDisposableStack();
  const children = Array.from({ length: PROCESSES }, (_, i) => all.use(start(i)));
  for (const child of children) await child.readLine();
  await Promise.all(children.map((child) => child.send("go")));
  return await Promise.all(
    children.map(async (child) => JSON.parse((await child.readLine())!) as T),
  );
}

function checkTotal(total: number): void {
  if (total !== TOTAL) throw new Error(`${total}, not ${TOTAL}`);
}

/** A line for so many waits, in milliseconds. */
function line(name: string, waits: number[]): void {
  waits.sort((a, b) => a - b);
  const at = (share: number) => waits[Math.ceil(share * waits.length) - 1]!;
  const mean = waits.reduce((sum, wait) => sum + wait, 0) / waits.length;
  const ms = [mean, at(0.5), at(0.99), at(1)].map((value) => value.toFixed(1));
  print(row([name, ...ms, (at(0.99) / at(0.5)).toFixed(1)]));
}

async function lockWaits(dir: string, args: string[]): Promise<number[]> {
  const counter = `${dir}/counter`;
  Deno.writeTextFileSync(counter, "0");
  const waits = await gather<number[]>(() =>
    spawnFixture("count_up", [`${dir}/lock`, counter, String(TIMES), ...args])
  );
  checkTotal(Number(Deno.readTextFileSync(counter)));
  return waits.flat();
}

async function writeWaits(dir: string, args: string[]) {
  const path = `${dir}/base`;
  await using base = await PsBase.create(path, { n: "integer" });
  await base.insertMany(Array.from({ length: PROCESSES }, () => ({ n: 0 })));
  const all = await gather<{ turns: number[]; commits: number[] }>((i) =>
    spawn(Deno.execPath(), ["run", "-A", "--quiet", CHILD, path, `${i}`, `${TIMES}`, ...args])
  );
  checkTotal(base.sum("n"));
  return {
    turns: all.flatMap(({ turns }) => turns),
    commits: all.flatMap(({ commits }) => commits),
  };
}

async function inTempDir(fn: (dir: string) => Promise<void>): Promise<void> {
  const dir = Deno.makeTempDirSync({ prefix: "psbase_bench_" });
  try {
    await fn(dir);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

print(heading(`Lock fairness: ${PROCESSES} processes, ${TIMES} times each, waits in milliseconds`, [
  "",
  "mean",
  "p50",
  "p99",
  "worst",
  "p99 / p50",
]));
for (const limit of ["Infinity", "600000"]) {
  const limited = limit === "Infinity" ? "" : ", with `timeoutMs`";
  for (const form of ["acquireSync", "acquire"]) {
    await inTempDir(async (dir) => {
      line(`\`PsLock.${form}()\`${limited}`, await lockWaits(dir, [form, limit]));
    });
  }
  for (const form of ["updateSync", "update"]) {
    await inTempDir(async (dir) => {
      const { turns, commits } = await writeWaits(dir, [form, limit]);
      line(`\`PsBase.${form}()\`${limited}: its turn`, turns);
      line(`\`PsBase.${form}()\`${limited}: acknowledged`, commits);
    });
  }
}
