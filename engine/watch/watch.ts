/**
 * Watching a table: yields its changes one by one as they are committed.
 *
 * @module
 */

import { capture } from "../snapshot/capture.ts";
import { checkSignal, describe, isCount, isObject } from "../system/check.ts";
import { Feed, type FeedChange } from "./feed.ts";
import type { WatchOptions } from "../schema/options.ts";
import { compile } from "../query/query.ts";
import { watchOptions } from "../schema/read_options.ts";
import { rowAt } from "../snapshot/rows.ts";
import { matching } from "../query/row_filter.ts";
import type { TableSchema } from "../schema/schema.ts";
import type { RowLocation } from "../snapshot/location.ts";
import type { Store } from "../store/store.ts";
import type { Change, Schema } from "../schema/types.ts";
import { inContext } from "../system/errors.ts";

/** Wakes a waiter; rings before a wait count for that wait, as one. */
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
 * Yields the changes of a table as they are committed. From the call on, the generations that it
 * reads stay on disk, and their files open, until it ends or the table is closed.
 *
 * @param closing Ends it without an error.
 */
export function watch<S extends Schema>(
  store: Store,
  options: WatchOptions<S>,
  closing: AbortSignal,
): AsyncIterableIterator<Change<S>> {
  const { sequence, schema } = store.refresh();
  const explained = <T>(fn: () => T) => inContext(`Cannot watch "${store.dir}"`, fn);
  const { start, where, signal } = explained(() => {
    const { since = sequence, where, signal } = watchOptions(options);
    checkSignal(signal);
    return { start: startFrom(since, sequence), where, signal };
  });
  const matches = where === undefined ? () => true : changeFilter(store, where);
  // Wrong conditions throw at once.
  matches({ schema });
  // Changes from before the call are matched with the fields of now, as if it always had them.
  const asked = (change: FeedChange, at: number) => at > sequence ? change : { ...change, schema };
  const bell = new Bell();
  const open = new DisposableStack();
  // Releases everything even if nobody asks for another change.
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
    // Before the first read, so that no change goes unnoticed.
    open.use(store.files.watch(store.dir, bell.ring));
    feed = open.use(new Feed(store, start.after));
  } catch (error) {
    open.dispose();
    throw error;
  }

  async function* run(): AsyncGenerator<Change<S>, void> {
    try {
      while (!ends()) {
        const commits = await feed.take();
        for (const { sequence: at, changes } of commits) {
          const first = explained(() => firstIn(at, changes.length, start));
          // Each change is held back until another one matches, to mark the last one of a commit.
          let held: number | undefined;
          const give = (index: number, last: boolean) =>
            changeOf<S>(store, { sequence: at, index, last }, changes[index]!);
          for (let index = first; index < changes.length; index++) {
            if (ends()) return;
            // Rows after this change have other fields: throws if declared fields are gone.
            if (isOfFields(changes[index]!)) store.refresh();
            if (!matches(asked(changes[index]!, at))) continue;
            if (held !== undefined) yield give(held, false);
            held = index;
          }
          if (ends()) return;
          if (held !== undefined) yield give(held, true);
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
      // The step under way may be waiting.
      stop();
      return steps.return();
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function isOfFields({ row, before }: FeedChange): boolean {
  return row === undefined && before === undefined;
}

function wrong(name: string, value: unknown, wanted: string): RangeError {
  return new RangeError(`${name}: ${describe(value)}, expected ${wanted}`);
}

/** Where to begin: after the change `index` (-1: at the start) of the commit that follows `after`. */
interface Start {
  readonly after: number;
  readonly index: number;
}

/** Reads `since`; throws a fragment. */
function startFrom(since: unknown, last: number): Start {
  if (isCount(since)) return { after: since, index: -1 };
  if (!isObject(since)) throw wrong("since", since, "the number of a commit, or a change");
  const { sequence, index } = since;
  if (!isCount(sequence) || sequence === 0) {
    throw wrong("since.sequence", sequence, "the number of a commit, 1 or more");
  }
  if (!isCount(index)) throw wrong("since.index", index, "the index of a change, 0 or more");
  if (sequence > last) throw new RangeError(`since is commit ${sequence}, the last commit ${last}`);
  return { after: sequence - 1, index };
}

/** The first change of a commit to be reported; throws a fragment. */
function firstIn(sequence: number, changes: number, { after, index }: Start): number {
  if (sequence !== after + 1) return 0;
  if (index < changes) return index + 1;
  throw new RangeError(
    `since is change ${index} of commit ${sequence}, which has ${changes}, counted from 0`,
  );
}

/** Tells whether a row matches before or after a change. Changes of the fields always match. */
function changeFilter(
  { snapshot: { origin }, dir }: Store,
  where: unknown,
): (change: FeedChange) => boolean {
  const attempt = `Cannot watch "${dir}"`;
  // Compiled again whenever the fields change.
  const asked = inContext(attempt, () => capture(where));
  let compiled: { schema: TableSchema; holds: (location: RowLocation) => boolean } | undefined;
  return ({ schema, row, before }) => {
    if (compiled?.schema !== schema) {
      const query = inContext(attempt, () => compile(schema, asked));
      compiled = { schema, holds: matching({ schema, origin }, query) };
    }
    const locations = [row, before].filter((location) => location !== undefined);
    return locations.length === 0 || locations.some(compiled.holds);
  };
}

/** A change as users get it. */
function changeOf<S extends Schema>(
  { snapshot: { origin } }: Store,
  position: Pick<Change, "sequence" | "index" | "last">,
  { schema: { fields }, row, before }: FeedChange,
): Change<S> {
  const kind = row === undefined
    ? before === undefined ? "schema" : "delete"
    : before === undefined
    ? "insert"
    : "update";
  const give = (location: RowLocation | undefined) =>
    location === undefined ? null : rowAt(origin, location, fields);
  return {
    ...position,
    kind,
    id: (row ?? before)?.id ?? null,
    row: give(row),
    before: give(before),
  } as Change<S>;
}
