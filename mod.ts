/**
 * An embedded table store: a table is a directory, rows are typed objects, queries are TypeScript,
 * and many processes use a table at once without losing, doubling or tearing a row.
 *
 * `PsBase` is a table that processes share, `Base` is a table with a single owner, and `PsLock` is
 * the lock between processes on its own. A table needs `--allow-read` and `--allow-write` for its
 * directory.
 *
 * @example A first program
 * ```ts
 * import { PsBase } from "@psbase/psbase";
 * import { assertEquals } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * const people = await PsBase.open(dir, { name: "string", age: "integer" });
 * await people.insert({ name: "homer", age: 39 });
 * assertEquals(people.select({ name: "homer" })[0]?.age, 39);
 * await people.destroy();
 * ```
 *
 * @module
 */

export * from "./base.ts";
export type { May, ReadStore, Store, StoreTransaction } from "./store.ts";
export { type AsyncLockOptions, type LockGuard, type LockOptions, PsLock } from "./lock.ts";
