/**
 * The storm: makes the base, starts the processes, gathers what they tell, and
 * has a new process verify what is there.
 *
 * @module
 */

import { PsBase } from "../../base.ts";
import type { Job, Round } from "./child.ts";
import { readStrikes } from "./data.ts";
import { ACCOUNTS, counterOf, NEW_ACCOUNT, type Strike, STRIKES } from "./strikes.ts";
import type { Expected, Verdict } from "./verify.ts";

/** What kind of storm. */
export interface StormOptions {
  /** How many processes. */
  readonly processes: number;
  /** How often each of them reads, inserts and deletes. */
  readonly rounds: number;
  /** How many rows there are before. */
  readonly rows: number;
  /** Of the base. */
  readonly durability: "full" | "relaxed";
  /** Whether locks are switched off. */
  readonly control: boolean;
  /** Whether they move money in transactions, too. */
  readonly transactions?: boolean | undefined;
}

/** What came of it. */
export interface StormReport {
  /** Acknowledged commits. */
  readonly commits: number;
  /** Rounds that failed, and processes. */
  readonly errors: readonly string[];
  /** What the verifying process found. */
  readonly verdict: Verdict;
  /** From the word to begin to the end of the last round, in milliseconds. */
  readonly wallMs: number;
  /** How long each round took, in milliseconds. */
  readonly roundMs: readonly number[];
}

/** Makes a base of so many strikes. */
export async function createStrikes(dir: string, strikes: readonly Strike[]): Promise<void> {
  await using base = await PsBase.create(dir, STRIKES);
  await base.insertMany(strikes);
  await base.cleanup();
}

/** Adds accounts with money, and who counts what each process moves. */
async function addAccounts(dir: string, processes: number): Promise<void> {
  await using base = await PsBase.open(dir, { schema: STRIKES });
  const accounts = Array.from({ length: ACCOUNTS }, () => NEW_ACCOUNT);
  const counters = Array.from(
    { length: processes },
    (_, process) => ({ ...NEW_ACCOUNT, operator: counterOf(process), costTotal: null }),
  );
  await base.insertMany([...accounts, ...counters]);
}

/** Gives each process an airport and rows to delete: one a round, all over the table. */
export function shareOut(dir: string, strikes: readonly Strike[], options: StormOptions): Job[] {
  const { processes, rounds, rows, durability, control, transactions } = options;
  const airports = [...new Set(strikes.map((strike) => strike.airport))];
  return Array.from({ length: processes }, (_, process) => ({
    dir,
    process,
    airport: airports[process % airports.length]!,
    from: 0,
    victims: Array.from(
      { length: rounds },
      (_, round) => Math.floor(((round * processes + process) * rows) / (rounds * processes)),
    ),
    durability,
    // Both forms of the verbs take part.
    sync: process % 2 === 0,
    control,
    transactions,
  }));
}

/** A process of the storm. */
export interface Child extends AsyncDisposable {
  /** What it is to do. */
  readonly job: Job;
  /** Lets it begin, once it is {@linkcode Child.ready}. */
  go(): Promise<void>;
  /** Resolves when it is ready to begin. */
  readonly ready: Promise<void>;
  /** Resolves at its end: what it wrote to stderr, if it failed. */
  readonly ended: Promise<string | undefined>;
  /** Kills it as the system would: without warning. */
  kill(): void;
}

const CHILD = new URL("child.ts", import.meta.url);

