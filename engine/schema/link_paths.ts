/**
 * Paths of links. A schema names the table that a link leads to by a path relative to the linking
 * table, so tables that move together stay linked.
 *
 * @module
 */

import { describe } from "../system/check.ts";
import type { Files } from "../system/file.ts";
import { isAbsolute, relativePath, resolvePath } from "../system/path.ts";
import type { TableSchema } from "./schema.ts";

/** The target of links to rows of the same table. */
export const SELF = "self";

/** The schema with relative targets instead of absolute ones; the directory `dir` must exist. */
export function withRelativeTargets(files: Files, dir: string, schema: TableSchema): TableSchema {
  if (schema.links.length === 0) return schema;
  const from = files.realPath(dir);
  return schema.withTargets((target) =>
    isAbsolute(target) ? relativePath(from, target) || SELF : target
  );
}

/** The schema for a copy of the table in `to`: its links lead to the same tables as before. */
export function withMovedTargets(
  files: Files,
  schema: TableSchema,
  { from, to }: { from: string; to: string },
): TableSchema {
  if (schema.links.length === 0) return schema;
  const real = files.realPath(from);
  const pathOf = (target: string) => target === SELF ? SELF : resolvePath(real, target);
  return withRelativeTargets(files, to, schema.withTargets(pathOf));
}

/** The field type of a link to the rows of a table. */
export function linkTo(files: Files, table: { readonly path: string } | typeof SELF) {
  if (table === SELF) return { link: SELF };
  if (typeof table === "object" && typeof table?.path === "string") {
    return { link: files.realPath(table.path) };
  }
  throw new TypeError(`Cannot link: ${describe(table)}, expected an open table or "self"`);
}
