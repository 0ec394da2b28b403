/**
 * A file that is written as a whole, or stays as it was.
 *
 * @module
 */

import { encodeText, randomNonce } from "../engine/bytes/bytes.ts";
import { removeQuietly } from "../engine/system/file.ts";
import { temporary } from "../engine/lock/layout.ts";
import { parentOf } from "../engine/system/path.ts";
import { Fault } from "./errors.ts";
import { writeBytes } from "./io.ts";
import { onTerminal } from "./output.ts";
import { between, interruptible } from "./signals.ts";
import { currentFiles } from "../engine/system/deno_file.ts";

/**
 * Writes text to a file. Under another name at first: until all of it is on disk, the file is what
 * it was, or not there. What is no file, a pipe say, is written to as it is.
 *
 * @param path The file; where it is a symbolic link, what that leads to.
 * @param pieces Its text.
 * @throws {Fault} If the system refuses.
 * @throws {Interrupted} If a signal came.
 */
export async function writeWhole(path: string, pieces: Iterable<string>): Promise<void> {
  const info = orFault(path, () => infoOf(path));
  if (info !== undefined && !info.isFile) return writeInto(path, pieces);
  const files = currentFiles();
  const target = info === undefined ? path : files.realPath(path);
  const draft = temporary(target, randomNonce());
  await interruptible(async (signal) => {
    const file = orFault(path, () => {
      return files.open(draft, "createNew", info === undefined ? undefined : target);
    });
    try {
      let at = 0;
      for await (const piece of between(pieces, signal)) {
        const bytes = encodeText(piece);
        orFault(path, () => file.writeAt(bytes, at));
        at += bytes.length;
      }
      orFault(path, () => {
        file.syncSync();
        file.close();
        files.rename(draft, target);
        files.syncDir(parentOf(target));
      });
    } catch (error) {
      file.close();
      removeQuietly(files, draft);
      throw error;
    }
  });
}

function infoOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function writeInto(path: string, pieces: Iterable<string>): void {
  using file = orFault(path, () => Deno.openSync(path, { write: true }));
  const shown = file.isTerminal() ? onTerminal : (text: string) => text;
  for (const piece of pieces) orFault(path, () => writeBytes(file, encodeText(shown(piece))));
}

function orFault<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof Deno.errors.BrokenPipe) throw error;
    throw new Fault(`Cannot write "${path}": ${(error as Error).message}`);
  }
}
