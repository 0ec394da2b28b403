/**
 * Where a watcher stands: the index of a change in its commit, and going on from there.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Change, PsBase, type WatchOptions } from "../../mod.ts";
import { newSeed, type Random, randomFrom } from "../helpers/random.ts";
import { tempBase } from "../helpers/temp_base.ts";
import { denoFiles, withFiles } from "../../engine/system/deno_file.ts";

const SCHEMA = { n: { type: "integer", index: true }, text: "string" } as const;
type Table = PsBase<typeof SCHEMA>;
type Told = Change<typeof SCHEMA>;
type Options = WatchOptions<typeof SCHEMA>;

const ROUNDS = Deno.env.get("PSBASE_LONG") ? 200 : 6;
/** All that a history commits can be watched. */
const KEPT = 1_000_000;

/** Commits a change of the fields, which every watcher gets, whatever its conditions. */
function mark(table: Table): number {
  table.keepChangesSync(KEPT + table.sequence);
  return table.sequence;
}

/** What a watcher gets before the commit `end`. */
async function until(end: number, changes: AsyncIterable<Told>): Promise<Told[]> {
  const told: Told[] = [];
  for await (const change of changes) {
    if (change.sequence === end) return told;
    told.push(change);
  }
  throw new Error("it ended");
}

function places(changes: readonly Told[]) {
  return changes.map(({ sequence, index, last }) => [sequence, index, last]);
}

/** What a history is made of; each is one commit, at most. */
const STEPS: readonly ((table: Table, random: Random) => unknown)[] = [
  (table, { below }) => table.insertManySync(rows(1 + below(5), below)),
  // So many rows are a batch.
  (table, { below }) => table.insertManySync(rows(64 + below(100), below)),
  (table, { below }) => table.updateWhereSync({ n: below(20) }, ({ n }) => ({ n: n! + 1 })),
  (table, { below }) => table.deleteWhereSync({ n: below(20) }),
  (table, { below }) =>
    table.transaction((tx) => {
      const [first] = tx.insertMany(rows(1 + below(70), below));
      tx.update(first!, { n: below(20) });
      tx.update(first!, { text: "twice" });
      tx.updateWhere({ n: below(20) }, { text: "some" });
      if (below(2) === 0) tx.delete(first!);
      tx.insertMany(rows(70, below));
    }),
  (table, { below }) => table.setDefaultSync("n", below(20)),
  (table) => table.cleanup(),
];

function rows(count: number, below: Random["below"]) {
  return Array.from({ length: count }, () => ({ n: below(20), text: "new" }));
}

const CONDITIONS: readonly [where: Options["where"], matches: (n: number | null) => boolean][] = [
  [undefined, () => true],
  [{ n: 7 }, (n) => n === 7],
  [{ n: { gte: 15 } }, (n) => n !== null && n >= 15],
  [(row) => row.n! % 2 === 0, (n) => n! % 2 === 0],
];

function matching(changes: readonly Told[], matches: (n: number | null) => boolean): Told[] {
  const found = changes.filter(({ kind, row, before }) =>
    kind === "schema" || [row, before].some((one) => one !== null && matches(one.n))
  );
  return found.map((change, i) => ({
    ...change,
    last: found[i + 1]?.sequence !== change.sequence,
  }));
}

function isAfter(one: Told, { sequence, index }: Told): boolean {
  return one.sequence > sequence || (one.sequence === sequence && one.index > index);
}

Deno.test("Base.watch() resumes at any change, with any conditions, and loses and repeats nothing", async () => {
  const seed = newSeed();
  const random = randomFrom(seed);
  try {
    for (let round = 0; round < ROUNDS; round++) await resumeAnywhere(random);
  } catch (error) {
    throw new Error(`PSBASE_SEED=${seed}`, { cause: error });
  }
});

