/**
 * The page: its files, and where they are.
 *
 * @module
 */

import { hasTag, HttpError, respond } from "./http.ts";
import { PAGE_FILES } from "./page_files.ts";

/** What the page may do: nothing but to load its own files and to ask its own server. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
  "img-src 'self' data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; " +
  "require-trusted-types-for 'script'";

/** Whether a path is that of a file of the page. */
export function isPagePath(words: readonly string[]): boolean {
  return words[0] === "~page";
}

/** A file of the page. */
export function pageFile(request: Request, [, name = ""]: readonly string[]): Response {
  const file = Object.hasOwn(PAGE_FILES, name) ? PAGE_FILES[name] : undefined;
  if (file === undefined) throw new HttpError(404, `Cannot find file ${name} of the page`);
  const headers: Record<string, string> = {
    "content-type": file.type,
    etag: file.tag,
    "cache-control": "no-cache",
    "content-security-policy": POLICY,
    "x-frame-options": "DENY",
    vary: "accept",
  };
  const tags = request.headers.get("if-none-match");
  if (tags !== null && hasTag(tags, file.tag)) return respond(null, headers, 304);
  return respond(file.text, headers);
}
