/**
 * Signals that end a process, where something has to be done first, or to be taken back.
 *
 * @module
 */

/** The signals by which people and systems end a process. */
export const ENDING: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT"]
  : ["SIGINT", "SIGTERM", "SIGHUP"];

/** Until it is disposed of, these signals do nothing but call `listen`. */
export function onSignals(
  signals: readonly Deno.Signal[],
  listen: (signal: Deno.Signal) => void,
): Disposable {
  const listeners = signals.map((signal) => ({ signal, listener: () => listen(signal) }));
  for (const { signal, listener } of listeners) Deno.addSignalListener(signal, listener);
  return {
    [Symbol.dispose]() {
      for (const { signal, listener } of listeners) Deno.removeSignalListener(signal, listener);
    },
  };
}

/** A signal came, and what was begun was taken back. */
export class Interrupted extends Error {
  /** The name of the class. */
  override name = "Interrupted";
  /** The exit code that a shell gives to a process that such a signal ended. */
  readonly code: number;

  /** `signal` came. */
  constructor(signal: Deno.Signal) {
    super(signal);
    this.code = 128 + ({ SIGHUP: 1, SIGINT: 2 }[signal as string] ?? 15);
  }
}

/**
 * Calls `job` with what a signal aborts, which makes the job take back what it began and throw.
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

/** So long a signal may have to wait, in milliseconds. */
const TURN_MS = 50;

/**
 * Gives what it is given, for a job that is {@linkcode interruptible}; lets signals in now and then
 * before it does.
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
