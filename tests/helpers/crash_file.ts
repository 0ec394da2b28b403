/**
 * A disk in memory, with processes on it that can be killed, power that can be
 * cut, and operations that can fail.
 *
 * What is durable follows the model of the protocol: each sector that was written
 * since the last sync of its file may hold, after a power cut, any value that it had
 * since, each on its own; so may the size of the file and each directory entry. Where a
 * file grew, and what was written did not get to the disk, there are zeros, noise, or
 * what another file left there. A sync that fails marks all sectors clean, kept or
 * dropped, and is told once to each open file (Linux, from 4.17).
 *
 * @module
 */

import { type File, type Files, type OpenMode, removeQuietly } from "../../engine/system/file.ts";

/** The unit that is written whole or not at all. */
export const SECTOR = 512;

/** Random numbers from 0 to 1, the same for the same seed (mulberry32). */
export function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Chooses one of the values that something had since the last sync: the first is the
 * durable one. Of a sector of a file it is told the number.
 */
export type Choose = <T>(values: readonly T[], sector?: number) => T;

/** What a power cut leaves: only what was synced. */
export const OLDEST: Choose = (values) => values[0]!;
/** What a power cut leaves: all that was written. */
export const NEWEST: Choose = (values) => values.at(-1)!;
/** What a power cut leaves: anything, the newest value with a chance drawn first. */
export function anyOf(next: () => number): Choose {
  const chance = next();
  return (values) => next() < chance ? values.at(-1)! : values[Math.floor(next() * values.length)]!;
}

/** A sector of a file that grew, which was not written before the power was cut. */
type Fill = (sector: number) => Uint8Array;

const ZEROS: Fill = () => new Uint8Array(SECTOR);
const NOISE: Fill = (i) => new Uint8Array(SECTOR).map((_, at) => at * 167 + i * 59 + 13);

class Inode {
  bytes = new Uint8Array(0);
  size = 0;
  /** Values of each sector since the last sync, the durable one first. */
  dirty = new Map<number, Uint8Array[]>();
  /** What is on disk of sectors that a failed sync left clean in the cache: no sync writes them. */
  lost = new Map<number, Uint8Array>();
  /** Sizes since the last sync, likewise. */
  sizes: number[] = [0];
  /** Counts failed syncs, and whether the last was told to anybody. */
  errors = 0;
  told = true;
  /** Who holds the lock: one, or several that share it. */
  holders = new Set<CrashFile>();
  shared = false;
  waiting: (() => void)[] = [];

  constructor(readonly id: number) {}

  clone(): Inode {
    const copy = new Inode(this.id);
    copy.bytes = this.bytes.slice(0, this.size);
    copy.size = this.size;
    copy.dirty = new Map(Array.from(this.dirty, ([at, values]) => [at, values.slice()]));
    copy.lost = new Map(this.lost);
    copy.sizes = this.sizes.slice();
    copy.errors = this.errors;
    copy.told = this.told;
    return copy;
  }

