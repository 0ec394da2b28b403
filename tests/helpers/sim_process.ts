/**
 * A simulated process: a program that calls the blocking verbs of the engine, and can be stopped
 * between any two of its file operations while others go on.
 *
 * JavaScript cannot leave a function half done, so a stopped program is given up (the operation
 * that it may not do throws, and so does whatever it tries after that), and run again from its
 * beginning when it may go on: what it did before is then answered from a list of the results,
 * and not done again. That gives the same course, as all that a program sees are these results
 * and random numbers that begin with the same seed. A thread for each process, stopped by
 * `Atomics.wait`, costs 15 µs for each operation, and as much again as the cores are busy
 * otherwise; running again costs some 0.5 ms for each switch, in one thread.
 *
 * @module
 */

import { type File, type Files, type OpenMode, removeQuietly } from "../../engine/system/file.ts";
import type { CrashFiles } from "./crash_file.ts";
import { type Random, randomFrom } from "./random.ts";
import { withFiles } from "../../engine/system/deno_file.ts";

/** An operation that was done, and what came of it. */
interface Done {
  readonly name: string;
  readonly path: string;
  readonly value?: unknown;
  readonly error?: unknown;
}

/** Who decides what processes do. */
export interface Master {
  /** Whether `process` may do this now; if not it is stopped before it. */
  allows(process: Process, name: string, path: string): boolean;
  /** Is told of each operation, and each grant of a lock, just before it. */
  note(process: Process, name: string, path: string): void;
  /** After how many bytes a transfer is overtaken by others; all of it, if it is not. */
  part(path: string, length: number): number;
}

/** Ends a program that was stopped or killed; no file operation of it gets through any more. */
const STOPPED = new Error("this program was stopped");

/** A lock that a process waits for. */
interface Waiting {
  readonly path: string;
  tryLock(): boolean;
}

/** What a program runs on. */
export interface Machine {
  /** Choices, the same whenever the program is run again. */
  readonly random: Random;
  /** Calls `fn` once, however often the program is run again. */
  once(fn: () => void): void;
}

/** What a process does. */
export type Program = (machine: Machine) => void;

/** What makes a process. */
export interface ProcessOptions {
  /** What it is called. */
  readonly name: string;
  /** What its random choices begin with. */
  readonly seed: number;
  /** What it does. */
  readonly program: Program;
  /** The disk as it sees it. */
  readonly files: CrashFiles;
  /** Who decides when it may go on. */
  readonly master: Master;
}

/** A simulated process. */
export class Process {
  /** What it is called. */
  readonly name: string;
  readonly #options: ProcessOptions;
  readonly #done: Done[] = [];
  /** How many calls of {@linkcode Machine.once} were made. */
  #told = 0;
  /** Asks for the lock that it waits for. */
  #waiting: Waiting | undefined;
  #over = false;

  constructor(options: ProcessOptions) {
    this.name = options.name;
    this.#options = options;
  }

  /** Whether it ended or was killed. */
  get over(): boolean {
    return this.#over;
  }

  /** Ends it: its locks are free. */
  kill(): void {
    this.#over = true;
    this.#options.files.kill();
  }

