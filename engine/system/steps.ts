/**
 * Long work, step by step: a generator that yields where it can pause.
 *
 * @module
 */

/** Does all steps at once. */
export function allOf<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Lets the event loop turn. A timer would let two milliseconds pass. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** How long one works, in milliseconds, before others get a turn. */
const SLICE_MS = 2;

/** Lets the others of a thread get their turns while something long is done. */
export class Pace {
  #since = performance.now();

  /** Pauses if it is time to. */
  async keep(): Promise<void> {
    if (performance.now() - this.#since < SLICE_MS) return;
    await turn();
    this.#since = performance.now();
  }
}

/**
 * Does all steps, and lets others go on between them. When `signal` is aborted its reason is thrown
 * into them where they stand, so that they take back what they did.
 */
export async function stepwise<T>(
  steps: Generator<undefined, T>,
  signal?: AbortSignal,
): Promise<T> {
  const pace = new Pace();
  for (let step = steps.next();;) {
    if (step.done) return step.value;
    await pace.keep();
    step = signal?.aborted ? steps.throw(signal.reason) : steps.next();
  }
}
