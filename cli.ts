/**
 * `psbase`, the command: tables from a shell.
 *
 * Run it as it is, install it, or compile it to one executable:
 *
 * ```sh
 * deno run -A jsr:@psbase/psbase/cli help
 * deno install -gA -n psbase jsr:@psbase/psbase/cli
 * deno task compile
 * ```
 *
 * ```sh
 * psbase create people name:string:required age:integer born:date
 * psbase insert people name=homer age=39
 * psbase select people age=30..40 name~'^ho' --fields name,age --sort -age
 * ```
 *
 * Data goes to stdout, messages go to stderr. Rows are a table on a terminal and NDJSON elsewhere,
 * or what `--json`, `--ndjson` or `--csv` say. Exit codes: 0 done, 1 an error or a refusal, 2 wrong
 * usage, 3 the change was made, but its result could not be printed.
 *
 * It needs `--allow-read` and `--allow-write`. With `--allow-ffi`, `psbase watch` notices at once
 * that its reader is gone. `psbase lock` needs `-A` to hand its lock on to the command (on Windows
 * only `--allow-run`), `psbase serve` needs `--allow-net`. On Linux, `-A` lets it see which words of the command line are not UTF-8.
 *
 * @module
 */

import { parse } from "./cli/call/args.ts";
import { commandOf } from "./cli/call/call.ts";
import { COMMANDS } from "./cli/commands.ts";
import { Fault, inCommandWords, isTold, UsageError } from "./cli/process/errors.ts";
import { type Io, red, say, systemIo } from "./cli/process/io.ts";
import { checkArgs } from "./cli/process/raw_args.ts";
import { Interrupted } from "./cli/process/signals.ts";
import config from "./deno.json" with { type: "json" };

export type { Io, Output } from "./cli/process/io.ts";

/**
 * Runs a command line.
 *
 * @param args The words after `psbase`.
 * @param io The streams; those of the process by default.
 * @returns The exit code.
 *
 * @example A command without a process of its own
 * ```ts
 * import { main } from "@psbase/psbase/cli";
 * import { assertEquals } from "@std/assert";
 *
 * const dir = await Deno.makeTempDir();
 * assertEquals(await main(["create", dir, "name:string"]), 0);
 * assertEquals(await main(["destroy", dir, "--yes"]), 0);
 * ```
 */
export async function main(args: readonly string[], io: Io = systemIo()): Promise<number> {
  try {
    return await dispatch(args, io);
  } catch (error) {
    return report(error, args, io);
  }
}

async function dispatch(given: readonly string[], io: Io): Promise<number> {
  // Only the words of the process were decoded from bytes.
  if (given === Deno.args) checkArgs(given);
  const [word, ...args] = given;
  if (word === "--version") {
    io.stdout.write(`psbase ${config.version}\n`);
    return 0;
  }
  if (word === undefined) {
    // On stderr, because a script that runs `psbase $EMPTY` must not take help for data.
    (await import("./cli/commands/help.ts")).printHelp(io.stderr, COMMANDS);
    return 2;
  }
  const name = word === "--help" || word === "-h" ? "help" : word;
  const command = commandOf(COMMANDS, name);
  const call = parse(args, command);
  if (call.help) return await COMMANDS.help!.run({ ...call, words: [name], io }) ?? 0;
  return await command.run({ ...call, io }) ?? 0;
}

/** Prints an error, and gives the exit code. */
function report(error: unknown, [name = ""]: readonly string[], io: Io): number {
  // The reader of the output is gone, so there is nobody to tell.
  if (error instanceof Deno.errors.BrokenPipe) return 1;
  if (error instanceof Interrupted) return error.code;
  const command = Object.hasOwn(COMMANDS, name) ? ` ${name}` : "";
  io.stderr.write(`${red(io.stderr, `psbase${command}:`)} `);
  if (error instanceof UsageError) {
    say(io, `${error.message}\nSee: psbase help${command}`);
    return 2;
  }
  if (isTold(error)) {
    say(io, inCommandWords(error.message));
  } else {
    const stack = error instanceof Error ? error.stack : error;
    say(io, `this is a bug in psbase, please report it\n${stack}`);
  }
  return error instanceof Fault ? error.code : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
