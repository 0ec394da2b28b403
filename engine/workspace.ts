/**
 * A transaction in the making: changes that see each other, and that nobody else
 * sees until all of them become one commit.
 *
 * @module
 */

import { readChanges } from "./changes.ts";
import { Draft } from "./draft.ts";
import { ClosedError } from "./errors.ts";
import type { State } from "./state.ts";
import type { Change } from "./writer.ts";

/** The rows as a transaction has them. */
export class Workspace {
  /** Where the base is, for messages. */
  readonly dir: string;
  #state: State;
  readonly #payloads: Uint8Array[] = [];
  #ended = false;

  /**
   * @param state The commit point that it goes on from; stays as it is.
   * @param dir Where the base is.
   */
  constructor(state: State, dir: string) {
    const { base, links } = state.origin;
    this.#state = state.clone({ base, links: links.seeing(() => this.refresh()) });
    this.dir = dir;
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
    if (!this.#ended) return;
    throw new ClosedError(`Cannot use a transaction of "${this.dir}": it has ended, begin another`);
  }

  /** Makes a change; if it throws, all is as before it. */
  run<T>(change: Change<T>): T {
    this.checkOpen();
    const draft = new Draft(this.#state, this.dir);
    const value = change(draft);
    const payload = draft.finish().slice();
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
