/**
 * Which transactions of this thread hold which locks, and which wait for which (the wait-for
 * graph): a wait that could never end throws at once instead.
 *
 * A transaction waits for whatever the code that it called waits for, over all that this code
 * awaits. What it reaches otherwise (a queue, an event, another process) nobody can know: therefore
 * a wait inside a transaction has an end also where nothing is said about it.
 *
 * @module
 */

import type { AsyncLocalStorage } from "node:async_hooks";
import { DeadlockError } from "../system/errors.ts";
import type { Flock } from "./flock.ts";

/** How long code inside a transaction waits for the lock of another table, if no `timeoutMs` says. */
export const NESTED_MS = 5000;

/** A table that is locked. */
interface Table {
  readonly lock: Flock;
  readonly dir: string;
}

/** A transaction that holds the lock of a table. */
export class Scope {
  /** Its table. */
  readonly table: Table;
  /** What its code waits for. */
  readonly waits: Set<Wait> = new Set();
  /** Whether its function ended: code that it left running may go on. */
  over = false;

  /** The lock is held. */
  constructor(table: Table) {
    this.table = table;
    holders.set(table.lock, this);
  }

  /** The lock is let go of. */
  end(): void {
    this.over = true;
    if (holders.get(this.table.lock) === this) holders.delete(this.table.lock);
  }
}

/** A wait for the lock of a table, inside a transaction. */
export class Wait implements Disposable {
  /** The table. */
  readonly table: Table;
  /** The tables whose locks are held meanwhile. */
  readonly holding: readonly string[];
  /** How long, in milliseconds, if the user said nothing. */
  readonly limitMs = NESTED_MS;
  readonly #scopes: readonly Scope[];

  /**
   * @param table The table.
   * @param scopes The transactions that go on only after it.
   */
  constructor(table: Table, scopes: readonly Scope[]) {
    this.table = table;
    this.#scopes = scopes;
    this.holding = this.#scopes.map(({ table: { dir } }) => dir);
    for (const scope of this.#scopes) scope.waits.add(this);
  }

  /** The lock was granted, or will not be. */
  [Symbol.dispose](): void {
    for (const scope of this.#scopes) scope.waits.delete(this);
  }
}

const holders = new Map<Flock, Scope>();
/** Blocking transactions whose functions run. */
const blocking = new Set<Scope>();
let awaiting: AsyncLocalStorage<readonly Scope[]> | undefined;

/** The transactions that may wait and that the code that runs now was called from. */
export function scopesAround(): Scope[] {
  return awaiting?.getStore()?.filter(({ over }) => !over) ?? [];
}

/** Whether the code that runs now was called from a transaction that holds the lock. */
export function isInside(lock: Flock): boolean {
  // Asked with every write, mostly outside of any transaction.
  if (holders.size === 0) return false;
  const holds = ({ table }: Scope) => table.lock === lock;
  return blocking.values().some(holds) || scopesAround().some(holds);
}

/**
 * Begins to wait for the lock of a table; `undefined` outside of any transaction.
 *
 * @param verb What is attempted, for the message.
 * @param scopes The transactions that go on only after it.
 * @throws {DeadlockError} If who holds the lock waits for one of these.
 */
export function waitFor(
  verb: string,
  table: Table,
  scopes: readonly Scope[] = scopesAround(),
): Wait | undefined {
  if (scopes.length === 0) return undefined;
  const circle = circleOf(table, scopes);
  if (circle === undefined) return new Wait(table, [...scopes]);
  const told = circle.map(([{ table }, next]) =>
    `a transaction of "${table.dir}" waits for "${next.dir}"`
  );
  throw new DeadlockError(
    `Cannot ${verb} "${table.dir}": ${
      told.join(", ")
    }, which the transaction that this is called ` +
      `from holds: lock both at once with transaction([…]), or in the same order everywhere`,
  );
}

/** Begins to wait for the lock of a table, blocking: no transaction of the thread goes on meanwhile. */
export function waitForSync(table: Table): Wait | undefined {
  return holders.size === 0 ? undefined : new Wait(table, [...holders.values()]);
}

/** Who holds the lock of a table, for whom that one waits, and so on to one of `mine`. */
function circleOf(
  { lock }: Table,
  mine: readonly Scope[],
  seen = new Set<Scope>(),
): [Scope, Table][] | undefined {
  const holder = holders.get(lock);
  if (holder === undefined || seen.has(holder)) return undefined;
  if (mine.includes(holder)) return [];
  seen.add(holder);
  for (const { table } of holder.waits) {
    const rest = circleOf(table, mine, seen);
    if (rest !== undefined) return [[holder, table], ...rest];
  }
  return undefined;
}

/** Runs `fn` inside blocking transactions. */
export function runInside<T>(scopes: readonly Scope[], fn: () => T): T {
  for (const scope of scopes) blocking.add(scope);
  try {
    return fn();
  } finally {
    for (const scope of scopes) blocking.delete(scope);
  }
}

/** What runs functions inside transactions that may wait; loaded when it is first needed. */
export async function asyncInside(): Promise<<T>(scopes: readonly Scope[], fn: () => T) => T> {
  if (awaiting === undefined) {
    const { AsyncLocalStorage } = await import("node:async_hooks");
    awaiting ??= new AsyncLocalStorage();
  }
  const storage = awaiting;
  return (scopes, fn) => storage.run(scopes, fn);
}

/** Runs what no transaction waits for. */
export function runOutside<T>(fn: () => T): T {
  return awaiting === undefined ? fn() : awaiting.run([], fn);
}
