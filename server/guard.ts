/**
 * Who may ask: the guards before every route.
 *
 * - The name in `Host` must be one of the server's own. Otherwise a foreign page could give its own
 *   name the server's address, and the browser would take both for one site (DNS rebinding).
 * - A browser must ask from a page of the server itself, or of an origin that was allowed.
 * - A token must come in a header or in a cookie: an address is written to logs and histories.
 *
 * @module
 */

import { timingSafeEqual } from "node:crypto";
import { HttpError } from "./http.ts";

/** Whom the server answers. */
export interface GuardOptions {
  /** Names of the server besides `localhost` and addresses. */
  readonly hosts: readonly string[];
  /** Who knows one of them may ask; nobody needs one if there is none. */
  readonly tokens: readonly string[];
  /** Origins whose pages may ask. */
  readonly cors: readonly string[];
}

/** The name of the cookie: servers on other ports have others, as browsers share cookies of ports. */
function cookieName({ port }: URL): string {
  return `psbase_token_${port}`;
}

const ADDRESS_REGEXP = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:.]+\])$/;
const encoder = new TextEncoder();

/** The guards. */
export class Guard {
  readonly #hosts: ReadonlySet<string>;
  readonly #tokens: readonly Uint8Array[];
  readonly #cors: ReadonlySet<string>;

  /** @param options Whom the server answers. */
  constructor({ hosts, tokens, cors }: GuardOptions) {
    this.#hosts = new Set(["localhost", ...hosts.map((name) => name.toLowerCase())]);
    this.#tokens = tokens.map((token) => encoder.encode(token));
    this.#cors = new Set(cors);
  }

  /** Refuses a request for another host, or from a page of another site. */
  checkSite(request: Request, url: URL): void {
    // An address is no name that somebody could give away.
    const host = url.hostname.toLowerCase();
    if (!this.#hosts.has(host) && !ADDRESS_REGEXP.test(host)) {
      throw new HttpError(
        421,
        `Cannot answer for host ${JSON.stringify(host)}: this server is not called so, say ` +
          `--host ${host} if it is`,
        { field: "host" },
      );
    }
    if (!this.#isOwnPage(request, url)) {
      throw new HttpError(
        403,
        "Cannot answer a page of another site: allow its origin with --cors",
        { field: "origin" },
      );
    }
  }

  #isOwnPage({ method, headers }: Request, url: URL): boolean {
    const origin = headers.get("origin");
    if (origin !== null && this.#cors.has(origin)) return true;
    const site = headers.get("sec-fetch-site");
    const isNavigation = headers.get("sec-fetch-mode") === "navigate";
    // A link may lead here from anywhere: the page that it opens asks on its own.
    if (isNavigation && (method === "GET" || method === "HEAD")) return true;
    if (site !== null) return site === "same-origin" || site === "none";
    // The scheme is that of the proxy in front.
    return origin === null || URL.parse(origin)?.host === url.host;
  }

  /** Refuses a request without a token. */
  checkToken(request: Request, url: URL): void {
    if (this.#tokens.length === 0 || this.#holds(bearer(request))) return;
    if (this.#holds(cookie(request, cookieName(url)))) return;
    throw new HttpError(
      401,
      "Cannot answer without the token: send it as Authorization: Bearer TOKEN",
      { field: "authorization" },
      { "www-authenticate": "Bearer" },
    );
  }

  #holds(given: string | undefined): boolean {
    if (given === undefined) return false;
    const bytes = encoder.encode(given);
    // Every token is compared, and each in constant time: how long it takes tells nothing.
    return this.#tokens.filter((token) =>
      token.length === bytes.length && timingSafeEqual(token, bytes)
    ).length > 0;
  }

  /** The cookie that stands for a token. */
  login(token: unknown, url: URL): string {
    if (typeof token !== "string" || !this.#holds(token)) {
      throw new HttpError(401, "Cannot log in: this is not the token of the server", {
        field: "token",
      });
    }
    const secure = url.protocol === "https:" ? "; Secure" : "";
    const value = encodeURIComponent(token);
    return `${cookieName(url)}=${value}; Path=/; HttpOnly; SameSite=Strict${secure}`;
  }

  /** The headers by which a browser lets a page of another origin ask. */
  corsHeaders({ headers }: Request): Record<string, string> {
    if (this.#cors.size === 0) return {};
    const origin = headers.get("origin");
    if (origin === null || !this.#cors.has(origin)) return { vary: "origin" };
    return {
      vary: "origin",
      "access-control-allow-origin": origin,
      "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
      "access-control-allow-headers":
        "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, prefer",
      "access-control-expose-headers":
        "content-range, etag, location, psbase-sequence, retry-after",
      "access-control-max-age": "600",
    };
  }
}

function bearer({ headers }: Request): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1];
}

function cookie({ headers }: Request, name: string): string | undefined {
  for (const pair of (headers.get("cookie") ?? "").split(/; */)) {
    if (!pair.startsWith(`${name}=`)) continue;
    try {
      return decodeURIComponent(pair.slice(name.length + 1));
    } catch {
      // It is not one of ours.
    }
  }
  return undefined;
}
