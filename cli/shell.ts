/**
 * `psbase shell`: a table in Deno's own REPL, which has history and completes names.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { exactly } from "./args.ts";
import { runChild } from "./child.ts";
import type { Call } from "./commands.ts";
import { Fault } from "./errors.ts";
import { say } from "./io.ts";
import { widestOptions } from "./open.ts";

/** `psbase shell` */
export async function shell(call: Call): Promise<number> {
  const [path] = exactly(call.words, "PATH");
  if (Deno.build.standalone) {
    throw new Fault("Cannot open a shell: it is that of deno, so run psbase by deno");
  }
  // What is wrong with the table is told here, where it is told without a stack.
  const options = await widestOptions(path);
  const module = JSON.stringify(import.meta.resolve(`../${config.exports["."]}`));
  const code = `const { field, PsBase } = await import(${module});
    const base = await PsBase.open(${JSON.stringify(path)}, ${JSON.stringify(options)});`;
  say(call.io, `base is "${path}": try base.select({}, { limit: 5 }).pp(), leave with Ctrl-D`);
  // Not the configuration of where the user happens to be: it may want to install things.
  const args = ["repl", "--quiet", "--no-config", "--allow-read", "--allow-write"];
  // It would colour what goes into a pipe.
  const env: Record<string, string> = call.io.stdout.colors ? {} : { NO_COLOR: "1" };
  return await runChild(Deno.execPath(), [...args, "--eval", code], { env });
}
