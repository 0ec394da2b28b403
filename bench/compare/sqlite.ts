/**
 * The table of the storm in SQLite.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { type Strike, STRIKES } from "../../examples/storm/strikes.ts";

/** Opened as durable as psbase is. */
export function openSqlite(path: string): DatabaseSync {
  const db = new DatabaseSync(path);
  db.exec("PRAGMA busy_timeout = 60000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
  return db;
}

/** What inserts one strike, in a transaction of its own if none was begun. */
export function inserter(db: DatabaseSync): (strike: Strike) => void {
  const names = Object.keys(STRIKES);
  const insert = db.prepare(
    `INSERT INTO strikes (${names.join()}) VALUES (${names.map(() => "?").join()})`,
  );
  return (strike) => {
    insert.run(
      ...names.map((name) => {
        const value = strike[name as keyof Strike] ?? null;
        return typeof value === "object" && value !== null ? value.toString() : value;
      }),
    );
  };
}

/** Inserts strikes in one transaction. */
export function insertStrikes(db: DatabaseSync, strikes: readonly Strike[]): void {
  db.exec("BEGIN IMMEDIATE");
  strikes.forEach(inserter(db));
  db.exec("COMMIT");
}

/** Makes the table of these strikes, with ids from 0 and an index on the field searched. */
export function createSqlite(path: string, strikes: readonly Strike[]): DatabaseSync {
  const db = openSqlite(path);
  const columns = Object.entries(STRIKES).map(([name, field]) => {
    const type = typeof field === "string" ? field : field.type;
    return `${name} ${type === "integer" ? "INTEGER" : "TEXT"}`;
  });
  db.exec(`CREATE TABLE strikes (id INTEGER PRIMARY KEY AUTOINCREMENT, ${columns.join()})`);
  db.exec("CREATE INDEX strikes_airport ON strikes (airport)");
  insertStrikes(db, strikes);
  db.exec("UPDATE strikes SET id = id - 1; PRAGMA wal_checkpoint(TRUNCATE)");
  return db;
}
