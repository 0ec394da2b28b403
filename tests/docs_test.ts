import { assertEquals } from "@std/assert";
import { command } from "./helpers/cli.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/**
 * Pages whose blocks go on from each other. All that is TypeScript is one program; what it and the
 * commands before it print stands in the blocks of text. The blocks of other pages are programs of
 * their own, which `deno test --doc` runs.
 */
const PAGES = ["tour", "queries", "schema_changes"];

function blocksOf(text: string, kind: string): string[] {
  const pattern = RegExp(`^\`\`\`${kind}\\n([^]*?)^\`\`\`$`, "gm");
  return [...text.matchAll(pattern)].map(([, code]) => code!);
}

function programOf(text: string): string {
  return blocksOf(text, "ts ignore").join("\n");
}

for (const page of PAGES) {
  Deno.test(`docs/${page}.md prints what it says`, async () => {
    const dir = await Deno.makeTempDir({ prefix: "psbase_" });
    const text = await Deno.readTextFile(`${ROOT}docs/${page}.md`);
    await Deno.writeTextFile(`${dir}/program.ts`, programOf(text));
    await Deno.symlink(`${ROOT}examples`, `${dir}/examples`);
    const script = [
      `psbase() { ${command().flat().join(" ")} "$@"; }`,
      ...blocksOf(text, "sh"),
      `${Deno.execPath()} run -A --config ${ROOT}deno.json program.ts`,
    ];
    const { code, stdout, stderr } = await new Deno.Command("sh", {
      args: ["-ec", script.join("\n")],
      cwd: dir,
      env: { NO_COLOR: "1" },
    }).output();
    const decoder = new TextDecoder();
    assertEquals(code, 0, decoder.decode(stderr));
    // Errors tell absolute paths; the pages show them from the directory that all of it is in.
    const printed = decoder.decode(stdout).replaceAll(`"${await Deno.realPath(dir)}/`, '"');
    assertEquals(printed, blocksOf(text, "text").join(""));
    await Deno.remove(dir, { recursive: true });
  });
}

// Together, as the compiler takes longer to begin than to check them.
Deno.test("the programs of the pages and the examples are well typed", async () => {
  const dir = await Deno.makeTempDir({ prefix: "psbase_" });
  const programs = await Promise.all(PAGES.map(async (page) => {
    const program = `${dir}/${page}.ts`;
    await Deno.writeTextFile(program, programOf(await Deno.readTextFile(`${ROOT}docs/${page}.md`)));
    return program;
  }));
  const examples = Array.from(Deno.readDirSync(`${ROOT}examples`), ({ name }) => name)
    .filter((name) => name.endsWith(".ts")).map((name) => `${ROOT}examples/${name}`);
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["check", "--config", `${ROOT}deno.json`, ...programs, ...examples],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  await Deno.remove(dir, { recursive: true });
});
