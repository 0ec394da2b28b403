/**
 * The description of the API (OpenAPI 3.1), with the fields of the tables.
 *
 * @module
 */

import type { FieldDef } from "../engine/schema/field_def.ts";
import { ROW_TYPES } from "./rows.ts";
import { FIGURE_NAMES } from "./read.ts";
import type { ServedTable } from "./table.ts";

type Json = { readonly [name: string]: unknown };

/** The JSON of each type. */
const TYPES: Readonly<Record<FieldDef["type"], Json>> = {
  string: { type: "string" },
  integer: { type: "integer" },
  float: { type: ["number", "string"], description: "NaN, Infinity, -Infinity and -0 are text" },
  boolean: { type: "boolean" },
  bigint: { type: ["integer", "string"], description: "text from 2^53 on" },
  date: { type: "string", format: "date" },
  time: { type: "string" },
  datetime: { type: "string" },
  timestamp: { type: "string", format: "date-time" },
  bytes: { type: "string", contentEncoding: "base64" },
  json: {},
  link: { type: "integer", description: "the id of a row of the other table" },
};

function orNull(type: Json): Json {
  if (type.type === undefined) return type;
  return { ...type, type: [type.type, "null"].flat() };
}

function valuesOf({ schema }: ServedTable): Json {
  return Object.fromEntries(schema.fields.map((field) => [
    field.name,
    field.required ? TYPES[field.type] : orNull(TYPES[field.type]),
  ]));
}

const ID: Json = { name: "id", in: "path", required: true, schema: { type: "integer" } };
const KEY: Json = {
  name: "Idempotency-Key",
  in: "header",
  schema: { type: "string", maxLength: 255 },
  description: "with the same key a write is made once",
};
const IF_MATCH: Json = {
  name: "If-Match",
  in: "header",
  schema: { type: "string" },
  description: 'the version that the row must have: "3"',
};

function parameter(name: string, description: string, type = "string"): Json {
  return { name, in: "query", schema: { type }, description };
}

const FILTER: readonly Json[] = [
  parameter("and", "conditions that all hold: (age.gt.18,name.like.h*)"),
  parameter("or", "conditions one of which holds: (age.gt.50,name.eq.lisa)"),
];

function conditions({ schema }: ServedTable): Json[] {
  return [
    ...schema.fields.map(({ name }) => parameter(name, "a condition: OPERATOR.VALUE")),
    ...FILTER,
  ];
}

/** What a figure is asked with. */
const FIGURE_PARAMETERS: Readonly<Record<string, readonly Json[]>> = {
  group: [
    parameter("by", "the field whose values make the groups"),
    parameter("figures", "NAME:count or NAME:VERB.FIELD, with commas between"),
    parameter("order", "a figure, descending with -"),
    parameter("limit", "how many groups", "integer"),
  ],
  ...Object.fromEntries(
    ["sum", "avg", "min", "max", "distinct", "figures"].map((name) => [
      name,
      [parameter("of", "the field")],
    ]),
  ),
};

function content(schema: Json, types: readonly string[] = ["application/json"]): Json {
  return Object.fromEntries(types.map((type) => [type, { schema }]));
}

function answer(description: string, schema: Json, types?: readonly string[]): Json {
  return { description, content: content(schema, types) };
}

const PROBLEM: Json = {
  description: "what is wrong",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

function operation(
  summary: string,
  of: {
    parameters?: readonly Json[];
    body?: Json;
    answers: Readonly<Record<string, Json>>;
  },
): Json {
  return {
    summary,
    parameters: of.parameters ?? [],
    ...(of.body === undefined ? {} : { requestBody: { required: true, content: of.body } }),
    responses: { ...of.answers, default: PROBLEM },
  };
}

function pathsOf(table: ServedTable): Json {
  const at = `/${encodeURIComponent(table.name)}`;
  const row: Json = { $ref: `#/components/schemas/${encodeURIComponent(table.name)}` };
  const values: Json = { type: "object", properties: valuesOf(table) };
  const rows: Json = { type: "array", items: row };
  const where = conditions(table);
  const count = (name: string): Json => ({
    type: "object",
    properties: { [name]: { type: "integer" } },
  });
  const writes = table.isWritable;
  return {
    [at]: {
      get: operation(`rows of ${table.name}`, {
        parameters: [
          ...where,
          parameter("order", "fields with commas between, descending with -"),
          parameter("limit", "how many rows", "integer"),
          parameter("offset", "how many rows are skipped", "integer"),
          parameter("select", "fields with commas between"),
        ],
        answers: { "200": answer("the rows", rows, Object.values(ROW_TYPES)) },
      }),
      ...(writes && {
        post: operation("insert a row or rows", {
          parameters: [KEY],
          body: {
            ...content({ oneOf: [values, { type: "array", items: values }] }),
            ...content(values, ["application/x-ndjson", "text/csv"]),
          },
          answers: {
            "201": answer("their ids", {
              type: "object",
              properties: { ids: { type: "array", items: { type: "integer" } } },
            }),
          },
        }),
        put: operation("change the row with a unique value, or add it", {
          parameters: [...where, KEY],
          body: content(values),
          answers: { "200": answer("the row", row), "201": answer("the new row", row) },
        }),
        patch: operation("change the rows that match", {
          parameters: [...where, KEY],
          body: content(values),
          answers: { "200": answer("how many", count("updated")) },
        }),
        delete: operation("delete the rows that match", {
          parameters: [...where, KEY],
          answers: { "200": answer("how many", count("deleted")) },
        }),
      }),
    },
    [`${at}/{id}`]: {
      get: operation("a row", { parameters: [ID], answers: { "200": answer("the row", row) } }),
      ...(writes && {
        patch: operation("change a row", {
          parameters: [ID, IF_MATCH, KEY],
          body: content(values),
          answers: { "200": answer("the row", row) },
        }),
        delete: operation("delete a row", {
          parameters: [ID, IF_MATCH, KEY],
          answers: { "200": answer("how many", count("deleted")) },
        }),
      }),
    },
    ...Object.fromEntries(FIGURE_NAMES.map((name) => [
      `${at}/~${name}`,
      {
        get: operation(name, {
          parameters: [
            ...(FIGURE_PARAMETERS[name] ?? []),
            ...(name === "schema" || name === "stats" ? [] : where),
          ],
          answers: { "200": answer(name, { type: "object" }) },
        }),
      },
    ])),
    [`${at}/~changes`]: {
      get: operation("changes as they are committed", {
        parameters: [...where, parameter("since", "the commit after which to begin", "integer")],
        answers: {
          "200": answer("events", { type: "string" }, [
            "text/event-stream",
            "application/x-ndjson",
          ]),
        },
      }),
    },
  };
}

/** The description of the API of these tables. */
export function openApi(tables: Iterable<ServedTable>, version: string): Json {
  const all = [...tables];
  return {
    openapi: "3.1.0",
    info: { title: "psbase", version },
    security: [{ token: [] }],
    paths: Object.assign({}, ...all.map(pathsOf)),
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: {
        ...Object.fromEntries(all.map((table) => [table.name, {
          type: "object",
          properties: {
            __id__: { type: "integer" },
            __version__: { type: "integer" },
            ...valuesOf(table),
          },
        }])),
        Problem: {
          type: "object",
          required: ["type", "title", "status", "detail"],
          properties: {
            type: { type: "string" },
            title: { type: "string" },
            status: { type: "integer" },
            detail: { type: "string" },
            class: { type: "string" },
            field: { type: "string" },
          },
        },
      },
    },
  };
}
