/**
 * Values as JSON that says what they are: what a client of a server sends, and what it gets. JSON
 * has fewer types than tables have. A value that JSON does not have is an object with one member,
 * whose name is `$` and its type:
 *
 * ```text
 * {"$bigint":"12"}  {"$float":"NaN"}  {"$date":"2026-07-31"}  {"$time":…}  {"$datetime":…}
 * {"$timestamp":"2026-07-31T12:00:00.000Z"}  {"$bytes":"aGk="}  {"$link":3}
 * {"$regexp":["^h","u"]}  {"$field":"budget"}  {"$undefined":true}
 * {"$object":{…}}    a plain object whose first name begins with `$`
 * ```
 *
 * Nothing here uses Deno.
 *
 * @module
 */

import { describe, isObject, isPlain } from "../engine/system/check.ts";
import { setOwn } from "../engine/schema/json.ts";
import { field as fieldRef } from "../engine/query/query.ts";
import type { JsonValue } from "../engine/schema/types.ts";
import { VALUE_TYPES } from "../engine/schema/values.ts";

/** The id of a linked row, which stands for the row where the other table is out of reach. */
export interface LinkedId {
  /** The id. */
  readonly __id__: number;
}

/** The type of a value by the tag of its class. */
const TAGS: Readonly<Record<string, "bytes" | "date" | "time" | "datetime">> = {
  "Uint8Array": "bytes",
  "Temporal.PlainDate": "date",
  "Temporal.PlainTime": "time",
  "Temporal.PlainDateTime": "datetime",
};

function tagged(name: string, value: JsonValue): JsonValue {
  return { [`$${name}`]: value };
}

/**
 * A value as JSON.
 *
 * @throws {TypeError} For a function, a symbol, or an object of a class that tables do not know; a
 *   fragment.
 */
export function toWire(value: unknown): JsonValue {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value;
    case "number": {
      const json = VALUE_TYPES.float.toJson(value);
      return typeof json === "number" ? json : tagged("float", json);
    }
    case "bigint":
      return tagged("bigint", String(value));
    case "undefined":
      return tagged("undefined", true);
    case "function":
      throw new TypeError("a function cannot be sent to a server: use conditions or values");
    case "object":
      return value === null ? null : objectToWire(value);
    default:
      throw new TypeError(`${describe(value)}, which cannot be sent to a server`);
  }
}

function objectToWire(value: object): JsonValue {
  if (Array.isArray(value)) return Array.from(value, toWire);
  if (value instanceof RegExp) return tagged("regexp", [value.source, value.flags]);
  // An Instant may be finer than a timestamp, which the table then refuses.
  const { [Symbol.toStringTag]: tag } = value as { [Symbol.toStringTag]?: string };
  if (value instanceof Date || tag === "Temporal.Instant") {
    return tagged("timestamp", (value as Date).toJSON());
  }
  if (tag !== undefined && Object.hasOwn(TAGS, tag)) {
    const name = TAGS[tag]!;
    return tagged(name, VALUE_TYPES[name].format(value));
  }
  if (isFieldRef(value)) return tagged("field", value.field);
  if (!isPlain(value)) throw new TypeError(`${describe(value)}, which cannot be sent to a server`);
  return plainToWire(value);
}

/** The members of a plain object. A getter is the link of a row: only its id is sent. */
function plainToWire(value: Record<string, unknown>): JsonValue {
  const copy: Record<string, JsonValue> = {};
  let ids: Record<string, unknown> | undefined;
  const names = Object.keys(value);
  for (const name of names) {
    const isGetter = Object.getOwnPropertyDescriptor(value, name)!.get !== undefined;
    if (!isGetter) setOwn(copy, name, toWire(value[name]));
    else {
      ids ??= linkIds(value);
      const id = ids[name];
      setOwn(copy, name, typeof id === "number" ? tagged("link", id) : toWire(value[name]));
    }
  }
  return names[0]?.startsWith("$") ? tagged("object", copy) : copy;
}

/** The ids of the links of a row. */
function linkIds(row: object): Record<string, unknown> {
  return "toJSON" in row && typeof row.toJSON === "function" ? row.toJSON() : {};
}

const FieldRef = fieldRef("any").constructor as new (name: string) => { readonly field: string };

function isFieldRef(value: object): value is { readonly field: string } {
  return value instanceof FieldRef;
}

/** What each tag makes of its JSON. */
const FROM: Readonly<Record<string, (json: JsonValue) => unknown>> = {
  $undefined: () => undefined,
  $field: (name) => fieldRef(text(name)),
  $link: (id) => linked(id as number),
  $object: (json) => members(json),
  $regexp(json) {
    const [source, flags] = Array.isArray(json) ? json : [];
    return new RegExp(text(source), text(flags));
  },
  $timestamp: (json) => VALUE_TYPES.timestamp.parse(text(json)),
  ...Object.fromEntries(
    (["bigint", "float", "date", "time", "datetime", "bytes"] as const).map((name) => [
      `$${name}`,
      (json: JsonValue) => VALUE_TYPES[name].parse(text(json)),
    ]),
  ),
};

function text(json: unknown): string {
  if (typeof json === "string") return json;
  throw new SyntaxError(`${describe(json)}, expected a string`);
}

/** The value of JSON; throws SyntaxError, a fragment, if it is none. */
export function fromWire(json: JsonValue): unknown {
  if (typeof json !== "object" || json === null) return json;
  if (Array.isArray(json)) return json.map(fromWire);
  const [name, ...others] = Object.keys(json);
  if (name === undefined || !name.startsWith("$")) return members(json);
  const from = Object.hasOwn(FROM, name) ? FROM[name] : undefined;
  if (from === undefined || others.length > 0) {
    throw new SyntaxError(`unknown value ${JSON.stringify(name)}`);
  }
  return from((json as { readonly [name: string]: JsonValue })[name]!);
}

function members(json: JsonValue): Record<string, unknown> {
  if (!isObject(json)) throw new SyntaxError(`${describe(json)}, expected an object`);
  const value: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(json)) setOwn(value, name, fromWire(one as JsonValue));
  return value;
}

/** A linked row of which only the id is known. Reading more of it throws. */
function linked(id: number): LinkedId {
  return new Proxy({ __id__: id }, {
    get(target, name, receiver) {
      if (Object.hasOwn(target, name) || typeof name === "symbol" || name in Object.prototype) {
        return Reflect.get(target, name, receiver);
      }
      if (name === "toJSON") return () => id;
      if (name === "then") return undefined;
      throw new TypeError(
        `Cannot read ${JSON.stringify(name)} of a linked row: only its __id__ came from the ` +
          `server, get the row from the other table`,
      );
    },
  });
}
