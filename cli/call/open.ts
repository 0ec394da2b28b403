/**
 * Opening the table of a command.
 *
 * @module
 */

import { currentFiles } from "../../engine/system/deno_file.ts";
import { parentOf } from "../../engine/system/path.ts";
import { type OpenOptions, PsBase, ReadOnlyError } from "../../mod.ts";
import { UsageError } from "../process/errors.ts";
import { type Io, say } from "../process/io.ts";
import { countOf, type Parsed } from "./args.ts";
import type { Call } from "./call.ts";

/** How a command opens a table that it only reads. */
export const READ: OpenOptions = { readOnly: true };

const DURABILITIES = ["full", "relaxed"] as const;

/** How a command opens a table that it writes to, by its options. */
export function writeOptions(call: Parsed): OpenOptions {
  const { durability } = call.values;
  const known = DURABILITIES.find((name) => name === durability);
  if (known !== durability) {
    const told = `option --durability is ${JSON.stringify(durability)}`;
    throw new UsageError(`${told}, expected ${DURABILITIES.join(" or ")}`);
  }
  return { timeoutMs: countOf(call, "timeout"), durability: known };
}

/** How to open a table to write to it, if the system allows that, and else to read it. */
export async function widestOptions(path: string): Promise<OpenOptions> {
  try {
    await using _base = await PsBase.open(path);
    return {};
  } catch (error) {
    if (error instanceof ReadOnlyError) return READ;
    throw error;
  }
}

/** Refuses to write `file` into the directory of the table, where it could replace a file of it. */
export function refuseWithin(path: string, file: string): void {
  const files = currentFiles();
  const table = files.fileId(path);
  if (table === undefined || files.fileId(parentOf(file)) !== table) return;
  throw new UsageError(`"${file}" is in the directory of the table, write it somewhere else`);
}

/** Calls `fn` with the table at `path`, and closes it. */
export async function withBase<T>(
  { io }: Call,
  path: string,
  options: OpenOptions,
  fn: (base: PsBase) => T | Promise<T>,
): Promise<T> {
  await using base = await PsBase.open(path, options);
  using _tail = tellTail(io, base);
  return await fn(base);
}

/** On disposal, says that a write was cut off: it is noticed at opening, or only before a write. */
export function tellTail(io: Io, base: PsBase): Disposable {
  return {
    [Symbol.dispose]() {
      if (base.recovered === null) return;
      const { file, offset, bytes } = base.recovered;
      say(
        io,
        `${file}: ${bytes} bytes at ${offset} are of a write that was cut off before it was ` +
          `acknowledged; the table is as it was before that write`,
      );
    },
  };
}
