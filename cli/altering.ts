/**
 * The commands that change the fields of a table, and what it keeps.
 *
 * @module
 */

import { countFrom, exactly } from "./args.ts";
import type { Call } from "./commands.ts";
import { cellOf, fieldOf, specOf, typeOf, valueOf } from "./fields.ts";
import { withBase, writeOptions } from "./open.ts";

/** `psbase add-field` */
export async function addField(call: Call): Promise<void> {
  const [path, spec] = exactly(call.words, "PATH", "FIELD:TYPE");
  const { after } = call.values;
  const [name, field] = specOf(spec);
  await withBase(call, path, writeOptions(call), (base) => {
    if (after !== undefined) fieldOf(base.schema, after);
    return base.addField(name as never, field, { after });
  });
}

/** `psbase drop-field` */
export async function dropField(call: Call): Promise<void> {
  const [path, name] = exactly(call.words, "PATH", "FIELD");
  await withBase(call, path, writeOptions(call), (base) => {
    fieldOf(base.schema, name);
    return base.dropField(name);
  });
}

/** `psbase rename-field` */
export async function renameField(call: Call): Promise<void> {
  const [path, name, newName] = exactly(call.words, "PATH", "FIELD", "NAME");
  await withBase(call, path, writeOptions(call), (base) => {
    fieldOf(base.schema, name);
    return base.renameField(name, newName as never);
  });
}

/** `psbase set-default` */
export async function setDefault(call: Call): Promise<void> {
  const [path, name, value] = exactly(call.words, "PATH", "FIELD", "VALUE");
  const cell = cellOf(value);
  await withBase(call, path, writeOptions(call), (base) => {
    const type = typeOf(fieldOf(base.schema, name));
    return base.setDefault(name, valueOf({ name, type }, cell) as null);
  });
}

/** `psbase keep-changes` */
export async function keepChanges(call: Call): Promise<void> {
  const [path, word] = exactly(call.words, "PATH", "N");
  const commits = countFrom(word, "N");
  await withBase(call, path, writeOptions(call), (base) => base.keepChanges(commits));
}
