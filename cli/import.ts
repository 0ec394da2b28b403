/**
 * From a file to rows. Where there is no base, the file is gone through twice: the type of a column
 * is seen from all of it. Rows go on as they come, so that it does not matter how many there are.
 *
 * @module
 */

import { excerpt } from "../engine/system/check.ts";
// A new base of any number of rows, with ids of their own: what the public API has no verb for.
import { createFromRows, type GivenRow } from "../engine/maintenance/given_rows.ts";
import { parentOf, toPath } from "../engine/system/path.ts";
import { VALUE_TYPES } from "../engine/schema/values.ts";
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
import { type Kind, looseTypeFor, typeFor } from "./detect.ts";
import { Fault, UsageError } from "./errors.ts";
import { FieldNames, noColumn, renamesOf } from "./field_names.ts";
import { type NewSchema, specOf } from "./fields.ts";
import type { FileRow, Format, Reading } from "./formats.ts";
import { type Io, say } from "./io.ts";
import { Progress } from "./progress.ts";
import { Rejects } from "./rejects.ts";
import { between, interruptible } from "./signals.ts";
import { fieldName, noName, RowTaker } from "./take_rows.ts";
import { tellTail } from "./tail.ts";
import { Input } from "./text.ts";

/** What can be said of an import. */
export interface ImportOptions {
  /** The format of the file. */
  readonly format: Format;
  /** Types that are not to be detected, as `name=type,…`. */
  readonly types?: string | undefined;
  /** Names that columns get, as `OLD=NEW,…`. */
  readonly renames?: string | undefined;
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

/** Which rows of a file are taken, and how. */
interface RowsOptions {
  /** Which fields the columns are. */
  readonly fields?: FieldNames | undefined;
  /** So many rows at the beginning were dealt with. */
  readonly from?: number;
  /** Whether it is looked for values that must not be there twice. */
  readonly unique?: boolean;
}

/** One call of {@linkcode importFile}. */
class Import {
  readonly #path: string;
  readonly #input: Input;
  readonly #options: ImportOptions;
  readonly #io: Io;
  readonly #format: Format;
  readonly #renames: ReadonlyMap<string, string>;
  /** So many rows of the file were read last. */
  #read = 0;
  #isRemarked = false;

