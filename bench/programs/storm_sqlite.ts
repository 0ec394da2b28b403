import { openSqlite } from "../stores/sqlite.ts";
import { storm } from "./storm.ts";

await storm(({ dir, durability }) => {
  const db = openSqlite(dir, durability === "full" ? "FULL" : "NORMAL");
  const search = db.prepare("SELECT * FROM t WHERE airport = ?");
  const insert = db.prepare("INSERT INTO t (airport, date, operator, speed) VALUES (?,?,?,?)");
  const remove = db.prepare("DELETE FROM t WHERE id = ?");
  return {
    search: (airport) => search.all(airport),
    insert: ({ airport, date, operator, speed }) =>
      Number(insert.run(airport, String(date), operator, speed).lastInsertRowid) - 1,
    remove: (id) => remove.run(id + 1).changes === 1,
    close: () => db.close(),
  };
});
