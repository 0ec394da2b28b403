/**
 * The rows that were fetched, page by page: only what is seen is asked for.
 *
 * @module
 */

import type { Row } from "./types.ts";

/** How many rows are asked for together. */
export const PAGE = 50;
/** How many pages are kept. */
const KEPT = 100;

interface Page {
  rows: Row[] | undefined;
  abort: AbortController;
  failed: boolean;
}

/** Gives the rows from `offset` on. */
export type FetchRows = (offset: number, limit: number, signal: AbortSignal) => Promise<Row[]>;

/** The rows of a view. */
export class Rows {
  readonly #fetch: FetchRows;
  readonly #changed: () => void;
  readonly #failed: (error: unknown) => void;
  readonly #pages = new Map<number, Page>();
  /** Rows that were deleted and are still shown. */
  readonly deleted = new Set<number>();
  /** How many there are at least. */
  least = 0;
  /** How many there are, once the last page was seen. */
  exact: number | undefined;

  constructor(fetch: FetchRows, changed: () => void, failed: (error: unknown) => void) {
    this.#fetch = fetch;
    this.#changed = changed;
    this.#failed = failed;
  }

  /** A row; undefined until it is there. */
  at(index: number): Row | undefined {
    return this.#pages.get(Math.floor(index / PAGE))?.rows?.[index % PAGE];
  }

  /** The place of a row that was fetched; -1 without. */
  find(id: number): number {
    for (const [at, { rows }] of this.#pages) {
      const i = rows?.findIndex((row) => row.__id__ === id) ?? -1;
      if (i >= 0) return at * PAGE + i;
    }
    return -1;
  }

  /** Asks for rows from `first` to `last`, and stops asking for others. */
  want(first: number, last: number): void {
    const [from, to] = [Math.floor(first / PAGE), Math.floor(last / PAGE)];
    for (const [at, page] of this.#pages) {
      const isFar = at < from - 1 || at > to + 1;
      if (isFar && (page.rows === undefined || this.#pages.size > KEPT)) {
        page.abort.abort();
        this.#pages.delete(at);
      }
    }
    for (let at = from; at <= to; at++) if (!this.#pages.has(at)) void this.#load(at);
  }

  async #load(at: number): Promise<void> {
    const { rows } = this.#pages.get(at) ?? {};
    const page: Page = { rows, abort: new AbortController(), failed: false };
    this.#pages.set(at, page);
    try {
      const found = await this.#fetch(at * PAGE, PAGE, page.abort.signal);
      if (page.abort.signal.aborted) return;
      page.rows = found;
      const end = at * PAGE + found.length;
      if (found.length > 0) this.least = Math.max(this.least, end);
      if (found.length < PAGE && (found.length > 0 || at === 0)) this.exact = end;
      this.#changed();
    } catch (error) {
      if (page.abort.signal.aborted) return;
      page.failed = true;
      this.#failed(error);
    }
  }

  /** Asks again for what could not be had. */
  retry(): void {
    for (const [at, page] of this.#pages) if (page.failed) this.#pages.delete(at);
  }

  /** Puts a newer form of a row in its place; returns the older one. */
  replace(row: Row): Row | undefined {
    const at = this.find(row.__id__);
    if (at < 0) return undefined;
    const { rows } = this.#pages.get(Math.floor(at / PAGE))!;
    const before = rows![at % PAGE]!;
    if (before.__version__ >= row.__version__) return undefined;
    rows![at % PAGE] = Object.fromEntries(
      Object.keys(before).map((name) => [name, row[name] ?? null]),
    ) as unknown as Row;
    return before;
  }

  /** Takes note of a row that was added at the end. */
  append(total: number): void {
    this.exact = undefined;
    this.least = total;
    const at = Math.floor((total - 1) / PAGE);
    this.#pages.get(at)?.abort.abort();
    if (this.#pages.has(at)) void this.#load(at);
  }

  /** Stops asking. */
  close(): void {
    for (const { abort } of this.#pages.values()) abort.abort();
  }
}
