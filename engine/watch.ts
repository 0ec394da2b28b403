/**
 * Watching a base: its changes as rows, given out one by one as they are committed.
 *
 * @module
 */

import { capture } from "./capture.ts";
import { checkSignal } from "./check.ts";
import { Feed, type RowChange } from "./feed.ts";
import { explain } from "./handle.ts";
import type { WatchOptions } from "./options.ts";
import { compile } from "./query.ts";
import { watchOptions } from "./read_options.ts";
import { rowAt } from "./rows.ts";
import { matching } from "./scan.ts";
import type { TableSchema } from "./schema.ts";
import type { Place } from "./state.ts";
import type { Store } from "./store.ts";
import type { Change, Schema } from "./types.ts";

/** Rings once for all that happened since it was waited for. */
class Bell {
  #rung = false;
  #wake = () => {};

  readonly ring = (): void => {
    this.#rung = true;
    this.#wake();
  };

  async wait(): Promise<void> {
    if (!this.#rung) await new Promise<void>((resolve) => this.#wake = resolve);
    this.#rung = false;
  }
}

/**
 * Changes of a base as they are committed. From the call on what they are read from is kept, and
 * open, until it ends or the base is closed.
 *
 * @param store The base.
 * @param options Which, and until when.
 * @param closing Ends it without an error.
 */
export function watch<S extends Schema>(
  store: Store,
  options: WatchOptions<S>,
  closing: AbortSignal,
): AsyncIterableIterator<Change<S>> {
  const { sequence, schema } = store.refresh();
  const attempt = `Cannot watch "${store.dir}"`;
  const { since = sequence, where, signal } = explain(attempt, () => watchOptions(options));
  explain(attempt, () => {
    checkSignal(signal);
    if (Number.isSafeInteger(since) && since >= 0) return;
    throw new RangeError(`since is ${String(since)}, expected the number of a commit, 0 or more`);
  });
  const matches = where === undefined ? () => true : matcherOf(store, where);
  // What is wrong with the conditions is told at once.
  matches({ schema });
  // Of rows that were changed before, the fields of now are asked: they have had them all along.
  const asked = (change: RowChange, at: number) => at > sequence ? change : { ...change, schema };
  const bell = new Bell();
  const open = new DisposableStack();
  // Also where nobody asks for the next one any more.
  const stop = () => {
    open.dispose();
    bell.ring();
  };
  const ends = () => {
    signal?.throwIfAborted();
    return open.disposed;
  };

  signal?.throwIfAborted();
  let feed: Feed;
  try {
    for (const one of [closing, signal]) {
      one?.addEventListener("abort", stop);
      open.defer(() => one?.removeEventListener("abort", stop));
    }
    // Before the first look, so that nothing happens unseen.
    open.use(store.files.watch(store.dir, bell.ring));
    feed = open.use(new Feed(store, since));
  } catch (error) {
    open.dispose();
    throw error;
  }

  async function* run(): AsyncGenerator<Change<S>, void> {
    try {
      while (!ends()) {
        const commits = await feed.take();
        for (const { sequence: at, changes } of commits) {
          for (const change of changes) {
            if (ends()) return;
            if (matches(asked(change, at))) yield told<S>(store, at, change);
          }
        }
        if (commits.length === 0) await bell.wait();
      }
    } finally {
      open.dispose();
    }
  }

  const steps = run();
  return {
    next: () => steps.next(),
    return() {
      // The step under way may wait for long.
      stop();
      return steps.return();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

/** Whether a row matches before or after a change; the fields concern everybody. */
function matcherOf(
  { state: { origin }, dir }: Store,
  where: unknown,
): (change: RowChange) => boolean {
  const attempt = `Cannot watch "${dir}"`;
  // Compiled again whenever the fields change.
  const asked = explain(attempt, () => capture(where));
  let compiled: { schema: TableSchema; holds: (place: Place) => boolean } | undefined;
  return ({ schema, row, before }) => {
    if (compiled?.schema !== schema) {
      const query = explain(attempt, () => compile(schema, asked));
      compiled = { schema, holds: matching({ schema, origin }, query) };
    }
    const places = [row, before].filter((place) => place !== undefined);
    return places.length === 0 || places.some(compiled.holds);
  };
}

/** A change, as users get it. */
function told<S extends Schema>(
  { state: { origin } }: Store,
  sequence: number,
  { schema: { fields }, row, before }: RowChange,
): Change<S> {
  const kind = row === undefined
    ? before === undefined ? "schema" : "delete"
    : before === undefined
    ? "insert"
    : "update";
  const give = (place: Place | undefined) =>
    place === undefined ? null : rowAt(origin, place, fields);
  return {
    sequence,
    kind,
    id: (row ?? before)?.id ?? null,
    row: give(row),
    before: give(before),
  } as Change<S>;
}
