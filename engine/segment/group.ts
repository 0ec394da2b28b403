/**
 * Row groups: up to 16,384 consecutive rows in id order, stored column by column. Segments and the
 * frames of large inserts hold the same bytes.
 *
 * @module
 */

import { type Column, type ColumnMeta, MANY_GETS, openColumn } from "./column.ts";
import { encodeColumn } from "./column_writer.ts";
import { isCount, isObject } from "../system/check.ts";
import { firstWhere } from "../system/bisect.ts";
import { CorruptionError } from "../system/errors.ts";
import { overlaps, type Predicate } from "../schema/predicate.ts";
import { COUNTS, encodeNumbers, Numbers, type NumbersMeta } from "./numbers.ts";
import { PartWriter, type Source } from "./parts.ts";
import { type FieldDef, readField, type StoredRow } from "../schema/field_def.ts";
import { allOf } from "../system/steps.ts";
import type { JsonValue } from "../schema/types.ts";
import type { Stored } from "../schema/values.ts";
import { GROUP_ROWS } from "../bytes/header.ts";

/**
 * A group with this many bytes of text and byte strings is full, which limits its use of memory.
 */
const GROUP_BYTES = 32 * 2 ** 20;

/** How a file describes a row group, as JSON. */
export interface GroupDirectory {
  /** The number of rows. */
  readonly rows: number;
  /** The ids; left out if there are no gaps between them. */
  readonly ids?: NumbersMeta;
  /** The versions; left out if all are 0. */
  readonly versions?: NumbersMeta;
  /** The columns by field number. */
  readonly columns: Readonly<Record<string, ColumnMeta>>;
}

/** An encoded row group. */
export interface EncodedGroup {
  /** The directory. */
  readonly directory: GroupDirectory;
  /** The columns. */
  readonly bytes: Uint8Array;
}

/** An encoded row group and its ids. */
export interface BuiltGroup {
  /** The group. */
  readonly group: EncodedGroup;
  /** The least id. */
  readonly first: number;
  /** The greatest id. */
  readonly last: number;
}

/** Collects the values of rows, in id order, and encodes them as groups. */
export class GroupBuilder {
  readonly #fields: readonly FieldDef[];
  #columns!: (Stored | null)[][];
  #ids: number[] = [];
  #versions: number[] = [];
  #bytes = 0;

  constructor(fields: readonly FieldDef[]) {
    this.#fields = fields;
    this.#clear();
  }

