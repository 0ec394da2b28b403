/**
 * The formats of files by their forms.
 *
 * @module
 */

import { FILE_FORMS, type FileForm } from "../call/args.ts";
import { UsageError } from "../process/errors.ts";
import { csvFormat } from "./csv_format.ts";
import type { Format } from "./format.ts";
import { jsonFormat } from "./json_format.ts";
import { parseJsonArray, parseNdjson } from "./json_rows.ts";

/** The format of each form. */
export const FORMATS: { readonly [F in FileForm]: Format } = {
  csv: csvFormat({ separator: "," }),
  tsv: csvFormat({ separator: "\t" }),
  ndjson: jsonFormat(parseNdjson),
  json: jsonFormat(parseJsonArray),
};

/** Names of files that have to be unpacked first. */
const PACKED_REGEXP = /\.(?:gz|bz2|xz|zst|zip)$/i;

/** The form of a file by its name; throws UsageError if the name does not tell. */
export function formOfName(file: string): FileForm {
  const [, extension = ""] = /\.(\w+)$/.exec(file.toLowerCase()) ?? [];
  const form = extension === "jsonl" ? "ndjson" : extension === "tab" ? "tsv" : extension;
  if (Object.hasOwn(FORMATS, form)) return form as FileForm;
  if (PACKED_REGEXP.test(file)) {
    throw new UsageError(
      `"${file}" is a compressed file: compress or unpack it with another program, and give "-" ` +
        `for the file`,
    );
  }
  const forms = FILE_FORMS.map((form) => `--${form}`).join(", ");
  throw new UsageError(`the format of "${file}" is not known, say one of ${forms}`);
}
