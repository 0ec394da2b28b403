/**
 * Rows in memory in id order: what the log inserted, or changed in a row group.
 *
 * @module
 */

import type { StoredRow } from "../schema/field_def.ts";

/** Rows by id; `null` stands for a row that is gone from the group below. */
export class RowList {
  readonly #ids: number[];
  readonly #rows: (StoredRow | null)[];
  #gone: number;

  constructor(ids: number[] = [], rows: (StoredRow | null)[] = [], gone = 0) {
    this.#ids = ids;
    this.#rows = rows;
    this.#gone = gone;
  }

  /** How many entries. */
  get length(): number {
    return this.#ids.length;
  }

  /** How many of them are `null`. */
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
    let low = 0;
    let high = ids.length;
    // Rows are mostly appended.
    if (high === 0 || ids[high - 1]! < id) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ids[middle]! < id) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The row of an id, `null` if it is gone, `undefined` if there is no entry. */
  get(id: number): StoredRow | null | undefined {
    const i = this.lowerBound(id);
    return this.#ids[i] === id ? this.#rows[i] : undefined;
  }

  /** Puts a row, or `null`, in the place of the id. */
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

  /** Removes the entry of an id; whether there was one. */
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
