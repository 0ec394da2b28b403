/**
 * "Did you mean": the name that a wrong one was probably meant to be.
 *
 * @module
 */

/** How many letters are left out, put in, changed or exchanged with the next between two words. */
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

/** `, did you mean "name"?`, or nothing where no name is near. */
export function didYouMean(wrong: string, names: Iterable<string>): string {
  const word = wrong.toLowerCase();
  // A third of the letters may be wrong: what is further away is another word.
  let least = Math.floor(word.length / 3) + 1;
  let closest: string | undefined;
  // Nobody means a word that long, and the table would be as long.
  for (const name of word.length > 100 ? [] : names) {
    const far = distance(word, name.toLowerCase());
    if (far < least) [least, closest] = [far, name];
  }
  return closest === undefined ? "" : `, did you mean ${JSON.stringify(closest)}?`;
}
