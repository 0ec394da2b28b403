/**
 * engine/system/printable.ts
 *
 * @module
 */

/** Control characters, which a terminal obeys, and those that turn the direction of a line. */
export const UNSAFE_REGEXP = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

const SHORT: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** A character of the basic plane, as JSON and JavaScript write it. */
export function unicodeEscape(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Text in which nothing is left that a terminal would obey. */
export function printable(text: string): string {
  return text.replace(UNSAFE_REGEXP, (char) => {
    const code = char.charCodeAt(0);
    return SHORT[char] ??
      (code > 255 ? unicodeEscape(char) : `\\x${code.toString(16).padStart(2, "0")}`);
  });
}
