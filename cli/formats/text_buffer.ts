/**
 * A text that comes in pieces. Readers look at it as far as they need.
 *
 * @module
 */

import { Fault } from "../process/errors.ts";

/** The longest row of a file, in characters; a value has at most 64 MiB. */
const MAX_LENGTH = 2 ** 28;

const ENCODER = new TextEncoder();
const LF = 10;

/** The part of a text that is loaded and not yet read. */
export class TextBuffer {
  /** The loaded text. */
  text = "";
  /**
   * A byte for each character of it: its code where it is ASCII, 255 elsewhere. Scanning bytes is
   * several times as fast as scanning text. An LF stands after the last one, so that a search for
   * LF need not check for the end.
   */
  codes: Uint8Array<ArrayBuffer> = Uint8Array.of(LF);
  /** Where the next reader begins. */
  at = 0;
  /** Whether all pieces are loaded. */
  ended = false;
  readonly #pieces: Iterator<string>;

  constructor(pieces: Iterable<string>) {
    this.#pieces = pieces[Symbol.iterator]();
  }

  /** Whether everything is read. Loads the next piece if it has to. */
  get done(): boolean {
    while (this.at >= this.text.length && !this.ended) this.#next();
    return this.at >= this.text.length;
  }

  /** The text up to `to`, the end of a line, without the CR before it. */
  line(to: number): string {
    const isLine = this.text[to] === "\n" && this.text[to - 1] === "\r" && to > this.at;
    return this.text.slice(this.at, isLine ? to - 1 : to);
  }

  /**
   * Loads as much again as is there, and moves the unread text to the beginning. By doubling, a
   * reader that begins anew after each call does no more than twice the work.
   */
  grow(what: string): void {
    const length = (this.text.length - this.at) * 2;
    do this.#next(); while (this.text.length < length && !this.ended);
    if (this.text.length <= MAX_LENGTH) return;
    throw new Fault(`${what} is longer than ${MAX_LENGTH} characters, is a quote not closed?`);
  }

  #next(): void {
    const { done, value } = this.#pieces.next();
    if (done) {
      this.ended = true;
      return;
    }
    const rest = this.text.slice(this.at);
    const length = rest.length + value.length;
    if (length >= this.codes.length) {
      const codes = new Uint8Array(2 * length);
      codes.set(this.codes.subarray(this.at, this.text.length));
      this.codes = codes;
    } else if (this.at > 0) {
      this.codes.copyWithin(0, this.at, this.text.length);
    }
    putCodes(value, this.codes.subarray(rest.length, length));
    this.codes[length] = LF;
    this.text = rest + value;
    this.at = 0;
  }
}

/** Writes the code of each character into `codes`, 255 where it is not ASCII. */
function putCodes(text: string, codes: Uint8Array): void {
  // If the UTF-8 of the text needs one byte for each character, it is all ASCII.
  if (ENCODER.encodeInto(text, codes).read === text.length) return;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    codes[i] = code < 128 ? code : 255;
  }
}
