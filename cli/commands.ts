/**
 * The commands: one table, from which they are dispatched and explained.
 *
 * @module
 */

import {
  type Insert,
  type Loss,
  type OpenOptions,
  PsBase,
  type Schema,
  type Update,
} from "../mod.ts";
import { type Accepted, countOf, type Parsed } from "./args.ts";
import { whereOf } from "./conditions.ts";
import { Fault, UsageError } from "./errors.ts";
import {
  assignments,
  cellOf,
  columnOf,
  columnsOf,
  fieldOf,
  META,
  OPTIONS,
  optionsOf,
  schemaOf,
  specOf,
  textColumn,
  typeOf,
  valueOf,
} from "./fields.ts";
import { type Io, progress, say, writeText } from "./io.ts";
import {
  askedForm,
  formatChange,
  formOf,
  FORMS,
  type Record,
  safeJson,
  writePairs,
  writeRecord,
  writeRows,
} from "./output.ts";
import { tellTail } from "./tail.ts";

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
  /** Does it; the exit code, if it is not 0. */
  run(call: Call): Promise<number | void>;
}

const READ: OpenOptions = { readOnly: true };

async function withBase<T>(
  io: Io,
  path: string,
  options: OpenOptions,
  fn: (base: PsBase) => T | Promise<T>,
): Promise<T> {
  await using base = await PsBase.open(path, options);
  using _tail = tellTail(io, base);
  return await fn(base);
}

/** The words of a command that has a fixed number of them. */
function exactly<const N extends readonly string[]>(
  words: readonly string[],
  ...names: N
): { readonly [I in keyof N]: string } {
  const missing = names[words.length];
  if (missing !== undefined) throw new UsageError(`${missing} is missing`);
  if (words.length > names.length) {
    throw new UsageError(`${JSON.stringify(words[names.length])} is one word too many`);
  }
  return words as unknown as { readonly [I in keyof N]: string };
}

/** The words of a command that takes a path and then any number. */
function pathAnd([path, ...others]: readonly string[]): [path: string, words: string[]] {
  if (path === undefined) throw new UsageError("PATH is missing");
  return [path, others];
}

/** A change of all rows has to be meant. */
function checkMeant({ flags }: Call, conditions: readonly string[]): void {
  if (conditions.length === 0 && !flags.has("all")) {
    throw new UsageError("without a condition it would be all rows, say --all if you mean that");
  }
}

/** What is told of damage. */
const PROBLEM = [textColumn("file"), { ...META[0]!, name: "offset" }, textColumn("reason")];

/** Writes what is intact of a damaged table to a new one, and prints what was lost. */
async function salvage(path: string, to: string, call: Call): Promise<number> {
  const { io } = call;
  const form = formOf(call, io.stdout);
  const { rows, lost } = await PsBase.salvage(path, to);
  if (lost.length > 0 || form !== "table") {
    const ranges = (ids: Loss["ids"]) =>
      ids?.map(([first, last]) => first === last ? first : `${first}-${last}`).join(" ") ?? null;
    const records = lost.map(({ ids, ...problem }) => ({ ...problem, ids: ranges(ids) }));
    writeRows(io.stdout, form, [...PROBLEM, textColumn("ids")], records);
  }
  const kept = rows === 1 ? "1 row" : `${rows} rows`;
  say(io, `${kept} salvaged, ${lost.length === 0 ? "nothing" : "what is listed was"} lost`);
  return lost.length === 0 ? 0 : 1;
}

