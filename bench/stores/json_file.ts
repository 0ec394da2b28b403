/**
 * The store that everybody writes first: all rows in a JSON file, under a lock between processes.
 *
 * @module
 */

import { PsLock } from "../../lock.ts";
import type { PlainRow, Store } from "./store.ts";

/** What the file holds. */
interface Content {
  next: number;
  rows: [id: number, row: PlainRow][];
}

/** All rows by id, as they are in the file now. */
export class JsonFile {
  readonly #path: string;
  readonly #lock: PsLock;
  /** Which file was read, or written. */
  #version = "";
  #next = 0;
  #rows = new Map<number, PlainRow>();

  constructor(path: string) {
    this.#path = path;
    this.#lock = new PsLock(`${path}.lock`);
  }

  /** To read from, until somebody changes them. */
  get rows(): ReadonlyMap<number, PlainRow> {
    const version = this.#look();
    if (version === this.#version) return this.#rows;
    const { next, rows }: Content = JSON.parse(Deno.readTextFileSync(this.#path));
    this.#version = version;
    this.#next = next;
    this.#rows = new Map(rows);
    return this.#rows;
  }

  /** Changes the rows in memory, then writes all. */
  change<T>(change: (rows: Map<number, PlainRow>, nextId: () => number) => T): T {
    using _guard = this.#lock.acquireSync();
    const result = change(this.rows as Map<number, PlainRow>, () => this.#next++);
    this.#write();
    return result;
  }

  /** Writes the file under another name, then gives it its own. */
  #write(): void {
    const temporary = `${this.#path}.new`;
    {
      const content: Content = { next: this.#next, rows: [...this.#rows] };
      using file = Deno.openSync(temporary, { write: true, create: true, truncate: true });
      const bytes = new TextEncoder().encode(JSON.stringify(content));
      for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
      file.syncDataSync();
    }
    Deno.renameSync(temporary, this.#path);
    using dir = Deno.openSync(this.#path.slice(0, this.#path.lastIndexOf("/")));
    dir.syncSync();
    this.#version = this.#look();
  }

  /** Tells one file that had the name from the next. */
  #look(): string {
    const { ino, mtime, size } = Deno.statSync(this.#path);
    return `${ino} ${Number(mtime)} ${size}`;
  }

  create(): void {
    this.#write();
  }

  close(): void {
    this.#lock.close();
  }
}

/** A JSON file. */
export const jsonFile: Store<JsonFile> = {
  contender: "JSON file",
  // deno-lint-ignore require-await
  async create(path) {
    const file = new JsonFile(path);
    file.create();
    return file;
  },
  // deno-lint-ignore require-await
  open: async (path) => new JsonFile(path),
  close: (file) => file.close(),
  // deno-lint-ignore require-await
  async insert(file, rows) {
    file.change((all, nextId) => {
      for (const row of rows) all.set(nextId(), row);
    });
  },
  // deno-lint-ignore require-await
  all: async (file) => [...file.rows.values()],
};
