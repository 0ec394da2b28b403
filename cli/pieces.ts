/**
 * Text that comes in pieces, as far as it is looked at.
 *
 * @module
 */

import { Fault } from "./errors.ts";

/** A row of a file is not longer than so many characters; a value has 64 MiB at most. */
const MAX_LENGTH = 2 ** 28;

/** What is not yet dealt with of a text. */
export class TextBuffer {
  /** What is there of it. */
  text = "";
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

  /** Where something is, or the end of all text. Moves what is there to the beginning, if need be. */
  find(wanted: string): number {
    for (let seen = 0;;) {
      const found = this.text.indexOf(wanted, this.at + seen);
      if (found >= 0) return found;
      if (this.ended) return this.text.length;
      seen = this.text.length - this.at;
      this.grow("a line");
    }
  }

  /** What is there up to an end of a line, without that. */
  line(to: number): string {
    const isLine = this.text[to] === "\n" && this.text[to - 1] === "\r" && to > this.at;
    return this.text.slice(this.at, isLine ? to - 1 : to);
  }

  /** Twice as much as is there, so that what is looked at again and again costs no more than that. */
  grow(what: string): void {
    const length = (this.text.length - this.at) * 2;
    do this.#next(); while (this.text.length < length && !this.ended);
    if (this.text.length <= MAX_LENGTH) return;
    throw new Fault(`${what} is longer than ${MAX_LENGTH} characters, is a quote not closed?`);
  }

  #next(): void {
    const { done, value } = this.#pieces.next();
    if (done) this.ended = true;
    else {
      this.text = this.text.slice(this.at) + value;
      this.at = 0;
    }
  }
}
