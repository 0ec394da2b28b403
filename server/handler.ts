/**
 * From a request to the route that answers it.
 *
 * @module
 */

import config from "../deno.json" with { type: "json" };
import { BaseNotFoundError, WriteError } from "../engine/system/errors.ts";
import { printable } from "../engine/system/printable.ts";
import { problemOf } from "../wire/problem.ts";
import { jsonOf } from "./body.ts";
import { commit, query, watch } from "./calls.ts";
import type { Guard } from "./guard.ts";
import { accepted, HttpError, json, notAllowed, refusal, respond } from "./http.ts";
import { openApi } from "./openapi.ts";
import { isPagePath, pageFile } from "./page.ts";
import { figure, FIGURE_NAMES, list, one, rows } from "./read.ts";
import { ROW_TYPES, type RowForm } from "./rows.ts";
import type { Streams } from "./streams.ts";
import type { ServedTable } from "./table.ts";
import { deleteOne, deleteWhere, insert, updateOne, updateWhere, upsert } from "./write.ts";

/** What a handler needs. */
export interface HandlerOptions {
  /** The tables, by name. */
  readonly tables: ReadonlyMap<string, ServedTable>;
  /** Who may ask. */
  readonly guard: Guard;
  /** The streams. */
  readonly streams: Streams;
  /** Called with errors that nobody expects. */
  readonly report: (error: unknown) => void;
}

/** Answers requests. */
export class Handler {
  readonly #options: HandlerOptions;

  /** @param options What it needs. */
  constructor(options: HandlerOptions) {
    this.#options = options;
  }

  /** Answers a request; it never rejects. */
  async answer(request: Request): Promise<Response> {
    const { guard } = this.#options;
    let answer: Response;
    try {
      answer = await this.#route(request, new URL(request.url));
      if (request.method === "HEAD" && answer.body !== null) {
        await answer.body.cancel();
        answer = new Response(null, answer);
      }
    } catch (error) {
      answer = this.#refusal(error);
    }
    const cors = guard.corsHeaders(request);
    for (const name in cors) {
      if (name === "vary") answer.headers.append(name, cors[name]!);
      else answer.headers.set(name, cors[name]!);
    }
    return answer;
  }

