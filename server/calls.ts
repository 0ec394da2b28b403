/**
 * The routes of `RemoteBase`: it sends verbs and their arguments, and gets what they return.
 *
 * ```text
 * POST ~query   {"calls":[CALL…], "changes":[CALL…]?, "if":SEQUENCE?}  →  {"sequence":N,"results":[…]}
 * POST ~commit  {"key":HEX, "changes":[CALL…], "if":SEQUENCE?}  →  {"sequence":N,"results":[…]}
 * POST ~watch   {"since":SEQUENCE?, "where":CONDITIONS?}  →  lines {"sequence":N,"changes":[…]?}
 * CALL          [verb, argument…]
 * ```
 *
 * `changes` of a query are made on a draft, which is thrown away: so a transaction of a client sees
 * what it wrote, and the server keeps nothing between two requests. With `if`, the answer is 409
 * once there is a later commit.
 *
 * @module
 */

import type { Target } from "../engine/schema/options.ts";
import type { JsonValue, Schema } from "../engine/schema/types.ts";
import { describe, isCount, isObject } from "../engine/system/check.ts";
import type { Transaction } from "../transaction.ts";
import { fromWire, toWire } from "../wire/values.ts";
import { jsonOf } from "./body.ts";
import { LINES } from "./changes.ts";
import { HttpError, json } from "./http.ts";
import type { Conditions } from "./params.ts";
import type { Streams } from "./streams.ts";
import { apply, type Call, type ServedTable, WRITE_VERBS, type WriteVerb } from "./table.ts";

/** The verbs that read. */
const READ_VERBS = [
  "get",
  "at",
  "has",
  "keys",
  "select",
  "count",
  "sum",
  "avg",
  "min",
  "max",
  "distinct",
  "groupBy",
  "explain",
] as const;

type ReadVerb = typeof READ_VERBS[number];

/** The properties that are read like verbs. */
const PROPERTIES = ["size", "sequence", "schema", "defaults"] as const;

/** `POST ~query` */
export async function query(table: ServedTable, request: Request): Promise<Response> {
  const body = await bodyOf(request, ["calls", "changes", "if"]);
  const changes = callsIn(body, "changes", WRITE_VERBS) as Call[];
  const calls = callsIn(body, "calls", [...READ_VERBS, ...PROPERTIES, ...WRITE_VERBS]);
  const after = sequenceIn(body);
  if (changes.length > 0) table.begin();
  return table.draft(changes, (tx, sequence) => {
    if (after !== undefined && after !== sequence) throw outdated(table, sequence);
    const results = calls.map(({ verb, args }) => toWire(read(tx, verb, args)));
    return json({ sequence, results });
  });
}

function read(tx: Transaction, verb: string, args: readonly unknown[]): unknown {
  if ((PROPERTIES as readonly string[]).includes(verb)) return tx[verb as "size"];
  if ((WRITE_VERBS as readonly string[]).includes(verb)) {
    return apply(tx, { verb: verb as WriteVerb, args });
  }
  const result = (tx[verb as ReadVerb] as (...args: readonly unknown[]) => unknown)(...args);
  return verb === "keys" ? [...result as Iterable<number>] : result;
}

/** `POST ~commit` */
export async function commit(table: ServedTable, request: Request): Promise<Response> {
  table.begin();
  const body = await bodyOf(request, ["key", "changes", "if"]);
  const { key } = body;
  if (typeof key !== "string" || !/^[0-9a-f]{32}$/.test(key)) {
    throw wrong("key", `${describe(key)}, expected 32 digits of base 16`);
  }
  const changes = callsIn(body, "changes", WRITE_VERBS) as Call[];
  const outcome = await table.commit(changes, {
    key: Uint8Array.fromHex(key),
    ifSequence: sequenceIn(body),
  });
  const { kind, sequence } = outcome;
  if (kind === "outdated") throw outdated(table, sequence);
  const results = kind === "committed"
    ? outcome.results
    : changes.map((call, i) => i === 0 ? again(table, call, outcome.ids) : null);
  return json({ sequence, results: results.map(toWire), repeated: kind === "repeated" });
}

/** What a verb returned whose commit had been made before: rows are as they are now. */
function again({ base }: ServedTable, { verb, args }: Call, ids: readonly number[]): unknown {
  switch (verb) {
    case "insert":
    case "insertAsStrings":
      return ids[0];
    case "insertMany":
      return ids;
    case "upsert":
      return base.get(ids[0]!) ?? null;
    case "update": {
      const rowOf = (target: Target<Schema>) =>
        base.get(typeof target === "number" ? target : target.__id__) ?? null;
      const [target] = args as [Target<Schema> | Target<Schema>[]];
      return Array.isArray(target) ? target.map(rowOf) : rowOf(target);
    }
    default:
      return ids.length;
  }
}

/** `POST ~watch` */
export async function watch(
  table: ServedTable,
  request: Request,
  streams: Streams,
): Promise<Response> {
  const { since = table.base.sequence, where } = await bodyOf(request, ["since", "where"]);
  if (!isCount(since)) throw wrong("since", `${describe(since)}, expected the number of a commit`);
  const asked = where === undefined ? undefined : valueIn("where", where) as Conditions;
  return await streams.open(table, { form: LINES, since, where: asked });
}

function valueIn(name: string, json: JsonValue): unknown {
  try {
    return fromWire(json);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw wrong(name, error.message);
  }
}

function outdated({ name }: ServedTable, sequence: number): HttpError {
  return new HttpError(
    409,
    `Cannot go on in "${name}": commit ${sequence} came first, read again`,
    { class: "Outdated", sequence },
  );
}

function wrong(field: string, reason: string): HttpError {
  return new HttpError(400, `Cannot read the body: ${field}: ${reason}`, { field });
}

async function bodyOf(
  request: Request,
  names: readonly string[],
): Promise<Record<string, JsonValue>> {
  const body = await jsonOf(request);
  if (!isObject(body)) {
    throw new HttpError(400, `Cannot read the body: ${describe(body)}, expected an object`);
  }
  const unknown = Object.keys(body).find((name) => !names.includes(name));
  if (unknown === undefined) return body as Record<string, JsonValue>;
  throw wrong(unknown, `it is unknown, the members are ${names.join(", ")}`);
}

function callsIn(
  body: Record<string, JsonValue>,
  name: string,
  verbs: readonly string[],
): { verb: string; args: unknown[] }[] {
  const list = body[name] ?? [];
  if (!Array.isArray(list)) throw wrong(name, `${describe(list)}, expected an array`);
  return list.map((call) => {
    if (!Array.isArray(call)) throw wrong(name, `${describe(call)}, expected [verb, argument…]`);
    const [verb, ...args] = call;
    if (!verbs.includes(verb)) {
      throw wrong(name, `${describe(verb)}, the verbs are ${verbs.join(", ")}`);
    }
    return { verb, args: args.map((json) => valueIn(name, json)) };
  });
}

function sequenceIn(body: Record<string, JsonValue>): number | undefined {
  const { if: after } = body;
  if (after === undefined || isCount(after)) return after;
  throw wrong("if", `${describe(after)}, expected the number of a commit`);
}
