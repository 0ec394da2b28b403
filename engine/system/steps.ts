/**
 * Long work in steps: a generator that yields wherever it can pause.
 *
 * @module
 */

/** Does all steps without a pause. */
export function allOf<T>(steps: Generator<undefined, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** Lets the event loop turn once. A timer would take two milliseconds. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** How long to work, in milliseconds, before the event loop turns. */
const SLICE_MS = 2;

/** Keeps long work from blocking the event loop. */
export class Pace {
  #since = performance.now();

  /** Pauses if a pause is due. */
  async keep(): Promise<void> {
    if (performance.now() - this.#since < SLICE_MS) return;
    await turn();
    this.#since = performance.now();
  }
}

/**
 * Does all steps, with pauses for the event loop. If `signal` is aborted, its reason is thrown into
 * the generator, which can undo its work.
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
