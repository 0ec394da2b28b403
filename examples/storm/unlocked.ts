/**
 * The control: a file layer whose locks are always granted and keep nobody out.
 *
 * @module
 */

import type { File, Files } from "../../engine/system/file.ts";
import { denoFiles } from "../../engine/system/deno_file.ts";

function unlocked(file: File): File {
  return {
    path: file.path,
    get fileId() {
      return file.fileId;
    },
    size: () => file.size(),
    readAt: (into, at) => file.readAt(into, at),
    writeAt: (bytes, at) => file.writeAt(bytes, at),
    sync: () => file.sync(),
    syncSync: () => file.syncSync(),
    lock: () => Promise.resolve(),
    lockSync() {},
    tryLock: () => true,
    unlock() {},
    close: () => file.close(),
    [Symbol.dispose]: () => file.close(),
  };
}

/** As the real one, but for the locks. */
export const unlockedFiles: Files = {
  ...denoFiles,
  open: (path, mode) => unlocked(denoFiles.open(path, mode)),
};
