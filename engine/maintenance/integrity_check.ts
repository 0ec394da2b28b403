/**
 * Reading every byte of a base, to tell what is damaged.
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

/** Something that is not as it was written. */
export interface Problem {
  /** The file. */
  readonly file: string;
  /** Where in it, in bytes. */
  readonly offset: number;
  /** What is wrong. */
  readonly reason: string;
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
 * Reads every byte of the current generation and verifies it; yields where it can
 * pause. Damage is listed, it throws only what is no damage.
 */
export function* checkIntegrity(files: Files, dir: string): Generator<undefined, CheckResult> {
  const problems: Problem[] = [];
  let rows = 0;
  let store: Store | undefined;
  const noting = (fn: () => void) => {
    try {
      fn();
    } catch (error) {
      if (!(error instanceof CorruptionError)) throw error;
      const { file, offset, reason } = error;
      problems.push({ file, offset, reason });
    }
  };
  noting(() => store = Store.open(files, dir, { readOnly: true }));
  if (store === undefined) return { ok: false, rows, problems };
  const { snapshot } = store;
  snapshot.pin();
  try {
    noting(() => snapshot.segment.checkHeader());
    for (let i = 0; i < snapshot.segment.groups.length; i++) {
      noting(() => void snapshot.segment.copyOf(i));
      yield;
    }
    // What is damaged in the groups was told: their rows are not looked at again.
    const order = problems.length === 0;
    noting(() => snapshot.segment.checkIndexes({ order }));
    if (problems.length === 0) {
      noting(() => rows = readAll(snapshot));
      if (problems.length === 0 && rows !== snapshot.size) {
        const reason = `${rows} rows are there, ${snapshot.size} should be`;
        problems.push({ file: store.log.path, offset: 0, reason });
      }
    }
  } finally {
    snapshot.unpin();
    store.close();
  }
  return { ok: problems.length === 0, rows, problems };
}

/** Decodes every value of a row of the group, and looks whether it is within the bounds told. */
function checkerOf(group: Group, { fields }: TableSchema): (index: number) => void {
  const checks = fields.map((field) => {
    const column = group.column(field);
    // Single values may be right where not all are.
    if (column.damage !== undefined) throw column.damage;
    const { compare } = field.value;
    const [least, greatest] = group.zoneMap(field) ?? [];
    return (index: number) => {
      const value = column.get(index);
      if (value === null) return;
      // Nothing else that a column gives could be refused.
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

/** Decodes every value; how many rows there are. */
function readAll(snapshot: Snapshot): number {
  let rows = 0;
  let last = -1;
  for (const segment of snapshot.slices()) {
    let check: ((index: number) => void) | undefined;
    for (const location of scanSlice(segment)) {
      if (location.id <= last) {
        location.group?.source.fail(0, `row ${location.id} stands behind row ${last}`);
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
