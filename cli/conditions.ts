/**
 * Conditions on the command line, turned into those of the API, which columns
 * answer without making rows.
 *
 * ```text
 * COND   = FIELD ( "=" VALUES | ( "!=" | "<" | "<=" | ">" | ">=" ) CELL | "~" REGEXP )
 * VALUES = CELL { "," CELL } | [ CELL ] ".." [ CELL ]
 * CELL   = as in CSV, see `cells.ts`; `,` and `..` need quotes
 * ```
 *
 * @module
 */

import type { FieldSpec, Filter, Schema } from "../mod.ts";
import { parseCells } from "./cells.ts";
import { Fault, UsageError } from "./errors.ts";
import { type Column, columnOf, valueOf } from "./fields.ts";

const COND_REGEXP = /^([\p{ID_Start}_][\p{ID_Continue}\u200c\u200d]*)(!=|<=|>=|=|<|>|~)([^]*)$/u;

const ORDER_OPERATORS: Record<string, string> = { "<": "lt", "<=": "lte", ">": "gt", ">=": "gte" };

/** The conditions that `words` state, joined by "and". */
export function whereOf(
  schema: Record<string, FieldSpec>,
  words: readonly string[],
): Filter<Schema> {
  const fields = new Map<string, Operators>();
  for (const word of words) {
    const [, name, operator, text] = COND_REGEXP.exec(word) ?? [];
    if (name === undefined) {
      throw new UsageError(`${JSON.stringify(word)} is no condition, say for example name=value`);
    }
    const operators = fields.get(name) ?? new Operators(columnOf(schema, name));
    operators.add(word, operator!, text!);
    fields.set(name, operators);
  }
  return Object.fromEntries([...fields].map(([name, { condition }]) => [name, condition]));
}

/** All that is asked of one field. */
class Operators {
  readonly #column: Column;
  readonly #by = new Map<string, unknown>();

  constructor(column: Column) {
    this.#column = column;
  }

  /** As the API has it. */
  get condition() {
    return Object.fromEntries(this.#by);
  }

  /** Another condition of the field. */
  add(word: string, operator: string, text: string): void {
    for (const [name, value] of this.#operators(word, operator, text)) {
      // "Not this, and not that" is the one that makes sense to say twice.
      if (this.#by.has(name) && name !== "notIn") {
        throw new UsageError(`${word}: the field has this condition already`);
      }
      const others = name === "notIn" ? this.#by.get(name) as unknown[] ?? [] : undefined;
      this.#by.set(name, others === undefined ? value : [...others, value]);
    }
  }

  #patternOf(source: string): RegExp {
    const { name, type } = this.#column;
    if (type.name !== "string") {
      throw new Fault(`field "${name}": a pattern is for text, not for ${type.name}`);
    }
    try {
      return new RegExp(source, "u");
    } catch (error) {
      throw new UsageError(`${name}~${source}: ${(error as Error).message}`);
    }
  }

  *#operators(
    word: string,
    operator: string,
    text: string,
  ): Generator<[name: string, value: unknown]> {
    // There is no operator for patterns: one of one is what joins with the others.
    if (operator === "~") return yield ["or", [this.#patternOf(text)]];
    const parsed = parseCells(text);
    if (parsed === undefined) {
      throw new UsageError(`${word}: a value that begins with a quote is quoted as in CSV`);
    }
    const { cells, separators } = parsed;
    const values = cells.map((cell) => valueOf(this.#column, cell));
    const order = ORDER_OPERATORS[operator];
    if (operator === "=" && separators[0] === "..") {
      if (values.length > 2) throw new UsageError(`${word}: a range has two ends, quote ".."`);
      const [low, high] = values;
      if (low === null && high === null) {
        throw new UsageError(`${word}: a range has one end at least`);
      }
      if (low !== null) yield ["gte", low];
      if (high !== null) yield ["lte", high];
    } else if (operator === "=") {
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
}
