/**
 * One process of the storm: waits for the word, opens the base, and each round
 * reads the strikes of its airport, inserts one and deletes one; if it is told to, it also moves
 * money between accounts, in transactions.
 *
 * Its first argument is a {@linkcode Job} in JSON. It writes `ready`, waits for
 * its stdin to say or end something, then writes a {@linkcode Round} in JSON for
 * each round, as soon as that is acknowledged.
 *
 * @module
 */

import { PsBase, type Transaction, type View } from "../../base.ts";
import {
  ACCOUNT,
  accountFaults,
  ACCOUNTS,
  counterOf,
  NEW_ACCOUNT,
  stormStrike,
  STRIKES,
} from "./strikes.ts";

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
  /** Whether it moves money, too. */
  readonly transactions?: boolean | undefined;
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
  /** Whether money was moved, and that acknowledged. */
  readonly moved?: boolean;
  /** What went wrong. */
  readonly error?: string;
}

type Strikes = PsBase<typeof STRIKES>;
type Tx = Transaction<typeof STRIKES>;

async function open({ dir, durability, control }: Job): Promise<Strikes> {
  const options = { schema: STRIKES, durability };
  if (!control) return await PsBase.open(dir, options);
  const { withFiles } = await import("../../engine/system/deno_file.ts");
  const { unlockedFiles } = await import("./unlocked.ts");
  return withFiles(unlockedFiles, () => PsBase.openSync(dir, options));
}

class Undone extends Error {}

/** Whether the move of a round is undone. */
function isUndone(round: number): boolean {
  return round % 4 === 3;
}

function checkAccounts(view: View<typeof STRIKES>): void {
  const [fault] = accountFaults(view);
  if (fault !== undefined) throw new Error(fault);
}

/** Moves money between two accounts and counts that, in steps. */
function* moveMoney(tx: Tx, { process }: Job, round: number): Generator<void> {
  const accounts = tx.select({ operator: ACCOUNT });
  const at = Math.floor(Math.random() * ACCOUNTS);
  const [from, to] = [accounts.at(at)!, accounts.at(at - 1)!];
  const amount = 1 + Math.floor(Math.random() * 100);
  const plus = (row: typeof from, amount: number) => ({
    costTotal: row.costTotal! + amount,
    speed: row.speed! + 1,
  });
  tx.update(from, plus(from, -amount));
  yield;
  if (round % 3 === 0) {
    // Another account takes the place of the one that gets it.
    tx.delete(to);
    tx.insert({ ...NEW_ACCOUNT, ...plus(to, amount) });
  } else {
    tx.update(to, plus(to, amount));
  }
  yield;
  tx.updateWhere({ operator: counterOf(process) }, (row) => ({ speed: row.speed! + 1 }));
  checkAccounts(tx);
  if (isUndone(round)) throw new Undone();
}

async function runTransaction(base: Strikes, job: Job, round: number): Promise<boolean> {
  checkAccounts(base);
  try {
    if (job.sync) {
      base.transactionSync((tx) => moveMoney(tx, job, round).forEach(() => {}));
    } else {
      await base.transaction(async (tx) => {
        for (const _ of moveMoney(tx, job, round)) {
          await new Promise((resolve) => setTimeout(resolve));
        }
      });
    }
  } catch (error) {
    if (!(error instanceof Undone)) throw error;
  }
  checkAccounts(base);
  return !isUndone(round);
}

async function runRound(base: Strikes, job: Job, round: number): Promise<Round> {
  const { airport, process, victims, sync, from } = job;
  const done: { id?: number; deleted?: boolean; moved?: boolean; error?: string } = {};
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
    if (job.transactions) done.moved = await runTransaction(base, job, round);
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
