/**
 * The routes that read: rows, one row, figures, the schema.
 *
 * @module
 */

import { compile, compileOrder, sortableOf } from "../engine/query/query.ts";
import { count } from "../engine/query/scan.ts";
import { type Selection, selectionOf } from "../engine/query/select.ts";
import type { Attribute } from "../engine/schema/field_def.ts";
import type { TableSchema } from "../engine/schema/schema.ts";
import { VALUE_TYPES } from "../engine/schema/values.ts";
import { versionAt } from "../engine/snapshot/rows.ts";
import { nameOf } from "../engine/system/path.ts";
import { figuresOf } from "./figures.ts";
import { hasTag, HttpError, json, negotiate, respond } from "./http.ts";
import { type Conditions, Params } from "./params.ts";
import { ROW_TYPES, type RowForm, rowJson, rowsBody, valueJson } from "./rows.ts";
import type { ServedTable } from "./table.ts";

/** The tag of all that a table holds at a commit point. */
function tableTag(table: ServedTable, sequence: number): string {
  return `"${handleTag(table)}-${sequence}"`;
}

function handleTag(table: ServedTable): string {
  return table.refresh().origin.table.slice(0, 8);
}

/** `GET /people` */
export function list(table: ServedTable, request: Request, url: URL, asks?: RowForm): Response {
  const snapshot = table.refresh();
  const { schema, sequence } = snapshot;
  const params = new Params(schema, url);
  const selection = selectionFrom(params, schema);
  const where = params.where();
  const form = asks ?? formOf(request);
  const headers: Record<string, string> = {
    "content-type": form === "csv" ? "text/csv; charset=utf-8" : ROW_TYPES[form],
    "cache-control": "no-cache",
    "psbase-sequence": String(sequence),
    etag: tableTag(table, sequence),
    vary: "accept, prefer",
  };
  if (form === "csv" || asks !== undefined) {
    headers["content-disposition"] = `attachment; filename*=UTF-8''${
      encodeURIComponent(table.name)
    }.${form}`;
  }
  if (isUnchanged(request, headers.etag!)) return notModified(headers);
  const query = compile(schema, where);
  const isCounted = /\bcount=exact\b/.test(request.headers.get("prefer") ?? "");
  const total = isCounted ? count(snapshot, query) : undefined;
  const { body, count: shown } = rowsBody(form, snapshot, query, selection, table.checkOpen);
  headers["content-range"] = rangeOf(selection, shown, total);
  return respond(body, headers);
}

/** `GET /people/~rows?after=17`: all rows by id, for a copy that goes on where it was cut off. */
export function rows(table: ServedTable, url: URL): Response {
  const snapshot = table.refresh();
  const { schema, sequence } = snapshot;
  const params = new Params(schema, url);
  const after = params.count("after");
  params.none();
  const query = compile(schema, after === undefined ? {} : { __id__: { gt: after } });
  const selection = selectionOf(schema, {});
  const { body } = rowsBody("ndjson", snapshot, query, selection, table.checkOpen);
  return respond(body, {
    "content-type": ROW_TYPES.ndjson,
    "cache-control": "no-cache",
    "psbase-sequence": String(sequence),
  });
}

/** `0-49/1234`; what is not known is `*`. */
function rangeOf(
  { offset, limit }: Selection,
  shown: number | undefined,
  total: number | undefined,
): string {
  const left = total === undefined ? undefined : Math.max(0, Math.min(limit, total - offset));
  const rows = shown ?? left;
  const range = rows === 0 ? "*" : rows === undefined ? "*" : `${offset}-${offset + rows - 1}`;
  return `${range}/${total ?? "*"}`;
}

function formOf(request: Request): RowForm {
  const type = negotiate(request, Object.values(ROW_TYPES));
  return (Object.keys(ROW_TYPES) as RowForm[]).find((form) => ROW_TYPES[form] === type)!;
}

function selectionFrom(params: Params, schema: TableSchema): Selection {
  const [limit, offset] = [params.count("limit"), params.count("offset")];
  const orderBy = orderOf(params, schema);
  const fields = params.names("select")?.filter((name) => !name.startsWith("__"));
  return params.within("select", () => selectionOf(schema, { limit, offset, orderBy, fields }));
}

function orderOf(params: Params, schema: TableSchema): string[] | undefined {
  // In an address, "+" may be a space.
  const terms = params.names("order")?.map((term) => term.replace(/^ /, "+"));
  params.within("order", () => compileOrder(schema, terms));
  return terms;
}

/** A field that a parameter names. */
function fieldIn(params: Params, schema: TableSchema, name: string, example: string): string {
  const value = params.need(name, example);
  params.within(name, () => sortableOf(schema, value));
  return value;
}

function isUnchanged(request: Request, tag: string): boolean {
  const tags = request.headers.get("if-none-match");
  return tags !== null && hasTag(tags, tag);
}

function notModified({ etag, "cache-control": cache }: Record<string, string>): Response {
  return respond(null, { etag: etag!, "cache-control": cache! }, 304);
}

/** `GET /people/17` */
export function one(table: ServedTable, request: Request, url: URL, id: number): Response {
  const snapshot = table.refresh();
  const { schema, sequence } = snapshot;
  if (url.search !== "") new Params(schema, url).none();
  const location = snapshot.find(id);
  if (location === undefined) throw noRow(table, id);
  const headers = {
    "content-type": ROW_TYPES.json,
    "cache-control": "no-cache",
    "psbase-sequence": String(sequence),
    etag: `"${versionAt(location)}"`,
  };
  if (isUnchanged(request, headers.etag)) return notModified(headers);
  return respond(`${rowJson(location, schema.fields)}\n`, headers);
}

