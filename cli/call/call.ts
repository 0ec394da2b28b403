/**
 * What a command is, and what it gets when it is called.
 *
 * @module
 */

import { UsageError } from "../process/errors.ts";
import type { Io } from "../process/io.ts";
import type { Accepted, Parsed } from "./args.ts";
import { didYouMean } from "./closest.ts";

/** What a command gets: its words and options, and the streams. */
export interface Call extends Parsed {
  /** The streams. */
  readonly io: Io;
}

/** A command. */
export interface Command extends Accepted {
  /** Its words, for help. Words in `[]` are optional, words with `…` can be repeated. */
  readonly usage: string;
  /** What it does, in one line. */
  readonly summary: string;
  /** Command lines without `psbase`. They work if they run one after the other. */
  readonly examples: readonly string[];
  /** Runs the command. Gives the exit code, if it is not 0. */
  run(call: Call): Promise<number | void>;
}

/** Commands by name. */
export type Commands = Readonly<Record<string, Command>>;

/** The command with a name; throws UsageError if there is none. */
export function commandOf(commands: Commands, name: string): Command {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command !== undefined) return command;
  const hint = didYouMean(name, Object.keys(commands));
  throw new UsageError(`there is no command ${JSON.stringify(name)}${hint}`);
}
