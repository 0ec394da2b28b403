/**
 * Values from text: ISO, or a pattern that the user set for a type.
 *
 * @module
 */
import { excerpt, wrongType } from "../system/check.ts";
import type { ValueType } from "./values.ts";

// A pattern is that of strptime of Python, but blanks stand for themselves, and
// there are no names of months or days: they depend on a language.
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

// What ISO needs, too. Seconds and their fraction are 0 where there are none.
const DATE_PARTS = ["%d", "%m", "%y or %Y"];
const TIME_PARTS = ["%H", "%M"];
const NEEDED: ReadonlyMap<string, readonly string[]> = new Map([
  ["date", DATE_PARTS],
  ["time", TIME_PARTS],
  ["datetime", [...DATE_PARTS, ...TIME_PARTS]],
  ["timestamp", [...DATE_PARTS, ...TIME_PARTS]],
]);

/** A pattern, compiled. */
interface TextPattern {
  readonly pattern: string;
  /** Its groups have the letters of the directives as names. */
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
      throw new RangeError(`${excerpt(pattern)} has ${directive}, which a ${type} has not`);
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
  /** Whether a directive has digits beside it, before (-1) or behind (0) itself. */
  const adjoins = (part: string | undefined, end: -1 | 0) =>
    part !== undefined && (isDirective(part) || /\d/.test(part.at(end)!));
  const source = parts.map((part, i) => {
    if (!isDirective(part)) return RegExp.escape(part === "%%" ? "%" : part);
    // "11105" by "%d%m%y" may be three dates: where digits meet, no zero may be left out.
    const isTight = adjoins(parts[i - 1], -1) || adjoins(parts[i + 1], 0);
    const digits = DIRECTIVES.get(part)!;
    return `(?<${part[1]}>${isTight && digits === TWO_DIGITS ? String.raw`\d\d` : digits})`;
  });
  return { pattern, regexp: new RegExp(`^${source.join("")}$`) };
}

/** Two digits as a year: 1969 to 2068, as strptime of POSIX has it. */
function yearOf(digits: string): string {
  return (Number(digits) >= 69 ? "19" : "20") + digits;
}

/** ISO, of what may be no date or time, from what a {@linkcode TextPattern} matched. */
function isoOf(type: string, { d, m, y, Y, H, M, S, f }: Partial<Record<string, string>>): string {
  const two = (digits = "") => digits.padStart(2, "0");
  const date = d && `${Y ?? yearOf(two(y))}-${two(m)}-${two(d)}`;
  const time = H && `${two(H)}:${two(M)}:${two(S)}${f ? `.${f}` : ""}`;
  const iso = date && time ? `${date}T${time}` : date ?? time!;
  return type === "timestamp" ? `${iso}Z` : iso;
}

/** How texts become values of each type: ISO, or a pattern of one's own. */
export class StringFormats {
  readonly #forms = new Map<string, TextPattern>();

  /**
   * Sets the pattern of a type, in place of an older one: date, time, datetime or
   * timestamp, whose text is in UTC then.
   *
   * `%d` day, `%m` month, `%y` year from 1969 to 2068, `%Y` year of four digits or of a
   * sign and six, `%H` hour, `%M` minute, `%S` second, `%f` fraction of a second, of 1 to
   * 9 digits; `%%` is a percent sign, and all else is itself. One digit will do for two,
   * but not where directives, or digits, stand side by side. A date needs day, month and
   * year, a time hour and minute, the others all five.
   *
   * Throws TypeError for another type, RangeError for a wrong pattern, both fragments;
   * the older pattern stays then.
   */
  set(type: string, pattern: string): void {
    if (!NEEDED.has(type)) {
      const types = "date, time, datetime and timestamp";
      if (typeof type !== "string") throw wrongType(type, `one of ${types}`);
      throw new TypeError(`${excerpt(type)} has no pattern, the types that have one are ${types}`);
    }
    if (typeof pattern !== "string") throw wrongType(pattern, "a pattern");
    this.#forms.set(type, compilePattern(type, pattern));
  }

  /**
   * A user's value from text, by the pattern of the type if there is one. Throws SyntaxError, a
   * fragment, also for a finer fraction than the type keeps.
   */
  parse(type: ValueType, text: string): unknown {
    const form = this.#forms.get(type.name);
    if (form === undefined) return type.parse(text);
    const found = form.regexp.exec(text);
    if (found !== null) {
      try {
        return type.parse(isoOf(type.name, found.groups!));
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
      }
    }
    const finest = type.name === "timestamp" ? "milliseconds" : "nanoseconds";
    const fraction = form.pattern.includes("%f") ? `, %f to ${finest}` : "";
    throw new SyntaxError(
      `${excerpt(text)} is not a ${type.name} of the form ${excerpt(form.pattern)}${fraction}`,
    );
  }
}
