import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { ClosedError, DeadlockError, LockTimeoutError, PsLock } from "../lock.ts";
import { Flock } from "../engine/lock/flock.ts";
import { isLocked, kernelWaiters, until } from "./helpers/locks.ts";
import { type Fixture, spawn, spawnFixture } from "./helpers/spawn.ts";
import { currentFiles } from "../engine/system/deno_file.ts";

const LINUX = Deno.build.os === "linux";
/** What is looked up in /proc. */
const onLinux = { ignore: !LINUX };

/** A directory that goes with its scope, with the path of a lock file in it. */
function tempLock() {
  const dir = Deno.makeTempDirSync({ prefix: "psbase_lock_" });
  return {
    dir,
    path: `${dir}/lock`,
    [Symbol.dispose]: () => Deno.removeSync(dir, { recursive: true }),
  };
}

/** Another process, which holds the lock. */
async function holding(path: string): Promise<Fixture> {
  const holder = spawnFixture("hold_lock", [path]);
  assertEquals(await holder.readLine(), "held");
  return holder;
}

async function tell(fixture: Fixture, line: string): Promise<string | undefined> {
  await fixture.send(line);
  return fixture.readLine();
}

/** Counts up in several processes at once, and gives what was reached. */
async function countUp(processes: number, times: number, rest: string[]): Promise<number> {
  using temp = tempLock();
  const counter = `${temp.dir}/counter`;
  Deno.writeTextFileSync(counter, "0");
  await using all = new AsyncDisposableStack();
  const children = Array.from({ length: processes }, () => {
    return all.use(spawnFixture("count_up", [temp.path, counter, String(times), ...rest]));
  });
  for (const child of children) assertEquals(await child.readLine(), "ready");
  await Promise.all(children.map((child) => child.send("go")));
  await Promise.all(children.map((child) => child.readLine()));
  return Number(Deno.readTextFileSync(counter));
}

Deno.test("PsLock.acquireSync() excludes other processes", async () => {
  assertEquals(await countUp(5, 40, ["acquireSync"]), 200);
});

Deno.test("PsLock.acquire() excludes other processes", async () => {
  assertEquals(await countUp(5, 40, ["acquire"]), 200);
});

Deno.test("PsLock.acquire() and acquireSync() with a time limit exclude other processes", async () => {
  const reached = Promise.all([
    countUp(4, 20, ["acquire", "600000"]),
    countUp(4, 20, ["acquireSync", "600000"]),
  ]);
  assertEquals(await reached, [80, 80]);
});

Deno.test("PsLock excludes other Workers, and objects of this thread", async () => {
  using temp = tempLock();
  const counter = `${temp.dir}/counter`;
  Deno.writeTextFileSync(counter, "0");
  const workers = Array.from({ length: 3 }, () => {
    return new Worker(new URL("./fixtures/count_worker.ts", import.meta.url), { type: "module" });
  });
  const done = workers.map((worker) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    worker.onmessage = () => resolve();
    worker.postMessage({ path: temp.path, counter, times: 40 });
    return promise;
  });
  const here = Array.from({ length: 40 }, async () => {
    using lock = new PsLock(temp.path);
    using _guard = await lock.acquire();
    const n = Number(await Deno.readTextFile(counter));
    await Deno.writeTextFile(counter, String(n + 1));
  });
  await Promise.all([...done, ...here]);
  for (const worker of workers) worker.terminate();
  assertEquals(Deno.readTextFileSync(counter), "160");
});

Deno.test("PsLock and flock(1) exclude each other", async (t) => {
  const found = await new Deno.Command("flock", { args: ["--version"], stdout: "null" }).output()
    .then(({ success }) => success, () => false);
  await t.step({
    name: found ? "both ways" : "skipped: there is no flock(1) here",
    ignore: !found,
    async fn() {
      using temp = tempLock();
      using lock = new PsLock(temp.path);
      lock.acquireSync();
      await using refused = spawn("flock", ["-n", temp.path, "true"]);
      assertEquals((await refused.status).code, 1);
      lock.release();

      await using holder = spawn("flock", [temp.path, "sh", "-c", "echo held; read line"]);
      assertEquals(await holder.readLine(), "held");
      assertEquals(lock.tryAcquire(), undefined);
      assertEquals(lock.holder(), undefined, "flock(1) leaves no note, and ours was taken back");
      const error = assertThrows(() => lock.acquireSync({ timeoutMs: 0 }), LockTimeoutError);
      assertEquals(error.holder, undefined);
      await holder.send("");
      using _guard = await lock.acquire();
    },
  });
});