  #refusal(error: unknown): Response {
    if (error instanceof HttpError) return refusal(error.problem, error.headers);
    const { tables, report } = this.#options;
    const problem = problemOf(error, Array.from(tables.values(), ({ dir, name }) => [dir, name]));
    if (problem === undefined) {
      report(error);
      const detail = "Cannot answer: this is a bug in psbase, please report it";
      return refusal(new HttpError(500, detail).problem);
    }
    if (problem.status >= 500) report(error);
    return refusal(problem, problem.status === 503 ? { "retry-after": "1" } : {});
  }

  async #route(request: Request, url: URL): Promise<Response> {
    const { guard, streams } = this.#options;
    guard.checkSite(request, url);
    const method = request.method === "HEAD" ? "GET" : request.method;
    if (method === "OPTIONS") return respond(null, {}, 204);
    const words = wordsOf(url.pathname);
    if (method === "GET" && isPagePath(words)) return await pageFile(request, words);
    if (words[0] === "~login") {
      allow(request, url, ["POST"]);
      const body = await jsonOf(request) as { token?: unknown } | null;
      const cookie = guard.login(body?.token, url);
      return respond(null, { "set-cookie": cookie }, 204);
    }
    // The page asks for a token by itself: it opens without one, and shows no data.
    if (method === "GET" && wantsPage(request)) {
      if (words.length === 0 || (words.length === 1 && this.#find(words[0]!) !== undefined)) {
        return await pageFile(request, ["~page", "index.html"]);
      }
    }
    guard.checkToken(request, url);
    const [first, ...rest] = words;
    if (first === undefined || first === "~tables") {
      allow(request, url, ["GET"]);
      return this.#tables();
    }
    if (first === "~openapi.json") {
      allow(request, url, ["GET"]);
      return json(openApi(this.#options.tables.values(), config.version));
    }
    if (first === "~changes") {
      allow(request, url, ["GET"]);
      return await streams.ofTables(this.#options.tables, request, url);
    }
    return await this.#routeTable(request, url, method, first, rest);
  }

  async #routeTable(
    request: Request,
    url: URL,
    method: string,
    first: string,
    rest: readonly string[],
  ): Promise<Response> {
    const [, name = first, suffix] = /^(.+)\.(json|ndjson|csv)$/.exec(first) ?? [];
    const exact = this.#find(first);
    const table = exact ?? this.#find(name);
    if (table === undefined || rest.length > 1) throw this.#noRoute(url, first);
    const form = exact === undefined ? suffix as RowForm : undefined;
    const answer = () => this.#answerTable(table, request, url, method, rest[0], form);
    try {
      return await answer();
    } catch (error) {
      // A handle whose sync failed refuses work: the next request gets another one.
      if (error instanceof WriteError && error.outcome === "unknown") await table.reopen();
      if (!(error instanceof BaseNotFoundError) || !await table.reopen()) throw error;
      // The body of another request was read.
      if (method !== "GET") throw error;
      return await answer();
    }
  }

  async #answerTable(
    table: ServedTable,
    request: Request,
    url: URL,
    method: string,
    word: string | undefined,
    form: RowForm | undefined,
  ): Promise<Response> {
    if (word === undefined) {
      if (method === "GET") return list(table, request, url, form);
      if (form !== undefined) throw notAllowed(method, url.pathname, ["GET"]);
      if (method === "POST") return await insert(table, request, url);
      if (method === "PATCH") return await updateWhere(table, request, url);
      if (method === "PUT") return await upsert(table, request, url);
      if (method === "DELETE") return await deleteWhere(table, request, url);
      throw notAllowed(method, url.pathname, ["GET", "POST", "PATCH", "PUT", "DELETE"]);
    }
    if (/^\d{1,16}$/.test(word)) {
      const id = Number(word);
      if (method === "GET") return one(table, request, url, id);
      if (method === "PATCH") return await updateOne(table, request, url, id);
      if (method === "DELETE") return await deleteOne(table, request, url, id);
      throw notAllowed(method, url.pathname, ["GET", "PATCH", "DELETE"]);
    }
    const route = word.startsWith("~") ? word.slice(1) : "";
    switch (route) {
      case "query":
        allow(request, url, ["POST"]);
        return await query(table, request);
      case "commit":
        allow(request, url, ["POST"]);
        return await commit(table, request);
      case "watch":
        allow(request, url, ["POST"]);
        return await watch(table, request, this.#options.streams);
      case "changes":
        allow(request, url, ["GET"]);
        return await this.#options.streams.ofTable(table, request, url);
      case "check":
        allow(request, url, ["GET"]);
        return json(await table.base.check());
      case "rows":
        allow(request, url, ["GET"]);
        return rows(table, url);
    }
    const answer = figure(table, url, route);
    if (answer === undefined) throw this.#noRoute(url, table.name);
    allow(request, url, ["GET"]);
    return answer;
  }

  #find(name: string): ServedTable | undefined {
    return this.#options.tables.get(name);
  }

  #tables(): Response {
    const tables = Array.from(this.#options.tables.values(), (table) => ({
      name: table.name,
      rows: rowsOf(table),
      write: table.isWritable,
    }));
    return json({ tables, version: config.version }, { headers: { "cache-control": "no-cache" } });
  }

  #noRoute({ pathname }: URL, first: string): HttpError {
    const names = [...this.#options.tables.keys()];
    const isTable = this.#find(first) !== undefined;
    const routes = [...FIGURE_NAMES, "changes", "rows", "check", "query", "commit", "watch"];
    const reason = isTable
      ? `the routes of a table are its ids and ${routes.map((route) => `~${route}`).join(" ")}`
      : names.length === 0
      ? "no table is served"
      : `the tables are ${names.join(", ")}`;
    return new HttpError(404, `Cannot find ${printable(pathname)}: ${reason}`, {
      allowed: isTable ? routes : names,
    });
  }
}

/** How many rows there are; null for a table that was destroyed. */
function rowsOf({ base }: ServedTable): number | null {
  try {
    return base.size;
  } catch (error) {
    if (error instanceof BaseNotFoundError) return null;
    throw error;
  }
}

/** The words of a path. */
function wordsOf(path: string): string[] {
  try {
    return path.split("/").filter((word) => word !== "").map(decodeURIComponent);
  } catch {
    throw new HttpError(400, `Cannot read ${path}: it is no address`);
  }
}

/** Whether a browser wants to show a page. */
function wantsPage(request: Request): boolean {
  const types = accepted(request.headers.get("accept"));
  const at = types.indexOf("text/html");
  return at >= 0 &&
    types.slice(0, at).every((type) => !Object.values(ROW_TYPES).includes(type as never));
}

/** Refuses other methods. */
function allow(request: Request, url: URL, methods: readonly string[]): void {
  if (methods.includes(request.method === "HEAD" ? "GET" : request.method)) return;
  throw notAllowed(request.method, url.pathname, methods);
}
