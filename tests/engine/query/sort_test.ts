/** Sorts by radix and by rank, beside a sort that compares values. */

import { assertEquals } from "@std/assert";
import { sortedPlaces } from "../../../engine/query/sort.ts";
import { compareNullable, type Stored, VALUE_TYPES } from "../../../engine/schema/values.ts";
import { anyValue, SORTABLE } from "../../helpers/model.ts";
import { newSeed, type Random, randomFrom } from "../../helpers/random.ts";

/** Texts with long and short beginnings in common, at both sides of what UTF-16 sorts wrongly. */
function anyText({ below, pick }: Random): string {
  const start = pick(["", "https://example.org/", "https://example.org/a/".repeat(9), "é", "🙂"]);
  return start +
    Array.from({ length: below(5) }, () => pick(["a", "b", "\0", "\uffff", "🙂"])).join("");
}

function anyStored(random: Random, name: typeof SORTABLE[number]): Stored | null {
  const { below, chance, pick } = random;
  if (chance(0.1)) return null;
  const type = VALUE_TYPES[name];
  if (name === "string" && chance(0.8)) return anyText(random);
  if (name === "bytes") return Uint8Array.from({ length: below(7) }, () => pick([0, 1, 255]));
  return type.encode(anyValue(random, name));
}

Deno.test("sortedPlaces() sorts as comparisons do, ties as they stand", async (t) => {
  const seed = newSeed();
  await t.step(`seed ${seed}`, () => {
    const random = randomFrom(seed);
    for (let round = 0; round < 300; round++) {
      const count = random.below(random.below(4) === 0 ? 4000 : 100);
      const keys = Array.from({ length: 1 + random.below(3) }, () => {
        const name = random.pick(SORTABLE);
        const values = Array.from({ length: count }, () => anyStored(random, name));
        return { type: VALUE_TYPES[name], descending: random.chance(0.5), values };
      });
      const expected = Array.from({ length: count }, (_, i) => i).sort((a, b) => {
        for (const { type, descending, values } of keys) {
          const difference = compareNullable(type, values[a]!, values[b]!);
          if (difference !== 0) return descending ? -difference : difference;
        }
        return 0;
      });
      const what = keys.map(({ type, descending }) => `${descending ? "-" : ""}${type.name}`);
      assertEquals([...sortedPlaces(keys)], expected, `${count} rows by ${what}`);
    }
  });
});

Deno.test("sortedPlaces() sorts datetimes at the ends of their range", () => {
  const ends = [
    "-271821-04-20T00:00",
    "1969-12-31T23:59:59.999999999",
    "1970-01-01T00:00:00.000000001",
  ];
  const values = [...ends, "+275760-09-13T23:59:59.999999999"].map((text) =>
    Temporal.PlainDateTime.from(text)
  );
  const key = { type: VALUE_TYPES.datetime, descending: true, values: [...values, null] };
  assertEquals([...sortedPlaces([key])], [3, 2, 1, 0, 4]);
});