async function resumeAnywhere(random: Random): Promise<void> {
  await using temp = tempBase();
  await using table = PsBase.createSync(temp.path, SCHEMA);
  await table.keepChanges(KEPT);
  const live = table.watch({ since: 0 });
  for (let step = 0; step < 25; step++) await random.pick(STEPS)(table, random);
  const end = mark(table);
  const whole = await until(end, live);
  for (const { sequence, index, last } of whole) {
    assert(
      last === !whole.some((one) => one.sequence === sequence && one.index > index),
      `${sequence}:${index}`,
    );
  }
  await table.cleanup();
  using other = withFiles({ ...denoFiles }, () => PsBase.openSync(temp.path, { schema: SCHEMA }));
  using reader = PsBase.openSync(temp.path, { schema: SCHEMA, readOnly: true });
  for (const handle of [table, other, reader]) {
    // Commits that a cleanup carried over, read from older generations, and from the first log.
    assertEquals(await until(end, handle.watch({ since: 0 })), whole);
    for (let n = 0; n < 10; n++) {
      const [where, matches] = random.pick(CONDITIONS);
      const before = matching(whole, matches);
      if (before.length === 0) continue;
      const at = random.pick(before);
      const [nextWhere, nextMatches] = random.pick(CONDITIONS);
      const after = matching(whole.filter((one) => isAfter(one, at)), nextMatches);
      const { sequence, index } = at;
      const since = random.chance(0.5) ? at : { sequence, index };
      assertEquals(await until(end, handle.watch({ since, where: nextWhere })), after);
      if (!at.last) continue;
      const same = matching(whole.filter((one) => isAfter(one, at)), matches);
      assertEquals(await until(end, handle.watch({ since: sequence, where })), same);
    }
  }
}

Deno.test("Base.watch() numbers the changes of a commit, and marks the last that it gives", async () => {
  await using temp = tempBase();
  await using table = PsBase.createSync(temp.path, SCHEMA);
  table.insertManySync([{ n: 1 }, { n: 2 }, { n: 1 }, { n: 3 }]);
  table.transactionSync((tx) => {
    tx.update(0, { n: 5 });
    tx.update(0, { n: 6 });
    tx.delete([2, 99]);
  });
  const end = mark(table);
  assertEquals(places(await until(end, table.watch({ since: 0 }))), [
    [1, 0, false],
    [1, 1, false],
    [1, 2, false],
    [1, 3, true],
    [2, 0, false],
    [2, 1, false],
    [2, 2, true],
  ]);
  // What does not match is counted, and nothing that does is behind the last one.
  assertEquals(places(await until(end, table.watch({ since: 0, where: { n: 1 } }))), [
    [1, 0, false],
    [1, 2, true],
    [2, 0, false],
    [2, 2, true],
  ]);
  // Nothing is left of a commit whose last change is known.
  const since = { sequence: 2, index: 2 };
  assertEquals(await until(end, table.watch({ since })), []);
});

Deno.test("Base.watch() reads since at the call", async () => {
  await using temp = tempBase();
  await using table = PsBase.createSync(temp.path, SCHEMA);
  table.insertManySync([{ n: 1 }, { n: 2 }, { n: 3 }]);
  const since = { sequence: 1, index: 1 };
  const changes = table.watch({ since });
  since.index = 0;
  assertEquals((await changes.next()).value.row.n, 3);
  await changes.return!();
});

Deno.test("Base.watch() refuses a change that is not there, or is no longer kept", async () => {
  await using temp = tempBase();
  await using table = PsBase.createSync(temp.path, SCHEMA);
  table.insertManySync([{ n: 1 }, { n: 2 }]);
  const attempt = `Cannot watch "${temp.path}": `;
  for (
    const [since, message] of [
      [{}, "since.sequence: it is undefined, expected the number of a commit, 1 or more"],
      [{ sequence: 0, index: 0 }, "since.sequence: 0 is a number"],
      [{ sequence: "1", index: 0 }, 'since.sequence: "1" is a string'],
      [{ sequence: 1.5, index: 0 }, "since.sequence: 1.5 is a number"],
      [{ sequence: 1 }, "since.index: it is undefined, expected the index of a change, 0 or more"],
      [{ sequence: 1, index: -1 }, "since.index: -1 is a number"],
      [{ sequence: 1, index: NaN }, "since.index: NaN is a number"],
      [{ sequence: 1, index: 0n }, "since.index: 0n is a bigint"],
      [{ sequence: 2, index: 0 }, "since is commit 2, the last commit 1"],
      [[1, 0], "since: "],
    ] as const
  ) {
    assertThrows(() => table.watch({ since } as never), RangeError, attempt + message);
  }
  // Only the commit tells how many changes it has.
  await assertRejects(
    () => table.watch({ since: { sequence: 1, index: 2 } }).next(),
    RangeError,
    attempt + "since is change 2 of commit 1, which has 2, counted from 0",
  );
  table.cleanupSync();
  table.cleanupSync();
  assertThrows(
    () => table.watch({ since: { sequence: 1, index: 1 } }),
    RangeError,
    attempt +
      "the changes after commit 0 are no longer kept, only those after commit 1: read the rows",
  );
  // Of a commit that was read to its last change nothing need be kept.
  assertEquals(await until(2, table.watch({ since: mark(table) - 1 })), []);
});
