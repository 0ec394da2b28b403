/**
 * Writes a table, see `table.ts`: group by group, then the indexes, then the footer.
 *
 * @module
 */

import { align8, decodeText, encodeText, setUint32, setUint53 } from "../bytes/bytes.ts";
import { encodeColumn } from "./column_writer.ts";
import { type Extent, ExtentWriter, storedLength } from "./extent.ts";
import type { File } from "../system/file.ts";
import { formatFooter, type GroupEntry, type IndexEntry, type SegmentInfo } from "./footer.ts";
import { type EncodedGroup, type Group, GroupBuilder } from "./group.ts";
import { shapeOf, wordsOf } from "./numbers.ts";
import { PartWriter } from "./parts.ts";
import type { FieldDef, StoredRow } from "../schema/field_def.ts";
import { GroupRows, type IndexDirectory, openGroup, type Segment, TAIL } from "./segment.ts";
import type { Stored } from "../schema/values.ts";
import { type Checksum, SUM } from "../bytes/checksum.ts";
import { encodeFileHeader, FILE_HEADER } from "../bytes/header.ts";

/** So many rows of an index are written at once: their words fill whole pages. */
const PIECE = 2 ** 15;

/** Writes a table, group by group. */
export class SegmentWriter {
  readonly #file: File;
  readonly #checksums: Checksum;
  readonly #generation: number;
  readonly #groups: GroupEntry[] = [];
  readonly #indexes: IndexEntry[] = [];
  #nextGroup: number;
  #at = FILE_HEADER;
  /** What is being written there. */
  #extent: ExtentWriter | undefined;

  /**
   * @param file A new, empty file.
   * @param checksums The base's sums.
   * @param generation The generation that the table is of.
   * @param nextGroup The number that the first new group gets.
   */
  constructor(file: File, checksums: Checksum, generation: number, nextGroup: number) {
    this.#file = file;
    this.#checksums = checksums;
    this.#generation = generation;
    this.#nextGroup = nextGroup;
    file.writeAt(encodeFileHeader("table", checksums, generation), 0);
  }

  /** How many bytes were written. */
  get bytes(): number {
    return this.#at + (this.#extent?.length ?? 0);
  }

  /** Writes a new group of rows with ids from `first` to `last`. */
  add(group: EncodedGroup, first: number, last: number): void {
    const extent = this.#begin();
    extent.write(group.bytes);
    const { directory } = group;
    this.#groups.push({ ...this.#end(extent, directory), first, last, rows: directory.rows });
  }

  #begin(): ExtentWriter {
    const location = { number: this.#nextGroup++, at: this.#at };
    return this.#extent = new ExtentWriter(this.#file, this.#checksums, location);
  }

  #end(extent: ExtentWriter, directory: unknown): Extent {
    const entry = extent.finish(JSON.stringify(directory));
    this.#at += storedLength(entry);
    this.#extent = undefined;
    return entry;
  }

  /** Copies group `i` of another table, as bytes. */
  copy(from: Segment, i: number): void {
    if (!from.isOfTable(this.#checksums)) {
      const { first, last, directory } = from.groups[i]!;
      const { bytes, behind } = from.copyOf(i);
      const json = JSON.parse(decodeText(behind.subarray(0, directory)));
      return this.add({ directory: json, bytes }, first, last);
    }
    const entry = { ...from.groups[i]!, at: this.#at };
    const { bytes, behind } = from.copyOf(i);
    this.#file.writeAt(bytes, entry.at);
    this.#file.writeAt(behind, entry.at + bytes.length);
    this.#at += storedLength(entry);
    this.#groups.push(entry);
  }

  /** The rows written so far, read again. */
  written(): GroupRows {
    const opened = new Map<GroupEntry, Group>();
    return new GroupRows(this.#groups.map((entry) => ({
      rows: entry.rows,
      open: () => {
        let group = opened.get(entry);
        if (group === undefined) {
          group = openGroup(this.#file, this.#checksums, entry).group;
          opened.set(entry, group);
        }
        return group;
      },
    })));
  }

  /**
   * Writes the order of a field; behind the last group. Yields where it can pause.
   *
   * @param field The field.
   * @param nulls How many rows are null.
   * @param order All rows.
   * @param fences The value at each multiple of {@linkcode FENCE_STEP} in that order.
   */
  *addIndex(
    field: FieldDef,
    nulls: number,
    order: Uint32Array,
    fences: readonly (Stored | null)[],
  ): Generator<undefined, void> {
    const extent = this.#begin();
    const shape = shapeOf(order, 0, Math.max(0, order.length - 1));
    let from = 0;
    for (; order.length - from > PIECE; from += PIECE) {
      extent.write(wordsOf(order, shape, from, from + PIECE));
      yield;
    }
    const parts = new PartWriter(from * shape.width);
    parts.add(wordsOf(order, shape, from));
    const directory: IndexDirectory = {
      order: { ...shape, at: 0 },
      fences: encodeColumn(parts, field.value, fences),
    };
    extent.write(parts.finish());
    this.#indexes.push({ ...this.#end(extent, directory), field: field.number, nulls });
  }

  /** Writes the footer; the caller syncs. */
  finish({ schema, nextId, sequence }: SegmentInfo): void {
    const json = encodeText(formatFooter({
      schema,
      nextId,
      sequence,
      nextGroup: this.#nextGroup,
      groups: this.#groups,
      indexes: this.#indexes,
    }));
    const bytes = new Uint8Array(align8(json.length) + TAIL);
    bytes.set(json);
    setUint53(bytes, bytes.length - TAIL, this.#at);
    setUint32(bytes, bytes.length - TAIL + 8, json.length);
    this.#checksums.put(SUM.footer, this.#generation, this.#at, bytes, 0, bytes.length - 8);
    this.#file.writeAt(bytes, this.#at);
  }
}

/** Writes rows to a table, in id order, as the groups that they fill. */
export class RowWriter {
  readonly #out: SegmentWriter;
  readonly #builder: GroupBuilder;

  constructor(out: SegmentWriter, fields: readonly FieldDef[]) {
    this.#out = out;
    this.#builder = new GroupBuilder(fields);
  }

  /** Adds a row; whether it is time to {@linkcode RowWriter.flush} it. */
  add(id: number, row: StoredRow): boolean {
    this.#builder.add(id, row);
    return this.#builder.full;
  }

  /**
   * Writes a group, also behind the last row, or before a group that is written as it is; yields
   * where it can pause.
   */
  *flush(): Generator<undefined, void> {
    if (this.#builder.empty) return;
    const { group, first, last } = yield* this.#builder.buildInSteps();
    this.#out.add(group, first, last);
  }
}
