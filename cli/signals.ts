/**
 * Signals that end a process, where something has to be done first.
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
 * Calls `job`; a signal calls `stop`, which makes the job take back what it began and throw.
 *
 * @throws {Interrupted} If that happened.
 */
export async function stoppable(job: () => Promise<void>, stop: () => void): Promise<void> {
  let came: Deno.Signal | undefined;
  using _signals = onSignals(ENDING, (signal) => {
    came ??= signal;
    stop();
  });
  try {
    await job();
  } catch (error) {
    throw came === undefined ? error : new Interrupted(came);
  }
}
