import { assertEquals } from "@std/assert";
import { MemoryIndex } from "../../engine/field_index.ts";
import { ranged } from "../../engine/matcher.ts";
import { TableSchema } from "../../engine/schema.ts";
import { random } from "../helpers/crash_file.ts";

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
