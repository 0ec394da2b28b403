/**
 * The text of `psbase help`.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { FLAGS, VALUES } from "./args.ts";
import { type Call, commandOf, COMMANDS } from "./commands.ts";
import { UsageError } from "./errors.ts";
import { bold, type Output } from "./io.ts";

const CONDITIONS = `Conditions (COND), joined by "and":
  f=v       equal                f!=v      not equal
  f=a,b     one of these         f<v f<=v  less, or equal
  f=lo..hi  from lo to hi; one   f>v f>=v  more, or equal
            may be left out      f~regexp  text that matches; (?i:regexp) in any case
Every row has the fields __id__ and __version__ besides.
`;

const CELL = `Values: f=null and f= are null, f="" is empty text, f="null" a word. A value with
a comma or ".." is quoted as in CSV. The shell takes <, >, ~ and quotes for itself:
quote the whole word, 'age>=18' 'name=""' 'name="Simpson, Bart"'
`;

const TYPES = `Types: string integer float boolean bigint date time datetime timestamp
bytes (base64) json; dates and times as in ISO 8601; FIELD:link=PATH leads to
the rows of another table, FIELD:link=self to those of its own.
`;

const CSV = `CSV: its cells are the values as they are. A spreadsheet takes those that begin with
= + - or @ for formulas. Do not open the CSV of rows that you do not trust in one.
A terminal obeys control characters: psbase writes them out there (\\x1b), but not
in a file or a pipe. NDJSON and JSON have no such effect.
`;

const WIDTH = `A table on a terminal is as wide as that. Columns that do not fit are left out and
counted: choose others with --fields.
`;

function lines(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([left]) => left.length));
  return pairs.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
}

/** Help on everything. */
function overview(): string {
  const commands = Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary] as const);
  return `psbase ${config.version}: tables that many processes share

Usage: psbase COMMAND …

Commands:
${lines(commands)}
Examples:
  psbase create people name:string:required age:integer
  psbase insert people name=homer age=39
  psbase select people age=30..40 name~'^ho' --fields name,age --sort -age

${CONDITIONS}
${CELL}
${TYPES}
Data goes to stdout, words to stderr. Rows are a table on a terminal and NDJSON
elsewhere, or what --json, --ndjson or --csv say. Exit code 0: done, 1: a fault
or a refusal, 2: wrong usage, 3: the change was made, but its result could not be
printed, so do not run the command again. NO_COLOR turns colours off.
`;
}

/** Help on one command. */
function helpOf(name: string): string {
  const { usage, summary, examples, flags = [], values = [] } = commandOf(name);
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
export function help({ words: [name, ...others], io: { stdout } }: Call): Promise<void> {
  if (others.length > 0) {
    throw new UsageError(`${JSON.stringify(others[0])} is one word too many`);
  }
  printHelp(stdout, name);
  return Promise.resolve();
}

/** Prints help on everything, or on one command. */
export function printHelp(out: Output, name?: string): void {
  const text = name === undefined ? overview() : helpOf(name);
  // Titles are what a line begins with.
  out.write(text.replace(/^[A-Z][^:\n]*:/gm, (title) => bold(out, title)));
}
