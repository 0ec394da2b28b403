/**
 * Which code runs inside a transaction: what it writes around it would wait for itself.
 *
 * @module
 */

import type { AsyncLocalStorage } from "node:async_hooks";

/** Bases, by UUID, that blocking transactions of this thread are under way for. */
const blocking = new Set<string>();
/** A transaction that may wait. */
export interface Scope {
  /** Its base, by UUID. */
  readonly base: string;
  /** Whether it ended: what it was the beginning of may go on. */
  over: boolean;
}

/** Those that the code that runs now was called from, over all that it awaited. */
let awaiting: AsyncLocalStorage<readonly Scope[]> | undefined;

/** Whether the code that runs now was called from a transaction of a base. */
export function isInside(base: string): boolean {
  return blocking.has(base) ||
    awaiting?.getStore()?.some((scope) => scope.base === base && !scope.over) === true;
}

/** Runs `fn` inside a transaction of a base. */
export function runInside<T>(base: string, fn: () => T): T {
  blocking.add(base);
  try {
    return fn();
  } finally {
    blocking.delete(base);
  }
}

/** What runs functions inside a transaction that may wait; loaded when it is first needed. */
export async function asyncInside(): Promise<<T>(scope: Scope, fn: () => T) => T> {
  if (awaiting === undefined) {
    const { AsyncLocalStorage } = await import("node:async_hooks");
    awaiting ??= new AsyncLocalStorage();
  }
  const storage = awaiting;
  return (scope, fn) => {
    const around = storage.getStore() ?? [];
    return storage.run([...around.filter(({ over }) => !over), scope], fn);
  };
}
