/**
 * `make_programs.ts URL`: bundles the command and the programs in `tests/fixtures/` into a new
 * directory.
 *
 * @module
 */

import { bundle } from "../../tools/build.ts";

if (import.meta.main) {
  const root = new URL("../../", import.meta.url);
  const made = new URL(Deno.args[0]!);
  const fixtures = Array.from(
    Deno.readDirSync(new URL("../fixtures/", import.meta.url)),
    ({ name }) => `tests/fixtures/${name}`,
  );
  await bundle(root, ["cli.ts", "mod.ts"], new URL("dist/", made));
  // The command may not become a part of what imports it: it would take that for a call of itself.
  await bundle(root, fixtures, new URL("tests/fixtures/", made), ["../../cli.ts"]);
  // Where the command looks for the library, and those who import the command for that.
  for (const name of ["mod", "cli"]) {
    Deno.writeTextFileSync(new URL(`${name}.ts`, made), `export * from "./dist/${name}.js";\n`);
  }
}
