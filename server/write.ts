/**
 * The routes that write.
 *
 * @module
 */

import { rowJson } from "./rows.ts";
import { batchesOf, valuesOf } from "./body.ts";
import { hasTag, HttpError, json, notAllowed } from "./http.ts";
import { type Conditions, isRefusal, Params } from "./params.ts";
import { noRow } from "./read.ts";
import type { Call, Committed, ServedTable } from "./table.ts";
import { ConflictError } from "../engine/system/errors.ts";

/** The commit key of a request, and of its `part`th commit. */
async function keyOf(request: Request, part = 0): Promise<Uint8Array | undefined> {
  const given = request.headers.get("idempotency-key");
  if (given === null) return undefined;
  if (given.length > 255) {
    throw new HttpError(400, "Cannot read Idempotency-Key: it is longer than 255 characters", {
      field: "idempotency-key",
    });
  }
  const bytes = new TextEncoder().encode(`${part} ${given}`);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).subarray(0, 16);
}

/** Makes one change in one commit. */
async function commit(table: ServedTable, request: Request, call: Call): Promise<Committed> {
  return await table.commit([call], { key: await keyOf(request) });
}

/** `POST /people` */
export async function insert(table: ServedTable, request: Request, url: URL): Promise<Response> {
  table.begin();
  new Params(table.schema, url).none();
  let inserted = 0;
  let ids: readonly number[] = [];
  let sequence = table.base.sequence;
  let part = 0;
  let isOne = false;
  try {
    for await (const batch of batchesOf(request, () => table.schema)) {
      isOne = batch.isOne;
      if (batch.rows.length === 0) continue;
      const key = await keyOf(request, part++);
      const done = await table.commit([{ verb: "insertMany", args: [batch.rows] }], { key });
      ids = done.kind === "outdated" ? [] : done.ids;
      inserted += ids.length;
      sequence = done.sequence;
    }
  } catch (error) {
    if (inserted === 0) throw error;
    throw afterSome(error, inserted);
  }
  const headers: Record<string, string> = { "psbase-sequence": String(sequence) };
  if (inserted === 1) headers.location = `/${encodeURIComponent(table.name)}/${ids[0]}`;
  // Of a long stream nobody keeps all ids.
  const told = isOne ? { ids, id: ids[0] } : part > 1 ? { inserted } : { ids };
  return json(told, { status: 201, headers });
}

/** Says that the first rows of a stream were inserted. */
function afterSome(error: unknown, inserted: number): unknown {
  if (!(error instanceof HttpError) && !isRefusal(error)) return error;
  const [status, told] = error instanceof HttpError ? [error.status, error.told] : [422, {}];
  const reason = `${error.message}; the first ${inserted} rows were inserted`;
  return new HttpError(status, reason, { ...told, inserted });
}

/** `PATCH /people/17` */
export async function updateOne(
  table: ServedTable,
  request: Request,
  url: URL,
  id: number,
): Promise<Response> {
  table.begin();
  new Params(table.schema, url).none();
  const values = await valuesOf(request, table.schema);
  const args = [id, values, ...versionOf(table, request, id)];
  try {
    await commit(table, request, { verb: "update", args });
  } catch (error) {
    throw withRow(table, error, id);
  }
  return rowOf(table, id, 200);
}

/** The version that `If-Match` asks for, as the options of `update`. */
function versionOf(table: ServedTable, request: Request, id: number): { ifVersion: number }[] {
  const tags = request.headers.get("if-match");
  if (tags === null || tags.trim() === "*") return [];
  const found = /^\s*"(\d{1,16})"\s*$/.exec(tags);
  if (found !== null) return [{ ifVersion: Number(found[1]) }];
  const row = table.base.get(id);
  if (row !== undefined && hasTag(tags, `"${row.__version__}"`)) {
    return [{ ifVersion: row.__version__ }];
  }
  throw new HttpError(400, `Cannot read If-Match: ${tags}, expected the version of the row: "3"`, {
    field: "if-match",
  });
}

/** A conflict, with the row as it is now. */
function withRow(table: ServedTable, error: unknown, id: number): unknown {
  if (!(error instanceof ConflictError)) return error;
  const snapshot = table.refresh();
  const location = snapshot.find(id);
  const row = location === undefined ? null : JSON.parse(rowJson(location, snapshot.schema.fields));
  return new HttpError(412, error.message.replaceAll(table.dir, table.name), {
    class: "ConflictError",
    id,
    expected: error.expected,
    found: error.found,
    row,
  });
}

