/**
 * DuckDB, as a store of queries among others: the table is called `t`, its ids begin with 1.
 *
 * @module
 */

import type { DuckDBConnection } from "@duckdb/node-api";
import { plain, type PlainRow, type Store } from "./store.ts";

/** An open database. */
export interface Duck {
  /** All rows of a query, as objects. */
  rows(sql: string): Promise<PlainRow[]>;
  readonly connection: DuckDBConnection;
  close(): void;
}

const SQL_TYPES: Record<string, string> = { integer: "BIGINT", float: "DOUBLE" };

async function open(path: string): Promise<Duck> {
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(path, { threads: "1" });
  const connection = await instance.connect();
  return {
    connection,
    async rows(sql) {
      const reader = await connection.runAndReadAll(sql);
      return reader.getRowObjects() as unknown as PlainRow[];
    },
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** DuckDB with one thread. */
export const duckdb: Store<Duck> = {
  contender: "DuckDB",
  async create(path, { schema }) {
    const duck = await open(path);
    const columns = Object.entries(schema).map(([name, field]) => {
      const type = typeof field === "string" ? field : (field as { type: string }).type;
      return `${name} ${SQL_TYPES[type] ?? "VARCHAR"}`;
    });
    await duck.connection.run(`CREATE TABLE t (${columns.join()})`);
    return duck;
  },
  open,
  close: (duck) => duck.close(),
  async insert({ connection }, rows) {
    const appender = await connection.createAppender("t");
    for (const row of rows) {
      for (const value of Object.values(row).map(plain)) {
        if (value === null) appender.appendNull();
        else if (typeof value === "string") appender.appendVarchar(value);
        else if (Number.isInteger(value)) appender.appendBigInt(BigInt(value));
        else appender.appendDouble(value);
      }
      appender.endRow();
    }
    appender.closeSync();
  },
  all: (duck) => duck.rows("SELECT * FROM t"),
};
