import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Base,
  BaseLockedError,
  BaseNotFoundError,
  ClosedError,
  LockTimeoutError,
  PsBase,
  WriteError,
} from "../../mod.ts";
import { isLocked, kernelWaiters, until } from "../helpers/locks.ts";
import { openRemote } from "../helpers/remote_base.ts";
import { tempBase } from "../helpers/temp_base.ts";
import { watchFiles } from "../helpers/watched_files.ts";
import { denoFiles, withFiles } from "../../engine/system/deno_file.ts";

const SCHEMA = { n: "integer" } as const;

/** The lock of the table at `path`, held as by a write of another process. */
function holdLock(path: string): Deno.FsFile {
  const file = Deno.openSync(`${path}/base`, { read: true, write: true });
  file.lockSync(true);
  return file;
}

/** A handle on another file layer, as if it were in another process. */
function openElsewhere(path: string): PsBase<typeof SCHEMA> {
  return withFiles({ ...denoFiles }, () => PsBase.openSync(path, { schema: SCHEMA }));
}

/** All blocking writes of a table. */
function writesOf(db: PsBase<typeof SCHEMA>): (() => unknown)[] {
  return [
    () => db.insertSync({ n: 1 }),
    () => db.insertManySync([{ n: 1 }]),
    () => db.updateSync(0, { n: 1 }),
    () => db.deleteSync(0),
    () => db.addFieldSync("m", "date"),
    () => db.dropFieldSync("n"),
    () => db.setDefaultSync("n", 1),
    () => db.commitSync(),
    () => db.cleanupSync(),
    () => db.destroySync(),
  ];
}

Deno.test("Base excludes a second Base in another process, and tells who has it", async () => {
  await using temp = tempBase();
  (await Base.create(temp.path, SCHEMA))[Symbol.dispose]();
  const start = Date.now();
  await using remote = await openRemote(temp.path, "Base");
  const refusals = [
    await assertRejects(() => Base.open(temp.path), BaseLockedError),
    assertThrows(() => Base.openSync(temp.path), BaseLockedError),
    await assertRejects(() => Base.create(temp.path, SCHEMA, { mode: "open" }), BaseLockedError),
    await assertRejects(
      () => Base.create(temp.path, SCHEMA, { mode: "override" }),
      BaseLockedError,
    ),
    assertThrows(() => PsBase.createSync(temp.path, SCHEMA, { mode: "override" }), BaseLockedError),
  ];
  for (const { holder, message } of refusals) {
    assertEquals(holder?.pid, remote.pid);
    assert(holder!.since.getTime() >= start && holder!.since.getTime() <= Date.now());
    assert(message.includes(`process ${remote.pid}`), message);
  }
  assertEquals(await remote.call("insert", { n: 1 }), 0);
  await remote.kill();
  using db = Base.openSync(temp.path, { schema: SCHEMA });
  assertEquals(db.get(0)?.n, 1);
  assertEquals(db.insertSync({ n: 2 }), 1);
});

Deno.test("Base excludes a second Base in the same thread, until it is closed", async () => {
  await using temp = tempBase();
  for (const end of ["close", "dispose", "destroy"] as const) {
    const first = await Base.create(temp.path, SCHEMA, { mode: "open" });
    const error = await assertRejects(() => Base.open(temp.path), BaseLockedError);
    assertEquals(error.holder?.pid, Deno.pid);
    assertThrows(() => Base.openSync(temp.path), BaseLockedError);
    if (end === "dispose") first[Symbol.dispose]();
    else await first[end]();
  }
});

Deno.test("Base that may open no more files when it cleaned up reads on, and writes when it may", async () => {
  await using temp = tempBase();
  (await PsBase.create(temp.path, SCHEMA))[Symbol.dispose]();
  const files = watchFiles();
  const { open } = files;
  using base = withFiles(files, () => Base.openSync(temp.path, { schema: SCHEMA }));
  base.insertSync({ n: 1 });
  base.cleanupSync();
  files.open = () => {
    throw new Error("Too many open files");
  };
  const error = assertThrows(() => base.insertSync({ n: 2 }), WriteError, "Too many open files");
  assertEquals([error.outcome, base.size], ["none", 1]);
  files.open = open;
  assertEquals(base.insertSync({ n: 3 }), 1);
});

