/**
 * A served table: what the routes need of it.
 *
 * @module
 */

import type { AnyBase, Base, RowMeta, Schema } from "../base.ts";
import { handleOf } from "../engine/handle.ts";
import { StringFormats } from "../engine/schema/strings.ts";
import type { TableSchema } from "../engine/schema/schema.ts";
import type { Snapshot } from "../engine/snapshot/snapshot.ts";
import { Edits, listOf } from "../engine/write/edits.ts";
import { type Made, transactionJob } from "../engine/write/once.ts";
import { type CommitJob, type Edit, jobOf } from "../engine/write/write_batch.ts";
import { WriteTransaction } from "../engine/write/write_transaction.ts";
import { BaseNotFoundError, inContext } from "../engine/system/errors.ts";
import { type Transaction, transactionOf } from "../transaction.ts";
import { HttpError } from "./http.ts";

/** A change of a table, as a verb of a transaction and its arguments. */
export interface Call {
  /** The verb. */
  readonly verb: WriteVerb;
  /** What it is given. */
  readonly args: readonly unknown[];
}

/** The verbs that write. */
export const WRITE_VERBS = [
  "insert",
  "insertMany",
  "insertAsStrings",
  "update",
  "updateWhere",
  "upsert",
  "delete",
  "deleteWhere",
] as const;

/** A verb that writes. */
export type WriteVerb = typeof WRITE_VERBS[number];

/** When a commit is made. */
export interface CommitOptions {
  /** The commit key: with the same key it is made once. */
  readonly key?: Uint8Array | undefined;
  /** The commit on which it must follow. */
  readonly ifSequence?: number | undefined;
}

/** What became of a commit. */
export type Committed =
  /** It was made; `results` are those of the verbs. */
  | {
    readonly kind: "committed";
    readonly sequence: number;
    readonly results: readonly unknown[];
    readonly ids: readonly number[];
  }
  /** It had been made before. */
  | { readonly kind: "repeated"; readonly sequence: number; readonly ids: readonly number[] }
  /** Another commit came first; nothing was changed. */
  | { readonly kind: "outdated"; readonly sequence: number };

/** A table that is served. */
export class ServedTable {
  /** Its name in addresses. */
  readonly name: string;
  /** The table. */
  base: Base;
  /** Whether it can be written to. */
  readonly isWritable: boolean;
  readonly #open: (() => Promise<AnyBase>) | undefined;

  /**
   * @param name Its name in addresses.
   * @param base The table, open.
   * @param write Whether the server writes.
   * @param open Opens the table again, if another one may replace it.
   */
  constructor(name: string, base: AnyBase, write: boolean, open?: () => Promise<AnyBase>) {
    this.name = name;
    this.base = base as Base;
    const { store } = inContext(`Cannot serve ${JSON.stringify(name)}`, () => handleOf(base));
    this.isWritable = write && store.lock !== undefined;
    this.#open = open;
  }

