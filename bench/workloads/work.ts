/**
 * A workload of one process on one table: what it does with each kind of store.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Base, OpenOptions, Schema } from "../../base.ts";
import { type JsonFile, jsonFile } from "../stores/json_file.ts";
import { kv } from "../stores/kv.ts";
import { psbase } from "../stores/psbase.ts";
import { type Duck, duckdb } from "../stores/duckdb.ts";
import { type Lmdb, lmdb } from "../stores/lmdb.ts";
import { sqlite } from "../stores/sqlite.ts";
import type { PlainRow, Store, Table, Templates } from "../stores/store.ts";
import { timed } from "../suite/measure.ts";
import type { Line, Turn, Workload } from "../suite/workload.ts";

/** What is done, by kind of store; what is given must be the same for all. */
export interface Work<S extends Schema> extends Line {
  readonly name: string;
  readonly table: Table<S>;
  /** Whether it changes rows: then it works on a copy, and all rows are compared afterwards. */
  readonly writes?: boolean;
  /** Begins with no rows. */
  readonly empty?: boolean;
  /** Done once before the clock starts: as in a process that has been running. */
  readonly warm?: Pick<Work<S>, "psbase" | "sqlite">;
  /** How psbase is opened. */
  readonly open?: OpenOptions & { owner?: boolean };
  psbase(base: Base<S>): unknown;
  sqlite(db: DatabaseSync): unknown;
  kv?(kv: Deno.Kv): unknown;
  json?(file: JsonFile): unknown;
  lmdb?(db: Lmdb): unknown;
  duckdb?(duck: Duck): unknown;
}

/** Makes something for each kind of store, given it and how it does a work. */
export function byStore<S extends Schema, R>(
  open: OpenOptions & { owner?: boolean } | undefined,
  make: <H>(store: Store<H>, act: (work: Work<S>, handle: H) => unknown) => R,
) {
  return {
    psbase: make(psbase<S>(open), (work, base) => work.psbase(base)),
    "SQLite FULL": make(sqlite("FULL"), (work, db) => work.sqlite(db)),
    "SQLite NORMAL": make(sqlite("NORMAL"), (work, db) => work.sqlite(db)),
    "Deno KV": make(kv, (work, kv) => work.kv!(kv)),
    "JSON file": make(jsonFile, (work, file) => work.json!(file)),
  };
}

/** The workload, with `count` rows. */
export function workloadOf<S extends Schema>(
  work: Work<S>,
  { templates, count, group }: { templates: Templates; count: number; group: string },
): Workload {
  const { name, table, writes = false, empty = false } = work;
  const turnOf =
    <H>(store: Store<H>, act: (work: Work<S>, handle: H) => unknown) =>
    async (dir: string): Promise<Turn> => {
      const path = writes
        ? await templates.copy(store, table, { dir, count: empty ? 0 : count })
        : await templates.get(store, table, count);
      const handle = await store.open(path);
      let result: unknown;
      if (work.warm) await act({ ...work, ...work.warm }, handle);
      const ms = await timed(async () => result = await act(work, handle));
      await store.close(handle);
      if (writes) result = [result, await digest(store, path)];
      return { figures: { [name]: ms }, result };
    };
  const turns = byStore<S, (dir: string) => Promise<Turn>>(work.open, turnOf);
  const { psbase, "SQLite FULL": full, "SQLite NORMAL": normal, "Deno KV": kv, "JSON file": json } =
    turns;
  return {
    name,
    group,
    lines: { [name]: line(work) },
    contenders: {
      psbase,
      "SQLite FULL": full,
      // To readers both are one.
      ...(writes && { "SQLite NORMAL": normal }),
      ...(work.lmdb && { LMDB: turnOf(lmdb, (work, db) => work.lmdb!(db)) }),
      ...(work.duckdb && { DuckDB: turnOf(duckdb, (work, duck) => work.duckdb!(duck)) }),
      ...(work.kv && { "Deno KV": kv }),
      ...(work.json && { "JSON file": json }),
    },
  };
}

function line({ title, goal, durability }: Line): Line {
  return { title, ...(goal && { goal }), ...(durability && { durability }) };
}

/** Says in few numbers what a store holds, as a handle opened anew finds it. */
export async function digest<H>(store: Store<H>, path: string) {
  const handle = await store.open(path);
  let rows = 0;
  let sum = 0;
  for (const row of await store.all(handle) as Iterable<PlainRow>) {
    rows++;
    for (const value of Object.values(row)) {
      // Whose row it is counts, and which value, but not its type.
      sum = (Math.imul(sum, 31) + hash(String(value))) | 0;
    }
  }
  await store.close(handle);
  return { rows, sum };
}

function hash(text: string): number {
  let h = 0;
  for (let i = 0; i < text.length; i++) h = (Math.imul(h, 33) + text.charCodeAt(i)) | 0;
  return h;
}