Deno.test("PsLock is free after kill -9 of the holder, whatever its note says", async () => {
  using temp = tempLock();
  using lock = new PsLock(temp.path);
  await using holder = await holding(temp.path);
  assertEquals(lock.holder()?.pid, holder.child.pid);
  const waiting = lock.acquire();
  holder.kill("SIGKILL");
  using guard = await waiting;
  guard.release();
  assertEquals(lock.holder(), undefined);
});

Deno.test("PsLock.holder() is undefined after kill -9, though the note is still there", async () => {
  using temp = tempLock();
  await using holder = await holding(temp.path);
  holder.kill("SIGKILL");
  await holder.status;
  assert(Deno.readTextFileSync(temp.path).includes(`"pid":${holder.child.pid}`));
  using lock = new PsLock(temp.path);
  assertEquals(lock.holder(), undefined);
});

Deno.test("PsLock is not broken when its holder is stopped; a LockTimeoutError names it", async () => {
  using temp = tempLock();
  using lock = new PsLock(temp.path);
  await using holder = await holding(temp.path);
  holder.kill("SIGSTOP");
  const errors = [
    await assertRejects(() => lock.acquire({ timeoutMs: 30 }), LockTimeoutError),
    assertThrows(() => lock.acquireSync({ timeoutMs: 30 }), LockTimeoutError),
  ];
  for (const error of errors) {
    assertEquals(error.path, temp.path);
    assert(error.waitedMs >= 30);
    assertEquals(error.holder?.pid, holder.child.pid);
    assertEquals(error.holder?.host, Deno.hostname());
    assert(error.message.includes(`by process ${holder.child.pid} on ${Deno.hostname()} since`));
  }
  holder.kill("SIGCONT");
  assertEquals(await tell(holder, "held"), "true");
  assert(isLocked(temp.path));
  assertEquals(lock.tryAcquire(), undefined);
  assertEquals(await tell(holder, "release"), "released");
  assert(lock.tryAcquire());
});

Deno.test("PsLock.acquire(), given up, leaves no stray holder and no pending operation", async () => {
  using temp = tempLock();
  await using holder = await holding(temp.path);
  using lock = new PsLock(temp.path);
  const reason = new Error("enough");
  const abort = new AbortController();
  const aborted = lock.acquire({ signal: abort.signal });
  const timedOut = lock.acquire({ timeoutMs: 10 });
  await assertRejects(() => timedOut, LockTimeoutError);
  abort.abort(reason);
  assertStrictEquals(await aborted.catch((error) => error), reason);

  assertEquals(await tell(holder, "release"), "released");
  assert(!isLocked(temp.path));
  await using next = await holding(temp.path);
  assertEquals(lock.tryAcquire(), undefined);
  assertEquals(await tell(next, "release"), "released");
});

Deno.test({
  ...onLinux,
  name: "PsLock.close() leaves no stray holder of a wait in the kernel",
  async fn() {
    using temp = tempLock();
    await using holder = await holding(temp.path);
    const lock = new PsLock(temp.path);
    const waiting = lock.acquire();
    await until(() => kernelWaiters(temp.path) === 1);
    lock.close();
    await assertRejects(() => waiting, ClosedError);

    assertEquals(await tell(holder, "release"), "released");
    const identity = currentFiles().fileId(temp.path)!;
    await until(() => Flock.find(currentFiles(), identity) === undefined);
    assert(!isLocked(temp.path));
    await using _next = await holding(temp.path);
    assert(isLocked(temp.path));
  },
});

Deno.test("PsLock.acquire(), timed out, lets the process end while the lock is held", async () => {
  using temp = tempLock();
  using lock = new PsLock(temp.path);
  lock.acquireSync();
  await using child = spawnFixture("give_up", [temp.path, "20"]);
  assertEquals(await child.readLine(), "LockTimeoutError");
  assert((await child.status).success);
});

