/**
 * engine/system/deno_file.ts
 *
 * @module
 */

import type { File, Files, OpenMode } from "./file.ts";
import { ClosedError, CorruptionError } from "./errors.ts";

// Without it a table would be made that nobody can lock.
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
    try {
      return this.#identity ??= identityOf(this.#file.statSync());
    } catch (error) {
      throw this.#named("stat", error);
    }
  }

  size(): number {
    try {
      return this.#file.seekSync(0, Deno.SeekMode.End);
    } catch (error) {
      throw this.#named("seek", error);
    }
  }

  readAt(into: Uint8Array, at: number): number {
    try {
      this.#file.seekSync(at, Deno.SeekMode.Start);
      let done = this.#file.readSync(into) ?? 0;
      while (done < into.length) {
        const n = this.#file.readSync(into.subarray(done));
        if (n === null) break;
        done += n;
      }
      return done;
    } catch (error) {
      throw this.#named("read", error);
    }
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
    try {
      this.#file.lockSync(true);
    } catch (error) {
      throw this.#named("lock", error);
    }
  }

  tryLock(shared = false): boolean {
    try {
      return this.#file.tryLockSync(!shared);
    } catch (error) {
      throw this.#named("lock", error);
    }
  }

  unlock(): void {
    if (this.#closed) return;
    try {
      this.#file.unlockSync();
    } catch {
      // What was done under the lock is done. The next unlock, or close, lets go.
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

  /** Deno names the path where it is called with one; whoever writes names it himself. */
  #named(act: string, error: unknown): unknown {
    // By a function of a user that something called which still reads.
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

/** How often who waits for a change looks, where the system does not tell of any. */
const POLL_MS = 50;

/** And where it does: what it knows of a directory is lost, now and then, as that is removed. */
const SELDOM_MS = 1000;

/** Runs `fn`; `absent` instead, if nothing is there, or symbolic links that lead in a circle. */
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

/** Whether a symbolic link is there that leads nowhere. */
function isDangling(path: string): boolean {
  return isLink(path) && unless(undefined, () => Deno.statSync(path)) === undefined;
}

/** A file can be locked that cannot be written to. */
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

/** Opens what is at the path itself, and nothing that it could lead to; Deno knows no O_NOFOLLOW. */
function openFile(path: string, mode: "read" | "write" | "create", like?: string): DenoFile {
  for (;;) {
    try {
      const there = Deno.lstatSync(path);
      if (!there.isFile) {
        const what = there.isSymlink ? "a symbolic link" : "no file";
        throw new CorruptionError(path, 0, `there is ${what} in its place`);
      }
      const options = OPEN_OPTIONS[mode === "create" ? "write" : mode];
      const file = new DenoFile(path, Deno.openSync(path, options));
      let isThat = false;
      try {
        isThat = file.fileId === identityOf(there);
        if (isThat) return file;
      } finally {
        // Replaced meanwhile.
        if (!isThat) file.close();
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

/** Makes a file; the system follows no link then. */
function makeFile(path: string, like: string | undefined): DenoFile {
  const other = like === undefined ? undefined : unless(undefined, () => Deno.statSync(like));
  // For nobody else at first: whoever opened it once could read what is written later.
  const options = other === undefined ? {} : { mode: 0o600 };
  const file = Deno.openSync(path, { ...OPEN_OPTIONS.createNew, ...options });
  try {
    if (other) takeAfter(path, file.statSync(), other);
    return new DenoFile(path, file);
  } catch (error) {
    file.close();
    Deno.removeSync(path);
    throw error;
  }
}

/** Gives a file that is still empty to whom another belongs. */
function takeAfter(path: string, is: Deno.FileInfo, like: Deno.FileInfo): void {
  if (is.mode === null || like.mode === null) return; // Windows, where the directory says who may
  let ours = is.gid === like.gid;
  if (!ours || is.uid !== like.uid) {
    // Only root gives files away; a group of one's own may be given to anybody.
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
  // Who is in which group is not known: where that is another one, all may what each might.
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
    // Deno would remove the link, whatever the directory holds.
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
    // Windows has no handle to a directory that could be flushed.
    if (Deno.build.os === "windows") return;
    using dir = Deno.openSync(path);
    dir.syncSync();
  },
  watch(dir, onChange) {
    let watcher: Deno.FsWatcher | undefined;
    try {
      watcher = Deno.watchFs(dir, { recursive: false });
    } catch {
      // It has no more watchers to give out, or none for this file system.
    }
    const listen = async () => {
      for await (const { kind } of watcher ?? []) if (kind !== "access") onChange();
    };
    // What it fails to tell of is seen by the next look.
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

/** Where relative paths begin; `undefined` if that directory was removed, or may not be known. */
export function currentDir(): string | undefined {
  try {
    return Deno.cwd();
  } catch {
    return undefined;
  }
}

let current = denoFiles;

/** The files that a base opened now works on: {@linkcode denoFiles}, but in tests. */
export function currentFiles(): Files {
  return current;
}

/** Tests only: what `fn` opens works on `files`. */
export function withFiles<T>(files: Files, fn: () => T): T {
  const before = current;
  current = files;
  try {
    return fn();
  } finally {
    current = before;
  }
}
