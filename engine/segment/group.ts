/**
 * A row group: some thousand rows next to each other in id order, column by
 * column. The same bytes serve in a table file and within the frame of a large
 * insert.
 *
 * @module
 */

import { type Column, type ColumnMeta, MANY_GETS, openColumn } from "./column.ts";
import { encodeColumn } from "./column_writer.ts";
import { isCount, isObject } from "../system/check.ts";
import { CorruptionError } from "../system/errors.ts";
import { overlaps, type Predicate } from "../schema/predicate.ts";
import { COUNTS, encodeNumbers, Numbers, type NumbersMeta } from "./numbers.ts";
import { PartWriter, type Source } from "./parts.ts";
import { type FieldDef, readField, type StoredRow } from "../schema/field_def.ts";
import { allOf } from "../system/steps.ts";
import type { JsonValue } from "../schema/types.ts";
import type { Stored } from "../schema/values.ts";
import { GROUP_ROWS } from "../bytes/header.ts";

/** A group ends early at so many bytes of text and the like, so that large values stay bearable. */
const GROUP_BYTES = 32 * 2 ** 20;

/** What stands where in a group; written as JSON. */
export interface GroupDirectory {
  /** How many rows. */
  readonly rows: number;
  /** Their ids; left out where they follow each other without a gap. */
  readonly ids?: NumbersMeta;
  /** Their versions; left out where all are 0. */
  readonly versions?: NumbersMeta;
  /** Columns by field number. */
  readonly columns: Readonly<Record<string, ColumnMeta>>;
}

/** A group as bytes, not yet anywhere. */
export interface EncodedGroup {
  /** What stands where. */
  readonly directory: GroupDirectory;
  /** The columns. */
  readonly bytes: Uint8Array;
}

/** Rows that became a group. */
export interface BuiltGroup {
  /** What they are now. */
  readonly group: EncodedGroup;
  /** The least id. */
  readonly first: number;
  /** The greatest id. */
  readonly last: number;
}

/** Collects rows, in id order, until they fill a group; what it keeps of them is their values. */
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

  /** Whether there are no rows in it. */
  get empty(): boolean {
    return this.#ids.length === 0;
  }

  /** Whether it is time to {@linkcode GroupBuilder.build} it. */
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

  /** The group of the rows added since the last one. */
  build(): BuiltGroup {
    return allOf(this.buildInSteps());
  }

  /** As {@linkcode GroupBuilder.build}; yields where it can pause. */
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

/** A group that is wholly in memory, its bytes verified already. */
export class MemorySource implements Source {
  readonly #bytes: Uint8Array;
  readonly #path: string;

  /**
   * @param bytes The bytes, at the beginning of their buffer.
   * @param path The file that they come from.
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

/** Reads rows and columns of a group. */
export class Group {
  /** How many rows. */
  readonly rows: number;
  /** The id of the first row. */
  readonly first: number;
  /** What stands where. */
  readonly directory: GroupDirectory;
  /** The bytes. */
  readonly source: Source;
  readonly #ids: Numbers | undefined;
  readonly #versions: Numbers | undefined;
  /** By field number. */
  readonly #columns: Column[] = [];
  /** What was asked for last, as it is for row after row. */
  #chosen: { fields: readonly FieldDef[]; columns: readonly Column[] } | undefined;

  /**
   * @param source The bytes.
   * @param directory What a file tells of them: a {@linkcode GroupDirectory}, or anything.
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

  /** Whether ids follow each other and no row was ever changed, as in what was just inserted. */
  get isNew(): boolean {
    return this.#ids === undefined && this.#versions === undefined;
  }

  /** The id of a row. */
  id(i: number): number {
    return this.#ids === undefined ? this.first + i : this.#ids.get(i);
  }

  /** The version of a row. */
  version(i: number): number {
    return this.#versions === undefined ? 0 : this.#versions.get(i);
  }

  /** The first row whose id is at least `id`; {@linkcode Group.rows} if there is none. */
  lowerBound(id: number): number {
    if (this.#ids === undefined) return Math.min(Math.max(id - this.first, 0), this.rows);
    let low = 0;
    let high = this.rows;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ids.get(middle) < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Where the row of an id stands; -1 if it is not there. */
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

  /** Whether no row matches, as far as can be told without reading values. */
  canPrune(field: FieldDef, predicate: Predicate): boolean {
    const { bounds, nulls } = this.directory.columns[field.number] ?? {};
    const { keyRanges } = predicate;
    if (
      bounds === undefined || keyRanges === undefined || (predicate.nulls && nulls !== undefined)
    ) {
      return this.column(field).canPrune(predicate);
    }
    const { value: type } = field;
    const [least, greatest] = this.#decodeZoneMap(field, bounds);
    return !overlaps(type, keyRanges, least, greatest);
  }

  /** The least and the greatest value of a field, if they are told. */
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
      return this.source.fail(0, `the bounds of field "${name}" make no sense`);
    }
  }

  /** The columns of fields, in their order. */
  columns(fields: readonly FieldDef[]): readonly Column[] {
    if (this.#chosen?.fields !== fields) {
      this.#chosen = { fields, columns: fields.map((field) => this.column(field)) };
    }
    return this.#chosen.columns;
  }

  /** So many rows will be asked for: columns that pay are read at once, not page by page. */
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
