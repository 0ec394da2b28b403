/**
 * Finding the generations of a base among its files, while others clean up.
 *
 * The newest complete one that is known to be sealed into holds all that those before it led
 * to, whatever is kept of them. If there is none, the oldest has the seals to be followed.
 *
 * @module
 */

import { CorruptionError } from "../system/errors.ts";
import type { Files } from "../system/file.ts";
import { completeGenerations, generationPaths } from "../lock/layout.ts";
import { Log } from "../log/log.ts";
import { Segment } from "../segment/segment.ts";
import type { Checksum } from "../bytes/checksum.ts";

/** A generation as it was found; its log is unread. */
export interface Generation {
  /** The rows. */
  readonly segment: Segment;
  /** The commits since. */
  readonly log: Log;
}

/** Of which base. */
export interface GenerationsOptions {
  /** The file system. */
  readonly files: Files;
  /** Where the base is. */
  readonly dir: string;
  /** Its sums. */
  readonly checksums: Checksum;
  /** Whether the logs are opened to be read only. */
  readonly readOnly: boolean;
  /** What a table keeps in memory at most. */
  readonly cacheBytes: number;
  /** Throws if the base was destroyed or replaced. */
  checkIdentity(): void;
}

/** The generations of one base. */
export class Generations {
  readonly #base: GenerationsOptions;

  constructor(base: GenerationsOptions) {
    this.#base = base;
  }

  /** The one to begin with; or to go on with, behind one that is sealed. */
  find(after = 0): Generation | undefined {
    const { files, dir, checkIdentity } = this.#base;
    let before: string | undefined;
    for (;;) {
      const names = files.list(dir) ?? [];
      const numbers = completeGenerations(names).filter((number) => number > after);
      const found = this.#complete(() => this.#pick(numbers));
      if (found !== undefined) return found;
      // A listing is not atomic, and cleanup goes on: only two equal ones are a verdict.
      const now = names.sort().join("/");
      if (now === before) {
        checkIdentity();
        return undefined;
      }
      before = now;
    }
  }

  /** The one of that number, if it is there. */
  at(generation: number): Generation | undefined {
    return this.#complete(() => this.#openLog(generation));
  }

  /** The log of the newest that is sealed into, else of the oldest. */
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

  /** The generation of a log that was picked; `undefined` if it is gone by now. */
  #complete(pick: () => Log | undefined): Generation | undefined {
    const { files } = this.#base;
    let picked: Log | undefined;
    try {
      picked = pick();
      // What a killed cleanup left as the next generation was replaced by another's, and what
      // came before it removed: whoever wrote to it would write to a file that is gone.
      if (picked !== undefined && files.fileId(picked.path) === picked.fileId) {
        // Only now the table: what a cleanup or an override left half done has one that
        // belongs to nothing.
        return this.#withTable(picked);
      }
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) {
        picked?.close();
        // The next base at the same place has tables of the same names.
        if (error instanceof CorruptionError) this.#base.checkIdentity();
        throw error;
      }
    }
    picked?.close();
    return undefined;
  }

  /** `undefined` if it is gone by now, or of another base. */
  #openLog(number: number): Log | undefined {
    const { files, dir, checksums, readOnly } = this.#base;
    try {
      return Log.open(files, generationPaths(dir, number).log, checksums, number, readOnly);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  #withTable(log: Log): Generation {
    const { files, dir, checksums, cacheBytes } = this.#base;
    const file = files.open(generationPaths(dir, log.generation).segment, "read");
    try {
      const table = new Segment(file, checksums, log.generation, cacheBytes);
      log.sequence = table.sequence;
      return { segment: table, log };
    } catch (error) {
      file.close();
      throw error;
    }
  }
}
