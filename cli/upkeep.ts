/**
 * The commands that concern a table as a whole.
 *
 * @module
 */

import { stepwise } from "../engine/system/steps.ts";
import { toPath } from "../engine/system/path.ts";
// What is interrupted is taken back: the verb of the public API knows no signal.
import { salvage as salvaging } from "../engine/maintenance/salvage.ts";
import { type Loss, PsBase } from "../mod.ts";
import { exactly } from "./args.ts";
import type { Call } from "./commands.ts";
import { afterChange, UsageError } from "./errors.ts";
import { META, textColumn } from "./fields.ts";
import { counted, say } from "./io.ts";
import { READ, withBase, writeOptions } from "./open.ts";
import { formOf, writeRows } from "./output.ts";
import { interruptible } from "./signals.ts";
import { currentFiles } from "../engine/system/deno_file.ts";

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

/** Does a long job of a base; a signal closes that, by which the job takes back what it began. */
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

/** What is told of damage. */
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
  const found = counted(problems.length, "problem");
  if (ok) await withBase(call, path, READ, () => {}); // tells of a tail, which is no damage
  say(
    io,
    ok
      ? `${counted(rows, "row")}, no problem`
      : `${found}, restore it from a backup or try --salvage`,
  );
  return ok ? 0 : 1;
}

/** Writes what is intact of a damaged table to a new one, and prints what was lost. */
async function salvage(path: string, to: string, call: Call): Promise<number> {
  const { io } = call;
  const form = formOf(call, io.stdout);
  const { rows, lost } = await interruptible((signal) =>
    stepwise(salvaging(currentFiles(), toPath(path), toPath(to)), signal)
  );
  if (lost.length > 0 || form !== "table") {
    const ranges = (ids: Loss["ids"]) =>
      ids?.map(([first, last]) => first === last ? first : `${first}-${last}`).join(" ") ?? null;
    const records = lost.map(({ ids, ...problem }) => ({ ...problem, ids: ranges(ids) }));
    const columns = [...PROBLEM, textColumn("ids")];
    afterChange(`wrote "${to}"`, () => writeRows(io.stdout, form, columns, records));
  }
  say(
    io,
    `${counted(rows, "row")} salvaged, ${
      lost.length === 0 ? "nothing" : "what is listed was"
    } lost`,
  );
  return lost.length === 0 ? 0 : 1;
}
