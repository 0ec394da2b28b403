/**
 * An embedded table store: one table is one directory, rows are typed objects,
 * queries are TypeScript, and many processes use a table at once without losing,
 * doubling or tearing a row.
 *
 * `PsBase` is a table that processes share, `Base` one that has a single owner,
 * `PsLock` the lock between processes on its own. Needs `--allow-read` and
 * `--allow-write` for the table's directory.
 *
 * @example A first program
 * ```ts
 * import { PsBase } from "@psbase/psbase";
 * import { assertEquals } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * const people = await PsBase.create(dir, { name: "string", age: "integer" });
 * await people.insert({ name: "homer", age: 39 });
 * assertEquals(people.select({ name: "homer" })[0]?.age, 39);
 * await people.destroy();
 * ```
 *
 * @module
 */

export * from "./base.ts";
export { type AsyncLockOptions, type LockGuard, type LockOptions, PsLock } from "./lock.ts";
