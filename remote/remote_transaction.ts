/**
 * A transaction on a server. Nothing is locked: what it reads is as of one commit, what it writes is
 * made on a draft, and all of it is committed if no other commit came between.
 *
 * @module
 */

import { callOf, type Client, Outdated, type WireCall } from "./client.ts";
import type { Target } from "../engine/schema/options.ts";
import type { Filter, Row, Schema } from "../engine/schema/types.ts";
import { ClosedError } from "../engine/system/errors.ts";
import { RemoteVerbs } from "./verbs.ts";

/** The id of a target. */
export function idOf(target: Target<Schema>): number {
  return typeof target === "number" ? target : target.__id__;
}

/** Reads and writes of one attempt. */
export class RemoteTransaction<S extends Schema> extends RemoteVerbs<S> {
  readonly #client: Client;
  readonly #changes: WireCall[] = [];
  #sequence: number | undefined;
  #isOutdated = false;
  #isOver = false;

  constructor(client: Client) {
    super();
    this.#client = client;
  }

  protected override async read<T>(verb: string, args: readonly unknown[]): Promise<T> {
    return await this.#run(callOf(verb, args)) as T;
  }

  protected override async write<T>(verb: string, args: readonly unknown[]): Promise<T> {
    const call = callOf(verb, args);
    const result = await this.#run(call);
    this.#changes.push(call);
    return result as T;
  }

  protected override async updateBy(
    targets: readonly Target<S>[],
    change: (row: never) => unknown,
    options: object,
  ): Promise<Row<S>[]> {
    const rows: Row<S>[] = [];
    for (const target of targets) {
      const row = await this.get(idOf(target));
      // A row that is gone is refused where rows are known.
      const values = row === undefined ? {} : change(row as never);
      rows.push(await this.write("update", [target, values, options]));
    }
    return rows;
  }

  protected override async updateWhereBy(
    where: Filter<S>,
    change: (row: never) => unknown,
  ): Promise<number> {
    const rows = await this.select(where);
    await this.updateBy(rows.map((row) => row.__id__), change, {});
    return rows.length;
  }

  async #run(call: WireCall): Promise<unknown> {
    if (this.#isOver) {
      throw new ClosedError("Cannot use a transaction: it has ended, begin another");
    }
    try {
      const { sequence, results } = await this.#client.query([call], this.#changes, this.#sequence);
      this.#sequence = sequence;
      return results[0];
    } catch (error) {
      if (error instanceof Outdated) this.#isOutdated = true;
      throw error;
    }
  }

  /** Commits what was written; false if another commit came first. */
  async commit(): Promise<boolean> {
    this.#isOver = true;
    if (this.#isOutdated) return false;
    if (this.#changes.length === 0) return true;
    try {
      await this.#client.commit(this.#changes, this.#sequence);
      return true;
    } catch (error) {
      if (error instanceof Outdated) return false;
      throw error;
    }
  }

  /** Gives it up; whether another commit was the reason. */
  end(): boolean {
    this.#isOver = true;
    return this.#isOutdated;
  }
}
