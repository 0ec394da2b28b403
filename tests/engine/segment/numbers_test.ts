/**
 * Numbers as they stand in a row group: however they are read, they are the same.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { MemorySource } from "../../../engine/segment/group.ts";
import { encodeNumbers, Numbers } from "../../../engine/segment/numbers.ts";
import { PartWriter } from "../../../engine/segment/parts.ts";

const COUNT = 3000;

/** How numbers are stored: row `i` holds `f(i)`, in words of so many bytes, with a step or without. */
const CASES: Record<string, [f: (i: number) => number, width: number, hasStep: boolean]> = {
  "all equal": [() => 5, 0, false],
  "following each other": [(i) => 7 + i, 0, true],
  "far apart": [(i) => -(2 ** 52) + i * 1e9, 0, true],
  "with gaps": [(i) => i + (i >> 4), 1, true],
  "nearly even": [(i) => i * 1000 + i * 7919 % 30_000, 2, true],
  "up and down": [(i) => i * 7919 % 250, 1, false],
  "descending": [(i) => 5 - i * 40, 4, false],
  "timestamps": [(i) => 1.7e12 + i * 1e8 + i * 7919 % 1e6, 4, true],
  "too far apart for a step": [(i) => i === 0 ? -(2 ** 53) + 1 : 2 ** 52 + i, 8, false],
  "as far apart as they can be": [
    (i) =>
      -(2 ** 52) + i * Math.floor((2 ** 53 - 2) / (COUNT - 1)) - Number(i % 3 === 1) * 1e9 + i % 7,
    4,
    true,
  ],
  "fractions": [(i) => i / 2, 8, false],
  "-0": [(i) => i === 0 ? -0 : i, 8, false],
};

for (const [name, [f, width, hasStep]] of Object.entries(CASES)) {
  Deno.test(`Numbers gives back numbers that are ${name}`, () => {
    const values = Array.from({ length: COUNT }, (_, i) => f(i));
    const parts = new PartWriter();
    const meta = encodeNumbers(parts, values);
    assertEquals([meta.width, meta.step !== undefined], [width, hasStep]);
    const source = new MemorySource(parts.finish(), "p");
    const range = [-(2 ** 53), 2 ** 53] as const;
    for (const load of [false, true]) {
      const numbers = new Numbers(source, meta, COUNT, width === 8 ? undefined : range);
      if (load) numbers.load();
      for (let i = 0; i < COUNT; i++) assert(Object.is(numbers.get(i), values[i]), `${i}`);
      for (const [from, to] of [[0, COUNT], [5, 5], [700, 702], [2000, COUNT]] as const) {
        assertEquals([...numbers.slice(from, to)], values.slice(from, to));
      }
    }
    const numbers = new Numbers(source, meta, COUNT, undefined);
    numbers.load();
    assertEquals([...numbers.all()], values);
    for (const rows of [[3, 1, 2999], Array.from(values.keys()).reverse()]) {
      const out = new Float64Array(rows.length);
      numbers.gather(Uint32Array.from(rows), out);
      assertEquals([...out], rows.map((row) => values[row]!));
    }
    const sorted = values.toSorted((a, b) => a - b);
    const quantile = (share: number) => sorted[Math.floor(share * (COUNT - 1))]!;
    // Of few hits and many, at the beginning and later.
    for (const [a, b] of [[0, 0], [0, 0.01], [0.5, 0.51], [0.3, 0.9], [0, 1], [1, 1], [0.6, 0.4]]) {
      const [low, high] = [quantile(a!), quantile(b!)];
      const expected = [...values.keys()].filter((i) => values[i]! >= low && values[i]! <= high);
      const places = new Uint32Array(COUNT);
      assertEquals([...places.subarray(0, numbers.find(low, high, places))], expected);
      const odd = Uint32Array.from({ length: COUNT / 2 }, (_, i) => 2 * i + 1);
      assertEquals(
        [...odd.subarray(0, numbers.select(low, high, odd, odd.length))],
        expected.filter((i) => i % 2 === 1),
      );
    }
  });
}