Deno.test("PsBase beside a Base reads on, follows its commits, and is refused writes", async () => {
  await using temp = tempBase();
  using early = PsBase.createSync(temp.path, SCHEMA);
  early.insertSync({ n: 0 });
  await using remote = await openRemote(temp.path, "Base");
  using late = await PsBase.open(temp.path, { schema: SCHEMA });
  using still = await PsBase.open(temp.path, { schema: SCHEMA, readOnly: true });
  for (let n = 1; n < 6; n++) {
    assertEquals(await remote.call("insert", { n }), n);
    if (n === 3) await remote.call("cleanup");
    for (const db of [early, late, still]) assertEquals([db.size, db.at(-1)?.n], [n + 1, n]);
  }
  // But for a note of who cleans up.
  const files = () => ({ ...temp.files(), cleanup: undefined });
  const before = files();
  for (const db of [early, late]) {
    for (const write of writesOf(db)) {
      const error = assertThrows(write, BaseLockedError);
      assertEquals(error.holder?.pid, remote.pid);
    }
    const promises = [
      db.insert({ n: 1 }),
      db.insertMany([{ n: 1 }]),
      db.update(0, { n: 1 }),
      db.delete(0),
      db.addField("m", "date"),
      db.dropField("n"),
      db.setDefault("n", 1),
      db.commit(),
      db.cleanup(),
      db.destroy(),
    ];
    for (const result of await Promise.allSettled(promises)) {
      assert(result.status === "rejected" && result.reason instanceof BaseLockedError, `${result}`);
    }
  }
  assertEquals(files(), before);
  await remote.kill();
  assertEquals([early.insertSync({ n: 6 }), late.insertSync({ n: 7 })], [6, 7]);
});

Deno.test("Base.open() does not take one who only asks whether there is an owner for one", async () => {
  await using temp = tempBase();
  (await PsBase.create(temp.path, SCHEMA))[Symbol.dispose]();
  using asker = Deno.openSync(`${temp.path}/owner`);
  const files = { ...denoFiles };
  let refusals = 0;
  files.open = (path, mode) => {
    const file = denoFiles.open(path, mode);
    if (!path.endsWith("owner")) return file;
    const tryLock = file.tryLock.bind(file);
    file.tryLock = (shared) => {
      const had = tryLock(shared);
      if (!had) refusals++;
      // By then it has its answer.
      asker.unlockSync();
      return had;
    };
    return file;
  };
  asker.lockSync(false);
  (await withFiles(files, () => Base.open(temp.path)))[Symbol.dispose]();
  asker.lockSync(false);
  withFiles(files, () => Base.openSync(temp.path))[Symbol.dispose]();
  assertEquals(refusals, 2);
});

Deno.test("Base.open() keeps no other Base out while it waits for one who asks", async () => {
  await using temp = tempBase();
  (await PsBase.create(temp.path, SCHEMA))[Symbol.dispose]();
  using asker = Deno.openSync(`${temp.path}/owner`);
  using rival = Deno.openSync(`${temp.path}/owner`);
  const files = { ...denoFiles };
  const got: boolean[] = [];
  files.open = (path, mode) => {
    const file = denoFiles.open(path, mode);
    if (!path.endsWith("owner")) return file;
    const tryLock = file.tryLock.bind(file);
    let tries = 0;
    file.tryLock = (shared) => {
      if (!shared && ++tries === 2) {
        asker.unlockSync();
        got.push(rival.tryLockSync(true));
        rival.unlockSync();
      }
      return tryLock(shared);
    };
    return file;
  };
  asker.lockSync(false);
  (await withFiles(files, () => Base.open(temp.path)))[Symbol.dispose]();
  assertEquals(got, [true]);
});

Deno.test("Base.open() that the system refuses the owner's lock holds no file open", async () => {
  await using temp = tempBase();
  (await PsBase.create(temp.path, SCHEMA))[Symbol.dispose]();
  const files = watchFiles();
  const { open } = files;
  files.open = (path, mode) => {
    const file = open(path, mode);
    if (path.endsWith("owner")) {
      file.tryLock = () => {
        throw new Error("No locks available");
      };
    }
    return file;
  };
  assertThrows(() => withFiles(files, () => Base.openSync(temp.path)), Error, "No locks");
  assertEquals([...files.opened], []);
});