/** Starts a process of a program, with flags before it; `onRound` is told of each round. */
export function startChild(
  job: Job,
  onRound: (round: Round) => void,
  program: readonly string[] = [CHILD.href],
): Child {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", ...program, JSON.stringify(job)],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const ready = Promise.withResolvers<void>();
  const read = async () => {
    let rest = "";
    for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      for (const line of lines) {
        if (line === "ready") ready.resolve();
        else onRound(JSON.parse(line));
      }
    }
    // One that failed before does not hold up the others.
    ready.resolve();
  };
  const end = async () => {
    const [stderr, { success, code, signal }] = await Promise.all([
      new Response(child.stderr).text(),
      child.status,
      read(),
    ]);
    return success ? undefined : `process ${job.process}: ${stderr || (signal ?? code)}`;
  };
  const kill = () => {
    try {
      child.kill("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
  };
  const ended = end();
  return {
    job,
    ready: ready.promise,
    ended,
    kill,
    go: () => child.stdin.close().catch(() => {}),
    async [Symbol.asyncDispose]() {
      kill();
      await ended;
    },
  };
}

/** Has a new process compare the base with what is expected of it. */
export async function verifyAnew(expected: Expected): Promise<Verdict> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", new URL("verify.ts", import.meta.url).href],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [{ success, stdout, stderr }] = await Promise.all([
    child.output(),
    new Blob([JSON.stringify(expected)]).stream().pipeTo(child.stdin),
  ]);
  const text = new TextDecoder();
  if (success) return JSON.parse(text.decode(stdout));
  return {
    lost: 0,
    doubled: 0,
    rows: 0,
    faults: [`the verifying process: ${text.decode(stderr)}`],
  };
}

/** What must be there after these rounds of these jobs. */
export function expectedAfter(
  dir: string,
  rows: number,
  jobs: readonly Job[],
  rounds: ReadonlyMap<number, readonly Round[]>,
): Expected {
  const inserts: Expected["inserts"][number][] = [];
  const deletes: Expected["deletes"][number][] = [];
  const moves: NonNullable<Expected["moves"]>[number][] = [];
  for (const { process, airport, victims, transactions } of jobs) {
    const told = new Map(rounds.get(process)?.map((round) => [round.round, round]));
    victims.forEach((victim, round) => {
      inserts.push({ airport, process, round, id: told.get(round)?.id });
      deletes.push({ id: victim, acknowledged: told.get(round)?.deleted ?? false });
    });
    if (!transactions) continue;
    const all = [...told.values()];
    const least = all.filter(({ moved }) => moved).length;
    moves.push({ process, least, most: least + all.filter(({ error }) => error).length });
  }
  return { dir, rows, inserts, deletes, moves };
}

/** Runs a storm in a temporary directory; `onProgress` is told of what is going on. */
export async function runStorm(
  options: StormOptions,
  onProgress: (text: string) => void = () => {},
): Promise<StormReport> {
  const parent = await Deno.makeTempDir({ prefix: "psbase_storm_" });
  try {
    const dir = `${parent}/strikes`;
    onProgress(`creating a base of ${options.rows} strikes`);
    const strikes = readStrikes(options.rows);
    await createStrikes(dir, strikes);
    if (options.transactions) await addAccounts(dir, options.processes);
    const jobs = shareOut(dir, strikes, options);
    const { rounds, errors, wallMs } = await runJobs(jobs, onProgress);
    onProgress("verifying in a new process");
    const verdict = await verifyAnew(expectedAfter(dir, options.rows, jobs, rounds));
    const all = [...rounds.values()].flat();
    const commits = all.reduce(
      (n, { id, deleted = false, moved = false }) =>
        n + Number(id !== undefined) + Number(deleted) + Number(moved),
      0,
    );
    return { commits, errors, verdict, wallMs, roundMs: all.map(({ ms }) => ms) };
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

async function runJobs(jobs: readonly Job[], onProgress: (text: string) => void) {
  await using children = new AsyncDisposableStack();
  const rounds = new Map<number, Round[]>(jobs.map(({ process }) => [process, []]));
  const errors: string[] = [];
  const total = jobs.reduce((n, { victims }) => n + victims.length, 0);
  let done = 0;
  const all = jobs.map((job) =>
    children.use(startChild(job, (round) => {
      rounds.get(job.process)!.push(round);
      if (round.error !== undefined) {
        errors.push(`process ${job.process}, round ${round.round}: ${round.error}`);
      }
      onProgress(`round ${++done} of ${total}`);
    }))
  );
  let ready = 0;
  await Promise.all(all.map(async (child) => {
    await child.ready;
    onProgress(`${++ready} of ${jobs.length} processes are ready`);
  }));
  const start = performance.now();
  await Promise.all(all.map((child) => child.go()));
  for (const failure of await Promise.all(all.map((child) => child.ended))) {
    if (failure !== undefined) errors.push(failure);
  }
  return { rounds, errors, wallMs: performance.now() - start };
}
