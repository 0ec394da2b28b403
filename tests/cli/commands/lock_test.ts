/**
 * `psbase lock`: which process has the lock, whatever happens to the command, its children and
 * psbase.
 *
 * @module
 */
import { assertEquals, assertMatch } from "@std/assert";
import { command, psbase, run } from "../../helpers/cli.ts";
import { isLocked, until } from "../../helpers/locks.ts";
import { spawn } from "../../helpers/spawn.ts";
import { tempBase } from "../../helpers/temp_base.ts";

const onUnix = { ignore: Deno.build.os === "windows" };

/** The words of `psbase lock` with a command that prints its process id and waits for a line. */
function waiting(...locks: string[]): string[] {
  const sh = ["sh", "-c", "echo $$; read line"];
  return locks.reduceRight((words, lock) => {
    const [program, args] = command("lock", lock, "--", ...words);
    return [program, ...args];
  }, sh);
}

/** The processes that a process started. */
function childrenOf(pid: number): number[] {
  const { stdout } = new Deno.Command("ps", { args: ["-A", "-o", "pid=,ppid="] }).outputSync();
  return new TextDecoder().decode(stdout).trim().split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter(([, parent]) => parent === pid)
    .map(([child]) => child!);
}

Deno.test("if psbase lock is killed, its command keeps the lock", onUnix, async () => {
  await using base = tempBase();
  const lock = `${base.parent}/lock`;
  const [program, ...args] = waiting(lock);
  await using child = spawn(program!, args);
  const pid = Number(await child.readLine());
  // The command may speak before its process is noted in the file.
  await until(() => Deno.readTextFileSync(lock).includes(`"pid":${pid}`));
  child.kill("SIGKILL");
  await child.status;
  const second = command("lock", lock, "--nonblock", "--", "true");
  const refused = await run(...second);
  assertEquals([refused.code, refused.out], [1, ""]);
  assertMatch(refused.err, RegExp(`still held by process ${pid} `));
  await child.send("end");
  await until(() => !isLocked(lock));
  assertEquals((await run(...second)).code, 0);
});

Deno.test("psbase lock in psbase lock: each is held until the command ends", onUnix, async () => {
  await using base = tempBase();
  const locks = ["a", "b"].map((name) => `${base.parent}/${name}`);
  const [program, ...args] = waiting(...locks);
  await using outer = spawn(program!, args);
  const pid = Number(await outer.readLine());
  const [inner] = childrenOf(outer.child.pid);
  assertEquals(childrenOf(inner!), [pid]);
  outer.kill("SIGKILL");
  await outer.status;
  Deno.kill(inner!, "SIGKILL");
  await until(() => !childrenOf(inner!).includes(pid));
  assertEquals(locks.map(isLocked), [true, true]);
  await outer.send("end");
  await until(() => !locks.some(isLocked));
});

Deno.test(
  "psbase lock is over when the command ends, not what it left running",
  onUnix,
  async () => {
    await using base = tempBase();
    const lock = `${base.parent}/lock`;
    // The process that runs on keeps no stream open that the test waits for.
    const script = "sleep 600 >/dev/null 2>&1 </dev/null & echo $!; exit 5";
    const { code, out } = await run(...command("lock", lock, "--", "sh", "-c", script));
    try {
      assertEquals(code, 5);
      assertEquals(isLocked(lock), false);
    } finally {
      Deno.kill(Number(out), "SIGKILL");
    }
  },
);

Deno.test("psbase lock hands on the open files that it inherited", onUnix, async () => {
  await using base = tempBase();
  const given = `${base.parent}/given`;
  Deno.writeTextFileSync(given, "given\n");
  const script = `cat <&3; cat <&9; printf %s "$X" | od -An -tx1 | tr -d ' \n'`;
  const [program, args] = command("lock", `${base.parent}/lock`, "--", "sh", "-c", script);
  // Open files, and a variable that is not UTF-8.
  const outer = `exec 3<"$1" 9<"$1"; shift; X=$(printf 'caf\\351') exec "$@"`;
  const { code, out, err } = await run("sh", ["-c", outer, "sh", given, program, ...args]);
  assertEquals([code, out, err], [0, "given\ngiven\n636166e9", ""]);
});

Deno.test("psbase lock locks a directory", onUnix, async () => {
  await using base = tempBase();
  const inner = command("lock", base.parent, "--nonblock", "--", "true");
  const { code, err } = await run(...command("lock", base.parent, "--", inner[0], ...inner[1]));
  assertEquals(code, 1);
  assertMatch(err, /^psbase lock: Cannot lock ".*": still held /);
  assertEquals((await run(...inner)).code, 0);
});

Deno.test("--conflict-exit-code tells a held lock from any other error", async () => {
  await using base = tempBase();
  const lock = `${base.parent}/lock`;
  const locking = (...args: string[]) => psbase(["lock", lock, ...args]);
  Deno.writeTextFileSync(lock, "");
  {
    using held = Deno.openSync(lock, { read: true, write: true });
    held.lockSync(true);
    for (const option of [["--nonblock"], ["--timeout", "1"]]) {
      for (const code of [0, 75, 255]) {
        const busy = await locking(...option, "--conflict-exit-code", `${code}`, "--", "true");
        assertEquals([busy.code, busy.out], [code, ""]);
        assertMatch(busy.err, /^psbase lock: Cannot lock ".*": still held /);
      }
      assertEquals((await locking(...option, "--", "true")).code, 1);
    }
  }
  const free = await locking(
    "--nonblock",
    "--conflict-exit-code=75",
    "--",
    "psbase-no-such-command",
  );
  assertEquals(free.code, 1);
  assertMatch(free.err, /Cannot start "psbase-no-such-command": there is no such program\n$/);
  for (
    const [args, told] of [
      [["--conflict-exit-code", "75"], /needs --nonblock or --timeout/],
      [["--nonblock", "--conflict-exit-code", "256"], /is 256, expected 0 to 255/],
      [["--nonblock", "--conflict-exit-code", "x"], /is "x", expected a count/],
    ] as const
  ) {
    const { code, err } = await locking(...args, "--", "true");
    assertEquals(code, 2);
    assertMatch(err, told);
  }
});
