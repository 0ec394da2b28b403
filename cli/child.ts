/**
 * Another program in the place of this one: it has the streams, and gets the signals.
 *
 * @module
 */

import { Fault } from "./errors.ts";
import { ENDING, onSignals } from "./signals.ts";

/** Signals to a process group, which a terminal sends to the program too. */
const OF_TERMINAL: readonly Deno.Signal[] = ["SIGINT", "SIGQUIT"];
const FORWARDED: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ENDING
  : [...ENDING, "SIGQUIT"];

/** What a program can be told beside its arguments. */
export interface ChildOptions {
  /** Variables of its environment, besides those of this process. */
  readonly env?: Record<string, string>;
  /** Called with the number of the process when it has started. */
  readonly onStart?: (pid: number) => void;
}

/** Runs a program to its end; its exit code, 128 and the number of the signal that ended it. */
export async function runChild(
  program: string,
  args: readonly string[],
  { env = {}, onStart }: ChildOptions = {},
): Promise<number> {
  // From here on the program decides what a signal does: this process must not go before it.
  let child: Deno.ChildProcess | undefined;
  using _signals = onSignals(FORWARDED, (signal) => {
    if (OF_TERMINAL.includes(signal) && Deno.stdin.isTerminal()) return;
    try {
      child?.kill(signal);
    } catch (error) {
      // It has ended in the meantime.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  });
  try {
    child = new Deno.Command(program, { args: [...args], env, stdin: "inherit" }).spawn();
  } catch (error) {
    const told = error instanceof Deno.errors.NotFound
      ? "there is no such program"
      : (error as Error).message;
    throw new Fault(`Cannot start "${program}": ${told}`);
  }
  onStart?.(child.pid);
  return (await child.status).code;
}
