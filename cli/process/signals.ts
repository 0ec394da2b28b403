/**
 * Signals that end a process which first has to undo something.
 *
 * @module
 */

/** The signals by which people and systems end a process. */
export const ENDING: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/** Until disposed of, these signals only call `listen`. */
export function onSignals(
  signals: readonly Deno.Signal[],
  listen: (signal: Deno.Signal) => void,
): Disposable {
  const disposers = new DisposableStack();
  for (const signal of signals) {
    const listener = () => listen(signal);
    Deno.addSignalListener(signal, listener);
    disposers.defer(() => Deno.removeSignalListener(signal, listener));
  }
  return disposers;
}

/** A signal came, and the job undid what it had begun. */
export class Interrupted extends Error {
  /** The name of the class. */
  override name = "Interrupted";
  /** The exit code that a shell gives to a process that this signal ended. */
  readonly code: number;

  /** `signal` came. */
  constructor(signal: Deno.Signal) {
    super(signal);
    this.code = 128 + ({ SIGHUP: 1, SIGINT: 2 }[signal as string] ?? 15);
  }
}

/**
 * Calls `job` with a signal that is aborted when the process is told to end. The job then undoes
 * what it has begun and throws.
 *
 * @throws {Interrupted} If that happened.
 */
export async function interruptible<T>(job: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  using _listening = onSignals(ENDING, (signal) => controller.abort(new Interrupted(signal)));
  try {
    return await job(controller.signal);
  } catch (error) {
    controller.signal.throwIfAborted();
    throw error;
  }
}

/** The longest time that a signal has to wait, in milliseconds. */
const TURN_MS = 50;

/**
 * Yields the items for an {@linkcode interruptible} job, and lets signals in between two of them.
 *
 * @throws {Interrupted} If one came.
 */
export async function* between<T>(items: Iterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  let last = performance.now();
  for (const item of items) {
    if (performance.now() - last >= TURN_MS) {
      await new Promise((resolve) => setTimeout(resolve));
      last = performance.now();
      signal.throwIfAborted();
    }
    yield item;
  }
}
