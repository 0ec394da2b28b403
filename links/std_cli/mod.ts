/**
 * What psbase uses of `@std/cli`: see links/README.md.
 *
 * @module
 */
export * from "./parse_args.ts";
