/**
 * Finding the current generation among the files of a table, while other processes compact it.
 *
 * The newest complete generation whose log is marked "sealed into" (the hand-over to it is
 * complete) contains everything of the generations before it, whatever is left of them. If no log
 * is marked, the oldest generation has the seals that lead to the current one.
 *
 * @module
 */

import { CorruptionError } from "../system/errors.ts";
import type { Files } from "../system/file.ts";
import { completeGenerations, generationPaths } from "../lock/layout.ts";
import { Log } from "../log/log.ts";
import { Segment } from "../segment/segment.ts";
import type { Checksum } from "../bytes/checksum.ts";

/** A generation; its log was opened, but not read. */
export interface Generation {
  /** The rows. */
  readonly segment: Segment;
  /** The commits after them. */
  readonly log: Log;
}

/** Which table, and how to open its files. */
export interface GenerationsOptions {
  /** The file system. */
  readonly files: Files;
  /** The directory of the table. */
  readonly dir: string;
  /** The checksums of the table. */
  readonly checksums: Checksum;
  /** Whether to open the logs only for reading. */
  readonly readOnly: boolean;
  /** The most bytes that a segment caches. */
  readonly cacheBytes: number;
  /**
   * Checks that the table still exists.
   *
   * @throws {BaseNotFoundError} If it was destroyed or replaced.
   */
  checkIdentity(): void;
}

/** The generations of one table. */
export class Generations {
  readonly #options: GenerationsOptions;

  constructor(options: GenerationsOptions) {
    this.#options = options;
  }

  /** The generation to open; only among those `after` a sealed one, if given. */
  find(after = 0): Generation | undefined {
    const { files, dir, checkIdentity } = this.#options;
    let before: string | undefined;
    for (;;) {
      const names = files.list(dir) ?? [];
      const numbers = completeGenerations(names).filter((number) => number > after);
      const found = this.#complete(() => this.#pick(numbers));
      if (found !== undefined) return found;
      // A listing is not atomic, and compaction goes on: only two equal listings decide.
      const now = names.sort().join("/");
      if (now === before) {
        checkIdentity();
        return undefined;
      }
      before = now;
    }
  }

  /** The generation with that number, if it exists. */
  at(generation: number): Generation | undefined {
    return this.#complete(() => this.#openLog(generation));
  }

  /** The newest log that is marked "sealed into", else the oldest. */
  #pick(numbers: readonly number[]): Log | undefined {
    let picked: Log | undefined;
    try {
      for (const number of numbers.toReversed()) {
        const log = this.#openLog(number);
        if (log === undefined) continue;
        picked?.close();
        picked = log;
        if (log.sealedInto) break;
      }
      return picked;
    } catch (error) {
      picked?.close();
      throw error;
    }
  }

  /** The generation of the log that `pick` opens; `undefined` if it is gone by now. */
  #complete(pick: () => Log | undefined): Generation | undefined {
    const { files } = this.#options;
    using opened = new DisposableStack();
    try {
      const log = opened.use(pick());
      // Another compaction may have replaced what a killed one left as the next generation: a
      // writer must not write to a file that is gone.
      if (log === undefined || files.fileId(log.path) !== log.fileId) return undefined;
      // Only now the segment: an interrupted compaction or override can leave a segment that
      // belongs to no generation.
      const segment = this.#openSegment(log.generation);
      log.sequence = segment.sequence;
      opened.move();
      return { segment, log };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      // A new table in the same directory has segments with the same names.
      if (error instanceof CorruptionError) this.#options.checkIdentity();
      throw error;
    }
  }

  /** `undefined` if the log is gone by now, or belongs to another table. */
  #openLog(number: number): Log | undefined {
    const { files, dir, checksums, readOnly } = this.#options;
    try {
      return Log.open(files, generationPaths(dir, number).log, checksums, number, readOnly);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  #openSegment(generation: number): Segment {
    const { files, dir, checksums, cacheBytes } = this.#options;
    using opened = new DisposableStack();
    const file = opened.use(files.open(generationPaths(dir, generation).segment, "read"));
    const segment = new Segment(file, checksums, generation, cacheBytes);
    opened.move();
    return segment;
  }
}
