import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Files } from "../../engine/system/file.ts";
import {
  Base,
  BaseNotFoundError,
  type Change,
  CorruptionError,
  link,
  PsBase,
  type WatchOptions,
  WriteError,
} from "../../mod.ts";
import { tempBase } from "../helpers/temp_base.ts";
import { watchFiles } from "../helpers/watched_files.ts";
import { denoFiles, withFiles } from "../../engine/system/deno_file.ts";

const SCHEMA = { name: "string", n: "integer" } as const;
type People = Base<typeof SCHEMA>;
type Told = Change<typeof SCHEMA>;

/** A handle as another process would have it. */
function another(path: string, options = {}): PsBase<typeof SCHEMA> {
  return withFiles(
    { ...denoFiles },
    () => PsBase.openSync(path, { schema: SCHEMA, ...options }),
  );
}

/** The next `count` changes. */
async function take(changes: AsyncIterator<Told>, count: number): Promise<Told[]> {
  const taken: Told[] = [];
  while (taken.length < count) {
    const { value, done } = await changes.next();
    assert(!done, `ended after ${taken.length} changes`);
    taken.push(value);
  }
  return taken;
}

/** All that is told up to now; writes one row more, which shows that nothing else comes. */
async function all(base: People, options: WatchOptions<typeof SCHEMA>): Promise<Told[]> {
  const last = base.sequence;
  base.insertSync({ n: 55 });
  const told: Told[] = [];
  for await (const change of base.watch(options)) {
    if (change.sequence > last) return told;
    told.push(change);
  }
  throw new Error("it ended");
}

/** The commit of the first change. */
async function first(base: People, since: number): Promise<number> {
  for await (const { sequence } of base.watch({ since })) return sequence;
  throw new Error("it ended");
}

function brief({ sequence, kind, id, row, before }: Told) {
  return [sequence, kind, id, row?.name ?? null, before?.name ?? null];
}

function generations(path: string): number[] {
  const names = Array.from(Deno.readDirSync(path), ({ name }) => name);
  return names.filter((name) => name.endsWith(".table")).map((name) => parseInt(name)).sort();
}

for (const Class of [Base, PsBase]) {
  Deno.test(`${Class.name}.watch() yields each change of each commit, in order`, async () => {
    await using temp = tempBase();
    await using db = Class.createSync(temp.path, SCHEMA);
    db.insertSync({ name: "before" });
    const changes = db.watch();
    await db.insert({ name: "a", n: 1 });
    db.insertManySync([{ name: "b" }, { name: "c" }]);
    await db.update(1, { name: "A" });
    await db.update(1, {});
    await db.delete([0, 3, 77]);
    db.addFieldSync("more", { type: "string", default: "x" });
    await db.transaction((tx) => {
      const id = tx.insert({ name: "t" });
      tx.update(id, { name: "T" });
      tx.delete(id);
    });
    const told = await take(changes, 11);
    assertEquals(told.map(brief), [
      [2, "insert", 1, "a", null],
      [3, "insert", 2, "b", null],
      [3, "insert", 3, "c", null],
      [4, "update", 1, "A", "a"],
      [5, "update", 1, "A", "A"],
      [6, "delete", 0, null, "before"],
      [6, "delete", 3, null, "c"],
      [7, "schema", null, null, null],
      [8, "insert", 4, "t", null],
      [8, "update", 4, "T", "t"],
      [8, "delete", 4, null, "T"],
    ]);
    assertEquals(told[3]!.row, { __id__: 1, __version__: 1, name: "A", n: 1 });
    assertEquals(told[3]!.before?.__version__, 0);
    assertEquals(Object.keys(told[8]!.row!), ["__id__", "__version__", "name", "n", "more"]);
    // Nothing was read twice or left out: the next one is the next.
    db.insertSync({ name: "next" });
    assertEquals((await take(changes, 1)).map(brief), [[9, "insert", 5, "next", null]]);
  });
}

Deno.test("Base.watch() yields the rows of large inserts, and rows that the table had", async () => {
  await using temp = tempBase();
  await using db = PsBase.createSync(temp.path, SCHEMA);
  db.insertManySync(Array.from({ length: 20_000 }, (_, n) => ({ name: `n${n}`, n })));
  db.cleanupSync();
  const changes = db.watch();
  db.insertManySync(Array.from({ length: 1000 }, (_, n) => ({ name: `m${n}`, n })));
  db.updateSync([5, 20_500], { name: "x" });
  db.deleteSync(19_999);
  const told = await take(changes, 1003);
  assertEquals(
    told.slice(0, 1000).map(({ id, row }) => [id, row?.name]),
    Array.from(
      { length: 1000 },
      (_, n) => [20_000 + n, `m${n}`],
    ),
  );
  assertEquals(told.slice(1000).map(brief), [
    [3, "update", 5, "x", "n5"],
    [3, "update", 20_500, "x", "m500"],
    [4, "delete", 19_999, null, "n19999"],
  ]);
});

