/**
 * The commands that read and write files of rows.
 *
 * @module
 */

import { countOf, exactly, type Flag, type Value } from "./args.ts";
import { type Call, CSV_VALUES, FILE_FORMS } from "./commands.ts";
import { afterChange, UsageError } from "./errors.ts";
import { columnsOf, META } from "./fields.ts";
import { csvFormat, type Format, FORMATS, formOfName } from "./formats.ts";
import { importFile } from "./import.ts";
import { counted, type Io } from "./io.ts";
import { READ, refuseWithin, withBase, writeOptions } from "./open.ts";
import { askedForm, fileText, type Record, writeRows } from "./output.ts";
import { Progress } from "./progress.ts";
import { writeWhole } from "./whole_file.ts";

/** `psbase import` */
export async function importTo(call: Call): Promise<void> {
  const { values: { from, types, rename: renames, errors }, flags, io } = call;
  if (from !== undefined) return await importFrom(from, call);
  refuseOptions(call, ["link", "encoding"], "can only be given with --from");
  const [path, file] = exactly(call.words, "PATH", "FILE");
  const format = formatOf(file, call);
  const batch = countOf(call, "batch");
  const ids = flags.has("ids");
  if (batch === 0) throw new UsageError("--batch 0: a commit has one row at least");
  if (batch !== undefined && ids) throw new UsageError("--ids and --batch exclude each other");
  if (errors !== undefined) refuseWithin(path, errors);
  const options = { format, types, renames, errors, batch, ids, open: writeOptions(call) };
  printImported(await importFile(path, file, options, io), io);
}

/** The format of a file, by its name and what options say. */
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
  const form = values.separator !== undefined
    ? "csv"
    : asked ?? formOfName(file) ?? unknownForm(file);
  if (given.length === 0) return FORMATS[form];
  if (form !== "csv" && form !== "tsv") {
    throw new UsageError(`--${given.join(", --")}: only CSV and TSV have that, not ${form}`);
  }
  const separator = characterOf(call, "separator") ?? (form === "tsv" ? "\t" : ",");
  const comment = characterOf(call, "comment");
  const quote = values.quote === "none" ? "" : characterOf(call, "quote");
  const used = [separator, quote ?? '"', comment ?? ""].filter((char) => char !== "");
  if (new Set(used).size < used.length) {
    throw new UsageError("--separator, --quote and --comment are different characters");
  }
  const skipLines = countOf(call, "skip-lines");
  return csvFormat({ separator, quote, comment, skipLines, trim: flags.has("trim") });
}

/** The character of ASCII that an option gives. */
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

/** Makes a table of one of another store. */
async function importFrom(store: string, call: Call): Promise<void> {
  const { words, values, io } = call;
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
  const { importBuzhug } = await import("./buzhug.ts");
  const { link: links, encoding } = values;
  printImported(await importBuzhug(dir, path, { links, encoding }, io), io);
}

function printImported(count: number, { stdout }: Io): void {
  afterChange(`imported ${counted(count, "row")}`, () => stdout.write(`${count}\n`));
}

/** Refuses what would have no effect. */
function refuseOptions(
  { values, flags }: Call,
  names: readonly (Flag | Value)[],
  why: string,
): void {
  const given = names.filter((name) => flags.has(name as Flag) || name in values);
  if (given.length > 0) throw new UsageError(`--${given.join(", --")} ${why}`);
}

/** Names of stdout. Where it leads to a file, a new file must not take the place of that one. */
const STDOUT = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/** `psbase export` */
export async function exportFrom(call: Call): Promise<void> {
  const { io } = call;
  const words = call.words.length === 1 ? [...call.words, "-"] : call.words;
  const [path, to] = exactly(words, "PATH", "FILE");
  const file = STDOUT.includes(to) ? "-" : to;
  const form = askedForm(call) ?? (file === "-" ? "ndjson" : formOfName(file) ?? unknownForm(file));
  await withBase(call, path, READ, async (base) => {
    const columns = [...(call.flags.has("ids") ? META : []), ...columnsOf(base.schema)];
    if (file === "-") return writeRows(io.stdout, form, columns, base);
    refuseWithin(path, file);
    using progress = new Progress(io, "exporting");
    let rows = 0;
    let bytes = 0;
    const { size } = base;
    const all = Iterator.from<Record>(base).map((row) => {
      progress.at(++rows, () => ({ bytes, part: rows / size }));
      return row;
    });
    const text = fileText(form, columns, all).map((piece) => {
      bytes += piece.length;
      return piece;
    });
    await writeWhole(file, text);
  });
}

/** Names of files whose bytes have to be unpacked first. */
const PACKED_REGEXP = /\.(?:gz|bz2|xz|zst|zip)$/i;

function unknownForm(file: string): never {
  if (PACKED_REGEXP.test(file)) {
    throw new UsageError(
      `"${file}" is a compressed file: compress or unpack it by another program, and give "-" for ` +
        `the file`,
    );
  }
  const forms = FILE_FORMS.map((form) => `--${form}`).join(", ");
  throw new UsageError(`the format of "${file}" is not known, say one of ${forms}`);
}
