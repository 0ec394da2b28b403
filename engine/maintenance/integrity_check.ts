/**
 * Integrity check: reads and verifies every byte of a table, and lists the damage.
 *
 * @module
 */

import { CorruptionError } from "../system/errors.ts";
import type { Files } from "../system/file.ts";
import type { Group } from "../segment/group.ts";
import { decodeFrom } from "../snapshot/rows.ts";
import { scanSlice } from "../query/scan.ts";
import type { TableSchema } from "../schema/schema.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import { Store } from "../store/store.ts";

/** A place where the bytes are not as they were written. */
export interface Problem {
  /** The file. */
  readonly file: string;
  /** The offset in the file, in bytes. */
  readonly offset: number;
  /** What is wrong. */
  readonly reason: string;
}

/** The problem that an error reports. */
export function problemOf({ file, offset, reason }: CorruptionError): Problem {
  return { file, offset, reason };
}

/** What `fn` returns, or the damage that it finds. */
export function orDamage<T>(fn: () => T): T | CorruptionError {
  try {
    return fn();
  } catch (error) {
    if (error instanceof CorruptionError) return error;
    throw error;
  }
}

/** What a check found. */
export interface CheckResult {
  /** Whether nothing is wrong. */
  readonly ok: boolean;
  /** How many rows could be read. */
  readonly rows: number;
  /** What is wrong. */
  readonly problems: readonly Problem[];
}

/**
 * Reads and verifies every byte of the current generation; yields where it can pause. It lists
 * damage, and throws only errors that are no damage.
 */
export function* checkIntegrity(files: Files, dir: string): Generator<undefined, CheckResult> {
  const problems: Problem[] = [];
  let rows = 0;
  const listed = <T>(fn: () => T): T | undefined => {
    const found = orDamage(fn);
    if (!(found instanceof CorruptionError)) return found;
    problems.push(problemOf(found));
    return undefined;
  };
  using store = listed(() => Store.open(files, dir, { readOnly: true }));
  if (store === undefined) return { ok: false, rows, problems };
  const { snapshot } = store;
  snapshot.pin();
  try {
    listed(() => snapshot.segment.checkHeader());
    for (let i = 0; i < snapshot.segment.groups.length; i++) {
      listed(() => snapshot.segment.copyOf(i));
      yield;
    }
    // The damage of groups is listed already: it would only be found again in their rows.
    const order = problems.length === 0;
    listed(() => snapshot.segment.checkIndexes({ order }));
    if (problems.length === 0) {
      rows = listed(() => verifyRows(snapshot)) ?? 0;
      if (problems.length === 0 && rows !== snapshot.size) {
        const reason = `${rows} rows are there, ${snapshot.size} should be`;
        problems.push({ file: store.log.path, offset: 0, reason });
      }
    }
  } finally {
    snapshot.unpin();
  }
  return { ok: problems.length === 0, rows, problems };
}

/** Decodes every value of a row of the group, and checks it against the zone map. */
function checkerOf(group: Group, { fields }: TableSchema): (index: number) => void {
  const checks = fields.map((field) => {
    const column = group.column(field);
    // A damaged column may still return single values.
    if (column.damage !== undefined) throw column.damage;
    const { compare } = field.value;
    const [least, greatest] = group.zoneMap(field) ?? [];
    return (index: number) => {
      const value = column.get(index);
      if (value === null) return;
      // Only json can fail to decode.
      if (field.type === "json") decodeFrom(group, field, value);
      if (least === undefined || greatest === undefined) return;
      if (compare(value, least) < 0 || compare(value, greatest) > 0) {
        group.source.fail(0, `a value of field "${field.name}" is out of its bounds`);
      }
    };
  });
  return (index) => {
    group.version(index);
    for (const check of checks) check(index);
  };
}

/** Decodes every value; returns the number of rows. */
function verifyRows(snapshot: Snapshot): number {
  let rows = 0;
  let last = -1;
  for (const slice of snapshot.slices()) {
    let check: ((index: number) => void) | undefined;
    for (const location of scanSlice(slice)) {
      if (location.id <= last) {
        location.group?.source.fail(0, `row ${location.id} comes after row ${last}`);
      }
      last = location.id;
      rows++;
      if (location.group === undefined) continue;
      check ??= checkerOf(location.group, snapshot.schema);
      check(location.index);
    }
  }
  return rows;
}
