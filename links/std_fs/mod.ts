/**
 * What psbase uses of `@std/fs`: see links/README.md.
 *
 * @module
 */
export * from "./ensure_dir.ts";
export * from "./exists.ts";
