/**
 * Cleanup, the checkpoint of the log: builds the next generation from a commit
 * point while others go on, then switches to it under the lock.
 *
 * A kill or a power cut at any point leaves either generation whole; the switch
 * is the seal, and files go only when the seal is known to be on disk.
 * ARCHITECTURE.md goes through it crash by crash.
 *
 * @module
 */

import { refused } from "./errors.ts";
import { FENCE_STEP, firstWhere, sortRows } from "./field_index.ts";
import { type File, removeQuietly } from "./file.ts";
import { GROUP_ROWS, GroupBuilder } from "./group.ts";
import { generationPaths, parseName, temporary } from "./layout.ts";
import { Log, randomNonce } from "./log.ts";
import { join } from "./path.ts";
import { scanSegment } from "./scan.ts";
import { rowOf, type State } from "./state.ts";
import type { Store } from "./store.ts";
import { TableWriter } from "./table.ts";

/** Where a row went that was deleted, or is not what it was. */
const GONE = 2 ** 32 - 1;

/** One cleanup: {@linkcode Cleanup.build}, then {@linkcode Cleanup.finish} under the lock. */
export class Cleanup {
  readonly #store: Store;
  readonly #state: State;
  /** The generation that is cleaned up, and how much of its log goes into the table. */
  readonly #generation: number;
  readonly #source: Log;
  readonly #from: number;
  readonly #table: string;
  readonly #log: string;
  readonly #temporaries: string[] = [];

  private constructor(store: Store, state: State) {
    this.#store = store;
    this.#state = state;
    this.#source = store.log;
    this.#generation = store.log.generation;
    this.#from = store.log.end;
    const { table, log } = generationPaths(store.dir, this.#generation + 1);
    // Names of its own: one who was stopped and goes on must not write into the live table.
    const nonce = randomNonce();
    this.#table = temporary(table, nonce);
    this.#log = temporary(log, nonce);
    state.pin();
  }

  /** Begins one; `undefined` if somebody else is at it. */
  static begin(store: Store): Cleanup | undefined {
    const state = store.refresh();
    return state.table.claim() ? new Cleanup(store, state) : undefined;
  }

  /** Writes the table; yields a file to be synced, or nothing where it can pause. */
  *build(): Generator<File | undefined, void> {
    const { sums } = this.#store;
    const file = this.#create(this.#table);
    try {
      const { table, schema, nextId, sequence } = this.#state;
      const out = new TableWriter(file, sums, this.#generation + 1, table.nextGroup);
      const moved = yield* this.#writeGroups(out);
      yield* this.#writeIndexes(out, moved);
      out.finish({ schema, nextId, sequence });
      yield file;
    } finally {
      file.close();
    }
  }

  /** Writes all rows; returns where those of the table went that are as they were. */
  *#writeGroups(out: TableWriter): Generator<undefined, Uint32Array> {
    const { table, schema } = this.#state;
    const moved = new Uint32Array(schema.indexed.length === 0 ? 0 : table.rows).fill(GONE);
    const builder = new GroupBuilder(schema.fields);
    const flush = () => {
      if (builder.empty) return;
      const { group, first, last } = builder.take();
      out.add(group, first, last);
    };
    const numbers = new Set(schema.fields.map((field) => String(field.number)));
    let i = 0;
    let before = 0; // rows of the table in groups before this one
    let written = 0;
    for (const segment of this.#state.segments()) {
      const { part, patch } = segment;
      const group = part?.open();
      const ofTable = i < table.groups.length;
      const asIs = group !== undefined && patch === undefined && group.rows >= GROUP_ROWS / 2 &&
        Object.keys(group.directory.columns).every((number) => numbers.has(number));
      if (asIs) {
        flush();
        if (ofTable) out.copy(table, i);
        else {
          const { directory, source: { bytes }, first } = group;
          out.add({ directory, bytes }, first, first + group.rows - 1);
        }
        if (ofTable && moved.length > 0) {
          for (let k = 0; k < group.rows; k++) moved[before + k] = written + k;
        }
        written += group.rows;
      } else {
        for (const place of scanSegment(segment)) {
          if (ofTable && moved.length > 0 && place.group !== undefined) {
            moved[before + place.index] = written;
          }
          builder.add(place.id, rowOf(place, schema.fields));
          written++;
          if (builder.full) flush();
        }
      }
      if (ofTable) before += table.groups[i]!.rows;
      i++;
      yield;
    }
    flush();
    return moved;
  }

  /** Writes the order of each field that is to have one, with what is in order already. */
  *#writeIndexes(out: TableWriter, moved: Uint32Array): Generator<undefined> {
    const rows = out.written();
    const fresh = new Uint8Array(rows.rows).fill(1);
    for (const row of moved) if (row !== GONE) fresh[row] = 0;
    for (const field of this.#state.schema.indexed) {
      const known = this.#state.table.orderOf(field)?.map((row) => moved[row]!)
        .filter((row) => row !== GONE);
      const others: Uint32Array[] = [];
      for (let from = 0; from < rows.rows; from += GROUP_ROWS) {
        const to = Math.min(from + GROUP_ROWS, rows.rows);
        const chunk = Uint32Array.from({ length: to - from }, (_, k) => from + k);
        others.push(known === undefined ? chunk : chunk.filter((row) => fresh[row] === 1));
      }
      const order = yield* sortRows(rows, field, known ?? new Uint32Array(), others);
      const nulls = firstWhere(0, order.length, (i) => rows.value(field, order[i]!) !== null);
      const fences = Array.from(
        { length: Math.ceil(order.length / FENCE_STEP) },
        (_, i) => rows.value(field, order[i * FENCE_STEP]!),
      );
      out.addIndex(field, nulls, order, fences);
      yield;
    }
  }

