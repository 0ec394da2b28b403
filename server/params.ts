/**
 * The parameters of an address: conditions, order, limits. Operators are those of PostgREST.
 *
 * ```text
 * PARAM  = NAME "=" COND | ["not."] ("and" | "or") "=" "(" ITEM {"," ITEM} ")"
 * COND   = ["not."] OP "." VALUE
 * ITEM   = NAME "." COND | ["not."] ("and" | "or") "(" ITEM {"," ITEM} ")"
 * VALUE  = text | "in" takes "(" text {"," text} ")"
 * ```
 *
 * In lists and in ITEM a text with `, ( ) "` stands in double quotes, with `\"` and `\\` inside. A
 * field that has the name of a parameter is written in double quotes: `"limit"=eq.5`.
 *
 * @module
 */

import { attributeOf, compile } from "../engine/query/query.ts";
import { type Attribute, attributeName, attributeType } from "../engine/schema/field_def.ts";
import type { TableSchema } from "../engine/schema/schema.ts";
import type { Schema, Where } from "../engine/schema/types.ts";
import { HttpError } from "./http.ts";

/** Conditions, as `select` takes them. */
export type Conditions = Where<Schema>;

/** Conditions whose names are known at run time only. */
export function conditions(byName: Readonly<Record<string, unknown>>): Conditions {
  return byName as Conditions;
}

/** The operators. */
const OPERATORS: Readonly<Record<string, (of: Attribute, value: string) => unknown>> = {
  eq: (of, value) => ({ eq: parsed(of, value) }),
  neq: (of, value) => ({ ne: parsed(of, value) }),
  gt: (of, value) => ({ gt: parsed(of, value) }),
  gte: (of, value) => ({ gte: parsed(of, value) }),
  lt: (of, value) => ({ lt: parsed(of, value) }),
  lte: (of, value) => ({ lte: parsed(of, value) }),
  in: (of, value) => ({ in: new Scanner(value).list().map((one) => parsed(of, one)) }),
  is(_, value) {
    if (value === "null") return { eq: null };
    throw new SyntaxError("is.null and not.is.null are the only forms of is");
  },
  like: (_, value) => like(value),
  // The API has no operator for patterns, but an "or" of one pattern.
  match: (_, value) => ({ or: [new RegExp(value, "u")] }),
  imatch: (_, value) => ({ or: [new RegExp(value, "iu")] }),
};

function parsed(of: Attribute, text: string): unknown {
  return attributeType(of).parse(text);
}

/** The condition of a text in which `*` stands for any text. */
function like(text: string): unknown {
  const parts = text.split("*");
  const [first, last] = [parts[0]!, parts.at(-1)!];
  if (parts.length === 1) return { eq: text };
  if (parts.length === 2 && last === "") return { startsWith: first };
  if (parts.length === 2 && first === "") return { endsWith: last };
  if (parts.length === 3 && first === "" && last === "") return { contains: parts[1] };
  return { or: [new RegExp(`^${parts.map(RegExp.escape).join("[^]*")}$`, "u")] };
}

/** The parameters of a request. Each is taken once; whoever takes the rest refuses what is left. */
export class Params {
  readonly #schema: TableSchema;
  readonly #path: string;
  readonly #left = new Map<string, string[]>();
  readonly #known = new Set<string>();

  /** @param url The address. */
  constructor(schema: TableSchema, url: URL) {
    this.#schema = schema;
    this.#path = url.pathname;
    for (const [name, value] of url.searchParams) {
      const values = this.#left.get(name);
      if (values === undefined) this.#left.set(name, [value]);
      else values.push(value);
    }
  }

  /** The value of a parameter that is given once at most. */
  take(name: string): string | undefined {
    this.#known.add(name);
    const values = this.#left.get(name);
    this.#left.delete(name);
    if (values !== undefined && values.length > 1) {
      throw this.refusal(name, `it is given ${values.length} times`);
    }
    return values?.[0];
  }

  /** A parameter without which the route has no answer. */
  need(name: string, example: string): string {
    const value = this.take(name);
    if (value === undefined || value === "") {
      throw this.refusal(name, `it is missing, say for example ${name}=${example}`);
    }
    return value;
  }

  /** A number of rows, or of a commit. */
  count(name: string): number | undefined {
    const text = this.take(name);
    if (text === undefined) return undefined;
    const count = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
    if (Number.isSafeInteger(count)) return count;
    throw this.refusal(name, `${JSON.stringify(text)} is no whole number, 0 or more`);
  }

  /** Names with commas between. */
  names(name: string): string[] | undefined {
    return this.take(name)?.split(",");
  }

