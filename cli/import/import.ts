/**
 * From a file to rows of a table. For a new table, the file is read twice, because the type of a
 * column depends on all of its cells. Rows pass through one by one, so memory does not limit them.
 *
 * @module
 */

import type { GivenRow } from "../../engine/maintenance/given_rows.ts";
import { VALUE_TYPES } from "../../engine/schema/values.ts";
import { excerpt } from "../../engine/system/check.ts";
import { parentOf, toPath } from "../../engine/system/path.ts";
import {
  BaseError,
  BaseNotFoundError,
  type FieldSpec,
  type Insert,
  type OpenOptions,
  PsBase,
  type Schema,
  UniqueError,
} from "../../mod.ts";
import type { NewSchema } from "../call/fields.ts";
import { tellTail } from "../call/open.ts";
import { type Kind, looseTypeFor, typeFor } from "../formats/detect.ts";
import type { FileRow, Format, Reading } from "../formats/format.ts";
import { Input } from "../formats/input.ts";
import { Fault, inAttempt, UsageError } from "../process/errors.ts";
import { type Io, say } from "../process/io.ts";
import { Progress } from "../process/progress.ts";
import { between, interruptible } from "../process/signals.ts";
import { FieldNames, noName, renamesOf } from "./field_names.ts";
import { GivenTypes } from "./given_types.ts";
import { chunks, createTable } from "./new_table.ts";
import { Rejects } from "./rejects.ts";
import { RowTaker } from "./take_rows.ts";

/** Options of an import. */
export interface ImportOptions {
  /** The format of the file. */
  readonly format: Format;
  /** Types of columns, as `name=type,…`. The others are detected. */
  readonly types?: string | undefined;
  /** New names of columns, as `OLD=NEW,…`. */
  readonly renames?: string | undefined;
  /** The file for refused rows. Without it, the first refused row ends the import. */
  readonly errors?: string | undefined;
  /** The number of rows in a commit. Without it, all rows are one commit. */
  readonly batch?: number | undefined;
  /** Whether rows keep their ids and versions, in a new table. */
  readonly ids: boolean;
  /** How to open the table to write to it. */
  readonly open: OpenOptions;
}

/** Inserts the rows of a file into a table, which is made if there is none; gives their number. */
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
  return await inAttempt(`Cannot import "${file}"`, async () => {
    using input = await openInput(file, io, path);
    return await new Import(path, input, options, io).run();
  });
}

function isSame(a: string, b: string): boolean {
  try {
    return Deno.realPathSync(a) === Deno.realPathSync(b);
  } catch {
    return false; // one of them is missing
  }
}

/** Opens the file. A temporary file goes beside the table: that disk must hold the rows anyway. */
async function openInput(file: string, io: Io, path: string): Promise<Input> {
  try {
    return await Input.open(file, io, parentOf(toPath(path)));
  } catch (error) {
    throw error instanceof Fault ? error : new Fault((error as Error).message);
  }
}

/** Which rows of a file to take, and how. */
interface RowsOptions {
  /** The field of each column. */
  readonly fields?: FieldNames | undefined;
  /** How many rows at the beginning are done. */
  readonly from?: number;
  /** Whether to look for duplicates in unique fields. */
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
  /** How many rows the current or last pass over the file has read. */
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
          // Each batch is a commit, which stays if a later one fails.
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
          // Another process inserted the value first. Take the rows again, and refuse this one.
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
      const rows = this.#rows(schema, rejects, undefined, { fields });
      const done = await createTable(this.#path, schema, rows);
      rejects.tell(this.#io);
      return done;
    } catch (error) {
      throw this.#explained(error, schema, undefined, { fields });
    }
  }

  /** Makes the table before the first commit, and removes it if the import ends before that. */
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

  /** Adds the line to the error of a duplicate, which only the commit found. */
  #explained(
    error: unknown,
    schema: Record<string, FieldSpec>,
    base: PsBase | undefined,
    options: RowsOptions,
  ): unknown {
    // The commit is too large. An error of a value would have been found before.
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
   * The rows of the file, one by one; refused rows go to `rejects`. Duplicates in unique fields are
   * looked for only if the import goes on after refused rows. Else the commit finds them.
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
    const done = () => this.#done();
    this.#read = 0;
    for (const row of rows) {
      progress.at(++this.#read, done);
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

  /** Prints the remark of the first full pass. */
  #remark({ remark }: Reading): void {
    if (remark !== "" && !this.#isRemarked) say(this.#io, remark);
    this.#isRemarked = true;
  }

  #done() {
    const { at, size } = this.#input;
    return { bytes: at, part: at / size };
  }

  // ------------------------------------------------------------- fields

  /** The fields of a new table. Prints them before they are used. */
  #schema(): [schema: NewSchema, fields: FieldNames] {
    const { types, ids } = this.#options;
    const given = new GivenTypes(types);
    const reading = this.#format.read(this.#input.text());
    const columns = this.#detect(reading);
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
        // Some programs write row numbers into a first column without a name. Others are mistakes.
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

  /** The kinds of cells in each column, from all rows. */
  #detect(reading: Reading): readonly (Column | undefined)[] {
    const columns: Column[] = [];
    using progress = new Progress(this.#io, "reading");
    const done = () => this.#done();
    let n = 0;
    for (const row of reading.rows) {
      progress.at(++n, done);
      if (row.fault !== undefined) {
        if (this.#options.errors !== undefined) continue;
        throw new Fault(`line ${row.line}: ${row.fault.message}`);
      }
      for (let i = 0; i < row.length; i++) (columns[i] ??= new Column()).add(row, i);
    }
    this.#remark(reading);
    return columns;
  }
}

/** The kinds of the cells of a column. */
class Column {
  /** All kinds so far. */
  readonly kinds = new Set<Kind>();
  /** The line of the first cell. */
  line = 0;
  /** The first text that a type would hold, but write in another way. */
  loose = "";

  /** Adds the kind of a cell. */
  add(row: FileRow, i: number): void {
    const kind = row.kindOf(i, this.kinds);
    if (kind === undefined || this.kinds.has(kind)) return;
    if (this.kinds.size === 0) this.line = row.line;
    this.kinds.add(kind);
    if (kind.startsWith("~") && this.loose === "") {
      this.loose = row.valueOf(i, VALUE_TYPES.string) as string;
    }
  }
}

/** Advice about fields without a value to detect a type from. */
function withoutValues(fields: readonly string[]): string[] {
  if (fields.length === 0) return [];
  return [
    `no values in ${fields.join(", ")}: the type is string; ` +
    `change it later with: psbase set-type PATH FIELD TYPE`,
  ];
}

/** A row for `insert`, from its values in the order of the fields. */
function rowOf(names: readonly string[], values: GivenRow["values"]): Insert<Schema> {
  const row: Record<string, unknown> = {};
  for (let k = 0; k < names.length; k++) row[names[k]!] = values[k];
  return row as Insert<Schema>;
}
