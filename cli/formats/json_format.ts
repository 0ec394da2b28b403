/**
 * JSON and NDJSON as formats.
 *
 * @module
 */

import type { ValueType } from "../../engine/schema/values.ts";
import { Fault } from "../process/errors.ts";
import { areTexts, jsonKind, type Kind } from "./detect.ts";
import type { FileRow, Format } from "./format.ts";
import type { JsonObject, JsonRecord } from "./json_rows.ts";
import { checkHeld } from "./plain_number.ts";

/** A format of JSON objects. */
export function jsonFormat(parse: (text: Iterable<string>) => IteratorObject<JsonRecord>): Format {
  return {
    of() {
      return this;
    },
    read(text) {
      const places = new Map<string, number>();
      const names: string[] = [];
      const rows = parse(text).map((record) => new JsonRow(record, names, places));
      return { names, rows, header: "", remark: "" };
    },
    mixedType: (kinds) => areTexts(kinds) ? "string" : "json",
    withColumns(text, columns) {
      const members = columns.map(([name, value]) => `"${name}":${JSON.stringify(value)}`).join();
      // The text of an object stays as it is, because a number in it may be what is wrong.
      if (!isJsonObject(text)) return `{${members},"__text__":${JSON.stringify(text)}}\n`;
      const inside = text.trim().slice(1, -1).replaceAll(/\s*\n\s*/g, " ").trim();
      return `{${members}${inside === "" ? "" : `,${inside}`}}\n`;
    },
    headerWith: () => "",
  };
}

function isJsonObject(text: string): boolean {
  try {
    JSON.parse(text);
    return text.trimStart().startsWith("{");
  } catch {
    return false;
  }
}

/** An object as a row. */
class JsonRow implements FileRow {
  readonly line: number;
  readonly text: string;
  readonly fault: Fault | undefined;
  readonly #cells: JsonObject[string][] = [];

  /**
   * @param record The object.
   * @param names The columns so far; new ones are added.
   * @param places The place of each of them.
   */
  constructor({ line, text, object }: JsonRecord, names: string[], places: Map<string, number>) {
    this.line = line;
    this.text = text;
    if (object instanceof Fault) {
      this.fault = object;
      return;
    }
    for (const name of Object.keys(object)) {
      let place = places.get(name);
      if (place === undefined) places.set(name, place = names.push(name) - 1);
      this.#cells[place] = object[name]!;
    }
  }

  get length(): number {
    return this.#cells.length;
  }

  has(column: number): boolean {
    return this.#cells[column] !== undefined;
  }

  kindOf(column: number, seen: ReadonlySet<Kind>): Kind | undefined {
    const cell = this.#cells[column] ?? null;
    return cell === null ? undefined : jsonKind(cell, seen);
  }

  valueOf(column: number, type: ValueType): unknown {
    const cell = this.#cells[column]!;
    if (cell === null) return null;
    if (typeof cell === "bigint") return longValue(cell, type);
    // A bigint column takes a long integer that the number holds exactly.
    const isLong = type.name === "bigint" && Number.isInteger(cell) && !Number.isSafeInteger(cell);
    if (isLong) return type.parse(String(cell));
    const value = type.fromJson(cell);
    if (type.name === "float" && typeof cell === "string") checkHeld(value as number, cell);
    return value;
  }
}

/** The value of an integer that a number would round. */
function longValue(cell: bigint, { name }: ValueType): unknown {
  if (name === "bigint") return cell;
  const value = Number(cell);
  if (name === "float" && BigInt(value) === cell) return value;
  throw new RangeError(`${cell} would be rounded, a bigint holds it, or text: "${cell}"`);
}