Deno.test({
  ...onLinux,
  name: "PsLock.acquire() of 200 objects waits once in the kernel, in order, beside file work",
  async fn() {
    using temp = tempLock();
    const text = `${temp.dir}/text`;
    Deno.writeTextFileSync(text, "read");
    await using holder = await holding(temp.path);
    using stack = new DisposableStack();
    const turns: number[] = [];
    const waiting = Array.from({ length: 200 }, (_, i) => {
      const lock = stack.use(new PsLock(temp.path));
      return lock.run(async () => {
        turns.push(i);
        await Promise.resolve();
      });
    });
    await until(() => kernelWaiters(temp.path) > 0);
    const read = await Promise.all(Array.from({ length: 100 }, () => Deno.readTextFile(text)));
    assertEquals(read.length, 100);
    assertEquals(kernelWaiters(temp.path), 1);
    assertEquals(turns, []);

    await holder.send("release");
    await Promise.all(waiting);
    assertEquals(turns, Array.from({ length: 200 }, (_, i) => i));
  },
});

Deno.test("PsLock.acquire() keeps the order with time limits, signals, and both", async () => {
  using temp = tempLock();
  using stack = new DisposableStack();
  const holder = stack.use(new PsLock(temp.path));
  holder.acquireSync();
  const { signal } = new AbortController();
  const options = [{ timeoutMs: 600_000 }, { signal }, {}, { timeoutMs: 600_000, signal }];
  const turns: number[] = [];
  const waiting = Array.from({ length: 20 }, (_, i) => {
    return stack.use(new PsLock(temp.path)).run(() => void turns.push(i), options[i % 4]);
  });
  holder.release();
  await Promise.all(waiting);
  assertEquals(turns, Array.from({ length: 20 }, (_, i) => i));
});

Deno.test("PsLock.acquireSync() throws DeadlockError when this thread holds the lock", async () => {
  using temp = tempLock();
  using lock = new PsLock(temp.path);
  using other = new PsLock(new URL(`file://${temp.path}`));
  using guard = lock.acquireSync();
  for (const nested of [lock, other]) {
    assertThrows(() => nested.acquireSync(), DeadlockError, `Cannot lock "${temp.path}"`);
    assertThrows(() => nested.acquireSync({ timeoutMs: 10 }), DeadlockError);
  }
  Deno.symlinkSync(temp.path, `${temp.dir}/link`);
  using linked = new PsLock(`${temp.dir}/link`);
  assertThrows(() => linked.acquireSync(), DeadlockError);
  guard.release();
  using _guard = await lock.acquire();
  assertThrows(() => other.acquireSync(), DeadlockError);
});

Deno.test({
  ...onLinux,
  name: "PsLock.acquireSync() works while this thread waits in the kernel, which then has its turn",
  async fn() {
    using temp = tempLock();
    await using holder = await holding(temp.path);
    using waiter = new PsLock(temp.path);
    using lock = new PsLock(temp.path);
    for (const options of [{}, { timeoutMs: 600_000 }]) {
      const waiting = waiter.acquire();
      await until(() => kernelWaiters(temp.path) === 1);
      await holder.send("release");
      lock.acquireSync(options);
      assert(isLocked(temp.path));
      assert(!waiter.held);
      lock.release();
      using guard = await waiting;
      assert(waiter.held);
      assert(isLocked(temp.path));
      assertEquals(await holder.readLine(), "released");
      await holder.send("acquire");
      guard.release();
      assertEquals(await holder.readLine(), "held");
      assert(isLocked(temp.path));
    }
  },
});

Deno.test({
  ...onLinux,
  name: "PsLock.acquire() notices that the file was deleted or replaced, and waits for the new one",
  async fn() {
    using temp = tempLock();
    await using first = await holding(temp.path);
    using lock = new PsLock(temp.path);
    using second = new PsLock(temp.path);
    const waiting = lock.acquire();
    const again = lock.acquire();
    const later = second.acquire({ timeoutMs: 600_000 });
    await until(() => kernelWaiters(temp.path) === 1);
    Deno.removeSync(temp.path);
    await using successor = await holding(temp.path);

    assertEquals(await tell(first, "release"), "released");
    await until(() => kernelWaiters(temp.path) === 1);
    assert(!lock.held);
    assertEquals(lock.holder()?.pid, successor.child.pid);
    assertEquals(await tell(successor, "release"), "released");
    (await waiting).release();
    (await again).release();
    using _guard = await later;
    assert(isLocked(temp.path));
  },
});

Deno.test("PsLock locks the file at its path, also when another was there at its last hold", () => {
  using temp = tempLock();
  using lock = new PsLock(temp.path);
  const forms = [() => lock.acquireSync(), () => lock.tryAcquire()];
  for (const acquire of forms) {
    lock.acquireSync();
    lock.release();
    Deno.renameSync(temp.path, `${temp.dir}/old`);
    using _guard = acquire();
    assert(isLocked(temp.path));
    assert(!isLocked(`${temp.dir}/old`));
  }
});

