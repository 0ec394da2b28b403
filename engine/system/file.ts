/**
 * The seam to the file system: the interfaces {@linkcode Files} and {@linkcode File} that the whole
 * engine works on. Only deno_file.ts calls Deno's file API, so that tests can put a recording,
 * crashing or failing implementation in its place.
 *
 * @module
 */

/** An open file, closed when it is disposed. Offsets and sizes are in bytes. */
export interface File extends Disposable {
  /** The path that it was opened by, for messages. */
  readonly path: string;
  /** Device and inode: two open files have the same exactly if they are one file. */
  readonly fileId: string;
  /** Its length. */
  size(): number;
  /** Fills `into`; returns less than its length only at the end of the file. */
  readAt(into: Uint8Array, at: number): number;
  /** Writes all of `bytes`, or throws. */
  writeAt(bytes: Uint8Array, at: number): void;
  /** Forces data, and the metadata needed to find it, to the device. */
  sync(): Promise<void>;
  /** As {@linkcode File.sync}, blocking. */
  syncSync(): void;
  /** Waits for the exclusive lock; the wait takes an OS thread and cannot be cancelled. */
  lock(): Promise<void>;
  /** As {@linkcode File.lock}, blocking. */
  lockSync(): void;
  /** Takes the lock if it is free, or held through this open file. */
  tryLock(shared?: boolean): boolean;
  /** Releases the lock, as {@linkcode File.close} does; never throws. */
  unlock(): void;
  /** Closes the file; a second call does nothing. */
  close(): void;
}

/**
 * How to open a file. `read`: only for reading; `write`: for writing too; `create`: also if it is
 * missing; `createNew`: only if it is missing. `lock` is for a lock file that the user names: as
 * `create`, but it may be a symbolic link, and it is opened as `read` if it cannot be written to (a
 * directory, for instance).
 */
export type OpenMode = "read" | "write" | "create" | "createNew" | "lock";

/** A file system. */
export interface Files {
  /**
   * Opens a file. A new file gets owner, group and mode of the file at `like`, as far as the system
   * permits, and is never readable for anybody who cannot read that file.
   *
   * @throws {CorruptionError} If a symbolic link or anything else but a file is at the path.
   */
  open(path: string, mode: OpenMode, like?: string): File;
  /** The {@linkcode File.fileId} of the file at `path`, `undefined` if there is none. */
  fileId(path: string): string | undefined;
  /** The absolute path, with symbolic links resolved. */
  realPath(path: string): string;
  /** The names in a directory, `undefined` if it does not exist. */
  list(dir: string): string[] | undefined;
  /**
   * Makes a directory whose parent exists; `false` if the path exists already.
   *
   * @throws {Deno.errors.AlreadyExists} If a symbolic link that leads nowhere is at the path.
   */
  makeDir(path: string): boolean;
  /** Removes an empty directory; throws for a symbolic link, and removes nothing. */
  removeDir(path: string): void;
  /** Renames a file atomically, also over an existing one. */
  rename(from: string, to: string): void;
  /** Removes a file; `false` if there was none. */
  remove(path: string): boolean;
  /**
   * Removes an obsolete file in the background; errors are ignored. Freeing a large file can take
   * longer than a commit.
   */
  discard(path: string): Promise<void>;
  /** Forces a directory's entries to the device. */
  syncDir(path: string): void;
  /** Calls `onChange` soon after a write to a directory or to a file in it. */
  watch(dir: string, onChange: () => void): Disposable;
}

/** Opens a file; gives `undefined` if there is none. */
export function openExisting(files: Files, path: string, mode: "read" | "write"): File | undefined {
  try {
    return files.open(path, mode);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Removes an obsolete file, if it can: Windows may refuse while another process has it open. */
export function removeQuietly(files: Files, path: string): void {
  try {
    files.remove(path);
  } catch {
    // The file does no harm, and the next cleanup tries again.
  }
}
