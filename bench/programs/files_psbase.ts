// Runs a command line of psbase: an import or an export, whose words it says nothing of.
import { main } from "../../cli.ts";
import { systemIo } from "../../cli/process/io.ts";
import { tell } from "./tell.ts";

const silent = { isTerminal: false, columns: 80, colors: false, write() {} };

await tell(() => main(Deno.args, { ...systemIo(), stdout: silent, stderr: silent }));
