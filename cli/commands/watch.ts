/**
 * `psbase watch`: the change feed as lines of JSON.
 *
 * @module
 */

import { countFrom, countOf, pathAnd } from "../call/args.ts";
import type { Call } from "../call/call.ts";
import { whereOf } from "../call/conditions.ts";
import { widestOptions, withBase } from "../call/open.ts";
import { formatChange } from "../formats/write_rows.ts";
import { whenGone } from "../process/libc.ts";

/** Where `--since` says to begin: `N`, after a commit, or `N:I`, after a change of a commit. */
function sinceOf(call: Call): number | { sequence: number; index: number } | undefined {
  const [, commit, index] = /^(.*?):(.*)$/.exec(call.values.since ?? "") ?? [];
  if (commit === undefined) return countOf(call, "since");
  return {
    sequence: countFrom(commit, "option --since: N"),
    index: countFrom(index!, "option --since: I"),
  };
}

/** `psbase watch` */
export async function watch(call: Call): Promise<void> {
  const [path, conditions] = pathAnd(call.words);
  const since = sinceOf(call);
  const { stdout } = call.io;
  // A handle that may write syncs a commit before it reports it. Other handles wait until it is
  // synced.
  const options = await widestOptions(path);
  await withBase(call, path, options, async (base) => {
    const where = whereOf(base.schema, conditions);
    using gone = whenGone(stdout);
    for await (const change of base.watch({ since, where, signal: gone.signal })) {
      stdout.write(formatChange(change));
    }
  });
}