  /**
   * Switches to the generation built, unless somebody else was faster. Under the lock.
   */
  finish(): void {
    const store = this.#store;
    const { files, dir, sums } = store;
    store.begin();
    // Also when it was opened again: then what the table was made from may be gone.
    if (store.log !== this.#source) return;
    const frames = store.log.framesFrom(this.#from);
    const next = this.#generation + 1;
    const file = this.#create(this.#log);
    try {
      file.writeAt(Log.encode(sums, next, this.#state.sequence, frames), 0);
      file.syncSync();
    } finally {
      file.close();
    }
    const { table, log } = generationPaths(dir, next);
    files.rename(this.#table, table);
    files.rename(this.#log, log);
    this.#temporaries.length = 0;
    // Before the seal: who finds the seal on disk must find the files that it leads to.
    files.syncDir(dir);
    store.sealAndFollow();
  }

  /** What a cleanup is refused with that the system did not let come to its end. */
  explain(error: unknown): unknown {
    return refused(`Cannot clean up "${this.#store.dir}"`, "the rows are as they were", error);
  }

  #create(path: string): File {
    const file = this.#store.files.open(path, "createNew");
    this.#temporaries.push(path);
    return file;
  }

  /** Ends it, done or given up: removes what is of no use any more. */
  end(): void {
    const { files } = this.#store;
    this.#state.table.disclaim();
    this.#state.unpin();
    for (const path of this.#temporaries) removeQuietly(files, path);
    if (this.#store.log.sealedInto) removeOld(this.#store);
  }
}

/** Removes what is below the current generation, oldest first, and what builders left. */
function removeOld({ files, dir, log: { generation } }: Store): void {
  const old = (files.list(dir) ?? []).flatMap((name) => {
    const file = parseName(name);
    if (typeof file !== "object") return [];
    const isOld = file.generation < generation ||
      (file.temporary && file.generation === generation);
    return isOld ? [{ name, ...file }] : [];
  });
  old.sort((a, b) => a.generation - b.generation);
  for (const { name } of old) removeQuietly(files, join(dir, name));
}