/** All commands by name, in the order of the help. */
export const COMMANDS: { readonly [name: string]: Command } = {
  create: {
    usage: "PATH FIELD:TYPE[:required][:unique][:index][=DEFAULT]…",
    summary: "make an empty table",
    async run(call) {
      const [path, specs] = pathAnd(call.words);
      if (specs.length === 0) throw new UsageError("a table has one field at least");
      await using _base = await PsBase.create(path, schemaOf(specs));
    },
  },

  insert: {
    usage: "PATH FIELD=VALUE…",
    summary: "insert a row and print its id",
    async run(call) {
      const [path, words] = pathAnd(call.words);
      await withBase(call.io, path, {}, async (base) => {
        const row = assignments(base.schema, words);
        call.io.stdout.write(`${await base.insert(row as Insert<Schema>)}\n`);
      });
    },
  },

  get: {
    usage: "PATH ID",
    summary: "print a row",
    flags: FORMS,
    async run(call) {
      const [path, id] = exactly(call.words, "PATH", "ID");
      if (!/^-?\d+$/.test(id)) throw new UsageError(`${JSON.stringify(id)} is no id`);
      await withBase(call.io, path, READ, (base) => {
        const row: Record | undefined = base.get(Number(id));
        if (row === undefined) {
          throw new Fault(`Cannot get row ${id} of "${path}": it is not there`);
        }
        writeRecord(call.io.stdout, formOf(call, call.io.stdout), [
          META[0]!,
          ...columnsOf(base.schema),
        ], row);
      });
    },
  },

  select: {
    usage: "PATH COND…",
    summary: "print the rows that match",
    flags: FORMS,
    values: ["fields", "sort", "limit", "offset"],
    async run(call) {
      const [path, conditions] = pathAnd(call.words);
      const { io, values } = call;
      const form = formOf(call, io.stdout);
      const limit = countOf(call, "limit");
      const offset = countOf(call, "offset");
      await withBase(io, path, READ, (base) => {
        const { schema } = base;
        const columns = values.fields?.split(",").map((name) => columnOf(schema, name)) ??
          [META[0]!, ...columnsOf(schema)];
        const orderBy = values.sort?.split(",");
        orderBy?.forEach((term) => columnOf(schema, term.replace(/^[+-]/, "")));
        const fields = columns.map(({ name }) => name).filter((name) =>
          Object.hasOwn(schema, name)
        );
        const options = { fields, orderBy, limit, offset };
        const rows: Record[] = base.select(whereOf(schema, conditions), options);
        writeRows(io.stdout, form, columns, rows);
        if (form === "table") {
          say(io, `${rows.length} row${rows.length === 1 ? "" : "s"}`);
        }
      });
    },
  },

  count: {
    usage: "PATH COND…",
    summary: "print how many rows match",
    async run(call) {
      const [path, conditions] = pathAnd(call.words);
      await withBase(call.io, path, READ, (base) => {
        call.io.stdout.write(`${base.count(whereOf(base.schema, conditions))}\n`);
      });
    },
  },

  update: {
    usage: "PATH COND… --set FIELD=VALUE…",
    summary: "change the rows that match and print how many",
    flags: ["all"],
    set: true,
    async run(call) {
      const [path, conditions] = pathAnd(call.words);
      if (call.set.length === 0) throw new UsageError("--set FIELD=VALUE… is missing");
      checkMeant(call, conditions);
      await withBase(call.io, path, {}, async (base) => {
        const changes = assignments(base.schema, call.set) as Update<Schema>;
        const where = whereOf(base.schema, conditions);
        call.io.stdout.write(`${await base.updateWhere(where, changes)}\n`);
      });
    },
  },

  delete: {
    usage: "PATH COND…",
    summary: "delete the rows that match and print how many",
    flags: ["all"],
    async run(call) {
      const [path, conditions] = pathAnd(call.words);
      checkMeant(call, conditions);
      await withBase(call.io, path, {}, async (base) => {
        const where = whereOf(base.schema, conditions);
        call.io.stdout.write(`${await base.deleteWhere(where)}\n`);
      });
    },
  },

  "add-field": {
    usage: "PATH FIELD:TYPE[:required][:unique][:index][=DEFAULT]",
    summary: "add a field; the rows that are there get its default",
    values: ["after"],
    async run(call) {
      const [path, spec] = exactly(call.words, "PATH", "FIELD:TYPE");
      const { after } = call.values;
      const [name, field] = specOf(spec);
      await withBase(call.io, path, {}, (base) => base.addField(name as never, field, { after }));
    },
  },

  "drop-field": {
    usage: "PATH FIELD",
    summary: "drop a field with its values",
    async run(call) {
      const [path, name] = exactly(call.words, "PATH", "FIELD");
      await withBase(call.io, path, {}, (base) => base.dropField(name));
    },
  },

  "rename-field": {
    usage: "PATH OLD NEW",
    summary: "give a field another name",
    async run(call) {
      const [path, name, newName] = exactly(call.words, "PATH", "OLD", "NEW");
      await withBase(call.io, path, {}, (base) => base.renameField(name, newName as never));
    },
  },

  "set-default": {
    usage: "PATH FIELD VALUE",
    summary: "set what insert puts into a field that is left out",
    async run(call) {
      const [path, name, value] = exactly(call.words, "PATH", "FIELD", "VALUE");
      const cell = cellOf(value);
      await withBase(call.io, path, {}, (base) => {
        const type = typeOf(fieldOf(base.schema, name));
        return base.setDefault(name, valueOf({ name, type }, cell) as null);
      });
    },
  },

  import: {
    usage: "PATH FILE|-",
    summary: "insert the rows of a file; makes the table if there is none",
    flags: ["csv", "ndjson"],
    async run(call) {
      const [path, file] = exactly(call.words, "PATH", "FILE");
      const format = askedForm(call) ?? formatOf(file);
      if (format !== "csv" && format !== "ndjson") {
        throw new UsageError(`the format of "${file}" is not known, say --csv or --ndjson`);
      }
      const { importFile } = await import("./import.ts");
      call.io.stdout.write(`${await importFile(path, file, format, call.io)}\n`);
    },
  },

  export: {
    usage: "PATH [FILE|-]",
    summary: "write all rows to a file, or print them",
    flags: [...FORMS, "ids"],
    async run(call) {
      const [path, file] = exactly(
        call.words.length === 1 ? [...call.words, "-"] : call.words,
        "PATH",
        "FILE",
      );
      const form = askedForm(call) ?? (file === "-" ? "ndjson" : formatOf(file));
      if (form === undefined) {
        throw new UsageError(`the format of "${file}" is not known, say --csv, --ndjson or --json`);
      }
      await withBase(call.io, path, READ, (base) => {
        const columns = [...(call.flags.has("ids") ? META : []), ...columnsOf(base.schema)];
        using exporting = progress(call.io, "exporting");
        let n = 0;
        const rows = Iterator.from(base).map((row): Record => {
          exporting.at(n++);
          return row;
        });
        if (file === "-") return writeRows(call.io.stdout, form, columns, rows);
        using out = openOutput(file);
        const write = (text: string) => orFault(file, () => writeText(out, text));
        writeRows({ columns: Infinity, write }, form, columns, rows);
      });
    },
  },

  info: {
    usage: "PATH",
    summary: "print the fields and figures of a table",
    flags: ["json", "ndjson"],
    async run(call) {
      const [path] = exactly(call.words, "PATH");
      const { io } = call;
      const form = formOf(call, io.stdout);
      await withBase(io, path, READ, (base) => {
        const stats = base.stats();
        const fields = columnsOf(base.schema).map(({ name, type }) => {
          const field = fieldOf(base.schema, name);
          const { type: given, default: value = null } = field;
          const to = typeof given === "object" && "link" in given ? given.link : undefined;
          return {
            name,
            type: to === undefined ? type.name : `link=${to}`,
            ...Object.fromEntries(OPTIONS.map((option) => [option, field[option] ?? false])),
            default: value === null ? null : type.toJson(value),
          };
        });
        const info = { path, ...stats, fields };
        if (form === "json") return io.stdout.write(safeJson(JSON.stringify(info, null, 2)) + "\n");
        if (form === "ndjson") return io.stdout.write(safeJson(JSON.stringify(info)) + "\n");
        const { recovered: _, ...figures } = stats;
        writePairs(io.stdout, { path, ...figures });
        io.stdout.write("\n");
        const columns = ["name", "type", "options", "default"].map(textColumn);
        const rows = fields.map((field) => ({
          ...field,
          options: optionsOf(fieldOf(base.schema, field.name)).join(" ") || null,
          default: field.default === null ? null : JSON.stringify(field.default),
        }));
        writeRows(io.stdout, form, columns, rows);
      });
    },
  },

  watch: {
    usage: "PATH COND…",
    summary: "print changes as they are committed, one JSON object a line, until it is stopped",
    values: ["since"],
    async run(call) {
      const [path, conditions] = pathAnd(call.words);
      const since = countOf(call, "since");
      await withBase(call.io, path, {}, async (base) => {
        const where = whereOf(base.schema, conditions);
        for await (const change of base.watch({ since, where })) {
          call.io.stdout.write(formatChange(change));
        }
      });
    },
  },

  "keep-changes": {
    usage: "PATH N",
    summary: "keep the changes of the last N commits for those who watch later",
    async run(call) {
      const [path, commits] = exactly(call.words, "PATH", "N");
      if (!/^\d+$/.test(commits)) throw new UsageError(`${JSON.stringify(commits)} is no number`);
      await withBase(call.io, path, {}, (base) => base.keepChanges(Number(commits)));
    },
  },

  backup: {
    usage: "PATH TO",
    summary: "copy a table as it is now to a new directory, and verify the copy",
    async run(call) {
      const [path, to] = exactly(call.words, "PATH", "TO");
      await withBase(call.io, path, READ, (base) => base.backup(to));
    },
  },

  check: {
    usage: "PATH",
    summary: "read every byte, print what is damaged; exit code 1 if anything is",
    flags: FORMS,
    values: ["salvage"],
    async run(call) {
      const [path] = exactly(call.words, "PATH");
      const { io } = call;
      const form = formOf(call, io.stdout);
      if (call.values.salvage !== undefined) return await salvage(path, call.values.salvage, call);
      const { ok, rows, problems } = await PsBase.check(path);
      if (!ok || form !== "table") {
        writeRows(io.stdout, form, PROBLEM, problems.map((one) => ({ ...one })));
      }
      const found = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
      if (ok) await withBase(io, path, READ, () => {}); // tells of a tail, which is no damage
      say(
        io,
        ok ? `${rows} rows, no problem` : `${found}, restore it from a backup or try --salvage`,
      );
      return ok ? 0 : 1;
    },
  },

  cleanup: {
    usage: "PATH",
    summary: "rewrite the table without what was changed or deleted",
    async run(call) {
      const [path] = exactly(call.words, "PATH");
      await withBase(call.io, path, {}, (base) => base.cleanup());
    },
  },

  lock: {
    usage: "FILE -- CMD…",
    summary: "run a command while a lock file is locked, and exit as it does",
    values: ["timeout"],
    command: true,
    async run(call) {
      const [file] = exactly(call.words, "FILE");
      const [command, ...args] = call.command;
      if (command === undefined) throw new UsageError("-- CMD… is missing");
      const { runLocked } = await import("./lock.ts");
      return await runLocked(file, [command, ...args], countOf(call, "timeout"));
    },
  },

  destroy: {
    usage: "PATH",
    summary: "remove a table from the disk",
    flags: ["yes"],
    async run(call) {
      const [path] = exactly(call.words, "PATH");
      if (!call.flags.has("yes")) throw new UsageError("it cannot be undone, say --yes");
      await withBase(call.io, path, {}, (base) => base.destroy());
    },
  },
};

// --------------------------------------------------------------- files

/** The format that a file's name tells of. */
function formatOf(file: string): (typeof FORMS)[number] | undefined {
  const [, extension = ""] = /\.(\w+)$/.exec(file.toLowerCase()) ?? [];
  return extension === "jsonl" ? "ndjson" : FORMS.find((form) => form === extension);
}

function openOutput(file: string): Deno.FsFile {
  return orFault(file, () => Deno.openSync(file, { write: true, create: true, truncate: true }));
}

function orFault<T>(file: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw new Fault(`Cannot write "${file}": ${(error as Error).message}`);
  }
}
