/**
 * What the system says of a file's lock, without the code under test.
 *
 * @module
 */

/** Waits until something is so that tells nobody when it becomes so. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Whether anybody holds the lock on the file at `path`. */
export function isLocked(path: string): boolean {
  using file = Deno.openSync(path, { read: true, write: true });
  return !file.tryLockSync(true);
}

/** How many wait in the kernel for the lock on the file at `path`; Linux only. */
export function kernelWaiters(path: string): number {
  const { ino } = Deno.statSync(path);
  const waiters = Deno.readTextFileSync("/proc/locks").split("\n")
    .filter((line) => line.includes("->") && line.includes(`:${ino} `));
  return waiters.length;
}