Deno.test("Base.open() waits for a PsBase write in progress", async () => {
  await using temp = tempBase();
  using writer = PsBase.createSync(temp.path, SCHEMA);
  {
    using lock = holdLock(temp.path);
    const opening = Base.open(temp.path, { schema: SCHEMA });
    await until(() => kernelWaiters(`${temp.path}/base`) === 1);
    // It is the owner already: others are not to queue up behind it.
    await assertRejects(() => Base.open(temp.path), BaseLockedError);
    lock.unlockSync();
    using db = await opening;
    assertEquals(db.insertSync({ n: 1 }), 0);
    assertThrows(() => writer.insertSync({ n: 2 }), BaseLockedError);
  }
  {
    using lock = holdLock(temp.path);
    await assertRejects(() => Base.open(temp.path, { timeoutMs: 5 }), LockTimeoutError);
    assertThrows(() => Base.openSync(temp.path, { timeoutMs: 5 }), LockTimeoutError);
    lock.unlockSync();
    using _db = await Base.open(temp.path);
  }
  assertEquals(writer.insertSync({ n: 3 }), 1);
});

Deno.test("PsBase writes wait for the lock, as long as timeoutMs says; reads do not", async () => {
  await using temp = tempBase();
  using patient = PsBase.createSync(temp.path, SCHEMA);
  using hasty = PsBase.openSync(temp.path, { schema: SCHEMA, timeoutMs: 5 });
  using disposed = PsBase.openSync(temp.path, { schema: SCHEMA });
  patient.insertSync({ n: 0 });
  using lock = holdLock(temp.path);
  const waiting = patient.insert({ n: 1 });
  const queued = patient.update(0, { n: -1 });
  const doomed = disposed.insert({ n: 7 });
  for (const write of writesOf(hasty)) {
    const error = assertThrows(write, LockTimeoutError);
    assertEquals(error.path, temp.path);
  }
  await assertRejects(() => hasty.insert({ n: 2 }), LockTimeoutError);
  await assertRejects(
    () => Promise.all([hasty.insert({ n: 2 }), hasty.insert({ n: 3 })]),
    LockTimeoutError,
  );
  assertEquals([patient.size, hasty.size, hasty.get(0)?.n], [1, 1, 0]);
  disposed[Symbol.dispose]();
  await assertRejects(() => doomed, ClosedError);
  lock.unlockSync();
  assertEquals(await waiting, 1);
  assertEquals((await queued).n, -1);
  assertEquals(hasty.insertSync({ n: 4 }), 2);
  assertEquals(Array.from(hasty, (row) => row.n), [-1, 1, 4]);
  assert(!isLocked(`${temp.path}/base`));
});

Deno.test("PsBase processes see each other's commits at once and get distinct ids", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, SCHEMA);
  const remotes = await Promise.all([1, 2, 3].map(() => openRemote(temp.path, "PsBase")));
  try {
    for (let n = 0; n < 12; n++) {
      const writer = [db, ...remotes][n % 4]!;
      const id = writer === db
        ? await db.insert({ n })
        : await remotes[n % 4 - 1]!.call("insert", { n });
      assertEquals(id, n);
      if (n === 6) await remotes[0]!.call("cleanup");
      assertEquals(db.at(-1)?.n, n);
      for (const remote of remotes) assertEquals(await remote.call("size"), n + 1);
    }
    const jobs = [...remotes].map(async (remote, i) => {
      const ids = [];
      for (let k = 0; k < 20; k++) ids.push(await remote.call("insert", { n: 100 * i + k }));
      return ids;
    });
    jobs.push(Promise.all(Array.from({ length: 20 }, (_, k) => db.insert({ n: 1000 + k }))));
    const ids = (await Promise.all(jobs)).flat();
    assertEquals(new Set(ids).size, 80);
    assertEquals(db.size, 92);
  } finally {
    await Promise.all(remotes.map((remote) => remote[Symbol.asyncDispose]()));
  }
});

