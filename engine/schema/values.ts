/**
 * The field types: how each type checks, stores, compares, formats and parses its values. Null is
 * handled elsewhere: no function here ever gets one.
 *
 * @module
 */

import { checkSize, checkText, excerpt, wrongType } from "../system/check.ts";
import {
  copyDateTime,
  dateToDays,
  daysToDate,
  instantToMilliseconds,
  nanosecondsToTime,
  timeToNanoseconds,
} from "./civil.ts";
import { copyJson, parseJson, sameJson } from "./json.ts";
import type { JsonValue, TypeName } from "./types.ts";

/** A value in the form of frames, columns and rows in memory. Immutable. */
export type Stored = string | number | bigint | Uint8Array | Temporal.PlainDateTime;

/** A field type. */
export interface ValueType {
  /** Its name in a schema; only files name the type of links. */
  readonly name: TypeName | "link";
  /** How frames and columns hold its values. */
  readonly layout: "number" | "bigint" | "datetime" | "text" | "bytes";
  /** The range of the whole numbers that represent its values, if such numbers do. */
  readonly range?: readonly [least: number, greatest: number];
  /** Whether it has an order, and with it ranges and indexes. */
  readonly sortable: boolean;
  /**
   * Checks a user's value and copies whatever the user could change later. Throws TypeError (wrong
   * type) or RangeError (out of range); the message is a fragment to follow the name of the field.
   */
  encode(value: unknown): Stored;
  /** The value for a user, who may change it. */
  decode(stored: Stored): unknown;
  /**
   * Compares in the order of the table. The order is total: NaN comes last, text goes by code
   * point.
   */
  compare(a: Stored, b: Stored): number;
  /** Whether two values are equal: NaN equals NaN, 0 equals -0, json is compared by structure. */
  equals(a: Stored, b: Stored): boolean;
  /** Parses a user's value from ISO, decimal or base64 text. Throws SyntaxError, a fragment. */
  parse(text: string): unknown;
  /** The reverse of `parse`. */
  format(value: unknown): string;
  /** A user's value as JSON: a number or a boolean if that is exact, otherwise text. */
  toJson(value: unknown): JsonValue;
  /** The reverse of `toJson`; other JSON may pass unchanged, for `encode` to refuse. */
  fromJson(json: JsonValue): unknown;
}

/** Compares numbers or bigints by value, NaN last. */
export function compareNumbers(a: number | bigint, b: number | bigint): number {
  if (a < b) return -1;
  if (a > b) return 1;
  if (a === b) return 0;
  return Number(a !== a) - Number(b !== b);
}

/**
 * The rank of a UTF-16 unit in code point order. Surrogates stand for the code points above U+FFFF,
 * but UTF-16 sorts them before U+E000; this moves them after U+FFFF, as in UTF-8.
 */
export function codePointRank(unit: number): number {
  return unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** Compares text by code point. UTF-8 bytes have the same order. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return codePointRank(x) - codePointRank(y);
  }
  return a.length - b.length;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}

/** Applies `read`, which throws TypeError for a value of any but its own class. */
function readAs<T, S>(value: unknown, wanted: string, read: (value: T) => S): S {
  try {
    return read(value as T);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw wrongType(value, wanted);
  }
}

