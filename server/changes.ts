/**
 * Changes as streams: server-sent events for browsers, lines of JSON for `RemoteBase`.
 *
 * Streams of one table share one reader of its log, which keeps the newest commits as text. A
 * stream sends them as fast as its reader takes them. One that asks for older commits, or fell
 * behind, reads the log on its own until it has caught up; so a slow reader costs the others
 * nothing, and the server no memory.
 *
 * @module
 */

import type { Change, Schema } from "../engine/schema/types.ts";
import { safeJson } from "../engine/system/printable.ts";
import { toWire } from "../wire/values.ts";
import { HttpError } from "./http.ts";
import type { Conditions } from "./params.ts";
import { changeJson } from "./change_json.ts";
import type { ServedTable } from "./table.ts";

/** A commit, as streams send it. */
export interface SentCommit {
  /** Its place in the order of commits. */
  readonly sequence: number;
  /** Its changes. */
  readonly changes: readonly Change<Schema>[];
}

/** How streams write what they send. */
export interface StreamForm {
  /** The media type. */
  readonly type: string;
  /** Where the stream begins. */
  open(sequence: number): string;
  /** A commit. */
  commit(commit: SentCommit): string;
  /** What is sent when there is nothing to send. */
  readonly idle: string;
}

function event(id: string | number, name: string, data: string): string {
  return `id: ${id}\nevent: ${name}\ndata: ${data}\n\n`;
}

/** Server-sent events, with values as `export` writes them. */
export const EVENTS: StreamForm = {
  type: "text/event-stream",
  open: (sequence) => event(sequence, "open", JSON.stringify({ sequence })),
  commit: ({ sequence, changes }) =>
    event(sequence, "commit", `{"sequence":${sequence},"changes":[${changes.map(changeJson)}]}`),
  idle: ": \n\n",
};

/** Lines of JSON, with values as `RemoteBase` reads them. */
export const LINES: StreamForm = {
  type: "application/x-ndjson",
  open: (sequence) => `${JSON.stringify({ sequence })}\n`,
  commit: ({ sequence, changes }) =>
    `${safeJson(JSON.stringify({ sequence, changes: changes.map(toWire) }))}\n`,
  idle: "\n",
};

/** How often a stream without news says that it is alive, in milliseconds. */
const IDLE_MS = 15_000;
/** How many commits are kept for all streams, and how many changes. */
const KEPT_COMMITS = 1024;
const KEPT_CHANGES = 10_000;

/** The newest commits of a table, for all streams that read it. */
export class Hub {
  readonly #table: ServedTable;
  readonly #commits: SentCommit[] = [];
  #changes = 0;
  /** The last commit before the ones that are kept. */
  #before: number;
  readonly #readers = new Set<() => void>();
  readonly #end = new AbortController();
  /** Why there are no more commits. */
  failure: unknown;
  isOver = false;
  /** Texts of commits by form: made once, whatever the number of streams. */
  readonly #texts = new Map<StreamForm, WeakMap<SentCommit, string>>();

  /** @param table The table. */
  constructor(table: ServedTable) {
    this.#table = table;
    const { sequence } = table.base;
    this.#before = sequence;
    void this.#read(sequence);
  }