/** The row as it is now. */
function rowOf(table: ServedTable, id: number, status: number): Response {
  const snapshot = table.refresh();
  const location = snapshot.find(id);
  // Another process may have deleted it by now.
  if (location === undefined) throw noRow(table, id);
  const { schema: { fields }, sequence } = snapshot;
  const row = JSON.parse(rowJson(location, fields));
  return json(row, {
    status,
    headers: { etag: `"${row.__version__}"`, "psbase-sequence": String(sequence) },
  });
}

/** `DELETE /people/17` */
export async function deleteOne(
  table: ServedTable,
  request: Request,
  url: URL,
  id: number,
): Promise<Response> {
  table.begin();
  new Params(table.schema, url).none();
  const [version] = versionOf(table, request, id);
  const call: Call = version === undefined
    ? { verb: "delete", args: [id] }
    : { verb: "deleteWhere", args: [{ __id__: id, __version__: version.ifVersion }] };
  const done = await commit(table, request, call);
  const deleted = countOf(done);
  if (deleted > 0) return json({ deleted });
  const row = table.base.get(id);
  if (row === undefined || version === undefined) throw noRow(table, id);
  throw withRow(
    table,
    new ConflictError(table.dir, id, version.ifVersion, row.__version__),
    id,
  );
}

function countOf(done: Committed): number {
  if (done.kind === "committed") return done.results[0] as number;
  return done.kind === "repeated" ? done.ids.length : 0;
}

/** The conditions of a change of many rows. */
function conditionsOf(table: ServedTable, request: Request, url: URL): Conditions {
  const params = new Params(table.schema, url);
  const all = params.take("all");
  const where = params.where();
  if (Object.keys(where).length > 0 || all === "") return where;
  throw new HttpError(
    400,
    `Cannot ${request.method} all rows of "${table.name}" without a word: add conditions, or ?all`,
    { field: "all" },
  );
}

/** `PATCH /people?COND` */
export async function updateWhere(
  table: ServedTable,
  request: Request,
  url: URL,
): Promise<Response> {
  table.begin();
  const where = conditionsOf(table, request, url);
  const values = await valuesOf(request, table.schema);
  const done = await commit(table, request, { verb: "updateWhere", args: [where, values] });
  return json({ updated: countOf(done) });
}

/** `DELETE /people?COND` */
export async function deleteWhere(
  table: ServedTable,
  request: Request,
  url: URL,
): Promise<Response> {
  table.begin();
  const where = conditionsOf(table, request, url);
  const done = await commit(table, request, { verb: "deleteWhere", args: [where] });
  return json({ deleted: countOf(done) });
}

/** `PUT /people?email=eq.h@x` */
export async function upsert(table: ServedTable, request: Request, url: URL): Promise<Response> {
  table.begin();
  const { schema } = table;
  const params = new Params(schema, url);
  const unique = schema.unique.map(({ name }) => name);
  const [name, ...others] = [...new Set(url.searchParams.keys())].map((one) =>
    one.replace(/^"(.*)"$/, "$1")
  );
  const told = unique.length === 0 ? "the table has none" : `these are ${unique.join(", ")}`;
  if (name === undefined || others.length > 0 || !unique.includes(name)) {
    throw new HttpError(
      400,
      `Cannot PUT to "${table.name}": one unique field says which row, ${told}`,
      { ...(name === undefined ? {} : { field: name }), allowed: unique },
    );
  }
  const condition = params.where()[name] as { eq?: unknown };
  if (condition?.eq === undefined || condition.eq === null) {
    throw params.refusal(name, `a value is expected, say ${name}=eq.VALUE`);
  }
  const values = await valuesOf(request, schema);
  const done = await commit(table, request, {
    verb: "upsert",
    args: [{ [name]: condition.eq }, values],
  });
  const id = (done as Committed & { ids: readonly number[] }).ids[0]!;
  const isNew = done.kind === "committed" &&
    (done.results[0] as { __version__: number }).__version__ === 0;
  return rowOf(table, id, isNew ? 201 : 200);
}

/** `PUT`, `PATCH` or `DELETE` of what cannot be changed so. */
export function refuseMethod(request: Request, url: URL, allowed: readonly string[]): never {
  throw notAllowed(request.method, url.pathname, allowed);
}
