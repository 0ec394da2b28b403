/**
 * The comparison of PyDbLite, Buzhug and SQLite, on 100,000 rows.
 *
 * @module
 */

import { changeAll, list } from "../stores/kv.ts";
import { inOneCommit, insertAll, inserter } from "../stores/sqlite.ts";
import type { PlainRow } from "../stores/store.ts";
import { randomAt } from "../tables/random.ts";
import { type T1, t1, t1A, t1B, words } from "../tables/t1.ts";
import type { Work } from "./work.ts";

type Row = { a: number; b: number; c: string };

function inOrder(row: Record<string, unknown> | undefined): [count: number, avg: number | null] {
  return [row!.n as number, row!.m as number | null];
}

function countAndAvg(rows: Iterable<Row>): [count: number, avg: number] {
  let count = 0;
  let sum = 0;
  for (const { b } of rows) {
    count++;
    sum += b;
  }
  return [count, count === 0 ? 0 : sum / count];
}

/** All results of a number of queries in one, so that none can be left out. */
function sumOf(times: number, query: (i: number) => readonly [count: number, avg: number | null]) {
  let counts = 0;
  let means = 0;
  for (let i = 0; i < times; i++) {
    const [count, avg] = query(i);
    counts += count;
    means += avg ?? 0;
  }
  return [counts, Math.round(means * 1000)];
}

const rangeOf = (i: number): [least: number, greatest: number] => [i * 100, i * 100 + 999];

