/**
 * `psbase export`.
 *
 * @module
 */

import { askedForm, exactly } from "../call/args.ts";
import type { Call } from "../call/call.ts";
import { columnsOf, META } from "../call/fields.ts";
import { READ, refuseWithin, withBase } from "../call/open.ts";
import { formOfName } from "../formats/formats.ts";
import { writeWhole } from "../formats/whole_file.ts";
import { fileText, type Record, writeRows } from "../formats/write_rows.ts";
import { Progress } from "../process/progress.ts";

/** Names of stdout. If stdout is a file, a new file must not replace it. */
const STDOUT = ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"];

/** `psbase export` */
export async function exportFrom(call: Call): Promise<void> {
  const { io } = call;
  const words = call.words.length === 1 ? [...call.words, "-"] : call.words;
  const [path, to] = exactly(words, "PATH", "FILE");
  const file = STDOUT.includes(to) ? "-" : to;
  const form = askedForm(call) ?? (file === "-" ? "ndjson" : formOfName(file));
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
