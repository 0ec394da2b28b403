/**
 * Whether a handle is closed: what waits then is rejected, and what comes later is refused.
 *
 * Most handles are closed while nobody waits. Making a controller, aborting it and taking down a
 * stack take a process that lives shortly half a millisecond, so that each is done when it is asked for.
 *
 * @module
 */

import { ClosedError } from "./errors.ts";

/** The end of one handle. */
export class Closing {
  readonly #message: string;
  #isOver = false;
  #reason: ClosedError | undefined;
  #controller: AbortController | undefined;

  /** `message` tells what cannot be done with a closed handle. */
  constructor(message: string) {
    this.#message = message;
  }

  /** Whether the handle is closed. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** What is thrown since. */
  get reason(): ClosedError {
    return this.#reason ??= new ClosedError(this.#message);
  }

  /** Aborted when the handle is closed, for who waits. */
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

/** What `work` resolves to, if it does so within `ms` and before a handle is closed. */
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

/** Longest time a timer can be set to, 24 days; who has more has no limit. */
export const MAX_TIMER_MS = 2 ** 31 - 1;