for (const end of ["destroy", "destroy and create", "override"]) {
  Deno.test(`PsBase tells when the table was ended by ${end} elsewhere, and harms no other`, async () => {
    await using temp = tempBase();
    using db = PsBase.createSync(temp.path, SCHEMA);
    using still = PsBase.openSync(temp.path, { schema: SCHEMA, readOnly: true });
    using written = openElsewhere(temp.path);
    db.insertManySync(Array.from({ length: 100 }, (_, n) => ({ n })));
    db.cleanupSync();
    db.insertSync({ n: 100 });
    written.insertSync({ n: 101 });
    const iterator = db[Symbol.iterator]();
    await using remote = await openRemote(temp.path, "PsBase");
    if (end !== "override") assertEquals(await remote.call("destroy"), null);
    if (end === "destroy") assertThrows(() => Deno.statSync(temp.path), Deno.errors.NotFound);
    else PsBase.createSync(temp.path, { other: "date" }, { mode: "override" })[Symbol.dispose]();
    for (const handle of [db, written]) {
      for (const use of [() => handle.size, () => handle.get(0), ...writesOf(handle)]) {
        assertThrows(use, BaseNotFoundError, "destroyed or replaced");
      }
      await assertRejects(() => handle.insert({ n: 1 }), BaseNotFoundError);
    }
    assertThrows(() => still.size, BaseNotFoundError, "destroyed or replaced");
    assertEquals(Array.from(iterator, (row) => row.n).length, 102, "a snapshot is read to its end");
    if (end === "destroy") return;
    using other = PsBase.openSync(temp.path);
    assertEquals([other.size, Object.keys(other.schema)], [0, ["other"]]);
  });
}

for (const Class of [Base, PsBase]) {
  Deno.test(`${Class.name}.destroy() removes the table, its handle is closed, writes under way fail`, async () => {
    await using temp = tempBase();
    const db = await Class.create(temp.path, SCHEMA);
    await db.insert({ n: 1 });
    await db.cleanup();
    const [late, destroyed, later] = await Promise.allSettled([
      db.insert({ n: 2 }),
      db.destroy(),
      db.insert({ n: 3 }),
    ]);
    assertEquals(destroyed.status, "fulfilled");
    for (const insert of [late, later]) assertEquals(insert.status, "rejected");
    assertThrows(() => db.size, ClosedError);
    assertEquals([...Deno.readDirSync(temp.parent)], []);

    const sync = Class.createSync(temp.path, SCHEMA);
    Deno.writeTextFileSync(`${temp.path}/notes.txt`, "mine");
    sync.destroySync();
    assertThrows(() => sync.size, ClosedError);
    assertEquals([...Deno.readDirSync(temp.path)].map(({ name }) => name), ["notes.txt"]);
  });
}

Deno.test("PsBase acknowledges what another process's cleanup synced in its stead", async () => {
  await using temp = tempBase();
  const files = watchFiles();
  using db = withFiles(files, () => PsBase.createSync(temp.path, SCHEMA));
  using other = openElsewhere(temp.path);
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  files.beforeSync = () => (begun.resolve(), gate.promise);
  const first = db.insert({ n: 1 });
  await begun.promise;
  const second = db.insert({ n: 2 });
  await until(() => other.size === 2);
  other.cleanupSync();
  assertEquals(db.stats().generation, 2);
  gate.resolve();
  assertEquals(await Promise.all([first, second]), [0, 1]);
  assertEquals(await db.insert({ n: 3 }), 2);
});

Deno.test("PsBase reads at one commit point though its predicate writes", async () => {
  await using temp = tempBase();
  using db = PsBase.createSync(temp.path, SCHEMA);
  using other = openElsewhere(temp.path);
  db.insertManySync(Array.from({ length: 70 }, (_, n) => ({ n })));
  const seen = db.select((row) => {
    if (row.n! < 5) {
      db.insertSync({ n: 1000 });
      other.insertSync({ n: 1000 });
      db.deleteSync(60 + row.n!);
      if (row.n === 3) other.cleanupSync();
    }
    return true;
  });
  assertEquals(seen.map((row) => row.n), Array.from({ length: 70 }, (_, n) => n));
  assertEquals([db.size, db.count({ n: 1000 })], [75, 10]);
});
