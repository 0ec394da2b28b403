/**
 * The index of rows in the log: a sorted list in chunks, like the memtable of an LSM tree for one
 * field. Clones share chunks until they change them (copy-on-write).
 *
 * @module
 */

import { compareNullable, type Stored, type ValueType } from "../schema/values.ts";
import type { FieldDef } from "../schema/field_def.ts";
import { firstWhere } from "../system/bisect.ts";
import { exceeds, type KeyRanges, reaches } from "../schema/predicate.ts";

/** The number of entries that are tried one by one for the end of a range. */
const FEW_PROBES = 16;

/** The usual size of a chunk: small enough to shift at each change and to copy after each clone. */
const CHUNK = 256;

interface Entry {
  readonly value: Stored | null;
  readonly id: number;
}

/** The position of an entry. */
interface ChunkPosition {
  readonly chunk: number;
  readonly index: number;
}

/** Consecutive entries. */
export interface EntryRange {
  /** The first position. */
  readonly from: ChunkPosition;
  /** The position after the last one. */
  readonly to: ChunkPosition;
  /** The number of entries. */
  readonly count: number;
}

/** Values in order, each with the id of its row. */
export class MemoryIndex {
  readonly #type: ValueType;
  /** None is empty. */
  readonly #chunks: Entry[][];
  /** The chunks that no clone shares: they can be changed in place. */
  readonly #own = new Set<readonly Entry[]>();

  private constructor(type: ValueType, chunks: Entry[][]) {
    this.#type = type;
    this.#chunks = chunks;
  }

  /** Builds the index of a field from entries in any order. It sorts the array. */
  static of({ value: type }: FieldDef, entries: Entry[]): MemoryIndex {
    entries.sort((a, b) => compareEntries(type, a, b));
    const chunks: Entry[][] = [];
    for (let i = 0; i < entries.length; i += CHUNK) chunks.push(entries.slice(i, i + CHUNK));
    return new MemoryIndex(type, chunks);
  }

  /** A copy that changes on its own. */
  clone(): MemoryIndex {
    this.#own.clear();
    return new MemoryIndex(this.#type, this.#chunks.slice());
  }

  /** The position of an entry, or where it would be. */
  #find(entry: Entry): ChunkPosition {
    // An entry after all others belongs to the last chunk. Many are: values often ascend.
    const last = Math.max(0, this.#chunks.length - 1);
    const entries = this.#chunks[last];
    if (entries !== undefined && compareEntries(this.#type, entries.at(-1)!, entry) < 0) {
      return { chunk: last, index: entries.length };
    }
    return this.#bisect((other) => compareEntries(this.#type, other, entry) >= 0, last);
  }

  /** The first position where `holds` is true, in the chunks before `end` or in chunk `end`. */
  #bisect(holds: (entry: Entry) => boolean, end = this.#chunks.length): ChunkPosition {
    const chunks = this.#chunks;
    const chunk = firstWhere(0, end, (i) => holds(chunks[i]!.at(-1)!));
    const entries = chunks[chunk] ?? [];
    return { chunk, index: firstWhere(0, entries.length, (i) => holds(entries[i]!)) };
  }

  /** A chunk that can be changed in place. */
  #ownChunk(chunk: number): Entry[] {
    let entries = this.#chunks[chunk];
    if (entries === undefined || !this.#own.has(entries)) {
      entries = entries?.slice() ?? [];
      this.#replace(chunk, entries);
    }
    return entries;
  }

  #replace(chunk: number, ...by: Entry[][]): void {
    for (const old of this.#chunks.splice(chunk, 1, ...by)) this.#own.delete(old);
    for (const entries of by) this.#own.add(entries);
  }

  /** Adds a row. */
  add(id: number, value: Stored | null): void {
    const entry = { value, id };
    const { chunk, index: location } = this.#find(entry);
    const entries = this.#ownChunk(chunk);
    entries.splice(location, 0, entry);
    if (entries.length < CHUNK * 2) return;
    this.#replace(chunk, entries.slice(0, CHUNK), entries.slice(CHUNK));
  }

