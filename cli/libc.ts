/**
 * Where the C library of this system is, for the few things that Deno has no verb for.
 *
 * @module
 */

const LIBRARIES: { readonly [os: string]: string } = {
  linux: "libc.so.6",
  darwin: "libSystem.dylib",
};

/** What to give `Deno.dlopen`; `undefined` on a system whose library is another one. */
export const LIBC: string | undefined = LIBRARIES[Deno.build.os];
