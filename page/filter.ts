/**
 * The filter box: the grammar of the command, as conditions of the API, and back as words for a
 * shell and for TypeScript.
 *
 * ```text
 * WORD   = FIELD ( "=" VALUES | ( "!=" | "<" | "<=" | ">" | ">=" ) CELL | "~" REGEXP )
 * VALUES = CELL { "," CELL } | [ CELL ] ".." [ CELL ]
 * CELL   = `"` text `"` | "" (null) | "null" (null) | text
 * ```
 *
 * @module
 */

import type { Field } from "./types.ts";
import type { Condition } from "./view.ts";

const WORD_REGEXP = /^([\p{ID_Start}_][\p{ID_Continue}\u200c\u200d]*)(!=|<=|>=|=|<|>|~)([^]*)$/u;
const OPERATORS: Readonly<Record<string, string>> = {
  "<": "lt",
  "<=": "lte",
  ">": "gt",
  ">=": "gte",
};
/** Names that the API takes for parameters. */
const PARAMETERS = ["order", "limit", "offset", "select", "or", "and", "not.or", "not.and"];
/** What it takes for parameters in figures. */
const OTHERS = ["of", "by", "figures", "since", "tables", "all"];

/** The name of a field as a parameter. */
export function parameterOf(name: string): string {
  return [...PARAMETERS, ...OTHERS].includes(name) ? `"${name}"` : name;
}

/** The field of a parameter. */
export function fieldOf(parameter: string): string {
  return parameter.replace(/^"(.*)"$/, "$1");
}

/** Splits a line into words. Quotes of either kind keep spaces; those of a shell are taken off. */
export function wordsOf(line: string): string[] {
  return Array.from(
    line.matchAll(/(?:'[^']*'|"(?:[^"]|"")*"|[^\s'"])+/g),
    ([word]) => word.replace(/'([^']*)'/g, "$1"),
  );
}

/** The cells of a text, and whether they are a range. */
function cellsOf(text: string): { cells: (string | null)[]; isRange: boolean } {
  const cells: (string | null)[] = [];
  let isRange = false;
  const regexp = /(?:"((?:[^"]|"")*)"|((?!")(?:(?!,|\.\.)[^])*))(,|\.\.|$)/y;
  for (;;) {
    const found = regexp.exec(text);
    if (found === null) throw new Error(`${text}: a quote is not closed`);
    const [, quoted, plain, separator] = found;
    const isNull = quoted === undefined && (plain === "" || plain === "null");
    cells.push(isNull ? null : quoted?.replaceAll('""', '"') ?? plain!);
    if (separator === "") return { cells, isRange };
    isRange ||= separator === "..";
  }
}

