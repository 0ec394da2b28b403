/**
 * The changes of a table as they are committed, by one stream of events.
 *
 * @module
 */

import { at } from "./api.ts";
import type { Row } from "./types.ts";

/** A change of a row. */
export interface Change {
  readonly kind: "insert" | "update" | "delete" | "schema";
  readonly id: number | null;
  readonly row: Row | null;
  readonly before: Row | null;
}

/** How the stream is. */
export type LiveState = "off" | "live" | "lost" | "paused";

/** Who follows a stream. */
export interface Follower {
  changes(changes: readonly Change[]): void;
  state(state: LiveState): void;
  /** The commits since the last one are not kept: read again. */
  gone(): void;
}

/** Follows the changes of a table after a commit; returns how to stop. */
export function follow(table: string, since: number, follower: Follower): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = undefined;
  };
  const open = () => {
    close();
    source = new EventSource(`${at(table, "~changes")}?since=${since}`);
    source.addEventListener("open", () => follower.state("live"));
    source.addEventListener("commit", ({ data }) => {
      const commit = JSON.parse(data) as { sequence: number; changes: Change[] };
      since = commit.sequence;
      follower.changes(commit.changes);
    });
    source.addEventListener("error", () => {
      // By itself the browser would ask again from where this stream began.
      close();
      follower.state("lost");
      timer = setTimeout(again, 1000);
    });
  };
  const again = async () => {
    // A stream does not tell why it was refused.
    const { signal } = stop;
    const asked = fetch(`${at(table, "~changes")}?since=${since}`, { signal });
    const status = await asked.then(async ({ status, body }) => {
      await body?.cancel();
      return status;
    }).catch(() => 0);
    if (signal.aborted || document.hidden) return;
    if (status === 410) follower.gone();
    else open();
  };
  const stop = new AbortController();
  const toggle = () => {
    if (document.hidden) {
      close();
      follower.state("paused");
    } else {
      open();
    }
  };
  document.addEventListener("visibilitychange", toggle, { signal: stop.signal });
  toggle();
  return () => {
    stop.abort();
    close();
  };
}
