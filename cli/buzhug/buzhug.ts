/**
 * From a base of Buzhug to a new table: the same rows, with ids, versions, defaults and links.
 *
 * @module
 */

import { IDENTITY } from "../../engine/lock/layout.ts";
import type { GivenRow } from "../../engine/maintenance/given_rows.ts";
import { isName } from "../../engine/schema/field_def.ts";
import { currentFiles } from "../../engine/system/deno_file.ts";
import { join, nameOf, parentOf, resolvePath, toPath } from "../../engine/system/path.ts";
import type { FieldSpec } from "../../mod.ts";
import { pairsOf } from "../call/args.ts";
import type { NewSchema } from "../call/fields.ts";
import { fieldName } from "../import/field_names.ts";
import { createTable } from "../import/new_table.ts";
import { Fault, inAttempt, UsageError } from "../process/errors.ts";
import { type Io, say } from "../process/io.ts";
import { Progress } from "../process/progress.ts";
import { BuzhugBase, type BuzhugField } from "./files.ts";

/** Options of an import: what the files of Buzhug do not tell. */
export interface BuzhugOptions {
  /** The tables of links, as `field=PATH,…`. */
  readonly links?: string | undefined;
  /** The encoding of `str` fields, by its name in `TextDecoder`. */
  readonly encoding?: string | undefined;
}

/** Makes a table of a base of Buzhug; gives the number of rows. */
export async function importBuzhug(
  dir: string,
  path: string,
  { links, encoding = "utf-8" }: BuzhugOptions,
  io: Io,
): Promise<number> {
  checkEncoding(encoding);
  return await inAttempt(`Cannot import "${dir}"`, async () => {
    using old = new BuzhugBase(dir, encoding);
    const { schema, words } = translate(old.fields, path, linksOf(links, old.fields));
    const count = await createTable(path, schema, rowsOf(old, io), old.nextId);
    for (const line of words) say(io, line);
    return count;
  });
}

function checkEncoding(label: string): void {
  try {
    new TextDecoder(label);
  } catch {
    throw new UsageError(`option --encoding: there is no encoding "${label}"`);
  }
}

/** The rows, with the progress. */
function* rowsOf(old: BuzhugBase, io: Io): Generator<GivenRow> {
  using progress = new Progress(io, "importing");
  let n = 0;
  for (const row of old.rows()) {
    progress.at(++n, () => ({ part: (row.id + 1) / old.nextId }));
    yield row;
  }
}

/** The paths of `--link`, by field; throws Fault if a field is not a link. */
function linksOf(
  text: string | undefined,
  fields: readonly BuzhugField[],
): ReadonlyMap<string, string> {
  const links = pairsOf("link", text, "field=PATH");
  for (const name of links.keys()) {
    if (fields.find((field) => field.name === name)?.target === undefined) {
      throw new Fault(`--link: there is no link "${name}"`);
    }
  }
  return links;
}

/** The fields of the new table, and messages about them. */
function translate(
  fields: readonly BuzhugField[],
  path: string,
  links: ReadonlyMap<string, string>,
): { schema: NewSchema; words: string[] } {
  const schema = new Map<string, FieldSpec>();
  const told: string[] = [];
  const words: string[] = [];
  for (const { name, type, target, default: standard } of fields) {
    const newName = newNameOf(name);
    if (schema.has(newName)) throw new Fault(`two fields become field "${newName}", rename one`);
    if (newName !== name) words.push(`field ${JSON.stringify(name)} is field ${newName}`);
    told.push(`${newName}:${type}`);
    if (target === undefined) {
      schema.set(newName, { type, ...(standard !== null && { default: standard }) } as FieldSpec);
      continue;
    }
    const way = links.get(name) ?? siblingOf(path, target);
    const place = placeOf(way);
    schema.set(newName, { type: { link: place } as FieldSpec["type"] });
    const isThere = currentFiles().fileId(join(place, IDENTITY)) !== undefined;
    const isOwn = place === placeOf(path);
    words.push(
      `field ${newName} leads to "${way}"${isThere || isOwn ? "" : ", where no table is yet"}`,
    );
    if (standard !== null) {
      words.push(`field ${newName} had row ${standard} as default: links have none`);
    }
  }
  words.push(`made "${path}" with ${told.join(" ")}`);
  return { schema: Object.fromEntries(schema) as NewSchema, words };
}

/** The name of a field here: the same, if it is allowed. */
function newNameOf(name: string): string {
  return isName(name) ? name.normalize() : fieldName(name);
}

/** The path beside the new table with the name of an old base. */
function siblingOf(path: string, old: string): string {
  const name = old.split(/[/\\]+/).findLast((part) => part !== "") ?? "";
  return join(parentOf(toPath(path)), name);
}

/** The absolute path without symbolic links, of a file that need not exist yet. */
function placeOf(path: string): string {
  const files = currentFiles();
  const absolute = resolvePath(files.realPath("."), toPath(path));
  if (files.fileId(absolute) !== undefined) return files.realPath(absolute);
  return join(placeOf(parentOf(absolute)), nameOf(absolute));
}