// These patterns are stricter than Temporal's parsers, which also accept a leap second (as the
// second before it), a time zone or a calendar.
const DATE_PATTERN = String.raw`(?:\d{4}|[+-]\d{6})-\d\d-\d\d`;
const MINUTES_PATTERN = String.raw`\d\d:\d\d`;
const TIME_PATTERN = String.raw`${MINUTES_PATTERN}(?::[0-5]\d(?:\.\d{1,9})?)?`;
/** A time to the millisecond. More digits would be cut off, so only zeros may follow. */
const TIME_TO_MS_PATTERN = String.raw`${MINUTES_PATTERN}(?::[0-5]\d(?:\.\d{1,3}0{0,6})?)?`;
const DATE_REGEXP = new RegExp(`^${DATE_PATTERN}$`);
const TIME_REGEXP = new RegExp(`^${TIME_PATTERN}$`);
const DATETIME_REGEXP = new RegExp(`^${DATE_PATTERN}[Tt ]${TIME_PATTERN}$`);
const TIMESTAMP_REGEXP = new RegExp(
  `^${DATE_PATTERN}[Tt ]${TIME_TO_MS_PATTERN}(?:[Zz]|[+-]\\d\\d:\\d\\d)$`,
);
const INTEGER_REGEXP = /^[+-]?\d+$/;
const BIGINT_REGEXP = /^([+-]?)0*(\d{1,19})$/;
const FLOAT_REGEXP = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** A {@linkcode ValueType} whose stored form is `S` and whose users see `V`. */
interface Codec<S extends Stored, V> extends ValueType {
  encode(value: unknown): S;
  decode(stored: S): V;
  compare(a: S, b: S): number;
  equals(a: S, b: S): boolean;
  parse(text: string): V;
  format(value: V): string;
  toJson(value: V): JsonValue;
}

