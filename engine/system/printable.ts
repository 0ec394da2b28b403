/**
 * Text that is safe to print: names, paths and values of others may hold what a terminal obeys.
 *
 * @module
 */

/** Control characters, which a terminal obeys, and characters that change the direction of text. */
export const UNSAFE_REGEXP = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

const SHORT: Record<string, string> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** A character below U+10000 as JSON and JavaScript escape it. */
export function unicodeEscape(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** The text with escapes in place of all {@linkcode UNSAFE_REGEXP} characters. */
export function printable(text: string): string {
  return text.replace(UNSAFE_REGEXP, (char) => {
    const code = char.charCodeAt(0);
    return SHORT[char] ??
      (code > 255 ? unicodeEscape(char) : `\\x${code.toString(16).padStart(2, "0")}`);
  });
}

/** Escapes the control characters that JSON leaves alone and a terminal obeys. */
export function safeJson(json: string): string {
  // Line ends are only there where JSON is indented.
  return json.replace(UNSAFE_REGEXP, (char) => char === "\n" ? char : unicodeEscape(char));
}
