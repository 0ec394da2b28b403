/**
 * One process of the storm: waits for the word, opens the base, and each round
 * reads the strikes of its airport, inserts one and deletes one.
 *
 * Its first argument is a {@linkcode Job} in JSON. It writes `ready`, waits for
 * its stdin to say or end something, then writes a {@linkcode Round} in JSON for
 * each round, as soon as that is acknowledged.
 *
 * @module
 */

import { PsBase } from "../../base.ts";
import { stormStrike, STRIKES } from "./strikes.ts";

/** What a process has to do. */
export interface Job {
  /** The base. */
  readonly dir: string;
  /** The number of the process. */
  readonly process: number;
  /** Whose strikes it reads and adds to. */
  readonly airport: string;
  /** The first round; not 0 for one that takes over from one that was killed. */
  readonly from: number;
  /** The ids to delete, one a round; nobody else deletes these. */
  readonly victims: readonly number[];
  /** Of the base. */
  readonly durability: "full" | "relaxed";
  /** Whether to use the blocking form of verbs. */
  readonly sync: boolean;
  /** Whether locks are switched off. */
  readonly control: boolean;
}

/** What became of a round. */
export interface Round {
  /** Its number. */
  readonly round: number;
  /** How long it took, in milliseconds. */
  readonly ms: number;
  /** The id of the row inserted, once that is acknowledged. */
  readonly id?: number;
  /** Whether the deletion was acknowledged. */
  readonly deleted?: boolean;
  /** What went wrong. */
  readonly error?: string;
}

type Strikes = PsBase<typeof STRIKES>;

async function open({ dir, durability, control }: Job): Promise<Strikes> {
  const options = { schema: STRIKES, durability };
  if (!control) return await PsBase.open(dir, options);
  const { withFiles } = await import("../../engine/file.ts");
  const { unlockedFiles } = await import("./unlocked.ts");
  return withFiles(unlockedFiles, () => PsBase.openSync(dir, options));
}

async function runRound(base: Strikes, job: Job, round: number): Promise<Round> {
  const { airport, process, victims, sync, from } = job;
  const done: { id?: number; deleted?: boolean; error?: string } = {};
  const start = performance.now();
  try {
    const strike = stormStrike(airport, process, round);
    const mine = base.select({ airport }).filter((row) => row.operator === strike.operator);
    // A read sees what was acknowledged before it.
    if (mine.length < round - from) throw new Error(`read ${mine.length} of its own rows`);
    done.id = sync ? base.insertSync(strike) : await base.insert(strike);
    const victim = victims[round]!;
    const deleted = sync ? base.deleteSync(victim) : await base.delete(victim);
    if (deleted !== 1) throw new Error(`row ${victim} was gone before it was deleted`);
    done.deleted = true;
  } catch (error) {
    done.error = String(error);
  }
  return { round, ms: performance.now() - start, ...done };
}

async function main(): Promise<void> {
  const job: Job = JSON.parse(Deno.args[0]!);
  const encoder = new TextEncoder();
  const tell = (line: string) => Deno.stdout.writeSync(encoder.encode(line + "\n"));
  tell("ready");
  Deno.stdin.readSync(new Uint8Array(1));
  using base = await open(job);
  for (let round = job.from; round < job.victims.length; round++) {
    tell(JSON.stringify(await runRound(base, job, round)));
  }
}

if (import.meta.main) await main();
