/**
 * psbase beside what one would take instead, on this machine: `deno task bench --help`.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { Templates } from "./stores/store.ts";
import { chart } from "./suite/chart.ts";
import { describeMachine } from "./suite/machine.ts";
import { print } from "./suite/markdown.ts";
import { report, type Results } from "./suite/report.ts";
import { measure, type Measured, type Workload } from "./suite/workload.ts";
import { fileWorkloads } from "./workloads/files.ts";
import { growthWorkloads } from "./workloads/growth.ts";
import { openingWorkloads } from "./workloads/opening.ts";
import { pointWorks } from "./workloads/points.ts";
import { queryWorks } from "./workloads/queries.ts";
import { sizeWorkload } from "./workloads/size.ts";
import { stormWorkloads } from "./workloads/storm.ts";
import { t1Works } from "./workloads/t1.ts";
import { workloadOf } from "./workloads/work.ts";

const USAGE = `deno task bench [options] [names]

Measures all workloads, or those of these names, or whose names begin so ("get", "read-"), and
prints tables. Only a run of everything at full size is kept, in bench/results/.

  --quick      a tenth of the rows, one turn: to see that all works, not to quote
  --huge       growth also at 10,000,000 rows
  --turns N    how often each contender has its turn; if left out 3 times, for 10 seconds
  --dir DIR    where the tables are made: on the disk that is to be measured
  --list       the names
  --help       this text`;

const RESULTS = new URL("results/", import.meta.url);

interface Options {
  readonly quick: boolean;
  readonly huge: boolean;
}

/** The workloads, at these sizes. */
function workloads(templates: Templates, { quick, huge }: Options): Workload[] {
  const count = quick ? 10_000 : 100_000;
  const many = quick ? 100_000 : 1_000_000;
  const n = (count: number) => count.toLocaleString("en");
  const group = `comparison: ${n(count)} rows`;
  const works = t1Works(count);
  const growth = quick ? [1000, 10_000] : [10_000, 100_000, 1_000_000];
  if (huge) growth.push(10_000_000);
  const storm = { processes: 50, rounds: quick ? 3 : 20, rows: 5000, manyRows: count };
  return [
    ...stormWorkloads(storm, templates),
    ...works.map((work) => workloadOf(work, { templates, count, group })),
    ...openingWorkloads(templates, count, group),
    sizeWorkload(works, group),
    ...pointWorks(count).map((work) =>
      workloadOf(work, { templates, count, group: `points: ${n(count)} rows, a long log` })
    ),
    ...queryWorks(many).map((work) =>
      workloadOf(work, {
        templates,
        count: many,
        group: `queries: ${n(many)} rows, warm`,
      })
    ),
    ...fileWorkloads(templates, many, `files: ${n(many)} rows, a process each`),
    ...growth.flatMap((rows) => growthWorkloads(templates, rows)),
  ];
}

/** The workload of this name, or all whose names begin so. */
function named(all: readonly Workload[], wanted: string): Workload[] {
  const exact = all.filter(({ name }) => name === wanted);
  const found = exact.length > 0 ? exact : all.filter(({ name }) => name.startsWith(wanted));
  if (found.length === 0) throw new Error(`there is no workload "${wanted}", see --list`);
  return found;
}

async function keep(results: Results): Promise<void> {
  await Deno.mkdir(RESULTS, { recursive: true });
  const write = (name: string, text: string) => Deno.writeTextFile(new URL(name, RESULTS), text);
  await write("results.json", JSON.stringify(results, null, 1) + "\n");
  await write("results.md", report(results));
  for (const group of ["storm", "comparison", "queries", "growth"]) {
    await write(`${group}.svg`, chart(group, results.lines));
  }
}

async function main(): Promise<void> {
  const { quick, huge, list, help, turns, dir: parent, _: names } = parseArgs(Deno.args, {
    boolean: ["quick", "huge", "list", "help"],
    string: ["turns", "dir", "_"],
    unknown: (arg) => {
      if (arg.startsWith("-")) throw new Error(`there is no option "${arg}", see --help`);
    },
  });
  if (help) return print(USAGE);
  const dir = await Deno.makeTempDir({ prefix: "psbase_bench_", ...(parent && { dir: parent }) });
  try {
    const all = workloads(new Templates(dir), { quick, huge });
    if (list) return print(all.map(({ name }) => name).join("\n"));
    const chosen = names.length === 0 ? all : names.flatMap((name) => named(all, String(name)));
    const machine = describeMachine(dir);
    const options = {
      turns: Number(turns ?? (quick ? 1 : 3)),
      seconds: quick || turns !== undefined ? 0 : 10,
      dir,
    };
    const lines: Measured[] = [];
    for (const workload of chosen) {
      // deno-lint-ignore no-console
      console.error(workload.name);
      lines.push(...await measure(workload, options));
    }
    const at = new Date().toISOString().slice(0, 10);
    const results = { at, machine, turns: options.turns, lines };
    print(report(results));
    if (!quick && names.length === 0) await keep(results);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

if (import.meta.main) await main();