Deno.test("Base.watch() tells what other handles commit, woken by their writes", async () => {
  await using temp = tempBase();
  await using db = PsBase.createSync(temp.path, SCHEMA);
  using other = another(temp.path);
  const { setInterval } = globalThis;
  // The look that it takes now and then besides would hide that nothing wakes it.
  globalThis.setInterval = (() => 0) as unknown as typeof setInterval;
  const changes = db.watch();
  globalThis.setInterval = setInterval;
  for (let n = 0; n < 10; n++) {
    // Waiting already when it is written.
    const next = changes.next();
    await new Promise((resolve) => setTimeout(resolve));
    other.insertSync({ n });
    const { value } = await next;
    assertEquals(value.row.n, n);
  }
});

Deno.test("Base.watch({ since, where }) goes by the fields of the call for what was before it", async () => {
  await using temp = tempBase();
  await using db = PsBase.createSync(temp.path, SCHEMA);
  db.insertManySync([{ name: "a", n: 1 }, { name: "b", n: 2 }]);
  const wider = db.addFieldSync("more", { type: "string", default: "x" });
  const renamed = wider.renameFieldSync("n", "number");
  renamed.insertSync({ number: 2, more: "y" });
  const changes = renamed.watch({ since: 0, where: { number: 2, more: { in: ["x", "y"] } } });
  const told = await take(changes as never, 4);
  assertEquals(told.map(({ kind, id }) => [kind, id]), [
    ["insert", 1],
    ["schema", null],
    ["schema", null],
    ["insert", 2],
  ]);
  assertEquals(told[0]!.row, { __id__: 1, __version__: 0, name: "b", n: 2 });
});

Deno.test("Base.watch({ where }) knows the fields that others added", async () => {
  await using temp = tempBase();
  await using db = PsBase.createSync(temp.path, SCHEMA);
  using other = another(temp.path);
  const wider = other.addFieldSync("more", "string");
  const changes = db.watch({ since: 1, where: { more: "x" } } as never);
  wider.insertManySync([{ more: "y" }, { more: "x" }]);
  assertEquals((await take(changes, 1))[0]!.id, 1);
});

Deno.test("Base.watch() looks now and then where the system tells of no changes", async () => {
  await using temp = tempBase();
  await using db = PsBase.createSync(temp.path, SCHEMA);
  const { watchFs } = Deno;
  Deno.watchFs = () => {
    throw new Deno.errors.NotSupported("no watchers left");
  };
  try {
    const next = db.watch().next();
    await new Promise((resolve) => setTimeout(resolve));
    db.insertSync({ n: 1 });
    assertEquals((await next).value.row.n, 1);
  } finally {
    Deno.watchFs = watchFs;
  }
});

Deno.test("Base.watch({ since }) goes on behind any commit that is kept", async () => {
  await using temp = tempBase();
  await using db = PsBase.createSync(temp.path, SCHEMA);
  for (let n = 0; n < 10; n++) db.insertSync({ n });
  for (let since = 0; since <= 10; since++) {
    const told = await all(db, { since });
    assertEquals(
      told.map(({ sequence }) => sequence).slice(0, 10 - since),
      [
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        9,
        10,
      ].slice(since),
    );
  }
  // Without it: from now on.
  const changes = db.watch();
  db.insertSync({ name: "new" });
  assertEquals((await take(changes, 1))[0]?.row?.name, "new");
});

Deno.test("Base.watch() refuses a since that is no commit, or is not kept any more", async () => {
  await using temp = tempBase();
  await using db = PsBase.createSync(temp.path, SCHEMA);
  for (const since of [-1, 1.5, NaN, Infinity, "1", null, 2 ** 53]) {
    assertThrows(
      () => db.watch({ since } as never),
      RangeError,
      `Cannot watch "${temp.path}": since: `,
    );
  }
  assertThrows(
    () => db.watch({ since: 1 }),
    RangeError,
    `Cannot watch "${temp.path}": since is 1, the last commit 0`,
  );
  db.insertSync({});
  db.insertSync({});
  db.cleanupSync();
  db.cleanupSync();
  assertThrows(
    () => db.watch({ since: 1 }),
    RangeError,
    `Cannot watch "${temp.path}": the changes after commit 1 are no longer kept, only those after commit 2: read`,
  );
  assertEquals(await all(db, { since: 2 }), []);
});

