/**
 * The file system through Deno: the one implementation of the seam in file.ts, and the only file of
 * psbase that calls Deno's file API.
 *
 * @module
 */

import type { File, Files, OpenMode } from "./file.ts";
import { ClosedError, CorruptionError } from "./errors.ts";

// Without tryLockSync, create would make a table that no process can lock.
if (Deno.FsFile.prototype.tryLockSync === undefined) {
  throw new Error(`Cannot load psbase: this is Deno ${Deno.version.deno}, it needs 2.7 or newer`);
}

function identityOf(info: Deno.FileInfo): string {
  return `${info.dev}:${info.ino}`;
}

class DenoFile implements File {
  readonly path: string;
  readonly #file: Deno.FsFile;
  #identity: string | undefined;
  #closed = false;

  constructor(path: string, file: Deno.FsFile) {
    this.path = path;
    this.#file = file;
  }

  get fileId(): string {
    return this.#identity ??= this.#call("stat", () => identityOf(this.#file.statSync()));
  }

  size(): number {
    return this.#call("seek", () => this.#file.seekSync(0, Deno.SeekMode.End));
  }

  readAt(into: Uint8Array, at: number): number {
    return this.#call("read", () => {
      this.#file.seekSync(at, Deno.SeekMode.Start);
      let done = this.#file.readSync(into) ?? 0;
      while (done < into.length) {
        const n = this.#file.readSync(into.subarray(done));
        if (n === null) break;
        done += n;
      }
      return done;
    });
  }

  writeAt(bytes: Uint8Array, at: number): void {
    this.#file.seekSync(at, Deno.SeekMode.Start);
    let done = 0;
    while (done < bytes.length) {
      done += this.#file.writeSync(done === 0 ? bytes : bytes.subarray(done));
    }
  }

  sync(): Promise<void> {
    return this.#file.syncData();
  }

  syncSync(): void {
    this.#file.syncDataSync();
  }

  async lock(): Promise<void> {
    try {
      await this.#file.lock(true);
    } catch (error) {
      throw this.#named("lock", error);
    }
  }

  lockSync(): void {
    this.#call("lock", () => this.#file.lockSync(true));
  }

  tryLock(shared = false): boolean {
    return this.#call("lock", () => this.#file.tryLockSync(!shared));
  }

  unlock(): void {
    if (this.#closed) return;
    try {
      this.#file.unlockSync();
    } catch {
      // The work under the lock is done, and the next unlock or close releases the lock.
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #call<T>(act: string, fn: () => T): T {
    try {
      return fn();
    } catch (error) {
      throw this.#named(act, error);
    }
  }

  /** Adds the path: Deno names it only in calls that are given one. Callers that write name it. */
  #named(act: string, error: unknown): unknown {
    // A function of the user closed the handle while the caller of that function still reads.
    if (this.#closed) return new ClosedError(`Cannot ${act} "${this.path}": its handle was closed`);
    if (error instanceof Error) error.message += `: ${act} '${this.path}'`;
    return error;
  }
}

const OPEN_OPTIONS: Record<OpenMode, Deno.OpenOptions> = {
  read: { read: true },
  write: { read: true, write: true },
  create: { read: true, write: true, create: true },
  createNew: { read: true, write: true, createNew: true },
  lock: { read: true, write: true, create: true },
};

/** How often to call a watcher if the system does not report changes. */
const POLL_MS = 50;

/** The same if it does: it can lose track of a directory, for instance when that is removed. */
const SELDOM_MS = 1000;

/** Runs `fn`; gives `absent` if the file does not exist, or symbolic links lead in a circle. */
function unless<T, U>(absent: U, fn: () => T): T | U {
  try {
    return fn();
  } catch (error) {
    const { NotFound, FilesystemLoop } = Deno.errors;
    if (error instanceof NotFound || error instanceof FilesystemLoop) return absent;
    throw error;
  }
}

function isLink(path: string): boolean {
  return unless(false, () => Deno.lstatSync(path).isSymlink);
}

/** Whether the path is a symbolic link that leads nowhere. */
function isDangling(path: string): boolean {
  return isLink(path) && unless(undefined, () => Deno.statSync(path)) === undefined;
}

/** Opens a lock file; a file that cannot be written to can still be locked. */
function openLock(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, OPEN_OPTIONS.lock);
  } catch (error) {
    const { IsADirectory, PermissionDenied } = Deno.errors;
    if (!(error instanceof IsADirectory || error instanceof PermissionDenied)) throw error;
    try {
      return Deno.openSync(path, OPEN_OPTIONS.read);
    } catch {
      throw error;
    }
  }
}

