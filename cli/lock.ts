/**
 * `psbase lock`: a command run under a lock, as `flock(1)` does.
 *
 * @module
 */

import { PsLock } from "../lock.ts";
import { countOf, exactly } from "./args.ts";
import { runChild } from "./child.ts";
import type { Call } from "./commands.ts";
import { UsageError } from "./errors.ts";

/** `psbase lock` */
export async function lock(call: Call): Promise<number> {
  const [file] = exactly(call.words, "FILE");
  const [command, ...args] = call.command;
  if (command === undefined) throw new UsageError("-- CMD… is missing");
  const timeoutMs = countOf(call, "timeout");
  const nonblock = call.flags.has("nonblock");
  if (nonblock && timeoutMs !== undefined) {
    throw new UsageError("--nonblock and --timeout exclude each other");
  }
  using lock = new PsLock(file);
  using _guard = await lock.acquire({ timeoutMs: nonblock ? 0 : timeoutMs });
  return await runChild(command, args);
}
