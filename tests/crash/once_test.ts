/**
 * Commits with a key, on a disk that is stopped at each of its operations: whoever asks for such a
 * commit again gets it once.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { handleOf } from "../../engine/handle.ts";
import {
  type Made,
  type OnceOptions,
  type OnceResult,
  transactionJob,
} from "../../engine/write/once.ts";
import { withFiles } from "../../engine/system/deno_file.ts";
import { PsBase } from "../../mod.ts";
import { transactionOf } from "../../transaction.ts";
import { StringFormats } from "../../engine/schema/strings.ts";
import {
  anyOf,
  type Choose,
  type Disk,
  ioError,
  NEWEST,
  OLDEST,
  random,
} from "../helpers/crash_file.ts";
import { BASE, diskAfter, oldDisk, open, type People, SEED } from "../helpers/crash_run.ts";

const KEY = new Uint8Array(16).fill(7);

/** Inserts a row, once. */
async function insertOnce(
  base: People,
  options: OnceOptions = { key: KEY },
): Promise<OnceResult<number>> {
  const { store, writer } = handleOf(base);
  const make = transactionJob(store, (work) => {
    const tx = transactionOf(store, work, new StringFormats());
    const id = tx.insert({ name: "once" });
    return { value: id, first: id, count: 1 };
  });
  return await writer.runOnce(options, make);
}

function onceRows(base: People): number {
  return base.select().filter((row) => String(row.name) === "once").length;
}

const SETUPS: Readonly<Record<string, () => Disk>> = {
  "a new table": () => diskAfter("insert", "insert"),
  "an old table": oldDisk,
};

/** What happens between the kill and the second attempt. */
const BETWEEN: Readonly<Record<string, (base: People) => Promise<void>>> = {
  nothing: () => Promise.resolve(),
  "a compaction": (base) => base.cleanup(),
  "another commit": async (base) => void await base.insert({ name: "other" }),
};

for (const [where, setup] of Object.entries(SETUPS)) {
  for (const [what, between] of Object.entries(BETWEEN)) {
    Deno.test(`a commit with a key in ${where}, stopped anywhere, then ${what}: it is there once`, async () => {
      const next = random(SEED);
      const endings: [disk: Disk, how: string, isAcknowledged: boolean][] = [];
      const disk = setup();
      const base = open(disk.process());
      let isAcknowledged = false;
      const cuts: [string, Choose][] = [
        ["nothing unsynced is there", OLDEST],
        ["all is there", NEWEST],
        ...Array.from({ length: 4 }, (_, i) => [`${i}`, anyOf(next)] as [string, Choose]),
      ];
      disk.after = ({ name, path }) => {
        const at = `after ${name} of ${path}`;
        endings.push([disk.killed(), `killed ${at}`, isAcknowledged]);
        for (const [how, choose] of cuts) {
          endings.push([disk.cut(choose), `power cut ${at}: ${how}`, isAcknowledged]);
        }
        const length = path.endsWith(".log") ? disk.lastWrite : 0;
        for (let n = 8; n < length; n += 24) {
          endings.push([disk.torn(n), `killed at byte ${n} of ${length}`, isAcknowledged]);
        }
      };
      const first = await insertOnce(base);
      assertEquals(first.kind, "committed");
      isAcknowledged = true;
      await base.commit();
      await base.close();
      disk.after = () => {};
      endings.push([disk.killed(), "after all", true], [disk.cut(OLDEST), "after all, cut", true]);

      const kinds = new Set<string>();
      for (const [ending, how, wasAcknowledged] of endings) {
        const told = `${how}, seed ${SEED}`;
        const again = open(ending.process());
        assert(!wasAcknowledged || onceRows(again) === 1, told);
        await between(again);
        const result = await insertOnce(again);
        kinds.add(result.kind);
        assertEquals(onceRows(again), 1, told);
        // What was answered is on disk.
        const later = open(ending.cut(OLDEST).process());
        assertEquals(onceRows(later), 1, `${told}, then a power cut`);
        const third = await insertOnce(later);
        assert(third.kind === "repeated" && result.kind !== "outdated", told);
        assertEquals([third.sequence, third.first], [result.sequence, result.first], told);
        await later.close();
        await again.close();
        assert(withFiles(ending.process(), () => PsBase.checkSync(BASE)).ok, told);
      }
      assertEquals(kinds, new Set(["committed", "repeated"]));
    });
  }
}

Deno.test("a commit whose sync fails is not answered as made", async () => {
  const disk = oldDisk();
  const one = open(disk.process());
  let fails = true;
  disk.before = ({ name }) => fails && /^sync/.test(name) ? { error: ioError() } : undefined;
  const failed = await insertOnce(one).then(() => undefined, (error) => error);
  assertEquals(failed?.name, "WriteError");
  // Its frame may be there. Another process that finds it makes sure of it first.
  const two = open(disk.process());
  const refused = await insertOnce(two).then(({ kind }) => kind, (error) => error.name);
  assert(refused === "WriteError" || refused === "committed", refused);
  fails = false;
  const three = open(disk.process());
  await insertOnce(three);
  assertEquals(onceRows(three), 1);
  assertEquals(onceRows(open(disk.cut(OLDEST).process())), 1);
  for (const base of [one, two, three]) base[Symbol.dispose]();
});

