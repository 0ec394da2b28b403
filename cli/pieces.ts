/**
 * Text that comes in pieces, as far as it is looked at.
 *
 * @module
 */

import { Fault } from "./errors.ts";

/** A row of a file is not longer than so many characters; a value has 64 MiB at most. */
const MAX_LENGTH = 2 ** 28;

const ENCODER = new TextEncoder();
const LF = 10;

/** What is not yet dealt with of a text. */
export class TextBuffer {
  /** What is there of it. */
  text = "";
  /**
   * A byte for each character of that, which is its code where it is ASCII: bytes are looked at
   * several times as fast as text. Behind the last one stands an LF, so that who looks for one need
   * not look for the end.
   */
  codes: Uint8Array<ArrayBuffer> = Uint8Array.of(LF);
  /** What comes before was dealt with. */
  at = 0;
  /** Whether no more comes. */
  ended = false;
  readonly #pieces: Iterator<string>;

  constructor(pieces: Iterable<string>) {
    this.#pieces = pieces[Symbol.iterator]();
  }

  /** Whether all was dealt with. */
  get done(): boolean {
    while (this.at >= this.text.length && !this.ended) this.#next();
    return this.at >= this.text.length;
  }

  /** What is there up to an end of a line, without that. */
  line(to: number): string {
    const isLine = this.text[to] === "\n" && this.text[to - 1] === "\r" && to > this.at;
    return this.text.slice(this.at, isLine ? to - 1 : to);
  }

  /**
   * Twice as much as is there, so that what is looked at again and again costs no more than that.
   * Moves it to the beginning.
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

/** Puts the code of each character into `codes`, 255 where it is not ASCII. */
function putCodes(text: string, codes: Uint8Array): void {
  // All is ASCII if so many bytes are enough for it.
  if (ENCODER.encodeInto(text, codes).read === text.length) return;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    codes[i] = code < 128 ? code : 255;
  }
}
