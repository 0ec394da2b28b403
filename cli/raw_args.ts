/**
 * Words of the command line that are not UTF-8, or on Windows not UTF-16. Deno puts U+FFFD where
 * something else stood, so without this check another value would be stored than was given.
 *
 * @module
 */

import { UsageError } from "./errors.ts";

/** What stands in a word for what could not be read; it may have been given, too. */
const REPLACEMENT = "\ufffd";

/**
 * Refuses words that were not read as they were given.
 *
 * @param args `Deno.args`
 * @throws {UsageError} If the bytes are no text. Where the system does not show them (all but
 * Linux, or without `--allow-all`): if a word holds U+FFFD.
 */
export function checkArgs(args: readonly string[]): void {
  if (!args.some((arg) => arg.includes(REPLACEMENT))) return;
  const given = givenArgs(args.length);
  args.forEach((arg, i) => {
    if (!arg.includes(REPLACEMENT)) return;
    const told = JSON.stringify(arg);
    if (given === undefined) {
      throw new UsageError(
        `${told} holds U+FFFD, which stands for bytes that are not UTF-8; if it is meant, import ` +
          `it from a file`,
      );
    }
    if (given[i] !== arg) {
      throw new UsageError(`${told} holds bytes that are not UTF-8, convert them first`);
    }
  });
}

/** The last words of the command line, `undefined` for those that are not UTF-8. */
function givenArgs(count: number): (string | undefined)[] | undefined {
  let line: Uint8Array;
  try {
    line = Deno.readFileSync("/proc/self/cmdline");
  } catch {
    return undefined;
  }
  const words: (string | undefined)[] = [];
  // Each ends with a zero byte.
  let at = 0;
  for (let end = line.indexOf(0); end >= 0; end = line.indexOf(0, at)) {
    words.push(textOf(line.subarray(at, end)));
    at = end + 1;
  }
  return words.slice(-count);
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
