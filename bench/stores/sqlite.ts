/**
 * `node:sqlite`, as a store among others: the table is called `t`, its ids begin with 1.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { plain, type PlainRow, type Store } from "./store.ts";
import type { Field } from "../../base.ts";

/** SQLite in WAL mode. */
export function sqlite(synchronous: "FULL" | "NORMAL"): Store<DatabaseSync> {
  const open = (path: string) => openSqlite(path, synchronous);
  return {
    contender: `SQLite ${synchronous}`,
    // deno-lint-ignore require-await
    async create(path, { schema }) {
      const db = open(path);
      const fields = Object.entries(schema).map(([name, field]) => ({ name, ...spelt(field) }));
      const columns = fields.map(({ name, type }) => `${name} ${SQL_TYPES[type] ?? "TEXT"}`);
      db.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, ${columns.join()})`);
      for (const { name, index, unique } of fields) {
        if (index || unique) {
          db.exec(`CREATE ${unique ? "UNIQUE" : ""} INDEX t_${name} ON t (${name})`);
        }
      }
      return db;
    },
    // deno-lint-ignore require-await
    open: async (path) => open(path),
    close: (db) => db.close(),
    // deno-lint-ignore require-await
    async insert(db, rows) {
      insertAll(db, rows);
    },
    // deno-lint-ignore require-await
    async all(db) {
      const rows = db.prepare("SELECT * FROM t ORDER BY id").all() as PlainRow[];
      return rows.map(({ id: _, ...row }) => row);
    },
  };
}

const SQL_TYPES: Record<string, string> = { integer: "INTEGER", float: "REAL" };

function spelt(field: Field): { type: string; index?: boolean; unique?: boolean } {
  return (typeof field === "string" ? { type: field } : field) as ReturnType<typeof spelt>;
}

/** Waits for others as long as it takes. */
export function openSqlite(path: string, synchronous = "FULL"): DatabaseSync {
  const db = new DatabaseSync(path);
  db.exec(`PRAGMA busy_timeout = 600000; PRAGMA journal_mode = WAL;
    PRAGMA synchronous = ${synchronous}`);
  return db;
}

/** What inserts one row, in a transaction of its own if none was begun; gives its id. */
export function inserter(db: DatabaseSync): (row: PlainRow) => number {
  const columns = db.prepare("SELECT name FROM pragma_table_info('t') WHERE pk = 0").all();
  const names = columns.map(({ name }) => String(name));
  const insert = db.prepare(`INSERT INTO t (${names}) VALUES (${names.map(() => "?")})`);
  return (row) => Number(insert.run(...names.map((name) => plain(row[name]))).lastInsertRowid);
}

/** Inserts rows in one transaction. */
export function insertAll(db: DatabaseSync, rows: Iterable<PlainRow>): void {
  inOneCommit(db, () => {
    const insert = inserter(db);
    for (const row of rows) insert(row);
  });
}

/** Runs it in one transaction. */
export function inOneCommit(db: DatabaseSync, fn: () => void): void {
  db.exec("BEGIN IMMEDIATE");
  fn();
  db.exec("COMMIT");
}
