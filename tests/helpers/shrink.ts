/**
 * Makes a failing run short enough to be read.
 *
 * @module
 */

/**
 * Leaves out of a list that fails what it fails without: halves at first, single ones at last.
 *
 * @param list The list, which fails.
 * @param fails Whether another list fails, too.
 * @param tries How often `fails` may be asked at most.
 */
export async function shrink<T>(
  list: readonly T[],
  fails: (shorter: readonly T[]) => Promise<boolean>,
  tries = 300,
): Promise<readonly T[]> {
  let left = tries;
  for (let size = list.length >> 1; size > 0; size = size > 1 ? size >> 1 : 0) {
    for (let at = 0; at < list.length && left-- > 0;) {
      const shorter = list.toSpliced(at, size);
      if (await fails(shorter)) list = shorter;
      else at += size;
    }
  }
  return list;
}
