/**
 * Writing a file as a whole, or not at all.
 *
 * @module
 */

import { encodeText, randomNonce } from "../../engine/bytes/bytes.ts";
import { temporary } from "../../engine/lock/layout.ts";
import { currentFiles } from "../../engine/system/deno_file.ts";
import { removeQuietly } from "../../engine/system/file.ts";
import { parentOf } from "../../engine/system/path.ts";
import { orFault } from "../process/errors.ts";
import { writeBytes } from "../process/io.ts";
import { between, interruptible } from "../process/signals.ts";
import { onTerminal } from "./write_rows.ts";

/**
 * Writes text to a file. It is written under another name first, so `path` keeps its old content,
 * or does not exist, until all of it is on disk. A pipe or a device is written to directly.
 *
 * @param path The file; the target of a symbolic link is replaced, not the link.
 * @param pieces Its text.
 * @throws {Fault} If the system refuses.
 * @throws {Interrupted} If a signal came.
 */
export async function writeWhole(path: string, pieces: Iterable<string>): Promise<void> {
  const attempt = `Cannot write "${path}"`;
  const info = orFault(attempt, () => infoOf(path));
  if (info !== undefined && !info.isFile) {
    using file = orFault(attempt, () => Deno.openSync(path, { write: true }));
    const shown = file.isTerminal() ? onTerminal : (text: string) => text;
    for (const piece of pieces) orFault(attempt, () => writeBytes(file, encodeText(shown(piece))));
    return;
  }
  const files = currentFiles();
  const target = info === undefined ? path : files.realPath(path);
  const draft = temporary(target, randomNonce());
  await interruptible(async (signal) => {
    const file = orFault(attempt, () => {
      return files.open(draft, "createNew", info === undefined ? undefined : target);
    });
    try {
      let at = 0;
      for await (const piece of between(pieces, signal)) {
        const bytes = encodeText(piece);
        orFault(attempt, () => file.writeAt(bytes, at));
        at += bytes.length;
      }
      orFault(attempt, () => {
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
