/**
 * How Buzhug 1.8 writes values, after the flag of a block.
 *
 * ```text
 * int          4    a big-endian number, 2^30 added
 * <base>PATH   4    the same, nothing added: the id of a row of another base
 * float        9    the exponent, 2 bytes, then the last 7 bytes of the mantissa
 * bool         1    0 or 1
 * str          …    bytes; \n, \r and \ are escaped by \. Ends with a line break
 * unicode      …    the same, as UTF-8
 * date         8    YYYYMMDD, then a line break
 * datetime     14   YYYYMMDDHHMMSS, then a line break
 * time         6    HHMMSS, then a line break
 * ```
 *
 * @module
 */

import type { TypeName } from "../../mod.ts";

const LINE_BREAK = "\n".charCodeAt(0);
const BACKSLASH = "\\".charCodeAt(0);

/** How the values of a type are written. */
export interface Kind {
  /** The type of the values here. */
  readonly type: TypeName | "link";
  /** What a value is called in messages. */
  readonly what: string;
  /** The length of a block in bytes. Without it, a block ends with a line break. */
  readonly width?: number;
  /** The bytes of a null. Without it, any bytes may follow the flag. */
  readonly unset?: string;
  /** Reads a value, without its flag; gives `undefined` or throws if the bytes are not a value. */
  read(bytes: Uint8Array): unknown;
}

export function int32(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getInt32(0);
}

export function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** Numbers of fixed lengths in adjacent digits; `undefined` if the bytes are not such digits. */
function digits(bytes: Uint8Array, ...lengths: number[]): number[] | undefined {
  const text = ascii(bytes.subarray(0, 20));
  if (!/^\d+$/.test(text) || text.length !== lengths.reduce((sum, n) => sum + n)) return undefined;
  let at = 0;
  return lengths.map((n) => Number(text.slice(at, at += n)));
}

export const INT: Kind = {
  type: "integer",
  what: "an int",
  width: 5,
  read: (bytes) => int32(bytes) - 2 ** 30,
};

export const LINK: Kind = {
  type: "link",
  what: "the id of a row",
  width: 5,
  read(bytes) {
    const id = int32(bytes);
    return id < 0 ? undefined : id;
  },
};

const BOOL: Kind = {
  type: "boolean",
  what: "a bool",
  width: 2,
  read: (bytes) => ({ "0": false, "1": true })[ascii(bytes)],
};

/**
 * `value = mantissa * 2 ** exponent`. The bytes sort as the values do: exponents of negative values
 * count down, and 1.1 is added to their mantissas, which loses no bit.
 */
const FLOAT: Kind = {
  type: "float",
  what: "a float",
  width: 10,
  read(bytes) {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const told = view.getUint16(0);
    if (told === 0x8000) return bytes.subarray(2).every((byte) => byte === 0) ? 0 : undefined;
    const negative = told < 0x8000;
    const exponent = negative ? 16384 - told : told - 49152;
    const packed = new DataView(new ArrayBuffer(8));
    packed.setUint8(0, 0x3f);
    for (let i = 1; i < 8; i++) packed.setUint8(i, bytes[i + 1]!);
    const mantissa = packed.getFloat64(0) - (negative ? 1.1 : 0);
    const size = Math.abs(mantissa);
    if (size >= 0.5 && size < 1) {
      // In two steps, because 2 ** 1024 is not a number.
      return exponent >= -1073 && exponent <= 1024 ? mantissa * 2 * 2 ** (exponent - 1) : undefined;
    }
    // Buzhug loses the first byte of these, and reads the rest as other numbers. No other value has
    // these bytes.
    if (exponent !== 0) return undefined;
    return { "1": Infinity, [1 - 1.1]: -Infinity, [1.5 - 1.1]: NaN }[mantissa];
  },
};

const DATE: Kind = {
  type: "date",
  what: "a date",
  unset: "xxxxxxxx",
  read(bytes) {
    const parts = digits(bytes, 4, 2, 2);
    return parts && new Temporal.PlainDate(...parts as [number, number, number]);
  },
};

const TIME: Kind = {
  type: "time",
  what: "a time",
  unset: "xxxxxx",
  read(bytes) {
    const parts = digits(bytes, 2, 2, 2);
    return parts && new Temporal.PlainTime(...parts);
  },
};

const DATETIME: Kind = {
  type: "datetime",
  what: "a datetime",
  unset: "xxxxxxxxxxxxxx",
  read(bytes) {
    const parts = digits(bytes, 4, 2, 2, 2, 2, 2);
    return parts && new Temporal.PlainDateTime(...parts as [number, number, number]);
  },
};

export const UTF_8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text in an encoding. */
function textKind(decoder: TextDecoder, hint = ""): Kind {
  return {
    type: "string",
    what: `text in ${decoder.encoding}${hint}`,
    unset: "",
    read: (bytes) => decoder.decode(bytes.includes(BACKSLASH) ? unescaped(bytes) : bytes),
  };
}

/** Removes the `\` before line breaks and `\`. */
function unescaped(bytes: Uint8Array): Uint8Array {
  const plain: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    const escaped = byte === BACKSLASH ? ESCAPED.get(bytes[++i]) : byte;
    if (escaped === undefined) throw new SyntaxError("not an escape");
    plain.push(escaped);
  }
  return Uint8Array.from(plain);
}

const ESCAPED = new Map<number | undefined, number>([
  ["n".charCodeAt(0), LINE_BREAK],
  ["r".charCodeAt(0), "\r".charCodeAt(0)],
  [BACKSLASH, BACKSLASH],
]);

/** The types, except links, by their names in Buzhug. */
export function kindsOf(encoding: string): { readonly [name: string]: Kind } {
  return {
    int: INT,
    float: FLOAT,
    bool: BOOL,
    date: DATE,
    datetime: DATETIME,
    time: TIME,
    unicode: textKind(UTF_8),
    str: textKind(
      new TextDecoder(encoding, { fatal: true, ignoreBOM: true }),
      ", say in which --encoding it is",
    ),
  };
}