/** A text in a list of the API. */
function listed(text: string): string {
  return /[,()"\\]/.test(text) || text === "" ? `"${text.replaceAll(/["\\]/g, "\\$&")}"` : text;
}

/** The conditions of a word; throws an error that says what is wrong. */
export function conditionsOf(word: string, fields: readonly Field[]): Condition[] {
  const [, name, sign, text] = WORD_REGEXP.exec(word) ?? [];
  if (name === undefined) throw new Error(`${word} is not a condition, say for example name=value`);
  const known = [...fields.map((field) => field.name), "__id__", "__version__"];
  if (!known.includes(name)) {
    throw new Error(`there is no field "${name}", the fields are ${known.join(", ")}`);
  }
  const is = (value: string): Condition => ({ name: parameterOf(name), value });
  if (sign === "~") return [is(`match.${text}`)];
  const { cells, isRange } = cellsOf(text!);
  const one = cells[0] ?? null;
  if (sign === "=" && isRange) {
    if (cells.length > 2) throw new Error(`${word}: a range has two ends, quote ".."`);
    const [low, high] = cells as [string | null, string | null];
    if (low === null && high === null) throw new Error(`${word}: a range needs at least one end`);
    return [
      ...(low === null ? [] : [is(`gte.${low}`)]),
      ...(high === null ? [] : [is(`lte.${high}`)]),
    ];
  }
  if (sign === "=" && cells.length > 1) {
    const texts = cells.filter((cell) => cell !== null);
    if (texts.length < cells.length) {
      const item = `${name}.in.(${texts.map(listed).join()})`;
      return [{ name: "or", value: `(${item},${name}.is.null)` }];
    }
    return [is(`in.(${texts.map(listed).join()})`)];
  }
  if (cells.length > 1) throw new Error(`${word}: one value is expected, quote it`);
  if (sign === "=") return [is(one === null ? "is.null" : `eq.${one}`)];
  if (sign === "!=") return [is(one === null ? "not.is.null" : `neq.${one}`)];
  if (one === null) throw new Error(`${word}: null is neither more nor less`);
  return [is(`${OPERATORS[sign!]}.${one}`)];
}

/** The condition that a cell has this value. */
export function equalTo(name: string, text: string | null): Condition {
  return { name: parameterOf(name), value: text === null ? "is.null" : `eq.${text}` };
}

const SIGNS: Readonly<Record<string, string>> = {
  eq: "=",
  neq: "!=",
  lt: "<",
  lte: "<=",
  gt: ">",
  gte: ">=",
  match: "~",
};

/** A cell of the command. */
function cell(text: string): string {
  return /[",]|\.\.|^$|^null$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** What the lists of the API hold. */
function itemsOf(list: string): string[] {
  return Array.from(
    list.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|([^,]+)/g),
    ([, quoted, plain]) => quoted?.replaceAll(/\\(.)/g, "$1") ?? plain!,
  );
}

/** A condition as a word of the filter box; as the API has it, if the box cannot say it. */
export function wordOf({ name, value }: Condition): string {
  const field = fieldOf(name);
  if (value === "is.null") return `${field}=null`;
  if (value === "not.is.null") return `${field}!=null`;
  const [, operator = "", text = ""] = /^(\w+)\.([^]*)$/.exec(value) ?? [];
  if (operator === "in" && text.startsWith("(")) {
    return `${field}=${itemsOf(text).map(cell).join()}`;
  }
  const sign = SIGNS[operator];
  if (sign === undefined || name === "or" || name === "and") return `${field}=${value}`;
  return `${field}${sign}${sign === "~" ? text : cell(text)}`;
}

/** Whether the command has a word for a condition. */
function isCommand({ name, value }: Condition): boolean {
  const isGroup = /^(?:not\.)?(?:or|and)$/.test(name);
  return !isGroup && /^(?:not\.is\.null|is\.null|(?:eq|neq|lte?|gte?|match|in)\.)/.test(value);
}

/** A word for a shell. */
function quotedWord(word: string): string {
  return /^[\w=.,:+@%/-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The view as a command; `undefined` if the command has no words for it. */
export function commandOf(
  table: string,
  conditions: readonly Condition[],
  order: readonly string[],
): string | undefined {
  if (!conditions.every(isCommand)) return undefined;
  const words = [table, ...conditions.map(wordOf)].map(quotedWord);
  return ["psbase select", ...words, ...(order.length > 0 ? ["--sort", order.join()] : [])].join(
    " ",
  );
}

/** How TypeScript writes a value of a type. */
function literal(type: string, text: string): string {
  switch (type) {
    case "integer":
    case "float":
    case "link":
    case "boolean":
      return text;
    case "bigint":
      return `${text}n`;
    case "date":
      return `Temporal.PlainDate.from(${JSON.stringify(text)})`;
    case "time":
      return `Temporal.PlainTime.from(${JSON.stringify(text)})`;
    case "datetime":
      return `Temporal.PlainDateTime.from(${JSON.stringify(text)})`;
    case "timestamp":
      return `new Date(${JSON.stringify(text)})`;
    case "bytes":
      return `Uint8Array.fromBase64(${JSON.stringify(text)})`;
    case "json":
      return text;
    default:
      return JSON.stringify(text);
  }
}

const METHODS: Readonly<Record<string, string>> = {
  eq: "eq",
  neq: "ne",
  lt: "lt",
  lte: "lte",
  gt: "gt",
  gte: "gte",
};

/** A condition in TypeScript; `undefined` if that takes more than a line. */
function codeOf({ name, value }: Condition, fields: readonly Field[]): string | undefined {
  const field = fieldOf(name);
  const type = fields.find((one) => one.name === field)?.type ?? "integer";
  if (value === "is.null") return `${field}: null`;
  if (value === "not.is.null") return `${field}: { ne: null }`;
  const [, operator = "", text = ""] = /^(\w+)\.([^]*)$/.exec(value) ?? [];
  if (operator === "eq") return `${field}: ${literal(type, text)}`;
  if (operator === "match") return `${field}: new RegExp(${JSON.stringify(text)}, "u")`;
  if (operator === "in") {
    return `${field}: { in: [${itemsOf(text).map((one) => literal(type, one)).join(", ")}] }`;
  }
  const method = METHODS[operator];
  return method === undefined ? undefined : `${field}: { ${method}: ${literal(type, text)} }`;
}

/** The view in TypeScript; `undefined` if that takes more than a line. */
export function programOf(
  table: string,
  conditions: readonly Condition[],
  order: readonly string[],
  fields: readonly Field[],
): string | undefined {
  const parts = conditions.map((condition) =>
    /^(?:not\.)?(?:or|and)$/.test(condition.name) ? undefined : codeOf(condition, fields)
  );
  if (parts.includes(undefined)) return undefined;
  const names = conditions.map(({ name }) => name);
  const isTwice = new Set(names).size < names.length;
  const where = isTwice
    ? `{ _and: [${parts.map((part) => `{ ${part} }`).join(", ")}] }`
    : parts.length === 0
    ? "{}"
    : `{ ${parts.join(", ")} }`;
  const terms = order.map((term) => JSON.stringify(term));
  const orderBy = terms.length === 1 ? terms[0] : `[${terms.join(", ")}]`;
  const options = order.length === 0 ? "" : `, { orderBy: ${orderBy} }`;
  const name = /^[A-Za-z_]\w*$/.test(table) ? table : "table";
  return `${name}.select(${where === "{}" && options === "" ? "" : where + options})`;
}
