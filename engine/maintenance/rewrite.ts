/**
 * Writes a snapshot as a segment, for compaction and backup, and the indexes of every segment.
 *
 * @module
 */

import { firstWhere } from "../system/bisect.ts";
import { scanSlice } from "../query/scan.ts";
import type { FieldDef } from "../schema/field_def.ts";
import type { TableSchema } from "../schema/schema.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { rowOf } from "../snapshot/location.ts";
import { RowWriter, type SegmentWriter } from "../segment/segment_writer.ts";
import type { Stored } from "../schema/values.ts";
import { GROUP_ROWS } from "../bytes/header.ts";
import { FENCE_STEP } from "../segment/segment_index.ts";
import { sortRows } from "./sort_rows.ts";

/** The new position of a row that was deleted or changed. */
const GONE = 2 ** 32 - 1;

/** How many rows are put into a group, or fences read, in one step. */
const ROWS_A_STEP = 4096;
const FENCES_A_STEP = 256;
/** How many rows are sorted at once. */
const RUN = 2 ** 13;

/** Consecutive rows, by number. */
type RowRange = [from: number, to: number];

/** Where the rows of a new segment come from. */
interface Moves {
  /** For each row of the segment before: its new position, or {@linkcode GONE}. */
  readonly moved: Uint32Array;
  /** All other rows of the new segment, ascending. */
  readonly fresh: readonly RowRange[];
}

/**
 * Writes the rows of a snapshot and their indexes, and returns its sequence; yields where it can
 * pause.
 *
 * @param schema The fields, as the new segment describes them.
 */
export function* writeSnapshot(
  out: SegmentWriter,
  snapshot: Snapshot,
  schema: TableSchema = snapshot.schema,
): Generator<undefined, number> {
  const { segment, nextId, sequence, keys } = snapshot;
  const moves = yield* writeGroups(out, snapshot);
  yield* writeIndexes(out, schema, { orderOf: (field) => segment.orderOf(field), ...moves });
  out.finish({ schema, nextId, sequence, keys: keys?.carried });
  return sequence;
}

/** Writes all rows; returns where they come from, if an index has to be made of them. */
function* writeGroups(out: SegmentWriter, snapshot: Snapshot): Generator<undefined, Moves> {
  const { segment, schema } = snapshot;
  const moved = new Uint32Array(schema.indexed.length === 0 ? 0 : segment.rows).fill(GONE);
  const fresh: RowRange[] = [];
  const rows = new RowWriter(out, schema.fields);
  const numbers = new Set(schema.fields.map((field) => String(field.number)));
  let i = 0;
  let before = 0; // rows of the old segment in groups before this one
  let written = 0;
  for (const slice of snapshot.slices()) {
    const { part, delta } = slice;
    const group = part?.open();
    const isOld = i < segment.groups.length;
    const asIs = group !== undefined && delta === undefined && group.rows >= GROUP_ROWS / 2 &&
      Object.keys(group.directory.columns).every((number) => numbers.has(number));
    if (asIs) {
      yield* rows.flush();
      if (isOld) {
        out.copy(segment, i);
        if (moved.length > 0) {
          for (let k = 0; k < group.rows; k++) moved[before + k] = written + k;
        }
      } else {
        const { directory, source, first } = group;
        const bytes = source.read(0, source.length);
        out.add({ directory, bytes }, first, first + group.rows - 1);
        append(fresh, written, group.rows);
      }
      written += group.rows;
    } else {
      for (const location of scanSlice(slice)) {
        if (!isOld || location.group === undefined) append(fresh, written, 1);
        else if (moved.length > 0) moved[before + location.index] = written;
        if (rows.add(location.id, rowOf(location, schema.fields))) yield* rows.flush();
        written++;
        if (written % ROWS_A_STEP === 0) yield;
      }
    }
    if (isOld) before += segment.groups[i]!.rows;
    i++;
    yield;
  }
  yield* rows.flush();
  return { moved, fresh };
}

/** Appends rows to ascending ranges. */
function append(ranges: RowRange[], from: number, rows: number): void {
  const last = ranges.at(-1);
  if (last?.[1] === from) last[1] += rows;
  else ranges.push([from, from + rows]);
}

/** What {@linkcode writeIndexes} can make use of. */
export interface IndexSources extends Partial<Moves> {
  /** The order of the rows in the segment before, some at a time. */
  readonly orderOf?: (field: FieldDef) => Iterable<ArrayLike<number>> | undefined;
  /** Called with each order before it is written. */
  readonly check?: (field: FieldDef, order: Uint32Array) => void;
}

/**
 * Writes the order of the rows by each indexed field; it reuses the order of the segment before.
 *
 * @param out A segment that has all its rows.
 */
export function* writeIndexes(
  out: SegmentWriter,
  schema: TableSchema,
  { orderOf, moved = new Uint32Array(), fresh = [], check }: IndexSources = {},
): Generator<undefined> {
  const rows = out.written();
  for (const field of schema.indexed) {
    const before = orderOf?.(field);
    const [known, others]: [Uint32Array, readonly RowRange[]] = before === undefined
      ? [new Uint32Array(), [[0, rows.rows]]]
      : [yield* carried(before, moved), fresh];
    const order = yield* sortRows(rows, field, known, inRuns(others));
    check?.(field, order);
    const nulls = firstWhere(0, order.length, (i) => rows.value(field, order[i]!) !== null);
    const fences: (Stored | null)[] = [];
    for (let i = 0; i < order.length; i += FENCE_STEP) {
      fences.push(rows.value(field, order[i]!));
      if (fences.length % FENCES_A_STEP === 0) yield;
    }
    yield* out.addIndex(field, nulls, order, fences);
    yield;
  }
}

/** The new positions of the rows of an order, in that order. */
function* carried(
  order: Iterable<ArrayLike<number>>,
  moved: Uint32Array,
): Generator<undefined, Uint32Array> {
  const rows = new Uint32Array(moved.length);
  let n = 0;
  for (const some of order) {
    for (let i = 0; i < some.length; i++) {
      const row = moved[some[i]!]!;
      if (row !== GONE) rows[n++] = row;
    }
    yield;
  }
  return rows.subarray(0, n);
}

/** The rows of the ranges, some thousand at a time. */
function* inRuns(ranges: readonly RowRange[]): Generator<Uint32Array> {
  let run = new Uint32Array(RUN);
  let n = 0;
  for (const [from, to] of ranges) {
    for (let row = from; row < to; row++) {
      run[n++] = row;
      if (n < run.length) continue;
      yield run;
      run = new Uint32Array(RUN);
      n = 0;
    }
  }
  if (n > 0) yield run.subarray(0, n);
}
