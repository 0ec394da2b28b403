import { assertEquals } from "@std/assert";
import { CommitKeys } from "../../../engine/segment/commit_keys.ts";

const keyOf = (n: number) => new Uint8Array(16).fill(n);
const commit = (sequence: number) => ({ sequence, first: sequence * 10, count: 1 });

Deno.test("what goes on from one snapshot in two ways does not mix", () => {
  const before = CommitKeys.carriedBy(new Uint8Array()).with(keyOf(1), commit(1));
  const givenUp = before.with(keyOf(2), commit(2));
  const made = before.with(keyOf(3), commit(2));
  assertEquals(before.find(keyOf(2)), undefined);
  assertEquals(made.find(keyOf(2)), undefined);
  assertEquals(givenUp.find(keyOf(3)), undefined);
  for (const keys of [before, givenUp, made]) assertEquals(keys.find(keyOf(1))?.first, 10);
  assertEquals(made.find(keyOf(3))?.sequence, 2);
});

Deno.test("what is carried comes back, the newest of many", () => {
  let keys = CommitKeys.carriedBy(new Uint8Array());
  for (let n = 0; n < 5000; n++) {
    keys = keys.with(new Uint8Array(new BigUint64Array([BigInt(n), 0n]).buffer), commit(n));
  }
  const { carried } = keys;
  assertEquals([carried.length, CommitKeys.fit(carried)], [4096 * 40, true]);
  assertEquals(CommitKeys.fit(carried.subarray(1)), false);
  const again = CommitKeys.carriedBy(carried);
  const find = (n: number) =>
    again.find(new Uint8Array(new BigUint64Array([BigInt(n), 0n]).buffer));
  assertEquals([find(903), find(904)?.sequence, find(4999)?.first], [undefined, 904, 49_990]);
  assertEquals(again.carried, carried);
});