Deno.test("PsLock.acquire() rejects clearly when the directory is missing", async () => {
  using temp = tempLock();
  using lock = new PsLock(`${temp.dir}/none/lock`);
  const message = `Cannot lock "${temp.dir}/none/lock": its directory does not exist`;
  await assertRejects(() => lock.acquire(), Deno.errors.NotFound, message);
  assertThrows(() => lock.acquireSync(), Deno.errors.NotFound, message);
  assertThrows(() => lock.tryAcquire(), Deno.errors.NotFound, message);
  assertEquals(lock.holder(), undefined);
});

Deno.test({
  name: "PsLock locks what cannot be written to: a directory, a file that others made",
  ignore: Deno.build.os === "windows",
  async fn(t) {
    using temp = tempLock();
    const file = `${temp.dir}/theirs`;
    Deno.writeTextFileSync(file, "theirs", { mode: 0o444 });
    const isLocked = (path: string) => {
      using other = Deno.openSync(path);
      return !other.tryLockSync(true);
    };
    for (const path of [temp.dir, file]) {
      await t.step(path === file ? "a file" : "a directory", async () => {
        using lock = new PsLock(path);
        using theirs = new PsLock(path);
        {
          using _guard = await lock.acquire();
          assertEquals(isLocked(path), true);
          assertEquals(theirs.tryAcquire(), undefined);
          await assertRejects(() => theirs.acquire({ timeoutMs: 0 }), LockTimeoutError);
        }
        assertEquals(isLocked(path), false);
        using _guard = theirs.acquireSync();
        assertEquals(isLocked(path), true);
      });
    }
    assertEquals(Deno.readTextFileSync(file), "theirs");
    assertEquals([...Deno.readDirSync(temp.dir)].length, 1);
  },
});

Deno.test("PsLock is not inherited by children of the holder", async () => {
  using temp = tempLock();
  await using holder = await holding(temp.path);
  const grandchild = Number(await tell(holder, "spawn"));
  holder.kill("SIGKILL");
  await holder.status;
  assert(!isLocked(temp.path));
  Deno.kill(grandchild, "SIGKILL");
});

Deno.test("LockGuard.release() ends its own hold only, and once", async () => {
  using temp = tempLock();
  using lock = new PsLock(temp.path);
  const guard = lock.acquireSync();
  guard.release();
  guard.release();
  assert(!lock.held);
  assert(!isLocked(temp.path));
  const later = await lock.acquire();
  guard.release();
  guard[Symbol.dispose]();
  assert(lock.held);
  assert(isLocked(temp.path));
  lock.release();
  const last = lock.tryAcquire();
  later.release();
  assert(lock.held);
  last?.[Symbol.dispose]();
  assert(!lock.held);
});

Deno.test("PsLock.release() does nothing when another object holds the lock", () => {
  using temp = tempLock();
  using lock = new PsLock(temp.path);
  using other = new PsLock(temp.path);
  lock.release();
  other.acquireSync();
  lock.release();
  assert(!lock.held);
  assert(isLocked(temp.path));
});

Deno.test("PsLock.acquire() waits its turn when the object itself holds the lock", async () => {
  using temp = tempLock();
  using lock = new PsLock(temp.path);
  const first = await lock.acquire();
  const second = lock.acquire();
  const third = lock.acquire();
  assertEquals(lock.tryAcquire(), undefined);
  first.release();
  (await second).release();
  using _guard = await third;
  assert(lock.held);
});

Deno.test("PsLock.run() passes on what fn gives, and lets go when it throws", async () => {
  using temp = tempLock();
  using lock = new PsLock(temp.path);
  assertEquals(await lock.run(() => isLocked(temp.path)), true);
  const later = async () => {
    await Promise.resolve();
    return isLocked(temp.path);
  };
  assertEquals(await lock.run(later), true);
  const fault = new Error("fault");
  const thrown = lock.run(() => {
    throw fault;
  });
  assertStrictEquals(await thrown.catch((error) => error), fault);
  const rejected = lock.run(() => Promise.reject(fault), { timeoutMs: 10 });
  assertStrictEquals(await rejected.catch((error) => error), fault);
  assert(!isLocked(temp.path));
});