  resize(size: number): void {
    if (size > this.bytes.length) {
      const larger = new Uint8Array(Math.max(size, this.bytes.length * 2));
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.size = size;
  }

  sector(i: number): Uint8Array {
    const sector = new Uint8Array(SECTOR);
    sector.set(this.bytes.subarray(i * SECTOR, Math.min((i + 1) * SECTOR, this.size)));
    return sector;
  }

  write(bytes: Uint8Array, at: number): void {
    const first = Math.floor(at / SECTOR);
    const last = Math.ceil((at + bytes.length) / SECTOR);
    for (let i = first; i < last; i++) {
      if (!this.dirty.has(i)) this.dirty.set(i, [this.lost.get(i) ?? this.sector(i)]);
    }
    const size = Math.max(this.size, at + bytes.length);
    if (size !== this.size) this.sizes.push(size);
    this.resize(size);
    this.bytes.set(bytes, at);
    for (let i = first; i < last; i++) this.dirty.get(i)!.push(this.sector(i));
  }

  /** Of sectors that were written once more than they should have been. */
  unwrite(at: number, length: number, size: number): void {
    for (let i = Math.floor(at / SECTOR); i < Math.ceil((at + length) / SECTOR); i++) {
      this.dirty.get(i)!.pop();
    }
    if (size !== this.size) this.sizes.pop();
    this.bytes.fill(0, size);
    this.size = size;
  }

  /**
   * Each sector, and the size, has one of the values that it had since the last sync.
   *
   * @param stale What other files left on the disk.
   */
  settle(choose: Choose, stale: Fill): void {
    const grown = Math.ceil(this.sizes[0]! / SECTOR);
    const size = choose(this.sizes);
    // One sector, as of the identity, comes with its size, or there are zeros.
    const fill = size > Math.max(grown, 1) * SECTOR ? choose([ZEROS, NOISE, stale]) : ZEROS;
    this.resize(Math.max(...this.sizes));
    for (const [i, value] of this.lost) this.put(i, value);
    for (const [i, [durable, ...later]] of this.dirty) {
      if (i * SECTOR < size) this.put(i, choose([i < grown ? durable! : fill(i), ...later], i));
    }
    this.bytes.fill(0, size);
    this.size = size;
    this.lost.clear();
    this.dirty.clear();
    this.sizes = [size];
  }

  put(i: number, sector: Uint8Array): void {
    this.bytes.set(sector.subarray(0, Math.max(0, this.size - i * SECTOR)), i * SECTOR);
  }

  /** Writes back, or fails to: then the error is told to each open file once. */
  flush(fault: "kept" | "dropped" | undefined): void {
    for (const [i, values] of this.dirty) {
      if (fault === "kept") this.lost.set(i, values[0]!);
      else this.lost.delete(i);
      if (fault === "dropped") this.put(i, values[0]!);
    }
    this.dirty.clear();
    if (fault === undefined) {
      this.sizes = [this.size];
    } else {
      this.errors++;
      this.told = false;
    }
  }
}

class Dir {
  /** Entries since the last sync, by name, the durable one first. */
  entries = new Map<string, (Inode | Dir | undefined)[]>();

  get(name: string): Inode | Dir | undefined {
    return this.entries.get(name)?.at(-1);
  }

  set(name: string, node: Inode | Dir | undefined): void {
    const values = this.entries.get(name) ?? [undefined];
    values.push(node);
    this.entries.set(name, values);
  }

  settle(choose: Choose): void {
    for (const [name, values] of this.entries) {
      const node = choose(values);
      if (node === undefined) this.entries.delete(name);
      else this.entries.set(name, [node]);
    }
  }

  clone(known: Map<Inode | Dir, Inode | Dir>): Dir {
    const copy = new Dir();
    const cloned = (node: Inode | Dir | undefined) => {
      if (node === undefined) return undefined;
      let twin = known.get(node);
      if (twin === undefined) known.set(node, twin = node.clone(known));
      return twin;
    };
    for (const [name, values] of this.entries) copy.entries.set(name, values.map(cloned));
    return copy;
  }
}

/** An operation on the disk. */
export interface Operation {
  /** Its name, as in `Files` and `File`. */
  readonly name: string;
  /** What it is done to. */
  readonly path: string;
}

/** How an operation fails. */
export interface Fault {
  /** The error that is thrown. */
  readonly error: Error;
  /** Of a write: how many bytes get through. */
  readonly written?: number;
  /** Of a sync: whether the sectors that it lost stay in the cache. */
  readonly pages?: "kept" | "dropped";
}

/** The error that Linux gives where the disk is full. */
export function noSpace(): Error {
  return new Deno.errors.WriteZero("No space left on device (os error 28)");
}

/** The error that Linux gives where the disk fails. */
export function ioError(): Error {
  return new Error("Input/output error (os error 5)");
}

/** A disk, and what the kernel has of it in memory. */
export class Disk {
  /** Asked before each operation; a fault makes it fail, what it throws keeps it from being done. */
  before: (operation: Operation) => Fault | undefined | void = () => {};
  /** Told after each operation that changed something. */
  after: (operation: Operation) => void = () => {};
  /** Awaited by an asynchronous sync between its work and the telling. */
  told: (path: string) => Promise<void> | void = () => {};
  /** Told of the path of what changed. */
  readonly watchers = new Set<(path: string) => void>();
  #root = new Dir();
  #inodes = 0;
  #last: { inode: Inode; at: number; was: Uint8Array; is: Uint8Array; size: number } | undefined;

