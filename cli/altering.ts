/**
 * The commands that change the fields of a table, and what it keeps.
 *
 * @module
 */

import type { ConvertibleType, IndexOptions } from "../mod.ts";
import { countFrom, exactly } from "./args.ts";
import { didYouMean } from "./closest.ts";
import type { Call } from "./commands.ts";
import { UsageError } from "./errors.ts";
import { cellOf, checkType, fieldOf, specOf, typeOf, valueOf } from "./fields.ts";
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

/** `psbase set-type` */
export async function setType(call: Call): Promise<void> {
  const [path, name, type] = exactly(call.words, "PATH", "FIELD", "TYPE");
  checkType(name, type);
  await withBase(call, path, writeOptions(call), (base) => {
    fieldOf(base.schema, name);
    return base.setType(name, type as ConvertibleType);
  });
}

/** What `psbase set-index` sets. */
const INDEXES: { readonly [word: string]: IndexOptions } = {
  unique: { unique: true },
  index: { index: true, unique: false },
  none: { index: false, unique: false },
};

/** `psbase set-index` */
export async function setIndex(call: Call): Promise<void> {
  const words = Object.keys(INDEXES);
  const [path, name, word] = exactly(call.words, "PATH", "FIELD", words.join("|"));
  if (!words.includes(word)) {
    const hint = didYouMean(word, words) || `, there are ${words.join(", ")}`;
    throw new UsageError(`there is no index ${JSON.stringify(word)}${hint}`);
  }
  await withBase(call, path, writeOptions(call), (base) => {
    fieldOf(base.schema, name);
    return base.setIndex(name, INDEXES[word]!);
  });
}

/** `psbase keep-changes` */
export async function keepChanges(call: Call): Promise<void> {
  const [path, word] = exactly(call.words, "PATH", "N");
  const commits = countFrom(word, "N");
  await withBase(call, path, writeOptions(call), (base) => base.keepChanges(commits));
}
