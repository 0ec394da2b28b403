/**
 * Serving tables over HTTP: an API with live changes, and a page.
 *
 * @example A server of one table
 * ```ts
 * import { PsBase } from "@psbase/psbase";
 * import { serveTables } from "@psbase/psbase/serve";
 * import { assertEquals } from "@std/assert";
 *
 * await using people = await PsBase.open(await Deno.makeTempDir(), { name: "string" });
 * await people.insert({ name: "homer" });
 * await using handler = serveTables({ people });
 * await using server = Deno.serve({ port: 0, onListen() {} }, handler);
 * const answer = await fetch(`http://localhost:${server.addr.port}/people/0`);
 * assertEquals(await answer.json(), { __id__: 0, __version__: 0, name: "homer" });
 * ```
 *
 * @module
 */

import type { AnyBase } from "./base.ts";
import { handlerOf, type ServeHandler, type ServeOptions } from "./server/serve_handler.ts";
import { ServedTable } from "./server/table.ts";

export type { ServeHandler, ServeOptions };

/**
 * Serves tables: returns a handler for `Deno.serve`.
 *
 * @param tables The tables, open, by the names that addresses have for them.
 * @param options Who may do what.
 * @throws {TypeError} If a name cannot stand in an address, or an option is wrong.
 */
export function serveTables(
  tables: Readonly<Record<string, AnyBase>>,
  options: ServeOptions = {},
): ServeHandler {
  const { write = false } = options;
  const served = Object.entries(tables).map(([name, table]) => new ServedTable(name, table, write));
  return handlerOf(served, options);
}
