/**
 * The commands that make a table and change its rows.
 *
 * @module
 */

import { type Insert, PsBase, type Schema, type Update } from "../../mod.ts";
import { pathAnd } from "../call/args.ts";
import type { Call } from "../call/call.ts";
import { whereOf } from "../call/conditions.ts";
import { assignments, schemaOf } from "../call/fields.ts";
import { withBase, writeOptions } from "../call/open.ts";
import { afterChange, UsageError } from "../process/errors.ts";
import { counted } from "../process/io.ts";

/** Refuses a change of all rows that `--all` does not ask for. */
function checkMeant({ flags }: Call, conditions: readonly string[]): void {
  if (conditions.length === 0 && !flags.has("all")) {
    throw new UsageError("without a condition it would be all rows, say --all if you mean that");
  }
}

/** `psbase create` */
export async function create(call: Call): Promise<void> {
  const [path, specs] = pathAnd(call.words);
  if (specs.length === 0) throw new UsageError("a table needs at least one field");
  await using _base = await PsBase.create(path, schemaOf(specs), writeOptions(call));
}

/** `psbase insert` */
export async function insert(call: Call): Promise<void> {
  const [path, words] = pathAnd(call.words);
  await withBase(call, path, writeOptions(call), async (base) => {
    const id = await base.insert(assignments(base.schema, words) as Insert<Schema>);
    afterChange(`inserted row ${id}`, () => call.io.stdout.write(`${id}\n`));
  });
}

/** `psbase update` */
export async function update(call: Call): Promise<void> {
  const [path, conditions] = pathAnd(call.words);
  if (call.set.length === 0) throw new UsageError("--set FIELD=VALUE… is missing");
  checkMeant(call, conditions);
  await withBase(call, path, writeOptions(call), async (base) => {
    const changes = assignments(base.schema, call.set) as Update<Schema>;
    const count = await base.updateWhere(whereOf(base.schema, conditions), changes);
    afterChange(`changed ${counted(count, "row")}`, () => call.io.stdout.write(`${count}\n`));
  });
}

/** `psbase delete` */
export async function remove(call: Call): Promise<void> {
  const [path, conditions] = pathAnd(call.words);
  checkMeant(call, conditions);
  await withBase(call, path, writeOptions(call), async (base) => {
    const count = await base.deleteWhere(whereOf(base.schema, conditions));
    afterChange(`deleted ${counted(count, "row")}`, () => call.io.stdout.write(`${count}\n`));
  });
}
