/**
 * Noticing that the reader of stdout is gone while there is nothing to write. A write would fail;
 * without one, only `poll(2)` tells, for which Deno has no API. Where it cannot be called (it needs
 * `--allow-ffi`), the next write fails.
 *
 * @module
 */

import { LIBC } from "./libc.ts";

/** The time between two polls, in milliseconds. */
const POLL_MS = 250;

/** `POLLERR` and `POLLHUP`, which `poll(2)` reports even if nobody asks for them. */
const GONE = 0x8 | 0x10;

/** Makes a function that says whether the reader of a pipe or a terminal is gone. */
export function goneAsker(fd: number): () => boolean {
  const unknown = () => false;
  if (LIBC === undefined) return unknown;
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return unknown;
  try {
    const { poll } = Deno.dlopen(LIBC, {
      poll: { parameters: ["buffer", "usize", "i32"], result: "i32" },
    }).symbols;
    const pollfd = new DataView(new ArrayBuffer(8));
    pollfd.setInt32(0, fd, true);
    return () => poll(pollfd.buffer, 1n, 0) > 0 && (pollfd.getInt16(6, true) & GONE) > 0;
  } catch {
    return unknown; // this system names its C library otherwise
  }
}

/** Until disposed of: aborts `signal` with the error of a write when the reader is gone. */
export function whenGone(
  out: { isGone?(): boolean },
): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const timer = setInterval(() => {
    if (out.isGone?.()) controller.abort(new Deno.errors.BrokenPipe());
  }, POLL_MS);
  return { signal: controller.signal, [Symbol.dispose]: () => clearInterval(timer) };
}
