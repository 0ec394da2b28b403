/**
 * What a user of the command line can do wrong; anything else that is thrown is
 * shown with its stack.
 *
 * @module
 */

// Not from the front door: help and completions come without the engine.
import { BaseError } from "../engine/system/errors.ts";
import { join } from "../engine/system/path.ts";
import { currentDir } from "../engine/system/deno_file.ts";

/** The command line is wrong: exit code 2. */
export class UsageError extends Error {
  /** The name of the class. */
  override name = "UsageError";
}

/** The command line is right, but what it asks for cannot be done. */
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

/** The exit code of a command whose change was made and whose output could not be written. */
const UNTOLD = 3;

/**
 * Prints what a change that was made has to tell.
 *
 * @param done What was done, for a message.
 * @param print Prints.
 * @throws {Fault} If it cannot: to run the command again would make the change twice.
 */
export function afterChange(done: string, print: () => void): void {
  try {
    print();
  } catch (error) {
    const told = `${done}, but could not print that: ${(error as Error).message}`;
    throw new Fault(`${told}; do not run the command again`, UNTOLD);
  }
}

/** Whether the message alone says what is wrong, so that a stack would only hide it. */
export function isTold(error: unknown): error is Error {
  if (error instanceof Fault || error instanceof BaseError) return true;
  // What a verb refuses of its arguments carries the reason as its cause.
  if (error instanceof TypeError || error instanceof RangeError) {
    return error.cause instanceof Error && error.message.startsWith("Cannot ");
  }
  // Not all that the system refuses has a class of its own: a full disk, say.
  return Object.values(Deno.errors).some((type) => error instanceof type) ||
    (error instanceof Error && error.message.includes("(os error "));
}

/** What the API advises in its own words is called otherwise here. */
const ADVICE = [
  ["(timeoutMs)", "(--timeout)"],
  [", open it with readOnly to read it", ""],
  ["keepChanges()", "psbase keep-changes"],
  ['open it, or say mode "open" or "override"', "destroy it first, or choose another path"],
] as const;

/** A message of the API, for who uses the command: paths begin where the command does. */
export function inCommandWords(message: string): string {
  const here = currentDir();
  const short = here === undefined ? message : message.replaceAll(`"${join(here, "")}`, '"');
  return ADVICE.reduce((told, [api, ours]) => told.replace(api, ours), short);
}
