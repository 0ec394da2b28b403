/**
 * From a base of Buzhug to a new one: the same rows, with their ids, versions, defaults and links.
 *
 * @module
 */

import { isName } from "../engine/schema/field_def.ts";
// Rows whose ids are given: what the public API has no verb for.
import { createFromRows, type GivenRow } from "../engine/maintenance/given_rows.ts";
import { IDENTITY } from "../engine/lock/layout.ts";
import { join, nameOf, parentOf, resolvePath, toPath } from "../engine/system/path.ts";
import type { FieldSpec } from "../mod.ts";
import { BuzhugBase, type BuzhugField } from "./buzhug_files.ts";
import { Fault, UsageError } from "./errors.ts";
import type { NewSchema } from "./fields.ts";
import { CHUNK_ROWS, chunks } from "./import.ts";
import { type Io, say } from "./io.ts";
import { Progress } from "./progress.ts";
import { between, interruptible } from "./signals.ts";
import { fieldName } from "./take_rows.ts";
import { currentFiles } from "../engine/system/deno_file.ts";

/** What is not in the old base. */
export interface BuzhugOptions {
  /** `field=PATH`, with commas between: where the rows are that a link leads to. */
  readonly links?: string | undefined;
  /** What the bytes of `str` fields are, as `TextDecoder` calls it. */
  readonly encoding?: string | undefined;
}

/** Makes a base of one of Buzhug; how many rows it has. */
export async function importBuzhug(
  dir: string,
  path: string,
  { links = "", encoding = "utf-8" }: BuzhugOptions,
  io: Io,
): Promise<number> {
  checkEncoding(encoding);
  try {
    using old = new BuzhugBase(dir, encoding);
    const { schema, words } = translate(old.fields, path, linksFrom(links, old.fields));
    const { nextId } = old;
    const rows = await interruptible((signal) => {
      const chunked = between(chunks(rowsOf(old, io), CHUNK_ROWS), signal);
      return createFromRows(path, schema, chunked, { nextId, signal });
    });
    for (const line of words) say(io, line);
    return rows;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new Fault(`Cannot import "${dir}": ${error.message}`);
  }
}

function checkEncoding(label: string): void {
  try {
    new TextDecoder(label);
  } catch {
    throw new UsageError(`option --encoding: there is no encoding "${label}"`);
  }
}

/** The rows. */
function* rowsOf(old: BuzhugBase, io: Io): Generator<GivenRow> {
  using progress = new Progress(io, "importing");
  let n = 0;
  for (const row of old.rows()) {
    progress.at(++n, () => ({ part: (row.id + 1) / old.nextId }));
    yield row;
  }
}

/** Where the links lead that the command line tells of, by field. */
function linksFrom(text: string, fields: readonly BuzhugField[]): Map<string, string> {
  const links = new Map<string, string>();
  for (const word of text === "" ? [] : text.split(",")) {
    const at = word.indexOf("=");
    if (at < 1 || at === word.length - 1) {
      throw new UsageError(`option --link: ${JSON.stringify(word)} is not of the form field=PATH`);
    }
    const name = word.slice(0, at);
    if (fields.find((field) => field.name === name)?.target === undefined) {
      throw new Fault(`there is no link "${name}", as --link tells`);
    }
    links.set(name, word.slice(at + 1));
  }
  return links;
}

/** The fields of the new base, and what is to be said of them. */
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

/** A name that a field can have here, the same if that can be. */
function newNameOf(name: string): string {
  return isName(name) ? name.normalize() : fieldName(name);
}

/** The base beside the new one that is called as an old one was. */
function siblingOf(path: string, old: string): string {
  const name = old.split(/[/\\]+/).findLast((part) => part !== "") ?? "";
  return join(parentOf(toPath(path)), name);
}

/** The absolute path of what may not be there yet, symbolic links followed. */
function placeOf(path: string): string {
  const files = currentFiles();
  const absolute = resolvePath(files.realPath("."), toPath(path));
  if (files.fileId(absolute) !== undefined) return files.realPath(absolute);
  return join(placeOf(parentOf(absolute)), nameOf(absolute));
}
