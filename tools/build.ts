/**
 * Makes the package as it is published: the sources, and in `dist/` a bundle of them that runs.
 *
 * A process that opens a table and gets one row would spend a third of its time on loading some
 * ninety modules with all their comments, and another third on compiling functions. So esbuild makes
 * one module of what the entries share, and `eager.ts` has V8 keep the compiled code of the
 * functions that a short-lived process calls. Types and documentation are those of the sources, to
 * which `@ts-self-types` leads.
 *
 * @module
 */

import * as esbuild from "esbuild";
import config from "../deno.json" with { type: "json" };
import { compileWithModule } from "./eager.ts";

const ROOT = new URL("../", import.meta.url);

/** Makes it in a directory, of which nothing else is left. */
export async function build(dir: URL): Promise<void> {
  const { name, version, license } = config;
  const { include, exclude } = config.publish;
  await Deno.remove(dir, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
  for (const path of include) copy(path, dir, exclude);

  const exports: Record<string, string> = { ...config.exports };
  // The storm starts processes of its own files, so it runs from its sources.
  const bundled = Object.entries(config.exports).filter(([key]) => key !== "./storm");
  const sources = bundled.map(([, path]) => path);
  const modules = sources.map((path) => path.replace(/^\.\/(.*)\.ts$/, "./dist/$1.js"));
  bundled.forEach(([key], i) => exports[key] = modules[i]!);
  const links = config.links.filter((path) => include.includes(path.slice("./".length)));
  const imports = Object.fromEntries(
    Object.entries(config.imports).filter(([, target]) => target.startsWith("jsr:")),
  );
  const published = {
    ...{ name, version, license, exports, imports, links },
    // All of it, though git ignores the directory.
    publish: { exclude: ["!."] },
  };
  Deno.writeTextFileSync(new URL("deno.json", dir), JSON.stringify(published, null, 2) + "\n");

  await bundle(dir, sources, new URL("dist/", dir));
  await compileAhead(new URL("dist/", dir));
  modules.forEach((module, i) => {
    const file = new URL(module, dir);
    const types = `// @ts-self-types=".${sources[i]}"\n`;
    Deno.writeTextFileSync(file, types + Deno.readTextFileSync(file));
  });
}

/**
 * Bundles entries in `dir` to `out`; names stay, so that stack traces can be read. What is `outside`
 * stays an import.
 */
export async function bundle(
  dir: URL,
  entryPoints: string[],
  out: URL,
  outside: string[] = [],
): Promise<void> {
  try {
    await esbuild.build({
      absWorkingDir: decodeURIComponent(dir.pathname),
      entryPoints,
      outdir: decodeURIComponent(out.pathname),
      bundle: true,
      splitting: true,
      format: "esm",
      target: "esnext",
      external: ["@std/*", "node:*", ...outside],
      minifyWhitespace: true,
      minifySyntax: true,
      logLevel: "error",
    });
  } finally {
    await esbuild.stop();
  }
}

/** Rewrites the modules in `dist/`, so that V8 compiles with them what the profile calls. */
async function compileAhead(dist: URL): Promise<void> {
  const ends = await profile(new URL("mod.js", dist));
  for (const [path, marked] of ends) {
    const code = Deno.readTextFileSync(path);
    Deno.writeTextFileSync(path, compileWithModule(code, (end) => marked.has(end)));
  }
}

/** Where the functions end that a run of `profile.ts` made V8 compile, by file. */
async function profile(module: URL): Promise<Map<string, Set<number>>> {
  const temp = await Deno.makeTempDir({ prefix: "psbase_build_" });
  try {
    const log = `${temp}/v8.log`;
    const flags = `--v8-flags=--log-function-events,--no-logfile-per-isolate,--logfile=${log}`;
    for (const [job, ...args] of [["make"], ["run", flags]] as const) {
      const program = new URL("profile.ts", import.meta.url).href;
      const { success, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "-A", "--quiet", "--no-check", "--no-lock", ...args],
          ...[program, module.href, `${temp}/table`, job],
        ],
      }).output();
      if (!success) throw new Error(new TextDecoder().decode(stderr));
    }
    const files = new Map<string, string>();
    const ends = new Map<string, Set<number>>();
    for (const line of Deno.readTextFileSync(log).split("\n")) {
      const [kind, event, ...rest] = line.split(",");
      if (kind === "script-details") files.set(event!, rest[0]!);
      if (kind !== "function" || !/^(?:full-parse|parse-function|interpreter)/.test(event!)) {
        continue;
      }
      const [script, , end] = rest;
      const url = files.get(script!) ?? "";
      if (!url.startsWith(new URL("./", module).href)) continue;
      const path = decodeURIComponent(new URL(url).pathname);
      ends.set(path, (ends.get(path) ?? new Set()).add(Number(end)));
    }
    return ends;
  } finally {
    await Deno.remove(temp, { recursive: true });
  }
}

/** Copies a file or a directory, but for what is not published. */
function copy(path: string, dir: URL, exclude: readonly string[]): void {
  if (exclude.includes(path)) return;
  const from = new URL(path, ROOT);
  if (Deno.statSync(from).isDirectory) {
    for (const { name } of Deno.readDirSync(from)) copy(`${path}/${name}`, dir, exclude);
    return;
  }
  const to = new URL(path, dir);
  Deno.mkdirSync(new URL("./", to), { recursive: true });
  Deno.copyFileSync(from, to);
}

if (import.meta.main) await build(new URL("package/", ROOT));
