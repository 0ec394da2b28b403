/**
 * Asking the server.
 *
 * @module
 */

/** The server refused, or could not be reached. */
export class Refusal extends Error {
  /** The status; 0 if there was no answer. */
  readonly status: number;
  /** What else the server said. */
  readonly told: Readonly<Record<string, unknown>>;

  constructor(status: number, detail: string, told: Readonly<Record<string, unknown>> = {}) {
    super(detail);
    this.status = status;
    this.told = told;
  }
}

/** An answer. */
export interface Answer<T> {
  readonly data: T;
  /** The last commit that the answer knows. */
  readonly sequence: number;
}

/** The address of a table, or of a route of it. */
export function at(table: string, route: string | number = ""): string {
  return `/${encodeURIComponent(table)}${route === "" ? "" : `/${route}`}`;
}

let needToken = (): void => {};

/** Calls `fn` when the server asks for the token. */
export function onToken(fn: () => void): void {
  needToken = fn;
}

const early = new Map<string, Promise<Answer<unknown>>>();

/** Asks before there is anybody to show the answer. */
export function askEarly(path: string): void {
  const answer = request(path, {});
  answer.catch(() => early.delete(path));
  early.set(path, answer);
}

/** Asks, and reads the JSON of the answer. */
export function ask<T>(path: string, init: RequestInit = {}): Promise<Answer<T>> {
  const answer = early.get(path) ?? request(path, init);
  early.delete(path);
  return answer as Promise<Answer<T>>;
}

async function request<T>(path: string, init: RequestInit): Promise<Answer<T>> {
  let answer: Response;
  let text: string;
  try {
    answer = await fetch(path, {
      ...init,
      headers: { accept: "application/json", ...init.headers as Record<string, string> },
    });
    text = await answer.text();
  } catch (error) {
    if ((error as Error).name === "AbortError" || (error as Error).name === "TimeoutError") {
      throw error;
    }
    throw new Refusal(0, "Cannot reach the server: it does not answer");
  }
  let data: unknown;
  try {
    data = text === "" ? null : JSON.parse(text);
  } catch {
    throw new Refusal(answer.status, `Cannot read the answer of ${path}: it is not JSON`);
  }
  if (!answer.ok) {
    if (answer.status === 401 && path !== "/~login") needToken();
    const told = data as Record<string, unknown> | null;
    throw new Refusal(answer.status, String(told?.detail ?? answer.statusText), told ?? {});
  }
  return { data: data as T, sequence: Number(answer.headers.get("psbase-sequence") ?? 0) };
}

/** Sends a change. The key makes it one change, even if it is sent twice. */
export function send<T>(
  method: string,
  path: string,
  body?: unknown,
  version?: number,
): Promise<Answer<T>> {
  const key = Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36));
  return ask<T>(path, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    headers: {
      "idempotency-key": key.join("-"),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(version === undefined ? {} : { "if-match": `"${version}"` }),
    },
  });
}

/** Exchanges the token for a cookie. */
export async function login(token: string): Promise<void> {
  await ask("/~login", {
    method: "POST",
    body: JSON.stringify({ token }),
    headers: { "content-type": "application/json" },
  });
}

/** Takes the token out of the address, where the command puts it. */
export async function loginFromAddress(): Promise<void> {
  const [, token] = /^#t=(.+)$/.exec(location.hash) ?? [];
  if (token === undefined) return;
  history.replaceState(null, "", location.pathname + location.search);
  await login(decodeURIComponent(token));
}

/** What an error says. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