  #clear(): void {
    this.#columns = this.#fields.map(() => []);
    this.#ids = [];
    this.#versions = [];
    this.#bytes = 0;
  }

  /** Whether it holds no rows. */
  get empty(): boolean {
    return this.#ids.length === 0;
  }

  /** Whether the rows fill a group: then call {@linkcode GroupBuilder.build}. */
  get full(): boolean {
    return this.#ids.length >= GROUP_ROWS || this.#bytes >= GROUP_BYTES;
  }

  /** Adds a row. */
  add(id: number, row: StoredRow): void {
    this.#ids.push(id);
    this.#versions.push(row.version);
    for (let k = 0; k < this.#fields.length; k++) {
      const value = readField(row, this.#fields[k]!);
      this.#columns[k]!.push(value);
      if (typeof value === "string" || value instanceof Uint8Array) this.#bytes += value.length;
    }
  }

  /** Encodes the rows added since the last group. */
  build(): BuiltGroup {
    return allOf(this.buildInSteps());
  }

  /** The same as {@linkcode GroupBuilder.build}; it yields where it can pause. */
  *buildInSteps(): Generator<undefined, BuiltGroup> {
    const ids = this.#ids;
    const [first, last] = [ids[0]!, ids.at(-1)!];
    const parts = new PartWriter();
    const columns: Record<string, ColumnMeta> = {};
    for (const [k, { number, value }] of this.#fields.entries()) {
      columns[number] = encodeColumn(parts, value, this.#columns[k]!);
      yield;
    }
    const gaps = last - first !== ids.length - 1;
    const changed = this.#versions.some((version) => version !== 0);
    const directory = {
      rows: ids.length,
      ...(gaps ? { ids: encodeNumbers(parts, ids) } : {}),
      ...(changed ? { versions: encodeNumbers(parts, this.#versions) } : {}),
      columns,
    };
    this.#clear();
    return { group: { directory, bytes: parts.finish() }, first, last };
  }
}

/** The bytes of a group in memory, already verified. */
export class MemorySource implements Source {
  readonly #bytes: Uint8Array;
  readonly #path: string;

  /**
   * @param bytes The bytes, at the start of their buffer.
   * @param path The file that they come from, for messages.
   */
  constructor(bytes: Uint8Array, path: string) {
    this.#bytes = bytes;
    this.#path = path;
  }

  get length(): number {
    return this.#bytes.length;
  }

  read(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(from, to);
  }

  charge(): void {}

  fail(at: number, reason: string): never {
    throw new CorruptionError(this.#path, at, reason);
  }
}

/** Reads the rows and columns of a group. */
export class Group {
  /** The number of rows. */
  readonly rows: number;
  /** The id of the first row. */
  readonly first: number;
  /** The directory. */
  readonly directory: GroupDirectory;
  /** The bytes. */
  readonly source: Source;
  readonly #ids: Numbers | undefined;
  readonly #versions: Numbers | undefined;
  #versionGets = 0;
  /** By field number. */
  readonly #columns: Column[] = [];
  /**
   * The last result of {@linkcode Group.columns}: callers ask for the same fields row after row.
   */
  #chosen: { fields: readonly FieldDef[]; columns: readonly Column[] } | undefined;

  /**
   * @param source The bytes.
   * @param directory The directory from a file. It may be any JSON.
   * @param first The id of the first row.
   */
  constructor(source: Source, directory: unknown, first: number) {
    this.source = source;
    if (!isObject(directory) || !isObject(directory.columns)) {
      source.fail(0, "a row group has no columns");
    }
    this.directory = directory as unknown as GroupDirectory;
    this.first = first;
    const { rows, ids, versions } = this.directory;
    if (!isCount(rows) || rows < 1 || rows > GROUP_ROWS) {
      source.fail(0, "a row group has an impossible size");
    }
    this.rows = rows;
    if (ids !== undefined) this.#ids = new Numbers(source, ids, rows, COUNTS);
    if (versions !== undefined) this.#versions = new Numbers(source, versions, rows, COUNTS);
  }

  /** Whether the group can come from an insert: its ids have no gaps and all versions are 0. */
  get isNew(): boolean {
    return this.#ids === undefined && this.isUnchanged;
  }

  /** Whether all versions are 0. */
  get isUnchanged(): boolean {
    return this.#versions === undefined;
  }

  /** The id of a row. */
  id(i: number): number {
    return this.#ids === undefined ? this.first + i : this.#ids.get(i);
  }

  /** The version of a row. */
  version(i: number): number {
    const versions = this.#versions;
    if (versions === undefined) return 0;
    if (this.#versionGets++ === MANY_GETS) this.#loadVersions(versions);
    return versions.get(i);
  }

  /** Makes reading them faster. If it cannot, they are read one by one, as far as they verify. */
  #loadVersions(versions: Numbers): void {
    try {
      versions.load();
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
    }
  }

  /** The first row whose id is at least `id`; {@linkcode Group.rows} if there is none. */
  lowerBound(id: number): number {
    const ids = this.#ids;
    if (ids === undefined) return Math.min(Math.max(id - this.first, 0), this.rows);
    return firstWhere(0, this.rows, (i) => ids.get(i) >= id);
  }

  /** The index of the row with this id; -1 if there is none. */
  indexOf(id: number): number {
    const i = this.lowerBound(id);
    return i < this.rows && this.id(i) === id ? i : -1;
  }

  /** The column of a field. */
  column(field: FieldDef): Column {
    let column = this.#columns[field.number];
    if (column === undefined) {
      const meta = this.directory.columns[field.number];
      column = openColumn(this.source, meta, field.value, this.rows, field.fill);
      this.#columns[field.number] = column;
    }
    return column;
  }

  /** Whether the zone map of a field rules out that any row matches. It reads no values. */
  canPrune(field: FieldDef, predicate: Predicate): boolean {
    const { bounds, nulls } = this.directory.columns[field.number] ?? {};
    const { keyRanges } = predicate;
    if (
      bounds === undefined || keyRanges === undefined || (predicate.nulls && nulls !== undefined)
    ) {
      return this.column(field).canPrune(predicate);
    }
    const [least, greatest] = this.#decodeZoneMap(field, bounds);
    return !overlaps(field.value, keyRanges, least, greatest);
  }

  /** The zone map of a field: its least and greatest value, if the file has them. */
  zoneMap(field: FieldDef): readonly [least: Stored, greatest: Stored] | undefined {
    const { bounds } = this.directory.columns[field.number] ?? {};
    return bounds === undefined ? this.column(field).zoneMap : this.#decodeZoneMap(field, bounds);
  }

  #decodeZoneMap(
    { name, value: type }: FieldDef,
    bounds: unknown,
  ): [least: Stored, greatest: Stored] {
    try {
      const [least, greatest] = bounds as JsonValue[];
      return [type.encode(type.fromJson(least!)), type.encode(type.fromJson(greatest!))];
    } catch {
      return this.source.fail(0, `the zone map of field "${name}" makes no sense`);
    }
  }

  /** The columns of fields, in their order. */
  columns(fields: readonly FieldDef[]): readonly Column[] {
    if (this.#chosen?.fields !== fields) {
      this.#chosen = { fields, columns: fields.map((field) => this.column(field)) };
    }
    return this.#chosen.columns;
  }

  /** Prepares for reading this many rows: it loads whole columns if that pays. */
  loadFor(rows: number, fields: readonly FieldDef[]): void {
    if (rows <= MANY_GETS) return;
    for (const column of this.columns(fields)) column.load();
  }

  /** A row. */
  row(i: number, fields: readonly FieldDef[]): StoredRow {
    const values: StoredRow["values"][number][] = [];
    const columns = this.columns(fields);
    for (let k = 0; k < fields.length; k++) values[fields[k]!.number] = columns[k]!.get(i);
    return { version: this.version(i), values };
  }
}
