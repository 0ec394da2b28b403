import { assertEquals, assertMatch } from "@std/assert";

Deno.test("deno task compile makes one executable, where denort can be had", async () => {
  const dir = await Deno.makeTempDir();
  const psbase = `${dir}/psbase`;
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["compile", "-A", "--output", psbase, "cli.ts"],
    cwd: new URL("..", import.meta.url),
    env: { NO_COLOR: "1" },
  }).output();
  if (success) {
    const { code, stdout } = await new Deno.Command(psbase, { args: ["--version"] }).output();
    assertEquals(code, 0);
    assertMatch(decode(stdout), /^psbase \d+\.\d+\.\d+\n$/);
  } else {
    // It comes to the download only with a program that is in order.
    assertMatch(decode(stderr), /Download.*denort/);
    // deno-lint-ignore no-console
    console.log("skipped: denort cannot be downloaded");
  }
  await Deno.remove(dir, { recursive: true });
});
