/**
 * The seam: the only file of psbase that calls Deno's file API. Everything
 * above works on {@linkcode Files} and {@linkcode File}, so that tests can put
 * a recording, crashing or failing version in its place.
 *
 * @module
 */

/** An open file, closed when it is disposed. Offsets and sizes are in bytes. */
export interface File extends Disposable {
  /** The path it was opened by, for messages. */
  readonly path: string;
  /** Device and inode: the same for two files exactly if they are one. */
  readonly fileId: string;
  /** How long it is. */
  size(): number;
  /** Reads into all of `into`; returns less than its length only at the end of the file. */
  readAt(into: Uint8Array, at: number): number;
  /** Writes all of `bytes`, or throws. */
  writeAt(bytes: Uint8Array, at: number): void;
  /** Forces data, and what is needed to find it, to the device. */
  sync(): Promise<void>;
  /** As {@linkcode File.sync}, blocking. */
  syncSync(): void;
  /** Waits for the exclusive lock; takes an OS thread while it waits and cannot be called off. */
  lock(): Promise<void>;
  /** As {@linkcode File.lock}, blocking. */
  lockSync(): void;
  /** Takes the lock if it is free or held through this very file. */
  tryLock(shared?: boolean): boolean;
  /** Lets go of the lock, as {@linkcode File.close} does; never throws. */
  unlock(): void;
  /** Closes it; once is enough, twice is harmless. */
  close(): void;
}

/**
 * How to open: `read` only, `write` too, `create` if missing, `createNew` or fail. `lock` is
 * `create` for a lock file that a user named: it may be a symbolic link, what others name may not,
 * and `read` where nobody can write to it, a directory say.
 */
export type OpenMode = "read" | "write" | "create" | "createNew" | "lock";

/** What can be done in directories. */
export interface Files {
  /**
   * Opens a file. One that is made gets owner, group and mode of the file at `like`, if that is
   * given: as far as the system lets it, and never so that others could read it who cannot read
   * that one.
   *
   * @throws {CorruptionError} If there is a symbolic link, or anything else that is no file.
   */
  open(path: string, mode: OpenMode, like?: string): File;
  /** {@linkcode File.fileId} of what is at `path`, `undefined` if there is nothing. */
  fileId(path: string): string | undefined;
  /** The absolute path of what is there, symbolic links followed. */
  realPath(path: string): string;
  /** The names in a directory, `undefined` if there is no such directory. */
  list(dir: string): string[] | undefined;
  /**
   * Makes a directory whose parent exists; `false` if something was there.
   *
   * @throws {Deno.errors.AlreadyExists} If that is a symbolic link that leads nowhere.
   */
  makeDir(path: string): boolean;
  /** Removes an empty directory; of a symbolic link neither the link nor the directory. */
  removeDir(path: string): void;
  /** Renames, in one step also over an existing file. */
  rename(from: string, to: string): void;
  /** Removes a file; `false` if there was none. */
  remove(path: string): boolean;
  /**
   * Removes a file that is of no use any more, in the background, if the system lets it: to free
   * what a large one takes can last longer than a commit.
   */
  discard(path: string): Promise<void>;
  /** Forces a directory's entries to the device. */
  syncDir(path: string): void;
  /** Calls `onChange` soon after something was written to a directory, or to a file in it. */
  watch(dir: string, onChange: () => void): Disposable;
}

/** Removes a file that is of no use any more; Windows may refuse while somebody has it open. */
export function removeQuietly(files: Files, path: string): void {
  try {
    files.remove(path);
  } catch {
    // It is in nobody's way, and the next cleanup tries again.
  }
}
