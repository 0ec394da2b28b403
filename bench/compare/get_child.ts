/**
 * A new process that opens a table and gets one row: of psbase or SQLite.
 *
 * @module
 */

const [store, path, id] = Deno.args;
if (store === "psbase") {
  const { PsBase } = await import("../../base.ts");
  using base = PsBase.openSync(path!);
  if (base.get(Number(id)) === undefined) throw new Error(`there is no row ${id}`);
} else {
  const { DatabaseSync } = await import("node:sqlite");
  const db = new DatabaseSync(path!);
  const row = db.prepare("SELECT * FROM strikes WHERE id = ?").get(Number(id!));
  if (row === undefined) throw new Error(`there is no row ${id}`);
  db.close();
}