  /** A process that works on this disk. */
  process(): CrashFiles {
    return new CrashFiles(this);
  }

  /** What is there when all processes were killed. */
  killed(): Disk {
    const copy = new Disk();
    const known = new Map<Inode | Dir, Inode | Dir>();
    copy.#root = this.#root.clone(known);
    copy.#inodes = this.#inodes;
    if (this.#last !== undefined) {
      const inode = known.get(this.#last.inode);
      if (inode instanceof Inode) copy.#last = { ...this.#last, inode };
    }
    return copy;
  }

  /** What is there when they were killed while the last write had written so many bytes. */
  torn(bytes: number): Disk {
    const copy = this.killed();
    const { inode, at, was, is, size } = copy.#last!;
    inode.bytes.set(was, at);
    inode.unwrite(at, is.length, size);
    copy.#last = undefined;
    if (bytes > 0) inode.write(is.subarray(0, bytes), at);
    return copy;
  }

  /** What is there after a power cut. */
  cut(choose: Choose): Disk {
    const copy = this.killed();
    copy.#last = undefined;
    const others = this.#files();
    const settle = (dir: Dir) => {
      dir.settle(choose);
      for (const [node] of dir.entries.values()) {
        if (node instanceof Dir) settle(node);
        else {
          const { id } = node!;
          node!.settle(choose, (i) => {
            const other = others.find((one) => one.id !== id && one.size > i * SECTOR);
            return other?.sector(i) ?? NOISE(i);
          });
        }
      }
    };
    settle(copy.#root);
    return copy;
  }

  /** Length of the last write, 0 if the last operation was none. */
  get lastWrite(): number {
    return this.#last?.is.length ?? 0;
  }

  /** Changes a byte of a file, durably: bit rot. */
  flip(path: string, at: number): void {
    const inode = this.inode(path);
    inode.bytes[at]! ^= 0x40;
    for (const value of inode.dirty.get(Math.floor(at / SECTOR)) ?? []) value[at % SECTOR]! ^= 0x40;
  }

  /** All names with the bytes behind them; of directories with none. */
  image(): Map<string, Uint8Array> {
    const image = new Map<string, Uint8Array>();
    const add = (dir: Dir, path: string) => {
      for (const [name, values] of dir.entries) {
        const node = values.at(-1);
        if (node === undefined) continue;
        const isDir = node instanceof Dir;
        image.set(`${path}/${name}`, isDir ? new Uint8Array() : node.bytes.slice(0, node.size));
        if (isDir) add(node, `${path}/${name}`);
      }
    };
    add(this.#root, "");
    return new Map([...image].sort(([a], [b]) => a < b ? -1 : 1));
  }

  /** All files, also those that are gone but may come back. */
  #files(): Inode[] {
    const found = new Set<Inode>();
    const add = (dir: Dir) => {
      for (const node of [...dir.entries.values()].flat()) {
        if (node instanceof Dir) add(node);
        else if (node !== undefined) found.add(node);
      }
    };
    add(this.#root);
    return [...found];
  }

  // ------------------------------------------------------------- for the files on it

  /** @internal */
  dir(path: string): Dir | undefined {
    let dir: Inode | Dir | undefined = this.#root;
    for (const name of path.split("/").filter((name) => name !== "")) {
      dir = dir instanceof Dir ? dir.get(name) : undefined;
    }
    return dir instanceof Dir ? dir : undefined;
  }

  /** @internal */
  place(path: string): { dir: Dir; name: string } {
    const at = path.lastIndexOf("/");
    const dir = this.dir(path.slice(0, at));
    if (dir === undefined) throw notFound(path);
    return { dir, name: path.slice(at + 1) };
  }

  /** @internal */
  inode(path: string): Inode {
    const { dir, name } = this.place(path);
    const node = dir.get(name);
    if (!(node instanceof Inode)) throw notFound(path);
    return node;
  }

  /** @internal */
  newInode(): Inode {
    return new Inode(++this.#inodes);
  }

  /** @internal An operation: fails if it is told to, else is told of when it is done. */
  run<T>(
    name: string,
    path: string,
    changes: boolean | (() => boolean),
    work: (fault?: Fault) => T,
  ): T {
    const fault = this.before({ name, path }) ?? undefined;
    if (fault !== undefined && name !== "sync" && fault.written === undefined) {
      // As Deno does for names, and the seam for what is read.
      if (name !== "writeAt") fault.error.message += `: '${path}'`;
      throw fault.error;
    }
    // Only now: others may have come in between.
    const isChange = typeof changes === "boolean" ? changes : changes();
    if (isChange) this.#last = undefined;
    const result = work(fault);
    if (!isChange) return result;
    for (const watcher of this.watchers) watcher(path);
    this.after({ name, path });
    return result;
  }

  /** @internal */
  write(inode: Inode, bytes: Uint8Array, at: number, fault: Fault | undefined): void {
    const is = bytes.slice(0, fault?.written);
    const was = new Uint8Array(is.length);
    was.set(inode.bytes.subarray(at, Math.min(at + is.length, inode.size)));
    const { size } = inode;
    inode.write(is, at);
    this.#last = { inode, at, was, is, size };
    if (fault !== undefined) throw fault.error;
  }
}

function notFound(path: string): Error {
  return new Deno.errors.NotFound(`No such file or directory (os error 2): "${path}"`);
}

/** The file system as one process sees it. */
export class CrashFiles implements Files {
  /** Files that are open. */
  readonly opened = new Set<CrashFile>();

  readonly #disk: Disk;
  #killed = false;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** The disk that it works on, while it lives. */
  get disk(): Disk {
    if (this.#killed) throw new Error("this process was killed");
    return this.#disk;
  }

  /** Ends the process: its locks are free, its files closed, nothing that it goes on with happens. */
  kill(): void {
    this.#killed = true;
    for (const file of this.opened) file.close();
  }

  open(path: string, mode: OpenMode): File {
    const node = () => {
      const { dir, name } = this.disk.place(path);
      return dir.get(name);
    };
    return this.disk.run("open", path, () => !(node() instanceof Inode), () => {
      const isNew = !(node() instanceof Inode);
      if (isNew && (mode === "read" || mode === "write")) throw notFound(path);
      if (!isNew && mode === "createNew") throw new Deno.errors.AlreadyExists(path);
      const { dir, name } = this.disk.place(path);
      if (isNew) dir.set(name, this.disk.newInode());
      return new CrashFile(this, path, this.disk.inode(path), mode === "read");
    });
  }

  fileId(path: string): string | undefined {
    const at = path.lastIndexOf("/");
    const name = path.slice(at + 1);
    const node = this.disk.dir(path.slice(0, at))?.get(name);
    return node instanceof Inode ? `crash:${node.id}` : node && `crash:${name}`;
  }

  realPath(path: string): string {
    if (this.fileId(path) === undefined) throw notFound(path);
    return path;
  }

  list(path: string): string[] | undefined {
    return this.disk.run("list", path, false, () => {
      const dir = this.disk.dir(path);
      return dir && [...dir.entries.keys()].filter((name) => dir.get(name) !== undefined);
    });
  }

  makeDir(path: string): boolean {
    return this.#entry("makeDir", path, ({ dir, name }) => {
      if (dir.get(name) !== undefined) return false;
      dir.set(name, new Dir());
      return true;
    });
  }

  removeDir(path: string): void {
    this.#entry("removeDir", path, ({ dir, name }) => {
      const entries = this.disk.dir(path)?.entries.values() ?? [];
      if (Array.from(entries).some((values) => values.at(-1) !== undefined)) {
        throw new Error(`Directory not empty: "${path}"`);
      }
      dir.set(name, undefined);
    });
  }

  /** Changes an entry of a directory, as it is when nobody comes in between any more. */
  #entry<T>(name: string, path: string, change: (place: { dir: Dir; name: string }) => T): T {
    return this.disk.run(name, path, true, () => change(this.disk.place(path)));
  }

