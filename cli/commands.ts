/**
 * The table of all commands. The command line is dispatched, explained and completed from it. The
 * code of a command is loaded when the command runs, because each run is a process that needs only
 * a little of it.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { CSV_VALUES, FILE_FORMS, FORMS, type Value } from "./call/args.ts";
import type { Commands } from "./call/call.ts";

/** The options of every command that writes to a table. */
const WRITING = ["timeout", "durability"] as const satisfies Value[];

/**
 * The address of the library. It is found relative to this file, which is one directory below the
 * root, as the bundle in `dist/` is.
 */
const library = () => import.meta.resolve(`../${config.exports["."]}`);

/** All commands by name, in the order of the help. */
export const COMMANDS: Commands = {
  create: {
    usage: "PATH FIELD:TYPE[:required][:unique][:index][=DEFAULT]…",
    summary: "create an empty table",
    values: WRITING,
    examples: [
      "create people name:string:required age:integer team:string:index=a",
      "create jobs command:string:required done:boolean=false owner:link=people",
    ],
    run: async (call) => (await import("./commands/writing.ts")).create(call),
  },

  insert: {
    usage: "PATH FIELD=VALUE…",
    summary: "insert a row and print its id",
    values: WRITING,
    examples: ["insert people name=homer age=39", "insert people name='\"Simpson, Bart\"' team="],
    run: async (call) => (await import("./commands/writing.ts")).insert(call),
  },

  get: {
    usage: "PATH ID",
    summary: "print a row",
    flags: FORMS,
    examples: ["get people 0"],
    run: async (call) => (await import("./commands/reading.ts")).get(call),
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
    run: async (call) => (await import("./commands/reading.ts")).select(call),
  },

  count: {
    usage: "PATH COND…",
    summary: "print how many rows match",
    examples: ["count people 'age>=18' team=null"],
    run: async (call) => (await import("./commands/reading.ts")).count(call),
  },

  update: {
    usage: "PATH COND… --set FIELD=VALUE…",
    summary: "change the rows that match and print how many",
    flags: ["all"],
    values: WRITING,
    set: true,
    examples: ["update people name=homer --set age=40 team=b", "update people --all --set team=a"],
    run: async (call) => (await import("./commands/writing.ts")).update(call),
  },

  delete: {
    usage: "PATH COND…",
    summary: "delete the rows that match and print how many",
    flags: ["all"],
    values: WRITING,
    examples: ["delete people 'age<18'"],
    run: async (call) => (await import("./commands/writing.ts")).remove(call),
  },

  "add-field": {
    usage: "PATH FIELD:TYPE[:required][:unique][:index][=DEFAULT]",
    summary: "add a field; existing rows get its default",
    values: ["after", ...WRITING],
    examples: ["add-field people nick:string --after name"],
    run: async (call) => (await import("./commands/altering.ts")).addField(call),
  },

  "drop-field": {
    usage: "PATH FIELD",
    summary: "drop a field and its values",
    values: WRITING,
    examples: ["drop-field people nick"],
    run: async (call) => (await import("./commands/altering.ts")).dropField(call),
  },

  "rename-field": {
    usage: "PATH FIELD NAME",
    summary: "rename a field",
    values: WRITING,
    examples: ["rename-field people team side"],
    run: async (call) => (await import("./commands/altering.ts")).renameField(call),
  },

  "set-default": {
    usage: "PATH FIELD VALUE",
    summary: "set the value that insert uses where a field is left out",
    values: WRITING,
    examples: ["set-default people age 18", "set-default people side null"],
    run: async (call) => (await import("./commands/altering.ts")).setDefault(call),
  },

  "set-type": {
    usage: "PATH FIELD TYPE",
    summary: "change the type of a field, if all its values fit",
    values: WRITING,
    examples: ["set-type people age string", "set-type people age integer"],
    run: async (call) => (await import("./commands/altering.ts")).setType(call),
  },

  "set-index": {
    usage: "PATH FIELD unique|index|none",
    summary: "set the index of a field: unique values, any values, or no index",
    values: WRITING,
    examples: ["set-index people side index", "set-index people side none"],
    run: async (call) => (await import("./commands/altering.ts")).setIndex(call),
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
    run: async (call) => (await import("./commands/import.ts")).importTo(call),
  },

  export: {
    usage: "PATH [FILE|-]",
    summary: "write all rows to a file, or print them",
    flags: [...FILE_FORMS, "ids"],
    examples: ["export people people.json", "export people --csv --ids > people.csv"],
    run: async (call) => (await import("./commands/export.ts")).exportFrom(call),
  },

  info: {
    usage: "PATH",
    summary: "print the fields and figures of a table",
    flags: ["json", "ndjson"],
    examples: ["info people"],
    run: async (call) => (await import("./commands/reading.ts")).info(call),
  },

  watch: {
    usage: "PATH COND…",
    summary: "print changes as they are committed (NDJSON), until stopped",
    flags: ["ndjson"],
    values: ["since"],
    examples: ["watch people --since 0 name~^h | head -1"],
    run: async (call) => (await import("./commands/watch.ts")).watch(call),
  },

  "keep-changes": {
    usage: "PATH N",
    summary: "keep the changes of the last N commits, for a later watch --since",
    values: WRITING,
    examples: ["keep-changes people 1000"],
    run: async (call) => (await import("./commands/altering.ts")).keepChanges(call),
  },

  backup: {
    usage: "PATH TO",
    summary: "copy a table as it is now to a new directory, and verify the copy",
    examples: ["backup people people.copy"],
    run: async (call) => (await import("./commands/maintenance.ts")).backup(call),
  },

  check: {
    usage: "PATH",
    summary: "verify every byte and print damage; exit code 1 if there is any",
    flags: FORMS,
    values: ["salvage"],
    examples: ["check people", "check people --salvage people.intact"],
    run: async (call) => (await import("./commands/maintenance.ts")).check(call),
  },

  cleanup: {
    usage: "PATH",
    summary: "rewrite the table without old versions and deleted rows",
    values: WRITING,
    examples: ["cleanup people"],
    run: async (call) => (await import("./commands/maintenance.ts")).cleanup(call),
  },

  lock: {
    usage: "FILE -- CMD…",
    summary: "run a command under a lock, and exit with its exit code",
    flags: ["nonblock"],
    values: ["timeout", "conflict-exit-code"],
    command: true,
    examples: [
      "lock nightly.lock --nonblock -- psbase cleanup people",
      "lock nightly.lock --timeout 5000 --conflict-exit-code 75 -- psbase cleanup people",
    ],
    run: async (call) => (await import("./commands/lock.ts")).lock(call),
  },

  serve: {
    usage: "PATH…",
    summary: "serve tables over HTTP: an API with live changes, and a page",
    flags: ["write", "open"],
    values: ["port", "host", "token-file", "cors"],
    examples: ["serve people", "serve people --write --open"],
    run: async (call) => (await import("./commands/serve.ts")).serve(call),
  },

  shell: {
    usage: "PATH",
    summary: "open a table as `base` in the REPL of Deno",
    examples: ["shell people"],
    run: async (call) => (await import("./commands/shell.ts")).shell(call, library()),
  },

  destroy: {
    usage: "PATH",
    summary: "remove a table from the disk; asks first on a terminal",
    flags: ["yes"],
    values: ["timeout"],
    examples: ["destroy people --yes"],
    run: async (call) => (await import("./commands/maintenance.ts")).destroy(call),
  },

  completions: {
    usage: "bash|zsh|fish",
    summary: "print the script by which a shell completes command lines",
    command: true,
    examples: ["completions bash >> ~/.bashrc", "completions zsh >> ~/.zshrc"],
    run: async (call) => (await import("./commands/completions.ts")).completions(call, COMMANDS),
  },

  help: {
    usage: "[COMMAND]",
    summary: "print all commands, or help on one",
    examples: ["help select"],
    run: async (call) => (await import("./commands/help.ts")).help(call, COMMANDS),
  },
};
