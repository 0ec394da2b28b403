/**
 * engine/schema/link_paths.ts
 *
 * @module
 */

import type { Files } from "../system/file.ts";
import type { TableSchema } from "./schema.ts";
import { isAbsolute, relativePath, resolvePath } from "../system/path.ts";
import { describe } from "../system/check.ts";

/** The target of links to rows of the same base. */
export const SELF = "self";

/** A schema whose links are ways from the base in `dir`, which is there. */
export function withRelativeTargets(files: Files, dir: string, schema: TableSchema): TableSchema {
  if (schema.links.length === 0) return schema;
  const from = files.realPath(dir);
  return schema.withTargets((target) =>
    isAbsolute(target) ? relativePath(from, target) || SELF : target
  );
}

/** The schema of the base in `from` for a copy of it in `to`: links lead where they led. */
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

/** What links to the rows of a base are declared by. */
export function linkTo(files: Files, base: { readonly path: string } | typeof SELF) {
  if (base === SELF) return { link: SELF };
  if (typeof base === "object" && typeof base?.path === "string") {
    return { link: files.realPath(base.path) };
  }
  throw new TypeError(`Cannot link: ${describe(base)}, expected an open base or "self"`);
}
