/**
 * Writes columns. `column.ts` describes the encodings and reads them.
 *
 * @module
 */

import { encodeBlobs, encodeTexts } from "./blobs.ts";
import { splitDateTime } from "../schema/civil.ts";
import type { ColumnMeta } from "./column.ts";
import { encodeNumbers } from "./numbers.ts";
import type { PartWriter } from "./parts.ts";
import type { JsonValue } from "../schema/types.ts";
import type { Stored, ValueType } from "../schema/values.ts";

/** A column whose first values are all different gets no dictionary if there are so many. */
const SAMPLE = 2048;

/** Dictionary encoding; `undefined` if more than half of the values are different. */
function dictionaryOf(
  values: readonly string[],
): { codes: number[]; entries: string[] } | undefined {
  const known = new Map<string, number>();
  const codes = new Array<number>(values.length);
  for (let i = 0; i < values.length; i++) {
    let code = known.get(values[i]!);
    if (code === undefined) {
      if ((known.size + 1) * 2 > values.length) return undefined;
      // So many different values at the start hardly ever repeat later.
      if (known.size === SAMPLE && i === SAMPLE) return undefined;
      code = known.size;
      known.set(values[i]!, code);
    }
    codes[i] = code;
  }
  return { codes, entries: [...known.keys()] };
}

/** A zone map with longer texts is left out, to keep directories short. */
const MAX_ZONE_MAP_TEXT = 64;

/** The zone map of a column, for types whose numbers do not have one. */
function zoneMapOf(type: ValueType, values: Iterable<Stored | null>): Pick<ColumnMeta, "bounds"> {
  let least: Stored | null = null;
  let greatest: Stored | null = null;
  for (const value of values) {
    if (value === null) continue;
    if (least === null || type.compare(value, least) < 0) least = value;
    if (greatest === null || type.compare(value, greatest) > 0) greatest = value;
  }
  const bounds = [least, greatest].map((value) => type.toJson(type.decode(value!)));
  const isShort = bounds.every((bound) => String(bound).length <= MAX_ZONE_MAP_TEXT);
  return isShort ? { bounds: bounds as [JsonValue, JsonValue] } : {};
}

/** Writes the values of one field in one row group. */
export function encodeColumn(
  parts: PartWriter,
  type: ValueType,
  values: readonly (Stored | null)[],
): ColumnMeta {
  let nulls: Uint8Array | undefined;
  values.forEach((value, i) => {
    if (value !== null) return;
    nulls ??= new Uint8Array(Math.ceil(values.length / 8));
    nulls[i >> 3]! |= 1 << (i & 7);
  });
  if (values.every((value) => value === null)) return { kind: "null" };
  const present = <T extends Stored>(blank: T) =>
    nulls === undefined ? values as readonly T[] : values.map((value) => value ?? blank) as T[];
  const meta = nulls === undefined ? {} : { nulls: parts.add(nulls) };
  switch (type.layout) {
    case "number": {
      // In the place of a null, a value of the column does not widen the range.
      const blank = values.find((value) => value !== null) as number;
      return { ...meta, kind: "number", numbers: encodeNumbers(parts, present(blank)) };
    }
    case "bigint":
      return {
        ...meta,
        ...zoneMapOf(type, values),
        kind: "bigint",
        at: parts.add(BigInt64Array.from(present(0n))),
      };
    case "datetime": {
      const rows = present(values.find((value) => value !== null) as Temporal.PlainDateTime);
      const split = rows.map(splitDateTime);
      return {
        ...meta,
        kind: "datetime",
        days: encodeNumbers(parts, split.map(([day]) => day)),
        nanos: encodeNumbers(parts, split.map(([, nano]) => nano)),
      };
    }
    case "text": {
      // In the place of a null, a value of the column adds no entry to the dictionary.
      const dictionary = dictionaryOf(present(values.find((value) => value !== null) as string));
      const zoneMap = type.sortable ? zoneMapOf(type, dictionary?.entries ?? values) : {};
      if (dictionary === undefined) {
        return { ...meta, ...zoneMap, kind: "plain", blobs: encodeTexts(parts, present("")) };
      }
      return {
        ...meta,
        ...zoneMap,
        kind: "dictionary",
        codes: encodeNumbers(parts, dictionary.codes),
        blobs: encodeTexts(parts, dictionary.entries),
      };
    }
    case "bytes":
      return { ...meta, kind: "plain", blobs: encodeBlobs(parts, present(new Uint8Array())) };
  }
}
