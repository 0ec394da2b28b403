/**
 * The table of the published comparison of PyDbLite, Buzhug and SQLite: `a` from 1 on, `b` between
 * 1 and 100,000, `c` what `b` is in words.
 *
 * @module
 */

import type { Table } from "../stores/store.ts";
import { randomAt } from "./random.ts";

const SMALL = [
  ..."zero one two three four five six seven eight nine ten eleven twelve thirteen".split(" "),
  ..."fourteen fifteen sixteen seventeen eighteen nineteen".split(" "),
];
const TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split(" ");

/** A number below a million in English. */
export function words(n: number): string {
  if (n < 20) return SMALL[n]!;
  if (n < 100) return join(`${TENS[Math.floor(n / 10)]}`, n % 10);
  if (n < 1000) return join(`${words(Math.floor(n / 100))} hundred`, n % 100);
  return join(`${words(Math.floor(n / 1000))} thousand`, n % 1000);
}

function join(text: string, rest: number): string {
  return rest === 0 ? text : `${text} ${words(rest)}`;
}

/** Its fields. */
export const T1 = { a: "integer", b: "integer", c: "string" } as const;
/** Its fields, as a type; an index makes no difference. */
export type T1 = typeof T1;

function* rows(count: number, from = 0) {
  for (let i = from; i < from + count; i++) {
    const b = 1 + randomAt(i, 100_000);
    yield { a: i + 1, b, c: words(b) };
  }
}

/** Without an index. */
export const t1: Table<T1> = { name: "t1", schema: T1, rows };
/** With one on `a`. */
export const t1A = indexed("a");
/** With one on `b`. */
export const t1B = indexed("b");

function indexed(field: "a" | "b"): Table<T1> {
  const schema = { ...T1, [field]: { type: "integer", index: true } } as unknown as T1;
  return { name: `t1, index on ${field}`, schema, rows };
}