  rename(from: string, to: string): void {
    this.disk.run("rename", to, true, () => {
      const inode = this.disk.inode(from);
      const target = this.disk.place(to);
      const source = this.disk.place(from);
      target.dir.set(target.name, inode);
      source.dir.set(source.name, undefined);
    });
  }

  remove(path: string): boolean {
    return this.#entry("remove", path, ({ dir, name }) => {
      if (dir.get(name) === undefined) return false;
      dir.set(name, undefined);
      return true;
    });
  }

  discard(path: string): Promise<void> {
    removeQuietly(this, path);
    return Promise.resolve();
  }

  syncDir(path: string): void {
    this.disk.run("syncDir", path, true, () => this.disk.dir(path)!.settle(NEWEST));
  }

  watch(dir: string, onChange: () => void): Disposable {
    const { watchers } = this.disk;
    const watcher = (path: string) => {
      if (path.startsWith(`${dir}/`)) onChange();
    };
    watchers.add(watcher);
    return { [Symbol.dispose]: () => void watchers.delete(watcher) };
  }
}

class CrashFile implements File {
  readonly path: string;
  readonly #files: CrashFiles;
  readonly #inode: Inode;
  readonly #readOnly: boolean;
  /** How many failed syncs this open file was told of. */
  #sample: number;

