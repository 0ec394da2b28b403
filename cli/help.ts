/**
 * The text of `psbase help`.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { FLAGS, VALUES } from "./args.ts";
import { type Command, COMMANDS } from "./commands.ts";

const CONDITIONS = `Conditions (COND), joined by "and":
  f=v      equal                    f!=v     not equal
  f=a,b    one of these             f<v f<=v f>v f>=v
  f=lo..hi from lo to hi, an end    f~regexp text that matches
           may be left out
Values: f= is null, f="" is empty text; a value with a comma or ".." is
quoted as in CSV. Remember that the shell takes <, > and quotes for itself:
  psbase select people 'age>=18' 'name=""'
`;

const TYPES = `Types: string integer float boolean bigint date time datetime timestamp
bytes (base64) json; dates and times as in ISO 8601; FIELD:link=PATH leads to
the rows of another table, FIELD:link=self to those of its own.
`;

const CELLS = `Cells of CSV are the values as they are: a spreadsheet takes those that begin with
= + - or @ for formulas, a terminal obeys control characters in them. Do not open
the CSV of rows that you do not trust in one; NDJSON and JSON have no such effect.
`;

function lines(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([left]) => left.length));
  return pairs.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
}

/** Help on everything. */
export function overview(): string {
  const commands = Object.entries(COMMANDS)
    .map(([name, { summary }]) => [name, summary] as const);
  return `psbase ${config.version}: tables that many processes share

Usage: psbase COMMAND …

${lines([...commands, ["help", "print this, or help on a command"]])}
${CONDITIONS}
${TYPES}
Data goes to stdout, words to stderr. Rows are a table on a terminal and NDJSON
elsewhere, or what --json, --ndjson or --csv say. Exit code 0: done, 1: a fault
or a refusal, 2: wrong usage.
`;
}

/** Help on one command. */
export function helpOf(name: string, { usage, summary, flags = [], values = [] }: Command): string {
  const options = [
    ...values.map((value) => [`--${value} ${VALUES[value][0]}`, VALUES[value][1]] as const),
    ...flags.map((flag) => [`--${flag}`, FLAGS[flag]] as const),
  ];
  const about = [
    usage.includes("COND") ? CONDITIONS : "",
    usage.includes("TYPE") ? TYPES : "",
    flags.includes("csv") && name !== "import" ? CELLS : "",
    options.length > 0 ? `Options:\n${lines(options)}` : "",
  ];
  return [
    `Usage: psbase ${name}${options.length > 0 ? " [OPTIONS]" : ""} ${usage}\n\n${summary}\n`,
    ...about,
  ]
    .filter((part) => part !== "").join("\n");
}
