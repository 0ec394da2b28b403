/**
 * The commands for a table as a whole.
 *
 * @module
 */

// Unlike the verb of the public API, this can be interrupted, and then undoes what it did.
import { salvage as salvageSteps } from "../../engine/maintenance/salvage.ts";
import { currentFiles } from "../../engine/system/deno_file.ts";
import { toPath } from "../../engine/system/path.ts";
import { stepwise } from "../../engine/system/steps.ts";
import { type Loss, PsBase } from "../../mod.ts";
import { exactly } from "../call/args.ts";
import type { Call } from "../call/call.ts";
import { META, textColumn } from "../call/fields.ts";
import { READ, withBase, writeOptions } from "../call/open.ts";
import { formOf, writeRows } from "../formats/write_rows.ts";
import { afterChange, UsageError } from "../process/errors.ts";
import { counted, say } from "../process/io.ts";
import { interruptible } from "../process/signals.ts";

/** `psbase backup` */
export async function backup(call: Call): Promise<void> {
  const [path, to] = exactly(call.words, "PATH", "TO");
  await withBase(call, path, READ, (base) => stoppable(base, () => base.backup(to)));
}

/** `psbase cleanup` */
export async function cleanup(call: Call): Promise<void> {
  const [path] = exactly(call.words, "PATH");
  const options = writeOptions(call);
  await withBase(call, path, options, (base) => stoppable(base, () => base.cleanup()));
}

/** Runs a long job of a table. A signal closes the table, and the job then undoes what it did. */
async function stoppable(base: PsBase, job: () => Promise<void>): Promise<void> {
  await interruptible((signal) => {
    signal.addEventListener("abort", () => base[Symbol.dispose]());
    return job();
  });
}

/** `psbase destroy` */
export async function destroy(call: Call): Promise<number> {
  const [path] = exactly(call.words, "PATH");
  const { io, flags } = call;
  const confirm = flags.has("yes") ? () => true : io.confirm;
  if (confirm === undefined) throw new UsageError("it cannot be undone, say --yes");
  return await withBase(call, path, writeOptions(call), async (base) => {
    if (!confirm(`Destroy "${path}" and its ${counted(base.size, "row")} for good?`)) {
      say(io, "nothing was destroyed");
      return 1;
    }
    await base.destroy();
    return 0;
  });
}

/** The columns of a problem. */
const PROBLEM = [textColumn("file"), { ...META[0]!, name: "offset" }, textColumn("reason")];

/** `psbase check` */
export async function check(call: Call): Promise<number> {
  const [path] = exactly(call.words, "PATH");
  const { io } = call;
  const form = formOf(call, io.stdout);
  if (call.values.salvage !== undefined) return await salvage(path, call.values.salvage, call);
  const { ok, rows, problems } = await PsBase.check(path);
  if (!ok || form !== "table") {
    writeRows(io.stdout, form, PROBLEM, problems.map((one) => ({ ...one })));
  }
  if (ok) {
    await withBase(call, path, READ, () => {}); // says if a write was cut off, which is no damage
    say(io, `${counted(rows, "row")}, no problem`);
    return 0;
  }
  const found = counted(problems.length, "problem");
  say(io, `${found}, restore it from a backup or try --salvage`);
  return 1;
}

/** Writes what is intact of a damaged table to a new one, and prints what was lost. */
async function salvage(path: string, to: string, call: Call): Promise<number> {
  const { io } = call;
  const form = formOf(call, io.stdout);
  const { rows, lost } = await interruptible((signal) =>
    stepwise(salvageSteps(currentFiles(), toPath(path), toPath(to)), signal)
  );
  if (lost.length > 0 || form !== "table") {
    const ranges = (ids: Loss["ids"]) =>
      ids?.map(([first, last]) => first === last ? first : `${first}-${last}`).join(" ") ?? null;
    const records = lost.map(({ ids, ...problem }) => ({ ...problem, ids: ranges(ids) }));
    const columns = [...PROBLEM, textColumn("ids")];
    afterChange(`wrote "${to}"`, () => writeRows(io.stdout, form, columns, records));
  }
  const told = lost.length === 0 ? "nothing" : "what is listed was";
  say(io, `${counted(rows, "row")} salvaged, ${told} lost`);
  return lost.length === 0 ? 0 : 1;
}
