// Looks at all rows, one by one as objects (`rows`) or in SQL (`columns`).
import { DatabaseSync } from "node:sqlite";
import { tell } from "./tell.ts";

await tell(() => {
  using db = new DatabaseSync(Deno.args[0]!);
  if (Deno.args[1] === "columns") {
    return db.prepare("SELECT count(*) AS n FROM t WHERE c LIKE '%fifty%'").get()!.n;
  }
  let count = 0;
  for (const { c } of db.prepare("SELECT * FROM t").iterate()) {
    if (String(c).includes("fifty")) count++;
  }
  return count;
});