Deno.test("keys within one group commit, among handles, and on what was read", async () => {
  const disk = oldDisk();
  await using one = open(disk.process());
  await using two = open(disk.process());
  const [a, b, c] = await Promise.all([insertOnce(one), insertOnce(one), insertOnce(two)]);
  assertEquals([a!.kind, b!.kind, c!.kind].toSorted(), ["committed", "repeated", "repeated"]);
  assertEquals(onceRows(one), 1);
  assertEquals(onceRows(open(disk.cut(OLDEST).process())), 1);
  // Only if nothing came between.
  const { sequence } = one;
  await two.insert({ name: "other" });
  const late = await insertOnce(one, { ifSequence: sequence });
  assertEquals(late, { kind: "outdated", sequence: sequence + 1 });
  const now = await insertOnce(one, { ifSequence: sequence + 1, key: new Uint8Array(16) });
  assertEquals([now.kind, now.sequence], ["committed", sequence + 2]);
  // The key is known before the sequence is compared: the answer was lost, not the commit.
  const again = await insertOnce(two, { ifSequence: sequence + 1, key: new Uint8Array(16) });
  assertEquals([again.kind, again.sequence], ["repeated", sequence + 2]);
});

Deno.test("a function that throws leaves no key, and one that changes nothing leaves it", async () => {
  const disk = oldDisk();
  await using base = open(disk.process());
  const { store, writer } = handleOf(base);
  const { sequence } = base;
  const throwing = transactionJob(store, (): Made<number> => {
    throw new Error("no");
  });
  const thrown = await writer.runOnce({ key: KEY }, throwing).then(
    () => "",
    (error) => error.message,
  );
  assertEquals([thrown, base.sequence], ["no", sequence]);
  const nothing = transactionJob(store, () => ({ value: 1, first: 5, count: 2 }));
  const idle = () => writer.runOnce({ key: KEY }, nothing);
  assertEquals((await idle()).kind, "committed");
  assertEquals(await idle(), { kind: "repeated", sequence: sequence + 1, first: 5, count: 2 });
  assertEquals(base.sequence, sequence + 1);
  // A reader keeps its commit point.
  const rows = base[Symbol.iterator]();
  const other = await writer.runOnce({ key: new Uint8Array(16) }, (snapshot) => {
    const value = { value: 1, first: 0, count: 0 };
    return { value, payload: new Uint8Array(), snapshot };
  });
  assertEquals([other.kind, other.sequence, base.sequence], [
    "committed",
    sequence + 2,
    sequence + 2,
  ]);
  assertEquals([...rows].length, base.size);
  const short = writer.runOnce({ key: new Uint8Array(15) }, nothing);
  const refused = await short.then(() => "", (error) => `${error.name}: ${error.message}`);
  assertEquals(refused, "RangeError: a commit key has 16 bytes, not 15");
});

Deno.test("the newest 4,096 keys outlive compactions, backups and watchers", async () => {
  const dir = await Deno.makeTempDir();
  await using base = await PsBase.open(`${dir}/people`, { n: "integer" }, {
    durability: "relaxed",
  });
  const { writer, store } = handleOf(base);
  const keyOf = (n: number) => new Uint8Array(new BigUint64Array([BigInt(n), 1n]).buffer);
  const once = (n: number) =>
    writer.runOnce(
      { key: keyOf(n) },
      transactionJob(store, (work) => {
        const id = transactionOf(store, work, new StringFormats()).insert({ n } as never);
        return { value: id, first: id, count: 1 };
      }),
    );
  await Promise.all(Array.from({ length: 5000 }, (_, n) => once(n)));
  assertEquals(base.size, 5000);
  for (let i = 0; i < 2; i++) {
    await base.cleanup();
    const kinds = await Promise.all([1000, 4999].map(async (n) => (await once(n)).kind));
    assertEquals(kinds, ["repeated", "repeated"]);
    assertEquals(base.size, 5000);
  }
  assertEquals((await base.check()).problems, []);
  await base.backup(`${dir}/copy`);
  await using copy = await PsBase.open(`${dir}/copy`);
  const known = handleOf(copy).store.snapshot.keys!;
  assertEquals(known.find(keyOf(4999))?.first, 4999);
  assertEquals(known.find(keyOf(5)), undefined);
  // A watcher reads over them.
  await base.keepChanges(10);
  const from = base.sequence;
  await once(7000);
  for await (const { kind, id } of base.watch({ since: from })) {
    assertEquals([kind, id], ["insert", 5000]);
    break;
  }
});
