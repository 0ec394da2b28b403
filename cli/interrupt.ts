/**
 * Being interrupted between the steps of a long job.
 *
 * @module
 */

import { ENDING, Interrupted, onSignals } from "./signals.ts";

/** So long a signal may have to wait, in milliseconds. */
const TURN_MS = 50;

/** Until it is disposed of, a signal ends nothing but makes the next step throw. */
export class Interruptible implements Disposable {
  #came: Deno.Signal | undefined;
  #last = performance.now();
  readonly #listening = onSignals(ENDING, (signal) => {
    this.#came ??= signal;
  });

  /**
   * Gives what it is given; lets signals in now and then before it does.
   *
   * @throws {Interrupted} If one came.
   */
  async *between<T>(items: Iterable<T>): AsyncGenerator<T> {
    for (const item of items) {
      if (performance.now() - this.#last >= TURN_MS) {
        await new Promise((resolve) => setTimeout(resolve));
        this.#last = performance.now();
        if (this.#came !== undefined) throw new Interrupted(this.#came);
      }
      yield item;
    }
  }

  [Symbol.dispose](): void {
    this.#listening[Symbol.dispose]();
  }
}
