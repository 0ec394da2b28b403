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

/** The files as they are sent, compressed once. */
const compressed = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();

function gzip(name: string, text: string): Promise<Uint8Array<ArrayBuffer>> {
  let bytes = compressed.get(name);
  if (bytes === undefined) {
    const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
    compressed.set(name, bytes = new Response(stream).bytes());
  }
  return bytes;
}

/** A file of the page. */
export async function pageFile(
  request: Request,
  [, name = ""]: readonly string[],
): Promise<Response> {
  const file = Object.hasOwn(PAGE_FILES, name) ? PAGE_FILES[name] : undefined;
  if (file === undefined) throw new HttpError(404, `Cannot find file ${name} of the page`);
  const headers: Record<string, string> = {
    "content-type": file.type,
    etag: file.tag,
    "cache-control": "no-cache",
    "content-security-policy": POLICY,
    "x-frame-options": "DENY",
    vary: "accept, accept-encoding",
  };
  const tags = request.headers.get("if-none-match");
  if (tags !== null && hasTag(tags, file.tag)) return respond(null, headers, 304);
  if (!/\bgzip\b/.test(request.headers.get("accept-encoding") ?? "")) {
    return respond(file.text, headers);
  }
  return respond(await gzip(name, file.text), { ...headers, "content-encoding": "gzip" });
}
