/**
 * Programs that are started: which, with which arguments, and what they tell.
 *
 * @module
 */

import { build } from "../../tools/build.ts";
import type { Told } from "../programs/tell.ts";
import type { Templates } from "../stores/store.ts";
import type { Contender } from "../suite/workload.ts";

type Program = "count" | "get" | "scan" | "storm";

/** The arguments of `deno run` that start the program of a contender. */
export async function programOf(
  what: Program,
  contender: Contender,
  templates: Templates,
): Promise<string[]> {
  const store = {
    psbase: "psbase",
    "psbase await": "psbase_await",
    "psbase sources": "psbase",
    "SQLite FULL": "sqlite",
    "SQLite NORMAL": "sqlite",
    LMDB: "lmdb",
    DuckDB: "duckdb",
    "Deno KV": "kv",
    "JSON file": "json",
    sqlite3: "sqlite",
    nothing: "nothing",
  }[contender];
  const name = store === "nothing" ? store : `${what}_${store}`;
  const flags = store === "kv" ? ["--unstable-kv"] : [];
  if (contender === "psbase" || contender === "psbase await") {
    flags.push(`--import-map=${await mapOf(templates)}`);
  }
  return [...flags, new URL(`../programs/${name}.ts`, import.meta.url).href];
}

/** The same for the command `psbase`, as it is published. */
export async function commandOf(templates: Templates): Promise<string[]> {
  return [`--import-map=${await mapOf(templates)}`, `${packageOf(templates)}dist/cli.js`];
}

function packageOf({ dir }: Templates): URL {
  return new URL(`file://${dir}/package/`);
}

/** Made once a run. */
let published: Promise<string> | undefined;

/** An import map by which programs get psbase as it is published. */
function mapOf(templates: Templates): Promise<string> {
  return published ??= publish(templates);
}

async function publish(templates: Templates): Promise<string> {
  const built = packageOf(templates);
  await build(built);
  const imports = { [new URL("../../base.ts", import.meta.url).href]: `${built}dist/base.js` };
  const map = `${templates.dir}/published.json`;
  Deno.writeTextFileSync(map, JSON.stringify({ imports }));
  return map;
}

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
