/**
 * What README and the other pages claim is true: the first program prints what its comments say,
 * figures are those of the benchmarks and of the seeded bugs, files that are named exist.
 *
 * @module
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import * as psbase from "../mod.ts";

const { Base, PsBase, PsLock, View } = psbase;

const ROOT = new URL("../", import.meta.url).pathname;

const read = (path: string) => Deno.readTextFileSync(`${ROOT}${path}`);

function exists(path: URL): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch {
    return false;
  }
}

/** All pages but those of released files, from the root of the repository. */
function pages(dir = ""): string[] {
  return [...Deno.readDirSync(`${ROOT}${dir}`)].flatMap(({ name, isDirectory }) => {
    if (isDirectory) {
      return /^(\.git|package|node_modules)$/.test(name) ? [] : pages(`${dir}${name}/`);
    }
    return name.endsWith(".md") ? [`${dir}${name}`] : [];
  });
}

Deno.test("README.md begins with a program that prints what its comments say, twice in a row", async () => {
  const [, program] = /^```ts ignore\n([^]+?)^```$/m.exec(read("README.md"))!;
  const expected = program!.matchAll(/^\/\/ (.*)$/gm).map(([, line]) => `${line}\n`).toArray();
  const dir = await Deno.makeTempDir({ prefix: "psbase_" });
  // JSR has the version that was published last, if any.
  await Deno.writeTextFile(`${dir}/people.ts`, program!.replace("jsr:", ""));
  for (const _ of ["new", "there already"]) {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--config", `${ROOT}deno.json`, "people.ts"],
      cwd: dir,
      env: { NO_COLOR: "1" },
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    assertEquals(new TextDecoder().decode(stdout).replaceAll(/ +$/gm, ""), expected.join(""));
  }
  await Deno.remove(dir, { recursive: true });
});

Deno.test("README.md names the storm and the tests as its first commands", () => {
  const commands = read("README.md").matchAll(/^```sh\n([^]*?)^```$/gm).map(([, lines]) => lines);
  assertEquals(commands.take(2).toArray(), [
    "npx -y deno@2.9.6 task storm\n",
    "npx -y deno@2.9.6 task test\n",
  ]);
});

Deno.test("README.md shows figures of bench/results/results.md", () => {
  const [, section] = /^## How fast\n([^]*?)^## /m.exec(read("README.md"))!;
  const results = read("bench/results/results.md");
  const figures = section!.matchAll(/\| +([\d.,]+) \| +([\d.,]+) \|/g).toArray();
  assertEquals(figures.length, 5);
  const cell = (figure: string) => String.raw`\| ${RegExp.escape(figure)} \|`;
  for (const [, ours, theirs] of figures) {
    assertMatch(results, RegExp(`^.*${cell(ours!)}.*${cell(theirs!).slice(2)}.*$`, "m"));
  }
});

Deno.test("pages tell how many seeded bugs there are", () => {
  const bugs = read("tests/seeded_bugs.ts").matchAll(/^ {4}bug:/gm).toArray().length;
  for (const page of ["README.md", "CONTRIBUTING.md", "docs/reliability.md"]) {
    const told = read(page).matchAll(/(\d+)\s+(?:seeded\s+)?bugs/g).map(([, n]) => Number(n));
    assertEquals(new Set(told), new Set([bugs]), page);
  }
});

Deno.test("pages name files that exist", () => {
  const named = /`((?:bench|cli|docs|engine|examples|stand_ins|tests|tools)\/[\w./]+)`/g;
  for (const page of pages()) {
    for (const [, path] of read(page).matchAll(named)) {
      const places = [new URL(path!, `file://${ROOT}`), new URL(path!, `file://${ROOT}${page}`)];
      assert(places.some(exists), `${page} names ${path}`);
    }
  }
});

Deno.test("docs/reference.md names every verb, and every error", () => {
  const code = read("docs/reference.md").match(/`[^`\n]+`/g)!.join("\n");
  const classes = [PsBase.prototype, Base.prototype, View.prototype, PsLock.prototype];
  const verbs = [PsBase, Base, ...classes].flatMap((owner) => Object.getOwnPropertyNames(owner))
    // Blocking twins have a sentence of their own, and classes have names and the like.
    .filter((name) => !/Sync$|^(constructor|length|name|prototype)$/.test(name));
  const errors = Object.keys(psbase).filter((name) => name.endsWith("Error"));
  for (const name of [...verbs, ...errors]) {
    assertMatch(code, RegExp(String.raw`\b${name}\b`), name);
  }
});
