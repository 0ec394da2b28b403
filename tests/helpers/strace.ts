/**
 * Faults that strace(1) puts into the system calls of a child process.
 *
 * @module
 */

/** Why system calls cannot be traced here, empty if they can. */
export function whyNoStrace(): string {
  if (Deno.build.os !== "linux") return "there is no strace but on Linux";
  try {
    // Where ptrace(2) is forbidden, strace is there and fails.
    const { success } = new Deno.Command("strace", { args: ["-qq", "-o", "/dev/null", "true"] })
      .outputSync();
    return success ? "" : "strace may not trace here";
  } catch {
    return "strace is not installed";
  }
}

/** What is to happen, as strace has it: `error=EIO`, `signal=SIGKILL`; and at which call. */
export interface Injection {
  /** The system call. */
  readonly call: string;
  /** What happens in its place. */
  readonly fault: string;
  /** At which call of it on the paths, from 1 on. Each thread counts for itself. */
  readonly n: number;
}

/** A child that ended. */
export interface Traced {
  /** Its stdout, line by line. */
  readonly lines: string[];
  /** Its stderr. */
  readonly err: string;
  /** How it ended: a signal's name, or an exit code. */
  readonly end: string;
  /** The system calls that were traced, one a line. */
  readonly calls: string[];
}

/** How long a child may take before it counts as hanging, in milliseconds. */
const PATIENCE_MS = 60_000;

/**
 * Runs a program to its end. With `paths`, calls that have nothing to do with them are left
 * alone; random numbers are the same in every run, and so the names of temporary files.
 */
export async function trace(
  program: string[],
  { paths = [], injection }: { paths?: readonly string[]; injection?: Injection } = {},
): Promise<Traced> {
  const log = await Deno.makeTempFile({ prefix: "psbase_trace_" });
  try {
    const args = ["-f", "-qq", "-o", log, ...paths.flatMap((path) => ["-P", path])];
    if (injection !== undefined) {
      const { call, fault, n } = injection;
      args.push("-e", `inject=${call}:${fault}:when=${n}`);
    }
    args.push(Deno.execPath(), "run", "-A", "--quiet", "--seed=1", ...program);
    const child = new Deno.Command("strace", { args, stdout: "piped", stderr: "piped" }).spawn();
    let hangs = false;
    const timer = setTimeout(async () => {
      hangs = true;
      // Not strace: the program would live on.
      Deno.kill(Number.parseInt(await Deno.readTextFile(log)), "SIGKILL");
    }, PATIENCE_MS);
    const [{ code, signal }, out, err] = await Promise.all([
      child.status,
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    clearTimeout(timer);
    const calls = (await Deno.readTextFile(log)).split("\n");
    const end = hangs ? "hangs" : signal ?? String(code);
    return { lines: out.split("\n").filter((line) => line !== ""), err, end, calls };
  } finally {
    await Deno.remove(log);
  }
}

/** Whether the fault happened: a call was marked, or the process was killed. */
export function wasHit({ calls, end }: Traced): boolean {
  return end === "SIGKILL" || calls.some((line) => line.includes("(INJECTED)"));
}
