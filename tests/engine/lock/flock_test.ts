import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Closing } from "../../../engine/system/closing.ts";
import { DeadlockError, LockTimeoutError } from "../../../engine/system/errors.ts";
import type { File, Files } from "../../../engine/system/file.ts";
import { Flock } from "../../../engine/lock/flock.ts";
import { denoFiles } from "../../../engine/system/deno_file.ts";

/** One lock file and the kernel's part in it, played by the test. */
class FakeKernel {
  /** Whether another process holds the lock. */
  taken = false;
  /** Whether the open file under test holds it. */
  held = false;
  /** Waits in the kernel that were begun. */
  waits = 0;
  /** Files that are open. */
  open = 0;
  /** Thrown by the next try. */
  fault: Error | undefined;
  #waiting = Promise.withResolvers<void>();

  readonly files: Files = {
    ...denoFiles,
    open: (path) => {
      this.open++;
      return this.#file(path);
    },
  };

  #file(path: string): File {
    const unused = () => {
      throw new Error("not used here");
    };
    return {
      path,
      fileId: path,
      size: unused,
      readAt: unused,
      writeAt: unused,
      sync: unused,
      syncSync: unused,
      lock: () => {
        this.waits++;
        this.#waiting = Promise.withResolvers();
        return this.#waiting.promise;
      },
      lockSync: () => {
        assert(!this.taken, "would block for ever");
        this.held = true;
      },
      tryLock: () => {
        if (this.fault !== undefined) throw this.fault;
        return this.held ||= !this.taken;
      },
      unlock: () => {
        this.held = false;
      },
      close: () => {
        this.open--;
      },
      [Symbol.dispose]() {
        this.close();
      },
    };
  }

  /** The other process lets go, and the wait in the kernel is granted. */
  async grant(): Promise<void> {
    this.taken = false;
    this.held = true;
    await this.resume();
  }

  /** The thread learns of a grant, which may be over by now. */
  async resume(): Promise<void> {
    this.#waiting.resolve();
    await this.#waiting.promise;
    await settled();
  }

  async fail(error: Error): Promise<void> {
    this.#waiting.reject(error);
    await settled();
  }
}