/** The works, for so many rows. */
export function t1Works(count: number): Work<T1>[] {
  const rows = [...t1.rows(count)] as Row[];
  const thousand = rows.slice(0, 1000);
  const ids = Array.from({ length: 10_000 }, (_, i) => randomAt(i, count));
  const thousandTimes = Array.from({ length: 1000 }, (_, i) => i);
  /** Where the ranges of updates begin: spread, but apart. */
  const from = (i: number) => 1 + Math.floor(i * count / 1000);

  const insert: Work<T1> = {
    name: "insert",
    title: `insert ${count.toLocaleString("en")} rows, one commit`,
    goal: { most: 45, peer: 181 },
    table: t1,
    writes: true,
    empty: true,
    psbase: async (base) => void await base.insertMany(rows),
    sqlite: (db) => insertAll(db, rows),
    kv: (kv) => changeAll(kv, rows, (atomic, row) => atomic.set(["t", row.a - 1], row)),
    json: (file) => file.change((all, nextId) => rows.forEach((row) => all.set(nextId(), row))),
  };
  const commits: Work<T1> = {
    name: "commits",
    title: "1,000 × insert one row, one commit each",
    goal: { most: 80, peer: 111 },
    table: t1,
    writes: true,
    empty: true,
    psbase: (base) => thousand.forEach((row) => base.insertSync(row)),
    sqlite(db) {
      const insert = inserter(db);
      for (const row of thousand) insert(row);
    },
    async kv(kv) {
      for (const row of thousand) await kv.set(["t", row.a - 1], row);
    },
    json: (file) => thousand.forEach((row) => file.change((all, nextId) => all.set(nextId(), row))),
  };
  const get: Work<T1> = {
    name: "get",
    title: "10,000 × get by id",
    goal: { most: 20, peer: 36 },
    table: t1,
    psbase: (base) => ids.reduce((sum, id) => sum + base.get(id)!.b!, 0),
    sqlite(db) {
      const get = db.prepare("SELECT * FROM t WHERE id = ?");
      return ids.reduce((sum, id) => sum + (get.get(id + 1) as Row).b, 0);
    },
    async kv(kv) {
      let sum = 0;
      for (const id of ids) sum += (await kv.get<Row>(["t", id])).value!.b;
      return sum;
    },
    json: (file) => ids.reduce((sum, id) => sum + ({ ...file.rows.get(id) } as Row).b, 0),
  };
  const range: Work<T1> = {
    name: "range",
    title: "100 × count + avg of b over a range of b, no index",
    goal: { most: 12, peer: 890 },
    table: t1,
    psbase: (base) =>
      sumOf(100, (i) => [base.count({ b: rangeOf(i) }), base.avg("b", { b: rangeOf(i) })]),
    sqlite(db) {
      const query = db.prepare("SELECT count(*) AS n, avg(b) AS m FROM t WHERE b BETWEEN ? AND ?");
      return sumOf(100, (i) => inOrder(query.get(...rangeOf(i))));
    },
    json: (file) =>
      sumOf(100, (i) => {
        const [least, greatest] = rangeOf(i);
        const rows = file.rows.values() as Iterator<Row>;
        return countAndAvg(Iterator.from(rows).filter(({ b }) => b >= least && b <= greatest));
      }),
  };
  const updateRange: Work<T1> = {
    name: "update-range",
    title: "1,000 × update b of a range of 10 by indexed a, one commit",
    goal: { most: 6, peer: 6.3 },
    table: t1A,
    writes: true,
    psbase: (base) =>
      base.transactionSync((tx) =>
        thousandTimes.forEach((i) =>
          tx.updateWhere({ a: [from(i), from(i) + 9] }, (row) => ({ b: row.b! * 2 }))
        )
      ),
    sqlite(db) {
      const update = db.prepare("UPDATE t SET b = b * 2 WHERE a BETWEEN ? AND ?");
      inOneCommit(db, () => thousandTimes.forEach((i) => update.run(from(i), from(i) + 9)));
    },
    async kv(kv) {
      // The key is the index.
      const found: Deno.KvEntry<PlainRow>[] = [];
      for (const i of thousandTimes) found.push(...await list(kv, from(i) - 1, from(i) + 9));
      await changeAll(kv, found, (atomic, { key, value }) => {
        atomic.set(key, { ...value, b: value.b as number * 2 });
      });
    },
    json: (file) =>
      file.change((all) => {
        for (const i of thousandTimes) {
          for (let a = from(i); a < from(i) + 10; a++) {
            const row = all.get(a - 1) as Row;
            row.b *= 2;
          }
        }
      }),
  };
  const deleteRange: Work<T1> = {
    name: "delete-range",
    title: "delete where a > 10 and a < 20,000, no index",
    goal: { most: 5, peer: 7.1 },
    table: t1,
    writes: true,
    psbase: (base) => base.deleteWhereSync({ a: { gt: 10, lt: 20_000 } }),
    sqlite: (db) => db.prepare("DELETE FROM t WHERE a > 10 AND a < 20000").run().changes,
    async kv(kv) {
      const found = await list(kv, 10, 19_999);
      await changeAll(kv, found, (atomic, { key }) => atomic.delete(key));
      return found.length;
    },
    json: (file) => file.change((all) => deleteWhere(all, ({ a }) => a > 10 && a < 20_000)),
  };
  return [
    insert,
    {
      ...insert,
      name: "insert-settled",
      title: "the same until the table file is written",
      psbase: (base) => void base.insertManySync(rows),
    },
    commits,
    {
      ...commits,
      name: "commits-relaxed",
      title: "the same, relaxed",
      goal: undefined,
      durability: "relaxed",
      open: { durability: "relaxed" },
    },
    get,
    {
      ...get,
      name: "get-snapshot",
      title: "the same in a `snapshot`",
      goal: { most: 5, peer: 36 },
      psbase: (base) => base.snapshot((view) => ids.reduce((sum, id) => sum + view.get(id)!.b!, 0)),
    },
    {
      ...get,
      name: "get-base",
      title: "the same from a `Base`",
      goal: { most: 5, peer: 36 },
      open: { owner: true },
    },
    {
      name: "all",
      title: "all rows as objects",
      goal: { most: 25, peer: 130 },
      table: t1,
      psbase: (base) => base.select().length,
      sqlite: (db) => db.prepare("SELECT * FROM t").all().length,
      kv: async (kv) => (await list(kv)).length,
      json: (file) => Array.from(file.rows.values(), (row) => ({ ...row })).length,
    },
    range,
    {
      ...range,
      name: "range-index",
      title: "the same, index on b",
      goal: undefined,
      table: t1B,
    },
    {
      name: "words",
      title: "100 × count + avg of b where c contains words",
      goal: { most: 150, peer: 1500 },
      table: t1,
      psbase: (base) =>
        sumOf(100, (i) => {
          const where = { c: { contains: words(i) } };
          return [base.count(where), base.avg("b", where)];
        }),
      sqlite(db) {
        const query = db.prepare("SELECT count(*) AS n, avg(b) AS m FROM t WHERE c LIKE ?");
        return sumOf(100, (i) => inOrder(query.get(`%${words(i)}%`)));
      },
      json: (file) =>
        sumOf(100, (i) => {
          const part = words(i);
          const rows = file.rows.values() as Iterator<Row>;
          return countAndAvg(Iterator.from(rows).filter(({ c }) => c.includes(part)));
        }),
    },
    updateRange,
    {
      ...updateRange,
      name: "update-one",
      title: "1,000 × update b of one row by indexed a, one commit",
      goal: { most: 2.5, peer: 2.5 },
      psbase: (base) =>
        base.transactionSync((tx) =>
          thousandTimes.forEach((i) => tx.updateWhere({ a: from(i) }, { b: i }))
        ),
      sqlite(db) {
        const update = db.prepare("UPDATE t SET b = ? WHERE a = ?");
        inOneCommit(db, () => thousandTimes.forEach((i) => update.run(i, from(i))));
      },
      kv: (kv) =>
        changeAll(kv, thousandTimes, (atomic, i) => {
          atomic.set(["t", from(i) - 1], { ...rows[from(i) - 1], b: i });
        }),
      json: (file) =>
        file.change((all) => thousandTimes.forEach((i) => (all.get(from(i) - 1) as Row).b = i)),
    },
    {
      name: "delete-words",
      title: 'delete where c contains "fifty"',
      goal: { most: 10, peer: 31 },
      table: t1,
      writes: true,
      psbase: (base) => base.deleteWhereSync({ c: { contains: "fifty" } }),
      sqlite: (db) => db.prepare("DELETE FROM t WHERE c LIKE '%fifty%'").run().changes,
      async kv(kv) {
        const found = (await list(kv)).filter(({ value }) => (value as Row).c.includes("fifty"));
        await changeAll(kv, found, (atomic, { key }) => atomic.delete(key));
        return found.length;
      },
      json: (file) => file.change((all) => deleteWhere(all, ({ c }) => c.includes("fifty"))),
    },
    deleteRange,
    {
      ...deleteRange,
      name: "delete-range-index",
      title: "the same, index on a",
      goal: undefined,
      table: t1A,
    },
  ];
}

function deleteWhere(all: Map<number, PlainRow>, matches: (row: Row) => boolean): number {
  const before = all.size;
  for (const [id, row] of all) {
    if (matches(row as Row)) all.delete(id);
  }
  return before - all.size;
}
