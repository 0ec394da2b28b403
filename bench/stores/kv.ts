/// <reference lib="deno.unstable" />
/**
 * Deno KV, as a store among others: a row has the key `["t", id]`, and for each indexed field
 * there is a key `["t_" + field, value, id]`, which whoever writes must keep up.
 *
 * It is SQLite in WAL mode; `strace` shows an `fsync` for each commit, so it is durable.
 *
 * @module
 */

import { plain, type PlainRow, type Store } from "./store.ts";

/** An atomic operation takes so many changes at most. */
export const MOST = 1000;

/** Deno KV in a file. */
export const kv: Store<Deno.Kv> = {
  contender: "Deno KV",
  create: (path) => Deno.openKv(path),
  open: (path) => Deno.openKv(path),
  close: (kv) => kv.close(),
  async insert(kv, rows) {
    let id = 0;
    await changeAll(kv, rows, (atomic, row) => {
      const values = Object.entries(row).map(([name, value]) => [name, plain(value)] as const);
      atomic.set(["t", id++], Object.fromEntries(values));
    });
  },
  all: async (kv) => (await list(kv)).map(({ value }) => value),
};

/** The rows whose ids are in a range, with their keys. */
export async function list(
  kv: Deno.Kv,
  from = 0,
  to = Infinity,
): Promise<Deno.KvEntry<PlainRow>[]> {
  const selector = { start: ["t", from], end: ["t", to] };
  return await Array.fromAsync(kv.list<PlainRow>(selector, { batchSize: MOST }));
}

/** Does something for each, as many as can be in one commit. */
export async function changeAll<T>(
  kv: Deno.Kv,
  things: Iterable<T>,
  change: (atomic: Deno.AtomicOperation, thing: T) => void,
): Promise<void> {
  let atomic = kv.atomic();
  let changes = 0;
  for (const thing of things) {
    change(atomic, thing);
    if (++changes < MOST) continue;
    await atomic.commit();
    atomic = kv.atomic();
    changes = 0;
  }
  await atomic.commit();
}