  async #read(since: number): Promise<void> {
    try {
      const { signal } = this.#end;
      for await (const commit of commitsOf(this.#table.base.watch({ since, signal }))) {
        this.#commits.push(commit);
        this.#changes += commit.changes.length;
        while (this.#commits.length > KEPT_COMMITS || this.#changes > KEPT_CHANGES) {
          const gone = this.#commits.shift()!;
          this.#changes -= gone.changes.length;
          this.#before = gone.sequence;
        }
        this.#wake();
      }
    } catch (error) {
      if (!this.#end.signal.aborted) this.failure = error;
    }
    this.isOver = true;
    this.#wake();
  }

  #wake(): void {
    const readers = [...this.#readers];
    this.#readers.clear();
    for (const wake of readers) wake();
  }

  /** The last commit that was read. */
  get last(): number {
    return this.#commits.at(-1)?.sequence ?? this.#before;
  }

  /** The first commit after `sequence`; "older" if it is not kept here. */
  after(sequence: number): SentCommit | "older" | undefined {
    if (sequence < this.#before) return "older";
    // Binary search would not pay: most streams wait for the last one.
    const at = this.#commits.findLastIndex((commit) => commit.sequence <= sequence) + 1;
    return this.#commits[at];
  }

  /** The text of a commit. */
  textOf(form: StreamForm, commit: SentCommit): string {
    let texts = this.#texts.get(form);
    if (texts === undefined) this.#texts.set(form, texts = new WeakMap());
    let text = texts.get(commit);
    if (text === undefined) texts.set(commit, text = form.commit(commit));
    return text;
  }

  /** Calls `wake` once there is news; returns how to stop waiting. */
  wait(wake: () => void): () => void {
    this.#readers.add(wake);
    return () => void this.#readers.delete(wake);
  }

  /** Ends reading. */
  close(): void {
    this.#end.abort();
  }
}

/** Changes commit by commit. */
async function* commitsOf(
  watched: AsyncIterable<Change<Schema>>,
): AsyncGenerator<SentCommit, void> {
  let changes: Change<Schema>[] = [];
  for await (const change of watched) {
    changes.push(change);
    if (!change.last) continue;
    yield { sequence: change.sequence, changes };
    changes = [];
  }
}

/** What a stream is asked for. */
export interface StreamOptions {
  readonly form: StreamForm;
  /** The commit after which it begins. */
  readonly since: number;
  /** Only rows that match before or after a change. */
  readonly where: Conditions | undefined;
}

/**
 * The text of a stream. It ends when the table is closed or `signal` says so.
 *
 * @throws {HttpError} 410, before anything was sent, if the commits are not kept.
 */
export async function* stream(
  table: ServedTable,
  hub: Hub,
  { form, since, where }: StreamOptions,
  signal: AbortSignal,
): AsyncGenerator<string, void> {
  const { sequence } = table.base;
  if (since > sequence) throw gone(table, `the last commit is ${sequence}, not ${since}`);
  const filtered = where !== undefined && Object.keys(where).length > 0;
  let position = since;
  /** The own reader, as long as there is one. */
  let own = filtered || hub.after(since) === "older"
    ? begin(table, { since, where, signal })
    : undefined;
  yield form.open(since);
  let next = own?.next();
  try {
    while (!signal.aborted) {
      if (own !== undefined) {
        const result = await orIdle(next!, signal);
        if (result === "idle") {
          yield form.idle;
          continue;
        }
        if (result.done) return;
        position = result.value.sequence;
        yield form.commit(result.value);
        if (!filtered && hub.after(position) !== "older") {
          await own.return();
          own = next = undefined;
        } else next = own.next();
        continue;
      }
      const commit = hub.after(position);
      if (commit === "older") {
        own = begin(table, { since: position, where, signal });
        next = own.next();
      } else if (commit !== undefined) {
        position = commit.sequence;
        yield hub.textOf(form, commit);
      } else if (hub.isOver) {
        if (hub.failure !== undefined) throw hub.failure;
        return;
      } else if (await news(hub, signal) === "idle") yield form.idle;
    }
  } catch (error) {
    // An ended stream is no failure: its reader asks again.
    if (!signal.aborted) throw error;
  } finally {
    void own?.return();
  }
}

function begin(
  table: ServedTable,
  options: { since: number; where: Conditions | undefined; signal: AbortSignal },
): AsyncGenerator<SentCommit, void> {
  try {
    return commitsOf(table.base.watch(options));
  } catch (error) {
    if (error instanceof RangeError) throw gone(table, error.message);
    throw error;
  }
}

function gone({ name }: ServedTable, reason: string): HttpError {
  return new HttpError(
    410,
    `Cannot send the changes of "${name}": ${reason.replace(/^Cannot watch "[^"]*": /, "")}`,
    { class: "RangeError", field: "since" },
  );
}

/** Waits for news, or for so long that the stream must say that it is alive. */
function news(hub: Hub, signal: AbortSignal): Promise<"news" | "idle"> {
  return new Promise((resolve) => {
    const end = (result: "news" | "idle") => () => {
      clearTimeout(timer);
      stop();
      signal.removeEventListener("abort", over);
      resolve(result);
    };
    const over = end("news");
    const stop = hub.wait(over);
    const timer = setTimeout(end("idle"), IDLE_MS);
    signal.addEventListener("abort", over);
  });
}

async function orIdle<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | "idle"> {
  const { promise: idle, resolve } = Promise.withResolvers<"idle">();
  const end = () => resolve("idle");
  const timer = setTimeout(end, IDLE_MS);
  signal.addEventListener("abort", end);
  try {
    return await Promise.race([promise, idle]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}
