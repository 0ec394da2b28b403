/**
 * Conditions on the command line, as conditions of the API, which can use indexes and read single
 * columns.
 *
 * ```text
 * COND   = FIELD ( "=" VALUES | ( "!=" | "<" | "<=" | ">" | ">=" ) CELL | "~" REGEXP )
 * VALUES = CELL { "," CELL } | [ CELL ] ".." [ CELL ]
 * CELL   = as in CSV, see `cells.ts`; `,` and `..` need quotes
 * ```
 *
 * @module
 */

import type { FieldSpec, Filter, Schema } from "../../mod.ts";
import { Fault, UsageError } from "../process/errors.ts";
import { parseCells } from "./cells.ts";
import { type Column, columnOf, misquoted, valueOf } from "./fields.ts";

const COND_REGEXP = /^([\p{ID_Start}_][\p{ID_Continue}\u200c\u200d]*)(!=|<=|>=|=|<|>|~)([^]*)$/u;

const ORDER_OPERATORS: Record<string, string> = { "<": "lt", "<=": "lte", ">": "gt", ">=": "gte" };

/** The conditions of words, joined by "and". */
export function whereOf(
  schema: Record<string, FieldSpec>,
  words: readonly string[],
): Filter<Schema> {
  const fields = new Map<string, Map<string, unknown>>();
  for (const word of words) {
    const [, name, sign, text] = COND_REGEXP.exec(word) ?? [];
    if (name === undefined) {
      throw new UsageError(
        `${JSON.stringify(word)} is not a condition, say for example name=value`,
      );
    }
    const conditions = fields.get(name) ?? new Map<string, unknown>();
    for (const [operator, value] of operatorsOf(columnOf(schema, name), word, sign!, text!)) {
      // "Not this, and not that" is the only condition that makes sense twice.
      if (operator === "notIn") {
        conditions.set(operator, [...conditions.get(operator) as unknown[] ?? [], value]);
      } else if (conditions.has(operator)) {
        throw new UsageError(`${word}: the field has this condition already`);
      } else {
        conditions.set(operator, value);
      }
    }
    fields.set(name, conditions);
  }
  return Object.fromEntries(
    [...fields].map(([name, conditions]) => [name, Object.fromEntries(conditions)]),
  );
}

/** The operators of the API, with their values, for one word. */
function* operatorsOf(
  column: Column,
  word: string,
  sign: string,
  text: string,
): Generator<[operator: string, value: unknown]> {
  // The API has no operator for patterns. An "or" of one pattern joins with other operators.
  if (sign === "~") return yield ["or", [patternOf(column, text)]];
  const parsed = parseCells(text);
  if (parsed === undefined) throw misquoted(word);
  const { cells, separators } = parsed;
  const values = cells.map((cell) => valueOf(column, cell));
  const order = ORDER_OPERATORS[sign];
  if (sign === "=" && separators[0] === "..") {
    if (values.length > 2) throw new UsageError(`${word}: a range has two ends, quote ".."`);
    const [low, high] = values;
    if (low === null && high === null) {
      throw new UsageError(`${word}: a range needs at least one end`);
    }
    if (low !== null) yield ["gte", low];
    if (high !== null) yield ["lte", high];
  } else if (sign === "=") {
    if (separators.includes("..")) throw new UsageError(`${word}: quote ".." in a value`);
    yield values.length === 1 ? ["eq", values[0]] : ["in", values];
  } else if (values.length > 1) {
    throw new UsageError(`${word}: one value is expected, quote "${separators[0]}" in a value`);
  } else if (order === undefined) {
    yield ["notIn", values[0]];
  } else {
    if (values[0] === null) throw new UsageError(`${word}: null is neither more nor less`);
    yield [order, values[0]];
  }
}

function patternOf({ name, type }: Column, source: string): RegExp {
  if (type.name !== "string") {
    throw new Fault(`field "${name}": a pattern is for text, not for ${type.name}`);
  }
  try {
    return new RegExp(source, "u");
  } catch (error) {
    throw new UsageError(`${name}~${source}: ${(error as Error).message}`);
  }
}
