/**
 * Queries on many rows of six fields, in a process that has asked them before.
 *
 * @module
 */

import type { Duck } from "../stores/duckdb.ts";
import { emailOf, nOf, type USERS, users } from "../tables/users.ts";
import type { Work } from "./work.ts";

/** Lookups a turn, as one is too short for the clock. */
const MANY = 10_000;

/** The works, for so many rows; what comes before the clock starts asks for other values. */
export function queryWorks(count: number): Work<typeof USERS>[] {
  const before = worksWith(count, 8);
  return worksWith(count, 0).map((work, i) => ({ ...work, warm: before[i]! }));
}

function worksWith(count: number, shift: number): Work<typeof USERS>[] {
  const ids = Array.from({ length: MANY }, (_, i) => (i * 7919) % count);
  const sum = (fn: (id: number) => number) => ids.reduce((sum, id) => sum + fn(id), 0);
  const table = users;
  const both: Work<typeof USERS> = {
    name: "conditions",
    title: "count by two conditions",
    table,
    psbase: (base) => base.count({ a: { gt: 500 + shift }, b: { lt: 300 } }),
    sqlite: (db) =>
      db.prepare("SELECT count(*) AS n FROM t WHERE a > ? AND b < 300").get(500 + shift)!.n,
    duckdb: (duck) => one(duck, `SELECT count(*) AS n FROM t WHERE a > ${500 + shift} AND b < 300`),
  };
  const byId: Work<typeof USERS> = {
    name: "query-get",
    title: "10,000 × get by id",
    table,
    psbase: (base) => sum((id) => base.get(id)!.n!),
    sqlite(db) {
      const get = db.prepare("SELECT * FROM t WHERE id = ?");
      return sum((id) => get.get(id + 1)!.n as number);
    },
  };
  const works: Work<typeof USERS>[] = [
    both,
    {
      ...both,
      name: "predicate",
      title: "the same as a predicate function (SQLite: SQL)",
      psbase: (base) => base.count((row) => row.a! > 500 + shift && row.b! < 300),
    },
    {
      name: "text",
      title: "count by text equality, no index",
      table,
      psbase: (base) => base.count({ word: `echo ${1012 + shift}` }),
      sqlite: (db) =>
        db.prepare("SELECT count(*) AS n FROM t WHERE word = ?").get(`echo ${1012 + shift}`)!.n,
      duckdb: (duck) =>
        one(duck, `SELECT count(*) AS n FROM t WHERE word = 'echo ${1012 + shift}'`),
    },
    {
      name: "contains",
      title: "count by a part of a text",
      table,
      psbase: (base) => base.count({ word: { contains: `rot ${1 + shift}` } }),
      sqlite: (db) =>
        db.prepare("SELECT count(*) AS n FROM t WHERE word LIKE ?").get(`%rot ${1 + shift}%`)!.n,
      duckdb: (duck) =>
        one(duck, `SELECT count(*) AS n FROM t WHERE contains(word, 'rot ${1 + shift}')`),
    },
    {
      name: "count-avg",
      title: "count + avg over a range, no index",
      table,
      psbase(base) {
        const where = { a: [200 + shift, 300 + shift] } as const;
        return [base.count(where), Math.round(base.avg("f", where)!)];
      },
      sqlite(db) {
        const query = db.prepare(
          "SELECT count(*) AS n, avg(f) AS m FROM t WHERE a BETWEEN ? AND ?",
        );
        const { n, m } = query.get(200 + shift, 300 + shift)!;
        return [n, Math.round(m as number)];
      },
      async duckdb(duck) {
        const range = `a BETWEEN ${200 + shift} AND ${300 + shift}`;
        const [row] = await duck.rows(`SELECT count(*) AS n, avg(f) AS m FROM t WHERE ${range}`);
        return [Number(row!.n), Math.round(row!.m as number)];
      },
    },
    {
      name: "sum",
      title: "sum",
      table,
      psbase: (base) => base.sum("a"),
      sqlite: (db) => db.prepare("SELECT sum(a) AS n FROM t").get()!.n,
      duckdb: (duck) => one(duck, "SELECT sum(a) AS n FROM t"),
    },
    {
      name: "group-by-text",
      title: "group by 5,000 texts: count, avg",
      table,
      psbase: (base) => base.groupBy("word", { n: "count", m: ["avg", "f"] }).length,
      sqlite: (db) => db.prepare("SELECT word, count(*), avg(f) FROM t GROUP BY word").all().length,
      duckdb: async (duck) =>
        (await duck.rows("SELECT word, count(*), avg(f) FROM t GROUP BY word")).length,
    },
    {
      name: "top",
      title: "the first ten by a field, no index",
      table,
      psbase: (base) => base.select({}, { orderBy: ["-b"], limit: 10 }).map((row) => row.b!),
      sqlite: (db) =>
        db.prepare("SELECT * FROM t ORDER BY b DESC LIMIT 10").all().map(({ b }) => b),
      duckdb: async (duck) =>
        (await duck.rows("SELECT * FROM t ORDER BY b DESC LIMIT 10")).map(({ b }) => Number(b)),
    },
    {
      name: "top-two",
      title: "the first ten by two fields, no index",
      table,
      psbase: (base) =>
        base.select({}, { orderBy: ["word", "-b"], limit: 10 }).map((row) => row.b!),
      sqlite: (db) =>
        db.prepare("SELECT * FROM t ORDER BY word, b DESC LIMIT 10").all().map(({ b }) => b),
      duckdb: async (duck) =>
        (await duck.rows("SELECT * FROM t ORDER BY word, b DESC LIMIT 10"))
          .map(({ b }) => Number(b)),
    },
    {
      name: "order-all",
      title: "all rows by a field, no index",
      table,
      psbase: (base) => base.select({}, { orderBy: ["-b"] }).length,
      sqlite: (db) => db.prepare("SELECT * FROM t ORDER BY b DESC").all().length,
      duckdb: async (duck) => (await duck.rows("SELECT * FROM t ORDER BY b DESC")).length,
    },
    {
      name: "group-by",
      title: "group by 1,000 values: count, avg",
      table,
      psbase: (base) => base.groupBy("a", { n: "count", m: ["avg", "f"] }).length,
      sqlite: (db) => db.prepare("SELECT a, count(*), avg(f) FROM t GROUP BY a").all().length,
      duckdb: async (duck) =>
        (await duck.rows("SELECT a, count(*), avg(f) FROM t GROUP BY a")).length,
    },
    {
      name: "query-all",
      title: "all rows as objects",
      table,
      psbase: (base) => base.select().length,
      sqlite: (db) => db.prepare("SELECT * FROM t").all().length,
      duckdb: async (duck) => (await duck.rows("SELECT * FROM t")).length,
    },
    {
      name: "lookup",
      title: "10,000 × rows by an indexed integer",
      table,
      psbase: (base) => sum((id) => base.select({ n: nOf(id) })[0]!.a!),
      sqlite(db) {
        const query = db.prepare("SELECT * FROM t WHERE n = ?");
        return sum((id) => query.all(nOf(id))[0]!.a as number);
      },
    },
    {
      name: "lookup-text",
      title: "10,000 × rows by a unique text",
      table,
      psbase: (base) => sum((id) => base.select({ email: emailOf(id) })[0]!.a!),
      sqlite(db) {
        const query = db.prepare("SELECT * FROM t WHERE email = ?");
        return sum((id) => query.all(emailOf(id))[0]!.a as number);
      },
    },
    byId,
    {
      ...byId,
      name: "query-get-snapshot",
      title: "the same in a `snapshot`",
      psbase: (base) => base.snapshot((view) => sum((id) => view.get(id)!.n!)),
    },
  ];
  return works;
}

/** The number that a query gives; DuckDB counts in bigints. */
async function one(duck: Duck, sql: string): Promise<number> {
  const [row] = await duck.rows(sql);
  return Number(row!.n);
}
