/** Rows in an order that no index has, beside a sort that compares values. */

import { assertEquals, assertThrows } from "@std/assert";
import { CorruptionError, PsBase } from "../../../mod.ts";
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
  near: "integer",
  path: "string",
  raw: "bytes",
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
      let made = 0;
      const row = (): Row => ({
        n: or(below(2) ? below(50) : below(2 ** 40) - 2 ** 39),
        f: or(chance(0.7) ? pick(FLOATS) : below(1e6) / 7),
        few: or(pick(["", "a", "ab", "é", "🙂", "\uffff", "b"])),
        many: or(`${below(1e6)}`),
        big: or(BigInt(below(1000)) - 500n),
        day: or(Temporal.PlainDate.from("2000-01-01").add({ days: below(3000) })),
        at: or(Temporal.PlainDateTime.from("2000-01-01T00:00").add({ nanoseconds: below(1e9) })),
        yes: or(below(2) === 1),
        // The groups have ranges of their own.
        near: or(made++ * 3 + below(5000)),
        path: or(`/${pick(["", "é", "🙂", "\uffff"])}${"x".repeat(below(9))}/${below(300)}`),
        raw: or(Uint8Array.from({ length: below(6) }, () => pick([0, 1, 255]))),
      });
      await using temp = tempBase();
      await using db = await PsBase.create(temp.path, SCHEMA);
      const count = round % 2 === 0 ? 35_000 : below(300);
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

Deno.test("orderBy finds ties by id, in whatever order it reads the row groups", async () => {
  await using temp = tempBase();
  await using db = await PsBase.create(temp.path, { n: "integer", k: "integer" });
  // The greatest value stands in the last group, which is read first.
  await db.insertMany(
    Array.from({ length: 40_000 }, (_, i) => ({ n: i < 35_000 ? i >> 12 : 100, k: 1 })),
  );
  await db.update(7, { n: 100 });
  await db.update(20_000, { n: 101 });
  await db.update(39_000, { n: 102 });
  await db.cleanup();
  await db.update(9, { n: 100 });
  const ids = (orderBy: string[], limit: number) =>
    db.select({}, { orderBy, limit } as never).map(({ __id__ }) => __id__);
  assertEquals(ids(["-n"], 5), [39_000, 20_000, 7, 9, 35_000]);
  assertEquals(ids(["k", "-n"], 5), [39_000, 20_000, 7, 9, 35_000]);
  assertEquals(ids(["k", "-n", "-__id__"], 3), [39_000, 20_000, 39_999]);
  assertEquals(ids(["-__id__"], 3), [39_999, 39_998, 39_997]);
});

Deno.test("a damaged value that no condition matches harms no order", async () => {
  await using temp = tempBase();
  const damaged = "a value to damage";
  {
    await using db = await PsBase.create(temp.path, { text: "string", k: "integer" });
    await db.insertMany(
      Array.from({ length: 40_000 }, (_, i) => ({
        // Texts of this length have no zone map, so each group is read.
        text: i === 30_000 ? damaged : "b".repeat(300) + i,
        k: i >= 20_000 && i < 38_000 ? 0 : 1,
      })),
    );
    await db.cleanup();
  }
  damage(temp.path, damaged);
  temp.damaged = true;
  await using db = await PsBase.open(temp.path);
  const first = (where: object) => db.select(where, { orderBy: "text", limit: 2 } as never);
  assertEquals(first({ k: 1 }).map(({ __id__ }) => __id__), [0, 1]);
  assertThrows(() => first({}), CorruptionError);
});

/** Changes the bytes of a text in the segment. */
function damage(path: string, text: string): void {
  const bytes = new TextEncoder().encode(text);
  const [segment] = [...Deno.readDirSync(path)].filter(({ name }) => name.endsWith(".table"));
  const file = `${path}/${segment!.name}`;
  const content = Deno.readFileSync(file);
  const at = content.findIndex((_, i) => bytes.every((byte, k) => content[i + k] === byte));
  content[at]! ^= 1;
  Deno.writeFileSync(file, content);
}

Deno.test("orderBy and conditions on __version__ read no row group without changed rows", async () => {
  await using temp = tempBase();
  await using db = await PsBase.create(temp.path, { n: "integer" });
  await db.insertMany(Array.from({ length: 40_000 }, (_, n) => ({ n })));
  await db.update(20_000, { n: 1 });
  await db.cleanup();
  await db.update(5, { n: 1 });
  const ids = (where: object, options: object) =>
    db.select(where, options as never).map(({ __id__ }) => __id__);
  assertEquals(ids({}, { orderBy: "-__version__", limit: 4 }), [5, 20_000, 0, 1]);
  assertEquals(ids({}, { orderBy: ["__version__", "-__id__"], limit: 1 }), [39_999]);
  assertEquals(ids({ __version__: { gt: 0 } }, {}), [5, 20_000]);
  assertEquals(ids({ __version__: 0 }, { limit: 1 }), [0]);
  assertEquals(db.explain({ __version__: { gt: 0 } }).groupsSkipped, 2);
});
