/**
 * The rows of a view: fetched a page at a time where they are looked at, and kept while the view
 * stays.
 *
 * @module
 */

import { ApiError, ask, get, pathOf } from "./api.ts";
import type { Row } from "./types.ts";
import { parameterOf } from "./filter.ts";
import { queryOf, type View } from "./view.ts";

/** How many rows are fetched at once. */
const PAGE = 100;
/** How many pages are kept. */
const KEPT = 60;

/** A change of a row, as the server tells it. */
export interface Change {
  readonly kind: "insert" | "update" | "delete" | "schema";
  readonly id: number | null;
  readonly row: Row | null;
  readonly before: Row | null;
}

/** The rows of one view. */
export class Rows {
  /** How many rows match; unknown before the first answer. */
  total: number | undefined;
  /** The commit of the first answer. */
  sequence: number | undefined;
  /** What the server refused. */
  error: ApiError | undefined;
  readonly view: View;
  readonly #changed: () => void;
  readonly #pages = new Map<number, Row[]>();
  readonly #loading = new Map<number, AbortController>();
  #isClosed = false;

  /** @param changed Called when there is something new to show. */
  constructor(view: View, changed: () => void) {
    this.view = view;
    this.#changed = changed;
  }

  /** Whether rows stand in the order of their ids: then new rows are the last ones. */
  get isPlain(): boolean {
    return this.view.conditions.length === 0 && this.view.order.length === 0;
  }

  /** A row by its place, if it is here. */
  at(place: number): Row | undefined {
    return this.#pages.get(Math.floor(place / PAGE))?.[place % PAGE];
  }

  /** Where a row is, if it is here. */
  placeOf(id: number): number | undefined {
    for (const [page, rows] of this.#pages) {
      const at = rows.findIndex((row) => row.__id__ === id);
      if (at >= 0) return page * PAGE + at;
    }
    return undefined;
  }

  /** Fetches what is missing of the rows from `from` to `to`, and gives up what is far away. */
  need(from: number, to: number): void {
    const first = Math.max(0, Math.floor(from / PAGE));
    const last = Math.max(first, Math.floor(to / PAGE));
    for (const [page, controller] of this.#loading) {
      if (page >= first - 1 && page <= last + 1) continue;
      controller.abort();
      this.#loading.delete(page);
    }
    for (let page = first; page <= last; page++) {
      const isPast = this.total !== undefined && page * PAGE >= this.total && page > 0;
      if (!this.#pages.has(page) && !this.#loading.has(page) && !isPast) void this.#load(page);
    }
    for (const page of this.#pages.keys()) {
      if (this.#pages.size <= KEPT) break;
      if (page < first || page > last) this.#pages.delete(page);
    }
  }

  async #load(page: number): Promise<void> {
    const controller = new AbortController();
    this.#loading.set(page, controller);
    const query = queryOf(this.view, { limit: PAGE, offset: page * PAGE });
    try {
      const answer = await ask(pathOf(this.view.table!) + query, {
        signal: controller.signal,
        headers: this.total === undefined ? { prefer: "count=exact" } : {},
      });
      const rows = await answer.json() as Row[];
      if (this.#isClosed || controller.signal.aborted) return;
      this.#pages.set(page, rows);
      const total = answer.headers.get("content-range")?.split("/")[1];
      if (total !== undefined && total !== "*") this.total = Number(total);
      this.sequence ??= Number(answer.headers.get("psbase-sequence"));
      this.error = undefined;
    } catch (error) {
      if (controller.signal.aborted || this.#isClosed) return;
      if (!(error instanceof ApiError)) throw error;
      this.error = error;
    } finally {
      if (this.#loading.get(page) === controller) this.#loading.delete(page);
    }
    this.#changed();
  }

  /** Puts a row in the place of its former version. */
  put(row: Row): void {
    for (const rows of this.#pages.values()) {
      const at = rows.findIndex((one) => one.__id__ === row.__id__);
      if (at >= 0) rows[at] = row;
    }
    this.#changed();
  }

  /**
   * Takes in changes of the table; tells whether all of them could be shown without moving rows
   * under the eyes of the user.
   */
  apply(changes: readonly Change[]): boolean {
    let isWhole = true;
    for (const { kind, id, row } of changes) {
      if (kind === "update" && row !== null) {
        this.put(row);
        isWhole &&= this.isPlain;
      } else if (kind === "insert" && row !== null && this.isPlain && this.total !== undefined) {
        const page = Math.floor(this.total / PAGE);
        const rows = this.#pages.get(page);
        if (rows?.length === this.total % PAGE) rows.push(row);
        else if (rows === undefined && this.total % PAGE === 0) this.#pages.set(page, [row]);
        this.total++;
      } else if (kind === "delete" && id !== null && this.isPlain && this.total !== undefined) {
        this.#remove(id);
        this.total--;
      } else isWhole = false;
    }
    this.#changed();
    return isWhole;
  }

  /** Removes a row; the rows after it move up, and are fetched again. */
  #remove(id: number): void {
    const place = this.placeOf(id);
    for (const page of [...this.#pages.keys()]) {
      if (place === undefined || page >= Math.floor(place / PAGE)) this.#pages.delete(page);
    }
  }

  /** Ends all requests. */
  close(): void {
    this.#isClosed = true;
    for (const controller of this.#loading.values()) controller.abort();
  }
}

/** The values of a field with their counts, the most frequent first. */
export async function countsOf(
  view: View,
  field: string,
  more: Readonly<Record<string, string | number>>,
  signal: AbortSignal,
): Promise<{ value: unknown; n: number }[]> {
  const query = queryOf({ conditions: view.conditions, order: [] }, {
    by: field,
    figures: "n_:count",
    order: "-n_",
    ...more,
  });
  const { groups } = await get<{ groups: Record<string, unknown>[] }>(
    pathOf(view.table!, `~group${query}`),
    signal,
  );
  return groups.map((group) => ({ value: group[field], n: group.n_ as number }));
}

/** Values of a field that begin with a text, for completion. */
export async function valuesLike(
  view: View,
  field: string,
  text: string,
  signal: AbortSignal,
): Promise<string[]> {
  const like = text === "" ? [] : [{ name: parameterOf(field), value: `like.${text}*` }];
  const counts = await countsOf({ ...view, conditions: like }, field, { limit: 12 }, signal);
  return counts.filter(({ value }) => value !== null).map(({ value }) => String(value));
}
