/**
 * Words and options of a command line.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { didYouMean } from "./closest.ts";
import { UsageError } from "./errors.ts";

/** Options that stand alone, and what they say. */
export const FLAGS = {
  json: "as JSON: rows as one array, one row as an object",
  ndjson: "as one JSON object a line",
  csv: 'as CSV: empty is null, "" is empty text',
  tsv: "as CSV, with tabs",
  all: "mean all rows",
  count: "print how many they are instead",
  ids: "with the columns __id__ and __version__",
  trim: "leave out spaces around cells of CSV",
  nonblock: "give up at once if somebody else has the lock",
  yes: "do not ask",
} as const;

/** Options with a value: how it is called, and what they say. */
export const VALUES = {
  after: ["FIELD", "put the new field behind this one"],
  comment: ["C", "leave out lines of CSV that begin with the character C"],
  "conflict-exit-code": ["N", "exit with N, not with 1, where somebody else keeps the lock"],
  batch: ["N", "commit every N rows; all at once, if left out"],
  errors: ["FILE", "keep rows that are refused there, with the reason, and go on"],
  durability: ["full|relaxed", "relaxed: a power cut may lose what was written last"],
  encoding: ["NAME", "what the text of Buzhug's str is, if not utf-8: latin1, say"],
  fields: ["A,B", "print these fields only"],
  from: ["buzhug", "import a directory of Buzhug as a new table"],
  limit: ["N", "print at most so many rows"],
  link: [
    "A=PATH,…",
    "where links lead; to a table beside PATH that is called as it was, if left out",
  ],
  offset: ["N", "leave out so many at the beginning"],
  quote: ["C|none", "what stands around cells of CSV; none: quotes are text"],
  rename: [
    "OLD=NEW,…",
    "what fields columns become; OLD is the column, or the field of the message",
  ],
  "skip-lines": ["N", "leave out N lines at the beginning of CSV"],
  separator: ["CHAR", "what stands between the cells of CSV, if not a comma"],
  since: ["N[:I]", "begin after commit N, or after its change I; from now on, if left out"],
  salvage: ["TO", "write what is intact to a new table, print what was lost"],
  sort: ["A,-B", "order by A, then by B from the greatest to the least"],
  timeout: ["MS", "wait so many milliseconds for the lock at most"],
  types: ["A=TYPE,…", "what columns are that would be taken for something else"],
} as const;

/** The name of an option without value. */
export type Flag = keyof typeof FLAGS;
/** The name of an option with a value. */
export type Value = keyof typeof VALUES;

/** What a command takes. */
export interface Accepted {
  /** Options without value. */
  readonly flags?: readonly Flag[];
  /** Options with a value. */
  readonly values?: readonly Value[];
  /** Whether words may follow `--set`. */
  readonly set?: boolean;
  /** Whether the words behind `--` are a command. */
  readonly command?: boolean;
}

/** A command line, taken apart. */
export interface Parsed {
  /** What is no option. */
  readonly words: readonly string[];
  /** The words behind `--set`. */
  readonly set: readonly string[];
  /** The command behind `--`. */
  readonly command: readonly string[];
  /** Whether help is asked for. */
  readonly help: boolean;
  /** Options without value that were given. */
  readonly flags: ReadonlySet<Flag>;
  /** Options with a value that were given. */
  readonly values: Readonly<Partial<Record<Value, string>>>;
}

/** Stands before a word that is no option though it begins with "-"; no argument can hold it. */
const WORD = "\0";

/**
 * What `parseArgs` would misread: a value that begins with "-" (`--sort -age`) is joined to
 * its option, a negative number is marked as a word, a flag with a value is none.
 */
function prepare(
  args: readonly string[],
  flags: readonly string[],
  values: readonly string[],
): string[] {
  const prepared: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    const [, option = "", value] = /^--?([^=]+)(?:=([^]*))?$/.exec(arg) ?? [];
    if (value !== undefined && flags.includes(option)) {
      throw new UsageError(`option ${arg.split("=")[0]} takes no value`);
    }
    if (arg.startsWith("--") && values.includes(option)) {
      const given = value ?? args[++i] ?? "";
      if (given === "" || (value === undefined && given.startsWith("--"))) {
        throw new UsageError(`option --${option} needs a value`);
      }
      prepared.push(`--${option}=${given}`);
    } else {
      prepared.push(/^-\.?\d/.test(arg) ? WORD + arg : arg);
    }
  }
  return prepared;
}

/** Options and words, for `parseArgs` takes no note of what stands where. */
function parsePart(
  args: readonly string[],
  flags: readonly Flag[],
  values: readonly Value[],
): { readonly [name: string]: unknown; readonly _: readonly unknown[] } {
  return parseArgs(prepare(args, ["help", "h", ...flags], values), {
    boolean: ["help", ...flags],
    string: ["_", ...values],
    alias: { help: "h" },
    unknown(arg, key) {
      if (key === undefined) return true;
      const hint = didYouMean(key, ["help", ...flags, ...values]);
      throw new UsageError(`unknown option ${arg.startsWith("-") ? arg : `-${arg}`}${hint}`);
    },
  });
}

/** Takes a command line apart; throws UsageError for an option that the command has not. */
export function parse(args: readonly string[], accepted: Accepted): Parsed {
  const { flags = [], values = [], set = false, command = false } = accepted;
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const own = args.slice(0, end);
  const rest = args.slice(end + 1);
  const at = set && own.includes("--set") ? own.indexOf("--set") : end;
  const parts = [own.slice(0, at), own.slice(at).filter((arg) => arg !== "--set")]
    .map((part) => parsePart(part, flags, values));
  const words = parts.map(({ _ }) => _.map((word) => String(word).replace(WORD, "")));
  if (!command) words[at < end ? 1 : 0]!.push(...rest);
  const given = (name: string) => parts.findLast((part) => part[name])?.[name];
  return {
    words: words[0]!,
    set: words[1]!,
    command: command ? rest : [],
    help: given("help") === true,
    flags: new Set(flags.filter(given)),
    values: Object.fromEntries(
      values.filter(given).map((name) => [name, String(given(name))]),
    ),
  };
}

/** A count from a word, which is called `name` where it is none. */
export function countFrom(word: string, name: string): number {
  if (/^\d{1,15}$/.test(word)) return Number(word);
  throw new UsageError(`${name} is ${JSON.stringify(word)}, expected a count`);
}

/** A count given as the value of an option. */
export function countOf({ values }: Parsed, name: Value): number | undefined {
  const text = values[name];
  return text === undefined ? undefined : countFrom(text, `option --${name}`);
}

/** The words of a command that has a fixed number of them. */
export function exactly<const N extends readonly string[]>(
  words: readonly string[],
  ...names: N
): { readonly [I in keyof N]: string } {
  const missing = names[words.length];
  if (missing !== undefined) throw new UsageError(`${missing} is missing`);
  if (words.length > names.length) {
    throw new UsageError(`${JSON.stringify(words[names.length])} is one word too many`);
  }
  names.forEach((name, i) => checkNotEmpty(name, words[i]!));
  return words as unknown as { readonly [I in keyof N]: string };
}

/** Mostly it is a variable of a shell that has no value; only null is written so. */
function checkNotEmpty(name: string, word: string): void {
  if (word === "" && name !== "VALUE") throw new UsageError(`${name} is empty`);
}

/** The words of a command that takes a path and then any number. */
export function pathAnd([path, ...others]: readonly string[]): [path: string, words: string[]] {
  if (path === undefined) throw new UsageError("PATH is missing");
  checkNotEmpty("PATH", path);
  return [path, others];
}
