import { assertEquals, assertThrows } from "@std/assert";
import { openColumn } from "../../../engine/segment/column.ts";
import { CorruptionError } from "../../../engine/system/errors.ts";
import { MemorySource } from "../../../engine/segment/group.ts";
import { equalToAny, ranged } from "../../../engine/schema/predicate.ts";
import { encodeNumbers } from "../../../engine/segment/numbers.ts";
import { PartWriter } from "../../../engine/segment/parts.ts";
import { VALUE_TYPES } from "../../../engine/schema/values.ts";

const ROWS = 1000;
const HOUR = 3600e9;

Deno.test("a datetime that cannot be one is told of by conditions, and harms no other row", () => {
  const type = VALUE_TYPES.datetime;
  const at = (hour: number) => new Temporal.PlainDateTime(2000, 1, 1, hour);
  const nanos = Array.from({ length: ROWS }, (_, n) => n === 500 ? 100 * HOUR : n % 24 * HOUR);
  const parts = new PartWriter();
  const meta = {
    kind: "datetime" as const,
    days: encodeNumbers(parts, nanos.map(() => 10_957)),
    nanos: encodeNumbers(parts, nanos),
  };
  const source = new MemorySource(parts.finish(), "a.table");
  for (
    const matcher of [
      ranged(type, { low: at(5), high: at(5) }),
      ranged(type, { low: at(4), lowOpen: true, high: at(6), highOpen: true }),
      equalToAny(type, [at(5), at(5).add({ seconds: 1 })], false),
    ]
  ) {
    const column = openColumn(source, meta, type, ROWS, null);
    const rows = Uint32Array.from({ length: ROWS }, (_, n) => n);
    assertThrows(() => column.select(matcher, rows, ROWS), CorruptionError, "a.table");
    const others = Uint32Array.from({ length: ROWS - 1 }, (_, n) => n < 500 ? n : n + 1);
    const n = column.select(matcher, others, ROWS - 1);
    const expected = Array.from({ length: ROWS }, (_, n) => n).filter((n) =>
      n !== 500 && n % 24 === 5
    );
    assertEquals([...others.subarray(0, n)], expected);
  }
});
