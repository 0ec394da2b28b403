/**
 * A transaction in the making: changes that see each other, and that nobody else
 * sees until all of them become one commit.
 *
 * @module
 */

import { ChangeWriter } from "./changes.ts";
import { type Changes, Draft } from "./draft.ts";
import { ClosedError, DeadlockError } from "./errors.ts";
import type { Origin } from "./rows.ts";
import type { State } from "./state.ts";
import type { Edit } from "./writer.ts";

/** The rows as a transaction has them. */
export class Workspace {
  /** Where the base is, for messages. */
  readonly dir: string;
  #state: State;
  /** What rows of the base come from, for who does not see the transaction. */
  readonly #origin: Origin;
  readonly #out: ChangeWriter;
  readonly #checkBase: () => void;
  #ended = false;
  /** Functions of users may run, of a change that is not made yet. */
  #changing = false;

  /**
   * @param state The commit point that it goes on from; stays as it is.
   * @param dir Where the base is.
   * @param checkBase Throws if the base was closed.
   */
  constructor(state: State, dir: string, checkBase: () => void) {
    const { base, links } = this.#origin = state.origin;
    this.#out = new ChangeWriter(state.schema);
    this.#state = state.clone({
      base,
      links: links.seeing(() => this.#ended ? links.own() : this.#state),
    });
    this.dir = dir;
    this.#checkBase = checkBase;
  }

  /** The rows as they are now. */
  refresh(): State {
    this.checkOpen();
    return this.#state;
  }

  /**
   * Whether the transaction goes on.
   *
   * @throws {ClosedError} If it ended.
   */
  checkOpen(): void {
    if (!this.#ended) return this.#checkBase();
    throw new ClosedError(`Cannot use a transaction of "${this.dir}": it has ended, begin another`);
  }

  /** Makes a change; if it throws, all is as before it. */
  run<T>(change: Edit<T>): T {
    this.checkOpen();
    if (this.#changing) {
      throw new DeadlockError(
        `Cannot write to "${this.dir}": a verb of the transaction has called this function, ` +
          `return what is to be changed, or write later`,
      );
    }
    const draft = new Draft(this.#state, this.dir);
    let value: T;
    this.#changing = true;
    try {
      value = change(draft);
    } finally {
      this.#changing = false;
    }
    draft.finish(this.#out);
    this.#state = draft.apply();
    return value;
  }

  /** Ends it; gives the changes. */
  end(): Changes {
    this.#ended = true;
    this.#state.origin = this.#origin;
    return { payload: this.#out.payload, state: this.#state };
  }
}
