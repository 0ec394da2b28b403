/**
 * Writes segments: row groups, then indexes, then the footer. `segment.ts` shows the layout.
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
import {
  GroupRows,
  INDEX_CHUNK,
  type IndexDirectory,
  openGroup,
  type Segment,
  TAIL,
} from "./segment.ts";
import type { Stored } from "../schema/values.ts";
import { type Checksum, SUM } from "../bytes/checksum.ts";
import { encodeFileHeader, FILE_HEADER } from "../bytes/header.ts";

/** Writes a segment. */
export class SegmentWriter {
  readonly #file: File;
  readonly #checksums: Checksum;
  readonly #generation: number;
  readonly #groups: GroupEntry[] = [];
  readonly #indexes: IndexEntry[] = [];
  #nextGroup: number;
  #at = FILE_HEADER;
  /** The extent in progress, which begins at `#at`. */
  #extent: ExtentWriter | undefined;

  /**
   * @param file A new, empty file.
   * @param checksums The checksums of the table.
   * @param generation The generation of the segment.
   * @param nextGroup The number that the first new row group gets.
   */
  constructor(file: File, checksums: Checksum, generation: number, nextGroup: number) {
    this.#file = file;
    this.#checksums = checksums;
    this.#generation = generation;
    this.#nextGroup = nextGroup;
    file.writeAt(encodeFileHeader("table", checksums, generation), 0);
  }

  /** The number of bytes written so far. */
  get bytes(): number {
    return this.#at + (this.#extent?.length ?? 0);
  }

  /** Writes a row group with ids from `first` to `last`. */
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

  /** Copies the bytes of group `i` of another segment. */
  copy(from: Segment, i: number): void {
    const group = from.groups[i]!;
    const { bytes, trailer } = from.copyOf(i);
    if (!from.isOfTable(this.#checksums)) {
      // The checksums of another table do not verify here, so they are computed anew.
      const directory = JSON.parse(decodeText(trailer.subarray(0, group.directory)));
      return this.add({ directory, bytes }, group.first, group.last);
    }
    const entry = { ...group, at: this.#at };
    this.#file.writeAt(bytes, entry.at);
    this.#file.writeAt(trailer, entry.at + bytes.length);
    this.#at += storedLength(entry);
    this.#groups.push(entry);
  }

  /** The rows written so far, read back from the file. */
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
   * Writes the index of a field, after the last row group. It yields where it can pause.
   *
   * @param field The field.
   * @param nulls The number of rows with null.
   * @param order All row numbers in the order of the field.
   * @param fences The value at each position that is a multiple of {@linkcode FENCE_STEP}.
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
    for (; order.length - from > INDEX_CHUNK; from += INDEX_CHUNK) {
      extent.write(wordsOf(order, shape, from, from + INDEX_CHUNK));
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
  finish(info: SegmentInfo): void {
    const json = encodeText(formatFooter({
      ...info,
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

/** Writes rows to a segment, in id order, group by group. */
export class RowWriter {
  readonly #out: SegmentWriter;
  readonly #builder: GroupBuilder;

  constructor(out: SegmentWriter, fields: readonly FieldDef[]) {
    this.#out = out;
    this.#builder = new GroupBuilder(fields);
  }

  /** Adds a row and returns whether the group is full: then call {@linkcode RowWriter.flush}. */
  add(id: number, row: StoredRow): boolean {
    this.#builder.add(id, row);
    return this.#builder.full;
  }

  /**
   * Writes the rows added so far as a group. Call it also after the last row, and before a group
   * that is copied. It yields where it can pause.
   */
  *flush(): Generator<undefined, void> {
    if (this.#builder.empty) return;
    const { group, first, last } = yield* this.#builder.buildInSteps();
    this.#out.add(group, first, last);
  }
}
