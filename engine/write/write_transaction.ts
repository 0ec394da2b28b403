/**
 * A write transaction: changes of one table that see each other, and that nobody else sees until
 * all of them become one commit.
 *
 * @module
 */

import { ChangeWriter } from "../log/changes.ts";
import { type Edit, type PreparedCommit, WriteBatch } from "./write_batch.ts";
import { ClosedError, DeadlockError } from "../system/errors.ts";
import type { Origin } from "../snapshot/origin.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";

/** The rows as a transaction sees them. */
export class WriteTransaction {
  /** Where the table is, for messages. */
  readonly dir: string;
  #snapshot: Snapshot;
  /** The origin of rows for readers outside of the transaction. */
  readonly #origin: Origin;
  readonly #out: ChangeWriter;
  readonly #checkHandle: () => void;
  #ended = false;
  /** Whether functions of users may be running, for a change that is not made yet. */
  #changing = false;

  /** @param snapshot The snapshot that it goes on from; it stays as it is. */
  constructor(snapshot: Snapshot, dir: string, checkHandle: () => void) {
    const { table, links } = this.#origin = snapshot.origin;
    this.#out = new ChangeWriter(snapshot.schema);
    this.#snapshot = snapshot.clone({
      table,
      links: links.seeing(() => this.#ended ? links.own() : this.#snapshot),
    });
    this.dir = dir;
    this.#checkHandle = checkHandle;
  }

  /** The rows as they are now. */
  refresh(): Snapshot {
    this.checkOpen();
    return this.#snapshot;
  }

  /**
   * Throws unless the transaction can still be used.
   *
   * @throws {ClosedError} If it ended.
   */
  checkOpen(): void {
    if (!this.#ended) return this.#checkHandle();
    throw new ClosedError(`Cannot use a transaction of "${this.dir}": it has ended, begin another`);
  }

  /** Makes a change; if it throws, all is as it was before. */
  run<T>(edit: Edit<T>): T {
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
      value = edit(batch);
    } finally {
      this.#changing = false;
    }
    batch.finish(this.#out);
    this.#snapshot = batch.apply();
    return value;
  }

  /** Ends it; returns its changes as one commit. */
  end(): PreparedCommit<void> {
    this.#ended = true;
    this.#snapshot.origin = this.#origin;
    return { value: undefined, payload: this.#out.payload, snapshot: this.#snapshot };
  }
}
