// Opens a table and gets one row.
import { JsonFile } from "../stores/json_file.ts";
import { tell } from "./tell.ts";

await tell(() => new JsonFile(Deno.args[0]!).rows.get(Number(Deno.args[1]))!.b);
