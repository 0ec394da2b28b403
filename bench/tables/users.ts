/**
 * A table with numbers, texts, an index and a unique text, for queries.
 *
 * @module
 */

import type { Table } from "../stores/store.ts";
import { randomAt } from "./random.ts";

const WORDS = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"];

/** Its fields. */
export const USERS = {
  n: { type: "integer", index: true },
  a: "integer",
  b: "integer",
  f: "float",
  word: "string",
  email: { type: "string", unique: true },
} as const;

/** What is in `n` of row `i`, in no order: each number once, if there are fewer than 1,000,003 rows. */
export function nOf(i: number): number {
  return (i * 7919) % 1_000_003;
}

/** The unique text of row `i`. */
export function emailOf(i: number): string {
  return `user${nOf(i)}@example.com`;
}

/** The table. */
export const users: Table<typeof USERS> = {
  name: "users",
  schema: USERS,
  *rows(count, from = 0) {
    for (let i = from; i < from + count; i++) {
      const n = nOf(i);
      yield {
        n,
        a: n % 1000,
        b: randomAt(i, 1000),
        f: n / 7,
        word: `${WORDS[n % 8]} ${n % 5000}`,
        email: emailOf(i),
      };
    }
  },
};
