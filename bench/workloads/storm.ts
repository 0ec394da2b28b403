/**
 * The storm: processes that all at once open a table, search, insert and delete.
 *
 * @module
 */

import type { Job } from "../../examples/storm/child.ts";
import { shareOut, startChild } from "../../examples/storm/run.ts";
import type { Strike } from "../../examples/storm/strikes.ts";
import { jsonFile } from "../stores/json_file.ts";
import { changeAll, kv, list } from "../stores/kv.ts";
import { psbase } from "../stores/psbase.ts";
import { sqlite } from "../stores/sqlite.ts";
import type { Store, Table, Templates } from "../stores/store.ts";
import { strikes, strikesByAirport } from "../tables/strikes.ts";
import { percentile, timed } from "../suite/measure.ts";
import type { Contender, Line, Turn, Workload } from "../suite/workload.ts";
import { programOf, run } from "./programs.ts";

/** How large the storms are. */
export interface StormSizes {
  readonly processes: number;
  readonly rounds: number;
  readonly rows: number;
  readonly manyRows: number;
}

/** One of the storms. */
interface Storm {
  readonly name: string;
  readonly lines: Readonly<Record<string, Line>>;
  readonly processes: number;
  readonly rounds: number;
  readonly rows: number;
  readonly table: Table;
  /** Whether a JSON file would take an hour. */
  readonly large?: boolean;
  /** Whether processes are started only when the clock runs. */
  readonly cold?: boolean;
}

/** What a contender does otherwise than the rest. */
interface Peculiar<H> {
  /** Done to the table before the clock runs. */
  prepare?(handle: H): Promise<void>;
  /** Where its program is another. */
  readonly contender?: Contender;
}

/** From the first spawn to the last exit. */
function runCold(program: string[], jobs: readonly Job[]): Promise<number> {
  return timed(() => Promise.all(jobs.map((job) => run(program, [JSON.stringify(job)]))));
}

/** From the word to begin to the last exit; and the rounds. */
async function runStarted(
  program: string[],
  jobs: readonly Job[],
): Promise<{ wall: number; p99: number }> {
  const times: number[] = [];
  const ids = new Set<number>();
  await using all = new AsyncDisposableStack();
  const children = jobs.map((job) =>
    all.use(startChild(job, ({ ms, id, deleted }) => {
      if (id === undefined || !deleted) throw new Error(`a round of ${job.process} failed`);
      times.push(ms);
      ids.add(id);
    }, program))
  );
  await Promise.all(children.map((child) => child.ready));
  const wall = await timed(async () => {
    await Promise.all(children.map((child) => child.go()));
    for (const failure of await Promise.all(children.map((child) => child.ended))) {
      if (failure !== undefined) throw new Error(failure);
    }
  });
  const rounds = jobs.reduce((n, { victims }) => n + victims.length, 0);
  if (ids.size !== rounds) throw new Error(`${ids.size} ids for ${rounds} inserts`);
  return { wall, p99: percentile(times, 0.99) };
}

