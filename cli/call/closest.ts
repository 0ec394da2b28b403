/**
 * "Did you mean": the name that a user probably meant.
 *
 * @module
 */

/** How many letters were left out, inserted, changed or swapped with the next from `a` to `b`. */
function distance(a: string, b: string): number {
  // The last two rows of the table of distances between all beginnings of the two.
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j]!, before[j - 2]! + 1);
      }
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
}

/**
 * The end of a message about a wrong name: `, did you mean "name"?`.
 *
 * @param wrong The wrong name.
 * @param names The names that would be right.
 * @param otherwise Introduces a list of all names where no name is near, `there are` for example;
 * if it is left out, the end is empty then.
 */
export function didYouMean(wrong: string, names: readonly string[], otherwise?: string): string {
  const word = wrong.toLowerCase();
  // A third of the letters may be wrong: with more wrong letters it is another word.
  let least = Math.floor(word.length / 3) + 1;
  let closest: string | undefined;
  // No name is that long, and the table would be.
  for (const name of word.length > 100 ? [] : names) {
    const far = distance(word, name.toLowerCase());
    if (far < least) [least, closest] = [far, name];
  }
  if (closest !== undefined) return `, did you mean ${JSON.stringify(closest)}?`;
  return otherwise === undefined ? "" : `, ${otherwise} ${names.join(", ")}`;
}
