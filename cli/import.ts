/**
 * From a file to rows. Where there is no base, the file is gone through twice: the type of a column
 * is seen from all of it. Rows go on as they come, so that it does not matter how many there are.
 *
 * @module
 */

// A new base of any number of rows, with ids of their own: what the public API has no verb for.
import { createFromRows, type GivenRow } from "../engine/given_rows.ts";
import { parentOf, toPath } from "../engine/path.ts";
import {
  BaseError,
  BaseNotFoundError,
  type FieldSpec,
  type Insert,
  type OpenOptions,
  PsBase,
  type Schema,
  UniqueError,
} from "../mod.ts";
import { type Kind, typeFor } from "./detect.ts";
import { Fault, UsageError } from "./errors.ts";
import { type NewSchema, specOf } from "./fields.ts";
import type { FileRow, Format } from "./formats.ts";
import { type Io, say } from "./io.ts";
import { Progress } from "./progress.ts";
import { Rejects } from "./rejects.ts";
import { between, interruptible } from "./signals.ts";
import { checkMeta, fieldName, isOwn, RowTaker, twoColumns } from "./take_rows.ts";
import { tellTail } from "./tail.ts";
import { Input } from "./text.ts";

/** What can be said of an import. */
export interface ImportOptions {
  /** The format of the file. */
  readonly format: Format;
  /** Types that are not to be detected, as `name=type,…`. */
  readonly types?: string | undefined;
  /** Where rows are kept that are refused; if it is left out, the first one is the end. */
  readonly errors?: string | undefined;
  /** So many rows are a commit; all of them, if it is left out. */
  readonly batch?: number | undefined;
  /** Whether rows keep their ids and versions, in a new base. */
  readonly ids: boolean;
  /** How to write to a base that is there. */
  readonly open: OpenOptions;
}

/** Puts the rows of a file into a base, which is made if there is none; how many. */
export async function importFile(
  path: string,
  file: string,
  options: ImportOptions,
  io: Io,
): Promise<number> {
  const { errors } = options;
  if (errors !== undefined && isSame(file, errors)) {
    throw new UsageError(`--errors would overwrite the file that is read, "${file}"`);
  }
  try {
    using input = await openInput(file, io, path);
    return await new Import(path, input, options, io).run();
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    throw new Fault(`Cannot import "${file}": ${error.message}`);
  }
}

function isSame(a: string, b: string): boolean {
  try {
    return Deno.realPathSync(a) === Deno.realPathSync(b);
  } catch {
    return false; // One of them is not there.
  }
}

/** Beside the table there is room, on the disk that has to hold the rows anyway. */
async function openInput(file: string, io: Io, path: string): Promise<Input> {
  try {
    return await Input.open(file, io, parentOf(toPath(path)));
  } catch (error) {
    throw error instanceof Fault ? error : new Fault((error as Error).message);
  }
}

/** So many rows go into a new base at once. */
export const CHUNK_ROWS = 1024;

/** One call of {@linkcode importFile}. */
class Import {
  readonly #path: string;
  readonly #input: Input;
  readonly #options: ImportOptions;
  readonly #io: Io;
  readonly #format: Format;

  constructor(path: string, input: Input, options: ImportOptions, io: Io) {
    this.#path = path;
    this.#input = input;
    this.#options = options;
    this.#io = io;
    this.#format = options.format;
  }

