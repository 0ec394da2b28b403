// Looks at all rows, one by one as objects (`rows`) or on the columns (`columns`).
import { PsBase } from "../../base.ts";
import { tell } from "./tell.ts";

await tell(() => {
  using base = PsBase.openSync<{ a: "integer"; b: "integer"; c: "string" }>(Deno.args[0]!);
  if (Deno.args[1] === "columns") return base.count({ c: { contains: "fifty" } });
  let count = 0;
  for (const { c } of base) {
    if (c!.includes("fifty")) count++;
  }
  return count;
});
