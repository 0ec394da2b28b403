/**
 * Tests that change what all threads of a process share (its directory, its umask). `deno test
 * --parallel` runs files as threads of one process, so each of these runs in a process of its own.
 *
 * @module
 */

import { assert } from "@std/assert";

const VARIABLE = "PSBASE_OWN_PROCESS";

/**
 * As `Deno.test`, in a process of its own.
 *
 * @param file The `import.meta.filename` of the test file.
 * @param test What `Deno.test` takes.
 */
export function testInOwnProcess(
  file: string,
  test: { name: string; ignore?: boolean; fn: () => void | Promise<void> },
): void {
  if (Deno.env.get(VARIABLE) === test.name) return Deno.test(test);
  Deno.test({
    ...test,
    async fn() {
      const filter = `/^${test.name.replaceAll(/[^\w ]/g, "\\$&")}$/`;
      const { success, stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["test", "-A", "--no-check", "--quiet", "--filter", filter, file],
        env: { [VARIABLE]: test.name, NO_COLOR: "1" },
      }).output();
      const text = new TextDecoder().decode(stdout);
      assert(success && /\b1 passed\b/.test(text), text);
    },
  });
}
