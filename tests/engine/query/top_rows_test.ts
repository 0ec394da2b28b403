/** Rows in an order that no index has, beside a sort that compares values. */

import { assertEquals } from "@std/assert";
import { PsBase } from "../../../mod.ts";
import { compareValues } from "../../helpers/model.ts";
import { newSeed, randomFrom } from "../../helpers/random.ts";
import { tempBase } from "../../helpers/temp_base.ts";

const LONG = Deno.env.get("PSBASE_LONG") !== undefined;

const SCHEMA = {
  n: "integer",
  f: "float",
  few: "string",
  many: "string",
  big: "bigint",
  day: "date",
  at: "datetime",
  yes: "boolean",
} as const;
const FIELDS = Object.keys(SCHEMA) as (keyof typeof SCHEMA)[];
const FLOATS = [NaN, Infinity, -Infinity, 0, -0, 1.5, -1.5, 5e-324, -5e-324, 1e300, 3, 2 ** 40];

type Row = Record<string, unknown>;

function sorted(rows: readonly Row[], order: readonly string[]): Row[] {
  return rows.toSorted((a, b) => {
    for (const term of order) {
      const name = term.replace(/^-/, "");
      const type = SCHEMA[name as keyof typeof SCHEMA] ?? "integer";
      const difference = compareValues(type, a[name], b[name]);
      if (difference !== 0) return term.startsWith("-") ? -difference : difference;
    }
    return 0;
  });
}

Deno.test("orderBy without an index gives what a sort of all rows gives", async (t) => {
  for (let round = 0; round < (LONG ? 20 : 2); round++) {
    const seed = newSeed();
    await t.step(`seed ${seed}`, async () => {
      const { below, chance, pick } = randomFrom(seed);
      const nulls = below(4) * 0.2;
      const or = <T>(value: T) => chance(nulls) ? null : value;
      const row = (): Row => ({
        n: or(below(2) ? below(50) : below(2 ** 40) - 2 ** 39),
        f: or(chance(0.7) ? pick(FLOATS) : below(1e6) / 7),
        few: or(pick(["", "a", "ab", "é", "🙂", "\uffff", "b"])),
        many: or(`${below(1e6)}`),
        big: or(BigInt(below(1000)) - 500n),
        day: or(Temporal.PlainDate.from("2000-01-01").add({ days: below(3000) })),
        at: or(Temporal.PlainDateTime.from("2000-01-01T00:00").add({ nanoseconds: below(1e9) })),
        yes: or(below(2) === 1),
      });
      await using temp = tempBase();
      await using db = await PsBase.create(temp.path, SCHEMA);
      const count = round % 2 === 0 ? 17_000 : below(300);
      await db.insertMany(Array.from({ length: count }, row) as never[]);
      if (below(3)) await db.cleanup();
      // What the log changed, deleted and added.
      for (let i = 0; i < below(200); i++) {
        const id = below(count || 1);
        if (below(2)) await db.update(id, row() as never).catch(() => {});
        else await db.deleteWhere({ __id__: id } as never);
        if (below(4) === 0) await db.insert(row() as never);
      }
      for (let k = 0; k < (LONG ? 40 : 12); k++) {
        const order = Array.from(
          { length: 1 + below(3) },
          () => (below(2) ? "-" : "") + pick([...FIELDS, "__id__", "__version__"]),
        );
        const where = below(2) ? {} : { n: { gte: below(60) } };
        const [offset, limit] = [below(3) ? 0 : below(50), below(4) ? below(40) : Infinity];
        const options = { orderBy: order, offset, limit } as never;
        const all = db.select(where) as unknown as Row[];
        const expected = sorted(all, order).slice(offset, offset + limit);
        const found = db.select(where, options) as unknown as Row[];
        const ids = (rows: readonly Row[]) => rows.map(({ __id__ }) => __id__);
        assertEquals(
          ids(found),
          ids(expected),
          `${order}, ${JSON.stringify({ where, offset, limit })}`,
        );
      }
    });
  }
});

Deno.test("orderBy with a limit makes objects of the rows that it gives only", async () => {
  await using temp = tempBase();
  await using db = await PsBase.create(temp.path, { n: "integer", text: "string" });
  await db.insertMany(
    Array.from({ length: 40_000 }, (_, n) => ({ n: (n * 7919) % 40_000, text: "x" })),
  );
  await db.cleanup();
  const first = db.select({}, { orderBy: "-n", limit: 3 });
  assertEquals(first.map(({ n }) => n), [39_999, 39_998, 39_997]);
  // Once ten rows are known, the function sees only rows that could come before them.
  let asked = 0;
  db.select(() => ++asked > 0, { orderBy: "-n", limit: 10 });
  assertEquals(asked < 20_000, true, `${asked} rows were asked`);
  assertEquals(db.select({}, { orderBy: "n", limit: 0 }).length, 0);
});

Deno.test("nulls and NaN of a later row group take their place among the first rows", async () => {
  await using temp = tempBase();
  await using db = await PsBase.create(temp.path, { f: "float", text: "string" });
  const late = [null, NaN, -Infinity, Infinity];
  await db.insertMany(
    Array.from({ length: 40_000 }, (_, i) => ({
      f: i < 39_996 ? i % 1000 : late[i - 39_996]!,
      text: i === 39_996 ? null : `${i}`,
    })),
  );
  await db.cleanup();
  const ids = (orderBy: string[], limit: number) =>
    db.select({}, { orderBy, limit } as never).map(({ __id__ }) => __id__);
  assertEquals(ids(["f"], 3), [39_996, 39_998, 0]);
  assertEquals(ids(["-f"], 3), [39_997, 39_999, 999]);
  assertEquals(ids(["f", "-__id__"], 3), [39_996, 39_998, 39_000]);
  assertEquals(ids(["text"], 2), [39_996, 0]);
});