  /** The conditions: all that is left. */
  where(): Conditions {
    const all: Conditions[] = [];
    for (const [name, values] of this.#left) {
      for (const value of values) {
        all.push(this.within(name, () => {
          const condition = this.#condition(name, value);
          compile(this.#schema, condition);
          return condition;
        }));
      }
    }
    return all.length === 1 ? all[0]! : all.length === 0 ? {} : conditions({ _and: all });
  }

  /** Refuses what is left. */
  none(): void {
    const [name] = this.#left.keys();
    if (name !== undefined) throw this.refusal(name, "this route has no such parameter");
  }

  #condition(name: string, value: string): Conditions {
    const group = /^(not\.)?(and|or)$/.exec(name);
    const scanner = new Scanner(value);
    if (group !== null) {
      const found = scanner.group(this.#schema, group[2]!);
      scanner.end();
      return group[1] === undefined ? found : conditions({ _not: found });
    }
    const quoted = /^"(.*)"$/.exec(name);
    const of = this.#attribute(quoted?.[1] ?? name);
    return conditions({ [attributeName(of)]: conditionOf(of, value) });
  }

  #attribute(name: string): Attribute {
    try {
      return attributeOf(this.#schema, name);
    } catch (error) {
      const known = [...this.#known];
      const more = known.length === 0 ? "" : `; the parameters are ${known.join(", ")}, and, or`;
      throw new SyntaxError(`${(error as Error).message}${more}`);
    }
  }

  /** Runs `fn`; what it says against its argument is said of the parameter. */
  within<T>(name: string, fn: () => T): T {
    try {
      return fn();
    } catch (error) {
      if (error instanceof HttpError || !isRefusal(error)) throw error;
      // What a verb attempted stands in the address, which tells no directory.
      throw this.refusal(name, error.message.replace(/^Cannot [^"]*"[^"]*": /, ""));
    }
  }

  /** The refusal of a parameter. */
  refusal(name: string, reason: string): HttpError {
    const allowed = [...this.#known, ...this.#schema.fields.map((field) => field.name)];
    return new HttpError(400, `Cannot read ${this.#path}: parameter "${name}": ${reason}`, {
      field: name,
      allowed,
    });
  }
}

/** Whether an error says that what was given is wrong. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError;
}

/** The condition that a text says; throws a fragment. */
function conditionOf(of: Attribute, text: string): unknown {
  if (text.startsWith("not.")) return { not: conditionOf(of, text.slice(4)) };
  const at = text.indexOf(".");
  const name = at < 0 ? "" : text.slice(0, at);
  return operator(name, text)(of, text.slice(at + 1));
}

function operator(name: string, text: string) {
  if (Object.hasOwn(OPERATORS, name)) return OPERATORS[name]!;
  const names = Object.keys(OPERATORS).join(", ");
  throw new SyntaxError(
    `${JSON.stringify(text.slice(0, 40))} has no operator, say eq.VALUE; the operators are ` +
      `${names}, and not. before each`,
  );
}

/** Reads groups and lists. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** `(a,b,"c")` */
  list(): string[] {
    this.#expect("(");
    const values: string[] = [];
    if (this.#skips(")")) return values;
    do values.push(this.#value()); while (this.#skips(","));
    this.#expect(")");
    this.end();
    return values;
  }

  /** `(ITEM,ITEM)` after `and` or `or`. */
  group(schema: TableSchema, kind: string): Conditions {
    this.#expect("(");
    const items: Conditions[] = [];
    do items.push(this.#item(schema)); while (this.#skips(","));
    this.#expect(")");
    return conditions({ [`_${kind}`]: items });
  }

  #item(schema: TableSchema): Conditions {
    if (this.#skips("not.and(") || this.#skips("not.or(")) {
      const kind = this.#text.slice(0, this.#at).endsWith("and(") ? "and" : "or";
      this.#at--;
      return conditions({ _not: this.group(schema, kind) });
    }
    for (const kind of ["and", "or"]) {
      if (!this.#skips(`${kind}(`)) continue;
      this.#at--;
      return this.group(schema, kind);
    }
    const name = this.#text[this.#at] === '"' ? this.#quoted() : this.#until(".");
    const of = attributeOf(schema, name);
    this.#expect(".");
    return conditions({ [name]: this.#condition(of) });
  }

  #condition(of: Attribute): unknown {
    if (this.#skips("not.")) return { not: this.#condition(of) };
    const from = this.#at;
    const name = this.#until(".");
    const make = operator(name, this.#text.slice(from));
    this.#expect(".");
    if (name !== "in") return make(of, this.#value());
    const start = this.#at;
    this.#expect("(");
    if (!this.#skips(")")) {
      do this.#value(); while (this.#skips(","));
      this.#expect(")");
    }
    return make(of, this.#text.slice(start, this.#at));
  }

  #value(): string {
    return this.#text[this.#at] === '"' ? this.#quoted() : this.#until(",", ")");
  }

  #quoted(): string {
    const found = /"((?:[^"\\]|\\[^])*)"/y;
    found.lastIndex = this.#at;
    const [whole, inside] = found.exec(this.#text) ?? [];
    if (inside === undefined) throw new SyntaxError("a quote is not closed");
    this.#at += whole!.length;
    return inside.replaceAll(/\\([^])/g, "$1");
  }

  #until(...ends: string[]): string {
    const from = this.#at;
    while (this.#at < this.#text.length && !ends.includes(this.#text[this.#at]!)) this.#at++;
    return this.#text.slice(from, this.#at);
  }

  #skips(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #expect(text: string): void {
    if (this.#skips(text)) return;
    const found = this.#text[this.#at];
    const there = found === undefined ? "the end" : JSON.stringify(found);
    throw new SyntaxError(`"${text}" is expected at character ${this.#at + 1}, there is ${there}`);
  }

  /** Refuses more text. */
  end(): void {
    if (this.#at < this.#text.length) {
      throw new SyntaxError(`the text goes on after ")": ${this.#text.slice(this.#at, 40)}`);
    }
  }
}
