/**
 * The commands: one table, from which they are dispatched, explained and completed. What a command
 * does is loaded when it runs: each is a process of its own, and most need little.
 *
 * @module
 */

import type { Accepted, Flag, Parsed, Value } from "./args.ts";
import { didYouMean } from "./closest.ts";
import { UsageError } from "./errors.ts";
import type { Io } from "./io.ts";

/** What a command gets. */
export interface Call extends Parsed {
  /** The streams. */
  readonly io: Io;
}

/** A command. */
export interface Command extends Accepted {
  /** Its words, for help; those in `[]` can be left out, those with `…` repeated. */
  readonly usage: string;
  /** What it does, in a line. */
  readonly summary: string;
  /** Command lines that show it, without `psbase`; one after the other they work. */
  readonly examples: readonly string[];
  /** Does it; the exit code, if it is not 0. */
  run(call: Call): Promise<number | void>;
}

/** The flags that name the form of what is printed. */
const FORMS = ["json", "ndjson", "csv"] as const satisfies Flag[];

/** The flags that name the form of a file. */
export const FILE_FORMS = [...FORMS, "tsv"] as const satisfies Flag[];

/** The options that say how CSV is written. */
export const CSV_VALUES = [
  "separator",
  "quote",
  "skip-lines",
  "comment",
] as const satisfies Value[];

/** The options of all that writes to a table. */
const WRITING = ["timeout", "durability"] as const satisfies Value[];

