/**
 * Requests to a server, sent again while it cannot be reached.
 *
 * @module
 */

import type { JsonValue } from "../engine/schema/types.ts";
import { BaseError, inContext, PrimaryError } from "../engine/system/errors.ts";
import { errorOf, PROBLEM, type Problem } from "../wire/problem.ts";
import { fromWire, toWire } from "../wire/values.ts";

/** A verb and its arguments. */
export type WireCall = readonly [verb: string, ...args: JsonValue[]];

/** Encodes a call; what the caller passed may change afterwards. */
export function callOf(verb: string, args: readonly unknown[]): WireCall {
  return inContext(`Cannot ${verb}`, () => [verb, ...args.map(toWire)]);
}

/** Another commit came before the one on which a transaction was to follow. */
export class Outdated extends BaseError {}

/** What a server made of calls. */
export interface Answer {
  /** The commit that was read, or made. */
  readonly sequence: number;
  /** What the verbs returned. */
  readonly results: readonly unknown[];
}

/** How to reach a server. */
export interface ClientOptions {
  /** The token that the server asks for. */
  readonly token?: string | undefined;
  /** How long a call may take, with all its attempts, in milliseconds. */
  readonly timeoutMs: number;
  /** Sends a request; the `fetch` of the platform by default. */
  readonly fetch?: typeof fetch | undefined;
}

/** Statuses of a server, or of a proxy before it, that is not there for the moment. */
const ABSENT: ReadonlySet<number> = new Set([502, 503, 504]);
/** The pauses between attempts, in milliseconds. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1000;

/** Asks the server of one table. */
export class Client {
  /** The address of the table. */
  readonly url: string;
  readonly #options: ClientOptions;
  readonly #closing = new AbortController();

  /** @param url The address of the table, such as `http://localhost:7262/people`. */
  constructor(url: string, options: ClientOptions) {
    this.url = url.replace(/\/+$/, "");
    this.#options = options;
  }

  /** Ends all requests. */
  readonly end = (reason: Error): void => this.#closing.abort(reason);

  /** Is aborted when the client ends. */
  get ended(): AbortSignal {
    return this.#closing.signal;
  }

  /** Reads at one commit point, after `changes` that are thrown away. */
  async query(
    calls: readonly WireCall[],
    changes: readonly WireCall[] = [],
    after?: number,
  ): Promise<Answer> {
    return await this.#call("query", { calls, changes, ...(after !== undefined && { if: after }) });
  }

  /** Makes one commit, once, however often it has to be sent. */
  async commit(changes: readonly WireCall[], after?: number): Promise<Answer> {
    const key = crypto.getRandomValues(new Uint8Array(16));
    const digits = Array.from(key, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return await this.#call("commit", {
      key: digits,
      changes,
      ...(after !== undefined && { if: after }),
    });
  }

  async #call(route: "query" | "commit", body: object): Promise<Answer> {
    const text = JSON.stringify(body);
    const answer = await this.#attempts(route === "commit", async (signal) => {
      const response = await this.#send(route, text, signal);
      return await response.json() as { sequence: number; results: JsonValue[] };
    });
    return { sequence: answer.sequence, results: answer.results.map(fromWire) };
  }

  /** The schema of the table. */
  async schema(): Promise<JsonValue> {
    return await this.#attempts(false, async (signal) => {
      return await (await this.#send("schema", undefined, signal)).json();
    });
  }

  /** Tries until there is an answer, or the time is over. */
  async #attempts<T>(
    writes: boolean,
    attempt: (signal: AbortSignal) => Promise<T>,
    ended = this.ended,
  ): Promise<T> {
    const { timeoutMs } = this.#options;
    const late = AbortSignal.timeout(Math.min(timeoutMs, 2 ** 31 - 1));
    const signal = AbortSignal.any([late, ended]);
    for (let pause = FIRST_PAUSE_MS;; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      let cause: unknown;
      try {
        return await attempt(signal);
      } catch (error) {
        if (ended.aborted) throw ended.reason;
        if (error instanceof Told) throw error.cause;
        cause = error;
      }
      if (!late.aborted) await pauseFor(pause, signal);
      if (ended.aborted) throw ended.reason;
      if (!late.aborted) continue;
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new PrimaryError(
        `Cannot reach ${this.url} within ${timeoutMs} ms (${reason}): ` +
          (writes
            ? "the write may have been made, look before you write it again"
            : "start the server, or wait longer (timeoutMs)"),
        writes ? "unknown" : "none",
        cause,
      );
    }
  }

  /** Sends a request; throws the error that the answer tells. */
  async #send(route: string, body: string | undefined, signal: AbortSignal): Promise<Response> {
    const { token, fetch = globalThis.fetch } = this.#options;
    const response = await fetch(`${this.url}/~${route}`, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      ...(body !== undefined && { body }),
      signal,
    });
    if (response.ok) return response;
    const isProblem = response.headers.get("content-type")?.startsWith(PROBLEM);
    const problem = isProblem ? await response.json() as Problem : undefined;
    if (problem?.class === "Outdated") throw new Told(new Outdated(problem.detail));
    if (problem !== undefined && (problem.class !== undefined || !ABSENT.has(problem.status))) {
      throw new Told(errorOf(problem));
    }
    await response.body?.cancel();
    const { status } = response;
    if (ABSENT.has(status)) throw new Error(`status ${status}`);
    const told = `Cannot use ${this.url}: it answers with status ${status}, is it psbase?`;
    throw new Told(new PrimaryError(told, "none"));
  }

  /** The lines of a stream, as long as its connection holds. */
  async *lines(route: string, body: object, signal: AbortSignal): AsyncGenerator<JsonValue, void> {
    // The time of a call is over before the stream is.
    const text = JSON.stringify(body);
    const response = await this.#attempts(false, () => this.#send(route, text, signal), signal);
    const reader = response.body!.getReader();
    const decoder = new TextDecoder();
    try {
      for (let rest = "";;) {
        // A connection that breaks ends the lines; whoever reads them asks for the next ones.
        const { value, done } = await reader.read().catch(() => ({ value: undefined, done: true }));
        if (done) return;
        const lines = (rest + decoder.decode(value, { stream: true })).split("\n");
        rest = lines.pop()!;
        for (const line of lines) if (line !== "") yield JSON.parse(line);
      }
    } finally {
      await reader.cancel().catch(() => {});
    }
  }

  /** Waits before a stream is asked for again. */
  async pause(): Promise<void> {
    await pauseFor(FIRST_PAUSE_MS, this.ended);
  }
}

/** An error that the server told: to ask again would be of no use. */
class Told extends Error {
  constructor(error: Error) {
    super(error.message, { cause: error });
  }
}

function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    // Clients that lost the server together must not come back together.
    const timer = setTimeout(end, ms * (0.5 + Math.random()));
    signal.addEventListener("abort", end);
  });
}
