/**
 * Parses values from text, by ISO 8601 or by a pattern that the user sets for a type.
 *
 * @module
 */

import { excerpt, wrongType } from "../system/check.ts";
import type { ValueType } from "./values.ts";

// Patterns follow Python's strptime with two exceptions: blanks match only themselves, and names of
// months and days are missing, because they depend on a language.
const TWO_DIGITS = String.raw`\d{1,2}`;
const DIRECTIVES: ReadonlyMap<string, string> = new Map([
  ["%d", TWO_DIGITS],
  ["%m", TWO_DIGITS],
  ["%y", TWO_DIGITS],
  ["%Y", String.raw`\d{4}|[+-]\d{6}`],
  ["%H", TWO_DIGITS],
  ["%M", TWO_DIGITS],
  ["%S", TWO_DIGITS],
  ["%f", String.raw`\d{1,9}`],
]);

// The parts that each type needs, as in ISO 8601. Missing seconds and fractions are 0.
const DATE_PARTS = ["%d", "%m", "%y or %Y"];
const TIME_PARTS = ["%H", "%M"];
const NEEDED: ReadonlyMap<string, readonly string[]> = new Map([
  ["date", DATE_PARTS],
  ["time", TIME_PARTS],
  ["datetime", [...DATE_PARTS, ...TIME_PARTS]],
  ["timestamp", [...DATE_PARTS, ...TIME_PARTS]],
]);

/** A compiled pattern. */
interface TextPattern {
  readonly pattern: string;
  /** Its groups are named by the letters of the directives. */
  readonly regexp: RegExp;
}

/** Checks the directives of a pattern; throws RangeError, a fragment. */
function checkDirectives(type: string, pattern: string, directives: readonly string[]): void {
  const needed = NEEDED.get(type)!;
  const has = (directive: string) => directives.includes(directive);
  for (const [i, directive] of directives.entries()) {
    if (!DIRECTIVES.has(directive)) {
      throw new RangeError(
        `${excerpt(pattern)} has the unknown directive ${excerpt(directive)}, the directives ` +
          `are ${[...DIRECTIVES.keys()].join(" ")} %%`,
      );
    }
    if (!needed.includes("%d %m %y %Y".includes(directive) ? "%d" : "%H")) {
      throw new RangeError(`${excerpt(pattern)} has ${directive}, which a ${type} does not have`);
    }
    if (directives.indexOf(directive) < i) {
      throw new RangeError(`${excerpt(pattern)} has ${directive} twice`);
    }
  }
  if (has("%y") && has("%Y")) throw new RangeError(`${excerpt(pattern)} has both %y and %Y`);
  const missing = needed.find((names) => !names.split(" or ").some(has));
  if (missing !== undefined) {
    throw new RangeError(`${excerpt(pattern)} lacks ${missing}, which a ${type} needs`);
  }
  if (has("%f") && !has("%S")) throw new RangeError(`${excerpt(pattern)} has %f without %S`);
}

/** Compiles a pattern; throws RangeError, a fragment. */
function compilePattern(type: string, pattern: string): TextPattern {
  const parts = Array.from(pattern.matchAll(/%.?|[^%]+/gsu), ([part]) => part);
  const isDirective = (part: string) => part.startsWith("%") && part !== "%%";
  checkDirectives(type, pattern, parts.filter(isDirective));
  /** Whether a neighbour's nearest character, last (-1) or first (0), is a digit or a directive. */
  const adjoins = (part: string | undefined, end: -1 | 0) =>
    part !== undefined && (isDirective(part) || /\d/.test(part.at(end)!));
  const source = parts.map((part, i) => {
    if (!isDirective(part)) return RegExp.escape(part === "%%" ? "%" : part);
    // "11105" could be three dates by "%d%m%y": where digits meet, leading zeros are required.
    const isTight = adjoins(parts[i - 1], -1) || adjoins(parts[i + 1], 0);
    const digits = DIRECTIVES.get(part)!;
    return `(?<${part[1]}>${isTight && digits === TWO_DIGITS ? String.raw`\d\d` : digits})`;
  });
  return { pattern, regexp: new RegExp(`^${source.join("")}$`) };
}

/** The year for two digits, from 1969 to 2068 as in POSIX strptime. */
function yearOf(digits: string): string {
  return (Number(digits) >= 69 ? "19" : "20") + digits;
}

/** The matched parts in ISO form. The parts may not be a valid date or time. */
function isoOf(type: string, { d, m, y, Y, H, M, S, f }: Partial<Record<string, string>>): string {
  const two = (digits = "") => digits.padStart(2, "0");
  const date = d && `${Y ?? yearOf(two(y))}-${two(m)}-${two(d)}`;
  const time = H && `${two(H)}:${two(M)}:${two(S)}${f ? `.${f}` : ""}`;
  const iso = date && time ? `${date}T${time}` : date ?? time!;
  return type === "timestamp" ? `${iso}Z` : iso;
}

/** The patterns that a user has set. Types without a pattern are read by ISO 8601. */
export class StringFormats {
  readonly #patterns = new Map<string, TextPattern>();

  /**
   * Sets or replaces the pattern of a type: date, time, datetime or timestamp. A timestamp with a
   * pattern is in UTC.
   *
   * `%d` day, `%m` month, `%y` year from 1969 to 2068, `%Y` year of four digits or of a sign and
   * six, `%H` hour, `%M` minute, `%S` second, `%f` fraction of a second of 1 to 9 digits. `%%` is a
   * percent sign; everything else stands for itself. Two digits may be one, except where directives
   * or digits are neighbours. A date needs day, month and year, a time needs hour and minute, the
   * others need all five.
   *
   * Throws TypeError for another type and RangeError for an invalid pattern, both fragments; then
   * the previous pattern stays.
   */
  set(type: string, pattern: string): void {
    if (!NEEDED.has(type)) {
      const types = "date, time, datetime and timestamp";
      if (typeof type !== "string") throw wrongType(type, `one of ${types}`);
      throw new TypeError(`${excerpt(type)} has no pattern, the types that have one are ${types}`);
    }
    if (typeof pattern !== "string") throw wrongType(pattern, "a pattern");
    this.#patterns.set(type, compilePattern(type, pattern));
  }

  /**
   * Parses a user's value. Throws SyntaxError, a fragment, also for a fraction that is finer than
   * the type can hold.
   */
  parse(type: ValueType, text: string): unknown {
    const format = this.#patterns.get(type.name);
    if (format === undefined) return type.parse(text);
    const match = format.regexp.exec(text);
    if (match !== null) {
      try {
        return type.parse(isoOf(type.name, match.groups!));
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
      }
    }
    const finest = type.name === "timestamp" ? "milliseconds" : "nanoseconds";
    const fraction = format.pattern.includes("%f") ? `, %f to ${finest}` : "";
    throw new SyntaxError(
      `${excerpt(text)} is not a ${type.name} of the form ${excerpt(format.pattern)}${fraction}`,
    );
  }
}
