/**
 * `psbase lock`: runs a command under a lock, as `flock(1)` does.
 *
 * @module
 */

import { Flock } from "../../engine/lock/flock.ts";
import { writeNote } from "../../engine/lock/note.ts";
import { currentFiles } from "../../engine/system/deno_file.ts";
import { type LockGuard, LockTimeoutError, PsLock } from "../../lock.ts";
import { countOf, exactly } from "../call/args.ts";
import type { Call } from "../call/call.ts";
import { runChild } from "../process/child.ts";
import { Fault, UsageError } from "../process/errors.ts";
import { letInherit } from "../process/libc.ts";

/** `psbase lock` */
export async function lock(call: Call): Promise<number> {
  const [path] = exactly(call.words, "FILE");
  const [command, ...args] = call.command;
  if (command === undefined) throw new UsageError("-- CMD… is missing");
  using lock = new PsLock(path);
  using _guard = await acquire(lock, call);
  const file = lockedFile(path);
  using _inherited = letInherit(file);
  // If this process is killed, the command still holds the lock, so the note names the command.
  return await runChild(command, args, { onStart: (pid) => writeNote(file, { pid }) });
}

/** Waits for the lock as long as the options say. */
async function acquire(lock: PsLock, call: Call): Promise<LockGuard> {
  const timeoutMs = call.flags.has("nonblock") ? 0 : countOf(call, "timeout");
  if (call.flags.has("nonblock") && "timeout" in call.values) {
    throw new UsageError("--nonblock and --timeout exclude each other");
  }
  const code = countOf(call, "conflict-exit-code");
  if (code !== undefined && timeoutMs === undefined) {
    throw new UsageError("--conflict-exit-code needs --nonblock or --timeout");
  }
  if (code !== undefined && code > 255) {
    throw new UsageError(`option --conflict-exit-code is ${code}, expected 0 to 255`);
  }
  try {
    return await lock.acquire({ timeoutMs });
  } catch (error) {
    throw error instanceof LockTimeoutError ? new Fault(error.message, code) : error;
  }
}

/** The open file that is locked. */
function lockedFile(path: string) {
  const files = currentFiles();
  const identity = files.fileId(path);
  const flock = identity === undefined ? undefined : Flock.find(files, identity);
  if (flock === undefined) throw new Fault(`Cannot lock "${path}": it was removed meanwhile`);
  return flock.file;
}