  async run(): Promise<number> {
    const { types, ids, errors } = this.#options;
    const base = await this.#open();
    if (base === undefined) return await this.#intoNew();
    await using _base = base;
    using _tail = tellTail(this.#io, base);
    if (types !== undefined) throw new Fault("the table has its types, leave out --types");
    if (ids) throw new Fault("the table has ids of its own, --ids is for a new one");
    using rejects = new Rejects(errors, this.#format);
    return await this.#into(base, rejects);
  }

  async #open(): Promise<PsBase | undefined> {
    try {
      return await PsBase.open(this.#path, this.#options.open);
    } catch (error) {
      if (error instanceof BaseNotFoundError) return undefined;
      throw error;
    }
  }

  async #into(base: PsBase, rejects: Rejects, signal?: AbortSignal): Promise<number> {
    const { batch } = this.#options;
    const { schema } = base;
    const names = Object.keys(schema);
    const rows = this.#rows(schema, rejects, base).map(({ values }) => rowOf(names, values));
    const batches = batch === undefined ? undefined : chunks(rows, batch);
    const done = batches === undefined
      ? (await this.#whole(schema, base, () => base.insertMany(rows))).length
      : await insertBatches(base, signal === undefined ? batches : between(batches, signal));
    rejects.tell(this.#io);
    return done;
  }

  async #intoNew(): Promise<number> {
    const { errors, batch } = this.#options;
    const schema = this.#schema();
    using rejects = new Rejects(errors, this.#format);
    if (batch !== undefined) {
      return await interruptible((signal) => this.#intoEmpty(schema, rejects, signal));
    }
    const insert = () =>
      interruptible((signal) => {
        const rows = between(chunks(this.#rows(schema, rejects, undefined), CHUNK_ROWS), signal);
        return createFromRows(this.#path, schema, rows, { signal });
      });
    const done = await this.#whole(schema, undefined, insert);
    rejects.tell(this.#io);
    return done;
  }

  /** Makes a base before the first commit: what ends it before that takes it back. */
  async #intoEmpty(schema: NewSchema, rejects: Rejects, signal: AbortSignal): Promise<number> {
    await using base = await PsBase.create(this.#path, schema, this.#options.open) as PsBase;
    try {
      return await this.#into(base, rejects, signal);
    } catch (error) {
      if (base.size === 0) await base.destroy();
      throw error;
    }
  }

  /** Inserts all rows; where a value is there twice, it is the line that is wanted. */
  async #whole<T>(
    schema: Record<string, FieldSpec>,
    base: PsBase | undefined,
    insert: () => Promise<T>,
  ): Promise<T> {
    try {
      return await insert();
    } catch (error) {
      // What is wrong with a value was found before.
      if (error instanceof RangeError) {
        throw new Fault(error.message.replace("write less at a time", "say --batch N"));
      }
      if (error instanceof UniqueError) {
        using rejects = new Rejects(undefined, this.#format);
        this.#rows(schema, rejects, base, true).forEach(() => {});
      }
      throw error;
    }
  }

  /**
   * The rows of the file, as they come; those that are refused go elsewhere. Values that are there
   * twice are refused with their rows only where others go on: else the commit finds them.
   */
  *#rows(
    schema: Record<string, FieldSpec>,
    rejects: Rejects,
    base: PsBase | undefined,
    unique = this.#options.errors !== undefined,
  ): Generator<GivenRow> {
    const { names, rows, header } = this.#format.read(this.#input.text());
    const { ids } = this.#options;
    using taker = new RowTaker(names, { schema, base, ids, unique });
    using progress = new Progress(this.#io, "importing");
    const far = () => this.#far();
    let n = 0;
    for (const row of rows) {
      progress.at(++n, far);
      const taken = taker.take(row);
      if (taken instanceof Fault) rejects.add(row, taken, header);
      else yield taken;
    }
  }

  #far() {
    const { at, size } = this.#input;
    return { bytes: at, part: at / size };
  }

  // ------------------------------------------------------------- fields

  /** The fields of a new base, which are told before they are used. */
  #schema(): NewSchema {
    const { types, errors, ids } = this.#options;
    const given = typesOf(types);
    const { names, rows } = this.#format.read(this.#input.text());
    const kinds: Set<Kind>[] = [];
    {
      using progress = new Progress(this.#io, "reading");
      const far = () => this.#far();
      let n = 0;
      for (const row of rows) {
        progress.at(++n, far);
        if (row.fault === undefined) look(row, kinds);
        else if (errors === undefined) throw new Fault(`line ${row.line}: ${row.fault.message}`);
      }
    }
    if (names.length === 0) throw new Fault("it is empty, so there are no fields to detect");
    if (ids && !names.includes("__id__")) throw new Fault("--ids: there is no column __id__");
    const fields = new Map<string, FieldSpec>();
    const told: string[] = [];
    const renamed: string[] = [];
    const empty: string[] = [];
    names.forEach((name, i) => {
      checkMeta(name, ids);
      if (isOwn(name)) return;
      const field = fieldName(name);
      const other = names.find((other) => !isOwn(other) && fieldName(other) === field);
      if (other !== name) throw twoColumns(other!, name, field);
      const seen = kinds[i] ?? new Set();
      const type = typeFor(seen) ?? this.#format.mixedType(seen);
      const { text, spec } = given.get(field) ?? { text: type, spec: { type } };
      fields.set(field, spec);
      told.push(`${field}=${text}`);
      if (seen.size === 0 && !given.has(field)) empty.push(field);
      given.delete(field);
      if (name !== field) renamed.push(`column ${JSON.stringify(name)} is field ${field}`);
    });
    const [unknown] = given.keys();
    if (unknown !== undefined) {
      throw new Fault(`--types: there is no column "${unknown}", there are ${names.join(", ")}`);
    }
    say(this.#io, [...renamed, `types ${told.join(",")}`, ...withoutValues(empty)].join("\n"));
    return Object.fromEntries(fields) as NewSchema;
  }
}

/** Fields whose type nothing tells, and what to do when there are values. */
function withoutValues(fields: readonly string[]): string[] {
  if (fields.length === 0) return [];
  return [
    `no values in ${fields.join(", ")}: the type is string; ` +
    `change it later with: psbase set-type PATH FIELD TYPE`,
  ];
}

/** Adds what the cells of a row look like to what others of their columns do. */
function look(row: FileRow, kinds: Set<Kind>[]): void {
  for (let i = 0; i < row.length; i++) {
    const seen = kinds[i] ??= new Set();
    const kind = row.kindOf(i, seen);
    if (kind !== undefined) seen.add(kind);
  }
}

/** A row as `insert` takes it, of its values in the order of the fields. */
function rowOf(names: readonly string[], values: GivenRow["values"]): Insert<Schema> {
  const row: Record<string, unknown> = {};
  for (let k = 0; k < names.length; k++) row[names[k]!] = values[k];
  return row as Insert<Schema>;
}

/** What `--types` says, by field: as it was written, and what that is. */
function typesOf(text: string | undefined) {
  const types = new Map<string, { readonly text: string; readonly spec: FieldSpec }>();
  for (const word of text?.split(",") ?? []) {
    const at = word.indexOf("=");
    if (at <= 0) {
      throw new UsageError(`--types: ${JSON.stringify(word)} is not of the form name=type`);
    }
    const name = fieldName(word.slice(0, at));
    if (types.has(name)) throw new UsageError(`--types: field "${name}" is given twice`);
    const text = word.slice(at + 1);
    types.set(name, { text, spec: specOf(`${name}:${text}`)[1] });
  }
  return types;
}

/** Each batch is a commit: what fails leaves those before it. */
async function insertBatches(
  base: PsBase,
  batches: Iterable<readonly Insert<Schema>[]> | AsyncIterable<readonly Insert<Schema>[]>,
): Promise<number> {
  let done = 0;
  try {
    for await (const rows of batches) done += (await base.insertMany(rows)).length;
    return done;
  } catch (error) {
    if (done === 0 || !(error instanceof Fault || error instanceof BaseError)) throw error;
    throw new Fault(`${error.message}; the first ${done} rows are in the table`);
  }
}

/** So many at a time. */
export function* chunks<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let chunk: T[] = [];
  for (const item of items) {
    if (chunk.push(item) < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
