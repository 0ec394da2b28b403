/**
 * What is kept in memory of a file, up to so many bytes.
 *
 * @module
 */

interface CacheEntry {
  readonly value: unknown;
  charge: number;
}

/** Tells that so many more bytes are kept. */
export type Charge = (bytes: number) => void;

/** Things that were opened, and hold more and more bytes: who came first goes first. */
export class Cache {
  readonly #most: number;
  readonly #kept = new Map<object, CacheEntry>();
  #bytes = 0;

  /** @param most How many bytes are kept at most, beside those of the thing that grew last. */
  constructor(most: number) {
    this.#most = most;
  }

  /** What was opened under a key; opens it, if it is not kept. */
  get<T>(key: object, open: (grow: Charge) => T): T {
    const known = this.#kept.get(key);
    if (known !== undefined) return known.value as T;
    let before = 0;
    let kept: CacheEntry | undefined;
    const value = open((bytes) => {
      if (kept === undefined) before += bytes;
      // What is kept no more may still be in use.
      else if (this.#kept.get(key) === kept) this.#grow(kept, bytes);
    });
    this.#kept.set(key, kept = { value, charge: 0 });
    this.#grow(kept, before);
    return value;
  }

  #grow(kept: CacheEntry, bytes: number): void {
    kept.charge += bytes;
    this.#bytes += bytes;
    for (const [key, other] of this.#kept) {
      if (this.#bytes <= this.#most) return;
      if (other === kept) continue;
      this.#kept.delete(key);
      this.#bytes -= other.charge;
    }
  }
}
