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

/**
 * Does all steps, and lets others go on between them. When `signal` is aborted its reason is thrown
 * into them where they stand, so that they take back what they did.
 */
export async function stepwise<T>(
  steps: Generator<undefined, T>,
  signal?: AbortSignal,
): Promise<T> {
  for (let step = steps.next();;) {
    if (step.done) return step.value;
    await new Promise((resolve) => setTimeout(resolve));
    step = signal?.aborted ? steps.throw(signal.reason) : steps.next();
  }
}
