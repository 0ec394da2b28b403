/**
 * A program that runs in place of this one: it gets the streams and the signals.
 *
 * @module
 */

import { Fault } from "./errors.ts";
import { ENDING, onSignals } from "./signals.ts";

/** A terminal sends these to its whole process group, so the program gets them too. */
const OF_TERMINAL: readonly Deno.Signal[] = ["SIGINT", "SIGQUIT"];
const FORWARDED: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ENDING
  : [...ENDING, "SIGQUIT"];

/** Options of {@linkcode runChild}. */
export interface ChildOptions {
  /** Variables to add to the environment. */
  readonly env?: Record<string, string>;
  /** Called with the process id when the program has started. */
  readonly onStart?: (pid: number) => void;
}

/** Runs a program to its end. Gives its exit code, or 128 plus the signal that ended it. */
export async function runChild(
  program: string,
  args: readonly string[],
  { env = {}, onStart }: ChildOptions = {},
): Promise<number> {
  // The program decides what a signal does, so this process must not end before it.
  let child: Deno.ChildProcess | undefined;
  using _signals = onSignals(FORWARDED, (signal) => {
    if (OF_TERMINAL.includes(signal) && Deno.stdin.isTerminal()) return;
    try {
      child?.kill(signal);
    } catch (error) {
      // The program has ended in the meantime.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  });
  try {
    child = new Deno.Command(program, { args: [...args], env, stdin: "inherit" }).spawn();
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "there is no such program"
      : (error as Error).message;
    throw new Fault(`Cannot start "${program}": ${reason}`);
  }
  onStart?.(child.pid);
  return (await child.status).code;
}
