/**
 * The C library, for the system calls that Deno has no API for.
 *
 * @module
 */

const LIBRARIES: { readonly [os: string]: string } = {
  linux: "libc.so.6",
  darwin: "libSystem.dylib",
};

/** The path for `Deno.dlopen`; `undefined` on a system without these calls. */
export const LIBC: string | undefined = LIBRARIES[Deno.build.os];