function workloadOf(storm: Storm, templates: Templates): Workload {
  const { name, lines, processes, rows, rounds, table, cold = false, large = false } = storm;
  const job = { processes, rounds, rows, control: false } as const;
  const turn =
    <H>(store: Store<H>, { prepare, contender = store.contender }: Peculiar<H> = {}) =>
    async (dir: string): Promise<Turn> => {
      const path = await templates.copy(store, table, { dir, count: rows });
      if (prepare) {
        const handle = await store.open(path);
        await prepare(handle);
        await store.close(handle);
      }
      const durability = store.contender === "SQLite NORMAL" ? "relaxed" : "full";
      const all = [...table.rows(rows)] as Strike[];
      const jobs = shareOut(path, all, { ...job, durability });
      const program = await programOf("storm", contender, templates);
      // Deno keeps what it compiled of a program that it has seen.
      await run(program, [JSON.stringify({ ...jobs[0], victims: [] })]);
      const figures = cold
        ? { [name]: await runCold(program, jobs) }
        : renamed(name, await runStarted(program, jobs));
      const handle = await store.open(path);
      const after = [...await store.all(handle)];
      await store.close(handle);
      const own = after.filter(({ operator }) => String(operator).startsWith("STORM "));
      const distinct = new Set(own.map(({ operator, speed }) => `${operator} ${speed}`));
      const result = { rows: after.length, own: own.length, distinct: distinct.size };
      return { figures, result };
    };
  const indexed = table === strikesByAirport;
  return {
    name,
    group: "storm",
    lines,
    once: ["JSON file"],
    contenders: {
      psbase: turn(psbase()),
      "psbase await": turn(psbase(), { contender: "psbase await" }),
      "SQLite FULL": turn(sqlite("FULL")),
      "SQLite NORMAL": turn(sqlite("NORMAL")),
      ...(indexed && !cold && {
        "Deno KV": turn(kv, {
          async prepare(kv) {
            await changeAll(kv, await list(kv), (atomic, { key, value }) => {
              atomic.set(["t_airport", value.airport as string, key[1]!], value);
            });
          },
        }),
      }),
      ...(!indexed && !large && { "JSON file": turn(jsonFile) }),
      ...(cold && {
        "psbase sources": turn(psbase(), { contender: "psbase sources" }),
        async nothing(): Promise<Turn> {
          const jobs = shareOut("", [...table.rows(rows)] as Strike[], {
            ...job,
            durability: "full",
          });
          const left = { rows, own: processes * rounds, distinct: processes * rounds };
          const program = await programOf("storm", "nothing", templates);
          return { figures: { [name]: await runCold(program, jobs) }, result: left };
        },
      }),
    },
  };
}

function renamed(name: string, { wall, p99 }: { wall: number; p99: number }) {
  return { [name]: wall, [`${name}-p99`]: p99 };
}

/** All storms. */
export function stormWorkloads(
  { processes, rounds, rows, manyRows }: StormSizes,
  templates: Templates,
): Workload[] {
  const n = (count: number) => count.toLocaleString("en");
  const many = { processes, rounds, rows };
  const once = { ...many, rounds: 1, table: strikes };
  const cold = (name: string, title: string, goal?: Line["goal"]) => ({
    name,
    cold: true,
    lines: { [name]: { title, goal } },
  });
  const steady = (name: string, title: string, goals: [Line["goal"], Line["goal"]]) => ({
    name,
    lines: {
      [name]: { title, goal: goals[0] },
      [`${name}-p99`]: { title: "… p99 of a round", goal: goals[1] },
    },
  });
  const storms: Storm[] = [
    {
      ...once,
      ...cold(
        "cold",
        `${processes} processes from spawn to exit, one round each, ${n(rows)} rows`,
        {
          floors: 1.1,
        },
      ),
    },
    {
      ...once,
      ...cold("cold-one", "one process, one round, index on the field searched"),
      processes: 1,
      table: strikesByAirport,
    },
    {
      ...once,
      ...cold("cold-index", `${processes} processes, one round each, index`),
      table: strikesByAirport,
    },
    {
      ...many,
      ...cold("cold-rounds", `${processes} processes, ${rounds} rounds each, index`),
      table: strikesByAirport,
    },
    {
      ...once,
      ...steady("burst", `${processes} started processes open, do one round and end`, [
        { most: 150, peer: 345 },
        undefined,
      ]),
    },
    {
      ...steady("steady", `${processes} started processes, ${rounds} rounds each`, [
        { most: 260, peer: 791 },
        { most: 30, peer: 353 },
      ]),
      ...many,
      table: strikes,
    },
    {
      ...steady("steady-index", "the same, index on the field searched", [undefined, undefined]),
      ...many,
      table: strikesByAirport,
    },
    {
      ...steady("steady-large", `the same at ${n(manyRows)} rows, no index`, [
        { most: 500, peer: 5147 },
        undefined,
      ]),
      ...many,
      rows: manyRows,
      table: strikes,
      large: true,
    },
  ];
  return storms.map((storm) => workloadOf(storm, templates));
}
