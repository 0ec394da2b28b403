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

import { describe } from "./check.ts";
import { BaseNotFoundError } from "./errors.ts";
import type { Files } from "./file.ts";
import { within } from "./matcher.ts";
import { isAbsolute, relativePath, resolvePath } from "./path.ts";
import { baseOf, rowAt, type RowMaker } from "./rows.ts";
import type { FieldDef } from "./field_def.ts";
import type { TableSchema } from "./schema.ts";
import type { State } from "./state.ts";
import type { Store } from "./store.ts";

/** The target of links to rows of the same base. */
const SELF = "self";

/** What is open, by directory. */
export type Family = Map<string, Store>;

/** Where the links of one base lead. */
export class Links {
  readonly #store: Store;
  readonly #family: Family;
  readonly #open: (dir: string, family: Family) => Store;
  /** Whether the user opened the base, and it was not opened by a link. */
  readonly #isRoot: boolean;
  readonly #own: () => State;
  #real: string | undefined;

  /**
   * @param store The base.
   * @param family All that is open because of the base that the user opened; none for that one.
   * @param open Opens another base, to be read only.
   * @param own The rows of the base itself.
   */
  constructor(
    store: Store,
    family: Family | undefined,
    open: (dir: string, family: Family) => Store,
    own: () => State = () => store.refresh(),
  ) {
    this.#store = store;
    this.#isRoot = family === undefined;
    this.#family = family ?? new Map();
    this.#open = open;
    this.#own = own;
  }

  /** The rows of the base itself, as who reads them sees them. */
  own(): State {
    return this.#own();
  }

  /** The same, for who sees other rows of the base itself. */
  seeing(own: () => State): Links {
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
  #target(field: FieldDef): Store {
    if (field.target === SELF) return this.#store;
    const dir = this.pathOf(field.target!);
    const known = this.#family.get(dir);
    if (known !== undefined) return known;
    const store = this.#open(dir, this.#family);
    this.#family.set(dir, store);
    return store;
  }

  /** The newest rows of the base that a link leads to. */
  #rowsOf(field: FieldDef): State {
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
    const state = this.#rowsOf(field);
    const place = state.find(id);
    return place === undefined ? null : make(state.origin, place, state.schema.fields);
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
      within(`field "${field.name}"`, () => {
        const id = field.value.take(value) as number;
        const state = this.#rowsOf(field);
        const base = typeof value === "object" ? baseOf(value) : undefined;
        if (base !== undefined && base !== state.origin.base) {
          throw new TypeError("it is a row of another base than the link leads to");
        }
        if (state.find(id) !== undefined || (field.target === SELF && coming(id, field))) return;
        throw new RangeError(`there is no row ${id} in "${this.#target(field).dir}"`);
      });
    }
  }

  /** The other bases that links lead to; in one that is not open nothing was checked. */
  #others(schema: TableSchema): Store[] {
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

/** A schema whose links are ways from the base in `dir`, which is there. */
export function anchor(files: Files, dir: string, schema: TableSchema): TableSchema {
  if (schema.links.length === 0) return schema;
  const from = files.realPath(dir);
  return schema.withTargets((target) =>
    isAbsolute(target) ? relativePath(from, target) || SELF : target
  );
}

/** The schema of the base in `from` for a copy of it in `to`: links lead where they led. */
export function relocate(
  files: Files,
  schema: TableSchema,
  { from, to }: { from: string; to: string },
): TableSchema {
  if (schema.links.length === 0) return schema;
  const real = files.realPath(from);
  const pathOf = (target: string) => target === SELF ? SELF : resolvePath(real, target);
  return anchor(files, to, schema.withTargets(pathOf));
}

/** What links to the rows of a base are declared by. */
export function linkTo(files: Files, base: { readonly path: string } | typeof SELF) {
  if (base === SELF) return { link: SELF };
  if (typeof base === "object" && typeof base?.path === "string") {
    return { link: files.realPath(base.path) };
  }
  throw new TypeError(`Cannot link: ${describe(base)}, expected an open base or "self"`);
}
