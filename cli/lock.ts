/**
 * A command run under a lock, as `flock(1)` does.
 *
 * @module
 */

import { PsLock } from "../mod.ts";
import { Fault } from "./errors.ts";

/** Signals to a process group, which a terminal sends to the command too. */
const OF_TERMINAL: readonly Deno.Signal[] = ["SIGINT", "SIGQUIT"];
const FORWARDED: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : [...OF_TERMINAL, "SIGTERM", "SIGHUP"];

/** Runs a command while the lock on `path` is held; its exit code. */
export async function runLocked(
  path: string,
  [command, ...args]: readonly [string, ...string[]],
  timeoutMs: number | undefined,
): Promise<number> {
  using lock = new PsLock(path);
  using _guard = await lock.acquire({ timeoutMs });
  // From here on the command decides what a signal does: this process must not go before it.
  const child = { current: undefined as Deno.ChildProcess | undefined };
  using _signals = forward((signal) => child.current?.kill(signal));
  try {
    child.current = new Deno.Command(command, { args, stdin: "inherit" }).spawn();
  } catch (error) {
    throw new Fault(`Cannot start "${command}": ${(error as Error).message}`);
  }
  return (await child.current.status).code;
}

function forward(send: (signal: Deno.Signal) => void): Disposable {
  const listeners = FORWARDED.map((signal) => {
    const listener = () => {
      if (OF_TERMINAL.includes(signal) && Deno.stdin.isTerminal()) return;
      try {
        send(signal);
      } catch (error) {
        // It has ended in the meantime.
        if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
      }
    };
    Deno.addSignalListener(signal, listener);
    return { signal, listener };
  });
  return {
    [Symbol.dispose]() {
      for (const { signal, listener } of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}
