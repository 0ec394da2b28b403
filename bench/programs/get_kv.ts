/// <reference lib="deno.unstable" />
// Opens a table and gets one row.
import { tell } from "./tell.ts";

await tell(async () => {
  using kv = await Deno.openKv(Deno.args[0]);
  return (await kv.get<{ b: number }>(["t", Number(Deno.args[1])])).value!.b;
});
