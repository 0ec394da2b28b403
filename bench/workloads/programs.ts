/**
 * Programs that are started: which, with which arguments, and what they tell.
 *
 * @module
 */

import type { Told } from "../programs/tell.ts";
import type { Contender } from "../suite/workload.ts";

/** The arguments of `deno run` that start the program of a contender. */
export function programOf(what: "get" | "scan" | "storm", contender: Contender): string[] {
  const store = {
    psbase: "psbase",
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

/** Runs a program to its end; gives what it printed. */
export async function run(program: readonly string[], args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", ...program, ...args],
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
