/**
 * A commit point as a table: what cleanup and backup write; the indexes of any table.
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

/** Where a row went that was deleted, or is not what it was. */
const GONE = 2 ** 32 - 1;

/** So many rows are put into a group, or fences read, in a step. */
const ROWS_A_STEP = 4096;
const FENCES_A_STEP = 256;
/** So many rows are sorted at once. */
const RUN = 2 ** 13;

/** Rows next to each other, by number. */
type Range = [from: number, to: number];

/** Where the rows of a new table come from. */
interface Moves {
  /** Where each row of the table before went, that is as it was. */
  readonly moved: Uint32Array;
  /** All other rows, ascending. */
  readonly fresh: readonly Range[];
}

/**
 * Writes the rows of a commit point and their indexes, and gives its sequence; yields where it
 * can pause.
 *
 * @param out A new table.
 * @param snapshot The commit point.
 * @param schema How the fields are told of in the new table.
 */
export function* writeSnapshot(
  out: SegmentWriter,
  snapshot: Snapshot,
  schema: TableSchema = snapshot.schema,
): Generator<undefined, number> {
  const { segment: table, nextId, sequence } = snapshot;
  const moves = yield* writeGroups(out, snapshot);
  yield* writeIndexes(out, schema, { orderOf: (field) => table.orderOf(field), ...moves });
  out.finish({ schema, nextId, sequence });
  return sequence;
}

/** Writes all rows; tells where they come from, if there is an index to be made of it. */
function* writeGroups(out: SegmentWriter, snapshot: Snapshot): Generator<undefined, Moves> {
  const { segment: table, schema } = snapshot;
  const moved = new Uint32Array(schema.indexed.length === 0 ? 0 : table.rows).fill(GONE);
  const fresh: Range[] = [];
  const rows = new RowWriter(out, schema.fields);
  const numbers = new Set(schema.fields.map((field) => String(field.number)));
  let i = 0;
  let before = 0; // rows of the table in groups before this one
  let written = 0;
  for (const segment of snapshot.slices()) {
    const { part, delta } = segment;
    const group = part?.open();
    const ofTable = i < table.groups.length;
    const asIs = group !== undefined && delta === undefined && group.rows >= GROUP_ROWS / 2 &&
      Object.keys(group.directory.columns).every((number) => numbers.has(number));
    if (asIs) {
      yield* rows.flush();
      if (ofTable) out.copy(table, i);
      else {
        const { directory, source, first } = group;
        const bytes = source.read(0, source.length);
        out.add({ directory, bytes }, first, first + group.rows - 1);
      }
      if (!ofTable) add(fresh, written, group.rows);
      else if (moved.length > 0) {
        for (let k = 0; k < group.rows; k++) moved[before + k] = written + k;
      }
      written += group.rows;
    } else {
      for (const location of scanSlice(segment)) {
        if (!ofTable || location.group === undefined) add(fresh, written, 1);
        else if (moved.length > 0) moved[before + location.index] = written;
        if (rows.add(location.id, rowOf(location, schema.fields))) yield* rows.flush();
        written++;
        if (written % ROWS_A_STEP === 0) yield;
      }
    }
    if (ofTable) before += table.groups[i]!.rows;
    i++;
    yield;
  }
  yield* rows.flush();
  return { moved, fresh };
}

/** Adds rows behind all others. */
function add(ranges: Range[], from: number, rows: number): void {
  const last = ranges.at(-1);
  if (last?.[1] === from) last[1] += rows;
  else ranges.push([from, from + rows]);
}

/** What {@linkcode writeIndexes} can be told. */
export interface IndexSources extends Partial<Moves> {
  /** The order of the rows that were in another table before, some at a time. */
  readonly orderOf?: (field: FieldDef) => Iterable<ArrayLike<number>> | undefined;
  /** Is told each order, before it is written. */
  readonly check?: (field: FieldDef, order: Uint32Array) => void;
}

/**
 * Writes the order of each field that is to have one, with what is in order already.
 *
 * @param out A table that has all its rows.
 * @param schema The fields.
 */
export function* writeIndexes(
  out: SegmentWriter,
  schema: TableSchema,
  { orderOf, moved = new Uint32Array(), fresh = [], check }: IndexSources = {},
): Generator<undefined> {
  const rows = out.written();
  for (const field of schema.indexed) {
    const before = orderOf?.(field);
    const [known, others]: [Uint32Array, readonly Range[]] = before === undefined
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

/** Where the rows of an order went, in that order. */
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

/** The rows of these ranges, some thousand at a time. */
function* inRuns(ranges: readonly Range[]): Generator<Uint32Array> {
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
