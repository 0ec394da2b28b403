import { assertEquals } from "@std/assert";
import { command } from "./helpers/cli.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/**
 * Pages whose blocks go on from each other. All that is TypeScript is one program; what it and the
 * commands before it print stands in the blocks of text. The blocks of other pages are programs of
 * their own, which `deno test --doc` runs.
 */
for (const page of ["tour", "queries", "schema_changes"]) {
  Deno.test(`docs/${page}.md prints what it says`, async () => {
    const dir = await Deno.makeTempDir({ prefix: "psbase_" });
    const text = await Deno.readTextFile(`${ROOT}docs/${page}.md`);
    const blocks = (kind: string) =>
      [...text.matchAll(RegExp(`^\`\`\`${kind}\\n([^]*?)^\`\`\`$`, "gm"))].map(([, code]) => code!);
    await Deno.writeTextFile(`${dir}/program.ts`, blocks("ts ignore").join("\n"));
    await Deno.symlink(`${ROOT}examples`, `${dir}/examples`);
    const script = [
      `psbase() { ${command().flat().join(" ")} "$@"; }`,
      ...blocks("sh"),
      `${Deno.execPath()} run -A --check --config ${ROOT}deno.json program.ts`,
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
    assertEquals(printed, blocks("text").join(""));
    await Deno.remove(dir, { recursive: true });
  });
}