  constructor(path: string, input: Input, options: ImportOptions, io: Io) {
    this.#path = path;
    this.#input = input;
    this.#options = options;
    this.#io = io;
    this.#renames = renamesOf(options.renames);
    this.#format = options.format.of(() => input.text());
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

  async #into(
    base: PsBase,
    rejects: Rejects,
    fields?: FieldNames,
    signal?: AbortSignal,
  ): Promise<number> {
    const { batch, errors } = this.#options;
    const { schema } = base;
    const names = Object.keys(schema);
    let done = 0;
    let from = 0;
    for (;;) {
      const rows = this.#rows(schema, rejects, base, { fields, from })
        .map(({ values }) => rowOf(names, values));
      try {
        if (batch === undefined) {
          done = (await base.insertMany(rows)).length;
        } else {
          const batches = chunks(rows, batch);
          // Each is a commit: what fails leaves those before it.
          for await (const some of signal === undefined ? batches : between(batches, signal)) {
            done += (await base.insertMany(some)).length;
            from = this.#read;
            rejects.keep();
          }
        }
        rejects.keep();
        rejects.tell(this.#io);
        return done;
      } catch (error) {
        if (error instanceof UniqueError && errors !== undefined) {
          // Somebody else was faster. The rows are looked at once more, and such ones refused.
          rejects.undo();
          continue;
        }
        const told = this.#explained(error, schema, base, { fields, from });
        if (done === 0 || !(told instanceof Fault || told instanceof BaseError)) throw told;
        throw new Fault(`${told.message}; the first ${done} rows are in the table`);
      }
    }
  }

  async #intoNew(): Promise<number> {
    const { errors, batch } = this.#options;
    const [schema, fields] = this.#schema();
    using rejects = new Rejects(errors, this.#format);
    if (batch !== undefined) {
      return await interruptible((signal) => this.#intoEmpty(schema, rejects, fields, signal));
    }
    try {
      const done = await interruptible((signal) => {
        const rows = this.#rows(schema, rejects, undefined, { fields });
        const some = between(chunks(rows, CHUNK_ROWS), signal);
        return createFromRows(this.#path, schema, some, { signal });
      });
      rejects.tell(this.#io);
      return done;
    } catch (error) {
      throw this.#explained(error, schema, undefined, { fields });
    }
  }

  /** Makes a base before the first commit: what ends it before that takes it back. */
  async #intoEmpty(
    schema: NewSchema,
    rejects: Rejects,
    fields: FieldNames,
    signal: AbortSignal,
  ): Promise<number> {
    await using base = await PsBase.create(this.#path, schema, this.#options.open) as PsBase;
    try {
      return await this.#into(base, rejects, fields, signal);
    } catch (error) {
      if (base.size === 0) await base.destroy();
      throw error;
    }
  }

  /** What is wrong, with the line where a value is there twice, which only the commit noticed. */
  #explained(
    error: unknown,
    schema: Record<string, FieldSpec>,
    base: PsBase | undefined,
    options: RowsOptions,
  ): unknown {
    // What is wrong with a value was found before.
    if (error instanceof RangeError) {
      return new Fault(error.message.replace("write less at a time", "say --batch N"));
    }
    if (!(error instanceof UniqueError)) return error;
    using rejects = new Rejects(undefined, this.#format);
    try {
      this.#rows(schema, rejects, base, { ...options, unique: true }).forEach(() => {});
    } catch (fault) {
      return fault;
    }
    return error;
  }

  /**
   * The rows of the file, as they come; those that are refused go elsewhere. Values that are there
   * twice are refused with their rows only where others go on: else the commit finds them.
   */
  *#rows(
    schema: Record<string, FieldSpec>,
    rejects: Rejects,
    base: PsBase | undefined,
    options: RowsOptions,
  ): Generator<GivenRow> {
    const reading = this.#format.read(this.#input.text());
    const { names, rows, header } = reading;
    const { ids, errors } = this.#options;
    const { from = 0, unique = errors !== undefined } = options;
    const fields = options.fields ??
      new FieldNames(names, { known: schema, renames: this.#renames, ids });
    if (names.length > 0) fields.checkRenames();
    using taker = new RowTaker(names, { schema, fields, base, ids, unique });
    using progress = new Progress(this.#io, "importing");
    const far = () => this.#far();
    this.#read = 0;
    for (const row of rows) {
      progress.at(++this.#read, far);
      if (this.#read <= from) {
        fields.meet();
        continue;
      }
      const taken = taker.take(row);
      if (taken instanceof Fault) rejects.add(row, taken, header);
      else yield taken;
    }
    this.#remark(reading);
  }

  /** Tells once what was noticed of all rows. */
  #remark({ remark }: Reading): void {
    if (remark !== "" && !this.#isRemarked) say(this.#io, remark);
    this.#isRemarked = true;
  }

  #far() {
    const { at, size } = this.#input;
    return { bytes: at, part: at / size };
  }

  // ------------------------------------------------------------- fields

  /** The fields of a new base, which are told before they are used. */
  #schema(): [schema: NewSchema, fields: FieldNames] {
    const { types, ids } = this.#options;
    const given = typesOf(types);
    const reading = this.#format.read(this.#input.text());
    const columns = this.#look(reading);
    const { names } = reading;
    if (names.length === 0) throw new Fault("it is empty, so there are no fields to detect");
    if (ids && !names.includes("__id__")) throw new Fault("--ids: there is no column __id__");
    const fields = new FieldNames(names, { renames: this.#renames, ids });
    fields.checkRenames();
    const schema = new Map<string, FieldSpec>();
    const said: string[] = [];
    const told: string[] = [];
    const empty: string[] = [];
    names.forEach((name, i) => {
      const field = fields.of(i);
      if (field === undefined) return;
      const { kinds, line, loose } = columns[i] ?? new Column();
      if (name === null && field === FieldNames.unnamed(i)) {
        if (kinds.size === 0) return told.push(`column ${i + 1} has no name and no cell: left out`);
        // Only the first one is what some programs write without, the number of a row.
        if (i > 0) throw new Fault(`line ${line}: ${noName(i).message}`);
      }
      const type = typeFor(kinds) ?? this.#format.mixedType(kinds);
      const asSaid = given.take(name, field);
      const { text, spec } = asSaid ?? { text: type, spec: { type } };
      if (kinds.size === 0 && asSaid === undefined) empty.push(field);
      schema.set(field, spec);
      said.push(`${field}=${text}`);
      if (name !== field) {
        const column = name === null ? `${i + 1}, which has no name,` : excerpt(name);
        told.push(`column ${column} is field ${field}`);
      }
      const other = looseTypeFor(kinds);
      if (asSaid === undefined && other !== undefined) {
        const back = VALUE_TYPES[other].format(VALUE_TYPES[other].parse(loose));
        told.push(
          `${field} is text, as ${other} would give back ${excerpt(back)} for ${excerpt(loose)}: ` +
            `say --types ${field}=${other} if that is as good`,
        );
      }
      if (kinds.size === 1 && kinds.has("spaced")) {
        told.push(`every cell of ${field} begins with a space: say --trim to leave spaces out`);
      }
    });
    given.checkAll(names);
    say(this.#io, [...told, `types ${said.join(",")}`, ...withoutValues(empty)].join("\n"));
    return [Object.fromEntries(schema) as NewSchema, fields];
  }

  /** What the columns of all rows look like. */
  #look(reading: Reading): readonly (Column | undefined)[] {
    const columns: Column[] = [];
    using progress = new Progress(this.#io, "reading");
    const far = () => this.#far();
    let n = 0;
    for (const row of reading.rows) {
      progress.at(++n, far);
      if (row.fault !== undefined) {
        if (this.#options.errors !== undefined) continue;
        throw new Fault(`line ${row.line}: ${row.fault.message}`);
      }
      for (let i = 0; i < row.length; i++) (columns[i] ??= new Column()).look(row, i);
    }
    this.#remark(reading);
    return columns;
  }
}

/** What the cells of a column look like. */
class Column {
  /** All that they look like. */
  readonly kinds = new Set<Kind>();
  /** The line of the first one. */
  line = 0;
  /** The first text that no type would give back as it is, though one holds it. */
  loose = "";

  /** Adds what the cell of a row looks like to what others do. */
  look(row: FileRow, i: number): void {
    const kind = row.kindOf(i, this.kinds);
    if (kind === undefined || this.kinds.has(kind)) return;
    if (this.kinds.size === 0) this.line = row.line;
    this.kinds.add(kind);
    if (kind.startsWith("~") && this.loose === "") {
      this.loose = row.valueOf(i, VALUE_TYPES.string) as string;
    }
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

/** A row as `insert` takes it, of its values in the order of the fields. */
function rowOf(names: readonly string[], values: GivenRow["values"]): Insert<Schema> {
  const row: Record<string, unknown> = {};
  for (let k = 0; k < names.length; k++) row[names[k]!] = values[k];
  return row as Insert<Schema>;
}

/** What `--types` says of a field: as it was written, and what that is. */
interface GivenType {
  readonly text: string;
  readonly spec: FieldSpec;
}

/** What `--types` says, by the name of a column, or of the field that it becomes. */
class GivenTypes {
  readonly #types: Map<string, GivenType>;

  constructor(types: Map<string, GivenType>) {
    this.#types = types;
  }

  /** The type that is given for a column; it is asked for once. */
  take(column: string | null, field: string): GivenType | undefined {
    const alike = this.#types.keys().find((name) => fieldName(name) === field);
    for (const name of [column, field, alike]) {
      const type = this.#types.get(name ?? "");
      if (type !== undefined) {
        this.#types.delete(name!);
        return type;
      }
    }
    return undefined;
  }

  /** Throws Fault if a type is left, as there is no such column. */
  checkAll(columns: readonly (string | null)[]): void {
    const [unknown] = this.#types.keys();
    if (unknown !== undefined) throw noColumn("--types", unknown, columns);
  }
}

function typesOf(text: string | undefined): GivenTypes {
  const types = new Map<string, GivenType>();
  for (const word of text?.split(",") ?? []) {
    const at = word.indexOf("=");
    if (at <= 0) {
      throw new UsageError(`--types: ${JSON.stringify(word)} is not of the form name=type`);
    }
    const name = word.slice(0, at);
    if (types.has(name)) throw new UsageError(`--types: field "${name}" is given twice`);
    const text = word.slice(at + 1);
    types.set(name, { text, spec: specOf(`${fieldName(name)}:${text}`)[1] });
  }
  return new GivenTypes(types);
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
