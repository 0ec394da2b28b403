/**
 * A cache for the parts of a file, limited by bytes; evicts the oldest entry first (FIFO).
 *
 * @module
 */

interface CacheEntry {
  readonly value: unknown;
  charge: number;
}

/** Charges more bytes to the cache entry of the caller; fewer if negative. */
export type Charge = (bytes: number) => void;

/** Opened things by key. The charge of an entry may grow while it is in use. */
export class Cache {
  readonly #capacity: number;
  readonly #entries = new Map<object, CacheEntry>();
  #total = 0;

  /** @param capacity The limit in bytes. The entry that grew last is never evicted. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The value for a key, if it is in the cache. */
  peek<T>(key: object): T | undefined {
    return this.#entries.get(key)?.value as T | undefined;
  }

  /** The value for a key; opens it if it is not in the cache. */
  get<T>(key: object, open: (charge: Charge) => T): T {
    const known = this.#entries.get(key);
    if (known !== undefined) return known.value as T;
    let initial = 0;
    let entry: CacheEntry | undefined;
    const value = open((bytes) => {
      if (entry === undefined) initial += bytes;
      // An evicted value may still be in use.
      else if (this.#entries.get(key) === entry) this.#charge(entry, bytes);
    });
    this.#entries.set(key, entry = { value, charge: 0 });
    this.#charge(entry, initial);
    return value;
  }

  #charge(entry: CacheEntry, bytes: number): void {
    entry.charge += bytes;
    this.#total += bytes;
    for (const [key, other] of this.#entries) {
      if (this.#total <= this.#capacity) return;
      if (other === entry) continue;
      this.#entries.delete(key);
      this.#total -= other.charge;
    }
  }
}
