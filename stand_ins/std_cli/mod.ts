/**
 * What psbase uses of `@std/cli`: see stand_ins/README.md.
 *
 * @module
 */
export * from "./parse_args.ts";
