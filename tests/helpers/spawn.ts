/**
 * Child processes for tests: programs in `tests/fixtures/` that talk in lines.
 *
 * @module
 */

import { readLines } from "./lines.ts";
import { fixture } from "./programs.ts";

/** A running child; disposing kills it, also when it is stopped, and waits for its end. */
export interface Fixture extends AsyncDisposable {
  /** The process. */
  readonly child: Deno.ChildProcess;
  /** What it prints, line by line; ends with its stdout. */
  readonly lines: AsyncIterableIterator<string>;
  /** How it ended. */
  readonly status: Promise<Deno.CommandStatus>;
  /** The next line, `undefined` after the last. */
  readLine(): Promise<string | undefined>;
  /** Writes a line to its stdin. */
  send(line: string): Promise<void>;
  /** Ends its stdin. */
  end(): Promise<void>;
  /** Sends a signal, SIGKILL if none is named; harmless after its end. */
  kill(signal?: Deno.Signal): void;
}

/**
 * Starts `tests/fixtures/<name>.ts`; what it writes to stderr is shown. `under` comes before the
 * command: a program that restrains it.
 */
export function spawnFixture(name: string, args: string[] = [], under: string[] = []): Fixture {
  const run = [Deno.execPath(), "run", "-A", "--quiet", fixture(name)];
  const [program, ...words] = [...under, ...run, ...args];
  return spawn(program!, words);
}

/** To be put before a command: a shell that does something, limits resources say, and becomes it. */
export function underShell(script: string): string[] {
  return ["sh", "-c", `${script}; exec "$@"`, "sh"];
}

/** Starts any program. */
export function spawn(command: string, args: string[]): Fixture {
  const child = new Deno.Command(command, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const lines = readLines(reader);
  const kill = (signal: Deno.Signal = "SIGKILL") => {
    try {
      child.kill(signal);
    } catch (error) {
      // What has ended cannot be killed.
      if (!(error instanceof TypeError)) throw error;
    }
  };
  return {
    child,
    lines,
    status: child.status,
    kill,
    readLine: async () => (await lines.next()).value,
    send: (line) => writer.write(new TextEncoder().encode(line + "\n")),
    end: () => writer.close(),
    async [Symbol.asyncDispose]() {
      kill();
      await child.status;
      await reader.cancel();
      await writer.close().catch(() => {});
    },
  };
}
