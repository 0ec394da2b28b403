/**
 * Rows as JSON objects: one a line, or all in one array.
 *
 * @module
 */

import type { JsonValue } from "../mod.ts";
import { Fault } from "./errors.ts";
import { TextBuffer } from "./pieces.ts";

const [TAB, LF, CR, SPACE, QUOTE, BACKSLASH] = Array.from('\t\n\r "\\', (c) => c.charCodeAt(0));
const [COMMA, OPEN_LIST, CLOSE_LIST, OPEN, CLOSE] = Array.from(",[]{}", (c) => c.charCodeAt(0));

/** A JSON object. */
export interface JsonObject {
  /** Its members. */
  readonly [name: string]: JsonValue;
}

/** An object as it stands in a file. */
export interface JsonRecord {
  /** The line that it begins in, counted from 1. */
  readonly line: number;
  /** All of it. */
  readonly text: string;
  /** It, or what is wrong with it. */
  readonly object: JsonObject | Fault;
}

/** The objects of a text that has one a line; lines of nothing are left out. */
export function* parseNdjson(pieces: Iterable<string>): Generator<JsonRecord> {
  const buffer = new TextBuffer(pieces);
  for (let line = 1; !buffer.done; line++) {
    let to = buffer.codes.indexOf(LF!, buffer.at);
    while (to === buffer.text.length && !buffer.ended) {
      buffer.grow(`line ${line}: the row`);
      to = buffer.codes.indexOf(LF!, buffer.at);
    }
    const text = buffer.line(to);
    if (text.trim() !== "") yield { line, text, object: parseObject(text) };
    buffer.at = to + 1;
  }
}

/**
 * The objects of an array.
 *
 * @param pieces Its text; a piece may end anywhere.
 * @throws {Fault} If there is no such array, with the line.
 */
export function* parseJsonArray(pieces: Iterable<string>): Generator<JsonRecord> {
  const scan = new Scan(pieces);
  if (scan.skip() !== "[") {
    throw scan.fault("an array of objects is expected, if there is an object a line say --ndjson");
  }
  scan.step();
  for (let next = scan.skip(); next !== "]"; next = scan.skip()) {
    const { line } = scan;
    const text = scan.value();
    yield { line, text, object: parseObject(text) };
    const behind = scan.skip();
    if (behind === "]") break;
    if (behind !== ",") throw scan.fault(`"," or "]" is expected behind an object`);
    scan.step();
    if (scan.skip() === "]") throw scan.fault(`an object is expected behind ","`);
  }
  scan.step();
  if (scan.skip() !== "") throw scan.fault("there is something behind the array");
}

/** What may be an integer beyond 2^53; the digits of a fraction are not. */
const LONG_INTEGER_REGEXP = /[[,:\s]-?\d{16}/;

/** The object of a text, or what is wrong with it. */
function parseObject(text: string): JsonObject | Fault {
  let value: unknown;
  try {
    value = LONG_INTEGER_REGEXP.test(text) ? JSON.parse(text, refuseLoss) : JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    return new Fault(error.message);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return new Fault("a JSON object is expected");
  }
  return value as JsonObject;
}

/** A reviver: JSON.parse would round a long integer without a word. */
function refuseLoss(_key: string, value: unknown, context?: { source?: string }): unknown {
  const source = context?.source;
  if (typeof value === "number" && source !== undefined && /^-?\d{16,}$/.test(source)) {
    if (String(value) !== source) {
      throw new RangeError(`${source} is beyond 2^53, write it as text: "${source}"`);
    }
  }
  return value;
}

/** Finds where the values in an array end, which is all that is asked of them here. */
class Scan {
  /** The line that it has come to, counted from 1. */
  line = 1;
  readonly #buffer: TextBuffer;

  constructor(pieces: Iterable<string>) {
    this.#buffer = new TextBuffer(pieces);
  }

  fault(reason: string): Fault {
    return new Fault(`line ${this.line}: ${reason}`);
  }

  /** Goes on by a character. */
  step(): void {
    this.#buffer.at++;
  }

  /** Goes on to what is no blank, and gives it; empty at the end. */
  skip(): string {
    const buffer = this.#buffer;
    for (; !buffer.done; buffer.at++) {
      const code = buffer.codes[buffer.at];
      if (code === LF) this.line++;
      else if (code !== SPACE && code !== CR && code !== TAB) return buffer.text[buffer.at]!;
    }
    return "";
  }

  /** Goes on to behind a value, and gives its text. */
  value(): string {
    const buffer = this.#buffer;
    const line = this.line;
    let depth = 0;
    let inText = false;
    let lines = 0;
    // From the beginning of the value, which moves when more is read.
    for (let n = 0;; n++) {
      while (buffer.at + n >= buffer.text.length) {
        if (buffer.ended) throw new Fault(`line ${line}: the array ends within a value`);
        buffer.grow(`line ${line}: the row`);
      }
      const code = buffer.codes[buffer.at + n];
      if (inText) {
        if (code === BACKSLASH) n++;
        else if (code === QUOTE) inText = false;
        continue;
      }
      const isEnd = code === CLOSE || code === CLOSE_LIST;
      if (depth === 0 && n > 0 && (isEnd || code === COMMA || code === LF)) {
        return this.#take(n, lines);
      }
      if (code === LF) lines++;
      else if (code === QUOTE) inText = true;
      else if (code === OPEN || code === OPEN_LIST) depth++;
      else if (isEnd && --depth <= 0) return this.#take(n + 1, lines);
    }
  }

  #take(length: number, lines: number): string {
    const buffer = this.#buffer;
    const text = buffer.text.slice(buffer.at, buffer.at + length);
    buffer.at += length;
    this.line += lines;
    return text;
  }
}