Deno.test("PsLock.close() lets go, ends pending waits, and is final", async () => {
  using temp = tempLock();
  const lock = new PsLock(temp.path);
  lock.acquireSync();
  const waiting = [lock.acquire(), lock.acquire({ timeoutMs: 600_000 })];
  lock.close();
  lock[Symbol.dispose]();
  for (const wait of waiting) await assertRejects(() => wait, ClosedError);
  assert(!lock.held);
  assert(!isLocked(temp.path));
  lock.release();
  await assertRejects(() => lock.acquire(), ClosedError, `Cannot lock "${temp.path}": this lock`);
  await assertRejects(() => lock.run(() => {}), ClosedError);
  assertThrows(() => lock.acquireSync(), ClosedError);
  assertThrows(() => lock.tryAcquire(), ClosedError);
});

Deno.test("PsLock.close(), called when the lock was just granted, does not keep it", async () => {
  using temp = tempLock();
  using other = new PsLock(temp.path);
  const lock = new PsLock(temp.path);
  const granted = lock.acquire();
  lock.close();
  await assertRejects(() => granted, ClosedError);
  assert(other.tryAcquire());
});

Deno.test("PsLock.acquire() rejects with signal.reason, also of a signal aborted before", async () => {
  using temp = tempLock();
  using lock = new PsLock(temp.path);
  const reason = { why: "no" };
  const rejection = lock.acquire({ signal: AbortSignal.abort(reason) });
  assertStrictEquals(await rejection.catch((error) => error), reason);
  assert(!lock.held);
});

Deno.test("PsLock.acquire() with timeoutMs 0 tries once", async () => {
  using temp = tempLock();
  using lock = new PsLock(temp.path);
  (await lock.acquire({ timeoutMs: 0 })).release();
  lock.acquireSync({ timeoutMs: 0 }).release();
  await using _holder = await holding(temp.path);
  await assertRejects(() => lock.acquire({ timeoutMs: 0 }), LockTimeoutError);
  assertThrows(() => lock.acquireSync({ timeoutMs: 0 }), LockTimeoutError);
});

Deno.test("PsLock.acquire() takes any timeoutMs from 0 to Infinity, and no other", async () => {
  using temp = tempLock();
  using lock = new PsLock(temp.path);
  for (const timeoutMs of [-1, NaN, "5" as unknown as number]) {
    await assertRejects(() => lock.acquire({ timeoutMs }), RangeError, "Cannot wait");
    assertThrows(() => lock.acquireSync({ timeoutMs }), RangeError, "Cannot wait");
  }
  using holder = new PsLock(temp.path);
  const guard = holder.acquireSync();
  // Beyond what a timer can be set to.
  const waiting = [Infinity, 2 ** 40].map((timeoutMs) => lock.acquire({ timeoutMs }));
  const timer = Promise.withResolvers<void>();
  setTimeout(timer.resolve, 5);
  await timer.promise;
  guard.release();
  for (const wait of waiting) (await wait).release();
});

Deno.test("PsLock.holder() says who and since when, and is undefined while the lock is free", () => {
  using temp = tempLock();
  using lock = new PsLock(temp.path);
  using other = new PsLock(temp.path);
  assertEquals(lock.holder(), undefined);
  const before = Date.now();
  const guard = lock.acquireSync();
  for (const holder of [lock.holder(), other.holder()]) {
    assertEquals(holder?.pid, Deno.pid);
    assert(holder!.since.getTime() >= before && holder!.since.getTime() <= Date.now());
  }
  guard.release();
  assertEquals(lock.holder(), undefined);
});

Deno.test("PsLock.holder() is undefined when the file holds something else, which is kept", () => {
  using temp = tempLock();
  using lock = new PsLock(temp.path);
  const since = new Date();
  const notes = [{ pid: "1", host: "", since }, { pid: 1, since }, { pid: 1, host: "" }]
    .map((note) => JSON.stringify(note));
  for (const content of [...notes, "0123456789", "{}", "null", "\0\0", ""]) {
    Deno.writeTextFileSync(temp.path, content);
    using file = Deno.openSync(temp.path);
    file.lockSync(true);
    assertEquals(lock.holder(), undefined);
  }
  Deno.writeTextFileSync(temp.path, "a script or data of somebody");
  lock.acquireSync();
  assertEquals(lock.holder(), undefined);
  lock.release();
  assertEquals(Deno.readTextFileSync(temp.path), "a script or data of somebody");
});
