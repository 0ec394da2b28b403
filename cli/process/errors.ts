/**
 * What a user of the command line can do wrong. Any other error is a bug and is shown with its
 * stack.
 *
 * @module
 */

// Not from mod.ts: help and completions do not load the engine.
import { currentDir } from "../../engine/system/deno_file.ts";
import { BaseError } from "../../engine/system/errors.ts";
import { join } from "../../engine/system/path.ts";

/** The command line is wrong: exit code 2. */
export class UsageError extends Error {
  /** The name of the class. */
  override name = "UsageError";
}

/** The command line is right, but the command cannot do it. */
export class Fault extends Error {
  /** The name of the class. */
  override name = "Fault";
  /** The exit code. */
  readonly code: number;

  /** `message` says what is wrong. */
  constructor(message: string, code = 1) {
    super(message);
    this.code = code;
  }
}

/** The exit code of a command that made its change but could not print the result. */
const UNTOLD = 3;

/**
 * Prints the result of a change that was made.
 *
 * @param done The change, for a message.
 * @param print Prints the result.
 * @throws {Fault} If `print` throws: a second run of the command would make the change twice.
 */
export function afterChange(done: string, print: () => void): void {
  try {
    print();
  } catch (error) {
    const told = `${done}, but could not print that: ${(error as Error).message}`;
    throw new Fault(`${told}; do not run the command again`, UNTOLD);
  }
}

/** Calls `fn`; throws Fault with the message after `attempt` for anything that `fn` throws. */
export function orFault<T>(attempt: string, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw error;
    throw new Fault(`${attempt}: ${(error as Error).message}`);
  }
}

/** Calls `fn`, and puts `attempt` before the message of a {@linkcode Fault} that it throws. */
export async function inAttempt<T>(attempt: string, fn: () => Promise<T>): Promise<T> {
  try {
    return await fn();
  } catch (error) {
    throw error instanceof Fault ? new Fault(`${attempt}: ${error.message}`) : error;
  }
}

/** Whether the message alone says what is wrong, so that a stack would only hide it. */
export function isTold(error: unknown): error is Error {
  if (error instanceof Fault || error instanceof BaseError) return true;
  // A verb that refuses an argument gives the reason as the cause.
  if (error instanceof TypeError || error instanceof RangeError) {
    return error.cause instanceof Error && error.message.startsWith("Cannot ");
  }
  // Some refusals of the system, such as a full disk, have no class of their own.
  return Object.values(Deno.errors).some((type) => error instanceof type) ||
    (error instanceof Error && error.message.includes("(os error "));
}

/** Advice of the API, and the same advice for the command. */
const ADVICE = [
  ["(timeoutMs)", "(--timeout)"],
  [", open it with readOnly to read it", ""],
  ["keepChanges()", "psbase keep-changes"],
  ['open it, or say mode "open" or "override"', "destroy it first, or choose another path"],
] as const;

/** A message of the API in the words of the command, with paths relative to where it runs. */
export function inCommandWords(message: string): string {
  const here = currentDir();
  const short = here === undefined ? message : message.replaceAll(`"${join(here, "")}`, '"');
  return ADVICE.reduce((told, [api, ours]) => told.replace(api, ours), short);
}