Deno.test("Base.watch() misses nothing while cleanups go by, however slow it is", async () => {
  await using temp = tempBase();
  await using db = PsBase.createSync(temp.path, SCHEMA);
  using other = another(temp.path);
  const changes = db.watch();
  const slow = db.watch();
  let n = 0;
  other.insertSync({ n: n++ });
  await take(changes, 1);
  await take(slow, 1);
  for (let round = 0; round < 5; round++) {
    other.insertSync({ n: n++ });
    other.updateSync(0, { name: `round ${round}` });
    if (round % 2 === 0) other.cleanupSync();
    else await db.cleanup();
    assertEquals(generations(temp.path)[0], 1, "what it has not read yet is there");
    if (round === 2) assertEquals((await take(changes, 6)).length, 6);
    if (round === 2) break;
  }
  for (let round = 3; round < 6; round++) {
    other.insertSync({ n: n++ });
    other.cleanupSync();
  }
  const told = await take(slow, 9);
  assertEquals(told.map(({ sequence }) => sequence), [2, 3, 4, 5, 6, 7, 8, 9, 10]);
  assertEquals(
    told.filter(({ kind }) => kind === "update").map((
      { row, before },
    ) => [row!.name, before!.name]),
    [["round 0", null], ["round 1", "round 0"], ["round 2", "round 1"]],
  );
  await take(changes, 3);
  other.insertSync({});
  await Promise.all([take(changes, 1), take(slow, 1)]);
  other.cleanupSync();
  const [first] = generations(temp.path);
  assert(first! >= 6, "what everybody has read is gone");
});

Deno.test("Base.watch() keeps what comes between the call and the first step", async () => {
  await using temp = tempBase();
  await using db = PsBase.createSync(temp.path, SCHEMA);
  const changes = db.watch();
  for (let n = 0; n < 3; n++) {
    db.insertSync({ n });
    db.cleanupSync();
  }
  assertEquals((await take(changes, 3)).map(({ row }) => row?.n), [0, 1, 2]);
  // Who does not want it after all.
  const unused = db.watch();
  db.cleanupSync();
  await unused.return!();
  await changes.return!();
  db.cleanupSync();
  assertEquals(generations(temp.path).length, 1);
});

Deno.test("Base.keepChanges() keeps as many commits as it says, and no more", async () => {
  await using temp = tempBase();
  await using db = PsBase.createSync(temp.path, SCHEMA);
  assertEquals(db.stats().keepChanges, 0);
  await db.keepChanges(10);
  assertEquals([db.stats().keepChanges, db.sequence], [10, 1]);
  await db.keepChanges(10);
  db.keepChangesSync(10);
  assertEquals(db.sequence, 1, "it is set already");
  for (let n = 0; n < 40; n++) {
    db.insertSync({ n });
    // Whoever cleans up.
    if (n % 3 === 0) {
      using other = another(temp.path);
      other.cleanupSync();
    }
    const since = Math.max(0, db.sequence - 10);
    assertEquals(await first(db, since), since + 1);
    if (n > 20) await assertRejects(() => first(db, 0), RangeError, "no longer kept");
  }
  assert(generations(temp.path).length <= 6);
  // Also over schema changes, backup and reopening.
  const wider = db.addFieldSync("x", "float");
  assertEquals(wider.stats().keepChanges, 10);
  await db.backup(`${temp.parent}/copy`);
  using copy = PsBase.openSync(`${temp.parent}/copy`);
  assertEquals(copy.stats().keepChanges, 10);
  await db.keepChanges(0);
  db.cleanupSync();
  assertEquals(generations(temp.path).length, 1);
  for (const commits of [-1, 0.5, NaN, "1", null, undefined]) {
    await assertRejects(() => db.keepChanges(commits as number), RangeError, "Cannot keep changes");
  }
});

