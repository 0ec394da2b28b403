/**
 * Asking the server that the page came from.
 *
 * @module
 */

import type { Problem } from "./types.ts";

/** A refused request. */
export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail);
    this.problem = problem;
  }
}

/** Options of a request. */
interface Asking {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

/** Asks, and throws an {@linkcode ApiError} if the server refuses. */
export async function ask(path: string, asking: Asking = {}): Promise<Response> {
  const { method = "GET", body, headers = {}, signal } = asking;
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers: {
        accept: "application/json",
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    const detail = "The server does not answer. Is it still running?";
    throw new ApiError({ title: "No connection", status: 0, detail });
  }
  if (answer.ok) return answer;
  const text = await answer.text();
  let problem: Problem;
  try {
    problem = JSON.parse(text);
  } catch {
    problem = { title: answer.statusText, status: answer.status, detail: text.slice(0, 200) };
  }
  throw new ApiError(problem);
}

/** Asks for JSON. */
export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return await (await ask(path, signal === undefined ? {} : { signal })).json();
}

/** The path of a table, or of something of it. */
export function pathOf(table: string, rest = ""): string {
  return `/${encodeURIComponent(table)}${rest === "" ? "" : `/${rest}`}`;
}

/** Exchanges the token in the address for a cookie, and takes it out of the address. */
export async function login(): Promise<void> {
  const token = /^#t=(.+)$/.exec(location.hash)?.[1];
  if (token === undefined) return;
  history.replaceState(null, "", location.pathname + location.search);
  await logInWith(decodeURIComponent(token));
}

/** Exchanges a token for a cookie. */
export async function logInWith(token: string): Promise<void> {
  await ask("/~login", { method: "POST", body: { token } });
}
