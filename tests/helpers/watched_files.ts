/**
 * The real file system, with what happens to it counted, and syncs that a test
 * can hold up or make fail.
 *
 * @module
 */
import type { File, Files } from "../../engine/system/file.ts";
import { denoFiles } from "../../engine/system/deno_file.ts";

/** Files that count. */
export interface WatchedFiles extends Files {
  /** Syncs of files so far. */
  syncs: number;
  /** Reads of files so far. */
  reads: number;
  /** Writes to files so far. */
  writes: number;
  /** Files that are open. */
  readonly opened: Set<string>;
  /** Called before each sync, and awaited where that can be done; may throw. */
  beforeSync: (path: string) => Promise<void> | void;
  /** Called before each read; may throw. */
  beforeRead: (path: string) => void;
  /** Called before each write; may throw. */
  beforeWrite: (path: string) => void;
}

/** A new layer; handles on two of them exclude each other like two processes. */
export function watchFiles(): WatchedFiles {
  const watch: WatchedFiles = {
    ...denoFiles,
    syncs: 0,
    reads: 0,
    writes: 0,
    opened: new Set(),
    beforeSync: () => {},
    beforeRead: () => {},
    beforeWrite: () => {},
    open: (path, mode) => watched(watch, denoFiles.open(path, mode)),
  };
  return watch;
}

let count = 0;

function watched(watch: WatchedFiles, file: File): File {
  const name = `${file.path}#${count++}`;
  watch.opened.add(name);
  return {
    path: file.path,
    get fileId() {
      return file.fileId;
    },
    size: () => file.size(),
    readAt(into, at) {
      watch.beforeRead(file.path);
      watch.reads++;
      return file.readAt(into, at);
    },
    writeAt(bytes, at) {
      watch.beforeWrite(file.path);
      watch.writes++;
      file.writeAt(bytes, at);
    },
    async sync() {
      watch.syncs++;
      await watch.beforeSync(file.path);
      await file.sync();
    },
    syncSync() {
      watch.syncs++;
      void watch.beforeSync(file.path);
      file.syncSync();
    },
    lock: () => file.lock(),
    lockSync: () => file.lockSync(),
    tryLock: (shared) => file.tryLock(shared),
    unlock: () => file.unlock(),
    close() {
      watch.opened.delete(name);
      file.close();
    },
    [Symbol.dispose]() {
      this.close();
    },
  };
}
