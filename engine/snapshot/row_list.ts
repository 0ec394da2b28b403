/**
 * Rows in memory in id order: small inserts from the log, or the delta of a row group (a
 * memtable-like overlay).
 *
 * @module
 */

import type { StoredRow } from "../schema/field_def.ts";

/** Rows by id. In a delta, `null` marks a deleted row of the group (a tombstone). */
export class RowList {
  readonly #ids: number[];
  readonly #rows: (StoredRow | null)[];
  #gone: number;
  /** The entry that was asked for last: the next one is often the same, or the one after it. */
  #last = 0;

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
    const last = this.#last;
    if (ids[last] === id) return last;
    if (ids[last + 1] === id) return this.#last = last + 1;
    let high = ids.length;
    // Most rows are appended.
    if (high === 0 || ids[high - 1]! < id) return high;
    // Written out, as every change of a row comes here.
    let low = 0;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ids[middle]! >= id) high = middle;
      else low = middle + 1;
    }
    return this.#last = low;
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
