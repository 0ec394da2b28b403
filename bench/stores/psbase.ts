/**
 * psbase, as a store among others.
 *
 * @module
 */

import { Base, type OpenOptions, PsBase, type Schema } from "../../base.ts";
import type { PlainRow, Store } from "./store.ts";

/** As shared by processes, or with one owner; durable or relaxed. */
export function psbase<S extends Schema>(
  { owner = false, ...options }: OpenOptions & { owner?: boolean } = {},
): Store<Base<S>> {
  const kind = (owner ? Base : PsBase) as typeof Base;
  return {
    contender: "psbase",
    create: (path, { schema }) =>
      kind.create(path, schema as never, options) as unknown as Promise<Base<S>>,
    open: async (path) => await kind.open<S>(path, options),
    close: (base) => base.close(),
    async insert(base, rows) {
      await base.insertMany(rows as Iterable<never>);
      await base.cleanup();
    },
    async all(base) {
      const { problems } = await base.check();
      if (problems.length > 0) throw new Error(problems[0]!.reason);
      return base.select().map(({ __id__, __version__, ...row }) => row as unknown as PlainRow);
    },
  };
}
