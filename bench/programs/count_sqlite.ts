// Opens a table and counts its rows.
import { DatabaseSync } from "node:sqlite";
import { tell } from "./tell.ts";

await tell(() => {
  using db = new DatabaseSync(Deno.args[0]!);
  return db.prepare("SELECT count(*) AS n FROM t").get()!.n;
});
