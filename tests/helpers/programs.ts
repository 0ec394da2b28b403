/**
 * The command and the programs in `tests/fixtures/`, bundled: a process of a bundle takes 60 % as
 * long to start as one that loads a hundred modules, and under strace a fifth.
 *
 * The bundles are made once for the sources as they are, in a directory that is named after a hash
 * of them. So no process ever runs other code than that of the sources beside it.
 *
 * @module
 */

const ROOT = new URL("../../", import.meta.url);
const PLACE = new URL(".programs/", ROOT);
/** What the programs are made of. */
const SOURCES = [
  ...["cli.ts", "mod.ts", "base.ts", "view.ts", "transaction.ts", "store.ts", "lock.ts"],
  ...["serve.ts", "remote.ts", "deno.json"],
  ...["cli/", "engine/", "remote/", "server/", "wire/", "stand_ins/"],
  ...["tests/fixtures/", "tests/helpers/", "tools/"],
];
/** Bundles that no test used for so long are removed. */
const UNUSED_MS = 24 * 3600 * 1000;

/** The path and the text of each file. */
function* textsOf(path: string): Generator<string> {
  if (!path.endsWith("/")) return yield* [path, Deno.readTextFileSync(new URL(path, ROOT))];
  const entries = Array.from(Deno.readDirSync(new URL(path, ROOT)));
  for (const { name, isDirectory } of entries.sort((a, b) => a.name < b.name ? -1 : 1)) {
    yield* textsOf(path + name + (isDirectory ? "/" : ""));
  }
}

async function hashOfSources(): Promise<string> {
  const text = SOURCES.flatMap((path) => [...textsOf(path)]).join("\0");
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(hash).toHex().slice(0, 16);
}

async function make(place: URL): Promise<void> {
  const made = new URL(`${crypto.randomUUID()}/`, PLACE);
  // In a process of its own, as esbuild ends after the test may have begun.
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", new URL("make_programs.ts", import.meta.url).href, made.href],
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  try {
    Deno.renameSync(made, place);
  } catch (error) {
    // Another test file was faster.
    Deno.removeSync(made, { recursive: true });
    if (!isThere(place)) throw error;
  }
}

function isThere(place: URL): boolean {
  try {
    // So that it counts as used.
    Deno.utimeSync(place, new Date(), new Date());
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function removeUnused(): Promise<void> {
  for await (const { name } of Deno.readDir(PLACE)) {
    const place = new URL(name, PLACE);
    const { mtime } = await Deno.stat(place);
    if (Date.now() - mtime!.getTime() < UNUSED_MS) continue;
    // Another test file may remove it, too.
    await Deno.remove(place, { recursive: true }).catch(() => {});
  }
}

async function programs(): Promise<URL> {
  const place = new URL(`${await hashOfSources()}/`, PLACE);
  if (!isThere(place)) {
    await make(place);
    await removeUnused();
  }
  return place;
}

const place = await programs();

/** The path of the command. */
export const CLI: string = new URL("dist/cli.js", place).pathname;

/** The path of a program in `tests/fixtures/`, by its name there without `.ts`. */
export function fixture(name: string): string {
  return new URL(`tests/fixtures/${name}.js`, place).pathname;
}
