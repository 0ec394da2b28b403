/**
 * Money that moves between tables, in transactions of several forms: the sum over all tables is the
 * same at the end, whoever moved it.
 *
 * @module
 */

import {
  DeadlockError,
  LockTimeoutError,
  PsBase,
  transaction,
  transactionSync,
} from "../../mod.ts";
import { type Random, randomFrom } from "./random.ts";

/** The fields of each table. */
export const SCHEMA = { money: { type: "integer", required: true } } as const;
/** What each table holds at first, in one row. */
export const MONEY = 1000;
/** The tables, in a directory. */
export const NAMES = ["a", "b", "c"];

type Table = PsBase<typeof SCHEMA>;

/** How the moves of one mover ended. */
export interface Moves {
  /** How many were made. */
  done: number;
  /** How many would never have ended. */
  deadlocks: number;
  /** How many waited too long for another process. */
  timeouts: number;
}

/** What a mover is told. */
export interface MoveOptions {
  /** The directory of the tables. */
  readonly dir: string;
  /** What its choices begin with. */
  readonly seed: number;
  /** How many moves it tries. */
  readonly count: number;
  /** How long each waits for a lock; short, as processes that wait for each other do so that long. */
  readonly timeoutMs?: number;
}

const open = (dir: string, timeoutMs: number): Table[] =>
  NAMES.map((name) => PsBase.openSync(`${dir}/${name}`, { schema: SCHEMA, timeoutMs }));

const take = (row: { money: number }) => ({ money: row.money - 1 });
const give = (row: { money: number }) => ({ money: row.money + 1 });

function pause(random: Random): Promise<void> | undefined {
  if (random.chance(0.5)) return undefined;
  return new Promise((resolve) => setTimeout(resolve, random.below(2)));
}

/** Each locks several tables in a random order, and fails before anything is changed if at all. */
function anyMove(random: Random, tables: Table[]): () => unknown {
  const [from, to, third] = tables.toSorted(() => random.below(3) - 1) as [Table, Table, Table];
  const forms: (() => unknown)[] = [
    () =>
      transaction([from, to], async (from, to) => {
        from.update(0, take);
        await pause(random);
        to.update(0, give);
      }),
    () =>
      transactionSync([to, from], (to, from) => {
        from.update(0, take);
        to.update(0, give);
      }),
    () =>
      from.transaction(async (tx) => {
        tx.update(0, take);
        await pause(random);
        await to.transaction((tx) => tx.update(0, give));
      }),
    () =>
      from.transaction(async (tx) => {
        tx.update(0, take);
        await pause(random);
        await to.update(0, give);
      }),
    () =>
      from.transaction((tx) => {
        tx.update(0, take);
        to.updateSync(0, give);
      }),
    () =>
      from.transactionSync((tx) => {
        tx.update(0, take);
        to.transactionSync((tx) => tx.update(0, give));
      }),
    () =>
      from.transaction(async (tx) => {
        tx.update(0, take);
        await third.transaction(async () => {
          await pause(random);
          await transaction([to], (tx) => tx.update(0, give));
        });
      }),
    () =>
      third.transaction(async () => {
        await pause(random);
        await transaction([from, to], (from, to) => {
          from.update(0, take);
          to.update(0, give);
        });
      }),
  ];
  return random.pick(forms);
}

/** Moves money, in several moves at once, each on handles of its own. */
export async function moveMoney({ dir, seed, count, timeoutMs = 30 }: MoveOptions): Promise<Moves> {
  const moves: Moves = { done: 0, deadlocks: 0, timeouts: 0 };
  const random = randomFrom(seed);
  await Promise.all([1, 2, 3].map(async () => {
    const tables = open(dir, timeoutMs);
    for (let i = 0; i < count / 3; i++) {
      try {
        await anyMove(random, tables)();
        moves.done++;
      } catch (error) {
        if (error instanceof DeadlockError) moves.deadlocks++;
        else if (error instanceof LockTimeoutError) moves.timeouts++;
        else throw error;
      }
    }
    for (const table of tables) await table.close();
  }));
  return moves;
}
