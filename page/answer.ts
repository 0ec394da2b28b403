/**
 * An answer of the server as state of what shows it.
 *
 * @module
 */

import { useLayoutEffect, useState } from "preact/hooks";
import { ask, messageOf } from "./api.ts";

/** What is known: the last answer, and why there is no newer one. */
export type Known<T> = readonly [data: T | undefined, problem: string | undefined];

/**
 * Asks for a path, again when it or `tick` changes, and stops when nobody needs the answer any more.
 *
 * @param path The path; nothing is asked without.
 * @param limitMs How long it may take.
 */
export function useAnswer<T>(path: string, tick: unknown = 0, limitMs?: number): Known<T> {
  const [known, setKnown] = useState<Known<T>>([undefined, undefined]);
  useLayoutEffect(() => {
    if (path === "") return;
    const stop = new AbortController();
    const signal = limitMs === undefined
      ? stop.signal
      : AbortSignal.any([stop.signal, AbortSignal.timeout(limitMs)]);
    ask<T>(path, { signal }).then(
      ({ data }) => stop.signal.aborted || setKnown([data, undefined]),
      (error) => {
        if (stop.signal.aborted) return;
        const isLate = (error as Error).name === "TimeoutError";
        const problem = isLate ? `It took longer than ${limitMs! / 1000} s.` : messageOf(error);
        setKnown(([data]) => [data, problem]);
      },
    );
    return () => stop.abort();
  }, [path, tick, limitMs]);
  return known;
}