/** Parses text of one form; `parse` throws RangeError if the text means nothing. */
function parseAs<T>(text: string, form: RegExp, wanted: string, parse: (text: string) => T): T {
  if (form.test(text)) {
    try {
      return parse(text);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
  }
  throw new SyntaxError(`${excerpt(text)} is not ${wanted}`);
}

function asIs<T>(value: T): T {
  return value;
}

/** The layout and the order of types whose values are stored as numbers; `equals` ignores NaN. */
const AS_NUMBER = {
  layout: "number",
  sortable: true,
  compare: compareNumbers,
  equals: (a: number, b: number) => a === b,
} as const;

/** A type whose JSON form is its text. */
function withTextAsJson<S extends Stored, V>(
  codec: Omit<Codec<S, V>, "toJson" | "fromJson">,
): Codec<S, V> {
  return {
    ...codec,
    toJson: codec.format,
    fromJson: (json) => typeof json === "string" ? codec.parse(json) : json,
  };
}

const STRING: Codec<string, string> = {
  name: "string",
  layout: "text",
  sortable: true,
  encode(value) {
    if (typeof value !== "string") throw wrongType(value, "a string");
    checkText(value, "text");
    return value;
  },
  decode: asIs,
  compare: compareText,
  equals: (a, b) => a === b,
  parse: asIs,
  format: asIs,
  toJson: asIs,
  fromJson: asIs,
};

const SAFE_INTEGER = "an integer within ±(2^53 - 1)";

const INTEGER: Codec<number, number> = {
  name: "integer",
  ...AS_NUMBER,
  range: [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  encode(value) {
    if (typeof value !== "number") throw wrongType(value, "an integer");
    if (!Number.isSafeInteger(value)) {
      throw new RangeError(`${value} is not ${SAFE_INTEGER}`);
    }
    return value + 0; // -0 becomes 0
  },
  decode: asIs,
  parse: (text) => parseAs(text, INTEGER_REGEXP, SAFE_INTEGER, (t) => INTEGER.encode(Number(t))),
  format: String,
  toJson: asIs,
  fromJson: asIs,
};

const FLOAT: Codec<number, number> = {
  name: "float",
  ...AS_NUMBER,
  encode(value) {
    if (typeof value !== "number") throw wrongType(value, "a number");
    return value;
  },
  decode: asIs,
  equals: (a, b) => compareNumbers(a, b) === 0,
  parse(text) {
    if (/^(?:NaN|-?Infinity)$/.test(text)) return Number(text);
    return parseAs(text, FLOAT_REGEXP, "a number", (t) => {
      const value = Number(t);
      if (!Number.isFinite(value)) throw new RangeError("too large");
      return value;
    });
  },
  format: (value) => Object.is(value, -0) ? "-0" : String(value),
  // JSON has no NaN and no infinities. It has -0, but JSON.stringify writes 0.
  toJson: (value) => Number.isFinite(value) && !Object.is(value, -0) ? value : FLOAT.format(value),
  fromJson: (json) => typeof json === "string" ? FLOAT.parse(json) : json,
};

const BOOLEAN: Codec<number, boolean> = {
  name: "boolean",
  ...AS_NUMBER,
  range: [0, 1],
  encode(value) {
    if (typeof value !== "boolean") throw wrongType(value, "a boolean");
    return value ? 1 : 0;
  },
  decode: (stored) => stored === 1,
  parse: (text) => parseAs(text, /^(?:true|false)$/, "true or false", (t) => t === "true"),
  format: String,
  toJson: asIs,
  fromJson: asIs,
};

const BIGINT: Codec<bigint, bigint> = {
  name: "bigint",
  layout: "bigint",
  sortable: true,
  encode(value) {
    if (typeof value !== "bigint") throw wrongType(value, "a bigint");
    if (BigInt.asIntN(64, value) !== value) {
      throw new RangeError(`${excerpt(String(value))} does not fit into 64 bits`);
    }
    return value;
  },
  decode: asIs,
  compare: compareNumbers,
  equals: (a, b) => a === b,
  parse: (text) =>
    parseAs(text, BIGINT_REGEXP, "an integer of 64 bits", (t) => {
      const [, sign, digits] = BIGINT_REGEXP.exec(t)!;
      return BIGINT.encode(sign === "-" ? -BigInt(digits!) : BigInt(digits!));
    }),
  format: String,
  toJson: (value) => Number.isSafeInteger(Number(value)) ? Number(value) : String(value),
  fromJson(json) {
    if (typeof json === "string") return BIGINT.parse(json);
    return Number.isSafeInteger(json) ? BigInt(json as number) : json;
  },
};

const DATE_TYPE = withTextAsJson<number, Temporal.PlainDate>({
  name: "date",
  ...AS_NUMBER,
  range: [-100_000_001, 100_000_000],
  encode: (value) => readAs(value, "a Temporal.PlainDate", dateToDays),
  decode: daysToDate,
  parse: (text) =>
    parseAs(text, DATE_REGEXP, 'a date such as "2026-07-31"', (t) => Temporal.PlainDate.from(t)),
  format: String,
});

const TIME_TYPE = withTextAsJson<number, Temporal.PlainTime>({
  name: "time",
  ...AS_NUMBER,
  range: [0, 86_400e9 - 1],
  encode: (value) => readAs(value, "a Temporal.PlainTime", timeToNanoseconds),
  decode: nanosecondsToTime,
  parse: (text) =>
    parseAs(
      text,
      TIME_REGEXP,
      'a time such as "23:59:30", to nanoseconds',
      (t) => Temporal.PlainTime.from(t),
    ),
  format: String,
});

const DATETIME = withTextAsJson<Temporal.PlainDateTime, Temporal.PlainDateTime>({
  name: "datetime",
  layout: "datetime",
  sortable: true,
  encode: (value) => readAs(value, "a Temporal.PlainDateTime", copyDateTime),
  decode: asIs,
  // Not the function itself: loading Temporal would slow down every start.
  compare: (a, b) => Temporal.PlainDateTime.compare(a, b),
  equals: (a, b) => a.equals(b),
  parse: (text) =>
    parseAs(
      text,
      DATETIME_REGEXP,
      'a date and time such as "2026-07-31T23:59:30", to nanoseconds',
      (t) => Temporal.PlainDateTime.from(t),
    ),
  format: String,
});

const { getTime } = Date.prototype;

const TIMESTAMP = withTextAsJson<number, Date>({
  name: "timestamp",
  ...AS_NUMBER,
  range: [-8.64e15, 8.64e15],
  encode(value) {
    const wanted = "a Date or a Temporal.Instant";
    // Not instanceof, which fails for an Instant of another realm.
    const { [Symbol.toStringTag]: tag } = Object(value);
    if (tag === "Temporal.Instant") return readAs(value, wanted, instantToMilliseconds);
    const time = readAs(value, wanted, (date: Date) => getTime.call(date));
    if (Number.isNaN(time)) throw new RangeError("it is an invalid Date");
    return time;
  },
  decode: (stored) => new Date(stored),
  parse: (text) =>
    parseAs(
      text,
      TIMESTAMP_REGEXP,
      'an instant such as "2026-07-31T23:59:30Z", to milliseconds',
      (t) => new Date(Temporal.Instant.from(t).epochMilliseconds),
    ),
  format: (value) => value.toISOString(),
});

/** A getter of all typed arrays. An own property of the value cannot fake its result. */
function typedArrayGetter(name: "length" | typeof Symbol.toStringTag): (this: unknown) => unknown {
  const TypedArray = Object.getPrototypeOf(Uint8Array.prototype);
  return Object.getOwnPropertyDescriptor(TypedArray, name)!.get!;
}

const classOf = typedArrayGetter(Symbol.toStringTag);
const lengthOf = typedArrayGetter("length") as (this: Uint8Array) => number;

const BYTES = withTextAsJson<Uint8Array, Uint8Array>({
  name: "bytes",
  layout: "bytes",
  sortable: true,
  encode(value) {
    if (classOf.call(value) !== "Uint8Array") throw wrongType(value, "a Uint8Array");
    const bytes = value as Uint8Array;
    checkSize(lengthOf.call(bytes), "a value");
    return new Uint8Array(bytes); // Not slice(): a Buffer's slice() does not copy.
  },
  decode: (stored) => new Uint8Array(stored),
  compare: compareBytes,
  equals: (a, b) => compareBytes(a, b) === 0,
  parse(text) {
    try {
      return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
    } catch {
      throw new SyntaxError(`${excerpt(text)} is not base64`);
    }
  },
  format: (value) => value.toBase64(),
});

/** Text from a damaged file may not be JSON: such text equals no other. */
function sameJsonText(a: string, b: string): boolean {
  try {
    return sameJson(parseJson(a), parseJson(b));
  } catch {
    return false;
  }
}

const JSON_TYPE: Codec<string, JsonValue> = {
  name: "json",
  layout: "text",
  sortable: false,
  encode(value) {
    // The null of JSON is the null of the table, which never gets here from a row.
    if (value === null) throw wrongType(value, "a json value");
    const text = JSON.stringify(copyJson(value));
    checkText(text, "json");
    return text;
  },
  decode: parseJson,
  compare: compareText,
  equals: (a, b) => a === b || sameJsonText(a, b),
  parse(text) {
    try {
      return JSON.parse(text);
    } catch {
      throw new SyntaxError(`${excerpt(text)} is not JSON`);
    }
  },
  format: (value) => JSON.stringify(value),
  toJson: asIs,
  fromJson: asIs,
};

/** A link is stored as the id of its row. Its readers, which know the table, look the row up. */
const LINK: Codec<number, unknown> = {
  ...INTEGER,
  name: "link",
  range: [0, Number.MAX_SAFE_INTEGER],
  encode(value) {
    const id = typeof value === "object" && value !== null && "__id__" in value
      ? value.__id__
      : value;
    if (typeof id !== "number") throw wrongType(value, "a row or its id");
    if (!Number.isSafeInteger(id) || id < 0) throw new RangeError(`${id} is not the id of a row`);
    return id + 0;
  },
  parse: (text) => parseAs(text, /^\d+$/, "the id of a row", (t) => LINK.encode(Number(t))),
  format: (value) => String(LINK.encode(value)),
  toJson: (value) => LINK.encode(value),
};

/** All field types by name. */
export const VALUE_TYPES: Readonly<Record<ValueType["name"], ValueType>> = {
  string: STRING,
  integer: INTEGER,
  float: FLOAT,
  boolean: BOOLEAN,
  bigint: BIGINT,
  date: DATE_TYPE,
  time: TIME_TYPE,
  datetime: DATETIME,
  timestamp: TIMESTAMP,
  bytes: BYTES,
  json: JSON_TYPE,
  link: LINK,
};

/** A map key that is the same for equal values, for types that have an order. */
export function equalityKey(value: Stored | null): string | number | bigint | null {
  if (value === null || typeof value !== "object") return value;
  return value instanceof Uint8Array ? value.toHex() : value.toString();
}

/** Compares two values of a field, null first. */
export function compareNullable(type: ValueType, a: Stored | null, b: Stored | null): number {
  if (a === null || b === null) return Number(b === null) - Number(a === null);
  return type.compare(a, b);
}