/** Opens the file at the path without following a symbolic link; Deno has no O_NOFOLLOW. */
function openFile(path: string, mode: "read" | "write" | "create", like?: string): DenoFile {
  for (;;) {
    try {
      const there = Deno.lstatSync(path);
      if (!there.isFile) {
        throw new CorruptionError(
          path,
          0,
          `it is ${there.isSymlink ? "a symbolic link" : "no file"}`,
        );
      }
      const options = OPEN_OPTIONS[mode === "create" ? "write" : mode];
      using opened = new DisposableStack();
      const file = opened.use(new DenoFile(path, Deno.openSync(path, options)));
      // Otherwise the file was replaced meanwhile.
      if (file.fileId === identityOf(there)) {
        opened.move();
        return file;
      }
    } catch (error) {
      if (mode !== "create" || !(error instanceof Deno.errors.NotFound)) throw error;
      try {
        return makeFile(path, like);
      } catch (error) {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      }
    }
  }
}

/** Makes a file; the system follows no symbolic link then. */
function makeFile(path: string, like: string | undefined): DenoFile {
  const model = like === undefined ? undefined : unless(undefined, () => Deno.statSync(like));
  // Private at first: a process that has opened the file once can read all later writes.
  const options = model === undefined ? {} : { mode: 0o600 };
  const file = Deno.openSync(path, { ...OPEN_OPTIONS.createNew, ...options });
  try {
    if (model) takeAfter(path, file.statSync(), model);
    return new DenoFile(path, file);
  } catch (error) {
    file.close();
    Deno.removeSync(path);
    throw error;
  }
}

/** Gives a file that is still empty the owner, group and mode of another one. */
function takeAfter(path: string, is: Deno.FileInfo, like: Deno.FileInfo): void {
  if (is.mode === null || like.mode === null) return; // Windows: the directory sets permissions.
  let ours = is.gid === like.gid;
  if (!ours || is.uid !== like.uid) {
    // Only root can change the owner. Others can still set a group that they are in.
    for (const uid of [like.uid, null]) {
      try {
        Deno.chownSync(path, uid, like.gid);
        ours = true;
        break;
      } catch (error) {
        if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
      }
    }
  }
  // The members of another group are unknown: it and all others get what the model gives to both.
  const all = like.mode & (like.mode >> 3) & 0o007;
  const mode = ours ? like.mode & 0o777 : (like.mode & 0o700) | (all << 3) | all;
  if (mode !== (is.mode & 0o777)) Deno.chmodSync(path, mode);
}

/** The file system, through Deno. */
export const denoFiles: Files = {
  open(path, mode, like) {
    if (mode === "createNew") return makeFile(path, like);
    if (mode === "lock") return new DenoFile(path, openLock(path));
    return openFile(path, mode, like);
  },
  fileId: (path) => unless(undefined, () => identityOf(Deno.statSync(path))),
  realPath: (path) => Deno.realPathSync(path),
  list: (dir) => unless(undefined, () => Array.from(Deno.readDirSync(dir), (entry) => entry.name)),
  makeDir(path) {
    try {
      Deno.mkdirSync(path);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists && !isDangling(path)) return false;
      throw error;
    }
  },
  removeDir(path) {
    // Deno would remove the link, whatever its directory contains.
    if (isLink(path)) throw new Deno.errors.NotADirectory(`a symbolic link: rmdir '${path}'`);
    Deno.removeSync(path);
  },
  rename: (from, to) => Deno.renameSync(from, to),
  remove: (path) =>
    unless(false, () => {
      Deno.removeSync(path);
      return true;
    }),
  discard: (path) => Deno.remove(path).catch(() => {}),
  syncDir(path) {
    // Windows has no handle of a directory that could be flushed.
    if (Deno.build.os === "windows") return;
    using dir = Deno.openSync(path);
    dir.syncSync();
  },
  watch(dir, onChange) {
    let watcher: Deno.FsWatcher | undefined;
    try {
      watcher = Deno.watchFs(dir, { recursive: false });
    } catch {
      // The system has no watchers left, or none for this file system.
    }
    const listen = async () => {
      for await (const { kind } of watcher ?? []) if (kind !== "access") onChange();
    };
    // The timer makes up for changes that the watcher fails to report.
    listen().catch(() => {});
    const timer = setInterval(onChange, watcher === undefined ? POLL_MS : SELDOM_MS);
    return {
      [Symbol.dispose]() {
        clearInterval(timer);
        watcher?.close();
      },
    };
  },
};

/** The working directory; `undefined` if it was removed, or may not be read. */
export function currentDir(): string | undefined {
  try {
    return Deno.cwd();
  } catch {
    return undefined;
  }
}

let current = denoFiles;

/** The file system for tables that are opened now: {@linkcode denoFiles}, except in tests. */
export function currentFiles(): Files {
  return current;
}

/** Tests only: tables that `fn` opens work on `files`. */
export function withFiles<T>(files: Files, fn: () => T): T {
  const before = current;
  current = files;
  try {
    return fn();
  } finally {
    current = before;
  }
}
