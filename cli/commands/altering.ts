/**
 * The commands that change the fields of a table, and how many changes it keeps.
 *
 * @module
 */

import type { ConvertibleType, FieldSpec, IndexOptions, PsBase } from "../../mod.ts";
import { countFrom, exactly } from "../call/args.ts";
import type { Call } from "../call/call.ts";
import { didYouMean } from "../call/closest.ts";
import { cellOf, checkType, fieldOf, specOf, typeOf, valueOf } from "../call/fields.ts";
import { withBase, writeOptions } from "../call/open.ts";
import { UsageError } from "../process/errors.ts";

/** Calls `fn` with the table at `path` and one of its fields. */
async function withField(
  call: Call,
  path: string,
  name: string,
  fn: (base: PsBase, field: FieldSpec) => Promise<unknown>,
): Promise<void> {
  await withBase(call, path, writeOptions(call), (base) => fn(base, fieldOf(base.schema, name)));
}

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
  await withField(call, path, name, (base) => base.dropField(name));
}

/** `psbase rename-field` */
export async function renameField(call: Call): Promise<void> {
  const [path, name, newName] = exactly(call.words, "PATH", "FIELD", "NAME");
  await withField(call, path, name, (base) => base.renameField(name, newName as never));
}

/** `psbase set-default` */
export async function setDefault(call: Call): Promise<void> {
  const [path, name, value] = exactly(call.words, "PATH", "FIELD", "VALUE");
  const cell = cellOf(value);
  await withField(call, path, name, (base, field) => {
    return base.setDefault(name, valueOf({ name, type: typeOf(field) }, cell) as null);
  });
}

/** `psbase set-type` */
export async function setType(call: Call): Promise<void> {
  const [path, name, type] = exactly(call.words, "PATH", "FIELD", "TYPE");
  checkType(name, type);
  await withField(call, path, name, (base) => base.setType(name, type as ConvertibleType));
}

/** The words of `psbase set-index`, and what they set. */
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
    const hint = didYouMean(word, words, "there are");
    throw new UsageError(`there is no index ${JSON.stringify(word)}${hint}`);
  }
  await withField(call, path, name, (base) => base.setIndex(name, INDEXES[word]!));
}

/** `psbase keep-changes` */
export async function keepChanges(call: Call): Promise<void> {
  const [path, word] = exactly(call.words, "PATH", "N");
  const commits = countFrom(word, "N");
  await withBase(call, path, writeOptions(call), (base) => base.keepChanges(commits));
}
