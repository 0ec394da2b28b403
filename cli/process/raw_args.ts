/**
 * Words of the command line that are not UTF-8 (on Windows: not UTF-16). Deno replaces the bytes
 * that it cannot decode by U+FFFD, so without this check the table would get another value than the
 * one that was given.
 *
 * @module
 */

import { UsageError } from "./errors.ts";

/** Stands in a word for bytes that Deno could not decode; it may also be meant. */
const REPLACEMENT = "\ufffd";

/**
 * Refuses words that Deno could not decode.
 *
 * @param args `Deno.args`
 * @throws {UsageError} If a word is not UTF-8. Only Linux with `--allow-all` shows the bytes;
 * elsewhere: if a word holds U+FFFD.
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

/** The last words of the command line, `undefined` for each that is not UTF-8. */
function givenArgs(count: number): (string | undefined)[] | undefined {
  let line: Uint8Array;
  try {
    line = Deno.readFileSync("/proc/self/cmdline");
  } catch {
    return undefined;
  }
  const words: (string | undefined)[] = [];
  // Each word ends with a zero byte.
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
