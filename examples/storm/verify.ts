/**
 * Compares a base with what it must hold after a storm: as a function, and as a
 * program that reads {@linkcode Expected} from its stdin and prints a
 * {@linkcode Verdict}, both in JSON.
 *
 * @module
 */

import { PsBase, type RowOf } from "../../base.ts";
import { readStrikes } from "./data.ts";
import { ACCOUNT, accountFaults, counterOf, stormStrike, STRIKES } from "./strikes.ts";

/** What was attempted, and what of it was acknowledged. */
export interface Expected {
  /** The base. */
  readonly dir: string;
  /** How many strikes were there before, with ids from 0 on. */
  readonly rows: number;
  /** Insertions; without id, if not acknowledged: then they may be there or not. */
  readonly inserts: readonly {
    readonly airport: string;
    readonly process: number;
    readonly round: number;
    readonly id?: number | undefined;
  }[];
  /** Deletions; those not acknowledged may have happened or not. */
  readonly deletes: readonly { readonly id: number; readonly acknowledged: boolean }[];
  /** How often each process moved money: as often as was acknowledged, or once more if it failed. */
  readonly moves?: readonly {
    readonly process: number;
    readonly least: number;
    readonly most: number;
  }[];
}

/** What was found. */
export interface Verdict {
  /** Acknowledged insertions that are not there, deletions undone, rows gone without reason. */
  readonly lost: number;
  /** Insertions that are there twice, ids acknowledged twice. */
  readonly doubled: number;
  /** All that is wrong, in words. */
  readonly faults: readonly string[];
  /** How many rows there are. */
  readonly rows: number;
}

type Row = RowOf<PsBase<typeof STRIKES>>;

/** Whether `row` holds what was given to `insert`. */
function holds(row: Row, given: Partial<Record<keyof Row, unknown>>): boolean {
  return Object.entries(given).every(([name, value]) =>
    String(row[name as keyof Row]) === String(value)
  );
}

/** Compares the base with what is expected of it. */
export async function verify(
  { dir, rows, inserts, deletes, moves = [] }: Expected,
): Promise<Verdict> {
  using base = await PsBase.open(dir, { schema: STRIKES });
  const faults: string[] = [];
  let lost = 0;
  let doubled = 0;

  const found = new Map<number, Row>();
  for (const row of base) {
    if (found.has(row.__id__)) doubled = faults.push(`row ${row.__id__} comes twice`);
    found.set(row.__id__, row);
    const again = base.get(row.__id__);
    if (again === undefined || !holds(again, row)) faults.push(`get(${row.__id__}) differs`);
  }
  if (base.size !== found.size) faults.push(`size is ${base.size}, there are ${found.size} rows`);

  const deleted = new Map(deletes.map(({ id, acknowledged }) => [id, acknowledged]));
  readStrikes(rows).forEach((strike, id) => {
    const row = found.get(id);
    found.delete(id);
    if (row === undefined) {
      if (!deleted.has(id)) lost += told(`row ${id} is gone`);
    } else {
      if (deleted.get(id)) lost += told(`row ${id} is there, though it was deleted`);
      if (!holds(row, strike)) told(`row ${id} is not what was inserted`);
    }
  });

  const ids = new Set<number>();
  const byRound = new Map(
    Array.from(found.values(), (row) => [`${row.operator}/${row.speed}`, row]),
  );
  for (const { airport, process, round, id } of inserts) {
    const strike = stormStrike(airport, process, round);
    const what = `the strike of process ${process}, round ${round}`;
    if (id !== undefined) {
      if (ids.has(id)) doubled += told(`id ${id} was given twice, also to ${what}`);
      ids.add(id);
    }
    const at = id ?? byRound.get(`${strike.operator}/${strike.speed}`)?.__id__;
    const row = at === undefined ? undefined : found.get(at);
    if (row !== undefined && holds(row, strike)) found.delete(row.__id__);
    else if (id !== undefined) lost += told(`${what} is not there with id ${id}`);
  }

  if (moves.length > 0) accountFaults(base).forEach(told);
  const byOperator = Map.groupBy(found.values(), (row) => row.operator);
  for (const { process, least, most } of moves) {
    const [counter] = byOperator.get(counterOf(process)) ?? [];
    const count = counter?.speed ?? -1;
    const what = `process ${process} moved money ${count} times`;
    if (count < least) lost += told(`${what}, ${least} were acknowledged`);
    if (count > most) doubled += told(`${what}, it tried only ${most} times`);
    if (counter !== undefined) found.delete(counter.__id__);
  }
  if (moves.length > 0) {
    for (const row of byOperator.get(ACCOUNT) ?? []) {
      found.delete(row.__id__);
    }
  }

  for (const row of found.values()) {
    doubled += told(`row ${row.__id__} of ${row.operator}, round ${row.speed}, is one too many`);
  }

  const { problems } = await base.check();
  for (const { file, offset, reason } of problems) told(`${file}, offset ${offset}: ${reason}`);
  return { lost, doubled, faults, rows: base.size };

  /** Notes a fault; counts 1. */
  function told(fault: string): 1 {
    faults.push(fault);
    return 1;
  }
}

if (import.meta.main) {
  const expected: Expected = await new Response(Deno.stdin.readable).json();
  // deno-lint-ignore no-console
  console.log(JSON.stringify(await verify(expected)));
}
