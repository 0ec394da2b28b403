/**
 * The commands that make a table and change its rows.
 *
 * @module
 */

import { type Insert, PsBase, type Schema, type Update } from "../mod.ts";
import { pathAnd } from "./args.ts";
import type { Call } from "./commands.ts";
import { whereOf } from "./conditions.ts";
import { afterChange, UsageError } from "./errors.ts";
import { assignments, schemaOf } from "./fields.ts";
import { counted } from "./io.ts";
import { withBase, writeOptions } from "./open.ts";

/** A change of all rows has to be meant. */
function checkMeant({ flags }: Call, conditions: readonly string[]): void {
  if (conditions.length === 0 && !flags.has("all")) {
    throw new UsageError("without a condition it would be all rows, say --all if you mean that");
  }
}

/** `psbase create` */
export async function create(call: Call): Promise<void> {
  const [path, specs] = pathAnd(call.words);
  if (specs.length === 0) throw new UsageError("a table has one field at least");
  await using _base = await PsBase.create(path, schemaOf(specs), writeOptions(call));
}

/** `psbase insert` */
export async function insert(call: Call): Promise<void> {
  const [path, words] = pathAnd(call.words);
  await withBase(call, path, writeOptions(call), async (base) => {
    const row = assignments(base.schema, words);
    const id = await base.insert(row as Insert<Schema>);
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
    const where = whereOf(base.schema, conditions);
    const count = await base.updateWhere(where, changes);
    afterChange(`changed ${counted(count, "row")}`, () => call.io.stdout.write(`${count}\n`));
  });
}

/** `psbase delete` */
export async function remove(call: Call): Promise<void> {
  const [path, conditions] = pathAnd(call.words);
  checkMeant(call, conditions);
  await withBase(call, path, writeOptions(call), async (base) => {
    const where = whereOf(base.schema, conditions);
    const count = await base.deleteWhere(where);
    afterChange(`deleted ${counted(count, "row")}`, () => call.io.stdout.write(`${count}\n`));
  });
}
