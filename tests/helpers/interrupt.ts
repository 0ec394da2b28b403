/**
 * A command that gets a signal while it is at work.
 *
 * @module
 */

import type { Outcome } from "./cli.ts";
import { until } from "./locks.ts";

/** So often it may be done before the signal comes, on a machine that does much else. */
const TRIES = 20;

/**
 * Starts a command and sends it a signal when it has begun. Where it was done before that came, its
 * work is undone, and all is done again: whether the signal comes in time is not what is tested.
 */
export async function interrupt(
  [program, args]: readonly [program: string, args: string[]],
  signal: Deno.Signal,
  { begun, undo }: { readonly begun: () => boolean; readonly undo: () => unknown },
): Promise<Outcome> {
  for (let left = TRIES;; left--) {
    const child = new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    let isOver = false;
    child.status.then(() => isOver = true);
    await until(() => isOver || begun());
    try {
      child.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // It has ended.
    }
    const { code, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    if (code !== 0 || left === 0) {
      return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
    }
    await undo();
  }
}
