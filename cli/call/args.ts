/**
 * The words and options of a command line.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { UsageError } from "../process/errors.ts";
import { didYouMean } from "./closest.ts";

/** Options without a value, and their help. */
export const FLAGS = {
  json: "as JSON: rows as one array, one row as an object",
  ndjson: "as one JSON object per line",
  csv: 'as CSV: an empty cell is null, "" is empty text',
  tsv: "as CSV with tabs",
  all: "apply to all rows",
  count: "print the number of rows instead",
  ids: "include the columns __id__ and __version__",
  trim: "remove spaces around the cells of CSV",
  nonblock: "fail at once if the lock is held",
  yes: "do not ask",
  write: "let clients write",
  open: "open the page in a browser",
} as const;

/** Options with a value: the name of the value, and their help. */
export const VALUES = {
  after: ["FIELD", "put the new field after this one"],
  comment: ["C", "skip lines of CSV that begin with the character C"],
  cors: ["ORIGIN,…", "let pages of these origins ask, such as https://example.com"],
  "conflict-exit-code": ["N", "exit with N instead of 1 if the lock stays held"],
  batch: ["N", "commit every N rows (default: all at once)"],
  errors: ["FILE", "write refused rows to FILE, each with the reason, and go on"],
  durability: ["full|relaxed", "relaxed: a power cut may lose the last writes"],
  encoding: ["NAME", "encoding of Buzhug's str fields, latin1 for example (default: utf-8)"],
  fields: ["A,B", "print only these fields"],
  from: ["buzhug", "import a directory of Buzhug as a new table"],
  host: ["ADDRESS", "listen on this address (default: 127.0.0.1)"],
  limit: ["N", "print at most N rows"],
  link: ["A=PATH,…", "tables that links lead to (default: those of the old names beside PATH)"],
  offset: ["N", "skip the first N rows"],
  port: ["N", "listen on this port, 0 for any (default: 7262)"],
  quote: ["C|none", 'character around cells of CSV (default: "); none: quotes are text'],
  rename: ["OLD=NEW,…", "rename columns; OLD is a column, or the field that a message names"],
  "skip-lines": ["N", "skip the first N lines of CSV"],
  separator: ["CHAR", "character between cells of CSV (default: a comma)"],
  since: ["N[:I]", "start after commit N, or after its change I (default: now)"],
  salvage: ["TO", "write what is intact to a new table, print what was lost"],
  sort: ["A,-B", "sort by A, then by B in descending order"],
  timeout: ["MS", "wait at most MS milliseconds for the lock"],
  "token-file": ["FILE", "accept the tokens in FILE, one per line (default: a new one)"],
  types: ["A=TYPE,…", "set types of columns instead of detecting them"],
} as const;

/** The name of an option without a value. */
export type Flag = keyof typeof FLAGS;
/** The name of an option with a value. */
export type Value = keyof typeof VALUES;

/** The flags for the form of printed rows. */
export const FORMS = ["json", "ndjson", "csv"] as const satisfies Flag[];
/** The flags for the form of a file. */
export const FILE_FORMS = [...FORMS, "tsv"] as const satisfies Flag[];
/** The form of a file. */
export type FileForm = (typeof FILE_FORMS)[number];

/** The options for the details of CSV. */
export const CSV_VALUES = [
  "separator",
  "quote",
  "skip-lines",
  "comment",
] as const satisfies Value[];

/** What a command takes. */
export interface Accepted {
  /** Options without a value. */
  readonly flags?: readonly Flag[];
  /** Options with a value. */
  readonly values?: readonly Value[];
  /** Whether words may follow `--set`. */
  readonly set?: boolean;
  /** Whether the words after `--` are a command. */
  readonly command?: boolean;
}

/** A parsed command line. */
export interface Parsed {
  /** Words that are not options. */
  readonly words: readonly string[];
  /** The words after `--set`. */
  readonly set: readonly string[];
  /** The command after `--`. */
  readonly command: readonly string[];
  /** Whether the user asks for help. */
  readonly help: boolean;
  /** The given options without a value. */
  readonly flags: ReadonlySet<Flag>;
  /** The given options with a value. */
  readonly values: Readonly<Partial<Record<Value, string>>>;
}

/** Marks a word that begins with "-" but is not an option. No argument can hold this character. */
const WORD = "\0";

/**
 * Rewrites what `parseArgs` would misread. Joins a value that begins with "-" (`--sort -age`) to
 * its option, marks a negative number as a word, and refuses a flag with a value.
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

/** Parses the words before `--set`, or those after it: `parseArgs` does not tell them apart. */
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

/** Parses a command line; throws UsageError for an option that the command does not take. */
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

/** The form that an option asks for, if any. */
export function askedForm({ flags }: Parsed): FileForm | undefined {
  const forms = FILE_FORMS.filter((form) => flags.has(form));
  if (forms.length > 1) throw new UsageError(`--${forms.join(" and --")} exclude each other`);
  return forms[0];
}

/** A count from a word; `name` names the word in the error if it is not a count. */
export function countFrom(word: string, name: string): number {
  if (/^\d{1,15}$/.test(word)) return Number(word);
  throw new UsageError(`${name} is ${JSON.stringify(word)}, expected a count`);
}

/** The value of an option as a count. */
export function countOf({ values }: Parsed, name: Value): number | undefined {
  const text = values[name];
  return text === undefined ? undefined : countFrom(text, `option --${name}`);
}

/**
 * The pairs in the value of an option, `A=B,C=D`.
 *
 * @param option The option.
 * @param text Its value.
 * @param form The form of a pair, for messages.
 * @param indexOf Finds the "=" in a pair; the first one, if it is left out.
 * @throws {UsageError} If a word is not a pair, or a name is given twice.
 */
export function pairsOf(
  option: Value,
  text: string | undefined,
  form: string,
  indexOf: (pair: string) => number = (pair) => pair.indexOf("="),
): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const pair of text?.split(",") ?? []) {
    const at = indexOf(pair);
    const name = pair.slice(0, at);
    if (at <= 0 || at === pair.length - 1) {
      throw new UsageError(`--${option}: ${JSON.stringify(pair)} is not of the form ${form}`);
    }
    if (pairs.has(name)) throw new UsageError(`--${option}: "${name}" is given twice`);
    pairs.set(name, pair.slice(at + 1));
  }
  return pairs;
}

/** The words of a command that takes a fixed number of words. */
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

/** An empty word is usually a shell variable without a value. As a VALUE it means null. */
function checkNotEmpty(name: string, word: string): void {
  if (word === "" && name !== "VALUE") throw new UsageError(`${name} is empty`);
}

/** The path, and the words after it, of a command that takes any number of words. */
export function pathAnd([path, ...others]: readonly string[]): [path: string, words: string[]] {
  if (path === undefined) throw new UsageError("PATH is missing");
  checkNotEmpty("PATH", path);
  return [path, others];
}
