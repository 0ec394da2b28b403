/**
 * Paths, without a library that would slow down the start.
 *
 * @module
 */

import { describe } from "./check.ts";
import { currentDir } from "./deno_file.ts";

const SEPARATOR = Deno.build.os === "windows" ? "\\" : "/";

/**
 * The absolute path of a path or a `file:` URL, without a separator at its end. It stays the same
 * when the program changes its working directory.
 */
export function toPath(path: string | URL): string {
  if (typeof path !== "string" && !(path instanceof URL)) {
    throw new TypeError(`The path: ${describe(path)}, expected a string or a file: URL`);
  }
  const text = typeof path === "string" ? path : fileUrlPath(path);
  if (text === "") throw new TypeError("A path must not be empty");
  const whole = text.length > 1 && text.endsWith(SEPARATOR) ? text.slice(0, -1) : text;
  if (isAbsolute(whole)) return whole;
  const from = currentDir();
  if (from === undefined) return whole;
  // Only at the beginning: after a symbolic link, ".." leads elsewhere than the text says.
  const steps = whole.split(SEPARATOR);
  let dir = from;
  while (steps[0] === "." || steps[0] === "..") if (steps.shift() === "..") dir = parentOf(dir);
  return steps.length === 0 ? dir : join(dir, steps.join(SEPARATOR));
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

/** The directory that contains `path`. */
export function parentOf(path: string): string {
  const at = path.lastIndexOf(SEPARATOR);
  return at < 0 ? "." : at === 0 ? SEPARATOR : path.slice(0, at);
}

/** The last name in a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf(SEPARATOR) + 1);
}

/** Whether a path is absolute. */
export function isAbsolute(path: string): boolean {
  return path.startsWith(SEPARATOR) || /^[A-Za-z]:/.test(path);
}

/** `to` relative to `from`, both absolute; with `/` on all systems, as files store it. */
export function relativePath(from: string, to: string): string {
  const here = from.split(SEPARATOR);
  const there = to.split(SEPARATOR);
  // No relative path leads to another drive of Windows.
  if (here[0] !== there[0]) return to;
  let common = 0;
  while (common < here.length && here[common] === there[common]) common++;
  return [...here.slice(common).map(() => ".."), ...there.slice(common)].join("/");
}

/** The absolute path of a {@linkcode relativePath}. */
export function resolvePath(from: string, relative: string): string {
  if (isAbsolute(relative)) return relative;
  const path = from.split(SEPARATOR);
  for (const step of relative.split("/")) {
    if (step === "..") path.pop();
    else if (step !== "." && step !== "") path.push(step);
  }
  return path.join(SEPARATOR);
}
