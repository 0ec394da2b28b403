/**
 * The wait-for graph: which transactions of this thread hold which locks, and which of them wait
 * for which lock. A wait that closes a cycle would never end, so it throws at once.
 *
 * A transaction waits for everything that its code awaits. Waits that go through a queue, an event
 * or another process are invisible here, so a wait inside a transaction has a time limit even if
 * the user sets none.
 *
 * @module
 */

import type { AsyncLocalStorage } from "node:async_hooks";
import { DeadlockError } from "../system/errors.ts";
import type { Flock } from "./flock.ts";

/** How long code inside a transaction waits for the lock of another table without `timeoutMs`. */
export const NESTED_MS = 5000;

/** A table that is locked. */
interface Table {
  readonly lock: Flock;
  readonly dir: string;
}

/** A transaction, from when it gets the lock of its table to when it releases it. */
export class Scope {
  /** Its table. */
  readonly table: Table;
  /** The waits of its code. */
  readonly waits: Set<Wait> = new Set();
  /** Whether its function has ended; code that it left running may go on. */
  over = false;

  /** Called when the lock is granted. */
  constructor(table: Table) {
    this.table = table;
    holders.set(table.lock, this);
  }

  /** Called when the lock is released. */
  end(): void {
    this.over = true;
    if (holders.get(this.table.lock) === this) holders.delete(this.table.lock);
  }
}

/** A wait for the lock of a table, inside a transaction. */
export class Wait implements Disposable {
  /** The table. */
  readonly table: Table;
  /** The tables whose locks the transactions hold meanwhile. */
  readonly holding: readonly string[];
  /** The limit in milliseconds if the user set none. */
  readonly limitMs = NESTED_MS;
  readonly #scopes: readonly Scope[];

  /** @param scopes The transactions that proceed only after the wait. */
  constructor(table: Table, scopes: readonly Scope[]) {
    this.table = table;
    this.#scopes = scopes;
    this.holding = this.#scopes.map(({ table: { dir } }) => dir);
    for (const scope of this.#scopes) scope.waits.add(this);
  }

  /** Called when the lock was granted, or the wait was given up. */
  [Symbol.dispose](): void {
    for (const scope of this.#scopes) scope.waits.delete(this);
  }
}

const holders = new Map<Flock, Scope>();
/** Blocking transactions whose functions are running. */
const blocking = new Set<Scope>();
let awaiting: AsyncLocalStorage<readonly Scope[]> | undefined;

/** The asynchronous transactions that the running code was called from. */
export function scopesAround(): Scope[] {
  return awaiting?.getStore()?.filter(({ over }) => !over) ?? [];
}

/** Whether the running code was called from a transaction that holds the lock. */
export function isInside(lock: Flock): boolean {
  // Every write asks this, mostly outside of any transaction.
  if (holders.size === 0) return false;
  const holds = ({ table }: Scope) => table.lock === lock;
  return blocking.values().some(holds) || scopesAround().some(holds);
}

/**
 * Begins to wait for the lock of a table; `undefined` outside of any transaction.
 *
 * @param scopes The transactions that proceed only after the wait.
 * @throws {DeadlockError} If the holder of the lock waits for one of these.
 */
export function waitFor(
  verb: string,
  table: Table,
  scopes: readonly Scope[] = scopesAround(),
): Wait | undefined {
  if (scopes.length === 0) return undefined;
  const cycle = cycleFrom(table, scopes);
  if (cycle === undefined) return new Wait(table, [...scopes]);
  const steps = cycle.map(([{ table }, next]) =>
    `a transaction of "${table.dir}" waits for "${next.dir}"`
  );
  throw new DeadlockError(
    `Cannot ${verb} "${table.dir}": ${
      steps.join(", ")
    }, which the transaction that this is called ` +
      `from holds: lock both at once with transaction([…]), or in the same order everywhere`,
  );
}

/** As {@linkcode waitFor}, blocking: no transaction of the thread proceeds meanwhile. */
export function waitForSync(table: Table): Wait | undefined {
  return holders.size === 0 ? undefined : new Wait(table, [...holders.values()]);
}

/** The holder of the lock and the table that it waits for, and so on to one of `mine`. */
function cycleFrom(
  { lock }: Table,
  mine: readonly Scope[],
  seen = new Set<Scope>(),
): [Scope, Table][] | undefined {
  const holder = holders.get(lock);
  if (holder === undefined || seen.has(holder)) return undefined;
  if (mine.includes(holder)) return [];
  seen.add(holder);
  for (const { table } of holder.waits) {
    const rest = cycleFrom(table, mine, seen);
    if (rest !== undefined) return [[holder, table], ...rest];
  }
  return undefined;
}

/** Runs `fn` as code of blocking transactions. */
export function runInside<T>(scopes: readonly Scope[], fn: () => T): T {
  for (const scope of scopes) blocking.add(scope);
  try {
    return fn();
  } finally {
    for (const scope of scopes) blocking.delete(scope);
  }
}

/** Gives a function that runs code of asynchronous transactions; loads it when first needed. */
export async function asyncInside(): Promise<<T>(scopes: readonly Scope[], fn: () => T) => T> {
  if (awaiting === undefined) {
    const { AsyncLocalStorage } = await import("node:async_hooks");
    awaiting ??= new AsyncLocalStorage();
  }
  const storage = awaiting;
  return (scopes, fn) => storage.run(scopes, fn);
}

/** Runs code that no transaction waits for, though one may have called it. */
export function runOutside<T>(fn: () => T): T {
  return awaiting === undefined ? fn() : awaiting.run([], fn);
}
