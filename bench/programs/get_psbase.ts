// Opens a table and gets one row.
import { PsBase } from "../../base.ts";
import { tell } from "./tell.ts";

await tell(() => {
  using base = PsBase.openSync<{ b: "integer" }>(Deno.args[0]!);
  return base.get(Number(Deno.args[1]))!.b;
});
