/**
 * npm's lmdb, as a store among others: values are rows as JSON, keys are ids, which begin with 0.
 *
 * @module
 */

import type { RootDatabase } from "lmdb";
import { plain, type PlainRow, type Store } from "./store.ts";

/** LMDB, with the flags that make a commit durable. */
export type Lmdb = RootDatabase<PlainRow, number>;

/** The store. */
export const lmdb: Store<Lmdb> = {
  contender: "LMDB",
  create: (path) => lmdb.open(path),
  async open(path) {
    const { open } = await import("lmdb");
    // Otherwise commits are synced later than they are acknowledged.
    return open<PlainRow, number>({ path, encoding: "json", overlappingSync: false });
  },
  close: (db) => db.close(),
  async insert(db, rows) {
    let id = db.getCount();
    db.transactionSync(() => {
      for (const row of rows) {
        const entries = Object.entries(row).map(([name, value]) => [name, plain(value)]);
        db.putSync(id++, Object.fromEntries(entries));
      }
    });
    await db.flushed;
  },
  // deno-lint-ignore require-await
  async all(db) {
    return Array.from(db.getRange(), ({ value }) => value);
  },
};
