/**
 * Text on a terminal: how wide it is, and how it is kept from doing anything
 * there but being read.
 *
 * @module
 */

const ASCII_REGEXP = /^[\x20-\x7e]*$/;
/** East Asian wide and full-width characters, and what is shown as an emoji. */
const WIDE_REGEXP =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{17000}-\u{18aff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}\ufe0f]/u;
const EMPTY_REGEXP = /^[\p{M}\p{Cf}]+$/u;

let segmenter: Intl.Segmenter | undefined;

/** What is seen as one character, with how many places it takes. */
function* characters(text: string): Generator<[character: string, width: number]> {
  segmenter ??= new Intl.Segmenter("en");
  for (const { segment } of segmenter.segment(text)) {
    yield [segment, EMPTY_REGEXP.test(segment) ? 0 : WIDE_REGEXP.test(segment) ? 2 : 1];
  }
}

/** How many places of a terminal a printable text takes. */
export function widthOf(text: string): number {
  if (ASCII_REGEXP.test(text)) return text.length;
  return characters(text).reduce((sum, [, width]) => sum + width, 0);
}

/** Fills up or cuts a printable text to `width` places. */
export function fit(text: string, width: number, side: "left" | "right"): string {
  const room = width - widthOf(text);
  if (room >= 0) return side === "left" ? text + " ".repeat(room) : " ".repeat(room) + text;
  let cut = "";
  let left = width - 1; // for the sign that something is missing
  for (const [character, wide] of characters(text)) {
    if (wide > left) break;
    cut += character;
    left -= wide;
  }
  return `${cut}…${" ".repeat(left)}`;
}