/** Lets all that has been resolved go on. */
function settled(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

/** Whether the promise is settled. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  const pending = {};
  return await Promise.race([promise.catch(() => {}), settled().then(() => pending)]) !== pending;
}

Deno.test("Flock.attach() opens a file once, and the last detach() closes it", () => {
  const kernel = new FakeKernel();
  const flock = Flock.attach(kernel.files, "a", "create");
  assertStrictEquals(Flock.attach(kernel.files, "a", "create"), flock);
  assert(Flock.attach(kernel.files, "b", "create") !== flock);
  assert(Flock.attach({ ...kernel.files }, "a", "create") !== flock, "another process");
  assertEquals(kernel.open, 3);
  flock.detach();
  assertEquals(kernel.open, 3);
  flock.detach();
  assertEquals(kernel.open, 2);
  assertEquals(Flock.find(kernel.files, "a"), undefined);
});

Deno.test("Flock.attach() closes the file of which it is not told which it is", () => {
  const kernel = new FakeKernel();
  const files: Files = {
    ...kernel.files,
    open(path, mode) {
      const file = kernel.files.open(path, mode);
      const get = () => {
        throw new Error("Input/output error (os error 5)");
      };
      return Object.defineProperty(file, "fileId", { get });
    },
  };
  assertThrows(() => Flock.attach(files, "a", "create"), Error, "os error 5");
  assertEquals(kernel.open, 0);
});

Deno.test("Flock.release() starts the wait of the next, and only one at a time", async () => {
  const kernel = new FakeKernel();
  const flock = Flock.attach(kernel.files, "a", "create");
  await flock.acquire();
  const turns: number[] = [];
  const waiting = [1, 2, 3].map((i) => flock.acquire().then(() => turns.push(i)));
  assertEquals(kernel.waits, 0, "held by this thread, there is nothing to wait for in the kernel");
  for (const i of [1, 2, 3]) {
    flock.release();
    assertEquals(kernel.waits, i);
    assert(!kernel.held);
    await kernel.grant();
    assertEquals(turns.length, i);
  }
  await Promise.all(waiting);
  assertEquals(turns, [1, 2, 3]);
});

Deno.test("Flock.acquire() lets go of a lock that is granted when nobody waits any more", async () => {
  const kernel = new FakeKernel();
  kernel.taken = true;
  const flock = Flock.attach(kernel.files, "a", "create");
  const closing = new Closing("closed");
  const waiting = flock.acquire({ closing });
  closing.end();
  await assertRejects(() => waiting, Error, "closed");
  await kernel.grant();
  assert(!kernel.held);
  assert(!flock.held);
});

Deno.test("Flock.detach() leaves the file open until the wait in the kernel has ended", async () => {
  const kernel = new FakeKernel();
  kernel.taken = true;
  const flock = Flock.attach(kernel.files, "a", "create");
  const closing = new Closing("closed");
  const waiting = flock.acquire({ closing });
  closing.end();
  await assertRejects(() => waiting, Error, "closed");
  flock.detach();
  assertEquals(kernel.open, 1);
  assertStrictEquals(Flock.attach(kernel.files, "a", "create"), flock, "never a second open file");
  flock.detach();
  await kernel.grant();
  assertEquals(kernel.open, 0);
  assert(!kernel.held);
});

Deno.test("Flock.acquire() looks again when a sync form came first and another process after it", async () => {
  const kernel = new FakeKernel();
  kernel.taken = true;
  const flock = Flock.attach(kernel.files, "a", "create");
  const waiting = flock.acquire();
  kernel.taken = false;
  flock.acquireSync();

  await kernel.resume();
  assert(!await isSettled(waiting), "the sync form holds it");
  assert(kernel.held);
  flock.release();
  assertEquals(kernel.waits, 2);

  flock.acquireSync();
  flock.release();
  kernel.taken = true;
  await kernel.resume();
  assert(!await isSettled(waiting), "another process holds it");
  assertEquals(kernel.waits, 3);
  await kernel.grant();
  await waiting;
  assert(flock.held);
});

Deno.test("Flock.tryAcquire() does not overtake those that wait", async () => {
  const kernel = new FakeKernel();
  kernel.taken = true;
  const flock = Flock.attach(kernel.files, "a", "create");
  const waiting = flock.acquire();
  kernel.taken = false;
  assert(!flock.tryAcquire());
  await kernel.grant();
  await waiting;
  flock.release();
  assert(flock.tryAcquire());
});

Deno.test("Flock.acquire() that may give up does not wait in the kernel", async () => {
  const kernel = new FakeKernel();
  kernel.taken = true;
  const flock = Flock.attach(kernel.files, "a", "create");
  const abort = new AbortController();
  const aborted = flock.acquire({ signal: abort.signal });
  const waiting = flock.acquire({ timeoutMs: 600_000 });
  await assertRejects(() => flock.acquire({ timeoutMs: 5 }), LockTimeoutError);
  assertEquals(kernel.waits, 0);
  abort.abort();
  await assertRejects(() => aborted, DOMException);
  kernel.taken = false;
  await waiting;
  flock.release();
  assert(!kernel.held);
});

Deno.test("Flock.acquire() that may give up profits from the wait of one that may not", async () => {
  const kernel = new FakeKernel();
  kernel.taken = true;
  const flock = Flock.attach(kernel.files, "a", "create");
  const first = flock.acquire({ timeoutMs: 600_000 });
  const second = flock.acquire();
  assertEquals(kernel.waits, 1);
  await kernel.grant();
  await first;
  assert(!await isSettled(second));
  flock.release();
  await kernel.grant();
  await second;
});

Deno.test("Flock.acquire() takes a lock that is free when its timer comes late", async () => {
  const kernel = new FakeKernel();
  kernel.taken = true;
  const flock = Flock.attach(kernel.files, "a", "create");
  const first = flock.acquire({ timeoutMs: 1 });
  const second = flock.acquire();
  // In the kernel for `second`; granted, but the thread has not been told.
  kernel.taken = false;
  await first;
  flock.release();
  await kernel.grant();
  await second;
});

Deno.test("Flock.acquire() calls onBusy once, only if it has to wait, and passes on its throw", async () => {
  const kernel = new FakeKernel();
  const flock = Flock.attach(kernel.files, "a", "create");
  let calls = 0;
  const onBusy = () => void calls++;
  await flock.acquire({ onBusy });
  flock.release();
  flock.acquireSync({ onBusy });
  assertEquals(calls, 0);
  const waiting = flock.acquire({ onBusy });
  assertEquals(calls, 1);
  assertThrows(() => flock.acquireSync({ onBusy }), DeadlockError);
  assertEquals(calls, 2);
  flock.release();
  await kernel.grant();
  await waiting;
  assertEquals(calls, 2);

  const busy = new Error("busy");
  const refuse = () => {
    throw busy;
  };
  assertStrictEquals(await flock.acquire({ onBusy: refuse }).catch((error) => error), busy);
  assertThrows(() => flock.acquireSync({ onBusy: refuse }), Error, "busy");
  flock.release();
  assert(flock.tryAcquire(), "nobody is left in the queue");
});

Deno.test("Flock.run() calls fn in the turn of the grant, and lets go in it", async () => {
  const kernel = new FakeKernel();
  const flock = Flock.attach(kernel.files, "a", "create");
  const seen: string[] = [];
  const free = flock.run(() => seen.push(`held ${kernel.held}`));
  assertEquals(seen, ["held true"]);
  assert(!kernel.held);
  assertEquals(await free, 1);

  kernel.taken = true;
  const fault = new Error("fault");
  const thrown = flock.run(() => {
    throw fault;
  }).catch((error) => error);
  const later = flock.run(() => flock.held);
  await kernel.grant();
  assertStrictEquals(await thrown, fault);
  flock.acquireSync();
  flock.release();
  await kernel.grant();
  assert(await later);
  assert(!kernel.held);
});

Deno.test("Flock.run() and acquireSync() of one thread never deadlock, with a limit either", async () => {
  const kernel = new FakeKernel();
  const flock = Flock.attach(kernel.files, "a", "create");
  for (const options of [{}, { timeoutMs: 600_000 }]) {
    kernel.taken = true;
    const runs = [1, 2, 3].map((i) =>
      flock.run(() => i, options).then((n) => {
        flock.acquireSync();
        flock.release();
        return n;
      })
    );
    kernel.taken = false;
    flock.acquireSync();
    flock.release();
    const granting = setInterval(() => kernel.grant(), 1);
    assertEquals(await Promise.all(runs), [1, 2, 3]);
    clearInterval(granting);
    kernel.held = false;
  }
});

Deno.test("Flock.acquire() rejects with what the system says, and can be called again", async () => {
  const kernel = new FakeKernel();
  const flock = Flock.attach(kernel.files, "a", "create");
  kernel.taken = true;
  const waiting = [flock.acquire(), flock.acquire({ timeoutMs: 600_000 })];
  const failed = waiting.map((wait) => assertRejects(() => wait, Error, "no locks available"));
  await kernel.fail(new Error("no locks available"));
  await Promise.all(failed);

  const trying = flock.acquire({ timeoutMs: 600_000 });
  kernel.fault = new Error("input/output error");
  await assertRejects(() => trying, Error, "input/output error");
  assertThrows(() => flock.acquireSync(), Error, "input/output error");
  kernel.fault = undefined;
  kernel.taken = false;
  await flock.acquire();
  flock.release();
});
