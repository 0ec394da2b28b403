/**
 * Rows in memory in id order: small inserts from the log, or the delta of a row group (a
 * memtable-like overlay).
 *
 * @module
 */

import { firstWhere } from "../system/bisect.ts";
import type { StoredRow } from "../schema/field_def.ts";

/** Rows by id. In a delta, `null` marks a deleted row of the group (a tombstone). */
export class RowList {
  readonly #ids: number[];
  readonly #rows: (StoredRow | null)[];
  #gone: number;

  constructor(ids: number[] = [], rows: (StoredRow | null)[] = [], gone = 0) {
    this.#ids = ids;
    this.#rows = rows;
    this.#gone = gone;
  }

  /** The number of entries. */
  get length(): number {
    return this.#ids.length;
  }

  /** The number of entries that are `null`. */
  get gone(): number {
    return this.#gone;
  }

  /** The id of entry `i`. */
  id(i: number): number {
    return this.#ids[i]!;
  }

  /** The row of entry `i`. */
  row(i: number): StoredRow | null {
    return this.#rows[i]!;
  }

  /** The first entry whose id is at least `id`. */
  lowerBound(id: number): number {
    const ids = this.#ids;
    const { length } = ids;
    // Most rows are appended.
    if (length === 0 || ids[length - 1]! < id) return length;
    return firstWhere(0, length, (i) => ids[i]! >= id);
  }

  /** The row with this id, `null` if it is deleted, `undefined` if there is no entry. */
  get(id: number): StoredRow | null | undefined {
    const i = this.lowerBound(id);
    return this.#ids[i] === id ? this.#rows[i] : undefined;
  }

  /** Adds or replaces the entry of an id. */
  set(id: number, row: StoredRow | null): void {
    const i = this.lowerBound(id);
    if (i === this.#ids.length) {
      this.#ids.push(id);
      this.#rows.push(row);
    } else if (this.#ids[i] === id) {
      if (this.#rows[i] === null) this.#gone--;
      this.#rows[i] = row;
    } else {
      this.#ids.splice(i, 0, id);
      this.#rows.splice(i, 0, row);
    }
    if (row === null) this.#gone++;
  }

  /** Removes the entry of an id; returns whether there was one. */
  remove(id: number): boolean {
    const i = this.lowerBound(id);
    if (this.#ids[i] !== id) return false;
    if (this.#rows[i] === null) this.#gone--;
    this.#ids.splice(i, 1);
    this.#rows.splice(i, 1);
    return true;
  }

  /** A copy that changes on its own. */
  clone(): RowList {
    return new RowList(this.#ids.slice(), this.#rows.slice(), this.#gone);
  }
}
