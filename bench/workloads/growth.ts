/**
 * What grows with a table, and what must not: the rows of the comparison, with an index on `a`, at
 * several sizes.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import type { Base } from "../../base.ts";
import { psbase } from "../stores/psbase.ts";
import { inserter, sqlite } from "../stores/sqlite.ts";
import type { PlainRow, Store, Templates } from "../stores/store.ts";
import { percentile } from "../suite/measure.ts";
import type { Turn, Workload } from "../suite/workload.ts";
import { randomAt } from "../tables/random.ts";
import { type T1, t1A } from "../tables/t1.ts";
import { programOf, runTelling } from "./programs.ts";

type Row = { a: number; b: number; c: string };
type Run = (dir: string) => Promise<Turn>;

/** What a writer asks for. */
interface Writing {
  insert(row: Row): unknown;
  /** How many rows there are, and `b` of the last. */
  last(): [rows: number, b: number];
}

/** So many random ids are looked up. */
const LOOKUPS = 1000;

const PSBASE: Store<Base<T1>> = psbase();
const SQLITE = sqlite("FULL");

/** What is measured with a table of so many rows. */
export function growthWorkloads(templates: Templates, rows: number): Workload[] {
  const group = "growth";
  return [
    {
      name: `read-${rows}`,
      group,
      rows,
      lines: {
        open: { title: "open + get, in process" },
        get: { title: "the first 1,000 gets by id, each", unit: "µs" },
        lookup: { title: "the first 1,000 rows by indexed a, each", unit: "µs" },
        top: { title: "the ten greatest of indexed a", unit: "µs" },
        scan: { title: "count + avg of b where c contains words" },
      },
      contenders: reading(templates, rows),
    },
    {
      name: `process-${rows}`,
      group,
      rows,
      lines: {
        process: { title: "open + get, a whole new process" },
        "memory-rows": { title: "peak memory of reading all rows as objects", unit: "MiB" },
        "memory-columns": { title: "peak memory of counting where c contains words", unit: "MiB" },
      },
      contenders: processes(templates, rows),
    },
    {
      name: `insert-${rows}`,
      group,
      rows,
      lines: insertLines("`await insert`"),
      contenders: inserting(templates, rows, (base) => (row: Row) => base.insert(row)),
    },
    {
      name: `insert-sync-${rows}`,
      group,
      rows,
      lines: insertLines("`insertSync`"),
      contenders: inserting(templates, rows, (base) => (row: Row) => base.insertSync(row)),
    },
  ];
}

function insertLines(title: string): Workload["lines"] {
  return {
    p50: { title: `${title}: p50`, unit: "µs" },
    mean: { title: `${title}: mean`, unit: "µs" },
    "p99.9": { title: `${title}: p99.9`, unit: "µs" },
    longest: { title: `${title}: longest` },
  };
}

/** What a reader asks for. */
interface Queries {
  get(id: number): number;
  lookup(a: number): number;
  top(): number[];
  scan(): [count: number, avg: number];
}

function psbaseQueries(base: Base<T1>): Queries {
  const where = { c: { contains: "fifty" } };
  return {
    get: (id) => base.get(id)!.b!,
    lookup: (a) => base.select({ a })[0]!.b!,
    top: () => base.select({}, { orderBy: "-a", limit: 10 }).map(({ a }) => a!),
    scan: () => [base.count(where), base.avg("b", where)!],
  };
}

function sqliteQueries(db: DatabaseSync): Queries {
  const get = db.prepare("SELECT * FROM t WHERE id = ?");
  const lookup = db.prepare("SELECT * FROM t WHERE a = ?");
  const top = db.prepare("SELECT * FROM t ORDER BY a DESC LIMIT 10");
  const scan = db.prepare("SELECT count(*) AS n, avg(b) AS m FROM t WHERE c LIKE '%fifty%'");
  return {
    get: (id) => get.get(id + 1)!.b as number,
    lookup: (a) => lookup.get(a)!.b as number,
    top: () => top.all().map(({ a }) => a as number),
    scan() {
      const { n, m } = scan.get() as { n: number; m: number };
      return [n, m];
    },
  };
}

