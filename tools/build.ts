/**
 * Makes the package as it is published: the sources, and in `dist/` what is run, made of them by
 * `deno bundle`.
 *
 * A process that opens a table and gets one row would spend a third of its time on loading more than
 * seventy modules with all their comments. Types and documentation are those of the sources, to
 * which `@ts-self-types` leads.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };

const ROOT = new URL("../", import.meta.url);

/** Makes it in a directory, of which nothing else is left. */
export async function build(dir: URL): Promise<void> {
  const { name, version, license, imports } = config;
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
  const published = {
    ...{ name, version, license, exports, imports, links },
    // All of it, though git ignores the directory.
    publish: { exclude: ["!."] },
  };
  Deno.writeTextFileSync(new URL("deno.json", dir), JSON.stringify(published, null, 2) + "\n");

  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["bundle", "--no-lock", "--quiet", "--minify", "--keep-names", "--code-splitting"],
      ...["--external=@std/*", "--outdir=dist", ...sources],
    ],
    cwd: dir,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  modules.forEach((module, i) => {
    const file = new URL(module, dir);
    const types = `// @ts-self-types=".${sources[i]}"\n`;
    Deno.writeTextFileSync(file, types + Deno.readTextFileSync(file));
  });
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
