/**
 * The system calls that Deno has no API for. They need `--allow-ffi`.
 *
 * @module
 */

import { currentFiles } from "../../engine/system/deno_file.ts";
import type { File } from "../../engine/system/file.ts";
import { Fault } from "./errors.ts";

const LIBRARIES: { readonly [os: string]: string } = {
  linux: "libc.so.6",
  darwin: "libSystem.dylib",
};

/** The path for `Deno.dlopen`; `undefined` on a system without these calls. */
const LIBC: string | undefined = LIBRARIES[Deno.build.os];

/** The time between two polls, in milliseconds. */
const POLL_MS = 250;

/** `POLLERR` and `POLLHUP`, which `poll(2)` reports even if nobody asks for them. */
const GONE = 0x8 | 0x10;

/**
 * Makes a function that says whether the reader of a pipe or a terminal is gone. Only `poll(2)`
 * tells while there is nothing to write. Where it cannot be called, the next write fails.
 */
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

/** The open files of this process, by their numbers. */
const DESCRIPTORS = "/dev/fd";

/** The signature of `dup(2)` and `close(2)`. */
const NUMBER_TO_NUMBER = { parameters: ["i32"], result: "i32" } as const;

/**
 * Until disposed of, child processes inherit an open file. A lock belongs to the open file, so it
 * lasts until all of them have ended, whatever happens to this process. Does nothing on Windows.
 *
 * Deno opens files so that child processes do not inherit them, but it does not close what they do
 * inherit. `dup(2)` makes a duplicate that is inherited, and the duplicate is the same open file.
 *
 * @throws {Deno.errors.NotCapable} Without `--allow-all`, which Deno needs to list `/dev/fd`.
 */
export function letInherit(file: File): Disposable {
  if (LIBC === undefined) return { [Symbol.dispose]() {} };
  const files = currentFiles();
  // An open file with the same identity may be another one. It holds no lock, so it does no harm.
  const originals = (files.list(DESCRIPTORS) ?? [])
    .filter((name) => files.fileId(`${DESCRIPTORS}/${name}`) === file.fileId);
  const libc = Deno.dlopen(LIBC, { dup: NUMBER_TO_NUMBER, close: NUMBER_TO_NUMBER });
  const { dup, close } = libc.symbols;
  const duplicates = originals.map((name) => dup(Number(name)));
  const dispose = () => {
    for (const fd of duplicates) if (fd >= 0) close(fd);
    libc.close();
  };
  if (duplicates.length === 0 || duplicates.includes(-1)) {
    dispose();
    throw new Fault(`Cannot hand on the lock on "${file.path}": the system refuses a duplicate`);
  }
  return { [Symbol.dispose]: dispose };
}
