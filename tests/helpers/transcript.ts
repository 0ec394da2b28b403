/**
 * The transcripts in the documentation: its `console` blocks.
 *
 * @module
 */

const ROOT = new URL("../../", import.meta.url);

/** A command, and what it prints. */
export interface Step {
  readonly command: string;
  readonly output: string;
}

/** The steps of a page. */
export function stepsOf(page: string): Step[] {
  const text = Deno.readTextFileSync(new URL(page, ROOT));
  return Array.from(text.matchAll(/^```console\n([^]*?)^```$/gm), ([, block]) => block!)
    .flatMap((block) => block.split(/^\$ /m).slice(1))
    .map((step) => {
      const [, command, output] = /^(.*\n(?:> .*\n)*)([^]*)$/.exec(step)!;
      return { command: command!.replace(/^> /gm, ""), output: output! };
    });
}

/** The pattern of an output that may have lines left out. */
export function expected(output: string): RegExp {
  const lines = output.split(/(?<=\n)/).map((line) =>
    line === "…\n" ? "(?:.*\\n)*" : RegExp.escape(line)
  );
  return new RegExp(`^${lines.join("")}$`);
}
