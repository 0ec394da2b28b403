/**
 * psbase beside SQLite (`node:sqlite`: WAL, synchronous FULL, busy_timeout 60 s, an index on the
 * field searched): both by turns, medians, as Markdown.
 *
 * ```sh
 * deno run -A bench/compare.ts
 * ```
 *
 * @module
 */
// deno-lint-ignore-file no-console
import { PsBase } from "../base.ts";
import type { Job } from "../examples/storm/child.ts";
import { readStrikes } from "../examples/storm/data.ts";
import { createStrikes, shareOut, startChild } from "../examples/storm/run.ts";
import { STRIKES } from "../examples/storm/strikes.ts";
import {
  byTurns,
  compare,
  type Figures,
  heading,
  ms,
  row,
  timed,
  TIMES,
} from "./compare/measure.ts";
import { createSqlite, inserter, insertStrikes, openSqlite } from "./compare/sqlite.ts";

const STORM = {
  processes: 50,
  rounds: 20,
  rows: 10_000,
  durability: "full",
  control: false,
} as const;

const NOTHING = new URL("compare/nothing.ts", import.meta.url);
const PSBASE_CHILD = new URL("../examples/storm/child.ts", import.meta.url);
const SQLITE_CHILD = new URL("compare/sqlite_child.ts", import.meta.url);
const GET_CHILD = new URL("compare/get_child.ts", import.meta.url);

// --------------------------------------------------------------- storms

const strikes = readStrikes(STORM.rows);

async function spawned(program: URL, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", program.href, ...args],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

/** From the first spawn to the last exit, each process doing one round. */
function cold(program: URL, jobs: readonly Job[]): Promise<number> {
  return timed(() => Promise.all(jobs.map((job) => spawned(program, [JSON.stringify(job)]))));
}

/** From the word to begin to the last exit; and the rounds. */
async function steady(program: URL, jobs: readonly Job[]): Promise<Figures> {
  const rounds: number[] = [];
  const children = jobs.map((job) =>
    startChild(job, (round) => {
      if (round.error !== undefined) throw new Error(round.error);
      rounds.push(round.ms);
    }, program)
  );
  await Promise.all(children.map((child) => child.ready));
  const wall = await timed(async () => {
    await Promise.all(children.map((child) => child.go()));
    await Promise.all(children.map((child) => child.ended));
  });
  rounds.sort((a, b) => a - b);
  return { wall, "round, p99": rounds[Math.ceil(0.99 * rounds.length) - 1]! };
}

function jobs(dir: string, rounds: number): Job[] {
  return shareOut(dir, strikes, { ...STORM, rounds }).map((job) => ({ ...job, sync: true }));
}

async function psbaseStorm(dir: string): Promise<string> {
  await createStrikes(`${dir}/strikes`, strikes);
  return `${dir}/strikes`;
}

function sqliteStorm(dir: string): string {
  createSqlite(`${dir}/strikes`, strikes).close();
  return `${dir}/strikes`;
}

async function coldStorm(): Promise<void> {
  const figures = await byTurns({
    "nothing: the floor": async (dir) => ({ wall: await cold(NOTHING, jobs(dir, 1)) }),
    psbase: async (dir) => ({ wall: await cold(PSBASE_CHILD, jobs(await psbaseStorm(dir), 1)) }),
    SQLite: async (dir) => ({ wall: await cold(SQLITE_CHILD, jobs(sqliteStorm(dir), 1)) }),
  });
  const [floor] = Object.values(figures);
  heading(`Cold storm: ${STORM.processes} processes from spawn to exit, one round each`, [
    "",
    "wall ms",
    "/ floor",
  ]);
  for (const [name, { wall }] of Object.entries(figures)) {
    row([name, ms(wall!), (wall! / floor!["wall"]!).toFixed(2)]);
  }
}

// --------------------------------------------------------------- one process

async function openAndGet(rows: number): Promise<void> {
  const dir = await Deno.makeTempDir({ prefix: "psbase_bench_" });
  try {
    const many = readStrikes(rows);
    await createStrikes(`${dir}/psbase`, many);
    createSqlite(`${dir}/sqlite`, many).close();
    const id = Math.floor(rows * 0.7);
    const measured = async (store: "psbase" | "sqlite", get: () => unknown): Promise<Figures> => ({
      "in a process that runs": await timed(get),
      "in a new process": await timed(() =>
        spawned(GET_CHILD, [store, `${dir}/${store}`, String(id)])
      ),
    });
    await compare(`Open and get one of ${rows} rows`, {
      psbase: () =>
        measured("psbase", () => {
          using base = PsBase.openSync(`${dir}/psbase`, { schema: STRIKES });
          base.get(id);
        }),
      sqlite: () =>
        measured("sqlite", () => {
          const db = openSqlite(`${dir}/sqlite`);
          db.prepare("SELECT * FROM strikes WHERE id = ?").get(id);
          db.close();
        }),
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

async function inserts(): Promise<void> {
  const thousand = readStrikes(1000);
  const many = readStrikes(100_000);
  await compare("Durable inserts", {
    async psbase(dir) {
      using base = await PsBase.create(`${dir}/strikes`, STRIKES);
      return {
        "1,000 one by one": await timed(() => thousand.forEach((row) => base.insertSync(row))),
        "100,000 in one commit": await timed(() => base.insertMany(many)),
      };
    },
    async sqlite(dir) {
      const db = createSqlite(`${dir}/strikes`, []);
      const figures = {
        "1,000 one by one": await timed(() => thousand.forEach(inserter(db))),
        "100,000 in one commit": await timed(() => insertStrikes(db, many)),
      };
      db.close();
      return figures;
    },
  });
}

console.log(`Medians of ${TIMES}, in milliseconds.`);
await coldStorm();
await compare(`Steady storm: ${STORM.processes} processes, ${STORM.rounds} rounds each`, {
  psbase: async (dir) => steady(PSBASE_CHILD, jobs(await psbaseStorm(dir), STORM.rounds)),
  sqlite: (dir) => steady(SQLITE_CHILD, jobs(sqliteStorm(dir), STORM.rounds)),
});
await openAndGet(10_000);
await openAndGet(1_000_000);
await inserts();
