/**
 * Commit keys (idempotency keys): which commits were made with a key, so that the same write sent
 * again is not a second one.
 *
 * The newest {@linkcode REMEMBERED_KEYS} outlive a compaction: the footer of the segment carries
 * them.
 *
 * ```text
 * carried  ( key 16 · sequence 8 · first id 8 · count 8 )*    in the order of commits
 * ```
 *
 * @module
 */

import { getUint53, setUint53 } from "../bytes/bytes.ts";
import { KEY_BYTES } from "../bytes/header.ts";

/** How many keys a compaction carries over. */
const REMEMBERED_KEYS = 4096;

const ENTRY_BYTES = KEY_BYTES + 24;

/** A commit that was made with a key. */
export interface KeyedCommit {
  /** Its place in the order of commits. */
  readonly sequence: number;
  /** The first id that it was about, as its maker said. */
  readonly first: number;
  /** The number of rows that it was about. */
  readonly count: number;
}

interface Entry extends KeyedCommit {
  readonly key: string;
}

/**
 * The keyed commits that snapshots share. A snapshot knows the first `length` of them, so to clone
 * one copies nothing.
 */
class SharedKeys {
  readonly entries: Entry[];
  readonly places = new Map<string, number>();

  constructor(entries: Entry[]) {
    this.entries = entries;
    for (let i = 0; i < entries.length; i++) this.places.set(entries[i]!.key, i);
  }

  add(entry: Entry): void {
    this.places.set(entry.key, this.entries.push(entry) - 1);
  }
}

/** The keyed commits that one snapshot knows. Immutable. */
export class CommitKeys {
  readonly #shared: SharedKeys;
  readonly #length: number;

  private constructor(shared: SharedKeys, length: number) {
    this.#shared = shared;
    this.#length = length;
  }

  /** The keys that a segment carries. */
  static carriedBy(bytes: Uint8Array): CommitKeys {
    const entries: Entry[] = [];
    for (let at = 0; at < bytes.length; at += ENTRY_BYTES) {
      entries.push({
        key: bytes.subarray(at, at + KEY_BYTES).toHex(),
        sequence: getUint53(bytes, at + KEY_BYTES),
        first: getUint53(bytes, at + KEY_BYTES + 8),
        count: getUint53(bytes, at + KEY_BYTES + 16),
      });
    }
    return new CommitKeys(new SharedKeys(entries), entries.length);
  }

  /** Whether a segment can carry these bytes. */
  static fit(bytes: Uint8Array): boolean {
    return bytes.length % ENTRY_BYTES === 0 && bytes.length <= ENTRY_BYTES * REMEMBERED_KEYS;
  }

  /** These, and one more. */
  with(key: Uint8Array, commit: KeyedCommit): CommitKeys {
    let shared = this.#shared;
    // Another snapshot went on from here, and may have been given up.
    const isShared = shared.entries.length > this.#length;
    if (isShared) shared = new SharedKeys(shared.entries.slice(0, this.#length));
    shared.add({ ...commit, key: key.toHex() });
    return new CommitKeys(shared, this.#length + 1);
  }

  /** The commit that was made with a key. */
  find(key: Uint8Array): KeyedCommit | undefined {
    const place = this.#shared.places.get(key.toHex());
    return place === undefined || place >= this.#length ? undefined : this.#shared.entries[place];
  }

  /** What a segment carries of them. */
  get carried(): Uint8Array {
    const from = Math.max(0, this.#length - REMEMBERED_KEYS);
    const bytes = new Uint8Array((this.#length - from) * ENTRY_BYTES);
    for (let i = from; i < this.#length; i++) {
      const { key, sequence, first, count } = this.#shared.entries[i]!;
      const at = (i - from) * ENTRY_BYTES;
      bytes.set(Uint8Array.fromHex(key), at);
      setUint53(bytes, at + KEY_BYTES, sequence);
      setUint53(bytes, at + KEY_BYTES + 8, first);
      setUint53(bytes, at + KEY_BYTES + 16, count);
    }
    return bytes;
  }
}
