/**
 * Answers and refusals of the server.
 *
 * @module
 */

import type { JsonValue } from "../engine/schema/types.ts";
import { safeJson } from "../engine/system/printable.ts";
import { PROBLEM, type Problem } from "../wire/problem.ts";

/** A request that is refused. */
export class HttpError extends Error {
  /** The status of the answer. */
  readonly status: number;
  /** What is wrong, by name: the field or parameter, and what is allowed. */
  readonly told: Readonly<Record<string, JsonValue>>;
  /** Headers of the answer. */
  readonly headers: Readonly<Record<string, string>>;

  /** Made by the server. */
  constructor(
    status: number,
    detail: string,
    told: Readonly<Record<string, JsonValue>> = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.name = "HttpError";
    this.status = status;
    this.told = told;
    this.headers = headers;
  }

  /** As a problem. */
  get problem(): Problem {
    return {
      type: "about:blank",
      title: this.told.class as string | undefined ?? TITLES[this.status]!,
      status: this.status,
      detail: this.message,
      ...this.told,
    };
  }
}

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  409: "Conflict",
  410: "Gone",
  412: "Precondition Failed",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

/** An answer, with the headers that every answer has. */
export function respond(
  body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null,
  headers: Readonly<Record<string, string>>,
  status = 200,
): Response {
  // All at once: to set them one by one takes longer than to read a row.
  return new Response(body, {
    status,
    headers: {
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
      "cross-origin-resource-policy": "same-origin",
      ...headers,
    },
  });
}

/** An answer of JSON. */
export function json(
  value: unknown,
  { status = 200, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): Response {
  const text = `${safeJson(JSON.stringify(value))}\n`;
  return respond(text, { "content-type": "application/json", ...headers }, status);
}

/** An answer that says what is wrong. */
export function refusal(problem: Problem, headers: Record<string, string> = {}): Response {
  return json(problem, {
    status: problem.status,
    headers: { "content-type": PROBLEM, ...headers },
  });
}

/** Refuses a method that a route does not have. */
export function notAllowed(method: string, path: string, allowed: readonly string[]): HttpError {
  const allow = allowed.join(", ");
  return new HttpError(
    405,
    `Cannot ${method} ${path}: the methods are ${allow}`,
    { allowed: [...allowed] },
    { allow },
  );
}

/** The media types that a header lists, the most wanted first. */
export function accepted(header: string | null): string[] {
  if (header === null || header.trim() === "") return ["*/*"];
  return header.split(",").map((part, place) => {
    const [type, ...parameters] = part.trim().toLowerCase().split(/\s*;\s*/);
    const quality = parameters.find((one) => one.startsWith("q="))?.slice(2);
    return { type: type!, place, quality: quality === undefined ? 1 : Number(quality) };
  }).filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality || a.place - b.place)
    .map(({ type }) => type);
}

/** The wanted one of the media types on offer; the first of them if anything is welcome. */
export function negotiate<T extends string>(request: Request, offered: readonly T[]): T {
  for (const type of accepted(request.headers.get("accept"))) {
    const found = offered.find((one) =>
      type === "*/*" || one === type || (type.endsWith("/*") && one.startsWith(type.slice(0, -1)))
    );
    if (found !== undefined) return found;
  }
  throw new HttpError(
    406,
    `Cannot answer with ${request.headers.get("accept")}: ask for one of ${offered.join(", ")}`,
    { field: "accept", allowed: [...offered] },
  );
}

/** The media type of the body of a request, without parameters. */
export function mediaType(request: Request): string {
  return (request.headers.get("content-type") ?? "").split(";")[0]!.trim().toLowerCase();
}

/** Whether one of the tags of `If-Match` or `If-None-Match` is `tag`, which is quoted. */
export function hasTag(header: string, tag: string): boolean {
  return header.trim() === "*" ||
    header.split(",").some((one) => one.trim().replace(/^W\//, "") === tag);
}
