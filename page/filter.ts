/**
 * The filter box: conditions as `psbase select` takes them, and the same in the form of the API and
 * of TypeScript.
 *
 * @module
 */

import { type Cell, parseCells } from "../cli/call/cells.ts";
import { type Field, fieldNamed, type Schema } from "./types.ts";
import { parseValue } from "./values.ts";
import { type Condition, fieldOf, parameterOf, type View } from "./view_state.ts";

const WORD = /^([\p{ID_Start}_][\p{ID_Continue}\u200c\u200d]*)(!=|<=|>=|=|<|>|~)([^]*)$/u;
const BY_SIGN: Readonly<Record<string, string>> = {
  "=": "eq",
  "!=": "neq",
  "<": "lt",
  "<=": "lte",
  ">": "gt",
  ">=": "gte",
};

/** Splits a line into words as a shell does. What follows a condition without a sign is part of it. */
export function wordsOf(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (const [part] of line.matchAll(/\s+|'[^']*'?|"(?:[^"]|"")*"?|[^\s'"]+/g)) {
    if (/^\s/.test(part)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + (part.startsWith("'") ? part.slice(1).replace(/'$/, "") : part);
    }
  }
  if (word !== undefined) words.push(word);
  return words.reduce<string[]>((all, next) => {
    if (WORD.test(next) || all.length === 0) all.push(next);
    else all.push(`${all.pop()} ${next}`);
    return all;
  }, []);
}

/** The conditions of a line; throws an error that names the word that is wrong. */
export function parseLine(line: string, schema: Schema): Condition[] {
  return wordsOf(line).flatMap((word) => parseWord(word, schema));
}

function parseWord(word: string, schema: Schema): Condition[] {
  const [, name, sign, text] = WORD.exec(word) ?? [];
  if (name === undefined) {
    throw new SyntaxError(`${JSON.stringify(word)} is not a condition, say for example name=value`);
  }
  const field = fieldNamed(schema, name);
  if (field === undefined) {
    const names = schema.fields.map((one) => one.name).join(", ");
    throw new SyntaxError(`there is no field ${JSON.stringify(name)}, the fields are ${names}`);
  }
  const condition = (value: string): Condition => [parameterOf(name), value];
  if (sign === "~") {
    if (field.type !== "string") {
      throw new SyntaxError(`field "${name}": a pattern is for text, not for ${field.type}`);
    }
    return [condition(`match.${checkPattern(text!)}`)];
  }
  const parsed = parseCells(text!);
  if (parsed === undefined) {
    throw new SyntaxError(`${word}: a value that begins with a quote is quoted as in CSV`);
  }
  const { cells, separators } = parsed;
  for (const cell of cells) if (cell !== null) check(field, cell);
  if (sign === "=" && separators.includes("..")) {
    const [low, high, ...more] = cells;
    if (more.length > 0) throw new SyntaxError(`${word}: a range has two ends, quote ".."`);
    if (low === null && high === null) {
      throw new SyntaxError(`${word}: a range needs at least one end`);
    }
    return [
      ...(low === null ? [] : [condition(`gte.${low}`)]),
      ...(high === null ? [] : [condition(`lte.${high}`)]),
    ];
  }
  if (cells.length > 1) {
    if (sign !== "=") throw new SyntaxError(`${word}: one value is expected, quote a comma in it`);
    return [oneOf(field, cells)];
  }
  if (cells[0] !== null) return [condition(`${BY_SIGN[sign!]}.${cells[0]}`)];
  if (sign !== "=" && sign !== "!=") {
    throw new SyntaxError(`${word}: null is neither more nor less`);
  }
  return [condition(sign === "=" ? "is.null" : "not.is.null")];
}

/** Refuses a value that is none of the type. */
function check(field: Field, text: string): void {
  try {
    parseValue(field, text);
  } catch (error) {
    throw new SyntaxError(`field "${field.name}": ${(error as Error).message}`);
  }
}

/** Refuses what is no regular expression. */
function checkPattern(source: string): string {
  new RegExp(source, "u");
  return source;
}

/** A text in a list of the API. */
function quoted(text: string): string {
  return text === "" || /[,()"\\]/.test(text) ? `"${text.replaceAll(/["\\]/g, "\\$&")}"` : text;
}

/** The condition that a field has one of some values. */
function oneOf({ name }: Field, cells: readonly Cell[]): Condition {
  const list = `in.(${cells.filter((cell) => cell !== null).map(quoted).join()})`;
  const of = parameterOf(name);
  return cells.includes(null) ? ["or", `(${of}.${list},${of}.is.null)`] : [of, list];
}

/** The condition that a field has a value, or has not. */
export function sameAs({ name }: Field, text: string | null, not = false): Condition {
  if (text === null) return [parameterOf(name), not ? "not.is.null" : "is.null"];
  return [parameterOf(name), `${not ? "neq" : "eq"}.${text}`];
}

/** A value in a word, quoted as in CSV where needed. */
export function cellText(text: string): string {
  const isPlain = text !== "" && text !== "null" && !/[\s,"']|\.\./.test(text);
  return isPlain ? text : `"${text.replaceAll('"', '""')}"`;
}

/** The texts of a list of the API. */
function listOf(text: string): string[] {
  return Array.from(
    text.slice(1, -1).matchAll(/"((?:[^"\\]|\\[^])*)"|[^,]+/g),
    ([plain, inside]) => inside === undefined ? plain : inside.replaceAll(/\\([^])/g, "$1"),
  );
}

/** Operator and value of a condition. */
function parts([, value]: Condition): [operator: string, text: string] {
  const [, operator = "", text = ""] = /^((?:not\.)?[a-z]+)\.([^]*)$/.exec(value) ?? [];
  return [operator, text];
}

/** A condition as the command takes it; undefined if it has no word for it. */
function wordOf(condition: Condition): string | undefined {
  const [operator, text] = parts(condition);
  const name = fieldOf(condition);
  const sign = Object.keys(BY_SIGN).find((one) => BY_SIGN[one] === operator);
  if (sign !== undefined) return `${name}${sign}${cellText(text)}`;
  if (operator === "is") return `${name}=null`;
  if (operator === "not.is") return `${name}!=null`;
  if (operator === "match") return `${name}~${text}`;
  if (operator === "in") return `${name}=${listOf(text).map(cellText).join()}`;
  const [, of, list] = /^\(([^.]+)\.in\.(\(.*\)),\1\.is\.null\)$/s.exec(condition[1]) ?? [];
  if (condition[0] !== "or" || of === undefined) return undefined;
  return `${fieldOf([of, ""])}=${[...listOf(list!).map(cellText), "null"].join()}`;
}

/** One or two conditions that are shown as one. */
export interface Chip {
  /** As it is written in the filter box, if the command has a word for it. */
  readonly word: string | undefined;
  readonly text: string;
  readonly conditions: readonly Condition[];
}

/** The conditions as they are shown: two ends of a range together. */
export function chipsOf(where: readonly Condition[]): Chip[] {
  const chips: Chip[] = [];
  for (let i = 0; i < where.length; i++) {
    const one = where[i]!;
    const next = where[i + 1];
    const [low, from] = parts(one);
    if (next !== undefined && low === "gte" && next[0] === one[0] && parts(next)[0] === "lte") {
      const word = `${fieldOf(one)}=${cellText(from)}..${cellText(parts(next)[1])}`;
      chips.push({ word, text: word, conditions: [one, next] });
      i++;
      continue;
    }
    const word = wordOf(one);
    chips.push({ word, text: word ?? `${one[0]}=${one[1]}`, conditions: [one] });
  }
  return chips;
}

/** A word as the shell takes it. */
export function shellQuoted(word: string): string {
  return /^[\w.,:=@%+/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** A view as a command. */
export function commandOf({ table, where, order, select }: View): string {
  const chips = chipsOf(where);
  const words = ["psbase", "select", table];
  for (const { word } of chips) if (word !== undefined) words.push(word);
  if (order.length > 0) words.push("--sort", order.join());
  if (select !== undefined) words.push("--fields", select.join());
  const left = chips.filter(({ word }) => word === undefined).map(({ text }) => text);
  const more = left.length > 0 ? `  # and ${left.join(" ")}, for which there is no word` : "";
  return words.map(shellQuoted).join(" ") + more;
}

/** How TypeScript makes a value of a type from its text. */
const MAKERS: Readonly<Record<string, string>> = {
  string: "",
  date: "Temporal.PlainDate.from",
  time: "Temporal.PlainTime.from",
  datetime: "Temporal.PlainDateTime.from",
  timestamp: "new Date",
  bytes: "Uint8Array.fromBase64",
};

/** A value as it is written in TypeScript. */
function literal(field: Field | undefined, text: string): string {
  const maker = MAKERS[field?.type ?? "string"];
  if (maker === undefined) return field!.type === "bigint" ? `${text}n` : text;
  const json = JSON.stringify(text);
  return maker === "" ? json : `${maker}(${json})`;
}

/** The operators of TypeScript that have a value. */
const OPERATORS: Readonly<Record<string, string>> = {
  eq: "eq",
  neq: "ne",
  gt: "gt",
  gte: "gte",
  lt: "lt",
  lte: "lte",
};

/** A condition in TypeScript: the operator and its value. */
function operatorOf(
  field: Field | undefined,
  operator: string,
  text: string,
): [string, string] | undefined {
  if (operator.startsWith("not.")) {
    const inside = operatorOf(field, operator.slice(4), text);
    return inside && ["not", `{ ${inside.join(": ")} }`];
  }
  const simple = OPERATORS[operator];
  if (simple !== undefined) return [simple, literal(field, text)];
  switch (operator) {
    case "is":
      return ["eq", "null"];
    case "in":
      return ["in", `[${listOf(text).map((one) => literal(field, one)).join(", ")}]`];
    case "match":
    case "imatch":
      return ["or", `[${new RegExp(text, operator === "match" ? "u" : "iu")}]`];
    case "like": {
      const [, before, inside, after] = /^(\*?)([^*]+)(\*?)$/.exec(text) ?? [];
      if (inside === undefined) return undefined;
      const verb = before ? after ? "contains" : "endsWith" : after ? "startsWith" : "eq";
      return [verb, JSON.stringify(inside)];
    }
  }
  return undefined;
}

/** A view in TypeScript. */
export function programOf({ table, where, order, select }: View, schema: Schema): string {
  const byField = new Map<string, Map<string, string>>();
  const more: string[] = [];
  const left: string[] = [];
  for (const condition of where) {
    const name = fieldOf(condition);
    const [operator, text] = parts(condition);
    const found = ["or", "and", "not.or", "not.and"].includes(condition[0])
      ? undefined
      : operatorOf(fieldNamed(schema, name), operator, text);
    if (found === undefined) {
      left.push(condition.join("="));
      continue;
    }
    const operators = byField.get(name) ?? new Map<string, string>();
    if (operators.has(found[0])) more.push(`{ ${name}: { ${found.join(": ")} } }`);
    else operators.set(...found);
    byField.set(name, operators);
  }
  const conditions = Array.from(byField, ([name, operators]) => {
    const only = operators.size === 1 ? operators.get("eq") : undefined;
    const text = Array.from(operators, (pair) => pair.join(": ")).join(", ");
    return `${name}: ${only ?? `{ ${text} }`}`;
  });
  if (more.length > 0) conditions.push(`_and: [${more.join(", ")}]`);
  const options = [
    ...(order.length > 0 ? [`orderBy: ${JSON.stringify(order)}`] : []),
    ...(select ? [`fields: ${JSON.stringify(select)}`] : []),
  ];
  const name = /^[\p{ID_Start}_$][\p{ID_Continue}$]*$/u.test(table) ? table : "table";
  const args = [
    ...(conditions.length > 0 || options.length > 0
      ? [conditions.length > 0 ? `{ ${conditions.join(", ")} }` : "{}"]
      : []),
    ...(options.length > 0 ? [`{ ${options.join(", ")} }`] : []),
  ];
  const comment = left.length > 0 ? ` // and ${left.join(" ")}` : "";
  return `${name}.select(${args.join(", ")});${comment}`;
}