  constructor(files: CrashFiles, path: string, inode: Inode, readOnly: boolean) {
    this.path = path;
    this.#files = files;
    this.#inode = inode;
    this.#readOnly = readOnly;
    this.#sample = inode.told ? inode.errors : inode.errors - 1;
    files.opened.add(this);
  }

  #run<T>(name: string, changes: boolean, work: (fault?: Fault) => T): T {
    if (!this.#files.opened.has(this)) throw new Deno.errors.BadResource("Bad resource ID");
    return this.#files.disk.run(name, this.path, changes, work);
  }

  get fileId(): string {
    return `crash:${this.#inode.id}`;
  }

  size(): number {
    return this.#run("size", false, () => this.#inode.size);
  }

  readAt(into: Uint8Array, at: number): number {
    return this.#run("readAt", false, () => {
      const bytes = this.#inode.bytes.subarray(at, Math.min(at + into.length, this.#inode.size));
      into.set(bytes);
      return bytes.length;
    });
  }

  writeAt(bytes: Uint8Array, at: number): void {
    if (this.#readOnly) throw new Deno.errors.PermissionDenied("Bad file descriptor (os error 9)");
    this.#run("writeAt", true, (fault) => this.#files.disk.write(this.#inode, bytes, at, fault));
  }

  #flush(): Error | undefined {
    return this.#run("sync", true, (fault) => {
      this.#inode.flush(fault && (fault.pages ?? "kept"));
      if (this.#sample === this.#inode.errors) return undefined;
      this.#sample = this.#inode.errors;
      this.#inode.told = true;
      return fault?.error ?? ioError();
    });
  }

  async sync(): Promise<void> {
    const error = this.#flush();
    await this.#files.disk.told(this.path);
    if (error !== undefined) throw error;
  }

  syncSync(): void {
    const error = this.#flush();
    if (error !== undefined) throw error;
  }

  async lock(): Promise<void> {
    while (!this.tryLock()) {
      await new Promise<void>((resolve) => this.#inode.waiting.push(resolve));
    }
  }

  lockSync(): void {
    if (!this.tryLock()) throw new Error(`waiting for "${this.path}" would never end`);
  }

  tryLock(shared = false): boolean {
    return this.#run("tryLock", false, () => {
      const { holders } = this.#inode;
      const others = holders.size > (holders.has(this) ? 1 : 0);
      if (others && !(shared && this.#inode.shared)) return false;
      holders.add(this);
      this.#inode.shared = shared;
      return true;
    });
  }

  unlock(): void {
    if (!this.#inode.holders.delete(this)) return;
    for (const wake of this.#inode.waiting.splice(0)) wake();
  }

  close(): void {
    this.unlock();
    this.#files.opened.delete(this);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
