/**
 * The storm: many processes work on one table at the same time. Then a new process verifies the
 * table.
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { parseArgs } from "@std/cli/parse-args";
import { runStorm, type StormOptions, type StormReport } from "./storm/run.ts";

const USAGE = `deno task storm [options]

Creates a table of collisions of aircraft with wildlife. Then many processes open it at the same
time. In each round, each of them reads the strikes of one airport, inserts one and deletes one. At
the end, a new process compares the table with the acknowledged writes. The exit code is 1 if a row
was lost or doubled, or if a process failed.

  --processes N     the number of processes (default 50)
  --rounds N        how often each of them reads, inserts and deletes (default 20)
  --rows N          the rows of the table at the start (default 10000)
  --durability D    "full" (each commit waits for the disk, the default) or "relaxed"
  --transactions    each round also moves money between accounts in a transaction; every read must
                    find the same total
  --control         turns locking off; the exit code is 0 if the storm detects the faults
  --help            print this text`;

/** How many faults are printed; the others are only counted. */
const TOLD_FAULTS = 10;

class UsageError extends Error {}

function count(name: string, value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) {
    throw new UsageError(`--${name} is "${value}", expected a number from 1 on`);
  }
  return Number(value);
}

function optionsFrom(args: string[]): StormOptions | undefined {
  const { help, control, transactions, durability, ...counts } = parseArgs(args, {
    string: ["processes", "rounds", "rows", "durability"],
    boolean: ["control", "help", "transactions"],
    default: { processes: "50", rounds: "20", rows: "10000", durability: "full" },
    unknown: (arg) => {
      throw new UsageError(`there is no option "${arg}"`);
    },
  });
  if (help) return undefined;
  if (durability !== "full" && durability !== "relaxed") {
    throw new UsageError(`--durability is "${durability}", expected "full" or "relaxed"`);
  }
  const processes = count("processes", counts.processes);
  const rounds = count("rounds", counts.rounds);
  const rows = count("rows", counts.rows);
  if (rows < processes * rounds) {
    throw new UsageError(`--rows is ${rows}, too few for ${processes * rounds} deletions`);
  }
  return { processes, rounds, rows, durability, control, transactions };
}

/** A line that shows the progress, on a terminal only. */
function progressLine(): { show(text: string): void; clear(): void } {
  if (!Deno.stderr.isTerminal()) return { show() {}, clear() {} };
  const encoder = new TextEncoder();
  const write = (text: string) => Deno.stderr.writeSync(encoder.encode(`\r\x1b[K${text}`));
  return { show: write, clear: () => write("") };
}

function table(options: StormOptions, report: StormReport): string {
  const { processes, rounds, rows, durability } = options;
  const { commits, errors, verdict, wallMs, roundMs } = report;
  const sorted = roundMs.toSorted((a, b) => a - b);
  const at = (share: number) =>
    `${(sorted[Math.ceil(share * sorted.length) - 1] ?? 0).toFixed(1)} ms`;
  const cells = Object.entries({
    processes,
    "rounds each": rounds,
    "rows before": rows,
    "rows after": verdict.rows,
    durability,
    commits,
    errors: errors.length,
    lost: verdict.lost,
    doubled: verdict.doubled,
    "wall time": `${wallMs.toFixed(0)} ms`,
    "round, p50": at(0.5),
    "round, p99": at(0.99),
    "round, max": at(1),
    "commits per second": Math.round(commits / wallMs * 1000),
  }).map(([name, value]) => [name, String(value)] as const);
  const width = Math.max(...cells.map(([, value]) => value.length));
  return cells.map(([name, value]) => `${name.padEnd(18)}  ${value.padStart(width)}`).join("\n");
}

function printFaults(faults: readonly string[]): void {
  for (const fault of faults.slice(0, TOLD_FAULTS)) console.error(fault);
  const more = faults.length - TOLD_FAULTS;
  if (more > 0) console.error(`… and ${more} more`);
}

async function main(args: string[]): Promise<number> {
  const options = optionsFrom(args);
  if (options === undefined) {
    console.log(USAGE);
    return 0;
  }
  const progress = progressLine();
  const report = await runStorm(options, progress.show);
  progress.clear();
  console.log(table(options, report));
  const faults = [...report.errors, ...report.verdict.faults];
  printFaults(faults);
  if (!options.control) {
    console.log(
      faults.length === 0 ? "\nNothing lost, doubled or failed." : "\nFAULTS, see above.",
    );
    return faults.length === 0 ? 0 : 1;
  }
  console.log(
    faults.length > 0
      ? "\nThe control: without locks there are faults, so the storm can see them."
      : "\nThe control FAILED: without locks there were no faults, so the storm shows nothing.",
  );
  return faults.length > 0 ? 0 : 1;
}

if (import.meta.main) {
  try {
    Deno.exitCode = await main(Deno.args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}, see --help`);
    Deno.exitCode = 2;
  }
}
