/**
 * The commands that read and write files of rows.
 *
 * @module
 */

import { exactly } from "./args.ts";
import { type Call, FORMS } from "./commands.ts";
import { Fault, UsageError } from "./errors.ts";
import { columnsOf, META } from "./fields.ts";
import { importFile } from "./import.ts";
import { progress, writeText } from "./io.ts";
import { READ, withBase } from "./open.ts";
import { askedForm, type Record, writeRows } from "./output.ts";

/** `psbase import` */
export async function importTo(call: Call): Promise<void> {
  if (call.values.from !== undefined) return await importFrom(call.values.from, call);
  const [path, file] = exactly(call.words, "PATH", "FILE");
  const format = askedForm(call) ?? formatOf(file);
  if (format !== "csv" && format !== "ndjson") {
    throw new UsageError(`the format of "${file}" is not known, say --csv or --ndjson`);
  }
  call.io.stdout.write(`${await importFile(path, file, format, call.io)}\n`);
}

/** Makes a table of one of another store. */
async function importFrom(store: string, { words, values, io }: Call): Promise<void> {
  if (store !== "buzhug") {
    throw new UsageError(`option --from: ${JSON.stringify(store)}, expected buzhug`);
  }
  const [dir, path] = exactly(words, "DIR", "PATH");
  const { importBuzhug } = await import("./buzhug.ts");
  const { link: links, encoding } = values;
  io.stdout.write(`${await importBuzhug(dir, path, { links, encoding }, io)}\n`);
}

/** `psbase export` */
export async function exportFrom(call: Call): Promise<void> {
  const [path, file] = exactly(
    call.words.length === 1 ? [...call.words, "-"] : call.words,
    "PATH",
    "FILE",
  );
  const form = askedForm(call) ?? (file === "-" ? "ndjson" : formatOf(file));
  if (form === undefined) {
    throw new UsageError(`the format of "${file}" is not known, say --csv, --ndjson or --json`);
  }
  await withBase(call, path, READ, (base) => {
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
    writeRows({ columns: Infinity, colors: false, write }, form, columns, rows);
  });
}

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