/** All commands by name, in the order of the help. */
export const COMMANDS: { readonly [name: string]: Command } = {
  create: {
    usage: "PATH FIELD:TYPE[:required][:unique][:index][=DEFAULT]…",
    summary: "make an empty table",
    values: WRITING,
    examples: [
      "create people name:string:required age:integer team:string:index=a",
      "create jobs command:string:required done:boolean=false owner:link=people",
    ],
    run: async (call) => (await import("./writing.ts")).create(call),
  },

  insert: {
    usage: "PATH FIELD=VALUE…",
    summary: "insert a row and print its id",
    values: WRITING,
    examples: ["insert people name=homer age=39", "insert people name='\"Simpson, Bart\"' team="],
    run: async (call) => (await import("./writing.ts")).insert(call),
  },

  get: {
    usage: "PATH ID",
    summary: "print a row",
    flags: FORMS,
    examples: ["get people 0"],
    run: async (call) => (await import("./reading.ts")).get(call),
  },

  select: {
    usage: "PATH COND…",
    summary: "print the rows that match",
    flags: [...FORMS, "count"],
    values: ["fields", "sort", "limit", "offset"],
    examples: [
      "select people age=30..40 name~'^ho' --fields name,age --sort -age",
      "select people team=a,b age!=null --limit 10 --csv",
      "select people 'name=\"Simpson, Bart\"' --count",
    ],
    run: async (call) => (await import("./reading.ts")).select(call),
  },

  count: {
    usage: "PATH COND…",
    summary: "print how many rows match",
    examples: ["count people 'age>=18' team=null"],
    run: async (call) => (await import("./reading.ts")).count(call),
  },

  update: {
    usage: "PATH COND… --set FIELD=VALUE…",
    summary: "change the rows that match and print how many",
    flags: ["all"],
    values: WRITING,
    set: true,
    examples: ["update people name=homer --set age=40 team=b", "update people --all --set team=a"],
    run: async (call) => (await import("./writing.ts")).update(call),
  },

  delete: {
    usage: "PATH COND…",
    summary: "delete the rows that match and print how many",
    flags: ["all"],
    values: WRITING,
    examples: ["delete people 'age<18'"],
    run: async (call) => (await import("./writing.ts")).remove(call),
  },

  "add-field": {
    usage: "PATH FIELD:TYPE[:required][:unique][:index][=DEFAULT]",
    summary: "add a field; the rows that are there get its default",
    values: ["after", ...WRITING],
    examples: ["add-field people nick:string --after name"],
    run: async (call) => (await import("./altering.ts")).addField(call),
  },

  "drop-field": {
    usage: "PATH FIELD",
    summary: "drop a field with its values",
    values: WRITING,
    examples: ["drop-field people nick"],
    run: async (call) => (await import("./altering.ts")).dropField(call),
  },

  "rename-field": {
    usage: "PATH FIELD NAME",
    summary: "give a field another name",
    values: WRITING,
    examples: ["rename-field people team side"],
    run: async (call) => (await import("./altering.ts")).renameField(call),
  },

  "set-default": {
    usage: "PATH FIELD VALUE",
    summary: "set what insert puts into a field that is left out",
    values: WRITING,
    examples: ["set-default people age 18", "set-default people side null"],
    run: async (call) => (await import("./altering.ts")).setDefault(call),
  },

  "set-type": {
    usage: "PATH FIELD TYPE",
    summary: "change the type of a field, if all its values fit",
    values: WRITING,
    examples: ["set-type people age string", "set-type people age integer"],
    run: async (call) => (await import("./altering.ts")).setType(call),
  },

  "set-index": {
    usage: "PATH FIELD unique|index|none",
    summary: "keep a field in order, or its values unique too, or neither",
    values: WRITING,
    examples: ["set-index people side index", "set-index people side none"],
    run: async (call) => (await import("./altering.ts")).setIndex(call),
  },

  import: {
    usage: "PATH FILE|-, or --from buzhug DIR PATH",
    summary: "insert the rows of a file; makes the table if there is none",
    flags: [...FILE_FORMS, "ids", "trim"],
    values: [
      ...CSV_VALUES,
      "types",
      "rename",
      "errors",
      "batch",
      "from",
      "link",
      "encoding",
      ...WRITING,
    ],
    examples: [
      "import people people.csv",
      "import people - --ndjson < people.ndjson",
      "import people report.csv --skip-lines 2 --comment '#' --trim --rename Name=name",
      "import guests people.csv --types name=string,age=float --errors refused.csv",
      "import --from buzhug old/people folk",
    ],
    run: async (call) => (await import("./transfer.ts")).importTo(call),
  },

  export: {
    usage: "PATH [FILE|-]",
    summary: "write all rows to a file, or print them",
    flags: [...FILE_FORMS, "ids"],
    examples: ["export people people.json", "export people --csv --ids > people.csv"],
    run: async (call) => (await import("./transfer.ts")).exportFrom(call),
  },

  info: {
    usage: "PATH",
    summary: "print the fields and figures of a table",
    flags: ["json", "ndjson"],
    examples: ["info people"],
    run: async (call) => (await import("./reading.ts")).info(call),
  },

  watch: {
    usage: "PATH COND…",
    summary: "print changes as they are committed (NDJSON), until it is stopped",
    flags: ["ndjson"],
    values: ["since"],
    examples: ["watch people --since 0 name~^h | head -1"],
    run: async (call) => (await import("./reading.ts")).watch(call),
  },

  "keep-changes": {
    usage: "PATH N",
    summary: "keep the changes of the last N commits for those who watch later",
    values: WRITING,
    examples: ["keep-changes people 1000"],
    run: async (call) => (await import("./altering.ts")).keepChanges(call),
  },

  backup: {
    usage: "PATH TO",
    summary: "copy a table as it is now to a new directory, and verify the copy",
    examples: ["backup people people.copy"],
    run: async (call) => (await import("./upkeep.ts")).backup(call),
  },

  check: {
    usage: "PATH",
    summary: "read every byte, print what is damaged; exit code 1 if anything is",
    flags: FORMS,
    values: ["salvage"],
    examples: ["check people", "check people --salvage people.intact"],
    run: async (call) => (await import("./upkeep.ts")).check(call),
  },

  cleanup: {
    usage: "PATH",
    summary: "rewrite the table without what was changed or deleted",
    values: WRITING,
    examples: ["cleanup people"],
    run: async (call) => (await import("./upkeep.ts")).cleanup(call),
  },

  lock: {
    usage: "FILE -- CMD…",
    summary: "run a command while a lock file is locked, and exit as it does",
    flags: ["nonblock"],
    values: ["timeout", "conflict-exit-code"],
    command: true,
    examples: [
      "lock nightly.lock --nonblock -- psbase cleanup people",
      "lock nightly.lock --timeout 5000 --conflict-exit-code 75 -- psbase cleanup people",
    ],
    run: async (call) => (await import("./lock.ts")).lock(call),
  },

  shell: {
    usage: "PATH",
    summary: "open a table as `base` in the REPL of Deno",
    examples: ["shell people"],
    run: async (call) => (await import("./shell.ts")).shell(call),
  },

  destroy: {
    usage: "PATH",
    summary: "remove a table from the disk; asks first, where somebody can answer",
    flags: ["yes"],
    values: ["timeout"],
    examples: ["destroy people --yes"],
    run: async (call) => (await import("./upkeep.ts")).destroy(call),
  },

  completions: {
    usage: "bash|zsh|fish",
    summary: "print what makes a shell complete commands, options and fields",
    command: true,
    examples: ["completions bash >> ~/.bashrc", "completions zsh >> ~/.zshrc"],
    run: async (call) => (await import("./completions.ts")).completions(call),
  },

  help: {
    usage: "[COMMAND]",
    summary: "print all commands, or help on one",
    examples: ["help select"],
    run: async (call) => (await import("./help.ts")).help(call),
  },
};

/** The command of a name; throws UsageError if there is none. */
export function commandOf(name: string): Command {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command !== undefined) return command;
  const hint = didYouMean(name, Object.keys(COMMANDS));
  throw new UsageError(`there is no command ${JSON.stringify(name)}${hint}`);
}
