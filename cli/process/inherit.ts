/**
 * An open file that child processes inherit. A lock belongs to the open file, so it lasts until all
 * of them have ended, whatever happens to this process.
 *
 * Deno opens files so that child processes do not inherit them, but it does not close what they do
 * inherit. `dup(2)` makes a duplicate that is inherited, and the duplicate is the same open file.
 *
 * @module
 */

import { currentFiles } from "../../engine/system/deno_file.ts";
import type { File } from "../../engine/system/file.ts";
import { Fault } from "./errors.ts";
import { LIBC } from "./libc.ts";

/** The open files of this process, by their numbers. */
const DESCRIPTORS = "/dev/fd";

/** The signature of `dup(2)` and `close(2)`. */
const NUMBER_TO_NUMBER = { parameters: ["i32"], result: "i32" } as const;

/**
 * Until disposed of, child processes inherit an open file. Does nothing on Windows.
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
