/**
 * What is kept in memory of a file.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Cache, type Charge } from "../../../engine/segment/cache.ts";

Deno.test("Cache.get() gives what is kept, and opens what is not: who came first goes first", () => {
  const cache = new Cache(100);
  const keys = [{}, {}, {}];
  const opened: number[] = [];
  const grow: Charge[] = [];
  const get = (i: number) =>
    cache.get(keys[i]!, (grows) => {
      opened.push(i);
      grow[i] = grows;
      grows(40);
      return `value ${i}`;
    });
  assertEquals([get(0), get(1), get(0), get(1)], ["value 0", "value 1", "value 0", "value 1"]);
  assertEquals(opened, [0, 1]);
  get(2);
  get(1);
  assertEquals(opened, [0, 1, 2]);
  get(0);
  assertEquals(opened, [0, 1, 2, 0]);
  // 2 and 0 are kept; what was let go before may grow as it likes.
  const first = grow[1]!;
  first(1000);
  get(2);
  get(0);
  assertEquals(opened, [0, 1, 2, 0]);
  // What grows stays, and the others make room for it, even if it does not suffice.
  grow[2]!(30);
  get(2);
  assertEquals(opened, [0, 1, 2, 0]);
  get(0);
  assertEquals(opened, [0, 1, 2, 0, 0]);
  grow[0]!(500);
  get(0);
  assertEquals(opened, [0, 1, 2, 0, 0]);
  grow[0]!(-500);
  get(1);
  get(0);
  assertEquals(opened, [0, 1, 2, 0, 0, 1]);
});

Deno.test("Cache.get() keeps nothing of what could not be opened", () => {
  const cache = new Cache(100);
  const key = {};
  for (let i = 0; i < 3; i++) {
    try {
      cache.get(key, (grow) => {
        grow(90);
        throw new RangeError("damaged");
      });
    } catch {
      // As expected.
    }
  }
  const other = {};
  cache.get(other, (grow) => grow(60));
  cache.get(key, (grow) => grow(40));
  let again = 0;
  for (const kept of [other, key]) cache.get(kept, () => again++);
  assertEquals(again, 0);
});