/** The refusal of an id that no row has. */
export function noRow(table: ServedTable, id: number): HttpError {
  return new HttpError(404, `Cannot find row ${id} of "${table.name}": it is not there`, {
    class: "RecordNotFoundError",
    id,
  });
}

/** The figures of a table: routes that answer with one JSON object. */
type Figure = (table: ServedTable, params: Params, schema: TableSchema) => unknown;

function aggregate(verb: "sum" | "avg" | "min" | "max"): Figure {
  return ({ base }, params, schema) => {
    const of = fieldIn(params, schema, "of", "age");
    const where = params.where();
    const value = params.within("of", () => base[verb](of, where));
    const field = schema.byName.get(of)!;
    const isMean = verb === "avg" || (verb === "sum" && field.type !== "bigint");
    return { [verb]: isMean ? VALUE_TYPES.float.toJson(value as number) : valueJson(field, value) };
  };
}

/** A list of figures: `n:count,mean:avg.age`. */
function figuresFrom(params: Params): Record<string, unknown> {
  const text = params.take("figures") ?? "count:count";
  return Object.fromEntries(
    text.split(",").map((one) => {
      const [, name, verb, of] = /^([^:]+):(\w+)(?:\.(.+))?$/.exec(one) ?? [];
      if (name === undefined) {
        throw params.refusal(
          "figures",
          `${JSON.stringify(one)} is no figure, say for example n:count,mean:avg.age`,
        );
      }
      return [name, of === undefined ? verb : [verb, of]];
    }),
  );
}

const FIGURES: Readonly<Record<string, Figure>> = {
  count: ({ base }, params) => {
    const where = params.where();
    return { count: base.count(where) };
  },
  sum: aggregate("sum"),
  avg: aggregate("avg"),
  min: aggregate("min"),
  max: aggregate("max"),
  distinct({ base }, params, schema) {
    const of = fieldIn(params, schema, "of", "name");
    const where = params.where();
    const values = base.distinct(of, where);
    return { values: values.map((value) => valueJson(schema.byName.get(of)!, value)) };
  },
  group({ base }, params, schema) {
    const by = fieldIn(params, schema, "by", "name");
    const figures = figuresFrom(params);
    const [order, limit] = [params.take("order"), params.count("limit")];
    const where = params.where();
    const groups: Conditions[] = params.within(
      "figures",
      () => base.groupBy(by, figures as never, where),
    );
    if (order !== undefined) sortGroups(groups, order, params);
    return {
      groups: groups.slice(0, limit).map((group) =>
        Object.fromEntries(
          Object.entries(group).map(([name, value]) => [
            name,
            valueJson(attributeOfFigure(schema, by, figures, name), value),
          ]),
        )
      ),
    };
  },
  figures({ base }, params, schema) {
    const of = fieldIn(params, schema, "of", "age");
    const where = params.where();
    return figuresOf(base, schema, of, where);
  },
  explain({ base }, params, schema) {
    const [limit, offset] = [params.count("limit"), params.count("offset")];
    const orderBy = orderOf(params, schema);
    const where = params.where();
    return base.explain(where, { limit, offset, orderBy });
  },
  schema(table, params, schema) {
    params.none();
    return describeSchema(table, schema);
  },
  stats({ base, name }, params) {
    params.none();
    const { recovered: _, ...stats } = base.stats();
    return { name, ...stats };
  },
};

/** The field whose values a figure of a group has. */
function attributeOfFigure(
  schema: TableSchema,
  by: string,
  figures: Record<string, unknown>,
  name: string,
): Attribute {
  if (name === by) return sortableOf(schema, by);
  const figure = figures[name];
  if (!Array.isArray(figure)) return "__id__";
  const field = schema.byName.get(figure[1])!;
  const keepsType = figure[0] === "min" || figure[0] === "max" || field.type === "bigint";
  return keepsType && figure[0] !== "avg" ? field : { ...field, value: VALUE_TYPES.float };
}

function sortGroups(groups: Conditions[], order: string, params: Params): void {
  const name = order.replace(/^[-+ ]/, "");
  const sign = order.startsWith("-") ? -1 : 1;
  const isNumber = groups.every((group) => ["number", "bigint"].includes(typeof group[name]));
  if (!isNumber) throw params.refusal("order", `${JSON.stringify(name)} is no figure of a number`);
  groups.sort((a, b) => sign * (Number(a[name]) - Number(b[name])));
}

/** The fields of a table, for clients. */
export function describeSchema(table: ServedTable, schema: TableSchema): unknown {
  return {
    name: table.name,
    write: table.isWritable,
    keepChanges: schema.keepChanges,
    fields: schema.fields.map((field) => ({
      name: field.name,
      type: field.type,
      required: field.required,
      index: field.index,
      unique: field.unique,
      default: field.default === null ? null : valueJson(field, field.value.decode(field.default)),
      ...(field.target === undefined ? {} : {
        link: field.target === "self" ? table.name : nameOf(field.target),
      }),
    })),
  };
}

/** `GET /people/~count` and the like. */
export function figure(table: ServedTable, url: URL, name: string): Response | undefined {
  if (!Object.hasOwn(FIGURES, name)) return undefined;
  const { schema, sequence } = table.refresh();
  const value = FIGURES[name]!(table, new Params(schema, url), schema);
  return json(value, {
    headers: { "psbase-sequence": String(sequence), "cache-control": "no-cache" },
  });
}

/** The names of these routes. */
export const FIGURE_NAMES: readonly string[] = Object.keys(FIGURES);