Deno.test("Base.watch({ where }) tells of rows that match before or after", async () => {
  await using temp = tempBase();
  await using db = PsBase.createSync(temp.path, SCHEMA);
  db.insertManySync(Array.from({ length: 100 }, (_, n) => ({ n })));
  db.cleanupSync();
  const since = db.sequence;
  db.updateSync(3, { n: 50 }); // comes
  db.updateSync(60, { n: 2 }); // goes
  db.updateSync(61, { n: 62 }); // stays
  db.updateSync(4, { n: 5 }); // never was
  db.deleteSync([70, 7]);
  db.insertManySync(Array.from({ length: 100 }, (_, n) => ({ n })));
  const renamed = db.renameFieldSync("name", "title");
  for (
    const where of [{ n: [50, 80] }, (row: { n: number | null }) => row.n! >= 50 && row.n! <= 80]
  ) {
    const told = await all(db, { since, where } as never);
    assertEquals(told.slice(0, 4).map(({ id }) => id), [3, 60, 61, 70]);
    assertEquals(
      told.slice(4, 36).map(({ kind, row }) => `${kind} ${row?.n}`),
      [...Array.from({ length: 31 }, (_, i) => `insert ${50 + i}`), "schema undefined"],
    );
  }
  assertThrows(
    () => db.watch({ where: { m: 1 } } as never),
    TypeError,
    `Cannot watch "${temp.path}"`,
  );
  assertThrows(() => db.watch({ where: { n: undefined } } as never), TypeError);
  // A field that goes while somebody watches.
  const changes = renamed.watch({ where: { n: 1 } });
  renamed.dropFieldSync("n");
  await assertRejects(() => changes.next(), Error, `Cannot watch "${temp.path}": `);
  assertEquals(await changes.next(), { value: undefined, done: true });
});

Deno.test("PsBase goes from a generation that was long ago to the newest, whatever is kept between", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, SCHEMA);
  db.keepChangesSync(100);
  const tables: string[] = [];
  const open: Files["open"] = (path, mode) => {
    if (path.endsWith(".table")) tables.push(path);
    return denoFiles.open(path, mode);
  };
  using idle = withFiles({ ...denoFiles, open }, () => PsBase.openSync(temp.path));
  tables.length = 0;
  for (let n = 0; n < 10; n++) {
    db.insertSync({ n });
    db.cleanupSync();
  }
  assertEquals(generations(temp.path).length, 11);
  assertEquals(idle.size, 10);
  assertEquals(tables, [`${temp.path}/000011.table`]);
});

Deno.test("Base.watch() gives rows whose links are followed", async () => {
  await using temp = tempBase();
  await using db = PsBase.createSync(temp.path, { name: "string", boss: link("self") });
  const changes = db.watch();
  const boss = db.insertSync({ name: "burns" });
  db.insertSync({ name: "homer", boss });
  await changes.next();
  const { value } = await changes.next();
  assertEquals(value.row.boss.name, "burns");
});

Deno.test("Base.watch() ends as it is told to, and leaves nothing open", async () => {
  await using temp = tempBase();
  const files = watchFiles();
  const db = withFiles(files, () => PsBase.createSync(temp.path, SCHEMA));
  db.insertSync({});
  const open = files.opened.size;
  const watching = async (options = {}) => {
    const changes = db.watch(options);
    const first = changes.next();
    db.insertSync({});
    await first;
    assert(files.opened.size > open);
    return changes;
  };
  // Leaving the loop.
  for await (const _ of db.watch({ since: 0 })) break;
  assertEquals(files.opened.size, open);
  // return(), also of a step that waits.
  const returned = await watching();
  const waiting = returned.next();
  assertEquals(await returned.return!(), { value: undefined, done: true });
  assertEquals(await waiting, { value: undefined, done: true });
  // A signal that is there already, that comes between steps, that comes while one waits.
  const reason = new Error("enough");
  assertThrows(
    () => db.watch({ signal: AbortSignal.abort(reason) }),
    Error,
    "enough",
  );
  for (const waits of [false, true]) {
    const controller = new AbortController();
    const changes = await watching({ signal: controller.signal });
    const next = waits ? changes.next() : undefined;
    if (!waits) db.insertSync({});
    controller.abort(reason);
    assertEquals(await assertRejects(() => next ?? changes.next()), reason);
    assertEquals(await changes.next(), { value: undefined, done: true });
  }
  assertEquals(files.opened.size, open);
  // Closing the table.
  const [one, two, never] = [await watching(), await watching(), db.watch()];
  await one.next();
  const last = one.next();
  await db.close();
  for (const next of [last, two.next(), never.next()]) {
    assertEquals(await next, { value: undefined, done: true });
  }
  assertEquals(files.opened.size, 0);
  assertThrows(() => db.watch(), Error, "was closed");
});

