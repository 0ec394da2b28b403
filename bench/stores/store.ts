/**
 * What all kinds of stores have in common, so that each workload is only what differs.
 *
 * @module
 */

import { copySynced } from "../suite/files.ts";
import type { Contender } from "../suite/workload.ts";
import type { Insert, Schema } from "../../base.ts";

/** A value that all stores can hold. */
export type Plain = string | number | null;
/** A row without what psbase adds to it. */
export type PlainRow = Record<string, Plain>;

/** A value of a row of psbase as all stores can hold it: dates as text. */
export function plain(value: unknown): Plain {
  return typeof value === "object" && value !== null ? String(value) : value as Plain ?? null;
}

/** A table to be made: its fields, and its rows. */
export interface Table<S extends Schema = Schema> {
  readonly name: string;
  readonly schema: S;
  /** The rows from `from` on, `count` of them; the same each time. */
  rows(count: number, from?: number): Iterable<Insert<S>>;
}

/** A kind of store, with the handle that it is used by. */
export interface Store<H> {
  readonly contender: Contender;
  /** Makes a table that is empty. */
  create(path: string, table: Table): Promise<H>;
  open(path: string): Promise<H>;
  close(handle: H): void | Promise<void>;
  /** Adds rows, in as few commits as it can. */
  insert(handle: H, rows: Iterable<PlainRow>): Promise<void>;
  /** All rows, in the order of their ids. */
  all(handle: H): Promise<Iterable<PlainRow>>;
}

/** So many rows are made and inserted at once. */
const CHUNK = 500_000;

/** Tables that are made once and used by many workloads. */
export class Templates {
  /** Where they are. */
  readonly dir: string;
  readonly #made = new Map<string, Promise<string>>();

  constructor(dir: string) {
    this.dir = dir;
  }

  /** A table of so many rows, closed; for readers only. */
  async get<H>(store: Store<H>, table: Table, count: number): Promise<string> {
    return `${await this.#get(store, table, count)}/t`;
  }

  /** A copy of it in `dir`, on disk already: no commit pays for it. */
  async copy<H>(store: Store<H>, table: Table, to: { dir: string; count: number }) {
    copySynced(await this.#get(store, table, to.count), to.dir);
    return `${to.dir}/t`;
  }

  #get<H>(store: Store<H>, table: Table, count: number): Promise<string> {
    const key = `${store.contender} ${table.name} ${count}`;
    const made = this.#made.get(key) ?? make(store, table, { count, dir: `${this.dir}/${key}` });
    this.#made.set(key, made);
    return made;
  }
}

async function make<H>(
  store: Store<H>,
  table: Table,
  { count, dir }: { count: number; dir: string },
): Promise<string> {
  await Deno.mkdir(dir);
  const handle = await store.create(`${dir}/t`, table);
  for (let from = 0; from < count; from += CHUNK) {
    await store.insert(
      handle,
      table.rows(Math.min(CHUNK, count - from), from) as Iterable<PlainRow>,
    );
  }
  await store.close(handle);
  return dir;
}
