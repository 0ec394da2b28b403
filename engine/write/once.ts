/**
 * Commits that are made once, although they may be asked for again (idempotency keys), or only on
 * the state that was read (compare and set).
 *
 * @module
 */

import { KEY_BYTES } from "../bytes/header.ts";
import { ChangeWriter } from "../log/changes.ts";
import type { KeyedCommit } from "../segment/commit_keys.ts";
import type { Snapshot } from "../snapshot/snapshot.ts";
import type { Store } from "../store/store.ts";
import { checkCommitSize } from "./prepared_rows.ts";
import type { CommitJob, PreparedCommit } from "./write_batch.ts";
import { WriteTransaction } from "./write_transaction.ts";

/** When a commit is made. */
export interface OnceOptions {
  /** The key: with the key of an earlier commit nothing is changed. */
  readonly key?: Uint8Array | undefined;
  /** The commit on which it must follow; any by default. */
  readonly ifSequence?: number | undefined;
}

/** What a commit that is made once tells. */
export interface Made<T> {
  /** What the caller gets. */
  readonly value: T;
  /** The first id that the commit is about, for whoever asks for it again. */
  readonly first: number;
  /** The number of rows that it is about. */
  readonly count: number;
}

/** What became of a commit. */
export type OnceResult<T> =
  /** It was made. */
  | Made<T> & { readonly kind: "committed"; readonly sequence: number }
  /** It had been made before. */
  | KeyedCommit & { readonly kind: "repeated" }
  /** Another commit came before it, so nothing was changed. */
  | { readonly kind: "outdated"; readonly sequence: number };

/**
 * The job of such a commit.
 *
 * @param make Makes the commit, if it is to be made.
 * @throws {RangeError} If the key is not of 16 bytes.
 */
export function onceJob<T>(
  { key, ifSequence }: OnceOptions,
  make: CommitJob<Made<T>>,
): CommitJob<OnceResult<T>> {
  if (key !== undefined && key.length !== KEY_BYTES) {
    throw new RangeError(`a commit key has ${KEY_BYTES} bytes, not ${key.length}`);
  }
  return (snapshot) => {
    const { sequence } = snapshot;
    const known = key && snapshot.keys?.find(key);
    if (known !== undefined) {
      const { sequence, first, count } = known;
      return unchanged(snapshot, { kind: "repeated", sequence, first, count });
    }
    if (ifSequence !== undefined && ifSequence !== sequence) {
      return unchanged(snapshot, { kind: "outdated", sequence });
    }
    const made = make(snapshot);
    const prepared = key === undefined ? made : withKey(made, key);
    const isChange = prepared.payload.length > 0;
    return {
      ...prepared,
      value: { kind: "committed", ...made.value, sequence: sequence + (isChange ? 1 : 0) },
    };
  };
}

/** The commit with its key, although it may change nothing else. */
function withKey<T>(
  { payload, snapshot, value }: PreparedCommit<Made<T>>,
  key: Uint8Array,
): PreparedCommit<Made<T>> {
  const out = new ChangeWriter(snapshot.schema, payload);
  const next = snapshot.pinned ? snapshot.clone() : snapshot;
  for (const sink of [out, next]) sink.key(key, value.first, value.count);
  return { value, payload: out.payload, snapshot: next };
}

/** The job of a function that changes a table as a transaction does. */
export function transactionJob<T>(
  store: Store,
  fn: (work: WriteTransaction) => T,
): CommitJob<T> {
  return (snapshot) => {
    const work = new WriteTransaction(snapshot, store.dir, () => store.checkOpen());
    let value: T;
    let prepared: PreparedCommit<void>;
    try {
      value = fn(work);
    } finally {
      prepared = work.end();
    }
    checkCommitSize(store.dir, prepared.payload.length);
    return { ...prepared, value };
  };
}

function unchanged<T>(snapshot: Snapshot, value: T): PreparedCommit<T> {
  return { value, payload: new Uint8Array(), snapshot };
}