  /** Removes a row, which must have been added with this value. */
  remove(id: number, value: Stored | null): void {
    const { chunk, index: location } = this.#find({ value, id });
    const entries = this.#ownChunk(chunk);
    entries.splice(location, 1);
    if (entries.length === 0) this.#replace(chunk);
  }

  /** The ranges of entries that match. */
  ranges({ nulls, keyRanges }: KeyRanges): EntryRange[] {
    if (this.#chunks.length === 0) return [];
    const type = this.#type;
    const ranges = nulls ? [this.#range(() => true, ({ value }) => value !== null)] : [];
    for (const keyRange of keyRanges!) {
      ranges.push(this.#range(
        ({ value }) => value !== null && reaches(type, keyRange, value),
        ({ value }) => value !== null && exceeds(type, keyRange, value),
      ));
    }
    return ranges;
  }

  /** The entries from the first for which `begins` holds to the first for which `ends` holds. */
  #range(
    begins: (entry: Entry) => boolean,
    ends: (entry: Entry) => boolean,
  ): EntryRange {
    const from = this.#bisect(begins);
    const to = this.#endNear(from, ends) ?? this.#bisect(ends);
    // A range with reversed ends is empty.
    let count = to.chunk < from.chunk ? 0 : to.index - from.index;
    for (let chunk = from.chunk; chunk < to.chunk; chunk++) count += this.#chunks[chunk]!.length;
    return { from, to, count: Math.max(0, count) };
  }

  /** The end of a short range in one chunk. Most ranges are short: that is cheaper to find. */
  #endNear({ chunk, index }: ChunkPosition, ends: (entry: Entry) => boolean) {
    const entries = this.#chunks[chunk];
    const last = Math.min(index + FEW_PROBES, entries?.length ?? 0);
    for (let i = index; i < last; i++) if (ends(entries![i]!)) return { chunk, index: i };
    return undefined;
  }

  /** The ids of the rows in these ranges, none of which overlap, ascending. */
  idsIn(ranges: readonly EntryRange[]): number[] {
    const found: number[] = [];
    let ascending = true;
    for (const { from, count } of ranges) {
      let { chunk, index } = from;
      for (let left = count; left > 0; chunk++, index = 0) {
        const entries = this.#chunks[chunk]!;
        for (; left > 0 && index < entries.length; index++, left--) {
          const { id } = entries[index]!;
          ascending &&= found.length === 0 || found.at(-1)! < id;
          found.push(id);
        }
      }
    }
    return ascending ? found : found.sort((a, b) => a - b);
  }

  *#walk({ from, to, count }: EntryRange, backwards: boolean): Generator<Entry> {
    let { chunk, index: location } = backwards ? to : from;
    for (let n = 0; n < count; n++) {
      if (backwards) {
        if (location === 0) location = this.#chunks[--chunk]!.length;
        yield this.#chunks[chunk]![--location]!;
      } else {
        yield this.#chunks[chunk]![location]!;
        if (++location < this.#chunks[chunk]!.length) continue;
        chunk++;
        location = 0;
      }
    }
  }

  /** Runs of equal values with ascending ids, as {@linkcode SegmentIndex.runs}. */
  *runs(
    condition: KeyRanges,
    descending: boolean,
  ): Generator<{ value: Stored | null; ids: number[] }> {
    const ranges = this.ranges(condition);
    let run: { readonly value: Stored | null; readonly ids: number[] } | undefined;
    const ascending = ({ value, ids }: NonNullable<typeof run>) => ({
      value,
      ids: descending ? ids.reverse() : ids,
    });
    for (const range of descending ? ranges.reverse() : ranges) {
      for (const { value, id } of this.#walk(range, descending)) {
        if (run !== undefined && compareNullable(this.#type, value, run.value) === 0) {
          run.ids.push(id);
          continue;
        }
        if (run !== undefined) yield ascending(run);
        run = { value, ids: [id] };
      }
    }
    if (run !== undefined) yield ascending(run);
  }
}

/** Compares by value, null first, then by id. */
function compareEntries(type: ValueType, a: Entry, b: Entry): number {
  return compareNullable(type, a.value, b.value) || a.id - b.id;
}
