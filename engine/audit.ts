/**
 * Reading every byte of a base, to tell what is damaged.
 *
 * @module
 */

import { CorruptionError } from "./errors.ts";
import type { Files } from "./file.ts";
import type { Group } from "./group.ts";
import { giveFrom } from "./rows.ts";
import { scanSegment } from "./scan.ts";
import type { TableSchema } from "./schema.ts";
import type { State } from "./state.ts";
import { Store } from "./store.ts";

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
export function* audit(files: Files, dir: string): Generator<undefined, CheckResult> {
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
  const { state } = store;
  state.pin();
  try {
    noting(() => state.table.checkHeader());
    for (let i = 0; i < state.table.groups.length; i++) {
      noting(() => void state.table.copyOf(i));
      yield;
    }
    // What is damaged in the groups was told: their rows are not looked at again.
    const order = problems.length === 0;
    noting(() => state.table.checkIndexes({ order }));
    if (problems.length === 0) {
      noting(() => rows = readAll(state));
      if (problems.length === 0 && rows !== state.size) {
        const reason = `${rows} rows are there, ${state.size} should be`;
        problems.push({ file: store.log.path, offset: 0, reason });
      }
    }
  } finally {
    state.unpin();
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
    const [least, greatest] = group.bounds(field) ?? [];
    return (index: number) => {
      const value = column.get(index);
      if (value === null) return;
      // Nothing else that a column gives could be refused.
      if (field.type === "json") giveFrom(group, field, value);
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
function readAll(state: State): number {
  let rows = 0;
  let last = -1;
  for (const segment of state.segments()) {
    let check: ((index: number) => void) | undefined;
    for (const place of scanSegment(segment)) {
      if (place.id <= last) {
        place.group?.source.fail(0, `row ${place.id} stands behind row ${last}`);
      }
      last = place.id;
      rows++;
      if (place.group === undefined) continue;
      check ??= checkerOf(place.group, state.schema);
      check(place.index);
    }
  }
  return rows;
}
