/**
 * Single rows of a table whose log is long, as in a table in use.
 *
 * @module
 */

import type { Base } from "../../base.ts";
import { inOneCommit } from "../stores/sqlite.ts";
import type { Lmdb } from "../stores/lmdb.ts";
import { type T1, t1A } from "../tables/t1.ts";
import type { Work } from "./work.ts";

type PointWork = Work<T1>;

/** Changes before the clock starts. */
const CHANGES = 5000;

function times(n: number, fn: (i: number) => unknown): void {
  for (let i = 0; i < n; i++) fn(i);
}

/** The works, on so many rows. */
export function pointWorks(count: number): PointWork[] {
  const some = (i: number) => (i * 37) % count;
  /** The first of ten rows. */
  const ten = (i: number) => (10 * i) % (count - 10);
  // Each store changes rows one by one, so that psbase has them in its log.
  const warm: PointWork["warm"] & Pick<PointWork, "lmdb"> = {
    psbase: (base) =>
      base.transactionSync((tx) => times(CHANGES, (i) => tx.update(some(i), { b: i }))),
    sqlite(db) {
      const update = db.prepare("UPDATE t SET b = ? WHERE id = ?");
      inOneCommit(db, () => times(CHANGES, (i) => update.run(i, some(i) + 1)));
    },
    lmdb: (db) =>
      db.transactionSync(() =>
        times(CHANGES, (i) => db.putSync(some(i), { ...db.get(some(i))!, b: i }))
      ),
  };
  const work = (one: Pick<PointWork, "name" | "title" | "psbase" | "sqlite" | "lmdb" | "writes">) =>
    ({ ...one, table: t1A, warm }) as PointWork;
  const double = (b: number) => b * 2 % 1_000_000;
  const sum = (n: number, fn: (i: number) => number) => {
    let sum = 0;
    times(n, (i) => sum += fn(i));
    return sum;
  };
  return [
    work({
      name: "points-range-read",
      title: "1,000 × ten rows of a range read, each updated by id; one commit",
      writes: true,
      psbase: (base) =>
        base.transactionSync((tx) =>
          times(1000, (i) => {
            for (const { __id__, b } of tx.select({ a: { gte: ten(i), lt: ten(i) + 10 } })) {
              tx.update(__id__, { b: double(b!) });
            }
          })
        ),
      sqlite(db) {
        const range = db.prepare("SELECT * FROM t WHERE a >= ? AND a < ?");
        const update = db.prepare("UPDATE t SET b = ? WHERE id = ?");
        inOneCommit(db, () =>
          times(1000, (i) => {
            for (const { id, b } of range.all(ten(i), ten(i) + 10)) {
              update.run(double(b as number), id!);
            }
          }));
      },
    }),
    work({
      name: "points-range",
      title: "1,000 × ten rows of a range updated by condition; one commit",
      writes: true,
      psbase: (base) =>
        base.transactionSync((tx) =>
          times(1000, (i) =>
            tx.updateWhere(
              { a: { gte: ten(i), lt: ten(i) + 10 } },
              ({ b }) => ({ b: double(b!) }),
            ))
        ),
      sqlite(db) {
        const update = db.prepare("UPDATE t SET b = b * 2 % 1000000 WHERE a >= ? AND a < ?");
        inOneCommit(db, () => times(1000, (i) => update.run(ten(i), ten(i) + 10)));
      },
    }),
    work({
      name: "points-one",
      title: "1,000 × one row updated by condition; one commit",
      writes: true,
      psbase: (base) =>
        base.transactionSync((tx) =>
          times(1000, (i) => tx.updateWhere({ a: some(i) }, { c: `new ${i}` }))
        ),
      sqlite(db) {
        const update = db.prepare("UPDATE t SET c = ? WHERE a = ?");
        inOneCommit(db, () => times(1000, (i) => update.run(`new ${i}`, some(i))));
      },
    }),
    work({
      name: "points-value",
      title: "10,000 × the row with an indexed value",
      psbase: (base) => sum(10_000, (i) => base.select({ a: some(i) + 1 })[0]!.b!),
      sqlite(db) {
        const query = db.prepare("SELECT * FROM t WHERE a = ?");
        return sum(10_000, (i) => query.all(some(i) + 1)[0]!.b as number);
      },
    }),
    work({
      name: "points-ten",
      title: "1,000 × ten rows of an indexed range",
      psbase: (base) =>
        sum(1000, (i) => base.select({ a: { gte: ten(i) + 1, lt: ten(i) + 11 } }).length),
      sqlite(db) {
        const query = db.prepare("SELECT * FROM t WHERE a >= ? AND a < ?");
        return sum(1000, (i) => query.all(ten(i) + 1, ten(i) + 11).length);
      },
    }),
    work({
      name: "points-get",
      title: "10,000 × get by id",
      psbase: (base) => sum(10_000, (i) => base.get(some(i))!.b!),
      sqlite(db) {
        const query = db.prepare("SELECT * FROM t WHERE id = ?");
        return sum(10_000, (i) => query.get(some(i) + 1)!.b as number);
      },
      lmdb: (db) => sum(10_000, (i) => db.get(some(i))!.b as number),
    }),
    ...commits(work),
  ];
}

function commits(
  work: (
    one: Pick<PointWork, "name" | "title" | "psbase" | "sqlite" | "lmdb" | "writes">,
  ) => PointWork,
): PointWork[] {
  const sqlite: PointWork["sqlite"] = (db) => {
    const update = db.prepare("UPDATE t SET b = ? WHERE id = ?");
    times(1000, (i) => update.run(-i, i + 1));
  };
  const lmdb = (db: Lmdb) => times(1000, (i) => db.putSync(i, { ...db.get(i)!, b: -i }));
  return [
    work({
      name: "points-commit",
      title: "1,000 × updateSync, a commit each",
      writes: true,
      psbase: (base: Base<T1>) => times(1000, (i) => base.updateSync(i, { b: -i })),
      sqlite,
      lmdb,
    }),
    work({
      name: "points-commit-await",
      title: "1,000 × await update, a commit each",
      writes: true,
      psbase: async (base) => {
        for (let i = 0; i < 1000; i++) await base.update(i, { b: -i });
      },
      sqlite,
    }),
  ];
}
