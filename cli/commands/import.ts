/**
 * `psbase import`: its options. The import itself is in `cli/import/`.
 *
 * @module
 */

import {
  askedForm,
  countOf,
  CSV_VALUES,
  exactly,
  FILE_FORMS,
  type Flag,
  type Value,
} from "../call/args.ts";
import type { Call } from "../call/call.ts";
import { refuseWithin, writeOptions } from "../call/open.ts";
import { csvFormat } from "../formats/csv_format.ts";
import type { Format } from "../formats/format.ts";
import { FORMATS, formOfName } from "../formats/formats.ts";
import { importFile } from "../import/import.ts";
import { afterChange, UsageError } from "../process/errors.ts";
import { counted } from "../process/io.ts";

/** `psbase import` */
export async function importTo(call: Call): Promise<void> {
  const { values: { from }, io } = call;
  const count = await (from === undefined ? importRows(call) : importFrom(from, call));
  afterChange(`imported ${counted(count, "row")}`, () => io.stdout.write(`${count}\n`));
}

/** Imports a file; gives the number of rows. */
async function importRows(call: Call): Promise<number> {
  const { values: { types, rename: renames, errors }, flags, io } = call;
  refuseOptions(call, ["link", "encoding"], "can only be given with --from");
  const [path, file] = exactly(call.words, "PATH", "FILE");
  const format = formatOf(file, call);
  const batch = countOf(call, "batch");
  const ids = flags.has("ids");
  if (batch === 0) throw new UsageError("--batch 0: a commit has at least one row");
  if (batch !== undefined && ids) throw new UsageError("--ids and --batch exclude each other");
  if (errors !== undefined) refuseWithin(path, errors);
  const options = { format, types, renames, errors, batch, ids, open: writeOptions(call) };
  return await importFile(path, file, options, io);
}

/** The format of a file, by its name and the options. */
function formatOf(file: string, call: Call): Format {
  const { values, flags } = call;
  const given = [
    ...CSV_VALUES.filter((name) => name in values),
    ...(flags.has("trim") ? ["trim"] : []),
  ];
  const asked = askedForm(call);
  if (values.separator !== undefined && (asked ?? "csv") !== "csv") {
    throw new UsageError(`--${asked} and --separator exclude each other`);
  }
  const form = values.separator !== undefined ? "csv" : asked ?? formOfName(file);
  if (given.length === 0) return FORMATS[form];
  if (form !== "csv" && form !== "tsv") {
    throw new UsageError(`--${given.join(", --")}: only CSV and TSV have that, not ${form}`);
  }
  const separator = characterOf(call, "separator") ?? (form === "tsv" ? "\t" : ",");
  const comment = characterOf(call, "comment");
  const quote = values.quote === "none" ? "" : characterOf(call, "quote");
  const used = [separator, quote ?? '"', comment ?? ""].filter((char) => char !== "");
  if (new Set(used).size < used.length) {
    throw new UsageError("--separator, --quote and --comment must be different characters");
  }
  const skipLines = countOf(call, "skip-lines");
  return csvFormat({ separator, quote, comment, skipLines, trim: flags.has("trim") });
}

/** The value of an option that is a character of ASCII. */
function characterOf(
  { values }: Call,
  name: "separator" | "quote" | "comment",
): string | undefined {
  const char = values[name];
  if (char === undefined) return undefined;
  const isSeparator = name === "separator";
  if (/^[\t !-~]$/.test(char) && !(isSeparator && char === '"')) return char;
  const told = `option --${name}: ${JSON.stringify(char)}`;
  const expected = `expected a character of ASCII${isSeparator ? " but a quote" : ""}`;
  throw new UsageError(`${told}, ${expected}${name === "quote" ? ", or none" : ""}`);
}

/** Imports a directory of another store as a new table; gives the number of rows. */
async function importFrom(store: string, call: Call): Promise<number> {
  const { words, values: { link: links, encoding }, io } = call;
  if (store !== "buzhug") {
    throw new UsageError(`option --from: ${JSON.stringify(store)}, expected buzhug`);
  }
  refuseOptions(
    call,
    [
      ...["types", "rename", "errors", "batch", ...FILE_FORMS, ...CSV_VALUES, "trim"] as const,
      ...["ids", "timeout", "durability"] as const,
    ],
    "cannot be given with --from",
  );
  const [dir, path] = exactly(words, "DIR", "PATH");
  const { importBuzhug } = await import("../buzhug/buzhug.ts");
  return await importBuzhug(dir, path, { links, encoding }, io);
}

/** Refuses options that would have no effect. */
function refuseOptions(
  { values, flags }: Call,
  names: readonly (Flag | Value)[],
  why: string,
): void {
  const given = names.filter((name) => flags.has(name as Flag) || name in values);
  if (given.length > 0) throw new UsageError(`--${given.join(", --")} ${why}`);
}
