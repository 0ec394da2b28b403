/**
 * Binary search.
 *
 * @module
 */

/** The least `i` from `low` to `high` for which `holds`, and so for all above it; else `high`. */
export function firstWhere(low: number, high: number, holds: (i: number) => boolean): number {
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
