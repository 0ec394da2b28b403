/**
 * Files of a table as somebody would forge them who knows the format: taken apart, changed, and
 * put together again with sums that hold.
 *
 * @module
 */

import { align8, decodeText, encodeText, setUint32, setUint53 } from "../../engine/bytes/bytes.ts";
import { ExtentWriter, storedLength } from "../../engine/segment/extent.ts";
import { TAIL } from "../../engine/segment/segment.ts";
import type { Random } from "./random.ts";
import { DIR, type Image, LOG, TABLE } from "./small_base.ts";
import { Checksum, SUM } from "../../engine/bytes/checksum.ts";
import { FILE_HEADER } from "../../engine/bytes/header.ts";
import {
  decodeFrameHeader,
  encodeFrame,
  FRAME,
  LOG_PAGE,
  payloadOf,
} from "../../engine/log/frame.ts";

// deno-lint-ignore no-explicit-any -- what is forged has any form
export type Anything = any;

/** A group or an index. */
export interface ForgedExtent {
  number: number;
  bytes: Uint8Array;
  /** JSON. */
  directory: string;
}

/** The sums of a table. */
export function sumsOf(image: Image): Checksum {
  return new Checksum(image.get(`${DIR}/base`)!.slice(16, 32));
}

/** JSON of a value in which a string `raw:x` stands for x as it is. */
export function jsonOf(value: unknown): string {
  return JSON.stringify(value).replace(/"raw:([^"]*)"/g, "$1");
}

/** A table with other extents, another footer, and sums that hold. */
export function forgeTable(
  image: Image,
  change: {
    extents?: (groups: ForgedExtent[], indexes: ForgedExtent[]) => void;
    footer?: (footer: Anything) => unknown;
  },
): Uint8Array {
  const sums = sumsOf(image);
  const is = image.get(TABLE)!;
  const tail = new DataView(is.buffer, is.length - TAIL);
  const footer = JSON.parse(
    decodeText(is.subarray(tail.getUint32(0, true)).subarray(0, tail.getUint32(8, true))),
  );
  const extentOf = ([at, length, directory]: number[], number: number): ForgedExtent => ({
    number,
    bytes: is.slice(at, at! + length!),
    directory: decodeText(is.subarray(at! + length!, at! + length! + directory!)),
  });
  const groups: ForgedExtent[] = footer.groups.map((g: number[]) => extentOf(g.slice(4), g[0]!));
  const indexes: ForgedExtent[] = footer.indexes.map((i: number[]) => extentOf(i.slice(3), i[2]!));
  change.extents?.(groups, indexes);
  const parts: Uint8Array[] = [is.subarray(0, FILE_HEADER)];
  let at = FILE_HEADER;
  for (const [kind, list] of [[4, groups], [3, indexes]] as const) {
    list.forEach(({ number, bytes, directory }, i) => {
      const writer = new ExtentWriter({ writeAt: (bytes) => parts.push(bytes) }, sums, {
        number,
        at,
      });
      writer.write(bytes);
      const entry = writer.finish(directory);
      const told = (kind === 4 ? footer.groups : footer.indexes)[i];
      told?.splice(kind, 3, at, entry.length, entry.directory);
      at += storedLength(entry);
    });
  }
  const json = encodeText(jsonOf(change.footer?.(footer) ?? footer));
  const end = new Uint8Array(align8(json.length) + TAIL);
  end.set(json);
  setUint53(end, end.length - TAIL, at);
  setUint32(end, end.length - TAIL + 8, json.length);
  sums.put(SUM.footer, 1, at, end, 0, end.length - 8);
  return concat([...parts, end]);
}

/** A frame of a log. */
export interface ForgedFrame {
  kind: number;
  sequence: number;
  syncedTo: number;
  payload: Uint8Array;
}

/** A log with other frames, and sums that hold. */
export function forgeLog(image: Image, change: (frames: ForgedFrame[]) => void): Uint8Array {
  const sums = sumsOf(image);
  const is = image.get(LOG)!;
  const frames: ForgedFrame[] = [];
  let at = LOG_PAGE;
  for (;;) {
    const header = decodeFrameHeader(sums, 1, at, is, at);
    if (header === undefined) break;
    frames.push({ ...header, payload: payloadOf(is, at, header).slice() });
    at += header.length;
  }
  change(frames);
  const parts: Uint8Array[] = [is.slice(0, LOG_PAGE)];
  // What was synced of the log that it was is nothing of the new one.
  parts[0]!.fill(0, 1024, 2048);
  at = LOG_PAGE;
  let prev = 0n;
  for (const { kind, sequence, syncedTo, payload } of frames) {
    const header = { kind, sequence, syncedTo, prev, nonce: 1n };
    const { bytes, chain } = encodeFrame(sums, 1, at, header, payload);
    parts.push(bytes);
    at += bytes.length;
    prev = chain;
  }
  return concat([...parts, new Uint8Array(1024)]);
}

/** A log of just these commits. */
export function logOf(image: Image, ...payloads: Uint8Array[]): Uint8Array {
  return forgeLog(image, (frames) => {
    frames.splice(
      0,
      frames.length,
      ...payloads.map((payload, i) => ({
        kind: FRAME.commit,
        sequence: i + 1,
        syncedTo: LOG_PAGE,
        payload,
      })),
    );
  });
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

// --------------------------------------------------------------- random forgery

/** What stands where something else should. */
const HOSTILE: readonly unknown[] = [
  -1,
  0,
  1,
  0.5,
  7,
  8,
  255,
  16_385,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  "raw:1e999",
  "raw:-1e999",
  "raw:-0",
  null,
  true,
  "",
  "x",
  "__proto__",
  "constructor",
  "null",
  "number",
  "plain",
  "dictionary",
  [],
  {},
  [[]],
  { length: 5 },
  `raw:${"[".repeat(5000)}${"]".repeat(5000)}`,
];

/** Changes a value somewhere within, in place; gives what it became. */
export function mutateJson(random: Random, given: unknown): Anything {
  const value = given as Anything;
  if (typeof value !== "object" || value === null || random.chance(0.05)) {
    if (typeof value === "number" && random.chance(0.5)) {
      return random.pick([value + 1, value - 1, -value, value * 2, value + 0.5, value + 4096]);
    }
    return structuredClone(random.pick(HOSTILE));
  }
  const keys = Object.keys(value);
  if (keys.length === 0) return random.pick(HOSTILE);
  const key = random.pick(keys);
  switch (random.below(20)) {
    case 0:
      if (Array.isArray(value)) value.splice(Number(key), 1);
      else delete value[key];
      break;
    case 1:
      if (Array.isArray(value)) value.splice(Number(key), 0, structuredClone(value[Number(key)]));
      else value[random.pick([...keys, "__proto__", "nulls"])] = structuredClone(value[key]);
      break;
    default:
      value[key] = mutateJson(random, value[key]);
  }
  return value;
}

/** Changes some bytes, in place. */
export function mutateBytes(random: Random, bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  for (let n = 1 + random.below(3); n > 0; n--) {
    const at = random.below(bytes.length);
    const size = random.pick([1, 1, 2, 4, 8]);
    const value = random.pick([0, 1, 127, 128, 255, random.below(256)]);
    if (random.chance(0.5)) bytes[at]! ^= 1 << random.below(8);
    else bytes.fill(value, at, at + size);
  }
}
