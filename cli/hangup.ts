/**
 * Noticing that nobody reads any more while there is nothing to write. The system tells it to who
 * writes, or asks `poll(2)`, for which Deno has no verb. Where that cannot be called (it needs
 * `--allow-ffi`), the next write tells.
 *
 * @module
 */

import type { Output } from "./io.ts";
import { LIBC } from "./libc.ts";

/** It is asked so often, in milliseconds. */
const ASK_MS = 250;

/** `POLLERR` and `POLLHUP`, which are told whether they are asked for or not. */
const GONE = 0x8 | 0x10;

/** What tells whether the reader of a pipe or a terminal is gone. */
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
    return unknown; // It is called otherwise here.
  }
}

/** Until it is disposed of, `signal` is aborted with what a write would throw when nobody reads. */
export function whenGone(out: Output): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const timer = setInterval(() => {
    if (out.isGone?.()) controller.abort(new Deno.errors.BrokenPipe());
  }, ASK_MS);
  return { signal: controller.signal, [Symbol.dispose]: () => clearInterval(timer) };
}
