/**
 * A transaction in the making: changes that see each other, and that nobody else
 * sees until all of them become one commit.
 *
 * @module
 */

import { readChanges } from "./changes.ts";
import { Draft } from "./draft.ts";
import { ClosedError, DeadlockError } from "./errors.ts";
import type { State } from "./state.ts";
import type { Edit } from "./writer.ts";

/** The rows as a transaction has them. */
export class Workspace {
  /** Where the base is, for messages. */
  readonly dir: string;
  #state: State;
  readonly #payloads: Uint8Array[] = [];
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
    const { base, links } = state.origin;
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
    const payload = draft.finish();
    if (payload.length > 0) {
      if (this.#state.pinned) this.#state = this.#state.clone();
      readChanges(payload, this.#state);
      this.#payloads.push(payload);
    }
    return value;
  }

  /** Ends it; gives the changes, as payloads one after the other. */
  end(): readonly Uint8Array[] {
    this.#ended = true;
    return this.#payloads;
  }
}
