// Opens a table and gets one row. No pragma: a reader needs none.
import { DatabaseSync } from "node:sqlite";
import { tell } from "./tell.ts";

await tell(() => {
  using db = new DatabaseSync(Deno.args[0]!);
  return db.prepare("SELECT * FROM t WHERE id = ?").get(Number(Deno.args[1]) + 1)!.b;
});
