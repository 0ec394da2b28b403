/**
 * `psbase` as a program on the path of a shell.
 *
 * @module
 */

import { CLI } from "./programs.ts";

/** How a program ended, and what it printed. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A directory to work in, with `psbase` on the path; disposing removes it. */
export interface Workplace extends Disposable {
  /** The directory. */
  readonly dir: string;
  /** Runs a program in it; what hangs is killed. */
  run(program: string, args: readonly string[], env?: Record<string, string>): Promise<Ended>;
  /** Runs a script of `sh` in it. */
  sh(script: string, env?: Record<string, string>): Promise<Ended>;
}

/** Makes one; `main` is what `psbase` runs. */
export function workplace(main = CLI): Workplace {
  const parent = Deno.makeTempDirSync({ prefix: "psbase_" });
  const dir = `${parent}/work`;
  Deno.mkdirSync(dir);
  Deno.mkdirSync(`${parent}/bin`);
  const script = `#!/bin/sh\nexec "${Deno.execPath()}" run -A --quiet "${main}" "$@"\n`;
  Deno.writeTextFileSync(`${parent}/bin/psbase`, script, { mode: 0o755 });
  const path = `${parent}/bin:${Deno.env.get("PATH")}`;

  async function run(
    program: string,
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<Ended> {
    const { code, stdout, stderr } = await new Deno.Command(program, {
      args: [...args],
      cwd: dir,
      env: { HOME: dir, PATH: path, DENO_DIR: denoDir(), NO_COLOR: "", ...env },
      stdin: "null",
      signal: AbortSignal.timeout(60_000),
    }).output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
  }

  return {
    dir,
    run,
    sh: (script, env) => run("sh", ["-c", script], env),
    [Symbol.dispose]: () => Deno.removeSync(parent, { recursive: true }),
  };
}

/** Where Deno keeps what it compiled and downloaded, as it would not be found from another home. */
function denoDir(): string {
  const given = Deno.env.get("DENO_DIR");
  if (given !== undefined) return given;
  const { stdout } = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).outputSync();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

/** Whether a program can be run here. */
export function isInstalled(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false;
  }
}
