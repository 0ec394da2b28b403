/**
 * The documentation shows what the command does. Its `console` blocks are run, one after the other,
 * in a directory of their own.
 *
 * ```text
 * $ a line for sh
 * > and its next one
 * what it prints on a terminal with 80 columns; a line "…" stands for any number of lines
 * ```
 *
 * @module
 */
import { assert, assertMatch } from "@std/assert";
import { COMMANDS } from "../cli/commands.ts";
import { fixture } from "./helpers/programs.ts";
import { workplace } from "./helpers/shell.ts";
import { expected, stepsOf } from "./helpers/transcript.ts";

const ROOT = new URL("../", import.meta.url);
const PAGES = ["README.md", "docs/cli.md"];

for (const page of PAGES) {
  Deno.test({
    name: `${page} shows what psbase prints`,
    ignore: Deno.build.os !== "linux",
    async fn(t) {
      using place = workplace(fixture("psbase_in_transcript"));
      Deno.symlinkSync(new URL("examples", ROOT), `${place.dir}/examples`);
      const transcript = `${place.dir}/../transcript`;
      const steps = stepsOf(page);
      assert(steps.length > 0, "there are steps");
      for (const { command, output } of steps) {
        await t.step(command.trim(), async () => {
          Deno.writeTextFileSync(transcript, "");
          // Appended, so that messages and data keep the order in which they were written.
          await place.sh(`exec >> "$TRANSCRIPT" 2>&1; ${command}`, { TRANSCRIPT: transcript });
          assertMatch(Deno.readTextFileSync(transcript), expected(output));
        });
      }
    },
  });
}

Deno.test("every command and option is shown in the documentation", () => {
  const steps = PAGES.flatMap(stepsOf).map(({ command }) => command).join("");
  // The transcripts of these pages have tests of their own.
  const shown = ["docs/from_buzhug.md", "docs/server.md"].reduce(
    (shown, page) => shown + Deno.readTextFileSync(new URL(page, ROOT)),
    steps,
  );
  for (const [name, { flags = [], values = [] }] of Object.entries(COMMANDS)) {
    assertMatch(shown, new RegExp(`\\bpsbase ${name}\\b`));
    for (const option of [...flags, ...values]) assertMatch(shown, new RegExp(`--${option}\\b`));
  }
});
