/**
 * How long the unluckiest waits: fifty processes add 1 to a number forty times
 * each, under one lock, and all waits are measured.
 *
 * ```sh
 * deno run -A bench/lock_fairness.ts
 * ```
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { spawnFixture } from "../tests/helpers/spawn.ts";

const PROCESSES = 50;
const TIMES = 40;

/** Which arguments of the fixture, and what they stand for. */
const FORMS: [name: string, args: string[]][] = [
  ["`acquireSync()`", ["acquireSync"]],
  ["`await acquire()`", ["acquire"]],
  ["`acquireSync({ timeoutMs })`", ["acquireSync", "600000"]],
  ["`await acquire({ timeoutMs })`", ["acquire", "600000"]],
];

/** All waits, in milliseconds. */
async function measure(args: string[]): Promise<number[]> {
  const dir = Deno.makeTempDirSync({ prefix: "psbase_bench_" });
  const counter = `${dir}/counter`;
  Deno.writeTextFileSync(counter, "0");
  await using all = new AsyncDisposableStack();
  all.defer(() => Deno.removeSync(dir, { recursive: true }));
  const children = Array.from({ length: PROCESSES }, () => {
    return all.use(spawnFixture("count_up", [`${dir}/lock`, counter, String(TIMES), ...args]));
  });
  for (const child of children) await child.readLine();
  await Promise.all(children.map((child) => child.send("go")));
  const waits = await Promise.all(children.map(async (child) => {
    return JSON.parse(await child.readLine() ?? "[]") as number[];
  }));
  const total = Number(Deno.readTextFileSync(counter));
  if (total !== PROCESSES * TIMES) throw new Error(`${total}, not ${PROCESSES * TIMES}`);
  return waits.flat();
}

function row(cells: string[]): string {
  return `| ${cells.join(" | ")} |`;
}

console.log(`${PROCESSES} processes, ${TIMES} increments each; waits in milliseconds.\n`);
console.log(row(["form", "total", "p50", "p99", "worst"]));
console.log(row(["---", "--:", "--:", "--:", "--:"]));
for (const [name, args] of FORMS) {
  const waits = (await measure(args)).sort((a, b) => a - b);
  const at = (share: number) => (waits[Math.floor(share * (waits.length - 1))] ?? 0).toFixed(1);
  console.log(row([name, String(waits.length), at(0.5), at(0.99), at(1)]));
}
