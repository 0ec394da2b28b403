/**
 * How many cells of a terminal a text takes, and how it is fitted into some.
 *
 * @module
 */

const ASCII_REGEXP = /^[\x20-\x7e]*$/;
/** East Asian wide and full-width characters, and emoji. */
const WIDE_REGEXP =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{17000}-\u{18aff}\u{1b000}-\u{1b2ff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}\ufe0f]/u;
const EMPTY_REGEXP = /^[\p{M}\p{Cf}]+$/u;

let segmenter: Intl.Segmenter | undefined;

/** The characters as people see them, each with the cells that it takes. */
function* characters(text: string): Generator<[character: string, width: number]> {
  segmenter ??= new Intl.Segmenter("en");
  for (const { segment } of segmenter.segment(text)) {
    yield [segment, EMPTY_REGEXP.test(segment) ? 0 : WIDE_REGEXP.test(segment) ? 2 : 1];
  }
}

/** How many cells a printable text takes; if they are more than `most`, any number above it. */
export function cellWidth(text: string, most = Infinity): number {
  if (ASCII_REGEXP.test(text)) return text.length;
  let sum = 0;
  for (const [, width] of characters(text)) {
    sum += width;
    if (sum > most) break;
  }
  return sum;
}

/** Pads or cuts a printable text to `width` cells. */
export function fit(text: string, width: number, side: "left" | "right"): string {
  const room = width - cellWidth(text, width);
  if (room >= 0) return side === "left" ? text + " ".repeat(room) : " ".repeat(room) + text;
  let cut = "";
  let left = width - 1; // for the ellipsis
  for (const [character, wide] of characters(text)) {
    if (wide > left) break;
    cut += character;
    left -= wide;
  }
  return `${cut}…${" ".repeat(left)}`;
}