function reading(templates: Templates, rows: number): Workload["contenders"] {
  const ids = Array.from({ length: LOOKUPS }, (_, i) => randomAt(i, rows));
  const turn = <H>(store: Store<H>, queriesOf: (handle: H) => Queries): Run => async () => {
    const path = await templates.get(store, t1A, rows);
    const result: unknown[] = [];
    const clock = (fn: () => unknown) => {
      const start = performance.now();
      result.push(fn());
      return performance.now() - start;
    };
    const start = performance.now();
    const handle = await store.open(path);
    const queries = queriesOf(handle);
    result.push(queries.get(ids[0]!));
    const open = performance.now() - start;
    const sum = (query: (i: number) => number) => ids.reduce((sum, id) => sum + query(id), 0);
    const get = clock(() => sum(queries.get)) / LOOKUPS * 1000;
    const lookup = clock(() => sum((id) => queries.lookup(id + 1))) / LOOKUPS * 1000;
    const top = clock(queries.top) * 1000;
    const scan = clock(queries.scan);
    await store.close(handle);
    return { figures: { open, get, lookup, top, scan }, result };
  };
  return { psbase: turn(PSBASE, psbaseQueries), "SQLite FULL": turn(SQLITE, sqliteQueries) };
}

/** One row after the other, each durable before the next one is begun. */
function inserting(
  templates: Templates,
  rows: number,
  psbaseInsert: (base: Base<T1>) => Writing["insert"],
): Workload["contenders"] {
  // So many that psbase writes its table anew: its log may have an eighth of that in bytes.
  const added = [...t1A.rows(Math.max(5000, Math.ceil(rows / 12)), rows)] as Row[];
  const turn = <H>(store: Store<H>, writingOf: (handle: H) => Writing): Run => async (dir) => {
    const path = await templates.copy(store, t1A, { dir, count: rows });
    const handle = await store.open(path);
    const { insert } = writingOf(handle);
    const times: number[] = [];
    for (const row of added) {
      const start = performance.now();
      const inserted = insert(row);
      if (inserted instanceof Promise) await inserted;
      times.push(performance.now() - start);
    }
    await store.close(handle);
    const after = await store.open(path);
    const result = writingOf(after).last();
    await store.close(after);
    const figures = {
      p50: percentile(times, 0.5) * 1000,
      "p99.9": percentile(times, 0.999) * 1000,
      longest: percentile(times, 1),
      mean: times.reduce((sum, ms) => sum + ms) / times.length * 1000,
    };
    return { figures, result };
  };
  return {
    psbase: turn(PSBASE, (base) => ({
      insert: psbaseInsert(base),
      last: () => [base.size, base.at(-1)!.b!],
    })),
    "SQLite FULL": turn(SQLITE, (db) => ({
      insert: inserter(db) as (row: PlainRow) => number,
      last: () => [
        db.prepare("SELECT count(*) AS n FROM t").get()!.n as number,
        db.prepare("SELECT b FROM t ORDER BY id DESC LIMIT 1").get()!.b as number,
      ],
    })),
  };
}

function processes(templates: Templates, rows: number): Workload["contenders"] {
  const id = Math.floor(rows * 0.7);
  const turn = <H>(store: Store<H>): Run => async () => {
    const path = await templates.get(store, t1A, rows);
    const start = performance.now();
    const got = await runTelling(await programOf("get", store.contender, templates), [
      path,
      `${id}`,
    ]);
    const process = performance.now() - start;
    const scan = await programOf("scan", store.contender, templates);
    const byRow = await runTelling(scan, [path, "rows"]);
    const byColumn = await runTelling(scan, [path, "columns"]);
    const figures = {
      process,
      "memory-rows": byRow.peakMiB,
      "memory-columns": byColumn.peakMiB,
    };
    return { figures, result: [got.result, byRow.result, byColumn.result] };
  };
  return { psbase: turn(PSBASE), "SQLite FULL": turn(SQLITE) };
}
