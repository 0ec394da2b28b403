/**
 * Programs that are started: which, with which arguments, and what they tell.
 *
 * @module
 */

import type { Told } from "../programs/tell.ts";
import type { Templates } from "../stores/store.ts";
import type { Contender } from "../suite/workload.ts";

type Program = "get" | "scan" | "storm";

/** The arguments of `deno run` that start the program of a contender. */
export function programOf(what: Program, contender: Contender): string[] {
  const store = {
    psbase: "psbase",
    "psbase bundled": "psbase",
    "SQLite FULL": "sqlite",
    "SQLite NORMAL": "sqlite",
    "Deno KV": "kv",
    "JSON file": "json",
    sqlite3: "sqlite",
    nothing: "nothing",
  }[contender];
  const name = store === "nothing" ? store : `${what}_${store}`;
  const flags = store === "kv" ? ["--unstable-kv"] : [];
  return [...flags, new URL(`../programs/${name}.ts`, import.meta.url).href];
}

/** As {@linkcode programOf} for psbase, as one file in the directory of the templates. */
export async function bundledProgram(what: Program, { dir }: Templates): Promise<string[]> {
  const bundle = `${dir}/${what}.js`;
  // Once a run: where Deno keeps compiled code, a file is known by its path.
  if (!bundled.has(what)) {
    await deno(["bundle", "--quiet", "--minify", "-o", bundle, ...programOf(what, "psbase")]);
    bundled.add(what);
  }
  return [bundle];
}

const bundled = new Set<Program>();

/** Runs a program to its end; gives what it printed. */
export function run(program: readonly string[], args: readonly string[]): Promise<string> {
  return deno(["run", "-A", "--quiet", ...program, ...args]);
}

async function deno(args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** The same, if it tells what it measured. */
export async function runTelling(program: readonly string[], args: string[]): Promise<Told> {
  return JSON.parse(await run(program, args));
}
