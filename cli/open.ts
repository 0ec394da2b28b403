/**
 * Opening the table that a command is about.
 *
 * @module
 */

import { parentOf } from "../engine/system/path.ts";
import { type OpenOptions, PsBase, ReadOnlyError } from "../mod.ts";
import { countOf, type Parsed } from "./args.ts";
import type { Call } from "./commands.ts";
import { UsageError } from "./errors.ts";
import { tellTail } from "./tail.ts";
import { currentFiles } from "../engine/system/deno_file.ts";

/** How a command opens a table that it only reads. */
export const READ: OpenOptions = { readOnly: true };

const DURABILITIES = ["full", "relaxed"] as const;

/** How a command opens a table that it writes to: what its options say. */
export function writeOptions(call: Parsed): OpenOptions {
  const { durability } = call.values;
  const known = DURABILITIES.find((name) => name === durability);
  if (known !== durability) {
    const told = `option --durability is ${JSON.stringify(durability)}`;
    throw new UsageError(`${told}, expected ${DURABILITIES.join(" or ")}`);
  }
  return { timeoutMs: countOf(call, "timeout"), durability: known };
}

/** How a table is opened that may be written to where the system lets this user. */
export async function widestOptions(path: string): Promise<OpenOptions> {
  try {
    await using _base = await PsBase.open(path);
    return {};
  } catch (error) {
    if (error instanceof ReadOnlyError) return READ;
    throw error;
  }
}

/** Refuses to write a file where those of a table are: it could take the place of one. */
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