  /** After the table was destroyed or replaced: opens what is there now; false if that is nothing. */
  async reopen(): Promise<boolean> {
    if (this.#open === undefined) return false;
    try {
      const base = await this.#open() as Base;
      await this.base.close();
      this.base = base;
      return true;
    } catch (error) {
      if (error instanceof BaseNotFoundError) return false;
      throw error;
    }
  }

  /** The directory. */
  get dir(): string {
    return this.base.path;
  }

  /** The newest commit point. */
  refresh(): Snapshot {
    return handleOf(this.base).store.refresh();
  }

  /** The fields, as of the last refresh. */
  get schema(): TableSchema {
    return handleOf(this.base).store.snapshot.schema;
  }

  /** Throws once the table is closed. */
  readonly checkOpen = (): void => handleOf(this.base).store.checkOpen();

  /** Looks for new commits, once for a request that writes; refuses it if the server only reads. */
  begin(): void {
    this.refresh();
    if (this.isWritable) return;
    throw new HttpError(
      403,
      `Cannot write to "${this.name}": the server only reads, start it with --write`,
      { class: "ReadOnlyError" },
    );
  }

  /** Makes changes in one commit. */
  async commit(calls: readonly Call[], options: CommitOptions = {}): Promise<Committed> {
    const { store, writer } = handleOf(this.base);
    const { schema } = store.snapshot;
    const ahead = schema.links.length > 0 ? () => store.links.flush(schema) : undefined;
    const outcome = await writer.runOnce(options, this.#jobOf(calls), ahead);
    const { kind, sequence } = outcome;
    if (kind === "outdated") return { kind, sequence };
    const ids = Array.from({ length: outcome.count }, (_, i) => outcome.first + i);
    return kind === "repeated"
      ? { kind, sequence, ids }
      : { kind, sequence, ids, results: outcome.value };
  }

  /** The job of a commit. A single verb is prepared here; only several need a transaction. */
  #jobOf(calls: readonly Call[]): CommitJob<Made<readonly unknown[]>> {
    const { store } = handleOf(this.base);
    const told = (results: readonly unknown[]) => ({ value: results, ...extent(calls, results) });
    const [call] = calls;
    if (calls.length !== 1) {
      return transactionJob(store, (work) => {
        const tx = transactionOf(store, work, new StringFormats());
        return told(calls.map((call) => apply(tx, call)));
      });
    }
    const make = jobOf(editOf(this.#edits, call!), store.dir);
    return (snapshot) => {
      const { value, ...prepared } = make(snapshot);
      return { ...prepared, value: told([value]) };
    };
  }

  get #edits(): Edits {
    const { store } = handleOf(this.base);
    return new Edits(store, () => store.snapshot);
  }

  /**
   * Reads as if changes had been made on the newest commit point; nothing is written.
   *
   * @param fn Reads; it cannot wait.
   */
  draft<T>(calls: readonly Call[], fn: (tx: Transaction, sequence: number) => T): T {
    const { store } = handleOf(this.base);
    const snapshot = store.refresh();
    const { sequence } = snapshot;
    const work = new WriteTransaction(snapshot, store.dir, () => store.checkOpen());
    try {
      const tx = transactionOf(store, work, new StringFormats());
      for (const call of calls) apply(tx, call);
      return fn(tx, sequence);
    } finally {
      work.end();
    }
  }
}

/** The change that a call asks for. */
function editOf(edits: Edits, { verb, args: [a, b, c] }: Call): Edit<unknown> {
  switch (verb) {
    case "insert":
      return edits.insert(a as object);
    case "insertMany":
      return edits.insertMany(a as Iterable<object>);
    case "insertAsStrings":
      return edits.insertAsStrings(a as object, new StringFormats());
    case "update": {
      const edit = edits.update(a, b, c ?? {});
      return Array.isArray(a) ? edit : (batch) => edit(batch)[0];
    }
    case "updateWhere":
      return edits.updateWhere(a, b);
    case "upsert":
      return edits.upsert(a, b);
    case "delete":
      return edits.delete(listOf(a));
    case "deleteWhere":
      return edits.deleteWhere(a);
  }
}

/** Carries out a call. */
export function apply(tx: Transaction, { verb, args }: Call): unknown {
  return inContext(
    verb,
    () => (tx[verb] as (...args: readonly unknown[]) => unknown).call(tx, ...args),
  );
}

/** Which rows the first call was about, by which a repeated commit is answered. */
function extent(
  calls: readonly Call[],
  results: readonly unknown[],
): { first: number; count: number } {
  const [call] = calls;
  const [result] = results;
  if (call === undefined) return { first: 0, count: 0 };
  switch (call.verb) {
    case "insert":
    case "insertAsStrings":
      return { first: result as number, count: 1 };
    case "insertMany": {
      const ids = result as number[];
      return { first: ids[0] ?? 0, count: ids.length };
    }
    case "update":
    case "upsert": {
      const row = (Array.isArray(result) ? result[0] : result) as RowMeta<Schema> | undefined;
      return { first: row?.__id__ ?? 0, count: Array.isArray(result) ? result.length : 1 };
    }
    default:
      return { first: 0, count: result as number };
  }
}
