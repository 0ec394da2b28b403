/**
 * Links (foreign keys): fields that lead to rows of another table or of the same one. A row stores
 * the id of the other row, and the schema stores the relative path of the other table.
 *
 * The first use of a link opens its table, read-only, and closing the table that the user opened
 * closes it. All tables opened on the way are shared: two tables that link to each other are open
 * once each.
 *
 * A path may lead anywhere, because linked tables usually lie side by side. A table from somebody
 * else also brings their paths. Three things limit the harm: a target is opened only at its first
 * use; it is opened as a table, read-only, without a lock and within Deno's permissions; and `open`
 * with a schema refuses a table whose links lead elsewhere.
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

/** A table that links lead to or come from. */
export interface LinkTarget {
  /** Its directory. */
  readonly dir: string;
  /** Its file system. */
  readonly files: Files;
  /** The rows at the newest commit point. */
  refresh(): LinkedRows;
  /** Makes the commits that were read durable. */
  flush(): Promise<void>;
  /** The same as {@linkcode LinkTarget.flush}, blocking. */
  flushSync(): void;
  /** Closes all files. */
  close(): void;
}

/** The open tables by directory. */
export type OpenTables = Map<string, LinkTarget>;

/** The links of one table. */
export class Links implements RowLinks {
  readonly #store: LinkTarget;
  readonly #openTables: OpenTables;
  readonly #open: (dir: string, openTables: OpenTables) => LinkTarget;
  /** Whether the user opened the table; otherwise a link did. */
  readonly #isRoot: boolean;
  readonly #own: () => LinkedRows;
  #real: string | undefined;

  /**
   * @param store The table.
   * @param openTables The tables that links opened so far; `undefined` for the table of the user.
   * @param open Opens another table, read-only.
   * @param own The rows of the table itself.
   */
  constructor(
    store: LinkTarget,
    openTables: OpenTables | undefined,
    open: (dir: string, openTables: OpenTables) => LinkTarget,
    own: () => LinkedRows = () => store.refresh(),
  ) {
    this.#store = store;
    this.#isRoot = openTables === undefined;
    this.#openTables = openTables ?? new Map();
    this.#open = open;
    this.#own = own;
  }

  /** The rows of the table itself, as its reader sees them. */
  own(): LinkedRows {
    return this.#own();
  }

  /** The same links for a reader that sees other rows of the table itself. */
  seeing(own: () => LinkedRows): Links {
    return new Links(this.#store, this.#openTables, this.#open, own);
  }

  /** The directory of the table, with symbolic links resolved. */
  get #dir(): string {
    if (this.#real === undefined) {
      this.#real = this.#store.files.realPath(this.#store.dir);
      if (!this.#openTables.has(this.#real)) this.#openTables.set(this.#real, this.#store);
    }
    return this.#real;
  }

  /** The path of the table that a link leads to. */
  pathOf(target: string): string {
    return target === SELF ? SELF : resolvePath(this.#dir, target);
  }

  /** The table that a link leads to. */
  #target(field: FieldDef): LinkTarget {
    if (field.target === SELF) return this.#store;
    const dir = this.pathOf(field.target!);
    const known = this.#openTables.get(dir);
    if (known !== undefined) return known;
    const store = this.#open(dir, this.#openTables);
    this.#openTables.set(dir, store);
    return store;
  }

  /** The newest rows of the table that a link leads to. */
  #rowsOf(field: FieldDef): LinkedRows {
    if (field.target === SELF) return this.#own();
    const store = this.#target(field);
    try {
      return store.refresh();
    } catch (error) {
      // Another table may have replaced it: open the path again.
      if (!(error instanceof BaseNotFoundError)) throw error;
      store.close();
      this.#openTables.delete(this.pathOf(field.target!));
      return this.#target(field).refresh();
    }
  }

  /** The current row that a link leads to; `null` if it was deleted. */
  row(field: FieldDef, id: number, make: RowMaker = rowAt): Record<string, unknown> | null {
    const snapshot = this.#rowsOf(field);
    const location = snapshot.find(id);
    return location === undefined ? null : make(snapshot.origin, location, snapshot.schema.fields);
  }

  /**
   * Checks the values for the links of a row.
   *
   * @param willExist Whether the same commit inserts a row of this table with the id.
   * @throws {TypeError} A fragment, if a value is a row of another table than the link leads to.
   * @throws {RangeError} A fragment, if a row does not exist.
   */
  check(
    schema: TableSchema,
    given: Record<string, unknown>,
    willExist: (id: number, field: FieldDef) => boolean = () => false,
  ): void {
    for (const field of schema.links) {
      const value = Object.hasOwn(given, field.name) ? given[field.name] : undefined;
      if (value === undefined || value === null) continue;
      inContext(`field "${field.name}"`, () => {
        const id = field.value.encode(value) as number;
        const snapshot = this.#rowsOf(field);
        const table = typeof value === "object" ? tableOf(value) : undefined;
        if (table !== undefined && table !== snapshot.origin.table) {
          throw new TypeError("it is a row of another table than the link leads to");
        }
        const exists = snapshot.find(id) !== undefined ||
          (field.target === SELF && willExist(id, field));
        if (!exists) throw new RangeError(`there is no row ${id} in "${this.#target(field).dir}"`);
      });
    }
  }

  /** The other open tables that links lead to. In a table that is not open nothing was checked. */
  #others(schema: TableSchema): readonly LinkTarget[] {
    if (schema.links.length === 0) return [];
    return schema.links.filter(({ target }) => target !== SELF)
      .flatMap(({ target }) => this.#openTables.get(this.pathOf(target!)) ?? []);
  }

  /** Makes the linked rows that were checked durable: no durable row may lead to a lost one. */
  async flush(schema: TableSchema): Promise<void> {
    for (const store of this.#others(schema)) await store.flush();
  }

  /** The same as {@linkcode Links.flush}, blocking; after it, this costs nothing. */
  flushSync(schema: TableSchema): void {
    for (const store of this.#others(schema)) store.flushSync();
  }

  /** Closes this table and those that links opened, if the user opened this one. */
  close(): void {
    if (!this.#isRoot) return;
    for (const store of this.#openTables.values()) store.close();
  }
}
