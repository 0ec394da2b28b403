/**
 * The command on a terminal, which `script(1)` makes.
 *
 * @module
 */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { isInstalled, workplace } from "../helpers/shell.ts";

const absent = isInstalled("script") && Deno.build.os === "linux"
  ? ""
  : ": script(1) is not installed";

/** A test with a place that has a table, and a function that runs a line on a terminal. */
function onTerminal(
  name: string,
  fn: (on: (line: string, env?: Record<string, string>) => Promise<string>) => Promise<void>,
): void {
  Deno.test({
    name: `${name}${absent}`,
    ignore: absent !== "",
    async fn() {
      using place = workplace();
      await place.sh(
        "psbase create people name:string note:string && " +
          "psbase insert people name=日本 note=x",
      );
      await fn(async (line, env) => {
        const { out } = await place.run("script", ["-qec", line, "/dev/null"], env);
        return out.replaceAll("\r\n", "\n");
      });
    },
  });
}

onTerminal("a terminal gets tables as wide as it is, a pipe NDJSON", async (on) => {
  const wide = "psbase insert people name=$(printf '%0200d' 0) >/dev/null; ";
  const table = await on(`${wide} stty cols 50; psbase select people`);
  const lines = table.split("\n");
  // 50 cells less those of ids and notes, and the gaps.
  const name = 50 - 6 - 4 - 2 * 2;
  assertEquals(lines.slice(0, 4), [
    `\x1b[1m__id__  ${"name".padEnd(name)}  note\x1b[22m`,
    ["──────", "─".repeat(name), "────"].join("  "),
    `     0  ${"日本".padEnd(name - 2)}  x`,
    `     1  ${"0".repeat(name - 1)}…`,
  ]);
  assertEquals(lines.slice(4), ["2 rows", ""]);
  assertMatch(
    await on("psbase select people --limit 1 | cat"),
    /^\{"__id__":0,"name":"日本",.*\}\n$/,
  );
});

onTerminal("NO_COLOR takes the colours from a terminal, a pipe has none", async (on) => {
  const lines = "psbase select people; psbase get people 9; psbase help get; true";
  assertStringIncludes(await on(lines), "\x1b[");
  assertEquals((await on(lines, { NO_COLOR: "1" })).includes("\x1b"), false);
  assertEquals((await on(`(${lines}) 2>&1 | cat`)).includes("\x1b"), false);
});

onTerminal("destroy asks on a terminal, and takes yes for yes only", async (on) => {
  const answer = (text: string) =>
    `(printf '${text}') | script -qec 'psbase destroy people' /dev/null`;
  for (const no of ["\\n", "n\\n", "yesterday\\n", "\\004"]) {
    assertStringIncludes(await on(answer(no)), 'Destroy "people" and its 1 row for good? [y/N] ');
    assertEquals(await on("psbase count people"), "1\n", no);
  }
  await on(answer("y\\n"));
  assertStringIncludes(await on("psbase count people; true"), "it does not exist");
});
