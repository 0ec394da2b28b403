/**
 * `psbase shell`: a table in the REPL of Deno, which has history and completes names.
 *
 * @module
 */

import { exactly } from "../call/args.ts";
import type { Call } from "../call/call.ts";
import { widestOptions } from "../call/open.ts";
import { runChild } from "../process/child.ts";
import { Fault } from "../process/errors.ts";
import { say } from "../process/io.ts";

/** `psbase shell`, with the address of the library. */
export async function shell(call: Call, library: string): Promise<number> {
  const [path] = exactly(call.words, "PATH");
  if (Deno.build.standalone) {
    throw new Fault("Cannot open a shell: it is that of deno, so run psbase by deno");
  }
  // A wrong path fails here, where the error has no stack.
  const options = await widestOptions(path);
  const code = `const { field, PsBase } = await import(${JSON.stringify(library)});
    const base = await PsBase.open(${JSON.stringify(path)}, ${JSON.stringify(options)});`;
  say(call.io, `base is "${path}": try base.select({}, { limit: 5 }).pp(), leave with Ctrl-D`);
  // The configuration of the current directory might install packages.
  const args = ["repl", "--quiet", "--no-config", "--allow-read", "--allow-write"];
  // The REPL would colour what goes into a pipe.
  const env: Record<string, string> = call.io.stdout.colors ? {} : { NO_COLOR: "1" };
  return await runChild(Deno.execPath(), [...args, "--eval", code], { env });
}
