/**
 * The text of `psbase help`.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };
import { FLAGS, VALUES } from "../call/args.ts";
import { type Call, commandOf, type Commands } from "../call/call.ts";
import { UsageError } from "../process/errors.ts";
import { bold, type Output } from "../process/io.ts";

const CONDITIONS = `Conditions (COND), joined by "and":
  f=v       equal                f!=v      not equal
  f=a,b     one of these         f<v f<=v  less, or equal
  f=lo..hi  from lo to hi; one   f>v f>=v  more, or equal
            may be left out      f~regexp  text that matches; (?i:regexp) in any case
Every row also has the fields __id__ and __version__.
`;

const CELL =
  `Values: f=null and f= are null, f="" is empty text, f="null" is the word. Quote a value
with a comma or ".." as in CSV. The shell takes <, >, ~ and quotes for itself:
quote the whole word, 'age>=18' 'name=""' 'name="Simpson, Bart"'
`;

const TYPES = `Types: string integer float boolean bigint date time datetime timestamp
bytes (base64) json; dates and times as in ISO 8601; FIELD:link=PATH links to
the rows of another table, FIELD:link=self to rows of the same table.
`;

const CSV = `CSV: cells hold the values unchanged. A spreadsheet reads those that begin with = + -
or @ as formulas. Do not open CSV in one unless you trust the rows.
A terminal obeys control characters: psbase writes them out there (\\x1b), but not
in a file or a pipe. NDJSON and JSON have no such effect.
`;

const WIDTH = `A table is as wide as the terminal. Columns that do not fit are left out and
counted: choose others with --fields.
`;

function lines(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([left]) => left.length));
  return pairs.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
}

/** Help on everything. */
function overview(commands: Commands): string {
  const summaries = Object.entries(commands).map(([name, { summary }]) => [name, summary] as const);
  return `psbase ${config.version}: tables that many processes share

Usage: psbase COMMAND …

Commands:
${lines(summaries)}
Examples:
  psbase create people name:string:required age:integer
  psbase insert people name=homer age=39
  psbase select people age=30..40 name~'^ho' --fields name,age --sort -age

${CONDITIONS}
${CELL}
${TYPES}
Data goes to stdout, messages go to stderr. Rows are a table on a terminal and NDJSON
elsewhere, or what --json, --ndjson or --csv say. Exit code 0: done, 1: an error
or a refusal, 2: wrong usage, 3: the change was made, but its result could not be
printed, so do not run the command again. NO_COLOR turns colours off.
`;
}

/** Help on one command. */
function helpOf(commands: Commands, name: string): string {
  const { usage, summary, examples, flags = [], values = [] } = commandOf(commands, name);
  const options = [
    ...values.map((value) => [`--${value} ${VALUES[value][0]}`, VALUES[value][1]] as const),
    ...flags.map((flag) => [`--${flag}`, FLAGS[flag]] as const),
  ];
  return [
    `Usage: psbase ${name}${options.length > 0 ? " [OPTIONS]" : ""} ${usage}\n\n${summary}\n`,
    options.length > 0 ? `Options:\n${lines(options)}` : "",
    `Examples:\n${examples.map((example) => `  psbase ${example}\n`).join("")}`,
    usage.includes("COND") ? CONDITIONS : "",
    /COND|VALUE|DEFAULT/.test(usage) ? CELL : "",
    usage.includes("TYPE") ? TYPES : "",
    values.includes("fields") ? WIDTH : "",
    flags.includes("csv") && name !== "import" ? CSV : "",
  ].filter((part) => part !== "").join("\n");
}

/** `psbase help` */
export function help(
  { words: [name, ...others], io: { stdout } }: Call,
  commands: Commands,
): void {
  if (others.length > 0) {
    throw new UsageError(`${JSON.stringify(others[0])} is one word too many`);
  }
  printHelp(stdout, commands, name);
}

/** Prints help on everything, or on one command. */
export function printHelp(out: Output, commands: Commands, name?: string): void {
  const text = name === undefined ? overview(commands) : helpOf(commands, name);
  // A title is the beginning of a line, up to a colon.
  out.write(text.replace(/^[A-Z][^:\n]*:/gm, (title) => bold(out, title)));
}
