/**
 * Rows as JSON objects: one per line, or all in one array.
 *
 * @module
 */

import { excerpt } from "../../engine/system/check.ts";
import type { JsonValue } from "../../mod.ts";
import { Fault } from "../process/errors.ts";
import { holds, isSameNumber, longIntegerOf } from "./plain_number.ts";
import { TextBuffer } from "./text_buffer.ts";

const [TAB, LF, CR, SPACE, QUOTE, BACKSLASH] = Array.from('\t\n\r "\\', (c) => c.charCodeAt(0));
const [COMMA, OPEN_LIST, CLOSE_LIST, OPEN, CLOSE] = Array.from(",[]{}", (c) => c.charCodeAt(0));

/** A JSON object. */
export interface JsonObject {
  /** Its members. An integer that a number would round is a bigint. */
  readonly [name: string]: JsonValue | bigint;
}

/** An object of a file. */
export interface JsonRecord {
  /** The line in which it begins, counted from 1. */
  readonly line: number;
  /** Its whole text. */
  readonly text: string;
  /** The object, or what is wrong with it. */
  readonly object: JsonObject | Fault;
}

/** The objects of a text with one per line. Blank lines are skipped. */
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
 * @param pieces The text of the array; a piece may end anywhere.
 * @throws {Fault} If the text is not such an array, with the line.
 */
export function* parseJsonArray(pieces: Iterable<string>): Generator<JsonRecord> {
  const scan = new Scan(pieces);
  if (scan.skip() !== "[") {
    throw scan.fault(
      "an array of objects is expected; if there is an object per line, say --ndjson",
    );
  }
  scan.step();
  for (let next = scan.skip(); next !== "]"; next = scan.skip()) {
    const { line } = scan;
    const text = scan.value();
    yield { line, text, object: parseObject(text) };
    const after = scan.skip();
    if (after === "]") break;
    if (after !== ",") throw scan.fault(`"," or "]" is expected after an object`);
    scan.step();
    if (scan.skip() === "]") throw scan.fault(`an object is expected after ","`);
  }
  scan.step();
  if (scan.skip() !== "") throw scan.fault("the text goes on after the array");
}

/** Text that may be a number to be rounded: it has 16 digits or more, or an exponent. */
const LONG_NUMBER_REGEXP =
  /(?:^|[[,:\s])(-?(?:0\.0*)?[1-9](?:\.?\d){15,}(?:[eE][-+]?\d+)?|-?\d[\d.]*[eE][-+]?\d+)/g;

/** The object of a text, or the reason why it is not one. */
function parseObject(text: string): JsonObject | Fault {
  let value: unknown;
  try {
    value = parseExact(text, true);
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof RangeError)) throw error;
    return new Fault(error.message);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return new Fault("a JSON object is expected");
  }
  return value as JsonObject;
}

/**
 * Parses JSON, and rounds no number.
 *
 * @param text JSON.
 * @param isRow Whether a member of the object may be a long integer, which becomes a bigint.
 * @throws {SyntaxError} If the text is not JSON.
 * @throws {RangeError} If it has a number that `JSON.parse` would round.
 */
export function parseExact(text: string, isRow = false): unknown {
  // In a string, text that looks like a long number only costs a closer look.
  if (text.matchAll(LONG_NUMBER_REGEXP).every(([, number]) => isExact(Number(number), number!))) {
    return JSON.parse(text);
  }
  const long: { holder: unknown; source: string }[] = [];
  const value = JSON.parse(text, function (_key, value, context?: { source?: string }) {
    const source = context?.source;
    if (typeof value !== "number" || source === undefined || isExact(value, source)) return value;
    long.push({ holder: this, source });
    return longIntegerOf(source) ?? refuseLoss(source);
  });
  const nested = long.find(({ holder }) => !isRow || holder !== value);
  if (nested !== undefined) refuseLoss(nested.source);
  return value;
}

/** Whether a number has the value of its text; a long integer must have all of its digits. */
function isExact(value: number, source: string): boolean {
  const isLong = Number.isInteger(value) && !Number.isSafeInteger(value);
  return isLong ? isSameNumber(String(value), source) : holds(value, source);
}

function refuseLoss(source: string): never {
  const quoted = excerpt(source);
  throw new RangeError(`${quoted.slice(1, -1)} would be rounded, write it as text: ${quoted}`);
}

/** Finds where the values of an array end. It does not look into them. */
class Scan {
  /** The current line, counted from 1. */
  line = 1;
  readonly #buffer: TextBuffer;

  constructor(pieces: Iterable<string>) {
    this.#buffer = new TextBuffer(pieces);
  }

  fault(reason: string): Fault {
    return new Fault(`line ${this.line}: ${reason}`);
  }

  /** Moves on by a character. */
  step(): void {
    this.#buffer.at++;
  }

  /** Moves to the next character that is not blank, and gives it; nothing at the end. */
  skip(): string {
    const buffer = this.#buffer;
    for (; !buffer.done; buffer.at++) {
      const code = buffer.codes[buffer.at];
      if (code === LF) this.line++;
      else if (code !== SPACE && code !== CR && code !== TAB) return buffer.text[buffer.at]!;
    }
    return "";
  }

  /** Moves past a value, and gives its text. */
  value(): string {
    const buffer = this.#buffer;
    const line = this.line;
    let depth = 0;
    let inText = false;
    let lines = 0;
    // Counted from the beginning of the value, which moves when the buffer grows.
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