Deno.test("Base.watch() tells that the table was destroyed or replaced", async () => {
  for (const act of ["destroy", "override"]) {
    await using temp = tempBase();
    await using db = PsBase.createSync(temp.path, SCHEMA);
    const next = db.watch().next();
    await new Promise((resolve) => setTimeout(resolve));
    if (act === "destroy") another(temp.path).destroySync();
    else {
      withFiles({ ...denoFiles }, () => PsBase.createSync(temp.path, SCHEMA, { mode: "override" }))
        [Symbol.dispose]();
    }
    await assertRejects(() => next, BaseNotFoundError, "destroyed or replaced");
  }
});

Deno.test("Base.watch() tells that the table is gone though nobody could seal its log", async () => {
  for (const readOnly of [false, true]) {
    await using temp = tempBase();
    PsBase.createSync(temp.path, SCHEMA)[Symbol.dispose]();
    using db = another(temp.path, { readOnly });
    const next = db.watch().next();
    await new Promise((resolve) => setTimeout(resolve));
    Deno.removeSync(temp.path, { recursive: true });
    await assertRejects(() => next, BaseNotFoundError, "destroyed or replaced");
  }
});

Deno.test("Base.watch() tells of damage where it meets it", async () => {
  await using temp = tempBase();
  temp.damaged = true;
  await using db = PsBase.createSync(temp.path, SCHEMA);
  await db.keepChanges(100);
  for (let n = 0; n < 10; n++) db.insertSync({ n });
  db.cleanupSync();
  using file = Deno.openSync(`${temp.path}/000001.log`, { read: true, write: true });
  file.seekSync(4096 + 500, Deno.SeekMode.Start);
  file.writeSync(new Uint8Array([255]));
  const told: number[] = [];
  const error = await assertRejects(async () => {
    for await (const { sequence } of db.watch({ since: 0 })) told.push(sequence);
  }, CorruptionError);
  assertEquals((error as CorruptionError).file, `${temp.path}/000001.log`);
  assertEquals(db.size, 10, "the base itself is whole");
  Deno.removeSync(`${temp.path}/000002.table`);
  assertThrows(() => db.watch(), CorruptionError, "files are missing");
});

Deno.test("Base.watch() syncs before it tells, and tells that a sync failed", async () => {
  await using temp = tempBase();
  const files = watchFiles();
  await using db = withFiles(files, () => PsBase.createSync(temp.path, SCHEMA));
  using relaxed = another(temp.path, { durability: "relaxed" });
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  files.beforeSync = () => (begun.resolve(), gate.promise);
  const changes = db.watch();
  const next = changes.next();
  let told = false;
  void next.then(() => told = true);
  relaxed.insertSync({ n: 1 });
  await begun.promise;
  await new Promise((resolve) => setTimeout(resolve));
  assertEquals(told, false);
  gate.resolve();
  assertEquals((await next).value.row.n, 1);
  files.beforeSync = () => {
    throw new Error("EIO");
  };
  relaxed.insertSync({ n: 2 });
  await assertRejects(() => changes.next(), WriteError, "EIO");
  files.beforeSync = () => {};
  db.insertSync({ n: 3 });
});

Deno.test("Base.watch() of one that only reads waits until others synced, and writes no byte", async () => {
  await using temp = tempBase();
  using relaxed = PsBase.createSync(temp.path, SCHEMA, { durability: "relaxed" });
  relaxed.insertSync({ n: 0 });
  relaxed.commitSync();
  const files = watchFiles();
  await using db = withFiles(
    files,
    () => PsBase.openSync(temp.path, { schema: SCHEMA, readOnly: true }),
  );
  const changes = db.watch({ since: 0 });
  assertEquals((await changes.next()).value.row.n, 0);
  let told = false;
  const next = changes.next().then((step) => (told = true, step));
  relaxed.insertSync({ n: 1 });
  relaxed.insertSync({ n: 2 });
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setTimeout(resolve));
  assertEquals([told, db.size], [false, 3], "seen, but not on disk yet");
  relaxed.commitSync();
  assertEquals((await next).value.row.n, 1);
  assertEquals((await changes.next()).value.row.n, 2);
  relaxed.cleanupSync();
  relaxed.insertSync({ n: 3 });
  relaxed.commitSync();
  assertEquals((await changes.next()).value.row.n, 3);
  assertEquals([files.syncs, files.writes], [0, 0]);
});
