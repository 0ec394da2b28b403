/**
 * A place for one table, that is looked at and removed when the test ends.
 *
 * @module
 */
import { assertEquals } from "@std/assert";
import { PsBase } from "../../base.ts";

/** A path at which nothing is yet; disposing checks the table that was made there. */
export interface TempBase extends AsyncDisposable {
  /** Where to make the table. */
  readonly path: string;
  /** The directory that `path` is in, and nothing else. */
  readonly parent: string;
  /** Set by a test that damages the table itself: then nothing is checked. */
  damaged: boolean;
  /** Name, size and time of change of all files of the table. */
  files(): Record<string, { size: number; mtime: number | undefined }>;
}

/** Finds a place; on disposal every checksum of the table at it must hold. */
export function tempBase(): TempBase {
  const parent = Deno.makeTempDirSync({ prefix: "psbase_" });
  const path = `${parent}/people`;
  return {
    path,
    parent,
    damaged: false,
    files() {
      const names = [...Deno.readDirSync(path)].map(({ name }) => name).sort();
      return Object.fromEntries(names.map((name) => {
        const { size, mtime } = Deno.statSync(`${path}/${name}`);
        return [name, { size, mtime: mtime?.getTime() }];
      }));
    },
    async [Symbol.asyncDispose]() {
      try {
        if (!this.damaged && isBase(path)) {
          assertEquals((await PsBase.check(path)).problems, [], "the base must be whole");
        }
      } finally {
        Deno.removeSync(parent, { recursive: true });
      }
    },
  };
}

function isBase(path: string): boolean {
  try {
    return Deno.statSync(`${path}/base`).size > 0;
  } catch {
    return false;
  }
}
