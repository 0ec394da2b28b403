/**
 * The little that psbase needs of paths, so that it starts without a library.
 *
 * @module
 */

const SEPARATOR = Deno.build.os === "windows" ? "\\" : "/";

/** A path from a path or a `file:` URL, without separators at its end. */
export function toPath(path: string | URL): string {
  const text = typeof path === "string" ? path : fileUrlPath(path);
  if (text === "") throw new TypeError("A path must not be empty");
  return text.length > 1 && text.endsWith(SEPARATOR) ? text.slice(0, -1) : text;
}

function fileUrlPath(url: URL): string {
  if (url.protocol !== "file:") throw new TypeError(`"${url.href}" is no file: URL`);
  const path = decodeURIComponent(url.pathname);
  return Deno.build.os === "windows" ? path.replace(/^\//, "").replaceAll("/", "\\") : path;
}

/** `name` in `dir`. */
export function join(dir: string, name: string): string {
  return dir.endsWith(SEPARATOR) ? dir + name : dir + SEPARATOR + name;
}

/** The directory that `path` stands in. */
export function parentOf(path: string): string {
  const at = path.lastIndexOf(SEPARATOR);
  return at < 0 ? "." : at === 0 ? SEPARATOR : path.slice(0, at);
}
