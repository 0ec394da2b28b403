/**
 * Links: fields that lead to rows of another base, or of their own. Stored is
 * the row's id, and in the schema the way from this base to the other one.
 *
 * A target is opened when it is first needed, to be read only, and is closed with
 * the base that was opened by the user. All that is opened on the way is shared:
 * two tables that lead to each other are open once each.
 *
 * A way may lead anywhere: tables that belong together stand beside each other, above the
 * directory of each. Where a base comes from somebody else, so do its ways. What keeps them in is
 * that a target is opened by its first use only, as a base, to be read, with what Deno permits and
 * without a lock; and that `open` with a schema refuses a base whose links lead elsewhere.
 *
 * @module
 */

import { BaseNotFoundError, inContext } from "../system/errors.ts";
import { resolvePath } from "../system/path.ts";
import type { LinkedRows, RowLinks, RowMaker } from "./origin.ts";
import { rowAt, tableOf } from "./rows.ts";
import type { FieldDef } from "../schema/field_def.ts";
import type { TableSchema } from "../schema/schema.ts";
import type { Files } from "../system/file.ts";
import { SELF } from "../schema/link_paths.ts";

/** A table that links lead to, or come from. */
export interface LinkTarget {
  /** Where it is. */
  readonly dir: string;
  /** What it works on. */
  readonly files: Files;
  /** Its rows at the newest commit point. */
  refresh(): LinkedRows;
  /** Syncs what was read. */
  flush(): Promise<void>;
  /** As {@linkcode LinkTarget.flush}, blocking. */
  flushSync(): void;
  /** Closes all files. */
  close(): void;
}

/** The tables that are open, by directory. */
export type OpenTables = Map<string, LinkTarget>;

/** Where the links of one base lead. */
export class Links implements RowLinks {
  readonly #store: LinkTarget;
  readonly #family: OpenTables;
  readonly #open: (dir: string, family: OpenTables) => LinkTarget;
  /** Whether the user opened the base, and it was not opened by a link. */
  readonly #isRoot: boolean;
  readonly #own: () => LinkedRows;
  #real: string | undefined;

  /**
   * @param store The base.
   * @param family All that is open because of the base that the user opened; none for that one.
   * @param open Opens another base, to be read only.
   * @param own The rows of the base itself.
   */
  constructor(
    store: LinkTarget,
    family: OpenTables | undefined,
    open: (dir: string, family: OpenTables) => LinkTarget,
    own: () => LinkedRows = () => store.refresh(),
  ) {
    this.#store = store;
    this.#isRoot = family === undefined;
    this.#family = family ?? new Map();
    this.#open = open;
    this.#own = own;
  }

  /** The rows of the base itself, as who reads them sees them. */
  own(): LinkedRows {
    return this.#own();
  }

  /** The same, for who sees other rows of the base itself. */
  seeing(own: () => LinkedRows): Links {
    return new Links(this.#store, this.#family, this.#open, own);
  }

  /** Where the base is, symbolic links followed. */
  get #dir(): string {
    if (this.#real === undefined) {
      this.#real = this.#store.files.realPath(this.#store.dir);
      if (!this.#family.has(this.#real)) this.#family.set(this.#real, this.#store);
    }
    return this.#real;
  }

  /** Where a link leads, as a path that can be opened. */
  pathOf(target: string): string {
    return target === SELF ? SELF : resolvePath(this.#dir, target);
  }

  /** The base that a link leads to. */
  #target(field: FieldDef): LinkTarget {
    if (field.target === SELF) return this.#store;
    const dir = this.pathOf(field.target!);
    const known = this.#family.get(dir);
    if (known !== undefined) return known;
    const store = this.#open(dir, this.#family);
    this.#family.set(dir, store);
    return store;
  }

  /** The newest rows of the base that a link leads to. */
  #rowsOf(field: FieldDef): LinkedRows {
    if (field.target === SELF) return this.#own();
    const store = this.#target(field);
    try {
      return store.refresh();
    } catch (error) {
      // Replaced by another one, which is where the path leads now.
      if (!(error instanceof BaseNotFoundError)) throw error;
      store.close();
      this.#family.delete(this.pathOf(field.target!));
      return this.#target(field).refresh();
    }
  }

  /** The row that a link leads to, as it is now; `null` if it is gone. */
  row(field: FieldDef, id: number, make: RowMaker = rowAt): Record<string, unknown> | null {
    const snapshot = this.#rowsOf(field);
    const location = snapshot.find(id);
    return location === undefined ? null : make(snapshot.origin, location, snapshot.schema.fields);
  }

  /**
   * Checks what is to be stored in the links of a row.
   *
   * @param coming Whether a row of this base that is not there yet will be, with the one checked.
   * @throws {TypeError} A fragment, if it is a row of another base.
   * @throws {RangeError} A fragment, if there is no such row.
   */
  check(
    schema: TableSchema,
    given: Record<string, unknown>,
    coming: (id: number, field: FieldDef) => boolean = () => false,
  ): void {
    for (const field of schema.links) {
      const value = Object.hasOwn(given, field.name) ? given[field.name] : undefined;
      if (value === undefined || value === null) continue;
      inContext(`field "${field.name}"`, () => {
        const id = field.value.encode(value) as number;
        const snapshot = this.#rowsOf(field);
        const base = typeof value === "object" ? tableOf(value) : undefined;
        if (base !== undefined && base !== snapshot.origin.table) {
          throw new TypeError("it is a row of another base than the link leads to");
        }
        if (snapshot.find(id) !== undefined || (field.target === SELF && coming(id, field))) return;
        throw new RangeError(`there is no row ${id} in "${this.#target(field).dir}"`);
      });
    }
  }

  /** The other bases that links lead to; in one that is not open nothing was checked. */
  #others(schema: TableSchema): LinkTarget[] {
    return schema.links.filter(({ target }) => target !== SELF)
      .flatMap(({ target }) => this.#family.get(this.pathOf(target!)) ?? []);
  }

  /** Syncs what was checked: what is on disk must not lead to what is not. */
  async flush(schema: TableSchema): Promise<void> {
    for (const store of this.#others(schema)) await store.flush();
  }

  /** As {@linkcode Links.flush}, blocking; costs nothing where that was done. */
  flushSync(schema: TableSchema): void {
    for (const store of this.#others(schema)) store.flushSync();
  }

  /** Closes what was opened on the way from the base that the user opened. */
  close(): void {
    if (!this.#isRoot) return;
    for (const store of this.#family.values()) store.close();
  }
}
