import { assertEquals, assertThrows } from "@std/assert";
import { ranged } from "../../../engine/schema/predicate.ts";
import { TableSchema } from "../../../engine/schema/schema.ts";
import { random } from "../../helpers/crash_file.ts";
import { FENCE_STEP, SegmentIndex } from "../../../engine/segment/segment_index.ts";
import { MemoryIndex } from "../../../engine/snapshot/memory_index.ts";

const FIELD = TableSchema.from({ n: { type: "integer", index: true } }).fields[0]!;

/** An index, and the values that it must hold, by id. */
interface Pair {
  readonly index: MemoryIndex;
  readonly values: Map<number, number | null>;
}

function assertFinds({ index, values }: Pair, low: number, high: number): void {
  const matcher = { ...ranged(FIELD.value, { low, high }), nulls: low % 2 === 0 };
  const expected = [...values].filter(([, n]) => n === null ? matcher.nulls : n >= low && n <= high)
    .map(([id]) => id).sort((a, b) => a - b);
  assertEquals(index.idsIn(index.ranges(matcher)), expected, `${low} to ${high}`);
}

Deno.test("MemoryIndex finds what was added, and each clone changes on its own", () => {
  const next = random(Number(Deno.env.get("PSBASE_SEED") ?? 1));
  const below = (n: number) => Math.floor(next() * n);
  const pairs: Pair[] = [{ index: MemoryIndex.of(FIELD, []), values: new Map() }];
  for (let step = 0; step < 6000; step++) {
    const { index, values } = pairs[below(pairs.length)]!;
    const id = below(1500);
    const known = values.get(id);
    if (known !== undefined) {
      index.remove(id, known);
      values.delete(id);
    } else {
      const n = below(20) === 0 ? null : below(200);
      index.add(id, n);
      values.set(id, n);
    }
    if (step % 1500 === 1000) pairs.push({ index: index.clone(), values: new Map(values) });
    if (step % 50 === 0) { for (const pair of pairs) assertFinds(pair, below(200), below(200)); }
  }
  assertEquals(pairs.length, 5);
});

Deno.test("TableIndex.runs() comes to an end, whatever a forged index tells", () => {
  for (const [descending, fence] of [[false, 9], [true, 3]] as const) {
    // It tells of the second value that is kept that it is another.
    const value = (row: number) => row < FENCE_STEP - 1 ? 1 : 7;
    const index = new SegmentIndex(
      {
        rows: 3 * FENCE_STEP,
        value: (_, row) => value(row),
        compare: (_, row, other) => value(row) - (other as number),
      },
      FIELD,
      {
        nulls: 0,
        row: (position) => position,
        rows: () => [],
        compareFence: (i, other) => (i === 1 ? fence : value(i * FENCE_STEP)) - (other as number),
        fail: (position) => {
          throw new RangeError(`out of order at ${position}`);
        },
      },
    );
    const runs = index.runs({ nulls: true, keyRanges: [{}] }, descending);
    assertThrows(
      () => {
        for (let n = 0; n < 10; n++) if (runs.next().done) return;
      },
      RangeError,
      "out of order",
    );
  }
});
