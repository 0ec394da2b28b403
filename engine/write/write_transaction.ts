/**
 * A transaction in the making: changes that see each other, and that nobody else
 * sees until all of them become one commit.
 *
 * @module
 */

import { ChangeWriter } from "../log/changes.ts";
import { type Changes, type Edit, WriteBatch } from "./write_batch.ts";
import { ClosedError, DeadlockError } from "../system/errors.ts";
import type { Origin } from "../snapshot/origin.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";

/** The rows as a transaction has them. */
export class WriteTransaction {
  /** Where the base is, for messages. */
  readonly dir: string;
  #snapshot: Snapshot;
  /** What rows of the base come from, for who does not see the transaction. */
  readonly #origin: Origin;
  readonly #out: ChangeWriter;
  readonly #checkBase: () => void;
  #ended = false;
  /** Functions of users may run, of a change that is not made yet. */
  #changing = false;

  /**
   * @param snapshot The commit point that it goes on from; stays as it is.
   * @param dir Where the base is.
   * @param checkBase Throws if the base was closed.
   */
  constructor(snapshot: Snapshot, dir: string, checkBase: () => void) {
    const { table: base, links } = this.#origin = snapshot.origin;
    this.#out = new ChangeWriter(snapshot.schema);
    this.#snapshot = snapshot.clone({
      table: base,
      links: links.seeing(() => this.#ended ? links.own() : this.#snapshot),
    });
    this.dir = dir;
    this.#checkBase = checkBase;
  }

  /** The rows as they are now. */
  refresh(): Snapshot {
    this.checkOpen();
    return this.#snapshot;
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
    const batch = new WriteBatch(this.#snapshot, this.dir);
    let value: T;
    this.#changing = true;
    try {
      value = change(batch);
    } finally {
      this.#changing = false;
    }
    batch.finish(this.#out);
    this.#snapshot = batch.apply();
    return value;
  }

  /** Ends it; gives the changes. */
  end(): Changes {
    this.#ended = true;
    this.#snapshot.origin = this.#origin;
    return { payload: this.#out.payload, snapshot: this.#snapshot };
  }
}