  /**
   * Goes on until it is stopped, has to wait for a lock, or ends.
   *
   * @returns Whether it could: `false` if what it waits for is still locked.
   */
  resume(): boolean {
    const { program, seed, files, master } = this.#options;
    if (this.#waiting !== undefined) {
      const { path } = this.#waiting;
      if (!this.#waiting.tryLock()) return false;
      master.note(this, "granted", path);
      this.#done.push({ name: "lock", path });
    }
    const run = new Run(this, this.#options, this.#done);
    let calls = 0;
    const machine: Machine = {
      random: randomFrom(seed),
      once: (fn) => {
        run.check();
        if (++calls <= this.#told) return;
        this.#told = calls;
        fn();
      },
    };
    try {
      withNonces(randomFrom(~seed), () => withFiles(run, () => program(machine)));
    } catch (error) {
      if (!run.stopped) throw error;
    }
    if (run.diverged !== undefined) throw new Error(run.diverged);
    this.#waiting = run.waiting;
    if (run.stopped) return true;
    this.#over = true;
    const left = Array.from(files.opened, ({ path }) => path);
    if (left.length > 0) throw new Error(`it left files open: ${left}`);
    return true;
  }
}

/** Gives the engine these random bits while `fn` runs. */
export function withNonces<T>(random: Random, fn: () => T): T {
  const original = crypto.getRandomValues;
  crypto.getRandomValues = (array) => {
    const bytes = new Uint8Array(array!.buffer, array!.byteOffset, array!.byteLength);
    for (let i = 0; i < bytes.length; i++) bytes[i] = random.below(256);
    return array;
  };
  try {
    return fn();
  } finally {
    crypto.getRandomValues = original;
  }
}

/** The file system as one run of a program sees it. */
class Run implements Files {
  /** Whether the program was stopped. */
  stopped = false;
  /** What it was stopped for, if that is a lock. */
  waiting: Waiting | undefined;
  /** What it did otherwise than the last time. */
  diverged: string | undefined;
  readonly #process: Process;
  readonly #files: CrashFiles;
  readonly #master: Master;
  readonly #done: Done[];
  #at = 0;

  constructor(process: Process, { files, master }: ProcessOptions, done: Done[]) {
    this.#process = process;
    this.#files = files;
    this.#master = master;
    this.#done = done;
  }

  /** Ends whatever a stopped program goes on with. */
  check(): void {
    if (this.stopped) throw STOPPED;
  }

  /** An operation: what came of it the first time, or its turn comes now. */
  call<T>(name: string, path: string, work: () => T): T {
    this.check();
    const known = this.#done[this.#at];
    if (known !== undefined) {
      if (known.name !== name || known.path !== path) {
        this.diverged = `${name} ${path} instead of ${known.name} ${known.path}`;
        this.#stop();
      }
      this.#at++;
      if (known.error !== undefined) throw known.error;
      return known.value as T;
    }
    if (!this.#master.allows(this.#process, name, path)) this.#stop();
    this.#at++;
    this.#master.note(this.#process, name, path);
    try {
      const value = work();
      this.#done.push({ name, path, value });
      return value;
    } catch (error) {
      this.#done.push({ name, path, error });
      throw error;
    }
  }

  #stop(): never {
    this.stopped = true;
    throw STOPPED;
  }

  /** A transfer of so many bytes, in one step or in two; a short one is the last. */
  transfer<T>(
    name: string,
    path: string,
    length: number,
    work: (from: number, to: number) => { bytes: number; value: T },
  ): T[] {
    const { part, bytes, value } = this.call(name, path, () => {
      const part = this.#master.part(path, length);
      return { part, ...work(0, part) };
    });
    if (bytes < part || part === length) return [value];
    return [value, this.call(name, path, () => work(part, length).value)];
  }

  /** Takes a lock, or stops until it is granted. */
  lock(path: string, tryLock: () => boolean): void {
    if (this.stopped || this.#done[this.#at] !== undefined) {
      return this.call("lock", path, () => {});
    }
    if (!this.#master.allows(this.#process, "lock", path)) this.#stop();
    if (!tryLock()) {
      this.waiting = { path, tryLock };
      this.#stop();
    }
    this.#at++;
    this.#master.note(this.#process, "lock", path);
    this.#done.push({ name: "lock", path });
  }

  open(path: string, mode: OpenMode): File {
    return new RunFile(this, this.call("open", path, () => this.#files.open(path, mode)));
  }

  fileId(path: string): string | undefined {
    return this.call("identity", path, () => this.#files.fileId(path));
  }

  realPath(path: string): string {
    return this.call("realPath", path, () => this.#files.realPath(path));
  }

  /** The names, at one moment or, as a listing takes its time, those of logs at another one. */
  list(path: string): string[] | undefined {
    const first = this.call("list", path, () => {
      const names = this.#files.list(path);
      return names === undefined ? undefined : { names, part: this.#master.part(path, 2) };
    });
    if (first === undefined || first.part === 2) return first?.names;
    const later = this.call("list", path, () => this.#files.list(path) ?? []);
    const isLate = (name: string) => name.endsWith(".log") === (first.part === 0);
    return [...first.names.filter((name) => !isLate(name)), ...later.filter(isLate)];
  }

  makeDir(path: string): boolean {
    return this.call("makeDir", path, () => this.#files.makeDir(path));
  }

  removeDir(path: string): void {
    this.call("removeDir", path, () => this.#files.removeDir(path));
  }

  rename(from: string, to: string): void {
    this.call("rename", to, () => this.#files.rename(from, to));
  }

  remove(path: string): boolean {
    return this.call("remove", path, () => this.#files.remove(path));
  }

  discard(path: string): Promise<void> {
    removeQuietly(this, path);
    return Promise.resolve();
  }

  syncDir(path: string): void {
    this.call("syncDir", path, () => this.#files.syncDir(path));
  }

  watch(): Disposable {
    throw new Error("only blocking verbs are simulated");
  }
}

class RunFile implements File {
  readonly path: string;
  readonly #run: Run;
  readonly #file: File;

  constructor(run: Run, file: File) {
    this.path = file.path;
    this.#run = run;
    this.#file = file;
  }

  get fileId(): string {
    return this.#file.fileId;
  }

  #call<T>(name: string, work: () => T): T {
    return this.#run.call(name, this.path, work);
  }

  size(): number {
    return this.#call("size", () => this.#file.size());
  }

  readAt(into: Uint8Array, at: number): number {
    const parts = this.#run.transfer("readAt", this.path, into.length, (from, to) => {
      const bytes = new Uint8Array(to - from);
      const value = bytes.subarray(0, this.#file.readAt(bytes, at + from));
      return { bytes: value.length, value };
    });
    let length = 0;
    for (const bytes of parts) {
      into.set(bytes, length);
      length += bytes.length;
    }
    return length;
  }

  writeAt(bytes: Uint8Array, at: number): void {
    this.#run.transfer("writeAt", this.path, bytes.length, (from, to) => {
      this.#file.writeAt(bytes.subarray(from, to), at + from);
      return { bytes: to - from, value: undefined };
    });
  }

  sync(): Promise<void> {
    throw new Error("only blocking verbs are simulated");
  }

  syncSync(): void {
    this.#call("sync", () => this.#file.syncSync());
  }

  lock(): Promise<void> {
    throw new Error("only blocking verbs are simulated");
  }

  lockSync(): void {
    this.#run.lock(this.path, () => this.#file.tryLock());
  }

  tryLock(shared = false): boolean {
    return this.#call("tryLock", () => this.#file.tryLock(shared));
  }

  unlock(): void {
    this.#call("unlock", () => this.#file.unlock());
  }

  close(): void {
    this.#call("close", () => this.#file.close());
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
