import { assert, assertMatch } from "@std/assert";

Deno.test("deno task compile makes one executable, where denort can be had", async (t) => {
  const dir = await Deno.makeTempDir();
  const psbase = `${dir}/psbase`;
  const deno = async (args: string[], env: Record<string, string> = {}) => {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args,
      cwd: new URL("..", import.meta.url),
      env: { NO_COLOR: "1", ...env },
    }).output();
    const decoder = new TextDecoder();
    return { success, said: decoder.decode(stdout) + decoder.decode(stderr) };
  };
  const { success, said } = await deno([
    "compile",
    "-A",
    "--no-check",
    "--output",
    psbase,
    "cli.ts",
  ]);
  // It comes to the download only with all modules; their types are checked with those of the tests.
  if (!success) assertMatch(said, /Download.*denort/);
  await t.step({
    name: `which passes the tests of the command${success ? "" : ": denort cannot be had here"}`,
    ignore: !success,
    async fn() {
      const tests = ["test", "-A", "tests/cli_test.ts", "tests/cli/"];
      const { success, said } = await deno(tests, { PSBASE_COMMAND: psbase });
      assert(success, said);
    },
  });
  await Deno.remove(dir, { recursive: true });
});
