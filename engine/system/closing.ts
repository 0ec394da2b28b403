/**
 * Closing a handle: pending waits are rejected, later calls are refused.
 *
 * Most handles are closed while nothing waits. An abort controller and an error with its stack cost
 * a short process half a millisecond, so each is made only when it is needed.
 *
 * @module
 */

import { ClosedError } from "./errors.ts";

/** Whether one handle is closed. */
export class Closing {
  readonly #message: string;
  #isOver = false;
  #reason: ClosedError | undefined;
  #controller: AbortController | undefined;

  /** `message` is that of the {@linkcode ClosedError}. */
  constructor(message: string) {
    this.#message = message;
  }

  /** Whether the handle is closed. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The error that closed handles throw. */
  get reason(): ClosedError {
    return this.#reason ??= new ClosedError(this.#message);
  }

  /** Aborted when the handle is closed. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isOver) this.#controller.abort(this.reason);
    return this.#controller.signal;
  }

  /** Throws if the handle is closed. */
  check(): void {
    if (this.#isOver) throw this.reason;
  }

  /** Closes the handle. */
  end(): void {
    this.#isOver = true;
    this.#controller?.abort(this.reason);
  }
}

/** Resolves as `work` does, or rejects when `ms` have passed or a handle is closed. */
export async function before<T>(
  work: Promise<T>,
  { closings, ms, late }: { closings: readonly Closing[]; ms: number; late: () => Error },
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const close = () => reject(closings.find(({ isOver }) => isOver)!.reason);
  const timer = ms > MAX_TIMER_MS ? undefined : setTimeout(() => reject(late()), Math.max(0, ms));
  if (closings.some(({ isOver }) => isOver)) close();
  for (const { signal } of closings) signal.addEventListener("abort", close);
  try {
    return await Promise.race([work, promise]);
  } finally {
    if (timer !== undefined) clearTimeout(timer);
    for (const { signal } of closings) signal.removeEventListener("abort", close);
  }
}

/** The longest time for a timer, 24 days; a longer limit counts as none. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
