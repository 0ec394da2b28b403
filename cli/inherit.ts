/**
 * An open file that programs inherit which this one starts. A lock belongs to the open file, so it
 * lasts until all of them have ended, whatever becomes of this process.
 *
 * Deno opens files so that programs do not inherit them, but leaves alone what they do inherit. A
 * duplicate that `dup(2)` makes is inherited; it is the same open file.
 *
 * @module
 */

import type { File } from "../engine/system/file.ts";
import { Fault } from "./errors.ts";
import { LIBC } from "./libc.ts";
import { currentFiles } from "../engine/system/deno_file.ts";

/** The open files of this process, by their numbers. */
const DESCRIPTORS = "/dev/fd";

/** `dup(2)` and `close(2)`, which take a number and give one. */
const NUMBER_TO_NUMBER = { parameters: ["i32"], result: "i32" } as const;

/**
 * Until it is disposed of, programs that are started inherit an open file. Windows has no such thing.
 *
 * @throws {Deno.errors.NotCapable} Without `--allow-all`, which Deno asks for to look at `/dev/fd`.
 */
export function letInherit(file: File): Disposable {
  if (LIBC === undefined) return { [Symbol.dispose]() {} };
  const files = currentFiles();
  // Another open file of the same identity holds no lock: to hand it on changes nothing.
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
